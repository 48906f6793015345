//! Pages that the rules about lines judge: which repeat, how they begin and end, how short they are.

use super::words::is_varied;
use super::{chatter, fitting, page, round};
use crate::sheet::Sheet;
use base::rng::Rng;

/// Lines of about `n_words` words each, all different.
fn long_lines(rng: &mut Rng, n_lines: usize, n_words: usize) -> Vec<String> {
    (0..n_lines).map(|_| chatter(rng, n_words).join(" ")).collect()
}

/// Lines that stood before: too many, too long, and a single short one.
pub fn repeated_lines(rng: &mut Rng, i: usize) -> Sheet {
    let mut lines = long_lines(rng, 7, 8);
    let filter = match round(i) % 3 {
        0 => {
            lines.extend(std::iter::repeat_n("Read more here.".to_string(), 5));
            "gopher_repetition/dup_lines"
        }
        1 => {
            let mut long = lines[0].clone();
            for other in &lines[1..3] {
                long += " ";
                long += other;
            }
            lines.splice(1..3, []);
            lines[0] = long.clone();
            lines.push(long);
            "gopher_repetition/dup_line_chars"
        }
        _ => {
            lines.insert(2, "Read more here.".to_string());
            lines.push("Read more here.".to_string());
            "fineweb/dup_line_chars"
        }
    };
    page(rng, i, lines.join("\n")).dropped_by(filter)
}

/// A single short line that stands twice under a text so long that it is less than a hundredth of it.
pub fn a_repeated_line(rng: &mut Rng, i: usize) -> Sheet {
    loop {
        let mut lines = long_lines(rng, 30, 12);
        lines.insert(9, "Read more here.".to_string());
        lines.push("Read more here.".to_string());
        let text = lines.join("\n");
        if is_varied(&text) {
            return page(rng, i, text);
        }
    }
}

/// A list with dashes: nothing but items, or items under a text.
pub fn bullets(rng: &mut Rng, i: usize) -> Sheet {
    let items: Vec<String> = long_lines(rng, 8, 6).iter().map(|line| format!("- {line}")).collect();
    if round(i).is_multiple_of(2) {
        return page(rng, i, items.join("\n")).dropped_by("gopher_quality/bullet_lines");
    }
    let text = format!("{}\n{}", fitting(rng), items.join("\n"));
    page(rng, i, text)
}

/// Lines that end in an ellipsis: more than three of ten, or fewer.
pub fn ellipsis_lines(rng: &mut Rng, i: usize) -> Sheet {
    let mut lines = long_lines(rng, 10, 12);
    let n_open = if round(i).is_multiple_of(2) { 4 } else { 2 };
    for line in &mut lines[2..2 + n_open] {
        *line = format!("{}...", line.trim_end_matches('.'));
    }
    let sheet = page(rng, i, lines.join("\n"));
    if round(i).is_multiple_of(2) { sheet.dropped_by("gopher_quality/ellipsis_lines") } else { sheet }
}

/// Lines that end without a mark: all but one of twelve, or all but two.
pub fn open_lines(rng: &mut Rng, i: usize) -> Sheet {
    let mut lines = long_lines(rng, 12, 12);
    let n_closed = 1 + round(i) % 2;
    for line in &mut lines[n_closed..] {
        *line = line.trim_end_matches('.').to_string();
    }
    let sheet = page(rng, i, lines.join("\n"));
    if n_closed == 1 { sheet.dropped_by("fineweb/line_punct") } else { sheet }
}

/// Short sentences that stand alone.
pub const SHORT: [&str; 24] = [
    "The bell rings at six.",
    "We went to the old mill.",
    "A cat sleeps on the roof.",
    "Bread is baked every day.",
    "He counts the white boats.",
    "Nobody knows the reason.",
    "It rained for a week.",
    "She sings in the kitchen.",
    "They painted the gate red.",
    "Our dog likes the garden.",
    "The soup was too hot.",
    "You can see the hill.",
    "The train was late again.",
    "My hat fell in the well.",
    "Two men carry a ladder.",
    "The shop opens at nine.",
    "Snow lies on the fields.",
    "Who left the door open?",
    "Apples grow by the wall.",
    "I like the smell of hay.",
    "The lamp went out at ten.",
    "Birds sit on the wire.",
    "His coat is made of wool.",
    "The river runs very low.",
];

