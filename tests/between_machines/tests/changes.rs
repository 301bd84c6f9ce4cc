//! What one process changes in a store goes out of the memory of the others, each of which is a function with a store of its own here.

#[allow(dead_code, reason = "shared with tests of stores, which harm servers")]
#[path = "../../../speedup-runtime/tests/store_servers/servers.rs"]
mod servers;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use speedup::cache;
use speedup::store::{Error, RedisStore};

use servers::{Kind, Server};

static SERVER: OnceLock<Server> = OnceLock::new();
static CALLS: AtomicU32 = AtomicU32::new(0);

fn store(name: &str) -> Result<RedisStore<(u32,), u32>, Error> {
    // It answers even where the machine is busy.
    RedisStore::builder(SERVER.get().expect("it runs").url(), name).timeout(Duration::from_secs(60)).open()
}

fn tenfold(n: u32) -> u32 {
    CALLS.fetch_add(1, Ordering::Relaxed);
    n * 10
}

#[cache(store = store("plain"))]
fn here(n: u32) -> u32 {
    tenfold(n)
}

#[cache(store = store("plain"))]
fn there(n: u32) -> u32 {
    tenfold(n)
}

#[cache(store = store("aged"), ttl = "1h", capacity = 100)]
fn aged_here(n: u32) -> u32 {
    tenfold(n)
}

#[cache(store = store("aged"), ttl = "1h", capacity = 100)]
fn aged_there(n: u32) -> u32 {
    tenfold(n)
}

/// Calls until it gives this, which takes much less than a second where the machine is not busy.
fn gives(call: impl Fn() -> u32, wanted: u32) {
    let began = Instant::now();
    while call() != wanted {
        assert!(began.elapsed() < Duration::from_secs(60), "it still gives {} and not {wanted}", call());
        thread::yield_now();
    }
}

#[test]
fn what_one_changes_goes_out_of_the_memory_of_others() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    assert!(SERVER.set(server).is_ok());
    macro_rules! one_changes {
        ($here:ident, $HERE:ident, $there:ident, $THERE:ident) => {
            CALLS.store(0, Ordering::Relaxed);
            assert_eq!([$here(1), $here(2)], [10, 20]);
            $HERE.flush().expect("the server is there");
            assert_eq!([$there(1), $there(2)], [10, 20]);
            assert_eq!(CALLS.load(Ordering::Relaxed), 2, "the other one has found them");
            let asked = $THERE.stats().store_hits;
            assert_eq!([$there(1), $there(2)], [10, 20]);
            assert_eq!($THERE.stats().store_hits, asked, "now they are in memory");

            $HERE.insert((1,), 11);
            gives(|| $there(1), 11);
            $HERE.insert((1,), 12);
            gives(|| $there(1), 12);
            assert_eq!($there(2), 20);
            // What was forgotten everywhere is computed anew.
            $HERE.remove(&(1,));
            gives(|| $there(1), 10);
            $HERE.clear();
            gives(|| u32::from($THERE.stats().len == 0), 1);
            assert_eq!(($there(2), $here(2)), (20, 20));
        };
    }
    one_changes!(here, HERE, there, THERE);
    one_changes!(aged_here, AGED_HERE, aged_there, AGED_THERE);
}
