//! What holds for every environment, and what every grader refuses.

use std::collections::BTreeSet;

use base::rng::Rng;

use super::expression::{Fraction, evaluate};
use super::*;

/// All built-in environments with each of their levels.
fn everywhere() -> Vec<(Box<dyn Environment>, usize)> {
    let named = |name: &str| environment(name).unwrap_or_else(|| panic!("{name} is there"));
    NAMES.into_iter().flat_map(|name| (1..=named(name).levels()).map(move |level| (named(name), level))).collect()
}

fn key(problem: &Problem) -> &str {
    problem.metadata["key"].as_str().unwrap()
}

fn score(environment: &dyn Environment, problem: &Problem, answer: &str) -> f64 {
    environment.score(problem, answer).unwrap()
}

fn problem_of(name: &str, answer: &str, metadata: serde_json::Value) -> (Box<dyn Environment>, Problem) {
    let environment = environment(name).unwrap();
    let problem = Problem { answer: answer.to_owned(), metadata, ..environment.problem(1, 0, 1, Split::Train) };
    (environment, problem)
}

#[test]
fn the_answer_that_stands_there_is_right_however_it_is_given() {
    for (environment, level) in everywhere() {
        for (split, index) in Split::ALL.into_iter().flat_map(|split| (0..12).map(move |index| (split, index))) {
            let problem = environment.problem(3, index, level, split);
            let right = &problem.answer;
            let mut answers = vec![
                right.clone(),
                format!(" #### {right}\n"),
                format!("so\n#### {right}\n#### {right}"),
                format!("<think>hm, #### no</think>\n{right}"),
            ];
            if environment.name() != "countdown" {
                answers.push(format!("#### {right}.")); // behind an expression a full stop says nothing
            }
            for answer in answers {
                assert_eq!(score(&*environment, &problem, &answer), 1.0, "{answer:?} to {}", problem.question);
            }
            assert_eq!((problem.generator.as_str(), problem.split.as_str()), (environment.name(), split.name()));
            assert_eq!((&problem.metadata["level"], problem.index), (&level.into(), index));
        }
    }
}

#[test]
fn equal_arguments_give_equal_problems_and_others_give_others() {
    for (environment, level) in everywhere() {
        let questions =
            |seed: u64| -> Vec<String> { (0..100).map(|index| environment.problem(seed, index, level, Split::Train).question).collect() };
        let first = questions(1);
        assert_eq!(first, questions(1));
        assert_ne!(first, questions(2));
        let different = first.iter().collect::<BTreeSet<_>>().len();
        // There are 16 strings of four bits, 14 of them for practice.
        let least = if environment.name() == "parity" && level == 1 { 12 } else { 20 };
        assert!(different >= least, "{} level {level}: {different} different questions", environment.name());
    }
    let last = environment("addition").unwrap();
    assert_eq!(last.problem(1, 0, 99, Split::Train), last.problem(1, 0, last.levels(), Split::Train));
}

/// Set to write the problems as they are now.
const BLESS: &str = "SCHOOLHOUSE_BLESS";

/// Some problems are written down, so that a change of the generators is seen: whoever measured with them could not measure again.
#[test]
fn problems_stay_what_they_are() {
    let told: String = everywhere()
        .into_iter()
        .map(|(environment, level)| {
            let problem = environment.problem(1, 0, level, Split::Test);
            format!("{} | {} | {}\n", problem.id, problem.question.replace('\n', " / "), problem.answer)
        })
        .collect();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/problems.txt");
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, &told).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    for (now, then) in told.lines().zip(expected.lines()) {
        assert_eq!(now, then, "if that is meant, run again with {BLESS}=1");
    }
    assert_eq!(told.lines().count(), expected.lines().count(), "if that is meant, run again with {BLESS}=1");
}

#[test]
fn tests_never_come_up_in_practice() {
    let mut sets = [BTreeSet::new(), BTreeSet::new()];
    for (environment, level) in everywhere() {
        for (split, seed, index) in Split::ALL.into_iter().flat_map(|s| (1..4).flat_map(move |seed| (0..40).map(move |i| (s, seed, i)))) {
            let problem = environment.problem(seed, index, level, split);
            sets[split as usize].insert(format!("{} {}", environment.name(), key(&problem)));
            sets[split as usize].insert(problem.question);
        }
    }
    let [train, test] = sets;
    let shared: Vec<&String> = train.intersection(&test).collect();
    assert!(shared.is_empty(), "{shared:?}");
    assert!(train.len() > 2000 && test.len() > 1000, "{} and {}", train.len(), test.len());
    assert_eq!(Split::of("letters r strawberry"), Split::Test);
    assert_eq!(Split::of("decimals 9.11 9.9"), Split::Test);
}

