//! The tensors of four architectures: what GGUF calls them, what Hugging Face calls them, and how the two differ in what they store.
//!
//! Knows names alone, no sizes. They are those of llama.cpp's `src/llama-arch.cpp` and of the Python package gguf 0.19.

use super::{Gguf, Hyperparameters, TensorEntry};
use crate::{Error, Family, Result};

/// What is done to a tensor's elements between the two kinds of file, in the direction that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// GPT-2's matrices are (in, out) at Hugging Face and (out, in) in GGUF.
    Transposed,
    /// Rows of all query heads are in halves at Hugging Face and in pairs in GGUF: [`super::halves_to_pairs`].
    QueryPairs,
    /// The same of all key heads.
    KeyPairs,
}

/// A name in the other kind of file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// The name there.
    pub name: String,
    /// What is done to the elements on the way there.
    pub change: Change,
}

/// A tensor's name in GGUF and at Hugging Face without the block's number, and which of weight and bias it may have.
type Row = (&'static str, &'static str, &'static [&'static str]);

const WEIGHT: &[&str] = &["weight"];
const BOTH: &[&str] = &["weight", "bias"];

/// Outside of the blocks.
const LLAMA_WHOLE: [Row; 3] =
    [("token_embd", "model.embed_tokens", WEIGHT), ("output_norm", "model.norm", WEIGHT), ("output", "lm_head", WEIGHT)];

/// In block N, `blk.N.` in GGUF and `model.layers.N.` at Hugging Face. Biases of attention are those of Qwen2, and of Llama where its
/// configuration has `attention_bias`.
const LLAMA_BLOCK: [Row; 11] = [
    ("attn_norm", "input_layernorm", WEIGHT),
    ("attn_q", "self_attn.q_proj", BOTH),
    ("attn_k", "self_attn.k_proj", BOTH),
    ("attn_v", "self_attn.v_proj", BOTH),
    ("attn_output", "self_attn.o_proj", BOTH),
    ("attn_q_norm", "self_attn.q_norm", WEIGHT),
    ("attn_k_norm", "self_attn.k_norm", WEIGHT),
    ("ffn_norm", "post_attention_layernorm", WEIGHT),
    ("ffn_gate", "mlp.gate_proj", WEIGHT),
    ("ffn_up", "mlp.up_proj", WEIGHT),
    ("ffn_down", "mlp.down_proj", WEIGHT),
];

/// The same of GPT-2. Its output head is the table of embeddings, and many files hold it once more as `output`.
const GPT2_WHOLE: [Row; 4] = [
    ("token_embd", "transformer.wte", WEIGHT),
    ("position_embd", "transformer.wpe", WEIGHT),
    ("output_norm", "transformer.ln_f", BOTH),
    ("output", "lm_head", WEIGHT),
];

const GPT2_BLOCK: [Row; 6] = [
    ("attn_norm", "ln_1", BOTH),
    ("attn_qkv", "attn.c_attn", BOTH),
    ("attn_output", "attn.c_proj", BOTH),
    ("ffn_norm", "ln_2", BOTH),
    ("ffn_up", "mlp.c_fc", BOTH),
    ("ffn_down", "mlp.c_proj", BOTH),
];

/// Divisors of the rotary frequencies, which Hugging Face's folders have in `config.json`.
pub(super) const ROPE_FREQS: &str = "rope_freqs.weight";

impl Family {
    /// The architecture of a file.
    ///
    /// # Errors
    /// Another one, by its name, and a file without one.
    pub fn of_gguf(file: &Gguf) -> Result<Family> {
        const KEY: &str = "general.architecture";
        let name = file.required(KEY, file.text(KEY)?)?;
        let known = Family::ALL.into_iter().find(|architecture| architecture.name() == name);
        known.ok_or_else(|| {
            let names = Family::ALL.map(Family::name).join(", ");
            Error::unsupported(&file.path, format!("its architecture is {name:?}"), format!("use a model of one of these: {names}"))
        })
    }

    /// What Hugging Face calls a tensor of GGUF. Nothing for a name that the architecture has not.
    pub fn to_hugging_face(self, name: &str) -> Option<Renamed> {
        let (stem, part) = name.rsplit_once('.')?;
        let (prefix, block, stem) = match stem.strip_prefix("blk.") {
            Some(rest) => {
                let (number, stem) = rest.split_once('.')?;
                (self.block_prefix(), Some(block_number(number)?), stem)
            }
            None => ("", None, stem),
        };
        let row = self.rows(block.is_some()).iter().find(|row| row.0 == stem && self.has(row, part))?;
        let name = match block {
            Some(number) => format!("{prefix}{number}.{}.{part}", row.1),
            None => format!("{}.{part}", row.1),
        };
        Some(Renamed { name, change: self.change(row.0, part) })
    }

