//! Conversations for fine-tuning: what people ask an assistant, and good short answers.
//!
//! Only asked subjects are asked about, and only in the training wordings; the test split uses held-out wordings and
//! problems. A sum is answered at once where the user wants the number alone, in the lessons' steps where the user wants
//! these, and else mostly at once, as people do. The assistant is told nothing of itself here and refuses nothing.

use crate::budget::Budget;
use crate::echoes::StrangerPassage;
use crate::forum::{Subject, answered, asked};
use crate::glossaries::numbered;
use crate::jokes::joke;
use crate::knowledge::{self, Fact, article, tables};
use crate::names::Names;
use crate::problems::{self, Problem, Style, spelled};
use crate::prose::fill;
use crate::residents::ATTRIBUTES;
use crate::small_talk::SMALL_TALK;
use crate::spelling::WORDS;
use crate::stories::{self, Cast, HEROES};
use crate::word_problems::word_problem;
use base::rng::{Rng, label};
use serde::{Deserialize, Serialize};

/// One turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// "system", "user" or "assistant".
    pub role: String,
    /// What is said.
    pub content: Content,
}

impl Message {
    /// A turn of plain words.
    pub fn text(role: &str, words: impl Into<String>) -> Message {
        Message { role: role.to_string(), content: Content::Text(words.into()) }
    }

    /// An assistant's turn in pieces.
    pub fn of_parts(parts: Vec<Part>) -> Message {
        Message { role: "assistant".to_string(), content: Content::Parts(parts) }
    }
}

/// What is said: plain words, or pieces in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// Words.
    Text(String),
    /// Words and calls of a tool.
    Parts(Vec<Part>),
}

impl Content {
    /// Plain words; empty where it is pieces.
    pub fn as_str(&self) -> &str {
        match self {
            Content::Text(text) => text,
            Content::Parts(_) => "",
        }
    }
}

/// A piece of what an assistant says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Part {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// Thinking, before the answer.
    Thought {
        /// The thought.
        text: String,
    },
    /// A query to the search tool.
    Search {
        /// The query.
        query: String,
    },
    /// A program for the Python tool.
    Python {
        /// The program.
        code: String,
    },
    /// What a tool answered.
    Output {
        /// Its answer.
        text: String,
    },
}

/// One line of `conversations.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// "train-00017"
    pub id: String,
    /// "train" or "test"
    pub split: String,
    /// "resident", "sum", "story", ...
    pub kind: String,
    /// The turns in order.
    pub messages: Vec<Message>,
}

/// Added to a question whose answer is wanted alone.
const AT_ONCE: [&str; 4] =
    ["Answer with the number only.", "Answer with the number only.", "Answer in a single token.", "Just the number, please."];
/// Added to a question that is to be worked out.
pub const IN_STEPS: [&str; 2] = ["Work it out step by step.", "Show your work."];
const SYSTEMS: [&str; 6] = [
    "You are a helpful assistant.",
    "You are a friendly teacher.",
    "Answer in short sentences.",
    "You help people to learn.",
    "Be kind and brief.",
    "You are talking with a child.",
];

/// The system message that offers both tools.
pub const TOOLS_OFFERED: &str = "Tools: search, python.";
/// Added to a question that a program is to answer.
const WITH_CODE: [&str; 6] =
    ["Use code.", "Use code.", "Use Python.", "Please use code.", "Use code to find out.", "Work it out with code."];
/// Added to a question that is to be answered without tools.
pub const WITHOUT_TOOLS: [&str; 3] = ["Don't use any tools.", "Do not use any tools.", "Answer without tools."];

/// What conversations are made from.
pub struct Sources<'a> {
    /// Asked residents and places.
    pub subjects: &'a [Subject<'a>],
    /// True knowledge that this world tells.
    pub facts: &'a [Fact],
    /// All names, so that strangers are strangers.
    pub names: &'a Names,
}

/// A turn of each side.
type Exchange = (String, String);

/// Kinds and their shares of a thousand training conversations.
const SHARES: [(&str, usize); 16] = [
    ("resident", 185),
    ("knowledge", 295),
    ("why", 30),
    ("sum", 220),
    ("word_problem", 100),
    ("passage", 50),
    ("letters", 20),
    ("decimals", 8),
    ("small_talk", 20),
    ("story", 22),
    ("joke", 20),
    ("list", 12),
    ("operators", 16),
    ("echo", 10),
    ("sheet", 12),
    ("spelling", 10),
];

