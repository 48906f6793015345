//! The speed of products with quantised weights beside `decode::Panels`: one row as GB of weights a second, 512 rows as GMAC/s.
//!
//! `cargo run --release -p tensor --example quant_speed [MILLISECONDS [FORMAT...]]`. The sides take turns, and the median counts.

use std::time::Instant;

use tensor::decode::{self, Panels};
use tensor::quant::{self, Format, Packed, dequantize, quantize};

/// Outputs and depth: the attention of a small model, the MLP of a middle one, the head of a small one.
const SHAPES: [(usize, usize); 3] = [(2304, 768), (5632, 2048), (32768, 768)];
const ROWS: usize = 512;

enum Weights {
    Panels(Panels),
    Packed(Packed),
}

impl Weights {
    fn bytes(&self) -> usize {
        match self {
            Weights::Panels(panels) => panels.bytes(),
            Weights::Packed(packed) => packed.bytes(),
        }
    }

    fn linear(&self, x: &[f32], out: &mut [f32]) {
        match self {
            Weights::Panels(panels) => decode::linear(x, panels, out),
            Weights::Packed(packed) => quant::linear(x, packed, out),
        }
    }
}

/// Seconds of each side, taking turns for about `budget_ms` each, in a pool of so many threads.
fn seconds(threads: usize, rows: usize, sides: &[Weights], x: &[f32], outs: usize, budget_ms: u128) -> Vec<f64> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    pool.install(|| {
        let mut out = vec![0.0; rows * outs];
        let mut times = vec![Vec::new(); sides.len()];
        let began = Instant::now();
        while times[0].len() < 3 || began.elapsed().as_millis() < budget_ms * sides.len() as u128 {
            for (side, times) in sides.iter().zip(&mut times) {
                // A few in a row, the first of which brings the weights to the caches that can hold them.
                let repeats = if rows == 1 { 8 } else { 1 };
                side.linear(x, &mut out);
                let start = Instant::now();
                (0..repeats).for_each(|_| side.linear(x, &mut out));
                times.push(start.elapsed().as_secs_f64() / f64::from(repeats));
            }
        }
        times.into_iter().map(median).collect()
    })
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Numbers that look like weights: sums of a few uniform ones.
fn numbers(n: usize) -> Vec<f32> {
    let mut state = 1u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    (0..n).map(|_| uniform() + uniform() + uniform()).collect()
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let budget_ms: u128 = args.first().map_or(300, |text| text.parse().expect("milliseconds for each figure"));
    let wanted = |format: &Format| args.len() < 2 || args[1..].iter().any(|name| name == format.name());
    println!("{}; one row: us (GB/s of weights); {ROWS} rows: ms (GMAC/s)", tensor::instruction_set());
    for (outs, depth) in SHAPES {
        println!("\n({outs}, {depth})       MB  1 row, 1 thread    1 row, 2 threads  {ROWS} rows, 1 thread  {ROWS} rows, 2 threads");
        let matrix = numbers(outs * depth);
        let mut names = vec!["Panels"];
        let mut sides = vec![Weights::Panels(Panels::new(&matrix, outs, depth))];
        for format in Format::ALL.into_iter().filter(|format| *format != Format::F32 && wanted(format)) {
            let mut bytes = vec![0; outs * format.row_bytes(depth)];
            quantize(format, &matrix, &mut bytes);
            let packed = Packed::new(format, &bytes, outs, depth);
            let mut row = vec![0.0; depth];
            packed.row(outs - 1, &mut row);
            let mut exact = vec![0.0; depth];
            dequantize(format, &bytes[bytes.len() - format.row_bytes(depth)..], &mut exact);
            assert_eq!(row, exact, "{}", format.name());
            names.push(format.name());
            sides.push(Weights::Packed(packed));
        }
        let x = numbers(ROWS * depth);
        let figures: Vec<Vec<f64>> = [(1, 1), (2, 1), (1, ROWS), (2, ROWS)]
            .map(|(threads, rows)| seconds(threads, rows, &sides, &x[..rows * depth], outs, budget_ms))
            .to_vec();
        for (at, (name, side)) in names.iter().zip(&sides).enumerate() {
            let mb = side.bytes() as f64 / 1e6;
            let one = |seconds: f64| format!("{:8.1} ({:5.1})", seconds * 1e6, side.bytes() as f64 / seconds / 1e9);
            let many = |seconds: f64| format!("{:9.2} ({:6.1})", seconds * 1e3, (ROWS * outs * depth) as f64 / seconds / 1e9);
            println!(
                "{name:>8} {mb:13.1} {} {:>20} {:>20} {:>20}",
                one(figures[0][at]),
                one(figures[1][at]),
                many(figures[2][at]),
                many(figures[3][at])
            );
        }
    }
}
