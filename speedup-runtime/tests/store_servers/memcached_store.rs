//! What a memcached store does, with all servers there and with some harmed.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use speedup_runtime::store::{Condition, Error, MemcachedStore, Store};

use crate::proxy::Proxy;
use crate::servers::{Kind, Server};

type Names = MemcachedStore<(u64,), String>;

const TIMEOUT: Duration = Duration::from_millis(300);

fn servers(count: usize) -> Option<Vec<Server>> {
    (0..count).map(|_| Server::start(Kind::Memcached, &[])).collect()
}

fn names(servers: &[Server]) -> Names {
    let servers = servers.iter().map(Server::url);
    Names::builder(servers, "names").timeout(TIMEOUT).open().expect("the addresses are")
}

fn fill(store: &Names, keys: u64) {
    let entries: Vec<((u64,), String)> = (0..keys).map(|n| ((n,), n.to_string())).collect();
    store.put_many(&entries.iter().map(|(key, value)| (key, value)).collect::<Vec<_>>(), None).unwrap();
}

fn found(store: &Names, keys: u64) -> usize {
    let keys: Vec<(u64,)> = (0..keys).map(|n| (n,)).collect();
    let values = store.get_many(&keys.iter().collect::<Vec<_>>()).unwrap();
    let is_right = |(key, value): (&(u64,), &Option<String>)| match value {
        Some(value) => {
            assert_eq!(*value, key.0.to_string());
            true
        }
        None => false,
    };
    keys.iter().zip(&values).filter(|pair| is_right(*pair)).count()
}

/// Sends a command, as somebody else would. Returns the answer to its last line.
fn say(server: &Server, command: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).expect("the server is there");
    write!(stream, "{command}\r\n").expect("the server is there");
    let lines = BufReader::new(stream).lines().map(|line| line.expect("the server answers"));
    let mut answer = String::new();
    for line in lines {
        if line == "END" || line == "STORED" {
            break;
        }
        answer += &(line + "\n");
    }
    answer
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
fn keys_are_spread_and_the_order_of_servers_does_not_matter() {
    let Some(mut servers) = servers(3) else { return };
    fill(&names(&servers), 2_000);
    servers.reverse();
    assert_eq!(found(&names(&servers), 2_000), 2_000);
    let items = servers.iter().map(|server| {
        let stats = say(server, "stats");
        let line = stats.lines().find_map(|line| line.strip_prefix("STAT curr_items ")).expect("it counts");
        line.trim().parse::<u32>().expect("a count")
    });
    items.for_each(|items| assert!((200..1_500).contains(&items), "{items} of 2,000"));
}

#[test]
fn what_one_store_puts_and_clears_others_see() {
    let Some(servers) = servers(2) else { return };
    let (one, two) = (names(&servers), names(&servers));
    let other = Names::open(servers.iter().map(Server::url), "others").unwrap();
    fill(&one, 100);
    fill(&other, 100);
    assert_eq!(found(&two, 100), 100);
    two.remove(&(7,)).unwrap();
    assert_eq!(one.get(&(7,)).unwrap(), None);
    one.clear().unwrap();
    assert_eq!((found(&one, 100), found(&two, 100), found(&other, 100)), (0, 0, 100));
    two.put(&(1,), &"1".into(), None).unwrap();
    assert_eq!(one.get(&(1,)).unwrap().as_deref(), Some("1"));
}

#[test]
fn groups_take_one_round_trip_to_each_server() {
    let Some(servers) = servers(1) else { return };
    let proxy = Proxy::before(servers[0].address());
    let store = Names::open([proxy.address().to_string()], "names").unwrap();
    assert_eq!(store.get(&(0,)).unwrap(), None);
    let before = proxy.round_trips();
    fill(&store, 300);
    let put = proxy.round_trips();
    assert_eq!(found(&store, 300), 300);
    // An answer may come in pieces: but in far fewer than there are keys.
    assert!(put - before < 20 && proxy.round_trips() - put < 20, "{before} {put} {}", proxy.round_trips());
}

