//! [`MemcachedStore`]: results that several processes and machines share through memcached servers.
//!
//! The client is written here. Of the published ones, `memcache` chooses a server by the remainder of a hash, so that one server
//! more or less moves nearly all keys, and has no breaker; `async-memcached` speaks to one server and needs a runtime. The text
//! protocol that is needed here is five commands.

mod client;
mod ring;

use std::{
    fmt,
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Serialize, de::DeserializeOwned};

use self::{
    client::{Client, Item, Sent},
    ring::Ring,
};
use super::{Condition, Error, Result, Store, Timed, codec, codec::Codec};

/// The longest name of a key that memcached takes.
const LONGEST_NAME: usize = 250;
/// So many keys are asked for, and so many values kept, at once.
const AT_ONCE: usize = 500;
/// A time to live beyond this would be taken for a date.
const THIRTY_DAYS: u64 = 60 * 60 * 24 * 30;
/// What stands before each value: the generation, and the end of its time in milliseconds since 1970 (0: none).
const HEAD: usize = 16;

/// A store of results on memcached servers, for any number of processes and machines.
///
/// # Guarantees
/// - Everything that [`Store`] asks for. What lies under our keys and was not written by a store of the same types, or is not whole, is
///   [`Error::Damaged`] and never a value; [`get_many`](Store::get_many) takes it for missing.
/// - Keys are spread over the servers by consistent hashing: with one server more or less among `n`, one key in `n` moves. The order in
///   which servers are named does not matter.
/// - A group is looked up in one round trip, and kept in one: all servers that have any of it are asked before the first answer is read, five hundred keys of
///   each at a time.
/// - A server that is down makes its keys missing; they move to no other server, where an older value could come back from later.
///   It is left alone for 250 ms, then for twice as long each time up to 5 s. A group of which other servers have a
///   part is that part.
/// - Times to live are kept to the millisecond by the clocks of the machines that put and get.
/// - [`clear`](Store::clear) makes everything in the store's namespace unreadable, whoever put it, in one round trip to each server; memcached takes the room
///   back when it needs it. It needs all servers.
/// - No [`claim`](Store::claim) and no [`watch`](Store::watch): memcached tells nobody of changes.
///
/// **The namespace says whose results they are**: name the function and the version of its code. Two functions of the same types and one
/// namespace would read each other's results.
///
/// # Examples
/// ```no_run
/// use std::time::Duration;
/// use speedup_runtime::store::{MemcachedStore, Store};
///
/// let servers = ["10.0.0.1:11211", "10.0.0.2:11211"];
/// let store = MemcachedStore::<(u64,), String>::builder(servers, "names-v1").ttl(Duration::from_secs(3600)).open()?;
/// store.put(&(7,), &"seven".to_string(), None)?;
/// assert_eq!(store.get(&(7,))?.as_deref(), Some("seven"));
/// # Ok::<(), speedup_runtime::store::Error>(())
/// ```
pub struct MemcachedStore<K, V> {
    codec: Codec<K, V>,
    ttl: Option<Duration>,
    shared: Arc<Shared>,
}

/// What does not depend on the types.
struct Shared {
    space: String,
    /// Under which each server has its generation.
    generation_name: String,
    ring: Ring,
    servers: Vec<Server>,
}

struct Server {
    client: Client,
    /// The generation that was last seen there; zero before. Values of others are not read. It guards no other memory: `Relaxed`.
    generation: AtomicU64,
}

impl<K, V> Clone for MemcachedStore<K, V> {
    /// The same store: its connections are shared.
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), ..*self }
    }
}

impl<K, V> fmt::Debug for MemcachedStore<K, V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<&str> = self.shared.servers.iter().map(|server| server.client.name()).collect();
        let mut out = out.debug_struct("MemcachedStore");
        out.field("servers", &servers).field("space", &self.shared.space).finish_non_exhaustive()
    }
}

/// What can be chosen of a [`MemcachedStore`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `open`"]
pub struct Builder<K, V> {
    servers: Vec<String>,
    namespace: String,
    timeout: Duration,
    ttl: Option<Duration>,
    idle: usize,
    types: PhantomData<fn(K) -> V>,
}