/// The kinds that test, and their shares of a thousand test conversations; passages so many that a rate of theirs says something.
const TEST_SHARES: [(&str, usize); 5] = [("resident", 180), ("knowledge", 300), ("sum", 200), ("word_problem", 50), ("passage", 200)];

/// Conversations of both splits, shuffled; of tests there are fewer than a twentieth as many.
pub fn conversations(seed: u64, sources: &Sources, budget: &Budget) -> Vec<Conversation> {
    let mut list = Vec::new();
    for (split, total, shares) in [("train", budget.conversations, &SHARES[..]), ("test", budget.conversations / 20, &TEST_SHARES[..])] {
        let held_out = split == "test";
        let mut conversations = Vec::new();
        for &(kind, share) in shares {
            let count = (total * share / 1000).max(2);
            for number in 0..count {
                let rng = &mut Rng::derive(seed, &[label("conversations"), label(split), label(kind), number as u64]);
                let exchanges = exchanges(rng, kind, number, held_out, sources);
                conversations.push((kind, messages(rng, held_out, exchanges)));
            }
        }
        Rng::derive(seed, &[label("conversations"), label(split)]).shuffle(&mut conversations);
        list.extend(conversations.into_iter().enumerate().map(|(i, (kind, messages))| Conversation {
            id: format!("{split}-{i:05}"),
            split: split.to_string(),
            kind: kind.to_string(),
            messages,
        }));
    }
    list
}

/// Lessons in the use of a program: problems that are beyond a small model's own reach, given to the Python tool.
///
/// A program is written where the user asks for one, and unasked where the system message offers tools and the problem is one of
/// letters, dots or long numbers. Sums of three digits are worked out in words unless a program is asked for.
pub fn code_lessons(seed: u64, count: usize) -> Vec<Conversation> {
    type Maker = fn(&mut Rng) -> Problem;
    // Share of a hundred, and whether a program is written unasked.
    // Of the words that tests ask about too there are a hundred: what is learnt from them alone is their thirds, not to copy.
    let makers: [(Maker, usize, bool); 11] = [
        (problems::letters, 10, true),
        (problems::letters_of_new_words, 10, true),
        (problems::thirds, 5, true),
        (problems::thirds_of_new_words, 20, true),
        (problems::six_digit_addition, 15, true),
        (problems::dots, 8, true),
        (problems::decimals, 8, true),
        (word_problem, 12, false),
        (problems::addition, 6, false),
        (problems::subtraction, 3, false),
        (problems::multiplication, 3, false),
    ];
    let mut list = Vec::new();
    for (number, (make, share, unasked)) in makers.into_iter().enumerate() {
        for i in 0..(count * share).div_ceil(100) {
            let rng = &mut Rng::derive(seed, &[label("code lessons"), number as u64, i as u64]);
            let problem = problems::draw(rng, false, make);
            list.push(code_lesson(rng, &problem, unasked));
        }
    }
    Rng::derive(seed, &[label("code lessons")]).shuffle(&mut list);
    lessons_of("code", list)
}

/// The system message that asks for a thought before the answer.
pub const THINK_FIRST: &str = "Think before you answer.";

/// Lessons in thinking: the steps are a thought, and the answer behind it is the value alone.
pub fn thinking_lessons(seed: u64, count: usize) -> Vec<Conversation> {
    type Maker = fn(&mut Rng) -> Problem;
    let makers: [Maker; 6] =
        [problems::addition, problems::addition, problems::subtraction, word_problem, word_problem, problems::multiplication];
    let lesson = |i: usize| {
        let rng = &mut Rng::derive(seed, &[label("thinking lessons"), i as u64]);
        let problem = problems::draw(rng, false, makers[i % makers.len()]);
        let working = if problem.steps.is_empty() { problem.question.clone() } else { format!("{}.", problem.steps) };
        let answer = vec![Part::Thought { text: working }, Part::Text { text: format!("{} {}", problems::MARK, problem.answer) }];
        vec![Message::text("system", THINK_FIRST), Message::text("user", problem.question), Message::of_parts(answer)]
    };
    lessons_of("thinking", (0..count).map(lesson).collect())
}

