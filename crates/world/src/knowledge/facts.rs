//! The tables as one list of facts: subject, attribute, value.
//!
//! A field that a table leaves out gives no fact. The wordings of each kind and attribute stand in `wordings`.

use super::tables::{
    Names, SEASONS, WEEKDAYS, animals, cities, coloured_things, countries, discoveries, elements, glossary, inventions, months,
    number_in_words, opposites, people, planets, proverbs, whys,
};
use super::{article, without_article};

/// One piece of true knowledge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// As it stands inside a sentence: "the Netherlands", "iron", "lion" (the templates say "the lion").
    pub subject: String,
    /// What the subject is: country, city, element, planet, animal, thing, person, invention, discovery, why, month, weekday,
    /// season, opposite, proverb, word, number.
    pub kind: &'static str,
    /// What is said of it: "capital", "symbol", ...
    pub attribute: &'static str,
    /// The value as it stands inside a sentence, with its article where one belongs: "Amsterdam", "a transition metal".
    pub value: String,
    /// Other answers that are right too: other spellings, the value without its article, further neighbours.
    pub also: Vec<String>,
}

/// Every fact of every table, kind by kind, in the tables' order.
pub fn facts() -> Vec<Fact> {
    let mut list = Vec::new();
    lands(&mut list);
    nature(&mut list);
    history(&mut list);
    calendar(&mut list);
    words(&mut list);
    list
}

/// Countries and cities.
fn lands(list: &mut Vec<Fact>) {
    for country in countries() {
        let mut add = |attribute, values: &Names| push(list, country.name, "country", attribute, values);
        add("capital", &country.capital);
        add("continent", &country.continent);
        add("currency", &country.currency);
        add("language", &country.language);
        add("neighbour", &country.neighbours);
    }
    for city in cities() {
        push(list, city.name, "city", "country", &[city.country]);
        push(list, city.name, "city", "landmark", &city.landmarks);
    }
}

/// Elements, planets, animals and colours.
fn nature(list: &mut Vec<Fact>) {
    for element in elements() {
        let name = element.names[0];
        push(list, name, "element", "symbol", &[element.symbol]);
        push(list, name, "element", "number", &[element.number.to_string()]);
        push(list, name, "element", "group", &with_articles(&element.group));
    }
    for planet in planets() {
        push(list, planet.name, "planet", "place", &[planet.place]);
        push(list, planet.name, "planet", "kind", &with_articles(&[planet.kind]));
        push(list, planet.name, "planet", "moons", &[planet.moons]);
        push(list, planet.name, "planet", "known as", &[planet.known_as]);
    }
    for animal in animals() {
        push(list, animal.name, "animal", "kind", &with_articles(&[animal.kind]));
        push(list, animal.name, "animal", "home", &animal.home);
        push(list, animal.name, "animal", "food", &animal.food);
        push(list, animal.name, "animal", "young", &with_articles(&animal.young));
        push(list, animal.name, "animal", "sound", &animal.sound);
    }
    for thing in coloured_things() {
        push(list, thing.name, "thing", "colour", &thing.colour);
    }
}

/// People, inventions and discoveries.
fn history(list: &mut Vec<Fact>) {
    for person in people() {
        push(list, person.name, "person", "who", &[person.who]);
        push(list, person.name, "person", "born", &person.born);
        push(list, person.name, "person", "land", &person.land);
        push(list, person.name, "person", "known for", &[person.known_for]);
    }
    for invention in inventions() {
        push(list, invention.name, "invention", "inventor", &invention.inventor);
        push(list, invention.name, "invention", "year", &invention.year);
        push(list, invention.name, "invention", "use", &invention.purpose);
    }
    for discovery in discoveries() {
        push(list, discovery.name, "discovery", "discoverer", &discovery.discoverer);
        push(list, discovery.name, "discovery", "year", &discovery.year);
    }
    for why in whys() {
        push(list, why.question, "why", "answer", &[why.answer]);
    }
}

/// Months, days of the week, seasons.
fn calendar(list: &mut Vec<Fact>) {
    let months = months();
    for (i, month) in months.iter().enumerate() {
        push(list, month.name, "month", "days", &month.days);
        push(list, month.name, "month", "place", &[month.place]);
        push(list, month.name, "month", "next", &[months[(i + 1) % 12].name]);
    }
    for (i, day) in WEEKDAYS.iter().enumerate() {
        push(list, day, "weekday", "next", &[WEEKDAYS[(i + 1) % 7]]);
        push(list, day, "weekday", "previous", &[WEEKDAYS[(i + 6) % 7]]);
    }
    for (i, season) in SEASONS.iter().enumerate() {
        push(list, season, "season", "next", &[SEASONS[(i + 1) % 4]]);
    }
}

