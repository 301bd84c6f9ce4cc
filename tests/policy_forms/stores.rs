//! Bounds and ages in memory, with a store behind: what is written is told its time to live, and what is read ends when it is over.

use std::{collections::HashMap, hash::Hash, sync::Mutex, time::Duration};

use speedup::{
    PolicyCache, cache,
    clock::Mock,
    store::{MemoryStore, Result, Store, Timed},
};

use crate::{Count, SECOND};

/// Keeps everything, and notes for how long it was to be kept. Each value has so much time left as was said last.
struct Told<K, V> {
    values: Mutex<HashMap<K, V>>,
    told: &'static Mutex<Vec<Option<Duration>>>,
    left: &'static Mutex<Option<Duration>>,
}

impl<K, V> Told<K, V> {
    fn new(told: &'static Mutex<Vec<Option<Duration>>>, left: &'static Mutex<Option<Duration>>) -> Self {
        Self { values: Mutex::default(), told, left }
    }
}

impl<K: Hash + Eq + Clone + Send, V: Clone + Send> Store<K, V> for Told<K, V> {
    fn get(&self, key: &K) -> Result<Option<V>> {
        Ok(self.values.lock().expect("no panic").get(key).cloned())
    }

    fn get_with_time_left(&self, keys: &[&K]) -> Result<Vec<Option<Timed<V>>>> {
        let left = *self.left.lock().expect("no panic");
        Ok(self.get_many(keys)?.into_iter().map(|value| Some((value?, left))).collect())
    }

    fn put(&self, key: &K, value: &V, ttl: Option<Duration>) -> Result<()> {
        self.told.lock().expect("no panic").push(ttl);
        self.values.lock().expect("no panic").insert(key.clone(), value.clone());
        Ok(())
    }

    fn remove(&self, key: &K) -> Result<()> {
        self.values.lock().expect("no panic").remove(key);
        Ok(())
    }

    fn clear(&self) -> Result<()> {
        self.values.lock().expect("no panic").clear();
        Ok(())
    }
}

#[test]
fn what_has_no_room_in_memory_is_in_the_store() {
    static RUNS: Count = Count::new();

    #[cache(store = MemoryStore::new(), capacity = 10)]
    fn square(n: u64) -> u64 {
        RUNS.up();
        n * n
    }

    let _: &PolicyCache<(u64,), u64> = SQUARE;
    for n in (0..100).chain(0..100) {
        assert_eq!(square(n), n * n);
        assert!(SQUARE.len() <= 10);
    }
    // Of a loop, a part stays in memory.
    assert!((90..=100).contains(&SQUARE.stats().store_hits));
    assert_eq!((RUNS.get(), SQUARE.peek(&(1,)), SQUARE.contains(&(2,))), (100, Some(1), true));
    assert_eq!((SQUARE.remove(&(1,)), SQUARE.peek(&(1,))), (Some(1), None));
    SQUARE.insert((1,), 7);
    assert_eq!((SQUARE.peek(&(1,)), SQUARE.refresh((1,))), (Some(7), 1));
    SQUARE.retain(|_, _| false);
    assert_eq!(SQUARE.len(), 0);
    SQUARE.clear();
    assert!(!SQUARE.contains(&(50,)));
}

#[test]
fn a_store_is_told_the_time_to_live() {
    static TOLD: Mutex<Vec<Option<Duration>>> = Mutex::new(Vec::new());
    static LEFT: Mutex<Option<Duration>> = Mutex::new(None);

    #[cache(store = Told::new(&TOLD, &LEFT), ttl = |value| Duration::from_secs(*value))]
    fn life(n: u64) -> u64 {
        n
    }

    let _clock = Mock::new();
    for n in [40, 10, 41, 10] {
        life(n);
    }
    LIFE.insert((5,), 5);
    LIFE.flush().expect("the store is in memory");
    let told = TOLD.lock().expect("no panic").clone();
    // Those that end within a sixteenth of each other go together.
    assert_eq!(told, [5, 10, 40, 40].map(|seconds| Some(seconds * SECOND)));
}

#[test]
fn what_is_read_lives_for_what_is_left() {
    static TOLD: Mutex<Vec<Option<Duration>>> = Mutex::new(Vec::new());
    static LEFT: Mutex<Option<Duration>> = Mutex::new(None);
    static RUNS: Count = Count::new();

    #[cache(store = Told::new(&TOLD, &LEFT), ttl = "30s", capacity = 10)]
    fn copy(n: u64) -> u64 {
        RUNS.up();
        n
    }

    let clock = Mock::new();
    copy(1);
    clock.advance(20 * SECOND);
    // Out of memory with it, for keys that are asked for more often.
    (200..400).for_each(|n| assert_eq!(copy(n / 2), n / 2));
    assert_eq!(COPY.age(&(1,)), None);
    *LEFT.lock().expect("no panic") = Some(10 * SECOND);
    assert_eq!((copy(1), RUNS.get(), COPY.age(&(1,))), (1, 101, Some(20 * SECOND)));
    clock.advance(9 * SECOND);
    assert_eq!((copy(1), RUNS.get()), (1, 101));
    // The store still has it, and says that its time is over.
    *LEFT.lock().expect("no panic") = Some(Duration::ZERO);
    clock.advance(SECOND);
    assert_eq!((copy(1), RUNS.get()), (1, 102));
}

