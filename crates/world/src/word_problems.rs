//! Little stories with numbers in them, each with its working in one line and in steps.
//!
//! Numbers stay so small that every step is one of a few hundred facts, which schoolbooks repeat ([`facts`]): what is to be learned is
//! the way, not the sums.

use std::collections::{BTreeMap, BTreeSet};

use crate::problems::Problem;
use base::rng::Rng;
use serde_json::json;

const BUYERS: [&str; 16] =
    ["Emily", "Tom", "Anna", "Ben", "Clara", "Daniel", "Eva", "Frank", "Grace", "Henry", "Ida", "Jack", "Lucy", "Max", "Nora", "Paul"];
const FRUIT: [(&str, &str); 12] = [
    ("apple", "apples"),
    ("orange", "oranges"),
    ("pear", "pears"),
    ("plum", "plums"),
    ("lemon", "lemons"),
    ("melon", "melons"),
    ("banana", "bananas"),
    ("peach", "peaches"),
    ("fig", "figs"),
    ("mango", "mangoes"),
    ("kiwi", "kiwis"),
    ("strawberry", "strawberries"),
];
const GOODS: [(&str, &str); 12] = [
    ("pen", "pens"),
    ("book", "books"),
    ("cup", "cups"),
    ("hat", "hats"),
    ("ball", "balls"),
    ("lamp", "lamps"),
    ("chair", "chairs"),
    ("ticket", "tickets"),
    ("stamp", "stamps"),
    ("candle", "candles"),
    ("brush", "brushes"),
    ("basket", "baskets"),
];

/// The largest number that is multiplied.
const FACTOR: i64 = 5;

/// All steps that word problems take, each with the sentences in which they take it: `3 * 4 = 12`, `There are 3 * 4 = 12 seats.`
///
/// Of a sentence that names people or goods only what stands behind them is left (`for 32 - 12 = 20.`): whose they are, and which, is to
/// be looked up in the question.
pub fn facts() -> Vec<(String, Vec<String>)> {
    let rng = &mut Rng::new(0);
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for _ in 0..ENOUGH {
        for sentence in word_problem(rng).steps.split(". ") {
            if let Some(fact) = fact_of(sentence) {
                all.entry(fact).or_default().insert(format!("{}.", behind_names(sentence)));
            }
        }
    }
    all.into_iter().map(|(fact, sentences)| (fact, sentences.into_iter().collect())).collect()
}

/// What stands behind the last of the people and goods of which questions tell.
fn behind_names(sentence: &str) -> String {
    let things = || FRUIT.iter().chain(&GOODS);
    let is_name = |word: &str| BUYERS.contains(&word) || things().any(|&(one, many)| word == one || word == many);
    let words: Vec<&str> = sentence.split(' ').collect();
    let last = words.iter().rposition(|word| is_name(word)).map_or(0, |place| place + 1);
    words[last..].join(" ")
}

/// Of so many problems every combination of numbers comes up.
const ENOUGH: usize = 20_000;

/// The step in a sentence of a working: two numbers, a sign between them, and what they come to.
fn fact_of(sentence: &str) -> Option<String> {
    let words: Vec<&str> = sentence.split(' ').collect();
    let is_number = |word: &str| word.parse::<i64>().is_ok();
    let is_fact = |five: &&[&str]| five[3] == "=" && [five[0], five[2], five[4]].into_iter().all(is_number);
    words.windows(5).find(is_fact).map(|five| five.join(" "))
}

