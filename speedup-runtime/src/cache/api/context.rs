//! Calls whose body gets more than its key: `self`, a database, whatever the caller has at hand.
//!
//! The body is a closure that has captured it. It is lent to whichever thread runs the call, and every caller brings its own; so it
//! may borrow from the caller's stack. Where the values are differs: in a static ([`Cache::get_with`]), in a field
//! ([`Memo::get_with`]), or in a table that the outermost call makes and that goes when it ends ([`Scoped::get`]).

use std::{any::TypeId, fmt, ptr};

use once_cell::sync::OnceCell;

use crate::cache::{
    api::{
        cache::Cache,
        function::{Callee, Function},
        key::{Key, Output},
        stats::Stats,
    },
    call::{
        call_stack::{self, Frame},
        execute,
        inner::Core,
    },
    thread::registry::{self, Worker},
};
use crate::sync::Arc;

/// What a body captures, where others may run it: `Sync`. Implemented for every such type.
#[diagnostic::on_unimplemented(
    message = "what this call passes on cannot be shared between threads",
    note = "calls that do not need each other run on several threads, with all that the function gets beside its key: that must be `Sync`",
    note = "write `#[cache(sequential, ..)]` to run all calls on the caller's thread"
)]
pub trait Context: Sync {}

#[diagnostic::do_not_recommend]
impl<T: Sync> Context for T {}

/// So many running calls are looked through for one of the same function: more than one only if others lie between.
const NEAR: usize = 4;

/// Computes by the closure that is the context.
fn call<K, R, C: Fn(&K) -> R>(body: &C, key: &K) -> R {
    body(key)
}

/// What to call for a caller with this body.
#[inline(always)]
fn callee<'a, K: Key, R: Output, C: Context + Fn(&K) -> R>(
    function: &'a Function<K, R>,
    body: &'a C,
) -> Callee<'a, K, R> {
    execute::callee_in(function, body, call::<K, R, C>)
}

impl<K: Key, R: Output> Core<K, R> {
    /// The value of a key, computed if need be by this body. `describe` says what is special about the function.
    #[inline(always)]
    fn get_with<C: Context + Fn(&K) -> R>(&self, key: &K, describe: impl Fn() -> Function<K, R>, body: &C) -> R {
        if K::is_small() {
            if let Some(value) = self.hit(key, key.pack()) {
                return value;
            }
        }
        let function = self.function.get_or_init(describe);
        self.get(callee(function, body), key)
    }
}

impl<K: Key, R: Output> Cache<K, R> {
    /// The value of a key, computed if need be by this body instead of the cache's own function: what `#[cache]` with `skip` or
    /// `key` makes of a call.
    ///
    /// The body may borrow: it is lent to the threads that run it, and has been given back when this returns. For one key all
    /// bodies give the same value, or any of them.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    ///
    /// # Examples
    /// ```
    /// use speedup_runtime::Cache;
    ///
    /// let cache = Cache::from_fn(|n: u64| n);
    /// let table = [0, 1, 4, 9];
    /// assert_eq!(cache.get_with((3,), |(n,)| table[*n as usize]), 9);
    /// assert_eq!(cache.peek(&(3,)), Some(9));
    /// ```
    #[inline(always)]
    pub fn get_with<C: Context + Fn(&K) -> R>(&self, key: K, body: C) -> R {
        let core = self.core();
        if let Some(value) = core.hit(&key, key.pack()) {
            return value;
        }
        core.get(callee(self.function(), &body), &key)
    }
}

