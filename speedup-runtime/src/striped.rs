//! A value that one changes and many read, and a bar that keeps readers out.
//!
//! Who changes the value has the writer's lock, and then all stripes. Who reads has one stripe, another one than most other readers, so readers
//! neither wait for each other nor share what they write. With the writer's lock alone one may read, too.
//!
//! All that is unsafe about it is here, where the model checker and Miri reach it: `disk/handle.rs` builds on it.

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(all(test, not(loom)))]
mod tests;

use std::cell::{Cell, UnsafeCell};
use std::marker::PhantomData;
use std::sync::TryLockError;

use crate::sync::{AtomicUsize, Mutex, MutexGuard, Ordering, lock};

/// How many stripes there are at most.
#[cfg(not(loom))]
pub(crate) const STRIPES: usize = 8;
#[cfg(loom)]
pub(crate) const STRIPES: usize = 2;

/// The lock of some readers, and what they alone use; with a cache line of its own.
#[repr(align(128))]
struct Stripe<T> {
    own: Mutex<T>,
    /// Which thread reads with it, 0 if none.
    reader: AtomicUsize,
}

/// A value `B` that may be taken out, what writers alone look at, and what readers of a stripe alone use.
pub(crate) struct Striped<B, W, T> {
    writer: Mutex<W>,
    stripes: Box<[Stripe<T>]>,
    /// How many stripes are in use; changed with the writer's lock.
    width: AtomicUsize,
    body: UnsafeCell<Option<B>>,
    /// Held as long as readers are to be kept out, but for the thread that is named in `barred_by`.
    bar: Mutex<()>,
    barred_by: AtomicUsize,
}

// SAFETY: `body` is changed only by who has the writer's lock and all stripes in use, and read only by who has one of these.
unsafe impl<B: Send + Sync, W: Send, T: Send> Sync for Striped<B, W, T> {}

impl<B, W: Default, T: Default> Striped<B, W, T> {
    /// With so many stripes, of which the first `width` are in use.
    pub(crate) fn new(body: B, stripes: usize, width: usize) -> Self {
        let stripe = || Stripe { own: Mutex::new(T::default()), reader: AtomicUsize::new(0) };
        Striped {
            writer: Mutex::new(W::default()),
            stripes: (0..stripes.clamp(1, STRIPES)).map(|_| stripe()).collect(),
            width: AtomicUsize::new(width.clamp(1, stripes.clamp(1, STRIPES))),
            body: UnsafeCell::new(Some(body)),
            bar: Mutex::new(()),
            barred_by: AtomicUsize::new(0),
        }
    }
}

/// So often all stripes are tried before a thread sleeps until its own is free.
const ROUNDS: u32 = if cfg!(loom) { 1 } else { 200 };

impl<B, W, T> Striped<B, W, T> {
    /// Takes the writer's lock.
    #[inline]
    pub(crate) fn writer(&self) -> Writing<'_, B, W, T> {
        Writing { of: self, state: lock(&self.writer) }
    }

    /// The same if nobody has it.
    pub(crate) fn try_writer(&self) -> Option<Writing<'_, B, W, T>> {
        try_lock(&self.writer).map(|state| Writing { of: self, state })
    }

    /// Takes the stripe of this thread, or a free one; `None` if this thread would wait for itself, because it has one already, as when decoding a
    /// value reads the structure.
    #[inline]
    pub(crate) fn read(&self) -> Option<Reading<'_, B, W, T>> {
        // Acquire: pairs with the release in `widen`.
        let width = self.width.load(Ordering::Acquire);
        let stripes = &self.stripes[..width];
        let stripe = &stripes[if width == 1 { 0 } else { home() % width }];
        match try_lock(&stripe.own) {
            Some(own) => Some(self.reading(stripe, own)),
            None => self.read_another(stripes),
        }
    }

    /// Takes a stripe when that of this thread is taken: one that is free becomes its own from here on.
    #[cold]
    fn read_another<'a>(&'a self, stripes: &'a [Stripe<T>]) -> Option<Reading<'a, B, W, T>> {
        // Relaxed: who reads its own name has written it.
        if stripes.iter().any(|stripe| stripe.reader.load(Ordering::Relaxed) == this_thread()) {
            return None;
        }
        // Most readers are done at once, and whose stripe this thread would wait for may be one that takes long.
        for round in 0..ROUNDS {
            if round > 0 {
                std::thread::yield_now();
            }
            for (index, stripe) in stripes.iter().enumerate() {
                if let Some(own) = try_lock(&stripe.own) {
                    HOME.with(|home| home.set(index));
                    return Some(self.reading(stripe, own));
                }
            }
        }
        let stripe = &stripes[home() % stripes.len()];
        Some(self.reading(stripe, lock(&stripe.own)))
    }

    /// Writes the name of this thread on a stripe, which has its lock.
    #[inline]
    fn reading<'a>(&'a self, stripe: &'a Stripe<T>, own: MutexGuard<'a, T>) -> Reading<'a, B, W, T> {
        stripe.reader.store(this_thread(), Ordering::Relaxed);
        Reading { of: self, own, reader: &stripe.reader }
    }

    /// As [`read`](Self::read), for who waits while others are kept out; `None` also if this thread is the one that keeps them out.
    #[inline]
    pub(crate) fn read_outside(&self) -> Option<Reading<'_, B, W, T>> {
        loop {
            let reading = self.read()?;
            // Relaxed: who bars goes through all stripes after it has said so.
            match self.barred_by.load(Ordering::Relaxed) {
                0 => return Some(reading),
                by if by == this_thread() => return None,
                _ => {
                    drop(reading);
                    drop(lock(&self.bar));
                }
            }
        }
    }

    /// Lets as many threads read at the same time as there are stripes, from here on.
    pub(crate) fn widen(&self) {
        let _writer = lock(&self.writer);
        // Release: a reader of another stripe comes after every change that took the first alone.
        self.width.store(self.stripes.len(), Ordering::Release);
    }

    /// Keeps readers out that come from outside, but for this thread.
    pub(crate) fn bar(&self) -> Bar<'_> {
        let bar = lock(&self.bar);
        // Relaxed: the stripes order it.
        self.barred_by.store(this_thread(), Ordering::Relaxed);
        for stripe in &self.stripes {
            // Who read before this goes first, and who comes after sees it.
            drop(lock(&stripe.own));
        }
        Bar { by: &self.barred_by, _bar: bar }
    }

    /// Whether this thread reads the value at the moment, as when decoding it uses the structure: it would wait for itself if it took all stripes.
    #[cfg(all(feature = "disk", not(loom)))]
    #[inline]
    pub(crate) fn is_read_here(&self) -> bool {
        // Relaxed: who reads its own name has written it. A stripe beyond the width was never read.
        let (width, this) = (self.width.load(Ordering::Relaxed), this_thread());
        self.stripes[..width].iter().any(|stripe| stripe.reader.load(Ordering::Relaxed) == this)
    }

    /// Whether somebody keeps readers out; for sure only for who has a stripe.
    #[inline]
    pub(crate) fn is_barred(&self) -> bool {
        self.barred_by.load(Ordering::Relaxed) != 0
    }
}

