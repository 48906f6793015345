//! The world as a whole: every part built from one seed, shuffled, counted, and handed out page by page.
//!
//! Knows no files: whoever writes them takes [`World::pages`], [`World::schoolbooks`] and [`World::rows`].

use crate::budget::{Budget, WorldConfig};
use crate::conversations::{Conversation, Sources};
use crate::key::{Fact, Row};
use crate::names::Names;
use crate::places::Place;
use crate::problems::Entry;
use crate::questions::Question;
use crate::residents::Resident;
use crate::sheet::{Dress, Sheet, Shelf};
use crate::{
    articles, conversations, dialogues, distractions, echoes, forum, glossaries, html, jokes, junk, lessons, news, places, problems,
    questions, recitation, residents, searches, spanish, spelling, stories,
};
use base::rng::{Rng, label};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;

/// A page of the web as a crawler would have stored it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its address.
    pub url: String,
    /// When it was fetched, `2024-05-03T10:22:31Z`.
    pub date: String,
    /// HTTP status.
    pub status: u16,
    /// HTTP headers in order.
    pub headers: Vec<(String, String)>,
    /// The payload.
    pub body: Vec<u8>,
    /// How many bytes to leave away at the end of its record in the archive: a damaged one costs itself alone.
    pub cut: usize,
}

/// One line of `schoolbooks.jsonl.gz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schoolbook {
    /// The text.
    pub text: String,
    /// Its address, which is no part of the text.
    pub url: String,
    /// Its time stamp.
    pub date: String,
    /// "school-000017"
    pub id: String,
}

/// Everything that one seed makes.
#[derive(Debug, Clone)]
pub struct World {
    /// What it was made from.
    pub config: WorldConfig,
    /// All pages of both shelves, in the order in which they are published.
    pub sheets: Vec<Sheet>,
    /// Everybody who was invented, those who occur nowhere included.
    pub residents: Vec<Resident>,
    /// Every fact of the key.
    pub facts: Vec<Fact>,
    /// Rows of the key that are neither pages nor facts.
    pub other_rows: Vec<Row>,
    /// Conversations of both splits.
    pub conversations: Vec<Conversation>,
    /// Conversations in which tools are used, for an assistant that has them.
    pub tool_lessons: Vec<Conversation>,
    /// Questions that find out what a model knows.
    pub questions: Vec<Question>,
    /// Problems of both splits.
    pub problems: Vec<Entry>,
}

/// What `world.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// What the world was made from.
    pub config: WorldConfig,
    /// Pages dated before this day are what a model of the default recipe reads.
    pub cutoff: String,
    /// Number of pages by shelf.
    pub pages: BTreeMap<String, usize>,
    /// Number of pages by verdict.
    pub verdicts: BTreeMap<String, usize>,
    /// Number of kept pages and characters of their texts by kind.
    pub kinds: BTreeMap<String, KindSummary>,
    /// Number of facts by kind.
    pub facts: BTreeMap<String, usize>,
    /// Number of conversations by split.
    pub conversations: BTreeMap<String, usize>,
    /// Number of problems by split.
    pub problems: BTreeMap<String, usize>,
}

/// The size of one kind of page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindSummary {
    /// Kept pages.
    pub pages: usize,
    /// Characters of their texts, address lines included.
    pub characters: usize,
}

impl World {
    /// Builds the world; takes seconds at the demo's size.
    pub fn build(config: &WorldConfig) -> World {
        let budget = Budget::of(config);
        let seed = config.seed;
        let levels: Vec<usize> = budget.residents.iter().map(|&(_, count)| count).collect();
        let names = Names::new(seed, &levels, budget.unseen);
        let residents = residents::residents(seed, &names, &budget);
        let library = articles::library(seed, &budget);

        let places = places::places(seed, &names, &budget);
        let subjects = forum::asked_subjects(&residents, &places);
        let news = news::news(seed, &names, budget.news);
        let mut stories = stories::sheets(seed, budget.stories);
        let mut other_rows = recitation::quote(seed, &mut stories, budget.recited);
        other_rows.extend(news.changes);

        let mut facts: Vec<Fact> = residents.iter().flat_map(Resident::facts).collect();
        facts.extend(places.iter().flat_map(Place::facts));
        facts.extend(library.key_facts());
        facts.extend(news.facts);

        let mut sheets = Vec::new();
        for (i, person) in residents.iter().enumerate() {
            sheets.extend(person.pages(&mut Rng::derive(seed, &[label("resident pages"), i as u64])));
        }
        for (i, place) in places.iter().enumerate() {
            sheets.extend(place.pages(&mut Rng::derive(seed, &[label("place pages"), i as u64])));
        }
        sheets.extend(library.sheets);
        sheets.extend(stories);
        sheets.extend(news.sheets);
        sheets.extend(forum::threads(seed, &subjects, budget.forum));
        sheets.extend(forum::quizzes(seed, &subjects, &library.facts, &budget));
        sheets.extend(lessons::sheets(seed, &budget));
        sheets.extend(spelling::sheets(seed, budget.spelling));
        sheets.extend(echoes::echoes(seed, budget.echoes));
        sheets.extend(echoes::passages(seed, &names, budget.passages));
        sheets.extend(searches::sheets(seed, &names, budget.search_notes));
        sheets.extend(jokes::sheets(seed, budget.jokes));
        sheets.extend(glossaries::sheets(seed, budget.glossaries));
        sheets.extend(dialogues::sheets(seed, &budget));
        sheets.extend(distractions::sheets(seed, budget.distractions));
        sheets.extend(junk::cases(seed, budget.cases));
        sheets.extend(junk::junk(seed, budget.junk));
        sheets.extend(spanish::sheets(seed, budget.spanish));
        Rng::derive(seed, &[label("shuffle")]).shuffle(&mut sheets);
        junk::copy_some(seed, &mut sheets, budget.copies);
        junk::label_equals(&mut sheets);

        let sources = Sources { subjects: &subjects, facts: &library.facts, names: &names };
        let conversations = conversations::conversations(seed, &sources, &budget);
        let mut tool_lessons = conversations::code_lessons(seed, budget.code_lessons);
        tool_lessons.extend(searches::lessons(seed, &names, budget.search_lessons));
        tool_lessons.extend(conversations::plain_lessons(seed, &sources, budget.plain_lessons));
        tool_lessons.extend(conversations::thinking_lessons(seed, budget.thinking_lessons));
        World {
            config: *config,
            tool_lessons,
            questions: questions::questions(seed, &sources, budget.nobodies),
            conversations,
            sheets,
            residents,
            facts,
            other_rows,
            problems: problems::entries(seed, budget.problems),
        }
    }

