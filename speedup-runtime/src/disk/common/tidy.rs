//! Beginning another file of the journal of a folder, and removing those that nobody needs.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Common, Passenger, Record, record};
use crate::disk::error::At;
use crate::disk::fingerprint::member;
use crate::disk::journal::{Journal, file_name};
use crate::disk::superblock::Superblock;
use crate::disk::{Result, folder, process};
use crate::sync::global::{Arc, AtomicBool, Ordering, lock};

/// An open structure of the folder.
pub(crate) trait Member: Send + Sync {
    /// What is to be published together with other structures, if it needs files of the journal before this one.
    fn board(self: Arc<Self>, number: u64) -> Option<Box<dyn Passenger>>;
}

/// As long as it lives somebody tidies up; another one may begin afterwards, however this one has ended.
struct Tidying<'a>(&'a AtomicBool);

impl Drop for Tidying<'_> {
    fn drop(&mut self) {
        // Pairs with the swap of who comes next.
        self.0.store(false, Ordering::Release);
    }
}

impl Common {
    /// Has another file begun and the old ones removed, by a thread that may wait for structures, unless that is on its way.
    #[cold]
    pub(super) fn have_tidied(self: &Arc<Self>) {
        // AcqRel: pairs with the store of who ends it, after which another one may begin.
        if self.tidying.swap(true, Ordering::AcqRel) {
            return;
        }
        let common = Arc::downgrade(self);
        let refused = process::tidiers().start(Box::new(move || {
            if let Some(common) = common.upgrade() {
                let _tidying = Tidying(&common.tidying);
                // What this does not remove, the next one does.
                let _later = common.tidy_up();
            }
        }));
        if refused.is_err() {
            let _tidying = Tidying(&self.tidying);
            // Without a thread structures are published by who changes them.
            let _later = self.begin_next().and_then(|_| self.remove_old());
        }
    }

    pub(crate) fn tidy_up(&self) -> Result<()> {
        let number = self.begin_next()?;
        let members: Vec<_> = lock(&self.members).iter().filter_map(|member| member.upgrade()).collect();
        // One that panics keeps the files that it needs, and the others do not wait for it.
        let board = |member: Arc<dyn Member>| catch_unwind(AssertUnwindSafe(|| member.board(number))).ok().flatten();
        self.publish_all(members.into_iter().filter_map(board));
        self.remove_old()
    }

    /// Begins another file, once all before it is durable.
    pub(super) fn begin_next(&self) -> Result<u64> {
        self.flush()?;
        self.lock.check(&self.folder)?;
        let number = self.number() + 1;
        let next = Journal::create_whole(&self.folder, self.identity, number)?;
        let mut writing = self.writing()?;
        writing.write()?;
        if let Err(error) = writing.journal.flush() {
            writing.failed = Some(error.to_string());
            return Err(error);
        }
        lock(&self.parts).begin_file();
        writing.journal = next;
        self.number.store(number, Ordering::Relaxed);
        self.len.store(writing.journal.len(), Ordering::Relaxed);
        Ok(number)
    }

    /// Removes the files that no structure needs.
    fn remove_old(&self) -> Result<()> {
        self.lock.check(&self.folder)?;
        let needs = lock(&self.needs);
        let open = needs.iter().map(|&(_, from)| from);
        let least = open.chain(self.needed_by_others()?).fold(self.number(), u64::min);
        for number in folder::numbers(&self.folder, "journal")? {
            if number < least {
                let path = self.folder.join(file_name(number));
                fs::remove_file(&path).at(&path)?;
            }
        }
        Ok(())
    }

    /// The first file that a structure needs, as the superblocks say.
    fn needed_by_others(&self) -> Result<Option<u64>> {
        let mut least = None;
        for entry in fs::read_dir(&self.location).at(&self.location)? {
            let path = entry.at(&self.location)?.path();
            if !path.is_dir() {
                continue;
            }
            let from = match Superblock::read(&path)? {
                Some(block) if block.home == Some(self.home(member(&path, block.identity), true)) => {
                    self.now(&path, block).journal
                }
                // A repair will need whatever there is.
                None if path.extension().is_some_and(|end| end == "speedup") && self.has_noted(&path)? => 0,
                _ => continue,
            };
            least = Some(least.map_or(from, |least: u64| least.min(from)));
        }
        Ok(least)
    }
}

impl Drop for Common {
    fn drop(&mut self) {
        // Nobody uses it. If no structure needs what is in it, the next opening need not read it.
        let is_used = self.writing().is_ok_and(|writing| !writing.journal.is_empty());
        let is_told = self.folder.join(record::NAME).exists();
        if (is_used || is_told) && self.needed_by_others().is_ok_and(|needed| needed.is_none()) {
            // What is removed first, the journal or the checkpoint, makes no difference: nobody asks for either.
            let begun = if is_used { self.begin_next().and_then(|_| self.remove_old()) } else { Ok(()) };
            let _later = begun.and_then(|()| self.lock.check(&self.folder)).and_then(|()| Record::remove(&self.folder));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::disk::common::Join;
    use crate::sync::global::{AtomicUsize, Mutex};

    /// Longer than anything takes that does not hang.
    const LONG: Duration = Duration::from_secs(60);

    struct Panics(AtomicUsize);

    impl Member for Panics {
        fn board(self: Arc<Self>, _: u64) -> Option<Box<dyn Passenger>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            panic!("a member that cannot catch up");
        }
    }

    struct Tells(Mutex<mpsc::Sender<u64>>);

    impl Member for Tells {
        fn board(self: Arc<Self>, number: u64) -> Option<Box<dyn Passenger>> {
            lock(&self.0).send(number).unwrap();
            None
        }
    }

    fn open(place: &Path) -> Arc<Common> {
        Common::join(place, Join::Make).unwrap().unwrap()
    }

    /// Returns when all that the thread was given before is done.
    fn wait_for_thread() {
        let (done, is_done) = mpsc::channel();
        assert!(process::tidiers().start(Box::new(move || done.send(()).unwrap())).is_ok());
        is_done.recv_timeout(LONG).expect("the thread is gone");
    }

    #[test]
    fn a_structure_that_panics_keeps_nobody_from_tidying_up() {
        let place = tempfile::tempdir().unwrap();
        let common = open(place.path());
        let panics = Arc::new(Panics(AtomicUsize::new(0)));
        let (send, told) = mpsc::channel();
        let tells = Arc::new(Tells(Mutex::new(send)));
        let members: [Arc<dyn Member>; 2] = [panics.clone(), tells];
        members.iter().for_each(|member| common.enlist(Arc::downgrade(member)));
        for round in 1..3 {
            common.have_tidied();
            wait_for_thread();
            assert_eq!(told.try_recv(), Ok(round));
            assert_eq!(panics.0.load(Ordering::Relaxed) as u64, round);
            assert!(!common.tidying.load(Ordering::Acquire));
        }
    }
}
