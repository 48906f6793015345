//! What every command is given: where its progress is shown, when to stop, how many threads it may use.
//!
//! This is the one place that looks at the terminal and listens to Ctrl-C; commands and crates take what it found.

use std::io::{IsTerminal, Read};
use std::path::Path;

use anyhow::{Context as _, bail};
use base::progress::{Output, Progress};
use base::stop::Stop;

/// The exit status of a command that was asked to stop and saved its work, as a shell counts an interrupt.
pub const EXIT_STOPPED: u8 = 130;

/// What the first Ctrl-C is answered with, where there is work to save.
pub const SAVING: &str = "\nstopping: what is finished is being saved (Ctrl-C again ends at once)\n";

/// How the command was called, apart from its own arguments.
#[derive(Clone, Debug)]
pub struct Context {
    /// Where progress is shown.
    pub output: Output,
    /// Whether results may bear colours.
    pub colour: bool,
    /// Raised by the first Ctrl-C.
    pub stop: Stop,
    /// Worker threads.
    pub threads: usize,
}

/// The arguments that every command takes. They stand behind its own in the help, however many these are.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Worker threads; training on another number gives other (equally good) bytes [default: one per processor]
    #[arg(long, global = true, display_order = 100, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Multiply matrices in all 24 bits of f32 where AMX would keep 16 and be several times faster
    #[arg(long, global = true, display_order = 101)]
    full_precision: bool,
    /// Show progress as whole lines and results without colours, as if there were no terminal
    #[arg(long, global = true, display_order = 102)]
    plain: bool,
    /// Show no progress
    #[arg(long, global = true, display_order = 103, conflicts_with = "plain")]
    quiet: bool,
}

impl Context {
    /// Reads the options and the terminal, and begins to listen to Ctrl-C, the first of which is answered with `on_stop`.
    pub fn new(options: &Options, on_stop: &'static str) -> anyhow::Result<Context> {
        let output = match (options.quiet, options.plain || !std::io::stderr().is_terminal()) {
            (true, _) => Output::Silent,
            (false, true) => Output::Plain,
            (false, false) => Output::Terminal,
        };
        let colour = !options.plain && std::io::stdout().is_terminal();
        if options.full_precision {
            tensor::matmul::full_precision();
        }
        let processors = std::thread::available_parallelism().map_or(1, |n| n.get());
        let threads = options.threads.map_or(processors, usize::from);
        let stop = Stop::new();
        listen(stop.clone(), on_stop)?;
        Ok(Context { output, colour, stop, threads })
    }

    /// Progress of one piece of work, shown as the user asked.
    pub fn progress(&self, label: &str, total: u64) -> Progress {
        Progress::new(self.output, label, total)
    }

    /// A line for the user, unless they asked for quiet. Results go to stdout instead, in the command itself.
    pub fn line(&self, text: &str) {
        if self.output != Output::Silent {
            eprintln!("{text}");
        }
    }

    /// Tells which records are left out: the first few, each with its reason, and how many more.
    pub fn left_out(&self, reasons: &[String]) {
        reasons.iter().take(TOLD).for_each(|reason| self.line(&format!("{reason}; it was left out")));
        if reasons.len() > TOLD {
            self.line(&format!("and {} more were left out", reasons.len() - TOLD));
        }
    }
}

/// Records of which it is told why they are left out.
const TOLD: usize = 3;

/// The first Ctrl-C asks for a stop, the second ends the process at once. Nothing is lost by that: whatever is being
/// written has a temporary name until it is whole.
fn listen(stop: Stop, on_stop: &'static str) -> anyhow::Result<()> {
    let handler = move || {
        if stop.requested() {
            std::process::exit(i32::from(EXIT_STOPPED));
        }
        stop.request();
        eprint!("{on_stop}");
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        bail!("cannot listen to Ctrl-C: {error}");
    }
    Ok(())
}

/// Whether an error is no failure but the answer to the user's wish. Some crates wrap the error of files so that only
/// its sentence is left, therefore the sentence is compared.
pub fn was_stopped(error: &anyhow::Error) -> bool {
    error.root_cause().to_string() == base::Error::Stopped.to_string()
}

/// An error of training, as any other.
pub fn from_train(error: train::Error) -> anyhow::Error {
    error.into()
}

/// The text on the standard input, to its end.
pub fn read_stdin(context: &Context) -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        context.line("reading the text from here; end it with Ctrl-D");
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).context("cannot read the standard input")?;
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        anyhow::anyhow!("the standard input is damaged at byte {place}: it is not UTF-8; convert it to UTF-8")
    })
}

/// An error of the outside world as one line: the chain of its causes, without a cause that the sentence before it
/// already holds. The system's own words are left out too where our sentence has told them in plain ones.
pub fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    let mut told = false;
    for cause in error.chain() {
        if told && cause.is::<std::io::Error>() {
            continue;
        }
        told |= matches!(cause.downcast_ref(), Some(base::Error::Io { .. }));
        let cause = cause.to_string();
        if text.is_empty() {
            text = cause;
        } else if !text.contains(cause.as_str()) {
            text = format!("{text}: {cause}");
        }
    }
    text.replace('\n', " ")
}

/// A folder that a command is about to fill: refused where it holds something already.
pub fn refuse_full_folder(folder: &Path) -> anyhow::Result<()> {
    let holds_something = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if holds_something {
        bail!("{} holds files already; choose another folder or remove it first", folder.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Path, sentence, was_stopped};

    #[test]
    fn causes_become_one_sentence_without_repeats() {
        let inner = base::Error::Refused("the disk is full".into());
        let error = anyhow::Error::from(inner).context("cannot write a: the disk is full").context("stage base");
        assert_eq!(sentence(&error), "stage base: cannot write a: the disk is full");
        assert!(!was_stopped(&error));
        let missing = base::Error::io(Path::new("a"), "read", std::io::ErrorKind::NotFound.into());
        assert_eq!(sentence(&missing.into()), "cannot read a: there is no such file or folder");
        assert!(was_stopped(&anyhow::Error::from(base::Error::Stopped).context("stage base")));
    }
}
