//! What changes at a value while it is kept: one word, and more of it where that does not do.
//!
//! The lowest two bits count visits, the next two say what the others are:
//!
//! | kind | the rest of the word | of what |
//! |---|---|---|
//! | `NEW` | nothing | a value that is just being published |
//! | `PLACED` | when it was born, in tenths of a second; its place in the queue | values that do not age |
//! | `ENDING` | whether a renewal has begun; when it ends | values without a bound that all live equally long |
//! | `BOXED` | the address of all of that | all others |
//!
//! So a bound costs a value eight bytes, and so does an age; both together, and `idle`, cost 32 more.

use super::times::{Life, NOWHERE, Times};
use crate::sync::{AtomicU64, Ordering, const_unless_loom};

/// A word as above. Where a box may be in it is stored with Release, with the Acquire of who looks into that.
///
/// Once a value has begun to live, who holds the lock of its queue writes it by plain stores, and others count visits by compare-and-swap: so
/// what is lost, if they meet, is a visit, which matters to nobody.
pub(in crate::cache) struct Marks(AtomicU64);

/// What of a value is to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Form {
    /// Its place in the queue; it does not age.
    Place,
    /// When it ends; it has no place.
    End,
    /// Both, or more than that.
    All,
}

/// Visits beyond are not counted, so that a hit of a hot key writes nothing.
const VISITS: u64 = 3;
const KIND: u64 = 3 << 2;
const NEW: u64 = 0;
const PLACED: u64 = 1 << 2;
const ENDING: u64 = 2 << 2;
const BOXED: u64 = 3 << 2;

/// Of `PLACED`: the tenths of a second between those two, and the ticket above.
const BORN_AT: u32 = 4;
const TICKET_AT: u32 = 32;
const TENTHS: u64 = (1 << (TICKET_AT - BORN_AT)) - 1;
const TENTH: u64 = 100_000_000;

/// Of `ENDING`.
const RENEWING: u64 = 1 << 4;
const END_AT: u32 = 5;
/// Addresses that programs are given have no more bits, on any system: so none is taken for an end that is to come.
#[cfg(not(loom))]
const _: () = assert!(1_u64 << (57 - END_AT) <= crate::clock::EARLIEST && END_AT == crate::clock::BELOW);
/// No end is later: 18 years.
const LATEST: u64 = u64::MAX >> END_AT;

/// The word of a value that was born then and has no place yet.
fn placed(born: u64) -> u64 {
    PLACED | ((born / TENTH) & TENTHS) << BORN_AT | u64::from(NOWHERE) << TICKET_AT
}

impl Marks {
    const_unless_loom! {
        /// Of a value that is not published yet.
        pub(in crate::cache) fn new() -> Self {
            Self(AtomicU64::new(NEW))
        }
    }

    /// Of a value that is not published yet, and is told its end.
    pub(in crate::cache) fn until(ends: u64) -> Self {
        Self(AtomicU64::new(Times::until(ends).into_word() | BOXED))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn word(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Replaces the word. Under the queue's lock.
    #[cfg(not(loom))]
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn write(&self, word: u64) {
        self.0.store(word, Ordering::Release);
    }

    /// The same in a model. There the store could come before a compare-and-swap that has replaced what this thread had stored before: the
    /// checker does not know that nothing comes between the two halves of that.
    #[cfg(loom)]
    fn write(&self, word: u64) {
        self.0.swap(word, Ordering::AcqRel);
    }

    /// The box of a word of this mark.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn times(&self, word: u64) -> Option<&Times> {
        // SAFETY: put in by `until` or `begin`, seen by Acquire, and dropped with `self`.
        (word & KIND == BOXED).then(|| unsafe { Times::of_word(word & !(KIND | VISITS)) })
    }

    /// Says where from and to a value lives, unless that has been said. Whether it is the first to do so.
    pub(in crate::cache) fn begin(&self, form: Form, life: Life) -> bool {
        let mut boxed = None;
        let mut word = self.word();
        loop {
            if let Some(times) = self.times(word) {
                return times.begin(life);
            }
            if word & KIND != NEW {
                return false;
            }
            let rest = match form {
                Form::Place => placed(life.born),
                Form::End => ENDING | life.ends.min(LATEST) << END_AT,
                Form::All => BOXED | boxed.get_or_insert_with(|| Times::of(life)).word(),
            };
            // Visits may have been counted since it was published.
            match self.0.compare_exchange(word, rest | word & VISITS, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    std::mem::forget(boxed);
                    return true;
                }
                Err(now) => word = now,
            }
        }
    }

