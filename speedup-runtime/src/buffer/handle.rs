//! [`Buffer`]: the handle that readers use.

use std::{fmt, ops::Index};

use super::{
    demand::Found,
    error::Full,
    item::Item,
    order,
    segments::Segments,
    settings::Settings,
    shared::Shared,
    source::Source,
    state::{Engine, Phase},
    stats::Stats,
    store::Store as _,
    work::Work,
};
use crate::sync::{const_unless_loom, global::Arc};

/// The state of a buffer: what a static holds for the handle in a constant.
///
/// It lies within one page of memory, since a first pass touches all of it, and each page that is touched for the first time takes as long as
/// a hundred cheap values.
#[repr(align(2048))]
pub struct State<T> {
    pub(super) engine: Engine<T, Segments<T>>,
}

impl<T> State<T> {
    const_unless_loom! {
        /// Nothing computed and no memory used.
        pub fn new() -> Self {
            State { engine: Engine::new(Segments::new()) }
        }
    }
}

impl<T> Default for State<T> {
    fn default() -> Self {
        State::new()
    }
}

impl<T> fmt::Debug for State<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("State").finish_non_exhaustive()
    }
}

/// How two items compare.
pub type Compare<T> = fn(&T, &T) -> Option<std::cmp::Ordering>;

/// When a search may stop, as a constant can say it.
pub(super) enum Rule<T: 'static> {
    /// Nothing is known.
    None,
    /// The values never decrease, if they have an order.
    Ordered(fn() -> Option<Compare<T>>),
    /// When this says so.
    Halt(fn(&Buffer<T>, &T, usize) -> bool),
}

impl<T> Clone for Rule<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Rule<T> {}

impl<T> fmt::Debug for Rule<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Rule::None => "None",
            Rule::Ordered(_) => "Ordered",
            Rule::Halt(_) => "Halt",
        })
    }
}

/// A halting condition that owns what it needs.
type OwnedHalt<T> = Arc<dyn Fn(&Buffer<T>, &T, usize) -> bool + Send + Sync>;

/// When a search may stop.
pub(super) enum Search<T: 'static> {
    By(Rule<T>),
    Owned(OwnedHalt<T>),
}

/// The values of a generator: computed once, ahead of their readers, kept for ever at the same address, indexable and
/// searchable.
///
/// Any number of threads may read; all see the same values. A reader that misses a value computes it itself or waits
/// for the thread that does. Once values turn out dear enough, helper threads compute up to [`size`](Buffer::size)
/// values ahead of the furthest reader.
///
/// The attribute `#[buffer]` makes a static one out of a function; [`Buffer::from_iter`] makes an owned one. Dropping an
/// owned one stops its generator within a value's time and frees everything.
///
/// # Panics
///
/// Every method that computes (`get`, indexing, iteration, `contains`, `position`, `prefetch`) panics
///
/// - with the generator's own panic, if it panicked before the value asked for; what was computed before stays readable;
/// - if the generator itself asks for a value that it has yet to produce, alone or in a circle of buffers;
/// - if the value lies beyond [`max`](Buffer::max) and the generator goes that far (see [`Buffer::fetch`]).
///
/// # Examples
///
/// ```
/// use speedup_runtime::buffer::Buffer;
///
/// let squares = Buffer::from_iter((0_u64..).map(|n| n * n)).size(4);
/// assert_eq!(squares[15], 225);
/// assert!(squares.contains(&144) && !squares.contains(&145));
/// assert_eq!(squares.iter().take(4).copied().collect::<Vec<_>>(), [0, 1, 4, 9]);
/// ```
#[doc(alias = "BufferedGenerator")]
#[doc(alias = "haltCondition")]
pub struct Buffer<T: 'static> {
    pub(super) engine: Shared<Engine<T, Segments<T>>>,
    pub(super) settings: Settings<T>,
    pub(super) search: Search<T>,
    /// How much of the buffer this handle shows as computed: a halting condition sees what the search has seen.
    pub(super) view: usize,
}

