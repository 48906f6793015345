//! From ids to text as they come: never half a character, and never the beginning of a stop text that follows whole.

use tokenizer::{StreamDecoder, Tokenizer};

/// The text of one answer, growing.
#[derive(Debug)]
pub struct TextStream<'a> {
    decoder: StreamDecoder<'a>,
    stops: &'a [String],
    held: String,
    stopped: bool,
}

impl<'a> TextStream<'a> {
    /// A stream that ends before the first of the stop texts. Panics if one of them is empty.
    pub fn new(tokenizer: &'a Tokenizer, stops: &'a [String]) -> TextStream<'a> {
        assert!(stops.iter().all(|stop| !stop.is_empty()), "an empty stop text stands everywhere");
        TextStream { decoder: StreamDecoder::new(tokenizer), stops, held: String::new(), stopped: false }
    }

    /// The text that is certain with this id, often empty. Nothing comes after a stop text.
    pub fn push(&mut self, id: u32) -> String {
        let text = self.decoder.push(id);
        self.take(&text, false)
    }

    /// Whether a stop text has come.
    pub fn stopped(&self) -> bool {
        self.stopped
    }

    /// What was held back, when no more ids come.
    pub fn finish(&mut self) -> String {
        let rest = self.decoder.clone().finish();
        self.take(&rest, true)
    }

    fn take(&mut self, text: &str, last: bool) -> String {
        if self.stopped {
            return String::new();
        }
        self.held.push_str(text);
        if let Some(place) = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min() {
            self.stopped = true;
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

    /// Feeds a text byte by byte and gives what came out piece by piece, with whether it stopped.
    fn pieces(text: &str, stops: &[&str]) -> (Vec<String>, bool) {
        let tokenizer = Tokenizer::from_merges(Vec::new());
        let stops: Vec<String> = stops.iter().map(|stop| stop.to_string()).collect();
        let mut stream = TextStream::new(&tokenizer, &stops);
        let mut pieces: Vec<String> = tokenizer.encode(text).into_iter().map(|id| stream.push(id)).collect();
        let stopped = stream.stopped();
        pieces.push(stream.finish());
        (pieces.into_iter().filter(|piece| !piece.is_empty()).collect(), stopped)
    }

    #[test]
    fn text_ends_before_a_stop_text_of_which_nothing_is_shown() {
        for (text, stops, expected, stopped) in [
            ("abc", &[][..], &["a", "b", "c"][..], false),
            ("ab\n\ncd", &["\n\n"], &["a", "b"], true),
            ("a\nb\n", &["\n\n"], &["a", "\nb", "\n"], false),
            ("aabaac", &["aac"], &["aab"], true),
            ("xENDy", &["ENDE", "ND"], &["x", "E"], true),
            ("é€é", &["€é"], &["é"], true),
            ("é€e", &["€é"], &["é", "€e"], false),
            ("stop", &["stop"], &[], true),
        ] {
            assert_eq!(pieces(text, stops), (expected.iter().map(|piece| piece.to_string()).collect(), stopped), "{text:?} with {stops:?}");
        }
    }
}
