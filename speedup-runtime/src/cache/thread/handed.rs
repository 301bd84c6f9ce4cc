//! Ends of calls that leave no value behind, kept for the call of the body that was foretold.
//!
//! A result that is not kept (`Err`, `None`), and a panic, of a call that was computed ahead: the region that asks for the
//! same key gets it, instead of running the call once more; and nobody who would help begins that call again meanwhile. They
//! are gone when the call in whose body that region stands ends.

use std::{any::Any, sync::Mutex};

use crate::{
    panics::{self, Payload},
    sync::{Arc, AtomicBool, Ordering, lock, timed::spin_loop},
};

/// At most so many ends are kept for a thread.
const MOST: usize = 1 << 10;
/// Between the end of a call and its being handed over lie a few instructions: so often somebody looks again.
const LOOKS: usize = 200;

/// How a call has ended that leaves no value behind.
pub(in crate::cache) enum End<R> {
    Value(R),
    /// A result with an error that goes to one caller, until that has it. Who asks again runs the call.
    Once(Mutex<Option<R>>),
    /// Its payload, until that is handed on.
    Panic(Mutex<Option<Payload>>),
}

impl<R> End<R> {
    pub(in crate::cache) fn of_panic(payload: Payload) -> Self {
        Self::Panic(Mutex::new(Some(payload)))
    }
}

/// A slot as boards name it, and the number of its table, which no other ever has.
pub(in crate::cache) type Member = (u64, u64);

/// The ends that were computed ahead for the running calls of one thread.
#[derive(Default)]
pub(in crate::cache) struct Handed {
    /// Whether there are any. Release by whoever notes one, Acquire by the thread: a hint, since the lock decides.
    any: AtomicBool,
    ends: Mutex<Vec<Entry>>,
}

struct Entry {
    /// The name of the slot of the running call that has foretold it.
    frame: usize,
    member: Member,
    /// The key, since a slot may be given to another one, and the [`End`], once it has come.
    end: Option<Arc<dyn Any + Send + Sync>>,
}

impl Entry {
    fn is(&self, frame: usize, member: Member) -> bool {
        (self.frame, self.member) == (frame, member)
    }
}

impl Handed {
    /// Whether there may be any.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Notes that a member is about to be computed for a running call; `false` if it has been, or is being.
    pub(in crate::cache) fn begin(&self, frame: usize, member: Member) -> bool {
        let mut ends = lock(&self.ends);
        if ends.iter().any(|entry| entry.is(frame, member)) {
            return false;
        }
        if ends.len() < MOST {
            ends.push(Entry { frame, member, end: None });
            self.any.store(true, Ordering::Release);
        }
        true
    }

    /// Whether the member has been, or is being, computed for a running call.
    pub(in crate::cache) fn knows(&self, frame: usize, member: Member) -> bool {
        self.any() && lock(&self.ends).iter().any(|entry| entry.is(frame, member))
    }

    /// Keeps the end of a member that was begun; without one there is nothing to keep.
    pub(in crate::cache) fn finish<K, R>(&self, frame: usize, member: Member, end: Option<(K, End<R>)>)
    where
        (K, End<R>): Any + Send + Sync,
    {
        let end = end.map(|end| Arc::new(end) as Arc<dyn Any + Send + Sync>);
        let mut ends = lock(&self.ends);
        let at = ends.iter().position(|entry| entry.is(frame, member));
        // What is dropped is dropped without the lock: that is users' code.
        let gone = match (at, end) {
            (Some(at), Some(end)) => ends[at].end.replace(end),
            (Some(at), None) => ends.swap_remove(at).end,
            (None, end) => end,
        };
        self.any.store(!ends.is_empty(), Ordering::Release);
        drop(ends);
        panics::contain(move || drop(gone));
    }

    /// Forgets what was kept for a running call.
    #[cold]
    pub(in crate::cache) fn forget(&self, frame: usize) {
        let mut ends = lock(&self.ends);
        let (gone, left) = std::mem::take(&mut *ends).into_iter().partition(|entry| entry.frame == frame);
        *ends = left;
        self.any.store(!ends.is_empty(), Ordering::Release);
        drop(ends);
        // Users' destructors run without the lock.
        let gone: Vec<Entry> = gone;
        panics::contain(move || drop(gone));
    }

    /// Whether the member is known, and its end, if that has come.
    fn find(&self, frame: usize, member: Member) -> Option<Option<Arc<dyn Any + Send + Sync>>> {
        lock(&self.ends).iter().find(|entry| entry.is(frame, member)).map(|entry| entry.end.clone())
    }

    /// How a call was ended ahead of the running call that fills the slot `frame`, if it was, by its value or with its panic;
    /// `is` knows its key.
    #[cold]
    #[inline(never)]
    pub(in crate::cache) fn take<K, R>(
        &self,
        frame: usize,
        member: Member,
        is: impl Fn(&K) -> bool,
    ) -> Option<Result<R, Payload>>
    where
        (K, End<R>): Any + Send + Sync,
        R: Clone,
    {
        let mut found = self.find(frame, member)?;
        for _ in 0..LOOKS {
            if found.is_some() {
                break;
            }
            spin_loop();
            found = self.find(frame, member)?;
        }
        // Who is still at it is waited for as any other call.
        let end = found?.downcast::<(K, End<R>)>().ok().filter(|end| is(&end.0))?;
        let taken = match &end.1 {
            End::Value(value) => Some(Ok(value.clone())),
            End::Once(value) => lock(value).take().map(Ok),
            End::Panic(payload) => {
                let payload = lock(payload).take();
                self.finish::<K, R>(frame, member, None);
                payload.map(Err)
            }
        };
        // Where all others have forgotten it, the key goes here.
        panics::contain(move || drop(end));
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_begun_once_for_a_running_call() {
        let handed = Handed::default();
        assert!(handed.begin(1, (7, 1)) && handed.begin(1, (7, 2)) && handed.begin(2, (7, 1)));
        assert!(!handed.begin(1, (7, 1)), "somebody is at it");
        handed.finish(1, (7, 1), Some((3_u64, End::Value("three"))));
        assert!(!handed.begin(1, (7, 1)), "it has been computed");
        handed.finish::<u64, &str>(2, (7, 1), None);
        assert!(handed.begin(2, (7, 1)), "it was kept as a value, and may be gone by now");
        handed.forget(1);
        assert!(handed.begin(1, (7, 1)));
    }

    #[test]
    fn what_goes_to_one_caller_is_taken_once_and_begun_by_no_helper() {
        let handed = Handed::default();
        assert!(handed.begin(1, (7, 1)));
        handed.finish(1, (7, 1), Some((3_u64, End::Once(Mutex::new(Some("three"))))));
        let take = || handed.take::<u64, &str>(1, (7, 1), |of| *of == 3).and_then(Result::ok);
        assert_eq!((take(), take()), (Some("three"), None));
        assert!(!handed.begin(1, (7, 1)));
    }

    #[test]
    fn an_end_is_found_by_its_key_alone() {
        let handed = Handed::default();
        assert!(handed.begin(1, (7, 1)));
        handed.finish(1, (7, 1), Some((3_u64, End::Value("three"))));
        let take =
            |frame, table, key| handed.take::<u64, &str>(frame, (7, table), |of| *of == key).and_then(Result::ok);
        assert_eq!(take(1, 1, 3), Some("three"));
        assert_eq!(take(1, 1, 3), Some("three"), "as often as the region asks");
        assert_eq!((take(1, 1, 4), take(1, 2, 3), take(2, 1, 3)), (None, None, None));
    }
}