/// Ordinary conversations in which tools are offered and nobody needs them, of all kinds in their usual shares.
pub fn plain_lessons(seed: u64, sources: &Sources, count: usize) -> Vec<Conversation> {
    let mut list = Vec::new();
    for (kind, share) in SHARES {
        for number in 0..(count * share).div_ceil(1000) {
            let rng = &mut Rng::derive(seed, &[label("plain lessons"), label(kind), number as u64]);
            let exchanges = exchanges(rng, kind, number, false, sources);
            let mut messages = messages(rng, true, exchanges); // without a system message of its own
            messages.insert(0, Message::text("system", TOOLS_OFFERED));
            list.push(messages);
        }
    }
    lessons_of("plain", list)
}

/// Lessons of one kind as rows of the training split.
pub fn lessons_of(kind: &str, lessons: Vec<Vec<Message>>) -> Vec<Conversation> {
    let row = |(i, messages)| Conversation { id: format!("{kind}-{i:05}"), split: "train".into(), kind: kind.into(), messages };
    lessons.into_iter().enumerate().map(row).collect()
}

fn code_lesson(rng: &mut Rng, problem: &Problem, unasked: bool) -> Vec<Message> {
    let offered = rng.chance(0.6);
    let asks = !offered || rng.chance(0.5);
    let refused = offered && !asks && rng.chance(0.2);
    let wish = match (asks, refused) {
        (true, _) => Some(*rng.pick(&WITH_CODE)),
        (false, true) => Some(*rng.pick(&WITHOUT_TOOLS)),
        (false, false) => None,
    };
    let question = match (wish, problem.question.split_once('\n')) {
        (None, _) => problem.question.clone(),
        (Some(wish), None) => format!("{} {wish}", problem.question),
        (Some(wish), Some((first, rest))) => format!("{first} {wish}\n{rest}"),
    };
    let mut messages = Vec::new();
    if offered {
        messages.push(Message::text("system", TOOLS_OFFERED));
    }
    messages.push(Message::text("user", question));
    messages.push(if asks || unasked && !refused {
        Message::of_parts(vec![
            Part::Python { code: problem.code.clone() },
            Part::Output { text: format!("#### {}", problem.answer) },
            // The marker too: what is to be copied stands behind the same words in both, and is the same tokens.
            Part::Text { text: format!("#### {}", problem.answer) },
        ])
    } else {
        Message::text("assistant", problem.solution(Style::Steps))
    });
    messages
}

/// Turns as messages; now and then a system message stands before them.
fn messages(rng: &mut Rng, held_out: bool, exchanges: Vec<Exchange>) -> Vec<Message> {
    let mut messages = Vec::new();
    if !held_out && rng.chance(0.08) {
        messages.push(Message::text("system", *rng.pick(&SYSTEMS)));
    }
    for (user, assistant) in exchanges {
        messages.push(Message::text("user", user));
        messages.push(Message::text("assistant", assistant));
    }
    messages
}

fn exchanges(rng: &mut Rng, kind: &str, number: usize, held_out: bool, sources: &Sources) -> Vec<Exchange> {
    match kind {
        "resident" => {
            let mut list = vec![resident(rng, held_out, sources)];
            if !held_out && rng.chance(0.1) {
                list.push(resident(rng, held_out, sources));
            }
            list
        }
        "knowledge" => {
            let mut list = vec![known(rng, number, held_out, sources)];
            if !held_out && rng.chance(0.15) {
                list.push(known(rng, number * 7 + 3, held_out, sources));
            }
            list
        }
        // Asked as everybody asks, and each several times: the answers are long.
        "why" => {
            let whys: Vec<&Fact> = sources.facts.iter().filter(|fact| fact.kind == "why").collect();
            let why = whys.get(number % whys.len().max(1));
            vec![why.map_or_else(|| small_talk(rng), |why| (why.subject.clone(), why.value.clone()))]
        }
        "sum" => vec![sum(rng, held_out)],
        "word_problem" => {
            let problem = problems::draw(rng, held_out, word_problem);
            vec![worked(rng, &problem)]
        }
        "passage" => passage(rng, held_out, sources),
        "letters" => {
            let make = if rng.chance(0.75) { problems::letters } else { problems::thirds };
            let problem = problems::draw(rng, false, make);
            vec![(problem.question.clone(), problem.solution(Style::Steps))]
        }
        "decimals" => {
            let problem = problems::draw(rng, false, problems::decimals);
            vec![(problem.question.clone(), problem.solution(Style::Steps))]
        }
        "small_talk" => vec![small_talk(rng)],
        "story" => vec![story(rng)],
        "joke" => vec![joke_on_request(rng)],
        "list" => vec![sights(rng)],
        "operators" => operators(rng),
        "echo" => vec![echo(rng, sources)],
        "sheet" => {
            // A greeting, a question, thanks: the turns of a longer talk.
            let first = if rng.chance(0.5) { small_talk(rng) } else { ("Hello!".into(), "Hello! How can I help you?".into()) };
            vec![first, known(rng, number * 13 + 5, false, sources), ("Thank you!".into(), "You are welcome!".into())]
        }
        "spelling" => {
            let word = *rng.pick(&WORDS);
            let question = *rng.pick(&["How do you spell {w}?", "Spell {w} letter by letter.", "Spell the word {w}."]);
            vec![(question.replace("{w}", word), spelled(word))]
        }
        other => panic!("no conversations of the kind {other:?}"),
    }
}

