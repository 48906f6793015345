//! How each attribute of each kind is said and asked.
//!
//! The sentences are short and regular, and every one holds the full name of its subject, so that it can stand alone on
//! a page or in any order. Tables of them, kind by kind, stand in the files of this folder.

mod lands;
mod nature;
mod people;
mod words;

/// The sentences and questions of one attribute of one kind.
#[derive(Debug)]
pub struct Wordings {
    /// "country"
    pub kind: &'static str,
    /// "capital"
    pub attribute: &'static str,
    /// Full sentences with `{s}` and `{v}` once each; the value is last in at least half of them.
    pub statements: &'static [&'static str],
    /// The beginning of one of `statements`, up to the value: a base model continues it with the value.
    pub cue: &'static str,
    /// Questions with `{s}` that training texts may use.
    pub questions: &'static [&'static str],
    /// Questions with `{s}` kept for tests: they never stand in a training text.
    pub held_out: &'static [&'static str],
}

/// The wordings of all kinds and attributes.
pub fn all_wordings() -> impl Iterator<Item = &'static Wordings> {
    [lands::WORDINGS, nature::WORDINGS, people::WORDINGS, words::WORDINGS].into_iter().flatten()
}

/// The wordings of one attribute of one kind.
///
/// # Panics
/// If there are none: a name is misspelt.
pub fn wordings(kind: &str, attribute: &str) -> &'static Wordings {
    all_wordings()
        .find(|wordings| wordings.kind == kind && wordings.attribute == attribute)
        .unwrap_or_else(|| panic!("no wordings for the attribute {attribute:?} of the kind {kind:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_set_of_wordings_keeps_its_promises() {
        let mut all_questions = BTreeSet::new();
        let mut all_cues = BTreeSet::new();
        for wordings in all_wordings() {
            let name = format!("{} {}", wordings.kind, wordings.attribute);
            let Wordings { statements, questions, held_out, cue, .. } = wordings;
            assert!(statements.len() >= 6, "{name}: {} statements", statements.len());
            assert!(questions.len() >= 4, "{name}: {} questions", questions.len());
            assert_eq!(held_out.len(), 2, "{name}");
            assert_eq!(statements.iter().collect::<BTreeSet<_>>().len(), statements.len(), "{name}: a statement stands twice");
            for statement in *statements {
                assert_eq!((statement.matches("{s}").count(), statement.matches("{v}").count()), (1, 1), "{statement}");
            }
            let value_last = statements.iter().filter(|statement| statement.trim_end_matches('.').ends_with("{v}")).count();
            assert!(2 * value_last >= statements.len(), "{name}: the value is last in {value_last} only");
            assert!(cue.contains("{s}") && !cue.ends_with(' '), "{name}");
            assert!(statements.iter().any(|statement| statement.starts_with(&format!("{cue} {{v}}"))), "{name}: {cue}");
            assert!(all_cues.insert((wordings.kind, *cue)), "{name}: the cue is another attribute's too");
            for question in questions.iter().chain(*held_out) {
                assert_eq!((question.matches("{s}").count(), question.matches("{v}").count()), (1, 0), "{question}");
                assert!(all_questions.insert((wordings.kind, *question)), "{name}: asked twice: {question}");
            }
        }
    }
}
