//! Learning merges from text: count words, then merge the most frequent pair again and again.
//!
//! The merges are those of Hugging Face's `BpeTrainer` (with the byte alphabet and no minimum frequency): of the pairs
//! with the highest count the one with the smallest ids wins, occurrences merge from left to right. The result
//! depends on the text alone, not on threads or on the order of the documents. Knows no files.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::hash_map::Entry;
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

use base::progress::Progress;
use base::stop::Stop;
use rustc_hash::FxHashMap;

use crate::vocabulary::{N_BYTES, SPECIALS, byte_id};
use crate::{Error, Pattern, Result, Tokenizer, normalise};

/// What to learn, and with how many threads; the threads change the time only.
#[derive(Clone, Copy, Debug)]
pub struct TrainConfig {
    /// Ids in all: 256 bytes, the merges, and the special tokens.
    pub vocab_size: usize,
    /// What cuts texts into words.
    pub pattern: Pattern,
    /// Threads that count words.
    pub threads: usize,
}

/// Texts are handed to the counting threads in batches of about this many bytes.
const BATCH_BYTES: usize = 1 << 20;

/// Number of merges of a vocabulary of this size.
pub fn merges_wanted(vocab_size: usize) -> Result<usize> {
    let smallest = N_BYTES + SPECIALS.len();
    let too_small = Error::VocabularyTooSmall { asked: vocab_size, specials: SPECIALS.len(), smallest };
    vocab_size.checked_sub(smallest).ok_or(too_small)
}

/// Learns a tokenizer. `progress` advances by one for each merge ([`merges_wanted`] in all).
pub fn train(texts: impl Iterator<Item = String>, config: &TrainConfig, progress: &Progress, stop: &Stop) -> Result<Tokenizer> {
    let wanted = merges_wanted(config.vocab_size)?;
    progress.message("counting words");
    let counts = count_words(texts, config, stop)?;
    if counts.is_empty() {
        return Err(Error::NoText);
    }
    progress.message("merging");
    let merges = learn_merges(&counts, wanted, progress, stop)?;
    if merges.len() < wanted {
        let (possible, largest) = (merges.len(), N_BYTES + merges.len() + SPECIALS.len());
        return Err(Error::VocabularyTooLarge { asked: config.vocab_size, wanted, possible, largest });
    }
    Ok(Tokenizer::with_pattern(config.pattern, merges))
}

type WordCounts = FxHashMap<Box<str>, u64>;

/// Counts the words of normalised texts. The calling thread reads, the others count.
fn count_words(texts: impl Iterator<Item = String>, config: &TrainConfig, stop: &Stop) -> Result<WordCounts> {
    let (pattern, threads) = (config.pattern, config.threads.max(1));
    let (sender, receiver) = sync_channel::<Vec<String>>(threads);
    let receiver = Mutex::new(receiver);
    let count_batches = || {
        let mut counts = WordCounts::default();
        loop {
            let batch = receiver.lock().expect("no counting thread panics").recv();
            let Ok(batch) = batch else { return counts };
            for text in batch {
                pattern.for_each_word(&normalise(&text), |word| match counts.get_mut(word) {
                    Some(count) => *count += 1,
                    None => _ = counts.insert(word.into(), 1),
                });
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(count_batches)).collect();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for text in texts {
            bytes += text.len();
            batch.push(text);
            if bytes >= BATCH_BYTES {
                sender.send(std::mem::take(&mut batch)).expect("the counting threads wait for batches");
                bytes = 0;
                if stop.requested() {
                    break;
                }
            }
        }
        sender.send(batch).expect("the counting threads wait for batches");
        drop(sender);
        let mut counted = workers.into_iter().map(|worker| worker.join().expect("no counting thread panics"));
        let mut total = counted.next().unwrap_or_default();
        for (word, count) in counted.flatten() {
            *total.entry(word).or_default() += count;
        }
        if stop.requested() { Err(base::Error::Stopped.into()) } else { Ok(total) }
    })
}

type Pair = (u32, u32);

/// How often a pair occurs, and where it did when it was last looked at. Places that hold it no more stay in the list.
#[derive(Debug, Default)]
struct Occurrences {
    count: i64,
    places: Vec<u32>,
}

/// Between words.
const BORDER: u32 = u32::MAX;
/// Inside a token.
const INSIDE: u32 = u32::MAX - 1;

