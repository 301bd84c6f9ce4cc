//! Handles may be used on after a panic, also by whom has caught it.
//!
//! A panic of what a user has written (a body, a generator, a `Clone`, a closure of an update) leaves claims, tables, buffers and structures on disk as
//! if it had not been called, so nobody can find one of them half changed. The compiler would not see that by itself: what they hold is behind pointers, cells
//! and `dyn`.

use std::panic::{RefUnwindSafe, UnwindSafe};

macro_rules! stay_whole {
    ($($(#[$attribute:meta])* [$($generics:tt)*] $handle:ty;)*) => {$(
        $(#[$attribute])*
        impl<$($generics)*> UnwindSafe for $handle {}
        $(#[$attribute])*
        impl<$($generics)*> RefUnwindSafe for $handle {}
    )*};
}

#[cfg(feature = "buffer")]
use crate::buffer::{Buffer, Buffers, Window};
#[cfg(feature = "async")]
use crate::cache::{AsyncCache, AsyncPolicyCache, AsyncTask};
use crate::cache::{Cache, Key, Output, PolicyCache, Task};
#[cfg(feature = "disk")]
use crate::{
    disk::{DiskDict, DiskList, Shared, Structure},
    store::DiskStore,
};

stay_whole! {
    [K: Key, R: Output] Cache<K, R>;
    [K: Key, R: Output] PolicyCache<K, R>;
    [R: Output] Task<R>;
    #[cfg(feature = "async")]
    [K: Key, R: Output] AsyncCache<K, R>;
    #[cfg(feature = "async")]
    [K: Key, R: Output] AsyncPolicyCache<K, R>;
    #[cfg(feature = "async")]
    [R] AsyncTask<'_, R>;
    #[cfg(feature = "buffer")]
    [T: 'static] Buffer<T>;
    #[cfg(feature = "buffer")]
    [K: 'static, T: 'static] Buffers<K, T>;
    #[cfg(feature = "buffer")]
    [T: 'static] Window<T>;
    #[cfg(feature = "disk")]
    [K, V] DiskDict<K, V>;
    #[cfg(feature = "disk")]
    [T] DiskList<T>;
    #[cfg(feature = "disk")]
    [S: Structure] Shared<S>;
    #[cfg(feature = "disk")]
    [K, V] DiskStore<K, V>;
}
