//! Results on their way to a store: seen by who asks until they are there.

use std::collections::HashMap;

use crate::cache::{Distinct, Key};
use crate::sync::global::{Arc, AtomicUsize, Mutex, Ordering, lock};

type Batch<K, R> = HashMap<Distinct<K>, R, foldhash::fast::RandomState>;

/// Results that wait to be written, and those that are being written.
pub(super) struct Results<K, R> {
    both: Mutex<Both<K, R>>,
    /// How many there are. Relaxed: who has put one in finds it by the lock; others may as well have come before.
    count: AtomicUsize,
}

struct Both<K, R> {
    waiting: Option<Batch<K, R>>,
    writing: Option<Arc<Batch<K, R>>>,
}

impl<K: Key, R: Clone> Results<K, R> {
    pub(super) const fn new() -> Self {
        Results { both: Mutex::new(Both { waiting: None, writing: None }), count: AtomicUsize::new(0) }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Both<K, R>) -> T) -> T {
        let mut both = lock(&self.both);
        let result = change(&mut both);
        let waiting = both.waiting.as_ref().map_or(0, HashMap::len);
        self.count.store(waiting + both.writing.as_ref().map_or(0, |batch| batch.len()), Ordering::Relaxed);
        result
    }

    /// Adds a result. Returns how many wait now.
    pub(super) fn add(&self, key: &K, value: &R) -> usize {
        let (key, value) = (Distinct(key.clone()), value.clone());
        self.change(|both| {
            let waiting = both.waiting.get_or_insert_default();
            waiting.insert(key, value);
            waiting.len()
        })
    }

    /// About how many there are.
    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// The result of a key.
    pub(super) fn find(&self, key: &K) -> Option<R> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let both = lock(&self.both);
        let key = Distinct::of(key);
        let waiting = both.waiting.as_ref().and_then(|waiting| waiting.get(key));
        waiting.or_else(|| both.writing.as_ref()?.get(key)).cloned()
    }

    /// Takes all that wait, to be written; they are seen until [`written`](Self::written).
    pub(super) fn take(&self) -> Option<Arc<Batch<K, R>>> {
        self.change(|both| {
            let batch = Arc::new(both.waiting.take()?);
            both.writing = Some(Arc::clone(&batch));
            Some(batch)
        })
    }

    /// What was taken is where it belongs, or lost.
    pub(super) fn written(&self) {
        drop(self.change(|both| both.writing.take()));
    }

    /// Forgets what waits: of one key, or all.
    pub(super) fn forget(&self, key: Option<&K>) {
        let dropped = self.change(|both| match key {
            Some(key) => {
                let one = both.waiting.as_mut().and_then(|waiting| waiting.remove_entry(Distinct::of(key)));
                (one, None)
            }
            None => (None, both.waiting.take()),
        });
        drop(dropped);
    }
}