#[test]
fn one_wording_is_one_key() {
    for name in ["addition", "multiplication"] {
        let environment = environment(name).unwrap();
        let mut keys = std::collections::BTreeMap::new();
        for index in 0..300 {
            let problem = environment.problem(5, index, 1, Split::Train);
            let mut numbers = [&problem.metadata["a"], &problem.metadata["b"]].map(|n| n.as_i64().unwrap());
            numbers.sort_unstable();
            assert_eq!(keys.entry(numbers).or_insert_with(|| key(&problem).to_owned()), key(&problem));
        }
        assert!(keys.len() > 20);
    }
}

#[test]
fn sums_differences_and_products_are_right() {
    for (name, level, index) in
        ["addition", "subtraction", "multiplication"].into_iter().flat_map(|n| (1..=6).flat_map(move |l| (0..40).map(move |i| (n, l, i))))
    {
        let problem = environment(name).unwrap().problem(2, index, level, Split::Train);
        let asked = problem.question.strip_prefix("What is ").and_then(|rest| rest.strip_suffix('?')).unwrap();
        assert_eq!(evaluate(asked).unwrap().0, Fraction::whole(problem.answer.parse().unwrap()), "{asked}");
        assert!(!problem.answer.starts_with('-'));
    }
}

#[test]
fn stories_come_to_what_is_told() {
    let stories = environment("word_problem").unwrap();
    for (level, index) in (1..=3).flat_map(|level| (0..300).map(move |index| (level, index))) {
        let problem = stories.problem(4, index, level, Split::Train);
        let expression = problem.metadata["expression"].as_str().unwrap();
        let (value, numbers) = evaluate(expression).unwrap();
        assert_eq!(value, Fraction::whole(problem.answer.parse().unwrap()), "{expression}: {}", problem.question);
        let signs = expression.matches(' ').count() / 2;
        assert_eq!((signs, &problem.metadata["steps"]), (level + 1, &signs.into()), "{expression}");
        let said = crate::words::words(&problem.question);
        let is_said = |number: &i64| {
            said.contains(&number.to_string())
                || (*number == 2 && said.contains(&"twice".into()))
                || (*number == 3 && said.contains(&"three".into()))
        };
        assert!(numbers.iter().all(is_said), "{expression}: {}", problem.question);
        assert!(problem.question.ends_with('?') && !problem.question.contains('{'), "{}", problem.question);
    }
}

#[test]
fn parity_is_a_coin_and_its_words_are_right_too() {
    let parity = environment("parity").unwrap();
    let mut odd = 0;
    for index in 0..400 {
        let problem = parity.problem(1, index, 12, Split::Test);
        let ones = problem.question.matches('1').count();
        assert_eq!(problem.answer, (ones % 2).to_string());
        assert_eq!(problem.question.matches(['0', '1']).count(), 15);
        odd += ones % 2;
        let (right, wrong) = if ones % 2 == 1 { ("odd", "even") } else { ("even", "odd") };
        assert_eq!((score(&*parity, &problem, right), score(&*parity, &problem, wrong)), (1.0, 0.0));
    }
    assert!((160..240).contains(&odd), "{odd} of 400 are odd");
}

#[test]
fn any_expression_that_hits_the_target_is_right() {
    let (countdown, problem) = problem_of("countdown", "25 * 3 - 4", serde_json::json!({"numbers": [3, 4, 25, 3], "target": 71}));
    for (answer, expected) in [
        ("25 * 3 - 4", 1.0),
        ("#### (25*3)-4", 1.0),
        ("<think>25 + 3</think>#### 3 \u{d7} 25 \u{2212} 4", 1.0),
        ("71", 0.0),
        ("25 * 3 - 4 = 71", 0.0),
        ("25 * 3 - 2 * 2", 0.0),
        ("25 + 25 + 25 - 4", 0.0),
        ("25 * 3 - 4 + 3 - 3 + 3 - 3", 0.0),
        ("#### 25 * 3 - 4\n#### 3 * 25 - 4", 0.0),
        ("25 * 3 - 4\n3 * 25 - 4", 0.0),
        ("253 - 4", 0.0),
        ("25 3 * 4 -", 0.0),
        ("-4 + 25 * 3", 0.0),
        ("25 * 3 - 4 / (3 - 3)", 0.0),
    ] {
        assert_eq!(score(&*countdown, &problem, answer), expected, "{answer}");
    }
    let (_, eight) = problem_of("countdown", "8 / (3 - 8 / 3)", serde_json::json!({"numbers": [8, 3, 8, 3], "target": 24}));
    assert_eq!(score(&*countdown, &eight, "8 / (3 - 8 / 3)"), 1.0, "fractions on the way are exact");
}

