//! The suite for anybody's store, over the servers.

use speedup_runtime::store::conformance::{Key, Value};
use speedup_runtime::store::{Error, MemoryStore, Store};

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

/// A number that cannot be written if it is odd.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
struct Even(u64);

impl serde::Serialize for Even {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(2) {
            out.serialize_newtype_struct("Even", &self.0)
        } else {
            Err(serde::ser::Error::custom("it is odd"))
        }
    }
}

/// What is put together with values that cannot be written is kept all the same.
fn keeps_the_others(store: &impl Store<(u64,), Even>) {
    let entries: Vec<((u64,), Even)> = (0..20).map(|n| ((n,), Even(n))).collect();
    let entries: Vec<_> = entries.iter().map(|(key, value)| (key, value)).collect();
    let refused = store.put_many(&entries, None).expect_err("some are odd");
    assert!(!refused.is_outage() && !matches!(refused, Error::Damaged { .. }), "{refused}");
    for (key, value) in entries {
        assert_eq!(store.get(key).expect("it is read").as_ref(), (value.0 % 2 == 0).then_some(value), "{key:?}");
    }
}

#[cfg(feature = "redis")]
#[test]
fn a_value_that_cannot_be_written_takes_no_other_along_to_redis() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    keeps_the_others(&speedup_runtime::store::RedisStore::open(server.url(), "even").expect("the address is one"));
}

#[cfg(feature = "memcached")]
#[test]
fn a_value_that_cannot_be_written_takes_no_other_along_to_memcached() {
    let Some(server) = Server::start(Kind::Memcached, &[]) else { return };
    keeps_the_others(
        &speedup_runtime::store::MemcachedStore::open([server.url()], "even").expect("the address is one"),
    );
}
