//! What stores tell each other: that keys have changed, and that something happened to a claim.
//!
//! A store publishes to the channel of its space, in the same round trip as the change. Who wants to know has one thread that
//! listens. Messages can be lost with a connection; so after each new one everything may have changed, and whoever waits
//! for a message also has a time at which it looks for itself.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use redis::RedisError;

use super::Shared;
use crate::store::Change;

/// The listening thread looks so often whether its store is still there.
const LOOK: Duration = Duration::from_millis(500);
/// So often it asks whether the connection is.
const PING: Duration = Duration::from_secs(5);
/// Between two attempts to connect.
const AGAIN: Duration = Duration::from_millis(250);

/// What a message says of its keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Their values are others now.
    Changed = 1,
    /// All values may be; it names no keys.
    All = 2,
    /// Something happened to claims.
    Claims = 3,
}

type Watcher = Box<dyn Fn(Change<Vec<u8>>) + Send + Sync>;

/// Who listens to a store's channel, and what with.
pub(super) struct Events {
    /// Tells our own messages from those of others.
    origin: [u8; 8],
    channel: Vec<u8>,
    watchers: Mutex<Vec<Watcher>>,
    waiters: Mutex<HashMap<Vec<u8>, Vec<Arc<Signal>>>>,
    state: Mutex<Listening>,
    tried: Condvar,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Listening {
    No,
    /// The thread runs, and has not yet tried to connect.
    Begins,
    /// It has tried.
    Yes,
}

impl fmt::Debug for Events {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Events").field("state", &*lock(&self.state)).finish_non_exhaustive()
    }
}

impl Events {
    pub(super) fn new(space: &str) -> Self {
        Self {
            origin: number().to_le_bytes(),
            channel: format!("{space}!").into_bytes(),
            watchers: Mutex::default(),
            waiters: Mutex::default(),
            state: Mutex::new(Listening::No),
            tried: Condvar::new(),
        }
    }

    pub(super) fn channel(&self) -> &[u8] {
        &self.channel
    }

    /// A message of ours.
    pub(super) fn message(&self, kind: Kind, keys: &[&[u8]]) -> Vec<u8> {
        let mut message = Vec::with_capacity(9 + keys.iter().map(|key| 4 + key.len()).sum::<usize>());
        message.push(kind as u8);
        message.extend(self.origin);
        for key in keys {
            message.extend((key.len() as u32).to_le_bytes());
            message.extend(*key);
        }
        message
    }

    pub(super) fn watch(&self, watcher: Watcher) {
        lock(&self.watchers).push(watcher);
    }

    /// A signal that is given with each message about a key, until it is dropped.
    pub(super) fn signal(&self, key: &[u8]) -> Waiting<'_> {
        let signal = Arc::new(Signal::default());
        lock(&self.waiters).entry(key.to_vec()).or_default().push(Arc::clone(&signal));
        Waiting { events: self, key: key.to_vec(), signal }
    }

    /// Anything may have happened.
    fn all(&self) {
        lock(&self.watchers).iter().for_each(|watcher| watcher(Change::All));
        lock(&self.waiters).values().flatten().for_each(|signal| signal.give());
    }

    fn received(&self, message: &[u8]) {
        let Some((kind, origin, keys)) = parsed(message) else { return self.all() };
        {
            let waiters = lock(&self.waiters);
            keys.iter().filter_map(|key| waiters.get(*key)).flatten().for_each(|signal| signal.give());
        }
        if kind == Kind::Claims || origin == self.origin {
            return;
        }
        if kind == Kind::All {
            return self.all();
        }
        let watchers = lock(&self.watchers);
        for key in keys {
            watchers.iter().for_each(|watcher| watcher(Change::Key(key.to_vec())));
        }
    }
}

/// A random number.
pub(super) fn number() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A message: what it says, who sent it, and the keys that it names.
type Message<'a> = (Kind, [u8; 8], Vec<&'a [u8]>);

/// The parts of a message, if it is one of ours.
fn parsed(message: &[u8]) -> Option<Message<'_>> {
    let (kind, rest) = message.split_first()?;
    let kind = match kind {
        1 => Kind::Changed,
        2 => Kind::All,
        3 => Kind::Claims,
        _ => return None,
    };
    let (origin, rest) = rest.split_first_chunk::<8>()?;
    Some((kind, *origin, parts(rest)?))
}

