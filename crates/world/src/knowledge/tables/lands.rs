//! Countries and cities.

use std::sync::LazyLock;

use super::{Names, list, names, rows};

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

/// A city and what one goes to see there.
#[derive(Debug, Clone, PartialEq)]
pub struct City {
    /// "Paris"
    pub name: &'static str,
    /// A name in the table of countries.
    pub country: &'static str,
    /// With their articles, the best known first: "the Eiffel Tower"; at least two, five for Paris.
    pub landmarks: Vec<&'static str>,
}

static COUNTRIES: LazyLock<Vec<Country>> = LazyLock::new(|| {
    rows("countries", include_str!("countries.txt"))
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

static CITIES: LazyLock<Vec<City>> = LazyLock::new(|| {
    rows("cities", include_str!("cities.txt"))
        .into_iter()
        .map(|[name, country, landmarks]| City { name, country, landmarks: list(landmarks) })
        .collect()
});

/// The countries of the world, by name.
pub fn countries() -> &'static [Country] {
    &COUNTRIES
}

/// Well-known cities, land by land.
pub fn cities() -> &'static [City] {
    &CITIES
}
