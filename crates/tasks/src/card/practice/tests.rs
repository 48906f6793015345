//! Practice read from made-up folders, whole and damaged, and what is drawn and told of it.

use std::path::{Path, PathBuf};

use base::rng::Rng;
use serde_json::{Value, json};

use super::*;

/// An empty folder of this test's own.
fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("schoolhouse-practice-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// The logistic curve along which the made-up practice goes.
const COURSE: Logistic = Logistic { middle: 18.0, rate: 0.25 };

/// Sixty steps of two kinds of problems: right answers from 3% to 95%, length from 7 tokens to 45, with noise.
fn write(folder: &Path) {
    let mut rng = Rng::new(5);
    let mut noisy = |value: f64, by: f64| value + by * (rng.unit_f64() - 0.5);
    let (mut metrics, mut timing, mut samples) = (Vec::new(), Vec::new(), Vec::new());
    for step in 0..=60_u64 {
        let p = COURSE.at(step as f64);
        let mut row = json!({"step": step, "tokens": step * 9000});
        let map = row.as_object_mut().unwrap();
        let mut put = |key: &str, value: f64| map.insert(key.to_owned(), json!(value));
        if step == 0 {
            put("steps", 60.0);
        } else {
            let share = noisy(p, 0.06).clamp(0.0, 1.0);
            let (short, long) = (noisy(0.04, 0.02), noisy(0.97, 0.04).min(1.0));
            put("loss", noisy(0.0, 0.02));
            put("lr", 3e-4);
            put("grad_norm", noisy(0.6, 0.3));
            put("reward", short + share * (long - short));
            put("reward_std", (p * (1.0 - p)).sqrt());
            put("frac_reward_zero_std", noisy(1.0 - 3.0 * p * (1.0 - p), 0.1).clamp(0.0, 1.0));
            put("completions/mean_length", 7.0 + noisy(share, 0.02) * 38.0);
            put("completions/clipped_ratio", noisy(0.02, 0.02));
            put("completions/long_share", share);
            put("completions/long_length", noisy(45.0, 2.0));
            put("completions/long_right", long);
            put("completions/short_share", 1.0 - share);
            put("completions/short_length", noisy(7.0, 0.5));
            put("completions/short_right", short);
            put("completions/second_thoughts", 0.02 + 0.1 * p);
            put("entropy", noisy(0.75 - 0.45 * p, 0.06));
            put("kl", noisy(0.002 * step as f64 * p, 0.004).max(0.0));
            put("pass@1", share);
            put("pass@4", (share * 2.0).min(1.0));
            put("reward/addition", share);
            timing.push(json!({"step": step, "ms": 1000.0, "tokens_per_second": 9000.0, "gflops": 90.0, "generation_ms": 600.0,
                "generation_tokens_per_second": 15000.0, "training_ms": 350.0, "training_tokens_per_second": 26000.0,
                "generation_share": 0.6}));
        }
        if step % 5 == 0 {
            put("eval/addition/accuracy", noisy(0.03 + 0.92 * p, 0.03).clamp(0.0, 1.0));
            put("eval/addition/mean_length", 7.0 + 38.0 * p);
            put("eval/word_problem/accuracy", noisy(0.35 + 0.5 * p, 0.03));
            put("eval/word_problem/mean_length", 20.0 + 11.0 * p);
        }
        if step % 60 == 0 {
            for (k, before, after) in [(1, 0.26, 0.94), (4, 0.62, 0.97), (16, 0.9, 0.98)] {
                put(&format!("eval/addition/pass@{k}"), if step == 0 { before } else { after });
                put(&format!("eval/word_problem/pass@{k}"), if step == 0 { before + 0.02 } else { after - 0.1 });
            }
        }
        metrics.push(row);
        if step % 10 == 0 {
            let worked = "5+8+0=13 write 3 carry 1\n4+7+1=12 write 2 carry 1\n3+6+1=10 write 0 carry 1\n#### 1023";
            for (prompt, text) in [("What is 345 + 678?", worked), ("What is 120 + 5`|<b>?", "#### 125")] {
                samples.push(json!({"step": step, "prompt": prompt, "text": if step < 20 { "#### 917" } else { text }}));
            }
        }
    }
    for (name, rows) in [("metrics", &metrics), ("timing", &timing), ("samples", &samples)] {
        std::fs::write(folder.join(format!("{name}.jsonl")), lines(rows)).unwrap();
    }
}

#[test]
fn practice_is_read_fitted_and_told() {
    let folder = scratch("whole");
    write(&folder);
    let practice = read(&folder).unwrap();
    assert_eq!((practice.steps, practice.reward.len(), practice.long.len()), (60, 60, 60));
    let names: Vec<&str> = practice.courses.iter().map(|course| course.name.as_str()).collect();
    assert_eq!(names, ["addition", "word_problem"]);
    assert_eq!(practice.courses[0].accuracy.len(), 13);
    assert_eq!(practice.courses[0].pass[2], Pass { k: 16, points: vec![(0, 0.9), (60, 0.98)] });
    assert_eq!(practice.pass.iter().map(|pass| pass.k).collect::<Vec<_>>(), [1, 4]);

    let logistic = practice.logistic.unwrap();
    assert!((logistic.middle - COURSE.middle).abs() < 1.0 && (logistic.rate - COURSE.rate).abs() < 0.03, "{logistic:?}");
    let Styles { short, long } = practice.styles.unwrap();
    assert!((short.right - 0.04).abs() < 0.01 && (long.right - 0.97).abs() < 0.02, "{short:?} {long:?}");
    assert!((short.length - 7.0).abs() < 0.5 && (long.length - 45.0).abs() < 0.5, "{short:?} {long:?}");
    let expected = practice.expected().unwrap();
    for (&(step, reward), &(at, expected)) in practice.reward.iter().zip(&expected.reward) {
        assert!(step == at && (reward - expected).abs() < 0.1, "{step}: {reward} {expected}");
    }

    assert_eq!(practice.samples.steps, [0, 30, 60]);
    assert_eq!(practice.samples.problems[0].texts[0], "#### 917");
    let speed = speed(&folder).unwrap();
    assert_eq!((speed.seconds, speed.generation.share, speed.training.share), (60.0, 0.6, 0.35));
    assert_eq!((speed.generation.tokens_per_second.round(), speed.training.tokens_per_second.round()), (15000.0, 26000.0));

    let stored: Practice = serde_json::from_value(serde_json::to_value(&practice).unwrap()).unwrap();
    assert_eq!(stored, practice);
}

#[test]
fn the_page_tells_what_there_is_and_takes_no_markup() {
    let folder = scratch("page");
    write(&folder);
    let practice = read(&folder).unwrap();
    let pictures = pictures(&practice);
    let names: Vec<&str> = pictures.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["accuracy", "length", "pass", "long", "policy"].map(|name| format!("practice-{name}.svg")));
    let text = page(&practice, speed(&folder).as_ref(), "demo", &names);
    for name in names {
        assert!(text.contains(&format!("({name})")), "{name}");
    }
    for part in [
        "| addition ",
        "| problem ",
        "| before ",
        "| after 30 steps ",
        "`#### 917`",
        "write 3 carry 1 ⏎ 4+7",
        "| sampling answers   | 60% ",
        "| 15,000 ",
        "in the first tenth",
        "`m` is 1",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // A tick would end the code, a bar the cell.
    assert!(text.contains("`What is 120 + 5'\\|<b>?`"), "{text}");
    assert!(summary(&practice).contains("word problem: "), "{}", summary(&practice));
}

#[test]
fn pictures_are_whole() {
    let folder = scratch("pictures");
    write(&folder);
    let whole = read(&folder).unwrap();
    // One point of everything, and nothing of most.
    let one = Practice {
        courses: vec![Course { accuracy: vec![(0, 0.5)], pass: vec![Pass { k: 1, points: vec![(0, 0.5)] }], ..whole.courses[0].clone() }],
        reward: vec![(1, 0.0)],
        kl: vec![],
        long: vec![(1, 0.0)],
        logistic: None,
        ..whole.clone()
    };
    let styleless = Practice { styles: None, ..whole.clone() };
    for practice in [whole, one, styleless] {
        for (name, svg) in pictures(&practice) {
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"), "{name}: {svg}");
            let n = |mark: &str| svg.matches(mark).count();
            assert_eq!((n("<text"), n("<title")), (n("</text>"), n("</title>")), "{name}");
        }
        assert!(!page(&practice, None, "demo", &[]).contains("NaN"));
    }
    assert_eq!(pictures(&Practice::default()), []);
}

#[test]
fn damaged_and_hostile_lines_cost_themselves() {
    let folder = scratch("damaged");
    assert_eq!((read(&folder), speed(&folder)), (None, None));
    std::fs::create_dir_all(folder.join("metrics.jsonl")).unwrap();
    assert_eq!(read(&folder), None);
    std::fs::remove_dir(folder.join("metrics.jsonl")).unwrap();

    let long_name = "x".repeat(100);
    let metrics = format!(
        "{}nonsense\n\n[1]\n{{\"reward\":0.9}}\n{{\"step\":-1,\"reward\":0.9}}\n{{\"step\":9,\"reward\":0.",
        lines(&[
            json!({"step": 0, "steps": 9, "eval/addition/accuracy": 0.1}),
            json!({"step": 1, "reward": 0.2, "entropy": "high", "kl": 1e300, "completions/long_share": 1.5, "pass@1": -1}),
            json!({"step": 2, "reward": 0.3}),
            json!({"step": 3, "reward": 0.4}),
            // Resumed from step 1.
            json!({"step": 2, "reward": 0.35, "eval/<b>/accuracy": 0.5, format!("eval/{long_name}/accuracy"): 0.5, "eval//accuracy": 0.5,
                "eval/a/b/accuracy": 0.5, "reward/../x": 0.5, "eval/empty/accuracy": 7}),
        ])
    );
    std::fs::write(folder.join("metrics.jsonl"), metrics).unwrap();
    let long = "ä".repeat(9000);
    let samples = lines(&[
        json!({"step": 0, "prompt": "p", "text": long}),
        json!({"step": 0, "prompt": 7, "text": "no prompt"}),
        json!({"step": 4, "prompt": "p"}),
        json!({"step": 5, "prompt": "q", "text": "late"}),
    ]);
    std::fs::write(folder.join("samples.jsonl"), samples).unwrap();
    std::fs::write(folder.join("timing.jsonl"), "{\"step\":1,\"ms\":5,\"generation_ms\":1e999}\n").unwrap();
    let practice = read(&folder).unwrap();
    assert_eq!(practice.reward, [(1, 0.2), (2, 0.35)]);
    assert!(practice.entropy.is_empty() && practice.kl.is_empty() && practice.long.is_empty() && practice.pass.is_empty());
    assert_eq!(practice.courses.iter().map(|course| course.name.as_str()).collect::<Vec<_>>(), ["addition"]);
    assert_eq!((practice.logistic, practice.styles, practice.expected()), (None, None, None));
    assert_eq!(practice.samples.steps, [0, 5]);
    let lengths: Vec<usize> = practice.samples.problems.iter().map(|problem| problem.texts[0].chars().count()).collect();
    assert_eq!(lengths, [MOST_CHARACTERS + 2, 0]);
    assert_eq!(practice.samples.problems[1].texts, ["", "late"]);
    assert_eq!(speed(&folder), None);
    assert!(page(&practice, None, "demo", &[]).contains("(nothing)"));

    let many: Vec<Value> = (0..50).map(|i| json!({"step": i, format!("reward/course{i}"): 0.5})).collect();
    std::fs::write(folder.join("metrics.jsonl"), lines(&many)).unwrap();
    assert_eq!(read(&folder).unwrap().courses.len(), MOST_COURSES);
}
