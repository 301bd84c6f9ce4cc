//! Playing a journal that several structures share, which may go on in further files.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Frame, Gathered, HEADER, Replay, file_name, header};
use crate::disk::error::At;
use crate::disk::{Error, Result};

/// How such a journal goes on.
pub(super) struct Several {
    folder: PathBuf,
    journal: u64,
    /// Whose operations are meant.
    of: u64,
    /// The file that is being read, and the last one.
    number: u64,
    end: u64,
    /// The number of the last frame.
    last: Option<u64>,
}

impl Several {
    pub(super) fn of(&self) -> u64 {
        self.of
    }
}

impl Replay {
    /// Reads the files `numbers` (the first and the last) of the journal `identity` in `folder`, for the structure `of`.
    pub(crate) fn open_several(folder: &Path, identity: u64, numbers: (u64, u64), of: u64) -> Result<Self> {
        let (number, end) = numbers;
        let mut replay = Self::open(folder, identity, number)?;
        replay.several = Some(Several { folder: folder.to_path_buf(), journal: identity, of, number, end, last: None });
        Ok(replay)
    }

    /// What was read before of the journal of which `number` is a file, for the structure `of`; the file is not read again.
    pub(crate) fn of_gathered(folder: &Path, identity: u64, number: u64, of: u64, gathered: Gathered) -> Result<Self> {
        let mut replay = Self::open_several(folder, identity, (number, number), of)?;
        (replay.at, replay.gathered) = (replay.len, gathered);
        Ok(replay)
    }

    pub(super) fn gathered_frame(&mut self) -> Option<Frame> {
        self.gathered.next_frame(self.several.as_ref()?.of)
    }

    /// The file that it has come to, and the number of the last frame.
    pub(crate) fn place(&self) -> Option<(u64, Option<u64>)> {
        self.several.as_ref().map(|several| (several.number, several.last))
    }

    /// A frame, if it comes after the one before.
    pub(super) fn in_turn(&mut self, frame: Frame) -> Result<Option<Frame>> {
        if let Some(several) = &mut self.several {
            if several.last.is_some_and(|last| last.wrapping_add(1) != frame.first) {
                self.at -= frame.bytes.len() as u64;
                return self.give_up().map(|()| None);
            }
            several.last = Some(frame.first);
        }
        Ok(Some(frame))
    }

    /// Refuses where operations of the structure are missing, unless that is forgiven.
    pub(crate) fn refuse_gap(&self) -> Result<()> {
        if self.lenient {
            return Ok(());
        }
        Err(Error::damaged(&self.path, "operations are missing before some that are there"))
    }

    /// Ends the journal before a frame that was read last and holds no operations; an error unless that is forgiven.
    pub(crate) fn reject(&mut self, frame: &Frame) -> Result<()> {
        self.at -= frame.bytes.len() as u64;
        if let Some(several) = &mut self.several {
            several.last = frame.first.checked_sub(1);
        }
        self.give_up()
    }

    /// Goes on with the next file; false if there is none.
    pub(super) fn next_file(&mut self) -> Result<bool> {
        let Some(several) = self.several.take_if(|several| several.number < several.end) else { return Ok(false) };
        let numbers = (several.number + 1, several.end);
        let next = Self::open_several(&several.folder, several.journal, numbers, several.of);
        match next {
            Ok(mut next) => {
                if let Some(after) = &mut next.several {
                    after.last = several.last;
                }
                (next.lenient, next.cut) = (self.lenient, self.cut);
                *self = next;
                Ok(true)
            }
            Err(Error::Damaged { .. }) if self.lenient => {
                self.several = Some(several);
                self.give_up().map(|()| false)
            }
            Err(error) => Err(error),
        }
    }
}

/// The identity of a journal, as the file `number` says; `None` if it says nothing sound.
pub(crate) fn identity_of(folder: &Path, number: u64) -> Result<Option<u64>> {
    let path = folder.join(file_name(number));
    let mut raw = Vec::new();
    File::open(&path).and_then(|file| file.take(HEADER as u64).read_to_end(&mut raw)).at(&path)?;
    let field = |at: usize| raw.get(at..at + 8).map_or(0, |raw| u64::from_le_bytes(raw.try_into().unwrap_or_default()));
    Ok((raw == header(field(8), number, field(24))).then(|| field(8)))
}
