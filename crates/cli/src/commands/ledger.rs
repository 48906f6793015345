//! A file of rows that grows while a command works, with what was refused beside it: a call with the same file goes on behind them.
//!
//! Knows of a row only its `id`.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::bail;
use base::hold::Hold;
use base::jsonl::{self, JsonLog};
use serde::{Deserialize, Serialize};

/// What became of everything so far.
pub struct Ledger {
    kept: JsonLog,
    _hold: Hold,
    refused: PathBuf,
    /// By id: why it was refused, nothing where it was kept.
    fates: HashMap<String, Option<String>>,
}

/// What every row has.
#[derive(Deserialize)]
struct Row {
    id: String,
}

/// A row of the file of what was refused.
#[derive(Serialize, Deserialize)]
struct Refused {
    id: String,
    why: String,
    /// What was answered.
    text: String,
}

impl Ledger {
    /// Opens `NAME.jsonl` and `NAME.refused.jsonl`, and cuts off what a kill left half-written.
    pub fn open(out: &Path) -> anyhow::Result<Ledger> {
        let Some(name) = out.file_name().map(|name| name.to_string_lossy()) else { bail!("--out {} names no file", out.display()) };
        if name.ends_with(".gz") {
            bail!("--out {} grows row by row, which a gzipped file cannot; leave the .gz away", out.display());
        }
        let refused = out.with_file_name(format!("{}.refused.jsonl", name.strip_suffix(".jsonl").unwrap_or(&name)));
        let log = JsonLog::append_to(out)?;
        let hold = Hold::take(out)?;
        let kept: Vec<Row> = jsonl::resume(out)?;
        let mut fates: HashMap<String, Option<String>> = kept.into_iter().map(|row| (row.id, None)).collect();
        for row in jsonl::resume::<Refused>(&refused)? {
            fates.insert(row.id, Some(row.why));
        }
        Ok(Ledger { kept: log, _hold: hold, refused, fates })
    }

    /// Whether this was dealt with.
    pub fn has(&self, id: &str) -> bool {
        self.fates.contains_key(id)
    }

    /// Stores a row, which has this `id`.
    pub fn keep(&mut self, id: &str, row: &impl Serialize) -> base::Result<()> {
        self.kept.write(row)?;
        self.fates.insert(id.to_owned(), None);
        Ok(())
    }

    /// Stores why there is no row.
    pub fn refuse(&mut self, id: &str, why: impl Into<String>, text: &str) -> base::Result<()> {
        let row = Refused { id: id.to_owned(), why: why.into(), text: text.to_owned() };
        JsonLog::append_to(&self.refused)?.write(&row)?; // opened each time, so that nothing refused means no file
        self.fates.insert(row.id, Some(row.why));
        Ok(())
    }

    /// How many of these were kept, in a sentence that `what` ends, and below it why others were not, most first.
    pub fn table<'a>(&self, ids: impl Iterator<Item = &'a str>, what: &str) -> String {
        let (mut asked, mut reasons) = (0, BTreeMap::new());
        for id in ids {
            asked += 1;
            if let Some(Some(why)) = self.fates.get(id) {
                *reasons.entry(why.as_str()).or_insert(0) += 1;
            }
        }
        let refused: usize = reasons.values().sum();
        let mut reasons: Vec<(&str, usize)> = reasons.into_iter().collect();
        reasons.sort_by_key(|&(_, n)| std::cmp::Reverse(n));
        let rows: String = reasons.iter().map(|(why, n)| format!("\n{n:>8}  {why}")).collect();
        let told = if refused > 0 { format!("\n{refused} refused, each in {}", self.refused.display()) } else { String::new() };
        format!("{} of {asked} {what}{rows}{told}", asked - refused)
    }
}
