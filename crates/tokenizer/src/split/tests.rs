//! Words against the patterns themselves, run by a regex engine.

use fancy_regex::Regex;
use proptest::prelude::*;

use super::class::{self, class_at};
use super::*;

/// All spellings, compiled, with the pattern that gives their words.
fn spellings() -> Vec<(Pattern, Regex)> {
    let of_today = Pattern::ALL.into_iter().map(|pattern| (pattern, pattern.regex()));
    let all = of_today.chain(OLDER_SPELLINGS.iter().copied());
    all.map(|(pattern, spelling)| (pattern, Regex::new(spelling).expect("a spelling is a regular expression"))).collect()
}

fn regex_words<'a>(regex: &Regex, text: &'a str) -> Vec<&'a str> {
    regex.find_iter(text).map(|found| found.expect("a match").as_str()).collect()
}

fn check(pattern: Pattern, text: &str, expected: &[&str]) {
    assert_eq!(pattern.words(text).collect::<Vec<_>>(), expected, "{} of {text:?}", pattern.name());
    let regex = Regex::new(pattern.regex()).expect("a pattern is a regular expression");
    assert_eq!(regex_words(&regex, text), expected, "the regular expression of {} on {text:?}", pattern.name());
}

#[test]
fn words_of_known_texts() {
    let cases: &[(&str, &[&str])] = &[
        ("Hello world", &["Hello", " world"]),
        ("I'll say it'S 'dog", &["I", "'ll", " say", " it", "'S", " '", "dog"]),
        ("in 1987, x=3.14;\n", &["in", " ", "1", "9", "8", "7", ",", " x", "=", "3", ".", "1", "4", ";\n"]),
        ("a   b\t\tc", &["a", "  ", " b", "\t", "\tc"]),
        ("a  \n \n  b", &["a", "  \n \n", " ", " b"]),
        ("end  ", &["end", "  "]),
        ("(hi)\r\n\r\n", &["(hi", ")\r\n\r\n"]),
        ("  7", &[" ", " ", "7"]),
        ("'\u{17f}o", &["'\u{17f}", "o"]),
        ("<|endoftext|>", &["<|", "endoftext", "|>"]),
        ("e\u{301}te\u{301}", &["e", "\u{301}te", "\u{301}"]),
        ("an-unusually-long-word-of-internationalisation", &["an", "-unusually", "-long", "-word", "-of", "-internationalisation"]),
        ("", &[]),
    ];
    for (text, expected) in cases {
        check(Pattern::Qwen2, text, expected);
        assert_eq!(&Pattern::Qwen2.words(text).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn families_differ_where_their_patterns_do() {
    use Pattern::{Cl100k, Gpt2, Llama3, O200k, Qwen2};
    let digits = "in 19873";
    check(Qwen2, digits, &["in", " ", "1", "9", "8", "7", "3"]);
    check(Gpt2, digits, &["in", " 19873"]);
    for pattern in [Cl100k, O200k, Llama3] {
        check(pattern, digits, &["in", " ", "198", "73"]);
    }
    let newlines = "a\n\n b\n ";
    check(Qwen2, newlines, &["a", "\n\n", " b", "\n", " "]);
    check(Gpt2, newlines, &["a", "\n\n", " b", "\n "]);
    check(Cl100k, newlines, &["a", "\n\n", " b", "\n "]);
    check(O200k, newlines, &["a", "\n\n", " b", "\n", " "]);
    check(Llama3, newlines, &["a", "\n\n", " b", "\n", " "]);
    let contractions = "it's IT'S it'\u{17f}";
    check(Gpt2, contractions, &["it", "'s", " IT", "'", "S", " it", "'", "\u{17f}"]);
    check(Cl100k, contractions, &["it", "'s", " IT", "'S", " it", "'\u{17f}"]);
    check(O200k, contractions, &["it's", " IT'S", " it'\u{17f}"]);
    check(Gpt2, "(a)\tb", &["(", "a", ")", "\t", "b"]);
    check(Llama3, "(a)\tb", &["(a", ")", "\tb"]);
}

#[test]
fn o200k_cuts_before_capitals_and_after_caseless_letters() {
    let check = |text, expected: &[&str]| check(Pattern::O200k, text, expected);
    check("getHTTPResponse(ID)", &["get", "HTTPResponse", "(ID", ")"]);
    check("中ABCd", &["中ABCd"]);
    check("中ABC", &["中", "ABC"]);
    check("ABC中DEF", &["ABC中", "DEF"]);
    check("a中ABC's", &["a中", "ABC's"]);
    check("\u{301}ABC", &["\u{301}", "ABC"]);
    check("\u{301}ABCd", &["\u{301}ABCd"]);
    check(" \u{301}ABC", &[" \u{301}", "ABC"]);
    check("!!\u{301}", &["!!\u{301}"]);
    check("a!//\n/b/c", &["a", "!//\n/", "b", "/c"]);
}

#[test]
fn spellings_are_recognised() {
    for pattern in Pattern::ALL {
        assert_eq!(Pattern::from_regex(pattern.regex()), Some(pattern));
    }
    for &(pattern, spelling) in OLDER_SPELLINGS {
        assert_eq!(Pattern::from_regex(spelling), Some(pattern));
    }
    assert_eq!(Pattern::from_regex(r"\p{N}{1,2}"), None);
    assert_eq!(Pattern::from_regex(""), None);
}

#[test]
fn every_character_has_one_class_and_the_right_one() {
    let all: String = ('\0'..=char::MAX).collect();
    let classes = [
        (class::UPPER, r"[\p{Lu}\p{Lt}]"),
        (class::LOWER, r"\p{Ll}"),
        (class::CASELESS, r"[\p{Lm}\p{Lo}]"),
        (class::MARK, r"\p{M}"),
        (class::NUMBER, r"\p{N}"),
        (class::NEWLINE, r"[\r\n]"),
        (class::SPACE, r"[^\S\r\n]"),
        (class::OTHER, r"[^\s\p{L}\p{N}\p{M}]"),
    ];
    let mut n_characters = 0;
    for (expected, set) in classes {
        for found in Regex::new(set).expect("a set").find_iter(&all) {
            let found = found.expect("a match");
            assert_eq!(class_at(&all, found.start()), (expected, found.end()), "{:?} is {set}", found.as_str());
            n_characters += 1;
        }
    }
    assert_eq!(n_characters, 0x11_0000 - 0x800);
}

#[test]
fn every_character_stands_among_its_neighbours_as_in_the_pattern() {
    let mut spellings = spellings();
    spellings.truncate(Pattern::ALL.len());
    // Beyond these scripts every seventh character, which meets every block.
    for character in ('\0'..='\u{3100}').chain(('\u{3101}'..=char::MAX).step_by(7)) {
        // Between these neighbours each class leads to other words.
        let text = format!("'{character}e {character}{character}7  {character}A{character}B/{character}/\n{character}'s{character}");
        for (pattern, regex) in &spellings {
            assert_eq!(pattern.words(&text).collect::<Vec<_>>(), regex_words(regex, &text), "{} {character:?}", pattern.name());
        }
    }
}

fn mixed_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[ \t\r\n\u{a0}\u{2028}\u{85}]{1,4}",
        2 => "'(s|T|re|VE|m|lL|d|\u{17f}|x|\u{212a})",
        3 => "[a-zA-Z]{1,5}",
        1 => "[a-z]{6,20}",
        1 => "[A-Z]{1,3}",
        3 => "[a-zA-ZÀéΣжß\u{1c5}\u{2b0}\u{aa}中あ\u{301}\u{903}\u{20dd}\u{10400}\u{10428}\u{20000}]{1,6}",
        2 => "[0-9\u{b2}\u{2160}\u{661}\u{1d7d9}]{1,4}",
        2 => "[!-/:-@~|<>]{1,4}",
        1 => "[/\r\n]{1,3}",
        1 => "[—\u{180e}\u{200b}\u{feff}😀\u{e0041}\u{10fffd}\u{378}]{1,2}",
        2 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

#[test]
fn words_are_the_matches_of_the_patterns() {
    let spellings = spellings();
    proptest!(ProptestConfig::with_cases(2000), |(text in mixed_text())| {
        for (pattern, regex) in &spellings {
            let found: Vec<_> = pattern.words(&text).collect();
            let mut by_loop = Vec::new();
            pattern.for_each_word(&text, |word| by_loop.push(word.to_owned()));
            prop_assert_eq!(&by_loop, &found);
            prop_assert_eq!(found.concat(), text.as_str());
            prop_assert_eq!(found, regex_words(regex, &text), "{}", pattern.name());
        }
    });
}