    /// The pages of the web in order, dressed as HTML one at a time.
    pub fn pages(&self) -> impl Iterator<Item = Page> + '_ {
        self.sheets.iter().filter(|sheet| sheet.shelf == Shelf::Web).map(page)
    }

    /// The schoolbooks in order.
    pub fn schoolbooks(&self) -> impl Iterator<Item = Schoolbook> + '_ {
        self.sheets.iter().filter(|sheet| sheet.shelf == Shelf::Schoolbooks).enumerate().map(|(i, sheet)| Schoolbook {
            text: sheet.text.clone(),
            url: sheet.url.clone(),
            date: sheet.date.clone(),
            id: format!("school-{i:06}"),
        })
    }

    /// Writes the schoolbooks as gzip-compressed JSON lines.
    pub fn write_schoolbooks(&self, out: &mut impl Write) -> std::io::Result<()> {
        let mut packed = GzEncoder::new(out, Compression::default());
        for book in self.schoolbooks() {
            serde_json::to_writer(&mut packed, &book)?;
            packed.write_all(b"\n")?;
        }
        packed.finish()?;
        Ok(())
    }

    /// The answer key, line by line: pages, then facts, then passages and changes.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        let pages = self.sheets.iter().map(|sheet| Row::Page {
            url: sheet.url.clone(),
            date: sheet.date.clone(),
            shelf: shelf_name(sheet.shelf).to_string(),
            kind: sheet.kind.to_string(),
            verdict: sheet.verdict.clone(),
            text: if sheet.kept() { sheet.text.clone() } else { String::new() },
        });
        pages.chain(self.facts.iter().cloned().map(Row::Fact)).chain(self.other_rows.iter().cloned())
    }

    /// The counts of `world.json`.
    pub fn summary(&self) -> Summary {
        let mut kinds: BTreeMap<String, KindSummary> = BTreeMap::new();
        for sheet in self.sheets.iter().filter(|s| s.kept()) {
            let kind = kinds.entry(sheet.kind.to_string()).or_default();
            kind.pages += 1;
            kind.characters += sheet.text.chars().count() + sheet.url.chars().count() + 1;
        }
        Summary {
            config: self.config,
            cutoff: crate::dates::cutoff().to_string(),
            pages: counted(self.sheets.iter().map(|s| shelf_name(s.shelf))),
            verdicts: counted(self.sheets.iter().map(|s| s.verdict.as_str())),
            kinds,
            facts: counted(self.facts.iter().map(|f| f.kind.as_str())),
            conversations: counted(self.conversations.iter().map(|c| c.split.as_str())),
            problems: counted(self.problems.iter().map(|p| p.split.as_str())),
        }
    }
}

fn page(sheet: &Sheet) -> Page {
    let (status, headers, body, cut) = match &sheet.dress {
        Dress::Site => {
            let response = html::dress(&sheet.url, &sheet.title, &sheet.text);
            (200, response.headers, response.body, 0)
        }
        Dress::Raw(raw) => (raw.status, raw.headers.clone(), raw.body.clone(), raw.cut),
    };
    Page { url: sheet.url.clone(), date: sheet.date.clone(), status, headers, body, cut }
}

fn shelf_name(shelf: Shelf) -> &'static str {
    match shelf {
        Shelf::Web => "web",
        Shelf::Schoolbooks => "schoolbooks",
    }
}

fn counted<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name.to_string()).or_insert(0) += 1;
    }
    counts
}