#[test]
fn what_was_idle_is_read_again() {
    static RUNS: Count = Count::new();

    #[cache(store = MemoryStore::new(), idle = "1m")]
    fn copy(n: u64) -> u64 {
        RUNS.up();
        n
    }

    let clock = Mock::new();
    copy(1);
    clock.advance(61 * SECOND);
    assert_eq!((copy(1), RUNS.get()), (1, 1));
}

#[test]
fn a_recursion_between_memory_and_store() {
    static RUNS: Count = Count::new();

    #[cache(store = MemoryStore::new(), capacity = 16)]
    fn paths(x: u32, y: u32) -> u64 {
        RUNS.up();
        if x == 0 || y == 0 { 1 } else { paths(x - 1, y) + paths(x, y - 1) }
    }

    assert_eq!(paths(12, 12), 2_704_156);
    assert_eq!(RUNS.get(), 13 * 13 - 1);
}

#[cfg(feature = "disk")]
#[test]
fn what_is_on_disk_ends() {
    use std::{path::PathBuf, sync::OnceLock};

    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    static RUNS: Count = Count::new();

    #[cache(disk = FOLDER.get().expect("set below"), capacity = 1, ttl = "1h")]
    fn copy(n: u64) -> u64 {
        RUNS.up();
        n
    }

    let folder = tempfile::tempdir().expect("a folder");
    FOLDER.set(folder.path().to_owned()).expect("once");
    let clock = Mock::new();
    copy(1);
    copy(2);
    COPY.flush().expect("the disk is there");
    assert_eq!((copy(1), RUNS.get()), (1, 2));
    clock.advance(3_590 * SECOND);
    assert_eq!((copy(1), copy(2), RUNS.get()), (1, 2, 2));
    clock.advance(20 * SECOND);
    assert_eq!((COPY.peek(&(1,)), COPY.peek(&(2,))), (None, None));
    assert_eq!((copy(1), copy(1), RUNS.get()), (1, 1, 3));
}

#[test]
fn a_store_that_fails() {
    use speedup::store::Error;

    #[derive(Clone, Debug)]
    struct Down;

    impl From<Error> for Down {
        fn from(_: Error) -> Self {
            Self
        }
    }

    struct Broken;

    impl Store<(u64,), u64> for Broken {
        fn get(&self, _: &(u64,)) -> Result<Option<u64>> {
            Err(Error::other("broken", "it is"))
        }

        fn put(&self, _: &(u64,), _: &u64, _: Option<Duration>) -> Result<()> {
            Err(Error::other("broken", "it is"))
        }

        fn remove(&self, _: &(u64,)) -> Result<()> {
            Ok(())
        }

        fn clear(&self) -> Result<()> {
            Ok(())
        }
    }

    #[cache(store = Broken, capacity = 10, on_store_error = "fail")]
    fn fails(n: u64) -> std::result::Result<u64, Down> {
        Ok(n)
    }

    #[cache(store = Broken, capacity = 10)]
    fn computes(n: u64) -> u64 {
        n
    }

    #[cache(store = Broken, capacity = 10, on_store_error = "fail")]
    async fn fails_as_well(n: u64) -> std::result::Result<u64, Down> {
        Ok(n)
    }

    assert!(fails(1).is_err());
    assert!(pollster::block_on(fails_as_well(1)).is_err());
    assert_eq!(computes(1), 1);
    assert!(COMPUTES.stats().store_errors > 0);
}

/// Each form that can have a store: all that has no room in memory is found there.
macro_rules! forms {
    ($($form:ident)*) => {$(
        #[test]
        fn $form() {
            #[allow(unused_imports, reason = "each form has its own")]
            use std::{fmt::Debug, sync::Arc};

            static RUNS: Count = Count::new();
            static FAILED: Count = Count::new();
            crate::forms::$form! {
                [store = MemoryStore::new(), capacity = 10, ttl = "30d"]
                fn f(n) -> std::result::Result<u64, u64> {
                    if n == 7 {
                        FAILED.up();
                        return Err(7);
                    }
                    RUNS.up();
                    Ok(n)
                }
            }
            for n in (0..50).chain(0..50) {
                assert_eq!(ask(n), if n == 7 { Err(7) } else { Ok(n) });
            }
            assert_eq!((RUNS.get(), FAILED.get()), (49, 2));
        }
    )*};
}

mod forms_of_functions {
    use super::*;

    forms! {
        plain generic generic_function_of_an_impl skip key lent
        asynchronous async_generic async_skip async_key
    }
}
