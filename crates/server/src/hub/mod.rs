//! The models: loaded when somebody asks, unloaded when nobody has for a while, within a bound on memory.
//!
//! Each loaded model has a thread of its own, which answers all its requests side by side. Knows nothing of HTTP but the
//! refusals that its errors become.

mod answering;
mod shelf;
mod worker;

use std::collections::HashMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;

use engine::{EngineConfig, ModelFolder, Reading, Request, StoredModel, ToolKind, Toolset};
use tokenizer::Tokenizer;
use tokenizer::chat::ChatFormat;
use tokio::sync::{OnceCell, mpsc as async_mpsc, oneshot};

use crate::metrics::{Metrics, ModelMetrics};
use crate::{Limits, MakeTools, Refusal};

pub(crate) use answering::{Answering, Answers, Event};
use shelf::{About, Found, Shelf};
use worker::{Command, Submission, Worker};

/// A bias that no id outweighs.
const NEVER: f32 = -100.0;

/// All models. A clone is the same hub.
#[derive(Clone)]
pub(crate) struct Hub(Arc<Inner>);

struct Inner {
    shelf: Shelf,
    limits: Limits,
    threads: usize,
    tools: MakeTools,
    metrics: Metrics,
    state: Mutex<State>,
    /// Held while a model is loaded: one at a time, so that the memory is counted rightly.
    loading: tokio::sync::Mutex<()>,
    numbers: AtomicU64,
}

#[derive(Default)]
struct State {
    running: HashMap<String, Arc<Running>>,
    /// Models of which all but the weights was read.
    opened: HashMap<String, (Instant, Arc<Opened>)>,
    closed: bool,
}

/// A model that could answer.
#[derive(Clone, Debug)]
pub(crate) struct ModelInfo {
    /// What requests call it, such as `demo/assistant` or `g9.gguf`.
    pub id: String,
    /// Its folder or file.
    pub path: PathBuf,
    /// Whether it is in memory.
    pub loaded: bool,
    /// Memory that is set aside for it, where it is loaded.
    pub bytes: usize,
    /// Whether it is made for conversations.
    pub chat: bool,
    /// Longest sequence in tokens, where its files can be read.
    pub context: Option<usize>,
}

/// A model of which all but the weights was read.
pub(crate) struct Opened {
    /// What requests call it.
    pub id: String,
    /// Its folder or file.
    pub path: PathBuf,
    /// Tokenizer, sampling, and what begins and ends its texts.
    pub folder: ModelFolder,
    /// How conversations become tokens, if its vocabulary has the tokens for one of the formats.
    pub format: Option<ChatFormat>,
    /// Longest sequence in tokens, prompt and answer together.
    pub context: usize,
}

/// A model in memory.
pub(crate) type Loaded = Opened;

/// A loaded model and its thread.
struct Running {
    loaded: Arc<Loaded>,
    commands: mpsc::Sender<Command>,
    thread: JoinHandle<()>,
    bytes: usize,
    /// Leases.
    users: AtomicUsize,
    /// Requests that are not answered.
    requests: AtomicUsize,
    last_used: Mutex<Instant>,
    toolset: OnceCell<Toolset>,
}

/// A loaded model that stays loaded as long as this is held.
pub(crate) struct Lease {
    hub: Hub,
    running: Arc<Running>,
    is_request: bool,
}

/// How an answer is read, and which tools it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As text: special tokens are spelt out, and nothing is a call.
    Raw,
    /// Special tokens mean what they mean. These tools are run here, and calls of the others are for the caller, end the answer
    /// and are told as the last event before the end.
    Chat {
        /// Tools that are run here.
        here: Vec<ToolKind>,
        /// Tools that the caller runs.
        of_caller: Vec<ToolKind>,
        /// Tokens of a thought, at most.
        thought_tokens: Option<usize>,
    },
}

impl Hub {
    /// A hub with nothing in memory.
    pub fn new(models: Vec<PathBuf>, runs: Option<PathBuf>, limits: Limits, threads: usize, tools: MakeTools, metrics: Metrics) -> Hub {
        let (state, loading, numbers) = Default::default();
        Hub(Arc::new(Inner { shelf: Shelf::new(models, runs), limits, threads, tools, metrics, state, loading, numbers }))
    }

