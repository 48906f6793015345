//! `/api/runs`: what the page School asks for, over a run that was made by hand.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{Running, eventually, serve, serve_with};

/// Text that would like to be more.
const HOSTILE: &str = "</script><img src=x onerror=alert(1)>";

/// A server over a folder with one run in the middle of its pretraining, and the run's folder.
fn school() -> (Running, PathBuf) {
    let server = serve_with(|options| options.runs = Some(options.data.with_file_name("runs")));
    let run = server.scratch.path().join("runs/first");
    begin(&run);
    (server, run)
}

fn begin(run: &Path) {
    write(&run.join("recipe.toml"), "seed = 1\n[world]\nsize = \"smoke\"\n[tokenizer]\nvocab_size = 340\n[pretrain]\ndepth = 4\n");
    write(&run.join("lock"), "");
    write(&run.join("timing.jsonl"), "{\"stage\": \"world\", \"seconds\": 2.0}\n{\"stage\": \"documents\", \"seconds\": 3.5}\n");
    for stage in ["world", "documents", "tokenizer", "shards"] {
        write(&run.join(stage).join("done.json"), "{}");
    }
    let reasons = json!({"c4/lorem_ipsum": 5, "c4/curly_bracket": 1});
    let funnel = json!({
        "profile": "fineweb", "input": {"files": 1, "records": 100, "bytes": 7000}, "output": {"documents": 94, "bytes": 6000},
        "steps": [{"name": "c4", "kept": 94, "dropped": 6, "kept_bytes": 1, "reasons": reasons}],
    });
    write(&run.join("documents/funnel.json"), &funnel.to_string());
    let example = |text: &str| json!({"name": "https://a.org/", "text": text, "characters": 9, "order": 1});
    let page = json!({"name": "https://a.org/", "html": HOSTILE, "text": "A page.", "html_bytes": 90, "order": 2});
    let dropped = json!({"c4/lorem_ipsum": [example("Lorem ipsum")]});
    let examples = json!({"extractions": [page], "kept": [example(HOSTILE)], "dropped": dropped});
    write(&run.join("documents/examples.json"), &examples.to_string());
    write(&run.join("base/started.json"), "{}");
    log(&run.join("base/metrics.jsonl"), &json!({"step": 0, "steps": 100, "tokens": 0, "val_bpb": 3.5}));
    log(&run.join("base/metrics.jsonl"), &json!({"step": 1, "loss": 8.0, "lr": 0.5, "grad_norm": 1.0, "tokens": 64}));
    log(&run.join("base/samples.jsonl"), &json!({"step": 0, "prompt": "Once", "text": HOSTILE}));
    write(&run.join("report/report.json"), &report().to_string());
}

fn report() -> Value {
    let rate = json!({"n": 4, "right": 3, "share": 0.75, "low": 0.3, "high": 0.95});
    let context = json!({"echo": rate, "passage": rate, "without_passage": rate, "translation": rate, "example": null});
    let model = json!({
        "recall": [], "knowledge": [], "problems": [], "recitation": [], "inventions": null, "prompts": [], "context": context,
        "stories": ["Once there was a goose."],
    });
    json!({
        "version": 1, "seed": 1, "funnel": null, "reading": {"steps": 0, "loss": [], "val_bpb": [], "samples": []}, "nature": null,
        "models": {"base": model},
    })
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Appends a row, as a stage under way does.
fn log(path: &Path, row: &Value) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(format!("{row}\n").as_bytes()).unwrap();
}

/// The states of a run's stages, by their names.
fn states(overview: &Value) -> Vec<(&str, &str)> {
    let stages = overview["stages"].as_array().unwrap();
    stages.iter().map(|stage| (stage["name"].as_str().unwrap(), stage["state"].as_str().unwrap())).collect()
}

#[test]
fn runs_are_listed_with_how_far_they_are() {
    let (server, run) = school();
    let list = server.get("/api/runs").ok();
    assert_eq!((&list["folder"], list["runs"].as_array().unwrap().len()), (&json!(true), 1));
    let overview = &list["runs"][0];
    assert_eq!((&overview["name"], &overview["state"], &overview["seconds"]), (&json!("first"), &json!("stopped"), &json!(5.5)));
    let done = ["world", "documents", "tokenizer", "shards"].map(|stage| (stage, "done"));
    assert_eq!(states(overview), [&done[..], &[("base", "stopped"), ("report", "waiting")]].concat());
    assert_eq!(overview["stages"][4]["progress"], json!([1, 100]));
    assert_eq!((&overview["figures"]["documents"], &overview["figures"]["val_bpb"]), (&json!(94), &json!(3.5)));
    let _hold = base::hold::Hold::take(&run).unwrap();
    assert_eq!(server.get("/api/runs").ok()["runs"][0]["state"], "under_way");

    let without = serve();
    assert_eq!(without.get("/api/runs").ok(), json!({"folder": false, "runs": []}));
    without.get("/api/runs/first").refuses(404, "was given no folder of runs; start it with --runs");
}

