//! Little stories: a plot grammar with heroes, wishes, obstacles, helpers and endings, and a few hundred words.
//!
//! The beats stand in plots.txt. A story takes one line for each beat of one plot and one cast, so that stories share
//! their language but hardly ever five words in a row with the same cast.

use crate::dates;
use crate::knowledge::article;
use crate::shape;
use crate::sheet::Sheet;
use base::rng::{Rng, label};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Beats by (plot, beat); the plot "any" holds what all plots share.
static BEATS: LazyLock<BTreeMap<(&'static str, &'static str), Vec<&'static str>>> = LazyLock::new(|| {
    let mut beats: BTreeMap<_, Vec<&'static str>> = BTreeMap::new();
    for line in include_str!("plots.txt").lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let (head, text) = line.split_once(" | ").expect("a beat and its text");
        let beat = head.split_once(' ').expect("a plot and a beat");
        beats.entry(beat).or_default().push(text);
    }
    beats
});

/// The plots, by name.
pub fn plots() -> Vec<&'static str> {
    let mut plots: Vec<&str> = BEATS.keys().map(|(plot, _)| *plot).filter(|plot| *plot != "any").collect();
    plots.dedup();
    plots
}

/// Animals that can be heroes and helpers.
pub const HEROES: [&str; 30] = [
    "fox", "bear", "cat", "dog", "mouse", "duck", "frog", "horse", "goat", "pelican", "rabbit", "owl", "hen", "pig", "sheep", "donkey",
    "squirrel", "hedgehog", "turtle", "lion", "elephant", "crow", "goose", "wolf", "beaver", "monkey", "penguin", "snail", "bee", "camel",
];
const GIRLS: [&str; 10] = ["Mila", "Anna", "Lucy", "Emma", "Nina", "Sofia", "Ella", "Rosa", "Ida", "Julia"];
const BOYS: [&str; 10] = ["Tom", "Ben", "Max", "Leo", "Sam", "Oscar", "Finn", "Paul", "Theo", "Jack"];
const NAMES: [&str; 12] = ["Pip", "Bobo", "Coco", "Tiny", "Max", "Rusty", "Daisy", "Bella", "Toto", "Molly", "Lulu", "Felix"];
const TRAITS: [&str; 20] = [
    "small", "old", "brave", "lazy", "kind", "hungry", "clever", "young", "little", "happy", "shy", "friendly", "curious", "tired",
    "cheerful", "gentle", "poor", "quiet", "funny", "wise",
];
const PLACES: [&str; 20] = [
    "forest", "river", "village", "hill", "beach", "lake", "meadow", "mountain", "sea", "valley", "farm", "island", "desert", "town",
    "castle", "harbour", "field", "park", "swamp", "jungle",
];
const SPOTS: [&str; 16] = [
    "old oak",
    "mill",
    "well",
    "barn",
    "bridge",
    "market",
    "cave",
    "tower",
    "garden",
    "pond",
    "waterfall",
    "stone wall",
    "lighthouse",
    "church",
    "school",
    "haystack",
];
const THINGS: [&str; 20] = [
    "ball", "book", "hat", "lamp", "drum", "key", "spoon", "ring", "bell", "blanket", "basket", "clock", "umbrella", "kettle", "coat",
    "flute", "mirror", "scarf", "boot", "crown",
];
const FOODS: [&str; 18] = [
    "apples",
    "honey",
    "bread",
    "cheese",
    "nuts",
    "soup",
    "carrots",
    "strawberries",
    "plums",
    "fish",
    "corn",
    "cherries",
    "pancakes",
    "grapes",
    "beans",
    "pears",
    "cookies",
    "rice",
];
const LOOKS: [&str; 14] =
    ["round", "blue", "tiny", "crooked", "green", "narrow", "white", "dark", "quiet", "sleepy", "red", "lovely", "strange", "golden"];
const TIMES: [&str; 10] = [
    "one morning",
    "one evening",
    "one day",
    "on a cold day",
    "on a warm day",
    "early in spring",
    "late in autumn",
    "on a windy night",
    "on the first day of summer",
    "one rainy afternoon",
];
const COUNTS: [&str; 8] = ["two", "three", "four", "five", "six", "seven", "ten", "twelve"];

