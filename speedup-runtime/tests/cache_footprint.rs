//! What integer keys cost in memory, wherever they are: not much more than in a hash map.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    collections::HashMap,
    env,
    hash::Hash,
    io::{self, Write as _},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
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

/// Says to a process that it is one of those that count.
const FRESH: &str = "SPEEDUP_FRESH";

/// The middle one of five counts, each in a process of its own, which is this program again for the test of this name: a process has another seed of hashes each
/// time, and by some seeds a few shards of the table hold more than others, and so have one piece of memory more.
///
/// What the engine knows of a thread is no part of what is counted.
fn middle(name: &str, count: impl FnOnce() -> [u64; 2]) -> [u64; 2] {
    if env::var_os(FRESH).is_some() {
        Cache::from_fn(|n: u64| n).get((1,));
        let [in_cache, other] = count();
        // Straight to the file: the harness keeps what is printed.
        writeln!(io::stdout(), "\n{COUNTED}{in_cache} {other}").expect("somebody reads");
        std::process::exit(0);
    }
    let program = env::current_exe().expect("a program has a path");
    let mut counts = [(); 5].map(|()| {
        let output = Command::new(&program)
            .args([name, "--exact", "--test-threads=1", "--nocapture"])
            .env(FRESH, "1")
            .output()
            .expect("the program starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let numbers = said.lines().find_map(|line| line.strip_prefix(COUNTED)).expect(&said);
        let mut numbers = numbers.split(' ').map(|number| number.parse().expect("a number"));
        [(); 2].map(|()| numbers.next().expect("two of them"))
    });
    counts.sort();
    counts[2]
}

/// What a line begins with that says what was counted.
const COUNTED: &str = "counted: ";

fn live() -> u64 {
    LIVE.load(Ordering::Relaxed) as u64
}

/// The bytes that a cache and a hash map take for the same keys.
fn costs<K: Key<Args = K> + Hash + Eq>(
    name: &str,
    key: impl Fn(u64) -> K,
    cache: impl Fn() -> Cache<K, u64>,
) -> [u64; 2] {
    middle(name, || {
        let before = live();
        let mut map = HashMap::new();
        for n in 0..KEYS {
            map.insert(key(n), n);
        }
        let in_map = live() - before;
        let cache = cache();
        let before = live();
        for n in 0..KEYS {
            cache.get(key(n));
        }
        let in_cache = live() - before;
        assert_eq!(cache.len(), map.len());
        [in_cache, in_map]
    })
}

/// No more than a fifth more, and what the first pages and their directories take however little they are used.
fn assert_frugal([in_cache, in_map]: [u64; 2]) {
    let bound = in_map * 6 / 5 + (9 << 20);
    assert!(in_cache <= bound, "{in_cache} bytes, in a hash map {in_map}");
}

#[test]
fn random_numbers_of_64_bits() {
    let [in_cache, in_map] = costs("random_numbers_of_64_bits", |n| (scramble(n),), || Cache::from_fn(|n: u64| n));
    assert!(in_cache <= in_map * 6 / 5, "{in_cache} bytes, in a hash map {in_map}");
}

#[test]
fn random_numbers_of_32_bits() {
    assert_frugal(costs(
        "random_numbers_of_32_bits",
        |n| (scramble(n) as u32,),
        || Cache::from_fn(|n: u32| u64::from(n)),
    ));
}

#[test]
fn random_numbers_of_28_bits() {
    assert_frugal(costs("random_numbers_of_28_bits", |n| (scramble(n) >> 36,), || Cache::from_fn(|n: u64| n)));
}

#[test]
fn numbers_at_equal_distances() {
    assert_frugal(costs("numbers_at_equal_distances", |n| (n * 200,), || Cache::from_fn(|n: u64| n)));
}

#[test]
fn pairs_of_random_numbers_of_24_bits() {
    let pair = |n| (scramble(n) as u32 >> 8, (scramble(n) >> 40) as i32 - (1 << 22));
    assert_frugal(costs("pairs_of_random_numbers_of_24_bits", pair, || Cache::from_fn(|a: u32, _b: i32| u64::from(a))));
}

#[test]
fn triples_of_random_numbers_of_16_bits() {
    let triple = |n| {
        let [a, b, c] = [0, 16, 32].map(|shift| (scramble(n) >> shift) as u16);
        (a, b, c)
    };
    assert_frugal(costs("triples_of_random_numbers_of_16_bits", triple, || {
        Cache::from_fn(|a: u16, _b: u16, _c: u16| u64::from(a))
    }));
}

#[test]
fn dense_numbers_take_less_than_in_a_hash_map() {
    let [in_cache, in_map] =
        costs("dense_numbers_take_less_than_in_a_hash_map", |n| (n,), || Cache::from_fn(|n: u64| n));
    assert!(in_cache <= in_map / 2, "{in_cache} bytes, in a hash map {in_map}");
}

/// Of the first numbers far from each other, each would have a page and a place in a large directory of its own.
#[test]
fn the_first_numbers_far_from_each_other_have_no_pages() {
    const FIRST: u64 = 2_000;
    let counted = middle("the_first_numbers_far_from_each_other_have_no_pages", || {
        let cache = Cache::from_fn(|n: u64| n);
        let planes = Cache::from_fn(|a: u32, b: u32| u64::from(a ^ b));
        let before = live();
        (0..FIRST).for_each(|n| assert_eq!(cache.get((n * 7_919,)), n * 7_919));
        let on_a_line = live() - before;
        let before = live();
        (0..FIRST as u32).for_each(|n| assert_eq!(planes.get((n * 791, 7)), u64::from((n * 791) ^ 7)));
        [on_a_line, live() - before]
    });
    assert!(counted.into_iter().all(|bytes| bytes <= 256 * FIRST), "{counted:?} bytes for {FIRST} keys");
}

/// Fails if an entry takes more than so many bytes.
fn assert_within(name: &str, most: u64, policies: impl FnOnce(Cache<(u64,), u64>) -> PolicyCache<(u64,), u64>) {
    let [bytes, _] = middle(name, || {
        let cache = policies(Cache::from_fn(|n: u64| n));
        let before = live();
        (0..KEYS).for_each(|n| assert_eq!(cache.get((n,)), n));
        let bytes = live() - before;
        assert_eq!(cache.len() as u64, KEYS);
        [bytes, 0]
    });
    assert!(bytes <= most * KEYS, "{} bytes an entry, of {most}", bytes as f64 / KEYS as f64);
}

const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn a_bound_is_a_word_a_value_and_a_place_in_a_queue() {
    assert_within("a_bound_is_a_word_a_value_and_a_place_in_a_queue", 48, |cache| cache.capacity(KEYS));
}

#[test]
fn an_age_is_a_word_a_value() {
    assert_within("an_age_is_a_word_a_value", 44, |cache| cache.ttl(HOUR));
}

#[test]
fn a_bound_and_an_age_are_not_much_more_than_both() {
    assert_within("a_bound_and_an_age_are_not_much_more_than_both", 80, |cache| cache.ttl(HOUR).capacity(KEYS));
}

#[test]
fn the_time_of_the_last_use_is_another_word() {
    assert_within("the_time_of_the_last_use_is_another_word", 76, |cache| cache.idle(HOUR));
}
