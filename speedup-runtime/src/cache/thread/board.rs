//! What a thread shows of its stack of running calls, so that others can help.
//!
//! Each running call in parallel mode has an entry, outermost first: which slot it will fill, and the members of the
//! group that it is working on. Only the owner writes; anybody reads. An entry is a sequence lock whose data are
//! atomics: a reader that meets a change discards what it read. Nothing is ever freed under a reader: the entries live
//! as long as the process, and what they point to is kept by the reader's pin.
//!
//! A group may be its owner's *guest*: what it points to, and what the calls are passed on, lies on the owner's stack. Then a
//! reader first enters itself as a visitor, and looks again whether the entry is still the one that it has read; the owner
//! takes the entry off and then waits until there is no visitor. One of the two sees the other, since each makes a full
//! barrier between its store and its load (J. Dekker's rule).

use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, atomic::fence};

/// How many nested calls a thread shows; deeper ones can be helped only through the outer ones.
#[cfg(not(loom))]
const DEPTH: usize = 1024;
#[cfg(loom)]
const DEPTH: usize = 2;

/// How many members of a group an entry names; of a larger group it shows one window after the other.
#[cfg(not(loom))]
pub(in crate::cache) const WINDOW: usize = 8;
#[cfg(loom)]
pub(in crate::cache) const WINDOW: usize = 2;

/// The calls that one thread shows.
pub(in crate::cache) struct Board<C> {
    /// How many entries are valid. Release by the owner after it wrote the entry, Acquire by readers.
    depth: AtomicUsize,
    entries: Box<[Entry<C>]>,
}

struct Entry<C> {
    /// Odd while the owner writes. The fences in `write` and `read` make it a sequence lock.
    version: AtomicU64,
    slot: AtomicUsize,
    mark: AtomicU32,
    owner: AtomicPtr<C>,
    generation: AtomicU64,
    count: AtomicU32,
    members: [AtomicU64; WINDOW],
    /// Threads that look at what the group of this entry borrows. SeqCst by visitors and, against them, by the owner.
    visitors: AtomicU32,
    /// The number of the worker that came last, and one more. Relaxed: a hint.
    visitor: AtomicU32,
}

/// A consistent copy of an entry: a call in flight and the calls it is waiting for.
pub(in crate::cache) struct Shown<C> {
    /// The name of the slot that the call will fill.
    pub(in crate::cache) slot: usize,
    /// Marks its key: the slot may have been another key's before.
    pub(in crate::cache) mark: u16,
    /// The cache of the group's members; null where no group is shown.
    pub(in crate::cache) owner: *mut C,
    /// The generation of that cache's tables in which the members were located.
    pub(in crate::cache) generation: u64,
    count: usize,
    members: [u64; WINDOW],
    /// Whether the group has more members than an entry names, and names them itself.
    #[cfg_attr(loom, allow(dead_code, reason = "the models have no such groups"))]
    pub(in crate::cache) is_wide: bool,
    version: u64,
}

/// In the place of a count: the group has more members than an entry names.
const WIDE: u32 = u32::MAX;

impl<C> Shown<C> {
    /// Whether no group is shown.
    #[cfg(not(loom))]
    pub(in crate::cache) fn is_empty(&self) -> bool {
        self.count == 0 && !self.is_wide
    }

    /// The members of the group, as the cache named them.
    pub(in crate::cache) fn members(&self) -> &[u64] {
        &self.members[..self.count]
    }
}

impl<C> Board<C> {
    /// An empty board.
    pub(in crate::cache) fn new() -> Self {
        Self { depth: AtomicUsize::new(0), entries: Self::entries() }
    }

    /// Empty entries, in memory that is touched when they are used.
    #[cfg(not(loom))]
    fn entries() -> Box<[Entry<C>]> {
        // SAFETY: an entry consists of numbers and a pointer, which may all be zero.
        unsafe { Box::new_zeroed_slice(DEPTH).assume_init() }
    }

