//! What is known of a value for which a word is too little.

use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// When a value lives.
#[derive(Clone, Copy, Debug)]
pub(in crate::cache) struct Life {
    pub(in crate::cache) born: u64,
    /// `u64::MAX` for never.
    pub(in crate::cache) ends: u64,
    /// What time it is.
    pub(in crate::cache) now: u64,
}

/// No place in the queue. The one value of some billions that has this for a ticket is found when it comes to the front.
pub(in crate::cache) const NOWHERE: u32 = u32::MAX;

/// When a value lives, where it is in the queue, and whether it is being renewed. Relaxed throughout: times are of use by themselves.
///
/// Aligned so that the lowest four bits of its address are free.
#[repr(align(16))]
pub(super) struct Times {
    /// When it ends; `u64::MAX` for never.
    ends: AtomicU64,
    /// When it was published; 0 until it has been settled.
    born: AtomicU64,
    /// When it was last asked for.
    used: AtomicU64,
    ticket: AtomicU32,
    /// Whether a renewal ahead of its end has begun.
    renewing: AtomicBool,
}

/// One that is to be put into a word, and is dropped if it is not. As `Box::into_raw` gave it: who goes by a word later may free it.
pub(super) struct Boxed(*mut Times);

impl Boxed {
    /// What to put in. It is in there once the box is forgotten.
    pub(super) fn word(&self) -> u64 {
        self.0.expose_provenance() as u64
    }

    pub(super) fn into_word(self) -> u64 {
        let word = self.word();
        std::mem::forget(self);
        word
    }
}

impl Drop for Boxed {
    fn drop(&mut self) {
        // SAFETY: it came from a box, and is in no word.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

impl Times {
    pub(super) fn of(Life { born, ends, now }: Life) -> Boxed {
        Self { ends: AtomicU64::new(ends), born: AtomicU64::new(born), used: AtomicU64::new(now), ..Self::none() }
            .boxed()
    }

    /// Of a value that is told its end before it is published.
    pub(super) fn until(ends: u64) -> Boxed {
        Self { ends: AtomicU64::new(ends), ..Self::none() }.boxed()
    }

    fn none() -> Self {
        Self {
            ends: AtomicU64::new(u64::MAX),
            born: AtomicU64::new(0),
            used: AtomicU64::new(0),
            ticket: AtomicU32::new(NOWHERE),
            renewing: AtomicBool::new(false),
        }
    }

    fn boxed(self) -> Boxed {
        Boxed(Box::into_raw(Box::new(self)))
    }

    /// The one in a word.
    ///
    /// # Safety
    /// It was put there, and is not dropped during the lifetime.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) unsafe fn of_word<'a>(word: u64) -> &'a Self {
        // SAFETY: by the contract.
        unsafe { &*std::ptr::with_exposed_provenance(word as usize) }
    }

    /// Takes it out.
    ///
    /// # Safety
    /// It was put there, nobody looks at it any more, and this is called once.
    pub(super) unsafe fn from_word(word: u64) -> Boxed {
        Boxed(std::ptr::with_exposed_provenance_mut(word as usize))
    }

    /// A copy in a box of its own.
    pub(super) fn clone(&self) -> Boxed {
        let copy = |time: &AtomicU64| AtomicU64::new(time.load(Ordering::Relaxed));
        let (ends, born, used) = (copy(&self.ends), copy(&self.born), copy(&self.used));
        Self {
            ends,
            born,
            used,
            ticket: AtomicU32::new(self.ticket()),
            renewing: AtomicBool::new(!self.is_left_alone()),
        }
        .boxed()
    }

    pub(super) fn begin(&self, Life { born, ends, now }: Life) -> bool {
        let first = self.born.compare_exchange(0, born, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if first {
            self.used.store(now, Ordering::Relaxed);
            self.ends.store(ends, Ordering::Relaxed);
        }
        first
    }

    pub(super) fn has_begun(&self) -> bool {
        self.born().is_some()
    }

    pub(super) fn born(&self) -> Option<u64> {
        Some(self.born.load(Ordering::Relaxed)).filter(|born| *born > 0)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn ends(&self) -> u64 {
        self.ends.load(Ordering::Relaxed)
    }

    pub(super) fn ends_if_idle(&self, idle: u64) -> u64 {
        match self.used.load(Ordering::Relaxed) {
            0 => u64::MAX,
            used => self.ends().min(used.saturating_add(idle)),
        }
    }

    /// In steps of a 16th of what it may be idle for: so a hot value is rarely written to.
    #[inline]
    pub(super) fn use_at(&self, now: u64, idle: u64) {
        let used = self.used.load(Ordering::Relaxed);
        if used > 0 && now.saturating_sub(used) > idle / 16 {
            self.used.store(now, Ordering::Relaxed);
        }
    }

    pub(super) fn ticket(&self) -> u32 {
        self.ticket.load(Ordering::Relaxed)
    }

    pub(super) fn set_ticket(&self, ticket: u32) {
        self.ticket.store(ticket, Ordering::Relaxed);
    }

    pub(super) fn is_left_alone(&self) -> bool {
        !self.renewing.load(Ordering::Relaxed)
    }

    pub(super) fn leave_to_others(&self) {
        self.renewing.store(false, Ordering::Relaxed);
    }

    pub(super) fn renew(&self) -> bool {
        self.is_left_alone() && !self.renewing.swap(true, Ordering::Relaxed)
    }
}
