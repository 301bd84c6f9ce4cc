//! Which value goes when there is no room: S3-FIFO.
//!
//! New keys enter a small queue, a tenth of the room. Who has been asked for again by the time it comes to the front goes to the
//! main queue, who has not leaves, and is remembered for a while: if it comes back, it enters the main queue at once. In the main queue who has
//! been asked for goes round once more. So a scan passes through the small queue and harms nobody. Source: Yang et al., "FIFO
//! queues are all you need for cache eviction", SOSP 2023.
//!
//! A recursion needs what it has computed a short while ago, and once: for it, the small queue is what counts. So whenever a call made
//! by another one misses what was put out of the small queue, that gets more room, and gives it back when calls from outside do.
//!
//! A hit only marks the value; the queue learns of it when the value comes to the front. No code of users' runs in here: who
//! comes to the front is handed out, looked up by the caller, and given back or not.

use std::collections::{HashMap, VecDeque};

/// The places of all values, and what they weigh together.
pub(super) struct Queue<K> {
    bound: u64,
    /// What the values in the queues, and those handed out, weigh together.
    weight: u64,
    /// The part of it in the small queue.
    small_weight: u64,
    /// What the small queue is to have of the room, where there is anything in the main one.
    small_room: u64,
    /// How many values that is.
    live: usize,
    slots: Vec<Slot<K>>,
    /// The first turn of a new slot.
    turn: u32,
    /// Slots that are used by nobody.
    free: Vec<u32>,
    /// Slots in the order in which they came. Among them are some whose value was taken out.
    small: VecDeque<u32>,
    main: VecDeque<u32>,
    ghosts: Ghosts,
}

struct Slot<K> {
    /// `None` in a slot that is free, handed out, or whose value was taken out.
    key: Option<K>,
    weight: u64,
    /// Tells those that have had this slot apart.
    turn: u32,
    is_small: bool,
    /// Whether its weight is counted.
    counts: bool,
}

/// Who has come to the front. Its slot waits for a [`Verdict`].
pub(super) struct Candidate<K> {
    pub(super) node: u64,
    pub(super) key: K,
    pub(super) is_small: bool,
}

/// What became of a candidate.
pub(super) enum Verdict<K> {
    /// It has been asked for: it stays, in the main queue.
    Stays { node: u64, key: K },
    /// Its value is gone. The hash is that of a key that was put out.
    Gone { node: u64, ghost: Option<u64> },
}

/// Small enough to be a part of the room, and never nothing.
const SMALL_PART: u64 = 10;
/// So many slots whose values were taken out do not matter.
const FEW: usize = 64;

fn least_small(bound: u64) -> u64 {
    (bound / SMALL_PART).max(1)
}

impl<K> Queue<K> {
    /// A queue with room for so much.
    pub(super) fn new(bound: u64) -> Self {
        Self {
            bound,
            weight: 0,
            small_weight: 0,
            small_room: least_small(bound),
            live: 0,
            slots: Vec::new(),
            turn: 0,
            free: Vec::new(),
            small: VecDeque::new(),
            main: VecDeque::new(),
            ghosts: Ghosts::default(),
        }
    }

    pub(super) fn weight(&self) -> u64 {
        self.weight
    }

    pub(super) fn bound(&self) -> u64 {
        self.bound
    }

