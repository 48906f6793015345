//! The sentences of a page that fit a query.
//!
//! Knows sentences and terms, not the index: who calls says how a text becomes terms.

use std::collections::HashSet;

use super::query::Word;
use crate::plain::{clip, one_line};

/// At most so many sentences of a page.
const MAX_SENTENCES: usize = 6;

/// A sentence and the numbers of the query's words that it holds, with the place of the first one.
#[derive(Debug)]
struct Sentence<'a> {
    text: &'a str,
    held: HashSet<usize>,
    place: usize,
}

/// A page cut into sentences, beside a query.
#[derive(Debug)]
pub struct Page<'a> {
    sentences: Vec<Sentence<'a>>,
}

impl<'a> Page<'a> {
    /// Cuts a text. `terms` gives the terms of a sentence with their places in it.
    pub fn new(text: &'a str, words: &[Word], terms: &mut dyn FnMut(&str) -> Vec<(String, usize)>) -> Page<'a> {
        let sentence = |text: &'a str| {
            let found: Vec<(usize, usize)> = terms(text)
                .into_iter()
                .filter_map(|(term, place)| Some((words.iter().position(|word| word.term == term)?, place)))
                .collect();
            let place = found.iter().map(|(_, place)| *place).min().unwrap_or(0);
            Sentence { text, held: found.into_iter().map(|(word, _)| word).collect(), place }
        };
        Page { sentences: sentences(text).into_iter().map(sentence).collect() }
    }

    /// Whether every name of the query stands whole in some sentence.
    pub fn holds_names(&self, words: &[Word]) -> bool {
        let names: HashSet<usize> = words.iter().filter_map(|word| word.name).collect();
        names.into_iter().all(|name| {
            let mut held = self.sentences.iter().map(|sentence| &sentence.held);
            held.any(|held| (0..words.len()).all(|at| words[at].name != Some(name) || held.contains(&at)))
        })
    }

    /// The sentences that hold the most of the query, the weightiest words first, in the page's order, and the weight of
    /// the words in them. Where these leave room, the sentences behind the best one fill it.
    pub fn best(&self, words: &[Word], characters: usize) -> (String, f32) {
        let mut chosen: Vec<usize> = Vec::new();
        let mut covered: HashSet<usize> = HashSet::new();
        let mut room = characters;
        let length = |at: usize| one_line(self.sentences[at].text).chars().count() + 1;
        while chosen.len() < MAX_SENTENCES {
            // What a sentence adds counts first, then what it holds, then its place: the earlier the better.
            let gain = |sentence: &Sentence, new_only: bool| -> f32 {
                let mut held: Vec<usize> = sentence.held.iter().copied().filter(|word| !(new_only && covered.contains(word))).collect();
                held.sort_unstable(); // one order of summing, so that equal sentences get equal sums
                held.iter().map(|word| words[*word].weight).sum()
            };
            let mut best: Option<(usize, f32, f32)> = None;
            for (at, sentence) in self.sentences.iter().enumerate() {
                let (new, all) = (gain(sentence, true), gain(sentence, false));
                let better = best.is_none_or(|(_, most_new, most_all)| new > most_new || new == most_new && all > most_all);
                if new > 0.0 && better && !chosen.contains(&at) && (chosen.is_empty() || length(at) <= room) {
                    best = Some((at, new, all));
                }
            }
            let Some((at, ..)) = best else { break };
            covered.extend(&self.sentences[at].held);
            chosen.push(at);
            room = room.saturating_sub(length(at));
        }
        let Some(&first) = chosen.first() else {
            return (clip(&one_line(self.sentences.first().map_or("", |sentence| sentence.text)), characters, 0), 0.0);
        };
        let weight = (0..words.len()).filter(|word| covered.contains(word)).map(|word| words[word].weight).sum();
        for at in first + 1..self.sentences.len() {
            if chosen.len() >= MAX_SENTENCES || chosen.contains(&at) || length(at) > room {
                break;
            }
            chosen.push(at);
            room -= length(at);
        }
        if let [only] = chosen[..] {
            let sentence = &self.sentences[only];
            let place = one_line(&sentence.text[..sentence.place]).len();
            return (clip(&one_line(sentence.text), characters, place), weight);
        }
        chosen.sort_unstable();
        let texts: Vec<String> = chosen.iter().map(|at| one_line(self.sentences[*at].text)).collect();
        (texts.join(" "), weight)
    }
}

