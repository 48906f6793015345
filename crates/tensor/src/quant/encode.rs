//! Choosing levels and scales for numbers: what is written is as near to them as its format allows.
//!
//! Q8_0, Q4_0 and Q5_0 give the bytes that ggml's reference gives. For Q4_K, Q5_K and Q6_K the search is ggml's in kind: scales
//! by weighted least squares over a few candidates. Knows nothing of a model: every block stands for itself.

use super::formats::{self, Format, Parts};
use super::half::{f16_to_f32, f32_to_f16};

/// Writes numbers as whole blocks. A number that is not finite, or too large for a scale of binary16, spoils its block.
pub fn quantize(format: Format, values: &[f32], out_bytes: &mut [u8]) {
    formats::check(format, out_bytes.len(), values.len());
    if formats::narrow(format, values, out_bytes) {
        return;
    }
    let mut parts = Parts::default();
    for (values, block) in values.chunks_exact(format.block_len()).zip(out_bytes.chunks_exact_mut(format.block_bytes())) {
        match format {
            Format::Q4K | Format::Q5K => with_minima(format, values, &mut parts),
            Format::Q6K => without_minima(values, &mut parts),
            _ => one_scale(format, values, &mut parts),
        }
        parts.write(format, block);
    }
}

/// The number of largest magnitude, the first one among equals.
fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |best: f32, &value| if value.abs() > best.abs() { value } else { best })
}

fn inverse(scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { 1.0 / scale }
}

/// Blocks of 32 with one scale: the number of largest magnitude gets the outermost level.
fn one_scale(format: Format, values: &[f32], parts: &mut Parts) {
    let largest = largest(values);
    let (scale, zero) =
        (if format == Format::Q8_0 { largest.abs() / 127.0 } else { -largest / format.zero_level() as f32 }, format.zero_level());
    let inverse = inverse(scale);
    parts.d = f32_to_f16(scale);
    for (level, &value) in parts.levels.iter_mut().zip(values) {
        *level = match format {
            Format::Q8_0 => ((value * inverse).round() as i32 + zero) as u8,
            // Cut, not rounded, and in this order: so the bytes are ggml's.
            _ => ((value * inverse + (zero as f32 + 0.5)) as i32).clamp(0, 2 * zero - 1) as u8,
        };
    }
}

/// Q4_K and Q5_K.
fn with_minima(format: Format, values: &[f32], parts: &mut Parts) {
    let top = ((1 << format.bits()) - 1) as f32;
    let (mut scales, mut mins) = ([0.0f32; 8], [0.0f32; 8]);
    let (groups, _) = values.as_chunks::<32>();
    for (part, group) in groups.iter().enumerate() {
        (scales[part], mins[part]) = fit_line(group, top);
    }
    // Scales and minima in turn are six bits of the largest one.
    let (scale_step, min_step) = (largest(&scales) / 63.0, largest(&mins) / 63.0);
    (parts.d, parts.dmin) = (f32_to_f16(scale_step), f32_to_f16(min_step));
    let (d, dmin) = (f16_to_f32(parts.d), f16_to_f32(parts.dmin));
    let (scale_inverse, min_inverse) = (inverse(scale_step), inverse(min_step));
    for (part, group) in groups.iter().enumerate() {
        let nearest_scale = (scales[part] * scale_inverse).round_ties_even().clamp(0.0, 63.0) as i32;
        let nearest_min = (mins[part] * min_inverse).round_ties_even().clamp(0.0, 63.0) as i32;
        let weights = weights(group);
        let mut least = f32::INFINITY;
        // Rounding both moves the line, so its neighbours may be nearer.
        for (scale, min) in [0, -1, 1].into_iter().flat_map(|by| [0, -1, 1].map(|min_by| (nearest_scale + by, nearest_min + min_by))) {
            if !(0..=63).contains(&scale) || !(0..=63).contains(&min) {
                continue;
            }
            let (by_level, min_value) = (d * scale as f32, dmin * min as f32);
            let per_value = inverse(by_level);
            let levels = group.map(|x| ((x + min_value) * per_value).round_ties_even().clamp(0.0, top));
            let error: f32 = (0..32).map(|i| weights[i] * (by_level * levels[i] - min_value - group[i]).powi(2)).sum();
            if error < least {
                least = error;
                (parts.scales[part], parts.mins[part]) = (scale as i8, min as u8);
                parts.levels[part * 32..].iter_mut().zip(levels).for_each(|(to, level)| *to = level as u8);
            }
        }
    }
}

/// How much a number's error counts.
fn weights(values: &[f32; 32]) -> [f32; 32] {
    let root_mean_square = (values.iter().map(|x| x * x).sum::<f32>() / 32.0).sqrt();
    values.map(|x| root_mean_square + x.abs())
}

