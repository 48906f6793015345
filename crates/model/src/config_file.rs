//! `config.json` as Hugging Face's libraries write it, for the architectures that run here.
//!
//! Both generations of names are read: transformers 4 has `rope_theta` and `rope_scaling`, transformers 5 puts them into
//! `rope_parameters`. Whatever changes the computation and is not done here is refused by its name.

use std::path::Path;

use base::files;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::folder::Generation;
use crate::{Config, Error, Family, Result, RopeScaling};

/// The name of the file.
pub const CONFIG_FILE: &str = "config.json";

/// No size is larger.
const MAX_SIZE: usize = 1 << 24;
/// Nor has a model more blocks.
const MAX_LAYERS: usize = 1 << 12;

/// What is looked at. GPT-2 has names of its own.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConfigFile {
    model_type: String,
    vocab_size: Option<usize>,
    #[serde(alias = "n_embd")]
    hidden_size: Option<usize>,
    #[serde(alias = "n_layer")]
    num_hidden_layers: Option<usize>,
    #[serde(alias = "n_head")]
    num_attention_heads: Option<usize>,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    #[serde(alias = "n_inner")]
    intermediate_size: Option<usize>,
    #[serde(alias = "n_positions")]
    max_position_embeddings: Option<usize>,
    #[serde(alias = "layer_norm_epsilon")]
    rms_norm_eps: Option<f32>,
    #[serde(alias = "activation_function")]
    hidden_act: Option<String>,
    tie_word_embeddings: Option<bool>,
    rope_theta: Option<f64>,
    rope_scaling: Option<Rope>,
    rope_parameters: Option<Rope>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    use_sliding_window: Option<bool>,
    layer_types: Option<Vec<String>>,
    scale_attn_weights: Option<bool>,
    scale_attn_by_inverse_layer_idx: Option<bool>,
    add_cross_attention: Option<bool>,
    partial_rotary_factor: Option<f64>,
    quantization_config: Option<Value>,
}

/// Rotary positions and how they are stretched.
#[derive(Debug, Deserialize)]
struct Rope {
    #[serde(alias = "type")]
    rope_type: Option<String>,
    rope_theta: Option<f64>,
    factor: Option<f64>,
    low_freq_factor: Option<f64>,
    high_freq_factor: Option<f64>,
    original_max_position_embeddings: Option<usize>,
}

/// Reads `config.json` of a model folder.
pub fn read(folder: &Path) -> Result<Config> {
    let path = folder.join(CONFIG_FILE);
    let file: ConfigFile = files::read_json(&path)?;
    file.config().map_err(|what| {
        let names: Vec<&str> = Family::ALL.iter().map(|family| family.name()).collect();
        Error::unsupported(&path, what, format!("models of the types {} run here", names.join(", ")))
    })
}

impl ConfigFile {
    /// The configuration, or what is in its way.
    fn config(&self) -> std::result::Result<Config, String> {
        let family = Family::ALL.into_iter().find(|family| family.name() == self.model_type);
        let family = family.ok_or_else(|| format!("model_type {:?} is not known", self.model_type))?;
        self.refuse(family)?;
        let needed = |value: Option<usize>, name: &str| value.ok_or_else(|| format!("it has no {name}"));
        let hidden_size = needed(self.hidden_size, "hidden_size")?;
        let n_heads = needed(self.num_attention_heads, "num_attention_heads")?;
        let (theta, rope_scaling) = if family == Family::Gpt2 { (10_000.0, None) } else { self.rope()? };
        let config = Config {
            family,
            vocab_size: needed(self.vocab_size, "vocab_size")?,
            hidden_size,
            n_layers: needed(self.num_hidden_layers, "num_hidden_layers")?,
            n_heads,
            n_kv_heads: self.num_key_value_heads.unwrap_or(n_heads),
            head_dim: self.head_dim.unwrap_or(hidden_size / n_heads.max(1)),
            intermediate_size: match self.intermediate_size {
                None if family == Family::Gpt2 => 4 * hidden_size,
                size => needed(size, "intermediate_size")?,
            },
            context: needed(self.max_position_embeddings, "max_position_embeddings")?,
            rope_theta: theta,
            rope_scaling,
            norm_eps: self.rms_norm_eps.unwrap_or(if family == Family::Gpt2 { 1e-5 } else { 1e-6 }),
            tie_embeddings: self.tie_word_embeddings.unwrap_or(family == Family::Gpt2),
        };
        check_sizes(&config)?;
        Ok(config)
    }

