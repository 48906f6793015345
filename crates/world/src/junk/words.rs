//! Pages that the rules about words judge: how many, how long, how often the same.

use super::lines::SHORT;
use super::{chatter, fitting, page, round};
use crate::knowledge::capitalised;
use crate::prose::{lower_first, paragraphs, salad};
use crate::shape::{mean_word_length, n_words, repeated_share, top_gram_share, words};
use crate::sheet::Sheet;
use base::rng::Rng;

/// Exactly `n` words in two lines, at least five sentences. Few of them are names, because the commas between these count
/// as words without a letter.
fn exactly(rng: &mut Rng, n: usize) -> String {
    const NAMES: [&str; 12] = ["Anna", "Ben", "Clara", "David", "Emma", "Frank", "Greta", "Henry", "Ida", "John", "Karl", "Lea"];
    const FEW: usize = 5;
    loop {
        let mut sentences: Vec<String> = rng.sample(&SHORT, 7).into_iter().map(|s| s.to_string()).collect();
        let left = n.saturating_sub(sentences.iter().map(|s| n_words(s)).sum());
        // Six words and the names fill up what is left.
        if (8..=6 + FEW).contains(&left) {
            let names: Vec<&str> = rng.sample(&NAMES, left - 6).into_iter().copied().collect();
            let (last, others) = names.split_last().expect("at least two names");
            sentences.push(format!("Nobody else was there but {} and {last}.", others.join(", ")));
            return paragraphs(&sentences, 2);
        }
    }
}

/// One word too few.
pub fn too_few_words(rng: &mut Rng, i: usize) -> Sheet {
    let text = exactly(rng, 49);
    page(rng, i, text).dropped_by("gopher_quality/too_few_words")
}

/// As many words as it takes.
pub fn just_enough_words(rng: &mut Rng, i: usize) -> Sheet {
    let text = exactly(rng, 50);
    page(rng, i, text)
}

/// A hundred thousand words and some more; nothing else is wrong with them.
pub fn too_many_words(rng: &mut Rng, i: usize) -> Sheet {
    let sentences: Vec<String> = (0..7_200).map(|_| salad(rng)).collect();
    let text = paragraphs(&sentences, 2400);
    page(rng, i, text).dropped_by("gopher_quality/too_many_words")
}

const LONG: [&str; 36] = [
    "administrative",
    "international",
    "communication",
    "considerable",
    "understanding",
    "responsibility",
    "extraordinary",
    "representatives",
    "infrastructure",
    "notwithstanding",
    "organisational",
    "comprehensive",
    "investigations",
    "philosophical",
    "circumstances",
    "straightforward",
    "recommendation",
    "characteristics",
    "transformation",
    "accountability",
    "implementation",
    "environmental",
    "disappointment",
    "congratulations",
    "entertainment",
    "approximately",
    "independently",
    "unfortunately",
    "simultaneously",
    "enthusiastically",
    "neighbourhoods",
    "manufacturers",
    "photographers",
    "mathematicians",
    "psychologists",
    "apprenticeships",
];

/// Sentences of `n_long` long words each and `short` ones among them.
fn lengthy(rng: &mut Rng, n_long: usize, short: &str) -> String {
    let sentences: Vec<String> = (0..9)
        .map(|_| {
            let words: Vec<&str> = rng.sample(&LONG, n_long).into_iter().copied().collect();
            let (first, rest) = words.split_at(n_long / 2);
            capitalised(&format!("{} {short} {}.", first.join(" "), rest.join(" ")))
        })
        .collect();
    paragraphs(&sentences, 3)
}

/// Words of more than ten letters on average.
pub fn long_words(rng: &mut Rng, i: usize) -> Sheet {
    let text = lengthy(rng, 6, "of the");
    page(rng, i, text).dropped_by("gopher_quality/mean_word_length")
}

/// Words of between nine and ten letters on average.
pub fn rather_long_words(rng: &mut Rng, i: usize) -> Sheet {
    loop {
        let text = lengthy(rng, 8, "of the men and to us");
        if (9.0..9.7).contains(&mean_word_length(&text)) {
            return page(rng, i, text);
        }
    }
}

