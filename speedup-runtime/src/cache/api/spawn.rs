//! Calls in the background.

use std::collections::HashSet;

use crate::cache::{
    api::{cache::Cache, task::Task},
    block::isolation,
    table::key::{Distinct, Key, Output},
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
        let missing = keys.into_iter().filter(|key| !self.contains(key)).map(|key| Distinct(K::of(key)));
        let missing: HashSet<Distinct<K>> = missing.collect();
        // Each run of a body that runs again would queue them again, each of which may lead to the next run.
        if missing.len() < 2 || isolation::computes_again(registry::current()) {
            return 0;
        }
        let started = missing.len();
        for Distinct(key) in missing {
            let task = self.task(key);
            task.start();
            // It may be done by now, with a payload whose destructor panics: nobody's, see `Task::start`.
            panics::contain(move || drop(task));
        }
        started
    }

    /// A call of this key that has not begun.
    fn task(&self, key: K) -> Task<R> {
        let again = self.again();
        Task::new(Box::new(move || again.core().get(again.function.callee(), &key)))
    }
}
