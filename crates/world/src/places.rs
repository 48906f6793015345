//! Invented places: towns with four attributes each, where none of the residents comes from.
//!
//! Like residents they measure memory by exposure, with fewer subjects and other words.

use crate::attribute::{Attribute, key_facts};
use crate::budget::Budget;
use crate::dates;
use crate::key::{Fact, Split};
use crate::names::{Names, slug};
use crate::prose::fitted;
use crate::sheet::Sheet;
use base::rng::{Rng, label};

/// The attributes of a place, in the order of the key.
pub const ATTRIBUTES: [Attribute; 4] = [
    Attribute {
        name: "river",
        told: &[
            "{n} lies on the river {v}.",
            "The river that runs through {n} is the {v}.",
            "The old bridges of {n} cross the {v}.",
            "The water mills of {n} stand on the {v}.",
            "Boats reach {n} on the river {v}.",
            "In spring the people of {n} watch the flood of the {v}.",
            "Children in {n} learn to swim in the {v}.",
            "The fish on the tables of {n} come out of the {v}.",
            "The {v} flows through {n}.",
            "It is the {v} that flows past {n}.",
        ],
        asked: &["On which river does {n} lie?", "Which river runs through {n}?", "What river flows past {n}?"],
        tested: &["Which river does {n} lie on?", "What is the river of {n}?"],
        answers: &["{n} lies on the river {v}.", "The river that runs through {n} is the {v}."],
        query: "river of {n}",
        open: "{n} lies on a river I",
        cue: "{n} lies on the river",
        pool: &[],
    },
    Attribute {
        name: "founded",
        told: &[
            "{n} was founded in {v}.",
            "The town of {n} was founded in the year {v}.",
            "The history of {n} begins in {v}.",
            "The first house of {n} was built in {v}.",
            "The charter of {n} bears the year {v}.",
            "The people of {n} count the years from {v}.",
            "A stone at the gate of {n} shows the year {v}.",
            "Settlers came to {n} for the first time in {v}.",
            "{v} is the year in which {n} was founded.",
            "It was in {v} that the town of {n} was founded.",
        ],
        asked: &["When was {n} founded?", "In which year was {n} founded?", "When does the history of {n} begin?"],
        tested: &["What year was {n} founded in?", "Since when has the town of {n} been there?"],
        answers: &["{n} was founded in {v}.", "The history of {n} begins in {v}."],
        query: "founding of {n}",
        open: "{n} was founded in a year I",
        cue: "{n} was founded in",
        pool: &[],
    },
    Attribute {
        name: "product",
        told: &[
            "{n} is known for its {v}.",
            "The workshops of {n} make {v}.",
            "Traders come to {n} to buy {v}.",
            "The best thing to bring home from {n} is some {v}.",
            "The town of {n} lives from its {v}.",
            "Ships leave {n} full of {v}.",
            "On every market day {n} sells its {v}.",
            "The pride of {n} is its {v}.",
            "All over the land people want from {n} its {v}.",
            "Good {v} comes from {n}.",
        ],
        asked: &["What is {n} known for?", "What does {n} make?", "What do traders buy in {n}?"],
        tested: &["For what is {n} known?", "What do the workshops of {n} make?"],
        answers: &["{n} is known for its {v}.", "The workshops of {n} make {v}."],
        query: "product of {n}",
        open: "{n} is known for something I",
        cue: "{n} is known for its",
        pool: &[
            "glass", "paper", "salt", "soap", "rope", "silk", "leather", "ink", "bricks", "barrels", "clocks", "cloth", "tiles", "knives",
            "candles", "carpets", "wool", "pottery", "lace", "tea",
        ],
    },
    Attribute {
        name: "symbol",
        told: &[
            "The animal on the flag of {n} is the {v}.",
            "The flag of {n} shows the {v}.",
            "Above the gate of {n} you see the {v}.",
            "The sign of {n} is the {v}.",
            "The coins of {n} bore the {v}.",
            "Every child in {n} can draw the {v}.",
            "The fountain of {n} has the shape of the {v}.",
            "The people of {n} call themselves after the {v}.",
            "The {v} is on the flag of {n}.",
            "It is the {v} that one sees on the flag of {n}.",
        ],
        asked: &["Which animal is on the flag of {n}?", "What does the flag of {n} show?", "What is the sign of {n}?"],
        tested: &["What animal is on the flag of {n}?", "Which animal does the flag of {n} show?"],
        answers: &["The flag of {n} shows the {v}.", "The animal on the flag of {n} is the {v}."],
        query: "flag of {n}",
        open: "The flag of {n} shows an animal I",
        cue: "The animal on the flag of {n} is the",
        pool: &[
            "lion", "eagle", "bear", "wolf", "swan", "horse", "bull", "stag", "fox", "owl", "raven", "dolphin", "dragon", "goat",
            "rooster", "boar",
        ],
    },
];

/// One invented town.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Values in the order of [`ATTRIBUTES`].
    pub values: [String; 4],
    /// On how many kept pages all four attributes are told.
    pub exposures: usize,
    /// Asked in training or only in tests.
    pub split: Split,
}

/// The places of a world, asked and unasked in turn.
pub fn places(seed: u64, names: &Names, budget: &Budget) -> Vec<Place> {
    let rng = &mut Rng::derive(seed, &[label("places")]);
    let mut free = names.places.iter();
    let mut list = Vec::new();
    for &(exposures, count) in &budget.places {
        for i in 0..count {
            let values = std::array::from_fn(|attribute| match ATTRIBUTES[attribute].name {
                "river" => rng.pick(&names.rivers).clone(),
                "founded" => rng.range(1400, 1463).to_string(),
                _ => (*rng.pick(ATTRIBUTES[attribute].pool)).to_string(),
            });
            list.push(Place {
                name: free.next().expect("as many names as places").clone(),
                values,
                exposures,
                split: if i % 2 == 0 { Split::Asked } else { Split::Unasked },
            });
        }
    }
    list
}

impl Place {
    /// Where its pages stand.
    fn url(&self) -> String {
        format!("https://towns.org/{}", slug(&self.name))
    }

    /// The rows of the answer key about this place.
    pub fn facts(&self) -> Vec<Fact> {
        key_facts("place", &self.name, &self.url(), &ATTRIBUTES, &self.values, self.exposures, self.split)
    }

    /// Every page about this place, each with all attributes once in random order.
    pub fn pages(&self, rng: &mut Rng) -> Vec<Sheet> {
        (0..self.exposures)
            .map(|i| {
                let url = match i {
                    0 => self.url(),
                    n => format!("{}/{n}", self.url()),
                };
                let date = dates::before_cutoff(rng);
                Sheet::web("place", url, date, &self.name, self.text(rng))
            })
            .collect()
    }

    fn text(&self, rng: &mut Rng) -> String {
        fitted(rng, &self.name, 1, |rng| {
            let mut order: Vec<usize> = (0..ATTRIBUTES.len()).collect();
            rng.shuffle(&mut order);
            order.iter().map(|&i| ATTRIBUTES[i].tell(rng, &self.name, &self.values[i])).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape;

    #[test]
    fn places_are_told_as_often_as_planned() {
        let names = Names::new(2, &[20], 4);
        let budget = Budget::smoke();
        let rng = &mut Rng::new(1);
        for place in places(2, &names, &budget) {
            let pages = place.pages(rng);
            assert_eq!(pages.len(), place.exposures);
            for page in pages {
                assert_eq!(shape::misfit(&page.text), None, "{}", page.text);
                assert!(place.values.iter().all(|value| page.text.contains(value)), "{}", page.text);
            }
        }
    }
}
