//! The Python tool: a program written by a model, run by an interpreter in a process of its own.
//!
//! The process is a child that has no environment, no files and no network, and that is killed at the limit; a program
//! that breaks the interpreter breaks the child alone. One child per call: it starts in milliseconds, and nothing of one
//! program reaches the next. Knows nothing of the interpreter, which stands in `child`.

#[cfg(feature = "python")]
mod child;

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use engine::{Tool, ToolOutput};
use serde::{Deserialize, Serialize};

use crate::plain::one_line;

#[cfg(feature = "python")]
pub use child::child_main;

/// The exit status of a child whose program raised an error, which it has told.
const EXIT_RAISED: u8 = 1;
/// The exit status of a child that was not spoken to as the tool speaks, or that could not limit itself.
const EXIT_MISUSED: u8 = 2;
/// The exit status of a child without an interpreter.
const EXIT_ABSENT: u8 = 3;

/// The life of a child that was built without the feature `python`.
#[cfg(not(feature = "python"))]
pub fn child_main(_: &mut dyn Read, _: &mut dyn Write) -> u8 {
    EXIT_ABSENT
}

/// A longer program is not run.
const MAX_PROGRAM_BYTES: usize = 1 << 16;
/// What the child is given to start and to end, beyond the program's own time.
const GRACE: Duration = Duration::from_millis(500);

/// What a program may use. The first line that a child reads, as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Time, in milliseconds.
    pub wall_ms: u64,
    /// Memory, in MB.
    pub memory_mb: u64,
    /// Calls inside calls.
    pub recursion: usize,
    /// Characters of the answer.
    pub output_chars: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { wall_ms: 2000, memory_mb: 128, recursion: 500, output_chars: 2000 }
    }
}

impl Limits {
    fn too_long(&self) -> String {
        format!("TimeoutError: the program ran longer than {} s", self.wall_ms as f64 / 1000.0)
    }

    fn too_large(&self) -> String {
        format!("MemoryError: the program needs more than {} MB", self.memory_mb)
    }
}

/// The tool.
#[derive(Clone, Debug)]
pub struct Python {
    program: PathBuf,
    arguments: Vec<String>,
    limits: Limits,
}

impl Python {
    /// A tool whose children are started as `program arguments...`, and call [`child_main`].
    pub fn new(program: impl Into<PathBuf>, arguments: &[&str], limits: Limits) -> Python {
        Python { program: program.into(), arguments: arguments.iter().map(|argument| argument.to_string()).collect(), limits }
    }

    fn start(&self) -> std::io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn()
    }
}

impl Tool for Python {
    /// What the program prints, then the value of its last expression unless it is None, or the error in one line.
    fn call(&self, input: &str) -> ToolOutput {
        let told = |text: String| ToolOutput { text, sources: Vec::new() };
        if input.len() > MAX_PROGRAM_BYTES {
            return told(format!("The program is longer than {MAX_PROGRAM_BYTES} bytes."));
        }
        match self.start() {
            Ok(child) => told(answer(child, input, &self.limits)),
            Err(error) => told(format!("Python could not be started: {}.", one_line(&error.to_string()))),
        }
    }
}

/// Gives a child its program and reads its answer, killing it at the limit.
fn answer(mut child: Child, program: &str, limits: &Limits) -> String {
    let job = format!("{}\n{program}", serde_json::json!(limits));
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let most = limits.output_chars * 4 + 1; // UTF-8 takes at most 4 bytes
    let (send, receive) = mpsc::channel();
    let (bytes, in_time) = thread::scope(|scope| {
        scope.spawn(move || {
            // A child that is gone, or that was killed, reads no more: its status tells why.
            let _ = stdin.map(|mut stdin| stdin.write_all(job.as_bytes()));
        });
        scope.spawn(move || {
            let mut bytes = Vec::new();
            let _ = stdout.map(|stdout| stdout.take(most as u64).read_to_end(&mut bytes));
            let _ = send.send(bytes);
        });
        let bytes = receive.recv_timeout(Duration::from_millis(limits.wall_ms) + GRACE);
        let has_ended = bytes.as_ref().is_ok_and(|bytes| bytes.len() < most);
        if !has_ended {
            let _ = child.kill();
        }
        match bytes {
            Ok(bytes) => (bytes, true),
            Err(_) => (receive.recv().unwrap_or_default(), false),
        }
    });
    let status = child.wait();

    let mut text = plain_lines(&String::from_utf8_lossy(&bytes));
    let is_long = bytes.len() == most || text.chars().count() > limits.output_chars;
    if is_long {
        text = text.chars().take(limits.output_chars).collect();
    }
    let verdict = match (in_time, is_long) {
        (false, _) => Some(limits.too_long()),
        (true, true) => Some(format!("The output was cut at {} characters.", limits.output_chars)),
        (true, false) => verdict(status, limits),
    };
    match verdict {
        Some(verdict) if text.is_empty() => verdict,
        Some(verdict) => format!("{text}\n{verdict}"),
        None if text.is_empty() => "The program printed nothing.".to_string(),
        None => text,
    }
}

/// What a child's end says, beyond what it has told itself.
fn verdict(status: std::io::Result<ExitStatus>, limits: &Limits) -> Option<String> {
    match status.ok()?.code() {
        Some(0) => None,
        Some(code) if code == i32::from(EXIT_RAISED) => None,
        Some(code) if code == i32::from(EXIT_MISUSED) => Some("Python could not be confined, and was not run.".to_string()),
        Some(code) if code == i32::from(EXIT_ABSENT) => Some("Python is not built into this program.".to_string()),
        Some(_) => Some("The interpreter failed on this program.".to_string()),
        // Memory that is refused and a stack that is full both end the child by a signal.
        None => Some(format!("{}, or nests too deeply", limits.too_large())),
    }
}

/// Printed text with control characters shown as such, apart from line ends and tabs; the last line end goes away.
fn plain_lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let plain: String = text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect();
    plain.trim_end_matches('\n').to_string()
}
