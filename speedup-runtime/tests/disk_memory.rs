//! What memory values and keys take: bounds are bytes, and a huge value is there twice at most.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use speedup_runtime::disk::{DiskDict, DiskList};

/// Counts what is allocated.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let now = NOW.fetch_add(size, Relaxed) + size;
        PEAK.fetch_max(now - layout.size(), Relaxed);
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How much is allocated at the most while `work` runs, and how much more afterwards than before.
fn measured<R>(work: impl FnOnce() -> R) -> (R, usize, usize) {
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = work();
    (result, PEAK.load(Relaxed) - before, NOW.load(Relaxed).saturating_sub(before))
}

const HUGE: usize = 8 << 20;
/// The value twice, and what a vector that grows by doubling reserves without touching it.
const TWICE: usize = 2 * HUGE + 3 * HUGE / 4;

/// One test, because the counters are shared.
#[test]
fn memory_is_bounded_by_bytes() {
    huge_values_are_there_twice_at_most();
    large_keys_take_no_more_memory_than_small_ones();
    keys_are_read_without_values();
}

/// A type of our own, so that it is read back before it is stored.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Document {
    title: String,
    body: Vec<u8>,
}

fn huge_values_are_there_twice_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let mut dict = DiskDict::<u8, Vec<u8>>::builder("d").location(folder.path()).open().unwrap();
    let mut list = DiskList::<Document>::builder("l").location(folder.path()).open().unwrap();
    let ((), peak, kept) = measured(|| {
        dict.insert(1, vec![7; HUGE]).unwrap();
    });
    assert!(peak <= TWICE && kept < 1 << 20, "{peak} {kept}");
    let ((), peak, kept) = measured(|| {
        list.push(Document { title: "t".into(), body: vec![7; HUGE] }).unwrap();
    });
    assert!(peak <= TWICE && kept < 1 << 20, "{peak} {kept}");
    let (value, peak, _) = measured(|| dict.get(&1).unwrap().unwrap());
    assert!(value.len() == HUGE && value.iter().all(|&byte| byte == 7) && peak <= TWICE, "{peak}");
    drop(value);
    dict.close().unwrap();
    let dict = DiskDict::<u8, Vec<u8>>::builder("d").location(folder.path()).open().unwrap();
    assert!(dict.get(&1).unwrap().is_some_and(|value| value.len() == HUGE));
    assert_eq!(list.get(0).unwrap().unwrap().body.len(), HUGE);
}

fn large_keys_take_no_more_memory_than_small_ones() {
    let folder = tempfile::tempdir().unwrap();
    let ((), peak, _) = measured(|| {
        let mut dict = DiskDict::<String, u32>::builder("k").location(folder.path()).open().unwrap();
        for n in 0..4000_u32 {
            dict.insert(format!("{:08000}", n.wrapping_mul(2_654_435_761)), n).unwrap();
        }
        for n in 0..4000_u32 {
            let key = format!("{:08000}", n.wrapping_mul(2_654_435_761));
            assert_eq!(dict.get(&key).unwrap(), Some(n));
        }
        dict.close().unwrap();
    });
    assert!(peak < 60 << 20, "{peak}");
}

fn keys_are_read_without_values() {
    let folder = tempfile::tempdir().unwrap();
    let mut dict = DiskDict::<u32, Vec<u8>>::builder("v").location(folder.path()).open().unwrap();
    let mut list = DiskList::<String>::builder("v").location(folder.path().join("list")).open().unwrap();
    for n in 0..20 {
        dict.insert(n, vec![1; 1 << 20]).unwrap();
        list.push("x".repeat(1 << 20)).unwrap();
    }
    let (count, peak, _) = measured(|| dict.keys().map(Result::unwrap).count());
    assert!(count == 20 && peak < 1 << 20, "{peak}");
    let (found, peak, _) = measured(|| list.contains(&"y".repeat(3000)).unwrap());
    assert!(!found && peak < 1 << 20, "{peak}");
    assert!(list.contains(&"x".repeat(1 << 20)).unwrap());
}