/// Pieces that each have their length before them.
pub(super) fn parts(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (part, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        parts.push(part);
        bytes = rest;
    }
    Some(parts)
}

/// Given when something happened to a key.
#[derive(Debug, Default)]
struct Signal {
    given: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    fn give(&self) {
        *lock(&self.given) = true;
        self.changed.notify_all();
    }
}

/// Somebody who waits for messages about a key.
pub(super) struct Waiting<'a> {
    events: &'a Events,
    key: Vec<u8>,
    signal: Arc<Signal>,
}

impl Waiting<'_> {
    /// Waits for a message, at most for this long, and takes it.
    pub(super) fn wait(&self, longest: Duration) {
        let given = lock(&self.signal.given);
        let waited = self.signal.changed.wait_timeout_while(given, longest, |given| !*given);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiters = lock(&self.events.waiters);
        if let Some(signals) = waiters.get_mut(&self.key) {
            signals.retain(|signal| !Arc::ptr_eq(signal, &self.signal));
            if signals.is_empty() {
                waiters.remove(&self.key);
            }
        }
    }
}

/// Sees to it that a thread listens, and waits until it has tried to connect.
pub(super) fn listen(shared: &Arc<Shared>) {
    let events = &shared.events;
    let mut state = lock(&events.state);
    if *state == Listening::No {
        let weak = Arc::downgrade(shared);
        let thread = thread::Builder::new().name("speedup-redis-events".to_owned()).spawn(move || run(&weak));
        // Without a thread nobody is told; those who wait look for themselves.
        *state = if thread.is_ok() { Listening::Begins } else { Listening::No };
    }
    while *state == Listening::Begins {
        state = events.tried.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

/// The listening thread: until its store is gone.
fn run(store: &Weak<Shared>) {
    let mut link = Link::Untried;
    while let Some(shared) = store.upgrade() {
        let connection = shared.pool.connect();
        let channel = shared.events.channel.clone();
        drop(shared);
        let ended = connection.and_then(|mut connection| {
            let mut channel_open = connection.as_pubsub();
            channel_open.subscribe(&channel)?;
            channel_open.set_read_timeout(Some(LOOK))?;
            announce(store, &mut link, Link::Up);
            listen_to(store, &mut channel_open)
        });
        if ended.is_ok() {
            return;
        }
        announce(store, &mut link, Link::Down);
        thread::sleep(AGAIN);
    }
}

/// What is known of the connection.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Link {
    Untried,
    Up,
    Down,
}

/// The connection is there, or is not.
fn announce(store: &Weak<Shared>, link: &mut Link, now: Link) {
    let Some(shared) = store.upgrade() else { return };
    let before = std::mem::replace(link, now);
    if before == Link::Untried {
        *lock(&shared.events.state) = Listening::Yes;
        shared.events.tried.notify_all();
    } else if before != now {
        // Of what has changed while there was no connection nobody has told. As long as there is none, nothing is new.
        shared.events.all();
    }
}

/// Takes messages until the store is gone, or the connection is.
fn listen_to(store: &Weak<Shared>, channel: &mut redis::PubSub<'_>) -> Result<(), RedisError> {
    let mut heard = Instant::now();
    loop {
        let message = channel.get_message();
        let Some(shared) = store.upgrade() else { return Ok(()) };
        match message {
            Ok(message) => {
                heard = Instant::now();
                shared.events.received(message.get_payload_bytes());
            }
            Err(error) if error.is_timeout() => {
                if heard.elapsed() >= PING {
                    channel.ping::<redis::Value>()?;
                    heard = Instant::now();
                }
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_and_garbage_does_not() {
        let events = Events::new("space");
        let message = events.message(Kind::Changed, &[b"one", b""]);
        assert_eq!(parsed(&message), Some((Kind::Changed, events.origin, vec![&b"one"[..], b""])));
        assert_eq!(parsed(&message[..message.len() - 1]), None);
        assert_eq!(parsed(b"garbage"), None);
        assert_eq!(parsed(b""), None);
    }

    #[test]
    fn who_waits_for_a_key_hears_of_that_key() {
        let events = Events::new("space");
        let (one, two) = (events.signal(b"one"), events.signal(b"two"));
        events.received(&events.message(Kind::Claims, &[b"one"]));
        assert!(*lock(&one.signal.given) && !*lock(&two.signal.given));
        one.wait(Duration::from_secs(60));
        drop((one, two));
        assert!(lock(&events.waiters).is_empty());
    }
}
