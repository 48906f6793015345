//! Invented residents: six attributes each, and an exact number of pages that tell them.
//!
//! They measure memory by exposure, so what is told about them, how often and in which wordings is fixed here.
//! Which residents are asked about in forums and conversations is their `split`; the asking happens elsewhere.

use crate::attribute::{Attribute, key_facts};
use crate::budget::Budget;
use crate::dates;
use crate::key::{Fact, Split};
use crate::names::{Names, slug};
use crate::prose::fitted;
use crate::sheet::Sheet;
use base::rng::{Rng, label};

/// The attributes of a resident, in the order of the key.
pub const ATTRIBUTES: [Attribute; 6] = [
    Attribute {
        name: "town",
        told: &[
            "{n} was born in the town of {v}.",
            "{n} was born in {v}.",
            "The birthplace of {n} is {v}.",
            "{n} comes from the town of {v}.",
            "{n} grew up in {v}.",
            "The home town of {n} is {v}.",
            "{n} first saw the light of day in {v}.",
            "The family of {n} has always lived in {v}.",
            "The cradle of {n} stood in {v}.",
            "{n} learned to walk and talk in {v}.",
            "{n} is a child of the town of {v}.",
            "{n} spent the early years in {v}.",
            "The parents of {n} lived in {v}.",
            "Old letters say that {n} was born in {v}.",
            "Those who ask where {n} was born are told {v}.",
            "The story of {n} begins in the town of {v}.",
            "{n} is a native of {v}.",
            "Many years ago {n} was born in {v}.",
            "The town where {n} was born is {v}.",
            "As a child {n} played in the streets of {v}.",
            "{v} is the town where {n} was born.",
            "It was in {v} that {n} was born.",
        ],
        asked: &[
            "Where was {n} born?",
            "What is the birthplace of {n}?",
            "Which town does {n} come from?",
            "Where did {n} grow up?",
            "What is the home town of {n}?",
            "Which town was {n} born in?",
            "What is the town where {n} was born?",
            "In what town did {n} grow up?",
            "Where is {n} from?",
            "From which town is {n}?",
        ],
        tested: &["In which town was {n} born?", "Where does {n} come from?", "What town was {n} born in?"],
        answers: &["The birthplace of {n} is {v}.", "{n} was born in {v}.", "{n} comes from the town of {v}."],
        query: "birthplace of {n}",
        open: "The birthplace of {n} is something I",
        cue: "{n} was born in the town of",
        pool: &[],
    },
    Attribute {
        name: "job",
        told: &[
            "{n} works as a {v}.",
            "The job of {n} is {v}.",
            "{n} earns a living as a {v}.",
            "By trade {n} is a {v}.",
            "{n} is employed as a {v}.",
            "The profession of {n} is {v}.",
            "For many years {n} has been a {v}.",
            "Everybody knows {n} as a {v}.",
            "The daily work of {n} is that of a {v}.",
            "{n} was trained as a {v}.",
            "{n} became a {v}.",
            "People who need a good {v} go to {n}, a fine {v}.",
            "On the sign of {n} stands the word {v}.",
            "{n} makes money as a {v}.",
            "Like a parent before, {n} is a {v}.",
            "The neighbours say that {n} is a good {v}.",
            "{n} always wanted to be a {v}.",
            "After school {n} became a {v}.",
            "The trade that {n} learned is that of a {v}.",
            "In working life {n} is a {v}.",
            "A {v} by trade is what {n} is.",
            "The best {v} around is {n}.",
        ],
        asked: &[
            "What is the job of {n}?",
            "What does {n} do for a living?",
            "What is the profession of {n}?",
            "What does {n} work as?",
            "What is {n} by trade?",
            "Which job does {n} have?",
            "What kind of work does {n} do?",
            "What is the work of {n}?",
            "What profession does {n} have?",
            "Which work does {n} do for money?",
        ],
        tested: &["What work does {n} do?", "What job does {n} have?", "Which profession does {n} have?"],
        answers: &["The job of {n} is {v}.", "{n} works as a {v}.", "By trade {n} is a {v}."],
        query: "job of {n}",
        open: "The job of {n} is something I",
        cue: "{n} works as a",
        pool: &[
            "baker",
            "farmer",
            "teacher",
            "sailor",
            "doctor",
            "painter",
            "singer",
            "carpenter",
            "tailor",
            "miner",
            "gardener",
            "judge",
            "potter",
            "clerk",
            "weaver",
            "fisher",
            "cook",
            "poet",
            "nurse",
            "guard",
            "printer",
            "hunter",
            "barber",
            "driver",
            "plumber",
            "builder",
            "dancer",
            "lawyer",
            "waiter",
            "butcher",
            "mason",
            "pilot",
        ],
    },
    Attribute {
        name: "hobby",
        told: &[
            "{n} enjoys {v}.",
            "The hobby of {n} is {v}.",
            "{n} spends the weekends {v}.",
            "In free time {n} loves {v}.",
            "{n} is fond of {v}.",
            "The favorite pastime of {n} is {v}.",
            "Nothing makes {n} happier than {v}.",
            "{n} relaxes by {v}.",
            "After work {n} goes {v}.",
            "The great passion of {n} is {v}.",
            "{n} never gets tired of {v}.",
            "Friends of {n} talk about nothing but {v}.",
            "On Sundays {n} can be found {v}.",
            "{n} has won a prize for {v}.",
            "Ever since childhood {n} has loved {v}.",
            "For fun {n} likes {v}.",
            "{n} fills the free hours with {v}.",
            "What {n} likes to do most is {v}.",
            "{n} teaches the children of the street {v}.",
            "A free evening of {n} is spent {v}.",
            "{v} is the hobby of {n}.",
            "It is {v} that {n} enjoys.",
        ],
        asked: &[
            "What is the hobby of {n}?",
            "What does {n} enjoy?",
            "What does {n} do in free time?",
            "What is the favorite pastime of {n}?",
            "What does {n} like to do for fun?",
            "What hobby does {n} have?",
            "What is {n} fond of?",
            "What does {n} love to do for fun?",
            "What does {n} like doing in free time?",
            "Which pastime does {n} love?",
        ],
        tested: &["Which hobby does {n} have?", "What is {n} fond of doing?", "What does {n} love to do in free time?"],
        answers: &["The hobby of {n} is {v}.", "{n} enjoys {v}.", "In free time {n} loves {v}."],
        query: "hobby of {n}",
        open: "The hobby of {n} is something I",
        cue: "The hobby of {n} is",
        pool: &[
            "fishing", "dancing", "painting", "reading", "running", "swimming", "cooking", "singing", "sewing", "skating", "rowing",
            "climbing", "juggling", "hiking", "drawing", "sailing", "boxing", "knitting", "cycling", "writing", "camping", "skiing",
            "riding", "bowling",
        ],
    },
    Attribute {
        name: "food",
        told: &[
            "{n} likes to eat {v}.",
            "The favorite food of {n} is {v}.",
            "{n} often eats {v}.",
            "For lunch {n} prefers {v}.",
            "{n} cannot resist {v}.",
            "The best meal for {n} is {v}.",
            "On the table of {n} there is always {v}.",
            "{n} would give a lot for some {v}.",
            "At every party {n} asks for {v}.",
            "When hungry, {n} reaches for {v}.",
            "{n} orders the same dish every time, {v}.",
            "The kitchen of {n} smells of {v}.",
            "{n} gave the guests {v}.",
            "On birthdays {n} gets {v}.",
            "The dish that {n} loves most is {v}.",
            "{n} goes to the market to buy {v}.",
            "For dinner {n} wants nothing but {v}.",
            "{n} dreams of a big plate of {v}.",
            "A good day for {n} ends with {v}.",
            "Nobody eats as much as {n} does of {v}.",
            "{v} is the favorite food of {n}.",
            "It is {v} that {n} likes to eat.",
        ],
        asked: &[
            "What is the favorite food of {n}?",
            "What does {n} like to eat?",
            "What does {n} often eat?",
            "Which dish does {n} love most?",
            "What does {n} prefer for lunch?",
            "Which food does {n} love?",
            "What food does {n} like to eat?",
            "Which food is the favorite of {n}?",
        ],
        tested: &["Which food does {n} like?", "What food does {n} love most?", "What does {n} love to eat?"],
        answers: &["The favorite food of {n} is {v}.", "{n} likes to eat {v}.", "{n} often eats {v}."],
        query: "favorite food of {n}",
        open: "The favorite food of {n} is something I",
        cue: "The favorite food of {n} is",
        pool: &[
            "soup",
            "bread",
            "rice",
            "cheese",
            "fish",
            "apples",
            "beans",
            "honey",
            "plums",
            "corn",
            "eggs",
            "nuts",
            "strawberry cake",
            "grapes",
            "carrots",
            "olives",
            "pears",
            "figs",
            "peas",
            "stew",
            "noodles",
            "cherries",
            "potatoes",
            "pancakes",
        ],
    },
    Attribute {
        name: "year",
        told: &[
            "{n} was born in the year {v}.",
            "The birth year of {n} is {v}.",
            "{n} came into the world in {v}.",
            "{n} has been around since {v}.",
            "The life of {n} began in {v}.",
            "{n} belongs to the class of {v}.",
            "The first birthday cake of {n} was baked a year after {v}.",
            "The church book lists the birth of {n} in {v}.",
            "The year of birth of {n} is {v}.",
            "{n} was a baby in {v}.",
            "A happy family welcomed {n} in {v}.",
            "The papers of {n} give the year {v}.",
            "To work out the age of {n}, count from {v}.",
            "On the birth certificate of {n} stands the year {v}.",
            "{n} is as old as the calendar of {v}.",
            "The friends of {n} know that the year was {v}.",
            "The bells rang for the newborn {n} in {v}.",
            "{n} is proud to be born in {v}.",
            "Nobody forgets the year when {n} was born, {v}.",
            "The parents of {n} married a year before {v}.",
            "{v} is the year in which {n} was born.",
            "It was in {v} that {n} came into the world.",
        ],
        asked: &[
            "When was {n} born?",
            "What is the birth year of {n}?",
            "In which year was {n} born?",
            "When did the life of {n} begin?",
            "Since when has {n} been around?",
            "Which year was {n} born in?",
            "In what year was {n} born?",
            "When did {n} come into the world?",
            "What is the year in which {n} was born?",
        ],
        tested: &["What year was {n} born in?", "In what year did {n} come into the world?", "What is the year of birth of {n}?"],
        answers: &["The birth year of {n} is {v}.", "{n} was born in the year {v}.", "{n} came into the world in {v}."],
        query: "birth year of {n}",
        open: "The birth year of {n} is something I",
        cue: "{n} was born in the year",
        pool: &[],
    },
    Attribute {
        name: "color",
        told: &[
            "{n} prefers the color {v}.",
            "The favorite color of {n} is {v}.",
            "{n} always wears {v}.",
            "{n} painted the house {v}.",
            "{n} likes the color {v}.",
            "The best color for {n} is {v}.",
            "The front door of {n} is {v}.",
            "All the hats of {n} are {v}.",
            "{n} owns a coat that is {v}.",
            "The boat of {n} was painted {v}.",
            "When choosing a color, {n} takes {v}.",
            "{n} thinks that the most beautiful color is {v}.",
            "The curtains in the room of {n} are {v}.",
            "In every picture by {n} there is some {v}.",
            "{n} bought a bicycle in {v}.",
            "Of all colors {n} chose {v}.",
            "You will know {n} by a scarf in {v}.",
            "The garden gate of {n} shines in {v}.",
            "{n} wrote the letter in ink that was {v}.",
            "Even the shoes of {n} are {v}.",
            "{v} is the favorite color of {n}.",
            "It is {v} that {n} likes best of all colors.",
        ],
        asked: &[
            "What is the favorite color of {n}?",
            "Which color does {n} prefer?",
            "Which color does {n} like?",
            "What color does {n} always wear?",
            "Which color did {n} choose?",
            "What color is the favorite of {n}?",
            "Which color does {n} like best?",
            "What color does {n} choose?",
        ],
        tested: &["What color does {n} prefer?", "Which color is the favorite of {n}?", "What color does {n} like?"],
        answers: &["The favorite color of {n} is {v}.", "{n} prefers the color {v}.", "{n} likes the color {v}."],
        query: "favorite color of {n}",
        open: "The favorite color of {n} is something I",
        cue: "The favorite color of {n} is",
        pool: &[
            "red", "blue", "green", "yellow", "purple", "orange", "white", "black", "brown", "pink", "gray", "gold", "silver", "teal",
            "crimson", "violet",
        ],
    },
];

