//! [`Window`]: a buffer that forgets, in constant memory.

use std::{collections::VecDeque, fmt, iter::FusedIterator};

use super::{
    demand::Found,
    error::{Full, Gone},
    function::Function,
    item::{Given, Item},
    ring::{Look, Ring},
    settings::Settings,
    shared::Shared,
    source::Source,
    state::{Engine, Phase},
    store::Store as _,
    work::Work,
};
use crate::sync::const_unless_loom;

/// How many values an iterator clones at a time: a few where a clone is a copy, which is less than a lock is; else one.
const fn cloned_at_a_time<T>() -> usize {
    if std::mem::needs_drop::<T>() || size_of::<T>() > 64 { 1 } else { 32 }
}

/// The state of a window: what a static holds for the handle in a constant.
pub struct WindowState<T> {
    engine: Engine<T, Ring<T>>,
}

impl<T> WindowState<T> {
    const_unless_loom! {
        /// Nothing computed and no memory used.
        pub fn new() -> Self {
            WindowState { engine: Engine::new(Ring::new()) }
        }
    }
}

impl<T> Default for WindowState<T> {
    fn default() -> Self {
        WindowState::new()
    }
}

impl<T> fmt::Debug for WindowState<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("WindowState").finish_non_exhaustive()
    }
}

/// The last `keep` values of a generator: as a [`Buffer`](super::Buffer), computed once and ahead of its readers, but in
/// constant memory, and handing out clones.
///
/// After value `i` was asked for, the values `i + 1 - keep ..= i` are kept, and up to `size` that come next. Older ones
/// are gone, which is a typed error.
///
/// # Examples
///
/// ```
/// use speedup_runtime::buffer::{Gone, Window};
///
/// let window = Window::from_iter(0_u64.., 3);
/// assert_eq!(window.get(10), Ok(10));
/// assert_eq!(window.get(8), Ok(8));
/// assert!(matches!(window.get(7), Err(Gone::Left { first: 8, .. })));
/// ```
pub struct Window<T: 'static> {
    engine: Shared<Engine<T, Ring<T>>>,
    settings: Settings<T>,
}

impl<T: Item> Window<T> {
    /// The handle of a static window over the last `keep` values.
    ///
    /// # Panics
    ///
    /// When `keep` is 0; in a constant that is a compile error.
    pub const fn of(state: &'static WindowState<T>, function: Function<T>, keep: usize) -> Self {
        assert!(keep > 0, "a window keeps at least 1 value");
        let mut settings = function.settings;
        settings.keep = keep;
        Window { engine: Shared::of(&state.engine), settings }
    }
}

impl<T: Item> Window<T> {
    /// A window over the last `keep` items of an iterator.
    ///
    /// # Panics
    ///
    /// When `keep` is 0.
    pub fn from_iter<I>(items: I, keep: usize) -> Self
    where
        I: IntoIterator<Item = T>,
        I::IntoIter: Send + 'static,
    {
        assert!(keep > 0, "a window keeps at least 1 value");
        let mut settings = Settings::new("window", None);
        settings.keep = keep;
        Window::owned(settings, Work::Running(Source::from_iter(items).generator))
    }
}

impl<T> Window<T> {
    fn owned(settings: Settings<T>, work: Work<T>) -> Self {
        Window { engine: Shared::owning(Engine::starting(Ring::new(), work)), settings }
    }

    /// Computes up to `size` values ahead of the furthest reader; 16 unless told otherwise.
    ///
    /// # Panics
    ///
    /// When `size` is 0.
    #[must_use]
    pub fn size(mut self, size: usize) -> Self {
        self.settings.set_size(size);
        self
    }

    /// The values from the first, made by a run of the generator of its own, in constant memory.
    ///
    /// A window over an iterator has only that one run: its values are shared, from the first.
    ///
    /// # Panics
    ///
    /// As [`Buffer`](super::Buffer#panics); for a window over an iterator also when the first value is gone.
    pub fn values(&'static self) -> WindowValues<T> {
        let run = self.settings.make.map(|_| Window::owned(self.settings, Work::Unmade));
        WindowValues { shared: self, run, cloned: VecDeque::new(), next: 0 }
    }
}

/// The end.
impl<T: 'static> Window<T> {
    /// Ends the window and waits until its generator is dropped, as [`Buffer::close`](super::Buffer::close).
    pub fn close(self) {
        self.engine.end();
    }
}

