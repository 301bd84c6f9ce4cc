//! A structure behind its locks: who may use it, and who writes its journal.
//!
//! Who changes something has the writer's lock, and then all stripes. Who reads has one stripe, another one than most other readers, so readers
//! neither wait for each other nor share what they write. With the writer's lock alone one may read, too.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use super::behind::Late;
use super::body::{Body, Want};
use super::pages::{Own, View};
use super::process::{self, Process};
use super::store::Store;
use super::stripe::{self, Reading, STRIPES, Stripe, this_thread, try_lock};
use super::{Error, Result};
use crate::sync::global::{Arc, AtomicBool, AtomicUsize, Mutex, MutexGuard, Ordering, lock};

/// What only the one who has the writer's lock looks at.
#[derive(Default)]
struct Writer {
    /// Whether the thread that writes behind knows that the journal waits, or did a moment ago.
    announced: bool,
    /// Whether what becomes due is done in parts, so that readers need not wait for the whole.
    in_parts: bool,
}

struct Inner<B> {
    writer: Mutex<Writer>,
    stripes: Box<[Stripe]>,
    /// How many stripes are in use; changed with the writer's lock.
    width: AtomicUsize,
    /// Absent once the structure is closed.
    body: UnsafeCell<Option<B>>,
    /// Set by who came to write the journal and found the structure in use; who uses it writes then.
    overdue: AtomicBool,
    /// Held as long as a guard is to keep other readers out, by the thread that is named in `barred_by`.
    bar: Mutex<()>,
    barred_by: AtomicUsize,
}

// SAFETY: `body` is changed only by who has the writer's lock and all stripes in use, and read only by who has one of these.
unsafe impl<B: Send + Sync> Sync for Inner<B> {}

/// All locks of a structure.
struct Exclusive<'a, B> {
    inner: &'a Inner<B>,
    /// In the order of locking.
    _stripes: [Option<MutexGuard<'a, Own>>; STRIPES],
    _writer: PhantomData<&'a mut Writer>,
}

impl<B> Exclusive<'_, B> {
    #[inline]
    fn body(&mut self) -> &mut Option<B> {
        // SAFETY: the writer's lock and all stripes are held as long as this lives.
        unsafe { &mut *self.inner.body.get() }
    }
}

impl<B> Inner<B> {
    /// Takes all stripes; who asks has the writer's lock.
    #[inline]
    fn all<'a>(&'a self, _: &'a mut Writer) -> Exclusive<'a, B> {
        let mut stripes = [const { None }; STRIPES];
        // Relaxed: changed with the writer's lock only.
        let width = self.width.load(Ordering::Relaxed);
        for (held, stripe) in stripes.iter_mut().zip(&self.stripes[..width]) {
            *held = Some(lock(&stripe.own));
        }
        Exclusive { inner: self, _stripes: stripes, _writer: PhantomData }
    }

    /// The state, for who has the writer's lock and changes nothing.
    fn of_writer<'a>(&'a self, _: &'a Writer) -> Option<&'a B> {
        // SAFETY: whoever changes it needs the writer's lock.
        unsafe { &*self.body.get() }.as_ref()
    }

    /// Takes the stripe of this thread; `None` if it has it already, as when decoding a value reads the structure.
    #[inline]
    fn stripe(&self) -> Option<Reading<'_>> {
        // Acquire: pairs with the release in `widen`.
        let width = self.width.load(Ordering::Acquire);
        stripe::take(&self.stripes[..width])
    }

    /// The state, for who has a stripe.
    #[inline]
    fn of_reader<'a>(&'a self, _: &'a Own) -> Option<&'a B> {
        // SAFETY: whoever changes it needs all stripes.
        unsafe { &*self.body.get() }.as_ref()
    }
}

impl<B: Body> Inner<B> {
    /// Writes the journal, unless the structure is closed.
    fn write(&self, writer: &Writer) {
        if let Some(body) = self.of_writer(writer) {
            // A failure is kept in the state and returned by the next call.
            let _kept = body.seen().write_journal();
        }
    }
}

/// A way to a structure, which somebody else owns.
///
/// It belongs to the process that opened it. In a process forked from that one it does nothing, for the lock on the folder and the
/// files are shared with the owner.
pub(crate) struct Access<B> {
    inner: Arc<Inner<B>>,
    owner: Process,
    folder: PathBuf,
    /// Whether a guard of another thread keeps this one from reading.
    outside: bool,
}

/// Keeps readers out of a structure that is shared, but for the thread that made it.
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

impl<B: Body> Access<B> {
    /// Refuses in every process but the one that opened the structure. Comes before any lock: a fork may inherit a held one.
    #[inline]
    pub(crate) fn check_owner(&self) -> Result<()> {
        if self.owner.is_current() { Ok(()) } else { Err(forked(&self.folder, self.owner)) }
    }

