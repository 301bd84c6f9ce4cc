//! What the options do, in one process.

use std::{
    collections::HashMap,
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use speedup::{
    cache,
    store::{DiskStore, MemoryStore, Store},
};

static NUMBERS: LazyLock<MemoryStore<(u64,), u64>> = LazyLock::new(MemoryStore::new);

#[cache(store = &*NUMBERS)]
fn square(n: u64) -> u64 {
    n * n
}

#[test]
fn the_handle_and_the_store_agree() {
    NUMBERS.put(&(100,), &1, None).expect("it is kept");
    assert!(SQUARE.contains(&(100,)) && SQUARE.peek(&(100,)) == Some(1) && SQUARE.is_empty());
    assert_eq!((square(100), square(3)), (1, 9), "the store is believed");
    SQUARE.flush().expect("it is written");
    assert_eq!(NUMBERS.get(&(3,)).expect("it is read"), Some(9));

    assert_eq!(SQUARE.refresh((100,)), 10_000);
    SQUARE.flush().expect("it is written");
    assert_eq!(NUMBERS.get(&(100,)).expect("it is read"), Some(10_000));

    assert_eq!(SQUARE.insert((4,), 17), None);
    assert_eq!((square(4), NUMBERS.get(&(4,)).expect("it is read")), (17, Some(17)));
    assert_eq!(SQUARE.remove(&(4,)), Some(17));
    assert_eq!((NUMBERS.get(&(4,)).expect("it is read"), SQUARE.peek(&(4,))), (None, None));
    assert_eq!(square(4), 16);

    SQUARE.clear();
    assert_eq!((NUMBERS.get(&(3,)).expect("it is read"), SQUARE.contains(&(3,))), (None, false));
    let stats = SQUARE.stats();
    assert_eq!((stats.store_hits, stats.store_errors), (1, 0));
}

#[cache(store = MemoryStore::new())]
fn parse(text: &str) -> Result<i32, std::num::ParseIntError> {
    TRIED.fetch_add(1, Ordering::Relaxed);
    text.parse()
}

static TRIED: AtomicUsize = AtomicUsize::new(0);

#[test]
fn of_a_result_what_is_ok_is_stored() {
    // The error has no serde, and need not.
    assert_eq!((parse("7"), parse("x").is_err(), parse("x").is_err()), (Ok(7), true, true));
    assert_eq!(TRIED.load(Ordering::Relaxed), 3);
    PARSE.forget(None);
    assert_eq!(parse("7"), Ok(7));
    assert_eq!(TRIED.load(Ordering::Relaxed), 3, "it comes from the store");
}

#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
struct Point {
    x: f64,
    names: HashMap<String, Vec<u8>>,
}

struct Shop {
    prices: HashMap<u32, u64>,
}

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

impl Shop {
    #[cache(disk = FOLDER.path(), skip(self))]
    fn price(&self, article: u32) -> u64 {
        self.prices[&article]
    }

    #[cache(disk = FOLDER.path())]
    fn tax(cents: u64, rate: f64) -> Point {
        Point { x: cents as f64 * rate, names: HashMap::from([("a".into(), vec![1, 2])]) }
    }
}

#[cache(disk = FOLDER.path())]
fn length<
    T: AsRef<str> + Clone + Send + Sync + std::hash::Hash + Eq + serde::Serialize + serde::de::DeserializeOwned + 'static,
>(
    text: T,
) -> usize {
    text.as_ref().len()
}

#[cache(disk = FOLDER.path(), key = |words, at| -> (usize, String) { (at, words[at].clone()) })]
fn shout(words: &[String], at: usize) -> String {
    words[at].to_uppercase()
}

#[test]
fn every_form_of_function_has_its_results_back() {
    let shop = Shop { prices: HashMap::from([(1, 250), (2, 80)]) };
    let words = ["a".to_owned(), "b".to_owned()];
    let tax = Shop::tax(250, 0.19);
    assert_eq!(
        (shop.price(1), shop.price(2), length("four".to_owned()), length(Box::<str>::from("five!"))),
        (250, 80, 4, 5)
    );
    assert_eq!((shout(&words, 0), shout(&words, 1)), ("A".to_owned(), "B".to_owned()));
    // Memory forgets; the shop is empty now, so that prices come from the disk alone.
    for flushed in [
        Shop::PRICE.flush(),
        Shop::TAX.flush(),
        LENGTH::<String>().flush(),
        LENGTH::<Box<str>>().flush(),
        SHOUT.flush(),
    ] {
        flushed.expect("it is written");
    }
    Shop::PRICE.forget(None);
    Shop::TAX.forget(None);
    SHOUT.forget(None);
    LENGTH::<String>().forget(None);
    let empty = Shop { prices: HashMap::new() };
    assert_eq!((empty.price(1), empty.price(2), Shop::tax(250, 0.19), length("four".to_owned())), (250, 80, tax, 4));
    assert_eq!((shout(&words, 0), SHOUT.stats().store_hits), ("A".to_owned(), 1));
    assert_eq!(
        (Shop::PRICE.stats().store_hits, Shop::TAX.stats().store_hits, LENGTH::<String>().stats().store_hits),
        (2, 1, 1)
    );
}

#[cache(store = DiskStore::builder("grid").location(FOLDER.path()).open())]
fn paths(right: u32, down: u32) -> u64 {
    if right == 0 || down == 0 { 1 } else { paths(right - 1, down) + paths(right, down - 1) }
}

#[test]
fn a_store_that_may_fail_to_open_is_given_as_it_is() {
    assert_eq!(paths(16, 16), 601_080_390);
    PATHS.flush().expect("it is written");
    PATHS.forget(None);
    assert_eq!((paths(16, 16), PATHS.stats().store_hits, PATHS.stats().misses), (601_080_390, 1, 288));
}
