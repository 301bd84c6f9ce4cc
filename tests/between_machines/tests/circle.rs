//! A circle of calls through two processes, each of which is a function with a store of its own here.

#[allow(dead_code, reason = "shared with tests of stores, which harm servers in more ways")]
#[path = "../../../speedup-runtime/tests/store_servers/servers.rs"]
mod servers;

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, OnceLock};
use std::thread;

use speedup::cache;
use speedup::store::{Error, RedisStore};

use servers::{Kind, Server};

static SERVER: OnceLock<Server> = OnceLock::new();
static CALLS: AtomicUsize = AtomicUsize::new(0);
static BOTH: Barrier = Barrier::new(2);

fn store() -> Result<RedisStore<(u32,), u32>, Error> {
    RedisStore::builder(SERVER.get().expect("it runs").url(), "circle").cooperate().open()
}

/// The first call of each waits until the other has begun, too.
fn meet() {
    if CALLS.fetch_add(1, Ordering::AcqRel) < 2 {
        BOTH.wait();
    }
}

#[cache(store = store())]
#[expect(unconditional_recursion, reason = "so that is told")]
fn here(n: u32) -> u32 {
    meet();
    here(1 - n)
}

#[cache(store = store())]
#[expect(unconditional_recursion, reason = "so that is told")]
fn there(n: u32) -> u32 {
    meet();
    there(1 - n)
}

#[test]
fn a_circle_through_two_processes_is_told_by_both() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    assert!(SERVER.set(server).is_ok());
    let threads = [thread::spawn(|| catch_unwind(|| here(0))), thread::spawn(|| catch_unwind(|| there(1)))];
    for thread in threads {
        let payload = thread.join().expect("it was caught").expect_err("there is no value");
        let text = payload.downcast_ref::<String>().expect("a message");
        assert!(text.contains("cycle"), "{text}");
    }
}
