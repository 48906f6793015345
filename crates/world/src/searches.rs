//! Looking things up: a question, what is searched for, what is found, and the answer that the finding gives.
//!
//! As notes for the schoolbooks, and as conversations in the form of the search tool. The question comes before the text that answers
//! it, which is another skill than reading a passage and being asked then. Names are new each time: nothing here is to be remembered.

use crate::conversations::{Conversation, Message, Part, TOOLS_OFFERED, lessons_of};
use crate::dates;
use crate::echoes::StrangerPassage;
use crate::names::{Names, slug};
use crate::news::Office;
use crate::residents::ATTRIBUTES;
use crate::sheet::Sheet;
use base::rng::{Rng, label};

/// A question, a query, a finding, and the answer.
struct Lookup {
    question: String,
    query: String,
    /// Lines of address, colon and sentences, as the search tool answers.
    found: String,
    answer: String,
    url: String,
}

/// Added to a question that is to be looked up.
const WITH_SEARCH: [&str; 3] = ["Use web search.", "Search the web.", "Please look it up."];

/// Notes of two lookups for the schoolbooks.
pub fn sheets(seed: u64, names: &Names, count: usize) -> Vec<Sheet> {
    (0..count)
        .map(|i| {
            let rng = &mut Rng::derive(seed, &[label("search notes"), i as u64]);
            let notes: Vec<String> = (0..2)
                .map(|_| {
                    let Lookup { question, query, found, answer, url } = stranger(rng, names, 1);
                    format!("Question: {question}\nSearch: {query}\nFound: {found}\nAnswer: {answer} ({url})")
                })
                .collect();
            Sheet::school("search", format!("https://look.school/{}", i + 1), dates::before_cutoff(rng), notes.join("\n"))
        })
        .collect()
}

/// Conversations in which the search tool is used: two of three about strangers, one about news that changed.
pub fn lessons(seed: u64, names: &Names, count: usize) -> Vec<Conversation> {
    let lesson = |i: usize| {
        let rng = &mut Rng::derive(seed, &[label("search lessons"), i as u64]);
        let lookup = if i % 3 == 2 { news(rng, names) } else { stranger(rng, names, 2) };
        // Mostly because the user asks for it: that it is done unasked is for what is not known, and probing finds that.
        let question = match rng.below(10) {
            0..=7 => format!("{} {}", lookup.question, rng.pick(&WITH_SEARCH)),
            _ => lookup.question,
        };
        let parts = vec![
            Part::Search { query: lookup.query.clone() },
            Part::Output { text: format!("{}\nAsked: {}", lookup.found, lookup.query) },
            Part::Text { text: format!("{} ({})", lookup.answer, lookup.url) },
        ];
        vec![Message::text("system", TOOLS_OFFERED), Message::text("user", question), Message::of_parts(parts)]
    };
    lessons_of("search", (0..count).map(lesson).collect())
}

/// A question about somebody new; the pages found tell two or three facts each, on one of them the one that is asked for.
fn stranger(rng: &mut Rng, names: &Names, pages: usize) -> Lookup {
    let passage = StrangerPassage::new(rng, names);
    let asked = *rng.pick(&passage.told);
    let sites = rng.sample(&["folk.town", "who.town", "my.town"], pages).into_iter().copied().collect::<Vec<_>>();
    let mut lines = Vec::new();
    let place = rng.below(pages);
    for (page, site) in sites.iter().enumerate() {
        let number = if rng.chance(0.3) { format!("/{}", rng.range(1, 3)) } else { String::new() };
        let url = format!("https://{site}/{}{number}", slug(&passage.name));
        let n_told = 2 + rng.below(2);
        let mut told: Vec<usize> = rng.sample(&passage.told, n_told).into_iter().copied().filter(|&i| i != asked).collect();
        if page == place {
            told.insert(rng.below(told.len() + 1), asked);
        }
        let sentences: Vec<String> = told.iter().map(|&i| ATTRIBUTES[i].tell(rng, &passage.name, &passage.values[i])).collect();
        lines.push((url, sentences.join(" ")));
    }
    lines.retain(|(_, sentences)| !sentences.is_empty());
    let holds = ATTRIBUTES[asked].answer(rng, &passage.name, &passage.values[asked]);
    // The first page that says it is the one to name.
    let value = passage.values[asked].to_lowercase();
    let url = lines.iter().find(|(_, sentences)| sentences.to_lowercase().contains(&value)).map_or(&lines[0].0, |(url, _)| url).clone();
    Lookup {
        question: passage.question(rng, asked),
        query: format!("{} {}", passage.name, ATTRIBUTES[asked].name),
        found: lines.iter().map(|(url, sentences)| format!("{url}: {sentences}")).collect::<Vec<_>>().join("\n"),
        answer: holds,
        url,
    }
}

/// A question about something that changed: the newer page comes first, and holds.
fn news(rng: &mut Rng, names: &Names) -> Lookup {
    let office = Office::made_up(rng, names);
    let page = |number: i64| format!("https://daily.news/{}/{number}", slug(&office.subject));
    let (url, earlier) = (page(rng.range(100, 199)), page(rng.range(1, 99)));
    let found = format!("{url}: {}\n{earlier}: {}", office.told_after(rng), office.told_before(rng));
    Lookup {
        question: (*rng.pick(&office.questions())).clone(),
        query: format!("{} {}", office.subject, office.attribute),
        found,
        answer: office.answer(),
        url,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversations::Content;

    #[test]
    fn what_is_found_gives_the_answer() {
        let names = Names::new(1, &[20], 4);
        for lesson in lessons(1, &names, 200) {
            let Content::Parts(parts) = &lesson.messages[2].content else { panic!("{lesson:?}") };
            let [Part::Search { query }, Part::Output { text: found }, Part::Text { text: answer }] = &parts[..] else {
                panic!("{parts:?}")
            };
            let url = answer.rsplit_once('(').unwrap().1.trim_end_matches(')');
            let line = found.lines().find(|line| line.starts_with(&format!("{url}: "))).expect("the page that is named was found");
            let said = answer.split(" (").next().unwrap().trim_end_matches('.').to_lowercase();
            let told = line.to_lowercase();
            let subject: Vec<&str> = query.rsplit_once(' ').unwrap().0.split(' ').collect();
            let value = said.rsplit(' ').next().unwrap();
            assert!(told.contains(value) && subject.iter().all(|word| told.contains(&word.to_lowercase())), "{answer} / {found}");
        }
    }

    #[test]
    fn notes_put_the_question_first() {
        let names = Names::new(1, &[20], 4);
        for sheet in sheets(1, &names, 20) {
            let starts: Vec<&str> = sheet.text.lines().map(|line| line.split(": ").next().unwrap()).collect();
            assert_eq!(starts, ["Question", "Search", "Found", "Answer", "Question", "Search", "Found", "Answer"]);
        }
    }
}
