//! [`RedisStore`]: results that several processes and machines share through a Redis (or Valkey, or KeyDB) server.
//!
//! The client is the `redis` crate, for its connections, addresses and parser; commands are written here, since its own
//! pipelines wait for every answer after one has timed out.

mod builder;
mod claims;
mod cooperate;
mod events;
mod pool;
mod route;
mod signal;

use std::{fmt, sync::Arc, time::Duration};

use redis::Value;
use serde::{Serialize, de::DeserializeOwned};

pub use self::builder::Builder;
use self::{
    claims::Claims,
    events::{Events, Kind},
    pool::{Commands, Pool},
};
use super::{Claim, Condition, Error, Result, Store, Timed, Token, Watcher, codec, codec::Codec, cooperate::Cooperate};

/// The longest name of a key that is written out; of others a hash is.
const LONGEST_NAME: usize = 256;
/// So many commands or bytes go to the server at once.
const AT_ONCE: usize = 1_000;
const BYTES_AT_ONCE: usize = 1 << 20;
/// Times to live beyond this are for ever.
const FOR_EVER: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 100);

/// A store of results on a Redis server, for any number of processes and machines.
///
/// # Guarantees
/// - Everything that [`Store`] asks for. What lies under our keys and was not written by a store of the same types, or is not whole, is
///   [`Error::Damaged`] and never a value; [`get_many`](Store::get_many) takes it for missing.
/// - A group is looked up in one round trip and kept in one, up to a thousand entries at a time.
/// - Connections are kept and used again, and replaced when they break. An answer is waited for as long as the builder
///   says. A server that did not answer is left alone for 250 ms, then for twice as long each time up to 5 s: an outage costs
///   a timeout a rest and not one a call ([`Error::Resting`]).
/// - [`clear`](Store::clear) removes what is in the store's namespace, of the same types, and nothing else.
/// - [`watch`](Store::watch) tells of changes by other stores as soon as the server passes them on. After a lost connection
///   it says that anything may have changed.
///
/// A key is `speedup:NAMESPACE:TYPES` and the arguments; `TYPES` is a number of what keys and values are made of. **The namespace
/// says whose results they are**: name the function and the version of its code. Two functions of the same types and one namespace would
/// read each other's results.
///
/// # Examples
/// ```no_run
/// use std::time::Duration;
/// use speedup_runtime::store::{RedisStore, Store};
///
/// let store = RedisStore::<(u64,), String>::builder("redis://127.0.0.1:6379", "names-v1")
///     .timeout(Duration::from_millis(200))
///     .ttl(Duration::from_secs(3600))
///     .open()?;
/// store.put(&(7,), &"seven".to_string(), None)?;
/// assert_eq!(store.get(&(7,))?.as_deref(), Some("seven"));
/// # Ok::<(), speedup_runtime::store::Error>(())
/// ```
pub struct RedisStore<K, V> {
    codec: Codec<K, V>,
    ttl: Option<Duration>,
    cooperates: bool,
    claims_all: bool,
    shared: Arc<Shared>,
}

impl<K, V> Clone for RedisStore<K, V> {
    /// The same store: its connections and claims are shared.
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), ..*self }
    }
}

impl<K, V> fmt::Debug for RedisStore<K, V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = out.debug_struct("RedisStore");
        out.field("server", &self.shared.pool.name()).field("space", &self.shared.space).finish_non_exhaustive()
    }
}

/// What does not depend on the types, and what the threads of the store share.
#[derive(Debug)]
struct Shared {
    pool: Pool,
    /// What all names of keys begin with.
    space: String,
    events: Arc<Events>,
    claims: Arc<Claims>,
}

impl Shared {
    fn name(&self, key: &[u8]) -> String {
        codec::address(&self.space, key, LONGEST_NAME)
    }

    fn name_of_claim(&self, key: &[u8]) -> String {
        self.name(key) + "/claim"
    }

    /// Adds the command that tells others of keys.
    fn tell(&self, commands: &mut Commands, kind: Kind, keys: &[&[u8]]) {
        commands.add(&[b"PUBLISH", self.events.channel(), &self.events.message(kind, keys)]);
    }
}

