//! Passages to ask about: whole sentences of documents, drawn by a seed. Knows no file and no model.

use std::collections::{BTreeMap, HashMap};

use base::rng::{Rng, label};

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Made from the text: the same text is the same passage, wherever it stands.
    pub id: String,
    /// The document's address.
    pub url: String,
    /// The text.
    pub text: String,
}

/// The longest passage in characters.
const LONGEST: usize = 600;
/// The shortest: what is shorter is a caption, a notice, or the rest of a page.
const SHORTEST: usize = 150;

/// The passages of a text: as many sentences that stand one after the other as have room. Paragraphs that do not end like a sentence, as
/// menus and headings, are left out, and so is a sentence that is too long by itself.
pub fn passages(text: &str) -> Vec<String> {
    let (mut list, mut passage, mut length) = (Vec::new(), String::new(), 0);
    let mut close = |passage: &mut String, length: usize| {
        let text = std::mem::take(passage);
        if length >= SHORTEST {
            list.push(text);
        }
    };
    for paragraph in paragraphs(text).iter().filter(|paragraph| paragraph.trim_end_matches(CLOSING).ends_with(ENDS)) {
        let mut between = '\n';
        for sentence in sentences(paragraph) {
            let characters = sentence.chars().count();
            if length + 1 + characters > LONGEST {
                close(&mut passage, length);
                length = 0;
            }
            if characters > LONGEST {
                continue;
            }
            if length > 0 {
                passage.push(between);
                length += 1;
            }
            passage.push_str(sentence);
            length += characters;
            between = ' ';
        }
    }
    close(&mut passage, length);
    list
}

/// Lines of at most so many characters may be wrapped.
const WRAPPED: usize = 100;

/// The paragraphs of a text: its lines; or, where nearly all of it is in short lines with blank ones among them, as books are wrapped,
/// what stands between blank lines.
fn paragraphs(text: &str) -> Vec<String> {
    let characters = |wanted: &dyn Fn(usize) -> bool| text.lines().map(|line| line.chars().count()).filter(|&n| wanted(n)).sum::<usize>();
    let wrapped = 20 * characters(&|n| n > WRAPPED) < characters(&|_| true);
    let lines = text.trim().lines().map(str::trim);
    if !wrapped || lines.clone().all(|line| !line.is_empty()) {
        return lines.map(str::to_owned).collect();
    }
    let lines: Vec<&str> = lines.collect();
    lines.split(|line| line.is_empty()).map(|block| block.join(" ")).collect()
}

/// What ends a sentence.
const ENDS: [char; 7] = ['.', '!', '?', '…', '。', '！', '？'];
/// What may stand behind that.
const CLOSING: [char; 7] = ['"', '\'', '”', '’', ')', '»', '」'];

/// The sentences of a line. A sentence ends where a capital, a digit or a quotation follows; an abbreviation before a name ends
/// one too, which makes a passage begin at an odd place and no worse.
fn sentences(line: &str) -> Vec<&str> {
    let mut list = Vec::new();
    let mut start = 0;
    let mut ended = false; // behind an end, and perhaps closing marks
    let mut blank = false; // and perhaps blanks
    for (at, c) in line.char_indices() {
        let begins =
            c.is_uppercase() || c.is_numeric() || !c.is_ascii() && c.is_alphabetic() && !c.is_lowercase() || "\"'“‘«(「".contains(c);
        let wide = line[..at].ends_with(['。', '！', '？', '」']); // no blank follows these
        if ended && begins && (blank || wide) {
            list.push(line[start..at].trim_end());
            start = at;
        }
        match () {
            () if ENDS.contains(&c) => (ended, blank) = (true, false),
            () if ended && c.is_whitespace() => blank = true,
            () if ended && !blank && CLOSING.contains(&c) => {}
            () => ended = false,
        }
    }
    list.push(line[start..].trim_end());
    list
}

/// The place of a passage: first one of each document, then a second one of each that has it, and so on; among these by lot.
type Place = (usize, u64, String);

/// A draw of passages from documents that come one after the other, however many: those that it has do not depend on the documents'
/// order, and a larger draw begins with the smaller one.
#[derive(Debug)]
pub struct Draw {
    seed: u64,
    count: usize,
    drawn: BTreeMap<Place, Passage>,
    places: HashMap<String, Place>,
}

impl Draw {
    /// A draw of at most so many passages.
    pub fn new(seed: u64, count: usize) -> Draw {
        Draw { seed, count, drawn: BTreeMap::new(), places: HashMap::new() }
    }

    /// Takes a document into the draw.
    pub fn add(&mut self, id: &str, url: &str, text: &str) {
        let rng = &mut Rng::derive(self.seed, &[label("passages"), label(id), label(url)]);
        let mut texts = passages(text);
        rng.shuffle(&mut texts);
        for (round, text) in texts.into_iter().enumerate() {
            let lot = rng.next_u64();
            if self.drawn.len() == self.count && self.drawn.last_key_value().is_none_or(|((last, ..), _)| *last < round) {
                return; // nor is there room for what comes behind it
            }
            let id = format!("passage-{}", &base::files::hash_bytes(text.as_bytes())[..12]);
            self.insert((round, lot, id.clone()), Passage { id, url: url.to_owned(), text });
        }
    }

