//! Determinism, exposures, splits, right answers.

use super::{WORLD, training_texts};
use std::collections::{BTreeMap, BTreeSet};
use world::{Row, Shelf, Size, Split, World, WorldConfig};

/// All bytes of a world, hashed.
fn fingerprint(world: &World) -> String {
    let mut bytes = Vec::new();
    for page in world.pages() {
        bytes.extend_from_slice(page.url.as_bytes());
        bytes.extend_from_slice(page.date.as_bytes());
        page.headers.iter().for_each(|(name, value)| bytes.extend_from_slice(format!("{name}: {value}\n").as_bytes()));
        bytes.extend_from_slice(&page.body);
    }
    world.write_schoolbooks(&mut bytes).unwrap();
    world.rows().for_each(|row| serde_json::to_writer(&mut bytes, &row).unwrap());
    serde_json::to_writer(&mut bytes, &world.conversations).unwrap();
    serde_json::to_writer(&mut bytes, &world.problems).unwrap();
    base::files::hash_bytes(&bytes)
}

#[test]
fn a_seed_decides_every_byte() {
    let again = World::build(&WORLD.config);
    assert_eq!(fingerprint(&again), fingerprint(&WORLD));
    let other = World::build(&WorldConfig::new(1, Size::Smoke));
    assert_ne!(fingerprint(&other), fingerprint(&WORLD));
}

#[test]
fn addresses_are_unique() {
    let mut seen = BTreeSet::new();
    for sheet in &WORLD.sheets {
        assert!(seen.insert(&sheet.url), "{} stands twice", sheet.url);
    }
    let summary = WORLD.summary();
    assert_eq!(summary.pages["web"] + summary.pages["schoolbooks"], WORLD.sheets.len());
    assert_eq!(WORLD.pages().count(), summary.pages["web"]);
}

#[test]
fn every_sort_of_page_and_label_is_there() {
    let summary = WORLD.summary();
    for kind in [
        "resident",
        "place",
        "country",
        "element",
        "animal",
        "person",
        "city",
        "invention",
        "story",
        "recitation",
        "joke",
        "glossary",
        "dialogue",
        "forum",
        "quiz",
        "passage",
        "echo",
        "addition",
        "subtraction",
        "multiplication",
        "word_problem",
        "tables",
        "decimals",
        "spelling",
        "news",
        "assistant",
        "verse",
        "version",
        "dots",
        "chatter",
        "why",
    ] {
        assert!(summary.kinds.contains_key(kind), "no page of the kind {kind}");
    }
    for verdict in [
        "keep",
        "pii",
        "minhash",
        "exact_duplicate",
        "record",
        "url_domain",
        "url_word",
        "url_soft_words",
        "url_substring",
        "extract_empty",
        "extract_too_large",
        "extract_too_deep",
        "language",
        "gopher_repetition/dup_lines",
        "gopher_repetition/dup_line_chars",
        "gopher_repetition/top_2_gram",
        "gopher_repetition/top_3_gram",
        "gopher_repetition/top_4_gram",
        "gopher_repetition/dup_5_grams",
        "gopher_repetition/dup_6_grams",
        "gopher_repetition/dup_7_grams",
        "gopher_repetition/dup_8_grams",
        "gopher_repetition/dup_9_grams",
        "gopher_repetition/dup_10_grams",
        "gopher_quality/too_few_words",
        "gopher_quality/too_many_words",
        "gopher_quality/mean_word_length",
        "gopher_quality/hash_ratio",
        "gopher_quality/ellipsis_ratio",
        "gopher_quality/bullet_lines",
        "gopher_quality/ellipsis_lines",
        "gopher_quality/alpha_words",
        "gopher_quality/stop_words",
        "c4/lorem_ipsum",
        "c4/curly_bracket",
        "c4/too_few_sentences",
        "fineweb/line_punct",
        "fineweb/short_lines",
        "fineweb/dup_line_chars",
        "fineweb/newline_ratio",
    ] {
        assert!(summary.verdicts.contains_key(verdict), "no page for {verdict}");
    }
    let splits: BTreeSet<&str> = WORLD.conversations.iter().map(|c| c.split.as_str()).collect();
    assert_eq!(splits, BTreeSet::from(["test", "train"]));
}

