//! What stores tell each other: that keys have changed, and that something happened to a claim.
//!
//! A store publishes to the channel of its space, in the same round trip as the change. Who wants to know has one thread that
//! listens. Messages can be lost with a connection; so after each new one everything may have changed, and whoever waits
//! for a message also has a time at which it looks for itself.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher as _, RandomState},
    process,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use redis::RedisError;

use super::{
    Shared,
    signal::{Signal, Waiting},
};
use crate::panics;
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

type Watcher = Arc<dyn Fn(Change<Vec<u8>>) + Send + Sync>;

/// Who listens to a store's channel, and what with.
pub(super) struct Events {
    /// Tells our own messages from those of others.
    origin: [u8; 8],
    channel: Vec<u8>,
    watchers: Mutex<Vec<Watcher>>,
    waiters: Mutex<HashMap<Vec<u8>, Vec<Arc<Signal>>>>,
    /// And in which process: a fork has no threads.
    state: Mutex<(Listening, u32)>,
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
        out.debug_struct("Events").field("state", &lock(&self.state).0).finish_non_exhaustive()
    }
}

impl Events {
    pub(super) fn new(space: &str) -> Self {
        Self {
            origin: number().to_le_bytes(),
            channel: format!("{space}!").into_bytes(),
            watchers: Mutex::default(),
            waiters: Mutex::default(),
            state: Mutex::new((Listening::No, process::id())),
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
    pub(super) fn signal(self: &Arc<Self>, key: &[u8]) -> Waiting {
        self.signal_of(vec![key.to_vec()])
    }

    /// The same for several keys.
    pub(super) fn signal_of(self: &Arc<Self>, keys: Vec<Vec<u8>>) -> Waiting {
        let signal = Arc::new(Signal::default());
        let mut waiters = lock(&self.waiters);
        keys.iter().for_each(|key| waiters.entry(key.clone()).or_default().push(Arc::clone(&signal)));
        drop(waiters);
        Waiting::new(Arc::clone(self), keys, signal)
    }

    /// A signal is not waited for any more.
    pub(super) fn forget(&self, keys: &[Vec<u8>], gone: &Arc<Signal>) {
        let mut waiters = lock(&self.waiters);
        for key in keys {
            if let Some(signals) = waiters.get_mut(key) {
                signals.retain(|signal| !Arc::ptr_eq(signal, gone));
                if signals.is_empty() {
                    waiters.remove(key);
                }
            }
        }
    }

    /// Tells the watchers. They are users' code, so that the lock is not held then.
    fn tell(&self, change: impl Fn() -> Change<Vec<u8>>) {
        let watchers = lock(&self.watchers).clone();
        watchers.iter().for_each(|watcher| panics::contain(|| watcher(change())));
    }

    /// Gives the signals of these keys, or those for which this is true of all. Wakers are users' code, so that the lock is not held then.
    fn give(&self, keys: Option<&[&[u8]]>, is_due: impl Fn(&Signal) -> bool) {
        let due: Vec<Arc<Signal>> = {
            let waiters = lock(&self.waiters);
            let signals: Vec<&Arc<Signal>> = match keys {
                Some(keys) => keys.iter().filter_map(|key| waiters.get(*key)).flatten().collect(),
                None => waiters.values().flatten().collect(),
            };
            signals.into_iter().filter(|signal| is_due(signal)).cloned().collect()
        };
        due.iter().for_each(|signal| signal.give());
    }

    /// Something has happened to a key in this process.
    pub(super) fn stir(&self, key: &[u8]) {
        self.give(Some(&[key]), |_| true);
    }

    /// Anything may have happened.
    fn all(&self) {
        self.tell(|| Change::All);
        self.give(None, |_| true);
    }

    /// The store is gone.
    pub(super) fn end(&self) {
        self.give(None, |_| true);
    }

    /// Gives the signals of tasks whose time has come: they have no clock of their own.
    fn look(&self) {
        let now = Instant::now();
        self.give(None, |signal| signal.is_due(now));
    }

    fn received(&self, message: &[u8]) {
        let Some((kind, origin, keys)) = parsed(message) else { return self.all() };
        self.give(Some(&keys), |_| true);
        if kind == Kind::Claims || origin == self.origin {
            return;
        }
        if kind == Kind::All {
            return self.all();
        }
        for key in keys {
            self.tell(|| Change::Key(key.to_vec()));
        }
    }
}

/// A random number.
pub(super) fn number() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

/// Nothing panics while it is held.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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

/// Sees to it that a thread listens, and waits until it has tried to connect. False if none can be had.
pub(super) fn listen(shared: &Arc<Shared>) -> bool {
    let events = &shared.events;
    let mut state = lock(&events.state);
    if state.1 != process::id() {
        *state = (Listening::No, process::id());
    }
    if state.0 == Listening::No {
        let weak = Arc::downgrade(shared);
        let thread = thread::Builder::new().name("speedup-redis-events".to_owned()).spawn(move || run(&weak));
        // Without a thread nobody is told; those who wait look for themselves.
        state.0 = if thread.is_ok() { Listening::Begins } else { Listening::No };
    }
    while state.0 == Listening::Begins {
        state = events.tried.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    state.0 == Listening::Yes
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
            // Told at once: the channel says goodbye when it goes, and waits for the answer to that.
            channel_open.subscribe(&channel).inspect_err(|_| announce(store, &mut link, Link::Down))?;
            channel_open.set_read_timeout(Some(LOOK))?;
            announce(store, &mut link, Link::Up);
            listen_to(store, &mut channel_open)
        });
        if ended.is_ok() {
            return;
        }
        announce(store, &mut link, Link::Down);
        thread::sleep(AGAIN);
        if let Some(shared) = store.upgrade() {
            shared.events.look();
        }
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
        lock(&shared.events.state).0 = Listening::Yes;
        shared.events.tried.notify_all();
    } else if before != now {
        // Of what has changed while there was no connection nobody has told. As long as there is none, nothing is new.
        shared.events.all();
    }
}

