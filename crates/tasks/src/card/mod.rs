//! The report card: what a run's models know, can and make up, measured against
//! the answer key. Sections ask through [`Ask`], so nothing here knows an engine;
//! nothing here knows the time either, so the same seed gives the same card.

mod charts;
mod context;
mod honesty;
mod manners;
pub mod nature;
mod page;
pub mod practice;
mod prompts;
mod reading;
mod recall;
mod recitation;
mod render;
mod sums;
mod table;
mod tools;
mod unseen;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base::progress::Progress;
use base::rng::{Rng, label};
use base::stop::Stop;
use serde::{Deserialize, Serialize};

pub use context::Context;
pub use honesty::{Balance, Honesty};
pub use manners::Manner;
pub use nature::Nature;
pub use practice::Practice;
pub use prompts::Shown;
pub use reading::{Funnel, Reading, Sample, Step};
pub use recall::{Level, Topic};
pub use recitation::Recital;
pub use sums::{Example, Problems, THREE_DIGITS};
pub(crate) use table::aligned;
pub use table::{Cell, Measured, full_table, measured, table};
pub use tools::{Coded, Looked, ToolUse};
pub use unseen::Inventions;

use crate::Result;
use crate::ask::{Ask, Prompt, Question};
use crate::conversations::{self, Paths, StoredConversation};
use crate::key::Key;
use crate::manners::Identity;
use crate::problems::{Problem, read_problems};

/// How a model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It goes on with the beginning of a page.
    Base,
    /// It answers in a conversation.
    Assistant,
}

/// How many are asked. The defaults keep a report of two small models within a
/// minute on two cores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Facts of each split and number of exposures.
    pub per_level: usize,
    /// Facts of each kind, attribute and split of true knowledge.
    pub per_topic: usize,
    /// Three-digit sums (half as many for a base model); a third as many of each other kind of problem.
    pub sums: usize,
    /// Questions on passages, and in-context translations.
    pub context: usize,
    /// Names that occur nowhere.
    pub unseen: usize,
    /// Facts of each number of exposures, asked where tools are offered; problems of each kind, where a program is asked for.
    pub tools: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { per_level: 96, per_topic: 24, sums: 200, context: 100, unseen: 16, tools: 48 }
    }
}

/// The world's folder, as far as the card asks about it; empty where a run has no built-in web.
#[derive(Default)]
pub struct World {
    /// The answer key.
    pub key: Key,
    /// Problems of the test split.
    pub problems: Vec<Problem>,
    /// Conversations of the test split.
    pub conversations: Vec<StoredConversation>,
}

impl World {
    /// Reads `answers.jsonl`, `problems.jsonl` and `conversations.jsonl` of a folder.
    ///
    /// # Errors
    /// Where a file is missing or damaged; the message names the place.
    pub fn read(folder: &Path) -> Result<World> {
        let file = conversations::read(&folder.join("conversations.jsonl"), None, Paths::Best)?;
        Ok(World {
            key: Key::read(&folder.join("answers.jsonl"))?,
            problems: read_problems(&folder.join("problems.jsonl"), "test")?,
            conversations: file.conversations.into_iter().filter(|stored| stored.split == "test").collect(),
        })
    }
}

/// What was measured of one model. Sections that do not apply to its role are empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// Facts about invented residents, by split and exposures.
    pub recall: Vec<Level>,
    /// True knowledge, by kind, attribute and split.
    pub knowledge: Vec<Topic>,
    /// Problems at once, in steps, and as the model likes.
    pub problems: Vec<Problems>,
    /// Reading from the context.
    pub context: Context,
    /// Passages gone on with (base).
    pub recitation: Vec<Recital>,
    /// What is said about names that occur nowhere (assistant).
    pub inventions: Option<Inventions>,
    /// Whether it says what it knows, and that it does not know the rest (assistant).
    #[serde(default)]
    pub honesty: Option<Honesty>,
    /// Who it says it is, and what it declines (assistant, where an identity is given).
    #[serde(default)]
    pub manners: Vec<Manner>,
    /// What it does with tools (assistant, where tools are offered).
    #[serde(default)]
    pub tools: Option<ToolUse>,
    /// The fixed page of prompts (assistant); the base model's are in [`Nature`].
    pub prompts: Vec<Shown>,
    /// Stories, sampled.
    pub stories: Vec<String>,
}

