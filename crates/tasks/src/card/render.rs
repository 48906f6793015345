//! `report.md`: the run told in order, from the card alone. What models wrote is
//! shown in fences that it cannot close.

use base::text::thousands;

use super::prompts::Shown;
use super::table::{aligned, full_table, in_order, percent, table, times};
use super::{Card, ModelCard, Run, practice};
use crate::stats::mean;

/// The whole report. `pictures` are the files that stand beside it.
pub fn report(card: &Card, run: &Run, pictures: &[&str]) -> String {
    let mut text = format!(
        "# Report card: {}\n\nWhat was read, what came of it, and what the models know, can, and make up. Everything below \
         follows from the seed {}; `report.json` has the same figures for programs.\n",
        run.name, card.seed
    );
    let picture = |name: &str, alt: &str| if pictures.contains(&name) { format!("\n![{alt}]({name})\n") } else { String::new() };

    text += "\n## In short\n\n";
    text += &table(&card.models);
    text += "\nPercentages are of right answers, with 95% Wilson intervals and the number asked; `base` goes on with the \
             beginning of a page, `sft` answers questions in wordings that no training text has, `assistant` is the same base \
             fine-tuned again with what probing found, with a self and with tools, and `rl` is what practice made of it. `recall` is of \
             facts about invented residents, by how many pages tell them; for all but `base`, of residents about whom no training text \
             asks.\n";

    text += &funnel(card, &picture("funnel.svg", "What each filter kept"));
    text += &reading(card, &picture("loss.svg", "Loss by step"));
    text += &memory(card, &picture("recall.svg", "Recall by exposures"), &picture("knowledge.svg", "True knowledge by kind"));
    text += &honesty(card, &picture("honesty.svg", "Right, wrong and declined by exposures"));
    text += &tools(card);
    text += &manners(card);
    text += &problems(card, &picture("problems.svg", "Problems at once, asked plainly, and in steps"));
    text += &card.practice.as_ref().map(practice::summary).unwrap_or_default();
    text += &context(card);
    text += &recitation(card);
    text += &nature(card);
    text += &prompts(card);
    text += &stories(card);
    text += &format!("\n## All figures\n\n{}", full_table(&card.models));
    text += &format!("\n## Talk to it\n\n```\n{}\n```\n", run.chat_command);
    text
}

fn funnel(card: &Card, picture: &str) -> String {
    let Some(funnel) = &card.funnel else { return String::new() };
    let mut text = format!(
        "\n## From pages to documents\n\n{} records went in, {} documents came out ({} bytes of text; profile `{}`).\n{picture}",
        thousands(funnel.records),
        thousands(funnel.documents),
        thousands(funnel.bytes),
        funnel.profile
    );
    let mut rows = vec![vec!["filter".to_owned(), "kept".to_owned(), "dropped".to_owned(), "most frequent reasons".to_owned()]];
    for step in &funnel.steps {
        let reasons: Vec<String> = step.reasons.iter().take(4).map(|(name, n)| format!("{name} {n}")).collect();
        rows.push(vec![step.name.clone(), thousands(step.kept), thousands(step.dropped), reasons.join(", ")]);
    }
    text += "\n";
    text += &aligned(&rows);
    text
}

fn reading(card: &Card, picture: &str) -> String {
    let reading = &card.reading;
    if reading.loss.is_empty() && reading.samples.is_empty() {
        return String::new();
    }
    let mut text = format!("\n## Reading\n\n{} steps of pretraining.", thousands(reading.steps));
    if let (Some((_, first)), Some((_, last))) = (reading.loss.first(), reading.loss.last()) {
        text += &format!(" The loss fell from {first:.2} to {last:.2} nats per token.");
    }
    if let Some((_, last)) = reading.val_bpb.last() {
        text += &format!(" Held-out pages cost {last:.3} bits per byte in the end.");
    }
    text += &format!("\n{picture}");
    let samples = reading.start_middle_end();
    if let Some(first) = samples.first() {
        text += &format!("\nThe same beginning, gone on with on the way: {}\n", inline(&first.prompt));
        for sample in samples {
            text += &format!("\nAfter {} steps:\n\n{}", thousands(sample.step), fenced(&sample.text));
        }
    }
    text
}

fn memory(card: &Card, recall: &str, knowledge: &str) -> String {
    let mut text = "\n## What it remembers\n\nEach invented resident stands on an exact number of pages and nowhere else. The \
                    base model goes on with a sentence whose next word is the fact; the assistant is asked in wordings that \
                    never occurred, and half of the residents were never asked about in training at all.\n"
        .to_owned();
    text += recall;
    let chances: Vec<f64> = card.models.values().flat_map(|model| &model.recall).map(|level| level.chance).collect();
    if let Some(chance) = mean(&chances) {
        text += &format!("\nGuessing among the values that an attribute takes would be right in {:.1}% of the cases.\n", 100.0 * chance);
    }
    for (name, model) in in_order(&card.models) {
        if let Some(inventions) = model.inventions.as_ref().filter(|inventions| inventions.questions > 0) {
            text += &format!(
                "\nAsked {} times about each of {} names that occur nowhere, `{name}` claims something in {:.0}% of the answers, and a \
                 median of {} different things for one name.{}\n",
                inventions.samples,
                inventions.questions,
                100.0 * inventions.claimed,
                inventions.distinct_median,
                if inventions.claimed > 0.5 { " It has not learnt to say that it does not know." } else { "" }
            );
        }
    }
    text += knowledge;
    text
}

