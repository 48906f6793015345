//! From logits to one id: logit bias, penalties (repetition, then presence and frequency), temperature, top-k, top-p,
//! min-p, and a draw.
//!
//! The order is Hugging Face's, where OpenAI's two penalties are missing; they act on logits and so stand before the
//! temperature. Top-k, top-p and min-p each work on what the one before has left, its probabilities summing to one again.

use base::rng::Rng;
use tensor::decode;
use tensor::simd::LANES;

use crate::penalties::{self, History};
use crate::{Error, Result};

/// How an id is chosen. The fields stand in the order in which they act, but for the temperature.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Divides the logits, after bias and penalties; 0 is greedy: the most likely id, of equals the lowest.
    pub temperature: f32,
    /// Added to the logits of these ids, from -100 to 100; what stands twice is added twice.
    pub logit_bias: Vec<(u32, f32)>,
    /// Divides positive logits of ids of prompt and answer, and multiplies negative ones, from 0.1 to 10; 1 is off
    /// (Keskar et al. 2019).
    pub repetition_penalty: f32,
    /// Taken from the logits of ids that stand in the answer, from -2 to 2; 0 is off.
    pub presence_penalty: f32,
    /// Taken from the logits of ids as often as they stand in the answer, from -2 to 2; 0 is off.
    pub frequency_penalty: f32,
    /// So many of the most likely ids stay; 0 is off.
    pub top_k: usize,
    /// The most likely ids stay until their probabilities sum to this; 1 is off (Holtzman et al. 2019).
    pub top_p: f32,
    /// Ids stay that are at least this times as likely as the most likely one; 0 is off (Nguyen et al. 2024).
    pub min_p: f32,
}

impl Sampling {
    /// The most likely id, always.
    pub fn greedy() -> Sampling {
        Sampling::plain(0.0)
    }

    /// Temperature alone.
    pub fn plain(temperature: f32) -> Sampling {
        Sampling {
            temperature,
            logit_bias: Vec::new(),
            repetition_penalty: 1.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
        }
    }

    /// Refuses numbers that mean nothing.
    pub fn check(&self) -> Result<()> {
        let Sampling { temperature, repetition_penalty, presence_penalty, frequency_penalty, top_p, min_p, .. } = *self;
        let refuse = |name, value, allowed| Err(Error::Sampling { name, value, allowed });
        if !(0.0..f32::INFINITY).contains(&temperature) {
            return refuse("temperature", temperature, "0 (greedy) or more");
        }
        if let Some(&(_, bias)) = self.logit_bias.iter().find(|(_, bias)| !(-100.0..=100.0).contains(bias)) {
            return refuse("a logit bias", bias, "from -100 to 100");
        }
        // Any number above 0 has a meaning, but far from 1 logits overflow.
        if !(0.1..=10.0).contains(&repetition_penalty) {
            return refuse("repetition_penalty", repetition_penalty, "from 0.1 to 10; 1 is off");
        }
        for (name, value) in [("presence_penalty", presence_penalty), ("frequency_penalty", frequency_penalty)] {
            if !(-2.0..=2.0).contains(&value) {
                return refuse(name, value, "from -2 to 2; 0 is off");
            }
        }
        if !(f32::MIN_POSITIVE..=1.0).contains(&top_p) {
            return refuse("top_p", top_p, "above 0 and at most 1 (off)");
        }
        if !(0.0..=1.0).contains(&min_p) {
            return refuse("min_p", min_p, "from 0 (off) to 1");
        }
        Ok(())
    }
}

/// An id with its log-probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenLogprob {
    /// The id.
    pub id: u32,
    /// Its log-probability under the model's own distribution: temperature 1, no bias, no penalty, nothing cut off.
    pub logprob: f32,
}

/// An id with its logit, or its probability.
type Candidate = (f32, u32);

/// Buffers of one thread.
#[derive(Debug, Default)]
pub(crate) struct Sampler {
    maxima: Vec<f32>, // of chunks of the logits
    sorted_maxima: Vec<f32>,
    weights: Vec<f32>, // e^((logit - largest) / temperature)
    sums: Vec<f32>,    // of blocks of the weights
    candidates: Vec<Candidate>,
    moved: Vec<f32>, // logits after bias and penalties
}

/// Logits that were read: they are in the sampler's buffers `maxima` and, at temperature 1, `weights`.
#[derive(Clone, Copy, Debug)]
struct Read {
    largest: f32,
    sum: f32, // of the weights
}