/// A problem of one of eleven sorts.
pub fn word_problem(rng: &mut Rng) -> Problem {
    let who = *rng.pick(&BUYERS);
    let things = rng.pick(&GOODS).1;
    let fruits = rng.sample(&FRUIT, 2);
    let (one, ones) = *fruits[0];
    let (two, twos) = *fruits[1];
    let small = |rng: &mut Rng| rng.range(2, FACTOR);
    match rng.below(12) {
        0 | 1 => {
            let (n, m, cost, each) = (small(rng), small(rng), small(rng), small(rng));
            let total = m * cost + n * each;
            let (left, spent) = (total - m * cost, m * cost);
            problem(
                format!("{}{n} {m} {cost} {total}", if one == "apple" && two == "orange" { "apples " } else { "fruit " }),
                format!(
                    "{who} buys {n} {ones} and {m} {twos}. Each {two} costs ${cost}. The total cost of all the fruit is \
                     ${total}. What is the cost of each {one}?"
                ),
                each,
                format!("({total} - {m} * {cost}) / {n} = {each}"),
                format!(
                    "The {twos} cost {m} * {cost} = {spent}. {who} buys {n} {ones} for {total} - {spent} = {left}. Each {one} costs \
                     {left} / {n} = {each}"
                ),
            )
        }
        2 => {
            let (n, cost) = (small(rng), small(rng));
            problem(
                format!("buy {n} {cost}"),
                format!("{who} buys {n} {things} for ${cost} each. How much does {who} pay?"),
                n * cost,
                format!("{n} * {cost} = {}", n * cost),
                format!("There are {n} {things}. Each costs {cost}. {n} * {cost} = {}", n * cost),
            )
        }
        3 => {
            let (n, c, m, d) = (small(rng), small(rng), small(rng), small(rng));
            let total = n * c + m * d;
            problem(
                format!("two {n} {c} {m} {d}"),
                format!("{who} buys {n} {ones} for ${c} each and {m} {twos} for ${d} each. How much do they cost together?"),
                total,
                format!("{n} * {c} + {m} * {d} = {total}"),
                format!("The {ones} cost {n} * {c} = {}. The {twos} cost {m} * {d} = {}. {} + {} = {total}", n * c, m * d, n * c, m * d),
            )
        }
        4 => {
            let (a, b, c) = (rng.range(10, 17), small(rng), small(rng));
            let total = a - b + c;
            problem(
                format!("give {a} {b} {c}"),
                format!("{who} has {a} {things}. {who} gives away {b} and then finds {c} more. How many {things} does {who} have now?"),
                total,
                format!("{a} - {b} + {c} = {total}"),
                format!("After giving away there are {a} - {b} = {}. After finding there are {} + {c} = {total}", a - b, a - b),
            )
        }
        5 => {
            let (a, b) = (small(rng), small(rng));
            let c = small(rng).min(a * b - 1);
            let total = a * b - c;
            problem(
                format!("boxes {a} {b} {c}"),
                format!("There are {a} boxes with {b} eggs in each. {c} of the eggs are broken. How many eggs are whole?"),
                total,
                format!("{a} * {b} - {c} = {total}"),
                format!("There are {a} * {b} = {} eggs. Whole are {} - {c} = {total}", a * b, a * b),
            )
        }
        6 => {
            let (each, children) = (small(rng), small(rng));
            let total = each * children;
            problem(
                format!("share {total} {children}"),
                format!("{who} shares {total} {ones} among {children} children. How many {ones} does each child get?"),
                each,
                format!("{total} / {children} = {each}"),
                format!("There are {total} {ones} and {children} children. {total} / {children} = {each}"),
            )
        }
        7 => {
            let (pages, days) = (small(rng), small(rng));
            let whole = pages * days + rng.range(1, 6);
            let left = whole - pages * days;
            problem(
                format!("read {pages} {days} {whole}"),
                format!("A book has {whole} pages. {who} reads {pages} pages a day for {days} days. How many pages are left?"),
                left,
                format!("{whole} - {pages} * {days} = {left}"),
                format!("That is {pages} * {days} = {} pages. Left are {whole} - {} = {left}", pages * days, pages * days),
            )
        }
        8 => {
            let (n, cost) = (small(rng), small(rng));
            let paid = (n * cost / 10 + 1) * 10;
            let change = paid - n * cost;
            problem(
                format!("change {n} {cost} {paid}"),
                format!("{who} buys {n} {things} for ${cost} each and pays with ${paid}. How much change does {who} get?"),
                change,
                format!("{paid} - {n} * {cost} = {change}"),
                format!("The {things} cost {n} * {cost} = {}. The change is {paid} - {} = {change}", n * cost, n * cost),
            )
        }
        9 => {
            let (age, older, years) = (rng.range(5, 10), small(rng), small(rng));
            let total = age + older + years;
            problem(
                format!("age {age} {older} {years}"),
                format!("{who} is {age} years old. A sister is {older} years older. How old is the sister in {years} years?"),
                total,
                format!("{age} + {older} + {years} = {total}"),
                format!("The sister is {age} + {older} = {} years old. Later she is {} + {years} = {total}", age + older, age + older),
            )
        }
        10 => {
            let (a, more) = (rng.range(3, 9), small(rng));
            let total = a + a + more;
            problem(
                format!("both {a} {more}"),
                format!("{who} picks {a} {ones}. A friend picks {more} more than {who}. How many {ones} do they have together?"),
                total,
                format!("{a} + {a} + {more} = {total}"),
                format!("The friend picks {a} + {more} = {}. Together they have {a} + {} = {total}", a + more, a + more),
            )
        }
        _ => {
            let (cars, seats, free) = (small(rng), small(rng), small(rng).min(3));
            let total = cars * seats - free;
            problem(
                format!("cars {cars} {seats} {free}"),
                format!("{cars} cars have {seats} seats each. {free} seats stay empty. How many people ride in the cars?"),
                total,
                format!("{cars} * {seats} - {free} = {total}"),
                format!("There are {cars} * {seats} = {} seats. People sit on {} - {free} = {total}", cars * seats, cars * seats),
            )
        }
    }
}