    /// The checker's atomics are no plain words.
    #[cfg(loom)]
    fn entries() -> Box<[Entry<C>]> {
        let entry = || Entry {
            version: AtomicU64::new(0),
            slot: AtomicUsize::new(0),
            mark: AtomicU32::new(0),
            owner: AtomicPtr::new(std::ptr::null_mut()),
            generation: AtomicU64::new(0),
            count: AtomicU32::new(0),
            members: std::array::from_fn(|_| AtomicU64::new(0)),
            visitors: AtomicU32::new(0),
            visitor: AtomicU32::new(0),
        };
        (0..DEPTH).map(|_| entry()).collect()
    }

    /// Shows one more call; only by the owner. The returned place is given back to [`pop`](Self::pop).
    pub(in crate::cache) fn push(&self, slot: usize, mark: u16) -> usize {
        // Relaxed: only the owner writes the depth.
        let place = self.depth.load(Ordering::Relaxed);
        self.write(place, |entry| {
            entry.slot.store(slot, Ordering::Relaxed);
            entry.mark.store(u32::from(mark), Ordering::Relaxed);
            entry.owner.store(std::ptr::null_mut(), Ordering::Relaxed);
            entry.count.store(0, Ordering::Relaxed);
        });
        self.depth.store(place + 1, Ordering::Release);
        place
    }

    /// Shows the group that the call at this place is working on; only by the owner.
    pub(in crate::cache) fn show(&self, place: usize, owner: *mut C, generation: u64, members: &[u64]) {
        self.write(place, |entry| {
            entry.owner.store(owner, Ordering::Relaxed);
            entry.generation.store(generation, Ordering::Relaxed);
            for (cell, member) in entry.members.iter().zip(members) {
                cell.store(*member, Ordering::Relaxed);
            }
            entry.count.store(members.len().min(WINDOW) as u32, Ordering::Relaxed);
        });
    }

    /// The same of a group that names its members itself.
    #[cfg(not(loom))]
    pub(in crate::cache) fn show_wide(&self, place: usize, owner: *mut C) {
        self.write(place, |entry| {
            entry.owner.store(owner, Ordering::Relaxed);
            entry.count.store(WIDE, Ordering::Relaxed);
        });
    }

    /// Takes the group back; only by the owner.
    pub(in crate::cache) fn hide(&self, place: usize) {
        self.write(place, |entry| entry.count.store(0, Ordering::Relaxed));
    }

    /// Takes back the call at this place and all inner ones; only by the owner.
    pub(in crate::cache) fn pop(&self, place: usize) {
        self.depth.store(place, Ordering::Release);
    }

    /// How many calls are shown.
    pub(in crate::cache) fn depth(&self) -> usize {
        self.depth.load(Ordering::Acquire).min(DEPTH)
    }

    /// Whether there is no place for another call.
    #[cfg(not(loom))]
    pub(in crate::cache) fn is_full(&self) -> bool {
        self.depth() == DEPTH
    }

    /// The call at this place; `None` when it is changing or past the end.
    pub(in crate::cache) fn read(&self, place: usize) -> Option<Shown<C>> {
        // Asked before and after: an entry that was popped earlier must not pass for one that is pushed just now.
        if place >= self.depth() {
            return None;
        }
        let entry = self.entries.get(place)?;
        let before = entry.version.load(Ordering::Acquire);
        if before % 2 == 1 {
            return None;
        }
        // Relaxed: validated by the version below.
        let mut members = [0; WINDOW];
        for (member, cell) in members.iter_mut().zip(&entry.members) {
            *member = cell.load(Ordering::Relaxed);
        }
        let count = entry.count.load(Ordering::Relaxed);
        let shown = Shown {
            slot: entry.slot.load(Ordering::Relaxed),
            mark: entry.mark.load(Ordering::Relaxed) as u16,
            owner: entry.owner.load(Ordering::Relaxed),
            generation: entry.generation.load(Ordering::Relaxed),
            count: if count == WIDE { 0 } else { (count as usize).min(WINDOW) },
            members,
            is_wide: count == WIDE,
            version: before,
        };
        fence(Ordering::Acquire);
        let unchanged = entry.version.load(Ordering::Relaxed) == before;
        (unchanged && place < self.depth()).then_some(shown)
    }

