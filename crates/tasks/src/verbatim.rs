//! The longest runs of ids that texts share with a long stream, exactly and in one pass over the stream.
//!
//! The texts (few) become a suffix automaton, the stream (millions of ids and more) is read once through it. So memory
//! follows from the texts alone, time is linear in the stream, and there are no hashes that could collide. The other way
//! round, an index of the stream, would take many times the stream's own size. Knows ids, not what they mean.
//!
//! The automaton is that of Blumer et al. 1985, "The smallest automaton recognizing the subwords of a text".

/// A run of ids of a text that the stream has as well. Of equally long ones the first in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Where it begins in the text.
    pub start: usize,
    /// Ids; 0 where the text and the stream share none.
    pub length: usize,
    /// Where it begins in the stream.
    pub at: usize,
}

/// All runs of ids that end alike: the longest has `length` ids, the shortest one more than the state behind `link`.
#[derive(Debug, Clone)]
struct State {
    length: usize,
    link: usize,
    /// By id, ascending.
    next: Vec<(u32, usize)>,
    /// The longest of its runs that the stream has; 0 for none.
    seen: usize,
    /// Where in the stream that run ends.
    seen_end: usize,
}

impl State {
    fn new(length: usize, link: usize, next: Vec<(u32, usize)>) -> State {
        State { length, link, next, seen: 0, seen_end: 0 }
    }

    fn to(&self, id: u32) -> Option<usize> {
        self.next.binary_search_by_key(&id, |edge| edge.0).ok().map(|place| self.next[place].1)
    }

    fn set(&mut self, id: u32, state: usize) {
        match self.next.binary_search_by_key(&id, |edge| edge.0) {
            Ok(place) => self.next[place].1 = state,
            Err(place) => self.next.insert(place, (id, state)),
        }
    }
}

/// The state of the empty run.
const ROOT: usize = 0;

/// The automaton of some texts, and how far the stream has been read.
#[derive(Debug)]
pub struct Matcher<'t> {
    texts: &'t [Vec<u32>],
    states: Vec<State>,
    /// The longest run that ends here in the stream and is in a text: its state and its length.
    state: usize,
    length: usize,
    /// Ids read of the stream.
    read: usize,
}

