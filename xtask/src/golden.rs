//! `cargo xtask golden`: writes the golden files again, from the scripts that explain them.
//!
//! A golden file is what another program (transformers, tokenizers, ...) made of a small input. The script beside
//! it is how; it is committed, and neither building nor testing the project needs it. A script's docstring has a line
//! that begins with `Needs`, which is shown before the script is run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell;

const FOLDER: &str = "scripts/golden";

/// Runs the named scripts, or all of them, with the python given.
pub fn run(root: &Path, args: &[String]) -> Result<()> {
    let mut python = "python3".to_string();
    let mut names: Vec<&str> = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--python" => python = args.next().context("--python wants the path of a python after it")?.clone(),
            flag if flag.starts_with('-') => bail!("golden knows --python only, and was given {flag}"),
            name => names.push(name.trim_end_matches(".py")),
        }
    }
    let scripts = scripts(root)?;
    let stem = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    for name in &names {
        if !scripts.iter().any(|path| stem(path) == *name) {
            let known: Vec<String> = scripts.iter().map(stem).collect();
            bail!("{FOLDER} has no script named {name}; it has: {}", known.join(", "));
        }
    }
    for script in &scripts {
        if !names.is_empty() && !names.contains(&stem(script).as_str()) {
            continue;
        }
        let shown = script.strip_prefix(root).unwrap_or(script).display().to_string();
        let text = std::fs::read_to_string(script).with_context(|| format!("{shown} could not be read"))?;
        println!("{shown} needs: {}", needs(&text).unwrap_or("nothing beyond Python"));
        shell::show(root, &python, &[&shown])
            .with_context(|| format!("{shown} failed; give a python that has what it needs with --python"))?;
    }
    println!("golden: done; `git diff --stat` shows what changed");
    Ok(())
}

/// The scripts, by name. A name with a leading underscore is a helper of the others.
fn scripts(root: &Path) -> Result<Vec<PathBuf>> {
    let folder = root.join(FOLDER);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("{FOLDER} could not be read"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".py") && !name.starts_with('_') {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The rest of the sentence that begins a line with `Needs`.
fn needs(script: &str) -> Option<&str> {
    let line = script.lines().find_map(|line| line.strip_prefix("Needs"))?;
    let sentence = line.split_once(". ").map_or(line, |(sentence, _)| sentence);
    Some(sentence.trim_start_matches(':').trim_end_matches('.').trim())
}

#[cfg(test)]
mod tests {
    use super::needs;

    #[test]
    fn the_line_of_needs_is_found() {
        assert_eq!(needs("\"\"\"Logits.\n\nNeeds: torch, transformers\n\"\"\"\n"), Some("torch, transformers"));
        assert_eq!(needs("Needs the package torch. Run from the root:\n"), Some("the package torch"));
        assert_eq!(needs("import json\n"), None);
    }
}
