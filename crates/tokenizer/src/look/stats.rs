//! What counts tell: how well one vocabulary fits several kinds of text, and several vocabularies the same text.

use std::cmp::Reverse;

use serde::Serialize;

use super::{Counts, Measures, Spelling, Token};
use crate::Tokenizer;

/// Shortest token of each class of lengths, in bytes; a class ends where the next begins.
const LENGTHS: [usize; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32, 64];

/// A vocabulary on several inputs. Special tokens are left out of everything but the two sizes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stats {
    /// Ids in all.
    pub vocab_size: usize,
    /// Special tokens among them.
    pub special_tokens: usize,
    /// Each input.
    pub inputs: Vec<InputStats>,
    /// All inputs together.
    pub all: Measures,
    /// Tokens that no input uses.
    pub unused: Unused,
    /// The tokens that are used most.
    pub frequent: Vec<Frequent>,
    /// The longest tokens of the vocabulary, used or not.
    pub longest: Vec<Frequent>,
    /// Tokens by their length.
    pub lengths: Vec<LengthBin>,
}

/// A kind of text that is counted by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Input {
    /// What it is called.
    pub name: String,
    /// Its language, where languages are told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// One input.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InputStats {
    /// Which one.
    #[serde(flatten)]
    pub input: Input,
    /// What was counted in it.
    pub measures: Measures,
}

/// Tokens that no input uses.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unused {
    /// How many.
    pub tokens: usize,
    /// Their share of the vocabulary without its special tokens.
    pub share: f64,
    /// How many of them are single bytes.
    pub single_bytes: usize,
    /// Some that are no single bytes, smallest id first.
    pub examples: Vec<Spelling>,
}

/// A token and its uses.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Frequent {
    /// Which token.
    #[serde(flatten)]
    pub spelling: Spelling,
    /// How often it was used.
    pub uses: u64,
    /// Its share of all tokens used.
    pub share: f64,
}

/// Tokens of one class of lengths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LengthBin {
    /// Bytes of its shortest token.
    pub from_bytes: usize,
    /// Bytes of its longest token; none if there is no limit.
    pub to_bytes: Option<usize>,
    /// How many the vocabulary has.
    pub tokens: usize,
    /// How often they were used.
    pub uses: u64,
}

/// Several tokenizers on the same texts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Each tokenizer, the one that the others are measured by first.
    pub tokenizers: Vec<Compared>,
    /// Each input by itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<ComparedInput>,
}

/// One input, cut by several tokenizers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparedInput {
    /// Which one.
    #[serde(flatten)]
    pub input: Input,
    /// Its documents.
    pub documents: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Its tokens, for each tokenizer.
    pub tokens: Vec<u64>,
}

/// One tokenizer among others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// What it is called.
    pub name: String,
    /// Ids in all.
    pub vocab_size: usize,
    /// What was counted with it.
    pub measures: Measures,
    /// The same divided by what the first has.
    pub relative: Relative,
    /// The tokens, where one text was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Vec<Token>>,
}

/// Measures divided by those of the first tokenizer; none where the first has nothing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Relative {
    /// Of the vocabulary's size.
    pub vocab_size: Option<f64>,
    /// Of the number of tokens.
    pub tokens: Option<f64>,
    /// Of the bytes for each token.
    pub bytes_per_token: Option<f64>,
    /// Of the share of words that are one token.
    pub one_token_words: Option<f64>,
}

/// Sums up what was counted with a tokenizer; lists hold at most `top` tokens.
pub fn stats(tokenizer: &Tokenizer, inputs: &[(Input, Counts)], top: usize) -> Stats {
    let all = inputs.iter().fold(Counts::new(tokenizer), |mut sum, (_, counts)| {
        sum.add(counts);
        sum
    });
    let lengths = tokenizer.token_lengths();
    let n_used = all.tokens();
    let ordinary: Vec<u32> = (0..lengths.len() as u32).filter(|&id| lengths[id as usize] > 0).collect();
    let uses = |id: u32| all.uses[id as usize];
    let frequent =
        |id: u32| Frequent { spelling: Spelling::of(tokenizer, id), uses: uses(id), share: uses(id) as f64 / n_used.max(1) as f64 };

    let mut by_use: Vec<u32> = ordinary.iter().copied().filter(|&id| uses(id) > 0).collect();
    by_use.sort_by_key(|&id| (Reverse(uses(id)), id));
    let mut by_length = ordinary.clone();
    by_length.sort_by_key(|&id| (Reverse(lengths[id as usize]), id));
    let unused: Vec<u32> = ordinary.iter().copied().filter(|&id| uses(id) == 0).collect();
    let (unused_bytes, unused_merged): (Vec<u32>, Vec<u32>) = unused.iter().partition(|&&id| lengths[id as usize] == 1);
    Stats {
        vocab_size: tokenizer.vocab_size(),
        special_tokens: (0..lengths.len() as u32).filter(|&id| tokenizer.is_special(id)).count(),
        inputs: inputs
            .iter()
            .map(|(input, counts)| InputStats { input: input.clone(), measures: Measures::of(tokenizer, counts) })
            .collect(),
        all: Measures::of(tokenizer, &all),
        unused: Unused {
            tokens: unused.len(),
            share: unused.len() as f64 / ordinary.len().max(1) as f64,
            single_bytes: unused_bytes.len(),
            examples: unused_merged.iter().take(top).map(|&id| Spelling::of(tokenizer, id)).collect(),
        },
        frequent: by_use.iter().take(top).map(|&id| frequent(id)).collect(),
        longest: by_length.iter().take(top).map(|&id| frequent(id)).collect(),
        lengths: length_bins(&ordinary, &lengths, &all.uses),
    }
}

