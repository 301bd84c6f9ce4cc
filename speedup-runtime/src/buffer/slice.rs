//! What is computed, as something like a slice: from both ends, in parts, and in windows.

use std::{fmt, iter::FusedIterator, ops};

use super::handle::Buffer;

/// Lends computed values of a buffer, as `&[T]` would if they lay in one piece; see [`Buffer::all`] and
/// [`Buffer::computed`].
///
/// ```
/// use speedup_runtime::buffer::Buffer;
///
/// let squares = Buffer::from_iter((0..5).map(|n| n * n));
/// let all = squares.all();
/// assert_eq!(all.iter().rev().copied().collect::<Vec<_>>(), [16, 9, 4, 1, 0]);
/// assert_eq!(all.range(1..3).iter().sum::<i32>(), 5);
/// assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
/// ```
pub struct Slice<'a, T: 'static> {
    buffer: &'a Buffer<T>,
    /// Computed values, all of them.
    range: ops::Range<usize>,
}

/// Computed values in one piece.
impl<T: 'static> Buffer<T> {
    /// All values, computed to the end of the generator; never returns if there is none.
    ///
    /// # Panics
    ///
    /// See [the type](Buffer#panics).
    pub fn all(&self) -> Slice<'_, T> {
        let mut len = self.len_ready();
        while self.get(len).is_some() {
            len = self.len_ready().max(len + 1);
        }
        self.computed()
    }

    /// What is computed at this moment. Computes nothing.
    pub fn computed(&self) -> Slice<'_, T> {
        Slice { buffer: self, range: 0..self.len_ready() }
    }
}

impl<'a, T: 'static> Slice<'a, T> {
    /// How many values.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// The value at `index`, counted from the beginning of this slice.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a T> {
        (index < self.len()).then(|| self.buffer.try_get(self.range.start + index))?
    }

    /// The first value.
    pub fn first(&self) -> Option<&'a T> {
        self.get(0)
    }

    /// The last value.
    pub fn last(&self) -> Option<&'a T> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The values from both ends.
    pub fn iter(&self) -> SliceIter<'a, T> {
        SliceIter { slice: self.clone() }
    }

    /// A part of these values.
    ///
    /// # Panics
    ///
    /// When the range begins after its end, or ends after the last value.
    #[must_use]
    pub fn range(&self, range: impl ops::RangeBounds<usize>) -> Slice<'a, T> {
        let len = self.len();
        let start = match range.start_bound() {
            ops::Bound::Included(start) => *start,
            ops::Bound::Excluded(before) => before.saturating_add(1),
            ops::Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            ops::Bound::Included(last) => last.saturating_add(1),
            ops::Bound::Excluded(end) => *end,
            ops::Bound::Unbounded => len,
        };
        assert!(start <= end && end <= len, "the range {start}..{end} does not lie within {len} values");
        Slice { buffer: self.buffer, range: self.range.start + start..self.range.start + end }
    }

    /// The values as slices, in order: few, since their lengths double.
    pub fn chunks(&self) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
        let Slice { buffer, mut range } = self.clone();
        std::iter::from_fn(move || {
            let chunk = buffer.engine.store.slice(range.start, range.end);
            range.start += chunk.len();
            (!chunk.is_empty()).then_some(chunk)
        })
    }

    /// All runs of `size` values side by side, overlapping, as [`slice::windows`] has them.
    ///
    /// # Panics
    ///
    /// When `size` is 0.
    pub fn windows(
        &self,
        size: usize,
    ) -> impl DoubleEndedIterator<Item = Slice<'a, T>> + ExactSizeIterator + use<'a, T> {
        assert!(size > 0, "a window has at least 1 value");
        let slice = self.clone();
        let count = (self.len() + 1).saturating_sub(size);
        (0..count).map(move |start| slice.range(start..start + size))
    }

    /// Clones of the values.
    pub fn to_vec(&self) -> Vec<T>
    where
        T: Clone,
    {
        let mut values = Vec::with_capacity(self.len());
        self.chunks().for_each(|chunk| values.extend_from_slice(chunk));
        values
    }
}

impl<T> Clone for Slice<'_, T> {
    fn clone(&self) -> Self {
        Slice { buffer: self.buffer, range: self.range.clone() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Slice<'_, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self).finish()
    }
}

impl<T: PartialEq> PartialEq for Slice<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: PartialEq, const N: usize> PartialEq<[T; N]> for Slice<'_, T> {
    fn eq(&self, other: &[T; N]) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: 'static> ops::Index<usize> for Slice<'_, T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        match self.get(index) {
            Some(value) => value,
            None => panic!("index {index} is past the end of {} values", self.len()),
        }
    }
}

impl<'a, T: 'static> IntoIterator for Slice<'a, T> {
    type Item = &'a T;
    type IntoIter = SliceIter<'a, T>;

    fn into_iter(self) -> SliceIter<'a, T> {
        SliceIter { slice: self }
    }
}

impl<'a, T: 'static> IntoIterator for &Slice<'a, T> {
    type Item = &'a T;
    type IntoIter = SliceIter<'a, T>;

    fn into_iter(self) -> SliceIter<'a, T> {
        self.iter()
    }
}

/// Lends computed values from both ends; see [`Slice::iter`].
pub struct SliceIter<'a, T: 'static> {
    slice: Slice<'a, T>,
}

impl<'a, T: 'static> Iterator for SliceIter<'a, T> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        self.slice.range.next().and_then(|index| self.slice.buffer.try_get(index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.slice.range.size_hint()
    }

    fn nth(&mut self, count: usize) -> Option<&'a T> {
        self.slice.range.nth(count).and_then(|index| self.slice.buffer.try_get(index))
    }
}

impl<'a, T: 'static> DoubleEndedIterator for SliceIter<'a, T> {
    #[inline]
    fn next_back(&mut self) -> Option<&'a T> {
        self.slice.range.next_back().and_then(|index| self.slice.buffer.try_get(index))
    }
}

impl<T: 'static> ExactSizeIterator for SliceIter<'_, T> {}
impl<T: 'static> FusedIterator for SliceIter<'_, T> {}

impl<T> Clone for SliceIter<'_, T> {
    fn clone(&self) -> Self {
        SliceIter { slice: self.slice.clone() }
    }
}

impl<T> fmt::Debug for SliceIter<'_, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SliceIter").field("range", &self.slice.range).finish_non_exhaustive()
    }
}
