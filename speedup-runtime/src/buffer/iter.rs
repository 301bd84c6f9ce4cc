//! Iterators over a buffer. They walk computed slices and come to the engine once a slice, not once a value.

use std::{fmt, iter::FusedIterator, slice};

use super::{handle::Buffer, item::Given, store::Store as _};

/// Iterating.
impl<T: 'static> Buffer<T> {
    /// Lends the values from the first, computing them as needed.
    #[inline]
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(self, 0)
    }

    /// Lends the values from the one at `index`.
    ///
    /// # Complexity
    ///
    /// The values before are computed when the iterator is first asked, if they are not.
    #[inline]
    pub fn iter_from(&self, index: usize) -> Iter<'_, T> {
        Iter::new(self, index)
    }

    /// Owned clones of the values, from the first.
    pub fn values(&'static self) -> Values<T> {
        Values::new(self.iter())
    }

    /// Lends what is computed at this moment as slices, in order. Computes nothing.
    #[inline]
    pub fn ready(&self) -> Chunks<'_, T> {
        Chunks::ready(self, self.len_ready())
    }

    /// Lends all values as slices of what is computed at once, computing more as needed.
    pub fn chunks(&self) -> Chunks<'_, T> {
        Chunks::all(self)
    }
}

impl<'a, T: 'static> IntoIterator for &'a Buffer<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    #[inline]
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

/// So that `for value in &HANDLE` lends as `for value in HANDLE` does.
impl<'a, T: 'static> IntoIterator for &'a &Buffer<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    #[inline]
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T: fmt::Debug + 'static> fmt::Debug for Buffer<T> {
    /// The first few computed values; computes nothing.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 16;
        let len = self.len_ready();
        write!(out, "{} ", self.settings.name)?;
        let mut list = out.debug_list();
        list.entries(self.ready().flatten().take(SHOWN));
        if len > SHOWN || !self.is_exhausted() { list.finish_non_exhaustive() } else { list.finish() }
    }
}

/// Lends the values of a buffer, computing them as needed; see [`Buffer::iter`].
pub struct Iter<'a, T: 'static> {
    buffer: &'a Buffer<T>,
    /// Computed values not yet lent; they end before the index `next`.
    slice: slice::Iter<'a, T>,
    next: usize,
}

impl<'a, T: 'static> Iter<'a, T> {
    pub(super) fn new(buffer: &'a Buffer<T>, from: usize) -> Self {
        Iter { buffer, slice: [].iter(), next: from }
    }

    /// Fetches the next slice of computed values, computing if need be; empty at the end of the generator.
    ///
    /// What is not inlined gets no reference to `self`, so that a loop keeps the iterator in registers.
    #[inline]
    fn refill(&mut self) -> &'a [T] {
        let slice = next_slice(self.buffer, self.next);
        self.next += slice.len();
        slice
    }

    /// The values that are computed and not yet lent.
    fn ready(&self) -> usize {
        self.slice.len() + self.buffer.len_ready().saturating_sub(self.next)
    }
}

/// The next computed values from `from`: at least one unless the generator has ended.
#[cold]
#[inline(never)]
fn next_slice<T: 'static>(buffer: &Buffer<T>, from: usize) -> &[T] {
    let engine = &buffer.engine;
    let mut end = engine.quiet.get();
    if from >= end {
        let mut len = engine.store.len();
        if from >= len {
            if !buffer.ensure(from) {
                return &[];
            }
            len = engine.store.len();
            end = engine.quiet.get();
        }
        if from >= end {
            end = engine.note(&buffer.settings, from, len);
        }
    }
    // SAFETY: `from < end`, and the end is the mark or at most a length.
    unsafe { engine.store.slice_unchecked(from, end) }
}

impl<'a, T: 'static> Iterator for Iter<'a, T> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        match self.slice.next() {
            Some(value) => Some(value),
            None => {
                self.slice = self.refill().iter();
                self.slice.next()
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // The phase before the length: a generator that had ended makes the length final.
        let exhausted = self.buffer.is_exhausted();
        let ready = self.ready();
        (ready, exhausted.then_some(ready))
    }

    fn nth(&mut self, count: usize) -> Option<&'a T> {
        if count >= self.slice.len() {
            self.next = self.next.saturating_add(count - self.slice.len());
            self.slice = self.refill().iter();
            return self.slice.next();
        }
        self.slice.nth(count)
    }

    fn fold<A, F>(mut self, start: A, mut step: F) -> A
    where
        F: FnMut(A, Self::Item) -> A,
    {
        let mut folded = self.slice.by_ref().fold(start, &mut step);
        loop {
            let slice = self.refill();
            if slice.is_empty() {
                return folded;
            }
            folded = slice.iter().fold(folded, &mut step);
        }
    }
}

impl<T: 'static> FusedIterator for Iter<'_, T> {}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Iter { buffer: self.buffer, slice: self.slice.clone(), next: self.next }
    }
}

impl<T> std::fmt::Debug for Iter<'_, T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Iter").field("index", &(self.next - self.slice.len())).finish_non_exhaustive()
    }
}

/// Owned clones of the values of a static buffer; see [`Buffer::values`].
pub struct Values<T: 'static> {
    lent: Iter<'static, T>,
}

impl<T> Values<T> {
    pub(super) fn new(lent: Iter<'static, T>) -> Self {
        Values { lent }
    }
}

impl<T: Given + 'static> Iterator for Values<T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.lent.next().cloned()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.lent.size_hint()
    }

    fn nth(&mut self, count: usize) -> Option<T> {
        self.lent.nth(count).cloned()
    }

    fn fold<A, F>(self, start: A, mut step: F) -> A
    where
        F: FnMut(A, T) -> A,
    {
        self.lent.fold(start, |folded, value| step(folded, value.clone()))
    }
}

impl<T: Given + 'static> FusedIterator for Values<T> {}

impl<T> Clone for Values<T> {
    fn clone(&self) -> Self {
        Values { lent: self.lent.clone() }
    }
}

impl<T> std::fmt::Debug for Values<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.lent.fmt(out)
    }
}

/// Lends the values of a buffer as slices; see [`Buffer::ready`] and [`Buffer::chunks`].
pub struct Chunks<'a, T: 'static> {
    buffer: &'a Buffer<T>,
    next: usize,
    /// Where to stop; `None` to compute more instead.
    end: Option<usize>,
}

impl<'a, T: 'static> Chunks<'a, T> {
    pub(super) fn ready(buffer: &'a Buffer<T>, end: usize) -> Self {
        Chunks { buffer, next: 0, end: Some(end) }
    }

    pub(super) fn all(buffer: &'a Buffer<T>) -> Self {
        Chunks { buffer, next: 0, end: None }
    }
}

impl<'a, T: 'static> Iterator for Chunks<'a, T> {
    type Item = &'a [T];

    fn next(&mut self) -> Option<&'a [T]> {
        let slice = match self.end {
            Some(end) => self.buffer.engine.store.slice(self.next, end),
            None => next_slice(self.buffer, self.next),
        };
        self.next += slice.len();
        (!slice.is_empty()).then_some(slice)
    }
}

impl<T: 'static> FusedIterator for Chunks<'_, T> {}

impl<T> Clone for Chunks<'_, T> {
    fn clone(&self) -> Self {
        Chunks { buffer: self.buffer, next: self.next, end: self.end }
    }
}

impl<T> std::fmt::Debug for Chunks<'_, T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Chunks").field("index", &self.next).finish_non_exhaustive()
    }
}