/// The classes of lengths up to the last that has a token.
fn length_bins(ids: &[u32], lengths: &[u32], uses: &[u64]) -> Vec<LengthBin> {
    let bin = |(place, &from_bytes): (usize, &usize)| LengthBin {
        from_bytes,
        to_bytes: LENGTHS.get(place + 1).map(|next| next - 1),
        tokens: 0,
        uses: 0,
    };
    let mut bins: Vec<LengthBin> = LENGTHS.iter().enumerate().map(bin).collect();
    for &id in ids {
        let place = LENGTHS.partition_point(|&from| from <= lengths[id as usize] as usize) - 1;
        bins[place].tokens += 1;
        bins[place].uses += uses[id as usize];
    }
    let last = bins.iter().rposition(|bin| bin.tokens > 0).map_or(0, |place| place + 1);
    bins.truncate(last);
    bins
}

/// Sets tokenizers side by side: their names, and what each counted in the same texts.
pub fn compare(tokenizers: &[(String, &Tokenizer, Counts)]) -> Comparison {
    let mut compared: Vec<Compared> = Vec::with_capacity(tokenizers.len());
    for (name, tokenizer, counts) in tokenizers {
        let (vocab_size, measures) = (tokenizer.vocab_size(), Measures::of(tokenizer, counts));
        let (first_size, first) = compared.first().map_or((vocab_size, &measures), |first| (first.vocab_size, &first.measures));
        let relative = Relative {
            vocab_size: divided(Some(vocab_size as f64), Some(first_size as f64)),
            tokens: divided(Some(measures.tokens as f64), Some(first.tokens as f64)),
            bytes_per_token: divided(measures.bytes_per_token, first.bytes_per_token),
            one_token_words: divided(measures.one_token_words, first.one_token_words),
        };
        compared.push(Compared { name: name.clone(), vocab_size, measures, relative, tokens: None });
    }
    Comparison { tokenizers: compared, inputs: Vec::new() }
}

/// The same on several inputs, which counted with each of the tokenizers.
pub fn compare_inputs(tokenizers: &[(String, &Tokenizer)], inputs: &[(Input, Vec<Counts>)]) -> Comparison {
    let sums = tokenizers.iter().enumerate().map(|(at, (name, tokenizer))| {
        let mut sum = Counts::new(tokenizer);
        inputs.iter().for_each(|(_, counts)| sum.add(&counts[at]));
        (name.clone(), *tokenizer, sum)
    });
    let mut comparison = compare(&sums.collect::<Vec<_>>());
    comparison.inputs = inputs
        .iter()
        .map(|(input, counts)| ComparedInput {
            input: input.clone(),
            documents: counts[0].documents,
            bytes: counts[0].bytes,
            tokens: counts.iter().map(Counts::tokens).collect(),
        })
        .collect();
    comparison
}