/// Sentences of the shortest words there are, with `end` at the end of each.
fn brief(rng: &mut Rng, end: &[&str]) -> String {
    const WHO: [&str; 8] = ["I", "he", "we", "she", "it", "you", "they", "my ox"];
    const IS: [&str; 6] = ["am", "is", "go", "do", "was", "be"];
    const WHERE: [&str; 14] = [
        "in it",
        "on it",
        "by me",
        "at my inn",
        "up to us",
        "as if to go",
        "so to do",
        "in a bed",
        "on an ox",
        "by an oak",
        "at sea",
        "in on it",
        "to me",
        "of us",
    ];
    let sentences: Vec<String> = (0..13)
        .map(|_| {
            let (who, is, place, other) = (*rng.pick(&WHO), *rng.pick(&IS), *rng.pick(&WHERE), *rng.pick(&WHERE));
            let end = if end.is_empty() { String::new() } else { format!(" {}", rng.pick(end)) };
            capitalised(&format!("{who} {is} {place} or {other}{end}."))
        })
        .collect();
    paragraphs(&sentences, 2)
}

/// Words of fewer than three letters on average.
pub fn short_words(rng: &mut Rng, i: usize) -> Sheet {
    loop {
        let text = brief(rng, &[]);
        if is_varied(&text) {
            return page(rng, i, text).dropped_by("gopher_quality/mean_word_length");
        }
    }
}

/// Words of a little more than three letters on average.
pub fn rather_short_words(rng: &mut Rng, i: usize) -> Sheet {
    const LONGER: [&str; 12] = [
        "with neighbours",
        "before breakfast",
        "this evening",
        "on holidays",
        "without children",
        "sometimes twice",
        "near the harbour",
        "whenever possible",
        "after midnight",
        "together",
        "for grandmother",
        "during summer",
    ];
    loop {
        let text = brief(rng, &LONGER);
        if (3.1..3.8).contains(&mean_word_length(&text)) && is_varied(&text) {
            return page(rng, i, text);
        }
    }
}

