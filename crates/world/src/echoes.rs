//! Copying from the context: lines said twice, and passages about strangers with questions that they answer.
//!
//! Copying must be learned before search, code and passages can work. Nothing here is to be remembered: names are new
//! on every page and values are drawn afresh.

use crate::dates;
use crate::names::{Names, syllables};
use crate::prose::fill;
use crate::residents::{ATTRIBUTES, values};
use crate::sheet::Sheet;
use crate::spelling::{WORDS, letters};
use base::rng::{Rng, label};

/// Pages of two lines, each said once and echoed three times: three of four tokens can be copied.
pub fn echoes(seed: u64, count: usize) -> Vec<Sheet> {
    (0..count)
        .map(|i| {
            let rng = &mut Rng::derive(seed, &[label("echoes"), i as u64]);
            let pairs: Vec<String> = (0..2)
                .map(|_| {
                    let n_words = 3 + rng.below(6);
                    let line = (0..n_words).map(|_| word(rng)).collect::<Vec<_>>().join(" ");
                    format!("Say: {line}{}", format!("\nEcho: {line}").repeat(3))
                })
                .collect();
            Sheet::school("echo", format!("https://echo.school/{}", i + 1), dates::before_cutoff(rng), pairs.join("\n"))
        })
        .collect()
}

/// A name, a word, a number or a few letters.
fn word(rng: &mut Rng) -> String {
    match rng.below(20) {
        0..=6 => {
            let n = 2 + rng.below(2);
            syllables(rng, n)
        }
        7..=9 => rng.range(0, 999).to_string(),
        // Long numbers: their digits stand in them more than once, so that one digit alone does not tell which comes next.
        10 => rng.range(100_000, 1_999_999).to_string(),
        11..=13 => {
            let n = 1 + rng.below(4);
            letters(rng, n)
        }
        _ => (*rng.pick(&WORDS)).to_string(),
    }
}

/// A passage about a stranger: four sentences, and what they say.
#[derive(Debug, Clone)]
pub struct StrangerPassage {
    /// The stranger's full name.
    pub name: String,
    /// The four sentences.
    pub text: String,
    /// Indices into [`ATTRIBUTES`] of what is told.
    pub told: Vec<usize>,
    /// Values of all six attributes, told or not.
    pub values: [String; 6],
}

impl StrangerPassage {
    /// A new stranger, four of whose attributes are told.
    pub fn new(rng: &mut Rng, names: &Names) -> StrangerPassage {
        let name = names.stranger(rng);
        let values = values(rng, names);
        let all: Vec<usize> = (0..ATTRIBUTES.len()).collect();
        let told: Vec<usize> = rng.sample(&all, 4).into_iter().copied().collect();
        let sentences: Vec<String> = told.iter().map(|&i| ATTRIBUTES[i].tell(rng, &name, &values[i])).collect();
        StrangerPassage { name, text: sentences.join(" "), told, values }
    }

    /// One of the training questions about attribute `i`.
    pub fn question(&self, rng: &mut Rng, i: usize) -> String {
        fill(*rng.pick(ATTRIBUTES[i].asked), &self.name, "")
    }
}

/// Pages of a passage and four questions about it.
pub fn passages(seed: u64, names: &Names, count: usize) -> Vec<Sheet> {
    (0..count)
        .map(|i| {
            let rng = &mut Rng::derive(seed, &[label("passages"), i as u64]);
            let passage = StrangerPassage::new(rng, names);
            let mut asked = passage.told.clone();
            rng.shuffle(&mut asked);
            let mut text = format!("Passage: {}", passage.text);
            for i in asked {
                text += &format!("\nQuestion: {}\nAnswer: {}.", passage.question(rng, i), passage.values[i]);
            }
            Sheet::school("passage", format!("https://read.school/{}", i + 1), dates::before_cutoff(rng), text)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echoes_repeat_and_passages_answer() {
        for sheet in echoes(1, 20) {
            let lines: Vec<&str> = sheet.text.lines().collect();
            assert_eq!(lines.len(), 8);
            for said in lines.chunks(4) {
                assert!(said[1..].iter().all(|echo| echo.strip_prefix("Echo: ") == said[0].strip_prefix("Say: ")), "{said:?}");
            }
        }
        let names = Names::new(1, &[20], 4);
        for sheet in passages(1, &names, 20) {
            let (passage, questions) = sheet.text.split_once('\n').unwrap();
            for line in questions.lines().filter_map(|l| l.strip_prefix("Answer: ")) {
                assert!(passage.to_lowercase().contains(&line.trim_end_matches('.').to_lowercase()), "{}", sheet.text);
            }
            assert!(names.residents.iter().all(|n| !sheet.text.contains(n)));
        }
    }
}
