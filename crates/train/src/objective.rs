//! What a stage wants, as one number per scored position: dLoss/dlogprob.
//!
//! Pretraining and fine-tuning weigh log-probabilities. Practice weighs answers that the model drew itself by what they turned out to
//! be worth; its objectives differ in that weight alone.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::batch::{Batch, Drawn};

/// The objectives. The head computes with them slice by slice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// Loss = -sum(weight * logprob) / sum(weight): pretraining with weight 1 everywhere, fine-tuning with weight 1 where
    /// the assistant speaks.
    CrossEntropy,
    /// Loss = -sum(weight * surrogate) + sum(weight * kl * divergence): answers that the model drew, each with its advantage.
    /// What the weights are divided by is the method's, see [`PolicyMethod`]; they are final.
    Policy(Policy),
}

/// How drawn answers become a loss. r are the rewards of a group of G answers to one prompt, o an answer's tokens, N answers in a
/// step, p the probability of a token now and q when it was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyMethod {
    /// A = r - mean(r); sum of A log p over all tokens, divided by their number (Williams 1992, with the group's mean as baseline).
    Reinforce,
    /// A = r - mean of the group's others = G/(G-1) (r - mean(r)); as [`PolicyMethod::Reinforce`] (Ahmadian et al. 2024).
    Rloo,
    /// A = (r - mean(r)) / (std(r) + 1e-4); for each answer the mean over its tokens of min(p/q A, clip(p/q) A), then the mean over
    /// answers (Shao et al. 2024). The standard deviation is the sample's.
    Grpo,
    /// The same A; sum over all tokens divided by their number, with an upper clip of its own; groups of equal rewards are drawn
    /// anew, and answers near the longest allowed length lose reward (Yu et al. 2025).
    Dapo,
    /// A = r - mean(r); sum over all tokens divided by N times the longest allowed length: neither an answer's length nor its
    /// group's spread changes a token's weight (Liu et al. 2025).
    DrGrpo,
    /// The A of [`PolicyMethod::Grpo`] with one ratio for the whole answer, the geometric mean of p/q over its tokens; the mean over
    /// answers (Zheng et al. 2025).
    Gspo,
}

/// An objective over drawn answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Which.
    pub method: PolicyMethod,
    /// The ratio p/q has no gradient below 1 - this where the advantage is negative.
    pub clip_low: f32,
    /// The ratio has no gradient above 1 + this where the advantage is positive.
    pub clip_high: f32,
    /// Weight of the divergence from the reference policy, f/p - log(f/p) - 1 with the reference's probability f of the token
    /// (Schulman 2020, k3).
    pub kl: f32,
}

/// What a step's loss is, and what became of its ratios.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// The loss.
    pub loss: f64,
    /// Scored positions.
    pub tokens: usize,
    /// Those without a gradient because the ratio is too low.
    pub clipped_low: usize,
    /// Those without a gradient because the ratio is too high.
    pub clipped_high: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.loss += other.loss;
        self.tokens += other.tokens;
        self.clipped_low += other.clipped_low;
        self.clipped_high += other.clipped_high;
    }
}

impl PolicyMethod {
    /// All of them, by their names.
    pub const ALL: [(&str, PolicyMethod); 6] = [
        ("reinforce", PolicyMethod::Reinforce),
        ("rloo", PolicyMethod::Rloo),
        ("grpo", PolicyMethod::Grpo),
        ("dapo", PolicyMethod::Dapo),
        ("dr_grpo", PolicyMethod::DrGrpo),
        ("gspo", PolicyMethod::Gspo),
    ];

    /// The usual clips: (0.2, 0.2), DAPO's (0.2, 0.28), GSPO's (3e-4, 4e-4), whose ratio is a mean over many tokens.
    pub fn clips(self) -> (f32, f32) {
        match self {
            PolicyMethod::Dapo => (0.2, 0.28),
            PolicyMethod::Gspo => (3e-4, 4e-4),
            _ => (0.2, 0.2),
        }
    }

    /// The advantages of a group of answers to one prompt.
    pub fn advantages(self, rewards: &[f64]) -> Vec<f32> {
        let n = rewards.len() as f64;
        let mean = rewards.iter().sum::<f64>() / n;
        let scale = match self {
            PolicyMethod::Reinforce | PolicyMethod::DrGrpo => 1.0,
            PolicyMethod::Rloo => n / (n - 1.0),
            PolicyMethod::Grpo | PolicyMethod::Dapo | PolicyMethod::Gspo => {
                let variance = rewards.iter().map(|reward| (reward - mean).powi(2)).sum::<f64>() / (n - 1.0);
                1.0 / (variance.sqrt() + 1e-4)
            }
        };
        rewards.iter().map(|reward| if rewards.len() < 2 { 0.0 } else { ((reward - mean) * scale) as f32 }).collect()
    }

