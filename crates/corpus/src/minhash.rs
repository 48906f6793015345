//! Near duplicates: MinHash signatures, their files, and the clusters of documents that agree.
//!
//! The scheme is FineWeb's: a text is simplified, cut into words, every five words in a row are hashed, and of 112
//! permutations of the hashes the least values are kept, 8 in each of 14 buckets. Documents that agree in all 8 values of
//! any bucket are near duplicates; two texts that share a part s of their shingles are found with the probability
//! 1 - (1 - s^8)^14. Signatures equal those of datatrove 0.10 (SHA-1, 64 bits) on equal words, bit for bit.
//!
//! Knows texts and numbers of documents. Which document goes and what is counted is the driver's business.

mod cluster;
mod file;
mod permutations;
mod signature;
mod simplify;

pub use cluster::{ClusterConfig, Clusters, cluster};
pub use file::SignatureWriter;
pub use signature::{SHINGLE_WORDS, Signature, signature, signature_of};
pub use simplify::simplify;

/// Groups of hashes, each of which can make two documents duplicates.
pub const BUCKETS: usize = 14;
/// Hashes that have to agree within a bucket.
pub const HASHES_PER_BUCKET: usize = 8;
/// Hashes in a signature.
pub const HASHES: usize = BUCKETS * HASHES_PER_BUCKET;

/// The probability that two documents are taken for duplicates which share this part of their shingles.
pub fn match_probability(similarity: f64) -> f64 {
    1.0 - (1.0 - similarity.powi(HASHES_PER_BUCKET as i32)).powi(BUCKETS as i32)
}
