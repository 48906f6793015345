//! How well an extracted text matches the expected one, as the article extraction benchmark measures it.
//!
//! Texts are cut into words and these into shingles of four; precision and recall are means over pages, F1 is made of
//! the two means (scrapinghub/article-extraction-benchmark, evaluate.py). Knows texts only.

use std::collections::HashMap;

use crate::text::is_alpha;

/// Shingles found, too many and missing, as shares of all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Match {
    /// In both texts.
    pub both: f64,
    /// In the extracted text alone.
    pub extra: f64,
    /// In the expected text alone.
    pub missing: f64,
}

impl Match {
    /// The share of the extracted text that is expected, if there is extracted text.
    pub fn precision(&self) -> Option<f64> {
        share(self.both, self.extra)
    }

    /// The share of the expected text that was extracted, if text is expected.
    pub fn recall(&self) -> Option<f64> {
        share(self.both, self.missing)
    }
}

fn share(part: f64, rest: f64) -> Option<f64> {
    (part + rest > 0.0).then(|| part / (part + rest))
}

/// The harmonic mean of precision and recall.
pub fn f1(precision: f64, recall: f64) -> f64 {
    if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 }
}

/// Compares two texts.
pub fn compare(expected: &str, extracted: &str) -> Match {
    let (expected, extracted) = (words(expected), words(extracted));
    let mut counts: HashMap<&[&str], (i64, i64)> = HashMap::new();
    shingles(&expected).for_each(|shingle| counts.entry(shingle).or_default().0 += 1);
    shingles(&extracted).for_each(|shingle| counts.entry(shingle).or_default().1 += 1);
    let sum = |count: fn(i64, i64) -> i64| counts.values().map(|&(a, b)| count(a, b).max(0)).sum::<i64>() as f64;
    let (both, missing, extra) = (sum(|a, b| a.min(b)), sum(|a, b| a - b), sum(|a, b| b - a));
    let all = (both + missing + extra).max(1.0);
    Match { both: both / all, extra: extra / all, missing: missing / all }
}

/// Runs of letters, digits and underscores.
fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !(is_alpha(c) || c.is_numeric() || c == '_')).filter(|word| !word.is_empty()).collect()
}

/// Shingles of four words; fewer words are one shingle.
fn shingles<'a, 't>(words: &'a [&'t str]) -> impl Iterator<Item = &'a [&'t str]> {
    let size = words.len().clamp(1, 4);
    words.windows(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shingles_are_counted() {
        for (expected, extracted, both, extra, missing) in [
            ("a b c d", "a, b: c - d!", 1.0, 0.0, 0.0),
            ("a b c d e", "a b c d", 0.5, 0.0, 0.5),
            ("a b c d", "a b c d a b c d", 0.2, 0.8, 0.0),
            ("a b", "a b", 1.0, 0.0, 0.0),
            ("a b", "", 0.0, 0.0, 1.0),
            ("", "a b c d e", 0.0, 1.0, 0.0),
            ("", "", 0.0, 0.0, 0.0),
            ("größe_1 ½", "größe_1 ½", 1.0, 0.0, 0.0),
        ] {
            assert_eq!(compare(expected, extracted), Match { both, extra, missing }, "{expected:?} {extracted:?}");
        }
        assert_eq!((compare("a", "").precision(), compare("a", "").recall()), (None, Some(0.0)));
        assert_eq!(f1(0.5, 1.0), 2.0 / 3.0);
        assert_eq!(f1(0.0, 0.0), 0.0);
    }
}
