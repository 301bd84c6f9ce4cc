//! Several processes compute one recursion together. Each is a thread here, with a memory and a store of its own.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use speedup_runtime::store::cooperate::{Begun, Cooperate, First, Foretold, Group, Looked, group, take, together};
use speedup_runtime::store::{Claim, RedisStore, Store};

use crate::proxy::Proxy;
use crate::redis_store::say;
use crate::servers::{Kind, Server, url};

type Key = (u32, u32);
type Sums = RedisStore<Key, u64>;

fn sums(server: &Server) -> Sums {
    sums_at(server.url())
}

fn sums_at(address: String) -> Sums {
    Sums::builder(address, "sums").cooperate().open().expect("the address is one")
}

/// One whose round trips are counted, and one beside it.
fn counted_and_another(server: &Server) -> (Proxy, Sums, Sums) {
    let proxy = Proxy::before(server.address());
    let counted = sums_at(url(Kind::Redis, proxy.address()));
    (proxy, counted, sums(server))
}

/// One of the processes.
struct Process<'a> {
    /// One and the same for all its calls.
    store: std::sync::Arc<Sums>,
    known: HashMap<Key, u64>,
    computed: &'a AtomicU64,
    work: Duration,
}

impl Process<'_> {
    /// Paths through a grid.
    fn paths(&mut self, key: Key) -> u64 {
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let store = self.store.clone();
        let cooperation = store.cooperation().expect("it was chosen");
        let process = std::cell::RefCell::new(&mut *self);
        let is_claimed = take(cooperation, &key);
        let begun = if is_claimed { Ok(Begun::Mine) } else { cooperation.begin(&key) }.expect("the server is there");
        let value = together(
            cooperation,
            &key,
            begun,
            || {
                let value = process.borrow_mut().compute(cooperation, key);
                (value, store.put(&key, &value, None).is_ok())
            },
            Some(&mut |needs| process.borrow_mut().all(cooperation, needs)),
        );
        let value = value.expect("the server is there");
        self.known.insert(key, value);
        value
    }

    /// Computes keys in an order of its own, those last that another process has begun.
    fn all(&mut self, store: &dyn Cooperate<Key, u64>, keys: Vec<Key>) {
        let group = group(store, &keys.iter().collect::<Vec<_>>(), true);
        let Group { order, first: mut seat, .. } = group.expect("the server is there");
        for index in order {
            self.paths(keys[index]);
            drop(seat.take());
        }
    }

    fn compute(&mut self, store: &dyn Cooperate<Key, u64>, (x, y): Key) -> u64 {
        let sum = if x == 0 || y == 0 {
            1
        } else {
            let group = [(x - 1, y), (x, y - 1)];
            let missing: Vec<Key> = group.into_iter().filter(|key| !self.known.contains_key(key)).collect();
            self.all(store, missing);
            group.map(|key| self.known[&key]).iter().sum()
        };
        std::thread::sleep(self.work);
        self.computed.fetch_add(1, Ordering::Relaxed);
        sum
    }
}

/// All of them compute one value. Returns how many keys were computed.
fn all_compute(server: &Server, processes: usize, side: u32, work: Duration) -> u64 {
    let computed = AtomicU64::new(0);
    let value = (1..=u64::from(side)).fold(1, |value, n| value * (u64::from(side) + n) / n);
    std::thread::scope(|scope| {
        for _ in 0..processes {
            scope.spawn(|| {
                let mut process =
                    Process { store: sums(server).into(), known: HashMap::new(), computed: &computed, work };
                assert_eq!(process.paths((side, side)), value);
            });
        }
    });
    computed.into_inner()
}

#[test]
fn each_key_is_computed_once_between_processes() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    // All but the corner, which nobody needs.
    let keys = 13 * 13 - 1;
    for processes in [1, 2, 4] {
        sums(&server).clear().unwrap();
        assert_eq!(all_compute(&server, processes, 12, Duration::from_millis(2)), keys, "{processes} processes");
    }
}

#[test]
fn a_claim_is_given_up_when_its_call_panics() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (one, two) = (sums(&server), sums(&server));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let store = one.cooperation().unwrap();
        let begun = store.begin(&(1, 1)).unwrap();
        together(store, &(1, 1), begun, || panic!("in the call"), None)
    }));
    assert!(panicked.is_err());
    assert_eq!(two.cooperation().unwrap().begin(&(1, 1)).unwrap(), Begun::Mine);
}

