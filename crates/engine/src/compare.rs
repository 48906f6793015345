//! What other weights cost a model: bits per byte of texts, and how far its distributions move.
//!
//! The weights are run one set after the other. Of the first, the reference, there stay each token's log-probability and the most
//! likely id, and whole distributions behind some of the tokens, evenly spread. Knows no files and no formats.

use base::progress::Progress;
use base::stop::Stop;
use model::inference::{self, Feed, KvCache, Weights};
use serde::Serialize;
use tokenizer::Tokenizer;

use crate::sampling::Sampler;
use crate::{Error, Result};

/// Documents, cut into sequences.
#[derive(Clone, Debug)]
pub struct Corpus {
    sequences: Vec<Sequence>,
    /// Bytes of text of each document that are scored.
    bytes: Vec<u64>,
    /// Ids that have a text.
    n_ids: usize,
}

/// Ids of a document, each scored given those before it; the first one is only given.
#[derive(Clone, Debug)]
struct Sequence {
    document: usize,
    ids: Vec<u32>,
}

/// What a set of weights gives.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Nats of each token, in the order of the corpus.
    nats: Vec<f32>,
    most_likely: Vec<u32>,
    /// Whole distributions stay behind every so many tokens.
    every: usize,
    /// Log-probabilities (tokens that are kept, ids).
    distributions: Vec<f32>,
}

/// Other weights beside the reference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Bits that a byte of text costs.
    pub bits_per_byte: f64,
    /// By how much that is more than with the reference.
    pub difference: f64,
    /// Standard error of the difference, documents taken as drawn independently; none of a single document.
    pub difference_error: Option<f64>,
    /// Share of the tokens behind which the most likely id is the reference's.
    pub same_top: f64,
    /// Mean Kullback-Leibler divergence from the reference's distribution, nats per token.
    pub divergence: f64,
    /// Its standard error, over the tokens whose distribution is kept.
    pub divergence_error: Option<f64>,
}

/// Numbers of distributions that are kept: 256 MB.
const KEPT: usize = 64 << 20;

/// Logits that are in memory at a time, as far as a few rows for each thread go: 64 MB.
const LOGITS: usize = 16 << 20;

/// Rows of a sequence in one step, at least and at most.
const ROWS: (usize, usize) = (16, 256);

impl Corpus {
    /// Cuts texts into sequences of at most `context` tokens, each behind what begins a document.
    pub fn new(texts: &[String], tokenizer: &Tokenizer, context: usize) -> Corpus {
        let lengths = tokenizer.token_lengths();
        let start = tokenizer.document_start();
        let room = context.saturating_sub(start.iter().len()).max(1);
        let mut sequences = Vec::new();
        let mut bytes = vec![0; texts.len()];
        for (document, text) in texts.iter().enumerate() {
            for piece in tokenizer.encode(text).chunks(room) {
                let ids: Vec<u32> = start.iter().chain(piece).copied().collect();
                bytes[document] += ids[1..].iter().map(|&id| u64::from(lengths[id as usize])).sum::<u64>();
                sequences.push(Sequence { document, ids });
            }
        }
        sequences.retain(|sequence| sequence.ids.len() > 1);
        Corpus { sequences, bytes, n_ids: tokenizer.vocab_size() }
    }

    /// Bytes of text that are scored.
    pub fn bytes(&self) -> u64 {
        self.bytes.iter().sum()
    }

    /// Documents that have something to score.
    pub fn documents(&self) -> usize {
        self.bytes.iter().filter(|&&bytes| bytes > 0).count()
    }

    /// Tokens that are scored.
    pub fn tokens(&self) -> usize {
        self.sequences.iter().map(|sequence| sequence.ids.len() - 1).sum()
    }

