//! A structure behind its locks: who may use it, and who writes its journal.
//!
//! The locks themselves are those of a [`Striped`] value.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::behind::{Deadline, Late};
use super::body::{Body, Want};
use super::common::{Common, Member, Passenger};
use super::pages::{Own, View};
use super::process::{self, Process};
use super::store::Store;
use super::{Error, Result};
pub(crate) use crate::striped::Bar;
use crate::striped::{Reading, STRIPES, Striped, Writing};
use crate::sync::global::{Arc, AtomicBool, Ordering};

/// What only the one who has the writer's lock looks at.
#[derive(Default)]
struct Writer {
    /// Until when the thread that writes behind is to write the journal, if it knows that it waits, or did a moment ago.
    announced: Option<Deadline>,
    /// Whether what becomes due is done in parts, so that readers need not wait for the whole.
    in_parts: bool,
}

struct Inner<B> {
    /// The state; taken out once the structure is closed.
    value: Striped<B, Writer, Own>,
    /// Set by who came to write the journal and found the structure in use; who uses it writes then.
    overdue: AtomicBool,
}

/// Writes the journal, unless the structure is closed.
fn write<B: Body>(writing: &Writing<'_, B, Writer, Own>) {
    if let Some(body) = writing.body() {
        // A failure is kept in the state and returned by the next call.
        let _kept = body.seen().write_journal();
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

impl<B: Body> Access<B> {
    /// Refuses in every process but the one that opened the structure. Comes before any lock: a fork may inherit a held one.
    #[inline]
    pub(crate) fn check_owner(&self) -> Result<()> {
        if self.owner.is_current() { Ok(()) } else { Err(forked(&self.folder, self.owner)) }
    }

    /// As [`check_owner`](Self::check_owner), for who is to be alone with the structure: refuses as well while this thread reads it, as when
    /// decoding a value changes what it came from. Comes before any lock, for others may wait for this thread.
    #[inline]
    pub(crate) fn check_turn(&self) -> Result<()> {
        self.check_owner()?;
        if self.inner.value.is_read_here() { Err(Error::Held) } else { Ok(()) }
    }

    /// Takes a stripe, when no guard of another thread is in the way.
    #[inline]
    fn enter(&self) -> Result<Reading<'_, B, Writer, Own>> {
        let value = &self.inner.value;
        if self.outside { value.read_outside() } else { value.read() }.ok_or(Error::Held)
    }

    /// Runs `see` on the state, beside others that do so, unless an earlier change failed half-way.
    #[inline]
    pub(crate) fn see<R>(&self, see: impl FnOnce(&B, &mut View<'_>) -> Result<R>) -> Result<R> {
        self.check_owner()?;
        let mut reading = self.enter()?;
        let (body, own) = reading.parts();
        let body = body.ok_or_else(|| closed(&self.folder))?;
        body.seen().check()?;
        see(body, &mut own.view(&body.seen().pager)).map_err(|error| body.seen().explain(error))
    }

    /// Runs `look` on the state, whatever happened before; in a forked process only if nobody was changing it at the fork.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&B) -> R) -> Option<R> {
        if self.owner.is_current() {
            self.inner.value.read()?.parts().0.map(look)
        } else {
            self.inner.value.try_writer()?.body().map(look)
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
        self.check_turn()?;
        let mut writing = self.inner.value.writer();
        let in_parts = writing.state().in_parts;
        let mut all = writing.all();
        while self.outside && self.inner.value.is_barred() {
            // Not while the writer's lock is held, which the one that bars will need.
            drop(all);
            drop(writing);
            drop(self.enter()?);
            writing = self.inner.value.writer();
            all = writing.all();
        }
        let body = all.body().as_mut().ok_or_else(|| closed(&self.folder))?;
        check(body.seen())?;
        let result = step(body).map_err(|error| body.seen().explain(error));
        let waiting = body.store().is_waiting();
        let want = if in_parts && result.is_ok() { body.tend() } else { Ok(Want::Nothing) };
        drop(all);
        let late = waiting && self.is_late(&mut writing);
        let result = match want {
            Ok(Want::Nothing) => result,
            want => self.tend(&mut writing, want).and(result),
        };
        // Relaxed: the writer comes again if this looks too early.
        if late || self.inner.overdue.load(Ordering::Relaxed) {
            self.inner.overdue.store(false, Ordering::Relaxed);
            write(&writing);
        }
        result
    }

    /// Whether the journal, which waits, should have been written by now.
    #[inline]
    fn is_late(&self, writing: &mut Writing<'_, B, Writer, Own>) -> bool {
        let Some(deadline) = &mut writing.state().announced else {
            self.announce(writing);
            return false;
        };
        let late = deadline.is_past(Instant::now);
        if late {
            *deadline = Deadline::from(Instant::now());
        }
        late
    }

    /// Does what a structure wants, and lets readers in between.
    #[cold]
    fn tend(&self, writing: &mut Writing<'_, B, Writer, Own>, mut want: Result<Want>) -> Result<()> {
        let closed = || closed(&self.folder);
        loop {
            let departed = match want? {
                Want::Nothing => return Ok(()),
                Want::Turn => None,
                Want::Wait => {
                    let body = writing.body().ok_or_else(closed)?;
                    // Nobody else can write the journal meanwhile.
                    body.seen().write_journal()?;
                    body.seen().wait();
                    None
                }
                Want::Depart(staged) => {
                    let body = writing.body().ok_or_else(closed)?;
                    let departed = body.seen().write_journal().and_then(|()| body.depart(staged));
                    Some(body.seen().settle(departed).map_err(|error| body.seen().explain(error))?)
                }
            };
            let mut all = writing.all();
            let body = all.body().as_mut().ok_or_else(closed)?;
            if let Some(departed) = departed {
                body.go_on(departed);
            }
            want = body.tend().map_err(|error| body.seen().explain(error));
        }
    }

    /// Returns when everything so far survives a power cut; others may read meanwhile.
    pub(crate) fn flush(&self) -> Result<()> {
        self.check_turn()?;
        let writing = self.inner.value.writer();
        let body = writing.body().ok_or_else(|| closed(&self.folder))?;
        body.seen().check_change()?;
        body.seen().flush().map_err(|error| body.seen().explain(error))
    }

    /// Publishes everything and runs `then` on the state before it changes again; others may read all the while.
    pub(crate) fn published<R>(&self, then: impl FnOnce(&B) -> Result<R>) -> Result<R> {
        self.check_turn()?;
        let mut writing = self.inner.value.writer();
        {
            let mut all = writing.all();
            let body = all.body().as_mut().ok_or_else(|| closed(&self.folder))?;
            body.seen().check_change()?;
            body.want_publication();
        }
        self.tend(&mut writing, Ok(Want::Turn))?;
        while writing.body().is_some_and(|body| body.seen().is_under_way()) {
            self.tend(&mut writing, Ok(Want::Wait))?;
        }
        let body = writing.body().ok_or_else(|| closed(&self.folder))?;
        then(body).map_err(|error| body.seen().explain(error))
    }

    /// Gathers everything to be published together with other structures; changes go on from then.
    fn board(&self, number: u64) -> Result<Option<Box<dyn Passenger>>> {
        self.check_turn()?;
        let mut writing = self.inner.value.writer();
        let closed = || closed(&self.folder);
        {
            let mut all = writing.all();
            let body = all.body().as_mut().ok_or_else(closed)?;
            body.seen().check_change()?;
            if !body.seen().needs_before(number) {
                return Ok(None);
            }
            body.want_publication();
            body.store().begin_boarding();
        }
        // A failure is kept in the state and returned by the next call.
        let _kept = self.tend(&mut writing, Ok(Want::Turn));
        let mut all = writing.all();
        Ok(all.body().as_mut().ok_or_else(closed)?.store().end_boarding(number))
    }

    /// Has the journal written in time, or writes it at once where there is no thread to do so.
    #[cold]
    fn announce(&self, writing: &mut Writing<'_, B, Writer, Own>) {
        let late: Arc<dyn Late> = self.inner.clone();
        writing.state().announced = process::behind().announce(Arc::downgrade(&late));
        if writing.state().announced.is_none() {
            write(writing);
        }
    }

    /// Keeps readers out that come from outside, but for this thread.
    pub(crate) fn bar(&self) -> Bar<'_> {
        self.inner.value.bar()
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
        // What nobody changes is read by many from the start.
        let width = if body.seen().is_read_only() { threads } else { 1 };
        let common = body.seen().common().cloned();
        let inner = Inner { value: Striped::new(body, threads, width), overdue: AtomicBool::new(false) };
        let inner = Arc::new(inner);
        if let Some(common) = common {
            let member: Arc<dyn Member> = inner.clone();
            common.enlist(Arc::downgrade(&member));
        }
        Handle(Access { inner, owner: Process::current(), folder, outside: false })
    }

    /// Another way to the structure, for many readers, which guards of others keep out.
    pub(crate) fn outside(&self) -> Access<B> {
        self.inner.value.widen();
        let mut writing = self.inner.value.writer();
        writing.state().in_parts = true;
        if let Some(body) = writing.all().body() {
            body.defer();
        }
        drop(writing);
        Access { inner: Arc::clone(&self.inner), owner: self.owner, folder: self.folder.clone(), outside: true }
    }

    /// Publishes everything and lets go of the folder.
    pub(crate) fn close(&mut self) -> Result<()> {
        self.check_turn()?;
        let body = {
            let mut writing = self.inner.value.writer();
            // Should the process exit while the checkpoint is being made, nobody finds the body to write its journal.
            write(&writing);
            writing.all().body().take()
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
        if let Some(location) = self.folder.parent()
            && !Common::is_open_in(location)
        {
            // SAFETY: what this process has of it belongs to the owner, as the state does that is never dropped.
            unsafe { process::let_go(&Common::folder_in(location)) };
        }
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

impl<B: Body> Member for Inner<B> {
    fn board(self: Arc<Self>, number: u64) -> Option<Box<dyn Passenger>> {
        let folder = self.value.writer().body()?.seen().folder().to_path_buf();
        let access = Access { inner: self, owner: Process::current(), folder, outside: false };
        access.board(number).ok().flatten()
    }
}

impl<B: Body> Late for Inner<B> {
    fn try_write(&self) -> bool {
        let Some(mut writing) = self.value.try_writer() else {
            self.overdue.store(true, Ordering::Relaxed);
            return false;
        };
        self.overdue.store(false, Ordering::Relaxed);
        writing.state().announced = None;
        write(&writing);
        true
    }
}
