//! `rl`: a model practises problems with verifiable answers.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base::hold::Hold;
use base::jsonl::read_jsonl;
use engine::Toolset;
use serde_json::Value;
use tasks::practice::{self, Environment, Judged};
use train::checkpoint::METRICS;
use train::mixture::Share;
use train::objective::{Policy, PolicyMethod};
use train::rl::{self, Course, Learn, Reward, RlConfig};
use train::trainer::Summary;

use super::answerer::EndpointArgs;
use super::pretrain::cost;
use super::problems::open;
use super::sft::{self, parse_source, weighted};
use super::tools::toolset;
use crate::context::{self, Context};
use crate::recipe::Source;

/// Lets a model practise: it draws answers to problems, a program grades them, and what led to right ones becomes likelier.
///
/// The model may be any that sft takes. Problems come from built-in environments (see `problems`), or from files: JSON lines of
/// {"question", "answer"}, GSM8K's, or {"question", "tests"} for programs that are run.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the model, or a GGUF file
    #[arg(long)]
    model: PathBuf,
    /// A built-in environment; =WEIGHT behind the name gives its share among all. May be given several times
    #[arg(long = "environment", value_name = "NAME[=WEIGHT]", value_parser = parse_named)]
    environments: Vec<(String, f64)>,
    /// A file of problems; =WEIGHT behind the name gives its share among all. May be given several times
    #[arg(long = "problems", value_name = "FILE[=WEIGHT]", value_parser = parse_named)]
    files: Vec<(String, f64)>,
    /// Of the problems in files only those of these generators
    #[arg(long = "generator", value_name = "NAME", requires = "files")]
    generators: Vec<String>,
    /// Let a model behind the endpoint judge answers to the problems in files, with the reference answer before it
    #[arg(long, requires = "endpoint", requires = "files")]
    judge: bool,
    #[command(flatten)]
    endpoint: EndpointArgs,
    /// Folder of the model to write; an interrupted run there is continued
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    numbers: Numbers,
    /// Conversations that are learnt from between the updates, so that nothing is forgotten; =WEIGHT behind the name as for sft. May be given
    /// several times
    #[arg(long, value_name = "FILE[=WEIGHT]", value_parser = parse_source)]
    rehearse: Vec<Source>,
    /// Offer tools: Python, and search over the folder `documents` beside the model, if there is one
    #[arg(long)]
    tools: bool,
    /// Price of this machine per hour, to tell what the run cost
    #[arg(long)]
    price_per_hour: Option<f64>,
}

