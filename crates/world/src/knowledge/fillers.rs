//! Sentences that are true of every member of a kind, or harmless: they make a page long and varied enough to be kept.
//!
//! They tell nothing that a question asks for.

/// Neutral sentences with `{s}` about a subject of the kind; at least 8.
///
/// # Panics
/// If there is no such kind: the name is misspelt.
pub fn filler(kind: &str) -> &'static [&'static str] {
    let found = FILLERS.iter().find(|(name, _)| *name == kind);
    found.unwrap_or_else(|| panic!("no filler sentences for the kind {kind:?}")).1
}

static FILLERS: &[(&str, &[&str])] = &[
    (
        "country",
        &[
            "People all over the world have heard of {s}.",
            "{s} has a flag and a song of its own.",
            "Many travellers write letters home from {s}.",
            "Families in {s} like to eat together in the evening.",
            "The weather in {s} changes from day to day.",
            "Schools in {s} teach children to read, to write and to count.",
            "Cooks in {s} are proud of their food.",
            "Old people in {s} tell stories about the past.",
            "Music from {s} can be heard at many feasts.",
            "Every year visitors come to {s} with maps and cameras.",
            "There is always something new to learn about {s}.",
            "A good book about {s} tells of its land, its people and its past.",
            "The people of {s} are proud of their country.",
            "In a good atlas, {s} has a page with a map.",
            "Children in {s} play with balls and sing songs.",
            "News from {s} travels around the world.",
            "Teachers like to ask questions about {s}.",
            "Letters to {s} carry the name of the country on the last line.",
        ],
    ),
    (
        "element",
        &[
            "Everything around us is made of elements, and {s} is one of them.",
            "Students of chemistry learn about {s} at school.",
            "{s} is made of very small parts called atoms.",
            "All atoms of {s} have the same number of protons.",
            "{s} has its own place in the periodic table.",
            "Scientists have studied {s} for many years.",
            "The name {s} stands in every book of chemistry.",
            "No simple fire can turn {s} into another element.",
            "A list of all the elements would not be complete without {s}.",
            "Teachers write the name {s} on the board.",
            "The atoms of {s} are much too small to see with the eye.",
            "Chemists keep careful notes about {s}.",
            "The table on the wall of many schools shows {s} in one of its boxes.",
            "Each atom of {s} has a small centre called the nucleus.",
            "Small and light parts called electrons move around the centre of each atom of {s}.",
            "One can read about {s} in any large library.",
        ],
    ),
    (
        "animal",
        &[
            "Many children can draw a picture of the {s}.",
            "There are many pictures of the {s} in books about nature.",
            "People who study animals have written much about the {s}.",
            "In old tales the {s} sometimes talks like a person.",
            "The {s} has lived on Earth for a very long time.",
            "A wild {s} should be watched from a safe distance.",
            "Some people have seen the {s} only in pictures.",
            "The {s} must find enough food each season.",
            "A museum of nature often shows the {s}.",
            "Teachers of nature like to speak about the {s}.",
            "The {s} is an animal, and every animal must eat to live.",
            "Painters have painted the {s} many times.",
            "Nobody knows everything about the {s}.",
            "There is a story about the {s} in many books for children.",
            "Like all animals, the {s} grows up, grows old and dies.",
            "A long film about the {s} was shown at our school.",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::{all_wordings, fill};
    use std::collections::BTreeSet;

    #[test]
    fn each_kind_has_fillers() {
        for kind in all_wordings().map(|wordings| wordings.kind).collect::<BTreeSet<_>>() {
            let fillers = filler(kind);
            assert!(fillers.len() >= 8, "{kind}");
            assert_eq!(fillers.iter().collect::<BTreeSet<_>>().len(), fillers.len(), "{kind}: a filler stands twice");
            for template in fillers {
                assert_eq!(template.matches("{s}").count(), 1, "{template}");
                assert!(fill(template, "it", "").ends_with('.') && !template.contains("{v}"), "{template}");
            }
        }
    }
}
