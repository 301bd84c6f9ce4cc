//! What a cache of its own can be made of.

use crate::{cache::call::function::Shared, sync::Arc};

/// A function or closure that [`Cache::from_fn`](crate::Cache::from_fn) takes: of up to six owned arguments.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cached",
    note = "give a function or closure of one to six arguments whose types are written out: `Cache::from_fn(|n: u64| ..)`"
)]
pub trait IntoFunction<K, R> {
    /// The function as one of a tuple.
    #[doc(hidden)]
    #[allow(private_interfaces, reason = "hidden: called by `from_fn` alone")]
    fn into_shared(self) -> Shared<K, R>;
}

macro_rules! functions {
    ($(($($arg:ident $part:ident)+))*) => {$(
        impl<FN: Fn($($arg),+) -> R + Send + Sync + 'static, $($arg: Clone + 'static,)+ R: 'static> IntoFunction<($($arg,)+), R> for FN {
            #[allow(private_interfaces, reason = "as in the trait")]
            fn into_shared(self) -> Shared<($($arg,)+), R> {
                Arc::new(move |($($part,)+): &($($arg,)+)| self($($part.clone()),+))
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
