//! Whether everybody can use the pages: axe-core finds nothing to object to, in both themes and on a phone.

use std::path::PathBuf;

use serde_json::Value;

use crate::{Visit, required};

/// The pages, and what is there when they are ready.
const PAGES: [(&str, &str); 4] = [
    ("/", "document.querySelector('#model option')"),
    ("/playground", "document.querySelector('#model option')"),
    ("/tokenizer", "document.querySelector('#tokenizers').children.length"),
    ("/school", "document.querySelector('.chart-line')"),
];

/// Widths and heights: a desk's and a phone's.
const SIZES: [(u32, u32); 2] = [(1280, 900), (390, 844)];

/// Opens what opens, and what that brings, until everything is there.
const OPEN_ALL: &str = "(() => {
  const closed = [...document.querySelectorAll('main details:not([open])')];
  for (const details of closed) details.open = true;
  return closed.length === 0 && !document.querySelector('.examples .spinner');
})()";

#[test]
fn axe_finds_no_violation_on_any_page() {
    let Some(axe) = axe() else { return };
    let Some(visit) = Visit::begin("access") else { return };
    let browser = &visit.browser;
    visit.site.log("base/metrics.jsonl", &[serde_json::json!({"step": 1, "loss": 8.0, "tokens": 10})]);
    for (path, ready) in PAGES {
        for (width, height) in SIZES {
            for theme in ["light", "dark"] {
                browser.resize(width, height);
                browser.prefer(theme);
                visit.open(path);
                browser.wait(ready);
                // Everything that opens is open: what nobody sees is not judged.
                browser.wait(OPEN_ALL);
                assert!(!scrolls_sideways(&visit), "{path} at {width} pixels is wider than its window");
                browser.run(&axe);
                let found = violations(&visit);
                assert!(found.is_empty(), "{path}, {theme}, {width} pixels:\n{}", found.join("\n"));
            }
        }
    }
}

fn scrolls_sideways(visit: &Visit) -> bool {
    visit.browser.run("return document.documentElement.scrollWidth > document.documentElement.clientWidth + 1;") == true
}

/// What axe objects to, a line each.
fn violations(visit: &Visit) -> Vec<String> {
    let found = visit.browser.run_later(
        "const done = arguments[arguments.length - 1];
         axe.run(document, { resultTypes: ['violations'] }).then(
           ({ violations }) => done(violations.flatMap(({ id, help, nodes }) =>
             nodes.map(({ html, failureSummary }) => `${id}: ${help}\\n  ${html.slice(0, 300)}\\n  ${failureSummary}`))),
           (error) => done([`axe failed: ${error}`]));",
    );
    let lines = found.as_array().expect("axe gives a list");
    lines.iter().map(|line| line.as_str().unwrap_or_default().to_string()).collect()
}

/// The script of axe-core; none where nobody names it and it is not required.
fn axe() -> Option<String> {
    let Some(path) = std::env::var_os("SCHOOLHOUSE_AXE").map(PathBuf::from) else {
        assert!(!required(), "SCHOOLHOUSE_AXE must name axe-core's axe.min.js: SCHOOLHOUSE_REQUIRE_BROWSER is set");
        eprintln!("skipped: SCHOOLHOUSE_AXE names no axe-core (npm install axe-core brings one)");
        return None;
    };
    let script = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(script.contains("axe.run"), "{} is not axe-core", path.display());
    Some(script)
}

/// A check of the check: a page with a fault is found at fault.
#[test]
fn axe_finds_a_fault_that_was_put_there() {
    let Some(axe) = axe() else { return };
    let Some(visit) = Visit::begin("fault") else { return };
    visit.open("/school");
    visit.browser.wait("document.querySelector('h1')");
    visit.browser.run("document.querySelector('main').append(document.createElement('button'), new Image());");
    visit.browser.run(&axe);
    let found: Value = violations(&visit).into();
    assert!(found.to_string().contains("button-name") && found.to_string().contains("image-alt"), "{found}");
}
