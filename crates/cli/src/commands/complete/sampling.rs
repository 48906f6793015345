//! How ids are chosen, as `complete` and `chat` are told.

use base::rng::{Rng, label};
use engine::Sampling;

/// How ids are chosen; what is not given is as the model's generation_config.json has it.
#[derive(Debug, clap::Args)]
pub struct SamplingArgs {
    /// 0 takes the most likely token always, more gives more variety [default: the model's]
    #[arg(long)]
    temperature: Option<f32>,
    /// So many of the most likely tokens stay; 0 is off [default: the model's]
    #[arg(long)]
    top_k: Option<usize>,
    /// The most likely tokens stay until their probabilities sum to this; 1 is off [default: the model's]
    #[arg(long)]
    top_p: Option<f32>,
    /// Tokens stay that are at least this times as likely as the most likely one; 0 is off [default: the model's]
    #[arg(long)]
    min_p: Option<f32>,
    /// Divides the positive logits of tokens of prompt and answer, and multiplies negative ones; 1 is off [default: the model's]
    #[arg(long, value_name = "X")]
    repetition_penalty: Option<f32>,
    /// Is taken from the logits of tokens that stand in the answer, from -2 to 2
    #[arg(long, value_name = "X", default_value_t = 0.0, allow_negative_numbers = true)]
    presence_penalty: f32,
    /// Is taken from the logits of tokens as often as they stand in the answer, from -2 to 2
    #[arg(long, value_name = "X", default_value_t = 0.0, allow_negative_numbers = true)]
    frequency_penalty: f32,
    /// Is added to the logit of the token of this id, from -100 to 100; may be given several times
    #[arg(long, value_name = "ID=VALUE", value_parser = read_bias)]
    logit_bias: Vec<(u32, f32)>,
    /// Seed of the draws
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl SamplingArgs {
    /// The model's own sampling, with what was given instead.
    pub fn resolve(&self, own: &Sampling) -> anyhow::Result<Sampling> {
        let sampling = Sampling {
            temperature: self.temperature.unwrap_or(own.temperature),
            logit_bias: self.logit_bias.clone(),
            repetition_penalty: self.repetition_penalty.unwrap_or(own.repetition_penalty),
            presence_penalty: self.presence_penalty,
            frequency_penalty: self.frequency_penalty,
            top_k: self.top_k.unwrap_or(own.top_k),
            top_p: self.top_p.unwrap_or(own.top_p),
            min_p: self.min_p.unwrap_or(own.min_p),
        };
        sampling.check()?;
        Ok(sampling)
    }

    /// The seed of one of several answers.
    pub fn seed(&self, index: u64) -> u64 {
        Rng::derive(self.seed, &[label("answer"), index]).next_u64()
    }
}

fn read_bias(text: &str) -> Result<(u32, f32), String> {
    let read = text.split_once('=').and_then(|(id, value)| Some((id.trim().parse().ok()?, value.trim().parse().ok()?)));
    read.ok_or_else(|| "an id and a number with = between, as in 262=-1.5; `schoolhouse tokenizer show` tells ids".to_owned())
}
