//! Practice: reinforcement learning on problems with verifiable answers.
//!
//! In a step the model draws several answers to each of some problems, a program says what each is worth, and every token that the
//! model wrote is weighed by how its answer did beside the others to the same problem. In reading order: [`rollout`] draws and
//! grades; [`crate::objective`] has the weights; [`rows`] makes rows of them; [`curriculum`] chooses what comes next; `rehearsal` keeps what was learnt before; [`measure`] tests.

pub mod curriculum;
pub mod measure;
mod rehearsal;
pub mod rollout;
pub mod rows;

use std::path::Path;

use base::progress::Progress;
use base::stop::Stop;
use engine::Toolset;
use model::Model;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tasks::practice::{Environment, Problem, Split};

use crate::mixture::Share;
use crate::objective::{Objective, Policy, PolicyMethod, Tally, divergence};
use crate::optimizer::{Method, Options, State};
use crate::pretrain::fingerprint;
use crate::start::{Start, end_tokens};
use crate::step::Division;
use crate::trainer::{self, Lesson, Pupil, Sample, Settings, Stage, Step, Summary};
use crate::{Error, Result};
use curriculum::Curriculum;
use rehearsal::Rehearsal;
use rollout::{Asking, Group};

/// Problems of one kind, and how often they come.
pub struct Course {
    /// What makes and grades them.
    pub environment: Box<dyn Environment>,
    /// Share among the courses, before all are divided by their sum; the curriculum gives what is solved less, and others more.
    pub weight: f64,
}

/// What the user decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RlConfig {
    /// Steps: answers are drawn anew in each.
    pub steps: usize,
    /// Problems of a step, P.
    pub prompts: usize,
    /// Answers to each, G.
    pub samples: usize,
    /// Longest answer in tokens, L_max.
    pub max_tokens: usize,
    /// What answers are learnt by.
    pub policy: Policy,
    /// Passes over a step's answers.
    pub passes: usize,
    /// Updates of a pass; groups are divided among them.
    pub minibatches: usize,
    /// How often the groups in which all answers were worth the same are drawn anew from other problems; 0 is never.
    pub redraws: usize,
    /// Answers lose reward over so many last tokens before the longest length, down to -1; 0 is off.
    pub overlong: usize,
    /// What an answer is rewarded for.
    pub reward: Reward,
    /// Which answers are learnt from.
    pub learn: Learn,
    /// Whether courses and difficulties are chosen by how often their problems are solved too.
    pub curriculum: bool,
    /// Said before each problem, if anything.
    pub system: Option<String>,
    /// Added to each question, if anything.
    pub wish: Option<String>,
    /// Whether answers begin with a thought.
    pub think: bool,
    /// Rows of worked examples that are learnt from in each step, where there are examples.
    pub rehearsal_rows: usize,
    /// Peak learning rate of AdamW; 3e-4 at width 192, falling with the width, where absent.
    pub lr: Option<f32>,
    /// Steps between tests on held-out problems.
    pub eval_every: usize,
    /// Held-out problems of a test, of each course.
    pub eval_problems: usize,
    /// Answers from so many tokens on count as long in the log.
    pub long_tokens: usize,
    /// The seed of problems and answers.
    pub seed: u64,
    /// Worker threads.
    pub threads: usize,
}

/// What an answer is rewarded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reward {
    /// Being well formed, ended and right.
    Graded,
    /// Nothing: heads or tails. A control, which must teach nothing.
    Random,
}

/// Which answers are learnt from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Learn {
    /// All, by their advantages.
    All,
    /// Those that are right, as examples: rejection sampling. A control.
    Right,
}

impl RlConfig {
    /// Usual numbers for a method.
    pub fn new(method: PolicyMethod) -> RlConfig {
        let dapo = method == PolicyMethod::Dapo;
        RlConfig {
            steps: 60,
            prompts: 16,
            samples: 16,
            max_tokens: 64,
            policy: Policy::new(method),
            passes: 1,
            minibatches: 1,
            redraws: if dapo { 2 } else { 0 },
            overlong: if dapo { 12 } else { 0 },
            reward: Reward::Graded,
            learn: Learn::All,
            curriculum: true,
            system: None,
            wish: None,
            think: false,
            rehearsal_rows: 8,
            lr: None,
            eval_every: 20,
            eval_problems: 100,
            long_tokens: 20,
            seed: 1,
            threads: 1,
        }
    }

