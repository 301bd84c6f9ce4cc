//! Iteration over a list, leaf by leaf, from both ends.

use std::marker::PhantomData;

use super::state::ListState;
use crate::disk::Result;
use crate::disk::handle::{Access, Body};
use crate::disk::leaf::{Leaf, Val};
use crate::disk::value::{Codec, Value};
use crate::sync::Arc;

/// Some items of a leaf.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    leaf: Arc<Leaf>,
    from: usize,
    to: usize,
}

impl Run {
    /// The values as they are stored.
    pub(super) fn vals(&self) -> impl Iterator<Item = Val<'_>> {
        (self.from..self.to).map(|index| self.leaf.val(index))
    }
}

/// The leaves between two positions, from both ends; what lies between was handed out by neither.
pub(crate) struct Runs<'a> {
    access: &'a Access<ListState>,
    from: u64,
    to: u64,
}

impl<'a> Runs<'a> {
    pub(crate) fn new(access: &'a Access<ListState>, from: u64, to: u64) -> Self {
        Runs { access, from, to }
    }

    fn step(&mut self, front: bool) -> Option<Result<Run>> {
        if self.from >= self.to {
            return None;
        }
        let at = if front { self.from } else { self.to - 1 };
        let (range, leaf) = match self.access.read(|state| state.leaf_at(at)) {
            Ok(found) => found?,
            Err(error) => {
                self.from = self.to;
                return Some(Err(error));
            }
        };
        let (from, to) = (self.from.max(range.start), self.to.min(range.end));
        if front {
            self.from = to;
        } else {
            self.to = from;
        }
        let (from, to) = ((from - range.start) as usize, (to - range.start) as usize);
        Some(leaf.map(|leaf| Run { leaf, from, to }))
    }
}

impl Iterator for Runs<'_> {
    type Item = Result<Run>;

    fn next(&mut self) -> Option<Result<Run>> {
        self.step(true)
    }
}

fn decode<T: Value>(access: &Access<ListState>, codec: Codec, leaf: &Leaf, index: usize) -> Result<T> {
    let val = leaf.val(index);
    if val.outside {
        return access.see(|state, _| state.seen().pager.with_value(val, |bytes| codec.decode(bytes)));
    }
    codec.decode(val.bytes)
}

/// Decodes all items of a run.
pub(super) fn decode_run<'a, T: Value + 'a>(
    access: &'a Access<ListState>,
    codec: Codec,
    run: Result<Run>,
) -> impl Iterator<Item = Result<T>> + 'a {
    let (error, run) = match run {
        Ok(run) => (None, Some(run)),
        Err(error) => (Some(Err(error)), None),
    };
    let items =
        run.into_iter().flat_map(|Run { leaf, from, to }| (from..to).map(move |index| (Arc::clone(&leaf), index)));
    error.into_iter().chain(items.map(move |(leaf, index)| decode(access, codec, &leaf, index)))
}

/// An iterator over items; made by [`DiskList::iter`](super::DiskList::iter).
pub struct Iter<'a, T> {
    runs: Runs<'a>,
    codec: Codec,
    front: Option<Run>,
    back: Option<Run>,
    types: PhantomData<fn() -> T>,
}

impl<'a, T: Value> Iter<'a, T> {
    pub(crate) fn new(runs: Runs<'a>, codec: Codec) -> Self {
        Iter { runs, codec, front: None, back: None, types: PhantomData }
    }
}

impl<T: Value> Iterator for Iter<'_, T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        loop {
            if let Some(run) = self.front.as_mut().filter(|run| run.from < run.to) {
                run.from += 1;
                return Some(decode(self.runs.access, self.codec, &run.leaf, run.from - 1));
            }
            self.front = match self.runs.step(true) {
                Some(Ok(run)) => Some(run),
                Some(Err(error)) => return Some(Err(error)),
                None => Some(self.back.take()?),
            };
        }
    }
}

impl<T: Value> DoubleEndedIterator for Iter<'_, T> {
    fn next_back(&mut self) -> Option<Result<T>> {
        loop {
            if let Some(run) = self.back.as_mut().filter(|run| run.from < run.to) {
                run.to -= 1;
                return Some(decode(self.runs.access, self.codec, &run.leaf, run.to));
            }
            self.back = match self.runs.step(false) {
                Some(Ok(run)) => Some(run),
                Some(Err(error)) => return Some(Err(error)),
                None => Some(self.front.take()?),
            };
        }
    }
}

impl<T> std::fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}
