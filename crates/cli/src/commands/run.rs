//! `run`: all stages of a recipe in order, each only if it is not done.
//!
//! Knows the stages as functions and their folders; what a stage does stands beside this file.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::{Context as _, Result};
use base::run::{Done, begin, check_done, mark_done};
use base::stop::Stop;
use corpus::crawl::CrawlConfig;
use corpus::curate::{Profile, Shelf};
use server::Server;
use tasks::probe::ProbeConfig;
use tokenizer::Pattern;
use train::objective::Policy;
use train::pretrain::PretrainConfig;
use train::rl::{Course, RlConfig};
use train::sft::SftConfig;
use world::WorldConfig;

use super::{crawl, curate, eval, pretrain, probe, rl, serve, sft, tokenize};
use crate::context::{Context, was_stopped};
use crate::recipe::{self, Recipe, Source};
use crate::stages::{self, RunFolder, Stage, StageTime};
use crate::summary;

/// Carries out a recipe, or goes on with it where it stopped.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// demo, smoke, or the path of a recipe
    recipe: String,
    /// The run's folder [default: runs/NAME]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// The seed, instead of the recipe's
    #[arg(long)]
    seed: Option<u64>,
    /// Make this stage and all later ones anew
    #[arg(long, value_name = "STAGE")]
    redo: Option<Stage>,
    /// Price of this machine per hour, to tell what the run cost
    #[arg(long)]
    price_per_hour: Option<f64>,
    /// Show the run on pages while it happens, and chat with what came of it, until Ctrl-C
    #[arg(long, value_name = "ADDRESS:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:8000")]
    serve: Option<SocketAddr>,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<()> {
    let (name, mut recipe) = Recipe::find(&args.recipe)?;
    if let Some(seed) = args.seed {
        recipe.seed = seed;
    }
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from("runs").join(&name));
    let run = Run { folder: RunFolder::open(&out)?, name, recipe, price_per_hour: args.price_per_hour };
    if let Some(stage) = args.redo {
        run.folder.undo_from(stage)?;
    }
    let pages = args.serve.map(|address| Pages::open(address, &run, context)).transpose()?;
    let outcome = carry_out_all(&run, context);
    match pages {
        Some(pages) if outcome.is_ok() => pages.stay(context),
        Some(pages) => outcome.and(pages.close()),
        None => outcome,
    }
}

/// Carries out all stages, and tells what came of them.
fn carry_out_all(run: &Run, context: &Context) -> Result<()> {
    let stages = stages::stages(&run.recipe);
    let mut made: BTreeMap<Stage, Done> = BTreeMap::new();
    for (index, &stage) in stages.iter().enumerate() {
        let title = format!("[{}/{}] {}", index + 1, stages.len(), stage.name());
        let done = carry_out(stage, &title, run, &made, context).with_context(|| format!("stage {}", stage.name()));
        if done.as_ref().is_err_and(was_stopped) {
            context.line(&format!("stopped in stage {}; the same command goes on from there", stage.name()));
        }
        made.insert(stage, done?);
    }
    context.line("");
    print!("{}", summary::text(&run.folder, &stages, run.price_per_hour)?);
    Ok(())
}

/// The pages beside a run, served by a thread of their own.
struct Pages {
    address: SocketAddr,
    stop: Stop,
    thread: JoinHandle<server::Result<()>>,
}

impl Pages {
    /// Begins to serve, before the first stage, and says where.
    fn open(address: SocketAddr, run: &Run, context: &Context) -> Result<Pages> {
        let server = Server::bind(serve::beside_run(&run.folder.parent(), address, context))?;
        let (address, stop) = (server.address(), Stop::new());
        if !address.ip().is_loopback() {
            context.line("warning: whoever reaches this address may use the server");
        }
        println!("School: http://{address}/school?run={}", run.folder.name().replace(' ', "%20"));
        let asked = stop.clone();
        Ok(Pages { address, stop, thread: std::thread::spawn(move || server.run(&asked)) })
    }

