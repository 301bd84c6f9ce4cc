//! What a list does without a guard when it is shared.

use std::ops::RangeBounds;

use super::DiskList;
use super::beside::SharedIter;
use super::state::ListState;
use super::whole::many_of;
use crate::disk::Result;
use crate::disk::handle::Access;
use crate::disk::shared::{Parts, Shared, Structure};
use crate::disk::value::{Codec, Value};

impl<T> Structure for DiskList<T> {}

impl<T> Parts for DiskList<T> {
    type Body = ListState;

    fn close_now(&mut self) -> Result<()> {
        let closed = self.handle.close();
        closed.and(self.unsaved.take().map_or(Ok(()), Err))
    }

    fn reader(&self) -> (Access<ListState>, Codec) {
        (self.handle.outside(), self.codec)
    }
}

/// Each method is one step, and waits while another thread has a guard. Those that read go on side by side; those that change take turns.
///
/// # Errors
///
/// As the method of [`DiskList`] of the same name, and [`Error::Held`](crate::disk::Error::Held) if this thread has a guard.
impl<T: Value> Shared<DiskList<T>> {
    /// How many items there are.
    ///
    /// # Errors
    ///
    /// If the list is closed, or this thread has a guard.
    pub fn len(&self) -> Result<usize> {
        self.see(|access, _| access.see(|state, _| Ok(state.len() as usize)))
    }

    /// Whether there are none.
    ///
    /// # Errors
    ///
    /// As [`len`](Self::len).
    pub fn is_empty(&self) -> Result<bool> {
        self.len().map(|len| len == 0)
    }

    /// The item at a position; see [`DiskList::get`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::get`].
    pub fn get(&self, index: usize) -> Result<Option<T>> {
        self.see(|access, codec| access.see(|state, view| state.see(view, index as u64, |bytes| codec.decode(bytes))))
    }

    /// The first item; see [`DiskList::first`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::first`].
    pub fn first(&self) -> Result<Option<T>> {
        self.get(0)
    }

    /// The last item; see [`DiskList::last`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::last`].
    pub fn last(&self) -> Result<Option<T>> {
        self.see(|access, codec| {
            access.see(|state, view| match state.len() {
                0 => Ok(None),
                len => state.see(view, len - 1, |bytes| codec.decode(bytes)),
            })
        })
    }

    /// The items at many positions as they are at one moment, in the order of the positions; see [`DiskList::get_many`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::get_many`].
    pub fn get_many(&self, positions: impl IntoIterator<Item = usize>) -> Result<Vec<Option<T>>> {
        self.see(|access, codec| many_of(access, codec, positions))
    }