    /// Says that a value which does not age lives from now on, unless that has been said. Whether it is the first to do so: of two who find it by its
    /// key, one of them because it was put in the place of what he had published, the other one may be in another queue.
    #[inline]
    pub(in crate::cache) fn begin_in_queue(&self, born: u64) -> bool {
        let mut word = self.0.load(Ordering::Relaxed);
        while word & KIND == NEW {
            // Visits may have been counted since it was published.
            let begun = placed(born) | word & VISITS;
            match self.0.compare_exchange(word, begun, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Whether it has been said when it lives.
    #[inline]
    pub(in crate::cache) fn has_begun(&self) -> bool {
        let word = self.word();
        self.times(word).map_or(word & KIND != NEW, Times::has_begun)
    }

    /// When it was born, to within a tenth of a second where it does not age; `None` if it is just being published. `life` is how long
    /// all live, where they live equally long.
    pub(in crate::cache) fn born(&self, now: u64, life: u64) -> Option<u64> {
        let word = self.word();
        match word & KIND {
            NEW => None,
            PLACED => {
                let born = word >> BORN_AT & TENTHS;
                // They go round in ten months.
                let tenths = (now / TENTH).wrapping_sub(born) & TENTHS;
                Some(now.saturating_sub(tenths * TENTH))
            }
            ENDING => Some((word >> END_AT).saturating_sub(life)),
            _ => self.times(word).and_then(Times::born),
        }
    }

    /// When it ends; `u64::MAX` for never.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn ends(&self) -> u64 {
        let word = self.word();
        if word & KIND == ENDING {
            return word >> END_AT;
        }
        self.times(word).map_or(u64::MAX, Times::ends)
    }

    /// Whether the end of a value that has no place is later than this.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn ends_after(&self, now: u64) -> bool {
        now < self.word() >> END_AT || self.still_ends_after(now)
    }

    /// Whether the end of a value that ages is later than the time above these bits, as [`clock::kept`](crate::clock::kept) says it, and
    /// stands in its word; false for all others.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn plainly_exceeds(&self, bar: u64) -> bool {
        // Where values age, a word that is no end is less than any time.
        self.word() > bar
    }

    #[cold]
    #[inline(never)]
    fn still_ends_after(&self, now: u64) -> bool {
        now < self.ends()
    }

    /// When it ends if nobody asks for it any more.
    pub(in crate::cache) fn ends_if_idle(&self, idle: u64) -> u64 {
        self.times(self.word()).map_or(u64::MAX, |times| times.ends_if_idle(idle))
    }

    /// Notes that it was asked for at this time.
    pub(in crate::cache) fn use_at(&self, now: u64, idle: u64) {
        if let Some(times) = self.times(self.word()) {
            times.use_at(now, idle);
        }
    }

