//! Functions whose calls pass some arguments on unchanged: a table for each set of those.
//!
//! A recursion over a graph passes the graph on at each level. Were it part of each key, it would be hashed, compared and
//! copied at each level. So such *steady* arguments are looked up once, by the outermost call: they choose a table of their
//! own, in which the recursion goes on with the arguments that vary.
//!
//! A call knows that it is not the outermost one by the call that it is made from: that one names its table, and the table
//! its steady arguments. If they are the same, by address where they are borrowed, so is the table. Nothing is decided by how
//! the call is written; one that passes on something else is another outermost call.

use std::{
    borrow::Borrow,
    mem::ManuallyDrop,
    ptr::{self, null},
    thread,
};

use crate::cache::{
    api::{
        branches::{Branch, Lent, Shared, TablesState, shared_of, steady_of},
        cache::Cache,
        divided::Divided,
    },
    call::{callee::Callee, function::Function, state::Core},
    fork::ahead,
    sharing::granularity::Grain,
    table::key::{Key, Lookup, Output, Part},
    thread::{
        call_stack,
        frame::Frame,
        registry::{self, Pinned, Worker},
    },
};
use crate::{
    seeing::stats::Stats,
    sync::{Arc, Ordering, lock},
};

/// So many running calls are looked through for one of the same function: more than one only if others lie between.
const NEAR: usize = 4;

/// The tables of a function: one for each set of the arguments that its calls pass on unchanged.
///
/// `S` is the tuple of those, `V` that of the arguments that vary, both in their owned forms. At most 1,024 tables are kept
/// (see [`limit`](Self::limit)): beyond that, the one goes whose outermost call is the longest ago.
pub struct Tables<S: Key, V: Key, R: Output> {
    pub(super) state: &'static TablesState<S, V, R>,
    pub(super) function: Function<V, R>,
    pub(super) branches: Cache<(Shared<S>,), Branch<V, R>>,
    pub(super) most: usize,
}

impl<S: Key, V: Key, R: Output> Tables<S, V, R> {
    /// The value of a call, computed if need be. `is` tells whether the call passes on what a table has been made for.
    ///
    /// # Panics
    /// As [`Cache::get`].
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get<Q: Lookup<S>>(&self, steady: Q, is: impl Fn(&S) -> bool, key: V::Args) -> R {
        // A hit has no key in memory: it is put there where it is needed.
        let (mut key, worker) = (ManuallyDrop::new(V::of(key)), registry::current());
        let Some(core) = self.running(worker, &is) else {
            // SAFETY: it is not used again.
            return self.get_outermost(steady, &unsafe { ManuallyDrop::take(&mut key) });
        };
        // SAFETY: made by `Branch::new`.
        match unsafe { core.look_at_hand(&key, worker) } {
            Ok(value) => {
                // SAFETY: it is not used again.
                unsafe { ManuallyDrop::drop(&mut key) };
                value
            }
            Err(free) => {
                // SAFETY: it is not used again, and the slot was found for it.
                unsafe { core.get_free(self.callee(core), &ManuallyDrop::take(&mut key), worker, free) }
            }
        }
    }

    /// As [`get`](Self::get), for arguments that are only borrowed: a hit copies nothing.
    ///
    /// # Panics
    /// As [`Cache::get`].
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get_ref<Q: Lookup<S>, P: Lookup<V>>(&self, steady: Q, is: impl Fn(&S) -> bool, key: P) -> R {
        let worker = registry::current();
        if let Some(core) = self.running(worker, &is) {
            // Small integers are found by their value.
            let hit = if V::is_small() { None } else { core.hit(key, None) };
            return hit.unwrap_or_else(|| self.get_in(core, &key.to_key(), worker));
        }
        self.get_outermost(steady, &key.to_key())
    }

    /// Lets a body say which of its own calls it will make next, by the arguments that vary. As [`Cache::ahead`].
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn ahead(&self, forecast: impl FnOnce(&(dyn Fn(V::Args) + Sync))) {
        let worker = registry::current();
        if !Grain::is_alone(worker)
            && let Some(core) = call_stack::top(worker).and_then(|top| self.core_of(top))
            && !core.grain.goes_alone(worker)
        {
            self.ahead_with_others(core, forecast);
        }
    }