/// The writer's lock.
pub(crate) struct Writing<'a, B, W, T> {
    of: &'a Striped<B, W, T>,
    state: MutexGuard<'a, W>,
}

impl<B, W, T> Writing<'_, B, W, T> {
    /// What writers alone look at.
    #[inline]
    pub(crate) fn state(&mut self) -> &mut W {
        &mut self.state
    }

    /// The value, for who changes nothing.
    pub(crate) fn body(&self) -> Option<&B> {
        // SAFETY: whoever changes it has the writer's lock, and that is here, lent to nobody as long as this is looked at.
        unsafe { &*self.of.body.get() }.as_ref()
    }

    /// Takes all stripes, too.
    #[inline]
    pub(crate) fn all(&mut self) -> All<'_, B, W, T> {
        let mut stripes = [const { None }; STRIPES];
        // Relaxed: changed with the writer's lock only.
        let width = self.of.width.load(Ordering::Relaxed);
        for (held, stripe) in stripes.iter_mut().zip(&self.of.stripes[..width]) {
            *held = Some(lock(&stripe.own));
        }
        All { of: self.of, _stripes: stripes, _writer: PhantomData }
    }
}

/// All locks but the bar.
pub(crate) struct All<'a, B, W, T> {
    of: &'a Striped<B, W, T>,
    /// In the order of locking.
    _stripes: [Option<MutexGuard<'a, T>>; STRIPES],
    /// The writer's lock is lent to this.
    _writer: PhantomData<&'a mut W>,
}

impl<B, W, T> All<'_, B, W, T> {
    /// The value; `None` once it was taken out.
    #[inline]
    pub(crate) fn body(&mut self) -> &mut Option<B> {
        // SAFETY: the writer's lock and all stripes in use are held as long as this lives.
        unsafe { &mut *self.of.body.get() }
    }
}

/// A stripe that a reader has.
pub(crate) struct Reading<'a, B, W, T> {
    of: &'a Striped<B, W, T>,
    own: MutexGuard<'a, T>,
    reader: &'a AtomicUsize,
}

impl<B, W, T> Reading<'_, B, W, T> {
    /// The value, and what readers of this stripe alone use.
    #[inline]
    pub(crate) fn parts(&mut self) -> (Option<&B>, &mut T) {
        // SAFETY: whoever changes the value needs this stripe, which is held as long as this lives.
        (unsafe { &*self.of.body.get() }.as_ref(), &mut self.own)
    }
}

impl<B, W, T> Drop for Reading<'_, B, W, T> {
    fn drop(&mut self) {
        // Before the stripe is given up.
        self.reader.store(0, Ordering::Relaxed);
    }
}

/// Keeps readers out, but for the thread that made it.
pub(crate) struct Bar<'a> {
    by: &'a AtomicUsize,
    /// Given up after `by` says that nobody bars.
    _bar: MutexGuard<'a, ()>,
}

impl Drop for Bar<'_> {
    fn drop(&mut self) {
        self.by.store(0, Ordering::Relaxed);
    }
}

#[cfg(not(loom))]
thread_local! {
    static PLACE: u8 = const { 0 };
    /// Which stripe this thread tries first: at first by the order in which threads came. Relaxed: any number will do.
    static HOME: Cell<usize> = Cell::new(READERS.fetch_add(1, Ordering::Relaxed));
}

/// How many threads have read.
#[cfg(not(loom))]
static READERS: AtomicUsize = AtomicUsize::new(0);

#[cfg(loom)]
loom::thread_local! {
    static PLACE: u8 = 0;
    /// All threads of a model meet at one stripe.
    static HOME: Cell<usize> = Cell::new(0);
}

#[inline]
fn home() -> usize {
    HOME.with(Cell::get)
}

/// A number that no other living thread has, and none has that is 0.
#[inline]
pub(crate) fn this_thread() -> usize {
    PLACE.with(|place| std::ptr::from_ref(place) as usize)
}

fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
