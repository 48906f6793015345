//! School: runs as they are and as they happen, for the page of that name.
//!
//! Reads run folders through their files, as docs/formats.md describes them, and trusts none of them: sizes are bounded, what is
//! damaged is told in a sentence, what is missing is empty. Knows nothing of training, and writes nothing.

mod card;
mod curves;
mod files;
mod funnel;
mod live;
mod practice;
mod recipe;
mod run;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::{App, QueryOf, Refusal, events};
use live::{Cursor, Watch};
use run::{Overview, Run, TRAINED};

/// Pages that may watch at once.
const WATCHERS: usize = 32;

/// The routes below /api/runs.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/runs", get(list))
        .route("/api/runs/{name}", get(show))
        .route("/api/runs/{name}/examples", get(examples))
        .route("/api/runs/{name}/practice", get(practised))
        .route("/api/runs/{name}/live", get(follow))
        .layer(Extension(Arc::new(Semaphore::new(WATCHERS))))
}

/// All runs at a glance.
#[derive(Serialize)]
struct Runs {
    /// Whether this server was given a folder of runs.
    folder: bool,
    runs: Vec<Overview>,
}

/// A run with all that a page shows.
#[derive(Serialize)]
struct Whole {
    overview: Overview,
    funnel: Option<funnel::Funnel>,
    learning: BTreeMap<&'static str, curves::Learning>,
    card: Option<card::Card>,
    /// Where following it begins.
    cursor: String,
}

async fn list(State(app): State<Arc<App>>) -> Result<Json<Runs>, Refusal> {
    let folder = app.runs.clone();
    let read = move || Runs {
        folder: folder.is_some(),
        runs: folder.iter().flat_map(|folder| run::list(folder)).map(|run| run.overview()).collect(),
    };
    Ok(Json(aside(read).await?))
}

async fn show(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Json<Whole>, Refusal> {
    let run = find(&app.runs, &name)?;
    Ok(Json(aside(move || whole(&run)).await?))
}

fn whole(run: &Run) -> Whole {
    let mut overview = run.overview();
    let funnel = funnel::read(&run.of("documents")).unwrap_or_else(|why| told(&mut overview, why));
    let card = card::read(&run.of("report")).unwrap_or_else(|why| told(&mut overview, why));
    let mut cursor = Cursor::default();
    let mut learning = BTreeMap::new();
    for stage in TRAINED {
        let learnt = curves::read(&run.of(stage));
        for (log, end) in curves::LOGS.into_iter().zip(learnt.ends) {
            cursor.set(stage, log, end);
        }
        learning.insert(stage, learnt);
    }
    Whole { overview, funnel, learning, card, cursor: cursor.text() }
}

/// Notes what could not be read; in its place there is nothing.
fn told<T>(overview: &mut Overview, why: String) -> Option<T> {
    overview.trouble.push(why);
    None
}

/// Of what examples are wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExamplesOf {
    /// `kept`, `extractions`, or a reason for which pages are dropped.
    of: String,
}

async fn examples(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    QueryOf(wanted): QueryOf<ExamplesOf>,
) -> Result<Json<funnel::Shown>, Refusal> {
    let run = find(&app.runs, &name)?;
    let read = move || funnel::examples(&run.of("documents"), &wanted.of);
    aside(read).await?.map(Json).map_err(Refusal::internal)
}

/// What came of practice so far; null where the run has none.
async fn practised(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Json<Option<practice::Shown>>, Refusal> {
    let run = find(&app.runs, &name)?;
    Ok(Json(aside(move || practice::read(&run.of("rl"))).await?))
}

/// Where following goes on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct From {
    #[serde(default)]
    from: String,
}

async fn follow(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    QueryOf(From { from }): QueryOf<From>,
    headers: HeaderMap,
    Extension(places): Extension<Arc<Semaphore>>,
) -> Result<Response, Refusal> {
    let run = find(&app.runs, &name)?;
    let Ok(permit) = places.try_acquire_owned() else {
        return Err(Refusal::too_many(format!("{WATCHERS} pages watch already; close one of them")));
    };
    // A browser that lost its connection says where it was.
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).unwrap_or(&from);
    let watch = Watch::new(run, Cursor::parse(last));
    Ok(events::send(live::events(watch, permit), |event| event, None))
}

fn find(runs: &Option<PathBuf>, name: &str) -> Result<Run, Refusal> {
    let folder = runs.as_ref().ok_or_else(|| Refusal::not_found("this server was given no folder of runs; start it with --runs"))?;
    run::find(folder, name).ok_or_else(|| Refusal::not_found("there is no run of this name"))
}

/// Files are read beside the threads that serve.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    let failed = |_| Refusal::internal("the run could not be read: a bug, not your request");
    tokio::task::spawn_blocking(work).await.map_err(failed)
}

#[cfg(test)]
mod tests;
