//! What every source file keeps to: its head, its length, where `unsafe` may stand, and what a library may not do.
//!
//! Knows Rust only as far as telling code from comments and strings.

/// A file beyond this many lines is split by meaning.
const MAX_LINES: usize = 800;

/// Where `unsafe` has its address.
const UNSAFE_ADDRESSES: &[&str] = &["crates/tensor/src/", "crates/base/src/mmap.rs"];

/// The one library file that writes to the terminal: the progress bar that the cli hands to long work.
const PRINTING_ADDRESS: &str = "crates/base/src/progress.rs";

/// Where libraries open connections, and with what: a crawl also stamps what it finds with the time of day, and a server its answers.
const NETWORK_ADDRESSES: &[(&str, &[&str])] = &[
    ("crates/corpus/src/crawl/", &["std::net", "ureq", "SystemTime"]),
    ("crates/tools/src/http.rs", &["ureq"]),
    ("crates/server/src/", &["std::net", "SystemTime"]),
];

/// What a library may not call, with the reason.
const REFUSED_IN_LIBRARIES: &[(&str, &str)] = &[
    ("println!", "libraries print nothing; return it, or take a Progress"),
    ("eprintln!", "libraries print nothing; return it, or take a Progress"),
    ("print!", "libraries print nothing; return it, or take a Progress"),
    ("eprint!", "libraries print nothing; return it, or take a Progress"),
    ("std::env", "libraries read nothing from the environment; take an argument"),
    ("env::var", "libraries read nothing from the environment; take an argument"),
    ("std::net", "the network is touched only in corpus::crawl, tools::http and server"),
    ("ureq", "the network is touched only in corpus::crawl, tools::http and server"),
    ("process::exit", "libraries return errors"),
    ("SystemTime", "what is made must not depend on the time of day"),
];

/// What no file may hold: unfinished work and tests that do not run. Put together here so that this file passes.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!("),
    concat!("unimpl", "emented!("),
    concat!("#[", "ignore"),
    concat!("assert!(", "true)"),
    concat!("db", "g!("),
];

/// Breaches of one Rust file, `path` relative to the root with forward slashes.
pub fn check(path: &str, text: &str) -> Vec<String> {
    let mut breaches = check_words(path, text);
    if !text.starts_with("//!") {
        breaches.push(format!("{path} does not open with `//!`: say what the file is and what it does not know"));
    }
    let lines = text.lines().count();
    if lines > MAX_LINES {
        breaches.push(format!("{path} has {lines} lines; above {MAX_LINES} a file is split by meaning"));
    }

    let code = code_only(text);
    if !UNSAFE_ADDRESSES.iter().any(|address| path.starts_with(address)) {
        for line in lines_with(&code, "unsafe") {
            breaches.push(format!("{path}:{line}: `unsafe` stands only in {}", UNSAFE_ADDRESSES.join(" and ")));
        }
    }
    breaches.extend(check_root(path, &code));

    let library = path.starts_with("crates/") && path.contains("/src/") && !path.starts_with("crates/cli/");
    if library && path != PRINTING_ADDRESS && !path.ends_with("/tests.rs") {
        // Tests stand at a file's end, or in a tests.rs, and may use the folder for temporary files.
        let shipped = code.find("#[cfg(test)]").map_or(code.as_str(), |at| &code[..at]);
        let may = |word: &&str| NETWORK_ADDRESSES.iter().any(|(address, words)| path.starts_with(address) && words.contains(word));
        let refused = REFUSED_IN_LIBRARIES.iter().filter(|(word, _)| !may(word));
        for (word, reason) in refused {
            for line in lines_with(shipped, word) {
                breaches.push(format!("{path}:{line}: `{word}`: {reason}"));
            }
        }
    }
    breaches
}

/// Breaches of any text file: words of unfinished work.
pub fn check_words(path: &str, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    for word in UNFINISHED {
        for line in lines_with(text, word) {
            breaches.push(format!("{path}:{line}: `{word}`: finish it, or leave it out"));
        }
    }
    breaches
}

/// Folder and name of a file of integration tests, apart from `main.rs`.
pub fn test_module(path: &str) -> Option<(&str, &str)> {
    let (folder, file) = path.rsplit_once('/').filter(|(folder, _)| folder.ends_with("/tests/it"))?;
    file.strip_suffix(".rs").filter(|module| *module != "main").map(|module| (folder, module))
}

