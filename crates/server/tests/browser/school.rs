//! School: a run is followed while it grows, its pages are read, its samples gone through, its card read, its curves walked by keys.

use serde_json::{Value, json};

use crate::Visit;
use crate::site::RUN;
use crate::webdriver::{LEFT, quoted};

fn steps(range: std::ops::RangeInclusive<u64>) -> Vec<Value> {
    range.map(|step| json!({"step": step, "loss": 8.0 / step as f64, "lr": 0.01, "grad_norm": 1.0, "tokens": step * 64})).collect()
}

#[test]
fn a_run_is_followed_as_it_grows() {
    let Some(visit) = Visit::begin("school-live") else { return };
    let Visit { browser, site, .. } = &visit;
    // As `run` does while it works.
    let hold = base::hold::Hold::take(&site.in_run("")).unwrap();
    visit.open("/school");
    assert_eq!(browser.text("h1"), RUN);
    browser.wait("document.querySelector('.run-state').innerText === 'under way'");
    browser.wait("document.querySelector('.stage.under_way .stage-title').textContent === 'Read'");
    assert_eq!(browser.run("return document.querySelectorAll('.stage.done').length;"), 5);
    assert!(browser.run("return document.querySelector('.of-loss').hidden;") == true, "no step has been logged yet");

    // Steps, then samples, then the end of the stage: each is on the page without a reload.
    browser.run("window.sameDocument = true;");
    site.log("base/metrics.jsonl", &steps(1..=40));
    browser.wait("document.querySelector('.of-loss .chart-line')?.getAttribute('d').split('L').length === 40");
    browser.wait("document.querySelector('.stage-now').innerText.includes('step 40 of 100')");
    site.log("base/timing.jsonl", &[json!({"step": 40, "ms": 9.0, "tokens_per_second": 7000.0, "gflops": 1.0})]);
    browser.wait("[...document.querySelectorAll('.figure')].some((figure) => figure.innerText.startsWith('7K'))");
    site.log("base/samples.jsonl", &[json!({"step": 40, "prompt": "Once upon a time", "text": " there was a <b>goose</b>"})]);
    browser.wait("document.querySelector('.sample-text').textContent === ' there was a <b>goose</b>'");
    // Resumed from a checkpoint: the log is cut back and goes on.
    let kept: String =
        std::fs::read_to_string(site.in_run("base/metrics.jsonl")).unwrap().lines().take(21).map(|line| format!("{line}\n")).collect();
    std::fs::write(site.in_run("base/metrics.jsonl"), kept).unwrap();
    browser.wait("document.querySelector('.of-loss .chart-line').getAttribute('d').split('L').length === 20");
    site.log("base/metrics.jsonl", &steps(21..=100));
    std::fs::rename(site.in_run("base/started.json"), site.in_run("base/done.json")).unwrap();
    browser.wait("document.querySelectorAll('.stage.done').length === 6");
    browser.wait("document.querySelector('.of-loss .chart-line').getAttribute('d').split('L').length === 100");
    drop(hold);
    browser.wait("document.querySelector('.run-state').innerText === 'stopped'");
    assert_eq!(browser.run("return window.sameDocument;"), true);
    let link = browser.run("return document.querySelector('.run-head a.primary').getAttribute('href');");
    assert_eq!(link, "/?model=tiny%2Fassistant");
    visit.is_content();
}

#[test]
fn pages_are_read_as_text_and_samples_gone_through() {
    let Some(visit) = Visit::begin("school-read") else { return };
    let Visit { browser, site, .. } = &visit;
    site.log("base/metrics.jsonl", &steps(1..=30));
    site.log("base/samples.jsonl", &[json!({"step": 10, "prompt": "Once upon a time", "text": " there was"})]);
    site.log("base/samples.jsonl", &[json!({"step": 30, "prompt": "Once upon a time", "text": " there was a mouse."})]);
    visit.open(&format!("/school?run={RUN}"));

    // A filter opens to its reasons, a reason to pages; what they say stays text.
    browser.click(".funnel-step:nth-of-type(2) > summary");
    browser.wait("document.querySelectorAll('.funnel-reasons details').length === 2");
    browser.click(".funnel-reasons details summary");
    browser.wait("document.querySelectorAll('.funnel-reasons .example').length === 2");
    let text = browser.text(".funnel-reasons .example:nth-of-type(2) .example-text");
    assert!(text.starts_with("<img src=x onerror="), "{text}");
    browser.click(".funnel-more details:first-child > summary");
    browser.wait("document.querySelector('.funnel-more .example-text')?.innerText === 'The mouse liked bread.'");
    assert_eq!(browser.run("return document.title;"), format!("{RUN} · School · Schoolhouse"));

    // The slider goes back in time.
    assert_eq!(browser.text(".sample-text").trim(), "there was a mouse.");
    browser.type_into(".sample-controls input", LEFT);
    browser.wait("document.querySelector('.sample-step').innerText === 'step 10'");
    assert_eq!(browser.text(".sample-text").trim(), "there was");

    // The card has a column for each model.
    let row = "[...document.querySelectorAll('.report tr')].find((row) => row.innerText.startsWith('questions on a passage'))";
    let shares = browser.wait(&format!("{row} && [...{row}.querySelectorAll('td b')].map((cell) => cell.innerText).join(' ')"));
    assert_eq!(shares, "25% 75%");
    visit.is_content();
}

#[test]
fn curves_are_walked_by_keys_and_are_tables_too() {
    let Some(visit) = Visit::begin("school-keys") else { return };
    let Visit { browser, site, .. } = &visit;
    site.log("base/metrics.jsonl", &steps(1..=4));
    visit.open("/school");
    browser.wait("document.querySelector('.of-loss .chart-line')");
    let plot = ".of-loss .chart-plot";
    browser.type_into(plot, LEFT);
    browser.type_into(plot, LEFT);
    let told = format!("document.querySelector({}).querySelector('.chart-value').innerText.replace(/\\s+/g, ' ')", quoted(plot));
    browser.wait(&format!("{told} === 'Step 2 {RUN} 4.000'")); // it is drawn with the next frame
    let label = browser.run(&format!("return document.querySelector({}).getAttribute('aria-label');", quoted(plot)));
    assert_eq!(label, format!("Loss. {RUN}: from 8.000 to 2.000. Arrow keys read the values."));
    browser.click(".of-loss details > summary");
    browser.wait("document.querySelectorAll('.of-loss tbody tr').length === 4");
    assert_eq!(browser.text(".of-loss tbody tr:last-child td"), "2.000");
    visit.is_content();
}

#[test]
fn a_lost_connection_is_told_and_taken_up_again() {
    let Some(mut visit) = Visit::begin("school-lost") else { return };
    visit.site.log("base/metrics.jsonl", &steps(1..=3));
    visit.open("/school");
    let Visit { browser, site, .. } = &mut visit;
    browser.wait("document.querySelector('.of-loss .chart-line')");
    site.close();
    browser.wait("document.querySelector('.run-state').innerText.includes('connection lost')");
    site.log("base/metrics.jsonl", &steps(4..=6));
    site.open();
    browser.wait("document.querySelector('.of-loss .chart-line').getAttribute('d').split('L').length === 6");
    browser.wait("!document.querySelector('.run-state').innerText.includes('connection lost')");
}
