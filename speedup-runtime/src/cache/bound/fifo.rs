//! A queue of places, each with a number that leads to it: one after the other, so that a place is found by its number alone.

use std::collections::VecDeque;

/// Places in the order in which they came.
pub(in crate::cache) struct Fifo {
    /// [`GAP`] where the value was taken out.
    places: VecDeque<u32>,
    /// What each weighs; empty where all weigh 1.
    weights: VecDeque<u64>,
    is_weighed: bool,
    /// The number of the one at the front. Numbers go round at the one below, of which no queue has as many.
    first: u32,
    numbers: u32,
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

impl Fifo {
    /// Without places, whose numbers go round at this one, a power of two.
    pub(in crate::cache) fn new(is_weighed: bool, numbers: u32) -> Self {
        let (places, weights) = (VecDeque::new(), VecDeque::new());
        Self { places, weights, is_weighed, first: 0, numbers, live: 0, weight: 0 }
    }

    /// How many places there are, gaps among them.
    pub(in crate::cache) fn len(&self) -> usize {
        self.places.len()
    }

    /// How many places there are that are no gaps.
    pub(in crate::cache) fn live(&self) -> usize {
        self.live
    }

    /// What those weigh together.
    pub(in crate::cache) fn weight(&self) -> u64 {
        self.weight
    }

    /// Adds a place, and returns its number.
    pub(in crate::cache) fn push(&mut self, place: u32, weight: u64) -> u32 {
        let number = self.first.wrapping_add(self.places.len() as u32) % self.numbers;
        self.places.push_back(place);
        if self.is_weighed {
            self.weights.push_back(weight);
        }
        self.live += 1;
        self.weight += weight;
        number
    }

    /// Takes the first place out that is no gap.
    pub(in crate::cache) fn pop(&mut self) -> Option<Turn> {
        loop {
            let place = self.places.pop_front()?;
            let weight = if self.is_weighed { self.weights.pop_front()? } else { 1 };
            let number = self.first;
            self.first = (number + 1) % self.numbers;
            if place != GAP {
                self.live -= 1;
                self.weight -= weight;
                return Some(Turn { number, place, weight });
            }
        }
    }

    /// The place with this number, if it is there.
    pub(in crate::cache) fn place(&self, number: u32) -> Option<u32> {
        self.places.get(self.at(number)).copied().filter(|place| *place != GAP)
    }

    fn at(&self, number: u32) -> usize {
        (number.wrapping_sub(self.first) % self.numbers) as usize
    }

    /// Makes a gap of the place with this number, if it is there. Returns what it weighed.
    pub(in crate::cache) fn forget(&mut self, number: u32) -> u64 {
        let at = self.at(number);
        let Some(place) = self.places.get_mut(at).filter(|place| **place != GAP) else { return 0 };
        *place = GAP;
        let weight = if self.is_weighed { self.weights[at] } else { 1 };
        self.live -= 1;
        self.weight -= weight;
        weight
    }

    /// Takes all places out.
    pub(in crate::cache) fn take_all(&mut self) -> VecDeque<Turn> {
        let mut all = VecDeque::with_capacity(self.live);
        all.extend(std::iter::from_fn(|| self.pop()));
        all
    }

    /// Gives all places up, and their memory.
    pub(in crate::cache) fn clear(&mut self) {
        // What is handed out later has other numbers.
        let first = self.first.wrapping_add(self.places.len() as u32) % self.numbers;
        *self = Self { first, ..Self::new(self.is_weighed, self.numbers) };
    }
}
