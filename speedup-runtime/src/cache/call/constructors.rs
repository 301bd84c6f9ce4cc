//! How functions are made: each is told how a body of its kind is run.

use std::any::TypeId;

use crate::cache::{
    call::{
        bodies::{self, Running},
        callee::Run,
        function::{Function, Shared},
    },
    table::key::{Key, Output},
    thread::{engine::Header, frame::AtFirst},
};

impl<K, R> Function<K, R> {
    /// A function with its name and its body; every result is kept.
    ///
    /// The body is a function, or a closure that captures nothing: others do not compile.
    #[must_use]
    pub const fn new<F: Fn(&K) -> R + Copy + 'static>(name: &'static str, body: F) -> Self
    where
        K: Key,
        R: Output,
    {
        Self::known(name, body, bodies::tells_nothing::<R>)
    }

    /// A function with its name, its body and what says which results are kept: others go to those who asked while they were computed.
    ///
    /// As [`new`](Self::new) and [`keep`](Self::keep), but what is kept is told where the body ends.
    #[must_use]
    pub const fn keeping<F: Fn(&K) -> R + Copy + 'static, G: Fn(&R) -> bool + Copy + 'static>(
        name: &'static str,
        body: F,
        keep: G,
    ) -> Self
    where
        K: Key,
        R: Output,
    {
        Self::known(name, body, keep).keep(bodies::keeps::<R, G>)
    }

    const fn known<F: Fn(&K) -> R + Copy + 'static, G: Fn(&R) -> bool + Copy + 'static>(
        name: &'static str,
        _: F,
        _: G,
    ) -> Self
    where
        K: Key,
        R: Output,
    {
        Self::of(name, bodies::run_known::<K, R, F, G>, None)
    }

    /// The name and the rules of an `async fn`, whose body is no business of the engine's: it is never run as one of a plain
    /// function.
    #[cfg(feature = "async")]
    pub(in crate::cache) const fn awaited(name: &'static str) -> Self
    where
        K: Key,
        R: Output,
    {
        Self::of(name, bodies::run_shared, None)
    }

    /// A function whose body each caller brings, see [`Cache::get_with`](crate::Cache::get_with). It has none itself: asked through
    /// its handle, it panics with a message that says so.
    #[must_use]
    pub const fn of_context(name: &'static str) -> Self
    where
        K: Key,
        R: Output,
    {
        let mut function = Self::of(name, bodies::run_nothing, None);
        function.has_body = false;
        function
    }

    /// A function whose body also gets what its calls pass on unchanged, see [`Tables`](crate::cache::Tables), and the running call. Where `keep` is
    /// true, the value is kept; where it is not, that is told elsewhere.
    pub(in crate::cache) const fn steady<
        S: 'static,
        F: for<'c> Fn(&'c S, &K, Running<'c, K, R>) -> R + Copy + 'static,
        G: Fn(&R) -> bool + Copy + 'static,
    >(
        name: &'static str,
        _body: F,
        _keep: G,
    ) -> Self
    where
        K: Key,
        R: Output,
    {
        let mut function = Self::of(name, bodies::run_steady::<K, R, S, F, G>, None);
        function.family = TypeId::of::<F>();
        function
    }

    /// A closure as a function.
    pub(in crate::cache) fn closure(body: Shared<K, R>) -> Self
    where
        K: Key,
        R: Output,
    {
        Self::of("closure", bodies::run_shared, Some(body))
    }

    const fn of(name: &'static str, run: Run<K, R>, shared: Option<Shared<K, R>>) -> Self
    where
        K: Key,
        R: Output,
    {
        // SAFETY: both are pointers to functions; it is called only as what it was, in `Function::run`.
        let run = unsafe { std::mem::transmute::<Run<K, R>, fn()>(run) };
        let family = Header::ALONE;
        Self {
            name,
            path: None,
            run,
            shared,
            keep: None,
            at_first: AtFirst::of(false),
            moves_err: false,
            show: None,
            show_in: None,
            sequential: false,
            is_divided: false,
            uses_rayon: false,
            settle: None,
            has_body: true,
            docked: None,
            family,
        }
    }
}