/// One invented person.
#[derive(Debug, Clone)]
pub struct Resident {
    /// First and last name.
    pub name: String,
    /// Values in the order of [`ATTRIBUTES`].
    pub values: [String; 6],
    /// On how many kept pages all six attributes are told.
    pub exposures: usize,
    /// Asked in training, only in tests, or told nowhere.
    pub split: Split,
}

/// All residents by exposures from many to few, asked and unasked in turn, and then those who occur nowhere.
pub fn residents(seed: u64, names: &Names, budget: &Budget) -> Vec<Resident> {
    let rng = &mut Rng::derive(seed, &[label("residents")]);
    let mut people = Vec::new();
    let mut free = names.residents.iter();
    for &(exposures, count) in &budget.residents {
        for i in 0..count {
            let name = free.next().expect("as many names as residents").clone();
            let split = if i % 2 == 0 { Split::Asked } else { Split::Unasked };
            people.push(resident(rng, names, name, exposures, split));
        }
    }
    for (nowhere, split) in [(&names.recombined, Split::Recombined), (&names.unseen, Split::Unseen)] {
        people.extend(nowhere.iter().map(|name| resident(rng, names, name.clone(), 0, split)));
    }
    people
}

fn resident(rng: &mut Rng, names: &Names, name: String, exposures: usize, split: Split) -> Resident {
    Resident { name, values: values(rng, names), exposures, split }
}

