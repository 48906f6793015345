//! What the server counts, as Prometheus reads it; the names are vLLM's where they fit.
//!
//! Models' threads count, and a route shows. Times are kept in histograms, never one by one.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use engine::Work;

use crate::App;

/// Upper bounds of the histograms' buckets, in seconds.
const TO_FIRST_TOKEN: &[f64] = &[0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0];
const BETWEEN_TOKENS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5];
const WHOLE: &[f64] = &[0.1, 0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 300.0];

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Where the model or a stop text ended the answer.
    Stop,
    /// At a limit.
    Length,
    /// Its client went away, it took too long, or it failed.
    Abort,
}

impl Outcome {
    const ALL: [Outcome; 3] = [Outcome::Stop, Outcome::Length, Outcome::Abort];

    fn name(self) -> &'static str {
        match self {
            Outcome::Stop => "stop",
            Outcome::Length => "length",
            Outcome::Abort => "abort",
        }
    }
}

/// What is counted of all models.
#[derive(Clone, Default)]
pub(crate) struct Metrics(Arc<Mutex<BTreeMap<String, Arc<ModelMetrics>>>>);

/// What is counted of one model, over all the times it was loaded.
#[derive(Default)]
pub(crate) struct ModelMetrics(Mutex<Counts>);

struct Counts {
    running: usize,
    waiting: usize,
    prompt_tokens: usize,
    generation_tokens: usize,
    steps: usize,
    read: usize,
    reused: usize,
    /// What the engine that runs now has told so far.
    work: Work,
    ended: [usize; Outcome::ALL.len()],
    first: Histogram,
    between: Histogram,
    whole: Histogram,
}

impl Default for Counts {
    fn default() -> Counts {
        let (first, between, whole) = (Histogram::new(TO_FIRST_TOKEN), Histogram::new(BETWEEN_TOKENS), Histogram::new(WHOLE));
        let (running, waiting, prompt_tokens, generation_tokens, steps, read, reused, work, ended) = Default::default();
        Counts { running, waiting, prompt_tokens, generation_tokens, steps, read, reused, work, ended, first, between, whole }
    }
}

impl Metrics {
    /// The counts of a model.
    pub fn model(&self, id: &str) -> Arc<ModelMetrics> {
        let mut models = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        models.entry(id.to_owned()).or_default().clone()
    }

    /// All of it, in Prometheus' text format.
    pub fn text(&self) -> String {
        let models = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut page = Page::default();
        for (id, metrics) in &models {
            page.model(id, &metrics.counts());
        }
        page.text()
    }
}

impl ModelMetrics {
    /// An id was drawn so long after the one before, or after the request.
    pub fn token(&self, lap: Duration, is_first: bool) {
        let mut counts = self.counts();
        counts.generation_tokens += 1;
        let histogram = if is_first { &mut counts.first } else { &mut counts.between };
        histogram.add(lap.as_secs_f64());
    }

    /// A request ended.
    pub fn ended(&self, outcome: Outcome, whole: Duration, prompt_tokens: usize) {
        let mut counts = self.counts();
        counts.ended[outcome as usize] += 1;
        counts.prompt_tokens += prompt_tokens;
        counts.whole.add(whole.as_secs_f64());
    }

