//! Chats over HTTP, for the page: list, search, branches, thumbs, export and import, and answers as a stream.
//!
//! What is asked is checked here, kept by `store`, answered by `hub` and made safe by `render`. The page's own stream of events stands
//! in [`answer`].

mod answer;
mod prompt;
mod seen;
mod summary;
mod view;
mod writer;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, patch, post, put};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::hub::ModelInfo;
use crate::store::{Branches, Changes, Error, Settings, Thumb, title_of};
use crate::{App, JsonBody, QueryOf, RawBody, Refusal};

/// A handler's outcome.
type Answered<T> = Result<T, Refusal>;

/// Characters of a title and of a system message, at most.
const TITLE: usize = 200;
const SYSTEM: usize = 100_000;

/// Chats that are listed at a time, at most.
const LISTED: usize = 200;

/// The routes of this part.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/chats", get(list).post(create))
        .route("/api/chats/models", get(models))
        .route("/api/chats/export", get(export_all))
        .route("/api/chats/preferences", get(export_preferences))
        .route("/api/chats/import", post(import))
        .route("/api/chats/{chat}", patch(change).get(read).delete(delete))
        .route("/api/chats/{chat}/answer", post(answer::answer))
        .route("/api/chats/{chat}/show", post(show))
        .route("/api/chats/{chat}/tokens", get(seen::tokens))
        .route("/api/chats/{chat}/export", get(export))
        .route("/api/chats/{chat}/messages/{message}/thumb", put(thumb))
        .route("/api/chats/{chat}/messages/{message}/summary", post(summary::of_thoughts))
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        match error {
            Error::NoChat(_) | Error::NoMessage { .. } => Refusal::not_found(error.to_string()),
            error => Refusal::internal(error.to_string()),
        }
    }
}

/// What a new chat is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    model: String,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    settings: Settings,
}

/// The name of a chat in which nothing is said yet.
const UNNAMED: &str = "New chat";

/// Refuses what is too long to be a title or a system message, or means nothing to a sampler.
fn check(title: Option<&str>, settings: Option<&Settings>) -> Answered<()> {
    if title.is_some_and(|title| title.trim().is_empty() || title.chars().count() > TITLE) {
        return Err(Refusal::invalid(Some("title"), format!("a title has 1 to {TITLE} characters")));
    }
    let Some(settings) = settings else { return Ok(()) };
    if settings.system.chars().count() > SYSTEM {
        return Err(Refusal::invalid(Some("settings"), format!("a system message has at most {SYSTEM} characters")));
    }
    prompt::check(&settings.sampling)
}

async fn create(State(app): State<Arc<App>>, JsonBody(new): JsonBody<New>) -> Answered<Json<Value>> {
    check(new.title.as_deref(), Some(&new.settings))?;
    app.hub.tokenizer(&new.model).await?; // it is there
    let id = app.store.with(move |store| store.create_chat(new.title.as_deref().unwrap_or(UNNAMED), &new.model, &new.settings)).await?;
    view::chat(&app, id).await
}

/// Which chats are listed: what is searched, or those before the last one of an earlier list.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Which {
    q: String,
    before_time: i64,
    before_id: i64,
    limit: usize,
}

impl Default for Which {
    fn default() -> Which {
        Which { q: String::new(), before_time: i64::MAX, before_id: i64::MAX, limit: 50 }
    }
}

async fn list(State(app): State<Arc<App>>, QueryOf(which): QueryOf<Which>) -> Answered<Json<Value>> {
    let limit = which.limit.clamp(1, LISTED);
    app.store
        .with(move |store| {
            if !which.q.trim().is_empty() {
                return Ok(Json(json!({ "chats": store.search(&which.q, limit)?, "more": false })));
            }
            let mut chats = store.list_chats(Some((which.before_time, which.before_id)), limit + 1)?;
            let more = chats.len() > limit;
            chats.truncate(limit);
            Ok(Json(json!({ "chats": chats, "more": more })))
        })
        .await
        .map_err(Refusal::from)
}

