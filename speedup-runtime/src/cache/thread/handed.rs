//! Ends of calls that leave no value behind, kept for the call of the body that was foretold.
//!
//! A result that is not kept (`Err`, `None`), and a panic, of a call that was computed ahead: the region that asks for the
//! same key gets it, instead of running the call once more. They are gone when the call in whose body that region stands ends.

use std::{any::Any, panic::resume_unwind, sync::Mutex};

use crate::{
    panics::{self, Payload},
    sync::{AtomicBool, Ordering, lock},
};

/// At most so many ends are kept for a thread.
const MOST: usize = 1 << 10;

/// How a call has ended that leaves no value behind.
pub(in crate::cache) enum End<R> {
    Value(R),
    /// Its payload, unless that has been handed on and there is no second copy.
    Panic(Option<Payload>),
}

/// The ends that were computed ahead for the running calls of one thread.
#[derive(Default)]
pub(in crate::cache) struct Handed {
    /// Whether there are any. Release by whoever gives one, Acquire by the thread: a hint, since the lock decides.
    any: AtomicBool,
    ends: Mutex<Vec<Entry>>,
}

struct Entry {
    /// The name of the slot of the running call that has foretold it.
    frame: usize,
    /// The address of the cache.
    core: usize,
    /// A key and an [`End`] of that cache.
    end: Box<dyn Any + Send>,
}

impl Handed {
    /// Whether there may be any.
    #[inline(always)]
    pub(in crate::cache) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Keeps an end for a running call.
    pub(in crate::cache) fn give<K: Send + 'static, R: Send + 'static>(
        &self,
        frame: usize,
        core: usize,
        key: K,
        end: End<R>,
    ) {
        let mut ends = lock(&self.ends);
        if ends.len() < MOST {
            ends.push(Entry { frame, core, end: Box::new((key, end)) });
            self.any.store(true, Ordering::Release);
        }
    }

    /// Forgets what was kept for a running call that ends; without one, everything.
    #[cold]
    pub(in crate::cache) fn forget(&self, frame: Option<usize>) {
        let mut ends = lock(&self.ends);
        let (gone, left) =
            std::mem::take(&mut *ends).into_iter().partition(|end| frame.is_none_or(|frame| end.frame == frame));
        *ends = left;
        self.any.store(!ends.is_empty(), Ordering::Release);
        drop(ends);
        // Users' destructors run without the lock.
        let gone: Vec<Entry> = gone;
        panics::contain(move || drop(gone));
    }

    /// How a call was ended ahead of the running call that fills the slot `frame`, if it was; `is` knows its key.
    ///
    /// # Panics
    /// With the payload of the call.
    #[cold]
    #[inline(never)]
    pub(in crate::cache) fn take<K: 'static, R: Clone + 'static>(
        &self,
        frame: usize,
        core: usize,
        is: impl Fn(&K) -> bool,
    ) -> Option<R> {
        // Compared and cloned without the lock: that is users' code.
        let mut ends = std::mem::take(&mut *lock(&self.ends));
        let mut of_frame = ends.iter_mut().enumerate().filter(|(_, end)| end.frame == frame && end.core == core);
        let found = of_frame.find_map(|(at, entry)| {
            let (of, end) = entry.end.downcast_mut::<(K, End<R>)>()?;
            is(of).then(|| match end {
                End::Value(value) => (at, Ok(value.clone())),
                End::Panic(payload) => (at, Err(payload.take())),
            })
        });
        if let Some((at, Err(_))) = &found {
            ends.swap_remove(*at);
        }
        let mut later = lock(&self.ends);
        ends.append(&mut later);
        *later = ends;
        self.any.store(!later.is_empty(), Ordering::Release);
        drop(later);
        match found?.1 {
            Ok(value) => Some(value),
            Err(payload) => resume_unwind(payload?),
        }
    }
}
