//! Recipes: what `run` is given. Short on purpose: where the data comes from, the dial, the budgets.
//!
//! This file knows how a recipe is written and what its keys mean by themselves; what follows from them is derived by
//! the stages and printed there. A recipe with every default filled in is stored in the run's folder and can be run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use corpus::curate::Profile;
use model::Family;
use serde::{Deserialize, Serialize};
use tasks::conversations::{Format, Paths};
use tasks::manners::Identity;
use train::objective::PolicyMethod;
use train::optimizer::Method;

/// The recipes inside the binary: name, text.
const BUILT_IN: [(&str, &str); 2] =
    [("demo", include_str!("../../../recipes/demo.toml")), ("smoke", include_str!("../../../recipes/smoke.toml"))];

/// A whole run. The pages come from either `world` or `corpus`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Everything random follows from it.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// The built-in web.
    pub world: Option<World>,
    /// Pages of the real web.
    pub crawl: Option<Crawl>,
    /// Pages and documents from files.
    pub corpus: Option<Corpus>,
    /// The vocabulary.
    pub tokenizer: Tokenizer,
    /// Cutting documents into tokens.
    #[serde(default)]
    pub tokenize: Tokenize,
    /// Reading.
    pub pretrain: Pretrain,
    /// Worked examples; a recipe without them ends with the base model.
    pub sft: Option<Sft>,
    /// Knowing what it knows, a self, and tools: probing, and fine-tuning from the base model again.
    pub assistant: Option<Assistant>,
    /// Practice: reinforcement learning on problems with verifiable answers.
    pub rl: Option<Rl>,
}

/// `[world]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// How much of everything.
    pub size: world::Size,
}

/// `[crawl]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crawl {
    /// Addresses to start from.
    pub seeds: Vec<String>,
    /// User agent: a name and how to reach its owner.
    #[serde(default = "default_agent")]
    pub agent: String,
    /// Pages to keep.
    pub pages: u64,
    /// Links to follow from a seed, one after the other; any number if absent.
    pub depth: Option<u32>,
    /// Seconds between two requests to a server.
    #[serde(default = "default_delay")]
    pub delay: f64,
    /// Domains to follow links to, beside those of the seeds.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Domains and hosts to leave alone.
    #[serde(default)]
    pub deny: Vec<String>,
}

/// `[corpus]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corpus {
    /// Files, folders and patterns, relative to the recipe's own folder.
    #[serde(default)]
    pub inputs: Vec<PathBuf>,
    /// Which filters these pass; what was crawled passes all of them.
    #[serde(default)]
    pub profile: Profile,
    /// Languages that stay.
    #[serde(default = "default_languages")]
    pub languages: Vec<String>,
}

/// `[tokenizer]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokenizer {
    /// Token ids in all: bytes, merges and special tokens.
    pub vocab_size: usize,
}

/// `[tokenize]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tokenize {
    /// Share of the documents that are held out.
    pub val_share: f64,
    /// Documents dated at or after this day are not read.
    pub cutoff: Option<String>,
    /// Share of the documents that are read without their address.
    pub bare_share: f64,
}

/// `[pretrain]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pretrain {
    /// The dial.
    pub depth: usize,
    /// What the blocks are made of.
    #[serde(default)]
    pub architecture: Family,
    /// Longest sequence, in tokens.
    #[serde(default = "default_context")]
    pub context: usize,
    /// Passes over the tokens.
    #[serde(default = "default_epochs")]
    pub epochs: f64,
    /// Tokens to train on, instead of passes.
    pub tokens: Option<u64>,
    /// Tokens of a step; by the depth if absent.
    pub batch_tokens: Option<usize>,
    /// What updates the blocks' matrices.
    #[serde(default = "default_optimizer")]
    pub optimizer: Method,
    /// What the samples begin with.
    #[serde(default = "default_page_beginnings")]
    pub samples: Vec<String>,
}