#[test]
fn who_waits_is_told_of_the_value_of_needs_and_of_the_end() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (one, two) = (sums(&server), sums(&server));
    let (owner, other) = (one.cooperation().unwrap(), two.cooperation().unwrap());
    assert_eq!(owner.begin(&(1, 1)).unwrap(), Begun::Mine);
    let Begun::Taken { needs, seen } = other.begin(&(1, 1)).unwrap() else { panic!("it is taken") };
    assert_eq!(needs, []);
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| other.wait(&(1, 1), seen).unwrap());
        owner.needs(&owner.bytes(&(1, 1)), &[&(0, 1), &(1, 0)]).unwrap();
        let Begun::Taken { needs, seen } = waits.join().unwrap() else { panic!("it is taken") };
        assert_eq!(needs, [(0, 1), (1, 0)]);
        let waits = scope.spawn(move || other.wait(&(1, 1), seen).unwrap());
        one.put(&(1, 1), &2, None).unwrap();
        assert_eq!(waits.join().unwrap(), Begun::Value(2));
        assert_eq!(owner.begin(&(2, 2)).unwrap(), Begun::Mine);
        let Begun::Taken { seen, .. } = other.begin(&(2, 2)).unwrap() else { panic!("it is taken") };
        let waits = scope.spawn(move || other.wait(&(2, 2), seen).unwrap());
        owner.give_up(&(2, 2));
        assert_eq!(waits.join().unwrap(), Begun::Mine);
    });
}

/// The owner gives it up, a group of this process is quicker than who waits, and then waits for that one.
#[test]
fn who_waits_for_a_call_that_its_own_process_has_claimed_since_is_let_go() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let one = sums(&server);
    let store = one.cooperation().unwrap();
    assert_eq!(store.begin(&(1, 1)).unwrap(), Begun::Mine);
    let Begun::Taken { seen, .. } = store.begin(&(1, 1)).unwrap() else { panic!("it is taken") };
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| store.wait(&(1, 1), seen).unwrap());
        while !waits.is_finished() {
            store.stir(&(1, 1));
            std::thread::yield_now();
        }
        assert_eq!(waits.join().unwrap(), Begun::Taken { needs: Vec::new(), seen });
    });
    // And where nobody tells it, since it has begun to wait later than that.
    let short = Sums::builder(server.url(), "short").cooperate().lease(Duration::from_millis(300)).open().unwrap();
    let store = short.cooperation().unwrap();
    assert_eq!(store.begin(&(1, 1)).unwrap(), Begun::Mine);
    assert_eq!(store.wait(&(1, 1), seen).unwrap(), Begun::Taken { needs: Vec::new(), seen });
}

#[test]
fn the_first_key_that_is_free_is_claimed_in_one_round_trip() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (proxy, two, one) = counted_and_another(&server);
    let (owner, other) = (one.cooperation().unwrap(), two.cooperation().unwrap());
    one.put(&(0, 0), &1, None).unwrap();
    assert_eq!(owner.begin(&(1, 1)).unwrap(), Begun::Mine);
    owner.needs(&owner.bytes(&(1, 1)), &[&(0, 1)]).unwrap();
    other.look(&[&(9, 9)]).unwrap();
    let trips = proxy.round_trips();
    let First { is_claimed, before } = other.claim_first(&[&(0, 0), &(1, 1), &(2, 2), &(3, 3)]).unwrap();
    let [Looked::There, Looked::Taken { needs, seen }] = &before[..] else { panic!("{before:?}") };
    assert!(is_claimed && *needs == [(0, 1)]);
    assert_eq!(proxy.round_trips() - trips, 1);
    assert_eq!(*other.look(&[&(1, 1)]).unwrap(), [Looked::Taken { needs: needs.clone(), seen: *seen }]);
    // It is held as any other, and no key behind it is.
    assert!(matches!(owner.begin(&(2, 2)).unwrap(), Begun::Taken { .. }));
    assert_eq!(owner.look(&[&(3, 3)]).unwrap(), [Looked::Free]);
    other.give_up(&(2, 2));
    assert_eq!(owner.begin(&(2, 2)).unwrap(), Begun::Mine);
    // None is free, of more keys than go into one script.
    let many: Vec<Key> = (0..1_000).map(|n| (7, n)).collect();
    many.iter().for_each(|key| one.put(key, &1, None).unwrap());
    let all: Vec<&Key> = many.iter().collect();
    let First { is_claimed, before } = other.claim_first(&all).unwrap();
    assert!(!is_claimed && before == vec![Looked::There; 1_000]);
    one.remove(&(7, 700)).unwrap();
    let First { is_claimed, before } = other.claim_first(&all).unwrap();
    assert!(is_claimed && before.len() == 700);
}

