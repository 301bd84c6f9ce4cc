//! What a crash left in the journal of a folder: read once, and handed to each structure as it is opened.
//!
//! Of every structure that was not closed, the operations that it has not published wait in memory. What does not fit is left out, the largest part
//! first; when such a structure is opened the journal is read again, for it and for as many others as fit then.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::record::Record;
use crate::disk::Result;
use crate::disk::error::At;
use crate::disk::fingerprint::member;
use crate::disk::journal::{Frame, Gathered};
use crate::disk::superblock::{Home, Superblock};

/// How many bytes of operations wait at most.
const ROOM: usize = if cfg!(speedup_tight) { 1 << 14 } else { 32 << 20 };

/// The operations of all structures that are not opened yet.
pub(super) struct Parts {
    of: HashMap<u64, Part>,
    /// How many bytes wait, or are being gathered.
    size: usize,
    room: usize,
    /// Whether all of the journal was read, so that it is known how much there is of each structure.
    known: bool,
    /// How many files of the journal were begun since.
    begun: u32,
}

/// The operations of one structure.
struct Part {
    /// It has published what is in earlier files, and what is numbered up to this.
    from: u64,
    applied: u64,
    gathered: Gathered,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// They are taken as the journal is read.
    Gathering,
    /// All of them are there.
    Waiting,
    /// They did not fit, and are only counted.
    LeftOut,
}

impl Default for Parts {
    fn default() -> Self {
        Parts { of: HashMap::new(), size: 0, room: ROOM, known: false, begun: 0 }
    }
}

impl Parts {
    /// Those of the structures in `location` that need the journal `identity`, as their superblocks say. Now it is to be read.
    pub(super) fn wanted(location: &Path, identity: u64, record: &Record) -> Result<Self> {
        let mut parts = Parts::default();
        for entry in fs::read_dir(location).at(location)? {
            let path = entry.at(location)?.path();
            // Of a damaged one nothing is known; whoever opens it is told.
            let Ok(Some(block)) = Superblock::read(&path) else { continue };
            let of = member(&path, block.identity);
            if block.home == Some(Home::of(identity, of, true)) {
                let Superblock { journal: from, applied, .. } = record.now(identity, &path, block);
                parts.of.insert(of, Part { from, applied, gathered: Gathered::default(), state: State::Gathering });
            }
        }
        Ok(parts)
    }

    /// Takes what is in a frame of the file `number`; false if that is no operations.
    pub(super) fn gather(&mut self, number: u64, frame: &Frame) -> Result<bool> {
        frame.for_each_of_all(|of, seq, raw| {
            let wanted = self.of.get_mut(&of).filter(|part| number >= part.from && seq > part.applied);
            let Some(part) = wanted else { return };
            match part.state {
                State::Gathering => {
                    self.size += part.gathered.add(of, seq, raw, true);
                    self.leave_out();
                }
                State::LeftOut if !self.known => {
                    part.gathered.add(of, seq, raw, false);
                }
                State::LeftOut | State::Waiting => {}
            }
        })
    }

    /// Leaves out the largest parts, until the others fit.
    fn leave_out(&mut self) {
        while self.size > self.room {
            let gathering = self.of.values_mut().filter(|part| part.state == State::Gathering);
            let Some(largest) = gathering.max_by_key(|part| part.gathered.size()) else { return };
            largest.state = State::LeftOut;
            self.size -= largest.gathered.size();
            largest.gathered.give_back();
        }
    }

    /// The journal was read to its end.
    pub(super) fn end(&mut self) {
        self.known = true;
        let gathering = self.of.values_mut().filter(|part| part.state == State::Gathering);
        gathering.for_each(|part| part.state = State::Waiting);
    }

    /// Whether the journal is to be read again for this structure, from where it needs it, and for as many others as fit.
    pub(super) fn begin_again(&mut self, of: u64) -> bool {
        let Some(asked) = self.of.get_mut(&of).filter(|part| part.state == State::LeftOut) else { return false };
        let mut free = self.room - self.size;
        if asked.gathered.size() > free {
            return false;
        }
        let from = asked.from;
        let mut choose = |part: &mut Part| {
            let size = part.gathered.size();
            if part.state == State::LeftOut && part.from >= from && size <= free {
                free -= size;
                (part.state, part.gathered) = (State::Gathering, Gathered::default());
            }
        };
        choose(asked);
        self.of.values_mut().for_each(choose);
        true
    }

