//! Progress of long work: a bar with the time left on a terminal, plain lines elsewhere.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Where progress is shown. The caller decides; nothing here looks at the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Bars that redraw themselves, on stderr.
    Terminal,
    /// Whole lines now and then, on stderr.
    Plain,
    /// Nothing at all.
    Silent,
}

/// A plain line is printed when a tenth more is done, or after this long.
const PLAIN_PAUSE: Duration = Duration::from_secs(15);

/// The progress of one piece of work. May be shared between threads.
#[derive(Debug)]
pub struct Progress {
    output: Output,
    label: String,
    bar: ProgressBar,
    plain: Mutex<PlainState>,
}

#[derive(Debug)]
struct PlainState {
    last_line: Instant,
    last_tenth: u64,
}

impl Progress {
    /// Begins. `total` is in any unit; 0 means that the end is not known.
    pub fn new(output: Output, label: &str, total: u64) -> Progress {
        let bar = match total {
            0 => ProgressBar::no_length(),
            total => ProgressBar::new(total),
        };
        let target = if output == Output::Terminal { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() };
        bar.set_draw_target(target);
        let template = match total {
            0 => "{prefix:14} {spinner} {human_pos} {msg}",
            _ => "{prefix:14} {wide_bar:.cyan/blue} {percent:>3}% {eta:>4} left {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_prefix(label.to_string());
        let plain = Mutex::new(PlainState { last_line: Instant::now(), last_tenth: 0 });
        Progress { output, label: label.to_string(), bar, plain }
    }

    /// Progress that nobody sees, for tests and inner calls.
    pub fn silent() -> Progress {
        Progress::new(Output::Silent, "", 0)
    }

    /// So much more is done.
    pub fn advance(&self, n: u64) {
        self.bar.inc(n);
        if self.output == Output::Plain {
            self.plain_line();
        }
    }

    /// A few words beside the bar.
    pub fn message(&self, text: &str) {
        self.bar.set_message(text.to_string());
    }

    /// A whole line above the bar.
    pub fn line(&self, text: &str) {
        match self.output {
            Output::Terminal => self.bar.suspend(|| eprintln!("{text}")),
            Output::Plain => eprintln!("{text}"),
            Output::Silent => {}
        }
    }

    /// The work is done; the bar goes away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn plain_line(&self) {
        let (done, total) = (self.bar.position(), self.bar.length().unwrap_or(0));
        let Ok(mut state) = self.plain.lock() else { return };
        let tenth = (done * 10).checked_div(total).unwrap_or(0);
        if tenth == state.last_tenth && state.last_line.elapsed() < PLAIN_PAUSE {
            return;
        }
        *state = PlainState { last_line: Instant::now(), last_tenth: tenth };
        let message = self.bar.message();
        match total {
            0 => eprintln!("{}: {done} {message}", self.label),
            total => eprintln!("{}: {done} of {total} {message}", self.label),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
