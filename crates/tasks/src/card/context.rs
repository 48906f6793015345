//! Working memory against recollection: what a model takes from its context. Lines
//! to repeat, passages about names that occur nowhere else, and translation from
//! examples.

use base::rng::{Rng, label};
use serde::{Deserialize, Serialize};
use tokenizer::chat::{Message, Part};

use super::{Role, one};
use crate::Result;
use crate::ask::{Ask, Prompt, Question};
use crate::conversations::StoredConversation;
use crate::key::Key;
use crate::stats::Rate;
use crate::words::{mentioned, words};

/// Tokens for an answer to a question on a passage.
const ANSWER_TOKENS: usize = 40;

/// Right answers to what stands in the context. Rates of nothing (`n` 0) do not
/// apply to the role, or the world has no such conversations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// Lines of random words repeated word for word (base).
    pub echo: Rate,
    /// Questions on a passage that stands in the context.
    pub passage: Rate,
    /// The same questions without the passage.
    pub without_passage: Rate,
    /// Words put into another language after ten examples (base).
    pub translation: Rate,
    /// One passage, its question, the right answer, and what was said.
    pub example: Option<Example>,
}

/// A question on a passage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The passage.
    pub passage: String,
    /// The question on it.
    pub question: String,
    /// The answer that the conversation has.
    pub right: String,
    /// What was said with the passage in the context.
    pub with: String,
    /// What was said without it.
    pub without: String,
}

/// A question on a passage, with its answer.
struct Reading {
    passage: String,
    question: String,
    answer: String,
}

/// Asks at most `limit` of each sort, drawn by seed.
///
/// # Errors
/// Those of the answerer.
pub fn read(role: Role, ask: &mut Ask, conversations: &[StoredConversation], key: &Key, limit: usize, seed: u64) -> Result<Context> {
    let mut rng = Rng::derive(seed, &[label("context")]);
    let readings: Vec<Reading> = conversations.iter().filter(|stored| stored.kind == PASSAGES).filter_map(reading).collect();
    let readings: Vec<&Reading> = rng.sample(&readings, readings.len().min(limit));
    let values: Vec<&str> = {
        let residents = key.facts.iter().filter(|fact| fact.kind == "resident");
        let mut values: Vec<&str> = residents.map(|fact| fact.value.as_str()).collect();
        values.sort_unstable();
        values.dedup();
        values
    };
    let mut questions: Vec<Question> = readings.iter().map(|reading| one(role, prompt(role, reading, true), ANSWER_TOKENS)).collect();
    questions.extend(readings.iter().map(|reading| one(role, prompt(role, reading, false), ANSWER_TOKENS)));
    let said: Vec<String> = ask(&questions)?.into_iter().map(|answer| own_answer(role, &answer.text)).collect();
    let (with, without) = said.split_at(readings.len());
    let rate = |said: &[String]| Rate::of(readings.iter().zip(said).map(|(reading, text)| agrees(reading, text, &values)));
    let example = readings.first().map(|reading| Example {
        passage: reading.passage.clone(),
        question: reading.question.clone(),
        right: reading.answer.clone(),
        with: with[0].clone(),
        without: without[0].clone(),
    });
    let (echo, translation) = match role {
        Role::Base => (echo(ask, &values, limit, &mut rng)?, translate(ask, limit, &mut rng)?),
        Role::Assistant => (Rate::new(0, 0), Rate::new(0, 0)),
    };
    Ok(Context { echo, passage: rate(with), without_passage: rate(without), translation, example })
}

/// The kind of the conversations that hold a passage and a question on it.
const PASSAGES: &str = "passage";

/// Passage, question and answer of a conversation whose user gives a passage and
/// asks on its last line.
fn reading(stored: &StoredConversation) -> Option<Reading> {
    let [.., user, assistant] = &stored.conversation.messages[..] else { return None };
    let asked = text_of(user);
    let (passage, question) = asked.trim().rsplit_once('\n')?;
    Some(Reading { passage: passage.trim().to_owned(), question: question.trim().to_owned(), answer: text_of(assistant).trim().to_owned() })
}

fn text_of(message: &Message) -> String {
    let text = |part: &Part| if let Part::Text(text) = part { text.clone() } else { String::new() };
    message.parts.iter().map(text).collect()
}

