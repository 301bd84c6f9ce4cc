//! What a store is: the traits, and what goes in and out.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use super::{Error, Result, cooperate::Cooperate};
use crate::seeing::stats::Condition;

/// A place for results that outlive the process, or that several processes share.
///
/// `K` is the tuple of a function's arguments in their owned forms, and `V` its result. A store asks for what it needs of both: one that
/// writes bytes asks for serde, one in memory for `Hash` and `Clone`.
///
/// # What a store guarantees
/// - **A value or nothing.** [`get`](Self::get) returns a value that was put under an equal key, as it was, or `None`, or an error. It never returns another
///   key's value, a part of one, or one that could not be read in full.
/// - **Losing is allowed, inventing is not.** A store may forget anything at any time (it is full, it was restarted, the time to live is over); nothing comes back after
///   [`remove`](Self::remove), [`clear`](Self::clear) or its time to live, unless it is put again.
/// - **The last one counts.** Of two values that are put under one key, the later replaces the earlier. Calls of one thread take effect in their order.
/// - **Errors change nothing for others.** What fails may or may not have had its effect, and the store is as usable as before.
/// - **Calls may come from any thread** at the same time, and return: none waits for another call of the same store, nor without bound. None panics.
///
/// The methods with a body may be left as they are. `conformance!` is a test suite for all of this.
///
/// # Examples
/// ```
/// use std::{collections::HashMap, sync::Mutex, time::Duration};
/// use speedup_runtime::store::{Result, Store};
///
/// #[derive(Default)]
/// struct Words(Mutex<HashMap<(String,), usize>>);
///
/// impl Store<(String,), usize> for Words {
///     fn get(&self, key: &(String,)) -> Result<Option<usize>> {
///         Ok(self.0.lock().unwrap().get(key).copied())
///     }
///     fn put(&self, key: &(String,), value: &usize, _ttl: Option<Duration>) -> Result<()> {
///         self.0.lock().unwrap().insert(key.clone(), *value);
///         Ok(())
///     }
///     fn remove(&self, key: &(String,)) -> Result<()> {
///         self.0.lock().unwrap().remove(key);
///         Ok(())
///     }
///     fn clear(&self) -> Result<()> {
///         self.0.lock().unwrap().clear();
///         Ok(())
///     }
/// }
///
/// let words = Words::default();
/// words.put(&("four".into(),), &4, None)?;
/// assert_eq!(words.get(&("four".into(),))?, Some(4));
/// # Ok::<(), speedup_runtime::store::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no store of results `{V}` under keys `{K}`",
    note = "a store implements `speedup::store::Store<(Args,), Ret>`; those that write bytes ask for `serde::Serialize` and `serde::Deserialize` of every argument and of the result"
)]
pub trait Store<K, V>: Send + Sync {
    /// The value of a key, if the store has it.
    ///
    /// # Errors
    /// If the store could not be asked, or what it holds cannot be read.
    fn get(&self, key: &K) -> Result<Option<V>>;

    /// Keeps a value, at most for the given time.
    ///
    /// A store that cannot forget by itself may keep a value beyond its time, but must not return it then.
    ///
    /// # Errors
    /// If the store could not be asked, or does not take the value.
    fn put(&self, key: &K, value: &V, ttl: Option<Duration>) -> Result<()>;

    /// Forgets a key; it need not be there.
    ///
    /// # Errors
    /// If the store could not be asked: the value may still be there.
    fn remove(&self, key: &K) -> Result<()>;

    /// Forgets all that was put through this store, and nothing that others have at the same place.
    ///
    /// # Errors
    /// If the store could not be asked: values may still be there.
    fn clear(&self) -> Result<()>;

    /// The values of several keys, in their order: one round trip where the store can.
    ///
    /// # Errors
    /// As [`get`](Self::get), for any of them.
    fn get_many(&self, keys: &[&K]) -> Result<Vec<Option<V>>> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// The values of several keys, in their order, each with what is left of its time to live: `None` where it has none, or where the store cannot tell.
    ///
    /// Where it can, a copy in memory ends when the value does.
    ///
    /// # Errors
    /// As [`get_many`](Self::get_many).
    fn get_with_time_left(&self, keys: &[&K]) -> Result<Vec<Option<Timed<V>>>> {
        Ok(self.get_many(keys)?.into_iter().map(|value| Some((value?, None))).collect())
    }

    /// Keeps several values: one round trip where the store can.
    ///
    /// # Errors
    /// As [`put`](Self::put); some of the values may have been kept.
    fn put_many(&self, entries: &[(&K, &V)], ttl: Option<Duration>) -> Result<()> {
        entries.iter().try_for_each(|(key, value)| self.put(key, value, ttl))
    }