impl Read {
    fn log_sum(self) -> f32 {
        self.largest + self.sum.ln()
    }
}

/// How many candidates top-p looks at first.
const FIRST_LOOK: usize = 64;

/// Numbers that are summed before their sum is looked at.
const BLOCK: usize = 64;

impl Sampler {
    /// Chooses an id, and gives it with the `n_top` most likely ones; nothing if the logits are not numbers.
    pub fn draw(
        &mut self,
        logits: &[f32],
        sampling: &Sampling,
        history: &History,
        n_top: usize,
        rng: &mut Rng,
    ) -> Option<(TokenLogprob, Vec<TokenLogprob>)> {
        let read = self.read(logits)?;
        let top = self.top(logits, read, n_top);
        let id = if penalties::are_on(sampling) {
            let mut moved = std::mem::take(&mut self.moved);
            moved.clear();
            moved.extend_from_slice(logits);
            penalties::apply(&mut moved, sampling, history);
            let id = self.read(&moved).and_then(|read| self.choose(&moved, read, sampling, rng));
            self.moved = moved;
            id?
        } else {
            self.choose(logits, read, sampling, rng)?
        };
        Some((TokenLogprob { id: id as u32, logprob: logits[id] - read.log_sum() }, top))
    }

    /// The log-probability of an id that was not drawn, with the `n_top` most likely ones; nothing if the logits are not
    /// numbers.
    pub fn score(&mut self, logits: &[f32], id: u32, n_top: usize) -> Option<(TokenLogprob, Vec<TokenLogprob>)> {
        let read = self.read(logits)?;
        let top = self.top(logits, read, n_top);
        Some((TokenLogprob { id, logprob: logits[id as usize] - read.log_sum() }, top))
    }

    fn read(&mut self, logits: &[f32]) -> Option<Read> {
        self.maxima.resize(logits.len().div_ceil(LANES), 0.0);
        decode::chunk_maxima(logits, &mut self.maxima);
        let largest = self.maxima.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        self.weights.resize(logits.len(), 0.0);
        let sum = decode::exponentials(logits, largest, 1.0, &mut self.weights);
        (largest.is_finite() && sum.is_finite()).then_some(Read { largest, sum })
    }

    /// The most likely ids of logits that were read, most likely first, of equals the lowest id first.
    fn top(&mut self, logits: &[f32], read: Read, n_top: usize) -> Vec<TokenLogprob> {
        if n_top == 0 {
            return Vec::new();
        }
        self.largest(logits, n_top.min(logits.len()));
        let log_sum = read.log_sum();
        self.candidates.iter().map(|&(logit, id)| TokenLogprob { id, logprob: logit - log_sum }).collect()
    }

    /// Chooses by logits that were read.
    fn choose(&mut self, logits: &[f32], read: Read, sampling: &Sampling, rng: &mut Rng) -> Option<usize> {
        let Read { largest, mut sum } = read;
        if sampling.temperature == 0.0 {
            return logits.iter().position(|&logit| logit == largest);
        }
        if sampling.temperature != 1.0 {
            sum = decode::exponentials(logits, largest, 1.0 / sampling.temperature, &mut self.weights);
        }
        let top_k = (1..logits.len()).contains(&sampling.top_k);
        Some(if top_k || sampling.top_p < 1.0 {
            self.draw_from_top(logits, sum, sampling, rng)
        } else {
            self.draw_from_all(sampling.min_p, rng)
        })
    }

    /// Draws by `weights`, the largest of which is 1, without those below `min_p`.
    fn draw_from_all(&mut self, min_p: f32, rng: &mut Rng) -> usize {
        let Sampler { weights, sums, .. } = self;
        if min_p > 0.0 {
            weights.iter_mut().for_each(|weight| *weight = if *weight < min_p { 0.0 } else { *weight });
        }
        sums.clear();
        sums.extend(weights.chunks(BLOCK).map(|block| block.iter().sum::<f32>()));
        let mut left = rng.unit_f64() * sums.iter().copied().map(f64::from).sum::<f64>();
        let block = walk(sums.iter().copied(), &mut left);
        block * BLOCK + walk(weights[block * BLOCK..].iter().copied().take(BLOCK), &mut left)
    }

