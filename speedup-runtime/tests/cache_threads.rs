//! Bodies that wait on their own: for a task, as an executor does, and for threads that they start.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use speedup_runtime::{
    Cache,
    cache::{Function, State},
};

/// Polls a future to its end, and sleeps in between.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let (mut future, waker) = (pin!(future), Waker::from(Arc::new(Unpark(thread::current()))));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn tasks_that_bodies_wait_for_by_an_executor_run_however_few_threads_there_are() {
    const TASKS: &Cache<(u64,), u64> = {
        static STATE: State<(u64,), u64> = State::new();
        let function = Function::new("tasks", |(n,)| if *n == 0 { 0 } else { block_on(TASKS.spawn((n - 1,))) + 1 });
        &Cache::of(&STATE, function)
    };
    assert_eq!(TASKS.get((1_000,)), 1_000);
    TASKS.clear();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    assert_eq!(pool.install(|| TASKS.get((1_000,))), 1_000);
}

#[cfg(target_os = "linux")]
#[test]
fn a_cycle_through_threads_that_are_joined_is_told_by_its_keys() {
    const AROUND: &Cache<(u64,), u64> = {
        static STATE: State<(u64,), u64> = State::new();
        let function = Function::new("around", |(n,)| {
            let next = (n + 1) % 3;
            let joined = thread::scope(|scope| scope.spawn(|| AROUND.get((next,))).join());
            joined.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
        });
        &Cache::of(&STATE, function.show(std::fmt::Debug::fmt))
    };
    let payload = std::panic::catch_unwind(|| AROUND.get((0,))).expect_err("a cycle");
    let text = payload.downcast_ref::<String>().expect("a message");
    assert!(text.contains("around(0) -> around(1) -> around(2) -> around(0)"), "{text}");
    // Nothing is left of it.
    assert_eq!(AROUND.stats().len, 0);
}

#[test]
fn who_waits_for_a_thread_that_takes_its_time_is_not_in_a_circle() {
    const SLOW: &Cache<(u64,), u64> = {
        static STATE: State<(u64,), u64> = State::new();
        let function = Function::new("slow", |(n,)| {
            let joined = thread::scope(|scope| {
                // Calls that need nothing of who joins this, and take longer than the looks at it lie apart.
                let waits = || (0..20).map(|_| thread::sleep(std::time::Duration::from_millis(10))).count() as u64;
                scope.spawn(waits).join()
            });
            joined.expect("it ends") + n
        });
        &Cache::of(&STATE, function)
    };
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_eq!(SLOW.get((5,)), 25));
        }
    });
}

/// In real time, without a call that computes anything and so reads the clock: hits alone see the end, and one of them renews the value.
#[test]
fn a_value_that_is_only_ever_hit_ends_all_the_same() {
    let runs = Arc::new(AtomicU64::new(0));
    let counted = runs.clone();
    let cache =
        Cache::from_fn(move |_: u64| counted.fetch_add(1, Ordering::Relaxed) + 1).ttl(Duration::from_millis(20));
    let began = Instant::now();
    while runs.load(Ordering::Relaxed) < 5 {
        (0..1_000).for_each(|_| _ = cache.get((1,)));
        assert!(began.elapsed() < Duration::from_secs(60), "it never ends");
    }
}
