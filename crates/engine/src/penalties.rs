//! What moves logits before anything is drawn from them: a bias on chosen ids, and penalties on ids that were said.
//!
//! First the bias is added. Then the logit of every id of prompt and answer is divided by the repetition penalty where it
//! is positive, and multiplied by it where it is negative (Keskar et al. 2019, CTRL). Then an id that stands in the answer
//! loses the presence penalty once, and the frequency penalty as often as it stands there (OpenAI's definition).

use std::collections::BTreeMap;

use crate::Sampling;

/// The ids of one sequence, as far as its request's penalties ask for them.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// How often an id stands in the answer; 0 for one of the prompt alone.
    counts: BTreeMap<u32, u32>,
}

impl History {
    /// A sequence that begins with a prompt.
    pub fn new(sampling: &Sampling, prompt: &[u32]) -> History {
        let counts = if sampling.repetition_penalty == 1.0 { BTreeMap::new() } else { prompt.iter().map(|&id| (id, 0)).collect() };
        History { counts }
    }

    /// The answer has one more id.
    pub fn push(&mut self, sampling: &Sampling, id: u32) {
        if sampling.repetition_penalty != 1.0 || sampling.presence_penalty != 0.0 || sampling.frequency_penalty != 0.0 {
            *self.counts.entry(id).or_default() += 1;
        }
    }
}

/// Whether logits are moved at all.
pub(crate) fn are_on(sampling: &Sampling) -> bool {
    let Sampling { repetition_penalty, presence_penalty, frequency_penalty, ref logit_bias, .. } = *sampling;
    repetition_penalty != 1.0 || presence_penalty != 0.0 || frequency_penalty != 0.0 || !logit_bias.is_empty()
}

/// Moves the logits after a sequence.
pub(crate) fn apply(logits: &mut [f32], sampling: &Sampling, history: &History) {
    let Sampling { repetition_penalty, presence_penalty, frequency_penalty, ref logit_bias, .. } = *sampling;
    for &(id, bias) in logit_bias {
        logits[id as usize] += bias;
    }
    for (&id, &count) in &history.counts {
        let logit = &mut logits[id as usize];
        *logit = if *logit > 0.0 { *logit / repetition_penalty } else { *logit * repetition_penalty };
        if count > 0 {
            *logit -= presence_penalty + frequency_penalty * count as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bias_comes_first_then_repetition_then_presence_and_frequency() {
        let off = Sampling::plain(1.0);
        let check = |sampling: Sampling, expected: [f32; 4]| {
            let mut history = History::new(&sampling, &[0, 1, 1]);
            [1, 2, 2].into_iter().for_each(|id| history.push(&sampling, id));
            let mut logits = [2.0, -1.0, 4.0, 3.0];
            apply(&mut logits, &sampling, &history);
            assert_eq!(logits, expected, "{sampling:?}");
            assert_eq!(are_on(&sampling), sampling != off);
        };
        check(off.clone(), [2.0, -1.0, 4.0, 3.0]);
        check(Sampling { logit_bias: vec![(3, -5.0), (0, 1.0), (3, 0.5)], ..off.clone() }, [3.0, -1.0, 4.0, -1.5]);
        // Ids of prompt and answer, each once however often it stands there.
        check(Sampling { repetition_penalty: 2.0, ..off.clone() }, [1.0, -2.0, 2.0, 3.0]);
        // Ids of the answer alone.
        check(Sampling { presence_penalty: 0.5, ..off.clone() }, [2.0, -1.5, 3.5, 3.0]);
        check(Sampling { frequency_penalty: 0.5, ..off.clone() }, [2.0, -1.5, 3.0, 3.0]);
        check(Sampling { frequency_penalty: -1.0, presence_penalty: 0.25, ..off.clone() }, [2.0, -0.25, 5.75, 3.0]);
        // The bias turns the sign before the repetition penalty looks at it.
        check(
            Sampling {
                logit_bias: vec![(0, -3.0), (1, 3.0)],
                repetition_penalty: 2.0,
                presence_penalty: 0.25,
                frequency_penalty: 0.5,
                ..off.clone()
            },
            [-2.0, 0.25, 0.75, 3.0],
        );
    }
}