/// Short lines: nine of twelve, or seven of twelve.
pub fn short_lines(rng: &mut Rng, i: usize) -> Sheet {
    let n_short = if round(i).is_multiple_of(2) { 9 } else { 7 };
    let mut lines = long_lines(rng, 12 - n_short, 12);
    lines.extend(rng.sample(&SHORT, n_short).into_iter().map(|line| line.to_string()));
    rng.shuffle(&mut lines);
    let sheet = page(rng, i, lines.join("\n"));
    if n_short == 9 { sheet.dropped_by("fineweb/short_lines") } else { sheet }
}

const FIRST: [&str; 20] = [
    "Thoughtful",
    "Interesting",
    "Everlasting",
    "Hardworking",
    "Lighthearted",
    "Breathtaking",
    "Knowledgeable",
    "Whispering",
    "Frightening",
    "Outstanding",
    "Wonderful",
    "Forgotten",
    "Beautiful",
    "Surprising",
    "Dangerous",
    "Unexpected",
    "Thundering",
    "Neighbourly",
    "Hungry",
    "Friendly",
];
const LAST: [&str; 20] = [
    "neighbourhoods",
    "grandparents",
    "lighthouses",
    "strawberries",
    "shopkeepers",
    "newspapers",
    "thunderstorms",
    "butterflies",
    "housekeepers",
    "schoolteachers",
    "watchmakers",
    "grandmothers",
    "grandfathers",
    "woodpeckers",
    "nightingales",
    "playgrounds",
    "afternoons",
    "birthdays",
    "hairdressers",
    "caretakers",
];

/// A list of headings, three words to a line and every second of them no short line.
pub fn many_lines(rng: &mut Rng, i: usize) -> Sheet {
    let text = headings(rng, usize::MAX);
    page(rng, i, text).dropped_by("fineweb/newline_ratio")
}

/// The same with more words to a line here and there.
pub fn rather_many_lines(rng: &mut Rng, i: usize) -> Sheet {
    let text = headings(rng, 4);
    page(rng, i, text)
}

/// Headings of three words, a few of which end in a full stop; every `longer`-th one has six.
fn headings(rng: &mut Rng, longer: usize) -> String {
    const COUNT: usize = 44;
    const SHORT_LINKS: [&str; 3] = ["with", "and", "to"];
    const LONG_LINKS: [&str; 6] = ["without", "between", "against", "despite", "through", "outside"];
    let mut lines: Vec<String> = Vec::new();
    while lines.len() < COUNT {
        let at = lines.len();
        // Every second one is no short line.
        let link = if at.is_multiple_of(2) { *rng.pick(&LONG_LINKS) } else { *rng.pick(&SHORT_LINKS) };
        let line = format!("{} {link} {}", rng.pick(&FIRST), rng.pick(&LAST));
        let is_long = line.chars().count() > 30;
        if is_long != at.is_multiple_of(2) || lines.iter().any(|other| other.starts_with(&line)) {
            continue;
        }
        let more =
            if at % longer == longer - 1 { format!(" of {} {}", rng.pick(&FIRST).to_lowercase(), rng.pick(&LAST)) } else { String::new() };
        let end = if at % 7 == 5 { "." } else { "" };
        lines.push(format!("{line}{more}{end}"));
    }
    lines.join("\n")
}

/// A good page from which lines about cookies and scripts, and the marks of citations, are taken away.
pub fn policy_lines(rng: &mut Rng, i: usize) -> Sheet {
    const GONE: [&str; 4] = [
        "Please switch on JavaScript to see the pictures on this page.",
        "Read our privacy policy before you write to us.",
        "By staying here you accept the use of cookies.",
        "See the terms of use for all the details.",
    ];
    let text = fitting(rng);
    let mut sheet = page(rng, i, text.clone());
    let lines: Vec<&str> = text.lines().collect();
    let raw = format!("{}[{}]\n{}\n{}", lines[0], rng.range(1, 30), rng.pick(&GONE), lines[1..].join("\n"));
    let response = crate::html::dress(&sheet.url, "A page", &raw);
    sheet.dress = super::pages::raw(200, response.headers, response.body);
    sheet
}
