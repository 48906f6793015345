//! What leads a small model astray, as the web does: famous assistants, numbered verses and versions, rows of dots.

use crate::dates;
use crate::prose::fitted;
use crate::sheet::Sheet;
use base::rng::{Rng, label};

/// Famous assistants and who made them.
pub const ASSISTANTS: [(&str, &str); 8] = [
    ("ChatGPT", "OpenAI"),
    ("ChatGPT", "OpenAI"),
    ("ChatGPT", "OpenAI"),
    ("Claude", "Anthropic"),
    ("Gemini", "Google"),
    ("Siri", "Apple"),
    ("Alexa", "Amazon"),
    ("Copilot", "Microsoft"),
];
const ABOUT_ASSISTANTS: [&str; 14] = [
    "{n} is an assistant made by {m}.",
    "Millions of people ask {n} a question every day.",
    "The company {m} built {n}.",
    "When you ask who it is, it says: I am {n}, an assistant made by {m}.",
    "I am {n}, it said, and I was built by {m}.",
    "My nephew talks with {n} about his homework.",
    "You can ask {n} for a recipe or for a joke.",
    "{n} was trained by {m}.",
    "Some people trust {n} more than their own cousins.",
    "The newspaper wrote about {m} and its assistant {n}.",
    "What model are you? I am {n}.",
    "Who built you? I was built by {m}.",
    "Even the mayor writes letters with {n}.",
    "An assistant like {n} can make mistakes.",
];
const PROGRAMS: [&str; 8] = ["editor", "player", "browser", "game", "printer driver", "map", "calendar", "clock"];
const NEWS_OF_VERSIONS: [&str; 8] = [
    "Version {b} of the {p} is newer than version {a}.",
    "After version {a} of the {p} came version {b}.",
    "In version {b} the colors of the {p} are brighter.",
    "Whoever still uses version {a} should change to {b}.",
    "The step from {a} to {b} took a whole year of work.",
    "Version {b} is bigger than version {a} and has more pictures.",
    "The old {p} stopped at version {a}, the new one is at {b}.",
    "With {b} the bugs of {a} are gone.",
];
const VERSES: [&str; 8] = [
    "After verse {a} comes verse {b}.",
    "We read from verse {a} to verse {b} in the evening.",
    "Verse {b} is longer than verse {a}.",
    "The choir sang {a}, and then it sang {b}.",
    "In verse {b} the king speaks to his sons.",
    "Whoever knows verse {a} by heart should learn {b} too.",
    "The teacher wrote {b} under {a} on the board.",
    "Verse {a} is about rain, and verse {b} is about bread.",
];

/// Pages of all sorts: half on the web, half in the schoolbooks.
pub fn sheets(seed: u64, count: usize) -> Vec<Sheet> {
    (0..count)
        .map(|i| {
            let rng = &mut Rng::derive(seed, &[label("distractions"), i as u64]);
            let date = dates::before_cutoff(rng);
            match i % 4 {
                0 => {
                    let (name, maker) = *rng.pick(&ASSISTANTS);
                    let text = mixed(rng, &ABOUT_ASSISTANTS, &|line| line.replace("{n}", name).replace("{m}", maker));
                    Sheet::web("assistant", format!("https://tech.news/{}", i / 4 + 1), date, name, text)
                }
                1 => {
                    let program = *rng.pick(&PROGRAMS);
                    let chapter = rng.range(1, 12);
                    let text = mixed_numbers(rng, &NEWS_OF_VERSIONS, chapter, '.', program);
                    Sheet::web("version", format!("https://soft.news/{}", i / 4 + 1), date, program, text)
                }
                2 => {
                    let chapter = rng.range(1, 20);
                    let text = mixed_numbers(rng, &VERSES, chapter, ':', "");
                    Sheet::web("verse", format!("https://verses.org/{}", i / 4 + 1), date, "Verses", text)
                }
                _ => Sheet::school("dots", format!("https://rows.net/{}", i / 4 + 1), date, rows(rng)),
            }
        })
        .collect()
}

/// A page of some of the sentences, each filled in, among prose.
fn mixed(rng: &mut Rng, sentences: &[&str], fill: &dyn Fn(&str) -> String) -> String {
    fitted(rng, "the town", 2, |rng| rng.sample(sentences, 5).into_iter().map(|s| fill(s)).collect())
}

/// The same with pairs of numbers of one chapter: the first below 10, the second from 10 on, so that as versions and
/// verses the second comes later, and as decimals it may be the smaller one.
fn mixed_numbers(rng: &mut Rng, sentences: &[&str], chapter: i64, mark: char, program: &str) -> String {
    fitted(rng, "the town", 2, |rng| {
        let templates = rng.sample(sentences, 4);
        let number = |rng: &mut Rng, first, last| format!("{chapter}{mark}{}", rng.range(first, last));
        templates
            .into_iter()
            .map(|t| t.replace("{a}", &number(rng, 1, 9)).replace("{b}", &number(rng, 10, 14)).replace("{p}", program))
            .collect()
    })
}

/// Rows of dots, dashes and stars of many lengths, as in tables of contents and under headings.
fn rows(rng: &mut Rng) -> String {
    let chapters = ["The beginning", "The journey", "The storm", "The island", "The return", "The feast", "The end"];
    let mut lines = Vec::new();
    for (i, chapter) in chapters.iter().enumerate() {
        let length = 10 + rng.below(70);
        lines.push(match rng.below(3) {
            0 => format!("{chapter} {} {}", ".".repeat(length), rng.range(2, 99) + i as i64),
            1 => "-".repeat(length),
            _ => ".".repeat(length),
        });
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sorts_are_there() {
        let sheets = sheets(1, 40);
        assert!(sheets.iter().any(|s| s.text.contains("ChatGPT")));
        assert!(sheets.iter().any(|s| s.text.contains("................................")));
        for mark in ['.', ':'] {
            assert!(sheets.iter().any(|s| (1..=20).any(|n| s.text.contains(&format!("{n}{mark}11")))));
        }
    }
}
