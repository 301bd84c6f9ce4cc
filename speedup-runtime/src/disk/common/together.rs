//! One checkpoint for all structures of a folder that need old files of its journal: all of them are written, and then count in one step.
//!
//! Each structure gathers what is to be published under its own lock and goes on at once (`store/board.rs`). Nobody waits for a lock of another one: who
//! needs what is to be published of his own takes it back and writes it alone.

use super::Common;
use super::record::{Entry, Record};
use crate::disk::Result;
use crate::sync::global::lock;

/// A publication of a structure that is written together with others.
pub(crate) trait Passenger: Send {
    /// By what the structure is known in the journal.
    fn member(&self) -> u64;

    /// About how many bytes it takes until it is written.
    fn size(&self) -> usize;

    /// From here on nobody else writes it; false if somebody has.
    fn seal(&mut self) -> bool;

    /// Whether all of it was published before.
    fn is_published(&self) -> bool;

    /// Sees to it that the superblock does not say that all is at rest.
    fn take_back(&mut self) -> Result<()>;

    /// Publishes it, and says what counts from then on. Where that fails, the structure is told.
    fn write(&mut self) -> Option<Entry>;

    /// What was written counts.
    fn arrive(&mut self);

    /// It is written without the others, unless that was done.
    fn go_alone(&mut self);
}

type Passengers = Vec<Box<dyn Passenger>>;

/// How many bytes of what is to be published wait in memory before it is written, at most; then one more step is made for the others.
const ROOM: usize = if cfg!(speedup_tight) { 64 << 10 } else { 16 << 20 };

impl Common {
    /// Publishes all of them in one step, or in more where they are too large to wait for each other.
    pub(super) fn publish_all(&self, passengers: impl Iterator<Item = Box<dyn Passenger>>) {
        let (mut some, mut size) = (Passengers::new(), 0);
        for one in passengers {
            size += one.size();
            some.push(one);
            if size > ROOM {
                self.publish_together(std::mem::take(&mut some));
                size = 0;
            }
        }
        self.publish_together(some);
    }

    /// Publishes all of them in one step, or each alone where that cannot be.
    fn publish_together(&self, passengers: Passengers) {
        let mut passengers: Passengers =
            passengers.into_iter().filter_map(|mut one| one.seal().then_some(one)).collect();
        if passengers.is_empty() {
            return;
        }
        step("sealed");
        // What others noted before must be there when this is.
        if self.flush().and_then(|()| self.take_back(&passengers)).is_err() {
            passengers.iter_mut().for_each(|one| one.go_alone());
            return;
        }
        step("taken back");
        let mut entries = Vec::new();
        for one in &mut passengers {
            if one.take_back().is_err() {
                one.go_alone();
                continue;
            }
            step("one is not at rest");
            entries.extend(one.write());
            step("one is written");
        }
        let is_told = self.tell(&entries).is_ok();
        step("told");
        passengers.iter_mut().for_each(|one| if is_told { one.arrive() } else { one.go_alone() });
        step("arrived");
    }

    /// Sees to it that nothing of what is to be written counts as at rest.
    fn take_back(&self, passengers: &[Box<dyn Passenger>]) -> Result<()> {
        let mut record = lock(&self.record);
        let mut changed = false;
        for one in passengers.iter().filter(|one| !one.is_published()) {
            let entry = record.entries.get_mut(&one.member()).filter(|entry| entry.at_rest);
            if let Some(entry) = entry {
                (entry.at_rest, changed) = (false, true);
            }
        }
        if changed { self.write_record(&record) } else { Ok(()) }
    }

    /// From here on what was written counts, of all in one step.
    fn tell(&self, entries: &[Entry]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut record = lock(&self.record);
        record.entries.extend(entries.iter().map(|&entry| (entry.member, entry)));
        self.write_record(&record)?;
        drop(record);
        let mut needs = lock(&self.needs);
        for (member, from) in needs.iter_mut() {
            // One that has closed meanwhile needs nothing.
            let entry = entries.iter().find(|entry| entry.member == *member);
            *from = entry.map_or(*from, |entry| entry.journal.max(*from));
        }
        Ok(())
    }

    fn write_record(&self, record: &Record) -> Result<()> {
        self.lock.check(&self.folder)?;
        record.write(&self.folder, self.identity)
    }
}

#[cfg(test)]
pub(crate) type Look = Box<dyn FnMut(&'static str)>;

#[cfg(test)]
thread_local! {
    static STEP: std::cell::RefCell<Option<Look>> = const { std::cell::RefCell::new(None) };
}

/// What a test does between two steps of this thread.
#[cfg(test)]
pub(crate) fn at_each_step(look: Option<Look>) {
    STEP.with(|step| *step.borrow_mut() = look);
}

#[cfg(test)]
fn step(done: &'static str) {
    let look = STEP.with(|step| step.borrow_mut().take());
    if let Some(mut look) = look {
        look(done);
        at_each_step(Some(look));
    }
}

#[cfg(not(test))]
#[inline]
fn step(_: &'static str) {}
