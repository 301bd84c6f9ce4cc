//! Stores hear of each other's changes.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use speedup_runtime::store::{Change, RedisStore, Store};

use crate::proxy::Proxy;
use crate::servers::{Kind, Server, url};

type Names = RedisStore<(u64,), String>;
type Changes = Receiver<Change<(u64,)>>;

/// Nothing here takes nearly as long.
const LONG: Duration = Duration::from_secs(30);

fn watched(store: &Names) -> Changes {
    let (tell, changes) = channel();
    assert!(store.watch(Box::new(move |change| tell.send(change).unwrap_or(()))).unwrap());
    changes
}

fn names(url: String) -> Names {
    Names::open(url, "names").expect("the address is one")
}

#[test]
fn changes_reach_the_others() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (one, two) = (names(server.url()), names(server.url()));
    let (at_one, at_two) = (watched(&one), watched(&two));
    let next = |changes: &Changes| changes.recv_timeout(LONG).expect("it is told");
    one.put(&(1,), &"one".into(), None).unwrap();
    assert_eq!(next(&at_two), Change::Key((1,)));
    one.remove(&(2,)).unwrap();
    assert_eq!(next(&at_two), Change::Key((2,)));
    one.put_many(&[(&(3,), &"three".to_owned()), (&(4,), &"four".to_owned())], None).unwrap();
    assert_eq!([next(&at_two), next(&at_two)], [Change::Key((3,)), Change::Key((4,))]);
    one.clear().unwrap();
    assert_eq!(next(&at_two), Change::All);
    two.remove(&(5,)).unwrap();
    assert_eq!(next(&at_one), Change::Key((5,)), "and nothing was told of one's own");
}

#[test]
fn after_a_lost_connection_anything_may_have_changed() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let proxy = Proxy::before(server.address());
    let store = names(url(Kind::Redis, proxy.address()));
    let changes = watched(&store);
    proxy.cut();
    assert_eq!(changes.recv_timeout(LONG), Ok(Change::All));
    // Told when the connection is lost, and again when there is a new one. From then on changes come again.
    let other = names(server.url());
    let mut told = false;
    for n in 0.. {
        other.put(&(n,), &n.to_string(), None).unwrap();
        match changes.recv_timeout(Duration::from_millis(50)) {
            Ok(Change::Key(_)) => break,
            Ok(_) => told = true,
            Err(_) => assert!(n < 1_000, "no change comes any more"),
        }
    }
    assert!(told);
}

#[test]
fn garbage_on_the_channel_means_anything() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let store = names(server.url());
    let changes = watched(&store);
    let channels = crate::redis_store::say(&server, "PUBSUB CHANNELS");
    let channel = channels.lines().find(|line| line.starts_with("speedup:names")).expect("it listens");
    crate::redis_store::say(&server, &format!("PUBLISH {channel} garbage"));
    assert_eq!(changes.recv_timeout(LONG), Ok(Change::All));
}

#[test]
fn watching_a_server_that_is_down_begins_when_it_comes() {
    let Some(mut server) = Server::start(Kind::Redis, &[]) else { return };
    server.kill();
    let store = names(server.url());
    let changes = watched(&store);
    server.restart();
    while changes.recv_timeout(LONG) != Ok(Change::All) {}
    let other = names(server.url());
    for n in 0.. {
        other.put(&(n,), &n.to_string(), None).unwrap();
        if let Ok(Change::Key(_)) = changes.recv_timeout(Duration::from_millis(50)) {
            break;
        }
        assert!(n < 1_000, "no change comes");
    }
}