/// The values of a function that belong to one value of another type: a field of it.
///
/// `#[cache(field = memo)]` on a method keeps its results in `self.memo`, so that they live and die with `self`. One pointer in
/// size until it is used. A clone is empty, since what has been computed of the original need not be true of its copy.
///
/// # Examples
/// ```
/// use speedup_runtime::Memo;
///
/// #[derive(Clone, Default)]
/// struct Grid {
///     width: u64,
///     memo: Memo<(u64,), u64>,
/// }
///
/// let grid = Grid { width: 4, ..Grid::default() };
/// assert_eq!(grid.memo.get_with((3,), |(n,)| n * grid.width), 12);
/// assert_eq!((grid.memo.len(), grid.clone().memo.len()), (1, 0));
/// ```
pub struct Memo<K: Key, R: Output> {
    cache: OnceCell<Box<Cache<K, R>>>,
}

impl<K: Key, R: Output> Memo<K, R> {
    /// No values yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { cache: OnceCell::new() }
    }

    /// The value of a key, computed if need be by this body. As [`Cache::get_with`].
    ///
    /// # Panics
    /// As [`Cache::get`].
    #[inline(always)]
    pub fn get_with<C: Context + Fn(&K) -> R>(&self, key: K, body: C) -> R {
        self.get_as(key, || Function::of_context("memo"), body)
    }

    /// The same for a function of which more is known: what `#[cache(field = ..)]` writes.
    ///
    /// # Panics
    /// As [`Cache::get`].
    #[inline(always)]
    pub fn get_as<C: Context + Fn(&K) -> R>(&self, key: K, describe: impl Fn() -> Function<K, R>, body: C) -> R {
        match self.cache.get() {
            Some(cache) => cache.get_with(key, body),
            None => self.made(describe).get_with(key, body),
        }
    }

    #[cold]
    #[inline(never)]
    fn made(&self, describe: impl Fn() -> Function<K, R>) -> &Cache<K, R> {
        self.cache.get_or_init(|| Box::new(Cache::owned(describe())))
    }

    /// The value of a key if it is there; never computes.
    pub fn peek(&self, key: &K) -> Option<R> {
        self.cache.get()?.peek(key)
    }

    /// Whether the value of a key is there; never computes.
    pub fn contains(&self, key: &K) -> bool {
        self.cache.get().is_some_and(|cache| cache.contains(key))
    }

    /// Forgets a key, and returns its value if it was there.
    pub fn remove(&self, key: &K) -> Option<R> {
        self.cache.get()?.remove(key)
    }

    /// Forgets everything and frees the memory: to be called where the value that the results are about has changed.
    pub fn clear(&self) {
        if let Some(cache) = self.cache.get() {
            cache.clear();
        }
    }

    /// How many values there are. O(n).
    #[must_use]
    pub fn len(&self) -> usize {
        self.cache.get().map_or(0, |cache| cache.len())
    }

    /// Whether there is no value. O(n).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What has been done so far. O(n).
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.cache.get().map_or_else(Stats::default, |cache| cache.stats())
    }
}

impl<K: Key, R: Output> Default for Memo<K, R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Key, R: Output> Clone for Memo<K, R> {
    /// An empty one.
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<K: Key, R: Output> fmt::Debug for Memo<K, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Memo").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// What the calls of a scoped function have in common, in a static: what is known of their cost.
pub struct Scoped {
    costs: crate::cache::fork::granularity::Grain,
}

/// Where an argument that is passed on by reference lies, and how large it is: what tells it from others while it is lent.
pub type Place = (usize, usize);

/// The place of a value.
#[inline(always)]
pub fn place_of<T: ?Sized>(value: &T) -> Place {
    (ptr::from_ref(value).cast::<()>().addr(), size_of_val(value))
}

/// The table of one outermost call.
#[repr(C)]
struct Scope<const N: usize, K: Key, R: Output> {
    /// Comes first: a frame that names its header names the scope.
    core: Core<K, R>,
    /// What the outermost call was given beside the key.
    passed_on: [Place; N],
}

impl Scoped {
    /// Nothing is known.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "made in statics")]
    pub const fn new() -> Self {
        Self { costs: crate::cache::fork::granularity::Grain::new() }
    }

