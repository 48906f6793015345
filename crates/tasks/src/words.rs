//! Finding a value in what a model wrote: whole words, any case, and never a
//! short value inside a longer one. Knows no key and no model.

use std::collections::BTreeSet;

/// The words of a text as they are written: runs of letters and digits. A point or
/// a comma between two digits belongs to its number, everything else separates.
pub fn words(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let mut words = Vec::new();
    let mut word = String::new();
    for (i, &c) in characters.iter().enumerate() {
        let digit_at = |j: usize| characters.get(j).is_some_and(char::is_ascii_digit);
        let inside_number = matches!(c, '.' | ',') && i > 0 && digit_at(i - 1) && digit_at(i + 1);
        if c.is_alphanumeric() || inside_number {
            word.push(c);
        } else if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Whether the text says the phrase, word for word, in any case. A phrase of one or
/// two letters must have its case too: "He" is helium, "he" is not.
fn says(text: &[String], phrase: &[String]) -> bool {
    let exact = phrase.len() == 1 && phrase[0].chars().count() <= 2;
    let same = |a: &String, b: &String| a == b || (!exact && a.to_lowercase() == b.to_lowercase());
    text.len() == phrase.len() && text.iter().zip(phrase).all(|(a, b)| same(a, b))
}

/// Which of the `phrases` stand in `text` as whole words, leaving out those that
/// stand only inside a longer phrase ("York" is not named by "New York").
pub fn mentioned<'p>(text: &str, phrases: impl IntoIterator<Item = &'p str>) -> BTreeSet<&'p str> {
    let text = words(text);
    let mut spans: Vec<(usize, usize, &str)> = Vec::new();
    for phrase in phrases {
        let wanted = words(phrase);
        if wanted.is_empty() || wanted.len() > text.len() {
            continue;
        }
        for start in 0..=text.len() - wanted.len() {
            if says(&text[start..start + wanted.len()], &wanted) {
                spans.push((start, start + wanted.len(), phrase));
            }
        }
    }
    let inside_longer =
        |&(start, end, _): &(usize, usize, &str)| spans.iter().any(|&(s, e, _)| s <= start && end <= e && e - s > end - start);
    spans.iter().filter(|span| !inside_longer(span)).map(|&(_, _, phrase)| phrase).collect()
}

/// A value of so many words is an explanation: nobody repeats it word for word.
const EXPLANATION_WORDS: usize = 6;

/// Whether an answer names an `accepted` value and no other value of the `pool`.
/// What the question itself mentions is not counted against the answer. A value
/// that is an explanation is given by most of its longer words.
pub fn answers(answer: &str, question: &str, accepted: &[&str], pool: &[&str]) -> bool {
    if let Some(explanation) = accepted.iter().find(|value| words(value).len() >= EXPLANATION_WORDS) {
        return explains(answer, explanation);
    }
    let said = mentioned(answer, accepted.iter().chain(pool).copied());
    let given = mentioned(question, pool.iter().copied());
    let is_accepted = |value: &str| accepted.iter().any(|good| says(&words(value), &words(good)));
    said.iter().any(|value| is_accepted(value)) && said.iter().all(|value| is_accepted(value) || given.contains(value))
}

/// Whether a text has at least 60% of an explanation's words of four letters and more.
fn explains(text: &str, explanation: &str) -> bool {
    let long = |text: &str| -> BTreeSet<String> {
        words(text).iter().map(|word| word.to_lowercase()).filter(|word| word.chars().count() >= 4).collect()
    };
    let (said, wanted) = (long(text), long(explanation));
    let n_said = wanted.intersection(&said).count();
    n_said > 0 && 10 * n_said >= 6 * wanted.len()
}

/// Whether a continuation begins with an `accepted` value, and not with a longer
/// value of the `pool` that merely begins alike.
pub fn continues(continuation: &str, accepted: &[&str], pool: &[&str]) -> bool {
    let text = words(continuation);
    let begins = |value: &&&str| {
        let value = words(value);
        !value.is_empty() && value.len() <= text.len() && says(&text[..value.len()], &value)
    };
    let length = |value: &&&str| words(value).len();
    let good = accepted.iter().filter(begins).map(|v| length(&v)).max();
    let any = pool.iter().filter(begins).map(|v| length(&v)).max();
    good.is_some_and(|good| any.is_none_or(|any| any <= good))
}

/// How many characters of `expected` the text follows before it departs from it,
/// not counting white space at the start of either.
pub fn followed(text: &str, expected: &str) -> usize {
    let (text, expected) = (text.trim_start(), expected.trim_start());
    text.chars().zip(expected.chars()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOWNS: [&str; 4] = ["York", "New York", "Paris", "Port Lamo"];

    #[test]
    fn splits_into_words() {
        for (text, expected) in [
            ("The capital is Paris.", "The|capital|is|Paris"),
            ("9.11, 9.9 and 1,234.", "9.11|9.9|and|1,234"),
            ("Port-Lamo's\n\tÉcole", "Port|Lamo|s|École"),
            ("...", ""),
        ] {
            assert_eq!(words(text).join("|"), expected, "{text}");
        }
    }

    #[test]
    fn answers_name_the_value_and_no_other() {
        for (answer, accepted, expected) in [
            ("Bado was born in Paris.", "Paris", true),
            ("PARIS", "Paris", true),
            ("Bado was born in Parisia.", "Paris", false),
            ("Paris or York, I think.", "Paris", false),
            ("New York", "New York", true),
            ("New York", "York", false),
            ("New York, the one beside York", "New York", false),
            ("", "Paris", false),
        ] {
            assert_eq!(answers(answer, "Where was Bado born?", &[accepted], &TOWNS), expected, "{answer}");
        }
        // The subject of the question is itself in the pool: it may be repeated.
        let pool = ["France", "Spain", "Italy"];
        assert!(answers("France borders Spain.", "Which country borders France?", &["Spain", "Italy"], &pool));
        assert!(!answers("France borders France.", "Which country borders France?", &["Spain"], &pool));
    }

    #[test]
    fn explanations_are_given_by_their_words() {
        let why = ["The air scatters blue light more than red light, so the sky looks blue."];
        let question = "Why is the sky blue?";
        assert!(answers("Because the air scatters the blue light more than the red.", question, &why, &why));
        assert!(!answers("The sky looks blue.", question, &why, &why));
        assert!(!answers("", question, &why, &why));
    }

    #[test]
    fn short_values_keep_their_case() {
        let symbols = ["He", "In", "Au"];
        assert!(answers("The symbol is Au, as he said in class.", "What is the symbol of gold?", &["Au"], &symbols));
        assert!(!answers("he", "What is the symbol of helium?", &["He"], &symbols));
        assert!(!continues(" he", &["He"], &symbols));
    }

    #[test]
    fn continuations_begin_with_the_value() {
        for (continuation, accepted, expected) in [
            (" Paris. He", "Paris", true),
            ("paris", "Paris", true),
            (" the town of Paris", "Paris", false),
            (" Parisian", "Paris", false),
            (" New York.", "New York", true),
            (" York", "New York", false),
            ("", "Paris", false),
        ] {
            assert_eq!(continues(continuation, &[accepted], &TOWNS), expected, "{continuation}");
        }
        assert!(!continues("blue green sea", &["blue"], &["blue", "blue green"]));
        assert!(continues("grey", &["gray", "grey"], &["gray"]));
    }

    #[test]
    fn follows_up_to_the_first_difference() {
        assert_eq!(followed("  the cat sat", " the cat slept"), 9);
        assert_eq!(followed("", "abc"), 0);
        assert_eq!(followed("éé", "éa"), 1);
    }
}