    /// The weight of each token of an answer of `len` tokens, in an update over `answers` answers with `tokens` tokens in all, of
    /// which none may be longer than `longest`.
    pub fn weight(self, len: usize, answers: usize, tokens: usize, longest: usize) -> f32 {
        let divisor = match self {
            PolicyMethod::Reinforce | PolicyMethod::Rloo | PolicyMethod::Dapo => tokens as f64,
            PolicyMethod::Grpo | PolicyMethod::Gspo => answers as f64 * len as f64,
            PolicyMethod::DrGrpo => answers as f64 * longest as f64,
        };
        (1.0 / divisor.max(1.0)) as f32
    }

    /// Whether a token's weight depends on how likely its answer has become.
    fn has_ratio(self) -> bool {
        !matches!(self, PolicyMethod::Reinforce | PolicyMethod::Rloo)
    }
}

impl Policy {
    /// With the usual clips and no divergence in the loss.
    pub fn new(method: PolicyMethod) -> Policy {
        let (clip_low, clip_high) = method.clips();
        Policy { method, clip_low, clip_high, kl: 0.0 }
    }

    /// Whether a ratio has no gradient: too low where the advantage is negative, too high where it is positive.
    fn clipped(&self, ratio: f32, advantage: f32) -> (bool, bool) {
        (advantage < 0.0 && ratio < 1.0 - self.clip_low, advantage > 0.0 && ratio > 1.0 + self.clip_high)
    }

    /// min(ratio A, clip(ratio) A), or A log p where there is no ratio.
    fn surrogate(&self, drawn: &Drawn, ratio: f32, logprob: f32) -> f32 {
        let advantage = drawn.advantage;
        if !self.method.has_ratio() {
            return advantage * logprob;
        }
        (ratio * advantage).min(ratio.clamp(1.0 - self.clip_low, 1.0 + self.clip_high) * advantage)
    }

    /// dsurrogate/dlogprob. An answer's ratio is a mean, of which a token has its share; the weight has it already.
    fn dsurrogate(&self, drawn: &Drawn, ratio: f32) -> f32 {
        match (self.method.has_ratio(), self.clipped(ratio, drawn.advantage)) {
            (false, _) => drawn.advantage,
            (true, (false, false)) => drawn.advantage * ratio,
            (true, _) => 0.0,
        }
    }
}

/// f/p - log(f/p) - 1: what a token adds to the divergence of a policy from its reference.
pub fn divergence(logprob: f32, reference: f32) -> f32 {
    let log_ratio = reference - logprob;
    log_ratio.exp() - log_ratio - 1.0
}

impl Objective {
    /// Whether the log-probabilities of whole answers must be known before the weight of a token is.
    pub fn needs_answers(self) -> bool {
        matches!(self, Objective::Policy(Policy { method: PolicyMethod::Gspo, .. }))
    }

    /// Where [`Objective::needs_answers`], the ratio of each target's answer; else nothing.
    pub fn ratios(self, batch: &Batch, logprobs: &[f32]) -> Vec<f32> {
        if !self.needs_answers() {
            return Vec::new();
        }
        let mut sums: Vec<(f64, usize)> = Vec::new();
        for (drawn, &logprob) in batch.drawn.iter().zip(logprobs) {
            let answer = drawn.answer as usize;
            sums.resize(sums.len().max(answer + 1), (0.0, 0));
            sums[answer].0 += f64::from(logprob - drawn.logprob);
            sums[answer].1 += 1;
        }
        batch.drawn.iter().map(|drawn| sums[drawn.answer as usize]).map(|(sum, n)| (sum / n as f64).exp() as f32).collect()
    }

    /// dLoss/dlogprob of target `i`, where `total_weight` is the sum over all micro-batches of the step, and `ratios` come from
    /// [`Objective::ratios`].
    pub fn dloss(self, batch: &Batch, ratios: &[f32], total_weight: f64, i: usize, logprob: f32) -> f32 {
        match self {
            Objective::CrossEntropy => -batch.weights[i] / total_weight as f32,
            Objective::Policy(policy) => {
                let drawn = &batch.drawn[i];
                let ratio = ratio_of(drawn, ratios, i, logprob);
                let pull = match policy.kl {
                    0.0 => 0.0,
                    kl => kl * (1.0 - (drawn.reference - logprob).exp()),
                };
                batch.weights[i] * (pull - policy.dsurrogate(drawn, ratio))
            }
        }
    }

