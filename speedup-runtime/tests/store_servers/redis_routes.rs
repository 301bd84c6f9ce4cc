//! A Redis store whose server is found: in a cluster, by sentinels, by TLS.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use speedup_runtime::store::{Error, RedisStore, Store};

use crate::servers::{Kind, Server};

type Names = RedisStore<(u64,), String>;

/// Says something to a server, and returns the first line of its answer.
fn say(server: &Server, command: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).expect("the server is there");
    write!(stream, "{command}\r\n").expect("the server is there");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("the server answers");
    line.trim_end().to_owned()
}

fn number(server: &Server, command: &str) -> u64 {
    say(server, command).trim_start_matches(':').parse().expect("a number")
}

/// The text that follows the length.
fn text(server: &Server, command: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).expect("the server is there");
    write!(stream, "{command}\r\n").expect("the server is there");
    let lines = BufReader::new(stream).lines();
    lines.map_while(Result::ok).nth(1).expect("the server answers")
}

/// Waits for what servers need a moment for among themselves.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Two nodes, each with half of the slots.
fn cluster(folder: &std::path::Path) -> Option<[Server; 2]> {
    let start = |name: &str| {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).expect("a folder");
        Server::start(Kind::Redis, &["--cluster-enabled", "yes", "--dir", folder.to_str().expect("a path")])
    };
    let nodes = [start("a")?, start("b")?];
    assert_eq!(say(&nodes[0], "CLUSTER ADDSLOTSRANGE 0 8191"), "+OK");
    assert_eq!(say(&nodes[1], "CLUSTER ADDSLOTSRANGE 8192 16383"), "+OK");
    assert_eq!(say(&nodes[0], &format!("CLUSTER MEET 127.0.0.1 {}", nodes[1].address().port())), "+OK");
    let knows_all =
        |node: &Server| say(node, "CLUSTER SLOTS") == "*2" && text(node, "CLUSTER INFO") == "cluster_state:ok";
    until("the nodes meet", || nodes.iter().all(knows_all));
    Some(nodes)
}

fn use_it(store: &Names) {
    let entries: Vec<((u64,), String)> = (0..50).map(|n| ((n,), n.to_string())).collect();
    store.put_many(&entries.iter().map(|(key, value)| (key, value)).collect::<Vec<_>>(), None).expect("they are kept");
    let found = store.get_many(&entries.iter().map(|(key, _)| key).collect::<Vec<_>>()).expect("it answers");
    assert_eq!(found, entries.iter().map(|(_, value)| Some(value.clone())).collect::<Vec<_>>());
    store.remove(&(7,)).expect("it answers");
    assert_eq!(store.get(&(7,)).expect("it answers"), None);
}

#[test]
fn stores_of_a_cluster_are_spread_and_each_is_on_one_node() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(nodes) = cluster(folder.path()) else { return };
    let open = |namespace: &str| {
        Names::open(format!("redis-cluster://{}", nodes[0].address()), namespace).expect("an address")
    };
    let stores: Vec<Names> = (0..8).map(|n| open(&format!("names-{n}"))).collect();
    stores.iter().for_each(use_it);
    let there = [0, 1].map(|node| number(&nodes[node], "DBSIZE"));
    assert!(there.iter().sum::<u64>() == 8 * 49 && there.iter().all(|keys| keys % 49 == 0 && *keys > 0), "{there:?}");
    stores[0].clear().expect("it answers");
    assert_eq!(stores[0].get(&(1,)).expect("it answers"), None);
    assert_eq!(stores[1].get(&(1,)).expect("it answers").as_deref(), Some("1"));
}

