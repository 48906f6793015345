//! What a web is full of: pages for each filter, on both sides of its threshold, and copies of other pages.
//!
//! Every page here is about nothing, so none of them adds to what is to be remembered. A page that a filter should drop
//! passes all filters before it; its neighbour that should stay is as close to the threshold as the splitters of words
//! agree. The thresholds themselves are FineWeb's and stand in the corpus crate.

mod lines;
mod pages;
mod words;

use crate::dates;
use crate::prose::padding;
use crate::sheet::{Sheet, Shelf};
use base::rng::{Rng, label};
use std::collections::HashSet;

/// A page of one sort: its text or bytes, and the verdict on it.
type Case = fn(&mut Rng, usize) -> Sheet;

/// Every sort of page, in turn.
const CASES: [Case; 52] = [
    pages::listed_domain,
    pages::unlisted_neighbour,
    pages::listed_word,
    pages::two_soft_words,
    pages::one_soft_word,
    pages::listed_substring,
    pages::nothing_but_scripts,
    pages::nothing_but_menus,
    pages::other_language,
    pages::other_language,
    pages::address_data,
    pages::broken_html,
    pages::odd_charset,
    pages::packed,
    pages::truncated_page,
    pages::no_html,
    pages::gone,
    pages::undecodable,
    pages::damaged_record,
    pages::too_deep,
    words::too_few_words,
    words::just_enough_words,
    words::long_words,
    words::rather_long_words,
    words::short_words,
    words::rather_short_words,
    words::hashes,
    words::few_hashes,
    words::ellipses,
    words::few_ellipses,
    words::numbers,
    words::few_numbers,
    words::no_stop_words,
    words::one_stop_word,
    words::two_stop_words,
    words::top_grams,
    words::nearly_top_grams,
    words::repeated_runs,
    words::nearly_repeated_runs,
    words::lorem_ipsum,
    words::curly_brackets,
    words::few_sentences,
    words::five_sentences,
    lines::repeated_lines,
    lines::a_repeated_line,
    lines::bullets,
    lines::ellipsis_lines,
    lines::open_lines,
    lines::short_lines,
    lines::many_lines,
    lines::rather_many_lines,
    lines::policy_lines,
];

/// How often all sorts have come before page `i`; sorts with several faces show them in turn.
fn round(i: usize) -> usize {
    i / CASES.len()
}

/// Page number `i`, of a sort that changes with every page.
fn case(seed: u64, i: usize) -> Sheet {
    CASES[i % CASES.len()](&mut Rng::derive(seed, &[label("junk"), i as u64]), i)
}

/// `count` pages that some filter drops.
pub fn junk(seed: u64, count: usize) -> Vec<Sheet> {
    // Numbered far behind the others.
    (1 << 20..).map(|i| case(seed, i)).filter(|sheet| !sheet.kept()).take(count).collect()
}

/// `count` pages of all sorts, and once each those that are large.
pub fn cases(seed: u64, count: usize) -> Vec<Sheet> {
    let large: [Case; 3] = [pages::too_large, pages::far_too_deep, words::too_many_words];
    let rng = &mut Rng::derive(seed, &[label("large junk")]);
    let mut list: Vec<Sheet> = (0..count).map(|i| case(seed, i)).collect();
    list.extend(large.iter().enumerate().map(|(i, make)| make(rng, count + i)));
    list
}

/// Puts copies of kept stories behind them: exact ones, and ones that differ in a few letters.
///
/// To be called on pages in their final order, because the first of equals stays.
pub fn copy_some(seed: u64, sheets: &mut Vec<Sheet>, count: usize) {
    let rng = &mut Rng::derive(seed, &[label("copies")]);
    for number in 0..count {
        let stories: Vec<usize> = (0..sheets.len()).filter(|&i| sheets[i].kind == "story" && sheets[i].verdict == "keep").collect();
        let original = *rng.pick(&stories);
        let mut copy = sheets[original].clone();
        copy.url = format!("https://mirror.page/{}", number + 1);
        copy.date = dates::before_cutoff(rng);
        if number % 2 == 0 {
            copy.kind = "copy";
            copy.verdict = "exact_duplicate".to_string();
        } else {
            copy.kind = "near_copy";
            copy.verdict = "minhash".to_string();
            copy.text = nearly(rng, &copy.text);
        }
        let at = original + 1 + rng.below(sheets.len() - original);
        sheets.insert(at, copy);
    }
}

/// The text with another end or other marks: of its runs of five words at most one changes.
fn nearly(rng: &mut Rng, text: &str) -> String {
    let marks = text.replacen(", ", " - ", 1).replacen(". ", "! ", 2);
    match rng.below(3) {
        0 if marks != text => marks,
        1 => format!("Listen. {text}"),
        _ => format!("{text} Amen."),
    }
}

/// Pages that happen to say the same as an earlier one are its duplicates; the web comes before the schoolbooks.
///
/// To be called on pages in their final order.
pub fn label_equals(sheets: &mut [Sheet]) {
    let mut seen: HashSet<String> = HashSet::new();
    for shelf in [Shelf::Web, Shelf::Schoolbooks] {
        for sheet in sheets.iter_mut().filter(|sheet| sheet.shelf == shelf && (sheet.kept() || sheet.verdict == "minhash")) {
            if !seen.insert(sheet.text.clone()) {
                sheet.verdict = "exact_duplicate".to_string();
            }
        }
    }
}

/// A page about nothing that is to be kept.
fn page(rng: &mut Rng, number: usize, text: String) -> Sheet {
    let url = format!("https://{}/{number}", rng.pick(&["chat.page", "my.page", "note.page"]));
    Sheet::web("chatter", url, dates::before_cutoff(rng), "A page", text)
}

/// Sentences about nothing, at least `n_words` words of them.
fn chatter(rng: &mut Rng, n_words: usize) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    let mut total = 0;
    while total < n_words {
        let sentence = padding(rng, "the town");
        total += crate::shape::n_words(&sentence);
        sentences.push(sentence);
    }
    sentences
}

/// A text of two lines about nothing that fits all filters.
fn fitting(rng: &mut Rng) -> String {
    crate::prose::fitted(rng, "the town", 6, |_| Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_sort_is_made_and_kept_pages_fit() {
        let sheets = cases(4, CASES.len() * 6);
        let verdicts: BTreeSet<&str> = sheets.iter().map(|s| s.verdict.as_str()).collect();
        assert!(verdicts.len() >= 38, "{verdicts:?}");
        let urls: BTreeSet<&str> = sheets.iter().map(|s| s.url.as_str()).collect();
        assert_eq!(urls.len(), sheets.len());
    }

    #[test]
    fn copies_stand_behind_their_originals() {
        let mut sheets = crate::stories::sheets(1, 40);
        copy_some(1, &mut sheets, 20);
        assert_eq!(sheets.len(), 60);
        for (i, copy) in sheets.iter().enumerate().filter(|(_, s)| s.verdict == "exact_duplicate") {
            assert!(sheets[..i].iter().any(|s| s.verdict == "keep" && s.text == copy.text));
        }
    }
}
