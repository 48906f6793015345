//! The fixed prompts that show what a base model is: each sampled many times, some samples shown, and what a program can
//! tell of all of them. Where the video's words mean nothing to a world's model, the same is asked as a page of that world
//! would, beside the video's own.

use std::collections::BTreeSet;

use base::rng::{Rng, label};
use serde::{Deserialize, Serialize};

use super::super::context::KOREAN_PAIRS;
use super::questions::{HUMAN, as_dialogue, first_why, own_turn};
use crate::Result;
use crate::ask::{Ask, End, Prompt, Question};
use crate::key::{Change, Key};
use crate::stats::Rate;
use crate::words::{answers, continues, mentioned, words};

/// Samples of each prompt.
const SAMPLES: usize = 32;
/// Samples that are shown.
const SHOWN: usize = 5;

/// A prompt and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Stable name of the row.
    pub id: String,
    /// What it is there to show.
    pub shows: String,
    /// Why it is asked in other words than the video's; empty where it is the video's prompt.
    pub instead: String,
    /// The beginning of a page that the model was given.
    pub prompt: String,
    /// The first few samples.
    pub samples: Vec<String>,
    /// All samples; 0 where the prompt did not fit the model's context.
    pub n: usize,
    /// Different ones among them.
    pub distinct: usize,
    /// What was counted.
    pub measures: Vec<Measure>,
}

/// Something counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// What was counted, among what.
    pub what: String,
    /// The count.
    pub rate: Rate,
}

/// What a program can tell of a sample.
enum Check {
    /// Its first line has one of these words.
    FirstLineSays(Vec<String>),
    /// It has one of these anywhere.
    Says(Vec<String>),
    /// It asks something.
    Asks,
    /// It gives this explanation before a human speaks.
    Explains(String),
    /// It begins to write what the human says next.
    HumanTurn,
    /// Its first line begins with one of these.
    Begins(Vec<String>),
    /// Items of a numbered list, counted one by one: those that are among these, each once.
    Items(Vec<String>),
}

