//! Which of several queues a thread goes to: it stays with one for a while, and then goes on to the next. So two threads seldom meet at
//! one, and what a queue consists of stays in the cache of one processor; and all queues have as many values, whatever threads there are.

use crate::sync::{AtomicU32, Ordering};

/// For so many values a thread stays with a queue.
const STAY: u32 = if cfg!(loom) { 1 } else { 64 };
/// No more threads have a rota. Others go to a queue by the place of the value.
pub(super) const ROTAS: u32 = if cfg!(loom) { 2 } else { 16 };

/// That of one thread. On lines of the processor's cache that belong to no other one.
///
/// Relaxed, all of it: only the owner's thread reads and writes it. A later thread with the owner's number comes behind it.
#[repr(align(128))]
pub(super) struct Rota {
    /// The number of the worker, and one more; 0 for none yet.
    owner: AtomicU32,
    /// The number of the queue, beyond the last one: the first again.
    queue: AtomicU32,
    /// For so many values more it stays there.
    left: AtomicU32,
    /// What time it was for all queues when it came there ..
    came: AtomicU32,
    /// .. and how many values to be remembered it has put out since.
    since: AtomicU32,
}

impl Rota {
    pub(super) fn new() -> Self {
        let none = || AtomicU32::new(0);
        Self { owner: none(), queue: none(), left: none(), came: none(), since: none() }
    }

    /// Whether it is that of the worker with this number, which is the calling thread's. Whoever comes first has it.
    #[inline]
    pub(super) fn is_of(&self, worker: u32) -> bool {
        let me = worker + 1;
        match self.owner.load(Ordering::Relaxed) {
            0 => self.owner.compare_exchange(0, me, Ordering::Relaxed, Ordering::Relaxed).is_ok(),
            owner => owner == me,
        }
    }

    /// The queue to go to with the next value. `time` is that of all queues.
    #[inline]
    pub(super) fn next(&self, time: &AtomicU32) -> u32 {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            self.go_on(time);
        }
        self.left.store(left.checked_sub(1).unwrap_or(STAY - 1), Ordering::Relaxed);
        self.queue.load(Ordering::Relaxed)
    }

    #[cold]
    #[inline(never)]
    fn go_on(&self, time: &AtomicU32) {
        let (queue, since) = (self.queue.load(Ordering::Relaxed), self.since.load(Ordering::Relaxed));
        let came = time.fetch_add(since, Ordering::Relaxed).wrapping_add(since);
        // Owners begin at different ones.
        let next = if queue == 0 { self.owner.load(Ordering::Relaxed) } else { queue.wrapping_add(1) };
        self.queue.store(next, Ordering::Relaxed);
        self.came.store(came, Ordering::Relaxed);
        self.since.store(0, Ordering::Relaxed);
    }

    /// What time it is: how many values to be remembered all threads have put out, but for what the others have not told yet.
    #[inline]
    pub(super) fn time(&self) -> u32 {
        self.came.load(Ordering::Relaxed).wrapping_add(self.since.load(Ordering::Relaxed))
    }

    /// Counts a value to be remembered that is put out, and says when that is.
    #[inline]
    pub(super) fn tick(&self) -> u32 {
        let time = self.time();
        self.since.store(self.since.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        time
    }
}
