//! Block formats beside the gguf package and ggml: the same bytes, the same numbers, and errors no larger.

use std::collections::HashMap;

use tensor::quant::{Format, dequantize, quantize};

/// Name of a line and its bytes; scripts/golden/quants.py says what they are.
fn golden() -> HashMap<&'static str, Vec<u8>> {
    let hex = |text: &str| (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..][..2], 16).unwrap()).collect();
    include_str!("../golden/quants.txt").lines().map(|line| line.rsplit_once(' ').unwrap()).map(|(name, text)| (name, hex(text))).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&four| f32::from_le_bytes(four)).collect()
}

/// Formats that the golden file has: all but F32.
fn formats() -> impl Iterator<Item = Format> {
    Format::ALL.into_iter().filter(|format| *format != Format::F32)
}

#[test]
fn blocks_are_read_as_the_gguf_package_reads_them() {
    let golden = golden();
    for format in formats() {
        let bytes = &golden[&*format!("{} bytes", format.name())];
        let exact = floats(&golden[&*format!("{} read", format.name())]);
        let mut found = vec![f32::NAN; exact.len()];
        dequantize(format, bytes, &mut found);
        for (i, (found, exact)) in found.iter().zip(&exact).enumerate() {
            assert!(found == exact || found.is_nan() && exact.is_nan(), "{} number {i}: {found:e}, not {exact:e}", format.name());
        }
    }
}

/// Without a search there is one right answer.
#[test]
fn blocks_are_written_as_ggml_writes_them() {
    let golden = golden();
    let values = floats(&golden["values"]);
    for format in formats().filter(|format| format.block_len() <= 32) {
        let exact = &golden[&*format!("{} written", format.name())];
        let mut found = vec![0; exact.len()];
        quantize(format, &values, &mut found);
        let size = format.block_bytes();
        for (at, (found, exact)) in found.chunks(size).zip(exact.chunks(size)).enumerate() {
            assert_eq!(found, exact, "{} block {at}", format.name());
        }
    }
}

/// Norm of the difference over the norm, all blocks together and each kind of block alone: at most 1.02 times ggml's.
#[test]
fn searched_scales_are_as_good_as_ggmls() {
    let golden = golden();
    let values = floats(&golden["values"]);
    let error = |format: Format, bytes: &[u8]| -> Vec<f64> {
        let mut read = vec![f32::NAN; values.len()];
        dequantize(format, bytes, &mut read);
        let squares = |found: &[f32], exact: &[f32]| -> [f64; 2] {
            let difference = found.iter().zip(exact).map(|(&f, &e)| (f64::from(f) - f64::from(e)).powi(2)).sum::<f64>();
            [difference, exact.iter().map(|&e| f64::from(e).powi(2)).sum::<f64>()]
        };
        read.chunks(256)
            .zip(values.chunks(256))
            .map(|(found, exact)| squares(found, exact))
            .map(|[d, n]| (d / n.max(1e-30)).sqrt())
            .collect()
    };
    for format in [Format::Q4K, Format::Q5K, Format::Q6K] {
        let ggmls = error(format, &golden[&*format!("{} written", format.name())]);
        let mut bytes = vec![0; format.row_bytes(values.len())];
        quantize(format, &values, &mut bytes);
        let ours = error(format, &bytes);
        let mean = |errors: &[f64]| errors.iter().sum::<f64>() / errors.len() as f64;
        assert!(mean(&ours) <= 1.02 * mean(&ggmls), "{}: {ours:.4?}, ggml {ggmls:.4?}", format.name());
        for (ours, ggmls) in ours.iter().zip(&ggmls) {
            assert!(*ours <= 1.02 * ggmls + 1e-9, "{}: {ours:.4?}, ggml {ggmls:.4?}", format.name());
        }
    }
}
