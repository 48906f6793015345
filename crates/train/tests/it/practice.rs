//! Practice on a tiny model: parity of long bit strings, which cannot be said at once and can be worked out.

use std::path::{Path, PathBuf};

use base::progress::Progress;
use base::rng::Rng;
use base::stop::Stop;
use serde_json::Value;
use tasks::practice::{Environment, Problem, Split, environment};
use tokenizer::chat::{Conversation, Message, Role};
use tokenizer::shards::Shards;
use train::mixture::Share;
use train::objective::PolicyMethod;
use train::pretrain::{PretrainConfig, pretrain};
use train::rl::{Course, Learn, Reward, RlConfig, rl};
use train::sft::{SftConfig, sft};

use super::{files_of, scratch, tiny, tiny_shards};

/// One difficulty of an environment, as a user would make one of their own.
struct AtLevel(Box<dyn Environment>, usize);

impl Environment for AtLevel {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn levels(&self) -> usize {
        1
    }

    fn problem(&self, seed: u64, index: u64, _: usize, split: Split) -> Problem {
        self.0.problem(seed, index, self.1, split)
    }

    fn score(&self, problem: &Problem, answer: &str) -> tasks::Result<f64> {
        self.0.score(problem, answer)
    }
}

/// Bits of a string: too many for one look.
const BITS: usize = 16;

fn courses() -> [Course; 1] {
    let parity = environment("parity").unwrap();
    let level = (1..=parity.levels()).find(|&level| bits(&parity.problem(1, 0, level, Split::Train)).len() == BITS).unwrap();
    [Course { environment: Box::new(AtLevel(parity, level)), weight: 1.0 }]
}

fn bits(problem: &Problem) -> String {
    problem.metadata["bits"].as_str().unwrap().to_string()
}

/// Each bit and the parity up to it, then that of the whole. Bits stand as far apart as in the question, so that finding the next is one
/// look at a fixed distance.
fn worked_out(bits: &str) -> String {
    let mut parity = 0;
    let steps = bits.bytes().map(|bit| {
        parity ^= bit - b'0';
        format!("{}{parity}", char::from(bit))
    });
    let steps: String = steps.collect();
    format!("{steps} #### {parity}")
}

/// Solutions as conversations: most at once, three of ten worked out.
fn solutions(count: u64) -> Vec<Share> {
    let [Course { environment, .. }] = &courses();
    let mut rng = Rng::new(7);
    let conversations = (0..count).map(|i| {
        let problem = environment.problem(2, i, 1, Split::Train);
        let answer = if rng.chance(0.3) { worked_out(&bits(&problem)) } else { format!("#### {}", problem.answer) };
        Conversation { messages: vec![Message::text(Role::User, problem.question), Message::text(Role::Assistant, answer)] }
    });
    vec![Share { conversations: conversations.collect(), weight: 1.0 }]
}

/// A tiny model that has seen so many solutions.
fn taught(folder: &Path, count: u64) -> PathBuf {
    let (tokenizer, shards) = tiny_shards(folder);
    let (base, taught) = (folder.join("base"), folder.join("taught"));
    let pretraining = PretrainConfig { depth: 2, context: 128, tokens: Some(10 * 256), ..tiny(2) };
    pretrain(&pretraining, &shards, &tokenizer, &base, &Progress::silent(), &Stop::new()).unwrap();
    let config = SftConfig {
        epochs: 1,
        context: None,
        batch_tokens: 1024,
        method: None,
        lr_factor: Some(1.0),
        replay: 0.0,
        sample_prompts: Vec::new(),
        seed: 1,
        threads: 2,
    };
    let none: Option<&Shards> = None;
    sft(&config, &base, &solutions(count), none, &taught, &Progress::silent(), &Stop::new()).unwrap();
    taught
}

fn config() -> RlConfig {
    RlConfig {
        steps: 25,
        prompts: 8,
        samples: 8,
        max_tokens: 48,
        lr: Some(1e-3),
        eval_every: 10,
        eval_problems: 100,
        threads: 2,
        ..RlConfig::new(PolicyMethod::DrGrpo)
    }
}

fn run(config: &RlConfig, model: &Path, out: &Path, stop: &Stop) -> train::Result<()> {
    rl(config, model, &courses(), None, &[], out, &Progress::silent(), stop).map(drop)
}

fn rows(folder: &Path) -> Vec<Value> {
    base::jsonl::read_jsonl(&folder.join("metrics.jsonl")).unwrap().map(Result::unwrap).collect()
}