#[test]
fn a_group_is_told_looked_up_and_its_first_free_member_claimed_in_one_round_trip() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (proxy, two, one) = counted_and_another(&server);
    let (owner, other) = (one.cooperation().unwrap(), two.cooperation().unwrap());
    one.put(&(0, 0), &1, None).unwrap();
    assert_eq!(owner.begin(&(1, 1)).unwrap(), Begun::Mine);
    assert_eq!(other.begin(&(9, 9)).unwrap(), Begun::Mine);
    let trips = proxy.round_trips();
    let by = other.bytes(&(9, 9));
    let members = [&(0, 0), &(1, 1), &(2, 2), &(3, 3)];
    let foretold = other.foretell_and_claim(Some(&by), &members).unwrap();
    assert_eq!(foretold, [Foretold::Value(1), Foretold::Taken, Foretold::Mine, Foretold::Free]);
    assert_eq!(proxy.round_trips() - trips, 1);
    let Begun::Taken { needs, .. } = owner.begin(&(9, 9)).unwrap() else { panic!("it is taken") };
    assert_eq!(needs, members.map(|key| *key));
    assert!(matches!(owner.begin(&(2, 2)).unwrap(), Begun::Taken { .. }));
    other.give_up(&(2, 2));
    assert_eq!(owner.begin(&(2, 2)).unwrap(), Begun::Mine);
    // More than one script claims, and more than one answer has.
    let many: Vec<Key> = (0..2_500).map(|n| (7, n)).collect();
    let all: Vec<&Key> = many.iter().collect();
    many[..100].iter().for_each(|key| one.put(key, &1, None).unwrap());
    one.put(&(7, 2_400), &5, None).unwrap();
    let foretold = other.foretell_and_claim(None, &all).unwrap();
    assert!(foretold[..100].iter().all(|member| *member == Foretold::Value(1)));
    assert_eq!((&foretold[100], &foretold[101]), (&Foretold::Mine, &Foretold::Free));
    assert_eq!((foretold.len(), &foretold[2_400]), (2_500, &Foretold::Value(5)));
}

#[test]
fn a_group_is_told_looked_up_and_claimed_in_one_round_trip() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (proxy, two, one) = counted_and_another(&server);
    let (owner, other) = (one.cooperation().unwrap(), two.cooperation().unwrap());
    // More than one script claims.
    let many: Vec<Key> = (0..2_500).map(|n| (7, n)).collect();
    let all: Vec<&Key> = many.iter().collect();
    one.put(&(7, 0), &1, None).unwrap();
    one.put(&(7, 2_400), &5, None).unwrap();
    assert_eq!(owner.begin(&(7, 1)).unwrap(), Begun::Mine);
    // In place of one value lies garbage, and in place of the claim of another something else.
    assert!(say(&server, &format!("SET {} garbage", name_of(&server, &two, (7, 1_001)))).starts_with("+OK"));
    assert!(say(&server, &format!("RPUSH {}/claim garbage", name_of(&server, &two, (7, 1_002)))).starts_with(":1"));
    assert_eq!(other.begin(&(9, 9)).unwrap(), Begun::Mine);
    let trips = proxy.round_trips();
    let begun = other.begin_all(Some(&other.bytes(&(9, 9))), &all[..20]).unwrap();
    assert_eq!(proxy.round_trips() - trips, 1);
    assert_eq!((&begun[0], &begun[2]), (&Begun::Value(1), &Begun::Mine));
    assert!(matches!(begun[1], Begun::Taken { .. }));
    let Begun::Taken { needs, .. } = owner.begin(&(9, 9)).unwrap() else { panic!("it is taken") };
    assert_eq!(needs, many[..20]);
    let begun = other.begin_all(None, &all[20..]).unwrap();
    assert_eq!((begun.len(), &begun[2_380]), (2_480, &Begun::Value(5)));
    let is_mine = |n: u32| begun[n as usize - 20] == Begun::Mine;
    assert_eq!((20..2_500).filter(|n| !is_mine(*n)).collect::<Vec<u32>>(), [1_001, 1_002, 2_400]);
    // They are held as any others; of what was damaged, whoever needs it learns more.
    for n in [2, 19, 20, 1_000, 1_003, 2_499] {
        assert!(matches!(owner.begin(&(7, n)).unwrap(), Begun::Taken { .. }), "{n}");
        other.give_up(&(7, n));
        assert_eq!(owner.begin(&(7, n)).unwrap(), Begun::Mine, "{n}");
    }
    assert_eq!(other.begin(&(7, 1_001)).unwrap(), Begun::Mine);
    assert!(other.begin(&(7, 1_002)).is_err());
}

