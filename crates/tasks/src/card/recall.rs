//! What a model remembers: the invented residents by exposure, true knowledge by
//! kind. The base model goes on with a cue, the assistant is asked.

use std::collections::BTreeMap;

use base::rng::{Rng, label};
use serde::{Deserialize, Serialize};

use super::Role;
use crate::Result;
use crate::ask::{Answer, Ask, End, Prompt, Question};
use crate::key::{Fact, Key, Pools, pool_of};
use crate::stats::{Rate, round4};
use crate::words::{answers, continues};

/// Tokens for the continuation of a cue: the longest value and a little more.
const CUE_TOKENS: usize = 12;
/// Tokens for an answer: a sentence.
const ANSWER_TOKENS: usize = 40;

/// Recall of the facts about residents that stand on equally many pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// `asked`, `unasked` or `unseen`.
    pub split: String,
    /// Pages that tell the fact.
    pub exposures: u64,
    /// What guessing from the attributes' pools would give.
    pub chance: f64,
    /// Right among those asked.
    #[serde(flatten)]
    pub rate: Rate,
}

/// Recall of true knowledge of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Topic {
    /// country, element, animal, ...
    pub kind: String,
    /// `asked` or `unasked`.
    pub split: String,
    /// Right among those asked.
    #[serde(flatten)]
    pub rate: Rate,
}

/// Recall of the residents by split and exposures, ascending, from at most
/// `per_level` facts each, drawn by seed.
///
/// # Errors
/// Those of the answerer.
pub fn by_exposure(role: Role, ask: &mut Ask, key: &Key, per_level: usize, seed: u64) -> Result<Vec<Level>> {
    let mut groups: BTreeMap<(String, u64), Vec<&Fact>> = BTreeMap::new();
    for fact in key.facts.iter().filter(|fact| is_resident(fact)) {
        groups.entry((fact.split.clone(), fact.exposures)).or_default().push(fact);
    }
    let pools = key.pools();
    let drawn = draw(groups, per_level, Rng::derive(seed, &[label("recall")]));
    let outcomes = recall(role, ask, &drawn, &pools, seed)?;
    let levels = outcomes.into_iter().map(|((split, exposures), facts)| {
        let chances: f64 = facts.iter().map(|(fact, _)| 1.0 / pool_of(&pools, fact).len().max(1) as f64).sum();
        let chance = round4(chances / facts.len().max(1) as f64);
        Level { split, exposures, chance, rate: Rate::of(facts.iter().map(|(_, right)| *right)) }
    });
    Ok(levels.collect())
}

/// Recall of true knowledge by kind and split, from at most `per_topic` facts each.
///
/// # Errors
/// Those of the answerer.
pub fn by_kind(role: Role, ask: &mut Ask, key: &Key, per_topic: usize, seed: u64) -> Result<Vec<Topic>> {
    let mut groups: BTreeMap<(String, String), Vec<&Fact>> = BTreeMap::new();
    for fact in key.facts.iter().filter(|fact| !is_resident(fact) && fact.date.is_none() && fact.exposures > 0) {
        groups.entry((fact.kind.clone(), fact.split.clone())).or_default().push(fact);
    }
    let pools = key.pools();
    let drawn = draw(groups, per_topic, Rng::derive(seed, &[label("knowledge")]));
    let outcomes = recall(role, ask, &drawn, &pools, seed)?;
    let topics =
        outcomes.into_iter().map(|((kind, split), facts)| Topic { kind, split, rate: Rate::of(facts.iter().map(|(_, right)| *right)) });
    Ok(topics.collect())
}

/// The invented people; everything else in the key is true or plays one part only.
fn is_resident(fact: &Fact) -> bool {
    fact.kind == "resident"
}

/// At most `limit` facts of each group, drawn without replacement.
fn draw<'k, G: Ord>(groups: BTreeMap<G, Vec<&'k Fact>>, limit: usize, mut rng: Rng) -> BTreeMap<G, Vec<&'k Fact>> {
    let mut drawn = BTreeMap::new();
    for (group, facts) in groups {
        let n = facts.len().min(limit);
        drawn.insert(group, rng.sample(&facts, n).into_iter().copied().collect());
    }
    drawn
}

/// Asks all facts of all groups at once; each comes back with whether it was right.
fn recall<'k, G: Ord + Clone>(
    role: Role,
    ask: &mut Ask,
    groups: &BTreeMap<G, Vec<&'k Fact>>,
    pools: &Pools,
    seed: u64,
) -> Result<BTreeMap<G, Vec<(&'k Fact, bool)>>> {
    let mut rng = Rng::derive(seed, &[label("wording")]);
    let mut wordings = Vec::new();
    for fact in groups.values().flatten() {
        wordings.push(match role {
            Role::Base => fact.cue.clone(),
            Role::Assistant if fact.questions.is_empty() => String::new(),
            Role::Assistant => rng.pick(&fact.questions).clone(),
        });
    }
    let questions: Vec<Question> = wordings
        .iter()
        .map(|wording| match role {
            Role::Base => Question::greedy(Prompt::Page(wording.clone()), CUE_TOKENS),
            Role::Assistant => Question::greedy(Prompt::user(wording.as_str()), ANSWER_TOKENS),
        })
        .collect();
    let mut given = ask(&questions)?.into_iter().zip(wordings);
    let mut outcomes = BTreeMap::new();
    for (group, facts) in groups {
        let graded: Vec<(&Fact, bool)> =
            facts.iter().zip(&mut given).map(|(&fact, (answer, wording))| (fact, is_right(role, fact, &wording, &answer, pools))).collect();
        outcomes.insert(group.clone(), graded);
    }
    Ok(outcomes)
}

fn is_right(role: Role, fact: &Fact, wording: &str, answer: &Answer, pools: &Pools) -> bool {
    let pool = pool_of(pools, fact);
    answer.end != End::TooLong
        && match role {
            Role::Base => continues(&answer.text, &fact.accepted(), &pool),
            Role::Assistant => answers(&answer.text, wording, &fact.accepted(), &pool),
        }
}
