//! Sentences that say nothing in particular: the padding between facts, built from a few hundred plain words.

use crate::shape;
use base::rng::Rng;

const SPOTS: [&str; 24] = [
    "market",
    "harbour",
    "old mill",
    "town hall",
    "bridge",
    "school",
    "garden",
    "river bank",
    "bakery",
    "library",
    "square",
    "station",
    "hill",
    "park",
    "inn",
    "church",
    "bathhouse",
    "orchard",
    "lighthouse",
    "theatre",
    "tower",
    "well",
    "forest path",
    "post office",
];
const ADJECTIVES: [&str; 24] = [
    "old",
    "narrow",
    "quiet",
    "busy",
    "sunny",
    "long",
    "small",
    "green",
    "wide",
    "little",
    "pretty",
    "crowded",
    "famous",
    "cold",
    "bright",
    "dusty",
    "friendly",
    "steep",
    "warm",
    "ubiquitous",
    "noisy",
    "new",
    "broad",
    "lovely",
];
const THINGS: [&str; 24] = [
    "trees",
    "lamps",
    "flowers",
    "stones",
    "boats",
    "benches",
    "roses",
    "baskets",
    "carts",
    "books",
    "pictures",
    "bells",
    "chairs",
    "candles",
    "letters",
    "bicycles",
    "hats",
    "kettles",
    "ropes",
    "windows",
    "strawberry plants",
    "clocks",
    "drums",
    "ladders",
];
const PEOPLE: [&str; 16] = [
    "children",
    "neighbours",
    "visitors",
    "farmers",
    "travellers",
    "old friends",
    "musicians",
    "young couples",
    "students",
    "workers",
    "guests",
    "grandparents",
    "shopkeepers",
    "strangers",
    "families",
    "cousins",
];
const TIMES: [&str; 20] = [
    "In spring",
    "In summer",
    "In autumn",
    "In winter",
    "On Mondays",
    "On Tuesdays",
    "On Wednesdays",
    "On Thursdays",
    "On Fridays",
    "On Saturdays",
    "On Sundays",
    "Early in the morning",
    "Late in the evening",
    "At noon",
    "After the rain",
    "On market days",
    "Once a month",
    "In the holidays",
    "Before sunrise",
    "On windy days",
];
const DEEDS: [&str; 20] = [
    "sing together",
    "tell long stories",
    "drink tea",
    "feed the ducks",
    "play cards",
    "trade old coins",
    "look at the stars",
    "fly kites",
    "share a meal",
    "talk about the weather",
    "sell strawberry jam",
    "wait for the bus",
    "repair the fence",
    "paint the doors",
    "count the boats",
    "read the newspaper",
    "plant young trees",
    "listen to the band",
    "watch the clouds",
    "wash the steps",
];
const SMELLS: [&str; 12] = [
    "fresh bread",
    "wet grass",
    "hot soup",
    "wood smoke",
    "ripe apples",
    "strawberry cake",
    "salt and fish",
    "cut hay",
    "coffee",
    "new paint",
    "pine trees",
    "warm honey",
];
const NUMBERS: [&str; 10] = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve"];

/// One sentence of 8 to 14 words with several common words in it. `place` is where it happens: "the town".
pub fn padding(rng: &mut Rng, place: &str) -> String {
    let spot = *rng.pick(&SPOTS);
    let other = *rng.pick(&SPOTS);
    let adjective = *rng.pick(&ADJECTIVES);
    let things = *rng.pick(&THINGS);
    let people = *rng.pick(&PEOPLE);
    let time = *rng.pick(&TIMES);
    let deed = *rng.pick(&DEEDS);
    let deed2 = *rng.pick(&DEEDS);
    let smell = *rng.pick(&SMELLS);
    let number = *rng.pick(&NUMBERS);
    let inner = lower_first(time);
    match rng.below(24) {
        0 => format!("The {adjective} road to the {spot} is lined with {things}."),
        1 => format!("{time} the {spot} is full of {people} who {deed}."),
        2 => format!("{time} the air near the {spot} smells of {smell}."),
        3 => format!("There are {number} {adjective} houses between the {spot} and the {other}."),
        4 => format!("{time} many {people} meet at the {spot} to {deed}."),
        5 => format!("The {spot} of {place} is known for its {adjective} {things}."),
        6 => format!("You can hear the {people} {deed} behind the {spot}."),
        7 => format!("It takes {number} minutes to walk from the {spot} to the {other}."),
        8 => format!("The {people} of {place} like to {deed} and to {deed2}."),
        9 => format!("A {adjective} path with {things} leads down to the {spot}."),
        10 => format!("{time} one can see {people} and {things} all over {place}."),
        11 => format!("Nobody remembers who put the {number} {things} beside the {spot}."),
        12 => format!("The {adjective} {spot} has {number} doors and a roof of red tiles."),
        13 => format!("Most {people} come to the {spot} {inner} and {deed}."),
        14 => format!("They say that the {things} at the {spot} bring good luck."),
        15 => format!("{time} the smell of {smell} drifts over from the {spot}."),
        16 => format!("Some {people} still {deed} in front of the {adjective} {spot}."),
        17 => format!("The {spot} was built with the help of {number} {people}."),
        18 => format!("Behind the {spot} lies a {adjective} yard with {number} {things}."),
        19 => format!("If you go past the {spot}, you will find the {adjective} {other}."),
        20 => format!("{time} the {people} open the {spot} and {deed} until dark."),
        21 => format!("A sign at the {spot} asks all {people} not to {deed}."),
        22 => format!("The {other} is {adjective}, but the {spot} is where {people} {deed}."),
        _ => format!("Every year the {people} bring {number} new {things} to the {spot}."),
    }
}

