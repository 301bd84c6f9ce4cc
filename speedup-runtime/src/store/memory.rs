//! A store in memory: for tests, examples, and as the near side of a [`Tiered`](super::Tiered).

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{Claim, Result, Store, Timed, Token};
use crate::clock;

/// A [`Store`] that keeps everything in memory, behind one lock, until its time to live is over.
///
/// What has ended gives its room back when it is asked for, or at the latest when as much again has been put.
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
    values: HashMap<Arc<K>, Kept<V>>,
    /// Who computes a key, and until when.
    claims: HashMap<Arc<K>, (Token, u64)>,
    /// The last token given.
    tokens: u128,
    /// When there are so many entries and claims, those that have ended are looked for.
    next_sweep: usize,
}

/// A value and when it ends. Keys and values are shared, so that they are neither cloned nor dropped under the lock: both are users' code.
type Kept<V> = (Arc<V>, Option<u64>);

/// Fewer entries are not worth looking through.
const FEW: usize = 1_000;

impl<K: Hash + Eq, V> Inner<K, V> {
    /// Takes out what has ended, once there is as much again as was left the last time: so each entry is looked at a few times at most.
    fn sweep(&mut self) -> Ended<K, V> {
        if self.values.len() + self.claims.len() < self.next_sweep.max(FEW) {
            return (Vec::new(), Vec::new());
        }
        let now = clock::now();
        let ended = (
            self.values.extract_if(|_, (_, end)| end.is_some_and(|end| end <= now)).collect(),
            self.claims.extract_if(|_, (_, end)| *end <= now).collect(),
        );
        self.next_sweep = 2 * (self.values.len() + self.claims.len());
        ended
    }
}

/// Values and claims that have ended.
type Ended<K, V> = (Vec<(Arc<K>, Kept<V>)>, Vec<(Arc<K>, (Token, u64))>);