/// The passage and the question, or the question alone, as the role is asked.
fn prompt(role: Role, reading: &Reading, with_passage: bool) -> Prompt {
    let Reading { passage, question, .. } = reading;
    let (bare_passage, bare_question) = (unmarked(passage), unmarked(question));
    match (role, with_passage) {
        (Role::Base, true) => Prompt::Page(format!("https://read.school/1\nPassage: {bare_passage}\nQuestion: {bare_question}\nAnswer:")),
        (Role::Base, false) => Prompt::Page(format!("https://read.school/1\nQuestion: {bare_question}\nAnswer:")),
        (Role::Assistant, true) => Prompt::user(format!("{passage}\n{question}")),
        (Role::Assistant, false) => Prompt::user(bare_question),
    }
}

/// A line without its "Passage:" or "Question:".
fn unmarked(line: &str) -> &str {
    let line = line.trim();
    line.strip_prefix("Passage:").or_else(|| line.strip_prefix("Question:")).unwrap_or(line).trim()
}

/// A base model goes on with the next question: its answer is the first line.
fn own_answer(role: Role, text: &str) -> String {
    match role {
        Role::Base => text.trim_start().lines().next().unwrap_or("").to_owned(),
        Role::Assistant => text.trim().to_owned(),
    }
}

/// Whether a text names the same values as the right answer and no others; where
/// that names none, whether it says the same words.
fn agrees(reading: &Reading, text: &str, values: &[&str]) -> bool {
    let wanted = mentioned(&reading.answer, values.iter().copied());
    if wanted.is_empty() {
        let lower = |text: &str| words(&text.to_lowercase());
        return !text.is_empty() && lower(text) == lower(&reading.answer);
    }
    mentioned(text, values.iter().copied()) == wanted
}

/// Lines of values in random order, to be said again.
fn echo(ask: &mut Ask, values: &[&str], limit: usize, rng: &mut Rng) -> Result<Rate> {
    if values.is_empty() {
        return Ok(Rate::new(0, 0));
    }
    let line = |rng: &mut Rng| (0..4).map(|_| *rng.pick(values)).collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = (0..limit).map(|_| line(rng)).collect();
    let page = |line: &String| Prompt::Page(format!("https://echo.school/1\nSay: {line}\nEcho:"));
    let questions: Vec<Question> = lines.iter().map(|line| Question::greedy_line(page(line), ANSWER_TOKENS)).collect();
    let answers = ask(&questions)?;
    Ok(Rate::of(lines.iter().zip(&answers).map(|(line, answer)| own_answer(Role::Base, &answer.text).trim() == line)))
}

/// Ten pairs, and a word that is not among them: the word itself must be known from
/// reading, that it is wanted in Korean must be taken from the pairs.
pub const KOREAN_PAIRS: &str = "water: mul\nhouse: jip\ntree: namu\nfriend: chingu\nbook: chaek\nsky: haneul\nsea: bada\n\
    mountain: san\ndoor: mun\nschool: hakgyo\nteacher:";

/// English words and what they are in French, Spanish and Korean (in Latin letters).
const GLOSSARY: [(&str, [&str; 3]); 16] = [
    ("water", ["eau", "agua", "mul"]),
    ("house", ["maison", "casa", "jip"]),
    ("tree", ["arbre", "árbol", "namu"]),
    ("friend", ["ami", "amigo", "chingu"]),
    ("book", ["livre", "libro", "chaek"]),
    ("sky", ["ciel", "cielo", "haneul"]),
    ("sea", ["mer", "mar", "bada"]),
    ("mountain", ["montagne", "montaña", "san"]),
    ("door", ["porte", "puerta", "mun"]),
    ("school", ["école", "escuela", "hakgyo"]),
    ("bread", ["pain", "pan", "ppang"]),
    ("milk", ["lait", "leche", "uyu"]),
    ("flower", ["fleur", "flor", "kkot"]),
    ("dog", ["chien", "perro", "gae"]),
    ("moon", ["lune", "luna", "dal"]),
    ("bird", ["oiseau", "pájaro", "sae"]),
];

