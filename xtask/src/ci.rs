//! `cargo xtask ci`: everything that must hold before a change is taken, cheapest first.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::{shell, tidy};

/// Runs every step; the first that fails ends it.
pub fn run(root: &Path, args: &[String]) -> Result<()> {
    if let Some(unknown) = args.first() {
        bail!("ci takes no arguments, and was given {unknown}");
    }
    let cargo = shell::cargo();
    let scratch = std::env::temp_dir().join(format!("schoolhouse-ci-{}", std::process::id()));
    let smoke = scratch.join("smoke");
    let smoke = smoke.to_str().expect("the folder for temporary files has a name in UTF-8");
    let started = Instant::now();

    let cargo_step = |title: &str, arguments: &[&str]| step(title, || shell::show(root, &cargo, arguments));
    step("tidy", || tidy::run(root, &[]))?;
    cargo_step("format", &["fmt", "--all", "--check"])?;
    cargo_step("lints", &["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    cargo_step("tests", &["test", "--locked", "--workspace"])?;
    cargo_step("release build", &["build", "--locked", "--release"])?;
    let outcome = cargo_step("smoke recipe", &["run", "--locked", "--release", "--", "--plain", "run", "smoke", "--out", smoke]);
    // A failed run is removed as well: it would cost the next machine's disk, and `run smoke` makes it again.
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch)?;
    }
    outcome?;
    println!("ci: all steps passed in {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn step(title: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("ci: {title}");
    let started = Instant::now();
    work()?;
    println!("ci: {title} took {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}