impl<K: Serialize + DeserializeOwned, V: Serialize + DeserializeOwned> Builder<K, V> {
    /// How long a connection or an answer is waited for; 1 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.max(Duration::from_millis(1));
        self
    }

    /// The time to live of values that are put without one; for ever.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// How many connections to each server are kept while nobody uses them; 16. Each thread that asks has its own meanwhile.
    pub fn idle_connections(mut self, most: usize) -> Self {
        self.idle = most;
        self
    }

    /// The store. It does not connect yet.
    ///
    /// # Errors
    /// [`Error::Refused`] if there are no servers, one of them is no `host:port`, or the namespace has blanks or not 1 to 128
    /// bytes.
    pub fn open(mut self) -> Result<MemcachedStore<K, V>> {
        let refused = |reason: String| Error::Refused { store: "memcached".to_owned(), reason };
        let is_plain = |letter: char| letter.is_ascii_graphic();
        if !(1..=128).contains(&self.namespace.len()) || !self.namespace.chars().all(is_plain) {
            return Err(refused("a namespace has 1 to 128 printable ASCII letters and no blanks".to_owned()));
        }
        self.servers.sort();
        self.servers.dedup();
        if self.servers.is_empty() {
            return Err(refused("name at least one server, as `host:port`".to_owned()));
        }
        let is_server = |server: &str| {
            server.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if let Some(wrong) = self.servers.iter().find(|server| !is_server(server)) {
            return Err(refused(format!("`{wrong}` as a server; write it as `host:port`")));
        }
        let codec = Codec::new();
        let ring = Ring::new(&self.servers);
        let servers = self.servers.into_iter().map(|address| Server {
            client: Client::new(address, self.timeout, self.idle),
            generation: AtomicU64::new(0),
        });
        let space = format!("speedup:{}:{:016x}", self.namespace, codec.fingerprint());
        Ok(MemcachedStore {
            codec,
            ttl: self.ttl,
            shared: Arc::new(Shared {
                // No key of a value has this mark.
                generation_name: format!("{space}!"),
                space,
                ring,
                servers: servers.collect(),
            }),
        })
    }
}

/// A key of a call, in the forms that it takes on the way.
struct Place {
    key: Vec<u8>,
    name: String,
    server: usize,
}

impl<K: Serialize + DeserializeOwned, V: Serialize + DeserializeOwned> MemcachedStore<K, V> {
    /// A store on these servers (`host:port`), with the builder's defaults.
    ///
    /// It does not connect: that is done by the first call, and again by later ones after an outage.
    ///
    /// # Errors
    /// If a server or the namespace cannot be one.
    pub fn open<S: Into<String>>(servers: impl IntoIterator<Item = S>, namespace: impl Into<String>) -> Result<Self> {
        Self::builder(servers, namespace).open()
    }

    /// A store with other choices than the defaults.
    pub fn builder<S: Into<String>>(
        servers: impl IntoIterator<Item = S>,
        namespace: impl Into<String>,
    ) -> Builder<K, V> {
        let servers = servers.into_iter().map(Into::into).collect();
        let timeout = Duration::from_secs(1);
        Builder { servers, namespace: namespace.into(), timeout, ttl: None, idle: 16, types: PhantomData }
    }

    fn place(&self, key: &K) -> Result<Place> {
        let key = self.codec.encode_key(key)?;
        let name = codec::address(&self.shared.space, &key, LONGEST_NAME);
        let server = self.shared.ring.server(name.as_bytes());
        Ok(Place { key, name, server })
    }

    /// An item as it lies on a server.
    fn item(&self, place: &Place, value: &V, ttl: Option<Duration>) -> Result<Item> {
        let generation = self.shared.generation(place.server)?;
        let now = now();
        let ttl = ttl.or(self.ttl).map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        let end = ttl.and_then(|ttl| now.checked_add(ttl));
        let mut bytes = Vec::with_capacity(HEAD);
        bytes.extend(generation.to_le_bytes());
        bytes.extend(end.unwrap_or(0).to_le_bytes());
        bytes.extend(self.codec.encode(value)?);
        // In whole seconds, and not less: the exact end is in the value.
        let seconds = ttl.filter(|_| end.is_some()).map_or(0, |ttl| ttl.div_ceil(1000) + 1);
        let seconds = if seconds > THIRTY_DAYS { now / 1000 + seconds } else { seconds };
        // Beyond what servers count to it is as good as for ever.
        let seconds = if seconds > i32::MAX as u64 { 0 } else { seconds };
        Ok(Item { name: place.name.clone(), seconds, bytes: codec::seal(&place.key, &bytes) })
    }

