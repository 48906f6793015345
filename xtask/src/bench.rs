//! `cargo xtask bench`: builds in release, runs the binary's measurements and keeps each as a dated record.
//!
//! A record holds what was measured, beside what it is compared to in the same run, and on which machine and commit.
//! Nothing here asserts a time: figures are read by people, and on a shared machine only ratios of one run count.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::shell;

const FOLDER: &str = "bench/record";

/// The measurement that wants a folder of pages.
const EXTRACT: &str = "extract";

/// Names of records, and what `schoolhouse bench` is called with for each.
const MEASUREMENTS: &[(&str, &[&str])] = &[
    ("train", &["train"]),
    ("train-full-precision", &["train", "--full-precision"]),
    ("train-demo", &["train", "--shape", "demo"]),
    ("train-demo-muon", &["train", "--shape", "demo", "--muon"]),
    ("decode", &["decode"]),
];

/// Runs the named measurements, or all.
pub fn run(root: &Path, args: &[String]) -> Result<()> {
    if let [first, rest @ ..] = args
        && first == EXTRACT
    {
        return extract(root, rest);
    }
    for name in args {
        if !MEASUREMENTS.iter().any(|(known, _)| known == name) {
            let names: Vec<&str> = MEASUREMENTS.iter().map(|(name, _)| *name).collect();
            bail!("there is no measurement named {name}; there are: {}, and `{EXTRACT} PATH`", names.join(", "));
        }
    }
    let cargo = shell::cargo();
    shell::show(root, &cargo, &["build", "--locked", "--release"])?;
    let day = today()?;
    for (name, arguments) in MEASUREMENTS {
        if !args.is_empty() && !args.iter().any(|wanted| wanted == name) {
            continue;
        }
        let command = [&["run", "--locked", "--release", "--", "bench"], *arguments, &["--json"]].concat();
        keep(root, &day, name, &shell::capture(root, &cargo, &command)?)?;
    }
    Ok(())
}

/// Scores main-text extraction on a folder of pages with expected text, shows the worst of them, and keeps the record.
/// The path is as the caller's shell sees it; the scoring itself stands in crates/corpus.
fn extract(root: &Path, args: &[String]) -> Result<()> {
    let [path] = args else {
        bail!("`bench {EXTRACT}` wants the path of one folder of pages; examples/extract.rs in crates/corpus says how it is laid out")
    };
    let folder = std::path::absolute(path).with_context(|| format!("{path} is no path"))?;
    let name = folder.file_name().with_context(|| format!("{path} names no folder"))?.to_string_lossy().into_owned();
    let folder = folder.to_string_lossy().into_owned();
    let cargo = shell::cargo();
    let command = ["run", "--locked", "--release", "--package", "corpus", "--example", "extract", "--", &folder];
    shell::show(root, &cargo, &[&command[..], &["--worst", "10"]].concat())?;
    let json = shell::capture(root, &cargo, &[&command[..], &["--json"]].concat())?;
    keep(root, &today()?, &format!("{EXTRACT}-{name}"), &json)
}

/// Writes a record.
fn keep(root: &Path, day: &str, name: &str, json: &str) -> Result<()> {
    std::fs::create_dir_all(root.join(FOLDER)).with_context(|| format!("{FOLDER} could not be made"))?;
    let record = format!(
        "{{\"date\":{},\"commit\":{},\"cpu\":{},\"threads\":{},\"measured\":{}}}\n",
        quote(day),
        quote(&commit(root)?),
        quote(&cpu()),
        std::thread::available_parallelism().map_or(1, |n| n.get()),
        json.trim(),
    );
    let path = format!("{FOLDER}/{day}-{name}.json");
    std::fs::write(root.join(&path), record).with_context(|| format!("{path} could not be written"))?;
    println!("bench: {path}");
    Ok(())
}

/// The day of now.
fn today() -> Result<String> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?.as_secs();
    Ok(date(seconds))
}

/// The commit, with a plus where the tree has changes that are not in it.
fn commit(root: &Path) -> Result<String> {
    let head = shell::capture(root, "git", &["rev-parse", "--short=12", "HEAD"])?;
    let changes = shell::capture(root, "git", &["status", "--porcelain", "--untracked-files=no"])?;
    Ok(format!("{}{}", head.trim(), if changes.trim().is_empty() { "" } else { "+" }))
}

/// The processor's name where the system tells it.
fn cpu() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim());
    name.unwrap_or(std::env::consts::ARCH).to_string()
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The day (UTC) of a time in seconds since 1970, as 2026-03-01.
/// The count runs from 1 March 0000, so that a leap day is the last of its year (Howard Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms", civil_from_days).
fn date(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::{date, quote};

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_709_164_800, "2024-02-29"),
            (1_735_689_599, "2024-12-31"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(date(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn quotes_inside_a_name_are_escaped() {
        assert_eq!(quote(r#"a "b" \c"#), r#""a \"b\" \\c""#);
    }
}
