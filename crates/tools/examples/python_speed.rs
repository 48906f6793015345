//! What one call of the Python tool costs: `python_speed PROGRAM [ARGUMENT...]`, as in `python_speed schoolhouse python-child`.
//!
//! Prints the median and the extremes of calls one after the other, of a program that does nothing and of one that counts.

use std::time::Instant;

use engine::Tool;
use tools::python::{Limits, Python};

const CALLS: usize = 101;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((program, rest)) = arguments.split_first() else {
        eprintln!("usage: python_speed PROGRAM [ARGUMENT...]");
        return;
    };
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let tool = Python::new(program, &rest, Limits::default());
    for code in ["1", "sum(n * n for n in range(10000))"] {
        let mut times: Vec<f64> = Vec::new();
        let mut answer = String::new();
        for _ in 0..CALLS {
            let begun = Instant::now();
            answer = tool.call(code).text;
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        times.sort_by(f64::total_cmp);
        println!("{code}  ->  {answer}: {:.2} ms ({:.2} to {:.2})", times[CALLS / 2], times[0], times[CALLS - 1]);
    }
}
