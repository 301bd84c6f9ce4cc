//! A store in memory: for tests, examples, and as the near side of a [`Tiered`](super::Tiered).

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{Claim, Result, Store, Timed, Token};
use crate::clock;

/// A [`Store`] that keeps everything in memory, behind one lock, until its time to live is over.
///
/// It knows claims, so what is written against them can be tried without a server.
///
/// # Examples
/// ```
/// use speedup_runtime::store::{MemoryStore, Store};
///
/// let store = MemoryStore::new();
/// store.put(&(7,), &"seven".to_string(), None)?;
/// assert_eq!(store.get(&(7,))?, Some("seven".to_string()));
/// # Ok::<(), speedup_runtime::store::Error>(())
/// ```
pub struct MemoryStore<K, V> {
    inner: Mutex<Inner<K, V>>,
}

struct Inner<K, V> {
    values: HashMap<K, (V, Option<u64>)>,
    /// Who computes a key, and until when.
    claims: HashMap<K, (Token, u64)>,
    /// The last token given.
    tokens: u128,
}

impl<K, V> MemoryStore<K, V> {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        MemoryStore { inner: Mutex::new(Inner { values: HashMap::new(), claims: HashMap::new(), tokens: 0 }) }
    }

    fn locked<T>(&self, act: impl FnOnce(&mut Inner<K, V>) -> T) -> T {
        // A panic of a key's or value's own code leaves the maps as they were.
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<K, V> Default for MemoryStore<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> fmt::Debug for MemoryStore<K, V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("MemoryStore").field("len", &self.locked(|inner| inner.values.len())).finish()
    }
}

/// When something that begins now and lasts so long ends; `None` for never.
fn end_of(ttl: Option<Duration>) -> Option<u64> {
    Some(clock::now().saturating_add(clock::nanos(ttl?)))
}

fn is_over(end: Option<u64>) -> bool {
    end.is_some_and(|end| end <= clock::now())
}

impl<K: Hash + Eq + Clone + Send, V: Clone + Send> Store<K, V> for MemoryStore<K, V> {
    fn get(&self, key: &K) -> Result<Option<V>> {
        Ok(self.locked(|inner| {
            let (value, end) = inner.values.get(key)?;
            if is_over(*end) {
                inner.values.remove(key);
                return None;
            }
            Some(value.clone())
        }))
    }

    fn get_with_time_left(&self, keys: &[&K]) -> Result<Vec<Option<Timed<V>>>> {
        Ok(self.locked(|inner| {
            let now = clock::now();
            let found = keys.iter().map(|key| {
                let (value, end) = inner.values.get(*key).filter(|(_, end)| !is_over(*end))?;
                Some((value.clone(), end.map(|end| Duration::from_nanos(end.saturating_sub(now)))))
            });
            found.collect()
        }))
    }

    fn put(&self, key: &K, value: &V, ttl: Option<Duration>) -> Result<()> {
        self.locked(|inner| {
            inner.values.insert(key.clone(), (value.clone(), end_of(ttl)));
            inner.claims.remove(key);
        });
        Ok(())
    }

    fn remove(&self, key: &K) -> Result<()> {
        self.locked(|inner| inner.values.remove(key));
        Ok(())
    }

    fn clear(&self) -> Result<()> {
        self.locked(|inner| inner.values.clear());
        Ok(())
    }

    fn claim(&self, key: &K, lease: Duration) -> Result<Claim> {
        Ok(self.locked(|inner| {
            if inner.values.get(key).is_some_and(|(_, end)| !is_over(*end)) {
                return Claim::Ready;
            }
            if inner.claims.get(key).is_some_and(|(_, end)| *end > clock::now()) {
                return Claim::Taken;
            }
            inner.tokens += 1;
            let token = Token(inner.tokens);
            inner.claims.insert(key.clone(), (token, clock::now().saturating_add(clock::nanos(lease))));
            Claim::Mine(token)
        }))
    }

    fn renew(&self, key: &K, token: Token, lease: Duration) -> Result<bool> {
        Ok(self.locked(|inner| match inner.claims.get_mut(key) {
            Some((holder, end)) if *holder == token && *end > clock::now() => {
                *end = clock::now().saturating_add(clock::nanos(lease));
                true
            }
            _ => false,
        }))
    }

    fn release(&self, key: &K, token: Token) -> Result<()> {
        self.locked(|inner| {
            if inner.claims.get(key).is_some_and(|(holder, _)| *holder == token) {
                inner.claims.remove(key);
            }
        });
        Ok(())
    }

    fn is_near(&self) -> bool {
        true
    }

    fn entries(&self, each: &mut dyn FnMut(K, V) -> bool) -> Result<bool> {
        let now = clock::now();
        let all: Vec<(K, V)> = self.locked(|inner| {
            let living = inner.values.iter().filter(|(_, (_, end))| end.is_none_or(|end| end > now));
            living.map(|(key, (value, _))| (key.clone(), value.clone())).collect()
        });
        // Outside of the lock: `each` may ask the store.
        let _ = all.into_iter().all(|(key, value)| each(key, value));
        Ok(true)
    }
}
