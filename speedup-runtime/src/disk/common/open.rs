//! Opening the journal of a folder, once in a process for all who use it.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Common, Parts, Record, Writing};
use crate::disk::error::At;
use crate::disk::fingerprint::member;
use crate::disk::folder::{self, Lock};
use crate::disk::journal::{Journal, Replay, file_name, identity_of};
use crate::disk::pager::recover;
use crate::disk::{Error, Result, process};
use crate::sync::global::{Arc, AtomicBool, AtomicU64, Mutex, lock};

/// How the journal of a folder is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    /// If the folder has one.
    IfThere,
    /// It is made where there is none.
    Make,
    /// What is damaged of it is cut off.
    Repair,
}

/// How long the last one of this process is waited for that is being closed.
const CLOSING: Duration = Duration::from_secs(10);

fn location_of(folder: &Path) -> &Path {
    folder.parent().unwrap_or(folder)
}

/// Takes the lock. No other one of this process is open, but one may be about to give it up.
fn take(place: &Path) -> Result<Lock> {
    let start = Instant::now();
    loop {
        match Lock::take(place) {
            Err(Error::InUse { holder, .. }) if holder == folder::HERE && start.elapsed() < CLOSING => {}
            taken => return taken,
        }
    }
}

impl Common {
    /// The journal of the structures in `location`, shared with all others in this process who use it; `None` if there is none.
    pub(crate) fn join(location: &Path, join: Join) -> Result<Option<Arc<Self>>> {
        let place = Self::folder_in(location);
        if join != Join::Make && !place.is_dir() {
            return Ok(None);
        }
        folder::make(&place)?;
        let place = fs::canonicalize(&place).at(&place)?;
        let mut all = lock(process::commons());
        all.retain(|common| common.strong_count() > 0);
        let open = all.iter().filter_map(|common| common.upgrade()?.downcast::<Common>().ok());
        if let Some(there) = open.into_iter().find(|there| there.folder == place && there.lock.check(&place).is_ok()) {
            return Ok(Some(there));
        }
        let lock = take(&place)?;
        let common = Arc::new(Self::open(&place, lock, join == Join::Repair)?);
        let known: Arc<dyn std::any::Any + Send + Sync> = common.clone();
        all.push(Arc::downgrade(&known));
        Ok(Some(common))
    }

    fn open(folder: &Path, lock: Lock, lenient: bool) -> Result<Self> {
        let numbers = folder::numbers(folder, "journal")?;
        let Some(&last) = numbers.last() else {
            let identity = RandomState::new().hash_one(std::process::id());
            let journal = Journal::create_whole(folder, identity, 0)?;
            folder::sync_name(folder)?;
            return Ok(Self::over(folder, lock, journal, (identity, 0, 1), false));
        };
        let wrong = || Error::damaged(&folder.join(file_name(last)), "the header of the journal is wrong");
        let identity = match identity_of(folder, last)? {
            Some(identity) => identity,
            None if lenient => return Self::begin_anew(folder, lock, &numbers),
            None => return Err(wrong()),
        };
        // What lies before a gap was to be removed.
        let run = numbers.windows(2).rev().take_while(|pair| pair[0] + 1 == pair[1]).count();
        let first = numbers[numbers.len() - 1 - run];
        let replay = Replay::open_several(folder, identity, (first, last), 0);
        let mut replay = match replay {
            Err(Error::Damaged { .. }) if lenient => return Self::begin_anew(folder, lock, &numbers),
            replay => {
                if lenient {
                    replay?.forgive()
                } else {
                    replay?
                }
            }
        };
        // A repair reads for itself.
        let is_handed = !lenient && (first < last || !replay.is_empty());
        let record = match Record::read(folder, identity) {
            // Each structure says enough itself, but for where the journal begins that it needs.
            Err(Error::Damaged { .. }) if lenient => Record::remove(folder).map(|()| Record::default())?,
            record => record?,
        };
        let location = location_of(folder);
        let mut parts = if is_handed { Parts::wanted(location, identity, &record)? } else { Parts::default() };
        while let Some(frame) = replay.next_frame()? {
            let (number, _) = replay.place().unwrap_or((last, None));
            if !parts.gather(number, &frame)? {
                replay.reject(&frame)?;
                break;
            }
        }
        parts.end();
        let (number, frame) = replay.place().unwrap_or((last, None));
        if replay.cut {
            for &number in numbers.iter().rev().take_while(|&&other| other > number) {
                let path = folder.join(file_name(number));
                fs::remove_file(&path).at(&path)?;
            }
        }
        let mut journal = Journal::resume(identity, number, &replay)?;
        if replay.cut {
            journal.promise()?;
        }
        if replay.cut || !replay.is_empty() {
            // What it holds may be published in parts from here on, so all of it must survive.
            replay.sync()?;
        }
        let next = frame.map_or(1, |frame| frame.wrapping_add(1));
        let common = Self::over(folder, lock, journal, (identity, number, next), replay.cut);
        (*self::lock(&common.parts), *self::lock(&common.record)) = (parts, record);
        Ok(common)
    }

