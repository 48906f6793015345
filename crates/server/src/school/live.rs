//! A run followed while it happens: its logs are looked at twice a second, and what is new is sent as server-sent events.
//!
//! Events: `overview` (how far the run is, where that changed) and `rows` (new rows of a log; `restarted` where the log begins anew).
//! The id of the last event of a look says how far every log has been read, so that a page that lost its connection goes on from there.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::response::sse::Event;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::curves::{self, LOGS, Metrics, Sample, Timing};
use super::files;
use super::run::{Overview, Run, TRAINED};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// Bytes of a log that are taken at one look.
const MOST_BYTES: u64 = 256 << 10;
/// Events that wait for a slow reader; then the reading of files waits too.
const WAITING: usize = 16;

/// How far each log has been read: `base.metrics:1234,base.samples:99`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cursor(BTreeMap<(&'static str, &'static str), u64>);

impl Cursor {
    /// Reads a cursor; what is none is passed over, so that a strange one begins at the beginning.
    pub fn parse(text: &str) -> Cursor {
        let place = |part: &str| {
            let (log, end) = part.split_once(':')?;
            let (stage, log) = log.split_once('.')?;
            let stage = TRAINED.into_iter().find(|name| *name == stage)?;
            let log = LOGS.into_iter().find(|name| *name == log)?;
            Some(((stage, log), end.parse().ok()?))
        };
        Cursor(text.split(',').take(TRAINED.len() * LOGS.len()).filter_map(place).collect())
    }

    /// As it is sent.
    pub fn text(&self) -> String {
        let parts: Vec<String> = self.0.iter().map(|((stage, log), end)| format!("{stage}.{log}:{end}")).collect();
        parts.join(",")
    }

    /// A log was read to here.
    pub fn set(&mut self, stage: &'static str, log: &'static str, end: u64) {
        self.0.insert((stage, log), end);
    }

    fn get(&self, stage: &'static str, log: &'static str) -> u64 {
        self.0.get(&(stage, log)).copied().unwrap_or(0)
    }
}

/// What is told to a page.
#[derive(Debug, PartialEq)]
pub enum News {
    /// How far the run is.
    Overview(Overview),
    /// New rows of a log: stage, log, whether it begins anew, and the rows.
    Rows(&'static str, &'static str, bool, Vec<String>),
}

/// Somebody who watches a run.
#[derive(Debug)]
pub struct Watch {
    run: Run,
    cursor: Cursor,
    last: Option<Overview>,
}

impl Watch {
    /// Begins where `cursor` ends.
    pub fn new(run: Run, cursor: Cursor) -> Watch {
        Watch { run, cursor, last: None }
    }

    /// How far the logs have been read.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Looks at the files. Overviews are only told where something other than the time has changed.
    pub fn look(&mut self) -> Vec<News> {
        let mut news = Vec::new();
        for stage in TRAINED {
            self.follow::<Metrics>(stage, LOGS[0], |row| row, &mut news);
            self.follow::<Timing>(stage, LOGS[1], |row| row, &mut news);
            self.follow::<Sample>(stage, LOGS[2], Sample::clipped, &mut news);
        }
        let overview = self.run.overview();
        if self.last.as_ref().is_none_or(|last| differs(last, &overview)) {
            self.last = Some(overview.clone());
            news.push(News::Overview(overview));
        }
        news
    }

    fn follow<T: DeserializeOwned + Serialize>(&mut self, stage: &'static str, log: &'static str, shape: fn(T) -> T, news: &mut Vec<News>) {
        let fresh = files::rows::<T>(&curves::log(&self.run.of(stage), log), self.cursor.get(stage, log), MOST_BYTES);
        self.cursor.set(stage, log, fresh.end);
        if fresh.restarted || !fresh.rows.is_empty() {
            let rows = fresh.rows.into_iter().filter_map(|row| serde_json::to_string(&shape(row)).ok()).collect();
            news.push(News::Rows(stage, log, fresh.restarted, rows));
        }
    }
}

/// Whether two overviews differ in more than the time that runs.
fn differs(before: &Overview, now: &Overview) -> bool {
    let timeless = |overview: &Overview| {
        let mut overview = Overview { seconds: 0.0, changed: 0, ..overview.clone() };
        overview.stages.iter_mut().for_each(|stage| stage.seconds = None);
        overview
    };
    timeless(before) != timeless(now)
}

