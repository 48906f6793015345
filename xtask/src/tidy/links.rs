//! Relative links in Markdown files lead to files that exist.

/// Breaches of one Markdown file; `exists` is asked about paths relative to the root.
pub fn check(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut breaches = Vec::new();
    let mut in_block = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        }
        if in_block {
            continue;
        }
        for target in targets(line) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            match resolve(folder, file) {
                Some(resolved) if exists(&resolved) => {}
                Some(_) => breaches.push(format!("{path}:{}: the link to {file} leads nowhere", index + 1)),
                None => breaches.push(format!("{path}:{}: the link to {file} leaves the repository", index + 1)),
            }
        }
    }
    breaches
}

/// What stands in the round brackets of `[text](target)` and `![text](target)`, outside of code spans.
fn targets(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    // Every second piece between backticks is code.
    for prose in line.split('`').step_by(2) {
        let mut rest = prose;
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, tail)) = after.split_once(')') else { break };
            found.push(target.split_whitespace().next().unwrap_or_default());
            rest = tail;
        }
    }
    // A link whose text is a code span, [`x`](y), is cut at its backticks: its target opens a piece of prose.
    found
}

/// The path from the root of `file` as seen from `folder`, or nothing if it climbs out.
fn resolve(folder: &str, file: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn links_are_followed_from_the_files_own_folder() {
        let exists = |path: &str| ["README.md", "docs/log.md", "docs"].contains(&path);
        for (path, text, broken) in [
            ("README.md", "[log](docs/log.md) and [gone](docs/gone.md)", 1),
            ("README.md", "[log](docs/log.md#first \"title\") [folder](docs/) [top](#top)", 0),
            ("docs/log.md", "[up](../README.md) [beside](log.md)", 0),
            ("docs/log.md", "[out](../../x.md)", 1),
            ("README.md", "[site](https://example.org/x) `[code](x)`", 0),
            ("README.md", "[`code`](gone.md)", 1),
            ("README.md", "```\n[x](gone.md)\n```\n[x](gone.md)", 1),
        ] {
            let found = check(path, text, exists);
            assert_eq!(found.len(), broken, "{text}: {found:?}");
        }
    }
}
