//! How the pages come: all their modules asked for at once, and little of it.

use crate::Visit;

/// Bytes of a first view, its data and the heads of all answers included.
const MOST_BYTES: u64 = 150_000;

/// The pages, and what is there when they are ready.
const PAGES: [(&str, &str); 4] = [
    ("/", "document.querySelector('#model option')"),
    ("/playground", "document.querySelector('#model option')"),
    ("/tokenizer", "document.querySelector('#tokenizers').children.length"),
    ("/school", "document.querySelector('.stage')"),
];

/// What the page asked for: the modules that ran, those that its head named, and bytes that came.
const ASKED: &str = "const done = arguments[arguments.length - 1];
    const all = performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'));
    const modules = all.map(({ name }) => new URL(name).pathname).filter((path) => path.endsWith('.js') && path !== '/web/theme.js');
    fetch(location.pathname).then(({ headers }) => done({
      modules: [...new Set(modules)].sort(),
      named: headers.get('link').split(', ').map((link) => link.slice(1, link.indexOf('>'))).sort(),
      bytes: all.reduce((sum, { transferSize }) => sum + transferSize, 0),
    }), (error) => done({ error: `${error}` }));";

#[test]
fn a_page_asks_for_what_it_names_and_for_little() {
    let Some(visit) = Visit::begin("loading") else { return };
    for (path, ready) in PAGES {
        visit.open(path);
        visit.browser.wait(ready);
        let asked = visit.browser.run_later(ASKED);
        assert_eq!(asked["modules"], asked["named"], "{path}");
        assert!(asked["modules"].as_array().map_or(0, Vec::len) > 5, "{path}: {asked}");
        let bytes = asked["bytes"].as_u64().unwrap_or(u64::MAX);
        assert!(bytes < MOST_BYTES, "{path}: {bytes} bytes");
    }
    visit.is_content();
}