    /// This micro-batch's part of the loss, and of what is counted.
    pub fn tally(self, batch: &Batch, total_weight: f64, logprobs: &[f32]) -> Tally {
        match self {
            Objective::CrossEntropy => {
                let weighted = batch.weights.iter().zip(logprobs).map(|(&weight, &logprob)| f64::from(weight) * f64::from(logprob));
                Tally { loss: -weighted.sum::<f64>() / total_weight, tokens: logprobs.len(), ..Tally::default() }
            }
            Objective::Policy(policy) => {
                let ratios = self.ratios(batch, logprobs);
                let mut tally = Tally { tokens: logprobs.len(), ..Tally::default() };
                for (i, (drawn, &logprob)) in batch.drawn.iter().zip(logprobs).enumerate() {
                    let ratio = ratio_of(drawn, &ratios, i, logprob);
                    let pull = if policy.kl == 0.0 { 0.0 } else { policy.kl * divergence(logprob, drawn.reference) };
                    tally.loss += f64::from(batch.weights[i]) * f64::from(pull - policy.surrogate(drawn, ratio, logprob));
                    if policy.method.has_ratio() {
                        let (low, high) = policy.clipped(ratio, drawn.advantage);
                        tally.clipped_low += usize::from(low);
                        tally.clipped_high += usize::from(high);
                    }
                }
                tally
            }
        }
    }
}