/// `[sft]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sft {
    /// Conversations from files, beside those that the built-in web brings.
    #[serde(default)]
    pub conversations: Vec<Source>,
    /// Weight of the built-in web's own conversations.
    #[serde(default = "default_weight")]
    pub world_weight: f64,
    /// Passes over the conversations.
    #[serde(default = "default_sft_epochs")]
    pub epochs: usize,
    /// Tokens of a step.
    #[serde(default = "default_sft_batch_tokens")]
    pub batch_tokens: usize,
    /// Share of pretraining's peak learning rates.
    #[serde(default = "default_lr_factor")]
    pub lr_factor: f64,
    /// Share of rows that replay pretraining.
    #[serde(default = "default_replay")]
    pub replay: f64,
    /// Questions whose answers are logged as the model learns.
    #[serde(default = "default_questions")]
    pub samples: Vec<String>,
}

/// `[assistant]`; how it is trained stands in `[sft]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assistant {
    /// Its name.
    #[serde(default = "default_name")]
    pub name: String,
    /// Who made it.
    #[serde(default = "default_maker")]
    pub maker: String,
    /// What it has read.
    #[serde(default = "default_data")]
    pub data: String,
    /// Questions with their answers, relative to the recipe's own folder; the built-in web brings its own.
    pub questions: Option<PathBuf>,
    /// Answers sampled for each question.
    #[serde(default = "default_samples")]
    pub samples: usize,
    /// Passes over all conversations.
    #[serde(default = "default_assistant_epochs")]
    pub epochs: usize,
}

/// `[rl]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rl {
    /// Of the problems of the built-in web and of files those of these generators; all where none is named.
    #[serde(default)]
    pub generators: Vec<String>,
    /// Built-in environments.
    #[serde(default)]
    pub environments: Vec<String>,
    /// Files of problems, relative to the recipe's own folder.
    #[serde(default)]
    pub problems: Vec<PathBuf>,
    /// Steps; answers are drawn anew in each.
    #[serde(default = "default_rl_steps")]
    pub steps: usize,
    /// Problems of a step.
    #[serde(default = "default_rl_prompts")]
    pub prompts: usize,
    /// Answers to each problem.
    #[serde(default = "default_rl_answers")]
    pub samples: usize,
    /// Longest answer, in tokens.
    #[serde(default = "default_rl_max_tokens")]
    pub max_tokens: usize,
    /// How answers become a loss.
    #[serde(default = "default_rl_objective")]
    pub objective: PolicyMethod,
    /// Weight of the divergence from the model that practice began with.
    #[serde(default)]
    pub kl: f32,
    /// Learning rate of AdamW; by the width if absent.
    pub lr: Option<f32>,
}

impl Assistant {
    /// Who the assistant of a recipe is, kept in `folder`.
    pub fn identity(&self, recipe: &Recipe, folder: &str) -> Identity {
        Identity {
            name: self.name.clone(),
            maker: self.maker.clone(),
            folder: folder.to_string(),
            data: self.data.clone(),
            cutoff: recipe.tokenize.cutoff.clone().unwrap_or_else(|| "the day of my training".to_string()),
        }
    }
}

/// A file of conversations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The file, relative to the recipe's own folder.
    pub file: PathBuf,
    /// Passes over it in an epoch.
    #[serde(default = "default_weight")]
    pub weight: f64,
    /// Its format, told by its content if absent.
    pub format: Option<Format>,
    /// Which ways through a tree of replies are conversations.
    #[serde(default)]
    pub paths: Paths,
}

impl Source {
    /// A file whose content tells its format.
    pub fn new(file: impl Into<PathBuf>, weight: f64) -> Source {
        Source { file: file.into(), weight, format: None, paths: Paths::default() }
    }

    /// Refuses a weight that no number of passes has.
    pub fn check(&self) -> std::result::Result<(), String> {
        match (0.0..=1000.0).contains(&self.weight) {
            true => Ok(()),
            false => Err(format!("the weight {} of {} is not between 0 and 1000", self.weight, self.file.display())),
        }
    }
}

fn default_weight() -> f64 {
    1.0
}

fn default_name() -> String {
    "Schoolhouse".into()
}

fn default_maker() -> String {
    "the Schoolhouse project".into()
}

fn default_data() -> String {
    "a few thousand web pages".into()
}

fn default_samples() -> usize {
    8
}

fn default_assistant_epochs() -> usize {
    1
}

fn default_rl_steps() -> usize {
    60
}

fn default_rl_prompts() -> usize {
    16
}

fn default_rl_answers() -> usize {
    16
}

