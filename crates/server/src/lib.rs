//! HTTP: an API that speaks OpenAI, and the pages.
//!
//! The only crate with an async runtime, and the only one that listens. It reads run folders through their files, as docs/formats.md
//! describes them, and knows nothing of training.

#![forbid(unsafe_code)]

mod assets;
mod body;
mod chats;
mod events;
mod guard;
mod hub;
mod look;
mod metrics;
mod openai;
mod refusal;
mod render;
mod school;
mod socket;
mod store;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::{Router, middleware};
use base::stop::Stop;
use engine::Toolset;
use tokio::runtime::Runtime;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

pub(crate) use body::{JsonBody, QueryOf, RawBody};
use guard::Guard;
pub(crate) use hub::Hub;
use metrics::Metrics;
pub(crate) use refusal::Refusal;
use socket::Listener;
use store::Store;

/// Makes the tools for the model at a path.
pub type MakeTools = Arc<dyn Fn(&Path) -> std::result::Result<Toolset, String> + Send + Sync>;

/// What is served, where, and to whom.
#[derive(Clone)]
pub struct Options {
    /// Where it listens; port 0 is any that is free.
    pub address: SocketAddr,
    /// Requests need one of these, if there are any.
    pub keys: Vec<String>,
    /// Model folders, GGUF files, and folders of these.
    pub models: Vec<PathBuf>,
    /// The folder that holds run folders; finished stages in it are models too.
    pub runs: Option<PathBuf>,
    /// The folder with conversations and feedback.
    pub data: PathBuf,
    /// What requests may cost.
    pub limits: Limits,
    /// Makes the tools for a model.
    pub tools: MakeTools,
    /// The system line that offers tools.
    pub tools_offered: String,
    /// Worker threads of each model.
    pub threads: usize,
}

/// What requests may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of all models together, weights and caches.
    pub memory_bytes: usize,
    /// Bytes of a model's cache of keys and values.
    pub cache_bytes: usize,
    /// A model that nobody has used for so long is unloaded.
    pub idle: Duration,
    /// Answers that a model writes at once.
    pub streams: usize,
    /// Answers that may wait for a model beside these.
    pub queue: usize,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Time for a request's body to arrive.
    pub body_time: Duration,
    /// Time for an answer to be whole, waiting and reading the prompt included.
    pub request: Duration,
    /// Connections that are open at once.
    pub connections: usize,
    /// A connection on which nothing moves for so long is closed, as is one whose reader takes nothing for so long.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory_bytes: 8 << 30,
            cache_bytes: 1 << 30,
            idle: Duration::from_secs(600),
            streams: 64,
            queue: 256,
            body_bytes: 4 << 20,
            body_time: Duration::from_secs(30),
            request: Duration::from_secs(600),
            connections: 1024,
            silence: Duration::from_secs(60),
        }
    }
}

/// Why the server could not start or go on: one sentence.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken, or is not this machine's.
    #[error("cannot listen on {address}: {source}; choose another address with --address")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The system gives no threads or sockets.
    #[error("the server cannot run: {0}")]
    Run(#[from] std::io::Error),
    /// Chats and feedback cannot be kept.
    #[error("chats cannot be kept: {0}; another folder is named with --data")]
    Data(String),
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// What every route sees.
pub(crate) struct App {
    /// The models.
    pub hub: Hub,
    /// What people leave here: chats and feedback.
    pub store: Store,
    /// The folder that holds run folders.
    pub runs: Option<PathBuf>,
    /// The system line that offers tools.
    pub tools_offered: String,
    /// What requests may cost.
    pub limits: Limits,
    /// What is counted.
    pub metrics: Metrics,
    /// Who may ask.
    pub guard: Guard,
}

/// A server that listens, and answers once it runs.
pub struct Server {
    runtime: Runtime,
    listener: Listener,
    address: SocketAddr,
    app: Arc<App>,
}

/// How often it is looked whether to stop, and how long answers then have to end.
const LOOK: Duration = Duration::from_millis(50);
const GRACE: Duration = Duration::from_secs(2);

impl Server {
    /// Listens at the address. Connections wait until it runs.
    pub fn bind(options: Options) -> Result<Server> {
        let Options { address, keys, models, runs, data, limits, tools, tools_offered, threads } = options;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let listener = runtime.block_on(Listener::bind(address, &limits)).map_err(|source| Error::Bind { address, source })?;
        let address = listener.address()?;
        let store = Store::open(&data).map_err(|error| Error::Data(error.to_string()))?;
        let metrics = Metrics::default();
        let hub = Hub::new(models, runs.clone(), limits.clone(), threads, tools, metrics.clone());
        let guard = Guard { keys, is_loopback: address.ip().is_loopback() };
        let app = Arc::new(App { hub, store, runs, tools_offered, limits, metrics, guard });
        Ok(Server { runtime, listener, address, app })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether a path holds a model, or models.
    pub fn finds_models(path: &Path) -> bool {
        hub::holds_models(path)
    }

    /// Answers until asked to stop. Answers that are being written then have a moment to end.
    pub fn run(self, stop: &Stop) -> Result<()> {
        let Server { runtime, listener, app, .. } = self;
        let served = runtime.block_on(async {
            let sweeper = tokio::spawn(sweep(app.hub.clone(), app.limits.idle));
            let serving =
                tokio::spawn(axum::serve(listener, router(app.clone())).with_graceful_shutdown(stopped(stop.clone())).into_future());
            stopped(stop.clone()).await;
            sweeper.abort();
            app.hub.close();
            tokio::time::timeout(GRACE, serving).await
        });
        runtime.shutdown_timeout(GRACE);
        match served {
            Ok(Ok(served)) => Ok(served?),
            Ok(Err(failed)) => Err(Error::Run(std::io::Error::other(failed))),
            Err(_) => Ok(()), // what was still being written is cut
        }
    }
}

async fn stopped(stop: Stop) {
    while !stop.requested() {
        tokio::time::sleep(LOOK).await;
    }
}

/// Unloads idle models now and then.
async fn sweep(hub: Hub, idle: Duration) {
    loop {
        tokio::time::sleep((idle / 4).clamp(LOOK, Duration::from_secs(10))).await;
        hub.sweep();
    }
}

/// All routes.
fn router(app: Arc<App>) -> Router {
    Router::new()
        .merge(assets::routes())
        .merge(chats::routes())
        .merge(metrics::routes())
        .merge(openai::routes())
        .merge(look::routes())
        .merge(school::routes())
        .fallback(|request: Request| async move {
            Refusal::not_found(format!("there is no {} here; docs/serve.md names what there is", request.uri().path()))
        })
        .method_not_allowed_fallback(|request: Request| async move {
            Refusal::wrong_method(format!("{} does not take {}", request.uri().path(), request.method()))
        })
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            axum::response::IntoResponse::into_response(Refusal::internal("a part of the server failed; its bug ended one request"))
        }))
        .layer(compression())
        .layer(middleware::from_fn_with_state(app.clone(), guard::guard))
        .with_state(app)
}

/// Bytes of an answer that fit into one packet with its head, and gain nothing from being fewer.
const PACKET: u64 = 1024;

/// Answers are compressed for clients that take it, but for small ones, for pictures, and for streams, whose events must leave at once.
fn compression() -> CompressionLayer<impl Predicate> {
    CompressionLayer::new().compress_when(SizeAbove::new(PACKET).and(NotForContentType::IMAGES).and(NotForContentType::SSE))
}
