//! Computing each key once between processes that share a store.
//!
//! Before a call is computed its key is claimed in the store. Its owner says there which keys it needs next, when it comes to
//! several that do not need each other. Who finds a key claimed looks among those, and among what they need in turn, for one that
//! nobody computes, in an order of its own, so that processes meet in the middle of a recursion instead of following each other; where there
//! is none, it waits to be told of the value, or of new needs. So every wait follows a dependency, and a circle of waits would be a circle of the recursion itself: what is awaited is
//! said on the claim, too, so that whoever comes there meets its own key again, and reports it.

mod computing;
mod groups;
#[doc(hidden)]
pub mod policy;
mod search;

use std::{future::Future, pin::Pin};

use super::Result;

use self::computing::innermost;
pub(super) use self::{
    computing::together_by,
    groups::{All, all},
    search::{Found, computes, look_around, search},
};
pub use self::{
    computing::{announce, together},
    groups::{Group, group},
    search::take,
};

/// What a store does for processes that compute one recursion together. See [`Store::cooperation`](super::Store::cooperation).
pub trait Cooperate<K, V>: Send + Sync {
    /// The value of a key; or a claim to it, if it has neither; or what its owner needs next.
    ///
    /// A claim of a living process lasts until [`give_up`](Self::give_up) or until the value is put.
    ///
    /// # Errors
    /// If the store could not be asked.
    fn begin(&self, key: &K) -> Result<Begun<K, V>>;

    /// The same after waiting, without asking again and again, until it is another answer than `Taken` with the needs that were seen. A store that
    /// [claims for others](Self::foretell_and_claim) returns that answer, too, when it is [stirred](Self::stir): what waits here may [take] the call.
    ///
    /// # Errors
    /// If the store could not be asked.
    fn wait(&self, key: &K, seen: u64) -> Result<Begun<K, V>>;

    /// The same, but until the answer for one of the keys beside may be another one, too. Of each it is said which needs were seen.
    ///
    /// # Errors
    /// If the store could not be asked.
    fn wait_beside(&self, key: &K, seen: u64, beside: &[(K, u64)]) -> Result<Begun<K, V>> {
        let _ = beside;
        self.wait(key, seen)
    }

    /// What is known of several keys, in their order, without a claim to any: one round trip.
    ///
    /// # Errors
    /// If the store could not be asked.
    fn look(&self, keys: &[&K]) -> Result<Vec<Looked<K>>> {
        let foretold = self.foretell(None, keys)?.into_iter();
        let looked = foretold.map(|foretold| match foretold {
            Foretold::Value(_) => Looked::There,
            Foretold::Free => Looked::Free,
            Foretold::Taken | Foretold::Mine => Looked::Taken { needs: Vec::new(), seen: 0 },
        });
        Ok(looked.collect())
    }

    /// Claims the first of these keys that nobody computes and that has no value, if there is one: one round trip where the store can.
    ///
    /// What a look at those before it has shown is returned, too; without one, at all of them.
    ///
    /// # Errors
    /// If the store could not be asked.
    fn claim_first(&self, keys: &[&K]) -> Result<First<K>> {
        let mut looked = self.look(keys)?;
        for (index, (key, shown)) in keys.iter().zip(&mut looked).enumerate() {
            if !matches!(shown, Looked::Free) {
                continue;
            }
            *shown = match self.begin(key)? {
                Begun::Value(_) => Looked::There,
                Begun::Taken { needs, seen } => Looked::Taken { needs, seen },
                Begun::Mine => {
                    looked.truncate(index);
                    return Ok(First { is_claimed: true, before: looked });
                }
            };
        }
        Ok(First { is_claimed: false, before: looked })
    }

    /// As [`begin`](Self::begin) for a task, which cannot wait here: of a key that another process computes, also what it awaits before it asks again.
    ///
    /// `None` in its place says that the store cannot tell. Then calls of `async` functions are computed without waiting for others.
    ///
    /// # Errors
    /// If the store could not be asked.
    fn begin_watching(&self, key: &K) -> Result<(Begun<K, V>, Option<Changed>)> {
        Ok((self.begin(key)?, None))
    }

    /// The same, but what it awaits is over, too, when the answer for one of the keys beside may be another one than that which was seen.
    ///
    /// # Errors
    /// If the store could not be asked.
    fn begin_watching_beside(&self, key: &K, beside: &[(K, u64)]) -> Result<(Begun<K, V>, Option<Changed>)> {
        let _ = beside;
        self.begin_watching(key)
    }

    /// Looks several keys up, and in the same round trip says on a claim of one's own that they are needed.
    ///
    /// # Errors
    /// If the store could not be asked.
    fn foretell(&self, owner: Option<&[u8]>, keys: &[&K]) -> Result<Vec<Foretold<V>>>;

