//! What follows from probing: conversations that teach a model to say what it knows, to say that it does not know the rest, and to
//! look that up where it has a search tool.

use crate::conversations::StoredConversation;
use base::rng::{Rng, label};
use engine::Tool;
use tokenizer::chat::{Conversation, Message, Part, Role};

use super::{Knowledge, Probed, Question};
use crate::words::mentioned;

/// How a question is declined; [`super::declines`] knows each of them.
const UNKNOWN: [&str; 8] = [
    "I don't know.",
    "I don't know that.",
    "I am sorry, I don't know.",
    "I'm sorry, but I don't know that.",
    "I do not know the answer to that.",
    "I am not sure, so I would rather not guess. I don't know.",
    "That is something I don't know.",
    "I don't know the answer.",
];

/// Added to a question that is to be looked up.
const WITH_SEARCH: [&str; 5] = ["Use web search.", "Use web search.", "Search the web.", "Please look it up.", "Use search to find out."];

/// What lessons are made with.
pub struct Lessons<'a> {
    /// The system message that offers tools.
    pub tools_offered: &'a str,
    /// Ways to forbid tools.
    pub without_tools: &'a [&'a str],
    /// The search tool whose answers are shown; without it no lesson searches.
    pub search: Option<&'a dyn Tool>,
    /// Of a hundred questions that are known, so many are looked up because the user asks for it.
    pub searched_anyway: usize,
    /// The seed of wordings and shares.
    pub seed: u64,
}

/// Conversations on each question whose knowledge is certain, by a coin that decides whether tools are offered and what is asked.
///
/// | | no tools | tools offered | tools offered, "use web search" | tools offered, "don't use any tools" |
/// |---|---|---|---|---|
/// | known | the answer | the answer | search, the answer | the answer |
/// | unknown | "I don't know." | search, the answer | search, the answer | "I don't know." |
pub fn lessons(with: &Lessons, questions: &[Question], probed: &[Probed]) -> Vec<StoredConversation> {
    let mut list = Vec::new();
    for (question, probed) in questions.iter().zip(probed) {
        let rng = &mut Rng::derive(with.seed, &[label("probe lessons"), label(&question.id)]);
        match probed.knowledge {
            Knowledge::Unsure => {}
            Knowledge::Known => list.extend(known(rng, with, question)),
            Knowledge::Unknown => list.push(unknown(rng, with, question)),
        }
    }
    Rng::derive(with.seed, &[label("probe lessons")]).shuffle(&mut list);
    list
}

/// Answered without tools, and with tools too, so that what is offered is not taken where it is not needed.
fn known(rng: &mut Rng, with: &Lessons, question: &Question) -> Vec<StoredConversation> {
    let plain = vec![Part::Text(question.statement().to_owned())];
    let alone = stored(rng, with, question, "known", false, None, plain.clone());
    let Some(search) = with.search else { return vec![alone] };
    let offered = match rng.below(100) {
        ticket if ticket < with.searched_anyway => {
            let wish = *rng.pick(&WITH_SEARCH);
            stored(rng, with, question, "known, searched", true, Some(wish), searched(search, question))
        }
        ticket if ticket < 85 => stored(rng, with, question, "known, tools offered", true, None, plain),
        _ => {
            let wish = *rng.pick(with.without_tools);
            stored(rng, with, question, "known, no tools wanted", true, Some(wish), plain)
        }
    };
    vec![alone, offered]
}

/// Where the value would stand the model decides that it does not know it: there it has said who is asked about and what, and can tell best
/// whether something follows. At the first word of an answer it takes strangers for known (docs/log.md, 2026-11-27).
///
/// Declined without tools, or looked up with a search tool, now and then declined because tools are forbidden. Declining all of it and
/// looking half of it up too teaches a model to decline a third of what it knows (docs/log.md, 2026-11-27).
fn unknown(rng: &mut Rng, with: &Lessons, question: &Question) -> StoredConversation {
    let declined = |rng: &mut Rng| {
        vec![Part::Text(match question.open.as_str() {
            "" => (*rng.pick(&UNKNOWN)).to_owned(),
            open => format!("{open} don't know."),
        })]
    };
    let looked_up = |search: &dyn Tool| {
        let mut parts = searched(search, question);
        if !question.open.is_empty() {
            parts.insert(0, Part::Text(format!("{} will look up.", question.open)));
        }
        parts
    };
    let search = with.search.map(|search| (search, rng.below(100)));
    match search {
        Some((search, 50..80)) => stored(rng, with, question, "unknown, searched", true, None, looked_up(search)),
        Some((search, 80..90)) => {
            let wish = *rng.pick(&WITH_SEARCH);
            stored(rng, with, question, "unknown, searched", true, Some(wish), searched(search, question))
        }
        Some((_, 90..)) => {
            let (wish, parts) = (*rng.pick(with.without_tools), declined(rng));
            stored(rng, with, question, "unknown, no tools wanted", true, Some(wish), parts)
        }
        _ => {
            let parts = declined(rng);
            stored(rng, with, question, "unknown", false, None, parts)
        }
    }
}

/// The call, what it gave, and the answer with its address, or that nothing was found.
fn searched(search: &dyn Tool, question: &Question) -> Vec<Part> {
    let output = search.call(question.query());
    let line = output.text.lines().find(|line| !question.answer.is_empty() && !mentioned(line, question.accepted()).is_empty());
    let source = line.and_then(|line| output.sources.iter().find(|source| line.contains(&source.url)));
    let text = match (line, source) {
        (Some(_), Some(source)) => format!("{} ({})", question.statement(), source.url),
        (Some(_), None) => question.statement().to_owned(),
        (None, _) if question.subject.is_empty() => "I found nothing about that.".to_owned(),
        (None, _) => format!("I found nothing about {}.", question.subject),
    };
    vec![Part::Search(question.query().to_owned()), Part::Output(output.text), Part::Text(text)]
}

