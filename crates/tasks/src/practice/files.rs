//! Problems that stand in files: the project's own, questions with answers of anybody's, and GSM8K as it is published. Which of them a
//! file holds is told from its records. What is damaged, or of no use, is refused with its line.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use base::rng::{Rng, label};
use engine::Tool;
use serde::Deserialize;
use serde_json::{Value, json};

use super::python::{Programs, Test};
use super::{Environment, Problem, Split, environment, fingerprint};
use crate::Result;
use crate::evals::files::{Example, Format};
use crate::evals::{self, number};
use crate::problems::grade;

/// What a file holds.
pub struct Opened {
    /// Its problems, and their grader.
    pub environment: Box<dyn Environment>,
    /// One sentence for each record that is none and was left out; of GSM8K alone, elsewhere a damaged line is an error.
    pub left_out: Vec<String>,
}

/// Opens whatever environment a file holds: Python problems where its first record has `tests`, GSM8K where the answer ends in `#### n`,
/// else a list. With a `generator`, only its problems of a list. Without a sandbox Python problems are refused.
///
/// # Errors
/// Where the file cannot be read, or does not hold problems of both splits.
pub fn read(path: &Path, generator: Option<&str>, sandbox: Option<Arc<dyn Tool>>) -> Result<Opened> {
    let first = base::jsonl::read_jsonl::<Value>(path)?.next().transpose()?.unwrap_or_default();
    let has_tests = !first["tests"].is_null() || !first["metadata"]["tests"].is_null();
    let is_gsm8k = first["answer"].as_str().is_some_and(|answer| answer.contains("####"));
    let (environment, left_out): (Box<dyn Environment>, _) = match (has_tests, sandbox) {
        (true, Some(sandbox)) => (Box::new(Programs::read(path, sandbox)?), Vec::new()),
        (true, None) => return Err(refused(path, "Python problems, which are graded by running them; give a sandbox for that")),
        (false, _) if is_gsm8k => {
            let (listed, left_out) = Listed::gsm8k(path, None)?;
            (Box::new(listed), left_out)
        }
        (false, _) => (Box::new(Listed::read(path, generator)?), Vec::new()),
    };
    Ok(Opened { environment, left_out })
}

fn refused(path: &Path, why: &str) -> crate::Error {
    base::Error::Refused(format!("{} holds {why}", path.display())).into()
}

/// A file's name without folder and ending.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// A line of a file of problems. Of all this only the question is needed, and an answer or tests.
#[derive(Deserialize)]
struct Row {
    id: Option<String>,
    generator: Option<String>,
    seed: Option<u64>,
    index: Option<u64>,
    split: Option<String>,
    question: String,
    #[serde(default)]
    answer: Value,
    #[serde(default)]
    metadata: Value,
    tests: Option<Vec<Test>>,
}

/// The problems of a file, in order. What a line does not say is filled in; tests of Python problems go into the metadata.
pub(super) fn read_rows(path: &Path) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for (number, row) in (1..).zip(base::jsonl::read_jsonl::<Row>(path)?) {
        let damaged = |why: &str, remedy: &str| base::Error::damaged(path, format!("record {number}"), why, remedy);
        let row = row?;
        if row.question.trim().is_empty() {
            return Err(damaged("its question is empty", "give it one, or delete the line").into());
        }
        let answer = match row.answer {
            Value::String(text) => text,
            Value::Null => String::new(),
            Value::Number(number) => number.to_string(),
            _ => return Err(damaged("its answer is neither a text nor a number", "write it as one").into()),
        };
        let mut metadata = match row.metadata {
            Value::Null => json!({}),
            Value::Object(_) => row.metadata,
            _ => return Err(damaged("its metadata is no object", "write it as one, or leave it out").into()),
        };
        if let Some(tests) = row.tests {
            metadata["tests"] = json!(tests);
        }
        if !metadata["key"].is_string() {
            metadata["key"] = json!(key_of(&row.question));
        }
        let by_hash = Split::of(metadata["key"].as_str().unwrap_or_default());
        let split = match &row.split {
            None => by_hash,
            Some(name) => Split::named(name).ok_or_else(|| damaged("its split is neither train nor test", "write one of them, or none"))?,
        };
        problems.push(Problem {
            id: row.id.unwrap_or_else(|| format!("{}-{number:05}", stem(path))),
            generator: row.generator.unwrap_or_else(|| stem(path)),
            seed: row.seed.unwrap_or(0),
            index: row.index.unwrap_or(number - 1),
            split: split.name().to_owned(),
            question: row.question,
            answer,
            metadata,
        });
    }
    Ok(problems)
}