impl<'t> Matcher<'t> {
    /// Texts of ids. The highest ids, one for each text, must occur neither in them nor in the stream: they separate the texts.
    pub fn new(texts: &'t [Vec<u32>]) -> Matcher<'t> {
        let mut matcher = Matcher { texts, states: vec![State::new(0, ROOT, Vec::new())], state: ROOT, length: 0, read: 0 };
        let mut last = ROOT;
        for (i, text) in texts.iter().enumerate() {
            for &id in text {
                last = matcher.extend(last, id);
            }
            last = matcher.extend(last, u32::MAX - i as u32);
        }
        matcher
    }

    /// Adds an id behind the text that ends in the state `last`; returns the state of the longer text.
    fn extend(&mut self, last: usize, id: u32) -> usize {
        let added = self.states.len();
        self.states.push(State::new(self.states[last].length + 1, ROOT, Vec::new()));
        let mut from = last;
        let found = loop {
            if let Some(found) = self.states[from].to(id) {
                break found;
            }
            self.states[from].set(id, added);
            if from == ROOT {
                return added;
            }
            from = self.states[from].link;
        };
        if self.states[found].length == self.states[from].length + 1 {
            self.states[added].link = found;
            return added;
        }
        // The runs of `found` no longer all end alike: the shorter ones get a state of their own.
        let copy = self.states.len();
        let State { link, next, .. } = &self.states[found];
        self.states.push(State::new(self.states[from].length + 1, *link, next.clone()));
        self.states[found].link = copy;
        self.states[added].link = copy;
        while self.states[from].to(id) == Some(found) {
            self.states[from].set(id, copy);
            if from == ROOT {
                break;
            }
            from = self.states[from].link;
        }
        added
    }

    /// Reads on in the stream.
    pub fn read(&mut self, ids: &[u32]) {
        for &id in ids {
            self.read += 1;
            loop {
                if let Some(next) = self.states[self.state].to(id) {
                    self.state = next;
                    self.length += 1;
                    break;
                }
                if self.state == ROOT {
                    break;
                }
                self.state = self.states[self.state].link;
                self.length = self.states[self.state].length;
            }
            let state = &mut self.states[self.state];
            if self.length > state.seen {
                (state.seen, state.seen_end) = (self.length, self.read);
            }
        }
    }

    /// The longest run of each text that the stream has so far.
    pub fn longest(mut self) -> Vec<Run> {
        // Whoever saw a run saw its shorter endings.
        let mut order: Vec<usize> = (1..self.states.len()).collect();
        order.sort_by_key(|&state| std::cmp::Reverse(self.states[state].length));
        for state in order {
            let State { link, seen, seen_end, .. } = self.states[state];
            let ending = &mut self.states[link];
            if seen > 0 && link != ROOT && ending.seen < ending.length {
                (ending.seen, ending.seen_end) = (ending.length, seen_end);
            }
        }
        self.texts.iter().map(|text| self.longest_of(text)).collect()
    }

    fn longest_of(&self, text: &[u32]) -> Run {
        let mut longest = Run { start: 0, length: 0, at: 0 };
        let mut state = ROOT;
        for (i, &id) in text.iter().enumerate() {
            state = self.states[state].to(id).unwrap_or(ROOT); // every beginning of a text is in the automaton
            let (mut ending, mut length) = (state, i + 1);
            while ending != ROOT && self.states[ending].seen == 0 {
                ending = self.states[ending].link;
                length = self.states[ending].length;
            }
            let length = length.min(self.states[ending].seen);
            if length > longest.length {
                longest = Run { start: i + 1 - length, length, at: self.states[ending].seen_end - length };
            }
        }
        longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::rng::Rng;

    fn longest(texts: &[Vec<u32>], stream: &[u32]) -> Vec<Run> {
        let mut matcher = Matcher::new(texts);
        stream.chunks(7).for_each(|part| matcher.read(part));
        matcher.longest()
    }

    /// By trying every place of the text at every place of the stream.
    fn slow(text: &[u32], stream: &[u32]) -> usize {
        let shared = |i: usize, j: usize| text[i..].iter().zip(&stream[j..]).take_while(|(a, b)| a == b).count();
        (0..text.len()).flat_map(|i| (0..stream.len()).map(move |j| (i, j))).map(|(i, j)| shared(i, j)).max().unwrap_or(0)
    }

    #[test]
    fn runs_are_found_where_they_stand() {
        let texts = [vec![1, 2, 3, 4, 5], vec![9, 9], vec![], vec![7, 3, 4], vec![2, 3]];
        let runs = longest(&texts, &[0, 3, 4, 5, 0, 2, 3, 4, 0, 7]);
        assert_eq!(runs[0], Run { start: 1, length: 3, at: 5 });
        assert_eq!((runs[1].length, runs[2].length), (0, 0));
        assert_eq!(runs[3], Run { start: 1, length: 2, at: 1 });
        assert_eq!(runs[4], Run { start: 0, length: 2, at: 5 });
    }

    #[test]
    fn it_agrees_with_trying_every_place() {
        let mut rng = Rng::new(5);
        for round in 0..300 {
            let n_ids = 2 + round % 5;
            let mut ids = |n: usize| (0..n).map(|_| rng.below(n_ids) as u32).collect::<Vec<u32>>();
            let texts: Vec<Vec<u32>> = (0..4).map(|i| ids(i * 9)).collect();
            let stream = ids(40);
            for (text, run) in texts.iter().zip(longest(&texts, &stream)) {
                assert_eq!(run.length, slow(text, &stream), "{text:?} in {stream:?}");
                assert_eq!(text[run.start..run.start + run.length], stream[run.at..run.at + run.length], "{text:?} in {stream:?}");
            }
        }
    }
}