#[test]
fn a_run_has_its_curves_its_funnel_and_its_card() {
    let (server, run) = school();
    let whole = server.get("/api/runs/first").ok();
    assert_eq!(whole["overview"]["name"], "first");
    let learning = &whole["learning"]["base"];
    assert_eq!(learning["loss"], json!({"steps": [1], "values": [8.0]}));
    assert_eq!(learning["val_bpb"], json!({"steps": [0], "values": [3.5]}));
    assert_eq!(learning["samples"], json!([{"step": 0, "prompt": "Once", "text": HOSTILE}]));
    assert_eq!(whole["learning"]["sft"]["loss"]["steps"], json!([]), "what has not begun is empty");
    assert_eq!((&whole["funnel"]["steps"][0]["reasons"]["c4/lorem_ipsum"], &whole["funnel"]["input"]["records"]), (&json!(5), &json!(100)));
    assert_eq!((&whole["card"]["models"], &whole["card"]["stories"]), (&json!(["base"]), &json!([["base", ["Once there was a goose."]]])));

    let examples = |of: &str| server.get(&format!("/api/runs/first/examples?of={of}"));
    assert_eq!(examples("kept").ok()[0]["text"], HOSTILE);
    assert_eq!(examples("extractions").ok()[0]["html"], HOSTILE);
    assert_eq!(examples("c4/lorem_ipsum").ok()[0]["text"], "Lorem ipsum");
    assert_eq!(examples("nothing").ok(), json!([]));
    assert!(examples("kept").head.contains("content-type: application/json"), "it is no page, whatever it holds");

    // What is damaged is told, and the rest is there.
    write(&run.join("documents/funnel.json"), "{");
    let whole = server.get("/api/runs/first").ok();
    assert_eq!((&whole["funnel"], &whole["card"]["models"]), (&Value::Null, &json!(["base"])));
    assert!(whole["overview"]["trouble"][0].as_str().unwrap().starts_with("documents/funnel.json is damaged"), "{whole}");
}

#[test]
fn names_of_runs_lead_nowhere_else() {
    let (server, _run) = school();
    write(&server.scratch.path().join("lock"), "");
    for name in ["second", "..", "%2e%2e", "..%2Fruns%2Ffirst", "first%2F..%2Ffirst", ".", "%00", "first%5C"] {
        for route in ["", "/examples?of=kept", "/live"] {
            assert_eq!(server.get(&format!("/api/runs/{name}{route}")).status, 404, "{name}{route}");
        }
    }
    assert_eq!(server.get("/api/runs/first/examples?off=kept").status, 400);
}

#[test]
fn a_run_is_followed_from_where_it_was_read() {
    let (server, run) = school();
    let cursor = server.get("/api/runs/first").ok()["cursor"].as_str().unwrap().to_owned();
    let mut live = server.client().open("GET", &format!("/api/runs/first/live?from={cursor}"), b"");
    assert!(live.head().1.contains("content-type: text/event-stream"));
    let mut next = || serde_json::from_str::<Value>(&live.event().expect("an event")).unwrap();
    assert_eq!(next()["name"], "first", "first how far it is, and nothing that was read before");
    log(&run.join("base/metrics.jsonl"), &json!({"step": 2, "loss": 7.0, "tokens": 128}));
    let rows = next();
    assert_eq!(rows, json!({"stage": "base", "log": "metrics", "restarted": false, "rows": [{"step": 2, "loss": 7.0}]}));
    assert_eq!(next()["stages"][4]["progress"], json!([2, 100]));
    // A log that was cut back begins anew.
    write(&run.join("samples"), "{\"step\":0,\"prompt\":\"A\",\"text\":\"b\"}\n");
    std::fs::rename(run.join("samples"), run.join("base/samples.jsonl")).unwrap();
    let rows = next();
    assert_eq!((&rows["log"], &rows["restarted"], &rows["rows"][0]["text"]), (&json!("samples"), &json!(true), &json!("b")));
}

#[test]
fn who_watches_has_a_place_and_gives_it_back() {
    let (server, _run) = school();
    let open = || {
        let mut live = server.client().open("GET", "/api/runs/first/live", b"");
        (live.head().0, live)
    };
    let watching: Vec<_> = (0..32).map(|_| open()).collect();
    assert!(watching.iter().all(|(status, _)| *status == 200));
    server.get("/api/runs/first/live").refuses(429, "32 pages watch already");
    drop(watching);
    eventually("a free place", || open().0 == 200);
}
