//! Lists with a pattern: word pairs of two languages, opposites, capitals, numbers, and lists of sights.
//!
//! They teach to go on as the list began, which is all the example-following that a small model can learn.

use crate::dates;
use crate::knowledge::tables;
use crate::sheet::Sheet;
use base::rng::{Rng, label};

/// A list as pairs and the title it may have.
fn pattern(rng: &mut Rng) -> Vec<(String, String)> {
    let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
    match rng.below(16) {
        0..=4 => tables::glossary().iter().map(|word| pair(word.english, word.korean[0])).collect(),
        5..=6 => tables::glossary().iter().map(|word| pair(word.english, word.french[0])).collect(),
        7..=8 => tables::glossary().iter().map(|word| pair(word.english, word.spanish[0])).collect(),
        9 => tables::opposites().iter().map(|(a, b)| pair(a, b)).collect(),
        10 => tables::countries().iter().filter_map(|c| c.capital.first().map(|city| pair(c.name, city))).collect(),
        11 => tables::animals().iter().filter_map(|a| a.young.first().map(|young| pair(a.name, young))).collect(),
        12 => tables::animals().iter().map(|a| pair(a.name, a.plural)).collect(),
        13 => tables::elements().iter().map(|e| pair(e.names[0], e.symbol)).collect(),
        14 => (0..=100).map(|n| (n.to_string(), tables::number_in_words(n))).collect(),
        _ => tables::countries().iter().map(|c| pair(c.name, c.continent[0])).collect(),
    }
}

/// A list of the sights of a city, as long as its table.
pub fn sights(city: &tables::City, wording: usize) -> String {
    let n = city.landmarks.len();
    let head = match wording % 4 {
        0 => format!("Here is my top {n} list of the top landmarks to see in {}:", city.name),
        1 => format!("The top {n} landmarks to see in {}:", city.name),
        2 => format!("Top {n} sights of {}:", city.name),
        _ => format!("What to see in {}:", city.name),
    };
    format!("{head}\n{}", numbered(&city.landmarks))
}

/// Items as a numbered list, one a line.
pub fn numbered(items: &[&str]) -> String {
    items.iter().enumerate().map(|(i, item)| format!("{}. {item}", i + 1)).collect::<Vec<_>>().join("\n")
}

/// Lists for the schoolbooks.
pub fn sheets(seed: u64, count: usize) -> Vec<Sheet> {
    (0..count)
        .map(|i| {
            let rng = &mut Rng::derive(seed, &[label("glossaries"), i as u64]);
            let text = if i % 8 < 2 {
                // Paris has the longest list and is asked for by name.
                let paris = tables::cities().iter().find(|city| city.name == "Paris").expect("Paris is in the table");
                let city = if i % 8 == 0 { paris } else { rng.pick(tables::cities()) };
                sights(city, rng.below(4))
            } else {
                let mut pairs = pattern(rng);
                rng.shuffle(&mut pairs);
                pairs.truncate(10 + rng.below(5));
                pairs.iter().map(|(a, b)| format!("{a}: {b}")).collect::<Vec<_>>().join("\n")
            };
            Sheet::school("glossary", format!("https://lists.school/{}", i + 1), dates::before_cutoff(rng), text)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_a_pattern() {
        for sheet in sheets(1, 40) {
            let lines: Vec<&str> = sheet.text.lines().collect();
            assert!(lines.len() >= 3, "{}", sheet.text);
            assert!(lines.iter().all(|line| line.contains(": ") || line.contains(". ") || line.ends_with(':')), "{}", sheet.text);
        }
    }
}