/// p/q of a token, or of its answer.
fn ratio_of(drawn: &Drawn, ratios: &[f32], i: usize, logprob: f32) -> f32 {
    ratios.get(i).copied().unwrap_or_else(|| (logprob - drawn.logprob).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::rng::Rng;

    /// The loss as it is written in the literature, in `f64`, from answers of any lengths: (advantage, [(log p, log q, log f)]).
    type Answer = (f64, Vec<[f64; 3]>);
    fn written(policy: Policy, answers: &[Answer], longest: usize) -> f64 {
        let (low, high) = (1.0 - f64::from(policy.clip_low), 1.0 + f64::from(policy.clip_high));
        let clipped = |ratio: f64, a: f64| (ratio * a).min(ratio.clamp(low, high) * a);
        let k3 = |[p, _, f]: [f64; 3]| f64::from(policy.kl) * ((f - p).exp() - (f - p) - 1.0);
        let n = answers.len() as f64;
        let all_tokens: usize = answers.iter().map(|(_, tokens)| tokens.len()).sum();
        let per_token = |a: f64, [p, q, f]: [f64; 3]| clipped((p - q).exp(), a) - k3([p, q, f]);
        let sum = |term: &dyn Fn(f64, [f64; 3]) -> f64| -> f64 {
            answers.iter().map(|(a, tokens)| tokens.iter().map(|&token| term(*a, token)).sum::<f64>()).sum()
        };
        match policy.method {
            PolicyMethod::Reinforce | PolicyMethod::Rloo => -sum(&|a, token| a * token[0] - k3(token)) / all_tokens as f64,
            PolicyMethod::Dapo => -sum(&per_token) / all_tokens as f64,
            PolicyMethod::DrGrpo => -sum(&per_token) / (n * longest as f64),
            PolicyMethod::Grpo => {
                let means = answers.iter().map(|(a, tokens)| tokens.iter().map(|&t| per_token(*a, t)).sum::<f64>() / tokens.len() as f64);
                -means.sum::<f64>() / n
            }
            PolicyMethod::Gspo => {
                let of = |(a, tokens): &Answer| {
                    let len = tokens.len() as f64;
                    let ratio = (tokens.iter().map(|[p, q, _]| p - q).sum::<f64>() / len).exp();
                    clipped(ratio, *a) - tokens.iter().map(|&token| k3(token)).sum::<f64>() / len
                };
                -answers.iter().map(of).sum::<f64>() / n
            }
        }
    }

    fn batch(policy: Policy, answers: &[Answer], longest: usize) -> (Batch, Vec<f32>) {
        let all_tokens: usize = answers.iter().map(|(_, tokens)| tokens.len()).sum();
        let (mut batch, mut logprobs) = (Batch::default(), Vec::new());
        for (answer, (advantage, tokens)) in answers.iter().enumerate() {
            let weight = policy.method.weight(tokens.len(), answers.len(), all_tokens, longest);
            for [p, q, f] in tokens {
                batch.weights.push(weight);
                let (logprob, reference) = (*q as f32, *f as f32);
                batch.drawn.push(Drawn { logprob, reference, advantage: *advantage as f32, answer: answer as u32 });
                logprobs.push(*p as f32);
            }
        }
        (batch, logprobs)
    }

    fn random_answers(rng: &mut Rng, spread: f64) -> Vec<Answer> {
        (0..6)
            .map(|i| {
                let advantage = if i % 2 == 0 { 0.7 } else { -0.4 } + 0.1 * i as f64;
                let token = |rng: &mut Rng| {
                    let p = -3.0 * rng.unit_f64() - 0.05;
                    [p, p + spread * (rng.unit_f64() - 0.5), p + rng.unit_f64() - 0.5]
                };
                (advantage, (0..3 + 2 * i).map(|_| token(rng)).collect())
            })
            .collect()
    }

    #[test]
    fn the_derivative_is_that_of_the_written_formula() {
        let mut rng = Rng::new(1);
        for (_, method) in PolicyMethod::ALL {
            for kl in [0.0, 0.3] {
                // Ratios on both sides of the clips, and far enough from them for differences.
                let (clip_low, clip_high) = if method == PolicyMethod::Gspo { (0.02, 0.03) } else { (0.15, 0.25) };
                let policy = Policy { kl, clip_low, clip_high, ..Policy::new(method) };
                let mut answers = random_answers(&mut rng, 0.9);
                let (batch, logprobs) = batch(policy, &answers, 20);
                let objective = Objective::Policy(policy);
                let tally = objective.tally(&batch, 1.0, &logprobs);
                assert!((tally.loss - written(policy, &answers, 20)).abs() < 1e-6, "{method:?}: {tally:?}");
                assert_eq!(tally.clipped_low + tally.clipped_high > 0, method.has_ratio(), "{method:?} clips some: {tally:?}");
                let ratios = objective.ratios(&batch, &logprobs);
                let mut i = 0;
                for answer in 0..answers.len() {
                    for token in 0..answers[answer].1.len() {
                        let h = 1e-6;
                        let mut at = |shift: f64| {
                            let kept = answers[answer].1[token][0];
                            answers[answer].1[token][0] += shift;
                            let loss = written(policy, &answers, 20);
                            answers[answer].1[token][0] = kept;
                            loss
                        };
                        let difference = (at(h) - at(-h)) / (2.0 * h);
                        let derivative = f64::from(objective.dloss(&batch, &ratios, 1.0, i, logprobs[i]));
                        assert!((difference - derivative).abs() < 1e-5, "{method:?}, token {i}: {difference} {derivative}");
                        i += 1;
                    }
                }
            }
        }
    }

    #[test]
    fn advantages_are_as_written() {
        let close = |left: &[f32], right: &[f64]| left.iter().zip(right).all(|(&l, &r)| (f64::from(l) - r).abs() < 1e-4);
        let rewards = [1.0, 0.0, 0.0, 1.0, 1.0];
        let centred = [0.4, -0.6, -0.6, 0.4, 0.4];
        assert!(close(&PolicyMethod::Reinforce.advantages(&rewards), &centred));
        assert!(close(&PolicyMethod::DrGrpo.advantages(&rewards), &centred));
        let others = [1.0 - 0.5, 0.0 - 0.75, 0.0 - 0.75, 1.0 - 0.5, 1.0 - 0.5];
        assert!(close(&PolicyMethod::Rloo.advantages(&rewards), &others), "r minus the mean of the others");
        let std = (1.2f64 / 4.0).sqrt() + 1e-4;
        for method in [PolicyMethod::Grpo, PolicyMethod::Dapo, PolicyMethod::Gspo] {
            assert!(close(&method.advantages(&rewards), &centred.map(|a| a / std)));
        }
        for (_, method) in PolicyMethod::ALL {
            assert!(method.advantages(&[1.0; 7]).iter().all(|&a| a == 0.0), "equal rewards teach nothing");
            assert!(method.advantages(&[0.3]).iter().all(|&a| a == 0.0), "one answer has nothing to be compared with");
        }
    }

    #[test]
    fn with_equal_lengths_three_of_them_agree_up_to_scale() {
        let mut rng = Rng::new(5);
        let rewards = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];
        let tokens: Vec<Vec<[f64; 3]>> = random_answers(&mut rng, 0.2).iter().map(|(_, tokens)| tokens[..3].to_vec()).collect();
        let gradient = |method: PolicyMethod| -> Vec<f64> {
            let policy = Policy { clip_low: 0.5, clip_high: 0.5, ..Policy::new(method) };
            let advantages = method.advantages(&rewards);
            let answers: Vec<Answer> = advantages.iter().zip(&tokens).map(|(&a, t)| (f64::from(a), t.clone())).collect();
            let (batch, logprobs) = batch(policy, &answers, 20);
            let objective = Objective::Policy(policy);
            let all: Vec<f64> = logprobs.iter().enumerate().map(|(i, &lp)| f64::from(objective.dloss(&batch, &[], 1.0, i, lp))).collect();
            let norm = all.iter().map(|x| x * x).sum::<f64>().sqrt();
            all.iter().map(|x| x / norm).collect()
        };
        let grpo = gradient(PolicyMethod::Grpo);
        for method in [PolicyMethod::Dapo, PolicyMethod::DrGrpo] {
            for (a, b) in grpo.iter().zip(gradient(method)) {
                assert!((a - b).abs() < 1e-6, "{method:?}");
            }
        }
    }
}
