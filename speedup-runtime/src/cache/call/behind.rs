//! What lies behind a cache: a store that is asked on a miss, see [`store`](crate::store).
//!
//! The cache itself knows no store. It tells whatever lies behind it what its handle is asked to do, and which keys are about to be needed.

use std::{any::Any, error::Error, future::Future, pin::Pin, time::Duration};

use crate::seeing::stats::Condition;

/// What went wrong behind a cache: a [`store::Error`](crate::store::Error).
#[doc(hidden)]
pub type Fault = Box<dyn Error + Send + Sync>;

/// What computes a value.
type Body<'a, R> = &'a mut dyn FnMut() -> R;
/// What helps with calls that another process needs.
#[doc(hidden)]
pub struct Help<'a, K> {
    /// Computes them; or waits for those that this process computes, and panics if one of them is a call of this thread.
    pub by: &'a mut dyn FnMut(Vec<K>),
    /// Whether it computes them. Calls that are more than their keys cannot be computed for others.
    pub computes: bool,
}

/// What a cache asks of what lies behind it.
#[doc(hidden)]
pub trait Behind<K, R>: Sync {
    /// Called before anything else, each time.
    fn attach(&'static self, attached: Attached<K, R>);

    /// The value of a key that has been claimed and is about to be computed, if there is one.
    ///
    /// # Errors
    /// Those of the store.
    fn look(&'static self, key: &K) -> Result<Option<R>, Fault>;

    /// Whether asking takes next to no time, so that a task may do it.
    fn is_prompt(&'static self) -> bool;

    /// Notes a value that was computed, to be written soon.
    fn note(&'static self, key: &K, value: &R);

    /// Whether so much waits to be written that noting more may have to wait, too.
    fn is_behind(&'static self) -> bool;

    /// Writes a value that was computed, now.
    ///
    /// # Errors
    /// Those of the store.
    fn write(&'static self, key: &K, value: &R) -> Result<(), Fault>;

    /// Fetches these members of the keys in one go: they are about to be needed. Puts them in the order in which they are taken.
    ///
    /// `claims` says that the first of them is computed at once: then it may be claimed for that, and is kept so until what is returned is dropped.
    fn foretell(&'static self, keys: &[K], members: &mut [usize], claims: bool) -> Option<Seat>;

    /// The same for tasks that are all to be polled at once: what to await before, if anything is to be fetched. All that are free are claimed.
    fn foretell_all(&'static self, keys: Vec<K>) -> Option<Foretelling>;

    /// Whether calls are shared with other processes.
    fn is_together(&'static self) -> bool;

    /// The value of a claimed key: another process's, or that of the body, which is called once at most. `None` if it was not called and there is none.
    ///
    /// `help` computes what another process needs for the key.
    fn together(&'static self, key: &K, body: Body<'_, R>, help: Help<'_, K>) -> Option<R>;

    /// The same where the store must not fail; a value that is computed is written before it is returned.
    ///
    /// # Errors
    /// Those of the store.
    fn together_or_fail(&'static self, key: &K, body: Body<'_, R>, help: Help<'_, K>) -> Result<Option<R>, Fault>;

    /// What an `async` call that has claimed a key does next: as `look` and `together`, but where it would have to wait it says for what.
    ///
    /// `beside` is what other calls it found that are computed, and with which needs, if it has asked before: then it waits for those, too.
    ///
    /// # Errors
    /// Those of the store.
    fn turn(&'static self, key: &K, beside: Option<&[(K, u64)]>) -> Result<Turn<K, R>, Fault>;

    /// Looks for a call that nobody computes among those that another process needs, and those that these need in turn, but for those that were helped with.
    ///
    /// `claims` says whether one that nobody computes is to be claimed: if not, it looks for those that this process computes.
    ///
    /// # Errors
    /// Those of the store.
    fn seek(&'static self, needs: Vec<K>, helped: &[K], claims: bool) -> Result<Sought<K>, Fault>;

    /// Ends a turn with the value, which took so long by itself: others are waiting for it.
    ///
    /// # Errors
    /// Those of the store; then the value is noted, to be written later.
    fn end_turn(&'static self, key: &K, value: &R, own: Duration) -> Result<(), Fault>;

    /// Ends a turn without a value.
    fn give_up(&'static self, key: &K);

    /// Says of a key whose turn it is which keys it needs next.
    fn needs(&'static self, key: &K, needed: &[K]);

    /// The value of a key, if there is one.
    fn peek(&'static self, key: &K) -> Option<R>;

    /// Puts a value in.
    fn insert(&'static self, key: &K, value: &R);

    /// Forgets a key.
    fn remove(&'static self, key: &K);

    /// Forgets everything.
    fn clear(&'static self);

    /// Runs a computation of a key for which the store is not asked.
    fn afresh(&'static self, key: &K, compute: &mut dyn FnMut());

    /// Writes what is on its way.
    ///
    /// # Errors
    /// Those of the store.
    fn flush(&'static self) -> Result<(), Fault>;

    /// Calls `each` for all entries until it returns false; false if they cannot be listed.
    ///
    /// # Errors
    /// Those of the store.
    fn entries(&'static self, each: &mut dyn FnMut(K, R) -> bool) -> Result<bool, Fault>;

    /// What has come of it so far.
    fn counts(&'static self) -> Counts;
}

/// What a task awaits before it asks again.
#[doc(hidden)]
pub(in crate::cache) type Changed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Keeps a call free for whoever of this process asks for it next: to be dropped by a thread that may wait.
#[doc(hidden)]
pub type Seat = Box<dyn Send>;

/// What a group of `async` calls awaits before its members are polled: a seat for each that was claimed, in the order of the keys.
#[doc(hidden)]
pub type Foretelling = Pin<Box<dyn Future<Output = Vec<Option<Seat>>> + Send>>;

/// What an `async` call does that has asked for its key.
#[doc(hidden)]
pub enum Turn<K, R> {
    /// It takes this value.
    There(R),
    /// It computes the value, and notes it.
    Alone,
    /// It computes the value for others, too, and ends its turn.
    Mine,
    /// Another process computes it: the call helps with what that needs, or waits, and asks again.
    Taken {
        /// What it needs next.
        needs: Vec<K>,
        /// A number of the needs.
        seen: u64,
        /// What to wait for, if the needs are those that were known.
        changed: Option<Changed>,
    },
}

/// What the cache lets know whatever lies behind it.
#[doc(hidden)]
pub struct Attached<K, R> {
    /// Opens the store: returns what [`opened`](crate::store::opened) does.
    pub open: fn() -> Box<dyn Any + Send + Sync>,
    /// Drops a key, or all of them, from the memory of the cache.
    pub forget: fn(Option<&K>),
    /// Which results are kept.
    pub keep: Option<fn(&R) -> bool>,
}

/// What has come of a store so far.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Values that were found.
    pub found: u64,
    /// Calls of the store that failed.
    pub errors: u64,
    /// The state of the store.
    pub condition: Condition,
}

/// What lies behind a function, and how it is made.
pub(in crate::cache) struct Docked<K: 'static, R: 'static> {
    pub(in crate::cache) behind: &'static dyn Behind<K, R>,
    pub(in crate::cache) open: fn() -> Box<dyn Any + Send + Sync>,
    pub(in crate::cache) forget: fn(Option<&K>),
}

impl<K, R> Clone for Docked<K, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, R> Copy for Docked<K, R> {}

impl<K, R> Docked<K, R> {
    /// What has come of it so far.
    pub(in crate::cache) fn counts(self) -> Counts {
        self.behind.counts()
    }
}

/// What has come of [seeking](Behind::seek) a call.
pub enum Sought<K> {
    /// This one is free.
    Free(K, Seat),
    /// None, but a task or a thread of this process computes this one.
    Ours(K),
    /// None: these are computed by others, with the numbers of what they need.
    Taken(Vec<(K, u64)>),
}
