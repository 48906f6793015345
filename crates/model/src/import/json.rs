//! A minGPT as one JSON object: `config`, and beside it every tensor with its shape, its type and its numbers in base64.
//!
//! llm-viz shows its sorter from such a file. The names are PyTorch's for minGPT, which are Hugging Face's for GPT-2; but here the
//! matrices lie as (out, in), and masks lie beside them.

use std::collections::HashMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::error::Category;

use crate::config_file::check_sizes;
use crate::params::TensorSpec;
use crate::{Config, Error, Family, Layout, Model, Params, Result, import};

/// The file.
#[derive(Debug, Deserialize)]
struct File {
    config: Sizes,
    #[serde(flatten)]
    tensors: HashMap<String, Tensor>,
}

/// minGPT's configuration, as far as it says something of the computation.
#[derive(Debug, Deserialize)]
struct Sizes {
    n_layer: usize,
    n_head: usize,
    n_embd: usize,
    vocab_size: usize,
    block_size: usize,
}

#[derive(Debug, Deserialize)]
struct Tensor {
    shape: Vec<usize>,
    dtype: String,
    data: String,
}

/// Reads a whole file.
pub fn read(path: &Path, bytes: &[u8]) -> Result<Model> {
    let file: File = parse(path, bytes)?;
    let config = file.config.config().map_err(|why| Error::unsupported(path, why, import::REMEDY))?;
    let layout = Layout::new(&config);
    if let Some(name) = file.tensors.keys().find(|name| !is_mask(name) && layout.tensors.iter().all(|tensor| tensor.name != **name)) {
        return Err(import::damaged(path, &format!("tensor {name}"), "it is none that the configuration asks for".into()));
    }
    // Every tensor is checked against its own text before anything of the configuration's size is allocated.
    let values = layout.tensors.iter().map(|spec| values(path, &file, spec)).collect::<Result<Vec<_>>>()?;
    let mut params = Params::zeros(&config);
    for (spec, values) in layout.tensors.iter().zip(values) {
        spec.span.of_mut(&mut params.data).copy_from_slice(&values);
    }
    Ok(Model { config, params })
}

fn parse<'a, T: Deserialize<'a>>(path: &Path, bytes: &'a [u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => Error::unsupported(path, format!("it is JSON, but not as a minGPT is written: {error}"), import::REMEDY),
        _ => import::damaged(path, &format!("line {} column {}", error.line(), error.column()), error.to_string()),
    })
}

impl Sizes {
    /// The configuration, or what is in its way.
    fn config(&self) -> std::result::Result<Config, String> {
        let &Sizes { n_layer, n_head, n_embd, vocab_size, block_size } = self;
        if n_head == 0 || !n_embd.is_multiple_of(n_head) {
            return Err(format!("n_embd {n_embd} is no multiple of n_head {n_head}"));
        }
        let config = Config {
            family: Family::Gpt2,
            vocab_size,
            hidden_size: n_embd,
            n_layers: n_layer,
            n_heads: n_head,
            n_kv_heads: n_head,
            head_dim: n_embd / n_head,
            intermediate_size: n_embd.saturating_mul(4),
            context: block_size,
            rope_theta: 10_000.0,
            rope_scaling: None,
            norm_eps: 1e-5,
            tie_embeddings: false,
        };
        check_sizes(&config)?;
        Ok(config)
    }
}

/// The causal mask, which is no weight.
fn is_mask(name: &str) -> bool {
    name.ends_with(".attn.bias")
}

/// A tensor's numbers, in the shape that the configuration asks for.
fn values(path: &Path, file: &File, spec: &TensorSpec) -> Result<Vec<f32>> {
    let damaged = |why: String| import::damaged(path, &format!("tensor {}", spec.name), why);
    let tensor = file.tensors.get(&spec.name).ok_or_else(|| damaged("it is missing".into()))?;
    if tensor.shape != spec.shape {
        return Err(damaged(format!("its shape is {:?} where the configuration asks for {:?}", tensor.shape, spec.shape)));
    }
    let values = tensor.values().map_err(damaged)?;
    import::refuse_not_finite(path, &spec.name, &values)?;
    Ok(values)
}