fn divided(value: Option<f64>, first: Option<f64>) -> Option<f64> {
    first.filter(|&first| first > 0.0).and_then(|first| value.map(|value| value / first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look::small;

    fn counts(tokenizer: &Tokenizer, text: &str) -> Counts {
        Counts::of(tokenizer, text, &tokenizer.encode(text))
    }

    #[test]
    fn a_vocabulary_on_two_inputs() {
        let tokenizer = small();
        let input = |name: &str| Input { name: name.to_string(), language: None };
        let inputs = [(input("en"), counts(&tokenizer, "the the cat")), (input("fr"), counts(&tokenizer, "é é"))];
        let found = stats(&tokenizer, &inputs, 3);
        assert_eq!((found.vocab_size, found.special_tokens), (256 + 7 + 12, 12));
        assert_eq!(
            found.inputs.iter().map(|input| (input.input.name.as_str(), input.measures.tokens)).collect::<Vec<_>>(),
            [("en", 4), ("fr", 3)]
        );
        assert_eq!((found.all.tokens, found.all.documents, found.all.bytes), (7, 2, 16));
        // Of the vocabulary are used: the space, `the`, ` the`, `cat`, `é`.
        assert_eq!((found.unused.tokens, found.unused.single_bytes), (263 - 5, 255));
        assert_eq!(found.unused.share, 258.0 / 263.0);
        let ids = |spellings: &[Spelling]| spellings.iter().map(|spelling| spelling.id).collect::<Vec<_>>();
        assert_eq!(ids(&found.unused.examples), [256, 257, 260]);
        let uses = |list: &[Frequent]| list.iter().map(|token| (token.spelling.id, token.uses)).collect::<Vec<_>>();
        assert_eq!(uses(&found.frequent), [(220, 2), (262, 2), (258, 1)]);
        assert_eq!(found.frequent[0].share, 2.0 / 7.0);
        assert_eq!(uses(&found.longest), [(259, 1), (257, 0), (258, 1)]);
        let bins: Vec<_> = found.lengths.iter().map(|bin| (bin.from_bytes, bin.to_bytes, bin.tokens, bin.uses)).collect();
        assert_eq!(bins, [(1, Some(1), 256, 2), (2, Some(2), 3, 2), (3, Some(3), 3, 2), (4, Some(4), 1, 1)]);
    }

    #[test]
    fn inputs_are_compared_each_and_together() {
        let (first, second) = (Tokenizer::from_merges(Vec::new()), small());
        let on = |text: &str| {
            let input = Input { name: text.to_string(), language: Some("en".to_string()) };
            (input, vec![counts(&first, text), counts(&second, text)])
        };
        let found = compare_inputs(&[("bytes".into(), &first), ("small".into(), &second)], &[on("the cat"), on("a")]);
        assert_eq!(found.tokenizers.iter().map(|compared| compared.measures.tokens).collect::<Vec<_>>(), [8, 4]);
        assert_eq!(found.inputs.iter().map(|input| (input.bytes, &input.tokens[..])).collect::<Vec<_>>(), [(7, &[7, 3][..]), (1, &[1, 1])]);
        assert_eq!(serde_json::to_value(&found.inputs[1]).unwrap()["language"], "en");
    }

    #[test]
    fn lengths_fall_into_classes_without_gaps() {
        let lengths: Vec<u32> = vec![1, 8, 9, 10, 63, 64, 1000];
        let ids: Vec<u32> = (0..7).collect();
        let bins = length_bins(&ids, &lengths, &[1; 7]);
        assert!(bins.windows(2).all(|pair| pair[0].to_bytes == Some(pair[1].from_bytes - 1)));
        let filled: Vec<_> = bins.iter().filter(|bin| bin.tokens > 0).map(|bin| (bin.from_bytes, bin.to_bytes, bin.tokens)).collect();
        assert_eq!(filled, [(1, Some(1), 1), (8, Some(9), 2), (10, Some(11), 1), (32, Some(63), 1), (64, None, 2)]);
        assert!(length_bins(&[], &[], &[]).is_empty());
    }

    #[test]
    fn others_are_measured_by_the_first() {
        let (first, second) = (Tokenizer::from_merges(Vec::new()), small());
        let text = "a the cat";
        let found = compare(&[
            ("bytes".into(), &first, counts(&first, text)),
            ("small".into(), &second, counts(&second, text)),
            ("again".into(), &first, counts(&first, text)),
        ]);
        let relative = |place: usize| &found.tokenizers[place].relative;
        let same = Relative { vocab_size: Some(1.0), tokens: Some(1.0), bytes_per_token: Some(1.0), one_token_words: Some(1.0) };
        assert_eq!((relative(0), relative(2)), (&same, &same));
        // a|' the'|' '|cat against nine bytes; three words against one.
        assert_eq!(relative(1).tokens, Some(4.0 / 9.0));
        assert_eq!(relative(1).bytes_per_token, Some(9.0 / 4.0));
        assert!((relative(1).one_token_words.unwrap() - 3.0).abs() < 1e-12);
        assert_eq!(relative(1).vocab_size, Some(275.0 / 268.0));
        let empty = compare(&[("bytes".into(), &first, Counts::new(&first)), ("small".into(), &second, counts(&second, text))]);
        assert_eq!(empty.tokenizers[1].relative.tokens, None);
    }
}