/// `report.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Of the keys' meaning: 1.
    pub version: u32,
    /// Which facts and problems were drawn, and every sampled answer, follow from it.
    pub seed: u64,
    /// What became of the pages.
    pub funnel: Option<Funnel>,
    /// How pretraining went.
    pub reading: Reading,
    /// By name: `base`, `sft`, `assistant`, `rl`.
    pub models: BTreeMap<String, ModelCard>,
    /// The base model's nature: what `base.md` tells.
    #[serde(default)]
    pub nature: Option<Nature>,
    /// What practice changed, and how: what `practice.md` tells.
    #[serde(default)]
    pub practice: Option<Practice>,
}

impl Card {
    /// The last model of a run that answers in conversations.
    pub fn assistant(&self) -> Option<&ModelCard> {
        self.models.get("rl").or_else(|| self.before_practice())
    }

    /// The last one that was taught by examples alone.
    pub fn before_practice(&self) -> Option<&ModelCard> {
        self.models.get("assistant").or_else(|| self.models.get("sft"))
    }
}

/// Sections of [`measure`]: what its progress counts.
pub const N_SECTIONS: u64 = 10;

/// What is asked of an assistant beside what it remembers and can.
#[derive(Clone, Copy, Default)]
pub struct Beside<'a> {
    /// Who it should be.
    pub identity: Option<&'a Identity>,
    /// The system message that offers the tools of its answerer.
    pub tools_offered: Option<&'a str>,
    /// The model before it, which was never taught to decline.
    pub before: Option<&'a ModelCard>,
    /// Whether it is that one itself.
    pub untaught: bool,
}

/// Measures one model in one role.
///
/// # Errors
/// Those of the answerer; `Stopped` between two sections where that is asked for.
pub fn measure(
    role: Role,
    ask: &mut Ask,
    world: &World,
    limits: &Limits,
    beside: Beside,
    seed: u64,
    progress: &Progress,
    stop: &Stop,
) -> Result<ModelCard> {
    let done = |section: &str| -> Result<()> {
        progress.message(section);
        progress.advance(1);
        if stop.requested() { Err(base::Error::Stopped.into()) } else { Ok(()) }
    };
    let key = &world.key;
    let recall = recall::by_exposure(role, ask, key, limits.per_level, seed)?;
    done("true knowledge")?;
    let knowledge = recall::by_kind(role, ask, key, limits.per_topic, seed)?;
    done("problems")?;
    let problems = sums::solve(role, ask, &world.problems, limits.sums, seed)?;
    done("the context")?;
    let context = context::read(role, ask, &world.conversations, key, limits.context, seed)?;
    done("recitation")?;
    let recitation = if role == Role::Base { recitation::recite(ask, &key.passages)? } else { Vec::new() };
    done("names that occur nowhere")?;
    let inventions = if role == Role::Assistant { Some(unseen::invent(ask, key, limits.unseen, seed)?) } else { None };
    let honesty = match role {
        Role::Base => None,
        Role::Assistant => {
            let itself = beside.untaught.then_some(&recall[..]);
            honesty::honesty(&recall, beside.before.map(|before| &before.recall[..]).or(itself))
        }
    };
    done("who it is")?;
    let manners = match beside.identity.filter(|_| role == Role::Assistant) {
        Some(identity) => manners::ask_all(ask, identity, seed)?,
        None => Vec::new(),
    };
    done("tools")?;
    let tools = match beside.tools_offered.filter(|_| role == Role::Assistant && !key.facts.is_empty()) {
        Some(offered) => {
            let asked = tools::Asked { per_level: limits.tools, problems: limits.tools };
            Some(tools::use_tools(ask, offered, key, &world.problems, asked, seed)?)
        }
        None => None,
    };
    done("the page of prompts")?;
    let prompts = if role == Role::Assistant { prompts::page(ask, beside.tools_offered, seed)? } else { Vec::new() };
    done("stories")?;
    let stories = stories(role, ask, seed)?;
    done("done")?;
    Ok(ModelCard { recall, knowledge, problems, context, recitation, inventions, honesty, manners, tools, prompts, stories })
}