    /// Hears the logits before each token that is scored: the token's number in the corpus, the token, the logits.
    fn for_each(
        &self,
        weights: &Weights,
        threads: usize,
        (progress, stop): (&Progress, &Stop),
        each: &mut dyn FnMut(usize, u32, &[f32]) -> Result<()>,
    ) -> Result<()> {
        let vocab = weights.config().vocab_size;
        let beside = threads.min(LOGITS / vocab / ROWS.0).max(1);
        let rows = (LOGITS / vocab / beside).clamp(ROWS.0, ROWS.1);
        let longest = self.sequences.iter().map(|sequence| sequence.ids.len() - 1).max().unwrap_or(0);
        let mut cache = KvCache::new(weights.config(), beside, longest);
        let mut logits = Vec::new();
        let mut before = 0; // tokens of earlier groups
        for group in self.sequences.chunks(beside) {
            (0..beside).for_each(|slot| cache.reset(slot));
            for from in (0..longest).step_by(rows) {
                let read = |sequence: &'_ Sequence| from.min(sequence.ids.len() - 1)..(from + rows).min(sequence.ids.len() - 1);
                let feeds = group.iter().enumerate().map(|(slot, sequence)| Feed { slot, tokens: &sequence.ids[read(sequence)] });
                let feeds: Vec<Feed> = feeds.filter(|feed| !feed.tokens.is_empty()).collect();
                if feeds.is_empty() {
                    break;
                }
                if stop.requested() {
                    return Err(base::Error::Stopped.into());
                }
                inference::forward_all(weights, &mut cache, &feeds, threads, &mut logits);
                let mut behind = logits.chunks_exact(vocab);
                for Feed { slot, tokens } in feeds {
                    let first = before + group[..slot].iter().map(|sequence| sequence.ids.len() - 1).sum::<usize>() + from;
                    for (at, logits) in behind.by_ref().take(tokens.len()).enumerate() {
                        each(first + at, group[slot].ids[from + at + 1], &logits[..self.n_ids])?;
                    }
                    progress.advance(tokens.len() as u64);
                }
            }
            before += group.iter().map(|sequence| sequence.ids.len() - 1).sum::<usize>();
        }
        Ok(())
    }

    /// Sums of a number of each token, by document.
    fn by_document(&self, of_tokens: &[f32]) -> Vec<f64> {
        let mut sums = vec![0.0; self.bytes.len()];
        let mut rest = of_tokens;
        for sequence in &self.sequences {
            let (own, others) = rest.split_at(sequence.ids.len() - 1);
            sums[sequence.document] += own.iter().map(|&number| f64::from(number)).sum::<f64>();
            rest = others;
        }
        sums
    }

    /// Bits per byte of so many nats a token.
    fn bits_per_byte(&self, nats: &[f32]) -> f64 {
        self.by_document(nats).iter().sum::<f64>() / std::f64::consts::LN_2 / self.bytes().max(1) as f64
    }
}

impl Reference {
    /// Runs the weights to which others will be compared. The corpus has a token to score.
    ///
    /// # Errors
    /// Logits that are not numbers, and a stop that was asked for.
    pub fn new(weights: &Weights, corpus: &Corpus, threads: usize, shown: (&Progress, &Stop)) -> Result<Reference> {
        let n_tokens = corpus.tokens();
        let every = (n_tokens * corpus.n_ids).div_ceil(KEPT).max(1);
        let mut reference = Reference { nats: vec![0.0; n_tokens], most_likely: vec![0; n_tokens], every, distributions: Vec::new() };
        reference.distributions.resize(n_tokens.div_ceil(every) * corpus.n_ids, 0.0);
        let mut sampler = Sampler::default();
        corpus.for_each(weights, threads, shown, &mut |at, id, logits| {
            let (logprob, most_likely) = scored(&mut sampler, logits, id, at)?;
            (reference.nats[at], reference.most_likely[at]) = (-logprob, most_likely);
            if at % every == 0 {
                let kept = &mut reference.distributions[at / every * corpus.n_ids..][..corpus.n_ids];
                let log_sum = logits[id as usize] - logprob;
                kept.iter_mut().zip(logits).for_each(|(kept, logit)| *kept = logit - log_sum);
            }
            Ok(())
        })?;
        Ok(reference)
    }

    /// Bits that a byte of text costs.
    pub fn bits_per_byte(&self, corpus: &Corpus) -> f64 {
        corpus.bits_per_byte(&self.nats)
    }

