//! A site to look at: a small random model, a run that grows under the test's hands, and a server over both.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use base::stop::Stop;
use engine::Toolset;
use serde_json::{Value, json};
use server::{Limits, Options, Server};

use crate::tiny;

/// The name of the run, and of its model.
pub const RUN: &str = "tiny";
pub const MODEL: &str = "tiny/assistant";

/// A server on a port of its own, with a folder of its own. Both go with the value.
pub struct Site {
    folder: PathBuf,
    options: Options,
    running: Option<(Stop, JoinHandle<server::Result<()>>)>,
}

impl Site {
    /// Serves a run whose assistant is done and whose base model is being trained.
    pub fn new(name: &str) -> Site {
        let folder = std::env::temp_dir().join(format!("schoolhouse-browser-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let run = folder.join("runs").join(RUN);
        begin_run(&run);
        tiny::write(&run.join("assistant"));
        write(&run.join("assistant/done.json"), &json!({}));
        let options = Options {
            address: "127.0.0.1:0".parse().expect("an address"),
            keys: Vec::new(),
            models: Vec::new(),
            runs: Some(folder.join("runs")),
            data: folder.join("data"),
            limits: Limits::default(),
            tools: Arc::new(|_| Ok(Toolset::default())),
            tools_offered: String::new(),
            threads: 2,
        };
        let mut site = Site { folder, options, running: None };
        site.open();
        site
    }

    /// Begins to serve, where it served before if it did.
    pub fn open(&mut self) {
        let server = Server::bind(self.options.clone()).expect("the server listens");
        self.options.address = server.address();
        let stop = Stop::new();
        let asked = stop.clone();
        self.running = Some((stop, std::thread::spawn(move || server.run(&asked))));
    }

    /// Ends the serving; the files stay.
    pub fn close(&mut self) {
        let Some((stop, running)) = self.running.take() else { return };
        stop.request();
        let ended = running.join();
        assert!(std::thread::panicking() || matches!(ended, Ok(Ok(()))), "the server ends without an error");
    }

    /// The address of a page.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.options.address)
    }

    /// A file of the run.
    pub fn in_run(&self, path: &str) -> PathBuf {
        self.folder.join("runs").join(RUN).join(path)
    }

    /// Begins another run, whose practice is under way.
    pub fn begin_another(&self, name: &str) {
        let run = self.folder.join("runs").join(name);
        begin_run(&run);
        let recipe = std::fs::read_to_string(run.join("recipe.toml")).expect("the recipe");
        std::fs::write(run.join("recipe.toml"), recipe + "[rl]\n").expect("the recipe is written");
        write(&run.join("rl/started.json"), &json!({}));
    }

    /// Appends rows to a log of the run, as a stage under way does.
    pub fn log(&self, path: &str, rows: &[Value]) {
        append(&self.in_run(path), rows);
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.close();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A run in the middle of pretraining.
fn begin_run(run: &Path) {
    let recipe =
        "seed = 1\n[world]\nsize = \"smoke\"\n[tokenizer]\nvocab_size = 340\n[pretrain]\ndepth = 4\n[sft]\n[assistant]\nname = \"Tiny\"\n";
    std::fs::create_dir_all(run).expect("the run's folder");
    std::fs::write(run.join("recipe.toml"), recipe).expect("the recipe is written");
    std::fs::write(run.join("lock"), "").expect("the lock is written");
    append(&run.join("timing.jsonl"), &[json!({"stage": "world", "seconds": 2.0}), json!({"stage": "documents", "seconds": 3.5})]);
    for stage in ["world", "documents", "tokenizer", "shards"] {
        write(&run.join(stage).join("done.json"), &json!({}));
    }
    write(&run.join("documents/funnel.json"), &funnel());
    write(&run.join("documents/examples.json"), &examples());
    write(&run.join("base/started.json"), &json!({}));
    append(&run.join("base/metrics.jsonl"), &[json!({"step": 0, "steps": 100, "tokens": 0, "val_bpb": 3.4})]);
    append(&run.join("base/samples.jsonl"), &[json!({"step": 0, "prompt": "Once upon a time", "text": " time time time"})]);
    write(&run.join("report/report.json"), &report());
}

fn funnel() -> Value {
    json!({
        "profile": "fineweb", "input": {"files": 1, "records": 100, "bytes": 7000}, "output": {"documents": 90, "bytes": 6000},
        "steps": [
            {"name": "record", "kept": 96, "dropped": 4, "kept_bytes": 1, "reasons": {"record/damaged": 4}},
            {"name": "c4", "kept": 90, "dropped": 6, "kept_bytes": 1, "reasons": {"c4/lorem_ipsum": 5, "c4/curly_bracket": 1}},
            {"name": "pii", "kept": 90, "dropped": 0, "kept_bytes": 1, "reasons": {}},
        ],
    })
}

/// Pages that would like to be more than text.
fn examples() -> Value {
    let example = |text: &str| json!({"name": "https://a.org/<b>", "text": text, "characters": text.len(), "order": 1});
    let attack = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>";
    let page = json!({"name": "https://a.org/", "html": attack, "text": "A page.", "html_bytes": 90, "order": 2});
    json!({
        "extractions": [page], "kept": [example("The mouse liked bread.")],
        "dropped": {"c4/lorem_ipsum": [example("Lorem ipsum dolor"), example(attack)], "record/damaged": []},
    })
}

fn report() -> Value {
    let rate = |right: usize| json!({"n": 4, "right": right, "share": right as f64 / 4.0, "low": 0.1, "high": 0.95});
    let model = |right: usize| {
        json!({
            "recall": [], "problems": [], "recitation": [], "inventions": null, "prompts": [], "stories": ["Once there was a goose."],
            "knowledge": [{"kind": "animal", "attribute": "sound", "split": "asked", "n": 4, "right": right, "share": right as f64 / 4.0,
                           "low": 0.1, "high": 0.95}],
            "context": {"echo": rate(1), "passage": rate(right), "without_passage": rate(0), "translation": rate(0), "example": null},
        })
    };
    json!({
        "version": 1, "seed": 1, "funnel": null, "reading": {"steps": 0, "loss": [], "val_bpb": [], "samples": []}, "nature": null,
        "models": {"base": model(1), "assistant": model(3)},
    })
}

fn write(path: &Path, value: &Value) {
    std::fs::create_dir_all(path.parent().expect("a file stands in a folder")).expect("the folder is made");
    std::fs::write(path, value.to_string()).expect("the file is written");
}

fn append(path: &Path, rows: &[Value]) {
    std::fs::create_dir_all(path.parent().expect("a file stands in a folder")).expect("the folder is made");
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("the log opens");
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    file.write_all(lines.as_bytes()).expect("the log is written");
}
