//! Calls that a body is about to make, foretold and computed together.
//!
//! A forecast is a slice of the body that only says which keys it will ask for. They are shared out as a group is; then the
//! body runs as it was written, and finds its values. Results that are not kept are handed over (`handed`). What a
//! forecast gets wrong costs time, never a wrong result: its panics are contained, and those of its calls go to the call of
//! the body that asks for the same key, if there is one.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
};

use foldhash::fast::RandomState;

use crate::cache::{
    call::{asked::Tried, bodies::Inside, callee::Callee, state::Core},
    fork::{
        fork_join::{self, Step},
        shown::{Guest, Open},
    },
    sharing::leapfrog,
    table::key::{Distinct, Key, Output},
    thread::{
        call_stack,
        handed::End,
        opened,
        registry::{self, Worker},
    },
};
use crate::{
    panics,
    sync::{Ordering, lock, timed::Instant},
};

/// A forecast names at most so many calls; those behind them are computed when the body comes to them.
const MOST: usize = 1 << 16;
/// Up to so many keys are compared one by one to find those named twice.
const FEW: usize = 16;

impl<K: Key, R: Output> Inside<'_, K, R> {
    /// Lets the body say which calls of the same function it will make next. As [`Cache::ahead`](crate::Cache::ahead).
    #[inline(always)]
    pub fn ahead(self, forecast: impl FnOnce(&(dyn Fn(K::Args) + Sync))) {
        if self.core.may_share(self.callee.function, registry::current()) {
            self.ahead_shared(forecast);
        }
    }

    /// The same, where it is worth it; out of line, to keep the frames of bodies small.
    #[cold]
    #[inline(never)]
    fn ahead_shared(self, forecast: impl FnOnce(&(dyn Fn(K::Args) + Sync))) {
        run(self.core, self.callee, forecast);
    }
}

/// Makes a forecast and computes what it names, as far as that is missing and others can help.
pub(in crate::cache) fn run<K: Key, R: Output>(
    core: &Core<K, R>,
    callee: Callee<'_, K, R>,
    forecast: impl FnOnce(&(dyn Fn(K::Args) + Sync)),
) {
    let worker = registry::current();
    // Without unwinding nothing could be contained.
    if cfg!(panic = "abort") || callee.is_local || worker.is_isolated() {
        return;
    }
    let began = Instant::now();
    if !core.outlook.is_good(worker, began) {
        return;
    }
    let named = Mutex::new(Named::new());
    let call = |arguments: K::Args| {
        let key = K::of(arguments);
        if !core.contains(&key, registry::current()) {
            name(&named, key);
        }
    };
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| forecast(&call))) {
        panics::swallow(payload);
    }
    let keys = named.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).keys;
    core.outlook.pay(began.elapsed());
    // A single one is shown, too: whoever helps descends through it to what it needs.
    if keys.is_empty() {
        core.outlook.vain.fetch_add(1, Ordering::Relaxed);
    } else {
        share(core, callee, &keys, worker);
    }
}

/// The keys that a forecast has named.
struct Named<K> {
    keys: Vec<K>,
    /// The same, once they are many.
    known: HashSet<Distinct<K>, RandomState>,
}

impl<K: Key> Named<K> {
    fn new() -> Self {
        Self { keys: Vec::with_capacity(8), known: HashSet::default() }
    }

    fn add(&mut self, key: K) {
        let is_new = match self.keys.len() {
            0..FEW => !self.keys.iter().any(|known| known.is_key(&key)),
            FEW => {
                self.known = self.keys.iter().cloned().map(Distinct).collect();
                self.known.insert(Distinct(key.clone()))
            }
            _ => self.known.insert(Distinct(key.clone())),
        };
        if is_new {
            self.keys.push(key);
        }
    }
}

/// Notes a key, and ends a forecast that has no end.
fn name<K: Key>(named: &Mutex<Named<K>>, key: K) {
    let mut named = lock(named);
    if named.keys.len() < MOST {
        named.add(key);
        return;
    }
    drop(named);
    // No hook is called, so nothing is printed; `run` contains it.
    std::panic::resume_unwind(Box::new("the forecast names too many calls"));
}

/// Computes the keys together with whoever helps.
///
/// Until it is known that it pays, they are computed one after the other, as the body would.
fn share<K: Key, R: Output>(core: &Core<K, R>, callee: Callee<'_, K, R>, keys: &[K], worker: &'static Worker) {
    let mut missing: Vec<usize> = (0..keys.len()).collect();
    // Helpers may be at the first before this thread is: none is claimed.
    let _ = fork_join::foretell(callee.function, keys, &mut missing, false);
    let mut alone = 0;
    let guest = Guest::new(core, callee);
    let open = Open::new(&guest, keys, &missing, worker);
    while !core.shares(callee.function, worker) {
        if missing.len() == alone || !open.next(|key| compute(core, callee, key, worker, &mut 0)) {
            return;
        }
        alone += 1;
        worker.own.sample.ask.set(worker.computed());
    }
    drop(open);
    if opened::show_all(&worker.own.opened, worker.board()) {
        leapfrog::invite(worker);
    }
    let missing = &mut missing[alone..];
    let mut helped = 0;
    core.outlook.shared.fetch_add(missing.len() as u64, Ordering::Relaxed);
    fork_join::share(core, callee, keys, missing, worker, |index| {
        if compute(core, callee, &keys[index], worker, &mut helped) { Step::Done } else { Step::Stop }
    });
    core.outlook.helped.fetch_add(helped, Ordering::Relaxed);
}

/// Computes one call, unless it needs nobody any more. Returns whether to go on.
fn compute<K: Key, R: Output>(
    core: &Core<K, R>,
    callee: Callee<'_, K, R>,
    key: &K,
    worker: &'static Worker,
    helped: &mut u64,
) -> bool {
    let (frame, keep) = (worker.running(), callee.function.keep);
    if keep.is_some() && core.contains(key, worker) {
        *helped += 1;
        return true;
    }
    let member = || core.member(callee.function, key, worker);
    call_stack::top(worker).inspect(|frame| frame.expects(&worker.handed));
    let begun = keep.map(|_| member());
    if begun.is_some_and(|member| !worker.handed.begin(frame, member)) {
        *helped += 1;
        return true;
    }
    let end = match call_stack::apart(worker, || {
        catch_unwind(AssertUnwindSafe(|| core.compute_if_free(callee, key, |_| ())))
    }) {
        // Whoever computes it is left to it: the body waits when it comes to this call.
        Ok(Tried::Found(()) | Tried::Busy) => {
            *helped += 1;
            None
        }
        Ok(Tried::Computed(value)) => keep.filter(|keep| !keep(&value)).map(|_| callee.function.end_of(value)),
        // The body meets it in its own time, and perhaps never.
        Err(payload) => {
            let member = begun.unwrap_or_else(member);
            worker.handed.begin(frame, member);
            worker.handed.finish(frame, member, Some((key.clone(), End::<R>::of_panic(payload))));
            return false;
        }
    };
    if let Some(member) = begun {
        worker.handed.finish(frame, member, end.map(|end| (key.clone(), end)));
    }
    true
}