    /// Takes the stripe of this thread, when no guard of another one is in the way.
    #[inline]
    fn enter(&self) -> Result<Reading<'_>> {
        loop {
            let own = self.inner.stripe().ok_or(Error::Held)?;
            // Relaxed: who bars goes through all stripes after it has said so.
            match self.inner.barred_by.load(Ordering::Relaxed) {
                0 => return Ok(own),
                _ if !self.outside => return Ok(own),
                by if by == this_thread() => return Err(Error::Held),
                _ => {
                    drop(own);
                    drop(lock(&self.inner.bar));
                }
            }
        }
    }

    /// Runs `see` on the state, beside others that do so, unless an earlier change failed half-way.
    #[inline]
    pub(crate) fn see<R>(&self, see: impl FnOnce(&B, &mut View<'_>) -> Result<R>) -> Result<R> {
        self.check_owner()?;
        let mut reading = self.enter()?;
        let own = &mut *reading.own;
        // SAFETY: a stripe is held. (The borrow does not go through `own`, which the view needs.)
        let body = unsafe { &*self.inner.body.get() }.as_ref().ok_or_else(|| closed(&self.folder))?;
        body.seen().check()?;
        see(body, &mut own.view(&body.seen().pager)).map_err(|error| body.seen().explain(error))
    }

    /// Runs `look` on the state, whatever happened before; in a forked process only if nobody was changing it at the fork.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&B) -> R) -> Option<R> {
        if self.owner.is_current() {
            let reading = self.inner.stripe()?;
            self.inner.of_reader(&reading.own).map(look)
        } else {
            let writer = try_lock(&self.inner.writer)?;
            self.inner.of_writer(&writer).map(look)
        }
    }

    /// Runs `read` on the state as the only one, unless an earlier change failed half-way.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&mut B) -> Result<R>) -> Result<R> {
        self.alone(|store| store.check(), read)
    }

    /// Runs `change` on the state, unless an earlier one failed half-way.
    #[inline]
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut B) -> Result<R>) -> Result<R> {
        self.alone(|store| store.check_change(), change)
    }

    #[inline]
    fn alone<R>(&self, check: impl FnOnce(&Store) -> Result<()>, step: impl FnOnce(&mut B) -> Result<R>) -> Result<R> {
        self.check_owner()?;
        let mut writer = lock(&self.inner.writer);
        let in_parts = writer.in_parts;
        let mut all = self.inner.all(&mut writer);
        while self.outside && self.inner.barred_by.load(Ordering::Relaxed) != 0 {
            // Not while the writer's lock is held, which the one that bars will need.
            drop(all);
            drop(writer);
            drop(self.enter()?);
            writer = lock(&self.inner.writer);
            all = self.inner.all(&mut writer);
        }
        let body = all.body().as_mut().ok_or_else(|| closed(&self.folder))?;
        check(body.seen())?;
        let result = step(body).map_err(|error| body.seen().explain(error));
        let waiting = body.store().is_waiting();
        let want = if in_parts && result.is_ok() { body.tend() } else { Ok(Want::Nothing) };
        drop(all);
        if waiting && !writer.announced {
            self.announce(&mut writer);
        }
        let result = match want {
            Ok(Want::Nothing) => result,
            want => self.tend(&mut writer, want).and(result),
        };
        // Relaxed: the writer comes again if this looks too early.
        if self.inner.overdue.load(Ordering::Relaxed) {
            self.inner.overdue.store(false, Ordering::Relaxed);
            self.inner.write(&writer);
        }
        result
    }

    /// Does what a structure wants, and lets readers in between.
    #[cold]
    fn tend(&self, writer: &mut Writer, mut want: Result<Want<B::Task>>) -> Result<()> {
        let closed = || closed(&self.folder);
        loop {
            let product = match want? {
                Want::Nothing => return Ok(()),
                Want::Turn => None,
                Want::Task(task) => {
                    let body = self.inner.of_writer(writer).ok_or_else(closed)?;
                    // Nobody else can write the journal meanwhile.
                    let product = body.seen().write_journal().and_then(|()| body.perform(task));
                    Some(body.seen().settle(product).map_err(|error| body.seen().explain(error))?)
                }
            };
            let mut all = self.inner.all(writer);
            let body = all.body().as_mut().ok_or_else(closed)?;
            if let Some(product) = product {
                body.adopt(product);
            }
            want = body.tend().map_err(|error| body.seen().explain(error));
        }
    }

    /// Publishes everything and runs `then` on the state before it changes again; others may read all the while.
    pub(crate) fn published<R>(&self, then: impl FnOnce(&B) -> Result<R>) -> Result<R> {
        self.check_owner()?;
        let mut writer = lock(&self.inner.writer);
        {
            let mut all = self.inner.all(&mut writer);
            let body = all.body().as_mut().ok_or_else(|| closed(&self.folder))?;
            body.seen().check_change()?;
            body.want_publication();
        }
        self.tend(&mut writer, Ok(Want::Turn))?;
        let body = self.inner.of_writer(&writer).ok_or_else(|| closed(&self.folder))?;
        then(body).map_err(|error| body.seen().explain(error))
    }

    /// Has the journal written in time, or writes it at once where there is no thread to do so.
    #[cold]
    fn announce(&self, writer: &mut Writer) {
        let late: Arc<dyn Late> = self.inner.clone();
        writer.announced = process::behind().announce(Arc::downgrade(&late));
        if !writer.announced {
            self.inner.write(writer);
        }
    }

    /// Lets many threads read at the same time from here on.
    pub(crate) fn widen(&self) {
        let _writer = lock(&self.inner.writer);
        // Release: a reader of another stripe comes after every change that took the first alone.
        self.inner.width.store(self.inner.stripes.len(), Ordering::Release);
    }

    /// Keeps readers out that come from outside, but for this thread.
    pub(crate) fn bar(&self) -> Bar<'_> {
        let bar = lock(&self.inner.bar);
        // Relaxed: the stripes order it.
        self.inner.barred_by.store(this_thread(), Ordering::Relaxed);
        for stripe in &self.inner.stripes {
            // Who read before this goes first, and who comes after sees it.
            drop(lock(&stripe.own));
        }
        Bar { by: &self.inner.barred_by, _bar: bar }
    }
}

