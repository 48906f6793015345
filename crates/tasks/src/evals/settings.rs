//! How a file is asked: examples before the question, what stands before an answer, and what guessing gives.
//!
//! The 22 tasks of DCLM's CORE are known by their files' names, so that a bundle of them is asked as CORE asks. Facts from
//! `eval/heavy.yaml` and `eval/eval_meta_data_v1.csv` of DCLM (Li et al. 2024, arXiv 2406.11794).

use super::files::{Format, TaskFile};

/// How the questions of a file are asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The task's name.
    pub task: String,
    /// Solved examples before each question.
    pub shots: usize,
    /// Between a question and its answer.
    pub delimiter: String,
    /// Accuracy of guessing, where the source says one; else that of a fair die.
    pub chance: Option<f64>,
    /// Whether this is a task of CORE, asked as CORE asks.
    pub is_core: bool,
}

/// Tasks of CORE.
pub const N_CORE: usize = 22;

const SPACE: &str = " ";
const ANSWER: &str = "\nAnswer: ";

/// File, task, shots, delimiter, chance.
const CORE: [(&str, &str, usize, &str, f64); N_CORE] = [
    ("agi_eval_lsat_ar", "agi_eval_lsat_ar", 3, SPACE, 0.2),
    ("arc_challenge", "arc_challenge", 10, ANSWER, 0.25),
    ("arc_easy", "arc_easy", 10, ANSWER, 0.25),
    ("bigbench_cs_algorithms", "bigbench_cs_algorithms", 10, SPACE, 0.0),
    ("bigbench_dyck_languages", "bigbench_dyck_languages", 10, SPACE, 0.0),
    ("bigbench_language_identification", "bigbench_language_identification", 10, SPACE, 0.091),
    ("bigbench_operators", "bigbench_operators", 10, SPACE, 0.0),
    ("bigbench_qa_wikidata", "bigbench_qa_wikidata", 10, SPACE, 0.0),
    ("bigbench_repeat_copy_logic", "bigbench_repeat_copy_logic", 10, SPACE, 0.0),
    ("boolq", "boolq", 10, ANSWER, 0.62),
    ("commonsense_qa", "commonsense_qa", 10, SPACE, 0.2),
    ("copa", "copa", 0, SPACE, 0.5),
    ("coqa", "coqa", 0, SPACE, 0.0),
    ("hellaswag", "hellaswag", 10, SPACE, 0.25),
    ("hellaswag", "hellaswag_zeroshot", 0, SPACE, 0.25),
    ("jeopardy_all", "jeopardy", 10, ANSWER, 0.0),
    ("lambada_openai", "lambada_openai", 0, SPACE, 0.0),
    ("openbook_qa", "openbook_qa", 0, SPACE, 0.25),
    ("piqa", "piqa", 10, ANSWER, 0.5),
    ("squad", "squad", 10, SPACE, 0.0),
    ("winograd_wsc", "winograd", 0, SPACE, 0.5),
    ("winogrande", "winogrande", 0, SPACE, 0.5),
];

/// The settings in which a file is asked: those of CORE, or the usual one of its format. What the caller says goes before
/// both, and is one setting.
pub fn settings(file: &TaskFile, shots: Option<usize>, delimiter: Option<&str>) -> Vec<Setting> {
    let is_icl = matches!(file.format, Format::MultipleChoice | Format::Schema | Format::LanguageModeling);
    let known = CORE.iter().filter(|row| is_icl && row.0 == file.stem());
    let mut settings: Vec<Setting> = known
        .map(|&(_, task, shots, delimiter, chance)| Setting {
            task: task.to_owned(),
            shots,
            delimiter: delimiter.to_owned(),
            chance: Some(chance),
            is_core: true,
        })
        .collect();
    if settings.is_empty() {
        let (shots, delimiter) = match file.format {
            Format::MultipleChoice | Format::Schema | Format::LanguageModeling => (0, SPACE),
            Format::Arc => (10, ANSWER),
            Format::Mmlu | Format::Gsm8k => (5, ANSWER),
        };
        let (task, delimiter) = (file.stem().to_owned(), delimiter.to_owned());
        settings.push(Setting { task, shots, delimiter, chance: None, is_core: false });
    }
    if shots.is_some() || delimiter.is_some() {
        settings.truncate(1);
        let setting = &mut settings[0];
        let before = setting.clone();
        setting.shots = shots.unwrap_or(setting.shots);
        setting.delimiter = delimiter.unwrap_or(&setting.delimiter).to_owned();
        setting.is_core &= *setting == before;
        if before.is_core {
            setting.task = file.stem().to_owned();
        }
    }
    for setting in &mut settings {
        // Nothing is its own example.
        setting.shots = setting.shots.min(file.examples.len() - 1);
    }
    settings
}
