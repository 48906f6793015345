//! People of history, and what people invented and discovered.

use std::sync::LazyLock;

use super::{Names, names, rows};

/// A person of history.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// The usual English name.
    pub name: &'static str,
    /// A short noun phrase with its article: "a Mongol ruler".
    pub who: &'static str,
    /// Reads after "born in": a year ("1879", "356 BC") where it is certain, else a century ("the 12th century").
    pub born: Names,
    /// Reads after "came from": the land of that time, then other names for it.
    pub land: Names,
    /// Reads after "known for": "founding the Mongol Empire".
    pub known_for: &'static str,
}

/// Something that was invented.
#[derive(Debug, Clone, PartialEq)]
pub struct Invention {
    /// Singular, with its article: "the telephone".
    pub name: &'static str,
    /// Empty where it is unknown, disputed or the work of many.
    pub inventor: Names,
    /// Empty where there is no one year.
    pub year: Names,
    /// Reads after "is used to": "talk with people far away"; may be empty.
    pub purpose: Names,
}

/// Something that was discovered.
#[derive(Debug, Clone, PartialEq)]
pub struct Discovery {
    /// Singular or plural, as it stands inside a sentence: "penicillin", "X-rays".
    pub name: &'static str,
    /// Who found it.
    pub discoverer: Names,
    /// Empty where there is no one year.
    pub year: Names,
}

static PEOPLE: LazyLock<Vec<Person>> = LazyLock::new(|| {
    rows("people", include_str!("people.txt"))
        .into_iter()
        .map(|[name, who, born, land, known_for]| Person { name, who, born: names(born), land: names(land), known_for })
        .collect()
});

static INVENTIONS: LazyLock<Vec<Invention>> = LazyLock::new(|| {
    rows("inventions", include_str!("inventions.txt"))
        .into_iter()
        .map(|[name, inventor, year, purpose]| Invention { name, inventor: names(inventor), year: names(year), purpose: names(purpose) })
        .collect()
});

static DISCOVERIES: LazyLock<Vec<Discovery>> = LazyLock::new(|| {
    rows("discoveries", include_str!("discoveries.txt"))
        .into_iter()
        .map(|[name, discoverer, year]| Discovery { name, discoverer: names(discoverer), year: names(year) })
        .collect()
});

/// People of history.
pub fn people() -> &'static [Person] {
    &PEOPLE
}

/// Inventions.
pub fn inventions() -> &'static [Invention] {
    &INVENTIONS
}

/// Discoveries.
pub fn discoveries() -> &'static [Discovery] {
    &DISCOVERIES
}