    /// The value of a call, computed if need be: in the table of the outermost call that was given the same beside its key, or in a
    /// new one, which goes when this call ends.
    ///
    /// # Panics
    /// As [`Cache::get`].
    #[inline(always)]
    pub fn get<const N: usize, K: Key, R: Output, C: Context + Fn(&K) -> R>(
        &'static self,
        passed_on: [Place; N],
        key: K,
        describe: impl Fn() -> Function<K, R>,
        body: C,
    ) -> R {
        let family = typeid::of::<C>();
        match Self::running::<N, K, R>(registry::current(), family, &passed_on) {
            Some(core) => core.get_with(&key, describe, &body),
            None => self.get_outermost(family, passed_on, &key, describe, &body),
        }
    }

    /// The table in which the innermost running call goes on, if it is one of this function and was given the same.
    #[inline(always)]
    fn running<const N: usize, K: Key, R: Output>(
        worker: &Worker,
        family: TypeId,
        passed_on: &[Place; N],
    ) -> Option<&'static Core<K, R>> {
        let frames = std::iter::successors(call_stack::top(worker), |frame| frame.parent()).take(NEAR);
        frames
            .filter(|frame| frame.header().family == family)
            // SAFETY: the family is named by the type of the body's closure, which is that of one function, and for that all cores are
            // those of scopes of these types. The frame is running, and ends before the scope does.
            .map(|frame: &Frame| unsafe { &*ptr::from_ref(frame.header()).cast::<Scope<N, K, R>>() })
            .find(|scope| scope.passed_on == *passed_on)
            .map(|scope| &scope.core)
    }

    #[cold]
    #[inline(never)]
    fn get_outermost<const N: usize, K: Key, R: Output, C: Context + Fn(&K) -> R>(
        &'static self,
        family: TypeId,
        passed_on: [Place; N],
        key: &K,
        describe: impl Fn() -> Function<K, R>,
        body: &C,
    ) -> R {
        let scope = Scope { core: Core::one_of(family, false, None), passed_on };
        scope.core.grain.learn_from(&self.costs);
        let value = scope.core.get_with(key, describe, body);
        self.costs.learn_from(&scope.core.grain);
        value
    }
}

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
    by_type::get(TypeId::of::<F>(), || Cache::owned(describe()))
}

mod by_type {
    //! One value for each type, found by a hash table of atomics that only grows.

    use std::{
        any::{Any, TypeId},
        hash::{BuildHasherDefault, Hash, Hasher},
        ptr::null_mut,
    };

    use crate::sync::global::{AtomicPtr, Mutex};
    use crate::sync::{Ordering, lock};

    const BUCKETS: usize = 256;

    struct Node {
        id: TypeId,
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
    #[inline]
    pub(super) fn get<T: Send + Sync + 'static>(id: TypeId, make: impl FnOnce() -> T) -> &'static T {
        let bucket = bucket(id);
        match find(bucket, id).and_then(|value| value.downcast_ref()) {
            Some(value) => value,
            None => add(bucket, id, make),
        }
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

    #[cold]
    #[inline(never)]
    fn add<T: Send + Sync + 'static>(bucket: &AtomicPtr<Node>, id: TypeId, make: impl FnOnce() -> T) -> &'static T {
        let _adding = lock(&ADDING);
        if let Some(value) = find(bucket, id).and_then(|value| value.downcast_ref()) {
            return value;
        }
        let value: &'static T = Box::leak(Box::new(make()));
        // Relaxed: nodes are added under the lock.
        let node = Node { id, value, next: bucket.load(Ordering::Relaxed) };
        bucket.store(Box::into_raw(Box::new(node)), Ordering::Release);
        value
    }
}

impl<K: Key, R: Output> Cache<K, R> {
    /// A cache of its own around a function.
    fn owned(function: Function<K, R>) -> Self {
        Self::around(Arc::new(Core::new(true)), function)
    }
}