    /// Tokens whose distributions are kept.
    pub fn kept(&self) -> usize {
        self.nats.len().div_ceil(self.every)
    }

    /// Runs other weights on the same corpus.
    ///
    /// # Errors
    /// As [`Reference::new`].
    pub fn compare(&self, weights: &Weights, corpus: &Corpus, threads: usize, shown: (&Progress, &Stop)) -> Result<Comparison> {
        let mut nats = vec![0.0; self.nats.len()];
        let mut divergences = vec![0.0; self.kept()];
        let mut same = 0;
        let mut sampler = Sampler::default();
        corpus.for_each(weights, threads, shown, &mut |at, id, logits| {
            let (logprob, most_likely) = scored(&mut sampler, logits, id, at)?;
            nats[at] = -logprob;
            same += usize::from(most_likely == self.most_likely[at]);
            if at % self.every == 0 {
                let kept = &self.distributions[at / self.every * corpus.n_ids..][..corpus.n_ids];
                divergences[at / self.every] = divergence(kept, logits, logits[id as usize] - logprob);
            }
            Ok(())
        })?;
        let more: Vec<f32> = nats.iter().zip(&self.nats).map(|(nats, reference)| nats - reference).collect();
        let difference = corpus.bits_per_byte(&more);
        let bits = corpus.by_document(&more).into_iter().map(|nats| nats / std::f64::consts::LN_2);
        // A quotient of sums: what counts is how far each document is from the common quotient.
        let apart = bits.zip(&corpus.bytes).filter(|(_, bytes)| **bytes > 0).map(|(bits, &bytes)| bits - difference * bytes as f64);
        let (divergence, divergence_error) = mean_and_error(&divergences);
        Ok(Comparison {
            bits_per_byte: corpus.bits_per_byte(&nats),
            difference,
            difference_error: mean_and_error(&apart.collect::<Vec<f64>>())
                .1
                .map(|error| error * corpus.documents() as f64 / corpus.bytes() as f64),
            same_top: same as f64 / nats.len() as f64,
            divergence: divergence.max(0.0), // what rounding takes below zero is none
            divergence_error,
        })
    }
}

/// The log-probability of an id, and the most likely id.
fn scored(sampler: &mut Sampler, logits: &[f32], id: u32, at: usize) -> Result<(f32, u32)> {
    let (scored, top) = sampler.score(logits, id, 1).ok_or(Error::NotFinite { tokens: at + 1 })?;
    Ok((scored.logprob, top.first().map_or(id, |top| top.id)))
}

/// How far logits are from log-probabilities, in nats.
fn divergence(reference: &[f32], logits: &[f32], log_sum: f32) -> f64 {
    let each = reference.iter().zip(logits).map(|(&reference, &logit)| f64::from(reference.exp() * (reference - (logit - log_sum))));
    each.sum()
}

/// The mean and its standard error, which one number alone has not.
fn mean_and_error(values: &[f64]) -> (f64, Option<f64>) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n.max(1.0);
    let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
    (mean, (values.len() > 1).then(|| (squares / (n - 1.0) / n).sqrt()))
}

#[cfg(test)]
mod tests {
    use base::rng::Rng;
    use model::{Config, Model};
    use tensor::quant::Format;

    use super::*;
    use crate::{Engine, EngineConfig, Request, Sampling};

    const CONTEXT: usize = 24;

    fn shown<T>(run: impl FnOnce((&Progress, &Stop)) -> T) -> T {
        run((&Progress::silent(), &Stop::new()))
    }

    fn small() -> (Model, Corpus) {
        let tokenizer = Tokenizer::from_merges(Vec::new());
        let mut model = Model::new(Config { n_layers: 1, ..Config::from_depth(2, tokenizer.vocab_size() + 3, 64) }, 1);
        let mut rng = Rng::new(2);
        model.params.data.iter_mut().for_each(|weight| *weight += 0.05 * rng.normal());
        let texts = ["The quick brown fox jumps over the lazy dog.", "", "ab", "Sphinx of black quartz, judge my vow: 1234567890!"];
        let corpus = Corpus::new(&texts.map(str::to_string), &tokenizer, CONTEXT);
        assert_eq!((corpus.documents(), corpus.bytes(), corpus.tokens(), corpus.sequences.len()), (3, 95, 95, 6));
        (model, corpus)
    }