/// The key of a question that has none: its words without regard to case and white space.
fn key_of(question: &str) -> String {
    question.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Problems by level and split.
pub(super) struct Shelf {
    problems: Vec<Problem>,
    /// For each level the places of its problems for practice, and of those held out.
    places: Vec<[Vec<usize>; 2]>,
}

/// More levels than this are none.
const MAX_LEVEL: u64 = 100;

impl Shelf {
    /// Sorts problems by `metadata.level`, 1 where there is none. A key that is held out anywhere is held out.
    pub(super) fn new(path: &Path, problems: Vec<Problem>) -> Result<Shelf> {
        let key = |problem: &Problem| problem.metadata["key"].as_str().unwrap_or_default().to_owned();
        let is_test = |problem: &&Problem| problem.split == Split::Test.name();
        let held_out: BTreeSet<String> = problems.iter().filter(is_test).map(key).collect();
        let mut shelf = Shelf { problems: Vec::new(), places: Vec::new() };
        for mut problem in problems {
            if problem.split != Split::Test.name() && held_out.contains(&key(&problem)) {
                continue;
            }
            let level = problem.metadata["level"].as_u64().unwrap_or(1).clamp(1, MAX_LEVEL) as usize;
            problem.metadata["level"] = json!(level);
            if shelf.places.len() < level {
                shelf.places.resize(level, Default::default());
            }
            let split = Split::named(&problem.split).unwrap_or(Split::Train);
            shelf.places[level - 1][split as usize].push(shelf.problems.len());
            shelf.problems.push(problem);
        }
        for split in Split::ALL {
            if shelf.places.iter().all(|of_level| of_level[split as usize].is_empty()) {
                let name = split.name();
                return Err(refused(path, &format!("no problem for {name}; write \"split\": \"{name}\" into some of its lines")));
            }
        }
        Ok(shelf)
    }

    pub(super) fn levels(&self) -> usize {
        self.places.len()
    }

    pub(super) fn count(&self, level: usize, split: Split) -> usize {
        self.places[level.clamp(1, self.levels()) - 1][split as usize].len()
    }

    /// Of all problems.
    pub(super) fn fingerprint(&self, name: &str) -> String {
        fingerprint(name, &self.problems)
    }

    /// The problems of a level come in an order of the seed, again and again, each round in another. A level that has none of a split
    /// is given those of the next lower one that has, else of the next higher one.
    pub(super) fn problem(&self, seed: u64, index: u64, level: usize, split: Split) -> Problem {
        let level = level.clamp(1, self.levels());
        let filled = (1..=level).rev().chain(level + 1..=self.levels()).find(|&level| self.count(level, split) > 0);
        let mut places = filled.map(|level| self.places[level - 1][split as usize].clone()).unwrap_or_default();
        let n = places.len() as u64;
        Rng::derive(seed, &[label("shelf"), level as u64, split as u64, index / n]).shuffle(&mut places);
        self.problems[places[(index % n) as usize]].clone()
    }
}

/// Questions with answers, one a line.
pub struct Listed {
    name: String,
    shelf: Shelf,
}

impl Listed {
    /// Reads JSON lines: the project's own problems, of one `generator` if it is named, or anything with `question` and `answer`.
    ///
    /// # Errors
    /// Where the file is missing, a line is no problem, or there are none of a split; each names the place.
    pub fn read(path: &Path, generator: Option<&str>) -> Result<Listed> {
        let mut problems = read_rows(path)?;
        if let Some(problem) = problems.iter().find(|problem| !problem.metadata["tests"].is_null()) {
            return Err(refused(path, &format!("a Python problem ({}) among others; keep these in a file of their own", problem.id)));
        }
        if let Some(problem) = problems.iter().find(|problem| problem.answer.trim().is_empty()) {
            return Err(refused(path, &format!("a problem without an answer ({}); give it one, or delete the line", problem.id)));
        }
        let generators: BTreeSet<String> = problems.iter().map(|problem| problem.generator.clone()).collect();
        let name = match generator {
            Some(name) if !generators.contains(name) => {
                let names = generators.into_iter().collect::<Vec<_>>().join(", ");
                return Err(refused(path, &format!("no problems of the generator {name}; it has those of {names}")));
            }
            Some(name) => name.to_owned(),
            None if generators.len() == 1 => generators.into_iter().collect(),
            None => stem(path),
        };
        if generator.is_some() {
            problems.retain(|problem| problem.generator == name);
        }
        Ok(Listed { name, shelf: Shelf::new(path, problems)? })
    }

    /// GSM8K from its published files: `question`, and an `answer` whose working ends in `#### n`. The level is the number of lines of the
    /// working. Some questions are held out by their hash, or where the published test file is given too, those of that file. Gives a
    /// sentence for each record that was left out beside it.
    ///
    /// # Errors
    /// Where a file cannot be read or holds something else.
    pub fn gsm8k(path: &Path, test: Option<&Path>) -> Result<(Listed, Vec<String>)> {
        let mut gsm8k = (Vec::new(), Vec::new());
        let split = test.map(|_| Split::Train);
        read_gsm8k(path, split, &mut gsm8k)?;
        if let Some(test) = test {
            read_gsm8k(test, Some(Split::Test), &mut gsm8k)?;
        }
        let (problems, left_out) = gsm8k;
        Ok((Listed { name: GSM8K.to_owned(), shelf: Shelf::new(path, problems)? }, left_out))
    }
}

impl Environment for Listed {
    fn name(&self) -> &str {
        &self.name
    }

    fn levels(&self) -> usize {
        self.shelf.levels()
    }

    fn problem(&self, seed: u64, index: u64, level: usize, split: Split) -> Problem {
        self.shelf.problem(seed, index, level, split)
    }

    fn count(&self, level: usize, split: Split) -> Option<usize> {
        Some(self.shelf.count(level, split))
    }

    fn fingerprint(&self) -> String {
        self.shelf.fingerprint(&self.name)
    }

    /// A problem of a built-in generator is graded by it: of a countdown many answers are right.
    fn score(&self, problem: &Problem, answer: &str) -> Result<f64> {
        match environment(&problem.generator) {
            Some(generator) => generator.score(problem, answer),
            None => Ok(if grade(problem, answer) { 1.0 } else { 0.0 }),
        }
    }
}

/// The generator of GSM8K's problems.
const GSM8K: &str = "gsm8k";

/// Solutions of more lines are of this level too.
const MAX_GSM8K_LINES: usize = 8;

/// Adds the problems of a file, all of one split or by their hash, and what was left out.
fn read_gsm8k(path: &Path, split: Option<Split>, (problems, left_out): &mut (Vec<Problem>, Vec<String>)) -> Result<()> {
    let file = evals::files::read(path)?;
    if file.format != Format::Gsm8k {
        return Err(refused(path, &format!("records of the format {}, not of GSM8K", file.format.name())));
    }
    for (index, example) in file.examples.into_iter().enumerate() {
        let Example::Problem { question, solution } = example else { continue };
        let Some(answer) = number(&solution) else { continue };
        let key = key_of(&question);
        let lines = solution.lines().filter(|line| !line.trim().is_empty() && !line.contains("####")).count();
        problems.push(Problem {
            id: format!("{}-{:05}", stem(path), index + 1),
            generator: GSM8K.to_owned(),
            seed: 0,
            index: index as u64,
            split: split.unwrap_or_else(|| Split::of(&key)).name().to_owned(),
            question,
            answer: answer.to_string(),
            metadata: json!({ "level": lines.clamp(1, MAX_GSM8K_LINES), "solution": solution, "key": key }),
        });
    }
    left_out.extend(file.damaged.into_iter().map(|why| format!("{}: {why}", path.display())));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A file of this test's own, removed behind it.
    struct File(PathBuf);

    impl File {
        fn new(name: &str, text: &str) -> File {
            let folder = std::env::temp_dir().join(format!("schoolhouse-practice-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            File(path)
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    /// Refusals, each as the one sentence that it is.
    #[track_caller]
    fn refused(name: &str, text: &str, generator: Option<&str>, expected: &str) {
        let file = File::new(name, text);
        let error = read(&file.0, generator, None).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(expected) && error.contains(name), "{error:?} should say {expected:?}");
    }

    fn questions(environment: &dyn Environment, level: usize, split: Split, n: u64) -> Vec<String> {
        (0..n).map(|index| environment.problem(1, index, level, split).question).collect()
    }

    #[test]
    fn any_questions_with_answers_are_an_environment() {
        let lines: String = (0..50).map(|n| format!("{{\"question\": \"Double {n}?\", \"answer\": {}}}\n", 2 * n)).collect();
        let file = File::new("doubles.jsonl", &lines);
        let doubles = read(&file.0, None, None).unwrap().environment;
        assert_eq!((doubles.name(), doubles.levels()), ("doubles", 1));
        let counts = Split::ALL.map(|split| doubles.count(1, split).unwrap());
        assert!(counts[1] > 2 && counts[0] + counts[1] == 50, "{counts:?}");
        let n = counts[0] as u64;
        let rounds = questions(&*doubles, 1, Split::Train, 2 * n);
        let sorted = |part: &[String]| part.iter().cloned().collect::<BTreeSet<_>>();
        assert_eq!(sorted(&rounds[..n as usize]).len(), n as usize, "each comes once before one comes again");
        assert_eq!(sorted(&rounds[..n as usize]), sorted(&rounds[n as usize..]));
        assert_ne!(rounds[..n as usize], rounds[n as usize..]);
        assert!(sorted(&questions(&*doubles, 1, Split::Test, 20)).is_disjoint(&sorted(&rounds)));
        let problem = doubles.problem(1, 0, 1, Split::Test);
        assert_eq!(doubles.score(&problem, &format!("#### {}", problem.answer)).unwrap(), 1.0);
        assert_eq!(doubles.score(&problem, "#### 1").unwrap(), 0.0);
        let other = File::new("doubles.jsonl", &lines.replace("\"answer\": 98}", "\"answer\": 99}"));
        let changed = read(&other.0, None, None).unwrap().environment;
        assert_ne!(doubles.fingerprint(), changed.fingerprint(), "the last answer is another one");
    }

    #[test]
    fn the_projects_own_problems_come_by_generator_and_level() {
        let mut lines = String::new();
        for (name, level) in [("addition", 1), ("addition", 3), ("countdown", 2)] {
            let generator = environment(name).unwrap();
            for (split, index) in Split::ALL.into_iter().flat_map(|split| (0..5).map(move |index| (split, index))) {
                lines += &serde_json::to_string(&generator.problem(1, index, level, split)).unwrap();
                lines += "\n";
            }
        }
        let file = File::new("own.jsonl", &lines);
        let sums = read(&file.0, Some("addition"), None).unwrap().environment;
        assert_eq!((sums.name(), sums.levels()), ("addition", 3));
        assert_eq!([1, 2, 3].map(|level| sums.count(level, Split::Train).unwrap()), [5, 0, 5]);
        assert_eq!(questions(&*sums, 2, Split::Train, 9), questions(&*sums, 2, Split::Train, 9));
        let of = |level| questions(&*sums, level, Split::Train, 5).into_iter().collect::<BTreeSet<_>>();
        assert_eq!((of(2), of(1).is_disjoint(&of(3))), (of(1), true), "a level without problems is given those below");
        let again = sums.problem(7, 3, 3, Split::Test);
        assert!((0..5).any(|index| environment("addition").unwrap().problem(1, index, 3, Split::Test) == again), "nothing is lost");

        let all = read(&file.0, None, None).unwrap().environment;
        assert_eq!(all.name(), "own");
        let countdown = environment("countdown").unwrap().problem(1, 0, 2, Split::Train);
        let turned = format!("({})", countdown.answer);
        assert_eq!(all.score(&countdown, &turned).unwrap(), 1.0, "a generator's problems are graded by it");
    }

    #[test]
    fn what_is_held_out_anywhere_is_held_out() {
        let line = |question: &str, split: &str| format!("{{\"question\": \"{question}\", \"answer\": \"x\", \"split\": \"{split}\"}}\n");
        let text = [line("A?", "train"), line("B?", "train"), line(" b?", "test"), line("C?", "test")].concat();
        let file = File::new("both.jsonl", &text);
        let found = read(&file.0, None, None).unwrap().environment;
        assert_eq!(Split::ALL.map(|split| found.count(1, split).unwrap()), [1, 2]);
        assert_eq!(questions(&*found, 1, Split::Train, 3), ["A?"; 3]);
    }

    #[test]
    fn gsm8k_is_read_as_it_is_published() {
        let line = |n: usize| {
            let steps: String = (0..n % 3 + 1).map(|_| format!("{n}+{n}=<<{n}+{n}={}>>{}\\n", 2 * n, 2 * n)).collect();
            format!("{{\"question\": \"What is {n} and {n}?\", \"answer\": \"{steps}#### 1,{:03}\"}}\n", 2 * n)
        };
        let train = File::new("train.jsonl", &(0..60).map(line).collect::<String>());
        let test = File::new("test.jsonl", &((58..64).map(line).collect::<String>() + "{\"question\": 3}\n"));
        let found = read(&train.0, None, None).unwrap().environment;
        assert_eq!((found.name(), found.levels()), ("gsm8k", 3));
        let (both, left_out) = Listed::gsm8k(&train.0, Some(&test.0)).unwrap();
        let counts = |split| (1..=3).map(|level| both.count(level, split).unwrap()).sum::<usize>();
        assert_eq!((counts(Split::Train), counts(Split::Test)), (58, 6), "what the test file asks is not practised");
        assert_eq!(left_out.len(), 1);
        let problem = both.problem(1, 0, 2, Split::Test);
        let n: usize = problem.question.split(' ').nth(2).unwrap().parse().unwrap();
        assert_eq!((problem.answer.clone(), n % 3), ((1000 + 2 * n).to_string(), 1));
        for (answer, expected) in [(format!("so #### 1,{:03}", 2 * n), 1.0), (problem.answer.clone(), 1.0), ("It is 1000".into(), 0.0)] {
            assert_eq!(both.score(&problem, &answer).unwrap(), expected, "{answer}");
        }
    }

    #[test]
    fn what_is_of_no_use_is_one_sentence() {
        let good = "{\"question\": \"A?\", \"answer\": \"x\"}\n";
        refused("empty.jsonl", "", None, "no problem for train; write \"split\": \"train\" into some of its lines");
        refused("untested.jsonl", &good.replace('}', ", \"split\": \"train\"}"), None, "no problem for test");
        refused("torn.jsonl", &format!("{good}{{\"question\""), None, "is damaged at line 2");
        refused("blank.jsonl", "{\"question\": \" \", \"answer\": 1}", None, "record 1: its question is empty");
        refused("listed.jsonl", "{\"question\": \"A?\", \"answer\": [1]}", None, "neither a text nor a number");
        refused("unanswered.jsonl", "{\"question\": \"A?\"}", None, "a problem without an answer (unanswered-00001)");
        refused("split.jsonl", &good.replace('}', ", \"split\": \"dev\"}"), None, "its split is neither train nor test");
        refused("meta.jsonl", &good.replace('}', ", \"metadata\": 3}"), None, "its metadata is no object");
        refused("other.jsonl", good, Some("addition"), "no problems of the generator addition; it has those of other");
        let program = "{\"question\": \"A?\", \"tests\": [{\"call\": \"f()\", \"expected\": 1}]}\n";
        refused("programs.jsonl", program, None, "Python problems, which are graded by running them; give a sandbox");
        refused("mixed.jsonl", &format!("{good}{program}"), None, "a Python problem (mixed-00002) among others");
        let error = Listed::gsm8k(&File::new("mmlu.jsonl", "{\"question\":\"A?\",\"choices\":[\"a\",\"b\"],\"answer\":0}").0, None).err();
        assert!(error.unwrap().to_string().contains("records of the format mmlu, not of GSM8K"));
        assert!(read(Path::new("nowhere.jsonl"), None, None).err().unwrap().to_string().contains("nowhere.jsonl"));
    }
}
