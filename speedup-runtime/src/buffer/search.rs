//! Searching a buffer, also an endless one: `contains` and `position`.

use std::cmp::Ordering;

use super::{
    handle::{Buffer, Compare, Rule, Search},
    iter::Chunks,
};
use crate::sync::Ordering::Relaxed;

impl<T: PartialEq + 'static> Buffer<T> {
    /// Whether some value equals `item`; see [`position`](Buffer::position).
    ///
    /// ```
    /// use speedup_runtime::buffer::Buffer;
    ///
    /// let even = Buffer::from_iter((0_u32..).map(|n| 2 * n));
    /// assert!(even.contains(&12));
    /// assert!(!even.contains(&13)); // ends at 14, because values never decrease
    /// ```
    pub fn contains(&self, item: &T) -> bool {
        self.position(item).is_some()
    }

    /// The index of the first value that equals `item`; `None` when the halting condition or the generator ends the
    /// search before.
    ///
    /// The computed values are searched first. Then, before each further value, the halting condition is asked as
    /// `(buffer, item, attempts)`, `attempts` counting from 0 the further values looked at; `buffer` shows the values
    /// that the search has seen ([`last_ready`](Buffer::last_ready), [`len_ready`](Buffer::len_ready)), whatever is
    /// computed ahead.
    ///
    /// # Complexity
    ///
    /// O(log n) over the n computed values where they never decrease (the default), else O(n); then one step of the
    /// generator for each further value.
    ///
    /// # Panics
    ///
    /// When the items have no known order and there is no halting condition, and as [the type](Buffer#panics) says. In
    /// debug builds, when the values are said never to decrease and do.
    #[doc(alias = "index")]
    pub fn position(&self, item: &T) -> Option<usize> {
        self.position_by(item, T::eq)
    }
}

impl<T: 'static> Buffer<T> {
    /// As [`contains`](Buffer::contains), with `same` in the place of equality: for floating point values, which rarely
    /// equal what they should.
    ///
    /// ```
    /// use speedup_runtime::buffer::{AbsNonDecreasing, Buffer};
    ///
    /// let powers = Buffer::from_iter((0..).map(|n| (-1.1_f64).powi(n))).halt(AbsNonDecreasing);
    /// let near = |value: &f64, item: &f64| (value - item).abs() < 1e-9;
    /// assert!(powers.contains_by(&-1.331, near));
    /// ```
    pub fn contains_by(&self, item: &T, same: impl Fn(&T, &T) -> bool) -> bool {
        self.position_by(item, same).is_some()
    }

    /// As [`position`](Buffer::position), with `same` in the place of equality.
    ///
    /// # Complexity
    ///
    /// As for `position`. In values that never decrease, those that are the same as `item` must lie side by side.
    ///
    /// # Panics
    ///
    /// As for `position`.
    pub fn position_by(&self, item: &T, same: impl Fn(&T, &T) -> bool) -> Option<usize> {
        let compare = self.compare();
        let computed = self.len_ready();
        if let Some(compare) = compare {
            self.check_order(computed, compare);
        }
        let found = match compare {
            Some(compare) => self.bisect(item, computed, compare, &same),
            None => self.scan(item, computed, &same),
        };
        if found.is_some() {
            return found;
        }
        let mut view = Buffer {
            engine: self.engine.clone(),
            settings: self.settings,
            search: Search::By(Rule::None),
            view: computed,
        };
        for attempts in 0.. {
            let stop = match (compare, &self.search) {
                (Some(compare), _) => {
                    self.check_order(view.view, compare);
                    view.last_ready().is_some_and(|last| compare(last, item) == Some(Ordering::Greater))
                }
                (None, Search::By(Rule::Halt(halt))) => halt(&view, item, attempts),
                (None, Search::Owned(halt)) => halt(&view, item, attempts),
                // All there will ever be was looked at.
                (None, Search::By(_)) if self.is_exhausted() && view.view == self.len_ready() => true,
                (None, Search::By(_)) => self.has_no_condition(),
            };
            if stop {
                return None;
            }
            let index = view.view;
            if same(self.get(index)?, item) {
                return Some(index);
            }
            view.view += 1;
        }
        None
    }

    /// The order of the values, if the search goes by it.
    fn compare(&self) -> Option<Compare<T>> {
        match &self.search {
            Search::By(Rule::Ordered(compare)) => compare(),
            _ => None,
        }
    }

    #[cold]
    fn has_no_condition(&self) -> ! {
        panic!(
            "a search in the buffer `{}` could go on for ever: its items have no known order. Write a halting \
             condition, such as `halt = Attempts(1000)` in the attribute or `.halt(Attempts(1000))` on the value",
            self.settings.name
        );
    }

    /// Value by value through the computed ones.
    fn scan(&self, item: &T, computed: usize, same: impl Fn(&T, &T) -> bool) -> Option<usize> {
        let mut start = 0;
        for chunk in Chunks::ready(self, computed) {
            if let Some(offset) = chunk.iter().position(|value| same(value, item)) {
                return Some(start + offset);
            }
            start += chunk.len();
        }
        None
    }

    /// Binary search through the computed values.
    fn bisect(&self, item: &T, computed: usize, compare: Compare<T>, same: impl Fn(&T, &T) -> bool) -> Option<usize> {
        let mut range = 0..computed;
        while !range.is_empty() {
            let middle = range.start + range.len() / 2;
            let value = self.try_get(middle)?;
            if compare(value, item) == Some(Ordering::Less) && !same(value, item) {
                range.start = middle + 1;
            } else {
                range.end = middle;
            }
        }
        self.try_get(range.start).filter(|value| range.start < computed && same(value, item)).map(|_| range.start)
    }

    /// In debug builds: none of the first `seen` values decreases.
    fn check_order(&self, seen: usize, compare: Compare<T>) {
        if !cfg!(debug_assertions) {
            return;
        }
        let sorted = &self.engine.sorted;
        for index in sorted.load(Relaxed).max(1)..seen {
            if let (Some(before), Some(value)) = (self.try_get(index - 1), self.try_get(index)) {
                assert!(
                    compare(before, value) != Some(Ordering::Greater),
                    "the values of the buffer `{}` decrease at index {index}; write a halting condition that fits them",
                    self.settings.name,
                );
            }
        }
        sorted.fetch_max(seen, Relaxed);
    }
}