/// All distinct words one after the other, one slot per byte and one for the border before each word.
///
/// A token's id stands in the slots of its first and last byte, so that a neighbour to the left is found without a
/// list. Tokens only grow, so a slot that once began a token never ends one later: a stale place cannot mislead.
struct Slots {
    /// Id at each slot, `BORDER` or `INSIDE`.
    ids: Vec<u32>,
    /// Which word a slot belongs to.
    word_of: Vec<u32>,
    /// How often each word occurs.
    counts: Vec<i64>,
    /// Bytes of each token.
    lengths: Vec<u32>,
}

/// The merges in order, fewer than wanted if every word has become one token.
fn learn_merges(counts: &WordCounts, wanted: usize, progress: &Progress, stop: &Stop) -> Result<Vec<Pair>> {
    let mut slots = Slots::new(counts)?;
    let mut pairs = slots.count_pairs();
    // Counts in the queue may be too high, never too low: they are corrected when they come to the top.
    let mut queue: BinaryHeap<(i64, Reverse<Pair>)> = pairs.iter().map(|(&pair, seen)| (seen.count, Reverse(pair))).collect();
    let mut merges = Vec::with_capacity(wanted);
    while merges.len() < wanted
        && let Some((count, Reverse(pair))) = queue.pop()
    {
        let current = pairs[&pair].count;
        if current != count {
            if current > 0 {
                queue.push((current, Reverse(pair)));
            }
            continue;
        }
        if stop.requested() {
            return Err(base::Error::Stopped.into());
        }
        merges.push(pair);
        progress.advance(1);
        for pair in slots.merge(pair, &mut pairs) {
            queue.push((pairs[&pair].count, Reverse(pair)));
        }
    }
    Ok(merges)
}

impl Slots {
    fn new(counts: &WordCounts) -> Result<Slots> {
        let n_slots: usize = counts.keys().map(|word| word.len() + 1).sum::<usize>() + 1;
        if n_slots >= INSIDE as usize {
            return Err(Error::Refused("the different words of this text are more than 4 GB; train on a part of the documents".into()));
        }
        let (mut ids, mut word_of) = (Vec::with_capacity(n_slots), Vec::with_capacity(n_slots));
        for (index, word) in counts.keys().enumerate() {
            ids.push(BORDER);
            ids.extend(word.bytes().map(byte_id));
            word_of.resize(ids.len(), index as u32);
        }
        ids.push(BORDER);
        word_of.push(0);
        Ok(Slots { ids, word_of, counts: counts.values().map(|&count| count as i64).collect(), lengths: vec![1; N_BYTES] })
    }

    fn count_pairs(&self) -> FxHashMap<Pair, Occurrences> {
        let mut pairs: FxHashMap<Pair, Occurrences> = FxHashMap::default();
        for (place, pair) in self.ids.windows(2).enumerate() {
            if pair[0] != BORDER && pair[1] != BORDER {
                let seen = pairs.entry((pair[0], pair[1])).or_default();
                seen.count += self.counts[self.word_of[place] as usize];
                seen.places.push(place as u32);
            }
        }
        pairs
    }