    /// What is being done, and what the engine has done since it was made.
    pub fn load(&self, running: usize, waiting: usize, work: Work) {
        let mut counts = self.counts();
        (counts.running, counts.waiting) = (running, waiting);
        counts.steps += work.steps.saturating_sub(counts.work.steps);
        counts.read += work.read.saturating_sub(counts.work.read);
        counts.reused += work.reused.saturating_sub(counts.work.reused);
        counts.work = work;
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often something took how long.
struct Histogram {
    bounds: &'static [f64],
    /// One more than bounds: what is beyond them all.
    buckets: Vec<usize>,
    sum: f64,
}

impl Histogram {
    fn new(bounds: &'static [f64]) -> Histogram {
        Histogram { bounds, buckets: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    fn add(&mut self, seconds: f64) {
        self.buckets[self.bounds.partition_point(|&bound| bound < seconds)] += 1;
        self.sum += seconds;
    }
}

/// The text, metric by metric: all lines of a metric stand together, whatever their model.
#[derive(Default)]
struct Page(BTreeMap<&'static str, (&'static str, &'static str, String)>);

impl Page {
    fn model(&mut self, id: &str, counts: &Counts) {
        let model = format!("model_name=\"{}\"", escape(id));
        let mut number = |name, kind, help, value: usize| self.line(name, kind, help, format_args!("{name}{{{model}}} {value}\n"));
        number("vllm:num_requests_running", "gauge", "Requests that are being answered.", counts.running);
        number("vllm:num_requests_waiting", "gauge", "Requests that wait for a place.", counts.waiting);
        number("vllm:prompt_tokens_total", "counter", "Tokens of prompts of requests that ended.", counts.prompt_tokens);
        number("vllm:generation_tokens_total", "counter", "Tokens that were drawn.", counts.generation_tokens);
        number("vllm:prefix_cache_hits_total", "counter", "Tokens that were taken over from the cache.", counts.reused);
        number("vllm:prefix_cache_queries_total", "counter", "Tokens that were read or taken over.", counts.read + counts.reused);
        number("schoolhouse:steps_total", "counter", "Passes of the model.", counts.steps);
        for outcome in Outcome::ALL {
            let (name, value) = ("vllm:request_success_total", counts.ended[outcome as usize]);
            let line = format!("{name}{{{model},finished_reason=\"{}\"}} {value}\n", outcome.name());
            self.line(name, "counter", "Requests that ended, by how.", format_args!("{line}"));
        }
        self.histogram("vllm:time_to_first_token_seconds", "Time to the first token.", &model, &counts.first);
        self.histogram("vllm:inter_token_latency_seconds", "Time from token to token.", &model, &counts.between);
        self.histogram("vllm:e2e_request_latency_seconds", "Time to the end of the answer.", &model, &counts.whole);
    }

    fn histogram(&mut self, name: &'static str, help: &'static str, model: &str, histogram: &Histogram) {
        let mut lines = String::new();
        let mut count = 0;
        let bounds = histogram.bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
        for (bound, bucket) in bounds.zip(&histogram.buckets) {
            count += bucket;
            lines += &format!("{name}_bucket{{{model},le=\"{bound}\"}} {count}\n");
        }
        lines += &format!("{name}_sum{{{model}}} {}\n{name}_count{{{model}}} {count}\n", histogram.sum);
        self.line(name, "histogram", help, format_args!("{lines}"));
    }

    fn line(&mut self, name: &'static str, kind: &'static str, help: &'static str, line: std::fmt::Arguments) {
        let (_, _, lines) = self.0.entry(name).or_insert((kind, help, String::new()));
        _ = lines.write_fmt(line); // a String takes it all
    }

    fn text(self) -> String {
        let metric = |(name, (kind, help, lines))| format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}");
        self.0.into_iter().map(metric).collect()
    }
}

/// The value of a label.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// `/metrics`.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/metrics", get(show))
}

async fn show(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_metric_stand_together_and_buckets_add_up() {
        let metrics = Metrics::default();
        for (id, seconds) in [("a/\"b\"", 0.02), ("c", 99.0)] {
            let model = metrics.model(id);
            model.token(Duration::from_secs_f64(seconds), true);
            model.ended(Outcome::Length, Duration::from_secs(1), 7);
            model.load(1, 2, Work { steps: 3, read: 4, reused: 5 });
            model.load(0, 0, Work { steps: 5, read: 6, reused: 7 });
        }
        let text = metrics.text();
        for line in [
            "vllm:num_requests_running{model_name=\"c\"} 0",
            "vllm:prompt_tokens_total{model_name=\"a/\\\"b\\\"\"} 7",
            "vllm:prefix_cache_queries_total{model_name=\"c\"} 13",
            "schoolhouse:steps_total{model_name=\"c\"} 5",
            "vllm:request_success_total{model_name=\"c\",finished_reason=\"length\"} 1",
            "vllm:time_to_first_token_seconds_bucket{model_name=\"a/\\\"b\\\"\",le=\"0.01\"} 0",
            "vllm:time_to_first_token_seconds_bucket{model_name=\"a/\\\"b\\\"\",le=\"0.02\"} 1",
            "vllm:time_to_first_token_seconds_bucket{model_name=\"c\",le=\"30\"} 0",
            "vllm:time_to_first_token_seconds_bucket{model_name=\"c\",le=\"+Inf\"} 1",
            "vllm:time_to_first_token_seconds_count{model_name=\"c\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert_eq!(text.matches("# TYPE vllm:num_requests_running gauge").count(), 1);
    }
}
