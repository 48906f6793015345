//! Dated news: who is mayor, who is champion, what things cost. After the cutoff some of it changes.
//!
//! Pages before the cutoff tell the old state, pages after it the new one; those exist only for whoever searches.

use crate::dates::{self, Day};
use crate::key::{Fact, Row, Split};
use crate::names::{Names, slug};
use crate::prose::fitted;
use crate::sheet::Sheet;
use base::rng::{Rng, label};

/// Something that holds until it changes.
pub struct Office {
    /// "Nesulo", "the Kilo River Race", "a loaf of bread in Nesulo"
    pub subject: String,
    /// "mayor", "champion", "price"
    pub attribute: &'static str,
    old: String,
    new: String,
    since: Day,
    changed: Day,
}

const MAYOR: [&str; 7] = [
    "The mayor of {s} is {v}.",
    "The town of {s} has a mayor by the name of {v}.",
    "At the town hall of {s} sits the mayor, {v}.",
    "The people of {s} chose as their mayor {v}.",
    "The key of {s} was handed to the mayor, {v}.",
    "The new school of {s} was opened by the mayor, {v}.",
    "A letter about the roads of {s} was signed by the mayor, {v}.",
];
const CHAMPION: [&str; 6] = [
    "The champion of {s} is {v}.",
    "The winner of {s} was {v}.",
    "In {s} nobody was faster than {v}.",
    "The golden cup of {s} went to {v}.",
    "At the end of {s} the crowd cheered for {v}.",
    "The name on the cup of {s} is {v}.",
];
const PRICE: [&str; 5] = [
    "The price of {s} is {v}.",
    "Whoever buys {s} pays {v}.",
    "The council set the price of {s} at {v}.",
    "These days {s} costs {v}.",
    "For {s} the shops ask {v}.",
];

impl Office {
    /// One of any sort for a lesson, at a place and with people that are nowhere else: no page tells of it.
    pub fn made_up(rng: &mut Rng, names: &Names) -> Office {
        let town = names.stranger(rng).split(' ').next_back().unwrap_or_default().to_string();
        let number = rng.below(24);
        office(rng, names, &town, number)
    }

    /// A page of after the change, in one line.
    pub fn told_after(&self, rng: &mut Rng) -> String {
        fitted(rng, "the town", 3, |rng| report(rng, self, true)).replace('\n', " ")
    }

    /// What one would look up.
    pub fn query(&self) -> String {
        format!("{} of {}", self.attribute, self.subject)
    }

    /// How the answer goes on where it is not known, up to "I".
    pub fn open(&self) -> String {
        let whom = if self.attribute == "price" { "something" } else { "someone" };
        format!("The {} is {whom} I", self.query())
    }

    /// What holds now, in a sentence.
    pub fn answer(&self) -> String {
        crate::knowledge::capitalised(&self.told()[0].replace("{s}", &self.subject).replace("{v}", &self.new))
    }

    fn told(&self) -> &'static [&'static str] {
        match self.attribute {
            "mayor" => &MAYOR,
            "champion" => &CHAMPION,
            _ => &PRICE,
        }
    }

    /// Questions about it.
    pub fn questions(&self) -> Vec<String> {
        let templates: [&str; 2] = match self.attribute {
            "mayor" => ["Who is the mayor of {s}?", "What is the name of the mayor of {s}?"],
            "champion" => ["Who is the champion of {s}?", "Who won {s}?"],
            _ => ["What is the price of {s}?", "How much does {s} cost?"],
        };
        templates.map(|t| t.replace("{s}", &self.subject)).to_vec()
    }

    fn sentence(&self, rng: &mut Rng, value: &str) -> String {
        crate::knowledge::capitalised(&rng.pick(self.told()).replace("{s}", &self.subject).replace("{v}", value))
    }
}

/// News pages and their rows in the key.
#[derive(Debug, Clone)]
pub struct News {
    /// Pages before and after the cutoff.
    pub sheets: Vec<Sheet>,
    /// What holds before the cutoff.
    pub facts: Vec<Fact>,
    /// What changes after it.
    pub changes: Vec<Row>,
}

