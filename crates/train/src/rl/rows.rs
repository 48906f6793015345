//! Answers into rows: what the model wrote is learnt, with the weight of its answer; the prompt and what tools said are not.
//!
//! Rows of about the same length share a micro-batch, because what fills up a row costs as much as words.

use super::rollout::{Answer, Group};
use super::{Learn, RlConfig};
use crate::batch::{Batch, Drawn};
use crate::objective::{Policy, PolicyMethod};
use crate::step::MICRO_TOKENS;

/// The micro-batches of an update. Answers without an advantage change nothing and are left out, unless the divergence counts.
pub(super) fn learnt(groups: &[Group], wanted: &RlConfig) -> Vec<Batch> {
    let policy = policy(wanted);
    let all = || groups.iter().flat_map(|group| &group.answers);
    let counts = |answer: &&Answer| wanted.learn == Learn::All || answer.reward > 0.5;
    let answers = all().filter(counts).count();
    let tokens: usize = all().filter(counts).map(Answer::own_tokens).sum();
    let mut weighed = Vec::new();
    for group in groups {
        let advantages = match wanted.learn {
            Learn::All => policy.method.advantages(&group.rewards()),
            Learn::Right => group.answers.iter().map(|answer| if answer.reward > 0.5 { 1.0 } else { 0.0 }).collect(),
        };
        for (answer, advantage) in group.answers.iter().zip(advantages) {
            if advantage != 0.0 || policy.kl > 0.0 && wanted.learn == Learn::All {
                let weight = policy.method.weight(answer.own_tokens(), answers, tokens, wanted.max_tokens);
                weighed.push((group, answer, weight, advantage));
            }
        }
    }
    of_answers(weighed.into_iter())
}

/// The objective: right answers alone are examples, and a step's examples weigh alike.
pub(super) fn policy(wanted: &RlConfig) -> Policy {
    match wanted.learn {
        Learn::All => wanted.policy,
        Learn::Right => Policy { method: PolicyMethod::Reinforce, ..wanted.policy },
    }
}

/// Rows of answers, each with the weight of its tokens and its advantage.
pub(super) fn of_answers<'a>(answers: impl Iterator<Item = (&'a Group, &'a Answer, f32, f32)>) -> Vec<Batch> {
    let mut rows: Vec<_> = answers.filter(|(_, answer, ..)| answer.own_tokens() > 0).collect();
    rows.sort_by_key(|(group, answer, ..)| std::cmp::Reverse(group.prompt.len() + answer.ids.len())); // equals stay in order
    let mut batches = Vec::new();
    let mut rest = &rows[..];
    while let Some((group, answer, ..)) = rest.first() {
        let len = group.prompt.len() + answer.ids.len() - 1;
        let (here, others) = rest.split_at((MICRO_TOKENS / len).clamp(1, rest.len()));
        let mut batch = Batch::default();
        for (number, (group, answer, weight, advantage)) in here.iter().enumerate() {
            let ids = [&group.prompt[..], &answer.ids].concat();
            let first = group.prompt.len();
            let is_own = |at: usize| at >= first && !answer.forced[at - first];
            batch.push_row(&ids, |at| if is_own(at) { *weight } else { 0.0 }, len, 0);
            let own = (first.max(1)..ids.len()).filter(|&at| is_own(at));
            let advantage = *advantage;
            let drawn = |at: usize| Drawn { logprob: answer.logprobs[at - first], reference: 0.0, advantage, answer: number as u32 };
            batch.drawn.extend(own.map(drawn));
        }
        assert_eq!(batch.drawn.len(), batch.targets.len());
        batches.push(batch);
        rest = others;
    }
    batches
}

/// Sets the reference's log-probabilities.
pub(super) fn set_references(batches: &mut [Batch], references: Vec<Vec<f32>>) {
    for (batch, references) in batches.iter_mut().zip(references) {
        batch.drawn.iter_mut().zip(references).for_each(|(drawn, reference)| drawn.reference = reference);
    }
}
