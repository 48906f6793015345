//! Little stories with numbers in them, in two to four steps. What is told is one expression; names and things are only its clothes,
//! so the key is the expression.

use base::rng::Rng;
use serde_json::json;

use super::generator::Draft;

const PEOPLE: [&str; 12] = ["Emily", "Omar", "Sofia", "Liam", "Mei", "Noah", "Priya", "Jonas", "Amara", "Felix", "Rosa", "Theo"];
const THINGS: [&str; 14] = [
    "marbles",
    "stickers",
    "shells",
    "buttons",
    "postcards",
    "coins",
    "pencils",
    "beads",
    "badges",
    "pebbles",
    "ribbons",
    "cards",
    "keys",
    "bolts",
];
/// One, and several, of what is bought.
const WARES: [(&str, &str); 10] = [
    ("apple", "apples"),
    ("orange", "oranges"),
    ("loaf", "loaves"),
    ("carrot", "carrots"),
    ("muffin", "muffins"),
    ("notebook", "notebooks"),
    ("eraser", "erasers"),
    ("candle", "candles"),
    ("scarf", "scarves"),
    ("ticket", "tickets"),
];

/// A story as it grows: what was told, what it comes to, and how that is worked out.
struct Story {
    sentences: Vec<String>,
    value: i64,
    expression: String,
}

/// A whole story: its sentences with the question, its key, its expression and what that comes to.
struct Told {
    sort: &'static str,
    text: String,
    expression: String,
    value: i64,
}

/// Level 1 has two steps, each further one more.
pub(super) fn draw(rng: &mut Rng, level: usize) -> Draft {
    let steps = level + 1;
    let told = loop {
        let told = match (steps, rng.below(5)) {
            (2, 0) => Some(change(rng)),
            (2, 1) => Some(together(rng)),
            (3, 0) => Some(two_wares(rng)),
            (3, 1) => Some(price_of_one(rng)),
            (3, 2) => Some(two_roads(rng)),
            (4, 0) => Some(change_of_two(rng)),
            (4, 1) => Some(price_after_change(rng)),
            (4, 2) => Some(week(rng)),
            _ => chain(rng, steps),
        };
        if let Some(told) = told {
            break told;
        }
    };
    Draft {
        key: format!("word_problem {}", told.expression),
        question: told.text,
        answer: told.value.to_string(),
        metadata: json!({ "sort": told.sort, "steps": steps, "expression": told.expression }),
    }
}

/// From 2 to 9.
fn small(rng: &mut Rng) -> i64 {
    rng.range(2, 9)
}

/// The next round sum that pays for it.
fn paid_for(cost: i64) -> i64 {
    (cost / 10 + 1) * 10
}

impl Story {
    fn goes_on(&mut self, sentence: String, sign: char, number: i64) {
        self.sentences.push(sentence);
        self.value = match sign {
            '+' => self.value + number,
            '-' => self.value - number,
            '*' => self.value * number,
            _ => self.value / number,
        };
        self.expression = format!("({} {sign} {number})", self.expression);
    }
}

/// Something is there, and changes step by step. `None` where the last step would not come out even.
fn chain(rng: &mut Rng, steps: usize) -> Option<Told> {
    let (who, things) = (*rng.pick(&PEOPLE), *rng.pick(&THINGS));
    let mut story = beginning(rng, who, things);
    let ends_shared = rng.chance(0.4);
    for _ in 0..steps - 1 - usize::from(ends_shared) {
        middle(rng, &mut story, who);
    }
    let question = if ends_shared { end(rng, &mut story, who, things)? } else { format!("How many {things} does {who} have now?") };
    // The outermost brackets say nothing.
    let expression = story.expression[1..story.expression.len() - 1].to_owned();
    Some(Told { sort: "chain", text: format!("{} {question}", story.sentences.join(" ")), expression, value: story.value })
}

fn beginning(rng: &mut Rng, who: &str, things: &str) -> Story {
    let (a, b) = (small(rng), small(rng));
    let (sentence, value, sign) = match rng.below(3) {
        0 => (format!("{who} buys {a} boxes with {b} {things} in each."), a * b, '*'),
        1 => (format!("{who} has {a} {things} in one drawer and {b} in another."), a + b, '+'),
        _ => (format!("{who} collects {a} {things} a day for {b} days."), a * b, '*'),
    };
    Story { sentences: vec![sentence], value, expression: format!("({a} {sign} {b})") }
}

fn middle(rng: &mut Rng, story: &mut Story, who: &str) {
    let n = small(rng);
    match rng.below(5) {
        0 if story.value > n => story.goes_on(format!("{who} gives {n} of them to a neighbour."), '-', n),
        1 if story.value > n => story.goes_on(format!("Then {n} of them get lost."), '-', n),
        2 if story.value <= 60 => {
            let (times, word) = *rng.pick(&[(2, "twice"), (3, "three times")]);
            story.goes_on(format!("A month later {who} has {word} as many."), '*', times);
        }
        3 => story.goes_on(format!("For a birthday {who} gets {n} more."), '+', n),
        _ => story.goes_on(format!("Later {who} finds {n} others."), '+', n),
    }
}

