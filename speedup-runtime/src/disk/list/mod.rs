//! [`DiskList`]: a list on disk.

mod batch;
mod beside;
mod builder;
mod copies;
mod ends;
mod front;
mod iter;
mod queue;
mod shared;
mod sort;
pub(crate) mod state;
mod tend;
mod touched;
mod whole;

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};
use std::path::PathBuf;

use rayon::iter::{ParallelBridge, ParallelIterator};

pub use self::batch::ListBatch;
pub use self::beside::SharedIter;
pub use self::builder::ListBuilder;
pub use self::ends::Drain;
pub use self::iter::Iter;
use self::iter::Runs;
use self::state::ListState;
use super::body::Body;
use super::handle::Handle;
use super::shared::Shared;
use super::store::Repaired;
use super::value::{Codec, Value};
use super::value_mut::{Keeper, Place, ValueMut};
use super::{Error, Result};

/// How much memory is kept for the next value to be encoded.
const SCRATCH: usize = 64 << 10;

/// A list that lives on disk and takes a bounded amount of memory.
///
/// It behaves like a [`Vec`] or a [`VecDeque`](std::collections::VecDeque), except that every access can fail. After
/// [`flush`](Self::flush) returns, everything done before survives a power cut; without it, a kill loses at most the last half
/// second, and what is left is always the state after some earlier operation. Dropping the list saves everything, too;
/// [`close`](Self::close) also reports errors.
///
/// Complexity: push and pop at both ends take amortised O(1) page accesses, everything else at one position O(log n), iteration O(1) an item.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), speedup_runtime::disk::Error> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path();
/// use speedup_runtime::disk::DiskList;
///
/// let mut primes = DiskList::<u64>::builder("primes").location(path).open()?;
/// primes.extend([2, 3, 7])?;
/// primes.insert(2, 5)?;
/// primes.close()?;
///
/// let primes = DiskList::<u64>::builder("primes").location(path).open()?;
/// assert_eq!(primes.get(2)?, Some(5));
/// assert_eq!(primes.to_vec()?, [2, 3, 5, 7]);
/// # Ok(()) }
/// ```
pub struct DiskList<T> {
    handle: Handle<ListState>,
    codec: Codec,
    /// Where values are encoded.
    scratch: Vec<u8>,
    /// An error that nobody was there to take, when a changed item was dropped.
    unsaved: Option<Error>,
    /// How many items it may hold.
    maxlen: Option<usize>,
    types: PhantomData<fn() -> T>,
}

impl<T: Value> DiskList<T> {
    /// Opens the list of this name in the user's data folder, or makes it.
    ///
    /// # Errors
    ///
    /// See [`Error`]; nothing on disk is touched when it is not what was asked for.
    pub fn open(name: impl Into<String>) -> Result<Self> {
        Self::builder(name).open()
    }

    /// Says more about the list before it is opened.
    pub fn builder(name: impl Into<String>) -> ListBuilder<T> {
        ListBuilder::new(name.into())
    }

    fn over(state: ListState, codec: Codec, maxlen: Option<usize>) -> Self {
        DiskList { handle: Handle::new(state), codec, scratch: Vec::new(), unsaved: None, maxlen, types: PhantomData }
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.handle.look(|state| state.len() as usize).unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The folder that holds the list.
    pub fn path(&self) -> PathBuf {
        self.handle.look(|state| state.seen().folder().to_path_buf()).unwrap_or_default()
    }

    /// How many bytes the list takes on disk.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn size_on_disk(&self) -> Result<u64> {
        self.handle.read(|state| state.seen().size_on_disk())
    }

    /// Encodes a value and hands it to `change`; a huge one must not stay in memory.
    #[inline]
    fn with_encoded<R>(&mut self, value: T, change: impl FnOnce(&mut ListState, &[u8]) -> Result<R>) -> Result<R> {
        self.report()?;
        self.codec.write(value, &mut self.scratch)?;
        let result = self.handle.change(|state| change(state, &self.scratch));
        self.tidy();
        result
    }

    /// A huge value must not stay in memory.
    fn tidy(&mut self) {
        self.scratch.clear();
        self.scratch.shrink_to(SCRATCH);
    }

