//! `chat`: a conversation in the terminal, or over a pipe.
//!
//! Answers go to stdout, everything else to stderr. Nothing of a conversation is ever dropped to make it fit: when the
//! context is full, that is told.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::bail;
use engine::{Engine, EngineConfig, Finish, ModelFolder, Request, Sampling, ToolEvent, Toolset};
use tasks::thoughts::{self, SUMMARY_TOKENS};
use tokenizer::chat::{self, ChatFormat, Conversation, Message, Part, Role};

use super::complete::{SamplingArgs, WeightsArgs, model_folder};
use super::eval::from_tasks;
use crate::context::Context;

/// Talks with an assistant.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the model, or a GGUF file [default: the newest finished runs/*/rl, runs/*/assistant or runs/*/sft]
    #[arg(long)]
    model: Option<PathBuf>,
    #[command(flatten)]
    weights: WeightsArgs,
    /// What the assistant is told before the conversation
    #[arg(long)]
    system: Option<String>,
    /// Offer tools: Python, and search over --search
    #[arg(long)]
    tools: bool,
    /// Documents for the search tool [default: the folder documents beside the model's, if there is one]
    #[arg(long, value_name = "DOCUMENTS", requires = "tools")]
    search: Option<PathBuf>,
    /// Ask for a thought before the answer
    #[arg(long)]
    think: bool,
    /// Tokens of a thought; where it has so many it is ended, and the answer begins
    #[arg(long, value_name = "TOKENS")]
    thinking_budget: Option<usize>,
    /// What is shown of thoughts: all, nothing, or a sentence that sums them up
    #[arg(long, value_enum, default_value_t = Thoughts::Show)]
    thoughts: Thoughts,
    /// The model that sums thoughts up [default: the one that thinks]
    #[arg(long, value_name = "MODEL")]
    summariser: Option<PathBuf>,
    /// Ask this one question and end
    #[arg(long)]
    prompt: Option<String>,
    /// Tokens of an answer, at most [default: what the context has room for]
    #[arg(long)]
    max_tokens: Option<usize>,
    #[command(flatten)]
    sampling: SamplingArgs,
}

/// What is shown of thoughts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Thoughts {
    Show,
    Hide,
    Summary,
}

const COMMANDS: &str = "/new begins a new conversation, /system TEXT begins one with that instruction, /quit ends";

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let folder = model_folder(args.model.as_deref(), &["rl", "assistant", "sft"], context)?;
    let (weights, loaded) = ModelFolder::load(&folder, args.weights.weights)?;
    let Some(format) = ChatFormat::of(&loaded.tokenizer) else {
        bail!("the vocabulary of {} has no chat format that is known here; let it go on with a text: `complete`", folder.display());
    };
    let config = EngineConfig::new(1, weights.config().context, context.threads);
    let mut toolset = if args.tools { toolset(args, &folder, context)? } else { Toolset::default() };
    toolset.limits.thought_tokens = args.thinking_budget;
    let mut talk = Talk::new(args, &loaded, loaded.engine(weights, config), format, toolset, context)?;
    if let Some(question) = &args.prompt {
        return match talk.answer(question)? {
            Turn::NoRoom(tokens) => bail!("{}; ask a shorter question", talk.no_room(tokens)),
            Turn::Stopped => Err(base::Error::Stopped.into()),
            Turn::Answered => Ok(()),
        };
    }
    context.line(&format!("{COMMANDS}; Ctrl-C stops an answer"));
    converse(&mut talk, args.system.as_deref(), context)
}

/// Python, and search over the documents that are named or stand beside the model.
fn toolset(args: &Args, model: &Path, context: &Context) -> anyhow::Result<Toolset> {
    let documents = match &args.search {
        Some(named) => Some(named.clone()),
        None => super::tools::documents_beside(model)?,
    };
    if documents.is_none() {
        context.line("there is no search: name documents with --search");
    }
    super::tools::toolset(documents.as_deref(), context)
}

