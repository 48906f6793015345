//! The filters that look at one record alone, in their order: a record in, a verdict out.
//!
//! A pure function: what it says depends on the record and the rules, and on nothing before it.

use std::time::Instant;

use super::Profile;
use crate::documents::Document;
use crate::language::{Detector, Doubt};
use crate::minhash::{self, Signature};
use crate::record::Content;
use crate::url::UrlLists;
use crate::warc::WarcRecord;
use crate::words::split_words;
use crate::{Reason, c4, duplicates, extract, fineweb, gopher_quality, gopher_repetition, language, record, url};

/// The filters' settings, shared by the workers.
pub struct Rules {
    /// Languages that stay.
    pub languages: Vec<String>,
    /// What tells them.
    pub detector: Detector,
    /// A language with no more than this score is not believed.
    pub language_threshold: f64,
    /// Addresses that do not.
    pub url_lists: UrlLists,
}

/// The steps in their order, as `funnel.json` names them. The last ones see all documents.
pub const STEPS: [&str; 9] =
    ["record", "url", "extract", "language", "gopher_repetition", "gopher_quality", "c4", "fineweb", EXACT_DUPLICATE];
/// The step that drops texts that were there before.
pub const EXACT_DUPLICATE: &str = "exact_duplicate";
/// The step that drops texts that are nearly the same as one before.
pub const NEAR_DUPLICATE: &str = "minhash";
/// The step that looks for addresses of people and machines.
pub const PII: &str = "pii";

/// What is filtered.
pub enum Item {
    /// A record of a WARC file.
    Record(WarcRecord),
    /// A document of any other file.
    Document(Document),
}

/// A step that a record came through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Passed {
    /// Its name.
    pub step: &'static str,
    /// Bytes that went on: of HTML before extraction, of text behind it.
    pub bytes: u64,
    /// Whether the profile asked for it.
    pub asked: bool,
    /// What it took.
    pub nanos: u64,
}

/// A document that stays so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// The document.
    pub document: Document,
    /// The hash of its text.
    pub hash: [u8; 16],
    /// Its signature, where the profile asks for one and the text has enough words.
    pub signature: Option<Signature>,
    /// What that took.
    pub signature_nanos: u64,
}

/// A document that does not.
#[derive(Clone, Debug, PartialEq)]
pub struct Dropped {
    /// The step that dropped it.
    pub step: &'static str,
    /// Why.
    pub reason: Reason,
    /// What it took.
    pub nanos: u64,
    /// The document as that step saw it; no text where extraction had not come yet or gave none.
    pub document: Document,
}

/// What became of a record.
#[derive(Debug)]
pub struct Verdict {
    /// The steps that it came through.
    pub passed: Vec<Passed>,
    /// The language that was found, where that step was reached.
    pub language: Option<String>,
    /// The page's HTML and main text, where the caller wanted them.
    pub extraction: Option<(String, String)>,
    /// Whether it stays.
    pub end: Result<Box<Kept>, Box<Dropped>>,
}

/// Takes one record through the filters. One that its profile does not ask for lets it pass. `wants_html` is asked with
/// the record's id whether HTML and main text shall be kept as an example.
pub fn filter(item: Item, profile: Profile, dump: String, file_path: String, rules: &Rules, wants_html: &dyn Fn(&str) -> bool) -> Verdict {
    let mut verdict = Chain { passed: Vec::with_capacity(STEPS.len()), language: None, extraction: None, began: Instant::now() };
    let mut document = Document { dump, file_path, ..Document::default() };
    let end = verdict.run(item, profile, &mut document, rules, wants_html);
    let end = match end {
        Ok(hash) => {
            let signature = if profile.asks(NEAR_DUPLICATE) { minhash::signature_of(&document.text) } else { None };
            Ok(Box::new(Kept { document, hash, signature, signature_nanos: verdict.lap() }))
        }
        Err((step, reason)) => Err(Box::new(Dropped { step, reason, nanos: verdict.lap(), document })),
    };
    Verdict { passed: verdict.passed, language: verdict.language, extraction: verdict.extraction, end }
}