    /// Merges a pair everywhere, from left to right, and returns the pairs that are new.
    fn merge(&mut self, (left, right): Pair, pairs: &mut FxHashMap<Pair, Occurrences>) -> Vec<Pair> {
        let merged = self.lengths.len() as u32;
        let (left_length, right_length) = (self.lengths[left as usize] as usize, self.lengths[right as usize] as usize);
        self.lengths.push((left_length + right_length) as u32);
        let mut new_pairs = Vec::new();
        let places = pairs.remove(&(left, right)).map(|seen| seen.places).unwrap_or_default();
        for place in places {
            let start = place as usize;
            let middle = start + left_length;
            if self.ids[start] != left || self.ids[middle] != right {
                continue;
            }
            let end = middle + right_length;
            self.ids[middle - 1] = INSIDE;
            self.ids[middle] = INSIDE;
            self.ids[start] = merged;
            self.ids[end - 1] = merged;

            let count = self.counts[self.word_of[start] as usize];
            let mut replace = |old: Pair, new: Pair, place: usize| {
                if let Some(seen) = pairs.get_mut(&old) {
                    seen.count -= count;
                }
                let seen = match pairs.entry(new) {
                    Entry::Occupied(seen) => seen.into_mut(),
                    Entry::Vacant(vacant) => {
                        new_pairs.push(new);
                        vacant.insert(Occurrences::default())
                    }
                };
                seen.count += count;
                seen.places.push(place as u32);
            };
            let before = self.ids[start - 1];
            if before != BORDER {
                replace((before, left), (before, merged), start - self.lengths[before as usize] as usize);
            }
            let after = self.ids[end];
            if after != BORDER {
                replace((right, after), (merged, after), start);
            }
        }
        // In a run of equal tokens a new pair may already have been merged away again.
        new_pairs.retain(|pair| pairs[pair].count > 0);
        new_pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learn(texts: &[&str], vocab_size: usize, threads: usize) -> Result<Tokenizer> {
        let texts = texts.iter().map(|text| text.to_string());
        train(texts, &TrainConfig { vocab_size, pattern: Pattern::Qwen2, threads }, &Progress::silent(), &Stop::new())
    }

    /// The textbook way: count all pairs of all words again for each merge.
    fn learn_slowly(text: &str, wanted: usize) -> Vec<Pair> {
        let mut split: Vec<Vec<u32>> = Pattern::Qwen2.words(text).map(|word| word.bytes().map(byte_id).collect()).collect();
        let mut merges = Vec::new();
        while merges.len() < wanted {
            let mut counts: std::collections::BTreeMap<Pair, usize> = Default::default();
            split.iter().flat_map(|word| word.windows(2)).for_each(|pair| *counts.entry((pair[0], pair[1])).or_default() += 1);
            let Some((&best, _)) = counts.iter().max_by_key(|&(&pair, &count)| (count, Reverse(pair))) else { break };
            for word in &mut split {
                let mut at = 0;
                while at + 1 < word.len() {
                    if (word[at], word[at + 1]) == best {
                        word[at] = (N_BYTES + merges.len()) as u32;
                        word.remove(at + 1);
                    }
                    at += 1;
                }
            }
            merges.push(best);
        }
        merges
    }

    fn mixture(length: usize) -> String {
        let mut rng = base::rng::Rng::new(3);
        let pieces = ["a", "b", "aa", "ab", "é", " ", "  ", "\n", "7", "aaaa", "日本", "!", "ba", " the", "then"];
        (0..length).map(|_| *rng.pick(&pieces)).collect()
    }

    #[test]
    fn merges_are_those_of_the_textbook() {
        let text = mixture(600);
        let slow = learn_slowly(&text, usize::MAX);
        let fast = learn(&[&text], N_BYTES + slow.len() + SPECIALS.len(), 1).unwrap();
        assert_eq!(fast.merges(), slow);
        assert!(slow.len() > 100);
    }

    #[test]
    fn neither_threads_nor_order_change_the_result() {
        let texts: Vec<String> = (0..40).map(|n| mixture(300 + n)).collect();
        let forward: Vec<&str> = texts.iter().map(String::as_str).collect();
        let backward: Vec<&str> = forward.iter().rev().copied().collect();
        let one = learn(&forward, 400, 1).unwrap();
        let other = learn(&backward, 400, 3).unwrap();
        assert_eq!(one.merges(), other.merges());
        assert_eq!(one.hash(), other.hash());
    }

    #[test]
    fn a_vocabulary_beyond_the_text_is_refused_with_the_largest_that_works() {
        let message = learn(&["abab"], 300, 1).unwrap_err().to_string();
        assert_eq!(message, "a vocabulary of 300 needs 32 merges, and this text allows only 2; ask for at most 270, or give it more text");
        assert_eq!(learn(&["abab"], 270, 1).unwrap().vocab_size(), 270);
        assert!(learn(&["ab"], 100, 1).unwrap_err().to_string().contains("at least 268"));
        assert!(matches!(learn(&["", ""], 300, 1), Err(Error::NoText)));
    }

    #[test]
    fn a_request_to_stop_ends_training() {
        let stop = Stop::new();
        stop.request();
        let texts = std::iter::repeat_n("some words".to_string(), 10);
        let outcome = train(texts, &TrainConfig { vocab_size: 270, pattern: Pattern::Qwen2, threads: 1 }, &Progress::silent(), &stop);
        assert!(matches!(outcome, Err(Error::Base(base::Error::Stopped))));
    }
}