/// Line by line, until the input ends.
fn converse(talk: &mut Talk, system: Option<&str>, context: &Context) -> anyhow::Result<()> {
    let lines = read_lines();
    let interactive = std::io::stdin().is_terminal();
    let mut system = system.map(str::to_owned);
    loop {
        if interactive {
            eprint!("\n> ");
        }
        let Some(line) = next_line(&lines, context)? else { return Ok(()) };
        let line = line.trim();
        let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match command {
            "" => {}
            "/quit" | "/exit" => return Ok(()),
            "/new" => {
                talk.begin(system.as_deref());
                context.line("a new conversation");
            }
            "/system" => {
                system = Some(rest.trim().to_owned()).filter(|text| !text.is_empty());
                talk.begin(system.as_deref());
                let has = if system.is_some() { "with this" } else { "without" };
                context.line(&format!("a new conversation {has} instruction"));
            }
            _ if command.starts_with('/') => context.line(&format!("there is no {command}: {COMMANDS}")),
            _ => match talk.answer(line)? {
                Turn::NoRoom(tokens) => eprintln!("{}; /new begins a new conversation", talk.no_room(tokens)),
                Turn::Stopped => {
                    context.stop.take();
                    context.line("(stopped)");
                }
                Turn::Answered => {}
            },
        }
    }
}

/// What became of a question.
enum Turn {
    /// It was answered; question and answer belong to the conversation now.
    Answered,
    /// The user stopped the answer; what there is of it belongs to the conversation.
    Stopped,
    /// The conversation with it has so many tokens, which leaves no room for an answer. It was taken out again.
    NoRoom(usize),
}

/// A conversation with a model.
struct Talk<'a> {
    loaded: &'a ModelFolder,
    engine: Engine,
    format: ChatFormat,
    sampling: Sampling,
    toolset: Toolset,
    args: &'a Args,
    context: &'a Context,
    conversation: Conversation,
    /// Sums thoughts up, where another model does.
    summariser: Option<Summariser>,
    /// Answers given, over all conversations: each has a random stream of its own.
    answers: u64,
}

impl<'a> Talk<'a> {
    fn new(
        args: &'a Args,
        loaded: &'a ModelFolder,
        engine: Engine,
        format: ChatFormat,
        toolset: Toolset,
        context: &'a Context,
    ) -> anyhow::Result<Talk<'a>> {
        let mut talk = Talk {
            loaded,
            engine,
            format,
            sampling: args.sampling.resolve(&loaded.sampling)?,
            toolset,
            args,
            context,
            conversation: Conversation::default(),
            summariser: args.summariser.as_deref().map(|folder| Summariser::open(folder, context)).transpose()?,
            answers: 0,
        };
        talk.begin(args.system.as_deref());
        Ok(talk)
    }

    fn begin(&mut self, system: Option<&str>) {
        let offered = Some(world::TOOLS_OFFERED).filter(|_| self.args.tools);
        let think = Some(world::THINK_FIRST).filter(|_| self.args.think);
        let lines: Vec<&str> = system.into_iter().chain(offered).chain(think).collect();
        let message = (!lines.is_empty()).then(|| Message::text(Role::System, lines.join("\n")));
        self.conversation.messages = message.into_iter().collect();
    }

    fn no_room(&self, tokens: usize) -> String {
        let capacity = self.engine.capacity();
        format!("the conversation with this question has {tokens} tokens, and the context of {capacity} has no room for an answer then")
    }

    /// Asks, and shows the answer as it comes.
    fn answer(&mut self, question: &str) -> anyhow::Result<Turn> {
        self.conversation.messages.push(Message::text(Role::User, question));
        let tokenizer = &self.loaded.tokenizer;
        let prompt = self.format.render_prompt(&self.conversation, tokenizer)?;
        let (prompt_len, capacity) = (prompt.len(), self.engine.capacity());
        if prompt_len >= capacity {
            self.conversation.messages.pop();
            return Ok(Turn::NoRoom(prompt_len));
        }
        let max_tokens = self.args.max_tokens.unwrap_or(usize::MAX);
        let seed = self.args.sampling.seed(self.answers);
        let request = Request { stop_ids: self.loaded.turn_ends(), ..Request::new(prompt, max_tokens, self.sampling.clone(), seed) };
        self.answers += 1;
        let stopped = || std::io::stdout().flush().is_err() || self.context.stop.requested();
        let shows_thoughts = self.args.thoughts == Thoughts::Show;
        let mut completions = self.engine.generate_with_tools(tokenizer, &self.toolset, &[request], &mut |_, event| {
            show(&event, shows_thoughts);
            !stopped()
        })?;
        println!();
        let completion = completions.swap_remove(0);
        let parts = chat::parse_answer(&completion.ids, tokenizer);
        if self.args.thoughts == Thoughts::Summary {
            self.sum_up(&parts)?;
        }
        self.conversation.messages.push(Message { role: Role::Assistant, parts });
        let answer_len = completion.ids.len();
        match completion.finish {
            Finish::Halted => return Ok(Turn::Stopped),
            Finish::Length if prompt_len + answer_len >= capacity => eprintln!(
                "(cut where the context is full: conversation of {prompt_len} and answer of {answer_len} tokens fill {capacity}; \
                 /new begins a new one)"
            ),
            Finish::Length => self.context.line("(cut at --max-tokens)"),
            Finish::NoRoom { .. } => eprintln!("(the context has no room for what the tool would say; /new begins a new conversation)"),
            Finish::Stop(_) | Finish::StopText(_) => {}
        }
        Ok(Turn::Answered)
    }

    /// Tells in a sentence what was thought.
    fn sum_up(&mut self, parts: &[Part]) -> anyhow::Result<()> {
        let thoughts: Vec<&str> = parts.iter().filter(|part| matches!(part, Part::Thought(_))).map(Part::words).collect();
        if thoughts.is_empty() {
            return Ok(());
        }
        let summary = match &mut self.summariser {
            Some(other) => summary(&mut other.engine, &other.loaded, other.format, &thoughts.join(" "))?,
            None => summary(&mut self.engine, self.loaded, self.format, &thoughts.join(" "))?,
        };
        eprintln!("(thought: {})", visible(&summary));
        Ok(())
    }
}

