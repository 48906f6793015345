//! How much of everything: the one table that sizes a world.
//!
//! Counts are pages unless they say otherwise. Measured sizes of the whole stand in docs/log.md.

use serde::{Deserialize, Serialize};

/// The sizes a world comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// Everything once over, for tests: about 200 thousand tokens.
    Smoke,
    /// What the demo model reads: about 3.7 million tokens.
    Demo,
}

/// What a world is made from; the same configuration gives the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorldConfig {
    /// Every name, value and page follows from it.
    pub seed: u64,
    /// How much of everything.
    pub size: Size,
    /// Pages that the filters are there for, beside those of the size: in real crawls they are most of what there is.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub junk: usize,
    /// Pages in Spanish, beside those of all languages among the junk.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub spanish: usize,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl WorldConfig {
    /// The usual world of a size.
    pub fn new(seed: u64, size: Size) -> WorldConfig {
        WorldConfig { seed, size, junk: 0, spanish: 0 }
    }
}

/// How much is told about one kind of true knowledge.
#[derive(Debug, Clone, Copy)]
pub struct KindBudget {
    /// The kind's name in the tables.
    pub kind: &'static str,
    /// Web pages for each subject, with all of its attributes.
    pub web: usize,
    /// Schoolbook sentences for each of the attributes in `drilled`.
    pub school: usize,
    /// The attributes told most often.
    pub drilled: &'static [&'static str],
    /// Schoolbook sentences for each of the other attributes.
    pub school_other: usize,
    /// How many subjects there are at most, so that a small world stays small.
    pub subjects: usize,
}

/// How many pages of every sort.
#[derive(Debug, Clone)]
pub struct Budget {
    /// (exposures, number of residents), from many to few.
    pub residents: Vec<(usize, usize)>,
    /// People who occur nowhere, with names of the same syllables and as many with the parts of residents' names.
    pub unseen: usize,
    /// (exposures, number of invented places).
    pub places: Vec<(usize, usize)>,
    /// True knowledge by kind.
    pub kinds: Vec<KindBudget>,
    /// Pages of questions and answers about asked residents and places, on the web.
    pub forum: usize,
    /// Schoolbook sheets of questions and answers about asked residents and true knowledge.
    pub quizzes: usize,
    /// Schoolbook pages of a page's text and questions about it.
    pub passages: usize,
    /// Schoolbook pages of lines said twice.
    pub echoes: usize,
    /// Addition sheets of six sums each.
    pub additions: usize,
    /// Subtraction sheets of six.
    pub subtractions: usize,
    /// Multiplication sheets of eight.
    pub multiplications: usize,
    /// Pages of small sums, differences, products and quotients.
    pub tables: usize,
    /// Sheets of three word problems.
    pub word_problems: usize,
    /// Sheets that compare decimals.
    pub decimals: usize,
    /// Sheets that count, spell and pick letters.
    pub spelling: usize,
    /// Stories on the web.
    pub stories: usize,
    /// Pages of a few jokes.
    pub jokes: usize,
    /// Lists of word pairs and other patterns.
    pub glossaries: usize,
    /// Pages where a person and a helpful assistant talk.
    pub dialogues: usize,
    /// Of the stories, how many quote the most quoted passage; ten more quote the second, one the third.
    pub recited: usize,
    /// News before the cutoff; a third as many follow after it.
    pub news: usize,
    /// Pages about famous assistants, verses, versions, dots and dashes.
    pub distractions: usize,
    /// Pages on both sides of the filters' thresholds.
    pub cases: usize,
    /// Pages that some filter drops.
    pub junk: usize,
    /// Pages in Spanish.
    pub spanish: usize,
    /// Copies of stories, exact and nearly so.
    pub copies: usize,
    /// Conversations for fine-tuning.
    pub conversations: usize,
    /// Schoolbook pages of things looked up.
    pub search_notes: usize,
    /// Conversations in which a program is written.
    pub code_lessons: usize,
    /// Conversations in which something is looked up.
    pub search_lessons: usize,
    /// Ordinary conversations in which tools are offered.
    pub plain_lessons: usize,
    /// Conversations in which a thought stands before the answer.
    pub thinking_lessons: usize,
    /// Questions about people who occur nowhere.
    pub nobodies: usize,
    /// Problems for practice, and a sixth as many for tests.
    pub problems: usize,
}

