//! The URL filter: pages whose address says enough.
//!
//! The rules are those of FineWeb's pipeline. The lists that ship are small and our own; a folder may bring bigger ones.
//! An address in, a verdict out; the page itself is never looked at. Hosts are compared in small letters, which datatrove's
//! filter does not do; crawlers write them so. A host without a known suffix can be on a list, which there it cannot.

use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

use aho_corasick::AhoCorasick;

use crate::{Error, Reason, Result};

/// A page with so many different soft words in its address is dropped.
pub const SOFT_WORDS: usize = 2;

/// What an address must not contain.
#[derive(Debug)]
pub struct UrlLists {
    /// Registered domains and hosts.
    domains: HashSet<String>,
    /// Whole addresses, compared as they stand.
    urls: HashSet<String>,
    /// Words, one of which is too many.
    words: HashSet<String>,
    /// Words, two of which are too many.
    soft_words: HashSet<String>,
    /// Strings in the lower-cased address without anything but letters and digits; `None` if the list is empty.
    substrings: Option<AhoCorasick>,
}

impl UrlLists {
    /// The lists that ship.
    pub fn built_in() -> UrlLists {
        UrlLists {
            domains: parse(include_str!("lists/domains.txt"), false),
            urls: parse(include_str!("lists/urls.txt"), false),
            words: parse(include_str!("lists/banned_words.txt"), true),
            soft_words: parse(include_str!("lists/soft_words.txt"), true),
            substrings: automaton(&parse(include_str!("lists/banned_substrings.txt"), true)),
        }
    }

    /// The lists of a folder, in the format of FineWeb's: `domains`, `urls`, `banned_words.txt`, `banned_subwords.txt`,
    /// `soft_banned_words.txt`, each with or without `.txt` and `.gz`. A list that is not there is empty; a folder with
    /// none of them is refused.
    pub fn load(folder: &Path) -> Result<UrlLists> {
        let mut found = 0;
        let mut list = |name: &str, is_word: bool| -> Result<HashSet<String>> {
            for ending in ["", ".txt", ".gz", ".txt.gz"] {
                let path = folder.join(format!("{name}{ending}"));
                if path.is_file() {
                    found += 1;
                    return Ok(parse(&read_list(&path)?, is_word));
                }
            }
            Ok(HashSet::new())
        };
        let lists = UrlLists {
            domains: list("domains", false)?,
            urls: list("urls", false)?,
            words: list("banned_words", true)?,
            soft_words: list("soft_banned_words", true)?,
            substrings: automaton(&list("banned_subwords", true)?),
        };
        if found == 0 {
            return Err(Error::Refused(format!(
                "{} holds no URL lists; it should hold at least one of domains, urls, banned_words.txt, banned_subwords.txt, \
                 soft_banned_words.txt",
                folder.display()
            )));
        }
        Ok(lists)
    }
}

/// The text of a list, which may be compressed. Addresses need not be UTF-8 to be compared; what is not is replaced.
fn read_list(path: &Path) -> Result<String> {
    let bytes = base::files::read_bytes(path)?;
    let mut plain = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut plain).map_err(|source| Error::io(path, "decompress", source))?;
    } else {
        plain = bytes;
    }
    Ok(String::from_utf8_lossy(&plain).into_owned())
}

/// One entry a line; `#` begins a comment line. Words are lower-cased and lose everything but letters and digits.
fn parse(text: &str, is_word: bool) -> HashSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|line| if is_word { letters_and_digits(line) } else { line.trim().to_string() }).collect()
}

fn automaton(words: &HashSet<String>) -> Option<AhoCorasick> {
    (!words.is_empty()).then(|| AhoCorasick::new(words).expect("lists are far smaller than an automaton may be"))
}

fn letters_and_digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Keeps an address that is on no list.
pub fn check(url: &str, lists: &UrlLists) -> std::result::Result<(), Reason> {
    let host = host_of(url);
    let registered = registered_domain(&host);
    if registered.is_some_and(|domain| lists.domains.contains(domain)) || lists.domains.contains(&host) || lists.urls.contains(url) {
        return Err(Reason("url_domain"));
    }
    let parts: HashSet<&str> = url.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect();
    if parts.iter().any(|part| lists.words.contains(*part)) {
        return Err(Reason("url_word"));
    }
    if parts.iter().filter(|part| lists.soft_words.contains(**part)).count() >= SOFT_WORDS {
        return Err(Reason("url_soft_words"));
    }
    if lists.substrings.as_ref().is_some_and(|automaton| automaton.is_match(&letters_and_digits(url))) {
        return Err(Reason("url_substring"));
    }
    Ok(())
}

