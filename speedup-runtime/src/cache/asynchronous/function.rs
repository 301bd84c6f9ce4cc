//! What a cache of an `async fn` starts on a miss, and what it is told about the function.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use crate::cache::{
    call::function::{Function, Hook, Settle},
    table::key::{Key, Output},
};

/// An `async` function whose results are cached: its name, its body, and which of its results are kept.
///
/// Attributes make it in a constant.
pub struct AsyncFunction<K: 'static, R: 'static> {
    /// All but the body.
    pub(super) rules: Function<K, R>,
    start: Start<K, R>,
}

/// A future that moves between threads, as [`boxed`] makes it.
pub type Boxed<R> = Pin<Box<dyn Future<Output = R> + Send>>;

/// Boxes the future of a call. It is polled by whoever waits for its result, on any thread: so what it holds while it waits has to
/// be `Send`.
pub fn boxed<'a, F: Future + Send + 'a>(future: F) -> Pin<Box<dyn Future<Output = F::Output> + Send + 'a>> {
    Box::pin(future)
}

/// What an `async` call passes on beside its key, as what it owns: a copy, or for an `Arc` another owner of the same value.
///
/// The call belongs to nobody, and may go on when the one who began it has left.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be passed on by an `async` call",
    note = "a call may go on when the one who began it has left, so it owns what it gets: that is cloned on a miss, and has to be `Clone + Send + Sync + 'static`",
    note = "write `self: Arc<Self>`, or `&Arc<{Self}>` for an argument"
)]
pub trait PassedOn: ToOwned {}

#[diagnostic::do_not_recommend]
impl<Q: ?Sized + ToOwned<Owned: Send + Sync + 'static>> PassedOn for Q {}

/// What an `async` call passes on, for its body to own.
pub fn passed_on<Q: ?Sized + PassedOn>(lent: &Q) -> Q::Owned {
    lent.to_owned()
}

enum Start<K, R> {
    /// Each call brings its own.
    None,
    Known(fn(K) -> Boxed<R>),
    Shared(SharedStart<K, R>),
}

/// A body that carries something. Users' code runs when the future is polled, not before.
pub(in crate::cache) type SharedStart<K, R> = Arc<dyn Fn(K) -> Boxed<R> + Send + Sync>;

impl<K, R> Clone for AsyncFunction<K, R> {
    fn clone(&self) -> Self {
        let start = match &self.start {
            Start::None => Start::None,
            Start::Known(start) => Start::Known(*start),
            Start::Shared(start) => Start::Shared(start.clone()),
        };
        Self { rules: self.rules.clone(), start }
    }
}

impl<K, R> AsyncFunction<K, R> {
    /// A function with its name and what begins a call; every result is kept.
    #[must_use]
    pub const fn new(name: &'static str, start: fn(K) -> Boxed<R>) -> Self
    where
        K: Key,
        R: Output,
    {
        Self { rules: Function::awaited(name), start: Start::Known(start) }
    }

    /// A function whose body each call brings, see [`AsyncCache::get_with`](crate::AsyncCache::get_with). It has none itself: asked through
    /// its handle, it panics with a message that says so.
    #[must_use]
    pub const fn of_context(name: &'static str) -> Self
    where
        K: Key,
        R: Output,
    {
        Self { rules: Function::awaited(name), start: Start::None }
    }

    /// The same rules for a call that brings its body.
    pub(super) fn with(&self, start: SharedStart<K, R>) -> Self {
        Self { rules: self.rules.clone(), start: Start::Shared(start) }
    }

    /// A closure as a function.
    pub(in crate::cache) fn closure(start: SharedStart<K, R>) -> Self
    where
        K: Key,
        R: Output,
    {
        Self { rules: Function::awaited("closure"), start: Start::Shared(start) }
    }

    /// The type that names it in reports.
    pub(in crate::cache) fn path(&self) -> Option<fn() -> &'static str> {
        self.rules.path
    }

    /// The same, named in reports by such a type.
    pub(in crate::cache) fn of_path(mut self, path: Option<fn() -> &'static str>) -> Self {
        self.rules.path = path;
        self
    }

    /// The same, named in reports by this type.
    pub(in crate::cache) fn of_type<F>(self) -> Self {
        Self { rules: self.rules.of_type::<F>(), ..self }
    }

    /// Keeps only the results for which this is true; others go to those who waited for them.
    #[must_use]
    pub const fn keep(mut self, keep: fn(&R) -> bool) -> Self {
        self.rules.keeps_by(keep);
        self
    }

    /// Writes the arguments in messages about cycles; without it they are left out.
    #[must_use]
    pub const fn show(mut self, show: fn(&K, &mut fmt::Formatter<'_>) -> fmt::Result) -> Self {
        self.rules.show = Some(show);
        self
    }

    /// Lets somebody keep books of the values.
    pub(in crate::cache) const fn settled_by(mut self, settle: Hook<dyn Settle<K, R>>) -> Self {
        std::mem::forget(self.rules.settle.replace(settle));
        self
    }

    /// Whether a call can begin that brings no body.
    #[cfg(feature = "stores")]
    pub(super) fn has_body(&self) -> bool {
        !matches!(self.start, Start::None)
    }

    /// The future of a call.
    pub(in crate::cache) fn start(&self, key: K) -> Boxed<R>
    where
        R: 'static,
    {
        match &self.start {
            Start::None => {
                let name = self.rules.name;
                boxed(async move {
                    panic!("`{name}` needs more than its key: call the function itself, which passes it on")
                })
            }
            Start::Known(start) => start(key),
            Start::Shared(start) => start(key),
        }
    }
}

/// A function or closure that [`AsyncCache::from_fn`](crate::AsyncCache::from_fn) takes: of up to six owned arguments, with a future that is `Send`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cached",
    note = "give an `async` function or a closure of one to six arguments whose types are written out: `AsyncCache::from_fn(|n: u64| async move {{ .. }})`; what its future holds while it waits has to be `Send`"
)]
pub trait IntoAsyncFunction<K, R> {
    /// The function as one of a tuple.
    #[doc(hidden)]
    #[allow(private_interfaces, reason = "hidden: called by `from_fn` alone")]
    fn into_shared(self) -> SharedStart<K, R>;
}

macro_rules! functions {
    ($(($($arg:ident $part:ident)+))*) => {$(
        impl<FN, FUT, $($arg: Send + 'static,)+ R: 'static> IntoAsyncFunction<($($arg,)+), R> for FN
        where
            FN: Fn($($arg),+) -> FUT + Send + Sync + 'static,
            FUT: Future<Output = R> + Send + 'static,
        {
            #[allow(private_interfaces, reason = "as in the trait")]
            fn into_shared(self) -> SharedStart<($($arg,)+), R> {
                let function = Arc::new(self);
                Arc::new(move |($($part,)+)| {
                    let function = function.clone();
                    Box::pin(async move { (*function)($($part),+).await })
                })
            }
        }
    )*};
}

functions! {
    (A a)
    (A a B b)
    (A a B b C c)
    (A a B b C c D d)
    (A a B b C c D d E e)
    (A a B b C c D d E e F f)
}