/// Construction of owned buffers.
impl<T: Item> Buffer<T> {
    /// The items of an iterator, not one of which is computed yet.
    ///
    /// Searching needs an order: that of numbers, text and other primitive types is known; for others say
    /// [`ordered`](Buffer::ordered) or [`halt`](Buffer::halt).
    #[allow(clippy::should_implement_trait)] // the bounds are not the trait's
    pub fn from_iter<I>(items: I) -> Self
    where
        I: IntoIterator<Item = T>,
        I::IntoIter: Send + 'static,
    {
        Buffer::owned(Work::Running(Source::from_iter(items).generator))
    }

    /// The values of a generator that is made when the first value is needed.
    pub fn from_source(make: impl FnOnce() -> Source<T> + Send + 'static) -> Self {
        Buffer::owned(Work::Deferred(Box::new(make)))
    }

    fn owned(work: Work<T>) -> Self {
        Buffer {
            engine: Shared::owning(Engine::starting(Segments::new(), work)),
            settings: Settings::new("buffer", None),
            search: Search::By(Rule::Ordered(order::known::<T>)),
            view: usize::MAX,
        }
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

    /// The name in messages.
    #[must_use]
    pub fn name(mut self, name: &'static str) -> Self {
        self.settings.name = name;
        self
    }

    /// How many values there may be: asking for more is an error instead of endless memory.
    #[must_use]
    pub fn max(mut self, max: usize) -> Self {
        self.settings.max = max;
        self
    }

    /// When a search stops, called as `(buffer, item, attempts)`; see [`Halt`](super::Halt).
    #[must_use]
    pub fn halt(mut self, halt: impl Fn(&Buffer<T>, &T, usize) -> bool + Send + Sync + 'static) -> Self {
        self.search = Search::Owned(Arc::new(halt));
        self
    }

    /// Searches by the order of the items: they never decrease.
    #[must_use]
    pub fn ordered(mut self) -> Self
    where
        T: PartialOrd,
    {
        self.search = Search::By(Rule::Ordered(|| Some(T::partial_cmp)));
        self
    }

    /// Promises that no value waits for what a reader does with an earlier one: no message, no lock, no input that the
    /// reader answers. Readers then make cheap values a few at a time, up to `size`, which takes a third of the time.
    ///
    /// Where the promise is broken, a reader may wait for itself for ever.
    #[must_use]
    pub fn in_batches(mut self) -> Self {
        self.settings.batches = true;
        self
    }

    /// Marks a generator that uses rayon: it then always runs on a helper thread with rayon threads of its own.
    #[must_use]
    pub fn uses_rayon(mut self) -> Self {
        self.settings.uses_rayon = true;
        self
    }
}

impl<A: 'static, E: 'static> Buffer<Result<A, E>> {
    /// Makes the first `Err` the last value.
    #[must_use]
    pub fn stop_on_err(mut self) -> Self {
        self.settings.last = Some(Result::is_err);
        self
    }
}

/// The end.
impl<T: 'static> Buffer<T> {
    /// Ends the buffer and waits until its generator is dropped, and with it what it holds: a file, a port, a thread.
    ///
    /// Dropping a buffer does not wait: a helper thread that is making a value goes on until it has it. A generator that
    /// waits for ever is waited for as long. The generator of a static buffer ends with this too; what it has given stays.
    ///
    /// # Panics
    ///
    /// When the generator panics as it is dropped.
    ///
    /// ```
    /// use speedup_runtime::buffer::Buffer;
    /// use std::net::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?;
    /// let calls = Buffer::from_iter(std::iter::from_fn(move || listener.local_addr().ok()));
    /// assert_eq!(calls[0], address);
    /// calls.close();
    /// TcpListener::bind(address)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn close(self) {
        self.engine.end();
    }
}