    fn check(&self, courses: &[Course]) -> Result<()> {
        let refuse = |what: &str| Err(Error::Refused(what.to_string()));
        match () {
            () if courses.is_empty() => refuse("there are no problems to practise; name an environment or a file of problems"),
            () if courses.iter().any(|course| !(course.weight > 0.0 && course.weight.is_finite())) => {
                refuse("the weight of a course is not above 0; leave the course out instead")
            }
            () if self.samples < 2 && self.learn == Learn::All => {
                refuse("one answer to a problem has nothing to be compared with; draw at least 2")
            }
            () if self.prompts * self.samples * self.steps * self.passes * self.max_tokens == 0 => {
                refuse("steps, prompts, samples, passes and the longest answer must all be at least 1")
            }
            () if self.minibatches == 0 || self.minibatches > self.prompts => {
                refuse("the updates of a pass share its prompts; give at least 1 and at most as many as there are prompts")
            }
            () => Ok(()),
        }
    }
}

/// Steps of warm-up.
const WARMUP: usize = 3;

/// Trains the model in `base`, a folder or a GGUF file, into `folder`. With `tools` answers may call them; with `examples` the model goes on
/// learning from these too, so that it forgets nothing.
pub fn rl(
    wanted: &RlConfig,
    base: &Path,
    courses: &[Course],
    tools: Option<&Toolset>,
    examples: &[Share],
    folder: &Path,
    progress: &Progress,
    stop: &Stop,
) -> Result<Summary> {
    wanted.check(courses)?;
    let start = Start::open(base, wanted.seed)?;
    let config = start.config();
    if wanted.max_tokens >= config.context {
        let (most, context) = (wanted.max_tokens, config.context);
        return Err(Error::Refused(format!(
            "answers of {most} tokens and a question do not fit a context of {context}; allow fewer tokens"
        )));
    }
    let rows = wanted.prompts * wanted.samples;
    let workers = Division::new(&config, rows, config.context, wanted.threads).workers;
    let lr = wanted.lr.unwrap_or(3e-4 * 192.0 / config.hidden_size as f32);
    let settings = Settings {
        steps: wanted.steps,
        rows,
        division: Division { workers, micro_rows: 1 },
        len: config.context,
        warmup: WARMUP.min(wanted.steps),
        warmdown: wanted.steps / 2,
        optimizer: Options { method: Method::AdamW, muon_lr: 0.0, adamw_lr: lr, weight_decay: 0.0, clip_norm: 1.0 },
        eval_every: wanted.eval_every,
        sample_every: wanted.eval_every,
        checkpoint_every: 10,
        print_every: (wanted.steps / 30).max(1),
        seed: wanted.seed,
        threads: wanted.threads,
    };
    let end_tokens = end_tokens(&start.tokenizer, start.format);
    let rehearsal = Rehearsal::new(examples, &start, wanted.steps, wanted.rehearsal_rows, end_tokens.end_of_text, wanted.seed);
    let rehearsed = rehearsal.as_ref().map_or(String::new(), Rehearsal::hash);
    let Start { model, tokenizer, format, hash, .. } = start;
    let practised: Vec<String> = courses.iter().map(|course| format!("{} {}", course.weight, course.environment.fingerprint())).collect();
    let fingerprint = fingerprint(&[
        &format!("{wanted:?} {tools}", tools = tools.is_some()),
        &hash,
        &tokenizer.hash(),
        &rehearsed,
        &practised.join("\n"),
    ]);
    let asking = Asking { wanted, tokenizer: &tokenizer, format, ends: end_tokens, tools };
    let mut practice = Practice {
        wanted,
        courses,
        asking,
        curriculum: Curriculum::new(courses.iter().map(|course| course.environment.levels())),
        reference: model.clone(),
        rehearsal,
    };
    let stage = Stage { folder, settings: &settings, fingerprint: &fingerprint, end_tokens, validation: None, lesson: &mut practice };
    let start = || {
        let state = State::new(&model.params.layout);
        Ok((model, state))
    };
    let (_, summary) = trainer::train(stage, start, progress, stop)?;
    tokenizer.save(folder)?;
    Ok(summary)
}

