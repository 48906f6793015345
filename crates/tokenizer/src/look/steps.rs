//! How a token was built: the merges from its bytes up to it.

use rustc_hash::FxHashSet;
use serde::Serialize;

use super::Spelling;
use crate::Tokenizer;

/// One merge: two tokens become one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What stands on the left.
    pub left: Spelling,
    /// What stands on the right.
    pub right: Spelling,
    /// What they become.
    pub merged: Spelling,
}

/// The merges that build a token, each once, a part before what is made of it; none for bytes and special tokens.
/// Panics if there is no such id.
pub fn merge_steps(tokenizer: &Tokenizer, id: u32) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut seen = FxHashSet::default();
    // Whether the parts of an id have been asked for already, so that only its own step is left.
    let mut open = vec![(id, false)];
    while let Some((id, parts_done)) = open.pop() {
        let Some((left, right)) = tokenizer.halves(id) else { continue };
        if parts_done {
            let [left, right, merged] = [left, right, id].map(|id| Spelling::of(tokenizer, id));
            steps.push(Step { left, right, merged });
        } else if seen.insert(id) {
            open.extend([(id, true), (right, false), (left, false)]);
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look::small;

    /// The steps as `left+right`, by their bytes.
    fn told(tokenizer: &Tokenizer, id: u32) -> Vec<String> {
        let text = |spelling: &Spelling| super::super::escape(&spelling.bytes);
        merge_steps(tokenizer, id).iter().map(|step| format!("{}+{}={}", text(&step.left), text(&step.right), step.merged.id)).collect()
    }

    #[test]
    fn a_token_is_built_part_by_part() {
        let tokenizer = small();
        assert_eq!(told(&tokenizer, 259), ["t+h=256", " +th=257", " th+e=259"]);
        assert_eq!(told(&tokenizer, 262), ["\\xc3+\\xa9=262"]);
        assert!(told(&tokenizer, 5).is_empty() && told(&tokenizer, tokenizer.eot()).is_empty());
    }

    #[test]
    fn a_part_that_is_used_twice_is_told_once() {
        let h = crate::vocabulary::byte_id(b'h');
        let tokenizer = Tokenizer::from_merges(vec![(h, h), (256, 256), (257, 256), (257, 258)]);
        assert_eq!(told(&tokenizer, 259), ["h+h=256", "hh+hh=257", "hhhh+hh=258", "hhhh+hhhhhh=259"]);
    }

    #[test]
    fn a_step_joins_the_bytes_of_its_parts() {
        let tokenizer = small();
        for id in 0..tokenizer.vocab_size() as u32 {
            let steps = merge_steps(&tokenizer, id);
            for step in &steps {
                assert_eq!([&step.left.bytes[..], &step.right.bytes].concat(), step.merged.bytes);
            }
            assert!(steps.last().is_none_or(|step| step.merged.id == id));
        }
    }
}