    /// The value in an item, if it is of this generation and its time is not over, and what is left of that.
    fn read(&self, place: &Place, generation: u64, sealed: &[u8]) -> Result<Option<Timed<V>>> {
        let name = self.shared.servers[place.server].client.name();
        let damaged = |error| match error {
            Error::Damaged { reason, .. } => Error::damaged(name, reason),
            other => other,
        };
        let bytes = codec::open(&place.key, sealed).map_err(damaged)?;
        let Some((head, value)) = bytes.split_first_chunk::<HEAD>() else {
            return Err(Error::damaged(name, "it was cut"));
        };
        let number = |at: usize| head[at..at + 8].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let (of, end) = (number(0), number(8));
        let left = (end != 0).then(|| Duration::from_millis(end.saturating_sub(now())));
        if of != generation || left == Some(Duration::ZERO) {
            return Ok(None);
        }
        self.codec.decode(value).map(|value| Some((value, left))).map_err(damaged)
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Shared {
    /// Asks a server for items and for the generation, in one round trip.
    fn ask(&self, server: usize, names: &[&str]) -> Found {
        let names = self.marked(names);
        self.answer(server, self.servers[server].client.ask_for(&names)?, &names)
    }

    /// The names of items, and before them that of the generation.
    fn marked<'a>(&'a self, names: &[&'a str]) -> Vec<&'a str> {
        [self.generation_name.as_str()].iter().chain(names).copied().collect()
    }

    /// What a server answers that was asked for items and for the generation.
    fn answer(&self, server: usize, sent: Sent, names: &[&str]) -> Found {
        let server = &self.servers[server];
        let mut found = server.client.found(sent, names)?;
        let generation = found.first().and_then(|found| parsed(found.as_deref()?));
        let generation = match generation {
            Some(generation) => generation,
            // None yet, or the server forgot it: what it holds may have been cleared, and is read no more.
            None => server.begin(&self.generation_name)?,
        };
        server.generation.store(generation, Ordering::Relaxed);
        found.remove(0);
        Ok((generation, found))
    }

    /// Which places are asked for together: in each round so many of each server that has any left.
    fn rounds(&self, places: &[Place]) -> Vec<Vec<(usize, Vec<usize>)>> {
        let mut of_server = vec![Vec::new(); self.servers.len()];
        places.iter().enumerate().for_each(|(index, place)| of_server[place.server].push(index));
        let longest = of_server.iter().map(Vec::len).max().unwrap_or(0);
        let round = |from: usize| {
            let rest = of_server.iter().enumerate().filter_map(|(server, there)| Some((server, there.get(from..)?)));
            let some = rest.filter(|(_, there)| !there.is_empty());
            some.map(|(server, there)| (server, there[..there.len().min(AT_ONCE)].to_vec())).collect()
        };
        (0..longest).step_by(AT_ONCE).map(round).collect()
    }

    /// The generation of a server: as it was last seen, or as it says. An old one makes what is put with it unreadable, and no more.
    fn generation(&self, server: usize) -> Result<u64> {
        match self.servers[server].generation.load(Ordering::Relaxed) {
            0 => Ok(self.ask(server, &[])?.0),
            known => Ok(known),
        }
    }
}

/// The generation of a server, and items that were asked for.
type Found = Result<(u64, Vec<Option<Vec<u8>>>)>;

fn parsed(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok().filter(|generation| *generation != 0)
}

/// A generation that was never there before: the time, in nanoseconds.
fn new_generation() -> Vec<u8> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).max(1)).to_string().into_bytes()
}

impl Server {
    /// Begins a generation, unless somebody else does at the same time.
    fn begin(&self, mark: &str) -> Result<u64> {
        let item = Item { name: mark.to_owned(), seconds: 0, bytes: new_generation() };
        self.client.store(client::Verb::Add, &[item])?;
        let found = self.client.get(&[mark])?;
        let generation = found.into_iter().next().flatten().and_then(|found| parsed(&found));
        if let Some(generation) = generation {
            return Ok(generation);
        }
        // Garbage, which is replaced.
        let bytes = new_generation();
        let generation = parsed(&bytes).unwrap_or(1);
        self.client.store(client::Verb::Set, &[Item { name: mark.to_owned(), seconds: 0, bytes }])?;
        Ok(generation)
    }
}