    /// Another file of the journal was begun. What nobody has asked for by the second waits no longer.
    pub(super) fn begin_file(&mut self) {
        self.begun += 1;
        if self.begun > 1 {
            (self.of, self.size) = (HashMap::new(), 0);
        }
    }

    /// The operations of a structure that is being opened, if they are there. From here on nothing is known of it: what it does now is in the journal alone.
    pub(super) fn take(&mut self, of: u64) -> Option<Gathered> {
        let part = self.of.remove(&of)?;
        if part.state == State::LeftOut {
            return None;
        }
        self.size -= part.gathered.size();
        (part.state == State::Waiting).then_some(part.gathered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::common::{Common, Join, tests::played};
    use crate::disk::journal::{Op, bytes_read};
    use crate::disk::testing::copy_all;
    use crate::sync::global::{Arc, lock};

    type Noted = Vec<(u64, Vec<u8>)>;

    const MEMBERS: u64 = 20;

    /// A journal in two files with operations of many structures, the last of which has more than all others, as a kill leaves it, and what was noted.
    fn killed() -> (tempfile::TempDir, Vec<Noted>) {
        let place = tempfile::tempdir().unwrap();
        let common = Common::join(place.path(), Join::Make).unwrap().unwrap();
        let mut noted = vec![Noted::new(); MEMBERS as usize];
        for n in 0..4000_u64 {
            let of = if n % 3 == 0 { n / 3 % MEMBERS } else { MEMBERS - 1 };
            let (seq, val) = (noted[of as usize].len() as u64 + 1, vec![n as u8; (n % 200) as usize]);
            common.note(of, seq, Op::Push { val: &val }).unwrap();
            noted[of as usize].push((seq, val));
            if n == 2500 {
                common.begin_next().unwrap();
            }
        }
        common.write().unwrap();
        let killed = tempfile::tempdir().unwrap();
        copy_all(place.path(), killed.path());
        (killed, noted)
    }

    fn reading(place: &Path, room: usize) -> (Arc<Common>, u64) {
        let before = bytes_read();
        let common = Common::join(place, Join::IfThere).unwrap().unwrap();
        let once = bytes_read() - before;
        // No superblock says who needs what here.
        let of = (0..MEMBERS)
            .map(|of| (of, Part { from: 0, applied: 0, gathered: Gathered::default(), state: State::Gathering }));
        let mut parts = Parts { of: of.collect(), size: 0, room, known: false, begun: 0 };
        common.gather_from(0, &mut parts).unwrap();
        *lock(&common.parts) = parts;
        (common, once)
    }

    #[test]
    fn the_journal_is_read_once_for_all_structures_and_again_for_what_did_not_fit() {
        let (killed, noted) = killed();
        let total: usize = noted.iter().flatten().map(|(_, val)| val.len()).sum();
        // All fits; all but the largest; some of the others; nothing.
        for (room, most) in [(2 * total, 0..1), (total / 2, 1..2), (total / 6, 2..MEMBERS), (100, MEMBERS..MEMBERS + 1)]
        {
            // Who leaves a journal that nobody needs removes it.
            let place = tempfile::tempdir().unwrap();
            copy_all(killed.path(), place.path());
            let (common, once) = reading(place.path(), room);
            let (size, before) = (lock(&common.parts).size, bytes_read());
            assert!(size <= room);
            let left = lock(&common.parts).of.values().filter(|part| part.state == State::LeftOut).count() as u64;
            assert!(most.contains(&left), "{left} structures did not fit into {room}");
            for of in (0..MEMBERS).rev() {
                assert!(played(&common, of) == noted[of as usize], "structure {of} in {room}");
                assert!(lock(&common.parts).size <= room);
            }
            let again = bytes_read() - before;
            assert!(again <= left * once, "{again} bytes in {room}, {once} at a time");
            assert_eq!(lock(&common.parts).size, 0);
            assert!(played(&common, 3) == noted[3], "it is read where it was taken already");
        }
    }
}
