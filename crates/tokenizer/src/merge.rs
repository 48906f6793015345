//! The bytes of a word, merged: of all neighbours that may merge those whose merge was learnt first, of equals the leftmost, until
//! no more may.
//!
//! Two ways to the same ids. A word of up to 64 bytes is a row of that many places, where the next merge is the least of as many
//! numbers and neighbours are found by counting bits: the fastest way for the lengths that words have. Longer ones keep
//! their merges in a queue. Knows no text and remembers nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use crate::Tokenizer;
use crate::pairs::NEVER;

/// Bits of a place in a row.
const PLACE_BITS: u32 = 6;

/// The longest row.
pub(crate) const LONGEST_ROW: usize = 1 << PLACE_BITS;

/// A word of at most `N` bytes while it is merged; `N` is at most [`LONGEST_ROW`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<const N: usize> {
    /// The ids, each at the place of its first byte.
    ids: [u32; N],
    /// When each merges with its right neighbour and, in the lowest bits, its place; all ones where it does not.
    due: [u32; N],
    /// The places where an id stands.
    held: u64,
}

/// A merge that was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Merged {
    place: usize,
    id: u32,
    /// The id before it and its place.
    before: Option<(usize, u32)>,
    /// The id behind it.
    beyond: Option<u32>,
}

impl Merged {
    /// Reads where the search for its pairs begins, so that it is at hand.
    #[inline]
    pub fn touch(&self, tokenizer: &Tokenizer) -> u64 {
        let before = self.before.map_or(0, |(_, id)| tokenizer.pairs().touch(id, self.id));
        before ^ self.beyond.map_or(0, |id| tokenizer.pairs().touch(self.id, id))
    }
}

impl<const N: usize> Row<N> {
    /// No word.
    pub const EMPTY: Row<N> = Row { ids: [0; N], due: [NEVER; N], held: 0 };

    /// Takes a word's bytes. Panics if it is empty or longer than `N`.
    #[inline]
    pub fn start(&mut self, tokenizer: &Tokenizer, word: &[u8]) {
        const { assert!(N <= LONGEST_ROW) };
        let ids = &mut self.ids[..word.len()];
        ids.iter_mut().zip(word).for_each(|(id, &byte)| *id = tokenizer.byte_id(byte));
        self.due = [NEVER; N];
        for (place, pair) in word.windows(2).enumerate() {
            self.due[place] = due(tokenizer.byte_rank(pair[0], pair[1]), place);
        }
        self.held = u64::MAX >> (LONGEST_ROW - word.len());
    }

    /// Makes the next merge, if there is one, up to what only the table of pairs knows: what will be read there.
    #[inline]
    pub fn merge(&mut self, tokenizer: &Tokenizer) -> Option<Merged> {
        let next = self.due.iter().fold(NEVER, |least, &due| least.min(due));
        if next == NEVER {
            return None;
        }
        let place = next as usize % N;
        let id = tokenizer.made_at(next >> PLACE_BITS);
        let right = self.after(place).expect("a neighbour to merge with");
        self.ids[place] = id;
        self.held &= !(1 << right);
        self.due[right] = NEVER;
        let beyond = self.after(right).map(|beyond| self.ids[beyond]);
        let before = self.before(place);
        Some(Merged { place, id, before: before.map(|before| (before, self.ids[before])), beyond })
    }

    /// Completes what [`Row::merge`] gave.
    #[inline]
    pub fn renew(&mut self, tokenizer: &Tokenizer, merged: Merged) {
        let place = merged.place % N;
        self.due[place] = merged.beyond.map_or(NEVER, |beyond| due(tokenizer.rank(merged.id, beyond), place));
        if let Some((before, id)) = merged.before {
            self.due[before % N] = due(tokenizer.rank(id, merged.id), before);
        }
    }

    /// The number of ids.
    #[inline]
    pub fn len(&self) -> usize {
        self.held.count_ones() as usize
    }

    /// The ids from left to right.
    #[inline]
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        let mut held = self.held;
        std::iter::from_fn(move || {
            let place = held.trailing_zeros() as usize;
            held &= held.wrapping_sub(1);
            (place < LONGEST_ROW).then(|| self.ids[place % N])
        })
    }

    /// The first place behind a place where an id stands.
    #[inline]
    fn after(&self, place: usize) -> Option<usize> {
        let behind = self.held & (u64::MAX << place) & !(1 << place);
        (behind != 0).then(|| behind.trailing_zeros() as usize % N)
    }

    /// The last place before a place where an id stands.
    #[inline]
    fn before(&self, place: usize) -> Option<usize> {
        let before = self.held & !(u64::MAX << place);
        (before != 0).then(|| before.ilog2() as usize % N)
    }
}

