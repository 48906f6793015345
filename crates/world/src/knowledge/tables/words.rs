//! Questions why and how, the calendar, and tables of words: opposites, proverbs, glossaries, numbers.

use std::sync::LazyLock;

use super::{Names, names, rows};

/// A question about the world and its short answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Why {
    /// With its question mark: "Why is the sky blue?"
    pub question: &'static str,
    /// The same question in other words.
    pub other_words: &'static str,
    /// One to three plain sentences.
    pub answer: &'static str,
}

/// A month of the year.
#[derive(Debug, Clone, PartialEq)]
pub struct Month {
    /// "January"
    pub name: &'static str,
    /// Number of days in figures; February in a common year, then in a leap year.
    pub days: Names,
    /// Its place in the year, as a word: "first".
    pub place: &'static str,
}

/// A saying in two halves.
#[derive(Debug, Clone, PartialEq)]
pub struct Proverb {
    /// "A bird in the hand"
    pub first: &'static str,
    /// "is worth two in the bush", without a full stop.
    pub second: &'static str,
}

/// An everyday word in four languages.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// "teacher"
    pub english: &'static str,
    /// "professeur", without article.
    pub french: Names,
    /// "profesor", without article.
    pub spanish: Names,
    /// "seonsaengnim": Revised Romanisation, plain ASCII.
    pub korean: Names,
}

/// The days of the week; the day after the last is the first.
pub const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The seasons; after the last comes the first.
pub const SEASONS: [&str; 4] = ["spring", "summer", "autumn", "winter"];

static WHYS: LazyLock<Vec<Why>> = LazyLock::new(|| {
    rows("whys", include_str!("whys.txt"))
        .into_iter()
        .map(|[question, other_words, answer]| Why { question, other_words, answer })
        .collect()
});

static MONTHS: LazyLock<Vec<Month>> = LazyLock::new(|| {
    rows("months", include_str!("months.txt")).into_iter().map(|[name, days, place]| Month { name, days: names(days), place }).collect()
});

static OPPOSITES: LazyLock<Vec<(&str, &str)>> =
    LazyLock::new(|| rows("opposites", include_str!("opposites.txt")).into_iter().map(|[word, opposite]| (word, opposite)).collect());

static PROVERBS: LazyLock<Vec<Proverb>> =
    LazyLock::new(|| rows("proverbs", include_str!("proverbs.txt")).into_iter().map(|[first, second]| Proverb { first, second }).collect());

static GLOSSARY: LazyLock<Vec<Word>> = LazyLock::new(|| {
    rows("glossary", include_str!("glossary.txt"))
        .into_iter()
        .map(|[english, french, spanish, korean]| Word { english, french: names(french), spanish: names(spanish), korean: names(korean) })
        .collect()
});

/// Questions why and how with true answers; why the sky is blue comes first.
pub fn whys() -> &'static [Why] {
    &WHYS
}

/// The months, January first.
pub fn months() -> &'static [Month] {
    &MONTHS
}

/// Pairs of opposites; no word stands in two of them.
pub fn opposites() -> &'static [(&'static str, &'static str)] {
    &OPPOSITES
}

/// Well-known proverbs.
pub fn proverbs() -> &'static [Proverb] {
    &PROVERBS
}

/// Everyday words in English, French, Spanish and Korean.
pub fn glossary() -> &'static [Word] {
    &GLOSSARY
}

/// A number up to 999 in words: 42 is "forty-two", 305 is "three hundred and five".
pub fn number_in_words(number: u32) -> String {
    const SMALL: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    assert!(number < 1000, "only numbers below 1000 are put into words, not {number}");
    let (hundreds, tens, ones) = (number as usize / 100, number as usize / 10 % 10, number as usize % 10);
    let rest = number % 100;
    match (hundreds, rest) {
        (0, 0..20) => SMALL[rest as usize].to_string(),
        (0, _) if ones == 0 => TENS[tens].to_string(),
        (0, _) => format!("{}-{}", TENS[tens], SMALL[ones]),
        (_, 0) => format!("{} hundred", SMALL[hundreds]),
        (_, _) => format!("{} hundred and {}", SMALL[hundreds], number_in_words(rest)),
    }
}