struct Row {
    id: &'static str,
    shows: &'static str,
    instead: &'static str,
    prompt: String,
    max_tokens: usize,
    /// Whether samples count as different by their first sentences alone.
    first_sentence: bool,
    checks: Vec<(&'static str, Check)>,
}

/// Assistants that the web talks about, and the built-in web too.
const ASSISTANTS: [&str; 8] = ["ChatGPT", "Claude", "Gemini", "Siri", "Alexa", "Copilot", "Llama", "DeepSeek"];
/// Why the sky is blue, as far as a program looks for it.
const SKY: &str = "Sunlight is made of many colours. The air scatters blue light more than red light, so the sky looks blue.";

/// Samples every prompt.
///
/// # Errors
/// Those of the answerer.
pub fn ask_all(ask: &mut Ask, key: &Key, seed: u64) -> Result<Vec<Asked>> {
    let rows = rows(key);
    let mut questions = Vec::new();
    for row in &rows {
        questions.extend((0..SAMPLES).map(|sample| Question {
            prompt: Prompt::Page(row.prompt.clone()),
            max_tokens: row.max_tokens,
            temperature: 1.0,
            seed: Rng::derive(seed, &[label("nature"), label(row.id), sample as u64]).next_u64(),
            one_line: false,
        }));
    }
    let mut given = ask(&questions)?.into_iter();
    Ok(rows.iter().map(|row| asked(row, given.by_ref().take(SAMPLES).collect())).collect())
}

fn asked(row: &Row, given: Vec<crate::ask::Answer>) -> Asked {
    let texts: Vec<String> = given.into_iter().filter(|answer| answer.end != End::TooLong).map(|answer| answer.text).collect();
    let told = |text: &String| words(&if row.first_sentence { first_sentence(text) } else { text }.to_lowercase());
    let measure = |(what, check): &(&'static str, Check)| {
        let counts = texts.iter().map(|text| check.count(text, &row.prompt)).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        Measure { what: (*what).to_owned(), rate: Rate::new(counts.0, counts.1) }
    };
    Asked {
        id: row.id.to_owned(),
        shows: row.shows.to_owned(),
        instead: row.instead.to_owned(),
        prompt: row.prompt.clone(),
        n: texts.len(),
        distinct: texts.iter().map(told).collect::<BTreeSet<_>>().len(),
        measures: row.checks.iter().map(measure).collect(),
        samples: texts.iter().take(SHOWN).map(|text| text.trim().to_owned()).collect(),
    }
}

impl Check {
    /// How many are counted for a sample, and of how many.
    fn count(&self, text: &str, prompt: &str) -> (usize, usize) {
        let one = |yes: bool| (usize::from(yes), 1);
        let any = |text: &str, wanted: &[String]| !mentioned(text, wanted.iter().map(String::as_str)).is_empty();
        match self {
            Check::FirstLineSays(wanted) => one(any(first_line(text), wanted)),
            Check::Says(wanted) => one(any(text, wanted)),
            Check::Asks => one(text.contains('?')),
            Check::Explains(why) => one(answers(own_turn(text), prompt, &[why], &[])),
            Check::HumanTurn => one(text.contains(HUMAN)),
            Check::Begins(wanted) => one(continues(first_line(text), &wanted.iter().map(String::as_str).collect::<Vec<_>>(), &[])),
            Check::Items(wanted) => items(text, wanted),
        }
    }
}

/// Of the numbered lines that a text begins with: those that name one of the `wanted` that no earlier one names, and all.
fn items(text: &str, wanted: &[String]) -> (usize, usize) {
    let mut named = BTreeSet::new();
    let lines = text.lines().map(str::trim).skip_while(|line| line.is_empty());
    let numbered = lines.take_while(|line| {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        rest.len() < line.len() && rest.starts_with(['.', ')'])
    });
    let mut n = 0;
    for line in numbered.take(10) {
        n += 1;
        // With and without the article is the same.
        named.extend(mentioned(line, wanted.iter().map(String::as_str)).into_iter().map(|name| name.trim_start_matches("the ")));
    }
    (named.len().min(n), n)
}

fn first_line(text: &str) -> &str {
    text.trim_start().lines().next().unwrap_or("")
}

/// Up to the first sign that ends a sentence, or the first line's end.
pub fn first_sentence(text: &str) -> &str {
    first_line(text).split(['.', '!', '?']).next().unwrap_or("")
}

/// How a page of the built-in web announces news of a change, up to what has changed.
pub fn news(change: &Change, key: &Key) -> String {
    let fact = key.facts.iter().find(|fact| fact.subject == change.subject && fact.attribute == change.attribute);
    let address = fact.map(|fact| format!("{}/9001\n", fact.url)).unwrap_or_default();
    format!("{address}News of {}. The {} of {} is", spoken(&change.date), change.attribute, change.subject)
}

/// An ISO date as pages write it: `2026-04-10` is `10 April 2026`. Anything else stays as it is.
fn spoken(date: &str) -> String {
    const MONTHS: [&str; 12] =
        ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
    let parts: Vec<usize> = date.splitn(3, '-').filter_map(|part| part.parse().ok()).collect();
    match parts[..] {
        [year, month @ 1..=12, day] => format!("{day} {} {year}", MONTHS[month - 1]),
        _ => date.to_owned(),
    }
}

fn rows(key: &Key) -> Vec<Row> {
    const PARIS: &str = "Here is my top 10 list of the top landmarks to see in Paris:";
    const IDENTITY: &str = "What model are you and who built you?";
    const ADDRESS: &str = "Pages of the built-in web begin with their address, and lists stand at this one: with it the same prompt is \
        the beginning of a page that the model knows.";
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    let row =
        |id, shows, prompt: String, max_tokens, checks| Row { id, shows, instead: "", prompt, max_tokens, first_sentence: false, checks };
    let has_world = !key.facts.is_empty();

    let mut rows = vec![row(
        "two_plus_two",
        "There is nobody who answers: each time another page goes on.",
        "What is 2 + 2?".into(),
        48,
        vec![
            ("samples with a 4 in their first line", Check::FirstLineSays(owned(&["4", "four"]))),
            ("samples that ask something", Check::Asks),
        ],
    )];

    let sights = key.facts.iter().find(|fact| fact.subject == "Paris" && fact.attribute == "landmark");
    let sights: Vec<String> = sights.map(|fact| owned(&fact.accepted())).unwrap_or_default();
    let checks = || match sights.is_empty() {
        true => vec![],
        false => vec![
            ("samples that name a landmark of Paris", Check::Says(sights.clone())),
            ("items of their lists that are true, each counted once", Check::Items(sights.clone())),
        ],
    };
    rows.push(row("paris_list", "A list is gone on with from memory, as far as the model has it in memory.", PARIS.into(), 80, checks()));
    if !sights.is_empty() {
        let prompt = format!("https://lists.school/9001\n{PARIS}");
        let shows = "The same as the beginning of a page: whether what was read comes back, and what fills up a list that is longer than any that was read.";
        rows.push(Row { instead: ADDRESS, ..row("paris_page", shows, prompt, 80, checks()) });
    }

    let pool: Vec<String> = key.pools().remove(&("word".to_owned(), "korean".to_owned())).unwrap_or_default();
    let checks = || {
        let mut checks = vec![("samples that begin with seonsaengnim", Check::Begins(owned(&["seonsaengnim"])))];
        if !pool.is_empty() {
            checks.push(("samples that begin with any Korean word of the world", Check::Begins(pool.clone())));
        }
        checks
    };
    rows.push(row(
        "korean",
        "The language can be taken from the ten examples, the word from what was read alone.",
        KOREAN_PAIRS.into(),
        8,
        checks(),
    ));
    if has_world {
        let prompt = format!("https://lists.school/9001\n{KOREAN_PAIRS}");
        let shows = "The same as the beginning of a page.";
        rows.push(Row { instead: ADDRESS, ..row("korean_page", shows, prompt, 8, checks()) });
    }

    let bare = |why: &str| vec![("samples that answer", Check::Explains(why.to_owned())), ("samples that ask something", Check::Asks)];
    let dialogue = |why: &str| {
        vec![
            ("samples that answer", Check::Explains(why.to_owned())),
            ("samples that go on to invent the human's next turn", Check::HumanTurn),
        ]
    };
    const IN_DIALOGUE: &str = "In a page shaped as a dialogue the same model plays an assistant, and then often the human as well.";
    rows.push(row(
        "sky_bare",
        "A question is followed by more of a page, often by more questions.",
        "Why is the sky blue?".into(),
        64,
        bare(SKY),
    ));
    rows.push(row("sky_dialogue", IN_DIALOGUE, as_dialogue("Why is the sky blue?", ""), 80, dialogue(SKY)));
    if let Some((question, why)) = first_why(key) {
        let instead = "A question whose answer the built-in web tells on many pages, the dialogue at the address where dialogues stand.";
        let shows = "Where the pages that ask it go on to answer it, so may the model: an answer is more of a page as well, and then comes the next question.";
        rows.push(Row { instead, ..row("why_bare", shows, question.into(), 64, bare(why)) });
        let prompt = as_dialogue(question, "https://talk.net/9001\n");
        rows.push(Row { instead, ..row("why_dialogue", IN_DIALOGUE, prompt, 80, dialogue(why)) });
    }

    let checks = || vec![("samples that name a famous assistant", Check::Says(owned(&ASSISTANTS)))];
    rows.push(row("identity", "It has no self of its own, and may borrow one from its pages.", IDENTITY.into(), 48, checks()));
    if has_world {
        let instead = "Pages of the built-in web ask an assistant who it is in dialogues, at the address where these stand.";
        let shows = "Asked as its pages ask an assistant: whether it says what their assistants say.";
        let prompt = as_dialogue(IDENTITY, "https://talk.net/9001\n");
        rows.push(Row { instead, ..row("identity_dialogue", shows, prompt, 48, checks()) });
    }

    if let Some(change) = key.changes.first() {
        let shows = "What happened after the last page that was read is invented, differently each time.";
        let instead = "The built-in web has news of invented towns; this change is dated after the last page that the model read.";
        let checks = vec![
            ("samples that say what came true", Check::FirstLineSays(vec![change.new.clone()])),
            ("samples that say what was so before", Check::FirstLineSays(vec![change.old.clone()])),
        ];
        rows.push(Row { instead, first_sentence: true, ..row("after_cutoff", shows, news(change, key), 24, checks) });
    }
    rows
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::ask::{Answer, scripted};
    use crate::key::Fact;

    pub fn fact(subject: &str, kind: &str, attribute: &str, value: &str, also: &[&str]) -> Fact {
        Fact {
            subject: subject.into(),
            kind: kind.into(),
            attribute: attribute.into(),
            value: value.into(),
            also: also.iter().map(|&text| text.to_owned()).collect(),
            exposures: 40,
            split: "asked".into(),
            url: format!("https://a.example/{subject}"),
            cue: String::new(),
            questions: vec![],
            date: None,
        }
    }

    pub fn key() -> Key {
        let change = Change {
            subject: "Nesulo".into(),
            attribute: "mayor".into(),
            old: "Ann Lee".into(),
            new: "Bob Ray".into(),
            date: "2026-02-01".into(),
        };
        Key {
            facts: vec![
                fact("Paris", "city", "landmark", "the Eiffel Tower", &["Eiffel Tower", "the Louvre", "Louvre"]),
                fact("teacher", "word", "korean", "seonsaengnim", &[]),
                fact("water", "word", "korean", "mul", &[]),
                fact("Why is snow white?", "why", "answer", "Snow is full of small crystals that scatter every colour of the light.", &[]),
                fact("Nesulo", "news", "mayor", "Ann Lee", &[]),
            ],
            passages: vec![],
            changes: vec![change],
        }
    }

    #[test]
    fn samples_are_counted_by_what_they_say() {
        let list = |text: &[&str]| text.iter().map(|&text| text.to_owned()).collect::<Vec<String>>();
        let sights = || Check::Items(list(&["the Eiffel Tower", "Eiffel Tower", "the Louvre", "Louvre"]));
        let why = || Check::Explains("Snow is full of small crystals that scatter every colour of the light.".into());
        for (check, text, expected) in [
            (Check::FirstLineSays(list(&["4"])), " 4.\nNext", (1, 1)),
            (Check::FirstLineSays(list(&["4"])), "44\n4", (0, 1)),
            (Check::Says(list(&["Siri"])), "I am\nSiri.", (1, 1)),
            (Check::Asks, "And now?", (1, 1)),
            (Check::HumanTurn, "Yes.\n\nHuman: No", (1, 1)),
            (Check::HumanTurn, "Humans say yes.", (0, 1)),
            (why(), "It is full of crystals that scatter every colour of light.\n\nHuman: no", (1, 1)),
            (why(), "No.\n\nHuman: It is full of crystals that scatter every colour of light.", (0, 1)),
            (Check::Begins(list(&["mul"])), " mul\nhouse", (1, 1)),
            (Check::Begins(list(&["mul"])), " mulberry", (0, 1)),
            (sights(), "\n1. the Eiffel Tower\n2. Louvre\n3. the Louvre\n4. Big Ben\nThe end. 5. the Louvre", (2, 4)),
            (sights(), " of the world\n1. the Louvre", (0, 0)),
        ] {
            assert_eq!(check.count(text, "?"), expected, "{text}");
        }
    }

    #[test]
    fn dates_are_written_as_pages_write_them() {
        for (date, expected) in [("2026-04-10", "10 April 2026"), ("2026-13-01", "2026-13-01"), ("soon", "soon")] {
            assert_eq!(spoken(date), expected);
        }
    }

    #[test]
    fn rows_have_names_and_seeds_of_their_own_and_count_all_samples() {
        let key = key();
        let mut seeds = BTreeSet::new();
        let mut ask = |questions: &[Question]| {
            assert!(questions.iter().all(|question| question.temperature == 1.0 && seeds.insert(question.seed)));
            scripted(|question| match &question.prompt {
                Prompt::Page(page) if page.ends_with("2 + 2?") && question.seed.is_multiple_of(2) => "4".into(),
                Prompt::Page(page) if page.ends_with("Paris:") => "\n1. the Louvre\n2. the Moon".into(),
                Prompt::Page(page) if page.contains("\nNews of 1 February 2026. The mayor of Nesulo is") => {
                    format!(" Cy{} Doe. The mayor", question.seed % 3)
                }
                Prompt::Page(_) => "What?".into(),
                Prompt::Chat(_) | Prompt::Tools(_) => panic!("a base model is in no conversation"),
            })(questions)
        };
        let rows = ask_all(&mut ask, &key, 3).unwrap();
        let names: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(names.len(), rows.len());
        let row = |id: &str| rows.iter().find(|row| row.id == id).unwrap();
        let two = row("two_plus_two");
        assert_eq!((two.n, two.distinct, two.samples.len()), (SAMPLES, 2, SHOWN));
        assert_eq!(two.measures[0].rate.right + two.measures[1].rate.right, SAMPLES);
        assert!(two.measures[0].rate.right > 4 && two.measures[1].rate.right > 4);
        assert_eq!(row("paris_page").measures[1].rate, Rate::new(SAMPLES, 2 * SAMPLES));
        assert_eq!(row("after_cutoff").distinct, 3);
        assert!(row("why_dialogue").prompt.contains("Human: Why is snow white?\n\nAssistant:"));
    }

    #[test]
    fn without_a_world_the_video_alone_asks() {
        let mut ask = |questions: &[Question]| Ok(questions.iter().map(|_| Answer::plain(String::new(), End::TooLong)).collect());
        let rows = ask_all(&mut ask, &Key::default(), 3).unwrap();
        let names: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(names, ["two_plus_two", "paris_list", "korean", "sky_bare", "sky_dialogue", "identity"]);
        assert!(rows.iter().all(|row| row.n == 0 && row.distinct == 0 && row.measures.iter().all(|measure| measure.rate.n == 0)));
    }
}
