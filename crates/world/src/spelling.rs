//! Lessons about letters: spelling, counting, every third letter, and words that share a beginning or an end.

use crate::dates;
use crate::problems::{self, Style, spelled};
use crate::sheet::Sheet;
use base::rng::{Rng, label};

/// Words to spell; the reserved ones of the report card are among them, but never with the reserved question.
pub const WORDS: [&str; 150] = [
    "apple",
    "garden",
    "strawberry",
    "ubiquitous",
    "banana",
    "bottle",
    "bridge",
    "butter",
    "candle",
    "carpet",
    "castle",
    "cheese",
    "cherry",
    "circle",
    "coffee",
    "corner",
    "cotton",
    "dinner",
    "doctor",
    "donkey",
    "dragon",
    "engine",
    "family",
    "farmer",
    "finger",
    "flower",
    "forest",
    "friend",
    "glasses",
    "guitar",
    "hammer",
    "harbour",
    "honey",
    "hotel",
    "island",
    "jacket",
    "kettle",
    "kitchen",
    "kitten",
    "ladder",
    "lemon",
    "letter",
    "library",
    "lighthouse",
    "market",
    "meadow",
    "mirror",
    "monkey",
    "morning",
    "mountain",
    "needle",
    "number",
    "ocean",
    "orange",
    "paper",
    "parrot",
    "pelican",
    "pencil",
    "pepper",
    "picture",
    "pillow",
    "planet",
    "pocket",
    "potato",
    "pumpkin",
    "rabbit",
    "raspberry",
    "ribbon",
    "river",
    "rocket",
    "saddle",
    "sailor",
    "school",
    "scissors",
    "season",
    "shadow",
    "silver",
    "sister",
    "spider",
    "spoon",
    "spring",
    "square",
    "squirrel",
    "station",
    "stone",
    "street",
    "summer",
    "sunflower",
    "table",
    "teacher",
    "theatre",
    "thunder",
    "ticket",
    "tiger",
    "tomato",
    "tower",
    "train",
    "tree",
    "trumpet",
    "turtle",
    "umbrella",
    "valley",
    "village",
    "violin",
    "waiter",
    "wallet",
    "water",
    "weather",
    "whistle",
    "window",
    "winter",
    "wizard",
    "wonder",
    "yellow",
    "zebra",
    "anchor",
    "autumn",
    "balloon",
    "barrel",
    "basket",
    "beetle",
    "berry",
    "blanket",
    "button",
    "camel",
    "carrot",
    "chicken",
    "clock",
    "cloud",
    "collar",
    "cousin",
    "curtain",
    "desert",
    "drum",
    "eagle",
    "feather",
    "fountain",
    "giraffe",
    "hedgehog",
    "hunter",
    "insect",
    "jungle",
    "lantern",
    "marble",
    "mushroom",
    "nephew",
    "oyster",
    "palace",
    "puppet",
    "quarter",
];

/// Sheets about letters for the schoolbooks.
pub fn sheets(seed: u64, count: usize) -> Vec<Sheet> {
    (0..count)
        .map(|i| {
            let rng = &mut Rng::derive(seed, &[label("spelling"), i as u64]);
            let lines: Vec<String> = (0..6).map(|_| exercise(rng)).collect();
            let date = dates::before_cutoff(rng);
            Sheet::school("spelling", format!("https://abc.school/{}", i + 1), date, lines.join("\n"))
        })
        .collect()
}

/// One question about letters with its answer.
fn exercise(rng: &mut Rng) -> String {
    let style = if rng.chance(0.4) { Style::Steps } else { Style::Short };
    let problem = match rng.below(8) {
        0..=2 => problems::draw(rng, false, problems::letters),
        3 => problems::draw(rng, false, problems::thirds),
        4 | 5 => {
            let word = *rng.pick(&WORDS);
            let question = match rng.below(3) {
                0 => format!("How do you spell {word}?"),
                1 => format!("Spell {word} letter by letter."),
                _ => format!("What are the letters of {word}?"),
            };
            return format!("Question: {question}\nAnswer: {}", spelled(word));
        }
        6 => {
            let word = *rng.pick(&WORDS);
            return format!("Question: Which word is spelled {}?\nAnswer: {word}", spelled(word));
        }
        _ => {
            let word = *rng.pick(&WORDS);
            let (question, answer) = if rng.chance(0.5) { ("first", word.chars().next()) } else { ("last", word.chars().last()) };
            return format!("Question: What is the {question} letter of {word}?\nAnswer: {}", answer.expect("a word has letters"));
        }
    };
    format!("Question: {}\nAnswer: {}", problem.question, problem.solution(style))
}

/// `n` letters that make no word.
pub fn letters(rng: &mut Rng, n: usize) -> String {
    (0..n).map(|_| char::from(*rng.pick(b"abcdefghijklmnopqrstuvwxyz"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_distinct_and_plain() {
        let set: std::collections::BTreeSet<&str> = WORDS.into_iter().collect();
        assert_eq!(set.len(), WORDS.len());
        assert!(WORDS.iter().all(|w| w.chars().all(|c| c.is_ascii_lowercase())));
    }

    #[test]
    fn reserved_questions_are_never_asked() {
        for sheet in sheets(4, 800) {
            assert!(!sheet.text.contains("How many r are there in strawberry?"));
            assert!(!sheet.text.contains("third letter of ubiquitous"));
        }
    }
}