    /// What GGUF calls a tensor of Hugging Face. Nothing for a name that the architecture has not. GPT-2's names are known with and
    /// without `transformer.` before them.
    pub fn to_gguf(self, name: &str) -> Option<Renamed> {
        let (mut stem, part) = name.rsplit_once('.')?;
        let mut block_prefix = self.block_prefix();
        let bare = self == Family::Gpt2 && !stem.starts_with("transformer.");
        if bare {
            block_prefix = "h.";
        }
        let mut block = None;
        if let Some(rest) = stem.strip_prefix(block_prefix) {
            let (number, rest) = rest.split_once('.')?;
            (block, stem) = (Some(block_number(number)?), rest);
        }
        let same = |row: &&Row| row.1 == stem || bare && row.1.strip_prefix("transformer.") == Some(stem);
        let row = self.rows(block.is_some()).iter().find(|row| same(row) && self.has(row, part))?;
        let name = match block {
            Some(number) => format!("blk.{number}.{}.{part}", row.0),
            None => format!("{}.{part}", row.0),
        };
        Some(Renamed { name, change: self.change(row.0, part) })
    }

    fn rows(self, in_block: bool) -> &'static [Row] {
        match (self, in_block) {
            (Family::Gpt2, true) => &GPT2_BLOCK,
            (Family::Gpt2, false) => &GPT2_WHOLE,
            (_, true) => &LLAMA_BLOCK,
            (_, false) => &LLAMA_WHOLE,
        }
    }

    fn block_prefix(self) -> &'static str {
        if self == Family::Gpt2 { "transformer.h." } else { "model.layers." }
    }

    /// Whether a tensor may be in a model of this architecture.
    fn has(self, row: &Row, part: &str) -> bool {
        let allowed = match self {
            Family::Qwen2 => !row.0.ends_with("q_norm") && !row.0.ends_with("k_norm") && (part != "bias" || row.0 != "attn_output"),
            Family::Llama => !row.0.ends_with("q_norm") && !row.0.ends_with("k_norm"),
            Family::Qwen3 => part != "bias",
            Family::Gpt2 => true,
        };
        allowed && row.2.contains(&part)
    }

    /// What differs between the two kinds of file. `stem` is GGUF's name.
    fn change(self, stem: &str, part: &str) -> Change {
        match (self, stem) {
            (Family::Llama, "attn_q") => Change::QueryPairs,
            (Family::Llama, "attn_k") => Change::KeyPairs,
            (Family::Gpt2, "attn_qkv" | "attn_output" | "ffn_up" | "ffn_down") if part == "weight" => Change::Transposed,
            _ => Change::None,
        }
    }
}

/// A block's number in its only spelling, so that no two names stand for one tensor.
fn block_number(text: &str) -> Option<usize> {
    text.parse().ok().filter(|number: &usize| number.to_string() == text)
}

