//! What was fetched ahead for a group: one round trip instead of one for each member.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::cache::{Distinct, Key};
use crate::sync::global::{AtomicUsize, Mutex, Ordering, lock};

/// What was fetched and not asked for is forgotten after so long: others may have changed it ..
const FRESH: Duration = Duration::from_secs(10);
/// .. and there is never more than this.
const MOST: usize = 1 << 16;

/// Answers by key, and since when they are known.
type Answers<K, R> = HashMap<Distinct<K>, (Option<R>, Instant), foldhash::fast::RandomState>;

/// Answers of the store that nobody has asked for yet, those among them that there is no value.
pub(super) struct Ahead<K, R> {
    state: Mutex<Option<State<K, R>>>,
    /// How many there are. Relaxed: a hint that spares the lock.
    count: AtomicUsize,
}

struct State<K, R> {
    answers: Answers<K, R>,
    /// How often something was forgotten.
    time: u64,
    /// When all was forgotten last.
    all: u64,
    /// When keys were forgotten, as long as anything is on its way that may be older.
    keys: HashMap<Distinct<K>, u64, foldhash::fast::RandomState>,
    /// How many questions are on their way.
    asked: usize,
}

impl<K: Key, R> Default for State<K, R> {
    fn default() -> Self {
        Self { answers: HashMap::default(), time: 0, all: 0, keys: HashMap::default(), asked: 0 }
    }
}

/// A question on its way to the store: what is forgotten meanwhile is not kept of the answer.
pub(super) struct Asked<'a, K: Key, R> {
    ahead: &'a Ahead<K, R>,
    since: u64,
}

impl<K: Key, R> Ahead<K, R> {
    pub(super) const fn new() -> Self {
        Ahead { state: Mutex::new(None), count: AtomicUsize::new(0) }
    }

    /// Keys and answers are dropped by callers, when the lock is not held: that is users' code.
    fn change<T>(&self, change: impl FnOnce(&mut State<K, R>) -> T) -> T {
        let mut state = lock(&self.state);
        let state = state.get_or_insert_default();
        let result = change(state);
        self.count.store(state.answers.len(), Ordering::Relaxed);
        result
    }

    /// The answer for a key, if it was fetched.
    pub(super) fn take(&self, key: &K) -> Option<Option<R>> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let (_key, (answer, since)) = self.change(|state| state.answers.remove_entry(Distinct::of(key)))?;
        (since.elapsed() < FRESH).then_some(answer)
    }

    /// Those of these keys that were not fetched.
    pub(super) fn missing<'k>(&self, keys: &[&'k K]) -> Vec<&'k K> {
        let is_missing = |state: &State<K, R>, key: &K| !state.answers.contains_key(Distinct::of(key));
        self.change(|state| keys.iter().copied().filter(|key| is_missing(state, key)).collect())
    }

    /// To be called before the store is asked.
    pub(super) fn ask(&self) -> Asked<'_, K, R> {
        let since = self.change(|state| {
            state.asked += 1;
            state.time
        });
        Asked { ahead: self, since }
    }

    /// Forgets the answer for a key, or all.
    pub(super) fn forget(&self, key: Option<&K>) {
        let noted = key.map(|key| Distinct(key.clone()));
        let dropped = self.change(|state| {
            state.time += 1;
            let Some(key) = noted else {
                state.all = state.time;
                return (None, None, std::mem::take(&mut state.answers), std::mem::take(&mut state.keys));
            };
            let answer = state.answers.remove_entry(&key);
            let (key, keys) = if state.asked == 0 {
                (Some(key), HashMap::default())
            } else if state.keys.len() == MOST {
                state.all = state.time;
                (Some(key), std::mem::take(&mut state.keys))
            } else {
                let before = state.keys.remove_entry(&key).map(|(key, _)| key);
                state.keys.insert(key, state.time);
                (before, HashMap::default())
            };
            (answer, key, HashMap::default(), keys)
        });
        drop(dropped);
    }
}