impl News {
    fn event(&self) -> Event {
        let (name, data) = match self {
            News::Overview(overview) => ("overview", serde_json::to_string(overview).unwrap_or_default()),
            News::Rows(stage, log, restarted, rows) => {
                ("rows", format!("{{\"stage\":\"{stage}\",\"log\":\"{log}\",\"restarted\":{restarted},\"rows\":[{}]}}", rows.join(",")))
            }
        };
        Event::default().event(name).data(data)
    }
}

/// A watcher's events; dropping them ends the watching. The permit is its place among the watchers.
pub fn events(watch: Watch, permit: OwnedSemaphorePermit) -> Receiver<Event> {
    let (sender, receiver) = channel(WAITING);
    tokio::spawn(follow(watch, sender, permit));
    receiver
}

async fn follow(mut watch: Watch, sender: Sender<Event>, _permit: OwnedSemaphorePermit) {
    while !sender.is_closed() {
        let looked = tokio::task::spawn_blocking(move || {
            let news = watch.look();
            (watch, news)
        });
        let Ok((back, news)) = looked.await else { return };
        watch = back;
        let last = news.len().saturating_sub(1);
        for (at, item) in news.iter().enumerate() {
            // Who is cut off within a look is told all of it again.
            let event = if at == last { item.event().id(watch.cursor().text()) } else { item.event() };
            if sender.send(event).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::school::run;
    use crate::school::tests::{RECIPE, scratch, write};

    fn rows(news: &[News]) -> Vec<String> {
        let told = |news: &News| match news {
            News::Rows(stage, log, restarted, rows) => Some(format!("{stage} {log} {restarted} {}", rows.join(" "))),
            News::Overview(_) => None,
        };
        news.iter().filter_map(told).collect()
    }

    #[test]
    fn what_is_new_is_told_once_and_a_log_cut_back_begins_anew() {
        let runs = scratch("live");
        let folder = runs.join("demo");
        write(&folder.join("lock"), "");
        write(&folder.join("recipe.toml"), RECIPE);
        let mut watch = Watch::new(run::find(&runs, "demo").unwrap(), Cursor::default());
        let news = watch.look();
        assert!(matches!(&news[..], [News::Overview(overview)] if overview.name == "demo"));
        assert_eq!(watch.look(), []);

        let metrics = folder.join("base/metrics.jsonl");
        write(&metrics, "{\"step\":1,\"loss\":8.0}\n{\"step\":2,");
        write(&folder.join("base/started.json"), "{}");
        let news = watch.look();
        assert_eq!(rows(&news), ["base metrics false {\"step\":1,\"loss\":8.0}"]);
        assert!(matches!(&news[1], News::Overview(overview) if overview.stages[4].name == "base"));
        std::fs::OpenOptions::new().append(true).open(&metrics).unwrap().write_all(b"\"loss\":7.0}\n").unwrap();
        write(&folder.join("base/samples.jsonl"), "{\"step\":0,\"prompt\":\"Once\",\"text\":\"<script>\"}\n");
        let expected =
            ["base metrics false {\"step\":2,\"loss\":7.0}", "base samples false {\"step\":0,\"prompt\":\"Once\",\"text\":\"<script>\"}"];
        assert_eq!(rows(&watch.look()), expected);

        // Who comes back with the cursor is told nothing twice.
        let text = watch.cursor().text();
        let mut again = Watch::new(run::find(&runs, "demo").unwrap(), Cursor::parse(&text));
        assert_eq!(rows(&again.look()), Vec::<String>::new());
        write(&metrics, "{\"step\":1,\"loss\":8.0}\n");
        assert_eq!(rows(&again.look()), ["base metrics true {\"step\":1,\"loss\":8.0}"]);
    }

    #[test]
    fn strange_cursors_begin_at_the_beginning() {
        let cursor = Cursor::parse("base.metrics:12,sft.samples:7,../x:1,base.other:2,world.metrics:3,base.timing:-1,x");
        assert_eq!(cursor.text(), "base.metrics:12,sft.samples:7");
        assert_eq!(Cursor::parse(&cursor.text()), cursor);
        assert_eq!(Cursor::parse(&",".repeat(100_000)), Cursor::default());
    }
}
