//! What a model remembers: the invented residents by exposure, true knowledge by
//! kind. The base model goes on with a cue, the assistant is asked.

use std::collections::BTreeMap;

use base::rng::{Rng, label};
use serde::{Deserialize, Serialize};

use super::Role;
use crate::Result;
use crate::ask::{Answer, Ask, End, Prompt, Question};
use crate::key::{Fact, Key, Pools, pool_of};
use crate::probe::{Verdict, declines};
use crate::stats::{Rate, round4};
use crate::words::{answers, continues};

/// Tokens that are enough for a fact's value, counted as two bytes each, and `more`.
pub(super) fn tokens(fact: &Fact, more: usize) -> usize {
    let longest = fact.accepted().iter().map(|value| value.len()).max().unwrap_or(0);
    (longest / 2).min(100) + more
}

/// Recall of the facts about residents that stand on equally many pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// `asked`, `unasked`, `unseen` or `recombined`.
    pub split: String,
    /// Pages that tell the fact.
    pub exposures: u64,
    /// What guessing from the attributes' pools would give.
    pub chance: f64,
    /// Right among those asked.
    #[serde(flatten)]
    pub rate: Rate,
    /// Of those asked, how many were declined.
    #[serde(default)]
    pub declined: usize,
    /// What became of each question, in their order.
    #[serde(skip)]
    pub verdicts: Vec<Verdict>,
}

/// Recall of one attribute of one kind of true knowledge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Topic {
    /// country, element, animal, ...
    pub kind: String,
    /// capital, symbol, young, ...
    pub attribute: String,
    /// `asked` or `unasked`.
    pub split: String,
    /// Right among those asked.
    #[serde(flatten)]
    pub rate: Rate,
}

/// Recall of the residents by split and exposures, ascending, from at most
/// `per_level` facts each (half as many for a base model), drawn by seed.
///
/// # Errors
/// Those of the answerer.
pub fn by_exposure(role: Role, ask: &mut Ask, key: &Key, per_level: usize, seed: u64) -> Result<Vec<Level>> {
    let mut groups: BTreeMap<(String, u64), Vec<&Fact>> = BTreeMap::new();
    for fact in key.facts.iter().filter(|fact| is_resident(fact)) {
        groups.entry((fact.split.clone(), fact.exposures)).or_default().push(fact);
    }
    let pools = key.pools();
    // Whether a subject was asked about in training changes nothing for a base model: both splits count as one.
    let limit = if role == Role::Base { per_level.div_ceil(2) } else { per_level };
    let drawn = draw(groups, limit, Rng::derive(seed, &[label("recall")]));
    let outcomes = recall(role, ask, &drawn, &pools, seed)?;
    let levels = outcomes.into_iter().map(|((split, exposures), facts)| {
        let chances: f64 = facts.iter().map(|(fact, _)| 1.0 / pool_of(&pools, fact).len().max(1) as f64).sum();
        let chance = round4(chances / facts.len().max(1) as f64);
        let verdicts: Vec<Verdict> = facts.iter().map(|(_, verdict)| *verdict).collect();
        Level {
            split,
            exposures,
            chance,
            rate: right(&facts),
            declined: verdicts.iter().filter(|v| **v == Verdict::NotAttempted).count(),
            verdicts,
        }
    });
    Ok(levels.collect())
}

/// Recall of true knowledge by kind, attribute and split, from at most `per_topic` facts each.
///
/// # Errors
/// Those of the answerer.
pub fn by_kind(role: Role, ask: &mut Ask, key: &Key, per_topic: usize, seed: u64) -> Result<Vec<Topic>> {
    let mut groups: BTreeMap<(String, String, String), Vec<&Fact>> = BTreeMap::new();
    for fact in key.facts.iter().filter(|fact| !is_resident(fact) && fact.exposures > 0) {
        groups.entry((fact.kind.clone(), fact.attribute.clone(), fact.split.clone())).or_default().push(fact);
    }
    let pools = key.pools();
    let drawn = draw(groups, per_topic, Rng::derive(seed, &[label("knowledge")]));
    let outcomes = recall(role, ask, &drawn, &pools, seed)?;
    let topics = outcomes.into_iter().map(|((kind, attribute, split), facts)| Topic { kind, attribute, split, rate: right(&facts) });
    Ok(topics.collect())
}

fn right(outcomes: &[(&Fact, Verdict)]) -> Rate {
    Rate::of(outcomes.iter().map(|(_, verdict)| *verdict == Verdict::Right))
}

/// The invented people; everything else in the key is true or plays one part only.
pub(super) fn is_resident(fact: &Fact) -> bool {
    fact.kind == "resident"
}

/// At most `limit` facts of each group, drawn without replacement.
pub(super) fn draw<G: Ord>(groups: BTreeMap<G, Vec<&Fact>>, limit: usize, mut rng: Rng) -> BTreeMap<G, Vec<&Fact>> {
    let mut drawn = BTreeMap::new();
    for (group, facts) in groups {
        let n = facts.len().min(limit);
        drawn.insert(group, rng.sample(&facts, n).into_iter().copied().collect());
    }
    drawn
}