/// Owns a structure; dropping it publishes everything.
pub(crate) struct Handle<B: Body>(Access<B>);

impl<B: Body> Deref for Handle<B> {
    type Target = Access<B>;

    fn deref(&self) -> &Access<B> {
        &self.0
    }
}

impl<B: Body> Handle<B> {
    pub(crate) fn new(body: B) -> Self {
        let folder = body.seen().folder().to_path_buf();
        let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get().min(STRIPES));
        let inner = Inner {
            writer: Mutex::default(),
            stripes: (0..threads).map(|_| Stripe::default()).collect(),
            // What nobody changes is read by many from the start.
            width: AtomicUsize::new(if body.seen().is_read_only() { threads } else { 1 }),
            body: UnsafeCell::new(Some(body)),
            overdue: AtomicBool::new(false),
            bar: Mutex::new(()),
            barred_by: AtomicUsize::new(0),
        };
        Handle(Access { inner: Arc::new(inner), owner: Process::current(), folder, outside: false })
    }

    /// Another way to the structure, for many readers, which guards of others keep out.
    pub(crate) fn outside(&self) -> Access<B> {
        self.widen();
        let mut writer = lock(&self.inner.writer);
        writer.in_parts = true;
        if let Some(body) = self.inner.all(&mut writer).body() {
            body.defer();
        }
        drop(writer);
        Access { inner: Arc::clone(&self.inner), owner: self.owner, folder: self.folder.clone(), outside: true }
    }

    /// Publishes everything and lets go of the folder.
    pub(crate) fn close(&mut self) -> Result<()> {
        self.check_owner()?;
        let body = {
            let mut writer = lock(&self.inner.writer);
            // Should the process exit while the checkpoint is being made, nobody finds the body to write its journal.
            self.inner.write(&writer);
            let mut all = self.inner.all(&mut writer);
            all.body().take()
        };
        let Some(mut body) = body else { return Ok(()) };
        body.store().check()?;
        let result = body.checkpoint();
        body.seen().settle(result).map_err(|error| body.seen().explain(error))
    }
}

impl<B: Body> Drop for Handle<B> {
    fn drop(&mut self) {
        if self.owner.is_current() {
            // Who wants to know calls `close`.
            let _unreported = self.close();
            return;
        }
        // Nothing of the state may be dropped: that would write to files which belong to the owner, or wait for threads that are not here.
        std::mem::forget(Arc::clone(&self.inner));
        // SAFETY: this was the way to the state, which is never dropped, so nobody uses its files in this process.
        unsafe { process::let_go(&self.folder) };
    }
}

#[cold]
fn forked(folder: &Path, owner: Process) -> Error {
    Error::Forked { path: folder.to_path_buf(), owner: owner.id }
}

#[cold]
fn closed(folder: &Path) -> Error {
    Error::Closed { path: folder.to_path_buf() }
}

impl<B: Body> Late for Inner<B> {
    fn try_write(&self) -> bool {
        let Some(mut writer) = try_lock(&self.writer) else {
            self.overdue.store(true, Ordering::Relaxed);
            return false;
        };
        self.overdue.store(false, Ordering::Relaxed);
        writer.announced = false;
        self.write(&writer);
        true
    }
}
