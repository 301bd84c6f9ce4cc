//! Memory that a table takes piece by piece and gives back as a whole.
//!
//! While that is little, small pieces are cut from chunks, and others are allocations of their own; large ones always are. From [`SLAB`] bytes
//! on, pieces are cut from slabs of that size, for which the system is asked for large pages: who fills a table touches each page for the first time, and that
//! costs as much as computing a hundred cheap calls, however large the page is.
//!
//! A few of the largest chunks are kept for the next table of the process: where tables are made and dropped again and again, the allocator would give
//! them to the system, and take them anew, each time.

use std::{
    alloc::{Layout, alloc, dealloc, handle_alloc_error},
    ops::Range,
    ptr::null_mut,
    sync::Mutex,
};

use crate::{cache::memory::huge_pages, first, sync::lock_std};

/// The size of a slab, and what it is aligned to.
const SLAB: usize = huge_pages::SIZE;
/// A chunk is about one part in so many of what has been taken before, but at least so large, and at most eight times that: so that it has room for a
/// whole number of such pieces as the first of it.
const CHUNK_PART: usize = 8;
const CHUNK: usize = 2048;
/// The largest chunks all have this layout, whatever the pieces.
const LARGEST: Layout = match Layout::from_size_align(8 * CHUNK + MOST_ALIGNED, align_of::<usize>()) {
    Ok(layout) => layout,
    Err(_) => unreachable!(),
};
/// What pieces of the largest chunks are aligned to, at most.
const MOST_ALIGNED: usize = 128;
/// So many of them are kept at most, which is a megabyte.
const KEPT: usize = 64;

static UNUSED: Unused = Unused(Mutex::new(Vec::new()));

/// Chunks of the largest size that no table has.
struct Unused(Mutex<Vec<*mut u8>>);

// SAFETY: as below.
unsafe impl Sync for Unused {}

impl Unused {
    /// One of them, which is as uninitialised as new memory.
    fn take(&self) -> Option<*mut u8> {
        lock_std(&self.0).pop()
    }

    /// Keeps those of the blocks that are of their size, as long as there are few. The others are left.
    fn give_back(&self, blocks: &mut Vec<(*mut u8, Layout)>) {
        let mut unused = lock_std(&self.0);
        blocks.retain(|(block, layout)| {
            let keeps = *layout == LARGEST && unused.len() < KEPT;
            if keeps {
                unused.push(*block);
            }
            !keeps
        });
    }
}

/// The memory that has been taken.
pub(super) struct Slabs {
    /// Bytes that have been taken.
    taken: usize,
    /// What is left of the last slab or chunk.
    left: Range<*mut u8>,
    blocks: Vec<(*mut u8, Layout)>,
}

// SAFETY: memory that nobody else gives back may be given back by any thread.
unsafe impl Send for Slabs {}

impl Default for Slabs {
    fn default() -> Self {
        Self { taken: 0, left: null_mut()..null_mut(), blocks: Vec::new() }
    }
}

impl Slabs {
    /// Memory of this layout, which is not empty; uninitialised, and there until the slabs are dropped.
    #[inline]
    pub(super) fn take(&mut self, layout: Layout) -> *mut u8 {
        let size = layout.pad_to_align().size();
        self.take_left(layout).unwrap_or_else(|| self.take_more(layout, size))
    }

    /// The same where nothing is left that would do.
    #[cold]
    #[inline(never)]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    fn take_more(&mut self, layout: Layout, size: usize) -> *mut u8 {
        let chunk = if self.taken < SLAB { (self.taken / CHUNK_PART).clamp(CHUNK, 8 * CHUNK) } else { SLAB };
        if size > chunk / 4 {
            return self.take_apart(layout);
        }
        self.cut(layout, chunk)
    }

    /// Memory of a slab, or of its own if that would fill much of one.
    pub(super) fn take_of_slab(&mut self, layout: Layout) -> *mut u8 {
        if layout.size() > SLAB / 4 { self.take_apart(layout) } else { self.cut(layout, SLAB) }
    }

    /// Which slab a piece is a part of that was [taken of one](Self::take_of_slab); none if it has memory of its own.
    pub(super) fn slab_of(piece: *mut u8, layout: Layout) -> Option<usize> {
        (layout.size() <= SLAB / 4).then(|| piece.addr() / SLAB)
    }

    /// Memory of its own.
    pub(super) fn take_apart(&mut self, layout: Layout) -> *mut u8 {
        self.taken += layout.pad_to_align().size();
        self.allocate(layout)
    }

    /// So many bytes are about to be taken in small pieces: if they fill much of a chunk of the largest size, that is the first.
    pub(super) fn expect(&mut self, bytes: usize) {
        if bytes >= 4 * CHUNK && self.blocks.is_empty() {
            self.begin_largest();
        }
    }

    /// How many bytes have been taken.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// Cuts a piece from what is left, or from a new slab or chunk of so many bytes.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    fn cut(&mut self, layout: Layout, chunk: usize) -> *mut u8 {
        self.take_left(layout).unwrap_or_else(|| {
            if chunk == SLAB {
                self.begin_slab();
            } else if chunk == 8 * CHUNK && layout.align() <= MOST_ALIGNED {
                self.begin_largest();
            } else {
                // Allocators take their time over what is to be aligned, and small pieces are aligned where they are cut.
                let size = layout.pad_to_align().size();
                let bytes = chunk / size * size + layout.align();
                self.begin(Layout::from_size_align(bytes, align_of::<usize>()).expect("a power of two"));
            }
            self.take_left(layout).expect("one at least")
        })
    }

    /// Memory of what is left of the last slab or chunk, if that is enough.
    #[inline]
    pub(super) fn take_left(&mut self, layout: Layout) -> Option<*mut u8> {
        let size = layout.pad_to_align().size();
        let start = self.left.start.wrapping_add(self.left.start.align_offset(layout.align()));
        let fits = start.addr() + size <= self.left.end.addr();
        fits.then(|| {
            self.left.start = start.wrapping_add(size);
            self.taken += size;
            start
        })
    }

    /// Goes on in a new slab.
    #[cold]
    #[inline(never)]
    fn begin_slab(&mut self) {
        self.begin(Layout::from_size_align(SLAB, SLAB).expect("a power of two"));
        huge_pages::ask_for(self.left.start.addr(), self.left.end.addr());
    }

    /// Goes on in a chunk of the largest size, which another table may have had.
    #[cold]
    #[inline(never)]
    fn begin_largest(&mut self) {
        match UNUSED.take() {
            Some(block) => {
                first::push(&mut self.blocks, (block, LARGEST));
                self.left = block..block.wrapping_add(LARGEST.size());
            }
            None => self.begin(LARGEST),
        }
    }

    /// Goes on in new memory.
    fn begin(&mut self, layout: Layout) {
        let block = self.allocate(layout);
        self.left = block..block.wrapping_add(layout.size());
    }

    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    fn allocate(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the layout is not empty.
        let block = unsafe { alloc(layout) };
        if block.is_null() {
            handle_alloc_error(layout);
        }
        first::push(&mut self.blocks, (block, layout));
        block
    }
}