impl<K, V> MemoryStore<K, V> {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        let inner = Inner { values: HashMap::new(), claims: HashMap::new(), tokens: 0, next_sweep: 0 };
        MemoryStore { inner: Mutex::new(inner) }
    }

    fn locked<T>(&self, act: impl FnOnce(&mut Inner<K, V>) -> T) -> T {
        // A panic where keys are hashed and compared leaves the maps as they were. What is taken out is dropped by callers.
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

impl<K: Hash + Eq + Clone + Send + Sync, V: Clone + Send + Sync> Store<K, V> for MemoryStore<K, V> {
    fn get(&self, key: &K) -> Result<Option<V>> {
        let (found, _ended) = self.locked(|inner| match inner.values.get(key) {
            Some((_, end)) if is_over(*end) => (None, inner.values.remove_entry(key)),
            found => (found.map(|(value, _)| Arc::clone(value)), None),
        });
        Ok(found.map(|value| (*value).clone()))
    }

    fn get_with_time_left(&self, keys: &[&K]) -> Result<Vec<Option<Timed<V>>>> {
        let now = clock::now();
        let found: Vec<Option<Kept<V>>> = self.locked(|inner| {
            let kept = |key: &&K| inner.values.get(*key).filter(|(_, end)| end.is_none_or(|end| end > now)).cloned();
            keys.iter().map(kept).collect()
        });
        let left = |end: Option<u64>| end.map(|end| Duration::from_nanos(end.saturating_sub(now)));
        Ok(found.into_iter().map(|found| found.map(|(value, end)| ((*value).clone(), left(end)))).collect())
    }

    fn put(&self, key: &K, value: &V, ttl: Option<Duration>) -> Result<()> {
        let (new, kept) = (Arc::new(key.clone()), (Arc::new(value.clone()), end_of(ttl)));
        let _old = self.locked(|inner| {
            let ended = inner.sweep();
            // The key that was there goes, too: outside of the lock.
            let old = inner.values.remove_entry(key);
            inner.values.insert(new, kept);
            (old, inner.claims.remove_entry(key), ended)
        });
        Ok(())
    }

    fn remove(&self, key: &K) -> Result<()> {
        let _old = self.locked(|inner| inner.values.remove_entry(key));
        Ok(())
    }

    fn clear(&self) -> Result<()> {
        let _old = self.locked(|inner| std::mem::take(&mut inner.values));
        Ok(())
    }

    fn claim(&self, key: &K, lease: Duration) -> Result<Claim> {
        let new = Arc::new(key.clone());
        let (claim, _old) = self.locked(|inner| {
            if inner.values.get(key).is_some_and(|(_, end)| !is_over(*end)) {
                return (Claim::Ready, None);
            }
            if inner.claims.get(key).is_some_and(|(_, end)| *end > clock::now()) {
                return (Claim::Taken, None);
            }
            inner.tokens += 1;
            let token = Token(inner.tokens);
            let old = inner.claims.remove_entry(key);
            inner.claims.insert(new, (token, clock::now().saturating_add(clock::nanos(lease))));
            (Claim::Mine(token), old)
        });
        Ok(claim)
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
        let _old = self.locked(|inner| {
            let is_its = inner.claims.get(key).is_some_and(|(holder, _)| *holder == token);
            if is_its { inner.claims.remove_entry(key) } else { None }
        });
        Ok(())
    }

    fn is_near(&self) -> bool {
        true
    }

    fn entries(&self, each: &mut dyn FnMut(K, V) -> bool) -> Result<bool> {
        let now = clock::now();
        let all: Vec<(Arc<K>, Arc<V>)> = self.locked(|inner| {
            let living = inner.values.iter().filter(|(_, (_, end))| end.is_none_or(|end| end > now));
            living.map(|(key, (value, _))| (Arc::clone(key), Arc::clone(value))).collect()
        });
        // Outside of the lock: `each` may ask the store.
        let _ = all.into_iter().all(|(key, value)| each((*key).clone(), (*value).clone()));
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number whose clones and ends ask the store that it lies in.
    struct Asks(u32, Arc<std::sync::OnceLock<MemoryStore<u32, Asks>>>);

    impl Asks {
        fn ask(&self) {
            if let Some(store) = self.1.get() {
                store.locked(|_| ());
            }
        }
    }

    impl Clone for Asks {
        fn clone(&self) -> Self {
            self.ask();
            Asks(self.0, Arc::clone(&self.1))
        }
    }

    impl Drop for Asks {
        fn drop(&mut self) {
            self.ask();
        }
    }

    #[test]
    fn values_are_cloned_and_dropped_outside_of_the_lock() {
        let cell = Arc::new(std::sync::OnceLock::new());
        let store = cell.get_or_init(MemoryStore::new);
        for n in 0..3 {
            store.put(&n, &Asks(n, Arc::clone(&cell)), None).expect("it is kept");
            store.put(&n, &Asks(n, Arc::clone(&cell)), Some(Duration::ZERO)).expect("it is kept");
            store.put(&n, &Asks(n, Arc::clone(&cell)), None).expect("it is kept");
            assert_eq!(store.get(&n).expect("it is read").map(|found| found.0), Some(n));
        }
        let found = store.get_with_time_left(&[&1]).expect("it is read");
        assert!(matches!(&found[..], [Some((Asks(1, _), None))]));
        assert!(store.entries(&mut |key, value| key == value.0).expect("they are listed"));
        store.remove(&1).expect("it goes");
        store.clear().expect("they go");
    }

    #[test]
    fn what_has_ended_gives_its_room_back() {
        let store = MemoryStore::new();
        for key in 0..100_000_u32 {
            store.put(&key, &key, Some(Duration::ZERO)).expect("it is kept");
            store.claim(&key, Duration::ZERO).expect("it answers");
        }
        let held = store.locked(|inner| inner.values.len() + inner.claims.len());
        assert!(held <= 2 * FEW, "{held} entries");
        (0..5_000_u32).for_each(|key| store.put(&key, &key, None).expect("it is kept"));
        assert!((0..5_000_u32).all(|key| store.get(&key).expect("it is read") == Some(key)), "nothing else goes");
    }
}