    /// The models that are there now. Reads a few small files.
    pub fn list(&self) -> Vec<ModelInfo> {
        let found = self.0.shelf.look();
        let bytes: HashMap<String, usize> = self.state().running.iter().map(|(id, running)| (id.clone(), running.bytes)).collect();
        let info = |Found { id, path }: Found| {
            let (About { chat, context }, held) = (self.0.shelf.about(&path), bytes.get(&id));
            ModelInfo { loaded: held.is_some(), bytes: held.copied().unwrap_or(0), chat, context, id, path }
        };
        found.into_iter().map(info).collect()
    }

    /// A model, loaded if it is not yet.
    pub async fn model(&self, id: &str) -> Result<Lease, Refusal> {
        if let Some(lease) = self.lease(id) {
            return Ok(lease);
        }
        let found = self.find(id)?;
        let _one_at_a_time = self.0.loading.lock().await;
        if let Some(lease) = self.lease(id) {
            return Ok(lease); // somebody else has loaded it meanwhile
        }
        let path = found.path.clone();
        let stored = blocking(move || StoredModel::open(&path).map_err(|error| broken(&error))).await??;
        let (config, bytes) = self.size(&found.id, &stored)?;
        self.make_room(&found.id, bytes).await?;
        let metrics = self.0.metrics.model(&found.id);
        let running = blocking(move || Running::start(found, stored, config, bytes, metrics)).await??;
        let mut state = self.state();
        if state.closed {
            return Err(Refusal::busy("the server is stopping"));
        }
        state.running.insert(id.to_owned(), Arc::new(running));
        drop(state);
        self.lease(id).ok_or_else(|| Refusal::internal("the model's thread has ended"))
    }

    /// A model's tokenizer; nothing is loaded for it but itself.
    pub async fn tokenizer(&self, id: &str) -> Result<Arc<Tokenizer>, Refusal> {
        Ok(self.opened(id).await?.folder.tokenizer.clone())
    }

    /// All of a model but its weights.
    pub async fn opened(&self, id: &str) -> Result<Arc<Opened>, Refusal> {
        let found = self.find(id)?;
        {
            let mut state = self.state();
            if let Some(running) = state.running.get(id).filter(|running| running.loaded.path == found.path) {
                return Ok(running.loaded.clone());
            }
            if let Some((used, opened)) = state.opened.get_mut(id).filter(|(_, opened)| opened.path == found.path) {
                *used = Instant::now();
                return Ok(opened.clone());
            }
        }
        let path = found.path.clone();
        let stored = blocking(move || StoredModel::open(&path).map_err(|error| broken(&error))).await??;
        let (format, context, folder) = (ChatFormat::of(&stored.folder.tokenizer), stored.context(), stored.folder);
        let opened = Arc::new(Opened { id: found.id, path: found.path, folder, format, context });
        self.state().opened.insert(id.to_owned(), (Instant::now(), opened.clone()));
        Ok(opened)
    }

    /// Unloads what nobody has used for a while. To be called now and then.
    pub fn sweep(&self) {
        let idle = self.0.limits.idle;
        let mut state = self.state();
        state.running.retain(|_, running| running.is_used() || running.idle_since().elapsed() < idle);
        state.opened.retain(|_, (used, _)| used.elapsed() < idle);
    }