/// The most likely answer. A base model goes on with more of the page: its answer is the first line.
fn one(role: Role, prompt: Prompt, max_tokens: usize) -> Question {
    match role {
        Role::Base => Question::greedy_line(prompt, max_tokens),
        Role::Assistant => Question::greedy(prompt, max_tokens),
    }
}

/// A few stories at a moderate temperature. The base model's begin as pages do, with an address that no page has.
fn stories(role: Role, ask: &mut Ask, seed: u64) -> Result<Vec<String>> {
    const ADDRESS: &str = "https://tales.net/9001";
    let openings = ["Once upon a time", "One day a little pelican"];
    let requests = ["Tell me a story.", "Tell me a story about a pelican."];
    let question = |i: usize| Question {
        prompt: match role {
            Role::Base => Prompt::Page(format!("{ADDRESS}\n{}", openings[i])),
            Role::Assistant => Prompt::user(requests[i]),
        },
        max_tokens: 160,
        temperature: 0.7,
        seed: Rng::derive(seed, &[label("stories"), i as u64]).next_u64(),
        one_line: false,
    };
    let told = ask(&[question(0), question(1)])?;
    let opening = |i: usize| if role == Role::Base { openings[i] } else { "" };
    Ok(told.iter().enumerate().map(|(i, answer)| format!("{}{}", opening(i), answer.text).trim().to_owned()).collect())
}

/// Where a card's files are read from and how the report speaks of the run.
pub struct Run {
    /// The run's name.
    pub name: String,
    /// `documents/`, for its `funnel.json`.
    pub documents: Option<PathBuf>,
    /// The base model's folder, for its metrics and samples.
    pub base: PathBuf,
    /// The folder of the stage of practice, for its logs; none where the run has no such stage.
    pub practice: Option<PathBuf>,
    /// The command that talks to the result.
    pub chat_command: String,
}

/// Puts a card together from the models' parts and the run's files.
///
/// # Errors
/// Where a file is damaged.
pub fn card(run: &Run, seed: u64, models: BTreeMap<String, ModelCard>, nature: Option<Nature>) -> Result<Card> {
    let funnel = match &run.documents {
        Some(folder) => reading::read_funnel(&folder.join("funnel.json"))?,
        None => None,
    };
    let practice = run.practice.as_deref().and_then(practice::read);
    Ok(Card { version: 1, seed, funnel, reading: reading::read_reading(&run.base)?, models, nature, practice })
}

/// Writes `report.json`, `report.md`, the base model's `base.md`, `practice.md`, their pictures, and `report.html`, which has all of it, into
/// a folder.
///
/// # Errors
/// Where a file cannot be written.
pub fn write(card: &Card, run: &Run, folder: &Path) -> Result<()> {
    base::files::write_json(&folder.join("report.json"), card)?;
    let mut pictures = charts::all(card);
    pictures.extend(card.nature.iter().flat_map(nature::pictures));
    pictures.extend(card.practice.iter().flat_map(practice::pictures));
    for (name, svg) in &pictures {
        base::files::write_atomic(&folder.join(name), svg.as_bytes())?;
    }
    let names: Vec<&str> = pictures.iter().map(|(name, _)| *name).collect();
    let mut texts = vec![("report.md", render::report(card, run, &names))];
    if let Some(nature) = &card.nature {
        let context = card.models.get("base").map(|model| &model.context);
        texts.push(("base.md", nature::page(nature, context, &run.name, card.seed, &names)));
    }
    if let Some(practice) = &card.practice {
        let speed = run.practice.as_deref().and_then(practice::speed);
        texts.push(("practice.md", practice::page(practice, speed.as_ref(), &run.name, &names)));
    }
    for (name, text) in &texts {
        base::files::write_atomic(&folder.join(name), text.as_bytes())?;
    }
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let page = page::page(&format!("Report card: {}", run.name), &texts, &pictures);
    base::files::write_atomic(&folder.join("report.html"), page.as_bytes())?;
    Ok(())
}
