//! `cargo xtask tidy`: the rules of the house that no compiler knows.
//!
//! Each check takes text and returns sentences, so that it is tested on made-up trees; this file reads the real one.
//! It also runs as a test of this package, so `cargo test --workspace` holds the rules too.

mod layers;
mod links;
mod sources;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Prints every breach and fails if there is one.
pub fn run(root: &Path, args: &[String]) -> Result<()> {
    if let Some(unknown) = args.first() {
        bail!("tidy takes no arguments, and was given {unknown}");
    }
    let breaches = check(root)?;
    for breach in &breaches {
        eprintln!("tidy: {breach}");
    }
    match breaches.len() {
        0 => Ok(()),
        1 => bail!("one rule is broken"),
        n => bail!("{n} rules are broken"),
    }
}

/// Every breach in the tree at `root`, one sentence each.
fn check(root: &Path) -> Result<Vec<String>> {
    let files = files(root)?;
    let mut breaches = Vec::new();

    let mut manifests = Vec::new();
    for path in files.iter().filter(|path| path.ends_with("Cargo.toml") && *path != "Cargo.toml" && !path.starts_with("bench/")) {
        let table: toml::Table = read(root, path)?.parse().with_context(|| format!("{path} is not TOML"))?;
        manifests.push((path.clone(), table));
    }
    breaches.extend(layers::check(&manifests));
    breaches.extend(layers::check_packages(&read(root, "Cargo.lock")?));

    for path in files.iter().filter(|path| path.ends_with(".rs")) {
        breaches.extend(sources::check(path, &read(root, path)?));
        if let Some((folder, module)) = sources::test_module(path) {
            breaches.extend(sources::check_test_module(path, module, &read(root, &format!("{folder}/main.rs"))?));
        }
    }
    for path in files.iter().filter(|path| path.ends_with(".py") || path.ends_with(".toml") || path.ends_with(".md")) {
        breaches.extend(sources::check_words(path, &read(root, path)?));
    }
    for path in files.iter().filter(|path| path.ends_with(".md")) {
        breaches.extend(links::check(path, &read(root, path)?, |target| root.join(target).exists()));
    }
    Ok(breaches)
}

fn read(root: &Path, path: &str) -> Result<String> {
    std::fs::read_to_string(root.join(path)).with_context(|| format!("{path} could not be read"))
}

/// The files of the tree as sorted paths relative to `root` with forward slashes. Left out: what is built or made
/// (target, runs) and hidden folders.
fn files(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let shown = root.join(&folder);
        for entry in std::fs::read_dir(&shown).with_context(|| format!("{} could not be read", shown.display()))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = folder.join(&name);
            if entry.file_type()?.is_dir() {
                let made = name == "target" || folder.as_os_str().is_empty() && name == "runs";
                if !made && !name.starts_with('.') {
                    folders.push(path);
                }
            } else {
                found.push(path.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tree_is_tidy() {
        let breaches = super::check(&crate::shell::root()).unwrap();
        assert!(breaches.is_empty(), "{}", breaches.join("\n"));
    }
}
