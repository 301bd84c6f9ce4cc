//! A circle of calls through two processes, each of which is a function with a store of its own here.

#[allow(dead_code, reason = "shared with tests of stores, which harm servers in more ways")]
#[path = "../../../speedup-runtime/tests/store_servers/servers.rs"]
mod servers;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, OnceLock};
use std::thread;

use speedup::cache;
use speedup::store::{Error, RedisStore};

use servers::{Kind, Server};

/// One for all tests; nothing where there is none to be had.
fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(Kind::Redis, &[])).as_ref()
}

fn store(namespace: &str) -> Result<RedisStore<(u32,), u32>, Error> {
    RedisStore::builder(server().expect("it runs").url(), namespace).cooperate().open()
}

/// The first call of each waits until the other has begun, too.
struct Meeting {
    calls: AtomicUsize,
    both: Barrier,
}

impl Meeting {
    const fn new() -> Self {
        Self { calls: AtomicUsize::new(0), both: Barrier::new(2) }
    }

    fn meet(&self) {
        if self.calls.fetch_add(1, Ordering::AcqRel) < 2 {
            self.both.wait();
        }
    }
}

static PLAIN: Meeting = Meeting::new();

#[cache(store = store("circle"))]
#[expect(unconditional_recursion, reason = "so that is told")]
fn here(n: u32) -> u32 {
    PLAIN.meet();
    here(1 - n)
}

#[cache(store = store("circle"))]
#[expect(unconditional_recursion, reason = "so that is told")]
fn there(n: u32) -> u32 {
    PLAIN.meet();
    there(1 - n)
}

#[cache(store = store("context"), skip(meeting))]
#[expect(unconditional_recursion, reason = "so that is told")]
fn here_with(meeting: &Meeting, n: u32) -> u32 {
    meeting.meet();
    here_with(meeting, 1 - n)
}

#[cache(store = store("context"), skip(meeting))]
#[expect(unconditional_recursion, reason = "so that is told")]
fn there_with(meeting: &Meeting, n: u32) -> u32 {
    meeting.meet();
    there_with(meeting, 1 - n)
}

/// Both threads panic with the circle.
fn told(here: impl FnOnce() -> u32 + Send, there: impl FnOnce() -> u32 + Send) {
    thread::scope(|scope| {
        let threads = [
            scope.spawn(|| catch_unwind(AssertUnwindSafe(here))),
            scope.spawn(|| catch_unwind(AssertUnwindSafe(there))),
        ];
        for thread in threads {
            let payload = thread.join().expect("it was caught").expect_err("there is no value");
            let text = payload.downcast_ref::<String>().expect("a message");
            assert!(text.contains("cycle"), "{text}");
        }
    });
}

#[test]
fn a_circle_through_two_processes_is_told_by_both() {
    if server().is_some() {
        told(|| here(0), || there(1));
    }
}

/// Nobody can compute a call of another process that is more than its key; where it closes a circle is found all the same.
#[test]
fn a_circle_of_calls_with_context_is_told_by_both() {
    let meeting = Meeting::new();
    if server().is_some() {
        told(|| here_with(&meeting, 0), || there_with(&meeting, 1));
    }
}