/// Opposites in both directions, proverbs, glossaries, and the numbers from 0 to 100 in words.
fn words(list: &mut Vec<Fact>) {
    for (word, opposite) in opposites() {
        push(list, word, "opposite", "opposite", &[opposite]);
        push(list, opposite, "opposite", "opposite", &[word]);
    }
    for proverb in proverbs() {
        push(list, proverb.first, "proverb", "second half", &[proverb.second]);
    }
    for word in glossary() {
        push(list, word.english, "word", "french", &word.french);
        push(list, word.english, "word", "spanish", &word.spanish);
        push(list, word.english, "word", "korean", &word.korean);
    }
    for number in 0..=100 {
        push(list, &number.to_string(), "number", "word", &[number_in_words(number)]);
    }
}

/// Adds the fact whose value is the first of `values` and whose other answers are the rest; nothing if there is none.
fn push<T: AsRef<str>>(list: &mut Vec<Fact>, subject: &str, kind: &'static str, attribute: &'static str, values: &[T]) {
    let Some(value) = values.first() else { return };
    let value = value.as_ref().to_string();
    let mut also: Vec<String> = Vec::new();
    for other in values.iter().map(AsRef::as_ref) {
        for spelling in [other, without_article(other)] {
            if spelling != value && !also.iter().any(|known| known == spelling) {
                also.push(spelling.to_string());
            }
        }
    }
    list.push(Fact { subject: subject.to_string(), kind, attribute, value, also });
}

/// Each of the words behind its "a" or "an".
fn with_articles(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| format!("{} {word}", article(word))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::{all_wordings, fill, wordings};
    use std::collections::BTreeSet;

    #[test]
    fn known_facts_are_there() {
        let facts = facts();
        for (subject, attribute, value) in [
            ("the Netherlands", "capital", "Amsterdam"),
            ("Japan", "currency", "yen"),
            ("iron", "symbol", "Fe"),
            ("gold", "group", "a transition metal"),
            ("helium", "number", "2"),
            ("eagle", "young", "an eaglet"),
            ("ant", "kind", "an insect"),
            ("pelican", "food", "fish"),
            ("Paris", "landmark", "the Eiffel Tower"),
            ("Mars", "place", "fourth"),
            ("Genghis Khan", "who", "a Mongol ruler"),
            ("the telephone", "inventor", "Alexander Graham Bell"),
            ("penicillin", "year", "1928"),
            ("December", "next", "January"),
            ("Monday", "previous", "Sunday"),
            ("cold", "opposite", "hot"),
            ("teacher", "korean", "seonsaengnim"),
            ("21", "word", "twenty-one"),
        ] {
            let found = facts.iter().find(|fact| fact.subject == subject && fact.attribute == attribute);
            assert_eq!(found.map(|fact| fact.value.as_str()), Some(value), "{subject} {attribute}");
        }
    }

    #[test]
    fn a_fact_is_asked_once_and_its_other_answers_are_others() {
        let mut seen = BTreeSet::new();
        for fact in facts() {
            assert!(seen.insert((fact.kind, fact.attribute, fact.subject.clone())), "{fact:?} stands twice");
            assert!(!fact.also.contains(&fact.value), "{fact:?}");
            assert!(!fact.value.is_empty() && !fact.value.contains(['/', '|']) && !fact.value.contains("  "), "{fact:?}");
        }
        let told: BTreeSet<_> = seen.iter().map(|(kind, attribute, _)| (*kind, *attribute)).collect();
        let worded: BTreeSet<_> = all_wordings().map(|wordings| (wordings.kind, wordings.attribute)).collect();
        assert_eq!(told, worded);
    }

    /// Assembles every sentence and every question of every fact.
    #[test]
    fn all_sentences_are_sound() {
        for fact in facts() {
            let wordings = wordings(fact.kind, fact.attribute);
            let filled = |template: &&str| fill(template, &fact.subject, &fact.value);
            for sentence in wordings.statements.iter().map(filled) {
                check_sentence(&sentence);
                assert!(sentence.ends_with('.'), "{sentence}");
            }
            for question in wordings.questions.iter().chain(wordings.held_out).map(filled) {
                check_sentence(&question);
                assert!(question.ends_with(['?', '.', ':']), "{question}");
            }
        }
    }

    fn check_sentence(sentence: &str) {
        assert!(sentence.starts_with(|letter: char| letter.is_uppercase() || letter.is_ascii_digit()), "{sentence}");
        assert!(!sentence.contains(['{', '}', '|', '/', '\n']), "{sentence}");
        assert!(!sentence.contains("  ") && !sentence.contains("..") && !sentence.contains(" ."), "{sentence}");
        let words: Vec<&str> = sentence.split_whitespace().collect();
        for pair in words.windows(2) {
            let next = pair[1].trim_start_matches(|letter: char| !letter.is_alphanumeric());
            match pair[0].to_lowercase().as_str() {
                "a" | "an" => assert_eq!(pair[0].to_lowercase(), article(next), "{sentence}"),
                "the" => assert!(!["the", "a", "an"].contains(&next), "{sentence}"),
                _ => {}
            }
            assert!(pair[0] != pair[1], "a doubled word: {sentence}");
        }
    }
}