    /// Whether what was read at this place is still shown there.
    #[cfg(not(loom))]
    pub(in crate::cache) fn still_shows(&self, place: usize, shown: &Shown<C>) -> bool {
        let version = self.entries.get(place).map(|entry| entry.version.load(Ordering::Acquire));
        version == Some(shown.version) && place < self.depth()
    }

    /// Enters the reader as a visitor of what it has read at this place, unless that has changed: until the visit is dropped
    /// the owner does not go.
    pub(in crate::cache) fn visit(&self, place: usize, shown: &Shown<C>, me: u32) -> Option<Visit<'_>> {
        let entry = self.entries.get(place)?;
        entry.visitor.store(me + 1, Ordering::Relaxed);
        entry.visitors.fetch_add(1, Ordering::SeqCst);
        let visit = Visit(&entry.visitors);
        // With the fence in `has_visitors`.
        fence(Ordering::SeqCst);
        (entry.version.load(Ordering::Acquire) == shown.version).then_some(visit)
    }

    /// The name of the entry at this place, among all boards.
    pub(in crate::cache) fn name(&self, place: usize) -> usize {
        self.entries.get(place).map_or(0, |entry| std::ptr::from_ref(entry).addr())
    }

    /// Whether somebody still visits what was shown at this place; only by the owner, after it has taken that off.
    pub(in crate::cache) fn has_visitors(&self, place: usize) -> bool {
        // With the fence in `visit`.
        fence(Ordering::SeqCst);
        // Acquire: with the Release of a visit's end.
        self.entries.get(place).is_some_and(|entry| entry.visitors.load(Ordering::Acquire) > 0)
    }

    /// Who has come last to visit what was shown at this place.
    pub(in crate::cache) fn visitor(&self, place: usize) -> Option<u32> {
        self.entries.get(place)?.visitor.load(Ordering::Relaxed).checked_sub(1)
    }

    fn write(&self, place: usize, change: impl FnOnce(&Entry<C>)) {
        let Some(entry) = self.entries.get(place) else { return };
        // Relaxed: only the owner writes versions. The fence orders the odd version before the data, the Release store
        // the data before the even one.
        let version = entry.version.load(Ordering::Relaxed);
        entry.version.store(version + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        change(entry);
        entry.version.store(version + 2, Ordering::Release);
    }
}