fn default_rl_max_tokens() -> usize {
    64
}

fn default_rl_objective() -> PolicyMethod {
    PolicyMethod::DrGrpo
}

fn default_seed() -> u64 {
    1
}

/// The user agent where a recipe or a call names none.
pub fn default_agent() -> String {
    concat!("schoolhouse/", env!("CARGO_PKG_VERSION")).to_string()
}

/// The pause between two requests to a server where a recipe or a call names none, in seconds.
pub fn default_delay() -> f64 {
    1.0
}

/// The languages that stay where a recipe names none.
pub fn default_languages() -> Vec<String> {
    vec!["en".into()]
}

fn default_context() -> usize {
    256
}

fn default_epochs() -> f64 {
    1.0
}

fn default_optimizer() -> Method {
    Method::Muon
}

fn default_page_beginnings() -> Vec<String> {
    vec!["Once upon a time".into()]
}

fn default_sft_epochs() -> usize {
    2
}

fn default_sft_batch_tokens() -> usize {
    4096
}

fn default_lr_factor() -> f64 {
    0.5
}

fn default_replay() -> f64 {
    0.1
}

fn default_questions() -> Vec<String> {
    vec!["Why is the sky blue?".into()]
}

/// Enough for a model to go on from a text without an address, few enough that addresses keep telling sorts of pages apart
/// (Gao et al. 2025, "Metadata Conditioning Accelerates Language Model Pre-training", read the last tenth without).
pub const DEFAULT_BARE_SHARE: f64 = 0.1;

impl Default for Tokenize {
    fn default() -> Tokenize {
        Tokenize { val_share: 0.01, cutoff: None, bare_share: DEFAULT_BARE_SHARE }
    }
}

