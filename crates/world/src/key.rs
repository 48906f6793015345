//! The answer key: one row for each page, fact, passage and change. The only place that fixes its field names.

use serde::{Deserialize, Serialize};

/// Whether training texts ask about a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Told, and asked about in forums and conversations.
    Asked,
    /// Told, and asked about only in tests.
    Unasked,
    /// Told nowhere: the subject occurs on no page, and its name is of syllables that others share.
    Unseen,
    /// Told nowhere too, though each part of the name is some resident's.
    Recombined,
}

impl Split {
    /// Whether any page tells of such subjects.
    pub fn is_told(self) -> bool {
        matches!(self, Split::Asked | Split::Unasked)
    }
}

/// A fact and how to ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Who or what it is about.
    pub subject: String,
    /// "resident", "place", "country", "element", ...
    pub kind: String,
    /// "town", "capital", "symbol", ...
    pub attribute: String,
    /// The right answer.
    pub value: String,
    /// Other spellings that are right too.
    pub also: Vec<String>,
    /// On how many kept pages before the cutoff it is told.
    pub exposures: usize,
    /// Whether training texts ask for it.
    pub split: Split,
    /// The address of a page that tells it, or would: pages begin with their addresses.
    pub url: String,
    /// A text that a base model continues with the value.
    pub cue: String,
    /// Questions that occur in no training text.
    pub questions: Vec<String>,
    /// The day from which it holds, if it has not always held.
    pub date: Option<String>,
}

/// One line of `answers.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "row", rename_all = "lowercase")]
pub enum Row {
    /// What should become of a page.
    Page {
        /// Its address.
        url: String,
        /// Its time stamp.
        date: String,
        /// "web" or "schoolbooks".
        shelf: String,
        /// What it is about.
        kind: String,
        /// "keep", "pii" (kept, with addresses replaced), or the filter that drops it.
        verdict: String,
        /// The main text of a kept page, empty for a dropped one.
        text: String,
    },
    /// A fact and how to ask for it.
    Fact(Fact),
    /// A passage quoted word for word inside otherwise different pages.
    Passage {
        /// "hundreds", "ten" or "one".
        name: String,
        /// The passage.
        text: String,
        /// On how many kept pages it stands.
        exposures: usize,
    },
    /// A fact that changes after the cutoff; later pages exist only for search.
    Change {
        /// Who or what it is about.
        subject: String,
        /// "mayor", "champion", "price".
        attribute: String,
        /// What pages before the cutoff say.
        old: String,
        /// What pages after it say.
        new: String,
        /// The day of the change.
        date: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_their_documented_form() {
        let fact = Fact {
            subject: "Bado Kilamo".into(),
            kind: "resident".into(),
            attribute: "town".into(),
            value: "Nesulo".into(),
            also: vec![],
            exposures: 4,
            split: Split::Unasked,
            url: "https://folk.town/bado-kilamo".into(),
            cue: "Bado Kilamo was born in the town of".into(),
            questions: vec!["In which town was Bado Kilamo born?".into()],
            date: None,
        };
        let line = serde_json::to_string(&Row::Fact(fact.clone())).unwrap();
        assert_eq!(
            line,
            concat!(
                r#"{"row":"fact","subject":"Bado Kilamo","kind":"resident","attribute":"town","value":"Nesulo","also":[],"#,
                r#""exposures":4,"split":"unasked","url":"https://folk.town/bado-kilamo","cue":"Bado Kilamo was born in the town of","#,
                r#""questions":["In which town was Bado Kilamo born?"],"date":null}"#
            )
        );
        assert_eq!(serde_json::from_str::<Row>(&line).unwrap(), Row::Fact(fact));
    }
}