/// A file's tensors under Hugging Face's names, without those that are no parameters, and without an output head that is the table
/// of embeddings once more.
///
/// # Errors
/// A tensor that the architecture has not, by its name: leaving it out would give another model.
pub fn renamed_tensors<'a>(file: &'a Gguf, sizes: &Hyperparameters) -> Result<Vec<(Renamed, &'a TensorEntry)>> {
    let architecture = sizes.architecture;
    let mut renamed = Vec::with_capacity(file.tensors.len());
    for tensor in &file.tensors {
        // Old files hold the frequencies themselves in each block; whoever reads them computes them.
        let twice = sizes.tied && tensor.name == "output.weight";
        if twice || tensor.name == ROPE_FREQS || tensor.name.ends_with(".attn_rot_embd") || tensor.name.ends_with(".attn_rot_embd.weight") {
            continue;
        }
        let to = architecture.to_hugging_face(&tensor.name).ok_or_else(|| {
            let what = format!("it has a tensor {}, which models of the architecture {} have not", tensor.name, architecture.name());
            Error::unsupported(&file.path, what, "use a model without it")
        })?;
        renamed.push((to, tensor));
    }
    Ok(renamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_there_and_back() {
        use Change::*;
        use Family::*;
        let check = |architecture: Family, gguf: &str, hugging_face: &str, change: Change| {
            let renamed = |name: &str| Some(Renamed { name: name.into(), change });
            assert_eq!(architecture.to_hugging_face(gguf), renamed(hugging_face), "{gguf}");
            assert_eq!(architecture.to_gguf(hugging_face), renamed(gguf), "{hugging_face}");
        };
        for architecture in [Qwen2, Qwen3, Llama] {
            check(architecture, "token_embd.weight", "model.embed_tokens.weight", None);
            check(architecture, "output_norm.weight", "model.norm.weight", None);
            check(architecture, "output.weight", "lm_head.weight", None);
            check(architecture, "blk.0.attn_norm.weight", "model.layers.0.input_layernorm.weight", None);
            check(architecture, "blk.12.attn_v.weight", "model.layers.12.self_attn.v_proj.weight", None);
            check(architecture, "blk.1.attn_output.weight", "model.layers.1.self_attn.o_proj.weight", None);
            check(architecture, "blk.1.ffn_norm.weight", "model.layers.1.post_attention_layernorm.weight", None);
            check(architecture, "blk.1.ffn_gate.weight", "model.layers.1.mlp.gate_proj.weight", None);
            check(architecture, "blk.1.ffn_up.weight", "model.layers.1.mlp.up_proj.weight", None);
            check(architecture, "blk.1.ffn_down.weight", "model.layers.1.mlp.down_proj.weight", None);
        }
        check(Qwen3, "blk.3.attn_q.weight", "model.layers.3.self_attn.q_proj.weight", None);
        check(Qwen3, "blk.3.attn_k_norm.weight", "model.layers.3.self_attn.k_norm.weight", None);
        check(Qwen2, "blk.3.attn_q.bias", "model.layers.3.self_attn.q_proj.bias", None);
        check(Llama, "blk.3.attn_q.weight", "model.layers.3.self_attn.q_proj.weight", QueryPairs);
        check(Llama, "blk.3.attn_k.weight", "model.layers.3.self_attn.k_proj.weight", KeyPairs);
        check(Llama, "blk.3.attn_k.bias", "model.layers.3.self_attn.k_proj.bias", KeyPairs);
        check(Gpt2, "token_embd.weight", "transformer.wte.weight", None);
        check(Gpt2, "position_embd.weight", "transformer.wpe.weight", None);
        check(Gpt2, "output_norm.bias", "transformer.ln_f.bias", None);
        check(Gpt2, "output.weight", "lm_head.weight", None);
        check(Gpt2, "blk.2.attn_norm.bias", "transformer.h.2.ln_1.bias", None);
        check(Gpt2, "blk.2.attn_qkv.weight", "transformer.h.2.attn.c_attn.weight", Transposed);
        check(Gpt2, "blk.2.attn_qkv.bias", "transformer.h.2.attn.c_attn.bias", None);
        check(Gpt2, "blk.2.attn_output.weight", "transformer.h.2.attn.c_proj.weight", Transposed);
        check(Gpt2, "blk.2.ffn_norm.weight", "transformer.h.2.ln_2.weight", None);
        check(Gpt2, "blk.2.ffn_up.weight", "transformer.h.2.mlp.c_fc.weight", Transposed);
        check(Gpt2, "blk.2.ffn_down.weight", "transformer.h.2.mlp.c_proj.weight", Transposed);
        for (bare, gguf) in [("h.2.mlp.c_proj.bias", "blk.2.ffn_down.bias"), ("wte.weight", "token_embd.weight")] {
            assert_eq!(Gpt2.to_gguf(bare).unwrap().name, gguf);
        }
    }

    #[test]
    fn names_that_an_architecture_has_not() {
        use Family::*;
        for (architecture, name) in [
            (Qwen3, "blk.0.attn_q.bias"),
            (Qwen2, "blk.0.attn_q_norm.weight"),
            (Qwen2, "blk.0.attn_output.bias"),
            (Llama, "blk.0.ffn_gate_inp.weight"),
            (Llama, "blk.00.attn_q.weight"),
            (Llama, "blk.x.attn_q.weight"),
            (Llama, "blk.0.token_embd.weight"),
            (Llama, "attn_q.weight"),
            (Llama, "token_embd"),
            (Gpt2, "blk.0.attn_q.weight"),
        ] {
            assert_eq!(architecture.to_hugging_face(name), None, "{name}");
        }
        for (architecture, name) in [
            (Qwen3, "model.layers.0.self_attn.q_proj.bias"),
            (Llama, "model.layers.0.self_attn.rotary_emb.inv_freq"),
            (Llama, "model.layers.-1.mlp.up_proj.weight"),
            (Gpt2, "transformer.h.0.attn.bias"),
            (Gpt2, "transformer.wte.bias"),
        ] {
            assert_eq!(architecture.to_gguf(name), None, "{name}");
        }
    }
}
