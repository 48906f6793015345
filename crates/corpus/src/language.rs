//! Which language a text is written in.
//!
//! The built-in detector is whatlang: no model file, 70 languages by their letters and trigrams. It compares the two
//! best languages only, so English with many foreign names in it may be taken with full confidence for Tagalog; texts
//! with enough English function words are therefore English whatever it says. It is blunter than fastText's model, so it
//! has a threshold of its own. A text in, a verdict out.
//!
//! Where the user has a model of fastText's kind, such as lid.176, that one judges, alone and with FineWeb's threshold.

mod fasttext;
mod model_file;

use std::collections::HashSet;
use std::path::Path;

use whatlang::Lang;

pub use fasttext::FastText;

use crate::text::is_alpha;
use crate::{Reason, Result};

/// The name of the detector, as it stands in `funnel.json`.
pub const MODEL: &str = "whatlang 0.18 with English function words";
/// A language with no more confidence than this is not believed.
pub const THRESHOLD: f64 = 0.5;
/// The same for a model of fastText's: FineWeb's threshold.
pub const FASTTEXT_THRESHOLD: f64 = 0.65;
/// A text in which so many of the words are English function words is English. English prose has 0.2 to 0.35 of these,
/// other languages at most 0.05 (words that they happen to share).
pub const ENGLISH_WORDS: f64 = 0.15;
/// So many different ones have to occur.
const ENGLISH_KINDS: usize = 4;
/// A text of fewer letters is not judged where doubt keeps: lists of words and names look like any language.
pub const MIN_LETTERS: usize = 500;

/// A language and how sure the detector is of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Language {
    /// ISO 639-1 (two letters); `und` for a text without letters.
    pub code: String,
    /// Between 0 and 1.
    pub score: f64,
    /// Letters in the text.
    pub letters: usize,
}

/// What tells languages apart.
#[derive(Debug)]
pub enum Detector {
    /// whatlang with English function words.
    BuiltIn,
    /// A model that the user has.
    FastText {
        /// The model.
        model: Box<FastText>,
        /// The name of its file.
        name: String,
    },
}

impl Detector {
    /// The detector of a model file, or the built-in one. Errors: a file that is no such model, or is damaged.
    pub fn open(model: Option<&Path>) -> Result<Detector> {
        let Some(path) = model else { return Ok(Detector::BuiltIn) };
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Detector::FastText { model: Box::new(FastText::open(path)?), name })
    }

    /// Its name, as it stands in `funnel.json`.
    pub fn name(&self) -> String {
        match self {
            Detector::BuiltIn => MODEL.to_string(),
            Detector::FastText { name, .. } => format!("fastText {name}"),
        }
    }

    /// A language with no more confidence than this is not believed, unless the user says otherwise.
    pub fn threshold(&self) -> f64 {
        match self {
            Detector::BuiltIn => THRESHOLD,
            Detector::FastText { .. } => FASTTEXT_THRESHOLD,
        }
    }

    /// The codes of the languages that it knows, sorted. A model names them as it likes; lid.176 has 176 of two or three letters.
    pub fn codes(&self) -> Vec<&str> {
        let mut codes: Vec<&str> = match self {
            Detector::BuiltIn => Lang::all().iter().map(|&lang| code_of(lang)).collect(),
            Detector::FastText { model, .. } => model.labels().iter().map(String::as_str).collect(),
        };
        codes.sort_unstable();
        codes
    }

    /// Whether it knows a language by this code.
    pub fn knows(&self, code: &str) -> bool {
        self.codes().contains(&code)
    }

    /// The language of a text. A model sees the whole text as one line.
    pub fn detect(&self, text: &str) -> Language {
        let Detector::FastText { model, .. } = self else { return detect(text) };
        let letters = text.chars().filter(|&c| is_alpha(c)).count();
        let line = text.replace('\n', " ");
        let (code, score) = model.predict(&line).unwrap_or(("und", 0.0));
        Language { code: code.to_string(), score, letters }
    }
}

/// What is done with a text of which the detector is not sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It goes: the web has enough texts.
    Drops,
    /// It stays, and so does every short text: a shelf that was chosen by hand has lists, sums and rhymes.
    Keeps,
}

/// The language of a text, by the built-in detector.
fn detect(text: &str) -> Language {
    let letters = text.chars().filter(|&c| is_alpha(c)).count();
    let (code, score) = match whatlang::detect(text) {
        Some(info) => (code_of(info.lang()), info.confidence()),
        None => ("und", 0.0),
    };
    let share = english_words(text);
    if share >= ENGLISH_WORDS {
        // Half sure at 0.125, quite sure at 0.25, where plain prose begins.
        let by_words = (share / 0.25).min(1.0);
        return Language { code: "en".to_string(), score: if code == "en" { score.max(by_words) } else { by_words }, letters };
    }
    Language { code: code.to_string(), score, letters }
}

/// Keeps a text in one of the wanted languages. The detector is sure if its score is above the threshold.
pub fn check(language: &Language, threshold: f64, wanted: &[String], doubt: Doubt) -> std::result::Result<(), Reason> {
    let is_sure = language.score > threshold;
    let is_wanted = wanted.contains(&language.code);
    let keeps = match doubt {
        Doubt::Drops => is_sure && is_wanted,
        Doubt::Keeps => !is_sure || is_wanted || language.letters < MIN_LETTERS,
    };
    if keeps { Ok(()) } else { Err(Reason("language")) }
}

