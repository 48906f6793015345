//! Which language a text is written in.
//!
//! The detector is whatlang: built in, no model file, 69 languages by their letters and trigrams. It is blunter than
//! fastText's model, so it has a threshold of its own. A text in, a verdict out.

use whatlang::Lang;

use crate::Reason;

/// The name of the detector, as it stands in `funnel.json`.
pub const MODEL: &str = "whatlang 0.18";
/// Least confidence for a language to be believed.
pub const THRESHOLD: f64 = 0.5;

/// A language and how sure the detector is of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Language {
    /// ISO 639-1 (two letters); `und` for a text without letters.
    pub code: String,
    /// Between 0 and 1.
    pub score: f64,
}

/// What is done with a text of which the detector is not sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It goes: the web has enough texts.
    Drops,
    /// It stays: a shelf that was chosen by hand has lists, sums and rhymes, which look like no language.
    Keeps,
}

/// The language of a text.
pub fn detect(text: &str) -> Language {
    match whatlang::detect(text) {
        Some(info) => Language { code: code_of(info.lang()).to_string(), score: info.confidence() },
        None => Language { code: "und".to_string(), score: 0.0 },
    }
}

/// Keeps a text in one of the wanted languages.
pub fn check(language: &Language, wanted: &[String], doubt: Doubt) -> Result<(), Reason> {
    let is_sure = language.score > THRESHOLD;
    let is_wanted = wanted.contains(&language.code);
    let keeps = match doubt {
        Doubt::Drops => is_sure && is_wanted,
        Doubt::Keeps => !is_sure || is_wanted,
    };
    if keeps { Ok(()) } else { Err(Reason("language")) }
}

/// Whether the detector knows a language by this code.
pub fn is_known(code: &str) -> bool {
    Lang::all().iter().any(|&lang| code_of(lang) == code)
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

    #[test]
    fn texts_are_told_apart() {
        for (text, expected) in [
            ("The town lies by the river, and its people are proud of the old bridge that their fathers built.", "en"),
            ("Die Stadt liegt am Fluss, und ihre Bewohner sind stolz auf die alte Brücke, die ihre Väter gebaut haben.", "de"),
            ("La ville se trouve au bord de la rivière, et ses habitants sont fiers du vieux pont de leurs pères.", "fr"),
            ("Город стоит на реке, и его жители гордятся старым мостом, который построили их отцы.", "ru"),
            ("町は川のそばにあり、人々は古い橋を誇りに思っています。", "ja"),
            ("12 + 35 = 47", "und"),
        ] {
            let found = detect(text);
            assert_eq!(found.code, expected, "{text}");
            assert!(found.score > THRESHOLD || expected == "und", "{text}: {}", found.score);
        }
        assert!(is_known("en") && is_known("no") && !is_known("english"));
    }

    #[test]
    fn both_sides_of_the_threshold() {
        let wanted = ["en".to_string()];
        let verdict = |code: &str, score: f64, doubt| check(&Language { code: code.into(), score }, &wanted, doubt).is_ok();
        for (code, score, drops, keeps) in [
            ("en", 0.51, true, true),
            ("en", 0.5, false, true),
            ("de", 0.5, false, true),
            ("de", 0.51, false, false),
            ("und", 0.0, false, true),
        ] {
            assert_eq!(verdict(code, score, Doubt::Drops), drops, "{code} {score}");
            assert_eq!(verdict(code, score, Doubt::Keeps), keeps, "{code} {score}");
        }
    }
}
