//! The tables of a function that has several, and what is counted and told of them together.

use std::{
    any::TypeId,
    hash::{Hash, Hasher},
    ptr::NonNull,
    sync::Mutex,
};

use crate::cache::{
    call::{function::Function, known::Known, state::Core, steady::Steady},
    table::{
        Current,
        key::{Key, Lookup, Output, Part},
    },
    thread::{
        engine::{Engine as _, Kept},
        registry,
    },
};
use crate::{
    seeing::{
        limit::Held,
        registry::{Aside, Ticket, Told, Used},
        report::Kind,
    },
    sync::{Arc, AtomicU64, lock},
};

/// The arguments that the calls of a table pass on: what it is looked up by, and what its bodies get, are one and the same.
pub(super) struct Shared<S>(pub(super) Arc<S>);

impl<S> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Key> PartialEq for Shared<S> {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_key(&other.0)
    }
}

impl<S: Key> Eq for Shared<S> {}

impl<S: Key> Hash for Shared<S> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.hash_key(hasher);
    }
}

/// Such arguments, perhaps borrowed.
#[derive(Clone, Copy)]
pub(super) struct Lent<Q>(pub(super) Q);

impl<S: Key, Q: Lookup<S>> Part<Shared<S>> for Lent<Q> {
    fn hash_part<H: Hasher>(self, hasher: &mut H) {
        self.0.hash_into(hasher);
    }

    fn is_part(self, part: &Shared<S>) -> bool {
        self.0.matches(&part.0)
    }

    fn to_part(self) -> Shared<S> {
        Shared(Arc::new(self.0.to_key()))
    }
}

/// What a static holds for [`Tables`](crate::cache::Tables).
pub struct TablesState<S: Key, V: Key, R: Output> {
    pub(super) branches: crate::cache::State<(Shared<S>,), Branch<V, R>>,
    /// The tables that are kept, in no order.
    pub(super) kept: Mutex<Vec<Branch<V, R>>>,
    /// Outermost calls that had to look for their table. Relaxed: a clock for [`Branch::used`].
    pub(super) now: AtomicU64,
    /// What is counted of all tables, and known of what a call costs.
    pub(super) whole: Core<V, R>,
}

// SAFETY: shared state behind atomics and locks, as in `Cache`.
unsafe impl<S: Key, V: Key, R: Output> Sync for TablesState<S, V, R> {}

impl<S: Key, V: Key, R: Output> TablesState<S, V, R> {
    /// No tables yet.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "made in statics")]
    pub const fn new() -> Self {
        Self {
            branches: crate::cache::State::of_a_part(),
            kept: Mutex::new(Vec::new()),
            now: AtomicU64::new(0),
            whole: Core::new(),
        }
    }
}

impl<S: Key, V: Key, R: Output> TablesState<S, V, R> {
    /// What is known of all tables.
    pub(super) fn known(&self, with_costs: bool) -> Known {
        let kept = lock(&self.kept).clone();
        kept.iter().fold(Known::of(&self.whole), |known, branch| {
            let known = known.and(branch.core());
            if with_costs { known.with_cost_of(branch.core()) } else { known }
        })
    }

    /// The name that messages about making tables would have, if there were any.
    pub(super) const fn function() -> Function<(Shared<S>,), Branch<V, R>> {
        Function::new("the tables of a function", never::<S, V, R>)
    }

    /// Lists the function, unless it is.
    #[cold]
    pub(super) fn list(&'static self, function: &Function<V, R>) {
        self.whole.function.get_or_init(|| function.clone());
        self.whole.ticket.get_or_init(|| Ticket::new(Listed(self)));
    }

    /// Forgets all tables, and gives out those that there were.
    pub(super) fn take(&self) -> Vec<Branch<V, R>> {
        self.branches.core().clear();
        let old = std::mem::take(&mut *lock(&self.kept));
        old.iter().for_each(|branch| self.whole.absorb(branch.core()));
        old
    }

