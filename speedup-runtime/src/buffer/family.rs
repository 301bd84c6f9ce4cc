//! [`Buffers`]: a generator with arguments, one buffer for each distinct ones.

use std::fmt;

use dashmap::DashMap;
use once_cell::sync::OnceCell;

use super::{
    function::FamilyFunction,
    handle::{Buffer, Search},
    item::{Arguments, Item},
    iter::Values,
    segments::Segments,
    shared::Shared,
    state::Engine,
    work::Work,
};

/// The buffers made so far: what a static holds for the handle in a constant.
pub struct FamilyState<K, T: 'static> {
    buffers: OnceCell<DashMap<K, &'static Buffer<T>>>,
}

impl<K, T> FamilyState<K, T> {
    /// No buffers and no memory.
    pub const fn new() -> Self {
        FamilyState { buffers: OnceCell::new() }
    }
}

impl<K, T> Default for FamilyState<K, T> {
    fn default() -> Self {
        FamilyState::new()
    }
}

impl<K, T> fmt::Debug for FamilyState<K, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("FamilyState").finish_non_exhaustive()
    }
}

/// One [`Buffer`] for each distinct arguments of a generator, as `#[buffer]` makes them of a function with arguments.
///
/// The buffers live as long as the program, as any static buffer does.
#[derive(Debug)]
pub struct Buffers<K: 'static, T: 'static> {
    state: &'static FamilyState<K, T>,
    function: FamilyFunction<K, T>,
}

// SAFETY: the keys are put in and looked at by `Buffers` alone, which asks for `K: Arguments`, hence `Send + Sync`, and the
// buffers may be shared. That is asked in one place, so that arguments which are not give one error.
unsafe impl<K, T> Sync for FamilyState<K, T> {}

impl<K, T: Item> Buffers<K, T> {
    /// The handle of a static family.
    pub const fn of_family(state: &'static FamilyState<K, T>, function: FamilyFunction<K, T>) -> Self {
        Buffers { state, function }
    }
}

impl<K, T> Buffers<K, T>
where
    K: Arguments,
    T: 'static,
{
    /// The buffer for these arguments, made if it is new. Computes nothing.
    pub fn of(&self, arguments: K) -> &'static Buffer<T> {
        let buffers = self.state.buffers.get_or_init(DashMap::new);
        if let Some(buffer) = buffers.get(&arguments) {
            return *buffer;
        }
        let own = arguments.clone();
        *buffers.entry(arguments).or_insert_with(|| Box::leak(Box::new(self.make(own))))
    }

    fn make(&self, arguments: K) -> Buffer<T> {
        let make = self.function.make;
        let work = Work::Deferred(Box::new(move || make(arguments)));
        let engine = Box::leak(Box::new(Engine::starting(Segments::new(), work)));
        Buffer {
            engine: Shared::of(engine),
            settings: self.function.settings,
            search: Search::By(self.function.search),
            view: usize::MAX,
        }
    }

    /// Owned clones of the values for these arguments, from the first.
    pub fn values(&self, arguments: K) -> Values<T> {
        self.of(arguments).values()
    }

    /// How many distinct arguments have a buffer.
    pub fn len(&self) -> usize {
        self.state.buffers.get().map_or(0, DashMap::len)
    }

    /// Whether there is no buffer yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