/// The stage's part of the loop.
struct Practice<'a> {
    wanted: &'a RlConfig,
    courses: &'a [Course],
    asking: Asking<'a>,
    curriculum: Curriculum,
    reference: Model,
    rehearsal: Option<Rehearsal>,
}

impl Lesson for Practice<'_> {
    fn step(&mut self, step: usize, pupil: &mut Pupil) -> Result<Step> {
        let drawing = std::time::Instant::now();
        let groups = self.draw(step, pupil.model)?;
        let drawing = drawing.elapsed().as_secs_f64();
        let learning = std::time::Instant::now();
        let divergence = self.divergence(&groups, pupil);
        let (tally, norm, updates) = self.learn(&groups, pupil);
        let rehearsed = self.rehearsal.as_ref().map(|rehearsal| pupil.learn(&rehearsal.batches(step), Objective::CrossEntropy));
        let learning = learning.elapsed().as_secs_f64();

        let mut metrics = rollout::metrics(&groups, self.courses, self.wanted);
        metrics.insert("kl".into(), json!(divergence));
        if let Some(rehearsed) = rehearsed {
            metrics.insert("rehearsal_loss".into(), json!(rehearsed.tally.loss));
        }
        let share = |count: usize| count as f64 / tally.tokens.max(1) as f64;
        metrics.insert("clip_ratio/low_mean".into(), json!(share(tally.clipped_low)));
        metrics.insert("clip_ratio/high_mean".into(), json!(share(tally.clipped_high)));
        metrics.insert("clip_ratio/region_mean".into(), json!(share(tally.clipped_low + tally.clipped_high)));
        let drawn: usize = groups.iter().flat_map(|group| &group.answers).map(|answer| answer.ids.len()).sum();
        let mut timing = Map::new();
        timing.insert("generation_ms".into(), json!(drawing * 1e3));
        timing.insert("generation_tokens_per_second".into(), json!(drawn as f64 / drawing));
        timing.insert("training_ms".into(), json!(learning * 1e3));
        timing.insert("training_tokens_per_second".into(), json!(tally.tokens as f64 / learning));
        timing.insert("generation_share".into(), json!(drawing / (drawing + learning)));
        let told = format!(
            " | reward {:.3} | length {:.1} | generation {:.0} tokens/s, {:.0}% of the time",
            metrics["reward"].as_f64().unwrap_or(0.0),
            metrics["completions/mean_length"].as_f64().unwrap_or(0.0),
            drawn as f64 / drawing,
            100.0 * drawing / (drawing + learning)
        );
        let updates = updates.max(1) as f64;
        Ok(Step { loss: tally.loss / updates, grad_norm: norm / updates, metrics, timing, told })
    }

    fn samples(&mut self, model: &Model, done: usize) -> Result<Vec<Sample>> {
        let problems: Vec<Problem> = self
            .courses
            .iter()
            .flat_map(|course| (0..2).map(|i| course.environment.problem(self.wanted.seed, i, course.environment.levels(), Split::Test)))
            .collect();
        let answers = self.asking.greedy(model, &problems.iter().collect::<Vec<_>>())?;
        let spoken = problems.into_iter().zip(answers);
        Ok(spoken.map(|(problem, answer)| Sample { step: done, prompt: problem.question, text: answer.text }).collect())
    }

    fn measure(&mut self, model: &Model, done: usize) -> Result<Map<String, Value>> {
        let with_samples = done == 0 || done == self.wanted.steps;
        measure::held_out(&self.asking, self.courses, model, with_samples)
    }

    fn state(&self) -> Value {
        json!(self.curriculum)
    }

    fn restore(&mut self, state: Value) -> Result<()> {
        self.curriculum = serde_json::from_value(state)
            .map_err(|error| Error::Refused(format!("the checkpoint's curriculum cannot be read ({error}); delete the checkpoint")))?;
        Ok(())
    }
}

