//! What concerns many items of a list at once: searching, sorting, filtering, splitting.

use std::cmp::Ordering;

use super::iter::Runs;
use super::state::ListState;
use super::{DiskList, sort};
use crate::disk::body::Body;
use crate::disk::handle::Access;
use crate::disk::value::{self, Codec, Value};
use crate::disk::{Error, Result};

impl<T: Value> DiskList<T> {
    /// The items at many positions, in the order of the positions; they are read in the order of the disk.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_many(&self, positions: impl IntoIterator<Item = usize>) -> Result<Vec<Option<T>>> {
        many_of(&self.handle, self.codec, positions)
    }

    /// Moves the items from `at` on into another list, which must be empty.
    ///
    /// Each of the two lists changes in one step, the other one first: after a kill in between, both hold the items, and none is lost.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`] past the end, [`Error::NotEmpty`]; otherwise as [`push`](Self::push).
    pub fn split_off(&mut self, at: usize, into: &mut Self) -> Result<()> {
        let len = self.len();
        if at > len {
            return Err(Error::OutOfBounds { index: at, len });
        }
        if !into.is_empty() {
            return Err(Error::NotEmpty { path: into.path() });
        }
        let mut items = self.range(at..);
        let codec = into.codec;
        into.handle.change(|state| {
            state.replace(|_| {
                let mut raw = Vec::new();
                let item = items.next().transpose()?.map(|item| codec.write(item, &mut raw));
                Ok(item.transpose()?.map(|()| raw))
            })
        })?;
        drop(items);
        // The copy is safe before the original goes.
        self.truncate(at)
    }

    /// The position of the first item for which `test` returns true.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn position(&self, mut test: impl FnMut(&T) -> bool) -> Result<Option<usize>> {
        for (index, item) in self.iter().enumerate() {
            if test(&item?) {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// Whether an item equals `wanted`.
    ///
    /// Where equal items have equal encodings (numbers, texts, and containers of such), none is decoded, and large ones of another length
    /// are not read.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn contains(&self, wanted: &T) -> Result<bool>
    where
        T: PartialEq,
    {
        if !value::is_canonical::<T>() {
            return self.position(|item| item == wanted).map(|found| found.is_some());
        }
        let mut raw = Vec::new();
        self.codec.encode(wanted, &mut raw)?;
        for run in Runs::new(&self.handle, 0, self.len() as u64) {
            for val in run?.vals() {
                if self.handle.read(|state| state.store().pager.is_value(val, &raw))? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Searches a sorted list as [`slice::binary_search`] does: `Ok` with a position that holds `wanted`, or `Err` with the one where it belongs.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn binary_search(&self, wanted: &T) -> Result<Result<usize, usize>>
    where
        T: Ord,
    {
        self.binary_search_by(|item| item.cmp(wanted))
    }

    /// Searches a list that is sorted by `compare`, as [`slice::binary_search_by`] does.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn binary_search_by(&self, mut compare: impl FnMut(&T) -> Ordering) -> Result<Result<usize, usize>> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            let Some(item) = self.get(middle)? else { break };
            match compare(&item) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Ok(Ok(middle)),
            }
        }
        Ok(Err(low))
    }

    /// Sorts the list in bounded memory; equal items keep their order.
    ///
    /// A crash leaves the list as it was or sorted.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`push`](Self::push); the list is then as it was.
    pub fn sort(&mut self) -> Result<()>
    where
        T: Ord,
    {
        self.sort_by(T::cmp)
    }

    /// Sorts the list by a comparison in bounded memory; equal items keep their order.
    ///
    /// # Errors
    ///
    /// As [`sort`](Self::sort).
    pub fn sort_by(&mut self, compare: impl FnMut(&T, &T) -> Ordering) -> Result<()> {
        sort::sort(self, compare)
    }

    /// Keeps the items for which `keep` returns true, with the values as it leaves them.
    ///
    /// A crash leaves the list as it was or as it shall be.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`push`](Self::push); the list is then as it was.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut T) -> bool) -> Result<()> {
        let (mut at, codec) = (0, self.codec);
        self.handle.change(|state| {
            state.replace(|state| {
                loop {
                    let Some(mut item) = state.with(at, |bytes| codec.decode(bytes))? else { return Ok(None) };
                    at += 1;
                    if keep(&mut item) {
                        let mut raw = Vec::new();
                        codec.write(item, &mut raw)?;
                        return Ok(Some(raw));
                    }
                }
            })
        })
    }
}

/// The items at many positions, in the order of the positions.
pub(super) fn many_of<T: Value>(
    access: &Access<ListState>,
    codec: Codec,
    positions: impl IntoIterator<Item = usize>,
) -> Result<Vec<Option<T>>> {
    let mut wanted: Vec<(usize, usize)> =
        positions.into_iter().enumerate().map(|(place, index)| (index, place)).collect();
    wanted.sort_unstable();
    let mut found: Vec<Option<T>> = wanted.iter().map(|_| None).collect();
    access.see(|state, view| {
        for &(index, place) in &wanted {
            found[place] = state.see(view, index as u64, |bytes| codec.decode(bytes))?;
        }
        Ok(())
    })?;
    Ok(found)
}
