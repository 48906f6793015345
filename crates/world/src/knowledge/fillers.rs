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
    (
        "city",
        &[
            "Many people live in {s}, and many more come to visit.",
            "The streets of {s} are full of life in the evening.",
            "There are old houses and new houses in {s}.",
            "A map of {s} shows streets, parks and stations.",
            "In the cafes of {s} people sit and talk.",
            "Travellers write letters and send pictures from {s}.",
            "The markets of {s} sell fruit, bread and flowers.",
            "In the morning the people of {s} hurry to work.",
            "One day is not enough to see all of {s}.",
            "Painters and writers have told the world about {s}.",
            "A guide who knows {s} well can tell many stories.",
            "Children in {s} go to school and play in the parks.",
            "At night the lamps of {s} can be seen from far away.",
            "There are good museums in {s} for rainy days.",
            "People who have been to {s} like to come back.",
            "The old part of {s} is best seen on foot.",
        ],
    ),
    (
        "planet",
        &[
            "{s} is one of the eight planets.",
            "Like all planets, {s} moves around the Sun.",
            "People have looked at {s} with telescopes for a long time.",
            "{s} was made from gas and dust, as the other planets were.",
            "There are many books about {s} and the other planets.",
            "{s} gives off no light of its own, but it is lit by the Sun.",
            "{s} is round like a ball.",
            "Scientists still have many questions about {s}.",
            "In a model of the Solar System, {s} hangs on a thin wire.",
            "Pictures of {s} hang on the walls of many schools.",
            "{s} turns around itself while it moves around the Sun.",
            "Many stories have been written about {s}.",
        ],
    ),
    (
        "thing",
        &[
            "Children learn early to draw {s}.",
            "There are many pictures of {s} in books for children.",
            "Everybody has seen {s} at least in a picture.",
            "A painter looks closely before painting {s}.",
            "It is good to look twice at {s}.",
            "A child once asked the teacher about {s}.",
            "In a box of old pictures there was one of {s}.",
            "One can write a poem about {s}.",
            "Many songs for children tell of {s}.",
        ],
    ),
    (
        "person",
        &[
            "Many books have been written about {s}.",
            "There are pictures of {s} in many museums.",
            "The life of {s} was full of work and worry.",
            "People all over the world know the name of {s}.",
            "The story of {s} is told in many schools.",
            "Films and plays have been made about {s}.",
            "Not everything that is said about {s} is true.",
            "Scholars still argue about some parts of the life of {s}.",
            "A good library has a book about {s}.",
            "Students write essays about {s} every year.",
            "The time of {s} was very different from ours.",
            "Teachers like to tell the story of {s}.",
            "The name of {s} stands in every large book of history.",
            "Streets and schools have been named after {s}.",
            "Those who lived with {s} saw a world that is gone now.",
            "One can learn much from the life of {s}.",
        ],
    ),
    (
        "invention",
        &[
            "It is hard to think of our world without {s}.",
            "There was a time when nobody had heard of {s}.",
            "People who saw {s} for the first time were surprised.",
            "A museum of science tells the story of {s}.",
            "Like many good ideas, {s} was made better over the years.",
            "Children like to hear how {s} came into the world.",
            "Many people had to work hard before {s} was ready.",
            "There are books with pictures that explain {s}.",
            "Some people did not believe in {s} at first.",
            "A good teacher can explain {s} with a simple drawing.",
            "Today {s} is known in all parts of the world.",
            "Nobody can say how the world will use {s} in a hundred years.",
            "The story of {s} shows what a good idea can do.",
            "Engineers and students still talk about {s}.",
        ],
    ),
    (
        "discovery",
        &[
            "The discovery of {s} changed what people know about the world.",
            "There was a time when nobody knew about {s}.",
            "Many books tell the story of the discovery of {s}.",
            "Students learn about {s} at school.",
            "The news about {s} surprised many people.",
            "It took patience and hard work to discover {s}.",
            "Scientists have asked many more questions about {s} since then.",
            "A museum of science shows how {s} came to be known.",
            "Without the discovery of {s}, our world would be a different one.",
            "Teachers like to tell how the world learned about {s}.",
            "Whole books have been written about {s}.",
        ],
    ),
    (
        "why",
        &[
            "Some questions are asked by every child, and this is one of them: {s}",
            "A girl wrote in her notebook: {s}",
            "On the way home, the boy asked his mother: {s}",
            "The first question of the lesson was this: {s}",
            "Have you ever asked yourself: {s}",
            "It is a good thing to ask: {s}",
            "Our reader asks: {s}",
            "At breakfast my little sister wanted to know: {s}",
        ],
    ),
    (
        "month",
        &[
            "The calendar has a page for {s}.",
            "Some people have their birthday in {s}.",
            "There is always something to do in {s}.",
            "The weather in {s} is different from place to place.",
            "Poets have written about {s}.",
            "The school has a plan for {s}.",
            "The shop has a picture for {s} on the wall.",
            "Every year has a month called {s}.",
            "Farmers have old sayings about {s}.",
        ],
    ),
    (
        "weekday",
        &[
            "The week has seven days, and {s} is one of them.",
            "Many people have a plan for {s}.",
            "On {s} the baker opens his shop at six.",
            "The children have music lessons on {s}.",
            "There is a market in the square every {s}.",
            "Some songs tell of a rainy {s}.",
            "Last {s} we went to see my aunt.",
            "Some people like {s} best of all the days.",
        ],
    ),
    (
        "season",
        &[
            "The year has four seasons, and {s} is one of them.",
            "Poets have written many poems about {s}.",
            "Painters love the light of {s}.",
            "Every {s} has its own songs.",
            "In {s} the garden looks different.",
            "Some people like {s} best of all.",
            "Children have their own games for {s}.",
            "Animals feel it when {s} begins.",
            "A warm coat or a thin shirt, that is the question when {s} begins.",
        ],
    ),
    (
        "opposite",
        &[
            "The word {s} stands in every dictionary of English.",
            "Children learn the word {s} early.",
            "The word {s} is not hard to spell.",
            "One can make many sentences with the word {s}.",
            "People use the word {s} every day.",
            "Games with opposites often use the word {s}.",
            "The teacher wrote {s} on the board.",
            "In the list of words of this week stands {s}.",
        ],
    ),
    (
        "proverb",
        &[
            "There is an old proverb that begins with the words \"{s}\" and ends with a piece of good sense.",
            "Some proverbs everybody can finish, and \"{s}\" is the beginning of one.",
            "You may have heard the proverb that begins with \"{s}\" from an old person.",
            "The old man smiled and began with the words \"{s}\" before he went on.",
            "My aunt has a picture on the wall, and \"{s}\" are its first words.",
            "Many people say \"{s}\" and leave the rest to the listener.",
            "The words \"{s}\" open one of the best known proverbs.",
            "In a book of proverbs, \"{s}\" can be found with its other half.",
        ],
    ),
    (
        "word",
        &[
            "The English word {s} is one that learners meet early.",
            "The word {s} stands in every small dictionary.",
            "One can make many sentences with the word {s}.",
            "In a list of a hundred common words one will find {s}.",
            "The teacher wrote the word {s} on the board.",
            "Travellers often need the word {s}.",
            "It is good to know the word {s} in more than one language.",
            "Children in all countries have a word for {s}.",
        ],
    ),
    (
        "number",
        &[
            "The number {s} is a whole number.",
            "A child who can count to one hundred knows the number {s}.",
            "On the line of numbers, {s} has its own place.",
            "The teacher wrote the number {s} on the board.",
            "Somewhere there is a house with the number {s} on its door.",
            "In the game, someone called out the number {s}.",
            "One can add something to {s} and get a larger number.",
            "A page with the number {s} can be found in many books.",
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
                assert!(template.ends_with('.') || template.ends_with(": {s}"), "{template}");
                assert!(!template.contains("{v}") && !fill(template, "it", "").contains("  "), "{template}");
            }
        }
    }
}