/// One sentence of at least fourteen plain words in no order, so that even a long text of them hardly says five words twice.
pub fn salad(rng: &mut Rng) -> String {
    const ALL: [&[&str]; 4] = [&SPOTS, &ADJECTIVES, &THINGS, &PEOPLE];
    const LINKS: [&str; 6] = ["and", "with", "of", "to", "behind", "without"];
    let mut three = || {
        let words: Vec<&str> = (0..3)
            .map(|_| {
                let words = *rng.pick(&ALL);
                *rng.pick(words)
            })
            .collect();
        words.join(" ")
    };
    let (first, second, third) = (three(), three(), three());
    format!("The {first} {} the {second} {} the {third}.", rng.pick(&LINKS), rng.pick(&LINKS))
}

/// The text with its first letter in lower case.
pub fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().collect::<String>() + letters.as_str(),
        None => String::new(),
    }
}

/// A template with its `{n}` and `{v}` filled in.
pub fn fill(template: &str, name: &str, value: &str) -> String {
    template.replace("{n}", name).replace("{v}", value)
}

/// One of the templates, given to `is_usual` with their numbers; a usual one is `times` as likely as another.
pub fn pick_usual<'t>(rng: &mut Rng, templates: &[&'t str], times: f64, is_usual: impl Fn(usize, &str) -> bool) -> &'t str {
    let weights: Vec<f64> = templates.iter().enumerate().map(|(i, t)| if is_usual(i, t) { times } else { 1.0 }).collect();
    templates[rng.weighted(&weights)]
}

/// Sentences cut into `n_lines` paragraphs of about equal length, joined by newlines.
pub fn paragraphs(sentences: &[String], n_lines: usize) -> String {
    let per_line = sentences.len().div_ceil(n_lines.max(1)).max(1);
    sentences.chunks(per_line).map(|line| line.join(" ")).collect::<Vec<_>>().join("\n")
}

/// A page of two paragraphs that fits the filters: the sentences of `make` among at least `n_padding` sentences that say
/// nothing. Other sentences are tried before more padding, and the shortest of a few that fit is taken.
///
/// # Panics
/// If nothing fits even with much padding, which is a mistake of the caller's sentences.
pub fn fitted(rng: &mut Rng, place: &str, n_padding: usize, mut make: impl FnMut(&mut Rng) -> Vec<String>) -> String {
    const TRIES: usize = 12;
    const CHOICES: usize = 3;
    let mut shortest: Option<String> = None;
    let mut n_fitting = 0;
    for attempt in 0..TRIES * 16 {
        let mut sentences = make(rng);
        for _ in 0..n_padding + attempt / TRIES {
            sentences.insert(rng.below(sentences.len() + 1), padding(rng, place));
        }
        let text = paragraphs(&sentences, 2);
        if shape::misfit(&text).is_none() {
            n_fitting += 1;
            if shortest.as_ref().is_none_or(|other| text.len() < other.len()) {
                shortest = Some(text);
            }
        }
        // Texts with more padding are longer, so there is nothing to wait for.
        if n_fitting == CHOICES || (attempt % TRIES == TRIES - 1 && shortest.is_some()) {
            break;
        }
    }
    shortest.unwrap_or_else(|| panic!("no page fits around {:?}", make(rng)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_a_sentence_and_varies() {
        let rng = &mut Rng::new(3);
        let lines: std::collections::BTreeSet<String> = (0..1000).map(|_| padding(rng, "the town")).collect();
        assert!(lines.len() > 980, "{}", lines.len());
        for line in lines {
            assert!(line.ends_with('.') && line.starts_with(char::is_uppercase), "{line}");
            assert!((8..=19).contains(&crate::shape::n_words(&line)), "{line}");
        }
    }

    #[test]
    fn paragraphs_keep_every_sentence() {
        let sentences: Vec<String> = (0..7).map(|i| format!("S{i}.")).collect();
        assert_eq!(paragraphs(&sentences, 2), "S0. S1. S2. S3.\nS4. S5. S6.");
    }
}
