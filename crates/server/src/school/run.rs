//! Run folders: which there are, how far each is, stage by stage.
//!
//! Knows the markers, the times and the counts that say how far a stage is; what a stage left is read by the files beside this one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use base::hold::is_held;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::files;
use super::recipe::{Recipe, STAGES, Setting};

/// Runs that are listed.
const MOST_RUNS: usize = 200;
/// Entries of a folder that are looked at.
const MOST_ENTRIES: usize = 10_000;
/// The stages that train, and so leave logs of their steps.
pub const TRAINED: [&str; 4] = ["base", "sft", "assistant", "rl"];

/// How far a stage, or a run, is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not begun.
    Waiting,
    /// A process works on it.
    UnderWay,
    /// Begun, and nobody works on it.
    Stopped,
    /// Done.
    Done,
}

/// A stage of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageView {
    /// Its name, which is its folder's.
    pub name: &'static str,
    /// What a page calls it.
    pub title: &'static str,
    /// How far it is.
    pub state: State,
    /// Seconds over all attempts, the present one included.
    pub seconds: Option<f64>,
    /// Done and in all, where both are known: steps, questions, parts.
    pub progress: Option<(u64, u64)>,
}

/// A run at a glance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overview {
    /// Its folder's name.
    pub name: String,
    /// How far it is.
    pub state: State,
    /// Its stages in order.
    pub stages: Vec<StageView>,
    /// What its recipe says.
    pub recipe: Vec<Setting>,
    /// Main numbers of what it made, as far as it is.
    pub figures: Figures,
    /// Seconds over all stages.
    pub seconds: f64,
    /// When something of it was last written, in seconds since 1970.
    pub changed: u64,
    /// Files that could not be read, one sentence each.
    pub trouble: Vec<String>,
}

/// Main numbers of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Clean documents.
    pub documents: Option<u64>,
    /// Tokens to read.
    pub tokens: Option<u64>,
    /// Parameters of the base model.
    pub parameters: Option<u64>,
    /// Bits a byte of the base model on held-out pages, as last measured.
    pub val_bpb: Option<f64>,
}

/// A run's folder.
#[derive(Clone, Debug)]
pub struct Run {
    name: String,
    path: PathBuf,
}

/// The runs below a folder, by name. A folder is a run's if it holds the lock of one, or a recipe.
pub fn list(folder: &Path) -> Vec<Run> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().take(MOST_ENTRIES).flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names.into_iter().filter_map(|name| find(folder, &name)).take(MOST_RUNS).collect()
}

/// The run of a name; none where the name is no folder's right below `folder`, or it is no run.
pub fn find(folder: &Path, name: &str) -> Option<Run> {
    let plain = !name.is_empty() && name.len() <= 200 && !name.starts_with('.') && !name.contains(['/', '\\', ':', '\0']);
    let path = folder.join(name);
    let is_run = plain && ["lock", "recipe.toml"].iter().any(|file| path.join(file).is_file());
    is_run.then(|| Run { name: name.to_string(), path })
}

/// A row of a run's `timing.jsonl`.
#[derive(Deserialize)]
struct StageTime {
    stage: String,
    seconds: f64,
}

/// What a training stage's `metrics.jsonl` says of how far it is.
#[derive(Deserialize)]
struct StepRow {
    step: u64,
    steps: Option<u64>,
    val_bpb: Option<f64>,
}

impl Run {
    /// The folder of a stage.
    pub fn of(&self, stage: &str) -> PathBuf {
        self.path.join(stage)
    }

    /// How far it is.
    pub fn overview(&self) -> Overview {
        let mut trouble = Vec::new();
        let recipe = match files::text(&self.path.join("recipe.toml")).and_then(|text| text.as_deref().map(Recipe::parse).transpose()) {
            Ok(recipe) => recipe,
            Err(why) => {
                trouble.push(why);
                None
            }
        };
        let worked_on = is_held(&self.path);
        let times = self.times();
        let stages: Vec<StageView> = STAGES
            .iter()
            .filter(|(name, _)| recipe.as_ref().map_or_else(|| self.of(name).is_dir(), |recipe| recipe.has(name)))
            .map(|&(name, title)| self.stage(name, title, worked_on, &times, recipe.as_ref()))
            .collect();
        let state = match () {
            () if !stages.is_empty() && stages.iter().all(|stage| stage.state == State::Done) => State::Done,
            () if worked_on => State::UnderWay,
            () if stages.iter().any(|stage| stage.state != State::Waiting) => State::Stopped,
            () => State::Waiting,
        };
        Overview {
            name: self.name.clone(),
            state,
            recipe: recipe.as_ref().map(Recipe::settings).unwrap_or_default(),
            figures: self.figures(),
            seconds: stages.iter().filter_map(|stage| stage.seconds).sum(),
            changed: self.changed(),
            stages,
            trouble,
        }
    }