impl<K: Serialize + DeserializeOwned, V: Serialize + DeserializeOwned> RedisStore<K, V> {
    /// A store at a server's address, with the builder's defaults.
    ///
    /// | address | server |
    /// |---|---|
    /// | `redis://user:password@host:port/db` | this one |
    /// | `rediss://host:port` | the same by TLS, with the feature `redis-tls`; `#insecure` believes any certificate |
    /// | `unix:///path` | this one on this machine |
    /// | `redis-sentinel://:password@host:port,host:port/db#master` | the master of that name, as the first sentinel that answers says; after an outage it is asked again |
    /// | `redis-cluster://:password@host:port,host:port` | the node of a cluster that has the store's keys: all of one store lie in one slot, so that groups stay one round trip |
    ///
    /// `rediss-sentinel` and `rediss-cluster` are the same by TLS.
    ///
    /// It does not connect: that is done by the first call, and again by later ones after an outage.
    ///
    /// # Errors
    /// If the address or the namespace cannot be one.
    pub fn open(address: impl Into<String>, namespace: impl Into<String>) -> Result<Self> {
        Self::builder(address, namespace).open()
    }

    /// A store with other choices than the defaults.
    pub fn builder(address: impl Into<String>, namespace: impl Into<String>) -> Builder<K, V> {
        Builder::new(address.into(), namespace.into())
    }

    /// The value that lies sealed under a key.
    fn read(&self, key: &[u8], sealed: &[u8]) -> Result<V> {
        let whole = codec::open(key, sealed).and_then(|value| self.codec.decode(value));
        whole.map_err(|error| match error {
            Error::Damaged { reason, .. } => Error::damaged(self.shared.pool.name(), reason),
            other => other,
        })
    }

    /// A value as it lies on the server.
    fn written(&self, key: &[u8], value: &V) -> Result<Vec<u8>> {
        Ok(codec::seal(key, &self.codec.encode(value)?))
    }

    /// The time to live of a value, in milliseconds.
    fn ttl(&self, ttl: Option<Duration>) -> Option<String> {
        let ttl = ttl.or(self.ttl).filter(|ttl| *ttl < FOR_EVER)?;
        Some(ttl.as_millis().max(1).to_string())
    }

    /// The command that keeps a value, and those that end a claim of ours to it and tell others.
    fn keep(&self, key: &[u8], value: &V, ttl: Option<Duration>) -> Result<Commands> {
        let (name, sealed) = (self.shared.name(key), self.written(key, value)?);
        let mut commands = match self.ttl(ttl) {
            Some(ttl) => Commands::one(&[b"SET", name.as_bytes(), &sealed, b"PX", ttl.as_bytes()]),
            None => Commands::one(&[b"SET", name.as_bytes(), &sealed]),
        };
        if let Some(token) = self.shared.claims.token(key) {
            claims::add_release(&mut commands, &self.shared.name_of_claim(key), token);
        }
        self.shared.tell(&mut commands, Kind::Changed, &[key]);
        Ok(commands)
    }

    /// The values of keys, and what is left of their time if that is asked for: in the same round trip.
    fn look_up(&self, keys: &[&K], with_time: bool) -> Result<Vec<Option<Timed<V>>>> {
        // One piece of memory for all keys, and one for all names.
        let (mut bytes, mut ends, mut name) = (Vec::new(), vec![0], Vec::new());
        for key in keys {
            self.codec.append_key(key, &mut bytes)?;
            ends.push(bytes.len());
        }
        let key = |ends: &[usize]| &bytes[ends[0]..ends[1]];
        let spans: Vec<&[usize]> = ends.windows(2).collect();
        let mut values = Vec::with_capacity(keys.len());
        for spans in spans.chunks(AT_ONCE) {
            let mut commands = Commands::default();
            let mut add_name = |commands: &mut Commands, span: &[usize]| {
                name.clear();
                codec::write_address(&mut name, &self.shared.space, key(span), LONGEST_NAME);
                commands.word(&name);
            };
            commands.begin(1 + spans.len());
            commands.word(b"MGET");
            spans.iter().for_each(|span| add_name(&mut commands, span));
            for span in spans.iter().filter(|_| with_time) {
                commands.begin(2);
                commands.word(b"PTTL");
                add_name(&mut commands, span);
            }
            let mut answers = self.shared.pool.ask(&commands)?.into_iter();
            let answer = answers.next().unwrap_or(Value::Nil);
            let Value::Array(found) = answer else { return Err(self.unexpected(&answer)) };
            for (span, found) in spans.iter().zip(found) {
                let left = answers.next().map_or(Ok(None), |answer| time_left(&answer).ok_or(answer));
                let left = left.map_err(|answer| self.unexpected(&answer))?;
                let Value::BulkString(sealed) = found else {
                    values.push(None);
                    continue;
                };
                values.push(self.read(key(span), &sealed).ok().map(|value| (value, left)));
            }
        }
        Ok(values)
    }