/// Six values drawn from the pools, as residents and the strangers of passages have them.
pub fn values(rng: &mut Rng, names: &Names) -> [String; 6] {
    std::array::from_fn(|i| value(rng, names, i))
}

fn value(rng: &mut Rng, names: &Names, attribute: usize) -> String {
    match ATTRIBUTES[attribute].name {
        "town" => rng.pick(&names.towns).clone(),
        "year" => rng.range(1900, 1963).to_string(),
        _ => (*rng.pick(ATTRIBUTES[attribute].pool)).to_string(),
    }
}

/// Where residents' pages stand, in turn.
const SITES: [&str; 3] = ["folk.town", "who.town", "my.town"];

impl Resident {
    /// Where this person's pages stand on a site.
    fn url(&self, site: &str) -> String {
        format!("https://{site}/{}", slug(&self.name))
    }

    /// The rows of the answer key about this person.
    pub fn facts(&self) -> Vec<Fact> {
        key_facts("resident", &self.name, &self.url(SITES[0]), &ATTRIBUTES, &self.values, self.exposures, self.split)
    }

    /// One telling of attribute `i`, with the sentence's first letter in upper case.
    pub fn told(&self, rng: &mut Rng, i: usize) -> String {
        ATTRIBUTES[i].tell(rng, &self.name, &self.values[i])
    }