/// Who is in a story, for those who ask for one about somebody.
#[derive(Debug, Clone)]
pub struct Cast {
    intro: [String; 2],
    named: [String; 2],
    pronouns: [&'static str; 3],
}

impl Cast {
    /// A hero and a helper; `hero` fixes the hero's animal.
    pub fn new(rng: &mut Rng, hero: Option<&str>) -> Cast {
        let girl = rng.chance(0.5);
        let pronouns = if girl { ["she", "her", "her"] } else { ["he", "his", "him"] };
        let animals = rng.sample(&HEROES, 2);
        let hero = hero.unwrap_or(animals[0]);
        let mut helper = *animals[1];
        if helper == hero {
            helper = if hero == "fox" { "bear" } else { "fox" };
        }
        let traits = rng.sample(&TRAITS, 2);
        let (hero_intro, hero_named) = match rng.below(6) {
            0 if hero == *animals[0] => {
                let name = *rng.pick(if girl { &GIRLS } else { &BOYS });
                let child = if girl { "girl" } else { "boy" };
                (format!("{} {} {child} called {name}", article(traits[0]), traits[0]), name.to_string())
            }
            1 | 2 => {
                let name = *rng.pick(&NAMES);
                (format!("{} {} {hero} called {name}", article(traits[0]), traits[0]), name.to_string())
            }
            _ => (format!("{} {} {hero}", article(traits[0]), traits[0]), format!("the {hero}")),
        };
        Cast {
            intro: [hero_intro, format!("{} {} {helper}", article(traits[1]), traits[1])],
            named: [hero_named, format!("the {helper}")],
            pronouns,
        }
    }
}

/// A story of 8 to 12 sentences in three paragraphs about this cast.
pub fn story(rng: &mut Rng, cast: &Cast) -> String {
    let plots = plots();
    let plot = *rng.pick(&plots);
    // What happens twice in a story happens at the same place, with the same thing.
    let place = *rng.pick(&PLACES);
    let spot = *rng.pick(&SPOTS);
    let thing = *rng.pick(&THINGS);
    let food = *rng.pick(&FOODS);
    let mut beat = |name: &'static str| -> String {
        let shared = BEATS.get(&("any", name));
        let lines = shared.unwrap_or_else(|| &BEATS[&(plot, name)]);
        let template = *rng.pick(lines);
        let mut text = String::new();
        let mut rest = template;
        while let Some(at) = rest.find('{') {
            let end = rest.find('}').expect("a slot is closed");
            text.push_str(&rest[..at]);
            text.push_str(match &rest[at + 1..end] {
                "A" => &cast.intro[0],
                "B" => &cast.intro[1],
                "a" => &cast.named[0],
                "b" => &cast.named[1],
                "he" => cast.pronouns[0],
                "his" => cast.pronouns[1],
                "him" => cast.pronouns[2],
                "thing" => thing,
                "food" => food,
                "place" => place,
                "spot" => spot,
                "adj" => *rng.pick(&LOOKS),
                "time" => *rng.pick(&TIMES),
                "number" => *rng.pick(&COUNTS),
                other => panic!("unknown slot {other:?} in {template:?}"),
            });
            rest = &rest[end + 1..];
        }
        text.push_str(rest);
        sentence_case(&text)
    };
    let paragraphs = [["open", "problem"], ["attempt", "meet"], ["turn", "solution"]].map(|pair| pair.map(&mut beat).join(" "));
    format!("{}\n{}\n{} {}", paragraphs[0], paragraphs[1], paragraphs[2], beat("end"))
}

/// Upper case at the start of each sentence and of what is said, and for the word I; a/an by the word that follows.
fn sentence_case(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut start = true;
    let words: Vec<&str> = text.split(' ').collect();
    for (i, word) in words.iter().enumerate() {
        if i > 0 {
            out.push(' ');
        }
        let bare = word.trim_start_matches('"');
        let quote = &word[..word.len() - bare.len()];
        let next = words.get(i + 1).map(|w| w.trim_start_matches('"')).unwrap_or("");
        let bare = match bare {
            "a" | "an" if !next.is_empty() => article(next),
            "i" => "I",
            other => other,
        };
        // "asked the bear" after a question stays small: only a new sentence or an opening quote begins large.
        if start || !quote.is_empty() {
            out.push_str(quote);
            out.push_str(&crate::knowledge::capitalised(bare));
        } else {
            out.push_str(bare);
        }
        let said = word.ends_with("?\"") || word.ends_with("!\"");
        start = !said && word.trim_end_matches('"').ends_with(['.', '?', '!']);
    }
    out
}

/// Stories of the web.
pub fn sheets(seed: u64, count: usize) -> Vec<Sheet> {
    const SITES: [&str; 3] = ["tales.net", "bedtime.net", "fable.house"];
    (0..count)
        .map(|i| {
            let rng = &mut Rng::derive(seed, &[label("stories"), i as u64]);
            loop {
                let cast = Cast::new(rng, None);
                let text = story(rng, &cast);
                if shape::misfit(&text).is_none() {
                    let url = format!("https://{}/{}", SITES[i % SITES.len()], i / SITES.len() + 1);
                    let title = crate::knowledge::capitalised(&cast.named[0]);
                    return Sheet::web("story", url, dates::before_cutoff(rng), &title, text);
                }
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plots_have_all_their_beats() {
        assert!(plots().len() >= 12, "{:?}", plots());
        for plot in plots() {
            for beat in ["problem", "attempt", "turn", "solution"] {
                assert!(BEATS[&(plot, beat)].len() >= 3, "{plot} {beat}");
            }
        }
    }

    #[test]
    fn sentences_begin_large() {
        assert_eq!(
            sentence_case("he ran. \"what is it?\" asked the bear. \"i have a owl,\" said tom."),
            "He ran. \"What is it?\" asked the bear. \"I have an owl,\" said tom."
        );
    }

    #[test]
    fn stories_differ() {
        let stories = sheets(2, 300);
        let texts: std::collections::BTreeSet<&str> = stories.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(texts.len(), stories.len());
        assert!(stories.iter().all(|s| !s.text.contains('{')));
    }
}