fn problem(key: String, question: String, answer: i64, one_line: String, steps: String) -> Problem {
    Problem {
        generator: "word_problem",
        metadata: json!({ "sort": key.split(' ').next() }),
        key,
        question,
        answer: answer.to_string(),
        code: format!("print(\"####\", {})", one_line.split(" = ").next().unwrap_or_default().replace('/', "//")),
        one_line,
        steps,
        common: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evaluates `a op b op ...` with the usual precedence and one pair of brackets at the start.
    fn value(expression: &str) -> i64 {
        let text = expression.trim();
        if let Some(rest) = text.strip_prefix('(') {
            let (inner, after) = rest.split_once(')').unwrap();
            return value(&format!("{}{after}", value(inner)));
        }
        let parts: Vec<&str> = text.split(' ').collect();
        let mut terms = vec![parts[0].parse::<i64>().unwrap()];
        for pair in parts[1..].chunks(2) {
            let number: i64 = pair[1].parse().unwrap();
            match pair[0] {
                "+" => terms.push(number),
                "-" => terms.push(-number),
                "*" => *terms.last_mut().unwrap() *= number,
                "/" => {
                    assert_eq!(terms.last().unwrap() % number, 0, "{expression}");
                    *terms.last_mut().unwrap() /= number;
                }
                other => panic!("{other} in {expression}"),
            }
        }
        terms.iter().sum()
    }

    #[test]
    fn every_line_of_working_is_right() {
        for seed in 0..2000 {
            let problem = word_problem(&mut Rng::new(seed));
            let (left, right) = problem.one_line.split_once(" = ").unwrap();
            assert_eq!(value(left).to_string(), right, "{problem:?}");
            assert_eq!(right, problem.answer);
            let facts: Vec<String> = problem.steps.split(". ").filter_map(fact_of).collect();
            let mut last = "";
            for fact in &facts {
                let (left, right) = fact.split_once(" = ").unwrap();
                assert_eq!(value(left).to_string(), right, "{fact}");
                last = right;
            }
            assert_eq!(facts.len(), problem.steps.matches('=').count(), "{problem:?}");
            assert_eq!(last, problem.answer, "{problem:?}");
            assert!(problem.answer.parse::<i64>().unwrap() >= 0);
        }
    }

    #[test]
    fn facts_are_all_that_problems_need() {
        let all: BTreeMap<String, Vec<String>> = facts().into_iter().collect();
        assert!((200..500).contains(&all.len()), "{}", all.len());
        assert!(all.iter().all(|(fact, sentences)| sentences.iter().all(|sentence| sentence.contains(fact))));
        assert!(all["20 / 4 = 5"].contains(&"costs 20 / 4 = 5.".to_string()), "{:?}", all["20 / 4 = 5"]);
        for seed in 0..5000 {
            let problem = word_problem(&mut Rng::new(seed));
            assert!(problem.steps.split(". ").filter_map(fact_of).all(|fact| all.contains_key(&fact)), "{problem:?}");
        }
    }
}