/// Ten pairs of one language and an eleventh word: the language must be taken from
/// the examples.
fn translate(ask: &mut Ask, limit: usize, rng: &mut Rng) -> Result<Rate> {
    let mut questions = vec![Question::greedy_line(Prompt::Page(KOREAN_PAIRS.to_owned()), 8)];
    let mut wanted = vec!["seonsaengnim"];
    for i in 0..limit.saturating_sub(1) {
        let language = i % 3;
        let drawn = rng.sample(&GLOSSARY, 11);
        let pairs: Vec<String> = drawn[..10].iter().map(|(word, others)| format!("{word}: {}", others[language])).collect();
        questions.push(Question::greedy_line(Prompt::Page(format!("{}\n{}:", pairs.join("\n"), drawn[10].0)), 8));
        wanted.push(drawn[10].1[language]);
    }
    let answers = ask(&questions)?;
    let right = |(answer, wanted): (&crate::ask::Answer, &&str)| own_answer(Role::Base, &answer.text).trim() == *wanted;
    Ok(Rate::of(answers.iter().zip(&wanted).map(right)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::scripted;
    use crate::key::Fact;
    use tokenizer::chat::{Conversation, Role as Speaker};

    fn world() -> (Vec<StoredConversation>, Key) {
        let fact = |attribute: &str, value: &str| Fact {
            subject: "Bado Kilamo".into(),
            kind: "resident".into(),
            attribute: attribute.into(),
            value: value.into(),
            also: vec![],
            exposures: 4,
            split: "asked".into(),
            url: String::new(),
            cue: String::new(),
            questions: vec![],
            date: None,
        };
        let key = Key { facts: vec![fact("food", "soup"), fact("food", "figs"), fact("color", "teal")], ..Key::default() };
        let messages = vec![
            Message::text(Speaker::User, "Tilo Marane always wears teal. Tilo Marane often eats figs.\nWhat does Tilo Marane eat?"),
            Message::text(Speaker::Assistant, "Tilo Marane often eats figs."),
        ];
        let stored =
            StoredConversation { id: "1".into(), split: "test".into(), kind: PASSAGES.into(), conversation: Conversation { messages } };
        (vec![stored], key)
    }

    #[test]
    fn an_assistant_reads_the_passage_or_makes_something_up() {
        let (conversations, key) = world();
        let mut ask = scripted(|question| match &question.prompt {
            Prompt::Chat(turns) if turns[0].1.contains("often eats figs") => "Figs.".into(),
            _ => "Soup.".into(),
        });
        let context = read(Role::Assistant, &mut ask, &conversations, &key, 10, 1).unwrap();
        assert_eq!((context.passage.right, context.without_passage.right, context.passage.n), (1, 0, 1));
        assert_eq!(context.echo.n, 0);
        assert_eq!(context.example.unwrap().without, "Soup.");
    }

    #[test]
    fn a_base_model_that_copies_echoes_and_reads() {
        let (conversations, key) = world();
        let mut ask = scripted(|question| {
            let Prompt::Page(page) = &question.prompt else { panic!("a conversation") };
            match page.split_once("Say: ") {
                Some((_, line)) => format!(" {}\nSay: more", line.trim_end_matches("\nEcho:")),
                None if page.contains("often eats figs") => " figs.\nQuestion: teal?".into(),
                None => " nothing".into(),
            }
        });
        let context = read(Role::Base, &mut ask, &conversations, &key, 10, 1).unwrap();
        assert_eq!((context.echo.right, context.echo.n), (10, 10));
        assert_eq!((context.passage.right, context.without_passage.right), (1, 0));
        assert_eq!((context.translation.right, context.translation.n), (0, 10));
    }

    #[test]
    fn translations_are_asked_after_ten_examples() {
        let (_, key) = world();
        let mut ask = scripted(|question| {
            let Prompt::Page(page) = &question.prompt else { panic!("a conversation") };
            if page.ends_with("teacher:") {
                return " seonsaengnim\nwind: baram".into();
            }
            let asked = page.lines().next_back().unwrap().trim_end_matches(':');
            let Some(entry) = GLOSSARY.iter().find(|entry| entry.0 == asked) else { return String::new() };
            assert!(page.lines().count() == 11 && !page.contains(&format!("{asked}: ")));
            let language = (0..3).find(|&i| GLOSSARY.iter().any(|other| page.contains(&format!("{}: {}\n", other.0, other.1[i]))));
            format!(" {}", entry.1[language.unwrap()])
        });
        let context = read(Role::Base, &mut ask, &[], &key, 12, 1).unwrap();
        assert_eq!((context.translation.right, context.translation.n), (12, 12));
    }
}
