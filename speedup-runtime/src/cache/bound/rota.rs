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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn owners_begin_at_different_queues_and_go_round_all_of_them() {
        let (rotas, time) = ([Rota::new(), Rota::new()], AtomicU32::new(0));
        assert!(rotas[0].is_of(0) && rotas[1].is_of(1) && !rotas[1].is_of(0), "whoever comes first has it");
        for stay in 0..8 {
            let queues = [0, 1].map(|owner: usize| (0..STAY).map(|_| rotas[owner].next(&time)).collect::<Vec<_>>());
            let [first, second] = queues;
            assert_eq!((first[0], second[0]), (1 + stay, 2 + stay));
            assert!(first.iter().all(|queue| *queue == first[0]) && second.iter().all(|queue| *queue == second[0]));
        }
    }

    #[test]
    fn what_all_have_put_out_is_the_time_of_all() {
        let (rotas, time) = ([Rota::new(), Rota::new()], AtomicU32::new(0));
        assert!(rotas[0].is_of(0) && rotas[1].is_of(1));
        for round in 0..4 {
            for rota in &rotas {
                (0..STAY).for_each(|_| _ = rota.next(&time));
                let ticks: Vec<u32> = (0..STAY).map(|_| rota.tick()).collect();
                assert!(
                    ticks.is_sorted_by(|one, next| one + 1 == *next) && ticks[STAY as usize - 1] + 1 == rota.time()
                );
            }
            // The stay that goes on has yet to be told.
            assert_eq!(time.load(Ordering::Relaxed), 2 * round * STAY);
        }
    }
}