    fn stage(
        &self,
        name: &'static str,
        title: &'static str,
        worked_on: bool,
        times: &BTreeMap<String, f64>,
        recipe: Option<&Recipe>,
    ) -> StageView {
        let folder = self.of(name);
        let state = match () {
            () if folder.join("done.json").is_file() => State::Done,
            () if !folder.join("started.json").is_file() => State::Waiting,
            () if worked_on => State::UnderWay,
            () => State::Stopped,
        };
        // The recipe is stored at the beginning of each attempt at a stage.
        let running = (state == State::UnderWay).then(|| files::written(&self.path.join("recipe.toml"))).flatten();
        let running = running.and_then(|began| SystemTime::now().duration_since(began).ok()).map(|time| time.as_secs_f64());
        let seconds = match (times.get(name), running) {
            (None, None) => None,
            (before, now) => Some(before.copied().unwrap_or(0.0) + now.unwrap_or(0.0)),
        };
        let progress = matches!(state, State::UnderWay | State::Stopped).then(|| self.progress(name, recipe)).flatten();
        StageView { name, title, state, seconds, progress: progress.filter(|(done, all)| done <= all && *all > 0) }
    }

    /// Done and in all, of a stage under way.
    fn progress(&self, stage: &str, recipe: Option<&Recipe>) -> Option<(u64, u64)> {
        let folder = self.of(stage);
        match stage {
            _ if TRAINED.contains(&stage) => {
                let log = folder.join("metrics.jsonl");
                let all = files::first_row::<StepRow>(&log)?.steps?;
                Some((files::last_rows::<StepRow>(&log).last()?.step, all))
            }
            "probe" => {
                let own = self.of("world").join("questions.jsonl");
                let questions = recipe.and_then(Recipe::questions).map_or(own, PathBuf::from);
                Some((files::count_lines(&folder.join("answers.jsonl")).unwrap_or(0), files::count_lines(&questions)?))
            }
            "documents" => {
                let work = folder.join("work");
                let plan: Value = files::json(&work.join("plan.json")).ok()??;
                let done = std::fs::read_dir(&work).ok()?.take(MOST_ENTRIES).flatten();
                let done = done.filter(|entry| entry.file_name().to_string_lossy().starts_with("task-")).count();
                Some((done as u64, plan["tasks"].as_array()?.len() as u64))
            }
            _ => None,
        }
    }

    /// Seconds by stage, over all attempts that ended.
    fn times(&self) -> BTreeMap<String, f64> {
        let mut times = BTreeMap::new();
        for row in files::last_rows::<StageTime>(&self.path.join("timing.jsonl")) {
            if row.seconds >= 0.0 {
                *times.entry(row.stage).or_default() += row.seconds;
            }
        }
        times
    }

    fn figures(&self) -> Figures {
        let number = |stage: &str, file: &str, pointer: &str| {
            let value: Option<Value> = files::json(&self.of(stage).join(file)).ok().flatten();
            value?.pointer(pointer)?.as_u64()
        };
        let measured = files::last_rows::<StepRow>(&self.of("base").join("metrics.jsonl"));
        Figures {
            documents: number("documents", "funnel.json", "/output/documents"),
            tokens: number("shards", "shards.json", "/train/tokens"),
            parameters: parameters(&self.of("base").join("model.safetensors")),
            val_bpb: measured.iter().rev().find_map(|row| row.val_bpb),
        }
    }

    /// When one of the files that tell how far it is was last written.
    fn changed(&self) -> u64 {
        let mut paths = vec![self.path.join("recipe.toml"), self.path.join("timing.jsonl")];
        paths.extend(STAGES.iter().map(|(name, _)| self.of(name).join("done.json")));
        paths.extend(TRAINED.iter().map(|name| self.of(name).join("metrics.jsonl")));
        let last = paths.iter().filter_map(|path| files::written(path)).max();
        last.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |time| time.as_secs())
    }
}