#[test]
fn a_slot_that_moves_is_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(nodes) = cluster(folder.path()) else { return };
    let store = Names::open(format!("redis-cluster://{}", nodes[0].address()), "moves").expect("an address");
    use_it(&store);
    let from = usize::from(number(&nodes[0], "DBSIZE") == 0);
    let [source, to] = [from, 1 - from].map(|node| text(&nodes[node], "CLUSTER MYID"));
    // Its slot goes to the other one, empty.
    let slot = number(&nodes[from], &format!("CLUSTER KEYSLOT {}", text(&nodes[from], "RANDOMKEY")));
    assert_eq!(say(&nodes[from], "FLUSHALL"), "+OK");
    let set = |node: usize, what: &str| assert_eq!(say(&nodes[node], &format!("CLUSTER SETSLOT {slot} {what}")), "+OK");
    // Who imports it has the last word: otherwise what the nodes told each other before may take it back.
    set(1 - from, &format!("IMPORTING {source}"));
    set(from, &format!("MIGRATING {to}"));
    [1 - from, from].iter().for_each(|node| set(*node, &format!("NODE {to}")));
    use_it(&store);
    assert_eq!([number(&nodes[from], "DBSIZE"), number(&nodes[1 - from], "DBSIZE")], [0, 49]);
}

#[test]
fn the_master_that_sentinels_name_is_asked_and_the_next_one_after_it() {
    let Some(mut first) = Server::start(Kind::Redis, &[]) else { return };
    let Some(second) = Server::start(Kind::Redis, &[]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = folder.path().join("sentinel.conf");
    let watch = |server: &Server| format!("monitor main 127.0.0.1 {} 1", server.address().port());
    fs::write(&configuration, format!("sentinel {}\n", watch(&first))).expect("it is written");
    let sentinel = Server::start(Kind::Sentinel, &[configuration.to_str().expect("a path")]).expect("it starts");
    let store = Names::open(sentinel.url(), "names").expect("an address");
    use_it(&store);
    assert_eq!(number(&first, "DBSIZE"), 49);
    // What a failover comes to.
    assert_eq!(say(&sentinel, "SENTINEL REMOVE main"), "+OK");
    assert_eq!(say(&sentinel, &format!("SENTINEL {}", watch(&second))), "+OK");
    first.kill();
    until("the next master is found", || store.put(&(1,), &"one".to_owned(), None).is_ok());
    use_it(&store);
    assert_eq!(number(&second, "DBSIZE"), 49);
}

#[test]
fn sentinels_that_know_no_such_master_are_an_outage_that_says_so() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    // A server that is no sentinel does not know the word.
    let store = Names::open(format!("redis-sentinel://{}#main", server.address()), "names").expect("an address");
    assert!(store.get(&(1,)).is_err());
    let nowhere = Names::open("redis-cluster://127.0.0.1:1", "names").expect("an address");
    assert!(matches!(nowhere.get(&(1,)), Err(Error::Unreachable { .. })));
}

#[cfg(not(feature = "redis-tls"))]
#[test]
fn without_its_feature_tls_is_refused_with_a_word_what_to_do() {
    let error = Names::open("rediss://127.0.0.1", "names").expect_err("there is no TLS");
    assert!(matches!(&error, Error::Refused { reason, .. } if reason.contains("redis-tls")), "{error}");
}

#[cfg(feature = "redis-tls")]
#[test]
fn with_its_feature_tls_is_spoken_and_a_strange_certificate_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let [key, certificate] = ["key", "certificate"].map(|name| folder.path().join(name).display().to_string());
    let mut make = std::process::Command::new("openssl");
    make.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1"]);
    make.args(["-keyout", &key, "-out", &certificate]).stderr(std::process::Stdio::null());
    if !make.status().is_ok_and(|status| status.success()) {
        return;
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let words = ["--tls-port", &free.to_string(), "--tls-cert-file", &certificate, "--tls-key-file", &key];
    let words = [&words[..], &["--tls-ca-cert-file", &certificate, "--tls-auth-clients", "no"]].concat();
    let Some(_server) = Server::start(Kind::Redis, &words) else { return };
    use_it(&Names::open(format!("rediss://127.0.0.1:{free}/#insecure"), "names").expect("an address"));
    let store = Names::open(format!("rediss://127.0.0.1:{free}"), "names").expect("an address");
    assert!(store.get(&(1,)).is_err());
}
