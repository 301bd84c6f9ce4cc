//! What a Redis store does while all is well.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use speedup_runtime::store::{Claim, Condition, Error, RedisStore, Store};

use crate::proxy::Proxy;
use crate::servers::{Kind, Server, url};

type Names = RedisStore<(u64,), String>;

fn names(server: &Server) -> Names {
    RedisStore::open(server.url(), "names").expect("the address is one")
}

/// Sends a command of plain words, as somebody else would.
pub(crate) fn say(server: &Server, command: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).expect("the server is there");
    write!(stream, "{command}\r\nQUIT\r\n").expect("the server is there");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server answers");
    answer
}

#[test]
fn what_is_put_is_there_for_others() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (one, two) = (names(&server), names(&server));
    assert_eq!(one.get(&(7,)).unwrap(), None);
    one.put(&(7,), &"seven".into(), None).unwrap();
    assert_eq!(two.get(&(7,)).unwrap().as_deref(), Some("seven"));
    two.put(&(7,), &"SEVEN".into(), None).unwrap();
    assert_eq!(one.get(&(7,)).unwrap().as_deref(), Some("SEVEN"));
    two.remove(&(7,)).unwrap();
    assert_eq!(one.get(&(7,)).unwrap(), None);
    assert_eq!(one.condition(), Condition::Sound);
}

#[test]
fn long_and_unprintable_keys_are_told_apart() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let store = RedisStore::<(String, Option<f64>), u32>::open(server.url(), "a b*[c]").unwrap();
    let keys = ["", "\0", "\r\n", "a b", "ü", &"x".repeat(10_000), &("x".repeat(9_999) + "y")];
    let keys: Vec<_> = keys.iter().flat_map(|key| [None, Some(0.5)].map(|more| ((*key).to_owned(), more))).collect();
    for (value, key) in (0..).zip(&keys) {
        store.put(key, &value, None).unwrap();
    }
    for (value, key) in (0..).zip(&keys) {
        assert_eq!(store.get(key).unwrap(), Some(value), "{key:?}");
    }
    store.clear().unwrap();
    assert_eq!(store.get_many(&keys.iter().collect::<Vec<_>>()).unwrap(), vec![None; keys.len()]);
}

#[test]
fn groups_take_one_round_trip() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let proxy = Proxy::before(server.address());
    let store = Names::open(url(Kind::Redis, proxy.address()), "names").unwrap();
    store.get(&(0,)).unwrap();
    let entries: HashMap<(u64,), String> = (0..200).map(|n| ((n,), n.to_string())).collect();
    let before = proxy.round_trips();
    store.put_many(&entries.iter().collect::<Vec<_>>(), Some(Duration::from_secs(60))).unwrap();
    let put = proxy.round_trips();
    let keys: Vec<(u64,)> = (0..201).map(|n| (n,)).collect();
    let values = store.get_many(&keys.iter().collect::<Vec<_>>()).unwrap();
    // An answer may come in pieces: but in far fewer than there are keys.
    assert!(put - before < 20 && proxy.round_trips() - put < 20, "{before} {put} {}", proxy.round_trips());
    for (key, value) in keys.iter().zip(values) {
        assert_eq!(value.as_ref(), entries.get(key));
    }
}

#[test]
fn batches_of_any_size_arrive() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let store = names(&server);
    let entries: HashMap<(u64,), String> = (0..2_500).map(|n| ((n,), "x".repeat(1_000))).collect();
    store.put_many(&[], None).unwrap();
    store.put_many(&entries.iter().collect::<Vec<_>>(), None).unwrap();
    assert_eq!(store.get_many(&[]).unwrap(), []);
    let values = store.get_many(&entries.keys().collect::<Vec<_>>()).unwrap();
    assert!(values.iter().all(|value| value.as_ref().is_some_and(|value| value.len() == 1_000)));
}

#[test]
fn times_to_live_are_the_servers() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let store = Names::builder(server.url(), "names").ttl(Duration::from_secs(50)).open().unwrap();
    store.put(&(1,), &"by the store".into(), None).unwrap();
    store.put(&(2,), &"its own".into(), Some(Duration::from_secs(500))).unwrap();
    store.put_many(&[(&(3,), &"in a group".to_owned())], None).unwrap();
    store.put(&(4,), &"for ever".into(), Some(Duration::MAX)).unwrap();
    let mut left: Vec<i64> = say(&server, "KEYS speedup:names:*")
        .lines()
        .filter(|line| line.starts_with("speedup"))
        .map(|key| {
            let answer = say(&server, &format!("TTL {key}"));
            answer.lines().next().and_then(|line| line.strip_prefix(':')).unwrap().parse().unwrap()
        })
        .collect();
    left.sort_unstable();
    assert!(matches!(left[..], [-1, 1..=50, 1..=50, 51..=500]), "{left:?}");
    store.put(&(5,), &"for no time".into(), Some(Duration::ZERO)).unwrap();
    while store.get(&(5,)).unwrap().is_some() {
        std::thread::yield_now();
    }
}

