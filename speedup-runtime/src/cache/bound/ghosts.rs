//! Keys that were put out a short while ago, by a part of their hash: so many bytes for each, and no lock.
//!
//! A set of a few lanes is chosen by the hash. A lane has more bits of the hash and the time, which is counted in keys that were put
//! out: who is remembered for too long is forgotten, and who is put out takes the lane of the oldest. Two keys are taken for
//! one in a few of a million cases; then a key has a better start than it should.

use super::queue::Known;
use crate::{
    cache::memory::prefetch,
    sync::{AtomicU32, Ordering},
};

/// The keys, as of a bound on how many are remembered.
pub(in crate::cache) struct Ghosts {
    /// Relaxed, all of it: a lane is of use by itself.
    sets: Box<[Set]>,
    /// So many keys are a step of the clock.
    step: u32,
    /// How many steps a key is remembered for.
    steps: u32,
}

#[repr(align(16))]
struct Set([AtomicU32; LANES]);

const LANES: usize = 4;
/// The bits of a lane that are the time.
const TIME_BITS: u32 = 12;
const TIMES: u32 = 1 << TIME_BITS;
/// No key is remembered for more steps.
const MOST_STEPS: u32 = TIMES / 4;
/// A lane that was never used.
const FREE: u32 = 0;
/// No more sets than that, whatever the bound.
const MOST_SETS: usize = 1 << 26;

impl Ghosts {
    /// Remembers about so many keys.
    pub(in crate::cache) fn new(most: usize) -> Self {
        // With room to spare, so that few are forgotten because others fall into the same set.
        let sets = (most / LANES * 8 / 5).next_power_of_two().clamp(1, MOST_SETS);
        let most = u32::try_from(most).unwrap_or(u32::MAX).max(1);
        let step = most.div_ceil(MOST_STEPS);
        let sets = (0..sets).map(|_| Set(Default::default())).collect();
        Self { sets, step, steps: most / step }
    }

    /// Remembers a key that was put out as the one with this number.
    #[inline]
    pub(in crate::cache) fn add(&self, hash: u64, time: u32) {
        let now = time / self.step;
        let (set, tag) = self.at(hash);
        let (mut oldest, mut age) = (&set[0], 0);
        for lane in set {
            let its = match lane.load(Ordering::Relaxed) {
                FREE => TIMES,
                lane => now.wrapping_sub(lane) % TIMES,
            };
            if its >= age {
                (oldest, age) = (lane, its);
            }
        }
        oldest.store(tag | (now % TIMES), Ordering::Relaxed);
    }

    /// Has the lanes of a hash come, which are to be written.
    #[inline]
    pub(in crate::cache) fn expect(&self, hash: u64) {
        prefetch::to_write(self.at(hash).0);
    }

    /// Whether a key may be remembered.
    #[inline]
    pub(in crate::cache) fn may_have(&self, hash: u64) -> bool {
        let (set, tag) = self.at(hash);
        set.iter().any(|lane| lane.load(Ordering::Relaxed) & !(TIMES - 1) == tag)
    }

    /// Whether a key is remembered, when so many have been put out, and for how long: up to a sixth, about, is not long: a loop that is a fifth longer
    /// than the room comes back later. It is remembered no longer.
    pub(in crate::cache) fn take(&self, hash: u64, time: u32) -> Option<Known> {
        let now = time / self.step;
        let (set, tag) = self.at(hash);
        set.iter().find_map(|place| {
            let lane = place.load(Ordering::Relaxed);
            let age = now.wrapping_sub(lane) % TIMES;
            (lane & !(TIMES - 1) == tag && age < self.steps).then(|| {
                place.store(FREE, Ordering::Relaxed);
                if age < self.steps * 11 / 64 { Known::NotLong } else { Known::Long }
            })
        })
    }

    /// The lanes of a hash, and the part of it that stands in them, which is never nothing.
    #[inline]
    fn at(&self, hash: u64) -> (&[AtomicU32; LANES], u32) {
        let tag = (hash as u32 | 1 << 31) & !(TIMES - 1);
        (&self.sets[(hash >> 32) as usize & (self.sets.len() - 1)].0, tag)
    }
}