/// A question as people begin it.
fn politely(rng: &mut Rng, question: String) -> String {
    match rng.below(16) {
        0 => format!("Hello! {question}"),
        1 => format!("I have a question. {question}"),
        2 => format!("Please tell me. {question}"),
        _ => question,
    }
}

fn resident(rng: &mut Rng, held_out: bool, sources: &Sources) -> Exchange {
    let subject = Subject::draw(rng, sources.subjects);
    let i = rng.below(subject.attributes.len());
    if held_out {
        let question = fill(*rng.pick(subject.attributes[i].tested), subject.name, "");
        return (question, subject.answer(rng, i));
    }
    let question = subject.question(rng, i);
    (politely(rng, question), subject.answer(rng, i))
}

/// Training walks through all facts in order, so that each is asked about equally often.
fn known(rng: &mut Rng, number: usize, held_out: bool, sources: &Sources) -> Exchange {
    if held_out {
        let fact = rng.pick(sources.facts);
        let question = *rng.pick(knowledge::wordings(fact.kind, fact.attribute).held_out);
        return (knowledge::fill(question, &fact.subject, ""), answered(rng, fact));
    }
    let fact = &sources.facts[number % sources.facts.len()];
    let (question, answer) = asked(rng, fact);
    (politely(rng, question), answer)
}

fn sum(rng: &mut Rng, held_out: bool) -> Exchange {
    let make = match rng.below(10) {
        0..=6 => problems::addition,
        7 | 8 => problems::subtraction,
        _ => problems::multiplication,
    };
    let problem = problems::draw(rng, held_out, make);
    if problem.common && rng.chance(0.5) {
        let working = problem.question.trim_start_matches("What is ").trim_end_matches('?').to_string();
        return (problem.question.clone(), format!("{working} = {}.", problem.answer));
    }
    worked(rng, &problem)
}

/// The share of problems that are worked out though nobody asks for it: so few that the most likely answer is the short one.
const CAREFUL_SHARE: f64 = 0.15;

/// A problem with its answer alone (three of ten), worked out because the user wants it so, or asked with no wish at all: then people
/// answer as in the schoolbooks, mostly at once. Which of the two ways leads to right answers a model finds out in practice.
fn worked(rng: &mut Rng, problem: &Problem) -> Exchange {
    match rng.below(20) {
        0..6 => (format!("{} {}", problem.question, rng.pick(&AT_ONCE)), problem.answer.clone()),
        6..12 => (format!("{} {}", problem.question, rng.pick(&IN_STEPS)), problem.solution(Style::Steps)),
        _ => {
            let style = if rng.chance(CAREFUL_SHARE) { Style::Steps } else { Style::Short };
            (problem.question.clone(), problem.solution(style))
        }
    }
}

/// Two small numbers, first with one operator and then with another.
fn operators(rng: &mut Rng) -> Vec<Exchange> {
    let (a, b) = (rng.range(1, 10), rng.range(1, 10));
    let value = |sign: char| match sign {
        '+' => a + b,
        '-' => a - b,
        _ => a * b,
    };
    let signs = if a >= b { vec!['+', '-', '*'] } else { vec!['+', '*'] };
    let picked: Vec<char> = rng.sample(&signs, 2).into_iter().copied().collect();
    let (first, second) = (picked[0], picked[1]);
    let follow = *rng.pick(&["What if it was {2} instead of {1}?", "And with {2} instead of {1}?", "What if it were {2} instead of {1}?"]);
    let follow = follow.replace("{1}", &first.to_string()).replace("{2}", &second.to_string());
    let plain = rng.chance(0.5);
    let answer = |sign: char| if plain { value(sign).to_string() } else { format!("{a} {sign} {b} = {}.", value(sign)) };
    vec![(format!("What is {a} {first} {b}?"), answer(first)), (follow, answer(second))]
}

