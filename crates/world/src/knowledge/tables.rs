//! The tables as plain structs, parsed once from the text files beside this one.
//!
//! A row is a line, its fields stand between `|`; lines that begin with `#` are notes. Inside a field `/` parts accepted
//! alternatives, of which the first is the one we say, `,` parts the items of a list, and `-` is a field left out.
//! A malformed row is a mistake in our own data, so it panics with the table's name and the row.

use std::sync::LazyLock;

/// Accepted names of one thing: the first is the one we say. Empty where the field is left out.
pub type Names = Vec<&'static str>;

/// A country of the world.
#[derive(Debug, Clone, PartialEq)]
pub struct Country {
    /// English name with its article: "France", "the Netherlands".
    pub name: &'static str,
    /// The capital city; empty where there is none or it is disputed.
    pub capital: Names,
    /// The continent; several names where the country lies on two or where usage differs.
    pub continent: Names,
    /// One word, without the country: "dollar".
    pub currency: Names,
    /// The main official language, then the others.
    pub language: Names,
    /// Names of the countries it has a land border with, the one to mention first; empty for countries of islands.
    pub neighbours: Vec<&'static str>,
}

/// A chemical element.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    /// English name in lower case, then other spellings.
    pub names: Names,
    /// "Fe".
    pub symbol: &'static str,
    /// Atomic number, 1 to 118.
    pub number: u32,
    /// The word for its group without article: "noble gas".
    pub group: Names,
}

/// An animal, spoken of as "the lion".
#[derive(Debug, Clone, PartialEq)]
pub struct Animal {
    /// "mouse".
    pub name: &'static str,
    /// "mice".
    pub plural: &'static str,
    /// One of mammal, bird, reptile, amphibian, fish, insect, arachnid, mollusc, crustacean.
    pub kind: &'static str,
    /// Reads after "lives in": "the forest".
    pub home: Names,
    /// Reads after "eats": "leaves".
    pub food: Names,
    /// The word for its young, without article; empty where there is no usual word.
    pub young: Names,
    /// Reads after "it": "roars"; empty where there is no usual word.
    pub sound: Names,
}

static COUNTRIES: LazyLock<Vec<Country>> = LazyLock::new(|| {
    rows("countries", include_str!("tables/countries.txt"))
        .into_iter()
        .map(|[name, capital, continent, currency, language, neighbours]| Country {
            name,
            capital: names(capital),
            continent: names(continent),
            currency: names(currency),
            language: names(language),
            neighbours: list(neighbours),
        })
        .collect()
});

static ELEMENTS: LazyLock<Vec<Element>> = LazyLock::new(|| {
    rows("elements", include_str!("tables/elements.txt"))
        .into_iter()
        .map(|[name, symbol, number, group]| Element { names: names(name), symbol, number: whole(number), group: names(group) })
        .collect()
});

static ANIMALS: LazyLock<Vec<Animal>> = LazyLock::new(|| {
    rows("animals", include_str!("tables/animals.txt"))
        .into_iter()
        .map(|[name, plural, kind, home, food, young, sound]| Animal {
            name,
            plural,
            kind,
            home: names(home),
            food: names(food),
            young: names(young),
            sound: names(sound),
        })
        .collect()
});

/// The countries of the world, by name.
pub fn countries() -> &'static [Country] {
    &COUNTRIES
}

/// The chemical elements, by atomic number.
pub fn elements() -> &'static [Element] {
    &ELEMENTS
}

/// Animals, kind by kind.
pub fn animals() -> &'static [Animal] {
    &ANIMALS
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

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
