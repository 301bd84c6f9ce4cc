//! Iteration over a list that others may change meanwhile.

use std::collections::VecDeque;
use std::ops::RangeBounds;

use super::positions;
use super::state::ListState;
use crate::disk::Result;
use crate::disk::handle::Access;
use crate::disk::value::{Codec, Value};

/// How many items are read at one moment.
const RUN: usize = 512;
/// After how many bytes of values no more are read at one moment.
const BYTES: usize = 256 << 10;

/// An iterator over the items of a shared list; made by [`Shared::<DiskList<T>>::iter`](crate::disk::Shared::iter).
///
/// It ends at the first error.
pub struct SharedIter<'a, T> {
    access: &'a Access<ListState>,
    codec: Codec,
    /// What neither end has read.
    from: usize,
    to: usize,
    front: VecDeque<Result<T>>,
    back: VecDeque<Result<T>>,
}

impl<'a, T: Value> SharedIter<'a, T> {
    pub(super) fn new(access: &'a Access<ListState>, codec: Codec, range: &impl RangeBounds<usize>) -> Self {
        // Where the list ends is seen when items are read.
        let (from, to) = positions(range, usize::MAX);
        SharedIter { access, codec, from, to, front: VecDeque::new(), back: VecDeque::new() }
    }

    /// Reads the next items at an end.
    fn read(&mut self, front: bool) {
        let &mut SharedIter { access, codec, ref mut from, ref mut to, .. } = self;
        let near = if front { &mut self.front } else { &mut self.back };
        let read = access.see(|state, view| {
            *to = (*to).min(state.len() as usize);
            let mut bytes = 0;
            while *from < *to && near.len() < RUN && bytes < BYTES {
                let at = if front { *from } else { *to - 1 };
                let item = state.see(view, at as u64, |raw| {
                    bytes += raw.len();
                    codec.decode(raw)
                });
                near.extend(item?.map(Ok));
                if front {
                    *from += 1;
                } else {
                    *to -= 1;
                }
            }
            Ok(())
        });
        if let Err(error) = read {
            near.push_back(Err(error));
            self.to = self.from;
        }
    }

    fn step(&mut self, front: bool) -> Option<Result<T>> {
        if self.from < self.to && if front { self.front.is_empty() } else { self.back.is_empty() } {
            self.read(front);
        }
        let (near, far) = if front { (&mut self.front, &mut self.back) } else { (&mut self.back, &mut self.front) };
        near.pop_front().or_else(|| far.pop_back())
    }
}

impl<T: Value> Iterator for SharedIter<'_, T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        self.step(true)
    }
}

impl<T: Value> DoubleEndedIterator for SharedIter<'_, T> {
    fn next_back(&mut self) -> Option<Result<T>> {
        self.step(false)
    }
}

impl<T> std::fmt::Debug for SharedIter<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedIter").finish_non_exhaustive()
    }
}