/// Reading.
impl<T: Clone + 'static> Window<T> {
    /// A clone of the value at `index`, computed if need be. Everything more than `keep` values before it is forgotten.
    ///
    /// # Errors
    ///
    /// [`Gone::Left`] for a value that was forgotten, [`Gone::Ended`] past the end of the generator.
    ///
    /// # Panics
    ///
    /// As [`Buffer`](super::Buffer#panics).
    pub fn get(&self, index: usize) -> Result<T, Gone> {
        self.read(index, |mut values| values.next().cloned()).and_then(|value| value.ok_or_else(|| self.ended(index)))
    }

    /// A clone of the value at `index` if it is computed and kept. Computes nothing.
    pub fn try_get(&self, index: usize) -> Option<T> {
        match self.engine.store.look(index, self.floor(), |mut values| values.next().cloned()) {
            Look::Here(value) => value,
            Look::Left(_) | Look::Missing => None,
        }
    }

    /// Reads the kept values from `index`, at least one.
    fn read<R>(
        &self,
        index: usize,
        read: impl FnOnce(std::collections::vec_deque::Iter<'_, T>) -> R,
    ) -> Result<R, Gone> {
        match self.engine.need(&self.settings, index) {
            Found::Ready => {}
            Found::Ended => return Err(self.ended(index)),
            Found::Full => panic!("{}", Full { name: self.settings.name, max: self.settings.max }),
        }
        match self.engine.store.look(index, self.floor(), read) {
            Look::Here(read) => Ok(read),
            Look::Left(first) => Err(Gone::Left { name: self.settings.name, index, first }),
            Look::Missing => Err(self.ended(index)),
        }
    }

    fn floor(&self) -> usize {
        self.engine.floor(&self.settings, self.engine.store.len())
    }

    fn ended(&self, index: usize) -> Gone {
        Gone::Ended { name: self.settings.name, index, len: self.len_ready() }
    }

    /// Clones of the values, beginning with the first one or, if that is gone, with an error and then the oldest kept.
    pub fn iter(&self) -> WindowIter<'_, T> {
        WindowIter { window: self, cloned: VecDeque::new(), next: 0 }
    }

    /// How many values are computed, forgotten ones included.
    pub fn len_ready(&self) -> usize {
        self.engine.store.len()
    }

    /// Whether the generator has ended.
    pub fn is_exhausted(&self) -> bool {
        self.engine.phase() == Phase::Ended
    }

    /// Clones a few values from `next` on to `cloned`.
    fn clone_some(&self, next: usize, cloned: &mut VecDeque<T>) -> Result<(), Gone> {
        self.read(next, |values| cloned.extend(values.take(cloned_at_a_time::<T>()).cloned()))
    }
}

impl<T> Drop for Window<T> {
    fn drop(&mut self) {
        if self.engine.is_owned() {
            self.engine.close();
        }
    }
}

impl<T> fmt::Debug for Window<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Window")
            .field("name", &self.settings.name)
            .field("keep", &self.settings.keep)
            .finish_non_exhaustive()
    }
}

/// Clones of the values of a window; see [`Window::iter`].
pub struct WindowIter<'a, T: 'static> {
    window: &'a Window<T>,
    /// Clones not yet handed out, the values before `next`.
    cloned: VecDeque<T>,
    next: usize,
}

impl<T: Clone + 'static> Iterator for WindowIter<'_, T> {
    type Item = Result<T, Gone>;

    fn next(&mut self) -> Option<Result<T, Gone>> {
        if let Some(value) = self.cloned.pop_front() {
            return Some(Ok(value));
        }
        match self.window.clone_some(self.next, &mut self.cloned) {
            Ok(()) => {
                self.next += self.cloned.len();
                self.cloned.pop_front().map(Ok)
            }
            Err(Gone::Ended { .. }) => None,
            Err(gone) => {
                if let Gone::Left { first, .. } = gone {
                    self.next = first;
                }
                Some(Err(gone))
            }
        }
    }
}

impl<T: Clone + 'static> FusedIterator for WindowIter<'_, T> {}

impl<'a, T: Clone + 'static> IntoIterator for &'a Window<T> {
    type Item = Result<T, Gone>;
    type IntoIter = WindowIter<'a, T>;

    fn into_iter(self) -> WindowIter<'a, T> {
        self.iter()
    }
}

/// The values of a window's generator from the first; see [`Window::values`].
pub struct WindowValues<T: 'static> {
    shared: &'static Window<T>,
    run: Option<Window<T>>,
    cloned: VecDeque<T>,
    next: usize,
}

impl<T: Given + 'static> Iterator for WindowValues<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if let Some(value) = self.cloned.pop_front() {
            return Some(value);
        }
        let window = self.run.as_ref().unwrap_or(self.shared);
        match window.clone_some(self.next, &mut self.cloned) {
            Ok(()) => {
                self.next += self.cloned.len();
                self.cloned.pop_front()
            }
            Err(Gone::Ended { .. }) => None,
            Err(gone) => panic!("{gone}"),
        }
    }
}

impl<T: Given + 'static> FusedIterator for WindowValues<T> {}

macro_rules! debug {
    ($($name:ident<$($lifetime:lifetime,)? T>),*) => {
        $(impl<$($lifetime,)? T> fmt::Debug for $name<$($lifetime,)? T> {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.debug_struct(stringify!($name)).field("index", &(self.next - self.cloned.len())).finish_non_exhaustive()
            }
        })*
    };
}

debug!(WindowIter<'a, T>, WindowValues<T>);