/// Answers whose divergence from the reference is looked at where the loss does not need it of all.
const WATCHED: usize = 32;

impl Practice<'_> {
    /// The answers of a step: groups in which all are worth the same are drawn anew, as often as is wanted.
    fn draw(&mut self, step: usize, model: &Model) -> Result<Vec<Group>> {
        let RlConfig { prompts, redraws, .. } = *self.wanted;
        let mut groups: Vec<Group> = Vec::new();
        for round in 0..=redraws {
            let missing = prompts - groups.iter().filter(|group| group.has_variance()).count();
            if missing == 0 {
                break;
            }
            let first = ((step * (1 + redraws) + round) * prompts) as u64;
            let problems = self.problems(first, missing);
            let drawn = self.asking.groups(model, self.courses, problems, first)?;
            for group in &drawn {
                self.curriculum.note(group.course, group.level, group.share_right());
            }
            match round {
                0 => groups = drawn,
                _ => {
                    let empty: Vec<usize> = (0..groups.len()).filter(|&i| !groups[i].has_variance()).collect();
                    empty.into_iter().zip(drawn).for_each(|(place, group)| groups[place] = group);
                }
            }
        }
        Ok(groups)
    }

    /// Problems by the courses' weights and the curriculum, numbered from `first`.
    fn problems(&self, first: u64, count: usize) -> Vec<(usize, usize, Problem)> {
        let shares: Vec<f64> = self.courses.iter().map(|course| course.weight).collect();
        (first..first + count as u64)
            .map(|number| {
                let rng = &mut base::rng::Rng::derive(self.wanted.seed, &[base::rng::label("practice"), number]);
                let (course, level) = match self.wanted.curriculum {
                    true => self.curriculum.next(&shares, rng),
                    false => {
                        let course = rng.weighted(&shares);
                        (course, 1 + rng.below(self.courses[course].environment.levels()))
                    }
                };
                let environment = &self.courses[course].environment;
                (course, level, environment.problem(self.wanted.seed, number, level, Split::Train))
            })
            .collect()
    }

    /// Mean divergence of the policy that drew from the reference, over some answers.
    fn divergence(&self, groups: &[Group], pupil: &mut Pupil) -> f64 {
        let all: Vec<(&Group, &rollout::Answer)> =
            groups.iter().flat_map(|group| group.answers.iter().map(move |answer| (group, answer))).collect();
        let watched: Vec<_> = all.iter().step_by(all.len().div_ceil(WATCHED).max(1)).copied().collect();
        let batches = rows::of_answers(watched.iter().map(|&(group, answer)| (group, answer, 1.0, 0.0)));
        let references = pupil.workers.logprobs(&self.reference, &batches);
        let drawn = batches.iter().flat_map(|batch| &batch.drawn);
        let terms: Vec<f64> =
            drawn.zip(references.into_iter().flatten()).map(|(drawn, f)| f64::from(divergence(drawn.logprob, f))).collect();
        terms.iter().sum::<f64>() / terms.len().max(1) as f64
    }

    /// All updates of a step. Gives the sums of what they came to, and their number: an update without an answer to learn from is none.
    fn learn(&self, groups: &[Group], pupil: &mut Pupil) -> (Tally, f64, usize) {
        let (mut sum, mut norms, mut updates) = (Tally::default(), 0.0, 0);
        for _ in 0..self.wanted.passes {
            for part in groups.chunks(groups.len().div_ceil(self.wanted.minibatches)) {
                let mut batches = rows::learnt(part, self.wanted);
                if batches.is_empty() {
                    continue;
                }
                let policy = self.wanted.policy;
                if policy.kl > 0.0 {
                    let references = pupil.workers.logprobs(&self.reference, &batches);
                    rows::set_references(&mut batches, references);
                }
                let learnt = pupil.learn(&batches, Objective::Policy(rows::policy(self.wanted)));
                sum += learnt.tally;
                norms += learnt.grad_norm;
                updates += 1;
            }
        }
        (sum, norms, updates)
    }
}
