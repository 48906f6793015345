//! The local index: BM25 over title and text, in a folder or in memory.
//!
//! Built by one thread and merged into one segment, so that the same documents give the same answers, and ties are broken
//! by the documents' ids. The index is a cache: it names the documents it was made from, and is made again when they changed.

use std::path::{Path, PathBuf};

use base::files::{self, AtomicDir};
use base::progress::Progress;
use base::stop::Stop;
use serde::{Deserialize, Serialize};
use tantivy::collector::TopDocs;
use tantivy::merge_policy::NoMergePolicy;
use tantivy::query::{BooleanQuery, BoostQuery, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, STORED, Schema, TantivyDocument, TextFieldIndexing, TextOptions, Value};
use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, RemoveLongFilter, SimpleTokenizer, Stemmer, StopWordFilter, TextAnalyzer,
};
use tantivy::{Index, IndexWriter, ReloadPolicy, Searcher, Term};

use super::query::{Token, Word, words};
use super::snippet::Page;
use super::{Hit, SearchLimits, SearchProvider};
use crate::plain::{clip, one_line, short_url};
use crate::{Error, Result};

/// A document to be found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Breaks ties, and is the address of a page that has none.
    pub id: String,
    /// Its address; may be empty.
    pub url: String,
    /// When it was fetched, ISO 8601; may be empty.
    pub date: String,
    /// Its text; the first line is its title.
    pub text: String,
}

/// An index that is open.
pub struct SearchIndex {
    searcher: Searcher,
    fields: Fields,
    analyzer: TextAnalyzer,
    note: Note,
    path: PathBuf,
}

#[derive(Clone, Copy, Debug)]
struct Fields {
    id: Field,
    url: Field,
    date: Field,
    title: Field,
    heading: Field,
    text: Field,
}

/// A candidate that fits, and the weight of the words in its best sentences.
struct Found<'a> {
    document: &'a Document,
    title: &'a str,
    page: Page<'a>,
    weight: f32,
}

/// What stands beside the index: which documents it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    format: u32,
    fingerprint: String,
    documents: u64,
}

const NOTE: &str = "index.json";
/// Raised when what is indexed, or how, changes.
const FORMAT: u32 = 3;
const ANALYZER: &str = "english";

/// What the writer may hold before it writes a segment.
const HEAP_BYTES: usize = 50_000_000;
/// Of a longer text the beginning is indexed.
const MAX_TEXT_BYTES: usize = 1 << 20;
/// Characters of a title.
const MAX_TITLE: usize = 200;
/// A first line of more characters, or one that ends with a full stop, is a paragraph: its words count no more than others.
const MAX_HEADING: usize = 100;
/// A word of the heading counts so much more.
const HEADING_BOOST: f32 = 2.0;
/// Pages that are looked at for names and sentences.
const CANDIDATES: usize = 50;
/// A page with less than this share of the best one's score is no answer.
const LEAST_SHARE: f32 = 0.5;
/// Pages with more than this share of it are as good, and the newest of them comes first: what was written last holds.
const AS_GOOD: f32 = 0.8;

impl SearchIndex {
    /// Makes an index in a folder, which appears whole or not at all, and opens it. `fingerprint` stands for the documents.
    pub fn build(
        folder: &Path,
        fingerprint: &str,
        documents: &mut dyn Iterator<Item = Document>,
        progress: &Progress,
        stop: &Stop,
    ) -> Result<SearchIndex> {
        let wrap = |error| Error::index(folder, error);
        let dir = AtomicDir::create(folder)?;
        let index = Index::create_in_dir(dir.path(), schema().0).map_err(wrap)?;
        let documents = fill(&index, folder, documents, progress, stop)?;
        drop(index);
        let note = Note { format: FORMAT, fingerprint: fingerprint.to_string(), documents };
        files::write_json(&dir.path().join(NOTE), &note)?;
        dir.commit()?;
        SearchIndex::open(folder)
    }

    /// Opens the index of a folder.
    pub fn open(folder: &Path) -> Result<SearchIndex> {
        let note: Note = files::read_json(&folder.join(NOTE))?;
        if note.format != FORMAT {
            return Err(Error::index(folder, format!("it has format {}, and this version reads format {FORMAT}", note.format)));
        }
        let index = Index::open_in_dir(folder).map_err(|error| Error::index(folder, error))?;
        if index.schema() != schema().0 {
            return Err(Error::index(folder, "it has other fields"));
        }
        SearchIndex::of(&index, note, folder)
    }