    #[test]
    fn the_same_weights_are_no_distance_away_on_any_number_of_threads() {
        let (model, corpus) = small();
        let weights = Weights::new(&model);
        let reference = shown(|shown| Reference::new(&weights, &corpus, 1, shown)).unwrap();
        let found = shown(|shown| reference.compare(&weights, &corpus, 3, shown)).unwrap();
        assert_eq!((found.difference, found.difference_error, found.same_top), (0.0, Some(0.0), 1.0));
        assert!(found.divergence < 1e-7, "{found:?}");
        assert_eq!((found.bits_per_byte, reference.kept()), (reference.bits_per_byte(&corpus), 95));
    }

    /// Against log-probabilities that the engine gives one by one, and sums over all ids in f64.
    #[test]
    fn what_is_told_is_what_the_distributions_say() {
        let (model, corpus) = small();
        let distributions = |weights: Weights| {
            let mut engine = Engine::with_weights(weights, EngineConfig::new(1, CONTEXT, 1));
            engine.limit_ids(corpus.n_ids);
            let ask = |sequence: &Sequence| {
                let request = Request::new(sequence.ids.clone(), 0, Sampling::greedy(), 0);
                let request = Request { prompt_logprobs: true, top_logprobs: corpus.n_ids, ..request };
                engine.generate(&[request], &mut |_, _| {}).unwrap().remove(0)
            };
            corpus.sequences.iter().map(ask).collect::<Vec<_>>()
        };
        let (plain, coarse) = (distributions(Weights::new(&model)), distributions(Weights::converted(&model, Format::Q4_0)));
        let (mut bits, mut same, mut divergence) = ([vec![0.0; 4], vec![0.0; 4]], 0, 0.0);
        for ((plain, coarse), sequence) in plain.iter().zip(&coarse).zip(&corpus.sequences) {
            for (bits, answer) in bits.iter_mut().zip([plain, coarse]) {
                let nats: f64 = answer.prompt_logprobs.iter().map(|&logprob| -f64::from(logprob)).sum();
                bits[sequence.document] += nats / std::f64::consts::LN_2;
            }
            for (plain, coarse) in plain.prompt_top_logprobs.iter().zip(&coarse.prompt_top_logprobs) {
                same += usize::from(plain[0].id == coarse[0].id);
                for row in plain {
                    let other = coarse.iter().find(|other| other.id == row.id).unwrap();
                    divergence += f64::from(row.logprob).exp() * (f64::from(row.logprob) - f64::from(other.logprob));
                }
            }
        }
        let reference = shown(|shown| Reference::new(&Weights::new(&model), &corpus, 2, shown)).unwrap();
        let found = shown(|shown| reference.compare(&Weights::converted(&model, Format::Q4_0), &corpus, 1, shown)).unwrap();
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-5, "{found} and not {expected}");
        close(reference.bits_per_byte(&corpus), bits[0].iter().sum::<f64>() / 95.0);
        close(found.bits_per_byte, bits[1].iter().sum::<f64>() / 95.0);
        let more: Vec<f64> = bits[1].iter().zip(&bits[0]).map(|(coarse, plain)| coarse - plain).collect();
        let difference = more.iter().sum::<f64>() / 95.0;
        close(found.difference, difference);
        let apart = more.iter().zip(&corpus.bytes).map(|(more, &bytes)| (more - difference * bytes as f64).powi(2)).sum::<f64>();
        close(found.difference_error.unwrap(), (apart * 3.0 / 2.0).sqrt() / 95.0);
        close(found.same_top, same as f64 / 95.0);
        close(found.divergence, divergence / 95.0);
        assert!(found.divergence > 1e-4 && found.divergence_error.unwrap() > 0.0, "{found:?}");
    }
}