impl Recipe {
    /// Finds a recipe by the name of a built-in one or by the path of a file, and tells the name of its run.
    pub fn find(name: &str) -> Result<(String, Recipe)> {
        if let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            return Ok((name.to_string(), Recipe::parse(text, &format!("recipes/{name}.toml (built in)"))?));
        }
        let path = Path::new(name);
        if path.extension().is_none() && !path.exists() {
            let known = BUILT_IN.map(|(known, _)| known);
            let nearest = nearest(name, &known).map_or(String::new(), |known| format!("; did you mean {known}?"));
            bail!("there is no recipe named {name}{nearest} (there are {}, or give the path of a .toml file)", known.join(" and "));
        }
        let text = base::files::read_text(path)?;
        let mut recipe = Recipe::parse(&text, name)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        recipe.resolve_paths(folder)?;
        Ok((path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), recipe))
    }

    /// Parses and checks a recipe; `name` is what errors call it.
    pub fn parse(text: &str, name: &str) -> Result<Recipe> {
        let recipe: Recipe = toml::from_str(text).map_err(|error| anyhow::anyhow!(explain(&error, text, name)))?;
        recipe.check().with_context(|| name.to_string())?;
        Ok(recipe)
    }

    /// The recipe as TOML, every default filled in.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string_pretty(self).context("the recipe cannot be written as TOML")
    }

    fn check(&self) -> Result<()> {
        match (&self.world, &self.crawl, &self.corpus) {
            (None, None, None) => {
                bail!("a recipe begins with pages: add a section [world] (built in), [crawl] (the web) or [corpus] (your files)")
            }
            (Some(_), None, Some(_)) => bail!("a recipe begins with either [world] or [corpus], and this one has both"),
            (Some(_), Some(_), _) => bail!("a recipe begins with either [world] or [crawl], and this one has both"),
            (None, None, Some(corpus)) if corpus.inputs.is_empty() => bail!("[corpus] inputs is empty; name at least one file or folder"),
            (None, Some(crawl), _) if crawl.seeds.is_empty() => bail!("[crawl] seeds is empty; name at least one address"),
            _ => {}
        }
        if let Some(sft) = &self.sft {
            if self.world.is_none() && sft.conversations.is_empty() {
                bail!("[sft] needs conversations = [{{ file = \"FILE\" }}] where the pages do not come from [world]");
            }
            for source in &sft.conversations {
                source.check().map_err(|why| anyhow::anyhow!("[sft] {why}"))?;
            }
            if !(0.0..=1000.0).contains(&sft.world_weight) {
                bail!("[sft] world_weight is {}; it goes from 0 to 1000", sft.world_weight);
            }
        }
        if let Some(assistant) = &self.assistant {
            if self.sft.is_none() {
                bail!("[assistant] needs a section [sft]: what is probed is the fine-tuned model");
            }
            if self.world.is_none() && assistant.questions.is_none() {
                bail!("[assistant] needs questions = \"FILE\" where the pages do not come from [world]");
            }
            if assistant.samples == 0 || assistant.epochs == 0 {
                bail!("[assistant] samples and epochs are at least 1");
            }
        }
        if let Some(rl) = &self.rl {
            if self.sft.is_none() {
                bail!("[rl] needs a section [sft]: what practises is a model that answers");
            }
            if self.world.is_none() && rl.environments.is_empty() && rl.problems.is_empty() {
                bail!("[rl] needs environments = [\"NAME\"] or problems = [\"FILE\"] where the pages do not come from [world]");
            }
        }
        if self.pretrain.depth == 0 || self.pretrain.depth > 64 {
            bail!("[pretrain] depth is {}; it goes from 1 to 64", self.pretrain.depth);
        }
        if !(0.0..1.0).contains(&self.tokenize.val_share) {
            bail!("[tokenize] val_share is {}; it is a share, from 0 up to 1", self.tokenize.val_share);
        }
        if !(0.0..=1.0).contains(&self.tokenize.bare_share) {
            bail!("[tokenize] bare_share is {}; it is a share, from 0 to 1", self.tokenize.bare_share);
        }
        if let Some(replay) = self.sft.as_ref().map(|sft| sft.replay).filter(|replay| !(0.0..=0.9).contains(replay)) {
            bail!("[sft] replay is {replay}; it is a share, from 0 to 0.9");
        }
        Ok(())
    }

    /// Paths in a recipe are seen from the recipe's folder; the stored recipe has them absolute.
    fn resolve_paths(&mut self, folder: &Path) -> Result<()> {
        let inputs = self.corpus.iter_mut().flat_map(|corpus| corpus.inputs.iter_mut());
        let conversations = self.sft.iter_mut().flat_map(|sft| sft.conversations.iter_mut().map(|source| &mut source.file));
        let questions = self.assistant.iter_mut().flat_map(|assistant| assistant.questions.iter_mut());
        let problems = self.rl.iter_mut().flat_map(|rl| rl.problems.iter_mut());
        for path in inputs.chain(conversations).chain(questions).chain(problems) {
            let joined = folder.join(&*path);
            *path = std::path::absolute(&joined).with_context(|| format!("{} is no path", joined.display()))?;
        }
        Ok(())
    }
}

/// A TOML error as one sentence: file, line, and for a key that does not exist the nearest one that does.
fn explain(error: &toml::de::Error, text: &str, name: &str) -> String {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let message = error.message();
    // serde's words: unknown field `a`, expected `b` | unknown field `a`, expected one of `b`, `c`; or variant for field
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let what = [("unknown field", "key"), ("unknown variant", "choice")].into_iter().find(|(words, _)| message.starts_with(words));
    match (what, quoted.split_first()) {
        (Some((_, what)), Some((unknown, known))) if !known.is_empty() => {
            let nearest = nearest(unknown, known).map_or(String::new(), |key| format!("; did you mean `{key}`?"));
            format!("{name} line {line}: there is no {what} `{unknown}` here{nearest} (known: {})", known.join(", "))
        }
        _ => format!("{name} line {line}: {}", message.replace('\n', " ")),
    }
}

/// The candidate that looks most like `word`, if one looks like it at all.
fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let likeness = |candidate: &str| strsim::jaro_winkler(word, candidate);
    let best = candidates.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) > 0.7).then_some(*best)
}

#[cfg(test)]
mod tests {
    use super::{Format, Paths, Recipe};

    const SMALL: &str = "[world]\nsize = \"smoke\"\n[tokenizer]\nvocab_size = 512\n[pretrain]\ndepth = 1\n";

    /// What is said of a recipe; empty if it is accepted.
    fn said_of(text: &str) -> String {
        Recipe::parse(text, "x.toml").err().map_or(String::new(), |error| crate::context::sentence(&error))
    }

