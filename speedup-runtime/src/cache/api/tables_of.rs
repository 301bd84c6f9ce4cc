//! How the tables of a function are made: in a constant, of its name, its body and its rules.

use std::fmt;

use crate::cache::{
    api::{branches::TablesState, cache::Cache, in_table::InTable, tables::Tables},
    call::{
        bodies::{self, Running},
        function::Function,
    },
    table::key::{Key, Output},
};

/// How many tables are kept of one function, unless it says otherwise.
const MOST: usize = 1024;

impl<S: Key, V: Key, R: Output> Tables<S, V, R> {
    /// The tables of a function with its name and its body, which gets what is passed on and what varies.
    ///
    /// The body is a function, or a closure that captures nothing: others do not compile.
    #[must_use]
    pub const fn of<F: Fn(&S, &V) -> R + Copy + 'static>(
        state: &'static TablesState<S, V, R>,
        name: &'static str,
        body: F,
    ) -> Self {
        Self::outside(state, name, body, bodies::tells_nothing::<R>)
    }

    /// The same, and what says which results are kept: as [`Function::keeping`].
    #[must_use]
    pub const fn keeping<F: Fn(&S, &V) -> R + Copy + 'static, G: Fn(&R) -> bool + Copy + 'static>(
        state: &'static TablesState<S, V, R>,
        name: &'static str,
        body: F,
        keep: G,
    ) -> Self {
        Self::outside(state, name, body, keep).keep(bodies::keeps::<R, G>)
    }

    const fn outside<F: Fn(&S, &V) -> R + Copy + 'static, G: Fn(&R) -> bool + Copy + 'static>(
        state: &'static TablesState<S, V, R>,
        name: &'static str,
        body: F,
        keep: G,
    ) -> Self {
        let body = move |own: &S, key: &V, _: Running<'_, V, R>| body(own, key);
        Self::made(state, Function::steady(name, body, keep))
    }

    /// As [`of`](Self::of) with a body that also gets the running call, so that its own calls go on in the table.
    #[must_use]
    pub const fn of_inside<F: Fn(&S, &V, InTable<'_, V, R>) -> R + Copy + 'static>(
        state: &'static TablesState<S, V, R>,
        name: &'static str,
        body: F,
    ) -> Self {
        Self::inside(state, name, body, bodies::tells_nothing::<R>)
    }

    /// The same, and what says which results are kept: as [`Function::keeping`].
    #[must_use]
    pub const fn keeping_inside<
        F: Fn(&S, &V, InTable<'_, V, R>) -> R + Copy + 'static,
        G: Fn(&R) -> bool + Copy + 'static,
    >(
        state: &'static TablesState<S, V, R>,
        name: &'static str,
        body: F,
        keep: G,
    ) -> Self {
        Self::inside(state, name, body, keep).keep(bodies::keeps::<R, G>)
    }

    const fn inside<F: Fn(&S, &V, InTable<'_, V, R>) -> R + Copy + 'static, G: Fn(&R) -> bool + Copy + 'static>(
        state: &'static TablesState<S, V, R>,
        name: &'static str,
        body: F,
        keep: G,
    ) -> Self {
        let body = move |own: &S, key: &V, running: Running<'_, V, R>| {
            // SAFETY: cores of this family are made by `Branch::new`, and their tables last.
            body(own, key, unsafe { InTable::new(running.inside) })
        };
        Self::made(state, Function::steady(name, body, keep))
    }

    const fn made(state: &'static TablesState<S, V, R>, function: Function<V, R>) -> Self {
        let branches = Cache::of(&state.branches, TablesState::<S, V, R>::function());
        Self { state, function, branches, most: MOST }
    }

    /// As [`Function::keep`].
    #[must_use]
    pub const fn keep(mut self, keep: fn(&R) -> bool) -> Self {
        self.function.keeps_by(keep);
        self
    }

    /// As [`Function::show`], for the arguments that vary.
    #[must_use]
    pub const fn show(mut self, show: fn(&V, &mut fmt::Formatter<'_>) -> fmt::Result) -> Self {
        self.function.show = Some(show);
        self
    }

    /// As [`Function::sequential`].
    #[must_use]
    pub const fn sequential(mut self) -> Self {
        self.function.sequential = true;
        self
    }

    /// As [`Function::uses_rayon`].
    #[must_use]
    pub const fn uses_rayon(mut self) -> Self {
        self.function.uses_rayon = true;
        self
    }

    /// Keeps at most so many tables, and at least one.
    #[must_use]
    pub const fn limit(mut self, most: usize) -> Self {
        self.most = if most == 0 { 1 } else { most };
        self
    }
}