    /// All items, from either end, while others change the list.
    ///
    /// Some hundred items at a time are read as they are at one moment, and nobody waits in between. What others put or take out before the
    /// place that was reached moves the items behind it, so that one may come twice or not at all; all of one moment are in a
    /// [`snapshot`](Self::snapshot). The thread that has a guard gets [`Error::Held`](crate::disk::Error::Held) from it, and others wait for
    /// the guard.
    pub fn iter(&self) -> SharedIter<'_, T> {
        self.range(..)
    }

    /// The items in a range of positions, as [`iter`](Self::iter); positions past the end are left out.
    pub fn range(&self, range: impl RangeBounds<usize>) -> SharedIter<'_, T> {
        let (access, codec) = self.reader();
        SharedIter::new(access, codec, &range)
    }

    /// A copy of the items in a range of positions as they are at one moment; see [`DiskList::slice`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::slice`].
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Result<Vec<T>> {
        self.with(|list| list.slice(range))
    }

    /// Whether an item equals `wanted`; see [`DiskList::contains`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::contains`].
    pub fn contains(&self, wanted: &T) -> Result<bool>
    where
        T: PartialEq,
    {
        self.with(|list| list.contains(wanted))
    }

    /// Puts another item at a position; see [`DiskList::set`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::set`].
    pub fn set(&self, index: usize, value: T) -> Result<T> {
        self.with(|list| list.set(index, value))
    }

    /// Changes an item in place; see [`DiskList::update`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::update`].
    pub fn update<R>(&self, index: usize, change: impl FnOnce(&mut T) -> R) -> Result<Option<R>> {
        self.with(|list| list.update(index, change))
    }

    /// Puts an item before the one at a position; see [`DiskList::insert`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::insert`].
    pub fn insert(&self, index: usize, value: T) -> Result<()> {
        self.with(|list| list.insert(index, value))
    }

    /// Removes and returns the item at a position; see [`DiskList::remove`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::remove`].
    pub fn remove(&self, index: usize) -> Result<Option<T>> {
        self.with(|list| list.remove(index))
    }

    /// Exchanges two items; see [`DiskList::swap`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::swap`].
    pub fn swap(&self, i: usize, j: usize) -> Result<()> {
        self.with(|list| list.swap(i, j))
    }

    /// Removes the items in a range of positions; see [`DiskList::remove_range`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::remove_range`].
    pub fn remove_range(&self, range: impl RangeBounds<usize>) -> Result<()> {
        self.with(|list| list.remove_range(range))
    }

    /// Keeps the first `len` items; see [`DiskList::truncate`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::truncate`].
    pub fn truncate(&self, len: usize) -> Result<()> {
        self.with(|list| list.truncate(len))
    }

    /// Keeps the last `len` items; see [`DiskList::truncate_front`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::truncate_front`].
    pub fn truncate_front(&self, len: usize) -> Result<()> {
        self.with(|list| list.truncate_front(len))
    }

    /// Moves the first `count` items to the end; see [`DiskList::rotate_left`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::rotate_left`].
    pub fn rotate_left(&self, count: usize) -> Result<()> {
        self.with(|list| list.rotate_left(count))
    }

    /// Moves the last `count` items to the front; see [`DiskList::rotate_right`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::rotate_right`].
    pub fn rotate_right(&self, count: usize) -> Result<()> {
        self.with(|list| list.rotate_right(count))
    }

    /// Adds an item at the end; see [`DiskList::push`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::push`].
    pub fn push(&self, value: T) -> Result<()> {
        self.with(|list| list.push(value))
    }

    /// Adds an item at the front; see [`DiskList::push_front`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::push_front`].
    pub fn push_front(&self, value: T) -> Result<()> {
        self.with(|list| list.push_front(value))
    }

    /// Removes and returns the last item; see [`DiskList::pop`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::pop`].
    pub fn pop(&self) -> Result<Option<T>> {
        self.with(DiskList::pop)
    }

    /// Removes and returns the first item; see [`DiskList::pop_front`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::pop_front`].
    pub fn pop_front(&self) -> Result<Option<T>> {
        self.with(DiskList::pop_front)
    }

    /// Adds all items of an iterator at the end, each as one step: other threads come between.
    ///
    /// # Errors
    ///
    /// As [`DiskList::push`]; the items before the failing one are in.
    pub fn extend(&self, items: impl IntoIterator<Item = T>) -> Result<()> {
        items.into_iter().try_for_each(|item| self.push(item))
    }

    /// Removes all items; see [`DiskList::clear`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::clear`].
    pub fn clear(&self) -> Result<()> {
        self.with(DiskList::clear)
    }

    /// A copy of all items in memory, as they are at one moment.
    ///
    /// # Errors
    ///
    /// As [`DiskList::get`].
    pub fn to_vec(&self) -> Result<Vec<T>> {
        self.with(|list| list.to_vec())
    }

    /// Returns when everything done so far, by whichever thread, survives a power cut.
    ///
    /// # Errors
    ///
    /// As [`DiskList::flush`].
    pub fn flush(&self) -> Result<()> {
        self.with(DiskList::flush)
    }
}