    /// Serves on until Ctrl-C, or until the server fails.
    fn stay(self, context: &Context) -> Result<()> {
        println!("serving until Ctrl-C: http://{}/", self.address);
        while !context.stop.requested() && !self.thread.is_finished() {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        self.close()
    }

    /// Ends the serving.
    fn close(self) -> Result<()> {
        self.stop.request();
        let served = self.thread.join().map_err(|_| anyhow::anyhow!("the server ended in a bug of its own"))?;
        Ok(served?)
    }
}

/// Passes over the conversations on self and manners: more than two thousand among ten times as many others.
const MANNERS_WEIGHT: f64 = 3.0;

/// What all stages of a run share.
struct Run {
    folder: RunFolder,
    name: String,
    recipe: Recipe,
    price_per_hour: Option<f64>,
}

impl Run {
    /// The folder that the assistant says it is kept in: that of a run which was not told to write elsewhere, so that the same recipe makes
    /// the same model anywhere.
    fn home(&self) -> String {
        format!("runs/{}/{}", self.name, Stage::Assistant.name())
    }
}

/// Makes sure that a stage is done: as it was before, or by doing it now.
fn carry_out(stage: Stage, title: &str, run: &Run, made: &BTreeMap<Stage, Done>, context: &Context) -> Result<Done> {
    if context.stop.requested() {
        return Err(base::Error::Stopped.into());
    }
    let path = run.folder.of(stage);
    let fingerprint = stages::fingerprint(stage, &run.recipe, made, context.threads)?;
    if let Some(done) = check_done(&path, &fingerprint)? {
        context.line(&format!("{title}: done before"));
        return Ok(done);
    }
    context.line(title);
    // Stored only now: what stands in the folder so far was made from the same recipe.
    run.folder.store_recipe(&run.recipe)?;
    begin(&path, &fingerprint, stage.resumes())?;
    let started = Instant::now();
    let outcome = work(stage, run, context);
    let noted = run.folder.note_time(&StageTime { stage, seconds: started.elapsed().as_secs_f64() });
    // The first failure is the one to tell: on a full disk both fail.
    outcome.and(noted)?;
    Ok(mark_done(&path, &fingerprint)?)
}

/// Conversations that practice does not rehearse: how these are answered is what it is to find out.
const PRACTISED: [&str; 2] = ["sum", "word_problem"];

/// The conversations that a fine-tuned model learns from; practice goes on learning from those of the model that it begins with.
fn examples(stage: Stage, run: &Run) -> Vec<Source> {
    let Run { folder, recipe, .. } = run;
    let sft = recipe.sft.as_ref().expect("a recipe with this stage has its section");
    let mut sources = sft.conversations.clone();
    if recipe.world.is_some() {
        sources.insert(0, Source::new(folder.of(Stage::World).join("conversations.jsonl"), sft.world_weight));
    }
    if stage == Stage::Assistant {
        let probe = folder.of(Stage::Probe);
        sources.push(Source::new(probe.join(probe::LESSONS), 1.0));
        sources.push(Source::new(probe.join(probe::MANNERS), MANNERS_WEIGHT));
        if recipe.world.is_some() {
            sources.push(Source::new(folder.of(Stage::World).join("tools.jsonl"), 1.0));
        }
    }
    sources
}

/// Does a stage's work in its prepared folder.
fn work(stage: Stage, run: &Run, context: &Context) -> Result<()> {
    let Run { folder, recipe, .. } = run;
    let out = folder.of(stage);
    match stage {
        Stage::World => {
            let world = recipe.world.as_ref().expect("a recipe with this stage has its section");
            super::world::stage(&WorldConfig::new(recipe.seed, world.size), &out, context)?;
        }
        Stage::Crawl => {
            let asked = recipe.crawl.as_ref().expect("a recipe with this stage has its section");
            let mut config = CrawlConfig::new(asked.seeds.clone(), &out, &asked.agent);
            config.pace.pages = asked.pages;
            config.pace.delay = crawl::seconds("[crawl] delay", asked.delay)?;
            config.depth = asked.depth;
            config.allow = asked.allow.clone();
            config.deny = asked.deny.clone();
            context.line(crawl::stage(&config, context)?.table().trim_end());
        }
        Stage::Documents => {
            let shelf = |inputs, profile| Shelf { inputs, profile, dump: None };
            let mut shelves = match recipe.world {
                Some(_) => curate::Stage::shelves_of_world(&folder.of(Stage::World)),
                None => Vec::new(),
            };
            if recipe.crawl.is_some() {
                shelves.push(shelf(vec![folder.of(Stage::Crawl).join("*.warc.gz")], Profile::FineWeb));
            }
            if let Some(corpus) = recipe.corpus.as_ref().filter(|corpus| !corpus.inputs.is_empty()) {
                shelves.push(shelf(corpus.inputs.clone(), corpus.profile));
            }
            let languages = recipe.corpus.as_ref().map_or_else(recipe::default_languages, |corpus| corpus.languages.clone());
            let stage = curate::Stage { shelves, languages: &languages, out: &out };
            let funnel = curate::stage(&stage, context)?;
            context.line(funnel.table().trim_end());
        }
        Stage::Tokenizer => {
            let inputs = [folder.of(Stage::Documents)];
            let stage =
                super::tokenizer::Stage { inputs: &inputs, vocab_size: recipe.tokenizer.vocab_size, pattern: Pattern::Qwen2, out: &out };
            super::tokenizer::stage(&stage, context)?;
        }
        Stage::Shards => {
            let stage = tokenize::Stage {
                inputs: &[folder.of(Stage::Documents)],
                tokenizer: &folder.of(Stage::Tokenizer),
                out: &out,
                seed: recipe.seed,
                val_share: recipe.tokenize.val_share,
                cutoff: recipe.tokenize.cutoff.as_deref(),
                bare_share: recipe.tokenize.bare_share,
            };
            tokenize::stage(&stage, context)?;
        }
        Stage::Base => {
            let config = PretrainConfig {
                depth: recipe.pretrain.depth,
                architecture: recipe.pretrain.architecture,
                context: recipe.pretrain.context,
                epochs: recipe.pretrain.epochs,
                tokens: recipe.pretrain.tokens,
                batch_tokens: recipe.pretrain.batch_tokens,
                method: recipe.pretrain.optimizer,
                sample_prompts: recipe.pretrain.samples.clone(),
                seed: recipe.seed,
                threads: context.threads,
            };
            let (shards, tokenizer) = (folder.of(Stage::Shards), folder.of(Stage::Tokenizer));
            let stage = pretrain::Stage { config: &config, shards: &shards, tokenizer: &tokenizer, out: &out };
            let summary = pretrain::stage(&stage, context)?;
            context.line(&pretrain::cost(&summary, run.price_per_hour));
        }
        Stage::Probe => {
            let assistant = recipe.assistant.as_ref().expect("a recipe with this stage has its section");
            let config = ProbeConfig { samples: assistant.samples, seed: recipe.seed, ..ProbeConfig::default() };
            let built_in = folder.of(Stage::World).join("questions.jsonl");
            let stage = probe::Stage {
                config: &config,
                model: &folder.of(Stage::Sft),
                questions: assistant.questions.as_deref().unwrap_or(&built_in),
                judge: None,
                documents: Some(&folder.of(Stage::Documents)),
                identity: Some(&assistant.identity(recipe, &run.home())),
                out: &out,
            };
            context.line(probe::stage(&stage, context)?.table().trim_end());
        }
        Stage::Sft | Stage::Assistant => {
            let sft = recipe.sft.as_ref().expect("a recipe with this stage has its section");
            let config = SftConfig {
                epochs: recipe.assistant.as_ref().filter(|_| stage == Stage::Assistant).map_or(sft.epochs, |assistant| assistant.epochs),
                context: None,
                batch_tokens: sft.batch_tokens,
                method: None,
                lr_factor: Some(sft.lr_factor),
                replay: sft.replay,
                sample_prompts: sft.samples.clone(),
                seed: recipe.seed,
                threads: context.threads,
            };
            let sources = examples(stage, run);
            let (base, shards) = (folder.of(Stage::Base), folder.of(Stage::Shards));
            let stage = sft::Stage { config: &config, base: &base, sources: &sources, shards: Some(&shards), out: &out };
            let summary = sft::stage(&stage, context)?;
            context.line(&pretrain::cost(&summary, run.price_per_hour));
        }
        Stage::Rl => {
            let wanted = recipe.rl.as_ref().expect("a recipe with this stage has its section");
            let mut courses = Vec::new();
            let mut practise = |environment| courses.push(Course { environment, weight: 1.0 });
            for name in &wanted.environments {
                practise(rl::built_in(name, context)?);
            }
            let world = recipe.world.as_ref().map(|_| folder.of(Stage::World).join("problems.jsonl"));
            for file in wanted.problems.iter().chain(&world) {
                rl::in_file(file, &wanted.generators, context)?.into_iter().for_each(&mut practise);
            }
            let usual = RlConfig::new(wanted.objective);
            let config = RlConfig {
                steps: wanted.steps,
                prompts: wanted.prompts,
                samples: wanted.samples,
                max_tokens: wanted.max_tokens,
                policy: Policy { kl: wanted.kl, ..usual.policy },
                lr: wanted.lr,
                seed: recipe.seed,
                threads: context.threads,
                ..usual
            };
            let stages = stages::stages(recipe);
            let model = [Stage::Assistant, Stage::Sft].into_iter().find(|stage| stages.contains(stage)).unwrap_or(Stage::Sft);
            let examples = examples(model, run).iter().map(|source| sft::read(source, &PRACTISED, context)).collect::<Result<Vec<_>>>()?;
            let model = folder.of(model);
            let stage = rl::Stage { config: &config, model: &model, courses: &courses, tools: None, examples: &examples, out: &out };
            let summary = rl::stage(&stage, context)?;
            context.line(&pretrain::cost(&summary, run.price_per_hour));
        }
        Stage::Report => {
            let stages = stages::stages(recipe);
            let of = |stage: Stage| stages.contains(&stage).then(|| folder.of(stage));
            let (world, sft, assistant, rl) = (of(Stage::World), of(Stage::Sft), of(Stage::Assistant), of(Stage::Rl));
            let identity = recipe.assistant.as_ref().map(|assistant| assistant.identity(recipe, &run.home()));
            let talk = summary::talk_command("schoolhouse", folder, &stages);
            let stage = eval::Stage {
                name: &run.name,
                seed: recipe.seed,
                world: world.as_deref(),
                documents: &folder.of(Stage::Documents),
                shards: &folder.of(Stage::Shards),
                base: &folder.of(Stage::Base),
                sft: sft.as_deref(),
                assistant: assistant.as_deref(),
                rl: rl.as_deref(),
                identity: identity.as_ref(),
                chat_command: &talk,
                out: &out,
            };
            eval::stage(&stage, context)?;
        }
    }
    Ok(())
}
