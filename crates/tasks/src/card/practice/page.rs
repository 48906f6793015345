//! `practice.md`: what practice changed, told in order. What the model wrote stands as code within a line, which it cannot leave.

use base::text::thousands;

use super::super::render::inline;
use super::super::table::aligned;
use super::charts::title;
use super::{Course, Practice, Speed, Styles, before_and_after, tenths};

/// The whole page. `pictures` are the files that stand beside it.
pub fn page(practice: &Practice, speed: Option<&Speed>, name: &str, pictures: &[&str]) -> String {
    let mut text = format!(
        "# Practice: {name}\n\nNobody shows the model how to solve these problems. It tries: of each problem it samples a group of \
         answers, a program says which are right, and the tokens of those become more likely, the others less. Below is what {} steps \
         of this changed. The rest of the report card is [report.md](report.md); the key `practice` of `report.json` has the same \
         figures, without the times.\n",
        thousands(practice.steps)
    );
    let picture = |name: &str, alt: &str| if pictures.contains(&name) { format!("\n![{alt}]({name})\n") } else { String::new() };
    let sections = [
        ("Right answers", right(practice, &picture("practice-accuracy.svg", "Right answers to held-out problems by step"))),
        ("Longer or shorter", picture("practice-length.svg", "Mean length of answers by step")),
        ("What more tries find", tries(&picture("practice-pass.svg", "pass@k before and after"))),
        ("One style gives way to the other", styles(practice, &picture("practice-long.svg", "Share of long answers by step"))),
        ("The same problem before, midway and after", samples(practice)),
        ("Second thoughts", second_thoughts(practice)),
        ("What changes in the model", policy(practice, &picture("practice-policy.svg", "Reward, KL and entropy by step"))),
        ("Where the time went", speed.map(time).unwrap_or_default()),
    ];
    for (title, section) in sections.iter().filter(|(_, section)| !section.is_empty()) {
        text += &format!("\n## {title}\n\n{}\n", section.trim());
    }
    text
}

/// What the report says of it before it sends the reader on.
pub fn summary(practice: &Practice) -> String {
    let mut text = format!(
        "\n## Practice\n\n{} steps of reinforcement learning on problems whose answers a program can check.",
        thousands(practice.steps)
    );
    let told = |course: &Course| {
        let (before, after) = before_and_after(&course.accuracy)?;
        Some(format!("{}: {} → {}", title(course), share(before), share(after)))
    };
    let told: Vec<String> = practice.courses.iter().filter_map(told).collect();
    if !told.is_empty() {
        text += &format!(" Right answers to held-out problems, before and after: {}.", told.join(", "));
    }
    if let Some((before, after)) = tenths(&practice.length) {
        text += &format!(" Sampled answers had {before:.0} tokens at first and have {after:.0} now.");
    }
    text + " Curves, what the literature expects of them, and answers on the way: [practice.md](practice.md).\n"
}

/// `4%`, with a digit more where a whole percent would hide it.
fn share(share: f64) -> String {
    let percent = 100.0 * share;
    if (0.05..9.95).contains(&percent) { format!("{percent:.1}%") } else { format!("{percent:.0}%") }
}

fn right(practice: &Practice, picture: &str) -> String {
    let mut rows = vec![["held-out problems", "right before", "right after", "tokens before", "tokens after"].map(str::to_owned).to_vec()];
    for course in &practice.courses {
        let two = |points: &[(u64, f64)], show: &dyn Fn(f64) -> String| match before_and_after(points) {
            Some((before, after)) => [show(before), show(after)],
            None => [points.first().map(|point| show(point.1)).unwrap_or_default(), String::new()],
        };
        if !course.accuracy.is_empty() {
            let tokens = |tokens: f64| format!("{tokens:.1}");
            rows.push([vec![title(course)], two(&course.accuracy, &share).to_vec(), two(&course.length, &tokens).to_vec()].concat());
        }
    }
    if rows.len() == 1 { String::new() } else { format!("{}{picture}", aligned(&rows)) }
}

fn tries(picture: &str) -> String {
    if picture.is_empty() {
        return String::new();
    }
    format!(
        "What the model finds in many tries it could do already, if rarely. Practice moves it into the first try; what no try finds, no \
         reward can make more likely.\n{picture}"
    )
}