    /// Makes everything that was put as durable as the store can make it.
    ///
    /// # Errors
    /// If it is not.
    fn flush(&self) -> Result<()> {
        Ok(())
    }

    /// Asks to be the one who computes a key, for as long as the lease lasts.
    ///
    /// A claim ends with its lease, with [`release`](Self::release), or with the value; whoever loses one computes in vain at worst. Of those who ask while a
    /// claim lasts at most one is told [`Claim::Mine`].
    ///
    /// # Errors
    /// If the store could not be asked.
    fn claim(&self, key: &K, lease: Duration) -> Result<Claim> {
        let (_, _) = (key, lease);
        Ok(Claim::Unsupported)
    }

    /// Lengthens a claim; false if it is no longer this one's.
    ///
    /// # Errors
    /// If the store could not be asked.
    fn renew(&self, key: &K, token: Token, lease: Duration) -> Result<bool> {
        let (_, _, _) = (key, token, lease);
        Ok(false)
    }

    /// Gives a claim up; one that is no longer this one's is left alone.
    ///
    /// # Errors
    /// If the store could not be asked: the claim ends with its lease.
    fn release(&self, key: &K, token: Token) -> Result<()> {
        let (_, _) = (key, token);
        Ok(())
    }

    /// How processes that share the store compute each key once between them; `None` if they do not.
    fn cooperation(&self) -> Option<&dyn Cooperate<K, V>> {
        None
    }

    /// Calls `changed` for what others change in the store, so that copies in memory can be dropped; false if the store cannot tell.
    ///
    /// It is called from a thread of the store's, may be called for one's own changes, and is called within a second.
    ///
    /// # Errors
    /// If the store could not be asked.
    fn watch(&self, changed: Watcher<K>) -> Result<bool> {
        let _ = changed;
        Ok(false)
    }

    /// Calls `each` for all entries, in any order, until it returns false; returns false if the store cannot list them.
    ///
    /// # Errors
    /// If the store could not be asked, or an entry cannot be read.
    fn entries(&self, each: &mut dyn FnMut(K, V) -> bool) -> Result<bool> {
        let _ = each;
        Ok(false)
    }

    /// Whether a look-up costs next to nothing, so that asking for many keys at once gains nothing: then a group's are not fetched ahead.
    fn is_near(&self) -> bool {
        false
    }

    /// Keeps at most so many entries from now on, or still fewer if it was told so before; beyond, those go that were put longest ago.
    ///
    /// A cached function with a bound of its own may tell its store. A store that has no bound does nothing.
    fn bound(&self, entries: usize) {
        let _ = entries;
    }

    /// In which state the store is, for [`Stats`](crate::cache::Stats).
    fn condition(&self) -> Condition {
        Condition::Sound
    }
}

/// A value, and what is left of its time to live, where that is known. See [`Store::get_with_time_left`].
pub type Timed<V> = (V, Option<Duration>);

/// Who is told of changes in a store. See [`Store::watch`].
pub type Watcher<K> = Box<dyn Fn(Change<K>) + Send + Sync>;

/// What has changed in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change<K> {
    /// The value of this key is another one, or gone.
    Key(K),
    /// Anything may have changed.
    All,
}

/// What came of asking to be the one who computes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// The caller computes.
    Mine(Token),
    /// Somebody else does.
    Taken,
    /// The value is there.
    Ready,
    /// The store knows no claims.
    Unsupported,
}

/// By what a store knows a claim again: made anew for each, and never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(pub u128);

/// What an asynchronous store returns: a future of its own, bound to no runtime.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A [`Store`] whose answers are awaited. The guarantees are the same.
///
/// It brings no runtime: its futures make progress wherever they are polled.
pub trait AsyncStore<K: Sync, V: Send + Sync>: Send + Sync {
    /// See [`Store::get`].
    fn get<'a>(&'a self, key: &'a K) -> Answer<'a, Option<V>>;

    /// See [`Store::put`].
    fn put<'a>(&'a self, key: &'a K, value: &'a V, ttl: Option<Duration>) -> Answer<'a, ()>;

    /// See [`Store::remove`].
    fn remove<'a>(&'a self, key: &'a K) -> Answer<'a, ()>;

    /// See [`Store::clear`].
    fn clear(&self) -> Answer<'_, ()>;

    /// See [`Store::get_many`].
    fn get_many<'a>(&'a self, keys: &'a [&'a K]) -> Answer<'a, Vec<Option<V>>> {
        Box::pin(async move {
            let mut values = Vec::with_capacity(keys.len());
            for key in keys {
                values.push(self.get(key).await?);
            }
            Ok(values)
        })
    }

    /// See [`Store::put_many`].
    fn put_many<'a>(&'a self, entries: &'a [(&'a K, &'a V)], ttl: Option<Duration>) -> Answer<'a, ()> {
        Box::pin(async move {
            for (key, value) in entries {
                self.put(key, value, ttl).await?;
            }
            Ok(())
        })
    }
}

