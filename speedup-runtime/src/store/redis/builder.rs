//! What can be chosen of a store on a Redis server.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use super::{RedisStore, Shared, claims::Claims, events::Events, pool::Pool, pool::Timeouts, route::Route};
use crate::store::{Error, Result, codec::Codec};

/// What can be chosen of a [`RedisStore`].
#[derive(Clone)]
#[must_use = "a builder does nothing until `open`"]
pub struct Builder<K, V> {
    address: String,
    namespace: String,
    timeouts: Timeouts,
    ttl: Option<Duration>,
    idle: usize,
    lease: Duration,
    cooperates: bool,
    claims_all: bool,
    types: PhantomData<fn(K) -> V>,
}

impl<K, V> std::fmt::Debug for Builder<K, V> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the address: it may hold a password.
        out.debug_struct("Builder").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl<K: Serialize + DeserializeOwned, V: Serialize + DeserializeOwned> Builder<K, V> {
    pub(super) fn new(address: String, namespace: String) -> Self {
        let timeouts = Timeouts { connect: Duration::from_secs(1), answer: Duration::from_secs(1) };
        let (idle, lease) = (16, Duration::from_secs(10));
        let (cooperates, claims_all) = (false, false);
        Self { address, namespace, timeouts, ttl: None, idle, lease, cooperates, claims_all, types: PhantomData }
    }

    /// How long an answer is waited for; 1 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.answer = timeout.max(Duration::from_millis(1));
        self
    }

    /// How long a connection is waited for; 1 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.connect = timeout.max(Duration::from_millis(1));
        self
    }

    /// The time to live of values that are put without one; for ever.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// How many connections are kept while nobody uses them; 16. Each thread that asks has one of its own meanwhile.
    pub fn idle_connections(mut self, most: usize) -> Self {
        self.idle = most;
        self
    }

    /// Lets processes that share the store compute each key once between them, as far as calls cost more than asking the server does.
    pub fn cooperate(mut self) -> Self {
        self.cooperates = true;
        self
    }

    /// The same for all calls, whatever they cost: for those that do something that is to be done once, such as paying for an answer.
    ///
    /// Each call that is not in memory then costs a round trip before it, however short it is, and its value is put before it is returned, which is another one.
    /// While the server does not answer, or where a process is cut off for longer than its [lease](Self::lease), calls are computed all the same, perhaps twice.
    pub fn claim_all(mut self) -> Self {
        (self.cooperates, self.claims_all) = (true, true);
        self
    }

    /// How long others wait for a process that died while it computed; 10 s, at least 100 ms. A living one renews its
    /// leases three times in that time.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_millis(100));
        self
    }

    /// The store. It does not connect yet.
    ///
    /// # Errors
    /// [`Error::Refused`] if the address is none, or the namespace is empty or longer than 128 bytes.
    pub fn open(self) -> Result<RedisStore<K, V>> {
        let refused = |reason: String| Error::Refused { store: "redis".to_owned(), reason };
        if self.namespace.is_empty() || self.namespace.len() > 128 {
            return Err(refused("a namespace has 1 to 128 bytes: name the function and its version".to_owned()));
        }
        let codec = Codec::new();
        let mut space = format!("speedup:{}:{:016x}", self.namespace, codec.fingerprint());
        if Route::is_cluster(&self.address) {
            // Braces make it the part of all names by which a cluster chooses the node.
            space = format!("{{{space}}}");
        }
        let route = Route::of(&self.address, &space).map_err(|error| refused(format!("as an address: {error}")))?;
        let shared = Shared {
            pool: Pool::new(route, self.timeouts, self.idle),
            events: Arc::new(Events::new(&space)),
            space,
            claims: Arc::new(Claims::new(self.lease)),
        };
        let (cooperates, claims_all) = (self.cooperates, self.claims_all);
        Ok(RedisStore { codec, ttl: self.ttl, cooperates, claims_all, shared: Arc::new(shared) })
    }
}
