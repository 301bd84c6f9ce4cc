//! Beginning another file of the journal of a folder, and removing those that nobody needs.

use std::fs;

use super::Common;
use crate::disk::error::At;
use crate::disk::fingerprint::member;
use crate::disk::journal::{Journal, file_name};
use crate::disk::superblock::Superblock;
use crate::disk::{Result, folder, process};
use crate::sync::global::{Arc, Ordering, lock};

/// An open structure of the folder.
pub(crate) trait Member: Send + Sync {
    /// Publishes it if it needs files of the journal before this one.
    fn catch_up(self: Arc<Self>, number: u64);
}

impl Common {
    /// Has another file begun and the old ones removed, by a thread that may wait for structures, unless that is on its way.
    #[cold]
    pub(super) fn have_tidied(self: &Arc<Self>) {
        // AcqRel: pairs with the store in the errand, after which another one may begin.
        if self.tidying.swap(true, Ordering::AcqRel) {
            return;
        }
        let common = Arc::downgrade(self);
        let refused = process::tidiers().start(Box::new(move || {
            if let Some(common) = common.upgrade() {
                // What this does not remove, the next one does.
                let _later = common.tidy_up();
                common.tidying.store(false, Ordering::Release);
            }
        }));
        if refused.is_err() {
            // Without a thread structures are published by who changes them.
            let _later = self.begin_next().and_then(|_| self.remove_old());
            self.tidying.store(false, Ordering::Release);
        }
    }

    fn tidy_up(&self) -> Result<()> {
        let number = self.begin_next()?;
        let members: Vec<_> = lock(&self.members).iter().filter_map(|member| member.upgrade()).collect();
        members.into_iter().for_each(|member| member.catch_up(number));
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
                Some(block) if block.home == Some(self.home(member(&path, block.identity), true)) => block.journal,
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
        if is_used && self.needed_by_others().is_ok_and(|needed| needed.is_none()) {
            let _later = self.begin_next().and_then(|_| self.remove_old());
        }
    }
}