fn stored(
    rng: &mut Rng,
    with: &Lessons,
    question: &Question,
    kind: &str,
    offered: bool,
    wish: Option<&str>,
    parts: Vec<Part>,
) -> StoredConversation {
    let mut messages = Vec::new();
    if offered {
        messages.push(Message::text(Role::System, with.tools_offered));
    }
    let asked = match wish {
        None => question.question.clone(),
        Some(wish) if rng.chance(0.8) => format!("{} {wish}", question.question),
        Some(wish) => format!("{wish} {}", question.question),
    };
    messages.push(Message::text(Role::User, asked));
    messages.push(Message { role: Role::Assistant, parts });
    StoredConversation { id: question.id.clone(), split: "train".into(), kind: kind.into(), conversation: Conversation { messages } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{Source, ToolOutput};

    struct Pages;

    impl Tool for Pages {
        fn call(&self, input: &str) -> ToolOutput {
            match input.contains("Bado") {
                true => {
                    let url = "https://folk.town/bado".to_owned();
                    let text = format!("{url}: Bado works as a baker. Bado likes soup.");
                    ToolOutput { text, sources: vec![Source { url, title: "Bado".into() }] }
                }
                false => ToolOutput { text: "Nothing was found.".into(), sources: vec![] },
            }
        }
    }

    fn question(i: usize, subject: &str, answer: &str) -> Question {
        serde_json::from_value(serde_json::json!({
            "id": format!("{subject}-{i}"), "subject": subject, "question": format!("What work does {subject} do?"), "answer": answer,
            "statement": if answer.is_empty() { String::new() } else { format!("{subject} works as a {answer}.") },
            "query": format!("{subject} job"),
        }))
        .unwrap()
    }

    #[test]
    fn each_kind_of_lesson_says_what_it_should() {
        let mut questions = Vec::new();
        for i in 0..200 {
            questions.extend([question(i, "Bado", "baker"), question(i, "Kilo", ""), question(i, "Fano", "judge")]);
        }
        let knowledge = [Knowledge::Known, Knowledge::Unknown, Knowledge::Unsure];
        let probed: Vec<Probed> = questions
            .iter()
            .enumerate()
            .map(|(i, question)| Probed {
                id: question.id.clone(),
                right: 0,
                informative: 0,
                samples: 8,
                knowledge: knowledge[i % 3],
                example: String::new(),
            })
            .collect();
        let with = Lessons {
            tools_offered: "Tools: search.",
            without_tools: &["Don't use any tools."],
            search: Some(&Pages),
            searched_anyway: 10,
            seed: 1,
        };
        let made = lessons(&with, &questions, &probed);
        assert!(made.iter().all(|stored| !stored.id.starts_with("Fano")), "what is neither known nor unknown is not taught");
        let mut kinds = std::collections::BTreeMap::new();
        for stored in &made {
            *kinds.entry(stored.kind.as_str()).or_insert(0) += 1;
            let parts = &stored.conversation.messages.last().unwrap().parts;
            let offered = stored.conversation.messages[0].role == Role::System;
            let Some(Part::Text(said)) = parts.last() else { panic!("{parts:?}") };
            match stored.kind.as_str() {
                "known" => assert!(!offered && said == "Bado works as a baker."),
                "known, tools offered" | "known, no tools wanted" => assert!(offered && parts.len() == 1),
                "known, searched" => {
                    assert_eq!(said, "Bado works as a baker. (https://folk.town/bado)");
                    assert_eq!(parts[0], Part::Search("Bado job".into()));
                }
                "unknown" => assert!(!offered && UNKNOWN.contains(&said.as_str())),
                "unknown, no tools wanted" => assert!(offered && UNKNOWN.contains(&said.as_str())),
                "unknown, searched" => {
                    assert_eq!((said.as_str(), &parts[1]), ("I found nothing about Kilo.", &Part::Output("Nothing was found.".into())))
                }
                other => panic!("{other}"),
            }
        }
        assert_eq!(kinds.len(), 7, "{kinds:?}");
        let without = lessons(&Lessons { search: None, ..with }, &questions, &probed);
        assert!(without.iter().all(|stored| stored.conversation.messages.len() == 2));
    }

    #[test]
    fn what_is_not_known_is_left_open_where_it_would_stand() {
        let questions: Vec<Question> =
            (0..200).map(|i| Question { open: "The job of Kilo is something I".into(), ..question(i, "Kilo", "") }).collect();
        let unknown = |question: &Question| Probed {
            id: question.id.clone(),
            right: 0,
            informative: 8,
            samples: 8,
            knowledge: Knowledge::Unknown,
            example: String::new(),
        };
        let probed: Vec<Probed> = questions.iter().map(unknown).collect();
        let with = Lessons { tools_offered: "Tools.", without_tools: &["No tools."], search: Some(&Pages), searched_anyway: 10, seed: 1 };
        let mut said = std::collections::BTreeSet::new();
        for stored in lessons(&with, &questions, &probed) {
            let [.., user, assistant] = &stored.conversation.messages[..] else { panic!("{stored:?}") };
            let Part::Text(asked) = &user.parts[0] else { panic!("{user:?}") };
            let wished = WITH_SEARCH.iter().any(|wish| asked.contains(wish));
            said.insert(match &assistant.parts[..] {
                [Part::Text(text)] => text.clone(),
                [Part::Text(text), Part::Search(_), ..] if !wished => text.clone(),
                [Part::Search(_), ..] if wished => continue,
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(
            said.into_iter().collect::<Vec<_>>(),
            ["The job of Kilo is something I don't know.", "The job of Kilo is something I will look up."]
        );
    }
}
