//! The built-in web: a seeded generator of pages and the answer key to them.
//!
//! It makes what the rest of the house reads and is measured by: HTML pages with all that a web is full of,
//! schoolbooks, conversations, problems, and for each of them what should become of it. It knows the rules that pages
//! must keep, but neither how they are curated nor who reads them, and it writes no files.

#![forbid(unsafe_code)]

mod budget;
pub mod dates;
pub mod knowledge;

mod names;
mod prose;
mod shape;
mod sheet;

mod articles;
mod attribute;
mod places;
mod residents;

mod lessons;
mod problems;
mod spanish;
mod spelling;
mod word_problems;

mod dialogues;
mod distractions;
mod echoes;
mod forum;
mod glossaries;
mod jokes;
mod news;
mod recitation;
mod stories;

mod conversations;
mod questions;
mod searches;
mod small_talk;

mod html;
mod junk;
mod key;
mod world;

pub use budget::{Size, WorldConfig};
pub use conversations::{Content, Conversation, Message, Part, THINK_FIRST, TOOLS_OFFERED, WITHOUT_TOOLS};
pub use key::{Fact, Row, Split};
pub use places::Place;
pub use problems::Entry;
pub use questions::Question;
pub use residents::Resident;
pub use sheet::{Dress, Raw, Sheet, Shelf};
pub use world::{KindSummary, Page, Schoolbook, Summary, World};