#[test]
fn it_finds_the_way_that_leads_to_right_answers() {
    let folder = scratch("practice");
    let model = taught(&folder, 4000);
    let out = folder.join("rl");
    run(&config(), &model, &out, &Stop::new()).unwrap();
    let rows = rows(&out);
    let number = |row: usize, key: &str| rows[row][key].as_f64().unwrap_or_else(|| panic!("{key} in {}", rows[row]));
    let last = rows.len() - 1;
    assert_eq!(last, 25);
    let (before, after) = (number(0, "eval/parity/accuracy"), number(last, "eval/parity/accuracy"));
    assert!((0.3..0.7).contains(&before), "at once it is a guess: {before}");
    assert!(after >= 0.95, "{before} -> {after}");
    let lengths = [0, last].map(|row| number(row, "eval/parity/mean_length"));
    assert!(lengths[0] < 15.0 && lengths[1] > 30.0, "answers grow longer: {lengths:?}");
    assert!(number(last, "completions/long_share") > 0.9);
    assert!(number(1, "kl") < 1e-3 && number(last, "kl") > 0.01, "it moves away from where it began");

    // Rewards that mean nothing teach nothing.
    let out = folder.join("random");
    run(&RlConfig { reward: Reward::Random, steps: 12, ..config() }, &model, &out, &Stop::new()).unwrap();
    let rows = self::rows(&out);
    let after = rows[12]["eval/parity/accuracy"].as_f64().unwrap();
    assert!((0.2..0.8).contains(&after), "{after}");

    // Right answers as examples teach too.
    let out = folder.join("right");
    run(&RlConfig { learn: Learn::Right, ..config() }, &model, &out, &Stop::new()).unwrap();
    let rows = self::rows(&out);
    assert!(rows[25]["reward"].as_f64().unwrap() > rows[1]["reward"].as_f64().unwrap() + 0.1);
}

#[test]
fn stopped_and_resumed_gives_the_bytes_of_an_uninterrupted_run() {
    let folder = scratch("practice-resumes");
    let model = taught(&folder, 200);
    for method in [PolicyMethod::Dapo, PolicyMethod::Gspo] {
        let few = RlConfig { steps: 4, prompts: 4, samples: 4, eval_problems: 6, passes: 2, minibatches: 2, ..config() };
        let mut few = RlConfig { policy: train::objective::Policy { kl: 0.05, ..train::objective::Policy::new(method) }, ..few };
        few.redraws = 1;
        few.rehearsal_rows = 2;
        let run = |out: &Path, stop: &Stop| rl(&few, &model, &courses(), None, &solutions(5), out, &Progress::silent(), stop);
        let (whole, pieces) = (folder.join(format!("whole-{method:?}")), folder.join(format!("pieces-{method:?}")));
        run(&whole, &Stop::new()).unwrap();
        assert!(rows(&whole)[4]["rehearsal_loss"].as_f64().unwrap() > 0.0);
        let stop = Stop::new();
        stop.request(); // each run ends after one step
        for _ in 0..2 {
            assert!(run(&pieces, &stop).unwrap_err().is_stop());
        }
        run(&pieces, &Stop::new()).unwrap();
        let (expected, found) = (files_of(&whole), files_of(&pieces));
        assert_eq!(expected.iter().map(|file| &file.0).collect::<Vec<_>>(), found.iter().map(|file| &file.0).collect::<Vec<_>>());
        for ((name, expected), (_, found)) in expected.iter().zip(&found) {
            assert!(expected == found, "{name} differs");
        }
    }
}

#[test]
fn what_cannot_be_practised_is_refused_in_a_sentence() {
    let folder = scratch("practice-refuses");
    let (tokenizer, shards) = tiny_shards(&folder);
    let base = folder.join("base");
    pretrain(&tiny(1), &shards, &tokenizer, &base, &Progress::silent(), &Stop::new()).unwrap();
    let out = folder.join("rl");
    let said = |config: RlConfig| run(&config, &base, &out, &Stop::new()).unwrap_err().to_string();
    assert!(said(RlConfig { samples: 1, ..config() }).contains("at least 2"));
    assert!(said(RlConfig { steps: 0, ..config() }).contains("at least 1"));
    assert!(said(RlConfig { minibatches: 9, ..config() }).contains("as many as there are prompts"));
    assert!(said(RlConfig { max_tokens: 32, ..config() }).contains("do not fit a context of 32"));
    let too_long = said(RlConfig { max_tokens: 31, ..config() });
    assert!(too_long.contains("the model's context has 32"), "{too_long}");
    let none = rl(&config(), &base, &[], None, &[], &out, &Progress::silent(), &Stop::new()).unwrap_err().to_string();
    assert!(none.contains("no problems to practise"), "{none}");
}
