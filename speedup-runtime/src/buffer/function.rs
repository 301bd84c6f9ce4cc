//! What a buffer computes and how: the part that lives in a constant, beside the state that lives in a static.

use super::{
    handle::{Buffer, Compare, Rule, Search, State},
    item::Item,
    settings::Settings,
    shared::Shared,
    source::Source,
};

/// The generator of a buffer and its settings, as the attribute `#[buffer]` writes them.
#[derive(Debug)]
pub struct Function<T: 'static> {
    pub(super) settings: Settings<T>,
    pub(super) search: Rule<T>,
}

/// The generator of a family of buffers and its settings, as the attribute `#[buffer]` writes them for a function
/// with arguments.
#[derive(Debug)]
pub struct FamilyFunction<K, T: 'static> {
    pub(super) make: fn(K) -> Source<T>,
    pub(super) settings: Settings<T>,
    pub(super) search: Rule<T>,
}

impl<T: Item> Buffer<T> {
    /// The handle of a static buffer.
    pub const fn of(state: &'static State<T>, function: Function<T>) -> Self {
        Buffer {
            engine: Shared::of(&state.engine),
            settings: function.settings,
            search: Search::By(function.search),
            view: usize::MAX,
        }
    }
}

impl<T: 'static> Function<T> {
    /// The generator `make`, called when the first value is needed; `name` appears in messages.
    pub const fn new(name: &'static str, make: fn() -> Source<T>) -> Self {
        Function { settings: Settings::new(name, Some(make)), search: Rule::None }
    }
}

impl<K, T: 'static> FamilyFunction<K, T> {
    /// The generator `make`, called for each distinct arguments when their first value is needed.
    pub const fn new(name: &'static str, make: fn(K) -> Source<T>) -> Self {
        FamilyFunction { make, settings: Settings::new(name, None), search: Rule::None }
    }
}

macro_rules! options {
    ([$($generics:tt)*] $function:ty) => {
        impl<$($generics)*> $function {
            /// How many values are computed ahead of the furthest reader.
            ///
            /// # Panics
            ///
            /// When `size` is 0; in a constant that is a compile error.
            #[must_use]
            pub const fn size(mut self, size: usize) -> Self {
                self.settings.set_size(size);
                self
            }

            /// How many values there may be: asking for more is a panic instead of endless memory.
            #[must_use]
            pub const fn max(mut self, max: usize) -> Self {
                self.settings.max = max;
                self
            }

            /// Promises that no value waits for what a reader does with an earlier one: no message, no lock, no input that the
            /// reader answers. Readers then make cheap values a few at a time.
            ///
            /// Where the promise is broken, a reader may wait for itself for ever.
            #[must_use]
            pub const fn in_batches(mut self) -> Self {
                self.settings.batches = true;
                self
            }

            /// Marks a generator that uses rayon: it then always runs on a helper thread with rayon threads of its own.
            #[must_use]
            pub const fn uses_rayon(mut self) -> Self {
                self.settings.uses_rayon = true;
                self
            }

            /// When a search stops, called as `(buffer, item, attempts)`.
            #[must_use]
            pub const fn halt(mut self, halt: fn(&Buffer<T>, &T, usize) -> bool) -> Self {
                self.search = Rule::Halt(halt);
                self
            }

            /// The order of the items, if they have one.
            #[must_use]
            pub const fn search(mut self, compare: fn() -> Option<Compare<T>>) -> Self {
                self.search = Rule::Ordered(compare);
                self
            }
        }
    };
}

options!([T: 'static] Function<T>);
options!([K, T: 'static] FamilyFunction<K, T>);

impl<A: 'static, E: 'static> Function<Result<A, E>> {
    /// Makes the first `Err` the last value.
    #[must_use]
    pub const fn stop_on_err(mut self) -> Self {
        self.settings.last = Some(Result::is_err);
        self
    }
}

impl<K, A: 'static, E: 'static> FamilyFunction<K, Result<A, E>> {
    /// Makes the first `Err` the last value.
    #[must_use]
    pub const fn stop_on_err(mut self) -> Self {
        self.settings.last = Some(Result::is_err);
        self
    }
}
