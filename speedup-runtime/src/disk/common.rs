//! The journal of a folder: what all its structures note, in one file, behind one lock.
//!
//! It lies in `<folder>/.journal`: the lock, and files `journal.N` as `journal.rs` describes them, each going on where the one before ends. A structure
//! says in its superblock from which of them on they may hold operations that are in no page of it (`open`), so what is needed of the journal is
//! known without it. When a file is long another one is begun (`tidy.rs`), all structures that need older ones are published in one step
//! (`together.rs`, `record.rs`), and then these are removed.

mod open;
mod parts;
mod record;
mod tidy;
mod together;
#[cfg(test)]
mod together_tests;

use std::path::{Path, PathBuf};

use super::folder::Lock;
use super::journal::{Journal, Op};
use super::superblock::{Home, Superblock};
use super::{Error, Result};
use crate::sync::global::{Arc, AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, Weak, lock};

pub(crate) use self::open::Join;
use self::parts::Parts;
pub(crate) use self::record::Entry;
use self::record::Record;
pub(crate) use self::tidy::Member;
pub(crate) use self::together::Passenger;

/// The folder, in that of the structures, in which the journal lies.
const FOLDER: &str = ".journal";
/// How long a file of the journal gets before another one is begun.
const LONG: u64 = if cfg!(speedup_tight) { 96 << 10 } else { 32 << 20 };
/// From this length on an operation is a frame of its own.
const LARGE: usize = 64 << 10;

/// The journal of a folder, open in this process.
pub(crate) struct Common {
    /// The folder of the structures.
    location: PathBuf,
    /// That of the journal.
    folder: PathBuf,
    identity: u64,
    writing: Mutex<Writing>,
    /// The number and the length of the file that is being written. Relaxed everywhere: hints, but where `writing` is held.
    number: AtomicU64,
    len: AtomicU64,
    /// Structures that are open, to be published when old files are in the way.
    members: Mutex<Vec<Weak<dyn Member>>>,
    /// From which file on those that are open need the journal. Held while that is being said in a superblock, so that no file goes meanwhile.
    needs: Mutex<Vec<(u64, u64)>>,
    /// What a crash left of structures that are not open yet. Nothing of a structure that may have noted something since.
    parts: Mutex<Parts>,
    /// What was published of structures together. Locked after `needs`, where both are.
    record: Mutex<Record>,
    /// Whether somebody tidies up.
    tidying: AtomicBool,
    /// Whether a repair cut it off.
    cut: bool,
    /// Declared last: given up when everything else is closed.
    lock: Lock,
}

/// What is being written.
struct Writing {
    journal: Journal,
    /// The number of the frame that is being gathered.
    frame: u64,
    /// Whose operation, with which number, may follow in this frame without being named.
    turn: Option<(u64, u64)>,
    /// A sync failed: nobody knows what is on the disk.
    failed: Option<String>,
}

/// The operations of one structure, from the number on.
pub(crate) struct Noted<'a> {
    pub(crate) member: u64,
    pub(crate) first: u64,
    pub(crate) ops: Vec<Op<'a>>,
}

impl Writing {
    fn note_all<'a>(&mut self, noted: impl Iterator<Item = Op<'a>>, turn: (u64, u64)) -> Result<()> {
        let is_named = self.turn == Some(turn);
        let name = (!is_named).then_some(Op::Turn { identity: turn.0, seq: turn.1 });
        let mut count = 0;
        let noted = noted.inspect(|_| count += 1);
        self.turn = None;
        self.journal.note_all(self.frame, name.into_iter().chain(noted))?;
        self.turn = Some((turn.0, turn.1 + count));
        self.settle();
        Ok(())
    }

    fn note_large(&mut self, op: Op<'_>, (member, seq): (u64, u64)) -> Result<()> {
        self.write()?;
        self.journal.note_large(self.frame, Some(Op::Turn { identity: member, seq }), op)?;
        self.frame += 1;
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        if self.journal.is_waiting() {
            self.journal.write()?;
            self.settle();
        }
        Ok(())
    }

    /// Begins another frame, if the one that was gathered is written.
    fn settle(&mut self) {
        if !self.journal.is_waiting() {
            self.frame += 1;
            self.turn = None;
        }
    }
}

impl Common {
    /// What the structure `member` says of it in its superblock.
    pub(crate) fn home(&self, member: u64, open: bool) -> Home {
        Home::of(self.identity, member, open)
    }