    /// Takes a key in, and names its place. It may have been asked for by a call of the same function.
    pub(super) fn admit(&mut self, key: K, hash: u64, weight: u64, is_nested: bool) -> u64 {
        let is_small = !self.ghosts.take(hash);
        if !is_small {
            self.small_room = match is_nested {
                true => self.small_room.saturating_add(weight).min(self.bound - self.bound / SMALL_PART),
                false => self.small_room.saturating_sub(weight).max(least_small(self.bound)),
            };
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { key: None, weight: 0, turn: self.turn, is_small, counts: false });
            (self.slots.len() - 1) as u32
        });
        let place = &mut self.slots[slot as usize];
        (place.key, place.weight, place.is_small, place.counts) = (Some(key), weight, is_small, true);
        let node = u64::from(place.turn) << 32 | u64::from(slot);
        self.weight += weight;
        self.live += 1;
        if is_small {
            self.small_weight += weight;
            self.small.push_back(slot);
        } else {
            self.main.push_back(slot);
        }
        node
    }

    /// Lets go of a value that was taken out of the table. Returns its key, to be dropped without a lock.
    pub(super) fn forget(&mut self, node: u64) -> Option<K> {
        let key = self.slot(node)?.key.take();
        self.discount(node);
        key
    }

    /// Hears what became of the last candidate, and hands out the next one, if there is too little room.
    pub(super) fn next(&mut self, verdict: Option<Verdict<K>>) -> Option<Candidate<K>> {
        match verdict {
            Some(Verdict::Stays { node, key }) => {
                if let Some(key) = self.put_back(node, key) {
                    // Its value was taken out meanwhile, which is found out at another look.
                    return Some(Candidate { node, key, is_small: false });
                }
            }
            Some(Verdict::Gone { node, ghost }) => {
                self.gone(node);
                if let Some(hash) = ghost {
                    self.ghosts.add(hash, self.live);
                }
            }
            None => {}
        }
        loop {
            if self.weight <= self.bound {
                if self.small.len() + self.main.len() > 2 * self.live + FEW {
                    self.give_back_empty();
                }
                return None;
            }
            let is_small = self.main.is_empty() || !self.small.is_empty() && self.small_weight > self.small_room;
            let slot = if is_small { self.small.pop_front() } else { self.main.pop_front() }?;
            let place = &mut self.slots[slot as usize];
            let node = u64::from(place.turn) << 32 | u64::from(slot);
            match place.key.take() {
                Some(key) => return Some(Candidate { node, key, is_small }),
                None => self.give_back(node),
            }
        }
    }

    /// The value of a candidate is gone.
    pub(super) fn gone(&mut self, node: u64) {
        self.discount(node);
        self.give_back(node);
    }

    /// Takes all keys out. Names given out before lead nowhere.
    pub(super) fn clear(&mut self) -> Vec<K> {
        let turn = self.slots.iter().map(|slot| slot.turn).max().unwrap_or(self.turn).wrapping_add(1);
        let old = std::mem::replace(self, Self { turn, ..Self::new(self.bound) });
        old.slots.into_iter().filter_map(|slot| slot.key).collect()
    }

    /// The slot of this name, if it is that of the same value still.
    fn slot(&mut self, node: u64) -> Option<&mut Slot<K>> {
        self.slots.get_mut(node as u32 as usize).filter(|slot| slot.turn == (node >> 32) as u32)
    }

    /// Puts who was handed out into the main queue. Gives the key back if its value was taken out meanwhile.
    fn put_back(&mut self, node: u64, key: K) -> Option<K> {
        let Some(slot) = self.slot(node).filter(|slot| slot.counts) else { return Some(key) };
        slot.key = Some(key);
        let left_small = if slot.is_small { slot.weight } else { 0 };
        slot.is_small = false;
        self.small_weight -= left_small;
        self.main.push_back(node as u32);
        None
    }

    /// Gives back the slots whose values were taken out. O(slots), and at least half of them are such.
    fn give_back_empty(&mut self) {
        for queue in [&mut self.small, &mut self.main] {
            queue.retain(|number| {
                let slot = &mut self.slots[*number as usize];
                if slot.key.is_none() {
                    slot.turn = slot.turn.wrapping_add(1);
                    self.free.push(*number);
                }
                slot.key.is_some()
            });
        }
    }

    /// Counts the weight no more.
    fn discount(&mut self, node: u64) {
        let Some(slot) = self.slot(node).filter(|slot| slot.counts) else { return };
        slot.counts = false;
        let (weight, is_small) = (slot.weight, slot.is_small);
        self.weight -= weight;
        self.live -= 1;
        self.small_weight -= if is_small { weight } else { 0 };
    }

    fn give_back(&mut self, node: u64) {
        if let Some(slot) = self.slot(node) {
            slot.turn = slot.turn.wrapping_add(1);
            self.free.push(node as u32);
        }
    }
}

/// The hashes of keys that were put out of the small queue: as many as there are values.
#[derive(Default)]
struct Ghosts {
    /// By hash, the number of its last entry.
    numbers: HashMap<u64, u64, foldhash::fast::FixedState>,
    order: VecDeque<(u64, u64)>,
    next: u64,
}

impl Ghosts {
    fn take(&mut self, hash: u64) -> bool {
        self.numbers.remove(&hash).is_some()
    }

    fn add(&mut self, hash: u64, most: usize) {
        self.numbers.insert(hash, self.next);
        self.order.push_back((hash, self.next));
        self.next += 1;
        while self.order.len() > most.max(1) {
            let Some((oldest, number)) = self.order.pop_front() else { return };
            if self.numbers.get(&oldest) == Some(&number) {
                self.numbers.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests;
