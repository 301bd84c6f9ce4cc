//! Stores that fail.

use std::{
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use speedup::{
    cache,
    store::{Condition, DiskStore, Error, MemoryStore, Result, Store},
};

/// A store far away, that can be taken away.
#[derive(Default)]
struct Far {
    inner: MemoryStore<(u64,), u64>,
    is_down: AtomicBool,
    asked: AtomicUsize,
    batches: Mutex<Vec<usize>>,
}

impl Far {
    fn ask(&self) -> Result<&MemoryStore<(u64,), u64>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.is_down.load(Ordering::Relaxed) {
            return Err(Error::TimedOut { store: "far".into(), after: Duration::ZERO });
        }
        Ok(&self.inner)
    }
}

impl Store<(u64,), u64> for Far {
    fn get(&self, key: &(u64,)) -> Result<Option<u64>> {
        self.ask()?.get(key)
    }
    fn put(&self, key: &(u64,), value: &u64, ttl: Option<Duration>) -> Result<()> {
        self.ask()?.put(key, value, ttl)
    }
    fn remove(&self, key: &(u64,)) -> Result<()> {
        self.ask()?.remove(key)
    }
    fn clear(&self) -> Result<()> {
        self.ask()?.clear()
    }
    fn get_many(&self, keys: &[&(u64,)]) -> Result<Vec<Option<u64>>> {
        self.batches.lock().expect("no panic").push(keys.len());
        self.ask()?.get_many(keys)
    }
    fn put_many(&self, entries: &[(&(u64,), &u64)], ttl: Option<Duration>) -> Result<()> {
        self.ask()?.put_many(entries, ttl)
    }
}

static DOWN: LazyLock<Far> = LazyLock::new(|| Far { is_down: AtomicBool::new(true), ..Far::default() });

#[cache(store = &*DOWN)]
fn half(n: u64) -> u64 {
    n / 2
}

#[test]
fn what_a_store_cannot_give_is_computed_and_an_outage_is_waited_for_but_rarely() {
    for n in 0..500 {
        assert_eq!(half(n), n / 2);
    }
    let stats = HALF.stats();
    assert_eq!((stats.misses, stats.store_hits, stats.store), (500, 0, Condition::Down));
    assert!(stats.store_errors >= 500, "{}", stats.store_errors);
    let asked = DOWN.asked.load(Ordering::Relaxed);
    assert!(asked < 50, "it was asked {asked} times");
}

#[derive(Clone, Debug, PartialEq)]
struct Failed(String);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed(error.to_string())
    }
}

static STRICT: LazyLock<Far> = LazyLock::new(Far::default);

#[cache(store = &*STRICT, on_store_error = "fail")]
fn third(n: u64) -> std::result::Result<u64, Failed> {
    if n.is_multiple_of(3) { Ok(n / 3) } else { Err(Failed("no multiple".into())) }
}

#[test]
fn a_function_that_is_to_fails_with_its_store() {
    assert_eq!((third(3), third(4)), (Ok(1), Err(Failed("no multiple".into()))));
    assert_eq!(STRICT.inner.get(&(3,)).expect("it is read"), Some(1), "it was written before it was returned");
    STRICT.is_down.store(true, Ordering::Relaxed);
    assert_eq!(third(3), Ok(1), "memory needs no store");
    assert!(third(6).expect_err("the store is down").0.contains("did not answer"));
    STRICT.is_down.store(false, Ordering::Relaxed);
    assert_eq!(third(6), Ok(2), "nothing of it was kept");
}

static LOOSE: LazyLock<Far> = LazyLock::new(Far::default);

#[cache(store = &*LOOSE)]
fn halved(n: u64) -> std::result::Result<u64, Box<dyn std::error::Error>> {
    if n.is_multiple_of(2) { Ok(n / 2) } else { Err("odd".into()) }
}

static FIRM: LazyLock<Far> = LazyLock::new(Far::default);