/// Reading.
impl<T: 'static> Buffer<T> {
    /// The value at `index`, computed if need be; `None` past the end of the generator.
    ///
    /// # Complexity
    ///
    /// O(1) for a computed value, without a lock. Else as many steps of the generator as are missing.
    ///
    /// # Panics
    ///
    /// See [the type](Buffer#panics).
    #[inline]
    #[track_caller]
    pub fn get(&self, index: usize) -> Option<&T> {
        if index < self.engine.quiet.get() {
            // SAFETY: the mark covers the index, which is as good as a length that does.
            return Some(unsafe { self.engine.store.get_unchecked(index) });
        }
        self.get_near_the_end(index)
    }

    #[inline(never)]
    #[cold]
    #[track_caller]
    fn get_near_the_end(&self, index: usize) -> Option<&T> {
        if self.engine.store.get(index).is_none() && !self.ensure(index) {
            return None;
        }
        self.engine.note(&self.settings, index, self.engine.store.len());
        self.engine.store.get(index)
    }

    /// The value at `index` as [`get`](Buffer::get), with the error that `get` turns into a panic.
    ///
    /// # Errors
    ///
    /// [`Full`] when the value lies beyond [`max`](Buffer::max) and the generator goes that far.
    pub fn fetch(&self, index: usize) -> Result<Option<&T>, Full> {
        match self.engine.need(&self.settings, index) {
            Found::Ready => Ok(self.engine.store.get(index)),
            Found::Ended => Ok(None),
            Found::Full => Err(self.full()),
        }
    }

    /// The value at `index` if it is computed. Computes nothing and never waits.
    #[inline]
    pub fn try_get(&self, index: usize) -> Option<&T> {
        self.engine.store.get(index)
    }

    /// Computes what is missing of the value at `index`; whether there is one.
    #[track_caller]
    pub(super) fn ensure(&self, index: usize) -> bool {
        match self.engine.need(&self.settings, index) {
            Found::Ready => true,
            Found::Ended => false,
            Found::Full => panic!("{}", self.full()),
        }
    }

    fn full(&self) -> Full {
        Full { name: self.settings.name, max: self.settings.max }
    }

    /// How many values are computed.
    #[doc(alias = "len")]
    #[inline]
    pub fn len_ready(&self) -> usize {
        self.engine.store.len().min(self.view)
    }

    /// The last computed value.
    pub fn last_ready(&self) -> Option<&T> {
        self.len_ready().checked_sub(1).and_then(|last| self.try_get(last))
    }

    /// Whether the generator has ended, so that all values are computed.
    pub fn is_exhausted(&self) -> bool {
        self.engine.phase() == Phase::Ended
    }

    /// Asks for `count` values beyond those that are computed, and computes them in the background.
    ///
    /// Returns at once. The values are made on a helper thread, whatever they cost; where no thread can be had, they
    /// are made when they are asked for.
    pub fn prefetch(&self, count: usize) {
        let len = self.engine.store.len().saturating_add(count);
        self.engine.prefetch(&self.settings, len.min(self.settings.max));
    }

    /// What the buffer did so far.
    #[doc(alias = "cache_info")]
    pub fn stats(&self) -> Stats {
        let (computed_ahead, waits) = self.engine.counters.read();
        Stats {
            name: self.settings.name,
            size: self.settings.size,
            len: self.len_ready(),
            computed_by_readers: (self.engine.store.len() as u64).saturating_sub(computed_ahead),
            computed_ahead,
            waits,
            cost: self.engine.pace.cost(),
            is_exhausted: self.is_exhausted(),
            helper_threads: super::helpers::threads(),
        }
    }
}

/// The value at an index, computed if need be.
///
/// # Panics
///
/// When the generator ends before, and as [the type](Buffer#panics) says.
impl<T: 'static> Index<usize> for Buffer<T> {
    type Output = T;

    #[inline]
    #[track_caller]
    fn index(&self, index: usize) -> &T {
        // As in `get`, without an `Option` between the two ways, which would be looked into.
        if index < self.engine.quiet.get() {
            // SAFETY: as in `get`.
            return unsafe { self.engine.store.get_unchecked(index) };
        }
        self.index_near_the_end(index)
    }
}

impl<T: 'static> Buffer<T> {
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn index_near_the_end(&self, index: usize) -> &T {
        let Some(value) = self.get_near_the_end(index) else {
            panic!(
                "index {index} is past the end of the buffer `{}`, whose generator ended after {} values",
                self.settings.name,
                self.len_ready()
            )
        };
        value
    }
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        // A view of another handle, made for a halting condition, is never an owner.
        if self.engine.is_owned() && self.view == usize::MAX {
            self.engine.close();
        }
    }
}
