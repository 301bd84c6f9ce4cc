//! `MemcachedStore` on one server and on three.

use speedup::store::{MemcachedStore, Store as _};
use speedup_benches::Contest;

use crate::servers::{Kind, Server};
use crate::{GROUP, RESULTS, results};

pub(crate) fn section() {
    let servers: Option<Vec<Server>> = (0..3).map(|_| Server::start(Kind::Memcached, &[])).collect();
    let Some(servers) = servers else { return };
    let results = results();
    let on = |count: usize| {
        let servers = servers[..count].iter().map(Server::url);
        MemcachedStore::<(u64,), String>::open(servers, "bench").expect("addresses")
    };
    let (one, three) = (on(1), on(3));
    let put = |store: &MemcachedStore<(u64,), String>| {
        for group in results.chunks(GROUP) {
            let group: Vec<_> = group.iter().map(|(key, value)| (key, value)).collect();
            store.put_many(&group, None).expect("it is kept");
        }
    };
    let get = |store: &MemcachedStore<(u64,), String>| {
        for group in results.chunks(GROUP) {
            let group: Vec<_> = group.iter().map(|(key, _)| key).collect();
            assert!(store.get_many(&group).expect("it answers").iter().all(Option::is_some));
        }
    };
    let puts = Contest::new("10,000 results put in groups of 100", RESULTS).rounds(5);
    let puts = puts.once("one memcached", || put(&one)).once("three memcached", || put(&three)).run();
    println!("\n{}", puts.table("one memcached"));
    let gets = Contest::new("10,000 results got in groups of 100", RESULTS).rounds(5);
    let gets = gets.once("one memcached", || get(&one)).once("three memcached", || get(&three)).run();
    println!("{}", gets.table("one memcached"));
}