/// The numbers of the stage.
#[derive(Debug, clap::Args)]
struct Numbers {
    /// Steps; answers are drawn anew in each
    #[arg(long, default_value_t = 60)]
    steps: usize,
    /// Problems of a step
    #[arg(long, default_value_t = 16)]
    prompts: usize,
    /// Answers to each problem
    #[arg(long, default_value_t = 16)]
    samples: usize,
    /// Longest answer, in tokens
    #[arg(long, default_value_t = 64)]
    max_tokens: usize,
    /// How answers become a loss
    #[arg(long, default_value = "dr_grpo", value_parser = PolicyMethod::ALL.map(|(name, _)| name))]
    objective: String,
    /// Weight of the divergence from the model that practice began with
    #[arg(long, default_value_t = 0.0)]
    kl: f32,
    /// Where a token's probability has fallen by more than this share, it is pushed down no further [default: by the objective]
    #[arg(long)]
    clip_low: Option<f32>,
    /// Where it has risen by more than this share, it is pushed up no further [default: by the objective]
    #[arg(long)]
    clip_high: Option<f32>,
    /// Passes over the answers of a step
    #[arg(long, default_value_t = 1)]
    passes: usize,
    /// Updates of a pass
    #[arg(long, default_value_t = 1)]
    minibatches: usize,
    /// How often groups of equal reward are drawn anew [default: 2 for dapo, else 0]
    #[arg(long)]
    redraws: Option<usize>,
    /// Last tokens before the longest answer over which reward falls [default: a fifth of it for dapo, else 0]
    #[arg(long)]
    overlong: Option<usize>,
    /// Learning rate of AdamW [default: 3e-4 at width 192, falling with the width]
    #[arg(long)]
    lr: Option<f32>,
    /// What is rewarded; random is a control, which must teach nothing
    #[arg(long, default_value = "graded", value_parser = ["graded", "random"])]
    reward: String,
    /// Which answers are learnt from; right is rejection sampling, a control
    #[arg(long, default_value = "all", value_parser = ["all", "right"])]
    learn: String,
    /// Choose problems by the weights alone and difficulties evenly, not by how often they are solved
    #[arg(long)]
    no_curriculum: bool,
    /// A system message before each problem
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// Added to each question
    #[arg(long, value_name = "TEXT")]
    wish: Option<String>,
    /// Let answers begin with a thought, between <think> and </think>
    #[arg(long)]
    think: bool,
    /// Rows of --rehearse in each step
    #[arg(long, default_value_t = 8)]
    rehearsal_rows: usize,
    /// Steps between tests on held-out problems
    #[arg(long, default_value_t = 20)]
    eval_every: usize,
    /// Held-out problems of a test, of each environment or file
    #[arg(long, default_value_t = 100)]
    eval_problems: usize,
    /// Answers from so many tokens on count as long in the log
    #[arg(long, default_value_t = 20)]
    long_tokens: usize,
    /// Seed of problems and answers
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// A name with its weight.
fn parse_named(text: &str) -> Result<(String, f64), String> {
    let (name, weight) = weighted(text);
    match weight > 0.0 && weight.is_finite() {
        true => Ok((name.to_string(), weight)),
        false => Err(format!("the weight {weight} is not above 0")),
    }
}

impl Numbers {
    fn config(&self, context: &Context) -> RlConfig {
        let by_name = |name: &str| PolicyMethod::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, method)| method);
        let method = by_name(&self.objective).unwrap_or(PolicyMethod::DrGrpo);
        let usual = RlConfig::new(method);
        let policy = Policy {
            clip_low: self.clip_low.unwrap_or(usual.policy.clip_low),
            clip_high: self.clip_high.unwrap_or(usual.policy.clip_high),
            kl: self.kl,
            ..usual.policy
        };
        let overlong = if usual.overlong > 0 { self.max_tokens / 5 } else { 0 };
        RlConfig {
            steps: self.steps,
            prompts: self.prompts,
            samples: self.samples,
            max_tokens: self.max_tokens,
            policy,
            passes: self.passes,
            minibatches: self.minibatches,
            redraws: self.redraws.unwrap_or(usual.redraws),
            overlong: self.overlong.unwrap_or(overlong),
            reward: if self.reward == "random" { Reward::Random } else { Reward::Graded },
            learn: if self.learn == "right" { Learn::Right } else { Learn::All },
            curriculum: !self.no_curriculum,
            system: self.system.clone(),
            wish: self.wish.clone(),
            think: self.think,
            rehearsal_rows: self.rehearsal_rows,
            lr: self.lr,
            eval_every: self.eval_every,
            eval_problems: self.eval_problems,
            long_tokens: self.long_tokens,
            seed: self.seed,
            threads: context.threads,
        }
    }
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let documents = super::tools::documents_beside(&args.model)?;
    let tools = args.tools.then(|| toolset(documents.as_deref(), context)).transpose()?;
    let mut courses = Vec::new();
    for (name, weight) in &args.environments {
        courses.push(Course { environment: built_in(name, context)?, weight: *weight });
    }
    for (file, weight) in &args.files {
        for environment in in_file(Path::new(file), &args.generators, context)? {
            let environment = if args.judge { judged(environment, &args.endpoint, context)? } else { environment };
            courses.push(Course { environment, weight: *weight });
        }
    }
    if courses.is_empty() {
        bail!("name what is practised: --environment NAME (`problems` lists them) or --problems FILE");
    }
    let config = args.numbers.config(context);
    let examples = args.rehearse.iter().map(|source| sft::read(source, &[], context)).collect::<anyhow::Result<Vec<Share>>>()?;
    let (model, tools) = (&args.model, tools.as_ref());
    let stage_of = Stage { config: &config, model, courses: &courses, tools, examples: &examples, out: &args.out };
    let summary = stage(&stage_of, context)?;
    context.line(&cost(&summary, args.price_per_hour));
    println!("{}", args.out.display());
    Ok(())
}

/// What the stage works on.
#[derive(Clone, Copy)]
pub struct Stage<'a> {
    /// What the user decides.
    pub config: &'a RlConfig,
    /// Folder of the model, or a GGUF file.
    pub model: &'a Path,
    /// What is practised.
    pub courses: &'a [Course],
    /// The tools that answers may call, if any.
    pub tools: Option<&'a Toolset>,
    /// Conversations that are rehearsed.
    pub examples: &'a [Share],
    /// The model's folder.
    pub out: &'a Path,
}