    /// Refuses what changes the computation.
    fn refuse(&self, family: Family) -> std::result::Result<(), String> {
        let has = |flag: Option<bool>| flag == Some(true);
        let act = self.hidden_act.as_deref();
        let (usual, names) = match family {
            Family::Gpt2 => (act.is_none_or(|act| act == "gelu_new" || act == "gelu_pytorch_tanh"), "gelu_new"),
            _ => (act.is_none_or(|act| act == "silu"), "silu"),
        };
        if !usual {
            return Err(format!("the activation {:?} is not {names}", act.unwrap_or_default()));
        }
        let sliding = self.layer_types.iter().flatten().any(|kind| kind != "full_attention");
        let hindrances = [
            (has(self.attention_bias), "attention_bias"),
            (has(self.mlp_bias), "mlp_bias"),
            (has(self.use_sliding_window) || sliding, "a sliding window"),
            (self.scale_attn_weights == Some(false), "scale_attn_weights"),
            (has(self.scale_attn_by_inverse_layer_idx), "scale_attn_by_inverse_layer_idx"),
            (has(self.add_cross_attention), "add_cross_attention"),
            (self.partial_rotary_factor.is_some_and(|factor| factor != 1.0), "partial_rotary_factor"),
            (self.quantization_config.is_some(), "quantization_config"),
            (
                family == Family::Gpt2 && self.num_key_value_heads.is_some_and(|n| Some(n) != self.num_attention_heads),
                "num_key_value_heads",
            ),
        ];
        match hindrances.iter().find(|(there, _)| *there) {
            Some((_, name)) => Err(format!("{name} is not supported for {}", family.name())),
            None => Ok(()),
        }
    }

    /// The base of the angles, and how they are stretched.
    fn rope(&self) -> std::result::Result<(f64, Option<RopeScaling>), String> {
        let rope = self.rope_parameters.as_ref().or(self.rope_scaling.as_ref());
        let theta = rope.and_then(|rope| rope.rope_theta).or(self.rope_theta).unwrap_or(10_000.0);
        let Some(rope) = rope else { return Ok((theta, None)) };
        let scaling = match rope.rope_type.as_deref().unwrap_or("default") {
            "default" => None,
            "llama3" => {
                let needed = |value: Option<f64>, name: &str| {
                    value.filter(|value| *value > 0.0 && value.is_finite()).ok_or_else(|| format!("its rope scaling has no {name}"))
                };
                let original = rope.original_max_position_embeddings.ok_or("its rope scaling has no original_max_position_embeddings")?;
                Some(RopeScaling {
                    factor: needed(rope.factor, "factor")?,
                    low_freq_factor: needed(rope.low_freq_factor, "low_freq_factor")?,
                    high_freq_factor: needed(rope.high_freq_factor, "high_freq_factor")?,
                    original_context: original,
                })
            }
            other => return Err(format!("the rope type {other:?} is not supported")),
        };
        Ok((theta, scaling))
    }
}

/// Refuses sizes that do not fit together, or with which nothing could be allocated.
pub fn check_sizes(config: &Config) -> std::result::Result<(), String> {
    let sizes = [
        (config.vocab_size, "vocab_size"),
        (config.hidden_size, "hidden_size"),
        (config.n_layers, "num_hidden_layers"),
        (config.n_heads, "num_attention_heads"),
        (config.n_kv_heads, "num_key_value_heads"),
        (config.head_dim, "head_dim"),
        (config.intermediate_size, "intermediate_size"),
        (config.context, "max_position_embeddings"),
    ];
    if let Some((size, name)) = sizes.iter().find(|(size, _)| *size == 0 || *size > MAX_SIZE) {
        return Err(format!("{name} is {size}, and sizes from 1 to {MAX_SIZE} are possible"));
    }
    if config.n_layers > MAX_LAYERS {
        return Err(format!("num_hidden_layers is {}, and {MAX_LAYERS} are the most", config.n_layers));
    }
    if !config.n_heads.is_multiple_of(config.n_kv_heads) {
        return Err(format!("{} query heads are no multiple of {} key heads", config.n_heads, config.n_kv_heads));
    }
    if !config.head_dim.is_multiple_of(2) {
        return Err(format!("head_dim {} is odd", config.head_dim));
    }
    let is_positive = |value: f64| value > 0.0 && value.is_finite();
    if !(is_positive(config.rope_theta) && is_positive(f64::from(config.norm_eps))) {
        return Err(format!("rope_theta {} or the norms' epsilon {} means nothing", config.rope_theta, config.norm_eps));
    }
    Ok(())
}

