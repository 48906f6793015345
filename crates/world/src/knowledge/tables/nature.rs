//! Elements, planets, animals and the colours of things.

use std::sync::LazyLock;

use super::{Names, names, rows, whole};

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

/// A planet of the Sun.
#[derive(Debug, Clone, PartialEq)]
pub struct Planet {
    /// "Mars"
    pub name: &'static str,
    /// Its place counted from the Sun, as a word: "fourth".
    pub place: &'static str,
    /// "rocky planet", "gas giant" or "ice giant".
    pub kind: &'static str,
    /// "no moons", "one moon", "two moons", "many moons".
    pub moons: &'static str,
    /// What is remarkable about it: "the red planet".
    pub known_as: &'static str,
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

/// A thing of one usual colour.
#[derive(Debug, Clone, PartialEq)]
pub struct ColouredThing {
    /// Singular, as it stands inside a sentence: "grass", "a ripe banana".
    pub name: &'static str,
    /// "green"
    pub colour: Names,
}

static ELEMENTS: LazyLock<Vec<Element>> = LazyLock::new(|| {
    rows("elements", include_str!("elements.txt"))
        .into_iter()
        .map(|[name, symbol, number, group]| Element { names: names(name), symbol, number: whole(number), group: names(group) })
        .collect()
});

static PLANETS: LazyLock<Vec<Planet>> = LazyLock::new(|| {
    rows("planets", include_str!("planets.txt"))
        .into_iter()
        .map(|[name, place, kind, moons, known_as]| Planet { name, place, kind, moons, known_as })
        .collect()
});

static ANIMALS: LazyLock<Vec<Animal>> = LazyLock::new(|| {
    rows("animals", include_str!("animals.txt"))
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

static COLOURS: LazyLock<Vec<ColouredThing>> = LazyLock::new(|| {
    rows("colours", include_str!("colours.txt")).into_iter().map(|[name, colour]| ColouredThing { name, colour: names(colour) }).collect()
});

/// The chemical elements, by atomic number.
pub fn elements() -> &'static [Element] {
    &ELEMENTS
}

/// The eight planets, counted from the Sun.
pub fn planets() -> &'static [Planet] {
    &PLANETS
}

/// Animals, kind by kind.
pub fn animals() -> &'static [Animal] {
    &ANIMALS
}

/// Things of one usual colour, colour by colour.
pub fn coloured_things() -> &'static [ColouredThing] {
    &COLOURS
}
