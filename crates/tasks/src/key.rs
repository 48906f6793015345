//! The answer key of the built-in web: facts, recited passages, changes. Knows
//! what is true, not how anyone is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use crate::Result;

/// One line of `answers.jsonl`. A page's text is not kept: only `curate` is
/// measured against it.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "row", rename_all = "lowercase")]
enum Row {
    Page {},
    Fact(Fact),
    Passage(Passage),
    Change(Change),
}

/// Something that the web says about a subject.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Fact {
    /// Whom or what it is about.
    pub subject: String,
    /// resident, place, country, element, animal, ...
    pub kind: String,
    /// Which of the subject's attributes.
    pub attribute: String,
    /// Its value.
    pub value: String,
    /// Other spellings that are right too.
    #[serde(default)]
    pub also: Vec<String>,
    /// On how many pages it stands.
    pub exposures: u64,
    /// `asked` (questions about the subject occur in training), `unasked`; told nowhere: `unseen` (a name of the same syllables),
    /// `recombined` (the parts of two residents' names).
    pub split: String,
    /// The address of a page that tells it, or would.
    pub url: String,
    /// A text that goes on with the value.
    pub cue: String,
    /// Wordings that never occur in training text.
    #[serde(default)]
    pub questions: Vec<String>,
    /// The ISO date from which it holds, if it came to be.
    #[serde(default)]
    pub date: Option<String>,
}

impl Fact {
    /// Every spelling that is right.
    pub fn accepted(&self) -> Vec<&str> {
        std::iter::once(&self.value).chain(&self.also).map(String::as_str).collect()
    }
}

/// A text that is quoted word for word on `exposures` pages.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Passage {
    /// What the report calls it.
    pub name: String,
    /// The text.
    pub text: String,
    /// On how many pages it stands.
    pub exposures: u64,
}

/// A fact that changes after the cutoff.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Change {
    /// Whom or what it is about.
    pub subject: String,
    /// Which attribute changes.
    pub attribute: String,
    /// What it was.
    pub old: String,
    /// What it becomes.
    pub new: String,
    /// The ISO date of the change.
    pub date: String,
}

/// The answer key, in file order.
#[derive(Debug, Clone, Default)]
pub struct Key {
    /// All facts.
    pub facts: Vec<Fact>,
    /// All passages that are there to be recited.
    pub passages: Vec<Passage>,
    /// All changes after the cutoff.
    pub changes: Vec<Change>,
}

/// The values that an attribute takes, over all subjects of a kind.
pub type Pools = BTreeMap<(String, String), Vec<String>>;

impl Key {
    /// Reads `answers.jsonl`.
    ///
    /// # Errors
    /// Where the file is missing or a line is no row of a key; both name the place.
    pub fn read(path: &Path) -> Result<Key> {
        let mut key = Key::default();
        for row in base::jsonl::read_jsonl::<Row>(path)? {
            match row? {
                Row::Page {} => {}
                Row::Fact(fact) => key.facts.push(fact),
                Row::Passage(passage) => key.passages.push(passage),
                Row::Change(change) => key.changes.push(change),
            }
        }
        Ok(key)
    }

    /// The distinct values by (kind, attribute), sorted.
    pub fn pools(&self) -> Pools {
        pools(self.facts.iter().map(|fact| [&fact.kind, &fact.attribute, &fact.value]))
    }
}

/// The distinct values of rows of kind, attribute and value, sorted.
pub fn pools<'r>(rows: impl Iterator<Item = [&'r String; 3]>) -> Pools {
    let mut sets: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for [kind, attribute, value] in rows {
        sets.entry((kind.clone(), attribute.clone())).or_default().insert(value.clone());
    }
    sets.into_iter().map(|(name, values)| (name, values.into_iter().collect())).collect()
}

/// The pool of a fact's attribute, as phrases to look for. Empty for a fact whose
/// attribute the pools do not know.
pub fn pool_of<'p>(pools: &'p Pools, fact: &Fact) -> Vec<&'p str> {
    pool(pools, &fact.kind, &fact.attribute)
}

/// The pool of an attribute; empty for one that the pools do not know.
pub fn pool<'p>(pools: &'p Pools, kind: &str, attribute: &str) -> Vec<&'p str> {
    let values = pools.get(&(kind.to_owned(), attribute.to_owned()));
    values.map(|values| values.iter().map(String::as_str).collect()).unwrap_or_default()
}
