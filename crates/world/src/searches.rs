//! Looking things up: a question, what is searched for, what is found, and the answer that the finding gives.
//!
//! As notes for the schoolbooks, and as conversations in the form of the search tool. The question comes before the text that answers
//! it, which is another skill than reading a passage and being asked then. Names are new each time: nothing here is to be remembered.

use crate::conversations::{Conversation, Message, Part, TOOLS_OFFERED, lessons_of};
use crate::dates;
use crate::echoes::StrangerPassage;
use crate::names::{Names, slug};
use crate::news::Office;
use crate::prose::fill;
use crate::residents::ATTRIBUTES;
use crate::sheet::Sheet;
use base::rng::{Rng, label};

/// A question, a query, a finding, and the answer.
struct Lookup {
    question: String,
    query: String,
    /// How the answer goes on where it is not known, up to "I".
    open: String,
    /// Address, colon and sentences, as the search tool answers.
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
                    let facts = rng.range(2, 3) as usize;
                    let Lookup { question, query, found, answer, url, .. } = stranger(rng, names, facts);
                    format!("Question: {question}\nSearch: {query}\nFound: {found}\nAnswer: {answer} ({url})")
                })
                .collect();
            Sheet::school("search", format!("https://look.school/{}", i + 1), dates::before_cutoff(rng), notes.join("\n"))
        })
        .collect()
}

/// Conversations in which the search tool is used: half about strangers, half about news that changed.
///
/// Mostly because the user asks for it: that strangers are looked up unasked is for what is not known, and probing finds that. What
/// changes is looked up in any case.
pub fn lessons(seed: u64, names: &Names, count: usize) -> Vec<Conversation> {
    let lesson = |i: usize| {
        let rng = &mut Rng::derive(seed, &[label("search lessons"), i as u64]);
        let (lookup, wished) = if i % 2 == 1 { (news(rng, names), 0.5) } else { (stranger(rng, names, 4), 0.8) };
        let mut parts = vec![
            Part::Search { query: lookup.query.clone() },
            Part::Output { text: format!("{}\nAsked: {}", lookup.found, lookup.query) },
            Part::Text { text: format!("{} ({})", lookup.answer, lookup.url) },
        ];
        let question = match rng.chance(wished) {
            true => format!("{} {}", lookup.question, rng.pick(&WITH_SEARCH)),
            false => {
                parts.insert(0, Part::Text { text: format!("{} will look up.", lookup.open) });
                lookup.question
            }
        };
        vec![Message::text("system", TOOLS_OFFERED), Message::text("user", question), Message::of_parts(parts)]
    };
    lessons_of("search", (0..count).map(lesson).collect())
}

/// A question about somebody new, and a page that tells so many facts, the one that is asked for among them.
fn stranger(rng: &mut Rng, names: &Names, facts: usize) -> Lookup {
    let passage = StrangerPassage::new(rng, names);
    let asked = *rng.pick(&passage.told);
    let mut told: Vec<usize> = passage.told.iter().copied().filter(|&i| i != asked).take(facts - 1).collect();
    told.insert(rng.below(told.len() + 1), asked);
    let sentences: Vec<String> = told.iter().map(|&i| ATTRIBUTES[i].tell(rng, &passage.name, &passage.values[i])).collect();
    let number = if rng.chance(0.3) { format!("/{}", rng.range(1, 3)) } else { String::new() };
    let url = format!("https://{}/{}{number}", rng.pick(&["folk.town", "who.town", "my.town"]), slug(&passage.name));
    Lookup {
        question: passage.question(rng, asked),
        query: fill(ATTRIBUTES[asked].query, &passage.name, ""),
        open: fill(ATTRIBUTES[asked].open, &passage.name, ""),
        found: format!("{url}: {}", sentences.join(" ")),
        answer: ATTRIBUTES[asked].usual_answer(&passage.name, &passage.values[asked]),
        url,
    }
}

/// A question about something that changed, and the page that tells it.
fn news(rng: &mut Rng, names: &Names) -> Lookup {
    let office = Office::made_up(rng, names);
    let url = format!("https://daily.news/{}/{}", slug(&office.subject), rng.range(1, 199));
    Lookup {
        question: (*rng.pick(&office.questions())).clone(),
        query: office.query(),
        open: office.open(),
        found: format!("{url}: {}", office.told_after(rng)),
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
            let [opened @ .., Part::Search { query }, Part::Output { text: found }, Part::Text { text: answer }] = &parts[..] else {
                panic!("{parts:?}")
            };
            let wished = WITH_SEARCH.iter().any(|wish| lesson.messages[1].content.as_str().ends_with(wish));
            assert_eq!(opened.len(), usize::from(!wished));
            let url = answer.rsplit_once('(').unwrap().1.trim_end_matches(')');
            let line = found.lines().find(|line| line.starts_with(&format!("{url}: "))).expect("the page that is named was found");
            let said = answer.split(" (").next().unwrap().trim_end_matches('.').to_lowercase();
            let told = line.to_lowercase();
            let subject: Vec<&str> = query.split_once(" of ").unwrap().1.split(' ').collect();
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
