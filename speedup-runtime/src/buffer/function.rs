//! What a buffer computes and how: the part that lives in a constant, beside the state that lives in a static.

use super::{
    Buffer,
    search::{Compare, Rule},
    source::Source,
};

/// How many values a buffer is ahead of its furthest reader, unless told otherwise.
pub const DEFAULT_SIZE: usize = 16;

/// What a production needs to know.
pub(super) struct Settings<T> {
    pub(super) name: &'static str,
    /// `None` when the state itself holds the source.
    pub(super) make: Option<fn() -> Source<T>>,
    pub(super) size: usize,
    pub(super) max: usize,
    /// How many values behind the furthest reader are kept; all but in a window.
    pub(super) keep: usize,
    /// Whether a value is the last one whatever the generator has left.
    pub(super) last: Option<fn(&T) -> bool>,
    pub(super) uses_rayon: bool,
}

impl<T> Clone for Settings<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Settings<T> {}

impl<T> Settings<T> {
    pub(super) const fn new(name: &'static str, make: Option<fn() -> Source<T>>) -> Self {
        Settings { name, make, size: DEFAULT_SIZE, max: usize::MAX, keep: usize::MAX, last: None, uses_rayon: false }
    }

    pub(super) const fn set_size(&mut self, size: usize) {
        assert!(size > 0, "the size of a buffer is at least 1");
        self.size = size;
    }
}

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

impl<T> std::fmt::Debug for Settings<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Settings").field("name", &self.name).field("size", &self.size).finish_non_exhaustive()
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