    #[test]
    fn a_stored_recipe_has_every_default_and_is_the_same_recipe() {
        for name in ["demo", "smoke"] {
            let (_, recipe) = Recipe::find(name).unwrap();
            let stored = recipe.to_toml().unwrap();
            assert_eq!(Recipe::parse(&stored, "stored").unwrap(), recipe, "{stored}");
            assert!(stored.contains("lr_factor") && stored.contains("context"), "{stored}");
        }
    }

    #[test]
    fn files_of_conversations_have_weights() {
        let sft = "[sft]\nworld_weight = 0.5\nconversations = [{ file = \"a.jsonl\" }, \
                   { file = \"b\", weight = 3, format = \"hh-rlhf\", paths = \"all\" }]\n";
        let mut recipe = Recipe::parse(&format!("{SMALL}{sft}"), "x.toml").unwrap();
        recipe.resolve_paths("/r".as_ref()).unwrap();
        let sources = &recipe.sft.as_ref().unwrap().conversations;
        assert_eq!((sources[0].file.to_str(), sources[0].weight, sources[0].format), (Some("/r/a.jsonl"), 1.0, None));
        assert_eq!((sources[1].weight, sources[1].format, sources[1].paths), (3.0, Some(Format::HhRlhf), Paths::All));
        assert_eq!(Recipe::parse(&recipe.to_toml().unwrap(), "stored").unwrap(), recipe);
    }

    #[test]
    fn a_misspelt_key_is_refused_with_its_line_and_the_nearest_right_one() {
        for (line, expected) in [
            (
                "contxt = 128",
                "x.toml line 7: there is no key `contxt` here; did you mean `context`? (known: depth, architecture, context, ",
            ),
            ("[pretrian]", "x.toml line 7: there is no key `pretrian` here; did you mean `pretrain`? (known: seed, world, "),
            ("optimizer = \"muom\"", "x.toml line 7: there is no choice `muom` here; did you mean `muon`? (known: muon, adamw)"),
            ("zzz = 1", "x.toml line 7: there is no key `zzz` here (known: depth, "),
            ("context = \"long\"", "x.toml line 7: invalid type: string \"long\", expected usize"),
            ("context = ", "x.toml line 7: "),
        ] {
            let said = said_of(&format!("{SMALL}{line}\n"));
            assert!(said.starts_with(expected), "{line}: {said}");
        }
    }

    #[test]
    fn a_recipe_that_cannot_be_meant_is_refused() {
        assert_eq!(said_of(SMALL), "");
        for (text, expected) in [
            (SMALL.replace("[world]\nsize = \"smoke\"\n", ""), "begins with pages"),
            (format!("{SMALL}[corpus]\ninputs = [\"a\"]\n"), "[corpus], and this one has both"),
            (format!("{SMALL}[crawl]\nseeds = [\"a.org\"]\npages = 9\n"), "[crawl], and this one has both"),
            (SMALL.replace("[world]\nsize = \"smoke\"", "[crawl]\nseeds = []\npages = 9"), "seeds is empty"),
            (SMALL.replace("[world]\nsize = \"smoke\"", "[corpus]\ninputs = []"), "inputs is empty"),
            (format!("{}[sft]\n", SMALL.replace("[world]\nsize = \"smoke\"", "[corpus]\ninputs = [\"a\"]")), "conversations = "),
            (SMALL.replace("depth = 1", "depth = 0"), "depth is 0"),
            (format!("{SMALL}[tokenize]\nval_share = 1.5\n"), "val_share is 1.5"),
            (format!("{SMALL}[tokenize]\nbare_share = -1\n"), "bare_share is -1"),
            (format!("{SMALL}[sft]\nreplay = 1.0\n"), "replay is 1"),
            (format!("{SMALL}[sft]\nworld_weight = -1\n"), "world_weight is -1"),
            (format!("{SMALL}[sft]\nconversations = [{{ file = \"a\", weight = 2000 }}]\n"), "the weight 2000 of a is not between"),
        ] {
            let said = said_of(&text);
            assert!(said.starts_with("x.toml: ") && said.contains(expected), "{text}: {said}");
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let said = Recipe::find("dmeo").unwrap_err().to_string();
        assert!(said.contains("no recipe named dmeo; did you mean demo?"), "{said}");
    }
}