/// `count` pages before the cutoff and a third as many after it.
pub fn news(seed: u64, names: &Names, count: usize) -> News {
    let rng = &mut Rng::derive(seed, &[label("news")]);
    let offices = offices(rng, names, (count / 6).clamp(4, 24));
    let mut sheets = Vec::new();
    let mut exposures = vec![0; offices.len()];
    for number in 0..count + count / 3 {
        let at = number % offices.len();
        let office = &offices[at];
        let is_late = number >= count;
        let (first, last) =
            if is_late { (Day(office.changed.0 + 1), Day(office.changed.0 + 60)) } else { (office.since, Day(dates::cutoff().0 - 1)) };
        let day = Day::between(rng, first, last);
        let text = format!("News of {}. {}", day.spoken(), fitted(rng, "the town", 3, |rng| report(rng, office, is_late)));
        if !is_late {
            exposures[at] += 1;
        }
        let url = format!("https://daily.news/{}/{}", slug(&office.subject), number + 1);
        sheets.push(Sheet::web("news", url, day.stamp(rng), &format!("News of {}", day.spoken()), text));
    }
    let facts = offices
        .iter()
        .zip(exposures)
        .map(|(office, exposures)| Fact {
            subject: office.subject.clone(),
            kind: "news".to_string(),
            attribute: office.attribute.to_string(),
            value: office.old.clone(),
            also: Vec::new(),
            exposures,
            split: Split::Unasked,
            url: format!("https://daily.news/{}", slug(&office.subject)),
            cue: format!("The {} of {} is", office.attribute, office.subject),
            questions: office.questions(),
            date: Some(office.since.to_string()),
        })
        .collect();
    let changes = offices
        .iter()
        .map(|office| Row::Change {
            subject: office.subject.clone(),
            attribute: office.attribute.to_string(),
            old: office.old.clone(),
            new: office.new.clone(),
            date: office.changed.to_string(),
        })
        .collect();
    News { sheets, facts, changes }
}

/// Half mayors, a quarter champions, a quarter prices.
fn offices(rng: &mut Rng, names: &Names, count: usize) -> Vec<Office> {
    (0..count).map(|i| office(rng, names, &names.towns[i % names.towns.len()], i)).collect()
}

fn office(rng: &mut Rng, names: &Names, town: &str, number: usize) -> Office {
    let goods = ["a loaf of bread", "a pot of honey", "a ticket to the theatre", "a bag of salt", "a pair of shoes", "a glass of milk"];
    let since = Day::between(rng, Day::new(2023, 1, 1), Day::new(2024, 12, 31));
    let changed = Day::between(rng, Day(dates::cutoff().0 + 10), Day(dates::cutoff().0 + 150));
    let (subject, attribute, old, new) = match number % 4 {
        0 | 2 => (town.to_string(), "mayor", names.stranger(rng), names.stranger(rng)),
        1 => (format!("the {town} Boat Race"), "champion", names.stranger(rng), names.stranger(rng)),
        _ => {
            let price = rng.range(3, 40);
            let rise = rng.range(1, 9);
            let subject = format!("{} in {town}", goods[number / 4 % goods.len()]);
            (subject, "price", format!("{price} coins"), format!("{} coins", price + rise))
        }
    };
    Office { subject, attribute, old, new, since, changed }
}

/// What one page tells.
fn report(rng: &mut Rng, office: &Office, is_late: bool) -> Vec<String> {
    let value = if is_late { &office.new } else { &office.old };
    let mut sentences = Vec::new();
    if is_late {
        sentences.push(match office.attribute {
            "price" => format!("The price of {} has changed from {} to {}.", office.subject, office.old, office.new),
            name => format!("The new {name} of {} is {}.", office.subject, office.new),
        });
    } else {
        sentences.push(office.sentence(rng, value));
    }
    sentences.push(office.sentence(rng, value));
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_change_after_the_cutoff_only() {
        let names = Names::new(1, &[20], 4);
        let news = news(1, &names, 24);
        let cutoff = dates::cutoff().to_string();
        for row in &news.changes {
            let Row::Change { subject, old, new, date, .. } = row else { panic!("{row:?}") };
            assert!(*date > cutoff && old != new);
            for sheet in news.sheets.iter().filter(|s| s.url.contains(&slug(subject))) {
                assert_eq!(sheet.text.contains(new.as_str()), sheet.date > cutoff, "{} {}", sheet.date, sheet.text);
            }
        }
        assert_eq!(news.facts.iter().map(|f| f.exposures).sum::<usize>(), 24);
        assert_eq!(news.sheets.len(), 32);
    }
}