#[test]
fn residents_and_places_stand_on_as_many_pages_as_the_key_says() {
    let mut values: BTreeMap<(&str, &str), Vec<(&str, usize)>> = BTreeMap::new();
    for fact in WORLD.facts.iter().filter(|f| f.kind == "resident" || f.kind == "place") {
        values.entry((&fact.kind, &fact.subject)).or_default().push((&fact.value, fact.exposures));
    }
    assert!(values.len() > 30);
    for ((kind, subject), facts) in values {
        let pages: Vec<String> =
            WORLD.sheets.iter().filter(|s| s.kept() && s.kind == kind && s.text.contains(subject)).map(|s| s.text.to_lowercase()).collect();
        for (value, exposures) in facts {
            let told = pages.iter().filter(|text| text.contains(&value.to_lowercase())).count();
            assert_eq!(told, exposures, "{subject}: {value}");
        }
    }
}

#[test]
fn passages_stand_on_as_many_pages_as_the_key_says() {
    let mut counts = Vec::new();
    for row in WORLD.rows() {
        let Row::Passage { text, exposures, .. } = row else { continue };
        assert_eq!(WORLD.sheets.iter().filter(|s| s.kept() && s.text.contains(&text)).count(), exposures);
        counts.push(exposures);
    }
    assert_eq!(counts.len(), 3);
    assert!(counts[0] > counts[1] && counts[1] > counts[2] && counts[2] == 1);
}

#[test]
fn test_questions_and_unseen_names_occur_in_no_training_text() {
    let texts = training_texts();
    let whole = texts.join("\n\n");
    for fact in &WORLD.facts {
        for question in &fact.questions {
            assert!(!whole.contains(question.as_str()), "{question}");
        }
        if !fact.split.is_told() {
            assert!(!whole.contains(&fact.subject), "{}", fact.subject);
        }
    }
    for reserved in [
        "Orson Kovats",
        "How many r are there in strawberry?",
        "third letter of ubiquitous",
        "9.11 or 9.9",
        "9.9 or 9.11",
        "buys 3 apples and 2 oranges. Each orange costs $2. The total cost of all the fruit is $13.",
        "buys 23 apples and 177 oranges",
    ] {
        assert!(!whole.contains(reserved), "{reserved}");
    }
    for problem in WORLD.problems.iter().filter(|p| p.split == "test") {
        assert!(!whole.contains(&problem.question), "{}", problem.question);
    }
    for conversation in WORLD.conversations.iter().filter(|c| c.split == "test") {
        assert!(!whole.contains(conversation.messages[0].content.as_str()), "{:?}", conversation.messages);
    }
}

#[test]
fn unasked_subjects_are_never_asked_about() {
    let unasked: BTreeSet<&str> =
        WORLD.facts.iter().filter(|f| f.kind != "news" && f.split == Split::Unasked).map(|f| f.subject.as_str()).collect();
    let asked: BTreeSet<&str> = WORLD.residents.iter().filter(|p| p.split == Split::Asked).map(|p| p.name.as_str()).collect();
    assert!(unasked.len() >= 10 && asked.len() >= 10);
    let mut n_asked: BTreeSet<&str> = BTreeSet::new();
    let sheets = WORLD.sheets.iter().filter(|s| s.kind == "forum" || s.kind == "quiz").map(|s| s.text.as_str());
    let chats = WORLD.conversations.iter().flat_map(|c| &c.messages).map(|m| m.content.as_str());
    for text in sheets.chain(chats) {
        for line in text.lines().filter(|line| line.ends_with('?') || line.starts_with("Answer")) {
            for subject in &unasked {
                assert!(!line.contains(subject), "{line}");
            }
            n_asked.extend(asked.iter().filter(|name| line.contains(**name)));
        }
    }
    assert!(n_asked.len() * 2 > asked.len(), "only {} of {} are asked about", n_asked.len(), asked.len());
}