/// Cuts a text at line ends and behind full stops, question and exclamation marks that a blank follows. A stop behind
/// one or two letters of which the first is a capital ("J.", "Dr.") ends no sentence.
fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut start = 0;
        let mut chars = line.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let ends = matches!(c, '.' | '!' | '?') && chars.peek().is_none_or(|(_, next)| next.is_whitespace());
            if ends && !(c == '.' && is_short_form(&line[start..at])) {
                found.push(line[start..at + c.len_utf8()].trim());
                start = at + c.len_utf8();
            }
        }
        found.push(line[start..].trim());
    }
    found.retain(|sentence| !sentence.is_empty());
    found
}

fn is_short_form(before: &str) -> bool {
    let word = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    word.chars().count() <= 2 && word.chars().all(char::is_alphabetic) && word.starts_with(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page<'a>(text: &'a str, words: &[Word]) -> Page<'a> {
        Page::new(text, words, &mut |sentence| {
            let mut place = 0;
            let mut terms = Vec::new();
            for word in sentence.split_inclusive(|c: char| !c.is_alphanumeric()) {
                terms.push((word.trim_end_matches(|c: char| !c.is_alphanumeric()).to_lowercase(), place));
                place += word.len();
            }
            terms
        })
    }

    fn word(term: &str, weight: f32, name: Option<usize>) -> Word {
        Word { term: term.to_string(), weight, required: name.is_some(), name }
    }

    const TEXT: &str = "Miwa Baguye is a weaver. She lives near Dr. J. Bo in Rawata.\n\nThe hobby of Miwa is riding! Is that all? \
                        Yevu Salomo likes 3.5 pears.";

    #[test]
    fn texts_are_cut_into_sentences() {
        assert_eq!(
            sentences(TEXT),
            [
                "Miwa Baguye is a weaver.",
                "She lives near Dr. J. Bo in Rawata.",
                "The hobby of Miwa is riding!",
                "Is that all?",
                "Yevu Salomo likes 3.5 pears."
            ]
        );
        assert_eq!(sentences("\n \n"), [""; 0]);
        assert_eq!(sentences("..."), ["..."]);
    }

    #[test]
    fn the_sentences_with_the_most_words_are_given_in_their_order() {
        let words = [word("miwa", 3.0, Some(1)), word("baguye", 4.0, Some(1)), word("hobby", 2.0, None)];
        for (characters, expected) in [
            (300, ("Miwa Baguye is a weaver. She lives near Dr. J. Bo in Rawata. The hobby of Miwa is riding!", 9.0)),
            (54, ("Miwa Baguye is a weaver. The hobby of Miwa is riding!", 9.0)),
            (30, ("Miwa Baguye is a weaver.", 7.0)),
            (12, ("Miwa…", 7.0)),
        ] {
            let (text, weight) = page(TEXT, &words).best(&words, characters);
            assert_eq!((text.as_str(), weight), expected);
        }
        assert_eq!(page(TEXT, &[]).best(&[], 300), ("Miwa Baguye is a weaver.".to_string(), 0.0));
        assert_eq!(page("", &words).best(&words, 300), (String::new(), 0.0));
    }

    #[test]
    fn a_name_stands_in_one_sentence() {
        for (first, last, held) in [("miwa", "baguye", true), ("yevu", "salomo", true), ("miwa", "salomo", false), ("zu", "salomo", false)]
        {
            let words = [word(first, 1.0, Some(1)), word(last, 1.0, Some(1))];
            assert_eq!(page(TEXT, &words).holds_names(&words), held, "{first} {last}");
        }
    }
}
