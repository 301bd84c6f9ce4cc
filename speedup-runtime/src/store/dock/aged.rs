//! The store of a function with bounds and ages: what lies in it are results alone, and what is kept in memory knows when it ends.

use std::{time::Duration, vec};

use super::open::{Kept, Opening, whole};
use crate::cache::{Hashed, Stored};
use crate::store::{
    Change, Claim, Condition, IntoStore, Result, Store, Timed, Token, Watcher,
    cooperate::{Begun, Changed, Cooperate, First, Foretold, Looked},
};
use crate::sync::global::Arc;

/// Values of a batch whose times to live differ by no more than this part of them are written together, with the least of these.
const APART: u32 = 16;

/// Opens the store of a function with bounds and ages that keeps whole results.
pub fn opened_aged<K: Clone + 'static, R: Clone + 'static, M>(store: impl IntoStore<K, R, M>) -> Opening {
    boxed(store.into_store())
}

/// Opens the store of one that keeps what is in `Ok` or `Some` alone.
pub fn opened_aged_kept<K: Clone + 'static, R: Kept + Clone + 'static, M>(
    store: impl IntoStore<K, R::Value, M>,
) -> Opening
where
    R::Value: 'static,
{
    boxed::<K, R>(whole(store))
}

fn boxed<K: Clone + 'static, R: Clone + 'static>(store: Arc<dyn Store<K, R>>) -> Opening {
    let store: Arc<dyn Store<Hashed<K>, Stored<R>>> = Arc::new(Aged { store });
    Box::new(store)
}

/// A store of results, as one of what a cache with bounds and ages keeps.
struct Aged<K, R> {
    store: Arc<dyn Store<K, R>>,
}

/// A value as it is kept in memory, unless it has just ended.
fn kept<R>((value, left): Timed<R>) -> Option<Stored<R>> {
    (left != Some(Duration::ZERO)).then(|| Stored::with_time_left(value, left))
}

/// Keys as the store has them.
fn plain<'a, K>(keys: &[&'a Hashed<K>]) -> Vec<&'a K> {
    keys.iter().map(|key| &key.0).collect()
}

impl<K: Clone + 'static, R: 'static> Store<Hashed<K>, Stored<R>> for Aged<K, R> {
    fn get(&self, key: &Hashed<K>) -> Result<Option<Stored<R>>> {
        Ok(self.get_many(&[key])?.pop().flatten())
    }

    fn get_many(&self, keys: &[&Hashed<K>]) -> Result<Vec<Option<Stored<R>>>> {
        let found = self.store.get_with_time_left(&plain(keys))?;
        Ok(found.into_iter().map(|found| found.and_then(kept)).collect())
    }

    fn put(&self, key: &Hashed<K>, value: &Stored<R>, _: Option<Duration>) -> Result<()> {
        match value.time_left() {
            // It has ended on its way.
            Some(Duration::ZERO) => Ok(()),
            left => self.store.put(&key.0, value.get(), left),
        }
    }

    fn put_many(&self, entries: &[(&Hashed<K>, &Stored<R>)], _: Option<Duration>) -> Result<()> {
        let mut timed: Vec<_> = entries
            .iter()
            .map(|(key, value)| (value.time_left(), (&key.0, value.get())))
            .filter(|(left, _)| *left != Some(Duration::ZERO))
            .collect();
        timed.sort_by_key(|(left, _)| *left);
        let (mut rest, mut refused) = (&timed[..], Ok(()));
        while let Some((least, _)) = rest.first() {
            let fits = |(left, _): &(Option<Duration>, _)| match (least, left) {
                (Some(least), Some(left)) => *left - *least <= *least / APART,
                (least, left) => least == left,
            };
            let (batch, later) = rest.split_at(rest.partition_point(fits));
            let entries: Vec<_> = batch.iter().map(|(_, entry)| *entry).collect();
            match self.store.put_many(&entries, *least) {
                // It would take as long for each of the others.
                Err(error) if error.is_outage() => return Err(error),
                // The others are kept all the same.
                result => refused = refused.and(result),
            }
            rest = later;
        }
        refused
    }

    fn remove(&self, key: &Hashed<K>) -> Result<()> {
        self.store.remove(&key.0)
    }

    fn clear(&self) -> Result<()> {
        self.store.clear()
    }

    fn flush(&self) -> Result<()> {
        self.store.flush()
    }

    fn claim(&self, key: &Hashed<K>, lease: Duration) -> Result<Claim> {
        self.store.claim(&key.0, lease)
    }