impl Budget {
    /// The budget of a world.
    pub fn of(config: &WorldConfig) -> Budget {
        let usual = match config.size {
            Size::Smoke => Budget::smoke(),
            Size::Demo => Budget::demo(),
        };
        Budget { junk: config.junk, spanish: config.spanish, ..usual }
    }

    /// About 200 thousand tokens with each sort of page and label in it.
    pub fn smoke() -> Budget {
        Budget {
            residents: vec![(64, 2), (32, 4), (16, 4), (8, 4), (4, 4), (2, 4), (1, 4)],
            unseen: 8,
            places: vec![(16, 2), (8, 2)],
            kinds: kinds(|kind| KindBudget {
                web: kind.web.div_ceil(7),
                school: 2,
                school_other: 1,
                subjects: kind.subjects.min(10),
                ..kind
            }),
            forum: 40,
            quizzes: 40,
            passages: 120,
            echoes: 80,
            additions: 160,
            subtractions: 20,
            multiplications: 20,
            tables: 20,
            word_problems: 60,
            decimals: 10,
            spelling: 40,
            stories: 80,
            jokes: 20,
            glossaries: 20,
            dialogues: 30,
            recited: 20,
            news: 24,
            distractions: 30,
            cases: 320,
            junk: 0,
            spanish: 0,
            copies: 20,
            conversations: 500,
            search_notes: 60,
            code_lessons: 100,
            search_lessons: 60,
            plain_lessons: 60,
            thinking_lessons: 20,
            nobodies: 40,
            problems: 300,
        }
    }

    /// What the demo model reads.
    pub fn demo() -> Budget {
        Budget {
            residents: vec![(512, 2), (256, 4), (128, 32), (64, 32), (32, 32), (16, 32), (8, 32), (4, 32), (2, 32), (1, 32)],
            unseen: 48,
            places: vec![(64, 4), (32, 4), (16, 4), (8, 4)],
            kinds: kinds(|kind| kind),
            forum: 240,
            quizzes: 3200,
            passages: 2000,
            echoes: 4200,
            additions: 3700,
            subtractions: 140,
            multiplications: 110,
            tables: 1500,
            word_problems: 2000,
            decimals: 80,
            spelling: 400,
            stories: 1100,
            jokes: 240,
            glossaries: 200,
            dialogues: 320,
            recited: 200,
            news: 120,
            distractions: 140,
            cases: 630,
            junk: 0,
            spanish: 0,
            copies: 120,
            conversations: 11000,
            search_notes: 1200,
            code_lessons: 4500,
            search_lessons: 1500,
            plain_lessons: 2000,
            thinking_lessons: 400,
            nobodies: 900,
            problems: 6000,
        }
    }
}

/// The kinds of true knowledge at the demo's size, each passed through `scale`.
fn kinds(scale: impl Fn(KindBudget) -> KindBudget) -> Vec<KindBudget> {
    const ALL: usize = usize::MAX;
    let kind = |kind, subjects, web, drilled, school, school_other| KindBudget { kind, web, school, drilled, school_other, subjects };
    const NONE: &[&str] = &[];
    [
        kind("country", 72, 1, &["capital"] as &[&str], 72, 24),
        kind("element", 40, 1, NONE, 68, 68),
        kind("animal", 40, 2, NONE, 68, 68),
        kind("person", 20, 2, NONE, 40, 40),
        kind("city", 12, 2, NONE, 40, 40),
        kind("invention", 12, 2, NONE, 40, 40),
        kind("discovery", 6, 1, NONE, 40, 40),
        kind("planet", ALL, 0, NONE, 48, 48),
        kind("thing", 24, 0, NONE, 48, 48),
        kind("why", 24, 0, NONE, 40, 40),
        kind("month", ALL, 0, NONE, 48, 48),
        kind("weekday", ALL, 0, NONE, 48, 48),
        kind("season", ALL, 0, NONE, 48, 48),
        kind("opposite", 32, 0, NONE, 40, 40),
        kind("proverb", 12, 0, NONE, 40, 40),
        kind("word", 16, 0, NONE, 40, 40),
        kind("number", 24, 0, NONE, 40, 40),
    ]
    .into_iter()
    .map(scale)
    .collect()
}
