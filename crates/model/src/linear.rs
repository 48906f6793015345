//! A matrix with its bias for sampling, in whatever number format it has, and the table of embeddings.
//!
//! Matrices that lie side by side (queries, keys and values; gate and up) are one product where they have one format.

use std::borrow::Cow;

use tensor::bias;
use tensor::quant::{self, Format, Packed};

use crate::params::{Params, TensorSpec};
use crate::stored::Stored;
use crate::{Layout, Result, Span};

/// Where weights come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'a> {
    /// From memory, in 32 bits.
    Params(&'a Params),
    /// From files, in their formats.
    Stored(&'a Stored),
}

impl Source<'_> {
    /// The rows of a tensor as they are stored, turned the way they are used.
    pub fn rows(&self, tensor: &TensorSpec) -> Result<(Format, Cow<'_, [u8]>)> {
        match self {
            Source::Params(params) => {
                let bytes = tensor.span.of(&params.data).iter().flat_map(|value| value.to_le_bytes()).collect();
                Ok((Format::F32, Cow::Owned(bytes)))
            }
            Source::Stored(stored) => stored.rows(tensor),
        }
    }

    /// The numbers of a part of the layout, none of an empty one.
    pub fn numbers(&self, layout: &Layout, span: Span) -> Result<Vec<f32>> {
        let mut numbers = vec![0.0; span.len];
        for tensor in layout.parts(span) {
            let out = &mut numbers[tensor.span.start - span.start..][..tensor.span.len];
            match self {
                Source::Params(params) => out.copy_from_slice(tensor.span.of(&params.data)),
                Source::Stored(stored) => stored.read(tensor, out)?,
            }
        }
        Ok(numbers)
    }
}

/// The format in which a matrix is kept where `wanted` is asked for: rows that no block divides take the next finer one.
pub fn possible(wanted: Format, depth: usize) -> Format {
    let fits = |format: &Format| depth.is_multiple_of(format.block_len());
    let finer = match wanted {
        Format::Q4K => &[Format::Q4K, Format::Q5_0][..],
        Format::Q5K => &[Format::Q5K, Format::Q5_0],
        Format::Q6K => &[Format::Q6K, Format::Q8_0],
        Format::Q4_0 | Format::Q5_0 | Format::Q8_0 => &[wanted],
        Format::F32 | Format::F16 | Format::Bf16 => return wanted,
    };
    finer.iter().copied().find(fits).unwrap_or(Format::F16)
}

/// Rows of `depth` numbers in another format.
pub fn converted(from: Format, bytes: &[u8], depth: usize, to: Format) -> Vec<u8> {
    let (from_bytes, to_bytes) = (from.row_bytes(depth), to.row_bytes(depth));
    let mut row = vec![0.0; depth];
    let mut out = vec![0; bytes.len() / from_bytes * to_bytes];
    for (bytes, out) in bytes.chunks_exact(from_bytes).zip(out.chunks_exact_mut(to_bytes)) {
        quant::dequantize(from, bytes, &mut row);
        quant::quantize(to, &row, out);
    }
    out
}

/// The rows of a matrix in the format that is wanted, or in a finer one, or as they are stored.
fn rows_in<'a>(source: &'a Source, tensor: &TensorSpec, wanted: Option<Format>) -> Result<(Format, Cow<'a, [u8]>)> {
    let depth = tensor.shape[1];
    let (format, bytes) = source.rows(tensor)?;
    let kept = wanted.map_or(format, |wanted| possible(wanted, depth));
    Ok((kept, if kept == format { bytes } else { Cow::Owned(converted(format, &bytes, depth, kept)) }))
}

/// A matrix and its bias, if it has one.
#[derive(Debug)]
pub(crate) struct Linear {
    /// Neighbours of different formats stand apart, each with its number of outputs.
    parts: Vec<(usize, Packed)>,
    bias: Vec<f32>,
    outs: usize,
}

