//! Two stores as one: a near one in front of a far one.

use std::time::Duration;

use super::{Change, Claim, Condition, Result, Store, Timed, Token, Watcher};

/// A near store, asked first, in front of a far one, which is the truth: `Tiered(memory, store)`.
///
/// What the far one has is copied into the near one when it is asked for, for a minute at most, or until the value ends there. Writes go to the far one first; where that fails the near one is not
/// changed. The near one is only ever a copy: its errors are passed over, and the far one is asked.
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
pub struct Tiered<N, F>(
    /// Asked first.
    pub N,
    /// Asked for what the first lacks.
    pub F,
);

/// How long a copy of what the far store has stays, unless the value ends before.
const COPY: Duration = Duration::from_secs(60);

impl<N, F> Tiered<N, F> {
    /// Puts what the far store has into the near one, for as long as it may stay there.
    fn come_nearer<K, V>(&self, key: &K, (value, left): &Timed<V>)
    where
        N: Store<K, V>,
    {
        let stays = left.map_or(COPY, |left| left.min(COPY));
        if !stays.is_zero() {
            let _ = self.0.put(key, value, Some(stays));
        }
    }
}

impl<K, V, N: Store<K, V>, F: Store<K, V>> Store<K, V> for Tiered<N, F> {
    fn get(&self, key: &K) -> Result<Option<V>> {
        if let Ok(Some(value)) = self.0.get(key) {
            return Ok(Some(value));
        }
        let found = self.1.get_with_time_left(&[key])?.pop().flatten();
        if let Some(found) = &found {
            self.come_nearer(key, found);
        }
        Ok(found.map(|(value, _)| value))
    }

    fn put(&self, key: &K, value: &V, ttl: Option<Duration>) -> Result<()> {
        self.1.put(key, value, ttl)?;
        if self.0.put(key, value, ttl).is_err() {
            // Rather no copy than an old one.
            let _ = self.0.remove(key);
        }
        Ok(())
    }

    fn remove(&self, key: &K) -> Result<()> {
        let far = self.1.remove(key);
        self.0.remove(key)?;
        far
    }

    fn clear(&self) -> Result<()> {
        let far = self.1.clear();
        self.0.clear()?;
        far
    }

    fn get_many(&self, keys: &[&K]) -> Result<Vec<Option<V>>> {
        let mut values = self.0.get_many(keys).unwrap_or_else(|_| keys.iter().map(|_| None).collect());
        let missing: Vec<usize> = (0..keys.len()).filter(|index| values[*index].is_none()).collect();
        if missing.is_empty() {
            return Ok(values);
        }
        let far = self.1.get_with_time_left(&missing.iter().map(|index| keys[*index]).collect::<Vec<_>>())?;
        for (index, found) in missing.into_iter().zip(far) {
            if let Some(found) = &found {
                self.come_nearer(keys[index], found);
            }
            values[index] = found.map(|(value, _)| value);
        }
        Ok(values)
    }

    // What the near store has may be a copy, of whose time it knows a minute at most.
    fn get_with_time_left(&self, keys: &[&K]) -> Result<Vec<Option<Timed<V>>>> {
        self.1.get_with_time_left(keys)
    }

    fn put_many(&self, entries: &[(&K, &V)], ttl: Option<Duration>) -> Result<()> {
        self.1.put_many(entries, ttl)?;
        if self.0.put_many(entries, ttl).is_err() {
            entries.iter().for_each(|(key, _)| drop(self.0.remove(key)));
        }
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        self.1.flush()
    }

    fn claim(&self, key: &K, lease: Duration) -> Result<Claim> {
        self.1.claim(key, lease)
    }

    fn renew(&self, key: &K, token: Token, lease: Duration) -> Result<bool> {
        self.1.renew(key, token, lease)
    }

    fn release(&self, key: &K, token: Token) -> Result<()> {
        self.1.release(key, token)
    }

    /// Told of changes in the far store. The near one should be forgotten by who watches: [`forget`](Self::forget).
    fn watch(&self, changed: Watcher<K>) -> Result<bool> {
        self.1.watch(changed)
    }

    fn entries(&self, each: &mut dyn FnMut(K, V) -> bool) -> Result<bool> {
        self.1.entries(each)
    }

    fn is_near(&self) -> bool {
        self.1.is_near()
    }

    fn bound(&self, entries: usize) {
        self.1.bound(entries);
    }

    fn condition(&self) -> Condition {
        self.1.condition()
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
        match change {
            Change::Key(key) => self.0.remove(key),
            Change::All => self.0.clear(),
        }
    }
}
