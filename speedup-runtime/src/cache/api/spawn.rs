//! Calls in the background.

use std::{collections::HashSet, sync::Arc};

use crate::cache::{
    api::{
        cache::Cache,
        task::Task,
        warming::{Call, Warming},
    },
    block::isolation,
    table::{
        distinct::Distinct,
        key::{Key, Output},
    },
    thread::registry,
};
use crate::panics;

impl<K: Key, R: Output> Cache<K, R> {
    /// Starts computing a key in the background.
    ///
    /// The call runs on the current rayon pool, or on whichever thread joins the task first. Where a body that starts it is
    /// computed once more (see the chapter on cycles in `ARCHITECTURE.md`), only who joins the task runs it.
    #[doc(alias = "apply_async")]
    pub fn spawn(&self, key: K::Args) -> Task<R> {
        if let Some(value) = self.peek(&key) {
            return Task::ready(value);
        }
        let task = self.task(K::of(key));
        task.start();
        task
    }

    /// Starts in the background what is missing, and says how many calls that was.
    ///
    /// If only one key is missing nothing is started: whoever needs it computes it just as soon. Nor is anything inside a call
    /// that is computed once more, see the chapter on cycles in `ARCHITECTURE.md`.
    #[doc(alias = "batch_async")]
    pub fn spawn_all(&self, keys: impl IntoIterator<Item = K::Args>) -> usize {
        start_missing(keys.into_iter().filter(|key| !self.contains(key)).map(K::of), |key| self.task(key))
    }

    /// Computes keys ahead of need, in the background, at a limited speed if that is wanted. See [`Warming`].
    ///
    /// # Examples
    /// ```
    /// use speedup_runtime::Cache;
    ///
    /// let squares = Cache::from_fn(|n: u64| n * n);
    /// let warming = squares.warm([(1,), (2,), (3,)]);
    /// warming.join();
    /// assert_eq!(squares.peek(&(3,)), Some(9));
    /// ```
    pub fn warm(&self, keys: impl IntoIterator<Item = K::Args>) -> Warming {
        let keys: Vec<K> = keys.into_iter().map(K::of).collect();
        let again = Arc::new(self.again());
        let call = move |key| -> Call {
            let again = again.clone();
            Arc::new(move || again.keeps(&again.core().get(again.function.callee(), &key)))
        };
        Warming::new(keys.len(), keys.into_iter().map(call))
    }

    /// Whether such a result is kept.
    fn keeps(&self, value: &R) -> bool {
        match self.divided {
            Some(divided) => divided.keeps(value),
            None => self.function.keep.is_none_or(|keep| keep(value)),
        }
    }

    /// A call of this key that has not begun.
    fn task(&self, key: K) -> Task<R> {
        let again = self.again();
        Task::new(Box::new(move || again.core().get(again.function.callee(), &key)))
    }
}

/// Starts the calls of keys that are missing, each once, and says how many that was; none if there is but one.
pub(in crate::cache) fn start_missing<K: Key, R: Output>(
    missing: impl Iterator<Item = K>,
    task: impl Fn(K) -> Task<R>,
) -> usize {
    let missing: HashSet<Distinct<K>> = missing.map(Distinct).collect();
    // Each run of a body that runs again would queue them again, each of which may lead to the next run.
    if missing.len() < 2 || isolation::computes_again(registry::current()) {
        return 0;
    }
    let started = missing.len();
    for Distinct(key) in missing {
        let task = task(key);
        task.start();
        // It may be done by now, with a payload whose destructor panics: nobody's, see `Task::start`.
        panics::contain(move || drop(task));
    }
    started
}