/// A rank and a place as one number, smaller for what merges earlier.
#[inline]
fn due(rank: u32, place: usize) -> u32 {
    if rank == NEVER { NEVER } else { rank << PLACE_BITS | place as u32 }
}

/// The ids of a word's bytes, merged until no more merge or `least` are left, by looking for the next merge again after each one.
pub(crate) fn merge_until(tokenizer: &Tokenizer, word: &[u8], least: usize) -> Vec<u32> {
    let mut ids: Vec<u32> = word.iter().map(|&byte| tokenizer.byte_id(byte)).collect();
    while ids.len() > least
        && let Some((rank, at)) = ids.windows(2).enumerate().map(|(at, pair)| (tokenizer.rank(pair[0], pair[1]), at)).min()
        && rank != NEVER
    {
        ids[at] = tokenizer.made_at(rank);
        ids.remove(at + 1);
    }
    ids
}

/// Merges a word of any length in about linear time: the places where a merge is possible are kept by its rank, and those of the
/// earliest rank are merged from left to right.
pub(crate) fn merge_long(tokenizer: &Tokenizer, word: &[u8], output: &mut Vec<u32>) {
    let n = u32::try_from(word.len()).expect("a word below 4 GiB");
    let mut line = Line {
        ids: word.iter().map(|&byte| tokenizer.byte_id(byte)).collect(),
        previous: (0..n).map(|at| at.checked_sub(1).unwrap_or(END)).collect(),
        next: (1..=n).map(|at| if at == n { END } else { at }).collect(),
    };
    let mut places: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    let mut ranks: BinaryHeap<Reverse<u32>> = BinaryHeap::new();
    let offer = |rank: u32, at: u32, ranks: &mut BinaryHeap<Reverse<u32>>, places: &mut FxHashMap<u32, Vec<u32>>| {
        if rank != NEVER {
            let list = places.entry(rank).or_default();
            if list.is_empty() {
                ranks.push(Reverse(rank));
            }
            list.push(at);
        }
    };
    for (at, pair) in word.windows(2).enumerate() {
        offer(tokenizer.byte_rank(pair[0], pair[1]), at as u32, &mut ranks, &mut places);
    }
    while let Some(Reverse(rank)) = ranks.pop() {
        let mut list = places.remove(&rank).unwrap_or_default();
        list.sort_unstable();
        let id = tokenizer.made_at(rank);
        for (index, &left) in list.iter().enumerate() {
            // One of the two may have been merged since.
            let right = line.next[left as usize];
            if line.ids[left as usize] == GONE || right == END || tokenizer.rank(line.ids[left as usize], line.ids[right as usize]) != rank
            {
                continue;
            }
            line.merge(left, right, id);
            let (before, after) = (line.previous[left as usize], line.next[left as usize]);
            let mut earliest = NEVER;
            for (first, second) in [(before, left), (left, after)] {
                if first != END && second != END {
                    let new = tokenizer.rank(line.ids[first as usize], line.ids[second as usize]);
                    earliest = earliest.min(new);
                    offer(new, first, &mut ranks, &mut places);
                }
            }
            // Where ranks do not grow with the tokens, the new pair comes before the rest of these places.
            if earliest < rank {
                for &at in &list[index + 1..] {
                    offer(rank, at, &mut ranks, &mut places);
                }
                break;
            }
        }
    }
    output.extend(line.ids.into_iter().filter(|&id| id != GONE));
}

/// No neighbour.
const END: u32 = u32::MAX;
/// What stands where an id was merged into its left neighbour.
const GONE: u32 = u32::MAX;

/// Ids in a row, and where the neighbours of each stand.
struct Line {
    ids: Vec<u32>,
    previous: Vec<u32>,
    next: Vec<u32>,
}

impl Line {
    /// Puts an id in place of two neighbours.
    fn merge(&mut self, left: u32, right: u32, id: u32) {
        let beyond = self.next[right as usize];
        self.ids[left as usize] = id;
        self.ids[right as usize] = GONE;
        self.next[left as usize] = beyond;
        if beyond != END {
            self.previous[beyond as usize] = left;
        }
    }
}
