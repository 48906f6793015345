//! The pages and what they are made of: the files of web/, which stand in the binary.
//!
//! Built for debugging, they are read from disk at every request, so that a page is edited without a new build.

mod modules;

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::RustEmbed;

use crate::{App, Refusal};

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web"]
struct Web;

/// The pages, by their paths.
const PAGES: [(&str, &str); 4] =
    [("/", "chat.html"), ("/playground", "playground.html"), ("/tokenizer", "tokenizer.html"), ("/school", "school.html")];

/// The pages, and the files at `/web/NAME`.
pub(crate) fn routes() -> Router<Arc<App>> {
    let mut router =
        Router::new().route("/web/{*name}", get(|Path(name): Path<String>, headers: HeaderMap| async move { file(&name, &headers) }));
    for (path, name) in PAGES {
        router = router.route(path, get(move |headers: HeaderMap| async move { page(name, &headers) }));
    }
    router.route("/favicon.ico", get(|headers: HeaderMap| async move { file("favicon.svg", &headers) }))
}

/// A page, whose head names all modules that it will need, so that they are asked for at once.
fn page(name: &str, headers: &HeaderMap) -> Response {
    let links: Vec<String> =
        modules::modules(&text(name).unwrap_or_default(), text).iter().map(|name| format!("</web/{name}>; rel=modulepreload")).collect();
    ([(header::LINK, links.join(", "))], file(name, headers)).into_response()
}

/// A file of web/ as text.
fn text(name: &str) -> Option<String> {
    String::from_utf8(Web::get(name)?.data.into_owned()).ok()
}

/// A file; only that it is still the same, where the browser has it.
fn file(name: &str, headers: &HeaderMap) -> Response {
    let Some(found) = Web::get(name) else {
        return Refusal::not_found(format!("there is no file {name:?} here")).into_response();
    };
    let hash: String = found.metadata.sha256_hash()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{hash}\"");
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let is_same = known.flat_map(|list| list.split(',')).any(|item| item.trim().trim_start_matches("W/") == tag);
    let about = [
        (header::ETAG, format!("W/{tag}")), // weak: compressed or not, it is the same file
        (header::VARY, "accept-encoding".to_owned()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::CONTENT_TYPE, kind(name).to_owned()),
    ];
    if is_same { (StatusCode::NOT_MODIFIED, about).into_response() } else { (about, found.data).into_response() }
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files that a page's modules import, counted by another way: all that stands behind `from`.
    #[test]
    fn every_import_of_every_page_is_found_and_is_there() {
        for (_, page) in PAGES {
            let found = modules::modules(&text(page).unwrap(), text);
            assert!(found.len() > 5 && found.iter().any(|name| name == "lib/dom.js"), "{page}: {found:?}");
            for name in &found {
                let module = text(name).unwrap_or_else(|| panic!("{page} needs {name}, and there is no such file"));
                let imported = module.lines().filter_map(|line| line.split_once(" from '")?.1.strip_suffix("';"));
                for address in imported {
                    let file = address.rsplit_once('/').unwrap().1;
                    assert!(found.iter().any(|found| found.ends_with(file)), "{name} imports {address}, and {page} does not know");
                }
            }
        }
    }
}