    /// The same, and claims the first of them that is [free](Foretold::Free), which then is [the caller's](Foretold::Mine): still one round trip. A
    /// store that cannot claims none.
    ///
    /// # Errors
    /// If the store could not be asked.
    fn foretell_and_claim(&self, owner: Option<&[u8]>, keys: &[&K]) -> Result<Vec<Foretold<V>>> {
        self.foretell(owner, keys)
    }

    /// As [`begin`](Self::begin) for several keys, in their order, after saying on a claim of one's own that they are needed. One round trip where the store can.
    ///
    /// # Errors
    /// If the store could not be asked. What it has claimed by then it has given up.
    fn begin_all(&self, owner: Option<&[u8]>, keys: &[&K]) -> Result<Vec<Begun<K, V>>> {
        if let Some(owner) = owner {
            // Others then only know less.
            let _ = self.needs(owner, keys);
        }
        let mut begun = Vec::with_capacity(keys.len());
        for key in keys {
            match self.begin(key) {
                Ok(one) => begun.push(one),
                Err(error) => {
                    let claimed = keys.iter().zip(&begun).filter(|(_, begun)| matches!(begun, Begun::Mine));
                    claimed.for_each(|(key, _)| self.give_up(key));
                    return Err(error);
                }
            }
        }
        Ok(begun)
    }

    /// Says on a claim of one's own which keys are needed next. The key is in the bytes of [`bytes`](Self::bytes).
    ///
    /// # Errors
    /// If the store could not be asked.
    fn needs(&self, key: &[u8], needed: &[&K]) -> Result<()>;

    /// Ends a claim of one's own without a value.
    fn give_up(&self, key: &K);

    /// Has those of this process who wait for a key ask again: it was claimed on behalf of whoever asks.
    fn stir(&self, key: &K) {
        let _ = key;
    }

    /// Whether all calls are claimed, not only those that cost more than asking does.
    fn claims_all(&self) -> bool {
        false
    }

    /// A key in bytes that are the same in every process.
    fn bytes(&self, key: &K) -> Vec<u8>;

    /// A number of this process's own: the first that cooperates is 1, the next 2. 0 if it could not be had.
    fn member(&self) -> u64;
}

/// Ready when something has happened to a key, or when it is time to look. See [`Cooperate::begin_watching`].
pub type Changed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What came of asking for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun<K, V> {
    /// Its value.
    Value(V),
    /// The caller computes it.
    Mine,
    /// Another process does.
    Taken {
        /// What that needs next, as far as it said.
        needs: Vec<K>,
        /// A number of what it said.
        seen: u64,
    },
}

impl<K, V> Begun<K, V> {
    /// The same of another type of value.
    pub(super) fn map<R>(self, of: impl FnOnce(V) -> R) -> Begun<K, R> {
        match self {
            Begun::Value(value) => Begun::Value(of(value)),
            Begun::Mine => Begun::Mine,
            Begun::Taken { needs, seen } => Begun::Taken { needs, seen },
        }
    }
}

/// What a look at a key has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foretold<V> {
    /// Its value.
    Value(V),
    /// Somebody computes it.
    Taken,
    /// Nobody did: it was claimed, and the caller computes it.
    Mine,
    /// Nobody does.
    Free,
}

impl<V> Foretold<V> {
    /// The same of another type of value.
    pub(super) fn map<R>(self, of: impl FnOnce(V) -> R) -> Foretold<R> {
        match self {
            Foretold::Value(value) => Foretold::Value(of(value)),
            Foretold::Taken => Foretold::Taken,
            Foretold::Mine => Foretold::Mine,
            Foretold::Free => Foretold::Free,
        }
    }
}

/// What a look at a key has shown that does not fetch its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked<K> {
    /// There is a value.
    There,
    /// Somebody computes it.
    Taken {
        /// What that needs next, as far as it said.
        needs: Vec<K>,
        /// A number of what it said.
        seen: u64,
    },
    /// Nobody does.
    Free,
}

impl<K> Looked<K> {
    /// The same of another type of keys.
    pub(super) fn map<O>(self, of: impl Fn(K) -> O) -> Looked<O> {
        match self {
            Looked::There => Looked::There,
            Looked::Taken { needs, seen } => Looked::Taken { needs: needs.into_iter().map(of).collect(), seen },
            Looked::Free => Looked::Free,
        }
    }
}

/// What has come of claiming the first of several keys that is free. See [`Cooperate::claim_first`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First<K> {
    /// Whether the key behind those was free, and is claimed now.
    pub is_claimed: bool,
    /// What the keys before it have shown: none of them is [free](Looked::Free).
    pub before: Vec<Looked<K>>,
}

impl<K> First<K> {
    /// The same of another type of keys.
    pub(super) fn map<O>(self, of: impl Fn(K) -> O) -> First<O> {
        First { is_claimed: self.is_claimed, before: self.before.into_iter().map(|looked| looked.map(&of)).collect() }
    }
}

/// Which store it is, for as long as it lives.
fn place<K, V>(store: &dyn Cooperate<K, V>) -> usize {
    std::ptr::from_ref(store).cast::<()>() as usize
}
