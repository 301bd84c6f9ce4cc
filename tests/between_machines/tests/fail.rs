//! `on_store_error = "fail"` with processes that compute together, each of which is a function with a store of its own here.

#[allow(dead_code, reason = "shared with tests of stores, which harm servers in more ways")]
#[path = "../../../speedup-runtime/tests/store_servers/servers.rs"]
mod servers;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use speedup::cache;
use speedup::store::{Error, RedisStore};

use servers::{Kind, Server};

static SERVER: OnceLock<Mutex<Server>> = OnceLock::new();
static CALLS: AtomicU32 = AtomicU32::new(0);

fn store() -> Result<RedisStore<(u32, u32), u64>, Error> {
    let server = SERVER.get().expect("it runs").lock().unwrap_or_else(PoisonError::into_inner);
    // It answers even where the machine is busy, and leases outlast the test.
    let (timeout, lease) = (Duration::from_secs(60), Duration::from_secs(3_600));
    RedisStore::builder(server.url(), "fail").cooperate().timeout(timeout).lease(lease).open()
}

fn work() {
    CALLS.fetch_add(1, Ordering::Relaxed);
    thread::sleep(Duration::from_millis(5));
}

#[cache(store = store(), on_store_error = "fail")]
fn here(x: u32, y: u32) -> Result<u64, Error> {
    let sum = if x == 0 || y == 0 { 1 } else { here(x - 1, y)? + here(x, y - 1)? };
    work();
    Ok(sum)
}

#[cache(store = store(), on_store_error = "fail")]
fn there(x: u32, y: u32) -> Result<u64, Error> {
    let sum = if x == 0 || y == 0 { 1 } else { there(x - 1, y)? + there(x, y - 1)? };
    work();
    Ok(sum)
}

static AGED: AtomicU32 = AtomicU32::new(0);

#[cache(store = store(), on_store_error = "fail", ttl = "1h")]
fn aged_here(x: u32, y: u32) -> Result<u64, Error> {
    AGED.fetch_add(1, Ordering::Relaxed);
    thread::sleep(Duration::from_millis(50));
    Ok(u64::from(x * y))
}

#[cache(store = store(), on_store_error = "fail", ttl = "1h")]
fn aged_there(x: u32, y: u32) -> Result<u64, Error> {
    AGED.fetch_add(1, Ordering::Relaxed);
    thread::sleep(Duration::from_millis(50));
    Ok(u64::from(x * y))
}

#[test]
fn each_call_is_computed_once_and_fails_where_the_server_does() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    assert!(SERVER.set(Mutex::new(server)).is_ok());
    let both = [thread::spawn(|| here(2, 2)), thread::spawn(|| there(2, 2))];
    for value in both {
        assert_eq!(value.join().expect("it ends").expect("the server is there"), 6);
    }
    // All but the corner: so few that each is claimed, whatever it costs.
    assert_eq!(CALLS.load(Ordering::Relaxed), 8);
    let both = [thread::spawn(|| aged_here(20, 20)), thread::spawn(|| aged_there(20, 20))];
    for value in both {
        assert_eq!(value.join().expect("it ends").expect("the server is there"), 400);
    }
    assert_eq!(AGED.load(Ordering::Relaxed), 1);
    SERVER.get().expect("it runs").lock().expect("nobody has panicked").kill();
    assert!(here(7, 7).is_err() && there(9, 2).is_err() && aged_here(9, 3).is_err());
}