    /// Opens the index of a folder, unless it was made from other documents, is damaged, or is not there.
    pub fn open_of(folder: &Path, fingerprint: &str) -> Option<SearchIndex> {
        SearchIndex::open(folder).ok().filter(|index| index.note.fingerprint == fingerprint)
    }

    /// Whether a folder holds an index, of whatever documents and however damaged: a cache, that may be made again.
    pub fn is_index(folder: &Path) -> bool {
        folder.join(NOTE).is_file()
    }

    /// An index without a folder.
    pub fn in_memory(documents: &mut dyn Iterator<Item = Document>) -> Result<SearchIndex> {
        let path = Path::new("in memory");
        let index = Index::create_in_ram(schema().0);
        let documents = fill(&index, path, documents, &Progress::silent(), &Stop::new())?;
        SearchIndex::of(&index, Note { format: FORMAT, fingerprint: String::new(), documents }, path)
    }

    /// The documents in it.
    pub fn documents(&self) -> u64 {
        self.note.documents
    }

    fn of(index: &Index, note: Note, path: &Path) -> Result<SearchIndex> {
        let wrap = |error| Error::index(path, error);
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().map_err(wrap)?;
        let searcher = tantivy::IndexReader::searcher(&reader);
        Ok(SearchIndex { searcher, fields: schema().1, analyzer: analyzer(), note, path: path.to_path_buf() })
    }

    /// The words of a query, with what the index knows of them.
    fn words(&self, query: &str) -> Result<Vec<Word>> {
        let mut analyzer = self.analyzer.clone();
        let mut stream = analyzer.token_stream(query);
        let mut tokens = Vec::new();
        let mut end = 0;
        while stream.advance() {
            let token = stream.token();
            let between = &query[end..token.offset_from];
            let follows = between.chars().all(|c| c.is_whitespace() || matches!(c, '-' | '.' | '\'' | '’'));
            let term = Term::from_field_text(self.fields.text, &token.text);
            let documents = self.searcher.doc_freq(&term).map_err(|error| Error::index(&self.path, error))?;
            let written = query[token.offset_from..token.offset_to].to_string();
            tokens.push(Token { written, term: token.text.clone(), documents, follows });
            end = token.offset_to;
        }
        Ok(words(&tokens, self.searcher.num_docs()))
    }

    /// The query over the index: required words in the text, all others where they help, headings more than texts.
    fn query(&self, words: &[Word]) -> BooleanQuery {
        let term = |field: Field, word: &Word| -> Box<dyn Query> {
            Box::new(TermQuery::new(Term::from_field_text(field, &word.term), IndexRecordOption::WithFreqs))
        };
        let mut parts: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for word in words {
            let occur = if word.required { Occur::Must } else { Occur::Should };
            parts.push((occur, term(self.fields.text, word)));
            parts.push((Occur::Should, Box::new(BoostQuery::new(term(self.fields.heading, word), HEADING_BOOST))));
        }
        BooleanQuery::new(parts)
    }

    /// The best pages by score, of those that are as good the newest first, equal ones by id.
    fn candidates(&self, query: &BooleanQuery) -> tantivy::Result<Vec<(f32, Document, String)>> {
        let found = self.searcher.search(query, &TopDocs::with_limit(CANDIDATES).order_by_score())?;
        let mut candidates = Vec::new();
        for (score, address) in found {
            let stored: TantivyDocument = self.searcher.doc(address)?;
            let text = |field: Field| stored.get_first(field).and_then(|value| value.as_str()).unwrap_or_default().to_string();
            let document = Document {
                id: text(self.fields.id),
                url: text(self.fields.url),
                date: text(self.fields.date),
                text: text(self.fields.text),
            };
            candidates.push((score, document, text(self.fields.title)));
        }
        candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.id.cmp(&b.1.id)));
        let good = candidates.first().map_or(0, |(best, ..)| candidates.iter().take_while(|(score, ..)| *score > AS_GOOD * best).count());
        candidates[..good].sort_by(|a, b| b.1.date.cmp(&a.1.date));
        Ok(candidates)
    }
}

