//! `base.md`: the base model's nature told in order, from the card alone. What the model wrote stands in fences or as code
//! within a line, which it cannot leave.

use base::text::thousands;

use super::super::Context;
use super::super::render::{fenced, inline};
use super::super::table::{aligned, percent, times};
use super::{Asked, Copying, Followed, Level, Nature, Questions, Recited};

/// Parts of the page in their order: title, and the rows that stand there.
const SECTIONS: [(&str, &[&str]); 6] = [
    ("Nobody answers", &["two_plus_two"]),
    ("A list from memory", &["paris_list", "paris_page"]),
    ("A task from ten examples", &["korean", "korean_page"]),
    ("A question, bare and in a dialogue", &["sky_bare", "sky_dialogue", "why_bare", "why_dialogue"]),
    ("No self of its own", &["identity", "identity_dialogue"]),
    ("After the last page", &["after_cutoff"]),
];

/// The whole page. `pictures` are the files that stand beside it.
pub fn page(nature: &Nature, context: Option<&Context>, name: &str, seed: u64, pictures: &[&str]) -> String {
    let mut text = format!(
        "# An internet document simulator: the base model of {name}\n\nPretraining makes no assistant. It makes a model that goes on \
         with whatever page it is given, the way the pages that it read went on. This page shows what follows from that: what it makes \
         of questions, what it knows by heart, and how much of what it writes is new. Samples are drawn at temperature 1, each from a \
         seed of its own; a sample is shown on one line, with ⏎ for a line's end. Everything follows from the seed {seed}; the key \
         `nature` of `report.json` has the same figures. The rest of the report card is [report.md](report.md).\n"
    );
    let picture = |name: &str, alt: &str| if pictures.contains(&name) { format!("\n![{alt}]({name})\n") } else { String::new() };
    for (title, ids) in SECTIONS {
        let rows: Vec<&Asked> = nature.rows.iter().filter(|row| ids.contains(&row.id.as_str()) && row.n > 0).collect();
        if rows.is_empty() {
            continue;
        }
        text += &format!("\n## {title}\n");
        for row in rows {
            text += &asked(row);
        }
        if ids.contains(&"korean") {
            text += &context.map(in_context).unwrap_or_default();
        }
        if ids.contains(&"sky_bare") {
            text += &nature.questions.as_ref().map(questions).unwrap_or_default();
        }
        if let Some(future) = nature.future.as_ref().filter(|_| ids.contains(&"after_cutoff")) {
            text += &format!(
                "\nThe same for {} changes, {} samples each: a median of {} different sentences for one change. \
                 Samples that say what came true: {}; what was so before: {}.\n",
                future.changes,
                future.samples,
                future.distinct_median,
                percent(future.new),
                percent(future.old)
            );
        }
    }
    text += &passages(&nature.passages);
    text += &stretches(&nature.stretches, &picture("recitation.svg", "Tokens followed, by how often the text was read"));
    text += &copying(&nature.copying, &picture("copying.svg", "Share of texts by their longest match"));
    text
}

fn asked(row: &Asked) -> String {
    let mut text = format!("\n**{}**", row.shows);
    if !row.instead.is_empty() {
        text += &format!(" {}", row.instead);
    }
    text += &format!("\n\n{}\n", fenced(&row.prompt));
    for (i, sample) in row.samples.iter().enumerate() {
        text += &format!("{}. {}\n", i + 1, if sample.is_empty() { "(nothing)".to_owned() } else { inline(sample) });
    }
    let what = if row.id == "after_cutoff" { "different inventions, by their first sentences" } else { "different continuations" };
    let mut rows = vec![vec![format!("of {} samples", row.n), "measured".into()], vec![what.into(), row.distinct.to_string()]];
    rows.extend(row.measures.iter().filter(|measure| measure.rate.n > 0).map(|measure| vec![measure.what.clone(), percent(measure.rate)]));
    text + "\n" + &aligned(&rows)
}

/// What the report measures of reading from the context, beside the rows.
fn in_context(context: &Context) -> String {
    let measured = [
        ("a word put into another language after ten examples", context.translation),
        ("a line of random words said again", context.echo),
        ("a question on a passage about a name that occurs nowhere else", context.passage),
        ("the same question without the passage", context.without_passage),
    ];
    let mut rows = vec![vec!["greedy".to_owned(), "right".into()]];
    rows.extend(measured.iter().filter(|(_, rate)| rate.n > 0).map(|(what, rate)| vec![(*what).to_owned(), percent(*rate)]));
    if rows.len() == 1 {
        return String::new();
    }
    let mut text = format!("\nWhat the model takes from its context, of more questions:\n\n{}", aligned(&rows));
    if let Some(example) = &context.example {
        text += &format!(
            "\n{}\n\n1. with the passage: {}\n2. the question alone: {}\n",
            inline(&format!("{}\n{}", example.passage, example.question)),
            inline(&example.with),
            inline(&example.without)
        );
    }
    text
}