impl<K: Key, R> Asked<'_, K, R> {
    /// Keeps the answer, but for what was forgotten meanwhile: that may be older.
    pub(super) fn keep(self, found: impl Iterator<Item = (K, Option<R>)>) {
        let now = Instant::now();
        let found: Vec<_> = found.take(MOST).map(|(key, answer)| (Distinct(key), (answer, now))).collect();
        let mut old = Vec::new();
        let dropped = self.ahead.change(|state| {
            if state.all > self.since {
                old = found;
                return HashMap::default();
            }
            let full = state.answers.len() + found.len() > MOST;
            let dropped = if full { std::mem::take(&mut state.answers) } else { HashMap::default() };
            for (key, answer) in found {
                if state.keys.get(&key).is_some_and(|forgotten| *forgotten > self.since) {
                    old.push((key, answer));
                } else {
                    old.extend(state.answers.remove_entry(&key));
                    state.answers.insert(key, answer);
                }
            }
            dropped
        });
        drop((dropped, old));
    }
}

impl<K: Key, R> Drop for Asked<'_, K, R> {
    fn drop(&mut self) {
        let dropped = self.ahead.change(|state| {
            state.asked -= 1;
            if state.asked == 0 { std::mem::take(&mut state.keys) } else { HashMap::default() }
        });
        drop(dropped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_before_something_was_forgotten_is_not_kept_and_the_rest_is() {
        for (forgotten, kept) in [(Some((1,)), Some(Some(2))), (None, None)] {
            let ahead = Ahead::<(u8,), u8>::new();
            let answer = || [((1,), Some(1)), ((2,), Some(2))].into_iter();
            let asked = ahead.ask();
            ahead.forget(forgotten.as_ref());
            asked.keep(answer());
            assert_eq!(ahead.take(&(1,)), None, "it may be of before");
            assert_eq!(ahead.take(&(2,)), kept);
            ahead.ask().keep(answer());
            assert_eq!([ahead.take(&(1,)), ahead.take(&(2,))], [Some(Some(1)), Some(Some(2))]);
        }
    }

    /// An answer that looks at the others when it goes.
    struct Looks(&'static Ahead<(u8,), Looks>);

    impl Drop for Looks {
        fn drop(&mut self) {
            drop(lock(&self.0.state));
        }
    }

    #[test]
    fn answers_are_dropped_outside_of_the_lock() {
        static AHEAD: Ahead<(u8,), Looks> = Ahead::new();
        let answers = || (0..4).map(|n| ((n,), Some(Looks(&AHEAD))));
        AHEAD.ask().keep(answers());
        AHEAD.ask().keep(answers());
        let (first, second) = (AHEAD.ask(), AHEAD.ask());
        AHEAD.forget(Some(&(1,)));
        AHEAD.forget(Some(&(1,)));
        first.keep(answers());
        drop(AHEAD.take(&(0,)));
        AHEAD.forget(None);
        second.keep(answers());
        assert!(AHEAD.take(&(2,)).is_none());
    }

    #[test]
    fn what_was_forgotten_is_known_as_long_as_a_question_may_be_older_and_no_longer() {
        let ahead = Ahead::<(u32,), u8>::new();
        let known = || lock(&ahead.state).as_ref().map_or(0, |state| state.keys.len());
        ahead.forget(Some(&(1,)));
        assert_eq!(known(), 0, "nobody has asked");
        let (first, second) = (ahead.ask(), ahead.ask());
        ahead.forget(Some(&(1,)));
        drop(second);
        assert_eq!(known(), 1);
        let third = ahead.ask();
        first.keep([((1,), Some(1))].into_iter());
        assert_eq!(ahead.take(&(1,)), None);
        third.keep([((1,), Some(3))].into_iter());
        assert_eq!((ahead.take(&(1,)), known()), (Some(Some(3)), 0));
        // Of too many none is known by itself.
        let (old, most) = (ahead.ask(), u32::try_from(MOST).unwrap());
        (0..=most).for_each(|n| ahead.forget(Some(&(n,))));
        assert!(known() < 2);
        old.keep([((7,), Some(1)), ((most + 7,), Some(1))].into_iter());
        assert_eq!([ahead.take(&(7,)), ahead.take(&(most + 7,))], [None, None]);
    }
}