    /// Notes that the value was asked for.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn visit(&self) {
        let word = self.0.load(Ordering::Relaxed);
        if word & VISITS < VISITS {
            // A visit that is lost because there was another one matters to nobody.
            _ = self.0.compare_exchange(word, word + 1, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// How often it was asked for since the queue has last looked, as far as that is counted.
    #[inline]
    pub(in crate::cache) fn visits(&self) -> u64 {
        self.0.load(Ordering::Relaxed) & VISITS
    }

    /// Counts one visit less, of which there is one. Under the queue's lock.
    #[inline]
    pub(in crate::cache) fn take_visit(&self) {
        let word = self.0.load(Ordering::Relaxed);
        self.write(word - (word & VISITS).min(1));
    }

    /// Counts no visit. Under the queue's lock.
    #[inline]
    pub(in crate::cache) fn take_visits(&self) {
        let word = self.0.load(Ordering::Relaxed);
        self.write(word & !VISITS);
    }

    /// Where it is in the queue.
    #[inline]
    pub(in crate::cache) fn ticket(&self) -> u32 {
        let word = self.word();
        if word & KIND == PLACED {
            return (word >> TICKET_AT) as u32;
        }
        self.times(word).map_or(NOWHERE, Times::ticket)
    }

    /// Gives it a place in the queue, if that is one of the things that are to be known of it. Under the queue's lock.
    #[inline]
    pub(in crate::cache) fn set_ticket(&self, ticket: u32) {
        let word = self.word();
        if let Some(times) = self.times(word) {
            times.set_ticket(ticket);
        } else if word & KIND == PLACED {
            self.write(word & ((1 << TICKET_AT) - 1) | u64::from(ticket) << TICKET_AT);
        }
    }

    /// Whether nobody has begun to renew it ahead of its end.
    #[cfg(any(test, feature = "async"))]
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn is_left_alone(&self) -> bool {
        let word = self.word();
        self.times(word).map_or(word & KIND != ENDING || word & RENEWING == 0, Times::is_left_alone)
    }

    /// Lets somebody else renew it: whoever was to do so cannot.
    pub(in crate::cache) fn leave_to_others(&self) {
        let word = self.word();
        match self.times(word) {
            Some(times) => times.leave_to_others(),
            None if word & KIND == ENDING => _ = self.0.fetch_and(!RENEWING, Ordering::Relaxed),
            None => {}
        }
    }

    /// Whether the caller is the one to renew it ahead of its end.
    pub(in crate::cache) fn renew(&self) -> bool {
        let word = self.word();
        match self.times(word) {
            Some(times) => times.renew(),
            None => {
                word & KIND == ENDING
                    && word & RENEWING == 0
                    && self.0.fetch_or(RENEWING, Ordering::Relaxed) & RENEWING == 0
            }
        }
    }
}

impl Clone for Marks {
    #[inline]
    fn clone(&self) -> Self {
        let word = self.word();
        let copy = self.times(word).map_or(word, |times| times.clone().into_word() | word & (KIND | VISITS));
        Self(AtomicU64::new(copy))
    }
}

impl Drop for Marks {
    #[inline]
    fn drop(&mut self) {
        let word = self.word();
        if word & KIND == BOXED {
            // SAFETY: the box that was put in; nobody looks at it any more.
            drop(unsafe { Times::from_word(word & !(KIND | VISITS)) });
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn begun(form: Form, ends: u64) -> Marks {
        let marks = Marks::new();
        assert!(marks.born(90 * SECOND, 0).is_none() && marks.ends() == u64::MAX && !marks.has_begun());
        marks.visit();
        assert!(marks.begin(form, Life { born: 50 * SECOND, ends, now: 50 * SECOND }));
        assert!(!marks.begin(form, Life { born: 60 * SECOND, ends: 1, now: 60 * SECOND }), "it has begun");
        assert!(marks.has_begun());
        marks
    }

    #[test]
    fn what_was_said_is_known_whatever_the_form() {
        for form in [Form::Place, Form::End, Form::All] {
            let ends = if form == Form::Place { u64::MAX } else { 80 * SECOND };
            let marks = begun(form, ends);
            assert_eq!(marks.born(90 * SECOND, 30 * SECOND), Some(50 * SECOND), "{form:?}");
            assert_eq!(marks.ends(), ends, "{form:?}");
            marks.set_ticket(7);
            assert_eq!(marks.ticket(), if form == Form::End { NOWHERE } else { 7 }, "{form:?}");
            assert_eq!(marks.visits(), 1, "{form:?}");
            (0..9).for_each(|_| marks.visit());
            marks.take_visit();
            assert_eq!(marks.visits(), 2, "{form:?}");
            let copy = marks.clone();
            marks.take_visits();
            assert_eq!((marks.visits(), copy.visits()), (0, 2), "{form:?}");
            assert_eq!((copy.ends(), copy.ticket()), (marks.ends(), marks.ticket()), "{form:?}");
            assert_eq!(marks.born(90 * SECOND, 30 * SECOND), Some(50 * SECOND), "{form:?}");
        }
    }

    #[test]
    fn a_word_tells_by_itself_what_ends_later() {
        let bar = |time: u64| time << END_AT | ((1 << END_AT) - 1);
        let ends = crate::clock::EARLIEST + 80 * SECOND;
        assert!(!Marks::new().plainly_exceeds(bar(crate::clock::EARLIEST)));
        for form in [Form::End, Form::All] {
            let marks = begun(form, ends);
            for renews in [true, false] {
                assert_eq!(marks.plainly_exceeds(bar(ends - 1)), form == Form::End, "{form:?}");
                assert!(!marks.plainly_exceeds(bar(ends)) && !marks.plainly_exceeds(u64::MAX), "{form:?}");
                (0..9).for_each(|_| marks.visit());
                assert_eq!(marks.renew(), renews, "{form:?}");
            }
        }
    }

    #[test]
    fn one_alone_renews() {
        for form in [Form::End, Form::All] {
            let marks = begun(form, 80 * SECOND);
            assert!(marks.is_left_alone());
            assert!(marks.renew() && !marks.renew() && !marks.is_left_alone(), "{form:?}");
            assert_eq!(marks.ends(), 80 * SECOND, "{form:?}");
            marks.leave_to_others();
            assert!(marks.is_left_alone() && marks.renew(), "{form:?}");
        }
    }

    #[test]
    fn who_is_told_the_end_keeps_it() {
        let marks = Marks::until(70 * SECOND);
        assert_eq!((marks.ends(), marks.has_begun()), (70 * SECOND, false));
        let life = Life { born: 40 * SECOND, ends: 70 * SECOND, now: 50 * SECOND };
        assert!(marks.begin(Form::End, life) && !marks.begin(Form::End, life));
        assert_eq!(marks.born(0, 0), Some(40 * SECOND));
    }
}
