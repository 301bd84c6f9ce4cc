//! Two stores as one: a near one in front of a far one.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Change, Claim, Condition, Result, Store, Timed, Token, Watcher};

/// A near store, asked first, in front of a far one, which is the truth: `Tiered(memory, store)`.
///
/// What the far one has is copied into the near one when it is asked for, for a minute at most, or until the value ends there. Writes go to the far one first; where that fails there is no copy
/// any more. A copy never outlives a change that was made here, also if it was being read at the same time. The near one is only ever a copy: where it
/// fails to answer the far one is asked, and only what it fails to forget is an error. It changes under one lock, in which keys and values are cloned and dropped: it should be memory, or as quick.
///
/// What others change in the far store reaches the near one by [`watch`](Store::watch), if the far store can tell; the memory of a cached function
/// watches by itself, so that this is for stores used by hand.
///
/// # Examples
/// ```
/// use speedup_runtime::store::{MemoryStore, Store, Tiered};
///
/// let (near, far) = (MemoryStore::new(), MemoryStore::new());
/// far.put(&(7,), &49, None)?;
/// let both = Tiered(&near, &far);
/// assert_eq!(both.get(&(7,))?, Some(49));
/// assert_eq!(near.get(&(7,))?, Some(49), "it has come nearer");
/// # Ok::<(), speedup_runtime::store::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tiered<N, F> {
    /// Asked first.
    near: N,
    /// Asked for what the first lacks.
    far: F,
    changes: Arc<Changes>,
}

/// A near store in front of a far one: see [`Tiered`](struct@Tiered). Both may also be references; a clone is the same store.
#[allow(non_snake_case, reason = "it is the type's constructor")]
#[must_use]
pub fn Tiered<N, F>(near: N, far: F) -> Tiered<N, F> {
    Tiered { near, far, changes: Arc::default() }
}

/// How long a copy of what the far store has stays, unless the value ends before.
const COPY: Duration = Duration::from_secs(60);

/// How often something has changed in the far store. What was read there before that is not copied: it may be older.
///
/// The near store changes under the lock alone, so that a copy is put in before a change, which then drops it, or not at all.
#[derive(Debug, Default)]
struct Changes(Mutex<u64>);

impl Changes {
    fn lock(&self) -> MutexGuard<'_, u64> {
        // It counts one step at a time, whoever panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be asked before the far store is.
    fn since(&self) -> u64 {
        *self.lock()
    }

    /// Changes the near store as the far one has changed. It is told whether nothing else has changed since.
    fn change<T>(&self, since: u64, near: impl FnOnce(bool) -> T) -> T {
        let mut changes = self.lock();
        let alone = *changes == since;
        *changes += 1;
        near(alone)
    }
}

impl<N, F> Tiered<N, F> {
    /// Puts what the far store has into the near one, for as long as it may stay there.
    fn come_nearer<'k, K: 'k, V: 'k>(&self, found: impl Iterator<Item = (&'k K, &'k Timed<V>)>, since: u64)
    where
        N: Store<K, V>,
    {
        let changes = self.changes.lock();
        if *changes != since {
            return;
        }
        for (key, (value, left)) in found {
            let stays = left.map_or(COPY, |left| left.min(COPY));
            if !stays.is_zero() {
                let _ = self.near.put(key, value, Some(stays));
            }
        }
    }
}

impl<K, V, N: Store<K, V>, F: Store<K, V>> Store<K, V> for Tiered<N, F> {
    fn get(&self, key: &K) -> Result<Option<V>> {
        Ok(self.get_many(&[key])?.pop().flatten())
    }

    fn put(&self, key: &K, value: &V, ttl: Option<Duration>) -> Result<()> {
        self.put_many(&[(key, value)], ttl)
    }

    fn remove(&self, key: &K) -> Result<()> {
        let far = self.far.remove(key);
        let near = self.changes.change(0, |_| self.near.remove(key));
        far.and(near)
    }

    fn clear(&self) -> Result<()> {
        let far = self.far.clear();
        let near = self.changes.change(0, |_| self.near.clear());
        far.and(near)
    }

    fn get_many(&self, keys: &[&K]) -> Result<Vec<Option<V>>> {
        let mut values = match self.near.get_many(keys) {
            Ok(values) if values.len() == keys.len() => values,
            _ => keys.iter().map(|_| None).collect(),
        };
        let missing: Vec<usize> = (0..keys.len()).filter(|index| values[*index].is_none()).collect();
        if missing.is_empty() {
            return Ok(values);
        }
        let since = self.changes.since();
        let far = self.far.get_with_time_left(&missing.iter().map(|index| keys[*index]).collect::<Vec<_>>())?;
        let found = missing.iter().zip(&far).filter_map(|(index, found)| Some((keys[*index], found.as_ref()?)));
        self.come_nearer(found, since);
        for (index, found) in missing.into_iter().zip(far) {
            values[index] = found.map(|(value, _)| value);
        }
        Ok(values)
    }

    // What the near store has may be a copy, of whose time it knows a minute at most.
    fn get_with_time_left(&self, keys: &[&K]) -> Result<Vec<Option<Timed<V>>>> {
        self.far.get_with_time_left(keys)
    }

    fn put_many(&self, entries: &[(&K, &V)], ttl: Option<Duration>) -> Result<()> {
        let since = self.changes.since();
        let far = self.far.put_many(entries, ttl);
        self.changes.change(since, |alone| {
            // Rather no copy than an old one: nobody knows which of two that put at the same time came last, or what a failure has changed.
            let is_copied = alone && far.is_ok() && self.near.put_many(entries, ttl).is_ok();
            if !is_copied {
                entries.iter().for_each(|(key, _)| drop(self.near.remove(key)));
            }
        });
        far
    }

    fn flush(&self) -> Result<()> {
        self.far.flush()
    }

    fn claim(&self, key: &K, lease: Duration) -> Result<Claim> {
        self.far.claim(key, lease)
    }

    fn renew(&self, key: &K, token: Token, lease: Duration) -> Result<bool> {
        self.far.renew(key, token, lease)
    }

    fn release(&self, key: &K, token: Token) -> Result<()> {
        self.far.release(key, token)
    }

    /// Told of changes in the far store. The near one should be forgotten by who watches: [`forget`](Self::forget).
    fn watch(&self, changed: Watcher<K>) -> Result<bool> {
        self.far.watch(changed)
    }

    fn entries(&self, each: &mut dyn FnMut(K, V) -> bool) -> Result<bool> {
        self.far.entries(each)
    }

    fn is_near(&self) -> bool {
        self.far.is_near()
    }

    fn bound(&self, entries: usize) {
        self.far.bound(entries);
    }

    fn condition(&self) -> Condition {
        self.far.condition()
    }
}

impl<N, F> Tiered<N, F> {
    /// Drops the near copy of what has changed in the far store.
    ///
    /// # Errors
    /// Those of the near store.
    pub fn forget<K, V>(&self, change: &Change<K>) -> Result<()>
    where
        N: Store<K, V>,
    {
        self.changes.change(0, |_| match change {
            Change::Key(key) => self.near.remove(key),
            Change::All => self.near.clear(),
        })
    }
}
