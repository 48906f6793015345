//! What an assistant says about people who occur nowhere: it never learnt to say
//! that it does not know, so it makes up another life each time.

use std::collections::BTreeSet;

use base::rng::{Rng, label};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::ask::{Ask, Prompt, Question};
use crate::key::{Fact, Key, pool_of};
use crate::probe::declines;
use crate::stats::{median, round4};
use crate::words::mentioned;

/// Answers to each question.
const SAMPLES: usize = 8;

/// How many different answers a question about a name that occurs nowhere has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventions {
    /// Questions asked, one for each name.
    pub questions: usize,
    /// Answers sampled for each at temperature 1.
    pub samples: usize,
    /// The share of answers that claim a value.
    pub claimed: f64,
    /// The median over the questions of how many different values were claimed.
    pub distinct_median: f64,
}

/// Asks about at most `limit` unseen residents.
///
/// # Errors
/// Those of the answerer.
pub fn invent(ask: &mut Ask, key: &Key, limit: usize, seed: u64) -> Result<Inventions> {
    let pools = key.pools();
    let mut rng = Rng::derive(seed, &[label("unseen")]);
    let mut facts: Vec<&Fact> = Vec::new();
    for fact in key.facts.iter().filter(|fact| fact.split == "unseen" && !fact.questions.is_empty()) {
        // One attribute of each name, another one from name to name.
        let taken = facts.iter().any(|other| other.subject == fact.subject);
        if !taken && rng.chance(0.4) && facts.len() < limit {
            facts.push(fact);
        }
    }
    let mut questions = Vec::new();
    for fact in &facts {
        let wording = rng.pick(&fact.questions);
        for _ in 0..SAMPLES {
            let seed = rng.next_u64();
            questions.push(Question { prompt: Prompt::user(wording.as_str()), max_tokens: 40, temperature: 1.0, seed, one_line: false });
        }
    }
    let given = ask(&questions)?;
    let (mut claims, mut distinct) = (0, Vec::new());
    for (fact, answers) in facts.iter().zip(given.chunks(SAMPLES)) {
        let pool = pool_of(&pools, fact);
        let mut different = BTreeSet::new();
        for answer in answers {
            if declines(&answer.text) {
                continue;
            }
            let values = mentioned(&answer.text, pool.iter().copied());
            claims += usize::from(!values.is_empty());
            different.extend(values);
        }
        distinct.push(different.len() as f64);
    }
    Ok(Inventions {
        questions: facts.len(),
        samples: SAMPLES,
        claimed: round4(claims as f64 / given.len().max(1) as f64),
        distinct_median: median(&distinct).unwrap_or(0.0),
    })
}