/// Practises, going on where an interrupted run stopped, and tells what it came to.
pub fn stage(stage: &Stage, context: &Context) -> anyhow::Result<Summary> {
    let Stage { config, model, courses, tools, examples, out } = *stage;
    let progress = context.progress("practise", config.steps as u64);
    let _hold = Hold::take_folder(out)?;
    let outcome = rl::rl(config, model, courses, tools, examples, out, &progress, &context.stop);
    let summary = outcome.map_err(context::from_train).with_context(|| format!("practising in {}", out.display()))?;
    context.line(&table(out)?);
    Ok(summary)
}

/// What was measured on held-out problems of a course, before and after.
struct Tested {
    name: String,
    before: Value,
    after: Value,
}

impl Tested {
    /// Of all courses in a folder's log.
    fn read(folder: &Path) -> anyhow::Result<Vec<Tested>> {
        let rows: Vec<Value> = read_jsonl(&folder.join(METRICS))?.filter_map(Result::ok).collect();
        let is_test = |row: &&Value| row.as_object().is_some_and(|row| row.keys().any(|key| key.starts_with("eval/")));
        let tests: Vec<&Value> = rows.iter().filter(is_test).collect();
        let (Some(&before), Some(&after)) = (tests.first(), tests.last()) else { return Ok(Vec::new()) };
        let keys = before.as_object().into_iter().flat_map(|row| row.keys());
        let names = keys.filter_map(|key| key.strip_prefix("eval/")?.strip_suffix("/accuracy"));
        Ok(names.map(|name| Tested { name: name.into(), before: before.clone(), after: after.clone() }).collect())
    }

    /// A number before and after.
    fn pair(&self, what: &str, scale: f64, unit: &str) -> String {
        let value = |row: &Value| match row[format!("eval/{}/{what}", self.name)].as_f64() {
            Some(value) => format!("{:.1}{unit}", value * scale),
            None => "?".into(),
        };
        format!("{} -> {}", value(&self.before), value(&self.after))
    }
}

/// Held-out problems before and after, a line for each course.
fn table(folder: &Path) -> anyhow::Result<String> {
    let mut lines = vec![format!("{:<20} {:>18} {:>16} {:>18} {:>18}", "held-out problems", "right", "tokens", "pass@1", "pass@16")];
    for tested in Tested::read(folder)? {
        let (right, tokens) = (tested.pair("accuracy", 100.0, "%"), tested.pair("mean_length", 1.0, ""));
        let (once, often) = (tested.pair("pass@1", 100.0, "%"), tested.pair("pass@16", 100.0, "%"));
        lines.push(format!("{:<20} {right:>18} {tokens:>16} {once:>18} {often:>18}", tested.name));
    }
    Ok(lines.join("\n"))
}

/// What practice came to, in a few words.
pub fn in_short(folder: &Path) -> anyhow::Result<String> {
    let tested = Tested::read(folder)?;
    let words: Vec<String> = tested.iter().map(|tested| format!("{} {} right", tested.name, tested.pair("accuracy", 100.0, "%"))).collect();
    Ok(format!("held out: {}", words.join(", ")))
}

/// A built-in environment.
pub fn built_in(name: &str, context: &Context) -> anyhow::Result<Box<dyn Environment>> {
    open(Some(name), None, context)?.context("an environment has a name")
}

/// The environments of a file: one for each of these generators, or one for all of it.
pub fn in_file(file: &Path, generators: &[String], context: &Context) -> anyhow::Result<Vec<Box<dyn Environment>>> {
    let wanted = match generators {
        [] => vec![None],
        named => named.iter().map(|name| Some(name.as_str())).collect(),
    };
    wanted.into_iter().map(|generator| open(generator, Some(file), context)?.context("a file holds problems")).collect()
}

/// An environment whose answers a model behind an endpoint judges.
fn judged(environment: Box<dyn Environment>, endpoint: &EndpointArgs, context: &Context) -> anyhow::Result<Box<dyn Environment>> {
    let endpoint = endpoint.open(context)?.context("name the model that judges: --endpoint and --endpoint-model")?;
    Ok(Box::new(Judged::new(environment, practice::asking(move |questions| endpoint.ask(questions)))))
}
