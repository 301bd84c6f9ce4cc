//! A cache with a budget: entries that were not looked at since the hand last passed go first.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::FixedState;

use crate::sync::Arc;

/// One cached page or node.
#[derive(Debug)]
struct Frame<T> {
    item: Arc<T>,
    /// Written back before it is dropped.
    dirty: bool,
    used: bool,
    weight: usize,
    /// The epoch in which the item was written; part of a page's identity.
    stamp: u64,
}

/// Cached items by number.
///
/// `queue` names every frame at least once; `weight` is the sum of their weights.
#[derive(Debug)]
pub(crate) struct Cache<T> {
    frames: HashMap<u64, Frame<T>, FixedState>,
    queue: VecDeque<u64>,
    weight: usize,
    dirty_weight: usize,
    budget: usize,
}

impl<T> Cache<T> {
    pub(crate) fn new(budget: usize) -> Self {
        Cache { frames: HashMap::default(), queue: VecDeque::new(), weight: 0, dirty_weight: 0, budget }
    }

    #[inline]
    pub(crate) fn get(&mut self, number: u64, stamp: u64) -> Option<Arc<T>> {
        let frame = self.frames.get_mut(&number)?;
        frame.used = true;
        (frame.stamp == stamp).then(|| Arc::clone(&frame.item))
    }

    /// As [`get`](Self::get), without a note that it was asked for.
    pub(crate) fn peek(&self, number: u64, stamp: u64) -> Option<&Arc<T>> {
        self.frames.get(&number).filter(|frame| frame.stamp == stamp).map(|frame| &frame.item)
    }

    /// Whether another item that is so heavy puts none out.
    pub(crate) fn has_room(&self, weight: usize) -> bool {
        self.weight + weight <= self.budget
    }

    pub(crate) fn put(&mut self, number: u64, stamp: u64, item: Arc<T>, weight: usize, dirty: bool) {
        self.remove(number);
        self.weight += weight;
        self.dirty_weight += if dirty { weight } else { 0 };
        self.frames.insert(number, Frame { item, dirty, used: true, weight, stamp });
        self.queue.push_back(number);
        if self.queue.len() > 2 * self.frames.len() + 64 {
            self.queue.retain(|number| self.frames.contains_key(number));
            self.queue.make_contiguous().sort_unstable();
            let mut kept = Vec::from(std::mem::take(&mut self.queue));
            kept.dedup();
            self.queue = kept.into();
        }
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<Arc<T>> {
        let frame = self.frames.remove(&number)?;
        self.weight -= frame.weight;
        self.dirty_weight -= if frame.dirty { frame.weight } else { 0 };
        Some(frame.item)
    }

    /// How heavy the items are that differ from what is on disk.
    pub(crate) fn dirty_weight(&self) -> usize {
        self.dirty_weight
    }

    /// The next item to drop while over budget: its number, stamp, the item, and whether it must be written first.
    ///
    /// With `keep_dirty`, only clean ones are dropped.
    pub(crate) fn evict(&mut self, keep_dirty: bool) -> Option<(u64, u64, Arc<T>, bool)> {
        let mut turns = 2 * self.queue.len();
        while self.weight > self.budget && self.frames.len() > 2 && turns > 0 {
            turns -= 1;
            let number = self.queue.pop_front()?;
            let Some(frame) = self.frames.get_mut(&number) else { continue };
            if std::mem::take(&mut frame.used) || (keep_dirty && frame.dirty) {
                self.queue.push_back(number);
                continue;
            }
            let (stamp, dirty) = (frame.stamp, frame.dirty);
            return self.remove(number).map(|item| (number, stamp, item, dirty));
        }
        None
    }

    /// Every item that differs from what is on disk, in order of its number; they count as clean from here on.
    pub(crate) fn clean(&mut self) -> Vec<(u64, u64, Arc<T>)> {
        self.dirty_weight = 0;
        let dirty = self.frames.iter_mut().filter(|(_, frame)| frame.dirty);
        let mut dirty: Vec<_> = dirty
            .map(|(&number, frame)| {
                frame.dirty = false;
                (number, frame.stamp, Arc::clone(&frame.item))
            })
            .collect();
        dirty.sort_unstable_by_key(|&(number, ..)| number);
        dirty
    }
}