    /// Cancels all answers and takes no more requests.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.running.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, id: &str) -> Result<Found, Refusal> {
        self.0.shelf.find(id).ok_or_else(|| {
            let ids: Vec<String> = self.0.shelf.look().into_iter().map(|found| found.id).collect();
            let there = if ids.is_empty() { "there is none yet".to_owned() } else { format!("there are: {}", ids.join(", ")) };
            Refusal::no_model(format!("there is no model {id:?}; {there}"))
        })
    }

    fn lease(&self, id: &str) -> Option<Lease> {
        let mut state = self.state();
        let running = state.running.get(id)?.clone();
        if running.thread.is_finished() {
            state.running.remove(id); // a bug ended it; the next one is new
            return None;
        }
        running.users.fetch_add(1, Ordering::SeqCst);
        running.touch();
        drop(state);
        Some(Lease { hub: self.clone(), running, is_request: false })
    }

    /// The size of a model's engine within the memory, and its bytes.
    fn size(&self, id: &str, stored: &StoredModel) -> Result<(EngineConfig, usize), Refusal> {
        let limits = &self.0.limits;
        let weights = stored.weights_bytes();
        let left = limits.memory_bytes.saturating_sub(weights);
        let config = EngineConfig::new(limits.streams, stored.context(), self.0.threads);
        let one = stored.cache_bytes(EngineConfig { slots: 1, cache_bytes: usize::MAX, ..config });
        if left < one {
            return Err(Refusal::busy(format!(
                "the model {id:?} needs {} for its weights and {} for one conversation, and all models together may have {}; \
                 start the server with more memory for them",
                megabytes(weights),
                megabytes(one),
                megabytes(limits.memory_bytes)
            )));
        }
        let config = EngineConfig { cache_bytes: left.min(limits.cache_bytes.max(one)), ..config };
        Ok((config, weights + stored.cache_bytes(config)))
    }

    /// Unloads models that nobody uses, the one that was used longest ago first, until there is room for so many bytes.
    async fn make_room(&self, id: &str, bytes: usize) -> Result<(), Refusal> {
        loop {
            let evicted = {
                let mut state = self.state();
                let held: usize = state.running.values().map(|running| running.bytes).sum();
                if held + bytes <= self.0.limits.memory_bytes {
                    return Ok(());
                }
                let idle = state.running.iter().filter(|(_, running)| !running.is_used());
                let Some(oldest) = idle.min_by_key(|(_, running)| running.idle_since()).map(|(id, _)| id.clone()) else {
                    let busy: Vec<&str> = state.running.keys().map(String::as_str).collect();
                    return Err(Refusal::busy(format!(
                        "the model {id:?} needs {}, and the models in use ({}) leave {} of {}; try again when they are idle",
                        megabytes(bytes),
                        busy.join(", "),
                        megabytes(self.0.limits.memory_bytes.saturating_sub(held)),
                        megabytes(self.0.limits.memory_bytes)
                    )));
                };
                state.running.remove(&oldest)
            };
            // Its memory is free when its thread has ended.
            if let Some(Running { commands, thread, .. }) = evicted.and_then(Arc::into_inner) {
                drop(commands);
                _ = blocking(move || thread.join()).await?;
            }
        }
    }
}

impl Running {
    fn start(
        found: Found,
        stored: StoredModel,
        config: EngineConfig,
        bytes: usize,
        metrics: Arc<ModelMetrics>,
    ) -> Result<Running, Refusal> {
        let (engine, folder) = stored.load(config).map_err(|error| broken(&error))?;
        let (format, context) = (ChatFormat::of(&folder.tokenizer), engine.capacity());
        let loaded = Arc::new(Loaded { id: found.id, path: found.path, folder, format, context });
        let (commands, receiver) = mpsc::channel();
        let worker = Worker::new(engine, loaded.clone(), metrics);
        let thread = std::thread::Builder::new().name("model".to_owned()).spawn(move || worker.run(&receiver));
        let thread = thread.map_err(|error| Refusal::internal(format!("no thread could be started for the model: {error}")))?;
        let (users, requests, toolset) = Default::default();
        Ok(Running { loaded, commands, thread, bytes, users, requests, last_used: Mutex::new(Instant::now()), toolset })
    }

    fn is_used(&self) -> bool {
        self.users.load(Ordering::SeqCst) > 0
    }