fn end(rng: &mut Rng, story: &mut Story, who: &str, things: &str) -> Option<String> {
    if rng.chance(0.4) {
        let price = rng.range(2, 5);
        story.goes_on(format!("Now {who} sells all of them for ${price} each."), '*', price);
        return Some(format!("How much money does {who} get?"));
    }
    let even: Vec<i64> = (2..=9).filter(|n| story.value % n == 0 && story.value > *n).collect();
    if even.is_empty() {
        return None;
    }
    let n = *rng.pick(&even);
    story.goes_on(format!("Now {who} shares all of them equally among {n} children."), '/', n);
    Some(format!("How many {things} does each child get?"))
}

fn change(rng: &mut Rng) -> Told {
    let (who, (_, many)) = (*rng.pick(&PEOPLE), *rng.pick(&WARES));
    let (n, cost) = (small(rng), small(rng));
    let paid = paid_for(n * cost);
    Told {
        sort: "change",
        text: format!("At the market {many} cost ${cost} each. {who} takes {n} and pays with ${paid}. How much does {who} get back?"),
        expression: format!("{paid} - ({n} * {cost})"),
        value: paid - n * cost,
    }
}

fn together(rng: &mut Rng) -> Told {
    let people = rng.sample(&PEOPLE, 2);
    let (who, other, things) = (people[0], people[1], *rng.pick(&THINGS));
    let (a, more) = (rng.range(3, 30), small(rng));
    Told {
        sort: "together",
        text: format!("{who} has {a} {things}. {other} has {more} more than {who}. How many {things} do they have together?"),
        expression: format!("{a} + ({a} + {more})"),
        value: a + a + more,
    }
}

fn two_wares(rng: &mut Rng) -> Told {
    let (who, wares) = (*rng.pick(&PEOPLE), rng.sample(&WARES, 2));
    let (n, c, m, d) = (small(rng), small(rng), small(rng), small(rng));
    let (one, other) = (wares[0].1, wares[1].1);
    Told {
        sort: "two_wares",
        text: format!("{who} buys {n} {one} at ${c} each and {m} {other} at ${d} each. How much does {who} pay in all?"),
        expression: format!("({n} * {c}) + ({m} * {d})"),
        value: n * c + m * d,
    }
}

fn price_of_one(rng: &mut Rng) -> Told {
    let (who, wares) = (*rng.pick(&PEOPLE), rng.sample(&WARES, 2));
    let (n, m, cost, each) = (small(rng), small(rng), rng.range(1, 9), rng.range(1, 9));
    let total = n * each + m * cost;
    let ((one, ones), (other, others)) = (*wares[0], *wares[1]);
    Told {
        sort: "price",
        text: format!(
            "{who} buys {n} {ones} and {m} {others} and pays ${total} for all of it. Each {other} costs ${cost}. What does each {one} cost?"
        ),
        expression: format!("({total} - ({m} * {cost})) / {n}"),
        value: each,
    }
}

fn two_roads(rng: &mut Rng) -> Told {
    let who = *rng.pick(&PEOPLE);
    let (hours, speed, more, other) = (rng.range(2, 5), rng.range(3, 12), rng.range(2, 5), rng.range(3, 12));
    Told {
        sort: "roads",
        text: format!(
            "{who} cycles for {hours} hours at {speed} miles an hour, and then for {more} hours at {other} miles an hour. How many miles \
             does {who} cycle?"
        ),
        expression: format!("({hours} * {speed}) + ({more} * {other})"),
        value: hours * speed + more * other,
    }
}

fn change_of_two(rng: &mut Rng) -> Told {
    let (who, wares) = (*rng.pick(&PEOPLE), rng.sample(&WARES, 2));
    let (n, c, m, d) = (small(rng), small(rng), small(rng), small(rng));
    let paid = paid_for(n * c + m * d);
    let (one, other) = (wares[0].1, wares[1].1);
    Told {
        sort: "change_of_two",
        text: format!(
            "{who} buys {n} {one} at ${c} each and {m} {other} at ${d} each, and pays with ${paid}. How much change is due to {who}?"
        ),
        expression: format!("{paid} - (({n} * {c}) + ({m} * {d}))"),
        value: paid - n * c - m * d,
    }
}

fn price_after_change(rng: &mut Rng) -> Told {
    let (who, wares) = (*rng.pick(&PEOPLE), rng.sample(&WARES, 2));
    let (n, m, cost, each) = (small(rng), small(rng), rng.range(1, 9), rng.range(1, 9));
    let total = n * each + m * cost;
    let paid = paid_for(total);
    let back = paid - total;
    let ((one, ones), (other, others)) = (*wares[0], *wares[1]);
    Told {
        sort: "price_after_change",
        text: format!(
            "{who} pays with ${paid} for {n} {ones} and {m} {others} and gets ${back} back. Each {other} costs ${cost}. What does each \
             {one} cost?"
        ),
        expression: format!("(({paid} - {back}) - ({m} * {cost})) / {n}"),
        value: each,
    }
}

fn week(rng: &mut Rng) -> Told {
    let who = *rng.pick(&PEOPLE);
    let (days, pages, later) = (rng.range(2, 6), small(rng), small(rng));
    let rest = 7 - days;
    let read = days * pages + rest * later;
    let whole = read + rng.range(5, 60);
    Told {
        sort: "week",
        text: format!(
            "A book has {whole} pages. {who} reads {pages} pages a day for {days} days, and {later} pages a day for {rest} more days. How \
             many pages are left?"
        ),
        expression: format!("{whole} - (({days} * {pages}) + ({rest} * {later}))"),
        value: whole - read,
    }
}
