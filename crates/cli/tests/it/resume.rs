//! A run that is killed again and again ends with the same bytes as one that is not.
//!
//! SIGKILL cannot be caught, so nothing is saved on the way out: what is on the disk at that moment is all there is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{Scratch, answer, schoolhouse};

/// How many kills, from the top of [`PLACES`]; all of them are 12.
const KILLS: &str = "SCHOOLHOUSE_KILLS";
const KILLS_BY_DEFAULT: usize = 4;

/// The smoke recipe does not take this long anywhere.
const PATIENCE: Duration = Duration::from_secs(900);

/// How often a place is tried.
const ATTEMPTS: usize = 20;

/// Where a run is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// As soon as the stage has begun.
    Begun(&'static str),
    /// Some steps into a training stage.
    Step(&'static str),
    /// While the n-th checkpoint of this attempt is being written: its folder has its temporary name.
    Checkpoint(&'static str, usize),
}

/// The most telling first.
const PLACES: [Place; 13] = [
    Place::Checkpoint("base", 1),
    Place::Checkpoint("sft", 1),
    Place::Begun("rl"),
    Place::Begun("probe"),
    Place::Begun("documents"),
    Place::Checkpoint("base", 2),
    Place::Begun("world"),
    Place::Begun("shards"),
    Place::Begun("report"),
    Place::Step("base"),
    Place::Step("sft"),
    Place::Begun("tokenizer"),
    Place::Checkpoint("assistant", 1),
];

/// Where a run of the recipe lands, from where it was started.
const RUN: &str = "runs/smoke";

/// Files that hold times, or nothing of the result; and the search index, which is a cache.
const NOT_GUARANTEED: [&str; 7] = ["timing.jsonl", "timing.json", "funnel.html", "practice.md", "report.html", "lock", "documents.index"];

#[test]
fn a_killed_run_ends_with_the_same_bytes() {
    let n_kills = std::env::var(KILLS).map_or(KILLS_BY_DEFAULT, |text| text.parse().expect("a number of kills"));
    let mut places = PLACES[..n_kills.min(PLACES.len())].to_vec();
    places.sort_by_key(|place| order(*place));

    let scratch = Scratch::new("resume");
    let (whole, killed) = (scratch.join("whole"), scratch.join("killed"));
    let untouched = answer(&mut run_in(&whole));
    assert_eq!(untouched.code, Some(0), "{}", untouched.stderr);
    let told = &untouched.stdout;
    assert!(told.contains("in all") && told.contains("matrix products alone ran at"), "the summary tells times and rates: {told}");

    for place in places {
        kill_at(place, &killed);
    }
    let last = answer(&mut run_in(&killed));
    assert_eq!(last.code, Some(0), "{}", last.stderr);

    let (expected, found) = (contents(&whole.join(RUN)), contents(&killed.join(RUN)));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "the same files");
    for (name, bytes) in &expected {
        assert!(&found[name] == bytes, "{} differs after {n_kills} kills", name.display());
    }
    for name in [
        "documents",
        "tokenizer/tokenizer.json",
        "shards/shards.json",
        "base/model.safetensors",
        "assistant/training.safetensors",
        "rl/model.safetensors",
    ] {
        let there = expected.keys().any(|path| path.starts_with(name));
        assert!(there, "{name} is among what was compared");
    }
}

/// The smoke recipe in a folder, to be found below it at [`RUN`]: the report tells that path, so both runs have the same.
fn run_in(folder: &Path) -> Command {
    std::fs::create_dir_all(folder).expect("a folder for the run");
    let mut command = schoolhouse();
    command.args(["--quiet", "--threads", "2", "run", "smoke"]).current_dir(folder);
    command
}

/// Where a place comes in a run.
fn order(place: Place) -> (usize, usize) {
    let stages = ["world", "documents", "tokenizer", "shards", "base", "sft", "probe", "assistant", "rl", "report"];
    let (stage, within) = match place {
        Place::Begun(stage) => (stage, 0),
        Place::Step(stage) => (stage, 1),
        Place::Checkpoint(stage, n) => (stage, 1 + n),
    };
    (stages.iter().position(|name| *name == stage).expect("a stage"), within)
}

/// Starts the run in `folder` and kills it at `place`. Some places last for milliseconds only: where one was missed it is
/// tried again, with the stage made anew if it is done by then.
fn kill_at(place: Place, folder: &Path) {
    let out = folder.join(RUN);
    let (Place::Begun(stage) | Place::Step(stage) | Place::Checkpoint(stage, _)) = place;
    for _ in 0..ATTEMPTS {
        let half_before = half_checkpoint(&out.join(stage));
        let mut command = run_in(folder);
        if is_done(&out, stage) {
            command.args(["--redo", stage]);
        }
        let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the run starts");
        let arrived = wait_for(place, &out, &mut run, half_before);
        run.kill().expect("the run is killed");
        run.wait().expect("the run has ended");
        let hit = match place {
            Place::Begun(_) | Place::Step(_) => !is_done(&out, stage),
            Place::Checkpoint(..) => half_checkpoint(&out.join(stage)),
        };
        if arrived && hit {
            return;
        }
    }
    panic!("the run could not be killed at {place:?}");
}

fn is_done(out: &Path, stage: &str) -> bool {
    out.join(stage).join("done.json").exists()
}

/// Returns when the run has come to the place, or false when it has ended without being seen there. A half checkpoint
/// that the kill before left (`half_before`) does not count; the run removes it.
fn wait_for(place: Place, out: &Path, run: &mut Child, half_before: bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    let (mut seen, mut inside) = (0, half_before);
    loop {
        let there = match place {
            Place::Begun(stage) => out.join(stage).join("started.json").exists(),
            Place::Step(stage) => lines(&out.join(stage).join("metrics.jsonl")) > 5,
            Place::Checkpoint(stage, n) => {
                let now = half_checkpoint(&out.join(stage));
                seen += usize::from(now && !inside);
                inside = now;
                now && seen >= n
            }
        };
        if there {
            return true;
        }
        if run.try_wait().expect("the run can be asked").is_some() {
            return false;
        }
        assert!(Instant::now() < deadline, "the run did not come to {place:?}");
        sleep(Duration::from_micros(300));
    }
}

/// Whether a checkpoint is half written.
fn half_checkpoint(stage: &Path) -> bool {
    let names = std::fs::read_dir(stage).into_iter().flatten().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.into_iter().any(|name| name.starts_with(".step-") && name.ends_with(".partial"))
}

fn lines(path: &Path) -> usize {
    std::fs::read(path).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
}

/// Every guaranteed file of a run's folder with its bytes, by relative path.
fn contents(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if NOT_GUARANTEED.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).expect("the file can be read");
                found.insert(path.strip_prefix(root).expect("below the root").to_path_buf(), bytes);
            }
        }
    }
    found
}
