//! More threads than two: how many come to help, and when.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use speedup_runtime::{
    Cache,
    cache::{Function, State},
};

/// Longer than any machine takes.
const LONG: Duration = Duration::from_secs(60);

/// A place that calls leave only when so many of them are there at once.
struct Meeting(AtomicUsize);

impl Meeting {
    const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    fn of(&self, many: usize) {
        self.0.fetch_add(1, Ordering::SeqCst);
        let began = Instant::now();
        while self.0.load(Ordering::SeqCst) < many {
            assert!(began.elapsed() < LONG, "{} of {many} came", self.0.load(Ordering::SeqCst));
            thread::yield_now();
        }
    }
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool")
}

#[test]
fn as_many_come_as_a_group_has_members() {
    for threads in [2, 3, 4, 8] {
        let meeting = Meeting::new();
        pool(threads).install(|| speedup_runtime::map(0..threads, |_| meeting.of(threads)));
        // The same from a thread that is in no pool: that of rayon starts for it.
        let meeting = Meeting::new();
        let all = thread::available_parallelism().map_or(1, usize::from).min(threads);
        speedup_runtime::map(0..all, |_| meeting.of(all));
    }
}

#[test]
fn a_group_of_calls_that_are_known_to_be_dear_is_shared_at_once() {
    static MEETING: Meeting = Meeting::new();
    static MEETS: AtomicBool = AtomicBool::new(false);
    const LEAF: &Cache<(u64,), u64> = {
        static STATE: State<(u64,), u64> = State::new();
        let function = Function::new("leaf", |&(n,)| {
            match MEETS.load(Ordering::SeqCst) {
                true => MEETING.of(4),
                // Dear, wherever it runs.
                false => thread::sleep(Duration::from_millis(20)),
            }
            n
        });
        &Cache::of(&STATE, function)
    };
    const FOUR: &Cache<(u64,), u64> = {
        static STATE: State<(u64,), u64> = State::new();
        let function = Function::new("four", |&(n,)| {
            LEAF.group([(4 * n,), (4 * n + 1,), (4 * n + 2,), (4 * n + 3,)]).iter().sum()
        });
        &Cache::of(&STATE, function)
    };
    pool(4).install(|| {
        // Two times tell what a call costs, unless its thread was put aside just before a group: that is shared at once then, and tells nothing.
        const TIMES: u64 = 6;
        for n in 0..TIMES {
            assert_eq!(FOUR.get((n,)), 16 * n + 6);
        }
        MEETS.store(true, Ordering::SeqCst);
        // With the first member alone nobody would ever come to it.
        assert_eq!(FOUR.get((TIMES,)), 16 * TIMES + 6);
    });
}
