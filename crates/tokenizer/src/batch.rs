//! Many texts to ids on several threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Encoder, Tokenizer};

/// What `encode` gives for each item, in the order of the items. Every encoder has a thread of its own, which takes the next item
/// that is left; the encoders keep what they have seen for the next batch.
pub(crate) fn encode_each<T: Sync>(
    encoders: &mut [Encoder<'_>],
    items: &[T],
    encode: impl Fn(&mut Encoder<'_>, &T) -> Vec<u32> + Sync,
) -> Vec<Vec<u32>> {
    let next = AtomicUsize::new(0);
    let encode_some = |encoder: &mut Encoder<'_>| {
        let mut encoded = Vec::new();
        while let index = next.fetch_add(1, Ordering::Relaxed)
            && let Some(item) = items.get(index)
        {
            encoded.push((index, encode(encoder, item)));
        }
        encoded
    };
    let mut encoded = std::thread::scope(|scope| {
        let workers: Vec<_> = encoders.iter_mut().map(|encoder| scope.spawn(|| encode_some(encoder))).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no encoding thread panics")).collect::<Vec<_>>()
    });
    encoded.sort_unstable_by_key(|&(index, _)| index);
    encoded.into_iter().map(|(_, ids)| ids).collect()
}

impl Tokenizer {
    /// The ids of each text, never a special token. The threads change the time only.
    pub fn encode_batch<T: AsRef<str> + Sync>(&self, texts: &[T], threads: usize) -> Vec<Vec<u32>> {
        let mut encoders: Vec<Encoder<'_>> = (0..threads.clamp(1, texts.len().max(1))).map(|_| Encoder::new(self)).collect();
        encode_each(&mut encoders, texts, |encoder, text| {
            let mut ids = Vec::new();
            encoder.encode_into(text.as_ref(), &mut ids);
            ids
        })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn threads_change_nothing() {
        let tokenizer = crate::look::small();
        let texts: Vec<String> = (0..200).map(|i| format!("the cat {i} ").repeat(i)).collect();
        let expected: Vec<Vec<u32>> = texts.iter().map(|text| tokenizer.encode(text)).collect();
        for threads in [0, 1, 3] {
            assert_eq!(tokenizer.encode_batch(&texts, threads), expected);
        }
        assert!(tokenizer.encode_batch::<&str>(&[], 2).is_empty());
    }
}
