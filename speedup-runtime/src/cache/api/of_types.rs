//! Generic functions: a cache for each set of types, found by a hash table of atomics that only grows.

use std::{
    any::{Any, TypeId},
    hash::{BuildHasherDefault, Hash, Hasher},
    ptr::null_mut,
    sync::OnceLock,
};

use crate::cache::{
    api::cache::Cache,
    call::function::Function,
    table::key::{Key, Output},
};
use crate::{
    seeing::report::Kind,
    sync::{AtomicPtr, Ordering, global::Mutex, lock},
};

/// The cache of a function for one set of types, made by the first who asks.
///
/// `function` is the function with its types, which tells them apart.
///
/// # Complexity
/// O(1), without a lock once it is there.
#[inline]
pub fn of_types<F: Copy + 'static, K: Key, R: Output>(
    function: F,
    describe: impl FnOnce() -> Function<K, R>,
) -> &'static Cache<K, R> {
    let _ = function;
    get(TypeId::of::<F>(), || Cache::owned(describe().of_type::<F>(), Kind::Cache))
}

const BUCKETS: usize = 256;

struct Node {
    id: TypeId,
    /// A `OnceLock`.
    value: &'static (dyn Any + Send + Sync),
    next: *const Node,
}

/// Each the head of a list to which nodes are only added. Release by who adds one under the lock, Acquire by readers.
static TABLE: [AtomicPtr<Node>; BUCKETS] = [const { AtomicPtr::new(null_mut()) }; BUCKETS];
static ADDING: Mutex<()> = Mutex::new(());

/// The last word of what is hashed: the hash of a `TypeId` is part of itself.
#[derive(Default)]
struct Last(u64);

impl Hasher for Last {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The value for a type, made once.
///
/// It is made without a lock but its own: what a bound is, is users' code, and may ask for the value of another type.
#[inline]
pub(in crate::cache) fn get<T: Send + Sync + 'static>(id: TypeId, make: impl FnOnce() -> T) -> &'static T {
    let bucket = bucket(id);
    let place = match find(bucket, id).and_then(|value| value.downcast_ref::<OnceLock<T>>()) {
        Some(place) => place,
        None => add(bucket, id),
    };
    place.get_or_init(make)
}

#[inline]
fn bucket(id: TypeId) -> &'static AtomicPtr<Node> {
    let mut hasher = <BuildHasherDefault<Last> as std::hash::BuildHasher>::build_hasher(&BuildHasherDefault::default());
    id.hash(&mut hasher);
    &TABLE[hasher.finish() as usize % BUCKETS]
}

#[inline]
fn find(bucket: &AtomicPtr<Node>, id: TypeId) -> Option<&'static (dyn Any + Send + Sync)> {
    let mut at = bucket.load(Ordering::Acquire).cast_const();
    // SAFETY: nodes are leaked, and written before they are linked.
    while let Some(node) = unsafe { at.as_ref() } {
        if node.id == id {
            return Some(node.value);
        }
        at = node.next;
    }
    None
}

/// A place for the value of a type, unless there is one.
#[cold]
#[inline(never)]
fn add<T: Send + Sync + 'static>(bucket: &AtomicPtr<Node>, id: TypeId) -> &'static OnceLock<T> {
    let _adding = lock(&ADDING);
    if let Some(place) = find(bucket, id).and_then(|value| value.downcast_ref()) {
        return place;
    }
    let value: &'static OnceLock<T> = Box::leak(Box::new(OnceLock::new()));
    // Relaxed: nodes are added under the lock.
    let node = Node { id, value, next: bucket.load(Ordering::Relaxed) };
    bucket.store(Box::into_raw(Box::new(node)), Ordering::Release);
    value
}
