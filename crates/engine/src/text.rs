//! From ids to text as they come: never half a character, and never the beginning of a stop text that follows whole.
//!
//! Stop texts are looked for in text, so that it does not matter how they are cut into tokens.

use tokenizer::{Characters, Tokenizer};

/// The text of one answer, growing.
#[derive(Debug)]
pub struct TextStream {
    characters: Characters,
    stops: Vec<String>,
    held: String,
    stopped: Option<usize>,
}

impl TextStream {
    /// A stream that ends before the first of the stop texts. Panics if one of them is empty.
    pub fn new(stops: Vec<String>) -> TextStream {
        assert!(stops.iter().all(|stop| !stop.is_empty()), "an empty stop text stands everywhere");
        TextStream { characters: Characters::default(), stops, held: String::new(), stopped: None }
    }

    /// The text that is certain with this id, often empty. Nothing comes after a stop text.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> String {
        let text = self.characters.push(tokenizer.token_bytes(id));
        self.take(&text, false)
    }

    /// Takes the text of an id in which no stop text is looked for. None begins before it and ends in or behind it.
    pub fn push_forced(&mut self, tokenizer: &Tokenizer, id: u32) -> String {
        let text = self.characters.push(tokenizer.token_bytes(id));
        match self.stopped {
            None => std::mem::take(&mut self.held) + &text,
            Some(_) => String::new(),
        }
    }

    /// The number of the stop text that has come.
    pub fn stopped(&self) -> Option<usize> {
        self.stopped
    }

    /// What was held back, when no more ids come, or when what comes then stands apart.
    pub fn finish(&mut self) -> String {
        let rest = std::mem::take(&mut self.characters).finish();
        self.take(&rest, true)
    }

    fn take(&mut self, text: &str, last: bool) -> String {
        if self.stopped.is_some() {
            return String::new();
        }
        self.held.push_str(text);
        let found = self.stops.iter().enumerate().filter_map(|(number, stop)| Some((self.held.find(stop.as_str())?, number)));
        if let Some((place, number)) = found.min() {
            self.stopped = Some(number);
            self.held.truncate(place);
            return std::mem::take(&mut self.held);
        }
        let certain = if last { self.held.len() } else { self.held.len() - self.begun() };
        self.held.drain(..certain).collect()
    }

    /// Bytes at the end of what is held with which a stop text may begin.
    fn begun(&self) -> usize {
        let begun = |stop: &String| {
            let mut ends = stop.char_indices().map(|(at, _)| at).rev();
            ends.find(|&end| self.held.ends_with(&stop[..end])).unwrap_or(0)
        };
        self.stops.iter().map(begun).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds a text byte by byte and gives what came out piece by piece, with the stop text that ended it.
    fn pieces(text: &str, stops: &[&str]) -> (Vec<String>, Option<usize>) {
        let tokenizer = Tokenizer::from_merges(Vec::new());
        let mut stream = TextStream::new(stops.iter().map(|stop| stop.to_string()).collect());
        let mut pieces: Vec<String> = tokenizer.encode(text).into_iter().map(|id| stream.push(&tokenizer, id)).collect();
        let stopped = stream.stopped();
        pieces.push(stream.finish());
        (pieces.into_iter().filter(|piece| !piece.is_empty()).collect(), stopped)
    }

    #[test]
    fn text_ends_before_a_stop_text_of_which_nothing_is_shown() {
        for (text, stops, expected, stopped) in [
            ("abc", &[][..], &["a", "b", "c"][..], None),
            ("ab\n\ncd", &["\n\n"], &["a", "b"], Some(0)),
            ("a\nb\n", &["\n\n"], &["a", "\nb", "\n"], None),
            ("aabaac", &["aac"], &["aab"], Some(0)),
            ("xENDy", &["ENDE", "ND"], &["x", "E"], Some(1)),
            ("é€é", &["€é"], &["é"], Some(0)),
            ("é€e", &["€é"], &["é", "€e"], None),
            ("stop", &["stop"], &[], Some(0)),
        ] {
            assert_eq!(pieces(text, stops), (expected.iter().map(|piece| piece.to_string()).collect(), stopped), "{text:?} with {stops:?}");
        }
    }

    #[test]
    fn forced_text_passes_whole_and_no_stop_text_crosses_it() {
        let tokenizer = Tokenizer::from_merges(Vec::new());
        let mut stream = TextStream::new(vec!["END".to_string()]);
        let mut shown = String::new();
        for (text, forced) in [("xE", false), ("ND END \u{e9}", true), ("E", false), ("N", true), ("D, END", false), ("!", true)] {
            for id in tokenizer.encode(text) {
                shown += &if forced { stream.push_forced(&tokenizer, id) } else { stream.push(&tokenizer, id) };
            }
        }
        assert_eq!((shown.as_str(), stream.stopped(), stream.finish().as_str()), ("xEND END \u{e9}END, ", Some(0), ""));
    }
}
