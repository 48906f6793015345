//! Which sequence each slot of the cache holds, and which slot the next sequence takes.
//!
//! A prompt that begins like a sequence in the cache takes the common part over. What it does not go on from stays as long
//! as it can: the slot that was used least recently is overwritten.

/// What the slots of a cache hold.
#[derive(Debug)]
pub(crate) struct Slots {
    slots: Vec<Slot>,
    uses: u64,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    held: Vec<u32>,
    busy: bool,
    last_use: u64,
}

/// Where a sequence starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its slot.
    pub slot: usize,
    /// The slot whose first ids are its own; may be the same one.
    pub donor: usize,
    /// How many these are.
    pub shared: usize,
}

impl Slots {
    pub fn new(n: usize) -> Slots {
        Slots { slots: vec![Slot::default(); n], uses: 0 }
    }

    pub fn has_free(&self) -> bool {
        self.slots.iter().any(|slot| !slot.busy)
    }

    /// Gives a slot back; what it holds stays.
    pub fn free(&mut self, slot: usize) {
        self.touch(slot);
        self.slots[slot].busy = false;
    }

    /// Nobody takes anything over from this slot any more.
    pub fn forget(&mut self, slot: usize) {
        self.slots[slot].held.clear();
    }

    /// The slot holds these ids too now.
    pub fn append(&mut self, slot: usize, ids: &[u32]) {
        self.slots[slot].held.extend_from_slice(ids);
    }

    /// How many of the first ids some slot holds.
    pub fn longest(&self, ids: &[u32]) -> usize {
        self.slots.iter().map(|slot| common(&slot.held, ids)).max().unwrap_or(0)
    }

    /// Takes a free slot for a sequence that may begin with `ids` of another, and cuts what it holds back to them. The caller
    /// does the same in the cache. Nothing if no slot is free.
    pub fn take(&mut self, ids: &[u32]) -> Option<Place> {
        let free = (0..self.slots.len()).filter(|&slot| !self.slots[slot].busy);
        let oldest = free.min_by_key(|&slot| self.slots[slot].last_use)?;
        let shared = self.longest(ids);
        let donors = || (0..self.slots.len()).filter(|&slot| common(&self.slots[slot].held, ids) == shared);
        // In place costs no copy: where the oldest slot is a donor, or where nothing of a donor would be lost.
        let kept_whole = |&slot: &usize| !self.slots[slot].busy && self.slots[slot].held.len() == shared;
        let in_place = if shared == 0 { None } else { donors().find(|&slot| slot == oldest).or_else(|| donors().find(kept_whole)) };
        let slot = in_place.unwrap_or(oldest);
        let donor = if shared == 0 { slot } else { in_place.or_else(|| donors().next()).unwrap_or(slot) };
        self.touch(donor);
        self.touch(slot);
        self.slots[slot].held.clear();
        self.slots[slot].held.extend_from_slice(&ids[..shared]);
        self.slots[slot].busy = true;
        Some(Place { slot, donor, shared })
    }

    fn touch(&mut self, slot: usize) {
        self.uses += 1;
        self.slots[slot].last_use = self.uses;
    }
}

/// How many of the first ids two sequences have in common.
pub(crate) fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a slot for a sequence, lets it grow to the whole of it, and gives the slot back.
    fn run(slots: &mut Slots, ids: &[u32]) -> Place {
        let place = slots.take(ids).unwrap();
        slots.append(place.slot, &ids[place.shared..]);
        slots.free(place.slot);
        place
    }

    #[test]
    fn the_least_recently_used_slot_is_overwritten_and_a_branch_leaves_the_rest_of_its_donor() {
        let mut slots = Slots::new(3);
        let place = |slot, donor, shared| Place { slot, donor, shared };
        for (ids, expected, why) in [
            (&[1, 2, 3, 4][..], place(0, 0, 0), "a slot that was never used"),
            (&[5, 6], place(1, 1, 0), "the next one"),
            (&[1, 2, 3, 4, 5], place(0, 0, 4), "goes on in place: nothing is lost"),
            (&[1, 2, 9], place(2, 0, 2), "branches off into the last one that was never used"),
            (&[1, 2, 9, 9], place(2, 2, 3), "goes on in place"),
            (&[7], place(1, 1, 0), "1 was used least recently"),
            (&[1, 2, 3, 4, 5, 6], place(0, 0, 5), "what branched off has left it whole"),
            (&[1, 2, 9, 9, 9], place(2, 2, 4), "goes on in place"),
            (&[1, 2, 9, 4], place(1, 2, 3), "branches off"),
            (&[1, 2, 8], place(0, 0, 2), "the least recently used slot begins like this itself"),
        ] {
            assert_eq!(run(&mut slots, ids), expected, "{ids:?}: {why}");
        }
    }

    #[test]
    fn a_busy_slot_is_not_taken_but_lends() {
        let mut slots = Slots::new(2);
        slots.take(&[]).unwrap();
        slots.append(0, &[1, 2, 3]);
        assert_eq!((slots.has_free(), slots.longest(&[1, 2, 9])), (true, 2));
        assert_eq!(slots.take(&[1, 2, 3]), Some(Place { slot: 1, donor: 0, shared: 3 }));
        assert_eq!((slots.has_free(), slots.take(&[1])), (false, None));
        slots.free(0);
        assert_eq!(slots.take(&[4]), Some(Place { slot: 0, donor: 0, shared: 0 }));
        assert_eq!(slots.longest(&[1, 2, 3]), 3, "the other one still holds its ids");
    }
}
