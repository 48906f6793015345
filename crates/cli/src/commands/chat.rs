//! `chat`: a conversation in the terminal, or over a pipe.
//!
//! Answers go to stdout, everything else to stderr. Nothing of a conversation is ever dropped to make it fit: when the
//! context is full, that is told.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::bail;
use engine::{Engine, EngineConfig, Finish, ModelFolder, Next, Request, Sampling};
use tokenizer::chat::{ChatFormat, Conversation, Message, Role};

use super::complete::{SamplingArgs, WeightsArgs, model_folder};
use crate::context::Context;

/// Talks with an assistant.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the model, or a GGUF file [default: the newest finished runs/*/sft]
    #[arg(long)]
    model: Option<PathBuf>,
    #[command(flatten)]
    weights: WeightsArgs,
    /// What the assistant is told before the conversation
    #[arg(long)]
    system: Option<String>,
    /// Ask this one question and end
    #[arg(long)]
    prompt: Option<String>,
    /// Tokens of an answer, at most [default: what the context has room for]
    #[arg(long)]
    max_tokens: Option<usize>,
    #[command(flatten)]
    sampling: SamplingArgs,
}

const COMMANDS: &str = "/new begins a new conversation, /system TEXT begins one with that instruction, /quit ends";

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let folder = model_folder(args.model.as_deref(), "sft", context)?;
    let (weights, loaded) = ModelFolder::load(&folder, args.weights.weights)?;
    let Some(format) = ChatFormat::of(&loaded.tokenizer) else {
        bail!("the vocabulary of {} has no chat format that is known here; let it go on with a text: `complete`", folder.display());
    };
    let config = EngineConfig::new(1, weights.config().context, context.threads);
    let mut talk = Talk::new(args, &loaded, loaded.engine(weights, config), format, context)?;
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
    args: &'a Args,
    context: &'a Context,
    conversation: Conversation,
    /// Answers given, over all conversations: each has a random stream of its own.
    answers: u64,
}

impl<'a> Talk<'a> {
    fn new(args: &'a Args, loaded: &'a ModelFolder, engine: Engine, format: ChatFormat, context: &'a Context) -> anyhow::Result<Talk<'a>> {
        let mut talk = Talk {
            loaded,
            engine,
            format,
            sampling: args.sampling.resolve(&loaded.sampling)?,
            args,
            context,
            conversation: Conversation::default(),
            answers: 0,
        };
        talk.begin(args.system.as_deref());
        Ok(talk)
    }

    fn begin(&mut self, system: Option<&str>) {
        self.conversation.messages = system.map(|text| Message::text(Role::System, text)).into_iter().collect();
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
        let mut shown = 0;
        let mut completions = self.engine.generate_texts(tokenizer, &[request], &mut |_, written| {
            print!("{}", written.text);
            shown += written.text.len();
            let flushed = std::io::stdout().flush();
            if flushed.is_err() || self.context.stop.requested() { Next::EndAll } else { Next::Continue }
        })?;
        let text = std::mem::take(&mut completions[0].text);
        println!("{}", &text[shown..]);
        self.conversation.messages.push(Message::text(Role::Assistant, text));
        let answer_len = completions[0].ids.len();
        match completions[0].finish {
            Finish::Halted => return Ok(Turn::Stopped),
            Finish::Length if prompt_len + answer_len >= capacity => eprintln!(
                "(cut where the context is full: conversation of {prompt_len} and answer of {answer_len} tokens fill {capacity}; \
                 /new begins a new one)"
            ),
            Finish::Length => self.context.line("(cut at --max-tokens)"),
            // No stop texts are asked for and nothing is forced.
            Finish::Stop(_) | Finish::StopText(_) | Finish::NoRoom { .. } => {}
        }
        Ok(Turn::Answered)
    }
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