/// Takes messages until the store is gone, or the connection is.
fn listen_to(store: &Weak<Shared>, channel: &mut redis::PubSub<'_>) -> Result<(), RedisError> {
    let (mut heard, mut looked) = (Instant::now(), Instant::now());
    loop {
        let message = channel.get_message();
        let Some(shared) = store.upgrade() else { return Ok(()) };
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            shared.events.look();
        }
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
    use std::{
        future::Future as _,
        pin::Pin,
        task::{Context, Waker},
    };

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
        let events = Arc::new(Events::new("space"));
        let (one, two) = (events.signal(b"one"), events.signal(b"two"));
        events.received(&events.message(Kind::Claims, &[b"one"]));
        assert!(one.is_given() && !two.is_given());
        one.wait(Duration::from_secs(60));
        drop((one, two));
        assert!(lock(&events.waiters).is_empty());
    }

    #[test]
    fn tasks_hear_of_their_key_of_their_time_and_of_the_end() {
        let events = Arc::new(Events::new("space"));
        let long = Duration::from_secs(3_600);
        let [mut told, mut due, mut left] = [(&b"one"[..], long), (b"two", Duration::ZERO), (b"three", long)]
            .map(|(key, longest)| events.signal(key).at_most(longest));
        let mut context = Context::from_waker(Waker::noop());
        let mut are_ready =
            || [&mut told, &mut due, &mut left].map(|waiting| Pin::new(waiting).poll(&mut context).is_ready());
        assert_eq!(are_ready(), [false; 3]);
        events.received(&events.message(Kind::Claims, &[b"one"]));
        assert_eq!(are_ready(), [true, false, false]);
        events.look();
        assert_eq!(are_ready(), [true, true, false]);
        events.end();
        assert_eq!(are_ready(), [true; 3]);
        drop((told, due, left));
        assert!(lock(&events.waiters).is_empty());
    }

    #[test]
    fn a_watcher_that_panics_keeps_nobody_from_being_told() {
        let events = Arc::new(Events::new("space"));
        let (tell, told) = std::sync::mpsc::channel();
        events.watch(Arc::new(|_| panic!("in a watcher")));
        let inner = Arc::clone(&events);
        events.watch(Arc::new(move |change| {
            inner.watch(Arc::new(|_| ()));
            drop(tell.send(change));
        }));
        events.received(&Events::new("space").message(Kind::Changed, &[b"one"]));
        events.received(b"garbage");
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [Change::Key(b"one".to_vec()), Change::All]);
    }
}
