//! Groups with more members than a board names.
//!
//! The board leads to the group itself, which lies on its owner's stack, and who helps takes the next few members from there, from the
//! end that its owner comes to last. So the owner names none of them, and what the two write lies far apart.

use crate::cache::thread::board::WINDOW;
use crate::sync::{AtomicUsize, Ordering};

/// From so many members on.
pub(in crate::cache) const WIDE: usize = 4 * WINDOW;

/// The members of such a group, in the order in which their owner takes them.
pub(in crate::cache) struct Wide<'a, K> {
    keys: &'a [K],
    members: Box<[usize]>,
    /// How many have been named. Relaxed: a hint of where to look, since claims decide who computes what.
    named: AtomicUsize,
}

impl<'a, K> Wide<'a, K> {
    pub(in crate::cache) fn new(keys: &'a [K], members: &[usize]) -> Self {
        Self { keys, members: members.into(), named: AtomicUsize::new(0) }
    }

    /// The next few members, from the last on. Behind the first it begins again: some of those that were begun may be led to by no
    /// other way.
    pub(in crate::cache) fn next(&self) -> impl Iterator<Item = &'a K> {
        let first = self.named.fetch_add(WINDOW, Ordering::Relaxed);
        let at = move |step: usize| self.members[self.members.len() - 1 - (first + step) % self.members.len()];
        (0..WINDOW).map(move |step| &self.keys[at(step)])
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn members_are_named_from_the_last_on_and_round() {
        let (keys, members): (Vec<usize>, Vec<usize>) = ((100..110).collect(), (0..10).rev().collect());
        let wide = Wide::new(&keys, &members);
        let next = || wide.next().copied().collect::<Vec<_>>();
        assert_eq!(next(), (100..108).collect::<Vec<_>>());
        assert_eq!(next(), [108, 109, 100, 101, 102, 103, 104, 105]);
    }
}