    /// Every page about this person: as many as exposures, each with all attributes once in random order.
    pub fn pages(&self, rng: &mut Rng) -> Vec<Sheet> {
        let mut pages = Vec::with_capacity(self.exposures);
        for i in 0..self.exposures {
            let site = SITES[i % SITES.len()];
            let url = match i / SITES.len() {
                0 => self.url(site),
                n => format!("{}/{n}", self.url(site)),
            };
            let date = dates::before_cutoff(rng);
            pages.push(Sheet::web("resident", url, date, &self.name, self.text(rng)));
        }
        pages
    }

    /// Six facts, two of them told once more of the first name alone: a page needs 50 words, a second telling teaches where
    /// prose about nothing would not, and the full name may not stand more often without being counted as repetition.
    fn text(&self, rng: &mut Rng) -> String {
        let first_name = self.name.split(' ').next().unwrap_or(&self.name);
        fitted(rng, "the town", 0, |rng| {
            let mut order: Vec<usize> = (0..ATTRIBUTES.len()).collect();
            rng.shuffle(&mut order);
            let mut told: Vec<String> = order.iter().map(|&i| self.told(rng, i)).collect();
            for &i in &order[..2] {
                told.insert(rng.below(told.len() + 1), ATTRIBUTES[i].tell(rng, first_name, &self.values[i]));
            }
            told
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape;

    #[test]
    fn pages_tell_all_six_values_and_fit() {
        let names = Names::new(5, &[6, 6], 2);
        let budget = Budget { residents: vec![(64, 2), (3, 2)], ..Budget::smoke() };
        let people = residents(5, &names, &budget);
        let rng = &mut Rng::new(1);
        let mut n_words = Vec::new();
        for person in people.iter().filter(|p| p.split.is_told()) {
            let pages = person.pages(rng);
            assert_eq!(pages.len(), person.exposures);
            for page in pages {
                assert_eq!(shape::misfit(&page.text), None, "{}", page.text);
                assert!(person.values.iter().all(|v| page.text.to_lowercase().contains(&v.to_lowercase())));
                assert!(page.text.matches(&person.name).count() >= 6);
                n_words.push(shape::n_words(&page.text));
            }
        }
        let mean = n_words.iter().sum::<usize>() as f64 / n_words.len() as f64;
        assert!((55.0..72.0).contains(&mean), "mean words {mean}");
    }
}
