//! What a Redis store does while its server is down, paused, full, slow, or begun anew.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use speedup_runtime::store::{AsyncStore as _, Condition, Error, OffThread, RedisStore, Store};

use crate::proxy::Proxy;
use crate::redis_store::say;
use crate::servers::{Kind, Server, url};

type Names = RedisStore<(u64,), String>;

const TIMEOUT: Duration = Duration::from_millis(300);

fn names(url: String) -> Names {
    Names::builder(url, "names").timeout(TIMEOUT).connect_timeout(TIMEOUT).open().expect("the address is one")
}

/// Asks until there is an answer.
fn once_it_answers(store: &Names, key: u64) -> Option<String> {
    let start = Instant::now();
    loop {
        match store.get(&(key,)) {
            Ok(value) => return value,
            Err(error) => assert!(error.is_outage() && start.elapsed() < Duration::from_secs(60), "{error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_does_not_let_us_in_or_is_no_redis_is_left_alone() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    assert!(say(&server, "CONFIG SET requirepass secret").starts_with("+OK"));
    let store = names(format!("redis://:wrong@{}", server.address()));
    let error = store.get(&(1,)).unwrap_err();
    assert!(matches!(&error, Error::Refused { .. }), "{error}");
    assert!(matches!(store.get(&(1,)), Err(Error::Resting { .. })));
    assert_eq!(store.condition(), Condition::Down);
    let store = names(format!("redis://:secret@{}", server.address()));
    store.put(&(1,), &"one".into(), None).unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let visitors = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&visitors);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            count.fetch_add(1, Ordering::Relaxed);
            // Who has asked may be gone.
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let store = names(url(Kind::Redis, address));
    (0..50).for_each(|n| assert!(store.get(&(n,)).is_err()));
    assert_eq!(store.condition(), Condition::Down);
    let visits = visitors.load(Ordering::Relaxed);
    assert!(visits < 10, "it was asked {visits} times");
}

#[test]
fn a_server_that_says_nothing_is_asked_for_what_is_wanted_and_for_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let store = names(url(Kind::Redis, listener.local_addr().expect("it is bound")));
    let error = store.get(&(1,)).unwrap_err();
    assert!(matches!(&error, Error::TimedOut { .. }), "{error}");
    let (mut stream, _) = listener.accept().expect("it has come");
    let mut said = String::new();
    // It has hung up.
    stream.read_to_string(&mut said).expect("it is text");
    assert!(said.starts_with("*2\r\n$3\r\nGET\r\n"), "each word before it would be waited for: {said:?}");
    assert_eq!(said.matches('*').count(), 1, "{said:?}");
}

#[test]
fn a_killed_server_is_an_error_and_then_left_alone() {
    let Some(mut server) = Server::start(Kind::Redis, &[]) else { return };
    let store = names(server.url());
    store.put(&(1,), &"one".into(), None).unwrap();
    server.kill();
    assert!(matches!(store.get(&(1,)), Err(Error::Unreachable { .. })));
    assert!(matches!(store.get(&(1,)), Err(Error::Resting { .. })));
    assert!(matches!(store.put(&(1,), &"one".into(), None), Err(Error::Resting { .. })));
    assert_eq!(store.condition(), Condition::Down);
    server.restart();
    assert_eq!(once_it_answers(&store, 1), None, "the server has begun anew");
    assert_eq!(store.condition(), Condition::Sound);
    store.put(&(1,), &"one".into(), None).unwrap();
    assert_eq!(store.get(&(1,)).unwrap().as_deref(), Some("one"));
}

#[test]
fn a_restart_between_two_calls_goes_unnoticed() {
    let Some(mut server) = Server::start(Kind::Redis, &[]) else { return };
    let store = names(server.url());
    store.put(&(1,), &"one".into(), None).unwrap();
    server.restart();
    assert_eq!(store.get(&(1,)).unwrap(), None);
    store.put(&(1,), &"one".into(), None).unwrap();
    assert_eq!(store.get(&(1,)).unwrap().as_deref(), Some("one"));
}

#[test]
fn a_paused_server_costs_one_timeout_and_not_one_a_call() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let store = names(server.url());
    let (one, many) = (store.get(&(1,)), (0..500).map(|n| ((n,), n.to_string())).collect::<Vec<_>>());
    assert_eq!(one.unwrap(), None);
    let many: Vec<_> = many.iter().map(|(key, value)| (key, value)).collect();
    server.pause();
    // Each of five hundred answers could be waited for.
    assert!(matches!(store.put_many(&many, Some(Duration::from_secs(60))), Err(Error::TimedOut { .. })));
    let mut timeouts = 1;
    for _ in 0..2_000 {
        match store.get(&(1,)) {
            Err(Error::Resting { .. }) => {}
            Err(Error::TimedOut { .. }) => timeouts += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(timeouts < 20, "{timeouts} timeouts");
    server.resume();
    let kept = once_it_answers(&store, 1);
    assert!(kept.is_none_or(|kept| kept == "1"), "a value or nothing");
}

#[test]
fn a_full_server_refuses_and_goes_on_reading() {
    let Some(server) = Server::start(Kind::Redis, &["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]) else {
        return;
    };
    let store = names(server.url());
    let refused = (0..2_000).find_map(|n| store.put(&(n,), &"x".repeat(10_000), None).err().map(|error| (n, error)));
    let (first, error) = refused.expect("it has no room for all");
    assert!(matches!(&error, Error::Refused { reason, .. } if reason.contains("OOM")), "{error}");
    assert_eq!(store.get(&(0,)).unwrap().map(|value| value.len()), Some(10_000));
    assert_eq!(store.get(&(first,)).unwrap(), None);
    assert_eq!(store.condition(), Condition::Sound, "it answers");
}

#[test]
fn a_slow_server_is_waited_for_as_long_as_was_said() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let proxy = Proxy::before(server.address());
    let store = names(url(Kind::Redis, proxy.address()));
    proxy.delay(Duration::from_millis(20));
    store.put(&(1,), &"one".into(), None).unwrap();
    assert_eq!(store.get(&(1,)).unwrap().as_deref(), Some("one"));
    proxy.delay(Duration::from_secs(2));
    assert!(matches!(store.get(&(1,)), Err(Error::TimedOut { .. })));
    proxy.delay(Duration::ZERO);
    assert_eq!(once_it_answers(&store, 1).as_deref(), Some("one"), "no answer is taken for that of another question");
}

#[test]
fn a_cut_connection_is_replaced() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let proxy = Proxy::before(server.address());
    let store = names(url(Kind::Redis, proxy.address()));
    for n in 0..50 {
        store.put(&(n,), &n.to_string(), None).unwrap();
        proxy.cut();
        assert_eq!(store.get(&(n,)).unwrap(), Some(n.to_string()));
    }
}

#[test]
fn who_awaits_a_paused_server_is_not_held_up() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let store = OffThread::new(names(server.url()));
    pollster::block_on(async {
        store.put(&(1,), &"one".to_owned(), None).await.unwrap();
        server.pause();
        let mut waits = store.get(&(1,));
        assert!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        server.resume();
        assert!(waits.await.is_ok_and(|value| value.is_some_and(|value| value == "one")));
    });
}

#[test]
fn many_threads_share_a_store_through_an_outage() {
    let Some(mut server) = Server::start(Kind::Redis, &[]) else { return };
    let store = names(server.url());
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..6_u64 {
            let (store, ended) = (&store, &ended);
            scope.spawn(move || {
                for n in 0.. {
                    let key = thread * 1_000_000 + n;
                    let put = store.put(&(key,), &key.to_string(), None);
                    match store.get(&(key,)) {
                        Ok(Some(value)) => assert_eq!(value, key.to_string()),
                        Ok(None) => {}
                        Err(error) => assert!(error.is_outage(), "{error} after {put:?}"),
                    }
                    if ended.load(std::sync::atomic::Ordering::Acquire) {
                        return;
                    }
                }
            });
        }
        server.kill();
        server.restart();
        let _ = once_it_answers(&store, 0);
        ended.store(true, std::sync::atomic::Ordering::Release);
    });
}
