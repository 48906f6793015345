//! Examples for people: pages beside what extraction made of them, texts that each rule dropped, and texts that stayed.
//!
//! Of each kind those with the smallest hashes of their ids are kept, which is a random choice that depends on nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Examples of each reason, and of extraction.
const MOST: usize = 4;
/// Bytes of a dropped text that are kept.
const TEXT_BYTES: usize = 1500;
/// Bytes of a page's HTML, and of its main text.
const HTML_BYTES: usize = 200_000;
const MAIN_TEXT_BYTES: usize = 20_000;

/// A document that was dropped, or kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Its address, or its id.
    pub name: String,
    /// The beginning of its text; empty where there was none yet.
    pub text: String,
    /// Characters of the whole text.
    pub characters: u64,
    order: u64,
}

/// A page before and after extraction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extraction {
    /// Its address, or its id.
    pub name: String,
    /// Its HTML, or the beginning of it.
    pub html: String,
    /// Its main text, or the beginning of it.
    pub text: String,
    /// Bytes of the whole HTML.
    pub html_bytes: u64,
    order: u64,
}

/// `examples.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Examples {
    /// Pages before and after extraction.
    pub extractions: Vec<Extraction>,
    /// Dropped documents by reason.
    pub dropped: BTreeMap<String, Vec<Example>>,
    /// Documents that passed everything.
    #[serde(default)]
    pub kept: Vec<Example>,
}

/// A random number that belongs to an id.
pub fn order_of(id: &str) -> u64 {
    u64::from_le_bytes(blake3::hash(id.as_bytes()).as_bytes()[..8].try_into().expect("a hash has 32 bytes"))
}

impl Examples {
    /// Pages of this order and above are not wanted as an example of extraction any more.
    pub fn extraction_bound(&self) -> u64 {
        if self.extractions.len() < MOST { u64::MAX } else { self.extractions[MOST - 1].order }
    }

    /// Offers a page before and after extraction.
    pub fn offer_extraction(&mut self, id: &str, name: &str, html: &str, text: &str) {
        let extraction = Extraction {
            name: name.to_string(),
            html: beginning(html, HTML_BYTES).to_string(),
            text: beginning(text, MAIN_TEXT_BYTES).to_string(),
            html_bytes: html.len() as u64,
            order: order_of(id),
        };
        keep_smallest(&mut self.extractions, [extraction], |extraction| extraction.order);
    }

    /// Offers a dropped document.
    pub fn offer_dropped(&mut self, reason: &str, id: &str, name: &str, text: &str) {
        offer(self.dropped.entry(reason.to_string()).or_default(), id, name, text);
    }

    /// Offers a document that passed everything.
    pub fn offer_kept(&mut self, id: &str, name: &str, text: &str) {
        offer(&mut self.kept, id, name, text);
    }

    /// Adds those of another part of the input.
    pub fn add(&mut self, other: Examples) {
        keep_smallest(&mut self.extractions, other.extractions, |extraction| extraction.order);
        for (reason, examples) in other.dropped {
            keep_smallest(self.dropped.entry(reason).or_default(), examples, |example| example.order);
        }
        keep_smallest(&mut self.kept, other.kept, |example| example.order);
    }
}

/// Takes a document among the examples if its order is small enough.
fn offer(examples: &mut Vec<Example>, id: &str, name: &str, text: &str) {
    let order = order_of(id);
    if examples.len() == MOST && examples[MOST - 1].order <= order {
        return;
    }
    let example =
        Example { name: name.to_string(), text: beginning(text, TEXT_BYTES).to_string(), characters: text.chars().count() as u64, order };
    keep_smallest(examples, [example], |example| example.order);
}

/// Adds examples and keeps the [`MOST`] of smallest order; among equals those that came first.
fn keep_smallest<T>(kept: &mut Vec<T>, more: impl IntoIterator<Item = T>, order: impl Fn(&T) -> u64) {
    kept.extend(more);
    kept.sort_by_key(order);
    kept.truncate(MOST);
}

/// At most so many bytes from the beginning, whole characters.
fn beginning(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However the input is cut into parts, the same examples stay.
    #[test]
    fn the_choice_depends_on_the_ids_alone() {
        let choose = |parts: usize| {
            let mut all = Examples::default();
            for part in 0..parts {
                let mut examples = Examples::default();
                for i in (0..100).filter(|i| i * parts / 100 == part) {
                    examples.offer_dropped(["a/x", "b"][i % 2], &i.to_string(), "n", &"ä".repeat(i * 20));
                    examples.offer_kept(&i.to_string(), "n", "text");
                    if order_of(&i.to_string()) < examples.extraction_bound() {
                        examples.offer_extraction(&i.to_string(), &i.to_string(), "<p>", "text");
                    }
                }
                all.add(examples);
            }
            all
        };
        let whole = choose(1);
        assert_eq!((whole.extractions.len(), whole.dropped["a/x"].len(), whole.dropped["b"].len()), (MOST, MOST, MOST));
        assert_eq!(whole.kept.len(), MOST);
        assert!(whole.dropped.values().flatten().all(|example| example.text.len() as u64 == (2 * example.characters).min(1500)));
        assert_eq!(choose(3), whole);
        assert_eq!(choose(100), whole);
    }
}
