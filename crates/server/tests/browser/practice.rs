//! School shows practice: curves beside what is expected of them, answers as text, and what is new without a reload.

use serde_json::{Value, json};

use crate::Visit;
use crate::site::RUN;

/// Steps in which long and right answers take the place of short and wrong ones.
fn steps(range: std::ops::RangeInclusive<u64>) -> Vec<Value> {
    range
        .map(|step| {
            let long = 1.0 / (1.0 + (-0.5 * (step as f64 - 10.0)).exp());
            json!({"step": step, "loss": 0.1, "lr": 0.001, "grad_norm": 1.0, "tokens": step * 64, "reward": 0.9 * long, "kl": 0.01,
                "entropy": 0.5, "completions/mean_length": 6.0 + 40.0 * long, "completions/long_share": long,
                "completions/long_length": 46.0, "completions/long_right": 0.9, "completions/short_share": 1.0 - long,
                "completions/short_length": 6.0, "completions/short_right": 0.0, "eval/addition/accuracy": 0.9 * long})
        })
        .collect()
}

#[test]
fn practice_is_followed_and_its_answers_stay_text() {
    let Some(visit) = Visit::begin("practice") else { return };
    let Visit { browser, site, .. } = &visit;
    let recipe = std::fs::read_to_string(site.in_run("recipe.toml")).unwrap();
    std::fs::write(site.in_run("recipe.toml"), recipe + "[rl]\n").unwrap();
    std::fs::create_dir_all(site.in_run("rl")).unwrap();
    std::fs::write(site.in_run("rl/started.json"), "{}").unwrap();
    site.log("rl/metrics.jsonl", &[json!({"step": 0, "steps": 20, "tokens": 0, "eval/addition/accuracy": 0.0})]);
    site.log("rl/metrics.jsonl", &steps(1..=2));
    let attack = "<img src=x onerror=\"document.title='hacked'\">";
    site.log("rl/samples.jsonl", &[json!({"step": 0, "prompt": "What is 2 + 2?", "text": attack})]);
    visit.open(&format!("/school?run={RUN}"));

    browser.wait("document.querySelector('.practice .of-reward .chart-line')?.getAttribute('d').split('L').length === 2");
    let answer = browser.wait("document.querySelector('.practice td.answer')?.textContent");
    assert_eq!(answer, attack);
    assert_eq!(browser.run("return document.querySelectorAll('.practice .of-long .dashed').length;"), 0, "two steps have no course");

    browser.run("window.sameDocument = true;");
    site.log("rl/metrics.jsonl", &steps(3..=20));
    site.log("rl/samples.jsonl", &[json!({"step": 20, "prompt": "What is 2 + 2?", "text": "2+2=4 #### 4"})]);
    browser.wait("document.querySelectorAll('.practice .of-long path.dashed').length === 1");
    browser.wait("document.querySelectorAll('.practice td.answer').length === 2");
    let table = browser.text(".practice-table tbody tr");
    assert!(table.contains("addition") && table.contains("0% → 8"), "{table}");
    assert_eq!(browser.run("return [window.sameDocument, document.title.includes('hacked')];"), json!([true, false]));

    site.begin_another("other one");
    let rows = [json!({"step": 0, "steps": 20, "tokens": 0, "eval/sorting/accuracy": 0.25})];
    site.log("../other one/rl/metrics.jsonl", &rows);
    visit.open(&format!("/school?run={RUN}&with=other+one"));
    browser.wait("[...document.querySelectorAll('.practice')].filter((it) => !it.hidden).length === 2");
    let headings = browser.run("return [...document.querySelectorAll('.practice h2')].map((it) => it.textContent);");
    assert_eq!(headings, json!([format!("Practice in {RUN}"), "Practice in other one"]));
    let tables = browser.run("return [...document.querySelectorAll('.practice-table')].map((it) => it.textContent.includes('sorting'));");
    assert_eq!(tables, json!([false, false, true]), "each run's own problems");
    visit.is_content();
}