impl Drop for Slabs {
    fn drop(&mut self) {
        // Small tables have none of them, or begin with one.
        if self.taken >= CHUNK_PART * 8 * CHUNK || self.blocks.first().is_some_and(|(_, layout)| *layout == LARGEST) {
            UNUSED.give_back(&mut self.blocks);
        }
        for (block, layout) in self.blocks.drain(..) {
            // SAFETY: allocated in `allocate` with this layout.
            unsafe { dealloc(block, layout) };
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_are_expected_are_those_of_one_chunk() {
        let (mut slabs, layout) = (Slabs::default(), Layout::from_size_align(192, 64).expect("a layout"));
        slabs.expect(8 * CHUNK - 192);
        (0..8 * CHUNK / 192).for_each(|_| _ = slabs.take(layout));
        assert_eq!(slabs.blocks.len(), 1);
    }

    #[test]
    fn pieces_are_aligned_and_apart() {
        let mut slabs = Slabs::default();
        let layouts = [(12_352, 64), (100, 8), (SLAB / 4, 64), (4_096, 4_096), (7, 1)]
            .map(|(size, align)| Layout::from_size_align(size, align).expect("a layout"));
        let pieces: Vec<_> = (0..250).map(|n| (slabs.take(layouts[n % 5]), layouts[n % 5], n as u8)).collect();
        for (piece, layout, fill) in &pieces {
            assert_eq!(piece.addr() % layout.align(), 0);
            // SAFETY: taken with this layout.
            unsafe { piece.write_bytes(*fill, layout.size()) };
        }
        for (piece, layout, fill) in &pieces {
            // SAFETY: as above, and filled just now.
            let bytes = unsafe { std::slice::from_raw_parts(*piece, layout.size()) };
            assert!(bytes.iter().all(|byte| byte == fill), "two pieces overlap");
        }
    }

    #[test]
    fn a_few_of_the_largest_chunks_are_kept_and_no_other_memory() {
        let unused = Unused(Mutex::new(Vec::new()));
        let mut slabs = Slabs::default();
        let piece = Layout::from_size_align(384, 64).expect("a layout");
        for _ in 0..SLAB / 384 {
            slabs.take(piece);
        }
        let large = |slabs: &Slabs| slabs.blocks.iter().filter(|(_, layout)| *layout == LARGEST).count();
        let apart = slabs.take_apart(piece);
        let (blocks, before) = (slabs.blocks.len(), large(&slabs));
        assert!(before > KEPT && blocks > before + 1, "{before} of {blocks}");
        unused.give_back(&mut slabs.blocks);
        assert_eq!((slabs.blocks.len(), large(&slabs)), (blocks - KEPT, before - KEPT));
        let mut taken: Vec<_> = std::iter::from_fn(|| unused.take()).collect();
        assert_eq!(taken.len(), KEPT);
        assert!(!taken.contains(&apart));
        slabs.blocks.extend(taken.drain(..).map(|block| (block, LARGEST)));
    }

    fn taken(slabs: &Slabs) -> usize {
        slabs.blocks.iter().map(|(_, layout)| layout.size()).sum()
    }

    #[test]
    fn little_is_taken_ahead() {
        let mut slabs = Slabs::default();
        let page = Layout::from_size_align(12_352, 64).expect("a layout");
        for pages in 1..2_000 {
            slabs.take(page);
            let (asked, taken) = (pages * page.size(), taken(&slabs));
            assert!(taken <= asked + asked / 64 + if asked > SLAB { SLAB } else { 0 }, "{taken} bytes for {asked}");
        }
        let mut slabs = Slabs::default();
        let small = Layout::from_size_align(384, 64).expect("a layout");
        for pieces in 1..SLAB / 384 {
            slabs.take(small);
            let (asked, taken) = (pieces * small.size(), taken(&slabs));
            // What is left of a chunk may be too little.
            assert!(taken <= asked + asked / 4 + CHUNK, "{taken} bytes for {asked}");
        }
    }
}