#[cache(store = &*FIRM, on_store_error = "fail")]
fn fifth(n: u64) -> std::result::Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    if n.is_multiple_of(5) { Ok(n / 5) } else { Err("no multiple".into()) }
}

#[cache(store = &*FIRM, on_store_error = "fail")]
async fn fifth_later(n: u64) -> std::result::Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    if n.is_multiple_of(5) { Ok(n / 5) } else { Err("no multiple".into()) }
}

#[test]
fn an_error_need_not_be_clone() {
    assert_eq!((halved(4).unwrap(), halved(3).unwrap_err().to_string()), (2, "odd".to_owned()));
    HALVED.flush().expect("it is written");
    assert_eq!(LOOSE.inner.get(&(4,)).expect("it is read"), Some(2), "what is in `Ok` is stored");
    assert_eq!((fifth(10).unwrap(), fifth(3).unwrap_err().to_string()), (2, "no multiple".to_owned()));
    assert_eq!(pollster::block_on(fifth_later(15)).unwrap(), 3);
    assert_eq!(FIRM.inner.get(&(15,)).expect("it is read"), Some(3));
    FIRM.is_down.store(true, Ordering::Relaxed);
    assert!(fifth(20).unwrap_err().downcast_ref::<Error>().is_some());
    assert!(pollster::block_on(fifth_later(20)).unwrap_err().downcast_ref::<Error>().is_some());
}

static BATCHED: LazyLock<Far> = LazyLock::new(Far::default);

#[cache(store = &*BATCHED)]
fn cube(n: u64) -> u64 {
    n * n * n
}

#[test]
fn a_group_is_looked_up_in_one_go() {
    BATCHED.put(&(7,), &1, None).expect("it is kept");
    BATCHED.asked.store(0, Ordering::Relaxed);
    let values = CUBE.get_all((0..100).map(|n| (n,)));
    assert_eq!(values[6..9], [216, 1, 512]);
    let looked_up = BATCHED.batches.lock().expect("no panic").clone();
    assert_eq!((looked_up, CUBE.stats().store_hits, CUBE.stats().misses), (vec![100], 1, 99));
    CUBE.flush().expect("it is written");
    let asked = BATCHED.asked.load(Ordering::Relaxed);
    assert!(asked <= 4, "one for the look-ups, few for the results: {asked}");
    assert_eq!(BATCHED.inner.get(&(99,)).expect("it is read"), Some(970_299));
}

/// A store whose every call panics.
struct Broken;

impl Store<(u64,), u64> for Broken {
    fn get(&self, _: &(u64,)) -> Result<Option<u64>> {
        panic!("get")
    }
    fn put(&self, _: &(u64,), _: &u64, _: Option<Duration>) -> Result<()> {
        panic!("put")
    }
    fn remove(&self, _: &(u64,)) -> Result<()> {
        panic!("remove")
    }
    fn clear(&self) -> Result<()> {
        panic!("clear")
    }
}

#[cache(store = Broken)]
fn fourth(n: u64) -> u64 {
    n / 4
}

#[test]
fn a_store_that_panics_harms_nobody() {
    assert_eq!((fourth(8), fourth(9)), (2, 2));
    FOURTH.clear();
    assert!(FOURTH.flush().is_err() || FOURTH.stats().store_errors > 0);
    assert_eq!(FOURTH.stats().panics, 0);
}

#[cache(store = DiskStore::builder("nowhere").location("/dev/null").open(), on_store_error = "fail")]
fn nowhere(n: u64) -> Result<u64> {
    Ok(n)
}

#[test]
fn a_store_that_was_not_opened_says_why_and_no_more() {
    let error = nowhere(1).expect_err("there is no folder");
    let why = DiskStore::<(u64,), u64>::builder("nowhere").location("/dev/null").open().expect_err("there is none");
    assert!(matches!(error, Error::NotOpened { .. }) && error.is_outage(), "{error:?}");
    assert_eq!(error.to_string(), format!("the store was not opened: {why}"));
    assert_eq!(NOWHERE.stats().store, Condition::Down);
}
