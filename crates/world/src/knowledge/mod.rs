//! True knowledge of the built-in web: tables of facts, and the sentences and questions that speak of them.
//!
//! A table is a text file in `tables/`, one row a line; [`tables`] parses them into plain structs. [`facts`] lists every
//! (subject, attribute, value) of all tables, and [`wordings`] gives the sentences, the questions used in training and
//! the questions kept for tests, one entry for each kind and attribute. What is disputed or unsettled is left out.
//!
//! Nothing here knows pages, seeds, exposures or splits: which facts stand on how many pages is decided elsewhere.

pub mod tables;

mod facts;
mod fillers;
mod wordings;

pub use facts::{Fact, facts};
pub use fillers::filler;
pub use wordings::{Wordings, all_wordings, wordings};

/// Puts a subject and a value into a template with `{s}` and `{v}`, and capitalises the first letter: "the Netherlands"
/// becomes "The Netherlands" at the start of a sentence and stays as it is elsewhere.
pub fn fill(template: &str, subject: &str, value: &str) -> String {
    // Cut at the marks instead of replacing twice: a subject may itself hold a brace.
    let mut text = String::with_capacity(template.len() + subject.len() + value.len());
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        text.push_str(&rest[..at]);
        match rest.get(at..at + 3) {
            Some("{s}") => text.push_str(subject),
            Some("{v}") => text.push_str(value),
            other => panic!("unknown mark {other:?} in the template {template:?}"),
        }
        rest = &rest[at + 3..];
    }
    text.push_str(rest);
    capitalised(&text)
}

/// The text with its first letter in upper case.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// "a" or "an" before the given words, by sound as far as the words of our tables need it.
pub fn article(words: &str) -> &'static str {
    let lower = words.to_lowercase();
    let sounds_as_consonant = ["uni", "use", "eu", "one"].iter().any(|start| lower.starts_with(start));
    let sounds_as_vowel = ["hour", "heir", "honest", "x-ray"].iter().any(|start| lower.starts_with(start));
    if sounds_as_vowel || (lower.starts_with(['a', 'e', 'i', 'o', 'u']) && !sounds_as_consonant) { "an" } else { "a" }
}

/// Words without the article in front of them: "the sea" becomes "sea".
pub fn without_article(words: &str) -> &str {
    ["the ", "a ", "an "].iter().find_map(|article| words.strip_prefix(article)).unwrap_or(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_and_starts_with_a_capital() {
        assert_eq!(fill("{s} has a capital called {v}.", "the Gambia", "Banjul"), "The Gambia has a capital called Banjul.");
        assert_eq!(fill("{v} is the capital of {s}.", "the Gambia", "Banjul"), "Banjul is the capital of the Gambia.");
    }

    #[test]
    fn articles_follow_the_sound() {
        for (words, expected) in [("owl", "an"), ("cub", "a"), ("European", "a"), ("hour", "an"), ("x-ray", "an"), ("unit", "a")] {
            assert_eq!(article(words), expected, "{words}");
        }
        assert_eq!(without_article("the sea"), "sea");
        assert_eq!(without_article("theatres"), "theatres");
    }
}
