//! Keys that were put out a short while ago, by a part of their hash: so many bytes for each, and no lock.
//!
//! A set of a few lanes is chosen by the hash. A lane has more bits of the hash and the time, which is counted in keys that were put
//! out: who is remembered for too long is forgotten, and who is put out takes the lane of the oldest. Two keys are taken for one
//! in a few of a million cases; then a key has a better start than it should.

use super::queue::Known;
use crate::sync::{AtomicU32, Ordering};

/// The keys, as of a bound on how many are remembered.
pub(in crate::cache) struct Ghosts {
    sets: Box<[Set]>,
    /// How many keys were put out so far. Relaxed, like all of it: a lane is of use by itself.
    clock: AtomicU32,
    /// The clock in steps: a key is remembered for [`STEPS`] of them.
    shift: u32,
}

#[repr(align(16))]
struct Set([AtomicU32; LANES]);

const LANES: usize = 4;
/// The bits of a lane that are the time.
const TIME_BITS: u32 = 12;
const TIMES: u32 = 1 << TIME_BITS;
/// How many steps a key is remembered for.
const STEPS: u32 = TIMES / 4;
/// Up to so many steps are no long time. A loop of which a tenth more than this part finds no room comes back later.
const NOT_LONG: u32 = STEPS * 3 / 16;
/// A lane that was never used.
const FREE: u32 = 0;
/// No more sets than that, whatever the bound.
const MOST_SETS: usize = 1 << 26;

impl Ghosts {
    /// Remembers about so many keys.
    pub(in crate::cache) fn new(most: usize) -> Self {
        let sets = most.div_ceil(LANES).next_power_of_two().min(MOST_SETS);
        let shift = (most as u64).div_ceil(u64::from(STEPS)).next_power_of_two().ilog2();
        Self { sets: (0..sets).map(|_| Set(Default::default())).collect(), clock: AtomicU32::new(0), shift }
    }

    /// Remembers a key that was put out.
    pub(in crate::cache) fn add(&self, hash: u64) {
        // No read-modify-write: a key that is not counted matters to nobody.
        let clock = self.clock.load(Ordering::Relaxed);
        self.clock.store(clock.wrapping_add(1), Ordering::Relaxed);
        let now = clock >> self.shift;
        let (set, tag) = self.at(hash);
        let oldest = set.iter().max_by_key(|lane| match lane.load(Ordering::Relaxed) {
            FREE => u32::MAX,
            lane => now.wrapping_sub(lane) % TIMES,
        });
        if let Some(lane) = oldest {
            lane.store(tag | (now % TIMES), Ordering::Relaxed);
        }
    }

    /// Whether a key is remembered; it is no longer.
    pub(in crate::cache) fn take(&self, hash: u64) -> Option<Known> {
        let now = self.clock.load(Ordering::Relaxed) >> self.shift;
        let (set, tag) = self.at(hash);
        set.iter().find_map(|place| {
            let lane = place.load(Ordering::Relaxed);
            let age = now.wrapping_sub(lane) % TIMES;
            (lane & !(TIMES - 1) == tag && age < STEPS).then(|| {
                place.store(FREE, Ordering::Relaxed);
                if age < NOT_LONG { Known::NotLong } else { Known::Long }
            })
        })
    }

    /// The lanes of a hash, and the part of it that stands in them, which is never nothing.
    fn at(&self, hash: u64) -> (&[AtomicU32; LANES], u32) {
        let tag = (hash as u32 | 1 << 31) & !(TIMES - 1);
        (&self.sets[(hash >> 32) as usize & (self.sets.len() - 1)].0, tag)
    }
}
