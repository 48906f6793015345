//! The stage graph: which stages a recipe has, what each reads, and on what its result depends.
//!
//! Knows the order and the folders; what a stage does stands in the file of its command.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use base::hold::Hold;
use base::run::{Done, Fingerprint};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::recipe::Recipe;

/// A stage of a run, in the order in which they are carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Writes the built-in web.
    World,
    /// Fetches pages.
    Crawl,
    /// Cleans pages.
    Documents,
    /// Learns a vocabulary.
    Tokenizer,
    /// Cuts documents into tokens.
    Shards,
    /// Pretraining.
    Base,
    /// Fine-tuning.
    Sft,
    /// Finding out what the model knows.
    Probe,
    /// Fine-tuning again, with what probing found, a self and tools.
    Assistant,
    /// Practice on problems with verifiable answers.
    Rl,
    /// The report card.
    Report,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Stage; 11] = [
        Stage::World,
        Stage::Crawl,
        Stage::Documents,
        Stage::Tokenizer,
        Stage::Shards,
        Stage::Base,
        Stage::Sft,
        Stage::Probe,
        Stage::Assistant,
        Stage::Rl,
        Stage::Report,
    ];

    /// Its name, which is also its folder's.
    pub fn name(self) -> &'static str {
        match self {
            Stage::World => "world",
            Stage::Crawl => "crawl",
            Stage::Documents => "documents",
            Stage::Tokenizer => "tokenizer",
            Stage::Shards => "shards",
            Stage::Base => "base",
            Stage::Sft => "sft",
            Stage::Probe => "probe",
            Stage::Assistant => "assistant",
            Stage::Rl => "rl",
            Stage::Report => "report",
        }
    }

    /// The stages whose outputs it reads, where the recipe has them.
    fn reads(self) -> &'static [Stage] {
        match self {
            Stage::World | Stage::Crawl => &[],
            Stage::Documents => &[Stage::World, Stage::Crawl],
            Stage::Tokenizer => &[Stage::Documents],
            Stage::Shards => &[Stage::Documents, Stage::Tokenizer],
            Stage::Base => &[Stage::Tokenizer, Stage::Shards],
            Stage::Sft => &[Stage::World, Stage::Shards, Stage::Base],
            Stage::Probe => &[Stage::World, Stage::Documents, Stage::Sft],
            Stage::Assistant => &[Stage::World, Stage::Shards, Stage::Base, Stage::Probe],
            Stage::Rl => &[Stage::World, Stage::Sft, Stage::Probe, Stage::Assistant],
            Stage::Report => &[Stage::World, Stage::Documents, Stage::Shards, Stage::Base, Stage::Sft, Stage::Assistant, Stage::Rl],
        }
    }

    /// Whether it goes on from what an interrupted attempt left; the others begin anew.
    pub fn resumes(self) -> bool {
        matches!(self, Stage::Crawl | Stage::Documents | Stage::Base | Stage::Sft | Stage::Probe | Stage::Assistant | Stage::Rl)
    }

    /// Whether its bytes depend on the number of threads: those where floating-point sums are shared among them.
    fn depends_on_threads(self) -> bool {
        matches!(self, Stage::Base | Stage::Sft | Stage::Probe | Stage::Assistant | Stage::Rl | Stage::Report)
    }

    /// Its part of the recipe.
    fn config(self, recipe: &Recipe) -> Value {
        match self {
            Stage::World => json!({ "seed": recipe.seed, "world": recipe.world }),
            Stage::Crawl => json!({ "crawl": recipe.crawl }),
            // Which files are read stands among the inputs, by content.
            Stage::Documents => json!({ "corpus": recipe.corpus.as_ref().map(|corpus| (corpus.profile, &corpus.languages)) }),
            Stage::Tokenizer => json!({ "tokenizer": recipe.tokenizer }),
            Stage::Shards => json!({ "seed": recipe.seed, "tokenize": recipe.tokenize }),
            Stage::Base => json!({ "seed": recipe.seed, "pretrain": recipe.pretrain }),
            Stage::Sft => json!({ "seed": recipe.seed, "sft": recipe.sft }),
            Stage::Probe => {
                let asked = recipe.assistant.as_ref().map(|assistant| (assistant.samples, assistant.identity(recipe, "")));
                json!({ "seed": recipe.seed, "probe": asked })
            }
            Stage::Assistant => json!({ "seed": recipe.seed, "sft": recipe.sft, "assistant": recipe.assistant }),
            Stage::Rl => json!({ "seed": recipe.seed, "rl": recipe.rl }),
            Stage::Report => json!({ "seed": recipe.seed }),
        }
    }
}