/// A reader that looks at what an entry's group borrows; dropped when it does no more.
pub(in crate::cache) struct Visit<'a>(&'a AtomicU32);

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        // Release: with the Acquire in `has_visitors`.
        self.0.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_board_shows_what_was_pushed_until_it_is_popped() {
        let board = Board::<u8>::new();
        assert!(board.read(0).is_none());
        let place = board.push(7, 1);
        assert!(
            board.read(place).is_some_and(|shown| (shown.slot, shown.mark) == (7, 1) && shown.members().is_empty())
        );
        let mut owner = 1_u8;
        board.show(place, &mut owner, 3, &[10, 11]);
        assert!(board.read(place).is_some_and(|shown| shown.members() == [10, 11] && shown.generation == 3));
        board.hide(place);
        assert!(board.read(place).is_some_and(|shown| shown.members().is_empty()));
        board.pop(place);
        assert!(board.read(place).is_none());
    }

    #[test]
    fn what_is_deeper_than_the_board_is_not_shown_and_harmless() {
        let board = Board::<u8>::new();
        let places: Vec<_> = (0..DEPTH + 3).map(|slot| board.push(slot, 0)).collect();
        board.show(places[DEPTH + 1], std::ptr::null_mut(), 0, &[1]);
        assert_eq!(board.depth(), DEPTH);
        for place in places.into_iter().rev() {
            board.pop(place);
        }
        assert_eq!(board.depth(), 0);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    /// Checks the interleavings with up to this many preemptions; all of them are too many.
    fn bounded(model: impl Fn() + Send + Sync + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(2);
        builder.check(model);
    }

    /// | owner | reader |
    /// |---|---|
    /// | shows call 1 with members 11, 12; then call 2 with 21, 22 in its place | reads |
    #[test]
    fn loom_a_reader_sees_one_call_with_its_own_members() {
        bounded(|| {
            let board = Arc::new(Board::<u8>::new());
            let shown = board.clone();
            let reader = thread::spawn(move || {
                if let Some(call) = shown.read(0) {
                    let expected: &[u64] = match (call.slot, call.generation) {
                        (1, _) if call.members().is_empty() => &[],
                        (2, _) if call.members().is_empty() => &[],
                        (1, 1) => &[11, 12],
                        (2, 2) => &[21, 22],
                        mixed => panic!("a mixture: {mixed:?}"),
                    };
                    assert_eq!(call.members(), expected);
                    assert_eq!(usize::from(call.mark), call.slot);
                }
            });
            for call in [1, 2] {
                let place = board.push(call as usize, call as u16);
                board.show(place, std::ptr::null_mut(), call, &[call * 10 + 1, call * 10 + 2]);
                board.pop(place);
            }
            reader.join().unwrap();
        });
    }

    /// What `leapfrog` relies on: | owner | reader |
    /// |---|---|
    /// | call 1 with inner call 10, then call 2 with inner call 20, in the same places | finds call 1 at place 0, reads place 1, then looks whether call 1 is still at place 0 |
    #[test]
    fn loom_an_inner_call_belongs_to_the_outer_one_that_is_still_there() {
        bounded(|| {
            let board = Arc::new(Board::<u8>::new());
            let shown = board.clone();
            let reader = thread::spawn(move || {
                if shown.read(0).is_some_and(|call| call.slot == 1) && shown.depth() > 1 {
                    let inner = shown.read(1).map(|call| call.slot);
                    if shown.read(0).is_some_and(|call| call.slot == 1) {
                        assert!(inner.is_none_or(|slot| slot == 10), "{inner:?}");
                    }
                }
            });
            for call in [1, 2] {
                let outer = board.push(call, 0);
                let inner = board.push(call * 10, 0);
                board.pop(inner);
                board.pop(outer);
            }
            reader.join().unwrap();
        });
    }

    /// | owner | reader |
    /// |---|---|
    /// | shows a group that borrows a number, takes it off, waits for visitors, changes the number | visits, reads the number |
    #[test]
    fn loom_what_a_group_borrows_is_left_alone_while_somebody_visits_it() {
        bounded(|| {
            let number = Arc::new(loom::cell::UnsafeCell::new(1_u32));
            let board = Arc::new(Board::<u8>::new());
            let (shown, lent) = (board.clone(), number.clone());
            let reader = thread::spawn(move || {
                if let Some(call) = shown.read(0).filter(|call| !call.members().is_empty())
                    && let Some(_visit) = shown.visit(0, &call, 1)
                {
                    // SAFETY: what the model is to show.
                    assert_eq!(lent.with(|number| unsafe { *number }), 1);
                }
            });
            let place = board.push(1, 0);
            board.show(place, std::ptr::null_mut(), 1, &[11]);
            board.hide(place);
            while board.has_visitors(place) {
                thread::yield_now();
            }
            // SAFETY: as above.
            number.with_mut(|number| unsafe { *number = 2 });
            board.pop(place);
            reader.join().unwrap();
        });
    }
}