fn styles(practice: &Practice, picture: &str) -> String {
    if picture.is_empty() {
        return String::new();
    }
    let mut text = "Tsilivis et al. ([arXiv 2510.11495](https://arxiv.org/abs/2510.11495)) describe practice as a mixture of two styles \
                    that a model has from its reading: short answers, and long ones that work the problem out. Practice makes the better \
                    one more frequent along a logistic curve, `p(t) = 1 / (1 + exp(-r (t - m)))`, and changes little within either; then \
                    `accuracy(t) = a_s + p(t) (a_l - a_s)` and `length(t) = L_s + p(t) (L_l - L_s)`.\n"
        .to_owned();
    if let Some(logistic) = &practice.logistic {
        text += &format!("\nBy least squares `m` is {:.1} steps and `r` {:.3} a step.", logistic.middle, logistic.rate);
    }
    if let Some(Styles { short, long }) = &practice.styles {
        text += &format!(
            " Of this run's short answers `a_s` = {} are right, and they have `L_s` = {:.1} tokens; of the long ones `a_l` = {}, with `L_l` = \
             {:.1}.",
            share(short.right),
            short.length,
            share(long.right),
            long.length
        );
    }
    if let Some(expected) = practice.expected() {
        let reward = miss(&practice.reward, &expected.reward).map(|miss| format!("{miss:.3} of reward"));
        let length = miss(&practice.length, &expected.length).map(|miss| format!("{miss:.1} tokens"));
        let misses: Vec<String> = [reward, length].into_iter().flatten().collect();
        text += &format!(" The dashed lines miss what was measured by {} on average.", misses.join(" and by "));
    }
    text + "\n" + picture
}

/// The mean distance of two curves over the same steps.
fn miss(measured: &[(u64, f64)], expected: &[(u64, f64)]) -> Option<f64> {
    let distances: Vec<f64> = measured.iter().zip(expected).map(|(a, b)| (a.1 - b.1).abs()).collect();
    crate::stats::mean(&distances)
}

fn samples(practice: &Practice) -> String {
    let samples = &practice.samples;
    if samples.problems.is_empty() {
        return String::new();
    }
    let after = |step: &u64| match step {
        0 => "before".to_owned(),
        step => format!("after {} steps", thousands(*step)),
    };
    let mut rows = vec![std::iter::once("problem".to_owned()).chain(samples.steps.iter().map(after)).collect::<Vec<_>>()];
    for problem in &samples.problems {
        let shown = |text: &String| if text.trim().is_empty() { "(nothing)".to_owned() } else { inline(text.trim()) };
        rows.push(std::iter::once(inline(problem.prompt.trim())).chain(problem.texts.iter().map(shown)).collect());
    }
    format!("Held-out problems answered greedily; ⏎ stands for a line's end.\n\n{}", aligned(&rows))
}

fn second_thoughts(practice: &Practice) -> String {
    let Some((first, last)) = tenths(&practice.second_thoughts) else { return String::new() };
    format!(
        "Answers that look again at what they have written, with words such as \"wait\" or \"check\": {} of the sampled ones in the first \
         tenth of the steps, {} in the last.",
        share(first),
        share(last)
    )
}

fn policy(practice: &Practice, picture: &str) -> String {
    let mut text = picture.trim().to_owned();
    if let Some((first, last)) = tenths(&practice.same_reward) {
        text += &format!(
            "\n\nGroups whose answers all have the same reward, which teach nothing: {} in the first tenth of the steps, {} in the last.",
            share(first),
            share(last)
        );
    }
    if let Some((first, last)) = tenths(&practice.clipped) {
        text += &format!(" Answers that were cut at the longest that is allowed: {}, then {}.", share(first), share(last));
    }
    text
}

fn time(speed: &Speed) -> String {
    let row = |name: &str, half: &super::Half| {
        vec![
            name.to_owned(),
            share(half.share),
            format!("{:.0}", speed.seconds * half.share),
            thousands(half.tokens_per_second.round() as u64),
        ]
    };
    let rows = [
        ["half of a step", "share of the time", "seconds", "tokens a second"].map(str::to_owned).to_vec(),
        row("sampling answers", &speed.generation),
        row("learning from them", &speed.training),
    ];
    format!("{:.0} seconds in all; what the halves leave is grading, tests and logs.\n\n{}", speed.seconds, aligned(&rows))
}