/// A [`Store`] that answers at once, as an [`AsyncStore`]: for stores whose calls are short, as those in memory and on disk are.
#[derive(Clone, Debug, Default)]
pub struct Prompt<S>(pub S);

impl<K: Sync, V: Send + Sync, S: Store<K, V>> AsyncStore<K, V> for Prompt<S> {
    fn get<'a>(&'a self, key: &'a K) -> Answer<'a, Option<V>> {
        Box::pin(async move { self.0.get(key) })
    }

    fn put<'a>(&'a self, key: &'a K, value: &'a V, ttl: Option<Duration>) -> Answer<'a, ()> {
        Box::pin(async move { self.0.put(key, value, ttl) })
    }

    fn remove<'a>(&'a self, key: &'a K) -> Answer<'a, ()> {
        Box::pin(async move { self.0.remove(key) })
    }

    fn clear(&self) -> Answer<'_, ()> {
        Box::pin(async move { self.0.clear() })
    }

    fn get_many<'a>(&'a self, keys: &'a [&'a K]) -> Answer<'a, Vec<Option<V>>> {
        Box::pin(async move { self.0.get_many(keys) })
    }

    fn put_many<'a>(&'a self, entries: &'a [(&'a K, &'a V)], ttl: Option<Duration>) -> Answer<'a, ()> {
        Box::pin(async move { self.0.put_many(entries, ttl) })
    }
}

/// What leads to a store is one.
macro_rules! by_pointer {
    ($($pointer:ty),*) => {$(
        impl<K, V, S: Store<K, V> + ?Sized> Store<K, V> for $pointer {
            fn get(&self, key: &K) -> Result<Option<V>> {
                (**self).get(key)
            }
            fn put(&self, key: &K, value: &V, ttl: Option<Duration>) -> Result<()> {
                (**self).put(key, value, ttl)
            }
            fn remove(&self, key: &K) -> Result<()> {
                (**self).remove(key)
            }
            fn clear(&self) -> Result<()> {
                (**self).clear()
            }
            fn get_many(&self, keys: &[&K]) -> Result<Vec<Option<V>>> {
                (**self).get_many(keys)
            }
            fn get_with_time_left(&self, keys: &[&K]) -> Result<Vec<Option<Timed<V>>>> {
                (**self).get_with_time_left(keys)
            }
            fn put_many(&self, entries: &[(&K, &V)], ttl: Option<Duration>) -> Result<()> {
                (**self).put_many(entries, ttl)
            }
            fn flush(&self) -> Result<()> {
                (**self).flush()
            }
            fn claim(&self, key: &K, lease: Duration) -> Result<Claim> {
                (**self).claim(key, lease)
            }
            fn renew(&self, key: &K, token: Token, lease: Duration) -> Result<bool> {
                (**self).renew(key, token, lease)
            }
            fn release(&self, key: &K, token: Token) -> Result<()> {
                (**self).release(key, token)
            }
            fn cooperation(&self) -> Option<&dyn Cooperate<K, V>> {
                (**self).cooperation()
            }
            fn watch(&self, changed: Watcher<K>) -> Result<bool> {
                (**self).watch(changed)
            }
            fn entries(&self, each: &mut dyn FnMut(K, V) -> bool) -> Result<bool> {
                (**self).entries(each)
            }
            fn is_near(&self) -> bool {
                (**self).is_near()
            }
            fn bound(&self, entries: usize) {
                (**self).bound(entries);
            }
            fn condition(&self) -> Condition {
                (**self).condition()
            }
        }
    )*};
}

by_pointer!(&S, Box<S>, Arc<S>);

/// A store that could not be opened, as a store: it says why, each time.
#[derive(Debug)]
pub struct Unopened {
    /// Why it was not.
    pub why: String,
}

impl Unopened {
    fn error(&self) -> Error {
        Error::NotOpened { reason: self.why.clone() }
    }
}

impl<K, V> Store<K, V> for Unopened {
    fn get(&self, _: &K) -> Result<Option<V>> {
        Err(self.error())
    }

    fn put(&self, _: &K, _: &V, _: Option<Duration>) -> Result<()> {
        Err(self.error())
    }

    fn remove(&self, _: &K) -> Result<()> {
        Err(self.error())
    }

    fn clear(&self) -> Result<()> {
        Err(self.error())
    }

    fn condition(&self) -> Condition {
        Condition::Down
    }
}
