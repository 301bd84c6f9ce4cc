//! What integer keys cost in memory, wherever they are: not much more than in a hash map.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    collections::HashMap,
    hash::Hash,
    panic::resume_unwind,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use speedup_runtime::{Cache, PolicyCache, cache::Key};

/// The system's allocator, and how many bytes are out.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Fewer in a debug build, but so many that a hash map is as full.
const KEYS: u64 = if cfg!(debug_assertions) { 125_000 } else { 1_000_000 };

/// A scrambled number.
fn scramble(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// Counts while no other test does, on a thread that has ended when the next one begins: what it retires is freed by then. What the engine knows of a
/// thread is no part of what is counted.
fn alone<T: Send>(count: impl FnOnce() -> T + Send) -> T {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let count = || {
        Cache::from_fn(|n: u64| n).get((1,));
        count()
    };
    thread::scope(|scope| scope.spawn(count).join()).unwrap_or_else(|payload| resume_unwind(payload))
}

/// The middle one of five counts, each of a new cache: hashes have another seed each time, and by some seeds a few shards of the table hold more than others,
/// and so have one piece of memory more.
fn middle<T: Ord + Send>(count: impl Fn() -> T + Sync) -> T {
    let mut counts = [0; 5].map(|_| alone(&count));
    counts.sort();
    let [_, _, middle, ..] = counts;
    middle
}

/// The bytes that a cache and a hash map take for the same keys.
fn costs<K: Key<Args = K> + Hash + Eq>(
    key: impl Fn(u64) -> K + Sync,
    cache: impl Fn() -> Cache<K, u64> + Sync,
) -> (usize, usize) {
    middle(|| {
        let before = LIVE.load(Ordering::Relaxed);
        let mut map = HashMap::new();
        for n in 0..KEYS {
            map.insert(key(n), n);
        }
        let in_map = LIVE.load(Ordering::Relaxed) - before;
        let cache = cache();
        let before = LIVE.load(Ordering::Relaxed);
        for n in 0..KEYS {
            cache.get(key(n));
        }
        let in_cache = LIVE.load(Ordering::Relaxed) - before;
        assert_eq!(cache.len(), map.len());
        (in_cache, in_map)
    })
}

/// No more than a fifth more, and what the first pages and their directories take however little they are used.
fn assert_frugal((in_cache, in_map): (usize, usize)) {
    let bound = in_map * 6 / 5 + (9 << 20);
    assert!(in_cache <= bound, "{in_cache} bytes, in a hash map {in_map}");
}

#[test]
fn random_numbers_of_64_bits() {
    let (in_cache, in_map) = costs(|n| (scramble(n),), || Cache::from_fn(|n: u64| n));
    assert!(in_cache <= in_map * 6 / 5, "{in_cache} bytes, in a hash map {in_map}");
}

#[test]
fn random_numbers_of_32_bits() {
    assert_frugal(costs(|n| (scramble(n) as u32,), || Cache::from_fn(|n: u32| u64::from(n))));
}

#[test]
fn random_numbers_of_28_bits() {
    assert_frugal(costs(|n| (scramble(n) >> 36,), || Cache::from_fn(|n: u64| n)));
}

#[test]
fn numbers_at_equal_distances() {
    assert_frugal(costs(|n| (n * 200,), || Cache::from_fn(|n: u64| n)));
}

#[test]
fn pairs_of_random_numbers_of_24_bits() {
    let pair = |n| (scramble(n) as u32 >> 8, (scramble(n) >> 40) as i32 - (1 << 22));
    assert_frugal(costs(pair, || Cache::from_fn(|a: u32, _b: i32| u64::from(a))));
}

#[test]
fn triples_of_random_numbers_of_16_bits() {
    let triple = |n| {
        let [a, b, c] = [0, 16, 32].map(|shift| (scramble(n) >> shift) as u16);
        (a, b, c)
    };
    assert_frugal(costs(triple, || Cache::from_fn(|a: u16, _b: u16, _c: u16| u64::from(a))));
}

#[test]
fn dense_numbers_take_less_than_in_a_hash_map() {
    let (in_cache, in_map) = costs(|n| (n,), || Cache::from_fn(|n: u64| n));
    assert!(in_cache <= in_map / 2, "{in_cache} bytes, in a hash map {in_map}");
}

/// A bound costs a word a value and a place in a queue, an age a word, and both together not much more.
#[test]
fn bounds_and_ages() {
    let hour = Duration::from_secs(3_600);
    let make = || Cache::from_fn(|n: u64| n);
    let assert_within = |most: u64, cache: &(dyn Fn() -> PolicyCache<(u64,), u64> + Sync)| {
        let bytes = middle(|| {
            let cache = cache();
            let before = LIVE.load(Ordering::Relaxed);
            (0..KEYS).for_each(|n| assert_eq!(cache.get((n,)), n));
            let bytes = LIVE.load(Ordering::Relaxed) - before;
            assert_eq!(cache.len() as u64, KEYS);
            bytes as u64
        });
        assert!(bytes <= most * KEYS, "{} bytes an entry, of {most}", bytes as f64 / KEYS as f64);
    };
    assert_within(48, &|| make().capacity(KEYS));
    assert_within(44, &|| make().ttl(hour));
    assert_within(80, &|| make().ttl(hour).capacity(KEYS));
    assert_within(76, &|| make().idle(hour));
}
