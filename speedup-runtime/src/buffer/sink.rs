//! Where a generator puts its values: straight into the store, published one by one.

use crate::sync::{AtomicUsize, Ordering};

/// Room for values that the holder of the turn may write.
pub(super) struct Room<T> {
    /// The slot of the next value.
    pub(super) slot: *mut T,
    /// The length at which the sink asks again: there is room for at least one value and for all below this length.
    pub(super) until: usize,
}

/// Who decides, whenever the room is used up, whether the generator goes on.
pub(super) trait Overseer<T> {
    /// Called with the number of values in the store; `None` stops the generator.
    fn more(&mut self, len: usize) -> Option<Room<T>>;

    /// Whether nobody wants a value any more.
    fn is_over(&self) -> bool {
        false
    }
}

/// The receiving end of a generator for the time of one production.
pub(super) struct Sink<'a, T> {
    /// The slot of the value `len`; valid for writing while `len < until`.
    slot: *mut T,
    len: usize,
    until: usize,
    /// The length that readers see. Written by the holder of the turn only.
    published: &'a AtomicUsize,
    /// Who gives more room; without one there is none.
    overseer: Option<&'a mut dyn Overseer<T>>,
}

impl<'a, T> Sink<'a, T> {
    /// A sink that starts with `room`, at the length `len`.
    pub(super) fn new(
        len: usize,
        room: Room<T>,
        published: &'a AtomicUsize,
        overseer: &'a mut dyn Overseer<T>,
    ) -> Self {
        debug_assert!(len < room.until);
        Sink { slot: room.slot, len, until: room.until, published, overseer: Some(overseer) }
    }

    /// A sink for what there is room for and no more, at the length `len`.
    #[inline]
    pub(super) fn limited(len: usize, room: Room<T>, published: &'a AtomicUsize) -> Self {
        debug_assert!(len < room.until);
        Sink { slot: room.slot, len, until: room.until, published, overseer: None }
    }

    /// Stores the next value where every reader sees it at once; `false` when the generator has to stop for now.
    #[inline]
    pub(super) fn push(&mut self, value: T) -> bool {
        assert!(self.len < self.until, "a generator went on after it was told to stop");
        // SAFETY: `len < until`, so the slot is inside the room, and nobody reads it before `published` covers it.
        unsafe { self.slot.write(value) };
        self.slot = self.slot.wrapping_add(1);
        self.len += 1;
        // Release: pairs with the Acquire in `Store::len`; whoever sees this length sees the value.
        self.published.store(self.len, Ordering::Release);
        self.len < self.until || self.pause()
    }

    /// Stores what the iterator gives, each value as [`push`](Self::push) does, until it ends or has to stop for now; whether it has
    /// ended.
    ///
    /// Where the next value goes is kept apart meanwhile: an iterator may change whatever memory there is, as far as the compiler
    /// knows, and so the way of a value would lead through memory twice. A panic of the iterator leaves a sink that is used no more.
    #[inline]
    pub(super) fn fill(&mut self, items: &mut impl Iterator<Item = T>) -> bool {
        assert!(self.len < self.until, "a generator went on after it was told to stop");
        loop {
            let (mut slot, mut len) = (self.slot, self.len);
            let (until, published) = (self.until, self.published);
            while len < until {
                let Some(value) = items.next() else { return true };
                // SAFETY: as in `push`.
                unsafe { slot.write(value) };
                slot = slot.wrapping_add(1);
                len += 1;
                // Release: as in `push`.
                published.store(len, Ordering::Release);
            }
            (self.slot, self.len) = (slot, len);
            if !self.pause() {
                return false;
            }
        }
    }

    /// Whether nobody wants a value any more: for generators that wait for their values, and may give up.
    pub(super) fn is_over(&self) -> bool {
        self.overseer.as_ref().is_some_and(|overseer| overseer.is_over())
    }

    /// Whether the last push answered `false`.
    pub(super) fn is_satisfied(&self) -> bool {
        self.len == self.until
    }

    #[inline]
    fn pause(&mut self) -> bool {
        match &mut self.overseer {
            Some(_) => self.ask(),
            None => false,
        }
    }

    #[cold]
    #[inline(never)]
    fn ask(&mut self) -> bool {
        match self.overseer.as_mut().and_then(|overseer| overseer.more(self.len)) {
            Some(room) => {
                debug_assert!(self.len < room.until);
                (self.slot, self.until) = (room.slot, room.until);
                true
            }
            None => false,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{
        mem::MaybeUninit,
        panic::{AssertUnwindSafe, catch_unwind},
    };

    use super::*;

    const PLACES: usize = 8;

    /// Gives room for two values at a time, up to so many.
    struct InTwos(*mut String, usize);

    impl Overseer<String> for InTwos {
        fn more(&mut self, len: usize) -> Option<Room<String>> {
            (len < self.1).then(|| Room { slot: self.0.wrapping_add(len), until: self.1.min(len + 2) })
        }
    }

    #[test]
    fn what_fills_a_sink_is_published_one_by_one_and_nothing_is_taken_beyond_the_room() {
        let mut places = [const { MaybeUninit::<String>::uninit() }; PLACES];
        let first: *mut String = places.as_mut_ptr().cast();
        let published = AtomicUsize::new(0);
        let len = || published.load(Ordering::Relaxed);
        let mut items = (0..6).map(|n| {
            assert_eq!(len(), n, "all before it are published");
            assert_ne!(n, 5, "the last one fails");
            n.to_string()
        });
        let mut overseer = InTwos(first, 3);
        let room = Room { slot: first, until: 1 };
        assert!(!Sink::new(0, room, &published, &mut overseer).fill(&mut items));
        assert_eq!(len(), 3);
        let room = Room { slot: first.wrapping_add(3), until: 4 };
        assert!(!Sink::limited(3, room, &published).fill(&mut items));
        assert_eq!(len(), 4);
        let room = Room { slot: first.wrapping_add(4), until: PLACES };
        let mut sink = Sink::limited(4, room, &published);
        assert!(catch_unwind(AssertUnwindSafe(|| sink.fill(&mut items))).is_err());
        assert_eq!(len(), 5, "what was made before the panic stays");
        let room = Room { slot: first.wrapping_add(5), until: PLACES };
        assert!(Sink::limited(5, room, &published).fill(&mut std::iter::once("end".to_owned())), "it has ended");
        for (place, value) in places.into_iter().zip(["0", "1", "2", "3", "4", "end"]) {
            // SAFETY: so many were published, each of which was written here.
            assert_eq!(unsafe { place.assume_init() }, value);
        }
        assert_eq!(len(), 6);
    }
}