impl Tensor {
    /// Its numbers, as many as its shape says, or what is wrong with them.
    fn values(&self) -> std::result::Result<Vec<f32>, String> {
        if !["torch.float32", "float32"].contains(&self.dtype.as_str()) {
            return Err(format!("its type is {:?} and not torch.float32", self.dtype));
        }
        let bytes = STANDARD.decode(&self.data).map_err(|error| format!("its data is not base64: {error}"))?;
        let expected = self.shape.iter().try_fold(4usize, |product, &size| product.checked_mul(size));
        if expected != Some(bytes.len()) {
            return Err(format!("its data has {} bytes, which do not fill the shape {:?}", bytes.len(), self.shape));
        }
        Ok(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::Activations;
    use serde_json::{Value, json};

    fn tensor(shape: &[usize], values: &[f32]) -> Value {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        json!({"shape": shape, "dtype": "torch.float32", "data": STANDARD.encode(bytes)})
    }

    /// A file of a random model, and the model.
    fn tiny() -> (Value, Model) {
        let sizes = json!({"model_type": "gpt-tiny", "n_layer": 2, "n_head": 2, "n_embd": 8, "vocab_size": 5, "block_size": 7});
        let config = serde_json::from_value::<Sizes>(sizes.clone()).unwrap().config().unwrap();
        let mut model = Model::new(config, 1);
        model.params.data.iter_mut().enumerate().for_each(|(i, value)| *value += i as f32 * 1e-3);
        let mut file = json!({"config": sizes, "transformer.h.0.attn.bias": tensor(&[1, 1, 2, 2], &[1.0, 0.0, 1.0, 1.0])});
        for spec in &model.params.layout.tensors {
            file[&spec.name] = tensor(&spec.shape, spec.span.of(&model.params.data));
        }
        (file, model)
    }

    fn read_value(file: &Value) -> Result<Model> {
        read(Path::new("model.json"), file.to_string().as_bytes())
    }

    #[test]
    fn a_file_gives_its_model() {
        let (file, model) = tiny();
        let found = read_value(&file).unwrap();
        assert_eq!(found.config, model.config);
        assert_eq!((found.config.intermediate_size, found.config.tie_embeddings), (32, false));
        assert_eq!(found.params.data, model.params.data);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_one_sentence() {
        let set = |path: &str, value: Value| {
            let (mut file, _) = tiny();
            match file.pointer_mut(path) {
                Some(place) => *place = value,
                None => file[&path[1..]] = value,
            }
            read_value(&file).unwrap_err().to_string()
        };
        for (path, value, expected) in [
            ("/lm_head.weight", Value::Null, "not as a minGPT is written: invalid type: null"),
            ("/lm_head.bias", tensor(&[1], &[1.0]), "tensor lm_head.bias: it is none that the configuration asks for"),
            ("/lm_head.weight", tensor(&[8, 5], &[1.0; 40]), "its shape is [8, 5] where the configuration asks for [5, 8]"),
            ("/lm_head.weight", tensor(&[5, 8], &[1.0; 39]), "its data has 156 bytes, which do not fill the shape [5, 8]"),
            ("/lm_head.weight", tensor(&[5, 8], &[f32::INFINITY; 40]), "it holds inf at element 0"),
            ("/lm_head.weight/dtype", json!("torch.int64"), "its type is \"torch.int64\""),
            ("/lm_head.weight/data", json!("?"), "its data is not base64"),
            ("/config/n_layer", json!(3), "tensor transformer.h.2.ln_1.weight: it is missing"),
            ("/config/n_layer", json!(-3), "invalid value: integer `-3`"),
            ("/config/n_head", json!(3), "n_embd 8 is no multiple of n_head 3"),
            ("/config/n_head", json!(0), "n_embd 8 is no multiple of n_head 0"),
            ("/config/n_head", json!(8), "head_dim 1 is odd"),
            ("/config/vocab_size", json!(1 << 24), "its shape is [5, 8] where the configuration asks for [16777216, 8]"),
            ("/config/n_embd", json!(1 << 24), "intermediate_size is 67108864"),
            ("/config/block_size", json!(u64::MAX), "max_position_embeddings is 18446744073709551615"),
        ] {
            let message = set(path, value);
            assert!(message.contains(expected) && message.contains("model.json"), "{path}: {message}");
        }
        let text = tiny().0.to_string();
        for length in (0..text.len()).step_by(7) {
            let message = read(Path::new("model.json"), &text.as_bytes()[..length]).unwrap_err().to_string();
            assert!(message.contains("model.json is damaged at line 1"), "{message}");
        }
    }

    /// Intermediate values by their names in the file that belongs to the sorter.
    struct Partials(HashMap<String, Tensor>);

    impl Partials {
        #[track_caller]
        fn check(&self, name: &str, found: &[f32]) {
            self.check_where(name, found, |_| true);
        }

        /// Compares the elements of which this is true.
        #[track_caller]
        fn check_where(&self, name: &str, found: &[f32], compared: impl Fn(usize) -> bool) {
            let expected = self.0[name].values().unwrap();
            assert_eq!(found.len(), expected.len(), "{name}");
            let pairs = || found.iter().zip(&expected).enumerate().filter(|(at, _)| compared(*at)).map(|(_, pair)| pair);
            let difference: f64 = pairs().map(|(&f, &e)| (f64::from(f) - f64::from(e)).powi(2)).sum();
            let norm: f64 = pairs().map(|(_, &e)| f64::from(e).powi(2)).sum();
            let error = (difference / norm).sqrt();
            eprintln!("{name}: {error:.1e}");
            assert!(error < 1e-4, "{name}: relative error {error:e}");
        }
    }

    /// Columns of rows of `width` numbers, (B T, H D), as (B, H, T, D).
    fn by_heads(rows: &[f32], width: usize, columns: Range<usize>, t: usize, d: usize) -> Vec<f32> {
        let mut out = Vec::new();
        for sequence in rows.chunks(t * width) {
            for head in columns.clone().step_by(d) {
                out.extend(sequence.chunks(width).flat_map(|row| &row[head..head + d]));
            }
        }
        out
    }

    /// Set to the folder of the sorter's files where this check must not be skipped.
    const MODELS: &str = "SCHOOLHOUSE_MODELS";

    /// All intermediate values of llm-viz's sorter, where its files lie beside the workspace.
    #[test]
    fn the_sorters_intermediate_values_are_pytorchs() {
        let required = std::env::var_os(MODELS).map(std::path::PathBuf::from);
        let folder = required.clone().unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/models"));
        let read_file = |name: &str| std::fs::read(folder.join(name));
        let (Ok(model), Ok(partials)) = (read_file("gpt-nano-sort-model.json"), read_file("gpt-nano-sort-t0-partials.json")) else {
            assert!(required.is_none(), "{MODELS} names {}, and the sorter's files are not there", folder.display());
            eprintln!("SKIPPED: the sorter's files are not in ../shared/data/models; {MODELS} may name another folder");
            return;
        };
        let model = read(Path::new("gpt-nano-sort-model.json"), &model).unwrap();
        let partials = Partials(serde_json::from_slice::<File>(&partials).unwrap().tensors);
        let tokens: Vec<u32> = partials.0["idx"].values().unwrap().iter().map(|&id| id as u32).collect();
        let Config { hidden_size: c, n_heads: h, head_dim: d, vocab_size: vocab, context: t, .. } = model.config;
        let mut acts = Activations::new(&model.config, tokens.len() / t, t);
        model.forward(&tokens, &mut acts);

        // Only the first block's own values are there.
        let block = &acts.blocks[0];
        partials.check("x", &block.residual);
        partials.check("ln1", &block.normed);
        partials.check("qkv", &block.qkv);
        let (q, k) = (by_heads(&block.q, c, 0..c, t, d), by_heads(&block.k, c, 0..c, t, d));
        partials.check("q", &q);
        partials.check("k", &k);
        partials.check("v", &by_heads(&block.qkv, 3 * c, 2 * c..3 * c, t, d));
        // Scores and probabilities of attention never exist whole: they are made here, from q, k and the sums that attention keeps.
        let (mut scores, mut shares) = (Vec::new(), Vec::new());
        for head in 0..tokens.len() / t * h {
            for (row, column) in (0..t * t).map(|at| (head * t + at / t, head * t + at % t)) {
                let products = q[row * d..][..d].iter().zip(&k[column * d..][..d]).map(|(q, k)| q * k);
                let score = products.sum::<f32>() / (d as f32).sqrt();
                scores.push(score);
                shares.push(if column <= row { (score - block.lse[row]).exp() } else { 0.0 });
            }
        }
        partials.check_where("att", &scores, |at| at % t <= at / t % t);
        partials.check("attSm", &shares);
        partials.check("y", &block.attended);
        partials.check("attnResid", &block.residual_mid);
        partials.check("ln2", &block.normed_mid);
        partials.check("fc", &block.up);
        partials.check("gelu", &block.gated);
        partials.check("mlpResid", &acts.blocks[1].residual);

        partials.check("block0", &acts.blocks[1].residual);
        partials.check("block1", &acts.blocks[2].residual);
        partials.check("block2", &acts.residual);
        partials.check("ln_f", &acts.hidden);
        let mut logits = vec![0.0; tokens.len() * vocab];
        let table = tensor::Mat::new(model.params.layout.head.of(&model.params.data), vocab, c);
        tensor::matmul(tensor::Mat::new(&acts.hidden, tokens.len(), c), table.t(), tensor::MatMut::new(&mut logits, tokens.len(), vocab));
        partials.check("lm_head", &logits);
        for row in logits.chunks_mut(vocab) {
            let sum: f32 = row.iter().map(|logit| logit.exp()).sum();
            row.iter_mut().for_each(|logit| *logit = logit.exp() / sum);
        }
        partials.check("probs", &logits);
    }
}