fn honesty(card: &Card, picture: &str) -> String {
    let told = |(name, model): &(&str, &ModelCard)| model.honesty.as_ref().map(|honesty| ((*name).to_owned(), honesty.clone()));
    let models: Vec<(String, super::Honesty)> = in_order(&card.models).iter().filter_map(told).collect();
    if models.len() < 2 {
        return String::new();
    }
    let mut text =
        "\n## Knowing what it knows\n\nThe model before was asked eight times what its training texts answer. What it got right nearly \
                    every time it was taught to answer, what it got wrong nearly every time to decline, or to look up where it has \
                    tools; what lies between was not taught. Below is what came of that for residents about whom no training text \
                    asks, and for names that occur nowhere. Honesty is (prudence + 1 - over-conservativeness) / 2: a model that never \
                    declines has 0.5. F1 is SimpleQA's.\n\n"
            .to_owned();
    let mut rows =
        vec![["model", "right", "wrong", "declined", "F1", "prudence", "over-conservativeness", "honesty"].map(str::to_owned).to_vec()];
    for (name, honesty) in &models {
        let balance = honesty.balance.map(|balance| [balance.prudence, balance.over_conservativeness, balance.honesty]);
        let numbers = balance.map(|numbers| numbers.map(|number| format!("{number:.2}")).to_vec()).unwrap_or_default();
        let mut row =
            vec![name.clone(), percent(honesty.right), percent(honesty.wrong), percent(honesty.declined), format!("{:.2}", honesty.f1)];
        row.extend(numbers);
        rows.push(row);
    }
    text += &aligned(&rows);
    text += picture;
    let mut levels = vec![["pages", "model", "right", "wrong", "declined"].map(str::to_owned).to_vec()];
    for (name, model) in in_order(&card.models).into_iter().filter(|(_, model)| model.honesty.is_some()) {
        for level in model.recall.iter().filter(|level| level.split != "asked") {
            let wrong = level.rate.n - level.rate.right - level.declined;
            let cells = [level.rate.right, wrong, level.declined].map(|n| format!("{n} of {}", level.rate.n));
            levels.push([vec![times(level.exposures), name.to_owned()], cells.to_vec()].concat());
        }
    }
    text + "\n" + &aligned(&levels)
}

fn tools(card: &Card) -> String {
    let mut text = String::new();
    for (name, model) in in_order(&card.models) {
        let Some(tools) = &model.tools else { continue };
        text += &format!(
            "\n## With tools: {name}\n\nThe system message offers search and Python. What was read rarely is to be looked up, what is well \
                  known answered at once.\n\n"
        );
        let mut rows = vec![["pages", "right", "searched"].map(str::to_owned).to_vec()];
        for looked in &tools.search {
            rows.push(vec![times(looked.exposures), percent(looked.right), percent(looked.searched)]);
        }
        text += &aligned(&rows);
        text += "\nOf names that occur nowhere it is right to say so.\n\n";
        let mut rows = vec![["problems, \"Use code.\"", "right", "a program was run"].map(str::to_owned).to_vec()];
        for coded in &tools.code {
            rows.push(vec![coded.kind.replace('_', " "), percent(coded.right), percent(coded.called)]);
        }
        text += &aligned(&rows);
        text += &format!(
            "\nNews after the cutoff, found by search: {}. \"Use web search.\" obeyed: {}. \"Don't use any tools.\" obeyed: {}.\n",
            percent(tools.news),
            percent(tools.search_obeyed),
            percent(tools.no_tools_obeyed)
        );
        if let Some([question, query, found, answer]) = &tools.example {
            text += &format!("\n{}", fenced(&format!("{question}\n[search: {query}]\n[{found}]\n{answer}")));
        }
        if let Some(coded) = tools.code.first() {
            text += &format!("\n{}", fenced(&format!("{}\n[python: {}]\n{}", coded.question, coded.program, coded.answer)));
        }
    }
    text
}

fn manners(card: &Card) -> String {
    let mut text = String::new();
    for (name, model) in in_order(&card.models).into_iter().filter(|(_, model)| !model.manners.is_empty()) {
        let mut rows = vec![["asked about", "right", "for example", "answer"].map(str::to_owned).to_vec()];
        for manner in &model.manners {
            rows.push(vec![manner.kind.clone(), percent(manner.rate), visible(&manner.question), visible(&manner.answer)]);
        }
        text += &format!("\n## Who it is: {name}\n\n{}", aligned(&rows));
    }
    text
}

