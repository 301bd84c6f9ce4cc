//! What was fetched ahead for a group: one round trip instead of one for each member.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::cache::{Distinct, Key};
use crate::sync::global::{AtomicU64, AtomicUsize, Mutex, Ordering, lock};

/// What was fetched and not asked for is forgotten after so long: others may have changed it ..
const FRESH: Duration = Duration::from_secs(10);
/// .. and there is never more than this.
const MOST: usize = 1 << 16;

/// Answers by key, and since when they are known.
type Answers<K, R> = HashMap<Distinct<K>, (Option<R>, Instant)>;

/// Answers of the store that nobody has asked for yet, those among them that there is no value.
pub(super) struct Ahead<K, R> {
    answers: Mutex<Option<Answers<K, R>>>,
    /// How often something was forgotten: what was asked for before that may be of before, too. Changes under the lock of the answers.
    forgotten: AtomicU64,
    /// How many there are. Relaxed: a hint that spares the lock.
    count: AtomicUsize,
}

impl<K: Key, R> Ahead<K, R> {
    pub(super) const fn new() -> Self {
        Ahead { answers: Mutex::new(None), forgotten: AtomicU64::new(0), count: AtomicUsize::new(0) }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Answers<K, R>) -> T) -> T {
        let mut answers = lock(&self.answers);
        let answers = answers.get_or_insert_default();
        let result = change(answers);
        self.count.store(answers.len(), Ordering::Relaxed);
        result
    }

    /// The answer for a key, if it was fetched.
    pub(super) fn take(&self, key: &K) -> Option<Option<R>> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let (answer, since) = self.change(|answers| answers.remove(Distinct::of(key)))?;
        (since.elapsed() < FRESH).then_some(answer)
    }

    /// Those of these keys that were not fetched.
    pub(super) fn missing<'k>(&self, keys: &[&'k K]) -> Vec<&'k K> {
        self.change(|answers| keys.iter().copied().filter(|key| !answers.contains_key(Distinct::of(*key))).collect())
    }

    /// Where an answer stands in the order of what is forgotten; taken before the store is asked. Relaxed: who has forgotten something before the
    /// call began is seen by whatever tells of it.
    pub(super) fn since(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// Keeps answers to what was asked since then, unless something was forgotten meanwhile: they might be older than that.
    pub(super) fn keep(&self, keys: &[&K], found: Vec<Option<R>>, since: u64) {
        let now = Instant::now();
        let dropped = self.change(|answers| {
            if self.forgotten.load(Ordering::Relaxed) != since {
                return HashMap::new();
            }
            let full = answers.len() + keys.len() > MOST;
            let dropped = if full { std::mem::take(answers) } else { HashMap::new() };
            let both = keys.iter().zip(found).take(MOST);
            answers.extend(both.map(|(key, answer)| (Distinct((*key).clone()), (answer, now))));
            dropped
        });
        drop(dropped);
    }

    /// Forgets the answer for a key, or all.
    pub(super) fn forget(&self, key: Option<&K>) {
        let dropped = self.change(|answers| {
            self.forgotten.fetch_add(1, Ordering::Relaxed);
            match key {
                Some(key) => (answers.remove_entry(Distinct::of(key)), HashMap::new()),
                None => (None, std::mem::take(answers)),
            }
        });
        drop(dropped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_before_something_was_forgotten_is_not_kept() {
        for forgotten in [Some((1,)), None] {
            let ahead = Ahead::<(u8,), u8>::new();
            let since = ahead.since();
            ahead.forget(forgotten.as_ref());
            ahead.keep(&[&(1,)], vec![Some(1)], since);
            assert_eq!(ahead.take(&(1,)), None, "it may be of before");
            ahead.keep(&[&(1,)], vec![Some(2)], ahead.since());
            assert_eq!(ahead.take(&(1,)), Some(Some(2)));
        }
    }
}