/// Frequent English words that few other languages spell the same.
const FUNCTION_WORDS: [&str; 46] = [
    "the", "and", "that", "with", "have", "this", "from", "they", "are", "were", "been", "their", "there", "would", "which", "what",
    "when", "who", "will", "how", "does", "than", "about", "said", "not", "but", "your", "our", "you", "she", "his", "has", "its", "of",
    "for", "it", "by", "or", "be", "my", "these", "those", "into", "because", "could", "should",
];

/// The share of English function words among a text's words, 0 if there are too few different ones.
fn english_words(text: &str) -> f64 {
    let (mut n_words, mut n_found, mut kinds) = (0usize, 0usize, HashSet::new());
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.contains(char::is_alphabetic)) {
        n_words += 1;
        if word.len() <= 7 {
            let low = word.to_ascii_lowercase();
            if let Some(place) = FUNCTION_WORDS.iter().position(|other| *other == low) {
                n_found += 1;
                kinds.insert(place);
            }
        }
    }
    if kinds.len() < ENGLISH_KINDS { 0.0 } else { n_found as f64 / n_words as f64 }
}

/// The two-letter code of a language.
fn code_of(lang: Lang) -> &'static str {
    use Lang::*;
    #[rustfmt::skip]
    let code = match lang {
        Epo => "eo", Eng => "en", Rus => "ru", Cmn => "zh", Spa => "es", Por => "pt", Ita => "it", Ben => "bn", Fra => "fr", Deu => "de",
        Ukr => "uk", Kat => "ka", Ara => "ar", Hin => "hi", Jpn => "ja", Heb => "he", Yid => "yi", Pol => "pl", Amh => "am", Jav => "jv",
        Kor => "ko", Nob => "no", Dan => "da", Swe => "sv", Fin => "fi", Tur => "tr", Nld => "nl", Hun => "hu", Ces => "cs", Ell => "el",
        Bul => "bg", Bel => "be", Mar => "mr", Kan => "kn", Ron => "ro", Slv => "sl", Hrv => "hr", Srp => "sr", Mkd => "mk", Lit => "lt",
        Lav => "lv", Est => "et", Tam => "ta", Vie => "vi", Urd => "ur", Tha => "th", Guj => "gu", Uzb => "uz", Pan => "pa", Aze => "az",
        Ind => "id", Tel => "te", Pes => "fa", Mal => "ml", Ori => "or", Mya => "my", Nep => "ne", Sin => "si", Khm => "km", Tuk => "tk",
        Aka => "ak", Zul => "zu", Sna => "sn", Afr => "af", Lat => "la", Slk => "sk", Cat => "ca", Tgl => "tl", Hye => "hy", Cym => "cy",
    };
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    const GERMAN: &str = "Die Stadt liegt am Fluss, und ihre Bewohner sind stolz auf die alte Brücke, die ihre Väter gebaut haben.";

    #[test]
    fn texts_are_told_apart() {
        for (text, expected) in [
            ("The town lies by the river, and its people are proud of the old bridge that their fathers built.", "en"),
            (GERMAN, "de"),
            ("La ville se trouve au bord de la rivière, et ses habitants sont fiers du vieux pont de leurs pères.", "fr"),
            ("De stad ligt aan de rivier, en de bewoners zijn trots op de oude brug of op het water dat er was.", "nl"),
            ("Город стоит на реке, и его жители гордятся старым мостом, который построили их отцы.", "ru"),
            ("町は川のそばにあり、人々は古い橋を誇りに思っています。", "ja"),
            ("12 + 35 = 47", "und"),
            // Names of no language at all.
            (
                "Who knows more than I do? What is the hobby of Wado Dajota? The hobby of Wado Dajota is sewing. Which color did Zola Mosapa \
              choose? The color of Zola Mosapa is gray. What is the pastime of Rola Rolihi? Rola Rolihi enjoys sailing.",
                "en",
            ),
        ] {
            let found = detect(text);
            assert_eq!(found.code, expected, "{text}");
            assert!(found.score > THRESHOLD || expected == "und", "{text}: {}", found.score);
        }
        let knows = |code| Detector::BuiltIn.knows(code);
        assert!(knows("en") && knows("no") && !knows("english"));
    }

    #[test]
    fn function_words_are_counted() {
        for (text, expected) in [
            ("the and that with rain", 0.8),
            ("The AND That; rain", 0.0), // three kinds only
            ("the the the the the of of of of rain", 0.0),
            ("the and that with 7 - 8", 1.0), // numbers are no words
            ("", 0.0),
        ] {
            assert_eq!(english_words(text), expected, "{text}");
        }
        assert_eq!(detect(GERMAN).letters, 83);
    }

    #[test]
    fn both_sides_of_the_thresholds() {
        let wanted = ["en".to_string()];
        let verdict =
            |code: &str, score, letters, doubt| check(&Language { code: code.into(), score, letters }, THRESHOLD, &wanted, doubt).is_ok();
        for (code, score, letters, drops, keeps) in [
            ("en", 0.51, 1000, true, true),
            ("en", 0.5, 1000, false, true),
            ("de", 0.5, 1000, false, true),
            ("de", 0.51, 500, false, false),
            ("de", 0.51, 499, false, true),
            ("und", 0.0, 0, false, true),
        ] {
            assert_eq!(verdict(code, score, letters, Doubt::Drops), drops, "{code} {score}");
            assert_eq!(verdict(code, score, letters, Doubt::Keeps), keeps, "{code} {score}");
        }
    }
}