#[test]
fn a_killed_server_loses_its_keys_and_no_others() {
    let Some(mut servers) = servers(3) else { return };
    let store = names(&servers);
    fill(&store, 300);
    servers[1].kill();
    let left = found(&store, 300);
    assert!((100..300).contains(&left), "{left} of 300");
    assert_eq!(store.condition(), Condition::Down);
    let (mut there, mut gone) = (0, 0);
    for n in 0..300 {
        match store.get(&(n,)) {
            Ok(value) => {
                assert_eq!(value, Some(n.to_string()));
                there += 1;
            }
            Err(error) => {
                assert!(error.is_outage(), "{error}");
                gone += 1;
            }
        }
    }
    assert_eq!((there, gone), (left, 300 - left));
    assert!(store.clear().is_err(), "values may still be there");
    servers[1].restart();
    (0..300).for_each(|n| assert_eq!(once_it_answers(&store, n), None));
    fill(&store, 300);
    assert_eq!((found(&store, 300), store.condition()), (300, Condition::Sound));
}

#[test]
fn a_paused_server_costs_one_timeout_and_not_one_a_call() {
    let Some(servers) = servers(1) else { return };
    let store = names(&servers);
    fill(&store, 10);
    servers[0].pause();
    let mut timeouts = 0;
    for n in 0..2_000 {
        match store.get(&(n % 10,)) {
            Err(Error::Resting { .. }) => {}
            Err(Error::TimedOut { .. }) => timeouts += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!((1..20).contains(&timeouts), "{timeouts} timeouts");
    servers[0].resume();
    assert_eq!(once_it_answers(&store, 3).as_deref(), Some("3"));
}

#[test]
fn a_restart_between_two_calls_goes_unnoticed() {
    let Some(mut servers) = servers(1) else { return };
    let store = names(&servers);
    fill(&store, 10);
    servers[0].restart();
    assert_eq!(store.get(&(1,)).unwrap(), None);
    fill(&store, 10);
    assert_eq!(found(&store, 10), 10);
}

#[test]
fn a_slow_server_and_cut_connections_mix_no_answers_up() {
    let Some(servers) = servers(1) else { return };
    let proxy = Proxy::before(servers[0].address());
    let store = Names::builder([proxy.address().to_string()], "names").timeout(TIMEOUT).open().unwrap();
    fill(&store, 10);
    proxy.delay(Duration::from_secs(2));
    assert!(matches!(store.get(&(1,)), Err(Error::TimedOut { .. })));
    proxy.delay(Duration::ZERO);
    assert_eq!(once_it_answers(&store, 2).as_deref(), Some("2"));
    for n in 0..50 {
        proxy.cut();
        assert_eq!(store.get(&(n % 10,)).unwrap(), Some((n % 10).to_string()));
    }
}

#[test]
fn garbage_under_our_keys_is_no_value() {
    let Some(servers) = servers(1) else { return };
    let store = names(&servers);
    fill(&store, 1);
    // The names of keys are promised to nobody; the server tells them.
    let told = say(&servers[0], "lru_crawler metadump all");
    let names = told.lines().filter_map(|line| line.strip_prefix("key=")?.split(' ').next());
    let names = names.map(|name| name.replace("%3A", ":").replace("%21", "!"));
    let (generations, values): (Vec<_>, Vec<_>) = names.partition(|name| name.ends_with('!'));
    let ([generation], [value]) = (&generations[..], &values[..]) else { panic!("{told}") };
    say(&servers[0], &format!("set {value} 0 0 7\r\ngarbage"));
    assert!(matches!(store.get(&(0,)), Err(Error::Damaged { .. })));
    assert_eq!(found(&store, 1), 0);
    fill(&store, 1);
    assert_eq!(found(&store, 1), 1);
    say(&servers[0], &format!("set {generation} 0 0 7\r\ngarbage"));
    assert_eq!(found(&store, 1), 0, "it may have been cleared");
    fill(&store, 1);
    assert_eq!(found(&store, 1), 1);
}

#[test]
fn a_full_server_forgets_and_a_large_item_is_refused() {
    let Some(server) = Server::start(Kind::Memcached, &["-m", "2"]) else { return };
    let servers = [server];
    let store = names(&servers);
    for n in 0..1_000 {
        // It makes room, or says that it has none.
        match store.put(&(n,), &n.to_string().repeat(2_000), None) {
            Ok(()) | Err(Error::Refused { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    for n in 0..1_000 {
        assert!(store.get(&(n,)).unwrap().is_none_or(|value| value == n.to_string().repeat(2_000)));
    }
    let large = store.put(&(1,), &"x".repeat(3 << 20), None);
    assert!(matches!(large, Err(Error::TooLarge { bytes, .. }) if bytes > 3 << 20), "{large:?}");
    store.put(&(1,), &"small".into(), None).unwrap();
}

#[test]
fn what_cannot_be_a_server_or_a_namespace_is_said_at_once() {
    let refused =
        |servers: &[&str], name: &str| matches!(Names::open(servers.iter().copied(), name), Err(Error::Refused { .. }));
    assert!(refused(&[], "names") && refused(&["host"], "names") && refused(&["host:port"], "names"));
    assert!(refused(&["host:1"], "") && refused(&["host:1"], "two words"));
}

/// Something that answers as a server does, but only once all have been asked.
fn answers_when_all_were_asked(all: &'static Barrier) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        let stream = listener.accept().expect("the store connects").0;
        let mut answer = stream.try_clone().expect("a stream");
        let mut questions = BufReader::new(stream);
        let mut asked = String::new();
        questions.read_line(&mut asked).expect("it asks");
        // The first name is that of the generation.
        let names: Vec<&str> = asked.split_whitespace().skip(1).collect();
        all.wait();
        write!(answer, "VALUE {} 0 1\r\n7\r\nEND\r\n", names[0]).expect("the store reads");
        for _ in &names[1..] {
            let mut given = String::new();
            questions.read_line(&mut given).expect("it gives");
            let length: usize = given.trim_end().rsplit(' ').next().expect("a length").parse().expect("a number");
            questions.read_exact(&mut vec![0; length + 2]).expect("an item");
        }
        all.wait();
        answer.write_all("STORED\r\n".repeat(names.len() - 1).as_bytes()).expect("the store reads");
        // Until the store is gone.
        let _ = questions.read(&mut [0]);
    });
    address
}

#[test]
fn all_servers_are_asked_before_an_answer_is_read() {
    static ALL: Barrier = Barrier::new(3);
    let servers: Vec<String> = (0..3).map(|_| answers_when_all_were_asked(&ALL).to_string()).collect();
    let store = Names::builder(servers, "names").timeout(Duration::from_secs(60)).open().expect("addresses");
    let keys: Vec<(u64,)> = (0..200).map(|n| (n,)).collect();
    let found = store.get_many(&keys.iter().collect::<Vec<_>>()).expect("all answer");
    assert!(found.iter().all(Option::is_none));
    let value = "some".to_owned();
    store.put_many(&keys.iter().map(|key| (key, &value)).collect::<Vec<_>>(), None).expect("all answer");
}

/// Something that answers a question with these words.
fn says(words: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        // Until the test is over.
        for stream in listener.incoming().map_while(Result::ok) {
            let mut answer = stream.try_clone().expect("a stream");
            let mut asked = String::new();
            if BufReader::new(stream).read_line(&mut asked).is_ok() {
                let name = asked.split_whitespace().nth(1).unwrap_or_default();
                let _ = answer.write_all(words.replace("NAME", name).as_bytes());
            }
        }
    });
    address
}

#[test]
fn an_answer_that_is_none_is_an_error() {
    let answers = [
        "",
        "VALUE",
        "\r\n",
        "VALUE NAME 0 18446744073709551615\r\nx\r\n",
        "VALUE NAME 0 99999999999999\r\nx\r\n",
        "VALUE NAME 0 -1\r\nx\r\n",
        "VALUE other 0 1\r\nx\r\nEND\r\n",
        "VALUE NAME 0 1\r\nxyz\r\nEND\r\n",
        "\u{ff}\u{fe}\r\n",
        "STORED\r\n",
    ];
    for words in answers {
        let store = Names::builder([says(words).to_string()], "names").timeout(TIMEOUT).open().expect("an address");
        assert!(store.get(&(1,)).is_err(), "{words:?}");
        assert!(store.put(&(1,), &"one".into(), None).is_err(), "{words:?}");
    }
}

#[test]
fn values_say_how_much_time_they_have_left() {
    let Some(servers) = servers(2) else { return };
    let (store, hour) = (names(&servers), Duration::from_secs(3_600));
    fill(&store, 4);
    store.put(&(1,), &"1".into(), Some(hour)).unwrap();
    let found = store.get_with_time_left(&[&(0,), &(1,), &(9,)]).unwrap();
    let [Some((_, None)), Some((_, Some(left))), None] = &found[..] else { panic!("{found:?}") };
    assert!((hour / 2..=hour).contains(left), "{left:?}");
}