    /// Draws by `weights`, which sum to `total`, from what top-k, top-p and min-p leave.
    fn draw_from_top(&mut self, logits: &[f32], total: f32, sampling: &Sampling, rng: &mut Rng) -> usize {
        let Sampling { top_k, top_p, min_p, .. } = *sampling;
        let most = if top_k == 0 { logits.len() } else { top_k.min(logits.len()) };
        // Top-p alone needs the most likely ids in their order, but rarely many of them.
        let mut look = if top_k == 0 { FIRST_LOOK.min(most) } else { most };
        let sum = |candidates: &[Candidate]| candidates.iter().map(|&(weight, _)| f64::from(weight)).sum::<f64>();
        loop {
            self.largest(logits, look);
            self.candidates.iter_mut().for_each(|(value, id)| *value = self.weights[*id as usize]);
            let whole = if top_k == 0 { f64::from(total) } else { sum(&self.candidates) };
            let mut mass = 0.0;
            let enough = self.candidates.iter().position(|&(weight, _)| {
                mass += f64::from(weight);
                mass >= f64::from(top_p) * whole
            });
            if let Some(last) = enough {
                self.candidates.truncate(last + 1);
            } else if look < most {
                look = (look * 4).min(most);
                continue;
            }
            break;
        }
        let least = min_p * self.candidates[0].0;
        self.candidates.retain(|&(weight, _)| weight >= least);
        let mut left = rng.unit_f64() * sum(&self.candidates);
        self.candidates[walk(self.candidates.iter().map(|&(weight, _)| weight), &mut left)].1 as usize
    }

    /// Leaves the `count` largest logits in `candidates`, largest first, of equals the lowest id first. Needs `maxima`.
    ///
    /// Instead of sorting all: the count-th largest of the maxima of chunks is a bound that at least `count` logits
    /// reach, and chunks whose maximum is below it are passed over.
    fn largest(&mut self, logits: &[f32], count: usize) {
        let Sampler { candidates, maxima, sorted_maxima, .. } = self;
        let mut bound = f32::NEG_INFINITY;
        if count < maxima.len() {
            sorted_maxima.clone_from(maxima);
            bound = *sorted_maxima.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a)).1;
        }
        candidates.clear();
        for (chunk, (maximum, values)) in maxima.iter().zip(logits.chunks(LANES)).enumerate() {
            if *maximum >= bound {
                let ids = (chunk * LANES) as u32..;
                candidates.extend(values.iter().copied().zip(ids).filter(|&(logit, _)| logit >= bound));
            }
        }
        let order = |a: &Candidate, b: &Candidate| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if count < candidates.len() {
            candidates.select_nth_unstable_by(count - 1, order);
            candidates.truncate(count);
        }
        candidates.sort_unstable_by(order);
    }
}