/// Under which name the value of a key lies: seen by its claim.
fn name_of(server: &Server, store: &Sums, key: Key) -> String {
    let cooperation = store.cooperation().unwrap();
    let before = say(server, "KEYS *claim");
    assert_eq!(cooperation.begin(&key).unwrap(), Begun::Mine);
    let after = say(server, "KEYS *claim");
    let claim = after.lines().find(|line| line.ends_with("/claim") && !before.contains(line)).expect("it is new");
    cooperation.give_up(&key);
    claim.trim_end_matches("/claim").to_owned()
}

#[test]
fn a_member_that_was_claimed_with_its_group_and_not_computed_is_given_up() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (one, two) = (sums(&server), sums(&server));
    let (store, other) = (one.cooperation().unwrap(), two.cooperation().unwrap());
    assert_eq!(other.begin(&(1, 1)).unwrap(), Begun::Mine);
    let Group { order, first, .. } = group(store, &[&(1, 1), &(2, 2), &(3, 3)], true).unwrap();
    let claimed = [(1, 1), (2, 2), (3, 3)][order[0]];
    assert!(matches!(other.begin(&claimed).unwrap(), Begun::Taken { .. }));
    assert_eq!(order.last(), Some(&0), "what another process computes comes last");
    drop(first);
    assert_eq!(other.begin(&claimed).unwrap(), Begun::Mine);
}

#[test]
fn a_claim_outlives_its_lease_while_its_process_lives_and_no_longer() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let lease = Duration::from_millis(300);
    let short = |server: &Server| Sums::builder(server.url(), "sums").cooperate().lease(lease).open().unwrap();
    let (one, two) = (short(&server), short(&server));
    let key = (1, 1);
    assert_eq!(one.cooperation().unwrap().begin(&key).unwrap(), Begun::Mine);
    // Three claims that nobody renews, one after the other, to see three leases go by.
    for n in 0..3 {
        assert!(matches!(two.claim(&(9, n), lease).unwrap(), Claim::Mine(_)));
        while two.claim(&(9, n), lease).unwrap() == Claim::Taken {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let Begun::Taken { seen, .. } = two.cooperation().unwrap().begin(&key).unwrap() else { panic!("it is renewed") };
    // Its process ends.
    drop(one);
    assert_eq!(two.cooperation().unwrap().wait(&key, seen).unwrap(), Begun::Mine);
}

#[test]
fn garbage_in_place_of_a_claim_holds_nobody_up() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let store = sums(&server);
    let cooperation = store.cooperation().unwrap();
    assert_eq!(cooperation.begin(&(1, 1)).unwrap(), Begun::Mine);
    let told = say(&server, "KEYS *claim");
    let name = told.lines().find(|line| line.ends_with("/claim")).expect("it is there").to_owned();
    for garbage in ["", "x", "a-claim-of-nobody-that-never-ends"] {
        cooperation.give_up(&(1, 1));
        assert!(say(&server, &format!("SET {name} \"{garbage}\"")).starts_with("+OK"));
        assert_eq!(cooperation.begin(&(1, 1)).unwrap(), Begun::Mine, "{garbage:?}");
    }
    // Of another type: nothing can be claimed, and this is said.
    cooperation.give_up(&(1, 1));
    assert!(say(&server, &format!("RPUSH {name} garbage")).starts_with(":1"));
    assert!(cooperation.begin(&(1, 1)).is_err());
}