/// A file that `main.rs` does not name is not compiled, and its tests pass unseen.
pub fn check_test_module(path: &str, module: &str, main: &str) -> Option<String> {
    let named = [format!("mod {module};"), format!("pub mod {module};")];
    let is_named = main.lines().any(|line| named.iter().any(|name| line.trim() == name));
    (!is_named).then(|| format!("{path}: main.rs beside it has no `mod {module};`, so its tests never run"))
}

/// A crate's root says by attribute what this file says by address.
fn check_root(path: &str, code: &str) -> Option<String> {
    let is_root = path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs") || path.ends_with("/tests/it/main.rs");
    let attribute = match path {
        "crates/tensor/src/lib.rs" => return None,
        "crates/base/src/lib.rs" => "#![deny(unsafe_code)]",
        _ => "#![forbid(unsafe_code)]",
    };
    (is_root && !code.contains(attribute)).then(|| format!("{path} lacks `{attribute}`"))
}

/// The numbers (from 1) of the lines that hold `word` with no letter, digit or underscore directly before or after it.
fn lines_with(text: &str, word: &str) -> Vec<usize> {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    let (opens, closes) = (word.starts_with(part_of_word), word.ends_with(part_of_word));
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let stands_alone = |at: usize| {
            let before = line[..at].chars().next_back().is_some_and(part_of_word);
            let after = line[at + word.len()..].chars().next().is_some_and(part_of_word);
            !(opens && before || closes && after)
        };
        if line.match_indices(word).any(|(at, _)| stands_alone(at)) {
            found.push(index + 1);
        }
    }
    found
}