    fn unexpected(&self, answer: &Value) -> Error {
        Error::Refused { store: self.shared.pool.name().to_owned(), reason: format!("an answer {answer:?}") }
    }

    /// The only answer of a command.
    fn ask_one(&self, commands: &Commands) -> Result<Value> {
        Ok(self.shared.pool.ask(commands)?.pop().unwrap_or(Value::Nil))
    }
}

impl<K, V> Store<K, V> for RedisStore<K, V>
where
    K: Serialize + DeserializeOwned + 'static,
    V: Serialize + DeserializeOwned + 'static,
{
    fn get(&self, key: &K) -> Result<Option<V>> {
        let key = self.codec.encode_key(key)?;
        match self.ask_one(&Commands::one(&[b"GET", self.shared.name(&key).as_bytes()]))? {
            Value::Nil => Ok(None),
            Value::BulkString(sealed) => self.read(&key, &sealed).map(Some),
            other => Err(self.unexpected(&other)),
        }
    }

    fn put(&self, key: &K, value: &V, ttl: Option<Duration>) -> Result<()> {
        let key = self.codec.encode_key(key)?;
        self.shared.pool.ask(&self.keep(&key, value, ttl)?)?;
        self.shared.claims.end(&key);
        Ok(())
    }

    fn remove(&self, key: &K) -> Result<()> {
        let key = self.codec.encode_key(key)?;
        let mut commands = Commands::one(&[b"UNLINK", self.shared.name(&key).as_bytes()]);
        self.shared.tell(&mut commands, Kind::Changed, &[&key]);
        self.shared.pool.ask(&commands).map(drop)
    }

    fn clear(&self) -> Result<()> {
        let pattern = escaped(&self.shared.space) + "[:#]*";
        let mut cursor = b"0".to_vec();
        loop {
            let scan = Commands::one(&[b"SCAN", &cursor, b"MATCH", pattern.as_bytes(), b"COUNT", b"1000"]);
            let answer = self.ask_one(&scan)?;
            let Value::Array(parts) = answer else { return Err(self.unexpected(&answer)) };
            let [Value::BulkString(next), Value::Array(found)] = &parts[..] else {
                return Err(self.unexpected(&Value::Array(parts)));
            };
            if !found.is_empty() {
                let mut unlink = Commands::default();
                unlink.begin(1 + found.len());
                unlink.word(b"UNLINK");
                for name in found {
                    let Value::BulkString(name) = name else { return Err(self.unexpected(name)) };
                    unlink.word(name);
                }
                self.shared.pool.ask(&unlink)?;
            }
            cursor.clone_from(next);
            if cursor == b"0" {
                break;
            }
        }
        let mut commands = Commands::default();
        self.shared.tell(&mut commands, Kind::All, &[]);
        self.shared.pool.ask(&commands).map(drop)
    }

    fn get_many(&self, keys: &[&K]) -> Result<Vec<Option<V>>> {
        Ok(self.look_up(keys, false)?.into_iter().map(|found| found.map(|(value, _)| value)).collect())
    }

    fn get_with_time_left(&self, keys: &[&K]) -> Result<Vec<Option<Timed<V>>>> {
        self.look_up(keys, true)
    }

    fn put_many(&self, entries: &[(&K, &V)], ttl: Option<Duration>) -> Result<()> {
        let (mut batch, mut refused) = (Batch::new(self.ttl(ttl)), Ok(()));
        for (key, value) in entries {
            match self.codec.encode_key(key).and_then(|key| Ok((self.written(&key, value)?, key))) {
                Ok((sealed, key)) => batch.add(&self.shared, key, &sealed),
                // The others are kept all the same.
                Err(error) => refused = Err(error),
            }
            if batch.is_full() {
                batch.send(&self.shared)?;
            }
        }
        batch.send(&self.shared).and(refused)
    }

    fn claim(&self, key: &K, lease: Duration) -> Result<Claim> {
        let key = self.codec.encode_key(key)?;
        Ok(match claims::ask(&self.shared, &key, lease)? {
            claims::Answer::Value(_) => Claim::Ready,
            claims::Answer::Mine(token) => Claim::Mine(token),
            claims::Answer::Taken { .. } => Claim::Taken,
        })
    }

    fn renew(&self, key: &K, token: Token, lease: Duration) -> Result<bool> {
        let key = self.codec.encode_key(key)?;
        let mut commands = Commands::default();
        claims::add_renewal(&mut commands, &self.shared.name_of_claim(&key), token, lease);
        Ok(self.ask_one(&commands)? == Value::Int(1))
    }

    fn release(&self, key: &K, token: Token) -> Result<()> {
        claims::release(&self.shared, &self.codec.encode_key(key)?, token)
    }

    fn watch(&self, changed: Watcher<K>) -> Result<bool> {
        let codec = self.codec;
        self.shared.events.watch(Arc::new(move |change| match change {
            super::Change::Key(key) => match codec.decode_key(&key) {
                Ok(key) => changed(super::Change::Key(key)),
                // Somebody writes other things to our channel.
                Err(_) => changed(super::Change::All),
            },
            super::Change::All => changed(super::Change::All),
        }));
        events::listen(&self.shared);
        Ok(true)
    }

    fn cooperation(&self) -> Option<&dyn Cooperate<K, V>> {
        if self.cooperates { Some(self) } else { None }
    }

    fn condition(&self) -> Condition {
        if self.shared.pool.is_down() { Condition::Down } else { Condition::Sound }
    }
}

