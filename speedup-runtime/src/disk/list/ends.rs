//! What concerns the ends of a list: queues, rings and rotation.

use std::ops::RangeBounds;

use super::{DiskList, Iter, positions};
use crate::disk::value::Value;
use crate::disk::{Error, Result};

impl<T: Value> DiskList<T> {
    /// Adds an item at the front.
    ///
    /// Complexity: amortised O(log n).
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    #[doc(alias = "appendleft")]
    pub fn push_front(&mut self, value: T) -> Result<()> {
        let most = self.maxlen;
        self.with_encoded(value, |state, bytes| match most {
            None => state.insert(0, bytes),
            Some(most) => state.push_front_within(bytes, most as u64),
        })
    }

    /// Removes and returns the last item.
    ///
    /// Complexity: amortised O(1).
    ///
    /// # Errors
    ///
    /// When the disk fails or holds something else than was written.
    #[doc(alias = "pop_back")]
    pub fn pop(&mut self) -> Result<Option<T>> {
        match self.len() {
            0 => Ok(None),
            len => self.remove(len - 1),
        }
    }

    /// Removes and returns the first item.
    ///
    /// Complexity: amortised O(1).
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop).
    #[doc(alias = "popleft")]
    pub fn pop_front(&mut self) -> Result<Option<T>> {
        self.report()?;
        let codec = self.codec;
        self.handle.change(|state| state.pop_front(|bytes| codec.decode(bytes)))
    }

    /// The first item.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    #[doc(alias = "front")]
    pub fn first(&self) -> Result<Option<T>> {
        self.get(0)
    }

    /// The last item.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    #[doc(alias = "back")]
    pub fn last(&self) -> Result<Option<T>> {
        self.len().checked_sub(1).map_or(Ok(None), |index| self.get(index))
    }

    /// Keeps the last `len` items.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn truncate_front(&mut self, len: usize) -> Result<()> {
        self.handle.change(|state| {
            let gone = state.len().saturating_sub(len as u64);
            state.cut(0..gone)
        })
    }

    /// A copy of the items in a range of positions; positions past the end are left out.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Result<Vec<T>> {
        self.range(range).collect()
    }

    /// Takes the items in a range of positions out and yields them.
    ///
    /// They are removed, as one step, when the iterator is dropped, however far it was read. [`Drain::finish`] does it at once and reports errors.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`] if the range ends past the end.
    pub fn drain(&mut self, range: impl RangeBounds<usize>) -> Result<Drain<'_, T>> {
        let len = self.len();
        let (from, to) = positions(&range, len);
        if to > len {
            return Err(Error::OutOfBounds { index: to, len });
        }
        let from = from.min(to);
        Ok(Drain { list: self, from, to, front: from, back: to })
    }

    /// Moves the first `count` items to the end, as one step that a crash cannot split.
    ///
    /// Complexity: O(`count`) or O(n), whichever takes less; a few items move in the time of as many `pop_front` and `push`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`] past the end; otherwise as [`push`](Self::push).
    #[doc(alias = "rotate")]
    pub fn rotate_left(&mut self, count: usize) -> Result<()> {
        let len = self.len();
        if count > len {
            return Err(Error::OutOfBounds { index: count, len });
        }
        self.report()?;
        self.handle.change(|state| state.rotate(count as u64))
    }

    /// Moves the last `count` items to the front, as one step that a crash cannot split.
    ///
    /// # Errors
    ///
    /// As [`rotate_left`](Self::rotate_left).
    pub fn rotate_right(&mut self, count: usize) -> Result<()> {
        let len = self.len();
        let rest = len.checked_sub(count).ok_or(Error::OutOfBounds { index: count, len })?;
        self.rotate_left(rest)
    }
}

/// The items that are taken out of a list; made by [`DiskList::drain`].
#[derive(Debug)]
pub struct Drain<'a, T: Value> {
    list: &'a mut DiskList<T>,
    /// What is removed in the end.
    from: usize,
    to: usize,
    /// What was not yielded yet.
    front: usize,
    back: usize,
}

impl<T: Value> Drain<'_, T> {
    /// Removes the whole range now.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn finish(mut self) -> Result<()> {
        self.cut()
    }

    fn cut(&mut self) -> Result<()> {
        let range = self.from as u64..self.to as u64;
        self.to = self.from;
        self.list.handle.change(|state| state.cut(range))
    }

    /// What is left to yield.
    pub fn as_iter(&self) -> Iter<'_, T> {
        self.list.range(self.front..self.back)
    }
}

impl<T: Value> Iterator for Drain<'_, T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        if self.front == self.back {
            return None;
        }
        self.front += 1;
        self.list.get(self.front - 1).transpose()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.back - self.front, Some(self.back - self.front))
    }
}

impl<T: Value> DoubleEndedIterator for Drain<'_, T> {
    fn next_back(&mut self) -> Option<Result<T>> {
        if self.front == self.back {
            return None;
        }
        self.back -= 1;
        self.list.get(self.back).transpose()
    }
}

impl<T: Value> Drop for Drain<'_, T> {
    fn drop(&mut self) {
        if let Err(error) = self.cut() {
            self.list.unsaved.get_or_insert(error);
        }
    }
}