    /// The same, where it may be worth it; out of line, to keep the frames of bodies small.
    #[cold]
    #[inline(never)]
    fn ahead_with_others(&self, core: &Core<V, R>, forecast: impl FnOnce(&(dyn Fn(V::Args) + Sync))) {
        if core.may_share(&self.function, registry::current()) {
            ahead::run(core, self.callee(core), forecast);
        }
    }

    /// The table in which the innermost running call goes on, if it is one of this function with the same steady arguments.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn running<'a>(&self, worker: &'a Worker, is: &impl Fn(&S) -> bool) -> Option<&'a Core<V, R>> {
        let top = call_stack::top(worker)?;
        match self.core_of(top) {
            // SAFETY: a core of the family.
            Some(core) if unsafe { steady_of(core) }.is_some_and(is) => Some(core),
            _ => self.running_below(top, is),
        }
    }

    /// The same, for calls between which others lie.
    #[cold]
    #[inline(never)]
    fn running_below<'a>(&self, top: &'a Frame, is: &impl Fn(&S) -> bool) -> Option<&'a Core<V, R>> {
        let frames = std::iter::successors(top.parent(), |frame| frame.parent()).take(NEAR);
        // SAFETY: cores of the family.
        frames.filter_map(|frame| self.core_of(frame)).find(|core| unsafe { steady_of(core) }.is_some_and(is))
    }

    /// The core of a running call of this function.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn core_of<'a>(&self, frame: &'a Frame) -> Option<&'a Core<V, R>> {
        // SAFETY: the family is named by the type of the body, which is that of one function, and all cores of it were made by
        // `Branch::new` for these types. The frame keeps its core.
        (frame.header().family == self.function.family).then(|| unsafe { &*frame.cache().cast::<Core<V, R>>() })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn get_in(&self, core: &Core<V, R>, key: &V, worker: &'static Worker) -> R {
        // SAFETY: made by `Branch::new`.
        match unsafe { core.look_at_hand(key, worker) } {
            Ok(value) => value,
            // SAFETY: found for this key.
            Err(free) => unsafe { core.get_free(self.callee(core), key, worker, free) },
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn callee<'a>(&'a self, core: &'a Core<V, R>) -> Callee<'a, V, R> {
        self.function.callee_in(core.steady.as_ref().map_or(null(), |steady| steady.at().as_ptr().cast_const()))
    }

    /// A call from outside: its table is looked up by the contents of what it passes on, and made if there is none.
    #[cold]
    #[inline(never)]
    fn get_outermost<Q: Lookup<S>>(&self, steady: Q, key: &V) -> R {
        let worker = registry::current();
        let found = {
            let pin = worker.pin();
            let branch = self.find(steady, pin.at());
            if let Some(value) = branch.and_then(|branch| branch.core().hit(key, key.pack())) {
                return value;
            }
            branch.cloned()
        };
        let branch = found.unwrap_or_else(|| self.make(steady.to_key(), worker));
        branch.used.store(self.state.now.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        let value = self.get_in(branch.core(), key, worker);
        self.state.whole.grain.learn_from(&branch.core().grain);
        value
    }

    /// The table for these steady arguments, if there is one.
    fn find<'pin, Q: Lookup<S>>(&self, steady: Q, pin: Pinned<'pin>) -> Option<&'pin Branch<V, R>> {
        self.branches.core().table(pin)?.find((Lent(steady),), None, pin)
    }

    /// The same, counted.
    fn branch(&self, steady: &S, worker: &'static Worker) -> Option<Branch<V, R>> {
        let pin = worker.pin();
        self.find(steady, pin.at()).cloned()
    }

    /// The table for these steady arguments, made by this call or by another thread just now.
    fn make(&self, steady: S, worker: &'static Worker) -> Branch<V, R> {
        self.state.list(&self.function);
        let key = (Shared(Arc::new(steady)),);
        let branch = Branch::new(key.0.clone(), self.function.family, &self.state.whole);
        loop {
            match self.branches.core().insert_new(self.branches.function(), &key, branch.clone(), worker) {
                Ok(()) => break,
                Err(_) => match self.branch(&key.0.0, worker) {
                    Some(others) => return others,
                    // It is being put in by another thread, or went at this moment.
                    None => thread::yield_now(),
                },
            }
        }
        let oldest = {
            let mut kept = lock(&self.state.kept);
            kept.push(branch.clone());
            let over = kept.len() > self.most;
            // The new one is the last.
            let oldest = kept.iter().rev().skip(1).rev().enumerate();
            let oldest = oldest.min_by_key(|(_, branch)| branch.used.load(Ordering::Relaxed)).map(|(at, _)| at);
            oldest.filter(|_| over).map(|at| kept.swap_remove(at))
        };
        oldest.iter().for_each(|branch| self.state.whole.absorb(branch.core()));
        // SAFETY: a core of the family. Removed while nothing is locked, since keys are users' code.
        if let Some(steady) = oldest.as_ref().and_then(|branch| unsafe { shared_of::<S, V, R>(branch.core()) }) {
            self.branches.core().remove(&(steady,), worker);
        }
        branch
    }

    /// The tables that are kept.
    fn kept(&self) -> Vec<Branch<V, R>> {
        lock(&self.state.kept).clone()
    }
}