impl SearchProvider for SearchIndex {
    fn search(&self, query: &str, limits: &SearchLimits) -> Result<Vec<Hit>> {
        let words = self.words(query)?;
        if words.is_empty() || limits.hits == 0 {
            return Ok(Vec::new());
        }
        let candidates = self.candidates(&self.query(&words)).map_err(|error| Error::index(&self.path, error))?;
        let mut analyzer = self.analyzer.clone();
        let mut terms = |sentence: &str| {
            let mut stream = analyzer.token_stream(sentence);
            let mut terms = Vec::new();
            while stream.advance() {
                terms.push((stream.token().text.clone(), stream.token().offset_from));
            }
            terms
        };

        // Among pages that are about as good, those come first whose few sentences hold most of the query.
        let mut pages: Vec<Found> = Vec::new();
        let mut best = None;
        for (score, document, title) in &candidates {
            if best.is_some_and(|best| *score < LEAST_SHARE * best) {
                break;
            }
            let is_copy = pages.iter().any(|other| other.document.text == document.text);
            let page = Page::new(&document.text, &words, &mut terms);
            if !is_copy && page.holds_names(&words) {
                best = best.or(Some(*score));
                let (_, weight) = page.best(&words, limits.characters / limits.hits);
                pages.push(Found { document, title, page, weight });
            }
        }
        pages.sort_by(|a, b| b.weight.total_cmp(&a.weight)); // equal ones stay in their order
        pages.truncate(limits.hits);
        let share = limits.characters / pages.len().max(1);
        let hit = |found: &Found| {
            let document = found.document;
            let url = if document.url.is_empty() { one_line(&document.id) } else { short_url(&document.url) };
            let (text, _) = found.page.best(&words, share);
            Hit { url, title: found.title.to_string(), date: document.date.clone(), text }
        };
        Ok(pages.iter().map(hit).collect())
    }
}

/// Fields and how they are indexed. Scores need how often a word occurs, not where.
fn schema() -> (Schema, Fields) {
    let indexing = TextFieldIndexing::default().set_tokenizer(ANALYZER).set_index_option(IndexRecordOption::WithFreqs);
    let text = TextOptions::default().set_indexing_options(indexing).set_stored();
    let mut builder = Schema::builder();
    let id = builder.add_text_field("id", STORED);
    let url = builder.add_text_field("url", STORED);
    let date = builder.add_text_field("date", STORED);
    let title = builder.add_text_field("title", STORED);
    let heading = builder.add_text_field("heading", text.clone());
    let text = builder.add_text_field("text", text);
    (builder.build(), Fields { id, url, date, title, heading, text })
}

/// Words in lower case, without accents and English endings; those that every page has are left out.
fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(40))
        .filter(LowerCaser)
        .filter(AsciiFoldingFilter)
        .filter(StopWordFilter::new(Language::English).expect("there is a list for English"))
        .filter(Stemmer::new(Language::English))
        .build()
}

/// Puts documents into an index and tells how many.
fn fill(index: &Index, path: &Path, documents: &mut dyn Iterator<Item = Document>, progress: &Progress, stop: &Stop) -> Result<u64> {
    let wrap = |error| Error::index(path, error);
    let fields = schema().1;
    index.tokenizers().register(ANALYZER, analyzer());
    let mut writer: IndexWriter = index.writer_with_num_threads(1, HEAP_BYTES).map_err(wrap)?;
    writer.set_merge_policy(Box::new(NoMergePolicy));
    let mut count = 0;
    for document in documents {
        if stop.requested() {
            return Err(base::Error::Stopped.into());
        }
        let text = &document.text[..document.text.floor_char_boundary(MAX_TEXT_BYTES)];
        let title = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let mut row = TantivyDocument::new();
        row.add_text(fields.id, &document.id);
        row.add_text(fields.url, &document.url);
        row.add_text(fields.date, &document.date);
        row.add_text(fields.title, clip(&one_line(title), MAX_TITLE, 0));
        if title.chars().count() <= MAX_HEADING && !title.trim_end().ends_with('.') {
            row.add_text(fields.heading, title);
        }
        row.add_text(fields.text, text);
        writer.add_document(row).map_err(wrap)?;
        count += 1;
        progress.advance(1);
    }
    writer.commit().map_err(wrap)?;
    let segments = index.searchable_segment_ids().map_err(wrap)?;
    if segments.len() > 1 {
        writer.merge(&segments).wait().map_err(wrap)?;
    }
    writer.wait_merging_threads().map_err(wrap)?;
    Ok(count)
}