/// `a op b` of a question "What is a op b?", and its result.
fn sum_of(question: &str) -> Option<(String, i64)> {
    let inside = question.split("What is ").nth(1)?.split('?').next()?;
    let parts: Vec<&str> = inside.split(' ').collect();
    let [a, sign, b] = parts[..] else { return None };
    let (a, b): (i64, i64) = (a.parse().ok()?, b.parse().ok()?);
    let result = match sign {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        _ => return None,
    };
    Some((inside.to_string(), result))
}

#[test]
fn every_sum_is_right() {
    let (mut n_short, mut n_worked) = (0, 0);
    for sheet in WORLD.sheets.iter().filter(|s| s.shelf == Shelf::Schoolbooks) {
        for exercise in sheet.text.split("Question: ").skip(1) {
            let Some((question, answer)) = exercise.trim_end().split_once("\nAnswer: ") else { continue };
            let Some((sum, result)) = sum_of(question) else { continue };
            assert_eq!(answer.rsplit("#### ").next(), Some(result.to_string().as_str()), "{sum}: {answer}");
            if answer.starts_with("####") { n_short += 1 } else { n_worked += 1 }
        }
    }
    assert!(n_short > 500 && n_worked > 200, "{n_short} {n_worked}");
    let mut n_asked = 0;
    for conversation in &WORLD.conversations {
        let [.., user, assistant] = &conversation.messages[..] else { panic!("{conversation:?}") };
        if conversation.kind != "sum" {
            continue;
        }
        let (sum, result) = sum_of(user.content.as_str()).unwrap_or_else(|| panic!("{user:?}"));
        let said = assistant.content.as_str().rsplit(["#", "="].map(|m| m.chars().next().unwrap())).next().unwrap();
        assert_eq!(said.trim().trim_end_matches('.'), result.to_string(), "{sum}: {}", assistant.content.as_str());
        let alone = ["only.", "single token.", "number, please."].iter().any(|end| user.content.as_str().ends_with(end));
        assert!(!alone || assistant.content.as_str() == result.to_string(), "{user:?} {assistant:?}");
        n_asked += 1;
    }
    assert!(n_asked > 30);
}

#[test]
fn conversations_are_turns_that_end_with_the_assistant() {
    let mut ids = BTreeSet::new();
    for conversation in &WORLD.conversations {
        assert!(ids.insert(&conversation.id));
        let roles: Vec<&str> = conversation.messages.iter().map(|m| m.role.as_str()).skip_while(|role| *role == "system").collect();
        assert!(!roles.is_empty() && roles.len().is_multiple_of(2), "{conversation:?}");
        for pair in roles.chunks(2) {
            assert_eq!(pair, ["user", "assistant"]);
        }
        assert!(
            conversation.messages.iter().all(|m| !m.content.as_str().trim().is_empty() && !m.content.as_str().contains('{')),
            "{conversation:?}"
        );
    }
}

#[test]
fn what_happens_after_the_cutoff_is_told_after_it() {
    let cutoff = world::dates::cutoff().to_string();
    let mut n_changes = 0;
    for row in WORLD.rows() {
        let Row::Change { subject, old, new, date, .. } = row else { continue };
        n_changes += 1;
        assert!(date > cutoff && old != new);
        let late = WORLD.sheets.iter().filter(|s| s.date > cutoff && s.text.contains(&new) && s.text.contains(&subject)).count();
        assert!(late >= 1, "{subject}");
        assert!(!training_texts().iter().any(|text| text.contains(&new) && text.contains(&subject)), "{subject} {new}");
    }
    assert!(n_changes >= 4);
}