/// The host of an address in lower case, in its ASCII form; empty if there is none.
pub fn host_of(url: &str) -> String {
    let parsed = url::Url::parse(url).or_else(|_| url::Url::parse(&format!("http://{}", url.trim_start_matches('/'))));
    parsed.ok().and_then(|parsed| parsed.host_str().map(|host| host.trim_end_matches('.').to_string())).unwrap_or_default()
}

/// The domain that was registered: one label more than the public suffix. Only suffixes of the ICANN part of the list
/// count, so a page at `user.github.io` belongs to `github.io`.
pub fn registered_domain(host: &str) -> Option<&str> {
    use psl::{List, Psl, Type};
    let mut start = 0;
    loop {
        let suffix = List.suffix(&host.as_bytes()[start..])?;
        let length = suffix.as_bytes().len();
        if suffix.typ() == Some(Type::Private) {
            // A private suffix: ask again for what stands behind its first label.
            let inner = host.len() - length;
            start = inner + host[inner..].find('.')? + 1;
            continue;
        }
        let before = host[..host.len() - length].strip_suffix('.')?;
        let label = before.rfind('.').map_or(0, |dot| dot + 1);
        return (label < before.len()).then(|| &host[label..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registered_domains() {
        for (host, expected) in [
            ("www.bbc.co.uk", Some("bbc.co.uk")),
            ("example.com", Some("example.com")),
            ("a.b.example.com", Some("example.com")),
            ("user.github.io", Some("github.io")),
            ("x.user.blogspot.com", Some("blogspot.com")),
            ("co.uk", None),
            ("town.example", Some("town.example")),
            ("www.town.example", Some("town.example")),
            ("localhost", None),
            ("", None),
        ] {
            assert_eq!(registered_domain(host), expected, "{host}");
        }
    }

    #[test]
    fn each_rule_and_its_other_side() {
        let lists = UrlLists::built_in();
        for (url, expected) in [
            ("https://www.casino-royal-spins.example/", "url_domain"),
            ("https://casino-royal-spins.example:8080/rules", "url_domain"),
            ("https://gamble.free-hosting.example/index.html", "url_domain"), // a host
            ("https://garden.free-hosting.example/index.html", "keep"),
            ("https://notice-board.example/private/win-a-prize", "url_domain"), // a whole address
            ("https://notice-board.example/private/win-a-prizes", "keep"),
            ("https://town.example/casino/map", "url_word"),
            ("https://town.example/casinos/map", "keep"),
            ("https://town.example/Casino/map", "keep"), // compared as they stand
            ("https://town.example/a?b=xxx", "url_word"),
            ("https://town.example/free-poker", "url_soft_words"),
            ("https://town.example/free-free", "keep"), // one word, twice
            ("https://town.example/poker", "keep"),
            ("https://town.example/Free/Cas_ino", "url_substring"),
            ("https://town.example/sex-shopping", "url_substring"),
            ("https://essex-shire.example/", "keep"),
            ("not an address", "keep"),
            ("", "keep"),
        ] {
            assert_eq!(check(url, &lists).map_or_else(|reason| reason.0, |()| "keep"), expected, "{url}");
        }
    }

    #[test]
    fn lists_of_a_folder_replace_the_built_in_ones() {
        let folder = std::env::temp_dir().join(format!("schoolhouse-corpus-url-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        assert!(UrlLists::load(&folder).unwrap_err().to_string().contains("holds no URL lists"));
        std::fs::write(folder.join("domains"), "# comment\nbad.example\n").unwrap();
        std::fs::write(folder.join("banned_subwords.txt"), "Foo-Bar\n").unwrap();
        let lists = UrlLists::load(&folder).unwrap();
        assert_eq!(check("http://a.bad.example/", &lists), Err(Reason("url_domain")));
        assert_eq!(check("http://b.example/f_oo/bar", &lists), Err(Reason("url_substring")));
        assert_eq!(check("https://town.example/casino", &lists), Ok(()));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