    /// Another journal in the place of one of which nothing can be read.
    fn begin_anew(folder: &Path, lock: Lock, numbers: &[u64]) -> Result<Self> {
        let number = numbers.last().map_or(0, |last| last + 1);
        // The structures know it by this, and what they need of it is gone.
        let known = numbers.iter().find_map(|&number| identity_of(folder, number).ok().flatten());
        let identity = known.unwrap_or_else(|| RandomState::new().hash_one(std::process::id()));
        let journal = Journal::create_whole(folder, identity, number)?;
        for &number in numbers {
            let path = folder.join(file_name(number));
            fs::remove_file(&path).at(&path)?;
        }
        Ok(Self::over(folder, lock, journal, (identity, number, 1), true))
    }

    fn over(
        folder: &Path,
        lock: Lock,
        journal: Journal,
        (identity, number, frame): (u64, u64, u64),
        cut: bool,
    ) -> Self {
        Common {
            location: location_of(folder).to_path_buf(),
            folder: folder.to_path_buf(),
            identity,
            number: AtomicU64::new(number),
            len: AtomicU64::new(journal.len()),
            writing: Mutex::new(Writing { journal, frame, turn: None, failed: None }),
            members: Mutex::default(),
            needs: Mutex::default(),
            parts: Mutex::default(),
            record: Mutex::default(),
            tidying: AtomicBool::new(false),
            cut,
            lock,
        }
    }

    /// What it holds of the structure `of`, which is being opened and needs it from the file `from` on; it is read only where what a crash left was not read before.
    pub(crate) fn replay(&self, from: u64, of: u64) -> Result<Replay> {
        let mut parts = lock(&self.parts);
        if parts.begin_again(of)
            && let Err(error) = self.gather_from(from, &mut parts)
        {
            *parts = Parts::default();
            return Err(error);
        }
        let gathered = parts.take(of);
        drop(parts);
        match gathered {
            Some(gathered) => Replay::of_gathered(&self.folder, self.identity, self.number(), of, gathered),
            None => self.read(from, of),
        }
    }

    /// Reads it from the file `from` on, for structures that are not open.
    pub(super) fn gather_from(&self, from: u64, parts: &mut Parts) -> Result<()> {
        let mut replay = Replay::open_several(&self.folder, self.identity, (from, self.number()), 0)?;
        while let Some(frame) = replay.next_frame()? {
            let (number, _) = replay.place().unwrap_or((from, None));
            if !parts.gather(number, &frame)? {
                replay.give_up()?;
            }
        }
        parts.end();
        Ok(())
    }

    /// The same, as the files say it.
    pub(crate) fn read(&self, from: u64, of: u64) -> Result<Replay> {
        lock(&self.parts).take(of);
        self.write()?;
        Replay::open_several(&self.folder, self.identity, (from, self.number()), of)
    }

    /// Whether it holds operations of the structure in `folder`, whose superblock is lost: then that is no structure in the making.
    pub(crate) fn has_noted(&self, folder: &Path) -> Result<bool> {
        let mut has = false;
        for generation in folder::numbers(folder, "spare")? {
            let Some(block) = recover(&folder::spare(folder, generation)).and_then(|spare| spare.block) else {
                continue;
            };
            let mut replay = self.read(self.first()?, member(folder, block.identity))?.forgive();
            while let (false, Some(frame)) = (has, replay.next_frame()?) {
                frame.for_each(|_, _| {
                    has = true;
                    Ok(())
                })?;
            }
        }
        Ok(has)
    }

    /// The first file that there is.
    pub(crate) fn first(&self) -> Result<u64> {
        Ok(folder::numbers(&self.folder, "journal")?.first().copied().unwrap_or_else(|| self.number()))
    }

    /// Whether it is open in this process.
    pub(crate) fn is_open_in(location: &Path) -> bool {
        let Ok(place) = fs::canonicalize(Self::folder_in(location)) else { return false };
        let all = lock(process::commons());
        all.iter().any(|common| {
            common
                .upgrade()
                .and_then(|common| common.downcast::<Common>().ok())
                .is_some_and(|there| there.folder == place)
        })
    }
}