/// [`Tables`], and how the arguments of a call are divided into those that are passed on and those that vary, and put together again.
pub struct Division<K, S: Key, V: Key, R: Output> {
    tables: &'static Tables<S, V, R>,
    divide: fn(K) -> (S, V),
    unite: fn(S, V) -> K,
}

impl<K: Key, R: Output> Cache<K, R> {
    /// The same handle for a function whose values are in [`Tables`](crate::cache::Tables). Its function asks those, and keeps
    /// nothing itself.
    #[must_use]
    pub const fn divided<S: Key, V: Key>(mut self, division: &'static Division<K, S, V, R>) -> Self {
        self.function.keeps_by(Function::<K, R>::keep_nothing);
        self.function.is_divided = true;
        self.divided = Some(division);
        self
    }
}

impl<K, S: Key, V: Key, R: Output> Division<K, S, V, R> {
    /// The tables of a function of these arguments.
    #[must_use]
    pub const fn new(tables: &'static Tables<S, V, R>, divide: fn(K) -> (S, V), unite: fn(S, V) -> K) -> Self {
        Self { tables, divide, unite }
    }
}

impl<K: Clone, S: Key, V: Key, R: Output> Divided<K, R> for Division<K, S, V, R> {
    fn peek(&self, key: &K) -> Option<R> {
        let ((steady, key), worker) = ((self.divide)(key.clone()), registry::current());
        self.tables.branch(&steady, worker)?.core().peek(&key, key.pack(), worker)
    }

    fn insert(&self, key: K, value: R) -> Option<R> {
        let ((steady, key), worker) = ((self.divide)(key), registry::current());
        let branch = self.tables.branch(&steady, worker).unwrap_or_else(|| self.tables.make(steady, worker));
        branch.core().insert(&self.tables.function, &key, value, worker)
    }

    fn remove(&self, key: &K) -> Option<R> {
        let ((steady, key), worker) = ((self.divide)(key.clone()), registry::current());
        self.tables.branch(&steady, worker)?.core().remove(&key, worker)
    }

    fn refresh(&self, key: K) -> R {
        let ((steady, key), worker) = ((self.divide)(key), registry::current());
        let branch = self.tables.branch(&steady, worker).unwrap_or_else(|| self.tables.make(steady, worker));
        branch.core().refresh(self.tables.callee(branch.core()), &key, worker)
    }

    fn entries(&self) -> Vec<(K, R)> {
        let mut entries = Vec::new();
        for branch in self.tables.kept() {
            // SAFETY: a core of the family.
            let Some(steady) = (unsafe { steady_of::<S, V, R>(branch.core()) }) else { continue };
            let branch = branch.core().entries(registry::current()).into_iter();
            entries.extend(branch.map(|(key, value)| ((self.unite)(steady.clone(), key), value)));
        }
        entries
    }

    fn keeps(&self, value: &R) -> bool {
        self.tables.function.keep.is_none_or(|keep| keep(value))
    }

    fn len(&self) -> usize {
        self.tables.kept().iter().map(|branch| branch.core().len(registry::current())).sum()
    }

    fn clear(&self) {
        drop(self.tables.state.take());
        registry::collect();
    }

    fn stats(&self, with_costs: bool) -> Stats {
        self.tables.state.known(with_costs).stats()
    }
}

/// Whether what a call passes on by reference is the very value that a table has been made for.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn is_same<Q: ?Sized, A: Borrow<Q>>(lent: &Q, own: &A) -> bool {
    ptr::eq(lent, own.borrow())
}

/// Whether what a call passes on by value is what a table has been made for.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn is_equal<A, P: Part<A>>(given: P, own: &A) -> bool {
    given.is_part(own)
}