/// What `PTTL` says is left of a value's time: negative numbers are for what has none, and for what has just gone.
fn time_left(answer: &Value) -> Option<Option<Duration>> {
    match answer {
        Value::Int(-1) => Some(None),
        Value::Int(left) => Some(Some(Duration::from_millis(u64::try_from(*left).unwrap_or(0)))),
        _ => None,
    }
}

/// Entries that go to the server at once.
struct Batch {
    ttl: Option<String>,
    /// Without a time to live they are words of one `MSET`.
    words: Vec<Vec<u8>>,
    commands: Commands,
    bytes: usize,
    keys: Vec<Vec<u8>>,
}

impl Batch {
    fn new(ttl: Option<String>) -> Self {
        Self { ttl, words: Vec::new(), commands: Commands::default(), bytes: 0, keys: Vec::new() }
    }

    fn add(&mut self, shared: &Shared, key: Vec<u8>, sealed: &[u8]) {
        let name = shared.name(&key);
        self.bytes += name.len() + sealed.len();
        match &self.ttl {
            Some(ttl) => self.commands.add(&[b"SET", name.as_bytes(), sealed, b"PX", ttl.as_bytes()]),
            None => self.words.extend([name.into_bytes(), sealed.to_vec()]),
        }
        self.keys.push(key);
    }

    fn is_full(&self) -> bool {
        self.keys.len() >= AT_ONCE || self.bytes >= BYTES_AT_ONCE
    }

    /// Sends what there is, and is empty again.
    fn send(&mut self, shared: &Shared) -> Result<()> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let mut commands = std::mem::take(&mut self.commands);
        if !self.words.is_empty() {
            commands.begin(1 + self.words.len());
            commands.word(b"MSET");
            self.words.iter().for_each(|word| commands.word(word));
        }
        let keys: Vec<&[u8]> = self.keys.iter().map(Vec::as_slice).collect();
        shared.tell(&mut commands, Kind::Changed, &keys);
        shared.pool.ask(&commands)?;
        keys.iter().for_each(|key| shared.claims.end(key));
        *self = Self::new(self.ttl.take());
        Ok(())
    }
}

/// A text as a pattern that it alone matches.
fn escaped(text: &str) -> String {
    let special = |letter: &char| matches!(letter, '*' | '?' | '[' | ']' | '^' | '\\' | '-');
    text.chars().flat_map(|letter| special(&letter).then_some('\\').into_iter().chain([letter])).collect()
}
