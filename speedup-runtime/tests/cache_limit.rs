//! One bound for all caches. The tests are one function: limit and clock are the program's.

use std::time::Duration;

use speedup_runtime::{AsyncCache, Cache, clock::Mock, limit, memory, seeing::Bytes};

const MANY: u64 = 50_000;

#[test]
fn what_is_used_least_for_what_it_takes_gives_way() {
    let clock = Mock::new();
    let look = || clock.advance(Duration::from_millis(20));
    let name = |n: u64| Cache::from_fn(move |m: u64| format!("{n} {m}"));
    let (hot, cold) = (name(1), name(2));
    let bounded = Cache::from_fn(|n: u64| n).capacity(MANY);
    let fill = |cache: &Cache<(u64,), String>| (0..MANY).for_each(|n| _ = cache.get((n,)));

    // Nothing gives way without a limit, or below it.
    fill(&cold);
    look();
    limit(u64::MAX - 1);
    look();
    assert_eq!(cold.len() as u64, MANY);

    // Of two that are too much together, the one that is called more keeps its values.
    fill(&hot);
    (0..10).for_each(|_| fill(&hot));
    limit(Bytes(memory() as u64 - 1));
    look();
    assert_eq!((cold.len(), hot.len() as u64), (0, MANY));
    assert_eq!(cold.get((7,)), "2 7", "computed again");

    // It is the one of late that counts.
    for _ in 0..6 {
        limit(u64::MAX - 1);
        look();
    }
    fill(&cold);
    fill(&cold);
    limit(Bytes(memory() as u64 - 1));
    look();
    assert_eq!((cold.len() as u64, hot.len()), (MANY, 0));

    // A table that grows is looked at by itself, whatever its kind, and never left above the limit.
    cold.clear();
    limit("256 KiB");
    look();
    for n in 0..MANY {
        bounded.get((n,));
        if n % 5_000 == 0 {
            look();
            assert!(memory() <= 256 << 10, "{}", memory());
        }
    }
    let waiting = AsyncCache::from_fn(|n: u64| async move { n });
    pollster::block_on(async {
        for n in 0..MANY {
            waiting.get((n,)).await;
        }
    });
    look();
    assert!(memory() <= 256 << 10, "{}", memory());
    assert_eq!(bounded.stats().weight, bounded.len() as u64, "the queue knows what has gone");

    limit(u64::MAX);
    fill(&hot);
    look();
    assert_eq!(hot.len() as u64, MANY);
}