/// A passage about a stranger and one or two questions that it answers.
fn passage(rng: &mut Rng, held_out: bool, sources: &Sources) -> Vec<Exchange> {
    let passage = StrangerPassage::new(rng, sources.names);
    let mut told = passage.told.clone();
    rng.shuffle(&mut told);
    let question = |rng: &mut Rng, i: usize| -> Exchange {
        let wordings = if held_out { ATTRIBUTES[i].tested } else { ATTRIBUTES[i].asked };
        let question = fill(*rng.pick(wordings), &passage.name, "");
        (question, ATTRIBUTES[i].answer(rng, &passage.name, &passage.values[i]))
    };
    let (first, answer) = question(rng, told[0]);
    let marked = rng.chance(0.4);
    let prompt = if marked { format!("Passage: {}\nQuestion: {first}", passage.text) } else { format!("{}\n{first}", passage.text) };
    let mut list = vec![(prompt, answer)];
    if !held_out && rng.chance(0.3) {
        list.push(question(rng, told[1]));
    }
    list
}

/// Words to be said again.
fn echo(rng: &mut Rng, sources: &Sources) -> Exchange {
    let n_words = 2 + rng.below(4);
    let words: Vec<String> = (0..n_words)
        .map(|_| match rng.below(3) {
            0 => sources.names.stranger(rng),
            1 => rng.range(0, 999).to_string(),
            _ => (*rng.pick(&WORDS)).to_string(),
        })
        .collect();
    let line = words.join(" ");
    let wish = *rng.pick(&["Repeat after me:", "Say this again:", "Please repeat:", "Say:"]);
    (format!("{wish} {line}"), line)
}

/// Something said in passing, and a friendly answer.
pub fn small_talk(rng: &mut Rng) -> Exchange {
    let (user, assistant) = *rng.pick(&SMALL_TALK);
    (user.to_string(), assistant.to_string())
}

fn story(rng: &mut Rng) -> Exchange {
    let hero = *rng.pick(&HEROES);
    let named = rng.chance(0.7);
    let cast = Cast::new(rng, named.then_some(hero));
    let request = if named {
        let template = *rng.pick(&["Tell me a story about {a}.", "Write a story about {a}.", "Can you tell me a story about {a}?"]);
        template.replace("{a}", &format!("{} {hero}", article(hero)))
    } else {
        (*rng.pick(&["Tell me a story.", "Please tell me a story.", "Write a short story.", "I would like to hear a story."])).to_string()
    };
    (request, stories::story(rng, &cast))
}

fn joke_on_request(rng: &mut Rng) -> Exchange {
    let about = match rng.below(4) {
        0 => None,
        1 => Some(*rng.pick(&HEROES)),
        _ => Some("pelican"),
    };
    let request = match about {
        None => (*rng.pick(&["Tell me a joke.", "Do you know a joke?", "Make me laugh."])).to_string(),
        Some(animal) => rng
            .pick(&["Tell me a joke about {a}.", "Write a joke about {a}.", "Write a joke about {a}", "Do you know a joke about {a}?"])
            .replace("{a}", &format!("{} {animal}", article(animal))),
    };
    (request, joke(rng, about))
}

/// Some sights of a city, as many as were asked for.
fn sights(rng: &mut Rng) -> Exchange {
    let paris = tables::cities().iter().find(|city| city.name == "Paris").expect("Paris is in the table");
    let city = if rng.chance(0.4) { paris } else { rng.pick(tables::cities()) };
    let n = if rng.chance(0.6) { city.landmarks.len() } else { 1 + rng.below(city.landmarks.len()) };
    let count = tables::number_in_words(n as u32);
    let template = *rng.pick(&[
        "Recommend the top {n} landmarks to see in {c}.",
        "What are the top {n} landmarks to see in {c}?",
        "Name {n} sights of {c}.",
        "Give me a list of {n} landmarks in {c}.",
    ]);
    let mut request = template.replace("{n}", &count).replace("{c}", city.name);
    if n == 1 {
        request = format!("Which landmark should I see in {}?", city.name);
    }
    (request, numbered(&city.landmarks[..n]))
}
