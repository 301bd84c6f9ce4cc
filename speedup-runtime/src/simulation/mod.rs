//! The engine in virtual time, for more threads than there are processors. Built with `--cfg speedup_simulated`, and never otherwise.
//!
//! The engine that runs is the one that ships. What takes time comes through [`sync`](crate::sync), and here it passes on a clock that is
//! made up: a look at a slot, a search for work, a sleep, the way of a helper to its work ([`Costs`]), and the work of a body
//! ([`work`]).
//!
//! ```text
//! mod      a simulation: what takes how long, the outermost call, the threads of the pool
//! threads  what a thread of the engine meets: the clock, spinning, sleeping, the pool
//! world    the time, and whose turn it is
//! ```
//!
//! Each thread is one of the system's, and exactly one of them runs at a time: the one whose event is next. So a simulation takes no longer
//! than its decisions do, and comes out the same each time in a fresh process.
//!
//! What is left out: caches of processors, locks that threads wait for, and what is between threads and processors, of which there are
//! enough for all.

mod threads;
mod world;

use std::{sync::Arc, thread, time::Duration};

pub use self::threads::work;
pub(crate) use self::threads::{Instant, Parker, current_num_threads, spawn, spin_loop, start, step, yield_now};
use self::world::World;

/// What takes how long.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// What a call takes beside its body: looked up, claimed, published.
    pub call: Duration,
    /// A turn of a loop that waits.
    pub spin: Duration,
    /// Giving way to others, where there are none.
    pub give_way: Duration,
    /// A look at one entry of a board, or at one slot that it names.
    pub step: Duration,
    /// Waking a thread, for who does it.
    pub wake: Duration,
    /// From there on until it runs.
    pub waking: Duration,
    /// Asking the pool for help, for who does it.
    pub invite: Duration,
    /// From there on until a thread of the pool comes.
    pub coming: Duration,
    /// Starting one thread: for who first asks for help that which starts those of the pool, one after the other.
    pub start: Duration,
}

impl Costs {
    /// As measured on the machine of the benchmarks.
    pub const MEASURED: Self = Self {
        call: Duration::from_nanos(150),
        spin: Duration::from_nanos(25),
        give_way: Duration::from_nanos(400),
        step: Duration::from_nanos(15),
        wake: Duration::from_micros(3),
        waking: Duration::from_micros(40),
        invite: Duration::from_nanos(500),
        coming: Duration::from_micros(20),
        start: Duration::from_micros(80),
    };
}

/// Runs `body` as so many threads would, and tells how long they would have taken.
///
/// Once in a process: the next one would meet what the engine has learnt.
///
/// # Panics
/// If the body does, or if threads wait for each other for ever.
pub fn simulate<R: Send>(workers: usize, costs: Costs, body: impl FnOnce() -> R + Send) -> (R, Duration) {
    // The thread of the outermost call is none of the pool, of which one thread therefore has nothing to do.
    let world = Arc::new(World::new(workers.max(1), costs));
    thread::scope(|scope| {
        let helpers: Vec<_> = (1..workers)
            .map(|thread| {
                let world = Arc::clone(&world);
                scope.spawn(move || threads::serve(&world, thread))
            })
            .collect();
        let outermost = scope.spawn(|| threads::lead(&world, body));
        let ended = outermost.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload));
        for helper in helpers {
            helper.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload));
        }
        ended
    })
}