fn questions(questions: &Questions) -> String {
    let Questions { bare, dialogue, .. } = questions;
    let row = |name: &str, bare, dialogue| vec![name.to_owned(), percent(bare), percent(dialogue)];
    let rows = [
        vec!["samples that".to_owned(), "bare".into(), "in a dialogue".into()],
        row("give the answer", bare.answered, dialogue.answered),
        row("ask something", bare.asks, dialogue.asks),
        row("go on to the human's next turn", bare.human_turn, dialogue.human_turn),
    ];
    format!(
        "\nThe same for {} why-questions that the world answers, {} samples each in both forms:\n\n{}",
        questions.questions,
        questions.samples,
        aligned(&rows)
    )
}

fn passages(passages: &[Recited]) -> String {
    if passages.is_empty() {
        return String::new();
    }
    let mut text = "\n## By heart: passages\n\nPassages that many otherwise different pages quote word for word. The model is given the \
                    first sentence; counted is how far it follows, in tokens, up to the first that differs.\n\n"
        .to_owned();
    let mut rows =
        vec![["quoted by", "tokens to follow", "greedy", "samples, each", "characters to follow", "greedy"].map(str::to_owned).to_vec()];
    for passage in passages {
        rows.push(vec![
            pages(passage.exposures),
            passage.length.tokens.to_string(),
            passage.greedy.tokens.to_string(),
            list(passage.sampled.iter().map(|followed| followed.tokens)),
            passage.length.characters.to_string(),
            passage.greedy.characters.to_string(),
        ]);
    }
    text += &aligned(&rows);
    for passage in passages {
        text += &format!("\nQuoted by {}: {}", pages(passage.exposures), inline(&passage.given));
        let Followed { characters, .. } = passage.greedy;
        text += &match passage.text.char_indices().nth(characters) {
            _ if passage.greedy == passage.length => " goes on to its end:\n\n".to_owned(),
            Some((at, _)) if at > 0 => {
                format!(" goes on as it was read up to {}, and then on its own:\n\n", inline(last_words(&passage.text[..at])))
            }
            _ => " goes on in its own way from the first letter:\n\n".to_owned(),
        };
        text += &fenced(&passage.text);
    }
    text
}

/// The end of a text, from the start of a word.
fn last_words(text: &str) -> &str {
    let starts: Vec<usize> = text.match_indices(' ').map(|(at, _)| at + 1).collect();
    if starts.len() < 6 { text } else { &text[starts[starts.len() - 5]..] }
}

fn pages(n: u64) -> String {
    if n == 1 { "1 page".to_owned() } else { format!("{} pages", thousands(n)) }
}

/// `0 0 3 24`, ascending.
fn list(values: impl Iterator<Item = usize>) -> String {
    let mut values: Vec<usize> = values.collect();
    values.sort_unstable();
    values.iter().map(usize::to_string).collect::<Vec<_>>().join(" ")
}

fn stretches(levels: &[Level], picture: &str) -> String {
    let Some(first) = levels.iter().flat_map(|level| &level.points).next() else { return String::new() };
    let mut text = format!(
        "\n## By heart: anything, by how often it was read\n\nStretches of the training text that begin where a page, a line or a sentence \
         does, by how often the training text has them word for word. The model is given the first {} tokens, which stand nowhere else; \
         counted is how many of the next {} it follows. Of held-out pages the training text has neither the stretch nor its beginning: \
         what is followed there is not recited but foreseen. Medians are of \
         tokens, in brackets of characters.\n{picture}\n",
        super::stretches::GIVEN,
        super::stretches::WINDOW - super::stretches::GIVEN
    );
    let mut rows = vec![["read", "stretches", "greedy: median", "to the end", "sampled: median", "to the end"].map(str::to_owned).to_vec()];
    let median = |tokens: f64, characters: f64| format!("{tokens} ({characters})");
    for level in levels {
        rows.push(vec![
            range(level),
            level.points.len().to_string(),
            median(level.greedy_tokens, level.greedy_characters),
            percent(level.greedy_whole),
            median(level.sampled_tokens, level.sampled_characters),
            percent(level.sampled_whole),
        ]);
    }
    text += &aligned(&rows);
    text += &format!("\nAll points: the tokens that each stretch was followed, greedy, of {}.\n\n", first.length.tokens);
    let mut rows = vec![vec!["read".to_owned(), "tokens followed".to_owned()]];
    rows.extend(levels.iter().map(|level| vec![range(level), list(level.points.iter().map(|point| point.greedy.tokens))]));
    text + &aligned(&rows)
}