impl<K, V> Store<K, V> for MemcachedStore<K, V>
where
    K: Serialize + DeserializeOwned + 'static,
    V: Serialize + DeserializeOwned + 'static,
{
    fn get(&self, key: &K) -> Result<Option<V>> {
        let place = self.place(key)?;
        let (generation, mut found) = self.shared.ask(place.server, &[&place.name])?;
        match found.pop().flatten() {
            Some(sealed) => Ok(self.read(&place, generation, &sealed)?.map(|(value, _)| value)),
            None => Ok(None),
        }
    }

    fn put(&self, key: &K, value: &V, ttl: Option<Duration>) -> Result<()> {
        let place = self.place(key)?;
        let item = self.item(&place, value, ttl)?;
        self.shared.servers[place.server].client.store(client::Verb::Set, &[item])
    }

    fn remove(&self, key: &K) -> Result<()> {
        let place = self.place(key)?;
        self.shared.servers[place.server].client.delete(&place.name)
    }

    fn clear(&self) -> Result<()> {
        let mut failed = None;
        for server in &self.shared.servers {
            let bytes = new_generation();
            let generation = parsed(&bytes).unwrap_or(1);
            let item = Item { name: self.shared.generation_name.clone(), seconds: 0, bytes };
            match server.client.store(client::Verb::Set, &[item]) {
                Ok(()) => server.generation.store(generation, Ordering::Relaxed),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn get_many(&self, keys: &[&K]) -> Result<Vec<Option<V>>> {
        Ok(self.get_with_time_left(keys)?.into_iter().map(|found| found.map(|(value, _)| value)).collect())
    }

    fn get_with_time_left(&self, keys: &[&K]) -> Result<Vec<Option<Timed<V>>>> {
        let places: Vec<Place> = keys.iter().map(|key| self.place(key)).collect::<Result<_>>()?;
        let mut values: Vec<Option<Timed<V>>> = places.iter().map(|_| None).collect();
        let (mut answered, mut failed) = (places.is_empty(), None);
        for round in self.shared.rounds(&places) {
            // All are asked before the first answer is read.
            let asked = round.into_iter().map(|(server, there)| {
                let names: Vec<&str> = there.iter().map(|index| places[*index].name.as_str()).collect();
                let names = self.shared.marked(&names);
                let sent = self.shared.servers[server].client.ask_for(&names);
                (server, there, names, sent)
            });
            for (server, there, names, sent) in asked.collect::<Vec<_>>() {
                match sent.and_then(|sent| self.shared.answer(server, sent, &names)) {
                    Ok((generation, found)) => {
                        answered = true;
                        for (index, found) in there.iter().zip(found) {
                            let read = |sealed: Vec<u8>| self.read(&places[*index], generation, &sealed).ok().flatten();
                            values[*index] = found.and_then(read);
                        }
                    }
                    Err(error) => failed = Some(error),
                }
            }
        }
        match failed {
            Some(error) if !answered => Err(error),
            _ => Ok(values),
        }
    }

    fn put_many(&self, entries: &[(&K, &V)], ttl: Option<Duration>) -> Result<()> {
        let mut failed = None;
        // One that has no place keeps the others from nothing.
        let place = |key: &K, failed: &mut Option<Error>| self.place(key).map_err(|error| *failed = Some(error)).ok();
        let placed = entries.iter().filter_map(|(key, value)| Some((place(key, &mut failed)?, *value)));
        let (places, values): (Vec<Place>, Vec<&V>) = placed.unzip();
        for round in self.shared.rounds(&places) {
            // All are given theirs before the first answer is read.
            let given = round.into_iter().map(|(server, there)| {
                let client = &self.shared.servers[server].client;
                let (mut items, mut refused) = (Vec::with_capacity(there.len()), Ok(()));
                for index in there {
                    match self
                        .item(&places[index], values[index], ttl)
                        .and_then(|item| client.check(&item).map(|()| item))
                    {
                        Ok(item) => items.push(item),
                        Err(error) if error.is_outage() => return (client, Err(error), refused),
                        Err(error) => refused = Err(error),
                    }
                }
                // A server that is asked nothing has not shown that it answers.
                let sent = (!items.is_empty()).then(|| client.give(client::Verb::Set, &items));
                (client, sent.transpose().map(|sent| sent.map(|sent| (sent, items))), refused)
            });
            for (client, given, refused) in given.collect::<Vec<_>>() {
                let stored = given.and_then(|given| given.map_or(Ok(()), |(sent, items)| client.stored(sent, &items)));
                failed = failed.or(stored.and(refused).err());
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn condition(&self) -> Condition {
        let down = self.shared.servers.iter().any(|server| server.client.is_down());
        if down { Condition::Down } else { Condition::Sound }
    }
}
