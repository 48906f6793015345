//! The child: limits itself, reads one program, runs it, and writes what it says.
//!
//! The interpreter is `monty`, which knows no files, no network and no processes unless its host lends them; this one
//! lends nothing. The system's limits stand behind that: no file can be opened, and memory and time are bounded even
//! where the interpreter does not look.

use std::borrow::Cow;
use std::io::{Read, Write};
use std::time::Duration;

use monty::MontyRun;
use monty_types::{
    AssertMessageAnnotations, CompileOptions, ExcType, MontyException, MontyObject, PrintWriter, PrintWriterCallback, ResourceLimits,
    ResourceTracker,
};

use super::{EXIT_MISUSED, EXIT_RAISED, Limits, MAX_PROGRAM_BYTES};
use crate::plain::{clip, one_line};

/// Beside the program's memory: what the executable, its libraries and its stack take of the address space.
const OVERHEAD_MB: u64 = 192;

/// The whole life of a child: reads limits and program, runs it, writes its output. Gives the exit status.
pub fn child_main(input: &mut dyn Read, output: &mut dyn Write) -> u8 {
    let mut job = Vec::new();
    let most = MAX_PROGRAM_BYTES as u64 + 1024;
    if input.take(most).read_to_end(&mut job).is_err() {
        return EXIT_MISUSED;
    }
    let job = String::from_utf8_lossy(&job);
    let Some((first, program)) = job.split_once('\n') else { return EXIT_MISUSED };
    let Ok(limits) = serde_json::from_str::<Limits>(first) else { return EXIT_MISUSED };
    if !confine(&limits) {
        return EXIT_MISUSED;
    }

    let outcome = run(program, &limits, output);
    let (line, status) = match outcome {
        Ok(MontyObject::None) => (None, 0),
        Ok(value) => (Some(value.py_repr()), 0),
        Err(error) => (Some(told(&error, &limits)), EXIT_RAISED),
    };
    // Who reads may have read enough and gone.
    if let Some(line) = line {
        let _ = output.write_all(line.as_bytes());
    }
    let _ = output.flush();
    status
}

fn run(program: &str, limits: &Limits, output: &mut dyn Write) -> Result<MontyObject, MontyException> {
    // An assertion says what the program says, as everywhere.
    let options = CompileOptions { assert_message_annotations: AssertMessageAnnotations::Off };
    let runner = MontyRun::new(program.to_string(), "program.py", Vec::new(), options)?;
    let resources = ResourceLimits::default()
        .max_duration(Duration::from_millis(limits.wall_ms))
        .max_memory((limits.memory_mb << 20) as usize)
        .max_recursion_depth(limits.recursion);
    let mut print = Print { output, at_line_start: true };
    let outcome = runner.run(Vec::new(), ResourceTracker::new(resources), PrintWriter::Callback(&mut print));
    // What follows begins a line of its own.
    if !print.at_line_start {
        let _ = print.output.write_all(b"\n");
    }
    outcome
}

/// An error in one line; limits in the words that the parent uses too.
fn told(error: &MontyException, limits: &Limits) -> String {
    let message = error.message().unwrap_or_default();
    match error.exc_type() {
        ExcType::TimeoutError if message.starts_with("time limit exceeded") => limits.too_long(),
        ExcType::MemoryError => limits.too_large(),
        _ => clip(&one_line(&error.summary()), 300, 0),
    }
}

/// Passes printed text on as it comes, so that a program that is killed has said what it said.
struct Print<'a> {
    output: &'a mut dyn Write,
    at_line_start: bool,
}

impl Print<'_> {
    fn put(&mut self, text: &str) -> Result<(), MontyException> {
        if let Some(last) = text.chars().next_back() {
            self.at_line_start = last == '\n';
        }
        let gone = |_| MontyException::new(ExcType::RuntimeError, Some("nobody reads the output".to_string()));
        self.output.write_all(text.as_bytes()).map_err(gone)
    }
}

impl PrintWriterCallback for Print<'_> {
    fn stdout_write(&mut self, output: Cow<'_, str>) -> Result<(), MontyException> {
        self.put(&output)
    }

    fn stdout_push(&mut self, end: char) -> Result<(), MontyException> {
        self.put(end.encode_utf8(&mut [0; 4]))
    }
}

/// Takes from this process what no program needs: files beyond the open ones, more memory and more time. What cannot be
/// limited must not run.
#[cfg(unix)]
fn confine(limits: &Limits) -> bool {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let set = |resource, most: u64| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).is_ok();
    // The parent kills at the wall time; the system's own clock is for a child whose parent is gone.
    set(Resource::Core, 0)
        && set(Resource::Nofile, 0)
        && set(Resource::Cpu, limits.wall_ms / 1000 + 2)
        && set(Resource::As, (limits.memory_mb + OVERHEAD_MB) << 20)
}

#[cfg(not(unix))]
fn confine(_: &Limits) -> bool {
    true
}