impl Linear {
    /// Takes the tensors of a part of the layout, each (outs, depth), and their bias.
    pub fn load(source: Source, layout: &Layout, matrix: Span, bias: Span, wanted: Option<Format>) -> Result<Linear> {
        // What is stored as it is wanted is laid out from where it lies, without a copy between.
        let mut loaded: Vec<(Format, usize, Vec<Cow<'_, [u8]>>)> = Vec::new();
        let tensors = layout.parts(matrix);
        let depth = tensors[0].shape[1];
        for tensor in tensors {
            let (kept, bytes) = rows_in(&source, tensor, wanted)?;
            match loaded.last_mut() {
                Some((last, outs, all)) if *last == kept => {
                    *outs += tensor.shape[0];
                    all.push(bytes);
                }
                _ => loaded.push((kept, tensor.shape[0], vec![bytes])),
            }
        }
        let outs = loaded.iter().map(|(_, outs, _)| outs).sum();
        let laid_out = |(format, outs, bytes): &(Format, usize, Vec<Cow<'_, [u8]>>)| {
            let parts: Vec<&[u8]> = bytes.iter().map(|bytes| &bytes[..]).collect();
            (*outs, Packed::of_parts(*format, &parts, *outs, depth))
        };
        Ok(Linear { parts: loaded.iter().map(laid_out).collect(), bias: source.numbers(layout, bias)?, outs })
    }

    /// The matrices.
    pub fn matrices(&self) -> impl Iterator<Item = &Packed> {
        self.parts.iter().map(|(_, matrix)| matrix)
    }

    /// `out` (N, outs) = `x` (N, depth) times the matrix, and the bias.
    pub fn apply(&self, x: &[f32], out: &mut [f32]) {
        if x.is_empty() {
            return; // a pass in which no feed ends has no logits
        }
        if let [(_, matrix)] = &self.parts[..] {
            quant::linear(x, matrix, out);
        } else {
            self.apply_parts(x, out);
        }
        bias::add_bias(out, &self.bias);
    }

    /// Each part by itself, put side by side.
    fn apply_parts(&self, x: &[f32], out: &mut [f32]) {
        let rows = out.len() / self.outs;
        let mut first = 0;
        for (outs, matrix) in &self.parts {
            if rows == 1 {
                quant::linear(x, matrix, &mut out[first..first + outs]);
            } else {
                let mut part = vec![0.0; rows * outs];
                quant::linear(x, matrix, &mut part);
                for (row, part) in part.chunks_exact(*outs).enumerate() {
                    out[row * self.outs + first..][..*outs].copy_from_slice(part);
                }
            }
            first += outs;
        }
    }

    /// The rows of the tokens, for a matrix of one part that is the table of embeddings too.
    pub fn rows(&self, tokens: &[u32], c: usize, out: &mut [f32]) {
        let [(_, matrix)] = &self.parts[..] else { panic!("a matrix that is a table has one part") };
        tokens.iter().zip(out.chunks_exact_mut(c)).for_each(|(&token, out)| matrix.row(token as usize, out));
    }

    /// Adds the same to `out`. Only for what is stored in one piece.
    pub fn add(&self, x: &[f32], out: &mut [f32]) {
        let [(_, matrix)] = &self.parts[..] else { panic!("a matrix that is added to the stream has one part") };
        quant::linear_add(x, matrix, out);
        bias::add_bias(out, &self.bias);
    }
}

/// Rows of numbers, one for each token.
#[derive(Debug)]
pub(crate) struct Table {
    format: Format,
    bytes: Vec<u8>,
}

impl Table {
    /// Takes a table (V, C) of the layout.
    pub fn load(source: Source, tensor: &TensorSpec, wanted: Option<Format>) -> Result<Table> {
        let (format, bytes) = rows_in(&source, tensor, wanted)?;
        Ok(Table { format, bytes: bytes.into_owned() })
    }

    /// `out` (N, C) takes the rows of the tokens.
    pub fn rows(&self, tokens: &[u32], c: usize, out: &mut [f32]) {
        let row_bytes = self.format.row_bytes(c);
        for (&token, out) in tokens.iter().zip(out.chunks_exact_mut(c)) {
            quant::dequantize(self.format, &self.bytes[token as usize * row_bytes..][..row_bytes], out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_no_block_divides_take_a_finer_format() {
        let check = |wanted: Format, depth: usize, expected: Format| assert_eq!(possible(wanted, depth), expected, "{wanted:?} of {depth}");
        check(Format::Q4K, 512, Format::Q4K);
        check(Format::Q4K, 192, Format::Q5_0);
        check(Format::Q6K, 192, Format::Q8_0);
        check(Format::Q4_0, 192, Format::Q4_0);
        check(Format::Q8_0, 20, Format::F16);
        check(Format::Bf16, 7, Format::Bf16);
    }
}