/// The way through the filters so far.
struct Chain {
    passed: Vec<Passed>,
    language: Option<String>,
    extraction: Option<(String, String)>,
    began: Instant,
}

impl Chain {
    /// Nanoseconds since the last call.
    fn lap(&mut self) -> u64 {
        let now = Instant::now();
        now.duration_since(std::mem::replace(&mut self.began, now)).as_nanos() as u64
    }

    fn pass(&mut self, step: &'static str, bytes: usize, asked: bool) {
        let nanos = self.lap();
        self.passed.push(Passed { step, bytes: bytes as u64, asked, nanos });
    }

    /// The steps. `document` is filled on the way, so that one that is dropped shows how far it came.
    fn run(
        &mut self,
        item: Item,
        profile: Profile,
        document: &mut Document,
        rules: &Rules,
        wants_html: &dyn Fn(&str) -> bool,
    ) -> Result<[u8; 16], (&'static str, Reason)> {
        let content = match item {
            Item::Document(given) => {
                *document =
                    Document { dump: std::mem::take(&mut document.dump), file_path: std::mem::take(&mut document.file_path), ..given };
                Content::Text(std::mem::take(&mut document.text))
            }
            Item::Record(warc) => {
                document.id = warc.header("WARC-Record-ID").unwrap_or_default().to_string();
                document.url = warc.url().unwrap_or_default().to_string();
                document.date = warc.header("WARC-Date").unwrap_or_default().to_string();
                record::page(&warc).map_err(|reason| ("record", reason))?.content
            }
        };
        self.pass("record", content.bytes() as usize, true);

        let is_page = !matches!(content, Content::Text(_));
        if profile.asks("url") && is_page {
            url::check(&document.url, &rules.url_lists).map_err(|reason| ("url", reason))?;
        }
        self.pass("url", content.bytes() as usize, profile.asks("url") && is_page);

        let html = match &content {
            Content::Html(html) if wants_html(&document.id) => Some(html.clone()),
            _ => None,
        };
        document.text = extract::main_text(content).map_err(|reason| ("extract", reason))?;
        self.pass("extract", document.text.len(), true);
        self.extraction = html.map(|html| (html, document.text.clone()));

        let doubt = if profile == Profile::FineWeb { Doubt::Drops } else { Doubt::Keeps };
        let detected = rules.detector.detect(&document.text);
        self.language = Some(detected.code.clone());
        if profile.asks("language") {
            language::check(&detected, rules.language_threshold, &rules.languages, doubt).map_err(|reason| ("language", reason))?;
        }
        let is_wanted = rules.languages.contains(&detected.code) || !profile.asks("language");
        // What stays by the benefit of the doubt is in no language that is known.
        (document.language, document.language_score) = if is_wanted { (detected.code, detected.score) } else { ("und".to_string(), 0.0) };
        self.pass("language", document.text.len(), profile.asks("language"));

        if profile == Profile::FineWeb {
            let words = split_words(&document.text);
            let stop_words = gopher_quality::stop_words(&document.language);
            gopher_repetition::check(&document.text, &words).map_err(|reason| ("gopher_repetition", reason))?;
            self.pass("gopher_repetition", document.text.len(), true);

            gopher_quality::check(&document.text, &words, stop_words).map_err(|reason| ("gopher_quality", reason))?;
            self.pass("gopher_quality", document.text.len(), true);

            let left = c4::rewrite_words(&document.text, &words).map_err(|reason| ("c4", reason))?;
            document.text = left.text;
            document.token_count = left.n_words as i64;
            self.pass("c4", document.text.len(), true);

            fineweb::check_counted(&document.text, || left.n_words).map_err(|reason| ("fineweb", reason))?;
            self.pass("fineweb", document.text.len(), true);
        } else {
            ["gopher_repetition", "gopher_quality", "c4", "fineweb"]
                .into_iter()
                .for_each(|step| self.pass(step, document.text.len(), false));
            document.token_count = split_words(&document.text).len() as i64;
        }
        Ok(duplicates::hash(&document.text))
    }
}
