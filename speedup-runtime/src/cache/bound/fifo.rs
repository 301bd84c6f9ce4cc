//! A queue of places, each with a number that leads to it: one after the other, so that a place is found by its number alone.

/// Places in the order in which they came, in a ring: the one with a number is at that number in it.
pub(in crate::cache) struct Fifo {
    /// A power of two of them, or none. [`GAP`] where the value was taken out.
    places: Box<[u32]>,
    /// What each weighs; empty where all weigh 1.
    weights: Box<[u64]>,
    is_weighed: bool,
    /// The number of the one at the front. Numbers go round at the one below, of which no queue has as many.
    first: u32,
    numbers: u32,
    /// How many there are, gaps among them.
    len: u32,
    /// How many are no gaps.
    live: usize,
    /// What those weigh together.
    weight: u64,
}

/// A place, its number and its weight.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cache) struct Turn {
    pub(in crate::cache) number: u32,
    pub(in crate::cache) place: u32,
    pub(in crate::cache) weight: u64,
}

/// Stands for a place that was given up.
const GAP: u32 = u32::MAX;
/// No ring is smaller.
const LEAST: usize = 16;

impl Fifo {
    /// Without places, whose numbers go round at this one, a power of two.
    pub(in crate::cache) fn new(is_weighed: bool, numbers: u32) -> Self {
        let (places, weights) = (Box::default(), Box::default());
        Self { places, weights, is_weighed, first: 0, numbers, len: 0, live: 0, weight: 0 }
    }

    /// How many places there are, gaps among them.
    #[inline]
    pub(in crate::cache) fn len(&self) -> usize {
        self.len as usize
    }

    /// How many places there are that are no gaps.
    #[inline]
    pub(in crate::cache) fn live(&self) -> usize {
        self.live
    }

    /// What those weigh together.
    #[inline]
    pub(in crate::cache) fn weight(&self) -> u64 {
        self.weight
    }

    /// Where in the ring a number is.
    #[inline]
    fn at(&self, number: u32) -> usize {
        number as usize & self.places.len().wrapping_sub(1)
    }

    /// Adds a place, and returns its number.
    #[inline]
    pub(in crate::cache) fn push(&mut self, place: u32, weight: u64) -> u32 {
        if self.len as usize == self.places.len() {
            self.grow();
        }
        let number = self.first.wrapping_add(self.len) & (self.numbers - 1);
        let at = self.at(number);
        self.places[at] = place;
        if self.is_weighed {
            self.weights[at] = weight;
        }
        self.len += 1;
        self.live += 1;
        self.weight += weight;
        number
    }

    /// Twice the room.
    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let room = (self.places.len() * 2).max(LEAST);
        let (mut places, mut weights) = (vec![GAP; room], vec![0; if self.is_weighed { room } else { 0 }]);
        for number in (0..self.len).map(|at| self.first.wrapping_add(at) & (self.numbers - 1)) {
            let (from, to) = (self.at(number), number as usize & (room - 1));
            places[to] = self.places[from];
            if self.is_weighed {
                weights[to] = self.weights[from];
            }
        }
        (self.places, self.weights) = (places.into_boxed_slice(), weights.into_boxed_slice());
    }

    /// Takes the first place out that is no gap.
    #[inline]
    pub(in crate::cache) fn pop(&mut self) -> Option<Turn> {
        while self.len > 0 {
            let (number, at) = (self.first, self.at(self.first));
            self.first = number.wrapping_add(1) & (self.numbers - 1);
            self.len -= 1;
            let place = self.places[at];
            if place != GAP {
                let weight = if self.is_weighed { self.weights[at] } else { 1 };
                self.live -= 1;
                self.weight -= weight;
                return Some(Turn { number, place, weight });
            }
        }
        None
    }

    /// The first place, unless it is a gap.
    #[inline]
    pub(in crate::cache) fn first(&self) -> Option<u32> {
        self.places.get(self.at(self.first)).copied().filter(|place| self.len > 0 && *place != GAP)
    }

    /// Where in the ring a number is, if it is there and no gap.
    fn find(&self, number: u32) -> Option<usize> {
        let is_in = number.wrapping_sub(self.first) & (self.numbers - 1) < self.len;
        Some(self.at(number)).filter(|at| is_in && self.places[*at] != GAP)
    }

    /// The place with this number, if it is there.
    pub(in crate::cache) fn place(&self, number: u32) -> Option<u32> {
        self.find(number).map(|at| self.places[at])
    }

    /// Makes a gap of the place with this number, if it is there. Returns what it weighed.
    pub(in crate::cache) fn forget(&mut self, number: u32) -> u64 {
        let Some(at) = self.find(number) else { return 0 };
        self.places[at] = GAP;
        let weight = if self.is_weighed { self.weights[at] } else { 1 };
        self.live -= 1;
        self.weight -= weight;
        weight
    }

    /// Takes all places out.
    pub(in crate::cache) fn take_all(&mut self) -> Vec<Turn> {
        let mut all = Vec::with_capacity(self.live);
        all.extend(std::iter::from_fn(|| self.pop()));
        all
    }

    /// Gives all places up, and their memory.
    pub(in crate::cache) fn clear(&mut self) {
        // What is handed out later has other numbers.
        let first = self.first.wrapping_add(self.len) & (self.numbers - 1);
        *self = Self { first, ..Self::new(self.is_weighed, self.numbers) };
    }
}