/// The text with comments and the insides of strings and characters blanked, line by line in place.
fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => line_end(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => block_comment_end(&chars, at),
            '"' => string_end(&chars, at),
            'r' if !inside_word(&chars, at) => raw_string_end(&chars, at).unwrap_or(at),
            '\'' => char_end(&chars, at).unwrap_or(at),
            _ => at,
        };
        if end == at {
            code.push(chars[at]);
            at += 1;
        } else {
            code.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

fn inside_word(chars: &[char], at: usize) -> bool {
    at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_') && chars[at - 1] != 'b'
}

fn line_end(chars: &[char], start: usize) -> usize {
    chars[start..].iter().position(|c| *c == '\n').map_or(chars.len(), |n| start + n)
}

/// Block comments nest in Rust.
fn block_comment_end(chars: &[char], start: usize) -> usize {
    let mut depth = 0;
    let mut at = start;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(chars.len())
}

fn string_end(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// The end of r"...", r#"..."# and so on, or nothing if this r opens none.
fn raw_string_end(chars: &[char], start: usize) -> Option<usize> {
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    let open = start + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let closes = |at: usize| chars[at] == '"' && (1..=hashes).all(|n| chars.get(at + n) == Some(&'#'));
    let quote = (open + 1..chars.len()).find(|at| closes(*at));
    Some(quote.map_or(chars.len(), |at| at + 1 + hashes))
}

/// The end of a character such as 'x' or '\u{1F600}', or nothing if this is a lifetime.
fn char_end(chars: &[char], start: usize) -> Option<usize> {
    if chars.get(start + 1) == Some(&'\\') {
        let close = chars[start + 3..].iter().position(|c| *c == '\'')?;
        return Some(start + 3 + close + 1);
    }
    (chars.get(start + 2) == Some(&'\'')).then_some(start + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "//! A file.\n";

    #[test]
    fn a_file_opens_with_its_head_and_stays_short() {
        assert!(check("crates/world/src/x.rs", HEAD).is_empty());
        assert_eq!(check("crates/world/src/x.rs", "fn f() {}\n").len(), 1);
        let long = format!("{HEAD}{}", "\n".repeat(MAX_LINES));
        assert_eq!(check("crates/world/src/x.rs", &long).len(), 1);
    }

    #[test]
    fn a_file_of_tests_that_nobody_names_is_found() {
        assert_eq!(test_module("crates/a/tests/it/curate.rs"), Some(("crates/a/tests/it", "curate")));
        assert_eq!(test_module("crates/a/tests/it/main.rs"), None);
        assert_eq!(test_module("crates/a/src/curate.rs"), None);
        assert_eq!(check_test_module("x", "curate", "//! Head.\nmod curate;\nmod site;\n"), None);
        for main in ["mod curate_too;\n", "// mod curate;\n", ""] {
            assert!(check_test_module("x", "curate", main).is_some(), "{main}");
        }
    }

    #[test]
    fn unsafe_has_its_addresses() {
        let text = format!("{HEAD}fn f() {{ unsafe {{ g() }} }}\n");
        for (path, broken) in [
            ("crates/tensor/src/kernels.rs", 0),
            ("crates/base/src/mmap.rs", 0),
            ("crates/base/src/files.rs", 1),
            ("crates/cli/tests/it/help.rs", 1),
            ("xtask/src/ci.rs", 1),
        ] {
            assert_eq!(check(path, &text).len(), broken, "{path}");
        }
        assert!(check("crates/base/src/files.rs", "//! Not unsafe.\nlet s = \"unsafe\"; // unsafe\nlet unsafe_code = 1;\n").is_empty());
    }

    #[test]
    fn roots_forbid_unsafe_by_attribute() {
        assert_eq!(check("crates/world/src/lib.rs", HEAD).len(), 1);
        assert!(check("crates/world/src/lib.rs", &format!("{HEAD}#![forbid(unsafe_code)]\n")).is_empty());
        assert!(check("crates/base/src/lib.rs", &format!("{HEAD}#![deny(unsafe_code)]\n")).is_empty());
        assert_eq!(check("crates/cli/tests/it/main.rs", HEAD).len(), 1);
    }

    #[test]
    fn libraries_neither_print_nor_read_the_environment() {
        for line in ["println!(\"x\");", "let v = std::env::var(\"X\");", "eprint!(\"x\");", "use std::net::TcpStream;"] {
            let text = format!("{HEAD}{line}\n");
            assert!(!check("crates/model/src/x.rs", &text).is_empty(), "{line}");
            assert!(check("crates/cli/src/x.rs", &text).is_empty(), "{line}");
            assert!(check("crates/model/src/x/tests.rs", &text).is_empty(), "{line}");
            assert!(check("crates/model/src/x.rs", &format!("{HEAD}#[cfg(test)]\nmod tests {{ {line} }}\n")).is_empty(), "{line}");
        }
        assert!(check("crates/model/src/x.rs", &format!("{HEAD}// println!\nlet s = env!(\"CARGO_PKG_NAME\");\n")).is_empty());
    }

    #[test]
    fn the_network_has_its_addresses() {
        for (path, broken) in [
            ("crates/corpus/src/crawl/fetch.rs", 0),
            ("crates/tools/src/http.rs", 2),
            ("crates/tools/src/openai.rs", 3),
            ("crates/corpus/src/crawl.rs", 3),
            ("crates/corpus/src/record.rs", 3),
            ("crates/server/src/guard.rs", 1),
            ("crates/base/src/files.rs", 3),
        ] {
            let text = format!("{HEAD}use std::net::IpAddr;\nuse ureq::Agent;\nuse std::time::SystemTime;\n");
            assert_eq!(check(path, &text).len(), broken, "{path}");
            assert!(!check(path, &format!("{HEAD}eprintln!();\n")).is_empty(), "{path}");
        }
    }

    #[test]
    fn unfinished_work_is_named_with_its_line() {
        let word = super::UNFINISHED[0];
        assert_eq!(check_words("docs/x.md", &format!("a\nb {word}: c\n")), [format!("docs/x.md:2: `{word}`: finish it, or leave it out")]);
        assert!(check_words("docs/x.md", &format!("{word}S\n")).is_empty());
    }

    #[test]
    fn comments_and_strings_are_blanked_and_lines_stay() {
        for (text, expected) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("x \" y", 1)"#, "f(        , 1)"),
            ("r#\"a \" b\"# z", "           z"),
            ("let c = '\"'; x", "let c =    ; x"),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            (r"'\'' y", "     y"),
            ("for r in x", "for r in x"),
        ] {
            assert_eq!(code_only(text), expected, "{text}");
        }
    }
}