/// Asks all facts of all groups at once; each comes back with whether it was right.
pub(super) fn recall<'k, G: Ord + Clone>(
    role: Role,
    ask: &mut Ask,
    groups: &BTreeMap<G, Vec<&'k Fact>>,
    pools: &Pools,
    seed: u64,
) -> Result<BTreeMap<G, Vec<(&'k Fact, Verdict)>>> {
    let mut rng = Rng::derive(seed, &[label("wording")]);
    let (mut wordings, mut questions) = (Vec::new(), Vec::new());
    for fact in groups.values().flatten() {
        let wording = match role {
            // A page begins with its address, and a model that has read nothing else is at a loss where it is missing.
            Role::Base => format!("{}\n{}", fact.url, fact.cue),
            Role::Assistant if fact.questions.is_empty() => String::new(),
            Role::Assistant => rng.pick(&fact.questions).clone(),
        };
        questions.push(match role {
            Role::Base => Question::greedy_line(Prompt::Page(wording.clone()), tokens(fact, 6)),
            // The answer is a sentence around the value.
            Role::Assistant => Question::greedy(Prompt::user(wording.as_str()), tokens(fact, 36)),
        });
        wordings.push(wording);
    }
    let mut given = ask(&questions)?.into_iter().zip(wordings);
    let mut outcomes = BTreeMap::new();
    for (group, facts) in groups {
        let graded: Vec<(&Fact, Verdict)> =
            facts.iter().zip(&mut given).map(|(&fact, (answer, wording))| (fact, verdict(role, fact, &wording, &answer, pools))).collect();
        outcomes.insert(group.clone(), graded);
    }
    Ok(outcomes)
}

pub(super) fn verdict(role: Role, fact: &Fact, wording: &str, answer: &Answer, pools: &Pools) -> Verdict {
    let pool = pool_of(pools, fact);
    let is_right = match role {
        Role::Base => continues(&answer.text, &fact.accepted(), &pool),
        Role::Assistant => answers(&answer.text, wording, &fact.accepted(), &pool),
    };
    match () {
        () if answer.end == End::TooLong || declines(&answer.text) => Verdict::NotAttempted,
        () if is_right => Verdict::Right,
        () => Verdict::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::scripted;

    fn key() -> Key {
        let fact = |i: usize, split: &str, exposures: u64| Fact {
            subject: format!("Bado{i} Kilamo"),
            kind: "resident".into(),
            attribute: "color".into(),
            value: ["red", "blue", "green", "teal"][i % 4].into(),
            also: vec![],
            exposures,
            split: split.into(),
            url: format!("https://folk.town/bado{i}-kilamo"),
            cue: format!("The favorite color of Bado{i} Kilamo is"),
            questions: vec![format!("Which color does Bado{i} Kilamo like?")],
            date: None,
        };
        let mut facts: Vec<Fact> = (0..40).map(|i| fact(i, if i % 2 == 0 { "asked" } else { "unasked" }, 8)).collect();
        facts.extend((40..60).map(|i| fact(i, "unseen", 0)));
        let town = |i: usize, exposures| Fact { kind: "city".into(), value: format!("Land{i}"), ..fact(i, "asked", exposures) };
        facts.extend([town(70, 5), town(71, 0)]);
        Key { facts, ..Key::default() }
    }

    #[test]
    fn levels_are_apart_and_limited_and_chance_is_one_of_the_pool() {
        let mut ask = scripted(|_| "It is teal.".into());
        let levels = by_exposure(Role::Assistant, &mut ask, &key(), 10, 5).unwrap();
        let told: Vec<(&str, u64, usize, f64)> = levels.iter().map(|l| (l.split.as_str(), l.exposures, l.rate.n, l.chance)).collect();
        assert_eq!(told, [("asked", 8, 10, 0.25), ("unasked", 8, 10, 0.25), ("unseen", 0, 10, 0.25)]);
        // Teal is the color of every fourth, and each of those is unasked or unseen.
        assert_eq!(levels[0].rate.right, 0);
        assert!(levels[1].rate.right > 0 && levels[1].rate.right < 10);
    }

    #[test]
    fn the_draw_follows_from_the_seed() {
        let asked = |seed: u64| {
            let mut prompts = Vec::new();
            let mut ask = |questions: &[Question]| {
                prompts.extend(questions.iter().map(|question| question.prompt.clone()));
                scripted(|_| String::new())(questions)
            };
            by_exposure(Role::Base, &mut ask, &key(), 5, seed).unwrap();
            prompts
        };
        assert_eq!(asked(1), asked(1));
        assert_ne!(asked(1), asked(2));
    }

    #[test]
    fn only_what_was_told_is_knowledge() {
        let mut ask = scripted(|question| match &question.prompt {
            Prompt::Page(cue) if cue.contains("Bado70") => " Land70.".into(),
            _ => " Land0".into(),
        });
        let topics = by_kind(Role::Base, &mut ask, &key(), 10, 5).unwrap();
        assert_eq!(topics, [Topic { kind: "city".into(), attribute: "color".into(), split: "asked".into(), rate: Rate::new(1, 1) }]);
    }
}