/// The scale, and what is taken off (not below 0), with which levels from 0 to `top` come nearest to the numbers, large ones
/// weighing more. For each of some steps between levels the best line through (level, number) is known in closed form.
fn fit_line(values: &[f32; 32], top: f32) -> (f32, f32) {
    /// How far beyond `top` levels the range is stretched or shrunk, in tenths of a level.
    const TENTHS: std::ops::RangeInclusive<i32> = -10..=10;
    let weights = weights(values);
    let mut low = values.iter().copied().fold(0.0, f32::min);
    let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if high <= low {
        return (0.0, -low);
    }
    let (mut sum_w, mut sum_x) = (0.0, 0.0);
    for (&x, &w) in values.iter().zip(&weights) {
        sum_w += w;
        sum_x += w * x;
    }
    let mut best = ((high - low) / top, low);
    let mut least = f32::INFINITY;
    for tenths in TENTHS {
        let steps = (top + 0.1 * tenths as f32) / (high - low);
        let levels = values.map(|x| (steps * (x - low)).round_ties_even().clamp(0.0, top));
        let (mut sum_l, mut sum_ll, mut sum_xl) = (0.0, 0.0, 0.0);
        for i in 0..32 {
            sum_l += weights[i] * levels[i];
            sum_ll += weights[i] * levels[i] * levels[i];
            sum_xl += weights[i] * levels[i] * values[i];
        }
        let determinant = sum_w * sum_ll - sum_l * sum_l;
        if determinant <= 0.0 {
            continue;
        }
        let mut scale = (sum_w * sum_xl - sum_x * sum_l) / determinant;
        let mut start = (sum_ll * sum_x - sum_l * sum_xl) / determinant;
        if start > 0.0 {
            (scale, start) = (sum_xl / sum_ll, 0.0);
        }
        let error: f32 = (0..32).map(|i| weights[i] * (scale * levels[i] + start - values[i]).powi(2)).sum();
        if error < least {
            (least, best) = (error, (scale, start));
            // Later candidates start from the better line, as ggml's do.
            low = start;
        }
    }
    (best.0, -best.1)
}

/// Q6_K.
fn without_minima(values: &[f32], parts: &mut Parts) {
    let (groups, _) = values.as_chunks::<16>();
    let mut scales = [0.0f32; 16];
    for (scale, group) in scales.iter_mut().zip(groups) {
        *scale = fit_scale(group);
    }
    // The scale of largest magnitude gets -128, the outermost number of eight bits.
    let step = -largest(&scales) / 128.0;
    parts.d = f32_to_f16(step);
    let (d, step_inverse) = (f16_to_f32(parts.d), inverse(step));
    for (part, group) in groups.iter().enumerate() {
        let nearest = (scales[part] * step_inverse).round_ties_even().clamp(-128.0, 127.0) as i32;
        let mut least = f32::INFINITY;
        for scale in [nearest, nearest - 1, nearest + 1].into_iter().filter(|scale| (-128..=127).contains(scale)) {
            let by_level = d * scale as f32;
            let per_value = inverse(by_level);
            let levels = group.map(|x| (x * per_value).round_ties_even().clamp(-32.0, 31.0));
            let error: f32 = (0..16).map(|i| group[i] * group[i] * (by_level * levels[i] - group[i]).powi(2)).sum();
            if error < least {
                least = error;
                parts.scales[part] = scale as i8;
                parts.levels[part * 16..].iter_mut().zip(levels).for_each(|(to, level)| *to = (level + 32.0) as u8);
            }
        }
    }
}

/// The scale with which levels from -32 to 31 come nearest to the numbers, weighed by their squares.
fn fit_scale(values: &[f32; 16]) -> f32 {
    let largest = largest(values);
    // Below this the inverse would not be finite.
    if largest.abs() < 1e-15 {
        return 0.0;
    }
    let (mut best, mut best_scale) = (0.0, 0.0);
    for tenths in -9..=9 {
        let steps = -(32.0 + 0.1 * tenths as f32) / largest;
        let (mut sum_ll, mut sum_xl) = (0.0, 0.0);
        for &x in values {
            let level = (steps * x).round_ties_even().clamp(-32.0, 31.0);
            let weighted = x * x * level;
            sum_ll += weighted * level;
            sum_xl += weighted * x;
        }
        // With the best scale for these levels, this is what they take off the weighted sum of squares.
        if sum_ll > 0.0 && sum_xl * sum_xl > best * sum_ll {
            best_scale = sum_xl / sum_ll;
            best = best_scale * sum_xl;
        }
    }
    best_scale
}
