//! How large an engine is: sequences side by side, their length, and the memory of their keys and values.

use model::Config;
use model::inference::KvCache;

/// The size of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineConfig {
    /// Sequences that run side by side, at least 1; fewer where `cache_bytes` has no room for them. The others wait.
    pub slots: usize,
    /// Longest sequence in tokens, prompt and answer together; the model's context where that is shorter, and less where
    /// `cache_bytes` has no room for one such sequence.
    pub capacity: usize,
    /// Worker threads.
    pub threads: usize,
    /// Bound on the memory of keys and values.
    pub cache_bytes: usize,
    /// Tokens of a prompt, or of forced ids, that are read in one step, at least 1; what is left is read in the next ones.
    /// All sequences together have so many for each thread.
    pub prefill_tokens: usize,
}

impl EngineConfig {
    /// Bound on the memory of keys and values where none is given: 4 GiB.
    pub const CACHE_BYTES: usize = 4 << 30;

    /// Tokens of a prompt that are read in one step where no other number is given.
    ///
    /// Measured with `examples/prefill_steps` on one thread, 13.8 million parameters, a prompt of 800 beside 8 answers: read
    /// at once it takes 420 ms, during which the answers wait. In steps of 128 they wait 84 ms, and it is read at 86% of
    /// that rate; steps of 64 have 69% of it, and steps of 256 make them wait 160 ms and are no faster than those of 128.
    pub const PREFILL_TOKENS: usize = 128;

    /// A size with the usual bounds.
    pub fn new(slots: usize, capacity: usize, threads: usize) -> EngineConfig {
        EngineConfig { slots, capacity, threads, cache_bytes: Self::CACHE_BYTES, prefill_tokens: Self::PREFILL_TOKENS }
    }

    /// Slots and capacity for a model, within the memory.
    pub(crate) fn fit(&self, model: &Config) -> (usize, usize) {
        let wanted = self.capacity.min(model.context);
        let mut capacity = wanted;
        if KvCache::bytes_per_slot(model, wanted) > self.cache_bytes {
            // The longest one that fits; its bytes grow with its length.
            let (mut fits, mut too_long) = (0, wanted);
            while fits + 1 < too_long {
                let middle = fits.midpoint(too_long);
                if KvCache::bytes_per_slot(model, middle) <= self.cache_bytes { fits = middle } else { too_long = middle }
            }
            capacity = fits;
        }
        let slots = self.cache_bytes / KvCache::bytes_per_slot(model, capacity).max(1);
        (self.slots.clamp(1, slots.max(1)), capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_and_capacity_follow_from_the_memory() {
        // Two blocks, one key head of 32: 512 bytes a token and 256 for alignment.
        let model = Config { n_layers: 2, n_heads: 2, n_kv_heads: 1, head_dim: 32, ..Config::from_depth(2, 100, 64) };
        let whole = KvCache::bytes_per_slot(&model, 64);
        assert_eq!(whole, 2 * 2 * (64 * 32 + 16) * 4);
        let fit = |slots, capacity, cache_bytes| EngineConfig { cache_bytes, ..EngineConfig::new(slots, capacity, 1) }.fit(&model);
        assert_eq!(fit(7, 1000, EngineConfig::CACHE_BYTES), (7, 64));
        assert_eq!(fit(0, 30, EngineConfig::CACHE_BYTES), (1, 30));
        assert_eq!(fit(7, 1000, 3 * whole), (3, 64));
        assert_eq!(fit(7, 1000, 3 * whole - 1), (2, 64));
        assert_eq!(fit(7, 1000, whole), (1, 64));
        for bytes in [whole - 1, 20_000, 10_000, 5000] {
            let (slots, capacity) = fit(7, 1000, bytes);
            assert!(capacity > 0 && slots * KvCache::bytes_per_slot(&model, capacity) <= bytes, "{slots} slots of {capacity} in {bytes}");
            assert!(KvCache::bytes_per_slot(&model, capacity + 1) > bytes, "{capacity} tokens in {bytes}");
        }
        assert_eq!(fit(7, 1000, 100).1, 0);
    }
}
