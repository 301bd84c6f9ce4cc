//! Sorting in bounded memory: sorted runs in a temporary file, then one merge.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::DiskList;
use crate::disk::Result;
use crate::disk::body::Body;
use crate::disk::error::At;
use crate::disk::value::{Codec, Value};
use crate::sync::Arc;

/// How many encoded bytes are sorted in memory at a time.
const RUN: usize = 8 << 20;
/// How much of each run is read at a time, at most.
const READ: usize = 64 << 10;
/// How much all runs together may hold while they are merged.
const READ_ALL: usize = 8 << 20;

pub(super) fn sort<T: Value>(list: &mut DiskList<T>, mut compare: impl FnMut(&T, &T) -> Ordering) -> Result<()> {
    list.handle.change(|state| state.store().check_place())?;
    let path = list.path().join("sort.tmp");
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path).at(&path)?;
    let (_scratch, file) = (Scratch(path.clone()), Arc::new(file));
    let ends = write_runs(list, &file, &path, &mut compare)?;
    let buffer = (READ_ALL / ends.len().max(1)).clamp(512, READ);
    let mut from = 0;
    let mut runs = Vec::with_capacity(ends.len());
    for end in ends {
        let part = Part { file: Arc::clone(&file), at: from, to: end };
        let mut run = Run::<T>::over(part, &path, (buffer, list.codec));
        run.advance()?;
        runs.push(run);
        from = end;
    }
    runs.retain(|run| run.head.is_some());
    let mut heap = Heap { runs };
    heap.build(&mut compare);
    list.handle.change(|state| {
        state.replace(|_| {
            let Some(run) = heap.runs.first_mut() else { return Ok(None) };
            let item = std::mem::take(&mut run.raw);
            run.advance()?;
            heap.fix(&mut compare);
            Ok(Some(item))
        })
    })
}

/// Removes the temporary file, whatever happens.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // The next sort would truncate it.
        let _left = std::fs::remove_file(&self.0);
    }
}

/// Writes sorted runs one after the other and returns where each ends.
fn write_runs<T: Value>(
    list: &DiskList<T>,
    file: &File,
    path: &Path,
    compare: &mut impl FnMut(&T, &T) -> Ordering,
) -> Result<Vec<u64>> {
    let mut out = BufWriter::with_capacity(READ, file);
    let (mut ends, mut end) = (Vec::new(), 0);
    let (mut items, mut bytes): (Vec<(T, Vec<u8>)>, usize) = (Vec::new(), 0);
    let mut source = list.iter();
    loop {
        let next = source.next().transpose()?;
        let last = next.is_none();
        if let Some(item) = next {
            let mut raw = Vec::new();
            list.codec.encode(&item, &mut raw)?;
            bytes += raw.len() + size_of::<(T, Vec<u8>)>();
            items.push((item, raw));
        }
        if bytes >= RUN || (last && !items.is_empty()) {
            items.sort_by(|a, b| compare(&a.0, &b.0));
            for (_, raw) in items.drain(..) {
                out.write_all(&(raw.len() as u32).to_le_bytes()).at(path)?;
                out.write_all(&raw).at(path)?;
                end += 4 + raw.len() as u64;
            }
            ends.push(end);
            bytes = 0;
        }
        if last {
            out.flush().at(path)?;
            return Ok(ends);
        }
    }
}

/// A part of a file that many share: a list of any length needs only one open file.
struct Part {
    file: Arc<File>,
    at: u64,
    to: u64,
}

impl Read for Part {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = out.len().min(usize::try_from(self.to - self.at).unwrap_or(usize::MAX));
        (&*self.file).seek(SeekFrom::Start(self.at))?;
        let read = (&*self.file).read(&mut out[..len])?;
        self.at += read as u64;
        Ok(read)
    }
}

/// One sorted run; `head` is its next item and `raw` the bytes of it.
struct Run<T> {
    source: BufReader<Part>,
    path: PathBuf,
    head: Option<T>,
    raw: Vec<u8>,
    /// Where it started: equal items of earlier runs go first.
    order: u64,
    codec: Codec,
}

impl<T: Value> Run<T> {
    fn over(part: Part, path: &Path, (buffer, codec): (usize, Codec)) -> Self {
        let order = part.at;
        let source = BufReader::with_capacity(buffer, part);
        Run { source, path: path.to_path_buf(), head: None, raw: Vec::new(), order, codec }
    }

    fn advance(&mut self) -> Result<()> {
        self.head = None;
        if self.source.fill_buf().at(&self.path)?.is_empty() {
            return Ok(());
        }
        let mut len = [0; 4];
        self.source.read_exact(&mut len).at(&self.path)?;
        self.raw = vec![0; u32::from_le_bytes(len) as usize];
        self.source.read_exact(&mut self.raw).at(&self.path)?;
        self.head = Some(self.codec.decode(&self.raw)?);
        Ok(())
    }
}

/// Runs as a binary heap, the one with the smallest head in front.
struct Heap<T> {
    runs: Vec<Run<T>>,
}

impl<T: Value> Heap<T> {
    fn build(&mut self, compare: &mut impl FnMut(&T, &T) -> Ordering) {
        for index in (0..self.runs.len() / 2).rev() {
            self.sink(index, compare);
        }
    }

    /// Restores the order after the front has advanced.
    fn fix(&mut self, compare: &mut impl FnMut(&T, &T) -> Ordering) {
        if self.runs.first().is_some_and(|run| run.head.is_none()) {
            self.runs.swap_remove(0);
        }
        self.sink(0, compare);
    }

    fn less(&self, a: usize, b: usize, compare: &mut impl FnMut(&T, &T) -> Ordering) -> bool {
        match (&self.runs[a].head, &self.runs[b].head) {
            (Some(x), Some(y)) => compare(x, y).then(self.runs[a].order.cmp(&self.runs[b].order)).is_lt(),
            _ => false,
        }
    }

    fn sink(&mut self, mut index: usize, compare: &mut impl FnMut(&T, &T) -> Ordering) {
        loop {
            let mut least = index;
            for child in [2 * index + 1, 2 * index + 2] {
                if child < self.runs.len() && self.less(child, least, compare) {
                    least = child;
                }
            }
            if least == index {
                return;
            }
            self.runs.swap(index, least);
            index = least;
        }
    }
}
