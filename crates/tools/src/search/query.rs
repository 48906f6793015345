//! What a query asks for: which of its words must be found, and which only help.
//!
//! A query is plain words, never a query language: marks of any kind only part words. The rule:
//!
//! - Words that only hold sentences together ("what", "is", "of") are passed over, unless there are no others.
//! - Words written with a capital letter are names. If there are any, a page must hold them all, and those that stand
//!   side by side in the query must stand in one sentence of the page: two people do not make a third.
//! - Without a name, a page must hold all words that are rare, which means in at most one document of a hundred.
//! - All other words decide the order of the hits.
//!
//! A word that occurs nowhere is rare. So a person of whom there is no page gives nothing, rather than somebody else.

use std::collections::HashSet;

/// A query's words beyond this many are passed over.
const MAX_WORDS: usize = 32;

/// A word of a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// As it stands in the index: lower case, without accents and endings.
    pub term: String,
    /// How much it tells: the logarithm of the documents by those that hold it.
    pub weight: f32,
    /// Whether a page must hold it.
    pub required: bool,
    /// Names that stand side by side have one number, other words none.
    pub name: Option<usize>,
}

/// A token of a query: as written, as in the index, and the documents that hold it.
#[derive(Clone, Debug)]
pub struct Token {
    /// As written.
    pub written: String,
    /// As in the index.
    pub term: String,
    /// Documents that hold it.
    pub documents: u64,
    /// Whether nothing but a blank stands between it and the token before.
    pub follows: bool,
}

/// The words that a query asks for, among so many documents.
pub fn words(tokens: &[Token], documents: u64) -> Vec<Word> {
    let rare = |token: &Token| token.documents <= (documents / 100).max(1);
    let is_content = |token: &&Token| !FUNCTION_WORDS.contains(&token.written.to_lowercase().as_str());
    let has_content = tokens.iter().any(|token| is_content(&token));

    // (token, the number of its name). A first word has its capital from the sentence, unless it is rare or a name goes on.
    let mut chosen: Vec<(&Token, Option<usize>)> = Vec::new();
    let mut names = 0;
    let mut open = false;
    for (at, token) in tokens.iter().enumerate() {
        if has_content && !is_content(&token) {
            open = false;
            continue;
        }
        let goes_on = tokens.get(at + 1).is_some_and(|next| next.follows && is_capital(next) && is_content(&next));
        let is_name = has_content && is_capital(token) && (at > 0 || goes_on || rare(token));
        if is_name && !(open && token.follows) {
            names += 1;
        }
        open = is_name;
        chosen.push((token, is_name.then_some(names)));
    }

    let has_names = names > 0;
    let mut seen = HashSet::new();
    let mut words = Vec::new();
    for (token, name) in chosen {
        if words.len() < MAX_WORDS && seen.insert(token.term.as_str()) {
            let required = if has_names { name.is_some() } else { has_content && rare(token) };
            let weight = (1.0 + documents as f32 / (token.documents as f32 + 0.5)).ln();
            words.push(Word { term: token.term.clone(), weight, required, name });
        }
    }
    words
}

fn is_capital(token: &Token) -> bool {
    token.written.chars().next().is_some_and(char::is_uppercase)
}

/// English words that hold a sentence together, in lower case; what the tokenizer leaves of "don't" and "it's" too.
const FUNCTION_WORDS: &[&str] = &[
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "because", "been", "before", "being", "both",
    "but", "by", "can", "could", "did", "do", "does", "doing", "for", "from", "get", "give", "had", "has", "have", "having", "he", "her",
    "here", "hers", "him", "his", "how", "i", "if", "in", "into", "is", "it", "its", "just", "know", "ll", "many", "may", "me", "might",
    "more", "most", "much", "must", "my", "no", "not", "of", "on", "or", "our", "please", "re", "s", "shall", "she", "should", "so",
    "some", "such", "t", "tell", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "to", "too",
    "us", "ve", "very", "was", "we", "were", "what", "when", "where", "which", "who", "whom", "whose", "why", "will", "with", "would",
    "you", "your",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens of words with counts, as in `Miwa=9 Baguye=7 hobby=90`.
    fn tokens(text: &str) -> Vec<Token> {
        let token = |word: &str| {
            let (written, documents) = word.split_once('=').unwrap_or((word, "50"));
            let follows = !written.starts_with(',');
            let written = written.trim_start_matches(',').to_string();
            Token { term: written.to_lowercase(), written, documents: documents.parse().unwrap(), follows }
        };
        text.split(' ').map(token).collect()
    }

    /// The words as `term` (helps), `term!` (required) or `term!1` (of the first name).
    fn check(query: &str, expected: &str) {
        let words = words(&tokens(query), 1000);
        let shown: Vec<String> = words
            .iter()
            .map(|word| {
                let mark = if word.required { "!" } else { "" };
                format!("{}{mark}{}", word.term, word.name.map_or(String::new(), |name| name.to_string()))
            })
            .collect();
        assert_eq!(shown.join(" "), expected, "{query}");
    }

    #[test]
    fn names_must_be_found_and_other_words_help() {
        check("What is the hobby of Miwa Baguye=0", "hobby miwa!1 baguye!1");
        check("Miwa Baguye hobby=2", "miwa!1 baguye!1 hobby");
        check("Hobby of Miwa", "hobby miwa!1");
        check("Miwa and Yevu Salomo", "miwa yevu!1 salomo!1");
        check("who knew Miwa ,Yevu", "knew miwa!1 yevu!2");
        check("WHO IS MIWA BAGUYE", "miwa!1 baguye!1");
    }

    #[test]
    fn without_a_name_the_rare_words_must_be_found() {
        check("miwa=9 baguye=7 hobby", "miwa! baguye! hobby");
        check("photosynthesis=0", "photosynthesis!");
        check("Photosynthesis=4 in plants", "photosynthesis!1 plants");
        check("favorite food", "favorite food");
        check("tower tower=3", "tower");
        check("1425=1 midora=11", "1425! midora");
    }

    #[test]
    fn words_that_say_nothing_are_used_where_there_are_no_others() {
        check("who are you", "who are you");
        check("Who=0 Are=0 You=0", "who are you");
        assert!(words(&[], 10).is_empty());
    }

    #[test]
    fn a_long_query_is_cut() {
        let long: Vec<String> = (0..1000).map(|n| format!("w{n}=1")).collect();
        assert_eq!(words(&tokens(&long.join(" ")), 1000).len(), MAX_WORDS);
    }

    #[test]
    fn rare_words_weigh_more() {
        let words = words(&tokens("often=500 seldom=5 never=0"), 1000);
        assert!(words[0].weight < words[1].weight && words[1].weight < words[2].weight);
    }
}
