//! Bits, letters and lists: problems about what is written. Whether a list is right is seen item by item.

use base::rng::Rng;
use serde_json::json;

use super::Problem;
use super::generator::Draft;
use crate::problems::same_value;

/// Bits of the shortest string: of shorter ones there are too few to hold any out.
const BEYOND_LEVEL: usize = 3;

/// "Parity of 0 1 1 0 1?" is 1, or odd. A level more is a bit more; the first has four.
pub(super) fn parity(rng: &mut Rng, level: usize) -> Draft {
    let bits: Vec<usize> = (0..level + BEYOND_LEVEL).map(|_| rng.below(2)).collect();
    let shown: Vec<String> = bits.iter().map(usize::to_string).collect();
    Draft {
        key: format!("parity {}", shown.concat()),
        question: format!("Parity of {}?", shown.join(" ")),
        answer: (bits.iter().sum::<usize>() % 2).to_string(),
        metadata: json!({ "bits": shown.concat() }),
    }
}

/// 0 or even, 1 or odd.
pub(super) fn is_parity(problem: &Problem, value: &str) -> bool {
    let word = match problem.answer.as_str() {
        "0" => "even",
        "1" => "odd",
        other => other,
    };
    same_value(value, &problem.answer) || same_value(value, word)
}

/// Words to look at, of many lengths.
const WORDS: [&str; 72] = [
    "ant",
    "bee",
    "egg",
    "ice",
    "oak",
    "owl",
    "sea",
    "tree",
    "wood",
    "moon",
    "bell",
    "door",
    "leaf",
    "noon",
    "pool",
    "road",
    "sand",
    "apple",
    "berry",
    "cocoa",
    "daddy",
    "eagle",
    "floor",
    "goose",
    "happy",
    "jelly",
    "level",
    "mummy",
    "onion",
    "puppy",
    "queen",
    "river",
    "banana",
    "bottle",
    "carrot",
    "coffee",
    "falcon",
    "garlic",
    "kitten",
    "pepper",
    "rabbit",
    "summer",
    "tattoo",
    "window",
    "balloon",
    "cabbage",
    "college",
    "freedom",
    "giraffe",
    "kingdom",
    "lettuce",
    "message",
    "tobacco",
    "elephant",
    "football",
    "mushroom",
    "parallel",
    "umbrella",
    "blueberry",
    "buttercup",
    "classroom",
    "crocodile",
    "pineapple",
    "raspberry",
    "wheelbarrow",
    "strawberry",
    "bookkeeper",
    "dandelion",
    "grasshopper",
    "hippopotamus",
    "mississippi",
    "rhododendron",
];

/// "How many r are there in strawberry?": 1 to 3, words of up to five, eight and more letters; 4, made-up words of six to nine letters;
/// 5, of up to sixteen, from few letters.
pub(super) fn letters(rng: &mut Rng, level: usize) -> Draft {
    let known = |rng: &mut Rng, lengths: std::ops::RangeInclusive<usize>| -> String {
        let fitting: Vec<&str> = WORDS.into_iter().filter(|word| lengths.contains(&word.len())).collect();
        (*rng.pick(&fitting)).to_owned()
    };
    let word = match level {
        1 => known(rng, 3..=5),
        2 => known(rng, 6..=8),
        3 => known(rng, 9..=12),
        4 => made_up(rng, 6, 9, 8),
        _ => made_up(rng, 10, 16, 4),
    };
    let among: Vec<char> = if rng.chance(0.85) { word.chars().collect() } else { ('a'..='z').collect() };
    let letter = *rng.pick(&among);
    Draft {
        key: format!("letters {letter} {word}"),
        question: format!("How many {letter} are there in {word}?"),
        answer: word.chars().filter(|&c| c == letter).count().to_string(),
        metadata: json!({ "letter": letter.to_string(), "word": word }),
    }
}

/// A word of `shortest` to `longest` letters, from at most `different` ones.
fn made_up(rng: &mut Rng, shortest: i64, longest: i64, different: usize) -> String {
    let all: Vec<char> = ('a'..='z').collect();
    let few: Vec<char> = rng.sample(&all, different).into_iter().copied().collect();
    (0..rng.range(shortest, longest)).map(|_| *rng.pick(&few)).collect()
}

/// Numbers by size or words by the alphabet, either way round: the first level has three, each further one more; from the fourth on
/// some numbers are below zero.
pub(super) fn sorting(rng: &mut Rng, level: usize) -> Draft {
    let n = level + 2;
    let of_words = rng.chance(0.4);
    let mut sorted: Vec<String> = if of_words {
        let mut words: Vec<String> = rng.sample(&WORDS, n).into_iter().map(|&word| word.to_owned()).collect();
        words.sort();
        words
    } else {
        let all: Vec<i64> = if level < 4 { (1..100).collect() } else { (-99..1000).collect() };
        let mut numbers: Vec<i64> = rng.sample(&all, n).into_iter().copied().collect();
        numbers.sort_unstable();
        numbers.into_iter().map(|number| number.to_string()).collect()
    };
    let key = format!("sorting {}", sorted.join(" "));
    let backwards = rng.chance(0.5);
    if backwards {
        sorted.reverse();
    }
    let (order, things) = match (of_words, backwards) {
        (true, false) => ("in alphabetical order", "words"),
        (true, true) => ("in reverse alphabetical order", "words"),
        (false, false) => ("from smallest to largest", "numbers"),
        (false, true) => ("from largest to smallest", "numbers"),
    };
    let mut shown = sorted.clone();
    while shown == sorted {
        rng.shuffle(&mut shown);
    }
    Draft {
        key,
        question: format!("Sort these {things} {order}: {}. Answer with the {things}, separated by commas.", shown.join(", ")),
        answer: sorted.join(", "),
        metadata: json!({ "items": shown }),
    }
}

/// The same items in the same order.
pub(super) fn is_sorted(problem: &Problem, value: &str) -> bool {
    let (given, right) = (items(value), items(&problem.answer));
    given.len() == right.len() && given.iter().zip(&right).all(|(given, right)| same_value(given, right))
}

/// What stands between commas, or where there are none, between spaces.
fn items(list: &str) -> Vec<&str> {
    match list.contains(',') {
        true => list.split(',').map(str::trim).collect(),
        false => list.split_whitespace().collect(),
    }
}