/// The models that can talk first, of a run the one that has come furthest, and then the others.
async fn models(State(app): State<Arc<App>>) -> Answered<Json<Value>> {
    let hub = app.hub.clone();
    let mut found = tokio::task::spawn_blocking(move || hub.list()).await.map_err(|_| Refusal::internal("the models cannot be listed"))?;
    let stage = |id: &str| ["rl", "assistant", "sft"].iter().position(|stage| id.ends_with(&format!("/{stage}"))).unwrap_or(0);
    found.sort_by_key(|model| (!model.chat, stage(&model.id)));
    let about = |model: &ModelInfo| json!({ "id": model.id, "chat": model.chat, "loaded": model.loaded, "context": model.context });
    let models: Vec<Value> = found.iter().map(about).collect();
    Ok(Json(json!({ "models": models, "tools_offered": app.tools_offered })))
}

async fn read(State(app): State<Arc<App>>, Path(chat): Path<i64>) -> Answered<Json<Value>> {
    view::chat(&app, chat).await
}

async fn change(State(app): State<Arc<App>>, Path(chat): Path<i64>, JsonBody(changes): JsonBody<Changes>) -> Answered<Json<Value>> {
    check(changes.title.as_deref(), changes.settings.as_ref())?;
    if let Some(model) = &changes.model {
        app.hub.tokenizer(model).await?;
    }
    Ok(Json(json!(app.store.with(move |store| store.change_chat(chat, &changes)).await?)))
}

async fn delete(State(app): State<Arc<App>>, Path(chat): Path<i64>) -> Answered<StatusCode> {
    app.store.with(move |store| store.delete_chat(chat)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which message's branch is shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Show {
    message: i64,
}

async fn show(State(app): State<Arc<App>>, Path(chat): Path<i64>, JsonBody(Show { message }): JsonBody<Show>) -> Answered<Json<Value>> {
    app.store.with(move |store| store.show(chat, message)).await?;
    view::chat(&app, chat).await
}

/// What is thought of an answer; null takes it back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opinion {
    thumb: Option<Thumb>,
}

async fn thumb(
    State(app): State<Arc<App>>,
    Path((chat, message)): Path<(i64, i64)>,
    JsonBody(Opinion { thumb }): JsonBody<Opinion>,
) -> Answered<StatusCode> {
    app.store.with(move |store| store.set_thumb(chat, message, thumb)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which branches are exported.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Export {
    branches: Branches,
}

async fn export(State(app): State<Arc<App>>, Path(chat): Path<i64>, QueryOf(Export { branches }): QueryOf<Export>) -> Answered<Response> {
    let offered = app.tools_offered.clone();
    let (title, lines) =
        app.store.with(move |store| Ok((store.chat(chat)?.title, store.export_chats(Some(chat), branches, &offered)?))).await?;
    Ok(file(&format!("{}.jsonl", slug(&title)), lines))
}

async fn export_all(State(app): State<Arc<App>>, QueryOf(Export { branches }): QueryOf<Export>) -> Answered<Response> {
    let offered = app.tools_offered.clone();
    let lines = app.store.with(move |store| store.export_chats(None, branches, &offered)).await?;
    Ok(file("chats.jsonl", lines))
}

async fn export_preferences(State(app): State<Arc<App>>) -> Answered<Response> {
    Ok(file("preferences.jsonl", app.store.with(|store| store.export_preferences()).await?))
}

/// With which model imported chats go on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Import {
    model: String,
}

async fn import(State(app): State<Arc<App>>, QueryOf(Import { model }): QueryOf<Import>, RawBody(body): RawBody) -> Answered<Json<Value>> {
    app.hub.tokenizer(&model).await?;
    let text = String::from_utf8(body.to_vec())
        .map_err(|_| Refusal::invalid(None, "the file is not UTF-8 text; JSON lines of conversations are wanted"))?;
    let offered = app.tools_offered.clone();
    let imported = app.store.with(move |store| store.import_chats(&text, &model, &offered)).await?;
    if imported.chats.is_empty() {
        let why = imported.left_out.first().map_or("it is empty", String::as_str);
        return Err(Refusal::invalid(None, format!("no conversation in the file can be used: {why}")));
    }
    Ok(Json(json!(imported)))
}

/// JSON lines for a browser to save.
fn file(name: &str, lines: String) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, "application/jsonl; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, disposition)], lines)
        .into_response()
}

/// A title as a file's name: letters, digits and dashes.
fn slug(title: &str) -> String {
    let words: Vec<&str> = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let name = words.join("-").to_lowercase();
    if name.is_empty() { "chat".into() } else { name.chars().take(60).collect() }
}

#[cfg(test)]
mod tests;
