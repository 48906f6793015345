//! llama2.c's `.bin`, version 0: seven sizes as i32, then the tensors as f32, all little-endian and without names.
//!
//! The order is that of `legacy_export` in its `export.py`: of each kind of tensor, all blocks' together. Its rotation turns
//! neighbours in a head, ours turns the halves, so the rows of queries and keys change places.

use std::collections::HashMap;
use std::path::Path;

use crate::config_file::check_sizes;
use crate::params::TensorSpec;
use crate::{Config, Error, Family, Model, Params, Result, import};

/// Bytes of the sizes.
pub const HEADER: usize = 28;

/// The sizes by llama2.c's names.
const SIZES: [&str; 7] = ["dim", "hidden_dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "seq_len"];

/// What lies in the file, in order. Tensors of blocks lack the block's prefix.
enum Part {
    Once(&'static str),
    EachBlock(&'static str),
    /// Cosines and sines of the rotation, (seq_len, head_dim / 2) each; they follow from the sizes.
    Angles,
}

const ORDER: [Part; 13] = [
    Part::Once("model.embed_tokens.weight"),
    Part::EachBlock("input_layernorm.weight"),
    Part::EachBlock(QUERIES),
    Part::EachBlock(KEYS),
    Part::EachBlock("self_attn.v_proj.weight"),
    Part::EachBlock("self_attn.o_proj.weight"),
    Part::EachBlock("post_attention_layernorm.weight"),
    Part::EachBlock("mlp.gate_proj.weight"),
    Part::EachBlock("mlp.down_proj.weight"),
    Part::EachBlock("mlp.up_proj.weight"),
    Part::Once("model.norm.weight"),
    Part::Angles,
    Part::Once("lm_head.weight"), // only where it is not the embedding table
];
const QUERIES: &str = "self_attn.q_proj.weight";
const KEYS: &str = "self_attn.k_proj.weight";

/// Reads a whole file.
pub fn read(path: &Path, bytes: &[u8]) -> Result<Model> {
    let Some(header) = bytes.first_chunk::<HEADER>() else {
        let what = format!("it has {} bytes, and a llama2.c model begins with {HEADER} bytes of sizes", bytes.len());
        return Err(Error::unsupported(path, what, import::REMEDY));
    };
    let config = config(header).map_err(|why| {
        let what = format!("its first {HEADER} bytes are not the sizes of a llama2.c model: {why}");
        Error::unsupported(path, what, import::REMEDY)
    })?;
    let expected = HEADER as u128 + 4 * count(&config);
    if bytes.len() as u128 != expected {
        let why = format!("it has {} bytes where its sizes ask for {expected}", bytes.len());
        return Err(import::damaged(path, "its end", why));
    }

    let mut params = Params::zeros(&config);
    let tensors: HashMap<&str, &TensorSpec> = params.layout.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    let mut rest = &bytes[HEADER..];
    let mut next = |len: usize| {
        let (values, after) = rest.split_at(4 * len);
        rest = after;
        values
    };
    for part in ORDER {
        let names = match part {
            Part::Once(name) => vec![name.to_string()],
            Part::EachBlock(name) => (0..config.n_layers).map(|i| format!("model.layers.{i}.{name}")).collect(),
            Part::Angles => {
                next(config.context * config.head_dim);
                continue;
            }
        };
        // The head is in the list of tensors only where it is one of its own.
        for tensor in names.iter().filter_map(|name| tensors.get(name.as_str())) {
            let out = tensor.span.of_mut(&mut params.data);
            let values = next(out.len()).as_chunks().0;
            if tensor.name.ends_with(QUERIES) || tensor.name.ends_with(KEYS) {
                let (d, c) = (config.head_dim, config.hidden_size);
                let rows = out.chunks_exact_mut(c).enumerate();
                rows.for_each(|(row, out)| widen(&values[stored_row(row, d) * c..][..c], out));
            } else {
                widen(values, out);
            }
            import::refuse_not_finite(path, &tensor.name, out)?;
        }
    }
    Ok(Model { config, params })
}

/// The configuration that a header gives, or what is wrong with it.
fn config(header: &[u8; HEADER]) -> std::result::Result<Config, String> {
    let mut sizes = [0i32; 7];
    sizes.iter_mut().zip(header.as_chunks().0).for_each(|(size, bytes)| *size = i32::from_le_bytes(*bytes));
    // A negative number of ids says that the head is no copy of the embedding table.
    let tie_embeddings = sizes[5] > 0;
    sizes[5] = sizes[5].saturating_abs();
    if let Some((name, size)) = SIZES.iter().zip(sizes).find(|&(_, size)| size <= 0 || size > 1 << 24) {
        return Err(format!("{name} is {size}"));
    }
    let [dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len] = sizes.map(|size| size as usize);
    if !dim.is_multiple_of(n_heads) {
        return Err(format!("dim {dim} is no multiple of {n_heads} heads"));
    }
    let config = Config {
        family: Family::Llama,
        vocab_size,
        hidden_size: dim,
        n_layers,
        n_heads,
        n_kv_heads,
        head_dim: dim / n_heads,
        intermediate_size: hidden_dim,
        context: seq_len,
        rope_theta: 10_000.0,
        rope_scaling: None,
        norm_eps: 1e-5,
        tie_embeddings,
    };
    check_sizes(&config)?;
    Ok(config)
}

/// Numbers in the file, in a type that no sizes overflow.
fn count(config: &Config) -> u128 {
    let of = |size: usize| size as u128;
    let (c, f, v) = (of(config.hidden_size), of(config.intermediate_size), of(config.vocab_size));
    let block = 2 * c + 2 * c * c + 2 * c * of(config.kv_width()) + 3 * c * f;
    let heads = if config.tie_embeddings { 1 } else { 2 };
    heads * v * c + of(config.n_layers) * block + c + of(config.context) * of(config.head_dim)
}

/// Where the file has a row of the queries or keys. Of heads of `head_dim` rows ours has all first members of the turning pairs,
/// then all second ones; the file has the pairs one after the other.
fn stored_row(row: usize, head_dim: usize) -> usize {
    let (head, within) = (row / head_dim, row % head_dim);
    let half = head_dim / 2;
    head * head_dim + 2 * (within % half) + within / half
}

fn widen(bytes: &[[u8; 4]], out: &mut [f32]) {
    out.iter_mut().zip(bytes).for_each(|(out, bytes)| *out = f32::from_le_bytes(*bytes));
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::rng::Rng;

    const TINY: [i32; 7] = [8, 6, 2, 2, 1, -5, 3];

    fn tiny() -> Config {
        config(&header(TINY)).unwrap()
    }

    fn header(sizes: [i32; 7]) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes.as_chunks_mut::<4>().0.iter_mut().zip(sizes).for_each(|(bytes, size)| *bytes = size.to_le_bytes());
        bytes
    }

    /// A file whose numbers are 0, 1, 2 ... in the file's order.
    fn counting_file(sizes: [i32; 7]) -> Vec<u8> {
        let mut bytes = header(sizes).to_vec();
        let n = count(&config(&header(sizes)).unwrap());
        bytes.extend((0..n).flat_map(|i| (i as f32).to_le_bytes()));
        bytes
    }

    fn read_bytes(bytes: &[u8]) -> Result<Model> {
        read(Path::new("model.bin"), bytes)
    }

    #[test]
    fn every_tensor_comes_from_its_place() {
        let model = read_bytes(&counting_file(TINY)).unwrap();
        assert_eq!(model.config, tiny());
        assert!(!model.config.tie_embeddings && model.config.head_dim == 4 && model.config.kv_width() == 4);
        let first = |name: &str| {
            let tensor = model.params.layout.tensors.iter().find(|tensor| tensor.name == name).unwrap();
            tensor.span.of(&model.params.data)[0]
        };
        // By hand: 40 of the table, then of both blocks 8 each, 64 each, 32 each, 32 each, 64 each, 8 each, 48 each three times,
        // 8 of the last norm, 12 of the angles, the head.
        for (name, expected) in [
            ("model.embed_tokens.weight", 0),
            ("model.layers.1.input_layernorm.weight", 48),
            ("model.layers.0.self_attn.q_proj.weight", 56),
            ("model.layers.1.self_attn.k_proj.weight", 216),
            ("model.layers.0.self_attn.v_proj.weight", 248),
            ("model.layers.1.self_attn.o_proj.weight", 376),
            ("model.layers.0.post_attention_layernorm.weight", 440),
            ("model.layers.0.mlp.gate_proj.weight", 456),
            ("model.layers.1.mlp.down_proj.weight", 600),
            ("model.layers.0.mlp.up_proj.weight", 648),
            ("model.norm.weight", 744),
            ("lm_head.weight", 764),
        ] {
            assert_eq!(first(name), expected as f32, "{name}");
        }
        let mut tied = TINY;
        tied[5] = 5;
        let model = read_bytes(&counting_file(tied)).unwrap();
        assert!(model.config.tie_embeddings && model.params.layout.head == model.params.layout.embed);
    }

    #[test]
    fn turned_by_halves_the_moved_rows_give_the_products_of_turned_neighbours() {
        let (d, c) = (6, 5);
        let mut rng = Rng::new(1);
        let mut random = |n: usize| (0..n).map(|_| f64::from(rng.normal())).collect::<Vec<f64>>();
        let (wq, wk, x, y) = (random(2 * d * c), random(2 * d * c), random(c), random(c));
        let product = |w: &[f64], x: &[f64]| w.chunks(c).map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum()).collect::<Vec<f64>>();
        let moved = |w: &[f64]| (0..2 * d).flat_map(|row| w[stored_row(row, d) * c..][..c].to_vec()).collect::<Vec<f64>>();
        // A head turned at a position, its j-th pair standing at `pair(j)`.
        let turned = |head: &[f64], position: usize, pair: fn(usize, usize) -> (usize, usize)| {
            let mut out = head.to_vec();
            for j in 0..d / 2 {
                let angle = position as f64 * 10_000f64.powf(-2.0 * j as f64 / d as f64);
                let (a, b) = pair(j, d);
                (out[a], out[b]) = (head[a] * angle.cos() - head[b] * angle.sin(), head[a] * angle.sin() + head[b] * angle.cos());
            }
            out
        };
        let scores = |wq: &[f64], wk: &[f64], pair: fn(usize, usize) -> (usize, usize)| -> Vec<f64> {
            let (q, k) = (product(wq, &x), product(wk, &y));
            let heads = q.chunks(d).zip(k.chunks(d));
            heads.map(|(q, k)| turned(q, 7, pair).iter().zip(turned(k, 3, pair)).map(|(q, k)| q * k).sum()).collect()
        };
        let theirs = scores(&wq, &wk, |j, _| (2 * j, 2 * j + 1));
        let ours = scores(&moved(&wq), &moved(&wk), |j, d| (j, d / 2 + j));
        let unmoved = scores(&wq, &wk, |j, d| (j, d / 2 + j));
        let far = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(far(&theirs, &ours) < 1e-12, "{theirs:?} {ours:?}");
        assert!(far(&theirs, &unmoved) > 1e-2);
        assert_eq!((0..8).map(|row| stored_row(row, 4)).collect::<Vec<_>>(), [0, 2, 1, 3, 4, 6, 5, 7]);
    }

    #[test]
    fn a_cut_or_lengthened_file_is_one_sentence_at_every_length() {
        let whole = counting_file(TINY);
        for length in 0..whole.len() {
            let message = read_bytes(&whole[..length]).unwrap_err().to_string();
            let expected = if length < HEADER { "begins with 28 bytes of sizes" } else { "model.bin is damaged at its end" };
            assert!(message.contains(expected) && message.contains(&format!("it has {length} bytes")), "{message}");
        }
        let longer = [&whole[..], &[0]].concat();
        assert!(read_bytes(&longer).unwrap_err().to_string().contains("is damaged at its end"));
        let mut not_a_number = whole;
        not_a_number[HEADER + 4 * 216..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
        let message = read_bytes(&not_a_number).unwrap_err().to_string();
        assert!(message.contains("damaged at tensor model.layers.1.self_attn.k_proj.weight: it holds NaN at element 0"), "{message}");
    }

    #[test]
    fn no_header_asks_for_more_than_the_file_holds() {
        let whole = counting_file(TINY);
        for at in 0..HEADER {
            for byte in (0..=255).filter(|&byte| byte != whole[at]) {
                let mut bytes = whole.clone();
                bytes[at] = byte;
                assert!(read_bytes(&bytes).is_err(), "byte {at} is {byte}");
            }
        }
        let mut rng = Rng::new(2);
        let values = [i32::MIN, i32::MIN + 1, -1, 0, 1, 2, 3, 8, 1 << 12, 1 << 24, (1 << 24) + 1, i32::MAX];
        for _ in 0..20_000 {
            let sizes = [(); 7].map(|()| values[rng.below(values.len())]);
            let mut bytes = whole.clone();
            bytes[..HEADER].copy_from_slice(&header(sizes));
            if let Ok(model) = read_bytes(&bytes) {
                assert_eq!(bytes.len() as u128, HEADER as u128 + 4 * count(&model.config));
            }
        }
        for (sizes, expected) in [
            ([8, 6, 2, 3, 1, 5, 3], "dim 8 is no multiple of 3 heads"),
            ([8, 6, 2, 8, 1, 5, 3], "head_dim 1 is odd"),
            ([12, 6, 2, 6, 4, 5, 3], "6 query heads are no multiple of 4"),
            ([8, -6, 2, 2, 1, 5, 3], "hidden_dim is -6"),
            ([8, 6, 2, 2, 1, i32::MIN, 3], "vocab_size is 2147483647"),
            ([8, 6, 1 << 13, 2, 1, 5, 3], "num_hidden_layers is 8192"),
        ] {
            let message = read_bytes(&header(sizes)).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        let largest = [1 << 24, 1 << 24, 1 << 12, 1, 1, 1 << 24, 1 << 24];
        assert!(read_bytes(&header(largest)).unwrap_err().to_string().contains("it has 28 bytes where its sizes ask for"));
    }
}
