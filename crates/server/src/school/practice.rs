//! Practice as far as it is: its curves, what the literature expects of them, answers on the way, and where the time goes.
//!
//! What the logs hold, and what follows from them, stands in `tasks::card::practice`; here it is only put together.

use std::path::Path;

use serde::Serialize;
use tasks::card::practice::{self, Expected, Practice, Speed};

/// What a page shows of practice.
#[derive(Debug, PartialEq, Serialize)]
pub struct Shown {
    #[serde(flatten)]
    practice: Practice,
    /// None where nothing follows yet.
    expected: Option<Expected>,
    /// None before the first step.
    speed: Option<Speed>,
}

/// Reads the folder of a stage of practice, finished or not; none where it has no logs.
pub fn read(folder: &Path) -> Option<Shown> {
    let practice = practice::read(folder)?;
    Some(Shown { expected: practice.expected(), speed: practice::speed(folder), practice })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::school::tests::{scratch, write};

    #[test]
    fn a_stage_under_way_shows_what_it_has() {
        let folder = scratch("practice").join("rl");
        assert_eq!(read(&folder), None);
        write(
            &folder.join("metrics.jsonl"),
            "{\"step\":0,\"eval/addition/accuracy\":0.03}\n{\"step\":1,\"reward\":0.2}\n{\"step\":2,\"rew",
        );
        let shown = serde_json::to_value(read(&folder)).unwrap();
        assert_eq!((&shown["steps"], &shown["reward"], &shown["expected"]), (&json!(1), &json!([[1, 0.2]]), &json!(null)));
        assert_eq!(shown["courses"][0]["accuracy"], json!([[0, 0.03]]));
        assert_eq!(shown["speed"], json!(null));
    }
}