/// The place where the running sum of weights passes `left`, which becomes what is left there; the last place with a
/// weight where rounding walks past it.
fn walk(weights: impl Iterator<Item = f32>, left: &mut f64) -> usize {
    let mut last = 0;
    for (place, weight) in weights.enumerate() {
        let weight = f64::from(weight);
        if weight > 0.0 {
            last = place;
            if *left < weight {
                break;
            }
            *left -= weight;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random_logits(n: usize, seed: u64) -> Vec<f32> {
        let mut rng = Rng::new(seed);
        (0..n).map(|_| 3.0 * rng.normal()).collect()
    }

    /// What has been said when the tests draw: an id of the prompt, one of the answer, and one of both.
    const PROMPT: [u32; 3] = [7, 9, 7];
    const ANSWER: [u32; 4] = [9, 11, 11, 11];

    fn history(sampling: &Sampling) -> History {
        let mut history = History::new(sampling, &PROMPT);
        ANSWER.iter().for_each(|&id| history.push(sampling, id));
        history
    }

    /// Logits after bias and penalties, as their definitions read.
    fn moved(logits: &[f32], sampling: &Sampling) -> Vec<f32> {
        let mut moved = logits.to_vec();
        for (id, logit) in moved.iter_mut().enumerate() {
            let id = id as u32;
            *logit += sampling.logit_bias.iter().filter(|(biased, _)| *biased == id).map(|(_, bias)| bias).sum::<f32>();
            if PROMPT.contains(&id) || ANSWER.contains(&id) {
                *logit *= if *logit < 0.0 { sampling.repetition_penalty } else { 1.0 / sampling.repetition_penalty };
            }
            let count = ANSWER.iter().filter(|&&said| said == id).count() as f32;
            *logit -= count * sampling.frequency_penalty + count.min(1.0) * sampling.presence_penalty;
        }
        moved
    }

    /// The probability of each id after all samplers, as their definitions read.
    fn expected(logits: &[f32], sampling: &Sampling) -> Vec<f64> {
        let logits = &moved(logits, sampling)[..];
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
        let largest = f64::from(logits[order[0]]);
        let mut p: Vec<f64> = logits.iter().map(|&l| ((f64::from(l) - largest) / f64::from(sampling.temperature)).exp()).collect();
        let normalise = |p: &mut Vec<f64>| {
            let sum: f64 = p.iter().sum();
            p.iter_mut().for_each(|p| *p /= sum);
        };
        if sampling.top_k > 0 {
            order.iter().skip(sampling.top_k).for_each(|&id| p[id] = 0.0);
        }
        normalise(&mut p);
        let mut mass = 0.0;
        for &id in &order {
            if sampling.top_p < 1.0 && mass >= f64::from(sampling.top_p) {
                p[id] = 0.0;
            }
            mass += p[id];
        }
        let least = f64::from(sampling.min_p) * p[order[0]];
        p.iter_mut().for_each(|p| *p = if *p < least { 0.0 } else { *p });
        normalise(&mut p);
        p
    }

    #[test]
    fn draws_have_the_distribution_that_the_samplers_define() {
        let n = 15_000;
        let plain = || Sampling::plain(0.8);
        let bias = vec![(9, 2.5), (30, -100.0), (31, 4.0)];
        let cases = [
            (200, plain()),
            (200, Sampling::plain(1.0)),
            (200, Sampling { top_k: 5, ..plain() }),
            (200, Sampling { top_k: 1000, ..plain() }),
            (200, Sampling { top_p: 0.7, ..plain() }),
            (1000, Sampling { temperature: 20.0, top_p: 0.9, ..plain() }), // more ids than the first look
            (200, Sampling { min_p: 0.1, ..plain() }),
            (1, Sampling { top_k: 3, top_p: 0.5, min_p: 0.5, ..Sampling::plain(2.0) }),
            (1000, Sampling { top_k: 40, top_p: 0.9, min_p: 0.05, ..Sampling::plain(1.5) }),
            (40, Sampling { repetition_penalty: 1.8, ..plain() }),
            (40, Sampling { presence_penalty: 1.5, ..Sampling::plain(1.0) }),
            (40, Sampling { frequency_penalty: -0.8, ..plain() }),
            (40, Sampling { logit_bias: bias.clone(), ..plain() }),
            (
                40,
                Sampling {
                    logit_bias: bias,
                    repetition_penalty: 0.7,
                    presence_penalty: -1.0,
                    frequency_penalty: 0.5,
                    top_k: 20,
                    top_p: 0.95,
                    min_p: 0.01,
                    ..Sampling::plain(1.5)
                },
            ),
        ];
        for (vocab, sampling) in cases {
            sampling.check().unwrap();
            let logits = random_logits(vocab, 3);
            let exact = expected(&logits, &sampling);
            let mut counts = vec![0usize; vocab];
            let (mut rng, mut sampler, history) = (Rng::new(4), Sampler::default(), history(&sampling));
            (0..n).for_each(|_| counts[sampler.draw(&logits, &sampling, &history, 0, &mut rng).unwrap().0.id as usize] += 1);
            for (id, &p) in exact.iter().enumerate() {
                let mean = n as f64 * p;
                // Five deviations, and what is drawn once in a while though hardly expected; never what is cut off.
                let bound = if p == 0.0 { 0.0 } else { 5.0 * (mean * (1.0 - p)).sqrt() + 4.0 };
                let difference = (counts[id] as f64 - mean).abs();
                assert!(difference <= bound, "{sampling:?}: id {id} was drawn {} times, expected {mean}", counts[id]);
            }
        }
    }

    #[test]
    fn greedy_takes_the_lowest_of_the_most_likely_and_tells_its_logprob() {
        let mut sampler = Sampler::default();
        let mut draw =
            |logits: &[f32], sampling| sampler.draw(logits, &sampling, &History::default(), 0, &mut Rng::new(1)).map(|(drawn, _)| drawn);
        let found = draw(&[0.0, 2.0, 2.0, -1.0], Sampling::greedy()).unwrap();
        let exact = 2.0 - (1.0f32 + 2.0 * 2.0f32.exp() + (-1.0f32).exp()).ln();
        assert_eq!(found.id, 1);
        assert!((found.logprob - exact).abs() < 1e-6);
        // The log-probability is the model's own, whatever is cut off, however hot it is, and whatever is added.
        let cut = draw(&[0.0, 2.0, 2.0, -1.0], Sampling { top_k: 1, ..Sampling::plain(3.0) }).unwrap();
        assert_eq!(cut, found);
        let biased = draw(&[0.0, 2.0, 2.0, -1.0], Sampling { logit_bias: vec![(3, 9.0)], ..Sampling::greedy() }).unwrap();
        assert_eq!(biased.id, 3);
        assert!((biased.logprob - (found.logprob - 3.0)).abs() < 1e-6);
        assert_eq!(draw(&[f32::NAN; 3], Sampling::greedy()), None);
        assert_eq!(draw(&[0.0, f32::INFINITY], Sampling::plain(1.0)), None);
        assert_eq!(draw(&[0.0, f32::NAN], Sampling::plain(1.0)), None);
    }

    #[test]
    fn the_largest_are_those_of_a_full_sort() {
        let mut sampler = Sampler::default();
        for (vocab, seed) in [(1, 1), (40, 2), (1000, 3)] {
            let mut logits = random_logits(vocab, seed);
            logits.iter_mut().for_each(|logit| *logit = logit.round()); // many equal ones
            let mut sorted: Vec<Candidate> = logits.iter().copied().zip(0..).collect();
            sorted.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            for count in [1, 2, 17, 50, 999, 1000].into_iter().filter(|&count| count <= vocab) {
                sampler.maxima.resize(vocab.div_ceil(LANES), 0.0);
                decode::chunk_maxima(&logits, &mut sampler.maxima);
                sampler.largest(&logits, count);
                assert_eq!(sampler.candidates, sorted[..count], "{count} of {vocab}");
            }
        }
    }

    #[test]
    fn the_most_likely_come_with_the_draw_and_with_a_score() {
        let logits = random_logits(100, 5);
        let mut order: Vec<u32> = (0..100).collect();
        order.sort_by(|&a, &b| logits[b as usize].total_cmp(&logits[a as usize]));
        let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
        let exact = |id: u32| (f64::from(logits[id as usize]) - sum.ln()) as f32;
        let mut sampler = Sampler::default();
        for sampling in [Sampling::plain(0.5), Sampling { repetition_penalty: 3.0, top_k: 2, ..Sampling::plain(1.0) }] {
            let (drawn, top) = sampler.draw(&logits, &sampling, &history(&sampling), 8, &mut Rng::new(1)).unwrap();
            let (scored, same) = sampler.score(&logits, drawn.id, 8).unwrap();
            assert_eq!((drawn, &top), (scored, &same));
            assert_eq!(top.iter().map(|token| token.id).collect::<Vec<_>>(), order[..8]);
            for token in top.iter().chain([&drawn]) {
                assert!((token.logprob - exact(token.id)).abs() < 1e-5, "{token:?}");
            }
        }
        assert_eq!(sampler.score(&logits, 3, 1000).unwrap().1.len(), 100);
        assert_eq!(sampler.score(&[f32::NAN; 4], 0, 0), None);
    }

    #[test]
    fn numbers_that_mean_nothing_are_refused_by_name() {
        for (sampling, expected) in [
            (Sampling::plain(-1.0), "temperature is -1; it must be 0 (greedy) or more"),
            (Sampling::plain(f32::NAN), "temperature is NaN"),
            (Sampling { top_p: 0.0, ..Sampling::greedy() }, "top_p is 0; it must be above 0 and at most 1"),
            (Sampling { min_p: 1.5, ..Sampling::greedy() }, "min_p is 1.5; it must be from 0"),
            (Sampling { repetition_penalty: 0.0, ..Sampling::greedy() }, "repetition_penalty is 0; it must be from 0.1 to 10; 1 is off"),
            (Sampling { presence_penalty: 2.5, ..Sampling::greedy() }, "presence_penalty is 2.5; it must be from -2 to 2; 0 is off"),
            (Sampling { frequency_penalty: f32::NAN, ..Sampling::greedy() }, "frequency_penalty is NaN"),
            (Sampling { logit_bias: vec![(1, 0.0), (2, 101.0)], ..Sampling::greedy() }, "a logit bias is 101; it must be from -100 to 100"),
        ] {
            let message = sampling.check().unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