/// The stages of a recipe.
pub fn stages(recipe: &Recipe) -> Vec<Stage> {
    let has = |stage: &Stage| match stage {
        Stage::World => recipe.world.is_some(),
        Stage::Crawl => recipe.crawl.is_some(),
        Stage::Sft => recipe.sft.is_some(),
        Stage::Probe | Stage::Assistant => recipe.assistant.is_some(),
        Stage::Rl => recipe.rl.is_some(),
        _ => true,
    };
    Stage::ALL.into_iter().filter(has).collect()
}

/// On what a stage's result depends, given what the earlier stages made.
pub fn fingerprint(stage: Stage, recipe: &Recipe, made: &BTreeMap<Stage, Done>, threads: usize) -> Result<Fingerprint> {
    let mut inputs = BTreeMap::new();
    for earlier in stage.reads() {
        if let Some(done) = made.get(earlier) {
            inputs.insert(earlier.name().to_string(), done.outputs_hash());
        }
    }
    for path in files_from_outside(stage, recipe)? {
        inputs.insert(path.display().to_string(), base::files::hash_file(&path)?);
    }
    Ok(Fingerprint {
        stage: stage.name().to_string(),
        config: base::files::hash_bytes(stage.config(recipe).to_string().as_bytes()),
        inputs,
        threads: if stage.depends_on_threads() { threads } else { 0 },
    })
}

/// The files that a stage reads and no stage made.
fn files_from_outside(stage: Stage, recipe: &Recipe) -> Result<Vec<PathBuf>> {
    match (stage, &recipe.corpus, &recipe.sft) {
        (Stage::Documents, Some(corpus), _) => Ok(corpus::inputs::list(&corpus.inputs)?.into_iter().map(|file| file.path).collect()),
        (Stage::Sft | Stage::Assistant, _, Some(sft)) => Ok(sft.conversations.iter().map(|source| source.file.clone()).collect()),
        (Stage::Rl, ..) => Ok(recipe.rl.iter().flat_map(|rl| rl.problems.clone()).collect()),
        (Stage::Probe, ..) => Ok(recipe.assistant.iter().filter_map(|assistant| assistant.questions.clone()).collect()),
        _ => Ok(Vec::new()),
    }
}

/// The folder of a run, held by this process alone.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    _hold: Hold,
}

/// One line of a run's timing.jsonl: a stage, or a part of it where the run was interrupted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StageTime {
    /// The stage.
    pub stage: Stage,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// Tells that a folder is a run's.
const MARK: &str = "lock";
const RECIPE: &str = "recipe.toml";
const TIMING: &str = "timing.jsonl";

impl RunFolder {
    /// Opens or makes the folder of a run. Refused: a folder that holds something else, and one in use.
    pub fn open(path: &Path) -> Result<RunFolder> {
        let holds_something = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        if holds_something && !path.join(MARK).exists() {
            bail!("{} holds files that are not a run's; choose another --out", path.display());
        }
        let hold = Hold::take_folder(path)?;
        base::files::write_atomic(&path.join(MARK), b"")?;
        Ok(RunFolder { path: path.to_path_buf(), _hold: hold })
    }

    /// The folder that holds this one, for who serves its runs.
    pub fn parent(&self) -> PathBuf {
        let absolute = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        absolute.parent().map_or_else(|| absolute.clone(), Path::to_path_buf)
    }

    /// Its name, which is the run's on pages.
    pub fn name(&self) -> String {
        let absolute = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        absolute.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The folder of a stage.
    pub fn of(&self, stage: Stage) -> PathBuf {
        self.path.join(stage.name())
    }

    /// Keeps the recipe beside what it makes.
    pub fn store_recipe(&self, recipe: &Recipe) -> Result<()> {
        Ok(base::files::write_atomic(&self.path.join(RECIPE), recipe.to_toml()?.as_bytes())?)
    }

    /// Makes a stage and all later ones undone, the last first.
    pub fn undo_from(&self, first: Stage) -> Result<()> {
        for stage in Stage::ALL.into_iter().rev().filter(|stage| *stage >= first) {
            base::run::undo(&self.of(stage))?;
        }
        let path = self.path.join(TIMING);
        Ok(base::jsonl::cut_back(&path, |row| serde_json::from_value::<StageTime>(row.clone()).is_ok_and(|time| time.stage < first))?)
    }

    /// Notes how long a stage, or what was done of it, took.
    pub fn note_time(&self, time: &StageTime) -> Result<()> {
        Ok(base::jsonl::JsonLog::append_to(&self.path.join(TIMING))?.write(time)?)
    }

    /// Seconds by stage, over all attempts.
    pub fn times(&self) -> Result<BTreeMap<Stage, f64>> {
        let mut seconds = BTreeMap::new();
        // A line torn by a kill costs that line.
        for time in base::jsonl::read_jsonl::<StageTime>(&self.path.join(TIMING))?.flatten() {
            *seconds.entry(time.stage).or_default() += time.seconds;
        }
        Ok(seconds)
    }
}