#[test]
fn a_store_clears_its_own_and_nothing_else() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (store, other) = (names(&server), Names::open(server.url(), "names:more").unwrap());
    let numbers = RedisStore::<(u64,), u64>::open(server.url(), "names").unwrap();
    say(&server, "SET users-own 1");
    for n in 0..3_000 {
        store.put(&(n,), &n.to_string(), None).unwrap();
    }
    other.put(&(1,), &"other".into(), None).unwrap();
    numbers.put(&(1,), &1, None).unwrap();
    store.clear().unwrap();
    assert_eq!(
        store.get_many(&(0..3_000).map(|n| (n,)).collect::<Vec<_>>().iter().collect::<Vec<_>>()).unwrap(),
        vec![None; 3_000]
    );
    assert_eq!(other.get(&(1,)).unwrap().as_deref(), Some("other"));
    assert_eq!(numbers.get(&(1,)).unwrap(), Some(1), "values of another type are another store's");
    assert!(say(&server, "GET users-own").starts_with("$1\r\n1"));
}

#[test]
fn garbage_under_our_keys_is_no_value() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let store = names(&server);
    store.put(&(1,), &"one".into(), None).unwrap();
    let keys = say(&server, "KEYS speedup:names:*");
    let key = keys.lines().find(|line| line.starts_with("speedup")).unwrap();
    for garbage in ["SET KEY garbage", "SETRANGE KEY 12 x", "APPEND KEY x"] {
        store.put(&(1,), &"one".into(), None).unwrap();
        say(&server, &garbage.replace("KEY", key));
        assert!(matches!(store.get(&(1,)), Err(Error::Damaged { .. })), "{garbage}");
        assert_eq!(store.get_many(&[&(1,)]).unwrap(), [None], "{garbage}");
    }
    say(&server, &format!("DEL {key}"));
    say(&server, &format!("LPUSH {key} of another kind"));
    assert!(matches!(store.get(&(1,)), Err(Error::Refused { .. })));
    assert_eq!(store.get_many(&[&(1,)]).unwrap(), [None]);
    store.put(&(1,), &"one".into(), None).unwrap();
    assert_eq!(store.get(&(1,)).unwrap().as_deref(), Some("one"));
}

#[test]
fn one_of_all_who_ask_has_the_claim() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let stores: Vec<Names> = (0..4).map(|_| names(&server)).collect();
    let lease = Duration::from_secs(600);
    let claims: Vec<Claim> = std::thread::scope(|scope| {
        let asked: Vec<_> = stores.iter().map(|store| scope.spawn(|| store.claim(&(1,), lease).unwrap())).collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mine: Vec<_> =
        claims.iter().filter_map(|claim| if let Claim::Mine(token) = claim { Some(*token) } else { None }).collect();
    assert!(mine.len() == 1 && claims.iter().filter(|claim| **claim == Claim::Taken).count() == 3, "{claims:?}");
    let store = &stores[0];
    assert!(store.renew(&(1,), mine[0], lease).unwrap());
    store.release(&(1,), mine[0]).unwrap();
    assert!(!store.renew(&(1,), mine[0], lease).unwrap());
    // A claim of another one is left alone.
    let Claim::Mine(second) = store.claim(&(1,), lease).unwrap() else { panic!("it is free") };
    store.release(&(1,), mine[0]).unwrap();
    assert_eq!(store.claim(&(1,), lease).unwrap(), Claim::Taken);
    store.put(&(1,), &"one".into(), None).unwrap();
    assert_eq!(store.claim(&(1,), lease).unwrap(), Claim::Ready);
    store.release(&(1,), second).unwrap();
    // The next one ends with its lease.
    assert!(matches!(store.claim(&(2,), Duration::from_millis(1)).unwrap(), Claim::Mine(_)));
    while store.claim(&(2,), lease).unwrap() == Claim::Taken {
        std::thread::yield_now();
    }
}

#[test]
fn what_cannot_be_an_address_is_said_at_once() {
    let refused = |address: &str, name: &str| matches!(Names::open(address, name), Err(Error::Refused { .. }));
    assert!(refused("nonsense", "names") && refused("http://127.0.0.1", "names") && refused("redis://127.0.0.1", ""));
    let secret = Names::open("redis://:hunter2@127.0.0.1:1", "names").unwrap();
    assert!(
        !format!("{secret:?} {:?} {}", Names::builder("redis://:hunter2@h", "n"), secret.get(&(1,)).unwrap_err())
            .contains("hunter2")
    );
}

#[test]
fn values_say_how_much_time_they_have_left() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (store, hour) = (names(&server), Duration::from_secs(3_600));
    let one = "one".to_owned();
    store.put(&(0,), &one, Some(hour)).unwrap();
    store.put(&(0,), &one, None).unwrap();
    store.put_many(&[(&(1,), &one)], Some(hour)).unwrap();
    let keys: Vec<(u64,)> = (0..2_500).map(|n| (n,)).collect();
    let found = store.get_with_time_left(&keys.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(found[0], Some((one, None)));
    let Some((_, Some(left))) = &found[1] else { panic!("{:?}", found[1]) };
    assert!((hour / 2..=hour).contains(left), "{left:?}");
    assert!(found.len() == keys.len() && found[2..].iter().all(Option::is_none));
}
