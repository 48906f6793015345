//! The tables as plain structs, parsed once from the text files of this folder.
//!
//! Lands, nature, people and words have a file each.
//!
//! A row is a line, its fields stand between `|`; lines that begin with `#` are notes. Inside a field `/` parts accepted
//! alternatives, of which the first is the one we say, `,` parts the items of a list, and `-` is a field left out.
//! A malformed row is a mistake in our own data, so it panics with the table's name and the row.

mod lands;
mod nature;
mod people;
mod words;

pub use lands::{City, Country, cities, countries};
pub use nature::{Animal, ColouredThing, Element, Planet, animals, coloured_things, elements, planets};
pub use people::{Discovery, Invention, Person, discoveries, inventions, people};
pub use words::{Month, Proverb, SEASONS, WEEKDAYS, Why, Word, glossary, months, number_in_words, opposites, proverbs, whys};

/// Accepted names of one thing: the first is the one we say. Empty where the field is left out.
pub type Names = Vec<&'static str>;

/// The rows of a table, each with exactly N fields, none of them empty.
fn rows<const N: usize>(table: &str, text: &'static str) -> Vec<[&'static str; N]> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<&'static str> = line.split('|').map(str::trim).collect();
            assert!(fields.iter().all(|field| !field.is_empty()), "table {table}: an empty field in {line:?}");
            fields.try_into().unwrap_or_else(|_| panic!("table {table}: not {N} fields in {line:?}"))
        })
        .collect()
}

/// The alternatives of a field, none for `-`.
fn names(field: &'static str) -> Names {
    if field == "-" { Vec::new() } else { field.split('/').map(str::trim).collect() }
}