/// Writes `config.json` with the names of transformers 4, which transformers 5 reads too. A model without end tokens says so: else
/// an architecture's usual ones are meant.
pub fn write(config: &Config, generation: &Generation, dtype: &str, folder: &Path) -> Result<()> {
    let common = json!({
        "architectures": [architecture(config.family)],
        "model_type": config.family.name(),
        "bos_token_id": generation.bos_token_id,
        "eos_token_id": generation.eos_token_id,
        "initializer_range": 0.02,
        "tie_word_embeddings": config.tie_embeddings,
        "torch_dtype": dtype,
        "use_cache": true,
        "vocab_size": config.vocab_size,
    });
    let own = match config.family {
        Family::Gpt2 => json!({
            "activation_function": "gelu_new",
            "attn_pdrop": 0.0,
            "embd_pdrop": 0.0,
            "resid_pdrop": 0.0,
            "layer_norm_epsilon": config.norm_eps,
            "n_embd": config.hidden_size,
            "n_head": config.n_heads,
            "n_inner": config.intermediate_size,
            "n_layer": config.n_layers,
            "n_positions": config.context,
        }),
        _ => json!({
            "attention_dropout": 0.0,
            "head_dim": config.head_dim,
            "hidden_act": "silu",
            "hidden_size": config.hidden_size,
            "intermediate_size": config.intermediate_size,
            "max_position_embeddings": config.context,
            "num_attention_heads": config.n_heads,
            "num_hidden_layers": config.n_layers,
            "num_key_value_heads": config.n_kv_heads,
            "rms_norm_eps": config.norm_eps,
            "rope_theta": config.rope_theta,
            "rope_scaling": config.rope_scaling.map(|scaling| json!({
                "rope_type": "llama3",
                "factor": scaling.factor,
                "low_freq_factor": scaling.low_freq_factor,
                "high_freq_factor": scaling.high_freq_factor,
                "original_max_position_embeddings": scaling.original_context,
            })),
        }),
    };
    let mut all = match (common, own) {
        (Value::Object(mut common), Value::Object(own)) => {
            common.extend(own);
            common
        }
        _ => unreachable!("both are objects"),
    };
    if matches!(config.family, Family::Qwen3 | Family::Llama) {
        all.insert("attention_bias".to_string(), Value::Bool(false));
    }
    Ok(files::write_json(&folder.join(CONFIG_FILE), &all)?)
}

fn architecture(family: Family) -> &'static str {
    match family {
        Family::Qwen3 => "Qwen3ForCausalLM",
        Family::Qwen2 => "Qwen2ForCausalLM",
        Family::Llama => "LlamaForCausalLM",
        Family::Gpt2 => "GPT2LMHeadModel",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: Value) -> std::result::Result<Config, String> {
        serde_json::from_value::<ConfigFile>(value).unwrap().config()
    }

    fn llama(own: Value) -> Value {
        let mut all = json!({
            "model_type": "llama", "vocab_size": 10, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
            "intermediate_size": 12, "max_position_embeddings": 32, "hidden_act": "silu",
        });
        all.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        all
    }

    #[test]
    fn both_generations_of_names_mean_the_same() {
        let scaling = json!({"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16});
        let with = |more: Value| {
            let mut scaling = scaling.clone();
            scaling.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            scaling
        };
        let old = parsed(llama(json!({"rope_theta": 5e5, "rope_scaling": with(json!({"type": "llama3"}))}))).unwrap();
        let new = parsed(llama(json!({"rope_parameters": with(json!({"rope_type": "llama3", "rope_theta": 5e5}))}))).unwrap();
        assert_eq!(old, new);
        assert_eq!((old.rope_theta, old.n_kv_heads, old.head_dim), (5e5, 2, 4));
        assert_eq!(old.rope_scaling.unwrap().original_context, 16);
        let plain = parsed(llama(json!({"rope_parameters": {"rope_type": "default", "rope_theta": 7.0}}))).unwrap();
        assert_eq!((plain.rope_theta, plain.rope_scaling), (7.0, None));
        let gpt2 =
            json!({"model_type": "gpt2", "vocab_size": 9, "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 16, "n_inner": null});
        let gpt2 = parsed(gpt2).unwrap();
        assert_eq!((gpt2.intermediate_size, gpt2.tie_embeddings, gpt2.context), (32, true, 16));
    }

    #[test]
    fn what_changes_the_computation_is_refused_by_its_name() {
        for (own, expected) in [
            (json!({"model_type": "mamba"}), "model_type \"mamba\" is not known"),
            (json!({"hidden_act": "relu"}), "the activation \"relu\" is not silu"),
            (json!({"attention_bias": true}), "attention_bias is not supported for llama"),
            (json!({"rope_scaling": {"rope_type": "yarn", "factor": 2.0}}), "the rope type \"yarn\" is not supported"),
            (json!({"rope_scaling": {"rope_type": "llama3", "factor": -2.0}}), "its rope scaling has no"),
            (json!({"layer_types": ["sliding_attention"]}), "a sliding window is not supported"),
            (json!({"quantization_config": {"bits": 4}}), "quantization_config is not supported"),
            (json!({"hidden_size": null}), "it has no hidden_size"),
            (json!({"vocab_size": 1u64 << 40}), "vocab_size is 1099511627776"),
            (json!({"num_key_value_heads": 3}), "2 query heads are no multiple of 3"),
            (json!({"num_attention_heads": 0}), "num_attention_heads is 0"),
            (json!({"head_dim": 3}), "head_dim 3 is odd"),
            (json!({"rope_theta": -1.0}), "rope_theta -1"),
        ] {
            let message = parsed(llama(own)).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