/// Parameters of a model file: its bytes behind the header, which begins with its own length, in f32.
fn parameters(path: &Path) -> Option<u64> {
    let bytes = path.metadata().ok().filter(|file| file.is_file())?.len();
    let mut header = [0; 8];
    File::open(path).ok()?.read_exact(&mut header).ok()?;
    Some(bytes.checked_sub(8)?.checked_sub(u64::from_le_bytes(header))? / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::school::tests::{RECIPE, scratch, write};

    fn states(run: &Run) -> Vec<(&'static str, State, Option<(u64, u64)>)> {
        run.overview().stages.iter().map(|stage| (stage.name, stage.state, stage.progress)).collect()
    }

    #[test]
    fn stages_are_told_from_markers_the_lock_and_counts() {
        let runs = scratch("run-stages");
        let folder = runs.join("demo");
        assert!(list(&runs).is_empty() && find(&runs, "demo").is_none());
        write(&folder.join("lock"), "");
        write(&folder.join("recipe.toml"), RECIPE);
        let run = find(&runs, "demo").unwrap();
        assert_eq!(run.overview().state, State::Waiting);
        write(&folder.join("world/done.json"), "{}");
        write(&folder.join("timing.jsonl"), "{\"stage\":\"world\",\"seconds\":2.5}\n{\"stage\":\"world\",\"seconds\":1}\n{\"stage\"");
        write(&folder.join("documents/started.json"), "{}");
        write(&folder.join("documents/work/plan.json"), "{\"tasks\":[1,2,3]}");
        write(&folder.join("documents/work/task-00000/counts.json"), "{}");
        write(&folder.join("base/started.json"), "{}");
        write(
            &folder.join("base/metrics.jsonl"),
            "{\"step\":0,\"steps\":40,\"tokens\":0}\n{\"step\":10,\"loss\":2.0,\"val_bpb\":1.5}\n{\"st",
        );
        use State::*;
        let expected = [
            ("world", Done, None),
            ("documents", Stopped, Some((1, 3))),
            ("tokenizer", Waiting, None),
            ("shards", Waiting, None),
            ("base", Stopped, Some((10, 40))),
            ("report", Waiting, None),
        ];
        assert_eq!(states(&run), expected);
        let overview = run.overview();
        assert_eq!((overview.state, overview.seconds, overview.figures.val_bpb), (Stopped, 3.5, Some(1.5)));
        assert!(overview.changed > 1_700_000_000 && overview.trouble.is_empty());

        let _held = base::hold::Hold::take(&folder).unwrap();
        assert_eq!(states(&run)[1], ("documents", UnderWay, Some((1, 3))));
        let overview = run.overview();
        assert!(overview.state == UnderWay && overview.stages[1].seconds.is_some_and(|seconds| seconds < 3600.0));
    }

    #[test]
    fn names_lead_nowhere_else_and_hostile_folders_cost_nothing() {
        let runs = scratch("run-names");
        write(&runs.join("a/lock"), "");
        write(&runs.join(".hidden/lock"), "");
        write(&runs.join("no-run/file"), "");
        write(&runs.join("lock"), "");
        for name in ["", ".", "..", "../run-names", "a/../a", "a/", "no-run", ".hidden", "a\0", "b"] {
            assert!(find(&runs, name).is_none(), "{name:?}");
        }
        // Folders where files are expected, damaged files, counts beyond all bounds.
        let strange = runs.join("strange");
        write(&strange.join("recipe.toml"), "= [");
        std::fs::create_dir_all(strange.join("timing.jsonl")).unwrap();
        std::fs::create_dir_all(strange.join("base/done.json")).unwrap();
        write(&strange.join("base/metrics.jsonl"), "{\"step\":0,\"steps\":1}\n{\"step\":9}\n");
        write(&strange.join("base/started.json"), "");
        write(&strange.join("base/model.safetensors"), "\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}");
        write(&strange.join("documents/funnel.json"), "[[[[");
        let names: Vec<String> = list(&runs).iter().map(|run| run.overview().name).collect();
        assert_eq!(names, ["a", "strange"]);
        let overview = find(&runs, "strange").unwrap().overview();
        assert_eq!(overview.trouble.len(), 1);
        assert_eq!(
            overview.stages.iter().map(|stage| (stage.name, stage.progress)).collect::<Vec<_>>(),
            [("documents", None), ("base", None)]
        );
        assert_eq!(overview.figures, Figures::default());
    }
}