/// The items of a list, none for `none`.
fn list(field: &'static str) -> Vec<&'static str> {
    if field == "none" { Vec::new() } else { field.split(',').map(str::trim).collect() }
}

/// A whole number.
fn whole(field: &str) -> u32 {
    field.parse().unwrap_or_else(|_| panic!("not a whole number in a table: {field:?}"))
}

/// Subjects of a kind that people will ask about, best known first; none for a kind that has no such list.
pub fn well_known(kind: &str) -> Vec<&'static str> {
    let table = rows::<2>("well_known", include_str!("tables/well_known.txt"));
    table.into_iter().find(|[listed, _]| *listed == kind).map(|[_, subjects]| list(subjects)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn whoever_is_well_known_stands_in_a_table() {
        let all = crate::knowledge::facts();
        for kind in ["country", "element", "animal", "person", "city", "invention", "word", "why"] {
            let listed = well_known(kind);
            assert!(listed.len() >= if kind == "why" { 1 } else { 5 }, "{kind}: {listed:?}");
            check_distinct("well_known", &listed);
            for name in listed {
                assert!(all.iter().any(|fact| fact.kind == kind && fact.subject == name), "{kind}: {name} stands in no table");
            }
        }
    }

    /// No two rows have the same key.
    fn check_distinct<T: Ord + std::fmt::Debug>(table: &str, keys: impl IntoIterator<Item = T>) {
        let mut seen = BTreeSet::new();
        for key in keys {
            let shown = format!("{key:?}");
            assert!(seen.insert(key), "table {table}: {shown} stands twice");
        }
    }

    #[test]
    fn countries_are_whole_and_borders_go_both_ways() {
        let by_name: BTreeMap<_, _> = countries().iter().map(|country| (country.name, country)).collect();
        assert_eq!((countries().len(), by_name.len()), (195, 195));
        for (continent, expected) in
            [("Africa", 54), ("Asia", 47), ("Europe", 45), ("North America", 23), ("South America", 12), ("Oceania", 14)]
        {
            let count = countries().iter().filter(|country| country.continent[0] == continent).count();
            assert_eq!(count, expected, "{continent}");
        }
        for country in countries() {
            check_distinct(country.name, country.neighbours.iter());
            for neighbour in &country.neighbours {
                let other = by_name.get(neighbour).unwrap_or_else(|| panic!("{neighbour} beside {} is no country", country.name));
                assert!(other.neighbours.contains(&country.name), "{neighbour} does not name {}", country.name);
            }
        }
        check_distinct("capitals", countries().iter().filter_map(|country| country.capital.first()));
    }

    #[test]
    fn elements_are_numbered_from_1_to_118_and_have_their_own_symbols() {
        assert!(elements().iter().map(|element| element.number).eq(1..=118));
        check_distinct("elements", elements().iter().map(|element| element.symbol));
        check_distinct("elements", elements().iter().flat_map(|element| &element.names));
        for element in elements() {
            let letters: Vec<char> = element.symbol.chars().collect();
            let right = letters[0].is_ascii_uppercase() && letters[1..].iter().all(char::is_ascii_lowercase);
            assert!(right && letters.len() <= 2, "{}", element.symbol);
        }
        let count = |group: &str| elements().iter().filter(|element| element.group[0] == group).count();
        assert_eq!((count("noble gas"), count("halogen"), count("alkali metal"), count("alkaline earth metal")), (7, 6, 6, 6));
        assert_eq!((count("lanthanide"), count("actinide")), (15, 15));
    }

    #[test]
    fn animals_are_of_known_kinds() {
        assert!(animals().len() >= 100);
        check_distinct("animals", animals().iter().map(|animal| animal.name));
        check_distinct("animals", animals().iter().map(|animal| animal.plural));
        let kinds = ["mammal", "bird", "reptile", "amphibian", "fish", "insect", "arachnid", "mollusc", "crustacean"];
        for animal in animals() {
            assert!(kinds.contains(&animal.kind), "{} is a {}", animal.name, animal.kind);
            assert!(!animal.home.is_empty() && !animal.food.is_empty(), "{}", animal.name);
        }
        assert!(animals().iter().any(|animal| animal.name == "pelican"));
    }

    #[test]
    fn planets_and_months_are_in_order() {
        assert_eq!(planets().len(), 8);
        assert_eq!(months().len(), 12);
        let places = months().iter().map(|month| month.place);
        assert!(planets().iter().map(|planet| planet.place).eq(places.take(8)));
        assert_eq!(months().iter().map(|month| whole(month.days[0])).sum::<u32>(), 365);
    }

    #[test]
    fn cities_lie_in_countries_and_paris_has_five_landmarks() {
        assert!(cities().len() >= 30);
        check_distinct("cities", cities().iter().map(|city| city.name));
        check_distinct("landmarks", cities().iter().flat_map(|city| &city.landmarks));
        for city in cities() {
            assert!(countries().iter().any(|country| country.name == city.country), "{}", city.country);
            assert!(city.landmarks.len() >= if city.name == "Paris" { 5 } else { 2 }, "{}", city.name);
        }
        // Where a city is some country's capital, it is the capital of its own.
        for country in countries() {
            for city in cities().iter().filter(|city| country.capital.contains(&city.name)) {
                assert_eq!(city.country, country.name, "{}", city.name);
            }
        }
    }

    #[test]
    fn people_and_their_deeds_are_whole() {
        assert!(people().len() >= 60 && inventions().len() >= 50);
        check_distinct("people", people().iter().map(|person| person.name));
        check_distinct("people", people().iter().map(|person| person.known_for));
        check_distinct("inventions", inventions().iter().map(|invention| invention.name));
        check_distinct("discoveries", discoveries().iter().map(|discovery| discovery.name));
        assert!(people().iter().any(|person| person.name == "Genghis Khan"));
        assert!(people().iter().all(|person| person.name != "Orson Kovats"), "a name that must stay unknown");
        for person in people() {
            assert!(person.who.starts_with("a ") || person.who.starts_with("an "), "{}", person.who);
            for born in &person.born {
                assert!(born.ends_with("BC") || born.ends_with("century") || born.len() == 4, "{born}");
            }
        }
        let years = inventions().iter().flat_map(|invention| &invention.year);
        for year in years.chain(discoveries().iter().flat_map(|discovery| &discovery.year)) {
            assert!((1500..2000).contains(&whole(year)), "{year}");
        }
        // Who invents and who is known for it must not tell two stories.
        for person in people() {
            let Some(thing) = person.known_for.strip_prefix("inventing ") else { continue };
            let invention = inventions().iter().find(|invention| invention.name == thing);
            assert!(invention.is_some_and(|invention| invention.inventor.contains(&person.name)), "{} {thing}", person.name);
        }
    }

    #[test]
    fn questions_end_in_a_mark_and_answers_in_a_stop() {
        assert!(whys().len() >= 40);
        assert_eq!(whys()[0].question, "Why is the sky blue?");
        check_distinct("whys", whys().iter().flat_map(|why| [why.question, why.other_words]));
        for why in whys() {
            assert!(why.question.ends_with('?') && why.other_words.ends_with('?') && why.answer.ends_with('.'), "{}", why.question);
            assert!((1..=3).contains(&why.answer.matches('.').count()), "{}", why.answer);
        }
    }

    #[test]
    fn tables_of_words_are_whole() {
        assert!(opposites().len() >= 60 && proverbs().len() >= 40 && glossary().len() >= 100 && coloured_things().len() >= 40);
        check_distinct("opposites", opposites().iter().flat_map(|(word, opposite)| [word, opposite]));
        check_distinct("proverbs", proverbs().iter().map(|proverb| proverb.first));
        check_distinct("glossary", glossary().iter().map(|word| word.english));
        check_distinct("colours", coloured_things().iter().map(|thing| thing.name));
        for word in glossary() {
            assert!(word.korean.iter().all(|word| word.is_ascii()), "{}", word.english);
            assert!(!word.french.is_empty() && !word.spanish.is_empty() && !word.korean.is_empty(), "{}", word.english);
        }
        let teacher = glossary().iter().find(|word| word.english == "teacher");
        assert_eq!(teacher.map(|word| word.korean[0]), Some("seonsaengnim"));
    }

    #[test]
    fn numbers_have_words() {
        for (number, expected) in [
            (0, "zero"),
            (13, "thirteen"),
            (40, "forty"),
            (42, "forty-two"),
            (100, "one hundred"),
            (305, "three hundred and five"),
            (999, "nine hundred and ninety-nine"),
        ] {
            assert_eq!(number_in_words(number), expected);
        }
    }

    #[test]
    #[should_panic(expected = "not 2 fields")]
    fn a_row_of_another_length_is_refused() {
        rows::<2>("test", "one | two | three");
    }

    #[test]
    #[should_panic(expected = "an empty field")]
    fn an_empty_field_is_refused() {
        rows::<2>("test", "one |");
    }
}