/// `never`, `once`, `3-4 times`
fn range(level: &Level) -> String {
    match (level.at_least, level.at_most) {
        (0, _) => "never (held out)".to_owned(),
        (low, high) if low == high => times(low),
        (low, high) => format!("{low}-{high} times"),
    }
}

fn copying(copying: &Copying, picture: &str) -> String {
    let Copying { samples, held_out, .. } = copying;
    if samples.longest == 0 {
        return String::new();
    }
    let mut text = format!(
        "\n## Copied or made up\n\n{} ordinary samples, written from `<|endoftext|>` at temperature 1 (a median of {} tokens), and as many \
         beginnings of held-out pages, equally long. Of each the longest run of tokens that the training text ({} tokens) has word for \
         word. What held-out pages share with the training text is what such pages have in common anyway; what samples share beyond that \
         is copied.\n{picture}\n",
        samples.n,
        samples.tokens,
        thousands(copying.training_tokens)
    );
    let row = |name: &str, of: &dyn Fn(&super::Matches) -> String| {
        let none = || "nothing was held out".to_owned();
        vec![name.to_owned(), of(samples), if held_out.n == 0 { none() } else { of(held_out) }]
    };
    let tokens = |n: f64| format!("{n} tokens");
    text += &aligned(&[
        vec!["longest match".to_owned(), "samples".into(), "held-out pages".into()],
        row("median", &|matches| tokens(matches.median)),
        row("90th percentile", &|matches| tokens(matches.p90 as f64)),
        row("longest", &|matches| tokens(matches.longest as f64)),
        row("the whole text stands there", &|matches| percent(matches.whole)),
    ]);
    if !copying.longest.is_empty() {
        text += "\nThe longest matches, and the first page that has them:\n";
    }
    for copy in &copying.longest {
        let place = if copy.url.is_empty() { "a page that was read without its address".to_owned() } else { inline(&copy.url) };
        text += &format!("\n{} tokens, {place}:\n\n{}", copy.tokens, fenced(&copy.text));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{Measure, rows};
    use super::*;
    use crate::stats::Rate;

    #[test]
    fn what_the_model_writes_stays_inside_its_line() {
        let row = Asked {
            id: "two_plus_two".into(),
            shows: "Nobody.".into(),
            instead: String::new(),
            prompt: "What?".into(),
            samples: vec!["a`b\n# | <b>\u{1b}".into(), String::new()],
            n: 2,
            distinct: 2,
            measures: vec![Measure { what: "asked".into(), rate: Rate::new(1, 2) }, Measure { what: "not".into(), rate: Rate::new(0, 0) }],
        };
        let text = asked(&row);
        assert!(text.contains("\n1. `a'b ⏎ # | <b>\u{fffd}`\n2. (nothing)\n"), "{text}");
        assert!(text.contains("| different continuations | 2 ") && text.contains("| asked ") && !text.contains("| not "), "{text}");
    }

    #[test]
    fn every_row_has_its_place_on_the_page() {
        let mut ask = |questions: &[crate::ask::Question]| {
            let answer = crate::ask::Answer::plain("so".into(), crate::ask::End::Cut);
            Ok(vec![answer; questions.len()])
        };
        let asked = rows::ask_all(&mut ask, &rows::tests::key(), 1).unwrap();
        for row in &asked {
            assert_eq!(SECTIONS.iter().filter(|(_, ids)| ids.contains(&row.id.as_str())).count(), 1, "{}", row.id);
        }
        let n_places: usize = SECTIONS.iter().map(|(_, ids)| ids.len()).sum();
        assert_eq!(n_places, asked.len());
    }

    #[test]
    fn a_passage_says_where_it_departs() {
        let followed = |tokens, characters| Followed { tokens, characters };
        let passage = |text: &str, characters| Recited {
            exposures: 10,
            given: "Once.".into(),
            expected: "The cat sat on the mat by the door.".into(),
            length: followed(9, 35),
            text: text.into(),
            greedy: followed(9 * characters / 35, characters),
            sampled: vec![followed(3, 9), followed(1, 2)],
        };
        for (text, characters, expected) in [
            ("The cat sat on the mat by the door.", 35, "goes on to its end"),
            ("The cat sat on the mat by the sea.", 30, "up to `the mat by the `"),
            ("The cat.", 7, "up to `The cat`"),
            ("A dog", 0, "from the first letter"),
        ] {
            let told = passages(&[passage(text, characters)]);
            assert!(told.contains(expected) && told.contains("| 10 pages ") && told.contains("| 1 3 "), "{told}");
        }
    }
}