    /// Whether a repair cut it off.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }

    /// The file that is being written.
    pub(crate) fn number(&self) -> u64 {
        self.number.load(Ordering::Relaxed)
    }

    fn writing(&self) -> Result<MutexGuard<'_, Writing>> {
        let writing = lock(&self.writing);
        match &writing.failed {
            None => Ok(writing),
            Some(cause) => Err(Error::Failed { cause: cause.clone() }),
        }
    }

    /// Notes operation number `seq` of the structure `member`.
    #[inline]
    pub(crate) fn note(self: &Arc<Self>, member: u64, seq: u64, op: Op<'_>) -> Result<()> {
        let mut writing = self.writing()?;
        if op.bulk().len() >= LARGE {
            writing.note_large(op, (member, seq))?;
        } else {
            writing.note_all(std::iter::once(op), (member, seq))?;
        }
        self.noted(writing);
        Ok(())
    }

    /// Notes operations of several structures in one frame, so that a crash leaves all of them or none.
    pub(crate) fn note_all<'a>(self: &Arc<Self>, parts: &[Noted<'a>]) -> Result<()> {
        let mut writing = self.writing()?;
        let ops = parts.iter().flat_map(|part| {
            let turn = Op::Turn { identity: part.member, seq: part.first };
            std::iter::once(turn).chain(part.ops.iter().copied())
        });
        writing.turn = None;
        let frame = writing.frame;
        writing.journal.note_all(frame, ops)?;
        writing.settle();
        self.noted(writing);
        Ok(())
    }

    /// The same for one structure.
    pub(crate) fn note_batch<'a>(
        self: &Arc<Self>,
        member: u64,
        first: u64,
        ops: impl Iterator<Item = Op<'a>>,
    ) -> Result<()> {
        let mut writing = self.writing()?;
        writing.note_all(ops, (member, first))?;
        self.noted(writing);
        Ok(())
    }

    fn noted(self: &Arc<Self>, writing: MutexGuard<'_, Writing>) {
        let len = writing.journal.len();
        self.len.store(len, Ordering::Relaxed);
        drop(writing);
        if len > LONG {
            self.have_tidied();
        }
    }

    /// Whether operations are in this process only.
    pub(crate) fn is_waiting(&self) -> bool {
        lock(&self.writing).journal.is_waiting()
    }

    /// Whether it is so long that a structure that needs the file `from` is to be published at once.
    pub(crate) fn is_long(&self, from: u64) -> bool {
        from < self.number() && self.len.load(Ordering::Relaxed) > LONG / 2
    }

    /// Hands what waits to the operating system.
    pub(crate) fn write(&self) -> Result<()> {
        self.writing()?.write()
    }

    /// Returns when everything noted survives a power cut; others go on noting meanwhile.
    pub(crate) fn flush(&self) -> Result<()> {
        let mut writing = self.writing()?;
        writing.write()?;
        let Some((file, len)) = writing.journal.begin_flush()? else { return Ok(()) };
        drop(writing);
        let synced = file.sync_data();
        let mut writing = self.writing()?;
        if let Err(error) = synced {
            let error = Error::io(writing.journal.path(), error);
            writing.failed = Some(error.to_string());
            return Err(error);
        }
        // Where another one was begun meanwhile, this one was synced before.
        if Arc::ptr_eq(&writing.journal.open_file(), &file) { writing.journal.end_flush(len) } else { Ok(()) }
    }

    /// Says in a superblock, by `say`, that the structure `member` needs the journal from the file on that is being written.
    pub(crate) fn need<R>(&self, member: u64, say: impl FnOnce(u64) -> Result<R>) -> Result<R> {
        let mut needs = lock(&self.needs);
        let number = self.number();
        // What it notes from here on is not in its part.
        lock(&self.parts).take(member);
        let said = say(number)?;
        needs.retain(|&(of, _)| of != member);
        needs.push((member, number));
        Ok(said)
    }

    /// A superblock says that the structure `member` needs the journal from the file `from` on, or no longer.
    pub(crate) fn needs(&self, member: u64, from: Option<u64>) {
        let mut needs = lock(&self.needs);
        needs.retain(|&(of, _)| of != member);
        needs.extend(from.map(|from| (member, from)));
        if from.is_none() {
            // Its superblock says all there is to say.
            lock(&self.record).entries.remove(&member);
        }
    }

    /// What counts of the structure in `folder`, in which the superblock `block` is.
    pub(crate) fn now(&self, folder: &Path, block: Superblock) -> Superblock {
        lock(&self.record).now(self.identity, folder, block)
    }

    pub(crate) fn enlist(&self, member: Weak<dyn Member>) {
        let mut members = lock(&self.members);
        members.retain(|member| member.strong_count() > 0);
        members.push(member);
    }

    /// The folder of the journal of the structures in `location`.
    pub(crate) fn folder_in(location: &Path) -> PathBuf {
        location.join(FOLDER)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::disk::testing::copy_all;

    fn open(place: &Path, join: Join) -> Result<Arc<Common>> {
        Common::join(place, join).map(|common| common.unwrap())
    }

    /// The operations of a structure, as they are played.
    pub(super) fn played(common: &Common, of: u64) -> Vec<(u64, Vec<u8>)> {
        let mut replay = common.replay(common.first().unwrap(), of).unwrap();
        let mut all = Vec::new();
        while let Some(frame) = replay.next_frame().unwrap() {
            let mut take = |seq, op: Op<'_>| {
                all.push((seq, op.bulk().to_vec()));
                Ok(())
            };
            assert!(frame.for_each(&mut take).unwrap());
        }
        all
    }

    #[test]
    fn each_structure_finds_its_own_operations_in_all_files() {
        let place = tempfile::tempdir().unwrap();
        let common = open(place.path(), Join::Make).unwrap();
        let mut model = [vec![], vec![]];
        for n in 0..300_usize {
            let member = usize::from(n % 3 == 0);
            let (seq, val) = (model[member].len() as u64, vec![n as u8; if n % 50 == 7 { 70_000 } else { n % 9 }]);
            common.note(member as u64, seq, Op::Push { val: &val }).unwrap();
            model[member].push((seq, val));
            match n % 100 {
                99 => assert_eq!(common.begin_next().unwrap(), common.number()),
                33 => common.flush().unwrap(),
                66 => common.write().unwrap(),
                _ => {}
            }
        }
        let both: Vec<Noted<'_>> = (0..2_u64)
            .map(|member| {
                let first = model[member as usize].len() as u64;
                model[member as usize].extend([(first, vec![1]), (first + 1, vec![2])]);
                Noted { member, first, ops: vec![Op::Push { val: &[1] }, Op::Push { val: &[2] }] }
            })
            .collect();
        common.note_all(&both).unwrap();
        common.note(1, model[1].len() as u64, Op::Push { val: b"last" }).unwrap();
        let seq = model[1].len() as u64;
        model[1].push((seq, b"last".to_vec()));
        assert_eq!((played(&common, 0), played(&common, 1)), (model[0].clone(), model[1].clone()));
        assert!(played(&common, 2).is_empty());
        // And so does who opens it after a kill.
        let killed = tempfile::tempdir().unwrap();
        copy_all(place.path(), killed.path());
        let common = open(killed.path(), Join::IfThere).unwrap();
        assert_eq!((played(&common, 0), played(&common, 1)), (model[0].clone(), model[1].clone()));
    }

    #[test]
    fn a_frame_that_is_missing_between_others_is_damage() {
        let place = tempfile::tempdir().unwrap();
        let common = open(place.path(), Join::Make).unwrap();
        for seq in 0..3 {
            common.note(7, seq, Op::Push { val: &[seq as u8; 40] }).unwrap();
            common.write().unwrap();
        }
        let killed = tempfile::tempdir().unwrap();
        copy_all(place.path(), killed.path());
        let file = killed.path().join(".journal/journal.0");
        let mut bytes = fs::read(&file).unwrap();
        let len = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let second = 64 + len(64);
        let third = second + len(second);
        bytes.drain(second..third);
        fs::write(&file, bytes).unwrap();
        let refused = open(killed.path(), Join::IfThere).err();
        assert!(matches!(refused, Some(Error::Damaged { .. })), "{refused:?}");
        let common = open(killed.path(), Join::Repair).unwrap();
        assert!(common.is_cut());
        assert_eq!(played(&common, 7), [(0, vec![0; 40])]);
        common.note(7, 1, Op::Push { val: b"later" }).unwrap();
        assert_eq!(played(&common, 7), [(0, vec![0; 40]), (1, b"later".to_vec())]);
    }
}
