//! The summary at the end of a run: one line a stage, the report's table, what it took, and how to go on.
//!
//! Reads the files of the run only, so that it tells the same after a run that was interrupted.

use std::path::Path;

use anyhow::Result;
use base::jsonl::read_jsonl;
use tasks::card::Card;
use tokenizer::shards::{SHARDS_FILE, ShardsInfo};
use train::trainer::{MetricsRow, TimingRow};

use crate::commands::rl;
use crate::stages::{RunFolder, Stage};

/// Billions of floating-point operations per second to which wall times are converted, so that they compare.
const COMMON_RATE: f64 = 150.0;

/// The whole text.
pub fn text(folder: &RunFolder, stages: &[Stage], price_per_hour: Option<f64>) -> Result<String> {
    let times = folder.times()?;
    let mut text = String::new();
    for &stage in stages {
        let seconds = times.get(&stage).copied().unwrap_or_default();
        text.push_str(&format!("{:<10} {seconds:>8.1} s   {}\n", stage.name(), came_out(stage, &folder.of(stage))?));
    }
    let total: f64 = times.values().sum();
    text.push_str(&format!("{:<10} {total:>8.1} s", "in all"));
    if let Some(price) = price_per_hour {
        text.push_str(&format!(", {:.4} at {price} an hour", price * total / 3600.0));
    }
    if let Some(bytes) = base::process::peak_memory() {
        text.push_str(&format!("; at most {:.2} GB of memory in this process", bytes as f64 / 1e9));
    }
    if let Some(rate) = gemm_rate(folder, stages)? {
        text.push_str(&format!(
            "\n{:<10} matrix products alone ran at {rate:.0} GFLOP/s; at {COMMON_RATE} this is {:.0} s",
            "",
            total * rate / COMMON_RATE
        ));
    }
    text.push_str("\n\n");

    let card: Card = base::files::read_json(&folder.of(Stage::Report).join("report.json"))?;
    let table = tasks::card::table(&card.models);
    if !table.is_empty() {
        text.push_str(&table);
        text.push('\n');
    }
    // The name that the binary was called by, so that the line can be pasted.
    let program = std::env::args().next().unwrap_or_else(|| "schoolhouse".to_string());
    text.push_str(&format!("report: {}\n", folder.of(Stage::Report).join("report.html").display()));
    text.push_str(&format!("talk:   {}\n", talk_command(&program, folder, stages)));
    Ok(text)
}

/// How fast the machine computed matrix products while the models trained, in GFLOP/s: the mean of what was measured
/// between steps. Times of different machines, and of a busy one, compare by it.
fn gemm_rate(folder: &RunFolder, stages: &[Stage]) -> Result<Option<f64>> {
    let mut rates = Vec::new();
    for stage in stages.iter().filter(|stage| matches!(stage, Stage::Base | Stage::Sft | Stage::Assistant | Stage::Rl)) {
        let path = folder.of(*stage).join(train::checkpoint::TIMING);
        // A line torn by a kill costs that line.
        rates.extend(read_jsonl::<TimingRow>(&path)?.flatten().filter_map(|row| row.gemm_gflops));
    }
    Ok((!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64))
}

/// The command that talks to the result, or lets it go on where it was never taught to answer.
pub fn talk_command(program: &str, folder: &RunFolder, stages: &[Stage]) -> String {
    if let Some(&stage) = [Stage::Rl, Stage::Assistant, Stage::Sft].iter().find(|stage| stages.contains(stage)) {
        format!("{program} chat --model {}", folder.of(stage).display())
    } else {
        format!("{program} complete --model {} --prompt \"Once upon a time\"", folder.of(Stage::Base).display())
    }
}

/// Bits a byte on held-out pages before a training stage and after it, from its log; nothing where none were measured.
pub fn held_out(stage: &Path) -> Result<Option<(f64, f64)>> {
    let rows = read_jsonl::<MetricsRow>(&stage.join(train::checkpoint::METRICS))?;
    let measured: Vec<f64> = rows.flatten().filter_map(|row| row.val_bpb).collect();
    Ok(measured.first().copied().zip(measured.last().copied()))
}

/// What a stage made, in a few words.
fn came_out(stage: Stage, path: &Path) -> Result<String> {
    Ok(match stage {
        Stage::World => {
            let world: world::Summary = base::files::read_json(&path.join("world.json"))?;
            let sum = |counts: &std::collections::BTreeMap<String, usize>| counts.values().sum::<usize>();
            format!(
                "{} pages, {} conversations, {} problems, and the key to {} facts",
                sum(&world.pages),
                sum(&world.conversations),
                sum(&world.problems),
                sum(&world.facts)
            )
        }
        Stage::Crawl => {
            let counts: corpus::crawl::counts::Counts = base::files::read_json(&path.join(corpus::crawl::COUNTS))?;
            format!("{} pages of {} servers, {} bytes", counts.pages, counts.servers.len(), counts.bytes)
        }
        Stage::Documents => {
            let funnel: corpus::funnel::Funnel = base::files::read_json(&path.join(corpus::curate::FUNNEL))?;
            let (records, documents) = (funnel.input.records, funnel.output.documents);
            format!("{documents} documents of {records} records pass the profile {}", funnel.profile)
        }
        Stage::Tokenizer => format!("a vocabulary of {}", tokenizer::Tokenizer::load(path)?.vocab_size()),
        Stage::Shards => {
            let info: ShardsInfo = base::files::read_json(&path.join(SHARDS_FILE))?;
            let bytes_per_token = info.train.text_bytes as f64 / info.train.tokens.max(1) as f64;
            format!("{} tokens to read, {} held out, {bytes_per_token:.2} bytes a token", info.train.tokens, info.val.tokens)
        }
        Stage::Base | Stage::Sft | Stage::Assistant => {
            let mut last_loss = None;
            let mut steps = 0;
            for row in read_jsonl::<MetricsRow>(&path.join(train::checkpoint::METRICS))? {
                let row = row?;
                steps = row.step;
                last_loss = row.loss.or(last_loss);
            }
            let loss = last_loss.map_or(String::new(), |loss| format!(", loss {loss:.3}"));
            let held_out = match (stage, held_out(path)?) {
                (_, None) => String::new(),
                // What replay is for.
                (Stage::Sft | Stage::Assistant, Some((before, after))) => {
                    format!(", {before:.3} -> {after:.3} bits a byte on held-out pages")
                }
                (_, Some((_, after))) => format!(", {after:.3} bits a byte on held-out pages"),
            };
            format!("{steps} steps{loss}{held_out}")
        }
        Stage::Probe => {
            let probed: crate::commands::probe::Summary = base::files::read_json(&path.join(crate::commands::probe::SUMMARY))?;
            probed.in_short()
        }
        Stage::Rl => rl::in_short(path)?,
        Stage::Report => "report.html, report.md, report.json".to_string(),
    })
}