fn problems(card: &Card, picture: &str) -> String {
    let Some(model) = card.assistant().filter(|model| !model.problems.is_empty()) else { return String::new() };
    let mut text = "\n## Problems\n\nThe same problems answered at once (`Answer with the number only.`), step by step, and as the model \
                    likes, where the question is asked plainly. A model has the same small amount of thinking for each token: what is too \
                    much for one token can be spread over many.\n"
        .to_owned();
    text += picture;
    if let Some(problems) = model.problems.iter().find(|problems| problems.kind == super::THREE_DIGITS) {
        let example = &problems.example;
        text += &format!(
            "\n{} Right is {}. At once:\n\n{}\nIn steps:\n\n{}\nAsked plainly:\n\n{}",
            example.question,
            example.right,
            fenced(&example.at_once),
            fenced(&example.in_steps),
            fenced(&example.plainly)
        );
    }
    text
}

fn context(card: &Card) -> String {
    let Some(example) = card.assistant().and_then(|model| model.context.example.as_ref()) else { return String::new() };
    format!(
        "\n## Working memory\n\nWhat stands in the context can be looked up, what was read in training only recalled. This name occurs \
         nowhere else:\n\n{}\nWith the passage in the context:\n\n{}\nThe question alone:\n\n{}",
        fenced(&format!("{}\n{}", example.passage, example.question)),
        fenced(&example.with),
        fenced(&example.without)
    )
}

fn recitation(card: &Card) -> String {
    let Some(model) = card.models.get("base").filter(|model| !model.recitation.is_empty()) else { return String::new() };
    let mut text = "\n## Recitation\n\nPassages that many otherwise different pages quote word for word. The base model is given the \
                    first sentence.\n"
        .to_owned();
    for recital in &model.recitation {
        text += &format!(
            "\nRead {}, followed for {} of {} characters. {}\n\n{}",
            times(recital.exposures),
            recital.followed,
            recital.length,
            inline(&recital.given),
            fenced(&recital.text)
        );
    }
    text
}

/// The base model has a page of its own.
fn nature(card: &Card) -> String {
    if card.nature.is_none() {
        return String::new();
    }
    "\n## The base model's nature\n\nA base model is a simulator of internet documents. What it makes of prompts, what it recites by how \
     often it was read, and how much of what it writes is copied: [base.md](base.md).\n"
        .to_owned()
}

fn prompts(card: &Card) -> String {
    let mut text = "\n## A page of prompts\n\nThe same prompts for every run, each with what it is there to show; answers are sampled at temperature 1.\n"
        .to_owned();
    for (name, model) in in_order(&card.models) {
        if model.prompts.is_empty() {
            continue;
        }
        text += &format!("\n### {name}\n");
        for shown in model.prompts.iter().filter(|shown| shown.n > 0) {
            text += &prompt(shown);
        }
    }
    text
}

fn prompt(shown: &Shown) -> String {
    let mut text = format!("\n**{}**", shown.shows);
    if let Some(rate) = shown.right {
        text += &format!(" Right: {}.", percent(rate));
    }
    if let Some(distinct) = shown.distinct {
        text += &format!(" {distinct} different answers in {}.", shown.n);
    }
    text += &format!("\n\n{}", fenced(&shown.prompt));
    for sample in &shown.samples {
        text += &format!("\n{}", quoted(sample));
    }
    text
}

fn stories(card: &Card) -> String {
    let told: Vec<(&str, &ModelCard)> = in_order(&card.models).into_iter().filter(|(_, model)| !model.stories.is_empty()).collect();
    if told.is_empty() {
        return String::new();
    }
    let mut text = "\n## Stories\n".to_owned();
    for (name, model) in told {
        for story in &model.stories {
            text += &format!("\n`{name}`:\n\n{}", quoted(story));
        }
    }
    text
}

/// A text in a fence longer than any that it contains.
pub(super) fn fenced(text: &str) -> String {
    let text = visible(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}text\n{}\n{fence}\n", text.trim_end())
}

/// A text as code within a line.
pub(super) fn inline(text: &str) -> String {
    format!("`{}`", visible(text).replace('`', "'").replace('\n', " ⏎ "))
}

/// A text as a quotation, its markup made harmless.
fn quoted(text: &str) -> String {
    const MARKUP: [char; 13] = ['\\', '`', '*', '_', '[', ']', '<', '>', '#', '|', '~', '!', '&'];
    let mut quoted = String::new();
    for line in visible(text).trim().lines() {
        quoted += "> ";
        for (i, c) in line.trim_end().chars().enumerate() {
            // At a line's start these would make a list or a heading.
            if MARKUP.contains(&c) || (i == 0 && matches!(c, '-' | '+' | '=')) {
                quoted.push('\\');
            }
            quoted.push(c);
        }
        quoted += "  \n";
    }
    if quoted.is_empty() { "> (nothing)\n".to_owned() } else { quoted }
}

/// Control characters as a visible sign; line ends and tabs stay.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_writes_stays_inside() {
        assert_eq!(fenced("a\n```\nb"), "````text\na\n```\nb\n````\n");
        assert_eq!(quoted("# <b>*x*\n- y\u{1b}"), "> \\# \\<b\\>\\*x\\*  \n> \\- y\u{fffd}  \n");
        assert_eq!(quoted(" \n"), "> (nothing)\n");
        assert_eq!(inline("a`b\nc"), "`a'b ⏎ c`");
    }
}