/// Another model, which sums thoughts up.
struct Summariser {
    engine: Engine,
    loaded: ModelFolder,
    format: ChatFormat,
}

impl Summariser {
    fn open(folder: &Path, context: &Context) -> anyhow::Result<Summariser> {
        let (weights, loaded) = ModelFolder::load(folder, None)?;
        let Some(format) = ChatFormat::of(&loaded.tokenizer) else {
            bail!("the vocabulary of {} has no chat format that is known here; name another model with --summariser", folder.display());
        };
        let config = EngineConfig::new(1, weights.config().context, context.threads);
        Ok(Summariser { engine: loaded.engine(weights, config), loaded, format })
    }
}

/// A thought in a sentence, by a model.
fn summary(engine: &mut Engine, loaded: &ModelFolder, format: ChatFormat, thought: &str) -> anyhow::Result<String> {
    let prompt = thoughts::summary_prompt(thought, format, &loaded.tokenizer, engine.capacity()).map_err(from_tasks)?;
    let request = Request { stop_ids: loaded.turn_ends(), ..Request::new(prompt, SUMMARY_TOKENS, Sampling::greedy(), 0) };
    let completions = engine.generate(&[request], &mut |_, _| {})?;
    let parts = chat::parse_answer(&completions[0].ids, &loaded.tokenizer);
    Ok(parts.iter().filter(|part| matches!(part, Part::Text(_))).map(Part::words).collect())
}

/// Words as they come go to stdout; calls and what tools say to stderr, a line each.
fn show(event: &ToolEvent, shows_thoughts: bool) {
    match event {
        ToolEvent::Written(_) => {}
        ToolEvent::Text(text) => print!("{text}"),
        ToolEvent::Thought(text) if shows_thoughts => eprint!("{text}"),
        ToolEvent::Thought(_) => {}
        ToolEvent::Call { tool, input } => eprintln!("[{}: {}]", tool.name(), visible(input)),
        ToolEvent::Output(output) => eprintln!("[{}]", visible(&output.text)),
    }
}

/// A text of a model or of a page in one line, without control characters.
fn visible(text: &str) -> String {
    text.trim().chars().map(|c| if c == '\n' { ' ' } else { c }).filter(|c| !c.is_control()).collect()
}

/// Lines of stdin, read beside the conversation so that Ctrl-C is heard while it waits for one.
fn read_lines() -> Receiver<std::io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::sync_channel(0);
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let read = stdin.read_until(b'\n', &mut line);
            let failed = read.is_err();
            if matches!(read, Ok(0)) || sender.send(read.map(|_| line)).is_err() || failed {
                return;
            }
        }
    });
    receiver
}

/// The next line; nothing at the end of the input. Ctrl-C while it waits ends the command.
fn next_line(lines: &Receiver<std::io::Result<Vec<u8>>>, context: &Context) -> anyhow::Result<Option<String>> {
    loop {
        match lines.recv_timeout(Duration::from_millis(100)) {
            Ok(line) => match String::from_utf8(line?) {
                Ok(line) => return Ok(Some(line)),
                Err(_) => context.line("this line is not UTF-8 text; it was left out"),
            },
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) if context.stop.requested() => return Err(base::Error::Stopped.into()),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