    fn renew(&self, key: &Hashed<K>, token: Token, lease: Duration) -> Result<bool> {
        self.store.renew(&key.0, token, lease)
    }

    fn release(&self, key: &Hashed<K>, token: Token) -> Result<()> {
        self.store.release(&key.0, token)
    }

    fn cooperation(&self) -> Option<&dyn Cooperate<Hashed<K>, Stored<R>>> {
        if self.store.cooperation().is_some() { Some(self) } else { None }
    }

    fn watch(&self, changed: Watcher<Hashed<K>>) -> Result<bool> {
        self.store.watch(Box::new(move |change| {
            changed(match change {
                Change::Key(key) => Change::Key(Hashed(key)),
                Change::All => Change::All,
            });
        }))
    }

    fn entries(&self, each: &mut dyn FnMut(Hashed<K>, Stored<R>) -> bool) -> Result<bool> {
        self.store.entries(&mut |key, value| each(Hashed(key), Stored::of(value)))
    }

    fn is_near(&self) -> bool {
        self.store.is_near()
    }

    fn bound(&self, entries: usize) {
        self.store.bound(entries);
    }

    fn condition(&self) -> Condition {
        self.store.condition()
    }
}

impl<K, R> Aged<K, R> {
    fn inner(&self) -> Result<&dyn Cooperate<K, R>> {
        super::open::cooperation(&*self.store)
    }

    /// How long each of these values, which were there a moment ago, is to be kept: until it ends in the store.
    fn times_left(&self, keys: &[&K]) -> Result<Vec<Option<Duration>>> {
        let found = self.store.get_with_time_left(keys)?;
        // One that is gone by now is for those who have asked, and for nobody after them.
        Ok(found.into_iter().map(|found| found.map_or(Some(Duration::ZERO), |(_, left)| left)).collect())
    }

    /// The times left of keys that are there, one after the other; `None` if the store could not be asked.
    fn times_of(&self, there: &[&K]) -> Option<vec::IntoIter<Option<Duration>>> {
        let left = if there.is_empty() { Ok(Vec::new()) } else { self.times_left(there) };
        left.ok().map(Vec::into_iter)
    }

    /// What a look has shown, with the times that values have left.
    fn foretold(&self, keys: &[&K], foretold: Vec<Foretold<R>>) -> Vec<Foretold<Stored<R>>> {
        let is_there = |told: &Foretold<R>| matches!(told, Foretold::Value(_));
        let mut left = self.times_of(&those(keys, &foretold, is_there));
        let foretold = foretold.into_iter().map(|told| match (told, &mut left) {
            // A claim among them is the caller's all the same. Whoever needs this one asks again.
            (Foretold::Value(_), None) => Foretold::Taken,
            (told, left) => told.map(|value| Stored::with_time_left(value, next_of(left))),
        });
        foretold.collect()
    }

    /// What has come of several, with the times that values have left.
    fn begun_all(&self, keys: &[&K], begun: Vec<Begun<K, R>>) -> Vec<Begun<Hashed<K>, Stored<R>>> {
        let is_there = |begun: &Begun<K, R>| matches!(begun, Begun::Value(_));
        let mut left = self.times_of(&those(keys, &begun, is_there));
        let begun = begun.into_iter().map(|begun| match (begun, &mut left) {
            // As above.
            (Begun::Value(_), None) => Begun::Taken { needs: Vec::new(), seen: 0 },
            (begun, left) => timed(begun, || next_of(left)),
        });
        begun.collect()
    }

    fn begun(&self, key: &K, begun: Begun<K, R>) -> Result<Begun<Hashed<K>, Stored<R>>> {
        let is_there = matches!(begun, Begun::Value(_));
        let left = if is_there { self.times_left(&[key])?.pop().flatten() } else { None };
        Ok(timed(begun, || left))
    }
}

/// Those of the keys of which this is true.
fn those<'k, K, T>(keys: &[&'k K], shown: &[T], is_so: impl Fn(&T) -> bool) -> Vec<&'k K> {
    keys.iter().zip(shown).filter(|(_, shown)| is_so(shown)).map(|(key, _)| *key).collect()
}

/// The next of the times left, of those that are known.
fn next_of(left: &mut Option<vec::IntoIter<Option<Duration>>>) -> Option<Duration> {
    left.as_mut()?.next().flatten()
}

