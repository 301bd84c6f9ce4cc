//! The suite for anybody's store, over the servers.

use speedup_runtime::store::conformance::{Key, Value};
use speedup_runtime::store::{MemoryStore, Store};

use crate::servers::{Kind, Server};

/// A store on a server of its own. Where there is none, a store in memory takes its place, so that the tests pass.
fn on(
    kinds: &[Kind],
    open: impl Fn(Vec<String>) -> Box<dyn Store<Key, Value>>,
) -> (Box<dyn Store<Key, Value>>, Vec<Server>) {
    let servers: Option<Vec<Server>> = kinds.iter().map(|kind| Server::start(*kind, &[])).collect();
    match servers {
        Some(servers) => (open(servers.iter().map(Server::url).collect()), servers),
        None => (Box::new(MemoryStore::new()), Vec::new()),
    }
}

#[cfg(feature = "redis")]
speedup_runtime::store::conformance!(redis, || on(&[Kind::Redis], |urls| {
    Box::new(speedup_runtime::store::RedisStore::open(&urls[0], "suite").expect("the address is one"))
}));

#[cfg(feature = "memcached")]
speedup_runtime::store::conformance!(memcached, || on(&[Kind::Memcached; 3], |urls| {
    Box::new(speedup_runtime::store::MemcachedStore::open(urls, "suite").expect("the addresses are"))
}));
