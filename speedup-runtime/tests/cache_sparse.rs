//! Small integer keys that lie near each other and far from each other, in one cache: wherever a key goes, it has one value.

use std::{
    collections::{HashMap, HashSet},
    sync::Barrier,
    thread,
};

use speedup_runtime::Cache;

/// A scrambled number.
fn scramble(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// Keys of all kinds: at equal distances, in runs, anywhere, and the neighbours of all these, which come to places where keys have strayed.
fn mixed_keys(seed: u64, keys: u64) -> impl Iterator<Item = u64> {
    (0..keys).map(move |n| {
        let random = scramble(seed ^ n);
        match random % 5 {
            0 => n * 7_919 % (1 << 23),
            1 => n,
            2 => 3_000_000 + n / 2,
            3 => (random >> 40) + n % 3,
            _ => scramble(seed ^ ((random >> 8) % (n + 1))) >> 40 | 1,
        }
    })
}

#[test]
fn a_key_has_one_value_whatever_its_neighbours_are() {
    for seed in 0..6 {
        let mut runs = 0;
        let cache = Cache::from_fn(|n: u64| n * 3);
        let mut expected = HashMap::new();
        for (step, key) in mixed_keys(seed, 6_000).enumerate() {
            match scramble(step as u64) % 16 {
                0 => assert_eq!(cache.remove(&(key,)), expected.remove(&key), "{key} is taken out"),
                1 => {
                    assert_eq!(cache.insert((key,), 7), expected.insert(key, 7), "{key} is put in");
                }
                2 => assert_eq!(cache.peek(&(key,)), expected.get(&key).copied(), "{key} is looked at"),
                _ => {
                    let value = *expected.entry(key).or_insert_with(|| {
                        runs += 1;
                        key * 3
                    });
                    assert_eq!(cache.get((key,)), value, "{key}");
                }
            }
        }
        assert_eq!(cache.len(), expected.len());
        assert_eq!(cache.stats().misses, runs, "each was computed once");
        for (key, value) in &expected {
            assert_eq!(cache.peek(&(*key,)), Some(*value));
        }
    }
}

#[test]
fn pairs_and_triples_have_one_value_each() {
    let pairs = Cache::from_fn(|a: u32, b: u32| u64::from(a) << 32 | u64::from(b));
    let triples = Cache::from_fn(|a: u32, b: u32, c: u32| u64::from(a ^ b ^ c));
    let mut expected = (HashSet::new(), HashSet::new());
    let keys: Vec<u64> = mixed_keys(11, 12_000).collect();
    for three in keys.windows(3) {
        let [a, b, c] = [three[0], three[1], three[2]].map(|n| n as u32);
        let small = |n: u32| n % 60_000;
        assert_eq!(pairs.get((a, small(b))), u64::from(a) << 32 | u64::from(small(b)));
        assert_eq!(pairs.get((small(c), 5)), u64::from(small(c)) << 32 | 5);
        expected.0.extend([(a, small(b)), (small(c), 5)]);
        let key = (small(a), b % 100, small(c));
        assert_eq!(triples.get(key), u64::from(key.0 ^ key.1 ^ key.2));
        expected.1.insert(key);
    }
    assert_eq!((pairs.len(), triples.len()), (expected.0.len(), expected.1.len()));
    assert_eq!(pairs.stats().misses as usize, expected.0.len());
    assert_eq!(triples.stats().misses as usize, expected.1.len());
}

#[test]
fn threads_compute_each_key_once_whatever_its_neighbours_are() {
    const THREADS: u64 = 4;
    for seed in 20..26 {
        let cache = Cache::from_fn(|n: u64| n + 1);
        let together = Barrier::new(THREADS as usize);
        let keys: Vec<u64> = mixed_keys(seed, 3_000).collect();
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (cache, together, keys) = (&cache, &together, &keys);
                scope.spawn(move || {
                    together.wait();
                    // Each in an order of its own, and some keys that only one asks for.
                    for turn in 0..keys.len() {
                        let key = keys[(turn * (2 * thread as usize + 1) + turn / 7) % keys.len()];
                        assert_eq!(cache.get((key,)), key + 1);
                        assert_eq!(cache.get((key ^ thread << 5,)), (key ^ thread << 5) + 1);
                    }
                });
            }
        });
        assert_eq!(cache.stats().misses as usize, cache.len(), "each was computed once");
    }
}
