//! The project's own chores, run as `cargo xtask NAME`: a table of them and nothing else.
//!
//! Knows the tree and the tools (cargo, git, python); knows nothing about models or data.

#![forbid(unsafe_code)]

mod bench;
mod ci;
mod golden;
mod shell;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask CHORE

  ci                  what must hold before a change is taken: fmt, clippy, tidy, tests, the smoke recipe
  tidy                the rules that no compiler knows: layers, file heads, file lengths, unsafe, links
  golden [--python P] [NAME ...]
                      write the golden files again with the scripts in scripts/golden/
  bench [NAME ...]    measure, and keep a dated record in bench/record/
  bench extract PATH  the same for main-text extraction, on a folder of pages with expected text
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let chore = args.first().map_or("help", String::as_str);
    let rest = args.get(1..).unwrap_or_default();
    let root = shell::root();
    let result = match chore {
        "ci" => ci::run(&root, rest),
        "tidy" => tidy::run(&root, rest),
        "golden" => golden::run(&root, rest),
        "bench" => bench::run(&root, rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => {
            eprint!("there is no chore named {other}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {chore}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