    /// What was drawn, in its order.
    pub fn passages(self) -> Vec<Passage> {
        self.drawn.into_values().collect()
    }

    fn insert(&mut self, place: Place, passage: Passage) {
        if let Some(held) = self.places.get(&passage.id) {
            if *held <= place {
                return;
            }
            self.drawn.remove(held);
        }
        self.places.insert(passage.id.clone(), place.clone());
        self.drawn.insert(place, passage);
        if self.drawn.len() > self.count
            && let Some((_, passage)) = self.drawn.pop_last()
        {
            self.places.remove(&passage.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_sentences() {
        for (line, expected) in [
            ("One is here. Two is here! Is three? Yes.", "One is here.|Two is here!|Is three?|Yes."),
            (
                "It costs 3.50 or more, e.g. four. \"No,\" he said. (So it is.) 12 came.",
                "It costs 3.50 or more, e.g. four.|\"No,\" he said.|(So it is.)|12 came.",
            ),
            ("He said \"Go.\" Then he went... and came.", "He said \"Go.\"|Then he went... and came."),
            ("犬がいる。猫もいる。", "犬がいる。|猫もいる。"),
            ("no end", "no end"),
        ] {
            assert_eq!(sentences(line).join("|"), expected);
        }
    }

    #[test]
    fn passages_are_whole_sentences_within_their_length() {
        let sentence = |n: usize| format!("Sentence number {n} tells of the old bridge at Kilo, of its builders and of the river below.");
        let prose: Vec<String> = (0..20).map(sentence).collect();
        let page = format!("Home\nAbout us\n{}\nRead more\n{}\nSee also: bridges\n", prose[..9].join(" "), prose[9..].join(" "));
        let found = passages(&page);
        assert_eq!(found.join(" ").replace('\n', " "), prose.join(" "), "nothing is lost, and no menu is in it");
        assert!(found.iter().all(|passage| (SHORTEST..=LONGEST).contains(&passage.chars().count()) && passage.ends_with('.')), "{found:?}");
        assert!(found.iter().any(|passage| passage.contains('\n')), "a passage may go over a line's end");

        assert_eq!(passages("All rights reserved.\n"), Vec::<String>::new());
        let endless = format!("{}.", "word ".repeat(200).trim());
        assert_eq!(passages(&endless), Vec::<String>::new());
        assert_eq!(passages(&format!("{}\n{endless}\n{}", prose[..3].join(" "), prose[3..6].join(" "))).len(), 2);
    }

    #[test]
    fn wrapped_lines_are_put_together() {
        let wrapped =
            "MENU\n\nThis is the Mouse peeping out\nbehind the cupboard. He is not\nafraid of a kitten.\n\nThe Mouse watches Miss\nMoppet.";
        let block = "This is the Mouse peeping out behind the cupboard. He is not afraid of a kitten.";
        assert_eq!(paragraphs(wrapped), ["MENU", block, "The Mouse watches Miss Moppet."]);
        assert_eq!(paragraphs("One.\nTwo."), ["One.", "Two."]);
        let long = "A line of more than a hundred characters is the paragraph of a page, and nobody has wrapped it at any width at all.";
        assert_eq!(paragraphs(&format!("Menu\n\n{long}\nMore\n")), ["Menu", "", long, "More"]);
    }

    fn draw(documents: &[(String, String)], seed: u64, count: usize) -> Vec<Passage> {
        let mut draw = Draw::new(seed, count);
        documents.iter().for_each(|(id, text)| draw.add(id, &format!("https://a.org/{id}"), text));
        draw.passages()
    }

    #[test]
    fn a_draw_depends_on_the_seed_and_on_no_order() {
        let text = |document: usize, sentences: usize| -> String {
            (0..sentences)
                .map(|n| format!("Sentence {n} of document {document} tells of a bridge, of its builders and of the river below. "))
                .collect()
        };
        let mut documents: Vec<(String, String)> = (0..30).map(|i| (i.to_string(), text(i, 4 + 10 * (i % 3)))).collect();
        documents.push(("copy".into(), documents[0].1.clone()));
        let all = draw(&documents, 1, 1000);
        let mut ids: Vec<&str> = all.iter().map(|passage| passage.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all.len(), "the same text is drawn once");
        let mut urls: Vec<&str> = all[..30].iter().map(|passage| passage.url.as_str()).collect();
        urls.sort_unstable();
        urls.dedup();
        assert_eq!(urls.len(), 30, "first one of each document");

        for count in [0, 1, 7, 30, 41] {
            assert_eq!(draw(&documents, 1, count), all[..count], "a larger draw begins with the smaller one");
        }
        documents.reverse();
        assert_eq!(draw(&documents, 1, 41), all[..41]);
        assert_ne!(draw(&documents, 2, 41), all[..41]);
    }
}