/// Every `step`-th word of a text about nothing, marked by `mark`.
fn marked(rng: &mut Rng, step: usize, mut mark: impl FnMut(&str) -> String) -> String {
    let sentences = chatter(rng, 70);
    let text = paragraphs(&sentences, 2);
    let mut at = 0;
    text.lines()
        .map(|line| {
            let words: Vec<String> = line
                .split(' ')
                .map(|word| {
                    at += 1;
                    if at % step == 0 && word.chars().all(char::is_alphabetic) { mark(word) } else { word.to_string() }
                })
                .collect();
            words.join(" ")
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// More than one hash for ten words.
pub fn hashes(rng: &mut Rng, i: usize) -> Sheet {
    let text = marked(rng, 4, |word| format!("#{word}"));
    page(rng, i, text).dropped_by("gopher_quality/hash_ratio")
}

/// Fewer hashes than that.
pub fn few_hashes(rng: &mut Rng, i: usize) -> Sheet {
    let text = marked(rng, 18, |word| format!("#{word}"));
    page(rng, i, text)
}

/// More than one ellipsis for ten words.
pub fn ellipses(rng: &mut Rng, i: usize) -> Sheet {
    let text = marked(rng, 4, |word| format!("{word}..."));
    page(rng, i, text).dropped_by("gopher_quality/ellipsis_ratio")
}

/// Fewer ellipses than that.
pub fn few_ellipses(rng: &mut Rng, i: usize) -> Sheet {
    let text = marked(rng, 18, |word| format!("{word}..."));
    page(rng, i, text)
}

/// More than one word of five without a letter: numbers, and the full stops.
pub fn numbers(rng: &mut Rng, i: usize) -> Sheet {
    let text = numbered(rng, 4);
    page(rng, i, text).dropped_by("gopher_quality/alpha_words")
}

/// Fewer words without a letter than that.
pub fn few_numbers(rng: &mut Rng, i: usize) -> Sheet {
    let text = numbered(rng, 14);
    page(rng, i, text)
}

/// A text about nothing with a number in place of every `step`-th word.
fn numbered(rng: &mut Rng, step: usize) -> String {
    let mut numbers = rng.clone();
    marked(rng, step, |_| numbers.range(10, 99_999).to_string())
}

/// One of the commonest words, where it takes two.
pub fn one_stop_word(rng: &mut Rng, i: usize) -> Sheet {
    let text = goods(rng, &["today with me"]);
    page(rng, i, text).dropped_by("gopher_quality/stop_words")
}

/// Two of them.
pub fn two_stop_words(rng: &mut Rng, i: usize) -> Sheet {
    let text = goods(rng, &["today with me", "on top of it"]);
    page(rng, i, text)
}

/// None of them.
pub fn no_stop_words(rng: &mut Rng, i: usize) -> Sheet {
    let text = goods(rng, &[]);
    page(rng, i, text).dropped_by("gopher_quality/stop_words")
}

/// Sentences without the commonest words, as lists of goods have them; the first ones end in `ends`.
fn goods(rng: &mut Rng, ends: &[&str]) -> String {
    const WHO: [&str; 10] = [
        "My uncle",
        "A farmer",
        "Our teacher",
        "Her cousin",
        "This shop",
        "Some woman",
        "Your neighbour",
        "One sailor",
        "Another man",
        "His sister",
    ];
    const DOES: [&str; 10] = ["sells", "buys", "wants", "finds", "likes", "carries", "paints", "keeps", "makes", "collects"];
    const WHAT: [&str; 12] = [
        "red apples",
        "old books",
        "green hats",
        "cold soup",
        "sweet plums",
        "wooden chairs",
        "small boats",
        "good bread",
        "warm coats",
        "fresh fish",
        "blue lamps",
        "long ropes",
    ];
    const WHERE: [&str; 10] = [
        "near our school",
        "at six every day",
        "behind my house",
        "for his mother",
        "in early spring",
        "from her garden",
        "on rainy days",
        "during summer holidays",
        "before breakfast",
        "without any help",
    ];
    loop {
        let mut sentence = |at: usize| {
            let end = ends.get(at).map(|end| format!(" {end}")).unwrap_or_default();
            format!("{} {} {} {}{end}.", rng.pick(&WHO), rng.pick(&DOES), rng.pick(&WHAT), rng.pick(&WHERE))
        };
        let text = paragraphs(&(0..14).map(&mut sentence).collect::<Vec<_>>(), 2);
        if is_varied(&text) {
            return text;
        }
    }
}

/// A text about nothing in which phrases of `n` words are put into sentences until `enough` says so. Each phrase is
/// used `times` times before the next one begins.
fn stuffed(rng: &mut Rng, n: usize, times: usize, enough: impl Fn(&str) -> bool) -> Option<String> {
    const POOL: [&str; 48] = [
        "cheap",
        "shoes",
        "online",
        "carpets",
        "buy",
        "holiday",
        "offers",
        "discount",
        "watches",
        "today",
        "only",
        "save",
        "money",
        "fast",
        "loans",
        "best",
        "price",
        "deals",
        "kitchen",
        "garden",
        "insurance",
        "tickets",
        "hotel",
        "rooms",
        "credit",
        "phones",
        "repair",
        "service",
        "sale",
        "furniture",
        "leather",
        "jackets",
        "summer",
        "dresses",
        "gold",
        "rings",
        "silver",
        "chains",
        "diet",
        "tea",
        "magic",
        "cream",
        "vitamin",
        "drops",
        "lottery",
        "numbers",
        "lucky",
        "charms",
    ];
    // Texts of many lengths, because with one length a share between two limits may never come up.
    let length = 90 + rng.below(120);
    let mut sentences: Vec<Vec<String>> =
        chatter(rng, length).iter().map(|s| s.trim_end_matches('.').split(' ').map(String::from).collect()).collect();
    let joined = |sentences: &[Vec<String>]| {
        let lines: Vec<String> = sentences.iter().map(|s| format!("{}.", s.join(" "))).collect();
        paragraphs(&lines, 2)
    };
    let pool: Vec<&str> = rng.sample(&POOL, POOL.len()).into_iter().copied().collect();
    for phrase in pool.chunks_exact(n) {
        for _ in 0..times {
            let at = rng.below(sentences.len());
            let inside = 1 + rng.below(sentences[at].len() - 1);
            // Not beside another phrase, which would make a longer run of both.
            let near = inside.saturating_sub(1)..(inside + 1).min(sentences[at].len());
            if sentences[at][near].iter().any(|word| pool.contains(&word.as_str())) {
                continue;
            }
            sentences[at].splice(inside..inside, phrase.iter().map(|w| w.to_string()));
            let text = joined(&sentences);
            if enough(&text) {
                return Some(text);
            }
        }
    }
    None
}

/// The rules on the commonest runs of n words: n and the share that is too much.
const TOP: [(usize, f64); 3] = [(2, 0.20), (3, 0.18), (4, 0.16)];
/// The rules on runs of n words that stood before.
const REPEATED: [(usize, f64); 6] = [(5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.10)];

/// The share of the text that rule `n` of these looks at.
fn share(words: &[&str], n: usize, n_chars: usize) -> f64 {
    if n < 5 { top_gram_share(words, n, n_chars) } else { repeated_share(words, n, n_chars) }
}

/// Whether the text repeats so little that none of these rules drops it.
pub fn is_varied(text: &str) -> bool {
    let words = words(text);
    TOP.iter().chain(&REPEATED).all(|&(n, limit)| share(&words, n, text.chars().count()) < limit - 0.005)
}

/// A text in which the share of runs of `n` words lies between two bounds, within the rules that come before that on
/// `n`, and where it is to be kept within those behind it too.
fn stuffed_within(rng: &mut Rng, n: usize, least: f64, most: f64, is_kept: bool) -> String {
    let times = if n < 5 { 60 } else { 2 };
    let fits = |text: &str| {
        let words = words(text);
        let n_chars = text.chars().count();
        let share = |m: usize| share(&words, m, n_chars);
        let mut others = TOP.iter().chain(&REPEATED).filter(|(m, _)| *m < n || *m > n && is_kept);
        (least..most).contains(&share(n)) && others.all(|&(m, limit)| share(m) < limit - 0.005)
    };
    loop {
        if let Some(text) = stuffed(rng, n, times, fits) {
            return text;
        }
    }
}

/// One phrase said too often.
pub fn top_grams(rng: &mut Rng, i: usize) -> Sheet {
    let (n, limit) = TOP[round(i) % TOP.len()];
    let text = stuffed_within(rng, n, limit + 0.005, limit + 0.04, false);
    page(rng, i, text).dropped_by(&format!("gopher_repetition/top_{n}_gram"))
}

/// One phrase said nearly too often.
pub fn nearly_top_grams(rng: &mut Rng, i: usize) -> Sheet {
    let (n, limit) = TOP[round(i) % TOP.len()];
    let text = stuffed_within(rng, n, limit - 0.04, limit - 0.005, true);
    page(rng, i, text)
}

/// Too many phrases said twice.
pub fn repeated_runs(rng: &mut Rng, i: usize) -> Sheet {
    let (n, limit) = REPEATED[round(i) % REPEATED.len()];
    let text = stuffed_within(rng, n, limit + 0.005, limit + 0.05, false);
    page(rng, i, text).dropped_by(&format!("gopher_repetition/dup_{n}_grams"))
}

/// Nearly too many.
pub fn nearly_repeated_runs(rng: &mut Rng, i: usize) -> Sheet {
    let (n, limit) = REPEATED[round(i) % REPEATED.len()];
    let text = stuffed_within(rng, n, limit - 0.05, limit - 0.005, true);
    page(rng, i, text)
}

/// A page that was never filled in.
pub fn lorem_ipsum(rng: &mut Rng, i: usize) -> Sheet {
    let text = format!("{}\nLorem ipsum dolor sit amet is what the printer put here.", fitting(rng));
    page(rng, i, text).dropped_by("c4/lorem_ipsum")
}

/// A page with program text.
pub fn curly_brackets(rng: &mut Rng, i: usize) -> Sheet {
    let text = format!("{}\nThe program begins with the line function open() {{ return door; }} and goes on.", fitting(rng));
    page(rng, i, text).dropped_by("c4/curly_bracket")
}

/// `n` sentences of about `60 / n` words each, joined from shorter ones by "and".
fn long_sentences(rng: &mut Rng, n: usize) -> String {
    let sentences: Vec<String> = (0..n)
        .map(|_| {
            let parts: Vec<String> = chatter(rng, 60 / n + 4).iter().map(|part| lower_first(part.trim_end_matches('.'))).collect();
            capitalised(&format!("{}.", parts.join(" and ")))
        })
        .collect();
    paragraphs(&sentences, 2)
}

/// One sentence too few.
pub fn few_sentences(rng: &mut Rng, i: usize) -> Sheet {
    let text = long_sentences(rng, 4);
    page(rng, i, text).dropped_by("c4/too_few_sentences")
}

/// As many sentences as it takes.
pub fn five_sentences(rng: &mut Rng, i: usize) -> Sheet {
    let text = long_sentences(rng, 5);
    page(rng, i, text)
}
