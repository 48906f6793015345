//! Names made of syllables. Knows who is a resident and who must stay unseen, and nothing about their lives.
//!
//! Every part of a name is shared by several people, so a tokenizer that learns a whole first or last name as one
//! token still gives nobody away: only the two parts together say who is meant.

use crate::knowledge::capitalised;
use base::rng::{Rng, label};
use std::collections::BTreeSet;

/// The syllables of all invented names.
pub const SYLLABLES: [&str; 30] = [
    "ba", "do", "ki", "la", "mo", "ne", "pa", "ri", "su", "ta", "ve", "zo", "mi", "ra", "lo", "fe", "gu", "hi", "jo", "ke", "li", "nu",
    "po", "sa", "ti", "vu", "wa", "ye", "da", "ro",
];

/// Two-syllable outcomes that are English words of their own.
const WORDS: [&str; 14] =
    ["kilo", "polo", "taro", "silo", "sumo", "judo", "dodo", "papa", "hilo", "sari", "lido", "kiwi", "solo", "safari"];

/// A name of `n` syllables, capitalised. Two-syllable names never end like an English word with a silent e.
pub fn syllables(rng: &mut Rng, n: usize) -> String {
    loop {
        let mut parts: Vec<&str> = Vec::with_capacity(n);
        while parts.len() < n {
            let part = *rng.pick(&SYLLABLES);
            if parts.last() != Some(&part) {
                parts.push(part);
            }
        }
        let name = parts.concat();
        let silent_e = n <= 2 && name.ends_with('e');
        if !silent_e && !WORDS.contains(&name.as_str()) {
            return capitalised(&name);
        }
    }
}

/// The text as the last part of an address: lower case, letters and digits joined by hyphens.
pub fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_string()
}

/// All names of one world. Built once from the seed; drawing from it needs a generator of its own.
#[derive(Debug, Clone)]
pub struct Names {
    /// Full names of residents, level by level, each part of a name shared by two residents of its group of levels.
    pub residents: Vec<String>,
    /// Full names that must occur on no page at all, of the same syllables.
    pub unseen: Vec<String>,
    /// Others that must occur on no page, though both of their parts do: the first name of one resident and the last name of another.
    pub recombined: Vec<String>,
    /// Names of towns (three syllables), where residents come from and news happen.
    pub towns: Vec<String>,
    /// Names of the places that have pages of their own (three syllables); nobody comes from there.
    pub places: Vec<String>,
    /// Names of rivers (two syllables).
    pub rivers: Vec<String>,
    /// First names of residents.
    first: Vec<String>,
    /// Last names of residents.
    last: Vec<String>,
    /// Every full name and part that is taken, so that a passing stranger gets a new one.
    taken: BTreeSet<String>,
}

impl Names {
    /// Draws residents, as many on each level as `levels` says, `n_unseen` people of each sort who occur
    /// nowhere, and the names of places.
    ///
    /// Parts are shared within a group of neighbouring levels only: across all of them, the many pages about one bearer
    /// of a last name would outweigh the few about another.
    pub fn new(seed: u64, levels: &[usize], n_unseen: usize) -> Names {
        let rng = &mut Rng::derive(seed, &[label("names")]);
        let mut parts = BTreeSet::new();
        let towns = distinct(rng, &mut parts, 48, 3);
        let places = distinct(rng, &mut parts, 24, 3);
        let rivers = distinct(rng, &mut parts, 16, 2);
        let (mut all_first, mut all_last, mut residents) = (Vec::new(), Vec::new(), Vec::new());
        for count in groups(levels) {
            let half = count.div_ceil(2).max(2);
            let first = distinct(rng, &mut parts, half, 2);
            let last = distinct(rng, &mut parts, half, 3);
            let mut names: Vec<String> = (0..count).map(|i| format!("{} {}", first[i % half], last[(i + i / half) % half])).collect();
            rng.shuffle(&mut names);
            residents.extend(names);
            all_first.extend(first);
            all_last.extend(last);
        }
        let mut taken: BTreeSet<String> = residents.iter().cloned().collect();
        let mut recombined = Vec::new();
        assert!(
            all_first.len() * all_last.len() >= taken.len() + n_unseen,
            "too few parts of names for {n_unseen} people who occur nowhere"
        );
        while recombined.len() < n_unseen {
            let name = format!("{} {}", rng.pick(&all_first), rng.pick(&all_last));
            if taken.insert(name.clone()) {
                recombined.push(name);
            }
        }
        let mut unseen = Vec::new();
        while unseen.len() < n_unseen {
            let (first, last) = (syllables(rng, 2), syllables(rng, 3));
            let name = format!("{first} {last}");
            if !parts.contains(&first) && !parts.contains(&last) && taken.insert(name.clone()) {
                unseen.push(name);
            }
        }
        taken.extend(parts);
        Names { residents, unseen, recombined, towns, places, rivers, first: all_first, last: all_last, taken }
    }

    /// The full name of nobody: the first name of one resident and the last name of another, as the key's recombined ones, and none
    /// of them.
    pub fn recombined(&self, rng: &mut Rng) -> String {
        loop {
            let name = format!("{} {}", rng.pick(&self.first), rng.pick(&self.last));
            if !self.taken.contains(&name) {
                return name;
            }
        }
    }

    /// A full name of fresh syllables that belongs to nobody else in the key.
    pub fn stranger(&self, rng: &mut Rng) -> String {
        loop {
            let (first, last) = (syllables(rng, 2), syllables(rng, 3));
            let name = format!("{first} {last}");
            if !self.taken.contains(&name) {
                return name;
            }
        }
    }
}

/// Levels with few residents joined with their next ones until each group has six: fewer cannot share their parts in pairs.
fn groups(levels: &[usize]) -> Vec<usize> {
    let mut groups: Vec<usize> = Vec::new();
    for &count in levels {
        match groups.last_mut() {
            Some(last) if *last < 6 => *last += count,
            _ => groups.push(count),
        }
    }
    groups
}

/// `count` distinct names of `n` syllables that are not yet in `parts`.
fn distinct(rng: &mut Rng, parts: &mut BTreeSet<String>, count: usize, n: usize) -> Vec<String> {
    let mut names = Vec::with_capacity(count);
    while names.len() < count {
        let name = syllables(rng, n);
        if parts.insert(name.clone()) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_share_parts_but_not_names() {
        let levels = [2, 4, 32, 32];
        let names = Names::new(1, &levels, 48);
        let all: BTreeSet<&String> = names.residents.iter().chain(&names.recombined).chain(&names.unseen).collect();
        assert_eq!(all.len(), levels.iter().sum::<usize>() + 2 * 48);
        let mut at = 0;
        for count in [6, 32, 32] {
            let level = &names.residents[at..at + count];
            for part in level.iter().flat_map(|name| name.split(' ')) {
                let bearers = |people: &[String]| people.iter().filter(|name| name.split(' ').any(|own| own == part)).count();
                assert_eq!(bearers(level), 2, "{part} gives somebody away");
                assert_eq!(bearers(&names.residents), 2, "{part} stands on two levels");
            }
            at += count;
        }
        let borne = |part: &str| names.residents.iter().any(|name| name.split(' ').any(|own| own == part));
        assert!(names.recombined.iter().flat_map(|name| name.split(' ')).all(borne));
        assert!(!names.unseen.iter().flat_map(|name| name.split(' ')).any(borne));
    }

    #[test]
    fn slugs_are_plain() {
        assert_eq!(slug("Bado Kilamo"), "bado-kilamo");
        assert_eq!(slug("Why is the sky blue?"), "why-is-the-sky-blue");
    }
}
