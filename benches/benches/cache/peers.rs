//! The peers' attributes on the same functions, one module a shape of key.

use cached::macros::{cached, concurrent_cached};
use memoize::memoize;

/// Cheap, and different for every argument.
pub fn mixed(n: u64) -> u64 {
    (n ^ (n >> 7)).wrapping_mul(0x2545_f491_4f6c_dd1d)
}

/// `fn(u64) -> u64`.
pub mod number {
    use super::{cached, concurrent_cached, memoize, mixed};

    #[speedup::cache]
    pub fn ours(n: u64) -> u64 {
        mixed(n)
    }

    #[speedup::cache]
    pub async fn awaited(n: u64) -> u64 {
        mixed(n)
    }

    #[cached]
    pub fn cached_default(n: u64) -> u64 {
        mixed(n)
    }

    #[cached(unsync_reads = true)]
    pub fn cached_unsync(n: u64) -> u64 {
        mixed(n)
    }

    #[cached(sync_lock = "mutex")]
    pub fn cached_mutex(n: u64) -> u64 {
        mixed(n)
    }

    #[cached(max_size = 10_000)]
    pub fn cached_max_size(n: u64) -> u64 {
        mixed(n)
    }

    #[cached(ttl_secs = 3600)]
    pub fn cached_ttl(n: u64) -> u64 {
        mixed(n)
    }

    #[cached(sync_writes = "by_key")]
    pub fn cached_sync_writes(n: u64) -> u64 {
        mixed(n)
    }

    #[concurrent_cached]
    pub fn cached_concurrent(n: u64) -> u64 {
        mixed(n)
    }

    #[concurrent_cached(max_size = 10_000)]
    pub fn cached_concurrent_max_size(n: u64) -> u64 {
        mixed(n)
    }

    #[memoize]
    pub fn memoize_default(n: u64) -> u64 {
        mixed(n)
    }

    #[memoize(SharedCache)]
    pub fn memoize_shared(n: u64) -> u64 {
        mixed(n)
    }
}

/// `fn(u64, u64, u64) -> Large`.
pub mod triple {
    use super::{cached, concurrent_cached, memoize, mixed};
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    /// A value that is large but cheap to hand out, so that no contender has to allocate on a hit.
    pub type Large = Arc<[u64]>;

    /// The values that have been made: all contenders hand out the same, since a hit takes up to three times as long where the
    /// allocator has put them out of order.
    static MADE: Mutex<BTreeMap<(u64, u64, u64), Large>> = Mutex::new(BTreeMap::new());

    pub fn large(a: u64, b: u64, c: u64) -> Large {
        let make = || (0..1_000).map(|n| mixed(a ^ (b << 8) ^ (c << 16) ^ n)).collect();
        MADE.lock().expect("nobody panics").entry((a, b, c)).or_insert_with(make).clone()
    }

    #[speedup::cache]
    pub fn ours(a: u64, b: u64, c: u64) -> Large {
        large(a, b, c)
    }

    #[cached]
    pub fn cached_default(a: u64, b: u64, c: u64) -> Large {
        large(a, b, c)
    }

    #[cached(unsync_reads = true)]
    pub fn cached_unsync(a: u64, b: u64, c: u64) -> Large {
        large(a, b, c)
    }

    #[concurrent_cached]
    pub fn cached_concurrent(a: u64, b: u64, c: u64) -> Large {
        large(a, b, c)
    }

    #[memoize]
    pub fn memoize_default(a: u64, b: u64, c: u64) -> Large {
        large(a, b, c)
    }
}

/// `fn(&str) -> u64`.
pub mod text {
    use super::{cached, concurrent_cached, memoize, mixed};

    pub fn measured(text: &str) -> u64 {
        text.bytes().fold(0, |sum, byte| mixed(sum ^ u64::from(byte)))
    }

    #[speedup::cache]
    pub fn ours(text: &str) -> u64 {
        measured(text)
    }

    #[cached(key = "String", convert = r#"{ text.to_owned() }"#)]
    pub fn cached_default(text: &str) -> u64 {
        measured(text)
    }

    #[cached(unsync_reads = true, key = "String", convert = r#"{ text.to_owned() }"#)]
    pub fn cached_unsync(text: &str) -> u64 {
        measured(text)
    }

    #[concurrent_cached(key = "String", convert = r#"{ text.to_owned() }"#)]
    pub fn cached_concurrent(text: &str) -> u64 {
        measured(text)
    }

    /// `memoize` takes no references: the caller makes a `String` at each call.
    #[memoize]
    pub fn memoize_default(text: String) -> u64 {
        measured(&text)
    }
}

/// `fn(u32, u32) -> u64`: the paths through a grid, by the recursion that everybody writes first.
pub mod grid {
    use super::{cached, concurrent_cached, memoize};

    #[speedup::cache]
    pub fn ours(i: u32, j: u32) -> u64 {
        if i == 0 || j == 0 { 1 } else { ours(i - 1, j).wrapping_add(ours(i, j - 1)) }
    }

    #[speedup::cache(sequential)]
    pub fn ours_sequential(i: u32, j: u32) -> u64 {
        if i == 0 || j == 0 { 1 } else { ours_sequential(i - 1, j).wrapping_add(ours_sequential(i, j - 1)) }
    }

    #[cached]
    pub fn cached_default(i: u32, j: u32) -> u64 {
        if i == 0 || j == 0 { 1 } else { cached_default(i - 1, j).wrapping_add(cached_default(i, j - 1)) }
    }

    #[concurrent_cached]
    pub fn cached_concurrent(i: u32, j: u32) -> u64 {
        if i == 0 || j == 0 { 1 } else { cached_concurrent(i - 1, j).wrapping_add(cached_concurrent(i, j - 1)) }
    }

    #[memoize]
    pub fn memoize_default(i: u32, j: u32) -> u64 {
        if i == 0 || j == 0 { 1 } else { memoize_default(i - 1, j).wrapping_add(memoize_default(i, j - 1)) }
    }
}

/// salsa's tracked functions take a database and an interned key.
pub mod tracked {
    use super::{mixed, text::measured, triple};
    use salsa::Database;

    #[salsa::interned]
    pub struct Number<'db> {
        #[returns(copy)]
        value: u64,
    }

    #[salsa::tracked(returns(copy))]
    pub fn number<'db>(db: &'db dyn Database, n: Number<'db>) -> u64 {
        mixed(n.value(db))
    }

    #[salsa::interned]
    pub struct Triple<'db> {
        #[returns(copy)]
        value: (u64, u64, u64),
    }

    #[salsa::tracked(returns(clone))]
    pub fn large<'db>(db: &'db dyn Database, key: Triple<'db>) -> triple::Large {
        let (a, b, c) = key.value(db);
        triple::large(a, b, c)
    }

    #[salsa::interned]
    pub struct Text<'db> {
        value: String,
    }

    #[salsa::tracked(returns(copy))]
    pub fn text<'db>(db: &'db dyn Database, text: Text<'db>) -> u64 {
        measured(text.value(db))
    }

    #[salsa::interned]
    pub struct Cell<'db> {
        #[returns(copy)]
        value: (u32, u32),
    }

    #[salsa::tracked(returns(copy))]
    pub fn grid<'db>(db: &'db dyn Database, cell: Cell<'db>) -> u64 {
        let (i, j) = cell.value(db);
        if i == 0 || j == 0 {
            1
        } else {
            grid(db, Cell::new(db, (i - 1, j))).wrapping_add(grid(db, Cell::new(db, (i, j - 1))))
        }
    }
}