    /// Returns the error that nobody has taken yet.
    #[inline]
    fn report(&mut self) -> Result<()> {
        self.unsaved.take().map_or(Ok(()), Err)
    }

    /// Refuses a position at or past `len`.
    fn inside(index: usize, len: usize) -> Result<u64> {
        if index < len { Ok(index as u64) } else { Err(Error::OutOfBounds { index, len }) }
    }

    /// Adds an item at the end; if the list has a [`maxlen`](ListBuilder::maxlen), what is too much at the front goes.
    ///
    /// # Errors
    ///
    /// When the disk fails or the value is too large to store.
    #[doc(alias = "append")]
    #[doc(alias = "push_back")]
    pub fn push(&mut self, value: T) -> Result<()> {
        let most = self.maxlen;
        self.with_encoded(value, |state, bytes| match most {
            None => state.push(bytes),
            Some(most) => state.push_within(bytes, most as u64),
        })
    }

    /// The item at a position; `None` past the end.
    ///
    /// # Errors
    ///
    /// When the disk fails or holds something else than was written.
    pub fn get(&self, index: usize) -> Result<Option<T>> {
        self.handle.see(|state, view| state.see(view, index as u64, |bytes| self.codec.decode(bytes)))
    }

    /// Puts another item at a position and returns the one that was there.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`] past the end; otherwise as [`push`](Self::push).
    pub fn set(&mut self, index: usize, value: T) -> Result<T> {
        let at = Self::inside(index, self.len())?;
        let old = self.get(index)?.ok_or(Error::OutOfBounds { index, len: index })?;
        self.with_encoded(value, |state, bytes| state.set(at, bytes))?;
        Ok(old)
    }

    /// Changes an item in place and returns what `change` returned; `None` past the end.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`push`](Self::push).
    pub fn update<R>(&mut self, index: usize, change: impl FnOnce(&mut T) -> R) -> Result<Option<R>> {
        let Some(mut value) = self.get(index)? else { return Ok(None) };
        let result = change(&mut value);
        self.with_encoded(value, |state, bytes| state.set(index as u64, bytes))?;
        Ok(Some(result))
    }

