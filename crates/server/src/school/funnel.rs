//! What became of the pages: `funnel.json`, and the examples of `examples.json`.
//!
//! Knows the two files; page texts are text here and are escaped by whoever shows them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::files;

/// Characters of an example that are shown.
const EXAMPLE_CHARACTERS: usize = 1500;
/// Steps and reasons that are shown.
const MOST_STEPS: usize = 100;

/// `funnel.json`, as far as it is shown.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Funnel {
    profile: String,
    input: Input,
    steps: Vec<Step>,
    #[serde(default)]
    languages: BTreeMap<String, u64>,
    output: Output,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Input {
    files: u64,
    records: u64,
    bytes: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Step {
    name: String,
    kept: u64,
    dropped: u64,
    reasons: BTreeMap<String, u64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Output {
    documents: u64,
    bytes: u64,
}

/// An example of a text that was dropped, or stayed.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    name: String,
    text: String,
    characters: u64,
}

/// A page before and after extraction.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Extraction {
    name: String,
    html: String,
    text: String,
    html_bytes: u64,
}

/// `examples.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Examples {
    #[serde(default)]
    extractions: Vec<Extraction>,
    #[serde(default)]
    dropped: BTreeMap<String, Vec<Example>>,
    #[serde(default)]
    kept: Vec<Example>,
}

/// The examples of one kind.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Shown {
    /// Texts.
    Texts(Vec<Example>),
    /// Pages before and after extraction.
    Extractions(Vec<Extraction>),
}

/// The funnel of a documents folder, none where it is not written yet.
pub fn read(folder: &Path) -> Result<Option<Funnel>, String> {
    let mut funnel: Option<Funnel> = files::json(&folder.join("funnel.json"))?;
    if let Some(funnel) = &mut funnel {
        funnel.steps.truncate(MOST_STEPS);
    }
    Ok(funnel)
}

/// Examples of `kept`, of `extractions`, or of what was dropped for a reason.
pub fn examples(folder: &Path, of: &str) -> Result<Shown, String> {
    let mut all: Examples = files::json(&folder.join("examples.json"))?.unwrap_or_default();
    let clip = |text: &mut String| {
        if let Some((at, _)) = text.char_indices().nth(EXAMPLE_CHARACTERS) {
            text.truncate(at);
        }
    };
    if of == "extractions" {
        all.extractions.iter_mut().for_each(|page| [&mut page.name, &mut page.html, &mut page.text].into_iter().for_each(clip));
        return Ok(Shown::Extractions(all.extractions));
    }
    let mut texts = if of == "kept" { all.kept } else { all.dropped.remove(of).unwrap_or_default() };
    texts.iter_mut().for_each(|example| [&mut example.name, &mut example.text].into_iter().for_each(clip));
    Ok(Shown::Texts(texts))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::school::tests::{scratch, write};

    #[test]
    fn a_funnel_and_its_examples_are_read_and_clipped() {
        let folder = scratch("funnel").join("documents");
        assert_eq!(read(&folder), Ok(None));
        assert_eq!(examples(&folder, "kept"), Ok(Shown::Texts(vec![])));
        let funnel = json!({
            "profile": "fineweb", "input": {"files": 1, "records": 9, "bytes": 70}, "output": {"documents": 5, "bytes": 60}, "new": 1,
            "steps": [{"name": "c4", "kept": 5, "dropped": 4, "kept_bytes": 60, "reasons": {"c4/lorem_ipsum": 4}}],
        });
        write(&folder.join("funnel.json"), &funnel.to_string());
        let read = read(&folder).unwrap().unwrap();
        assert_eq!((read.input.records, read.steps[0].reasons["c4/lorem_ipsum"], read.output.documents), (9, 4, 5));
        let example = |text: &str| json!({"name": "https://a.org/", "text": text, "characters": 3, "order": 1});
        let examples_file = json!({
            "extractions": [{"name": "n", "html": "<p>".repeat(900), "text": "t", "html_bytes": 2700, "order": 2}],
            "dropped": {"c4/lorem_ipsum": [example("lorem")]}, "kept": [example(&"ä".repeat(2000))],
        });
        write(&folder.join("examples.json"), &examples_file.to_string());
        let texts = |of: &str| match examples(&folder, of) {
            Ok(Shown::Texts(texts)) => texts.into_iter().map(|example| example.text).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(texts("c4/lorem_ipsum"), ["lorem".to_string()]);
        assert_eq!(texts("kept"), ["ä".repeat(EXAMPLE_CHARACTERS)]);
        assert_eq!(texts("no such reason"), Vec::<String>::new());
        let Ok(Shown::Extractions(pages)) = examples(&folder, "extractions") else { panic!("pages") };
        assert_eq!(pages[0].html.len(), EXAMPLE_CHARACTERS);
        write(&folder.join("funnel.json"), "{");
        assert!(super::read(&folder).unwrap_err().starts_with("documents/funnel.json is damaged at line 1"));
    }
}