    fn idle_since(&self) -> Instant {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

impl Deref for Lease {
    type Target = Loaded;

    fn deref(&self) -> &Loaded {
        &self.running.loaded
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.is_request {
            self.running.requests.fetch_sub(1, Ordering::SeqCst);
        }
        self.running.touch();
        self.running.users.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Lease {
    /// Asks for an answer that is read as a conversation's: special tokens are no text, thoughts stand apart, and where tools are
    /// wanted its calls go to all that are there. Waits until the model's thread has taken the request.
    pub async fn submit(&self, request: Request, tools: bool, thought_tokens: Option<usize>) -> Result<Answering, Refusal> {
        let here = if tools { ToolKind::ALL.to_vec() } else { Vec::new() };
        self.submit_as(request, Manner::Chat { here, of_caller: Vec::new(), thought_tokens }).await
    }

    /// Asks for an answer that is read in this manner.
    pub async fn submit_as(&self, request: Request, manner: Manner) -> Result<Answering, Refusal> {
        let mut answers = self.submit_all(vec![request], manner).await?;
        Ok(answers.remove(0))
    }

    /// Asks for several answers, or is refused all of them.
    pub async fn submit_all(&self, requests: Vec<Request>, manner: Manner) -> Result<Vec<Answering>, Refusal> {
        let (reading, never) = match manner {
            Manner::Raw => (Reading::Raw, Vec::new()),
            Manner::Chat { here, of_caller, thought_tokens } => {
                let mut tools = self.tools(&here, of_caller).await?;
                tools.limits.thought_tokens = thought_tokens;
                let never = self.missing(&tools);
                (Reading::Tools(tools), never)
            }
        };
        let places: Vec<Lease> = requests.iter().map(|_| self.place()).collect::<Result<_, _>>()?;
        let deadline = Instant::now() + self.hub.0.limits.request;
        let mut waiting = Vec::new();
        for (mut request, lease) in requests.into_iter().zip(places) {
            request.sampling.logit_bias.extend(&never);
            let (sender, events) = async_mpsc::unbounded_channel();
            let (accepted, hears) = oneshot::channel();
            let number = self.hub.0.numbers.fetch_add(1, Ordering::Relaxed);
            let submission = Submission { number, request, reading: reading.clone(), deadline, events: sender, accepted };
            _ = self.running.commands.send(Command::Submit(Box::new(submission))); // a thread that has ended is told below
            waiting.push((Answering { number, events, commands: self.running.commands.clone(), ended: false, _lease: lease }, hears));
        }
        let mut answers = Vec::new();
        for (answering, hears) in waiting {
            hears.await.map_err(|_| Refusal::internal("the model's thread has ended"))??;
            answers.push(answering);
        }
        Ok(answers)
    }

    /// A place for a request: running, or in the queue.
    fn place(&self) -> Result<Lease, Refusal> {
        let Limits { streams, queue, .. } = self.hub.0.limits;
        self.running.users.fetch_add(1, Ordering::SeqCst);
        let others = self.running.requests.fetch_add(1, Ordering::SeqCst);
        let place = Lease { hub: self.hub.clone(), running: self.running.clone(), is_request: true };
        if others < streams + queue {
            return Ok(place);
        }
        Err(Refusal::too_many(format!(
            "the model {:?} writes {streams} answers at once and lets {queue} wait, and that many are there; try again in a moment",
            self.id
        )))
    }

    /// What keeps an answer from calling tools that are not there: the line that offers tools names all of them, as in training.
    fn missing(&self, tools: &Toolset) -> Vec<(u32, f32)> {
        let is_missing = |kind: &ToolKind| tools.get(*kind).is_none() && !tools.of_caller.contains(kind);
        let starts = ToolKind::ALL.into_iter().filter(is_missing).filter_map(|kind| self.folder.tokenizer.special(kind.start()));
        starts.map(|id| (id, NEVER)).collect()
    }

    /// The tools that are to be run here. They are made when they are first asked for.
    async fn tools(&self, here: &[ToolKind], of_caller: Vec<ToolKind>) -> Result<Toolset, Refusal> {
        if here.is_empty() {
            return Ok(Toolset { of_caller, ..Toolset::default() });
        }
        let made = self.running.toolset.get_or_try_init(|| async {
            let (make, path) = (self.hub.0.tools.clone(), self.path.clone());
            blocking(move || make(&path).map_err(|why| Refusal::internal(format!("the tools cannot be used: {why}")))).await?
        });
        let all = made.await?.clone();
        let is_wanted = |kind| here.contains(&kind);
        let (search, python) = (all.search.filter(|_| is_wanted(ToolKind::Search)), all.python.filter(|_| is_wanted(ToolKind::Python)));
        Ok(Toolset { search, python, of_caller, limits: all.limits })
    }
}

/// Runs what takes long beside the async threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::internal("a part of the server failed; its bug ended one request"))
}

/// A model that is there and cannot be used.
fn broken(error: &engine::Error) -> Refusal {
    Refusal::internal(format!("the model cannot be used: {error}"))
}

fn megabytes(bytes: usize) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Whether a path holds a model or models, for whoever names it.
pub(crate) fn holds_models(path: &Path) -> bool {
    !Shelf::new(vec![path.to_path_buf()], None).look().is_empty()
}
