//! What a journal says of its own length: how much of it is durable, and the room behind it.

use std::fs::File;

use super::{HEADER, Journal, header};
use crate::disk::Result;
use crate::disk::error::At;
use crate::disk::page_file::write_at;
use crate::sync::global::Arc;

/// How much room is made behind what is flushed again and again: as much as there is, but no less and no more than this.
const ROOM: [u64; 2] = [64 << 10, 1 << 20];

impl Journal {
    /// Says in the header that everything noted is durable: for a journal that does not count before it is.
    pub(crate) fn promise(&mut self) -> Result<()> {
        self.write()?;
        self.say(self.len)
    }

    /// Says in the header how much is durable.
    pub(super) fn tell_durable(&mut self) -> Result<()> {
        self.say(self.durable)
    }

    fn say(&self, durable: u64) -> Result<()> {
        write_at(&self.file, &header(self.identity, self.number, durable), 0).at(&self.path)
    }

    /// What a flush beside changes has to sync, after this wrote what waits: the file, and how long it is; `None` if all is durable.
    pub(crate) fn begin_flush(&mut self) -> Result<Option<(Arc<File>, u64)>> {
        self.write()?;
        if self.durable == self.len {
            return Ok(None);
        }
        self.make_room();
        Ok(Some((self.open_file(), self.len)))
    }

    /// So much of the file was synced.
    pub(crate) fn end_flush(&mut self, len: u64) -> Result<()> {
        if self.durable >= len {
            return Ok(());
        }
        self.durable = len;
        self.tell_durable()
    }

    /// Lets the file be longer than what is in it, if it was flushed before and has grown since.
    pub(super) fn make_room(&mut self) {
        if self.durable <= HEADER as u64 || self.len <= self.room {
            return;
        }
        let room = self.len.clamp(ROOM[0], ROOM[1]);
        let zeros = vec![0; room as usize];
        let made = write_at(&self.file, &zeros, self.len);
        // Where there is none, the file grows with what is written.
        self.room = self.len + if made.is_ok() { room } else { 0 };
    }
}