    /// The item at a position, if there is one; what is changed through it is stored.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_mut(&mut self, index: usize) -> Result<Option<ValueMut<'_, T>>> {
        let value = self.get(index)?;
        Ok(value.map(|value| ValueMut::new(self, Place::Index(index as u64), value)))
    }

    /// Puts an item before the one at a position, which may be the end.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`] past the end, [`Error::Full`] if the list has reached its `maxlen`; otherwise as [`push`](Self::push).
    pub fn insert(&mut self, index: usize, value: T) -> Result<()> {
        let len = self.len();
        if index > len {
            return Err(Error::OutOfBounds { index, len });
        }
        if let Some(maxlen) = self.maxlen.filter(|&most| len >= most) {
            return Err(Error::Full { maxlen });
        }
        self.with_encoded(value, |state, bytes| state.insert(index as u64, bytes))
    }

    /// Removes and returns the item at a position; `None` past the end.
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop).
    pub fn remove(&mut self, index: usize) -> Result<Option<T>> {
        self.report()?;
        self.handle.change(|state| {
            let at = index as u64;
            let old = state.with(at, |bytes| self.codec.decode(bytes))?;
            if old.is_some() {
                state.cut(at..at + 1)?;
            }
            Ok(old)
        })
    }

    /// Exchanges two items, as one step that a crash cannot split.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`] past the end; otherwise as [`push`](Self::push).
    pub fn swap(&mut self, i: usize, j: usize) -> Result<()> {
        let len = self.len();
        let (a, b) = (Self::inside(i, len)?, Self::inside(j, len)?);
        self.handle.change(|state| state.swap(a, b))
    }

    /// Keeps the first `len` items.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn truncate(&mut self, len: usize) -> Result<()> {
        self.handle.change(|state| {
            let all = state.len();
            state.cut((len as u64).min(all)..all)
        })
    }

    /// Removes the items in a range of positions.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`] if the range ends past the end; otherwise when the disk fails.
    pub fn remove_range(&mut self, range: impl RangeBounds<usize>) -> Result<()> {
        let len = self.len();
        let (from, to) = positions(&range, len);
        if to > len {
            return Err(Error::OutOfBounds { index: to, len });
        }
        self.handle.change(|state| state.cut(from as u64..to as u64))
    }

    /// Adds all items of an iterator at the end.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push); the items before the failing one are in.
    pub fn extend(&mut self, items: impl IntoIterator<Item = T>) -> Result<()> {
        items.into_iter().try_for_each(|item| self.push(item))
    }

    /// All items, from either end.
    ///
    /// A page that cannot be read yields its error once; the iterator then goes on with the next one.
    pub fn iter(&self) -> Iter<'_, T> {
        self.range(..)
    }

    /// The items in a range of positions, from either end; positions past the end are left out.
    pub fn range(&self, range: impl RangeBounds<usize>) -> Iter<'_, T> {
        let len = self.len();
        let (from, to) = positions(&range, len);
        Iter::new(Runs::new(&self.handle, from.min(len) as u64, to.min(len) as u64), self.codec)
    }

    /// All items in no order, decoded on all threads of rayon's pool.
    pub fn par_iter(&self) -> impl ParallelIterator<Item = Result<T>> + '_
    where
        T: Send,
    {
        let (handle, codec) = (&self.handle, self.codec);
        let runs = Runs::new(handle, 0, self.len() as u64);
        runs.par_bridge().flat_map_iter(move |run| iter::decode_run(handle, codec, run))
    }

    /// Removes all items.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn clear(&mut self) -> Result<()> {
        self.handle.change(ListState::clear)
    }

    /// A copy of all items in memory.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn to_vec(&self) -> Result<Vec<T>> {
        self.iter().collect()
    }

    /// Returns when everything done so far survives a power cut.
    ///
    /// # Errors
    ///
    /// When the disk fails; the list can then only be opened again.
    #[doc(alias = "sync")]
    pub fn flush(&mut self) -> Result<()> {
        self.report()?;
        self.handle.flush()
    }

    /// Copies everything in order into full pages and gives the rest of the space back.
    ///
    /// # Errors
    ///
    /// When the disk fails or has no room for the copy; the list is then as it was.
    pub fn compact(&mut self) -> Result<()> {
        self.handle.change(|state| state.rewrite(false)).map(drop)
    }

    /// Keeps what can be read and lets go of damaged pages; says how much each was.
    ///
    /// For a list that does not open any more there is [`ListBuilder::repair`].
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn repair(&mut self) -> Result<Repaired> {
        self.handle.change(|state| state.rewrite(true))
    }

    /// Saves everything and lets go of the folder.
    ///
    /// # Errors
    ///
    /// When the disk fails; what was flushed is safe.
    pub fn close(mut self) -> Result<()> {
        let closed = self.handle.close();
        closed.and(self.report())
    }

    /// A handle that can be cloned and used from several threads.
    pub fn shared(self) -> Shared<Self> {
        Shared::new(self)
    }
}

/// The half-open range that bounds stand for.
fn positions(range: &impl RangeBounds<usize>, len: usize) -> (usize, usize) {
    let from = match range.start_bound() {
        Bound::Included(&from) => from,
        Bound::Excluded(&from) => from.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let to = match range.end_bound() {
        Bound::Included(&to) => to.saturating_add(1),
        Bound::Excluded(&to) => to,
        Bound::Unbounded => len,
    };
    (from, to)
}

impl<T> fmt::Debug for DiskList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, len) =
            self.handle.look(|state| (state.seen().folder().to_path_buf(), state.len())).unwrap_or_default();
        f.debug_struct("DiskList").field("path", &path).field("len", &len).finish()
    }
}

impl<T: Value> Keeper<T> for DiskList<T> {
    fn keep(&mut self, place: &Place, value: &T) -> Result<()> {
        let Place::Index(at) = *place else { return Ok(()) };
        self.codec.write_ref(value, &mut self.scratch)?;
        let result = self.handle.change(|state| state.set(at, &self.scratch));
        self.tidy();
        result
    }

    fn remember(&mut self, error: Error) {
        self.unsaved.get_or_insert(error);
    }
}

impl<'a, T: Value> IntoIterator for &'a DiskList<T> {
    type Item = Result<T, Error>;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