    /// Puts tables back that were taken, where there are no others by now.
    fn put_back(&self, branches: Vec<Branch<V, R>>) {
        let (function, worker) = (Self::function(), registry::current());
        for branch in branches {
            // SAFETY: a core of the family.
            let Some(steady) = (unsafe { shared_of::<S, V, R>(branch.core()) }) else { continue };
            if self.branches.core().insert_new(&function, &(steady,), branch.clone(), worker).is_ok() {
                lock(&self.kept).push(branch);
            }
        }
    }
}

/// A function with several tables on the list of all that have been used.
struct Listed<S: Key, V: Key, R: Output>(&'static TablesState<S, V, R>);

impl<S: Key, V: Key, R: Output> Used for Listed<S, V, R> {
    fn told(&self) -> Option<Told> {
        Some(Told {
            name: self.0.whole.function.get()?.label(),
            kind: Kind::Cache,
            is_one_of_many: false,
            is_bounded: false,
            stats: self.0.known(true).stats(),
        })
    }

    fn set_aside(&self) -> Option<Aside> {
        let (state, counted) = (self.0, self.0.whole.number.totals());
        let branches = state.take();
        Some(Box::new(move || {
            drop(state.take());
            state.whole.number.rewind(counted);
            state.put_back(branches);
            registry::collect();
        }))
    }

    fn empty(&self) {
        drop(self.0.take());
        registry::collect();
    }

    fn held(&self) -> Option<Held> {
        let kept = lock(&self.0.kept).clone();
        let bytes = kept.iter().map(|branch| branch.core().held().bytes).sum();
        // Calls are counted together.
        Some(Held { bytes, calls: self.0.whole.held().calls })
    }
}

/// One of the tables, counted.
pub(super) struct Branch<V: Key, R: Output> {
    core: NonNull<Core<V, R>>,
    _kept: Option<Kept>,
    /// When an outermost call has last computed something in it.
    pub(super) used: Arc<AtomicU64>,
}

// SAFETY: as for `Cache`.
unsafe impl<V: Key, R: Output> Send for Branch<V, R> {}
// SAFETY: as for `Cache`.
unsafe impl<V: Key, R: Output> Sync for Branch<V, R> {}

impl<V: Key, R: Output> Branch<V, R> {
    /// An empty table, which counts and learns together with the others.
    pub(super) fn new<S: Key>(steady: Shared<S>, family: TypeId, whole: &Core<V, R>) -> Self {
        whole.number.give();
        let mut core = Core::one_of(family, Some(Steady::new(steady.0)));
        core.table = Current::none_lasting();
        core.number = whole.number.lend();
        core.grain.learn_from(&whole.grain);
        let (core, kept) = core.into_counted();
        Self { core, _kept: Some(kept), used: Arc::new(AtomicU64::new(0)) }
    }

    #[inline]
    pub(super) fn core(&self) -> &Core<V, R> {
        // SAFETY: kept.
        unsafe { self.core.as_ref() }
    }
}

impl<V: Key, R: Output> Clone for Branch<V, R> {
    fn clone(&self) -> Self {
        Self { core: self.core, _kept: self.core().keep(), used: self.used.clone() }
    }
}

/// What the steady arguments of a core are.
///
/// # Safety
/// The core was made by [`Branch::new`] with an `S`.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) unsafe fn steady_of<S, V: Key, R: Output>(core: &Core<V, R>) -> Option<&S> {
    // SAFETY: by the contract.
    core.steady.as_ref().map(|steady| unsafe { steady.at().cast::<S>().as_ref() })
}

/// The same, owned.
///
/// # Safety
/// As for [`steady_of`].
pub(super) unsafe fn shared_of<S, V: Key, R: Output>(core: &Core<V, R>) -> Option<Shared<S>> {
    // SAFETY: by the contract.
    core.steady.as_ref().map(|steady| Shared(unsafe { steady.share() }))
}

/// Tables are put in, not computed.
pub(super) fn never<S: Key, V: Key, R: Output>(_: &(Shared<S>,)) -> Branch<V, R> {
    unreachable!("a table is made by who looks for it")
}
