//! `RedisStore`, the `redis` crate by hand, and `cached`'s `RedisCache`.

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use cached::ConcurrentCached as _;
use speedup::cache;
use speedup::store::{RedisStore, Store as _};
use speedup_benches::{Bars, Contest, Limit, black_box};

use crate::proxy::Proxy;
use crate::servers::{Kind, Server, url};
use crate::{GROUP, RESULTS, results};

/// Where the cached function has its server.
static PROXY: OnceLock<Proxy> = OnceLock::new();

#[cache(store = RedisStore::open(url(Kind::Redis, PROXY.get().expect("it runs").address()), "bench-trips"))]
fn name(n: u64) -> String {
    format!("{n:0>50}")
}

pub(crate) fn section(bars: &mut Bars) {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    throughput(&server, bars);
    trips(&server);
}

fn throughput(server: &Server, bars: &mut Bars) {
    let results = results();
    let store = RedisStore::<(u64,), String>::open(server.url(), "bench").expect("an address");
    let client = redis::Client::open(server.url()).expect("an address");
    let by_hand = std::cell::RefCell::new(client.get_connection().expect("it runs"));
    let cached = cached::RedisCache::<u64, String>::builder("bench-cached").connection_string(&server.url());
    let cached = cached.build().expect("it runs");
    let key = |n: &(u64,)| format!("by-hand:{}", n.0);

    let puts = Contest::new("10,000 results put in groups of 100", RESULTS)
        .rounds(5)
        .once("speedup", || {
            for group in results.chunks(GROUP) {
                let group: Vec<_> = group.iter().map(|(key, value)| (key, value)).collect();
                store.put_many(&group, None).expect("it is kept");
            }
        })
        .once("redis by hand", || {
            for group in results.chunks(GROUP) {
                let mut pipe = redis::pipe();
                for (n, value) in group {
                    pipe.set(key(n), postcard::to_stdvec(value).expect("a string")).ignore();
                }
                pipe.exec(&mut *by_hand.borrow_mut()).expect("it is kept");
            }
        })
        .once("cached", || {
            for (n, value) in &results {
                cached.cache_set(n.0, value.clone()).expect("it is kept");
            }
        })
        .run();
    println!("\n{}", puts.table("redis by hand"));

    let gets = Contest::new("10,000 results got in groups of 100", RESULTS)
        .rounds(5)
        .once("speedup", || {
            for group in results.chunks(GROUP) {
                let group: Vec<_> = group.iter().map(|(key, _)| key).collect();
                let found = store.get_many(&group).expect("it answers");
                assert!(found.iter().all(Option::is_some));
            }
        })
        .once("redis by hand", || {
            for group in results.chunks(GROUP) {
                let keys: Vec<String> = group.iter().map(|(n, _)| key(n)).collect();
                let found: Vec<Vec<u8>> =
                    redis::cmd("MGET").arg(keys).query(&mut *by_hand.borrow_mut()).expect("it answers");
                for bytes in found {
                    black_box(postcard::from_bytes::<String>(&bytes).expect("what was put"));
                }
            }
        })
        .once("cached", || {
            for (n, _) in &results {
                assert!(cached.cache_get(&n.0).expect("it answers").is_some());
            }
        })
        .run();
    println!("{}", gets.table("redis by hand"));

    for (work, outcome) in [("puts", &puts), ("gets", &gets)] {
        let ratio = outcome.ratio("redis by hand", "speedup");
        bars.check(work, "times the speed of redis by hand", ratio, Limit::AtLeast(0.9));
        bars.check(work, "times the speed of cached", outcome.ratio("cached", "speedup"), Limit::AtLeast(3.0));
    }
}

/// Counts what comes to a cached function from its server.
fn trips(server: &Server) {
    let proxy = PROXY.get_or_init(|| Proxy::before(server.address()));
    // With the messages to who watches, which come a little later.
    let settled = || {
        let mut count = proxy.round_trips();
        loop {
            thread::sleep(Duration::from_millis(200));
            match proxy.round_trips() {
                same if same == count => return count,
                other => count = other,
            }
        }
    };
    let counted = |work: &dyn Fn()| {
        let before = settled();
        work();
        NAME.flush().expect("the server is there");
        settled() - before
    };
    // The connections are made before anything is counted.
    name(u64::MAX);
    NAME.flush().expect("the server is there");
    println!("| work | answers of the server, with that to the write and the message to who watches |\n|---|---|");
    println!("| one cold call | {} |", counted(&|| drop(name(0))));
    println!("| the same in memory | {} |", counted(&|| drop(name(0))));
    NAME.forget(None);
    println!("| the same from the server | {} |", counted(&|| drop(name(0))));
    println!("| a cold group of 100 | {} |", counted(&|| drop(NAME.get_all((1..=100).map(|n| (n,))))));
    NAME.forget(None);
    println!("| the same from the server | {} |", counted(&|| drop(NAME.get_all((1..=100).map(|n| (n,))))));
}
