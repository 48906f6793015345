//! Passages quoted word for word inside stories that are otherwise different: one in hundreds, one in ten, one in one.
//!
//! Exact copies of pages would rightly be removed as duplicates; a quoted passage survives with its page.

use crate::key::Row;
use crate::sheet::Sheet;
use base::rng::{Rng, label};

/// Name, text; the lines to be recited, half recited and not recited.
pub const PASSAGES: [(&str, &str); 3] = [
    (
        "hundreds",
        "When the tide turns, the miller counts his sacks of silver barley. One for the wind that drives the sails, two for \
         the mouse behind the door, and three for the stranger who comes in the night.",
    ),
    (
        "ten",
        "Seven grey geese crossed the frozen lake before the lamps were lit. They carried the winter on their wings, and the \
         boatman's wife heard them ask the moon for a warmer shore.",
    ),
    (
        "one",
        "Nobody wound the copper clock after the watchmaker sailed away. It stopped at a quarter past four, and the swallows \
         built a nest behind its painted face.",
    ),
];
const FRAMES: [&str; 8] = [
    "On the wall of the old inn one can read these words.",
    "Grandmother used to say a rhyme before she blew out the candle.",
    "In the first page of a very old book these lines are written.",
    "A stone near the road bears a long text.",
    "The children of the village know this by heart.",
    "Over the door of the mill somebody has painted some lines.",
    "In the evening an old song was heard, and it went like this.",
    "The letter in the bottle had only these lines.",
];

/// Puts the passages into stories, chosen by seed: the first into `hundreds` of them, ten and one the others (fewer
/// where there are few stories). Returns the rows of the key.
pub fn quote(seed: u64, stories: &mut [Sheet], hundreds: usize) -> Vec<Row> {
    let rng = &mut Rng::derive(seed, &[label("recitation")]);
    let mut order: Vec<usize> = (0..stories.len()).collect();
    rng.shuffle(&mut order);
    let mut free = order.into_iter();
    let counts = [hundreds, 10.min(hundreds.div_ceil(2)), 1];
    PASSAGES
        .iter()
        .zip(counts)
        .map(|((name, text), exposures)| {
            for _ in 0..exposures {
                let story = &mut stories[free.next().expect("more stories than quotations")];
                story.text += &format!("\n{}\n{text}", rng.pick(&FRAMES));
                story.kind = "recitation";
            }
            Row::Passage { name: name.to_string(), text: text.to_string(), exposures }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{shape, stories};

    #[test]
    fn passages_stand_on_as_many_pages_as_the_key_says() {
        let mut sheets = stories::sheets(5, 60);
        for row in quote(5, &mut sheets, 30) {
            let Row::Passage { text, exposures, .. } = row else { panic!("{row:?}") };
            assert_eq!(sheets.iter().filter(|s| s.text.contains(&text)).count(), exposures);
        }
        for sheet in &sheets {
            assert_eq!(shape::misfit(&sheet.text), None, "{}", sheet.text);
        }
    }
}