/// What has come of asking for a key, with the time that its value has left.
fn timed<K, R>(begun: Begun<K, R>, left: impl FnOnce() -> Option<Duration>) -> Begun<Hashed<K>, Stored<R>> {
    match begun {
        Begun::Value(value) => Begun::Value(Stored::with_time_left(value, left())),
        Begun::Mine => Begun::Mine,
        Begun::Taken { needs, seen } => Begun::Taken { needs: needs.into_iter().map(Hashed).collect(), seen },
    }
}

impl<K: Clone + 'static, R: 'static> Cooperate<Hashed<K>, Stored<R>> for Aged<K, R> {
    fn begin(&self, key: &Hashed<K>) -> Result<Begun<Hashed<K>, Stored<R>>> {
        self.begun(&key.0, self.inner()?.begin(&key.0)?)
    }

    fn wait(&self, key: &Hashed<K>, seen: u64) -> Result<Begun<Hashed<K>, Stored<R>>> {
        self.begun(&key.0, self.inner()?.wait(&key.0, seen)?)
    }

    fn wait_beside(
        &self,
        key: &Hashed<K>,
        seen: u64,
        beside: &[(Hashed<K>, u64)],
    ) -> Result<Begun<Hashed<K>, Stored<R>>> {
        let beside: Vec<(K, u64)> = beside.iter().map(|(key, seen)| (key.0.clone(), *seen)).collect();
        self.begun(&key.0, self.inner()?.wait_beside(&key.0, seen, &beside)?)
    }

    fn look(&self, keys: &[&Hashed<K>]) -> Result<Vec<Looked<Hashed<K>>>> {
        Ok(self.inner()?.look(&plain(keys))?.into_iter().map(|looked| looked.map(Hashed)).collect())
    }

    fn claim_first(&self, keys: &[&Hashed<K>]) -> Result<First<Hashed<K>>> {
        Ok(self.inner()?.claim_first(&plain(keys))?.map(Hashed))
    }

    fn begin_watching(&self, key: &Hashed<K>) -> Result<(Begun<Hashed<K>, Stored<R>>, Option<Changed>)> {
        let (begun, changed) = self.inner()?.begin_watching(&key.0)?;
        Ok((self.begun(&key.0, begun)?, changed))
    }

    fn begin_watching_beside(
        &self,
        key: &Hashed<K>,
        beside: &[(Hashed<K>, u64)],
    ) -> Result<(Begun<Hashed<K>, Stored<R>>, Option<Changed>)> {
        let beside: Vec<(K, u64)> = beside.iter().map(|(key, seen)| (key.0.clone(), *seen)).collect();
        let (begun, changed) = self.inner()?.begin_watching_beside(&key.0, &beside)?;
        Ok((self.begun(&key.0, begun)?, changed))
    }

    fn foretell(&self, owner: Option<&[u8]>, keys: &[&Hashed<K>]) -> Result<Vec<Foretold<Stored<R>>>> {
        let keys = plain(keys);
        Ok(self.foretold(&keys, self.inner()?.foretell(owner, &keys)?))
    }

    fn foretell_and_claim(&self, owner: Option<&[u8]>, keys: &[&Hashed<K>]) -> Result<Vec<Foretold<Stored<R>>>> {
        let keys = plain(keys);
        Ok(self.foretold(&keys, self.inner()?.foretell_and_claim(owner, &keys)?))
    }

    fn begin_all(&self, owner: Option<&[u8]>, keys: &[&Hashed<K>]) -> Result<Vec<Begun<Hashed<K>, Stored<R>>>> {
        let keys = plain(keys);
        Ok(self.begun_all(&keys, self.inner()?.begin_all(owner, &keys)?))
    }

    fn needs(&self, key: &[u8], needed: &[&Hashed<K>]) -> Result<()> {
        self.inner()?.needs(key, &plain(needed))
    }

    fn give_up(&self, key: &Hashed<K>) {
        if let Ok(inner) = self.inner() {
            inner.give_up(&key.0);
        }
    }

    fn stir(&self, key: &Hashed<K>) {
        if let Ok(inner) = self.inner() {
            inner.stir(&key.0);
        }
    }

    fn claims_all(&self) -> bool {
        self.inner().is_ok_and(|inner| inner.claims_all())
    }

    fn bytes(&self, key: &Hashed<K>) -> Vec<u8> {
        self.inner().map(|inner| inner.bytes(&key.0)).unwrap_or_default()
    }

    fn member(&self) -> u64 {
        self.inner().map_or(0, |inner| inner.member())
    }
}