#[test]
fn lists_are_right_item_by_item() {
    let (sorting, problem) = problem_of("sorting", "-4, 15, 31", serde_json::json!({}));
    for (answer, expected) in [
        ("-4, 15, 31", 1.0),
        ("-4 15 31", 1.0),
        ("#### -4,15,31.", 1.0),
        ("-4, 15.0, 31", 1.0),
        ("-4, 31, 15", 0.0),
        ("-4, 15", 0.0),
        ("-4, 15, 31, 31", 0.0),
        ("-4,, 15, 31", 0.0),
        ("-4, 15 31", 0.0),
        ("-4, 15, thirty-one", 0.0),
        ("[-4, 15, 31]", 0.0),
        ("#### -4, 15, 31\n#### -4, 31, 15", 0.0),
    ] {
        assert_eq!(score(&*sorting, &problem, answer), expected, "{answer}");
    }
    let words = Problem { answer: "ant, bee".into(), ..problem };
    assert_eq!((score(&*sorting, &words, "Ant, Bee"), score(&*sorting, &words, "bee, ant")), (1.0, 0.0));
}

#[test]
fn any_best_move_is_right() {
    let (game, problem) = problem_of("tic_tac_toe", "1", serde_json::json!({"best": [1, 3, 7, 9]}));
    for (answer, expected) in
        [("1", 1.0), ("#### 9", 1.0), ("5", 0.0), ("1 3 7 9", 0.0), ("1, 3", 0.0), ("#### 1\n#### 3", 0.0), ("13", 0.0)]
    {
        assert_eq!(score(&*game, &problem, answer), expected, "{answer}");
    }
}

/// Attempts at every grader to be paid without being right, or to bring it down.
#[test]
fn attacks() {
    let long = |piece: &str| piece.repeat(200_000);
    for (environment, level) in everywhere().into_iter().filter(|(_, level)| *level <= 3) {
        let problem = environment.problem(9, 1, level, Split::Train);
        let (right, name) = (&problem.answer, environment.name());
        let endless =
            [long("wait "), long("#### 1\n"), long("####"), long("<think>"), long("<think></think>"), long("("), long("9"), long("1,")];
        let forged = [
            String::new(),
            " \n".to_owned(),
            "####".to_owned(),
            format!("The answer is {right}"),
            format!("#### {right}\n#### nonsense"),
            format!("#### nonsense\n#### {right}"),
            format!("#### {right} #### {right}"),
            format!("######## {right}"),
            format!("{right}\n{right}"),
            format!("{right} or nonsense"),
            format!("#### {right}\nQuestion: and then?"),
            format!("####\n{right}"),
            format!("<think>#### {right}</think>"),
            format!("<think>#### {right}"),
            format!("#### {right}</think>"),
            format!("<think><think>hm</think>#### {right}"),
            format!("</think>#### {right}<think>"),
            format!("<think>#### {right}</think>#### nonsense"),
            format!("{right}\u{0}"),
            format!("{right} {}", "x".repeat(100_000)),
        ];
        for answer in endless.iter().chain(&forged) {
            let shown: String = answer.chars().take(80).collect();
            // Of an endless row of ones the value is one, and that may be right.
            if answer.starts_with("#### 1\n") && score(&*environment, &problem, "1") == 1.0 {
                continue;
            }
            assert_eq!(score(&*environment, &problem, answer), 0.0, "{name}: {shown:?} to {}", problem.question);
        }
    }
}

/// Pieces that mean something to graders, thrown together: nothing panics, and what is paid is a right value well given.
#[test]
fn random_answers_bring_no_grader_down() {
    const PIECES: [&str; 23] = [
        "####", " ", "\n", "<think>", "</think>", "1", "0", "7", "-", "+", "(", ")", "/", "*", ",", ".", "$", "odd", "even", "ant",
        "\u{661}", "\u{0}", "#",
    ];
    let rng = &mut Rng::new(11);
    for (environment, level) in everywhere().into_iter().filter(|(_, level)| *level <= 2) {
        let problem = environment.problem(9, 2, level, Split::Train);
        for _ in 0..500 {
            let answer: String = (0..rng.below(14)).map(|_| *rng.pick(&PIECES)).collect();
            let paid = score(&*environment, &problem, &answer);
            let value = crate::problems::given_value(&answer);
            assert!(paid == 0.0 || value.is_some_and(|value| score(&*environment, &problem, &value) == 1.0), "{answer:?}");
        }
    }
}

#[test]
fn names_and_splits() {
    assert_eq!(environment("addition").unwrap().levels(), 8);
    assert!(environment("alchemy").is_none());
    assert_eq!(Split::named("test"), Some(Split::Test));
    assert_eq!(Split::named("validation"), None);
    assert_eq!(environment("addition").unwrap().count(1, Split::Train), None);
}
