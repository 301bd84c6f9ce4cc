//! Each store passes the suite for stores.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use speedup_runtime::store::{Change, MemoryStore, Result, Store, Tiered, conformance};

conformance!(memory, MemoryStore::new);
conformance!(tiered, || Tiered(MemoryStore::new(), MemoryStore::new()));

#[test]
fn a_copy_in_front_ends_when_the_value_behind_does() {
    let (near, far) = (MemoryStore::new(), MemoryStore::new());
    let (short, both) = (Duration::from_secs(5), Tiered(&near, &far));
    (0..3).for_each(|key| far.put(&key, &key, Some(short)).expect("it is kept"));
    far.put(&3, &3, None).expect("it is kept");
    assert_eq!(both.get(&0).expect("it is read"), Some(0));
    assert_eq!(both.get_many(&[&1, &2, &3]).expect("they are read"), [Some(1), Some(2), Some(3)]);
    for key in 0..3 {
        let Some((_, Some(left))) = near.get_with_time_left(&[&key]).expect("it is read")[0] else { panic!("{key}") };
        assert!(left <= short, "{left:?}");
    }
    assert!(near.get(&3).expect("it is read").is_some());
}

/// A store in which something happens while it is read or written.
#[derive(Default)]
struct Meanwhile {
    store: MemoryStore<u8, u8>,
    happens: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Meanwhile {
    fn next(&self, happens: impl FnOnce() + Send + 'static) {
        *self.happens.lock().unwrap() = Some(Box::new(happens));
    }

    fn happen(&self) {
        let happens = self.happens.lock().unwrap().take();
        happens.into_iter().for_each(|happens| happens());
    }
}

impl Store<u8, u8> for Meanwhile {
    fn get(&self, key: &u8) -> Result<Option<u8>> {
        let found = self.store.get(key);
        self.happen();
        found
    }
    fn put(&self, key: &u8, value: &u8, ttl: Option<Duration>) -> Result<()> {
        let put = self.store.put(key, value, ttl);
        self.happen();
        put
    }
    fn remove(&self, key: &u8) -> Result<()> {
        self.store.remove(key)
    }
    fn clear(&self) -> Result<()> {
        self.store.clear()
    }
}

type Both = Tiered<Arc<MemoryStore<u8, u8>>, Arc<Meanwhile>>;

/// What changes a value, by its name, and what is there then.
type Case = (&'static str, fn(&Both), Option<u8>);

#[test]
fn no_copy_outlives_a_change_that_comes_while_it_is_read() {
    let (near, far) = (Arc::new(MemoryStore::new()), Arc::new(Meanwhile::default()));
    let both: Both = Tiered(Arc::clone(&near), Arc::clone(&far));
    let changes: [Case; 4] = [
        ("remove", |both| both.remove(&1).unwrap(), None),
        ("clear", |both| Store::clear(both).unwrap(), None),
        ("put", |both| both.put(&1, &20, None).unwrap(), Some(20)),
        ("forget", |both| both.forget(&Change::Key(1)).unwrap(), Some(10)),
    ];
    for (name, change, left) in changes {
        for many in [false, true] {
            Store::<u8, u8>::clear(&near).unwrap();
            far.store.put(&1, &10, None).unwrap();
            let same = both.clone();
            far.next(move || change(&same));
            let found = if many { both.get_many(&[&1]).unwrap()[0] } else { both.get(&1).unwrap() };
            assert_eq!(found, Some(10), "{name}: it was there");
            assert!(near.get(&1).unwrap().is_none_or(|copy| Some(copy) == left), "{name}: an old copy");
            assert_eq!(both.get(&1).unwrap(), left, "{name}");
        }
    }
}

#[test]
fn of_two_that_put_at_the_same_time_the_copy_is_of_the_last_or_none() {
    let (near, far) = (Arc::new(MemoryStore::new()), Arc::new(Meanwhile::default()));
    let both: Both = Tiered(near, Arc::clone(&far));
    let same = both.clone();
    far.next(move || same.put(&1, &20, None).unwrap());
    both.put(&1, &10, None).unwrap();
    assert_eq!(both.get(&1).unwrap(), Some(20));
}

#[cfg(feature = "disk")]
mod on_disk {
    use std::{
        fs::{self, OpenOptions},
        io::{Read, Seek, SeekFrom, Write},
        path::{Path, PathBuf},
        sync::atomic::{AtomicBool, Ordering},
        time::{Duration, SystemTime},
    };

    use speedup_runtime::store::{Condition, DiskStore, Store, conformance};

    type Numbers = DiskStore<(u64,), String>;

    fn in_folder() -> (DiskStore<conformance::Key, conformance::Value>, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        (DiskStore::builder("suite").location(folder.path()).open().expect("it opens"), folder)
    }

    conformance!(disk, in_folder);

    fn open(folder: &Path) -> Numbers {
        DiskStore::builder("numbers").location(folder).open().expect("it opens")
    }

    fn fill(store: &Numbers, numbers: std::ops::Range<u64>) {
        for number in numbers {
            store.put(&(number,), &number.to_string(), None).expect("it is kept");
        }
    }

    /// Those that are there; each is what it should be.
    fn found(store: &Numbers) -> Vec<u64> {
        let look = |number: &u64| match store.get(&(*number,)).expect("it is read") {
            None => false,
            Some(text) => {
                assert_eq!(text, number.to_string());
                true
            }
        };
        (0..1_000).filter(look).collect()
    }

    #[test]
    fn results_are_there_after_reopening() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(folder.path());
        fill(&store, 0..500);
        store.remove(&(7,)).expect("it is forgotten");
        drop(store);
        let store = open(folder.path());
        assert_eq!(found(&store), (0..500).filter(|number| *number != 7).collect::<Vec<_>>());
        assert_eq!(store.condition(), Condition::Sound);
        store.clear().expect("all are forgotten");
        drop(store);
        assert_eq!(found(&open(folder.path())), []);
    }

    #[test]
    fn another_version_and_other_types_begin_empty_and_harm_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        fill(&open(folder.path()), 0..10);
        let other: Numbers = DiskStore::builder("numbers").version(2).location(folder.path()).open().expect("it opens");
        assert_eq!(found(&other), []);
        let other = DiskStore::<(u64,), u64>::builder("numbers").location(folder.path()).open().expect("it opens");
        assert_eq!(other.get(&(1,)).expect("it is read"), None);
        assert_eq!(found(&open(folder.path())).len(), 10);
    }

    #[test]
    fn who_comes_second_reads_and_waits_for_nobody() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = open(folder.path());
        fill(&first, 0..10);
        let second = open(folder.path());
        assert_eq!((first.condition(), second.condition()), (Condition::Sound, Condition::ReadOnly));
        assert_eq!(found(&second), (0..10).collect::<Vec<_>>());
        fill(&second, 10..20);
        fill(&first, 20..30);
        assert_eq!(found(&second), (0..10).collect::<Vec<_>>());
        drop((first, second));
        assert_eq!(found(&open(folder.path())), (0..10).chain(20..30).collect::<Vec<_>>());
    }

    fn log_of(store: &Numbers) -> PathBuf {
        store.path().join("results")
    }

    #[test]
    fn what_is_cut_off_is_lost_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(folder.path());
        fill(&store, 0..100);
        let log = log_of(&store);
        drop(store);
        let len = fs::metadata(&log).expect("it is there").len();
        let cut = OpenOptions::new().write(true).open(&log).expect("it opens");
        cut.set_len(len - 3).expect("it is cut");
        let store = open(folder.path());
        assert_eq!(found(&store), (0..99).collect::<Vec<_>>());
        fill(&store, 99..110);
        drop(store);
        // A file that grew while the power went.
        cut.set_len(len + 10_000).expect("it is lengthened");
        let store = open(folder.path());
        assert_eq!((found(&store), store.condition()), ((0..110).collect::<Vec<_>>(), Condition::Sound));
    }

    #[test]
    fn every_flipped_byte_is_noticed_and_the_damage_set_aside() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(folder.path());
        fill(&store, 0..3);
        let log = log_of(&store);
        drop(store);
        let sound = fs::read(&log).expect("it is read");
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 4;
            fs::write(&log, &bytes).expect("it is written");
            let store = open(folder.path());
            assert_eq!((found(&store), store.condition()), (vec![], Condition::BegunAnew), "byte {at}");
            assert_eq!(fs::read(store.path().join("results.damaged")).expect("it is there"), bytes);
            fill(&store, 0..3);
            assert_eq!(found(&store), [0, 1, 2], "byte {at}");
        }
    }

    #[test]
    fn what_is_damaged_while_it_is_open_is_an_error_and_never_a_wrong_value() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(folder.path());
        fill(&store, 0..3);
        let mut file = OpenOptions::new().read(true).write(true).open(log_of(&store)).expect("it opens");
        let mut last = [0];
        file.seek(SeekFrom::End(-1)).and_then(|_| file.read_exact(&mut last)).expect("it is read");
        file.seek(SeekFrom::End(-1)).and_then(|_| file.write_all(&[last[0] ^ 1])).expect("it is written");
        assert!(store.get(&(2,)).is_err());
        assert_eq!(store.get(&(1,)).expect("it is read"), Some("1".to_owned()));
    }

    #[test]
    fn the_oldest_results_go_where_there_is_too_much() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || -> Numbers {
            DiskStore::builder("numbers").capacity(1 << 14).location(folder.path()).open().expect("it opens")
        };
        let store = open();
        fill(&store, 0..1_000);
        let kept = found(&store);
        assert!(kept.len() > 100 && kept.len() < 1_000, "{}", kept.len());
        assert_eq!(kept, (1_000 - kept.len() as u64..1_000).collect::<Vec<_>>(), "the newest");
        assert!(fs::metadata(log_of(&store)).expect("it is there").len() <= 1 << 14);
        drop(store);
        assert_eq!(found(&open()), kept);
    }

    #[test]
    fn the_oldest_results_go_where_there_are_too_many() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || -> Numbers {
            DiskStore::builder("numbers").entries(100).location(folder.path()).open().expect("it opens")
        };
        let store = open();
        for number in 0..1_000 {
            fill(&store, number..number + 1);
            assert!(found(&store).len() <= 100);
        }
        let kept = found(&store);
        assert!(kept.len() >= 75);
        assert_eq!(kept, (1_000 - kept.len() as u64..1_000).collect::<Vec<_>>(), "the newest");
        store.bound(10);
        fill(&store, 0..1);
        assert_eq!(found(&store)[0], 0);
        assert!(found(&store).len() <= 10, "a later bound counts, too");
        drop(store);
        let store = open();
        fill(&store, 1..2);
        assert!(found(&store).len() <= 100, "also in the next run");
    }

    #[test]
    fn results_whose_time_is_over_are_gone_and_give_their_room_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = |ttl| -> DiskStore<(u64,), Vec<u8>> {
            DiskStore::builder("bytes").ttl(ttl).location(folder.path()).open().expect("it opens")
        };
        let store = open(Duration::ZERO);
        store.put(&(0,), &vec![0], Some(Duration::from_secs(3600))).expect("it is kept");
        for number in 1..150 {
            store.put(&(number,), &vec![1; 20_000], None).expect("it is kept");
        }
        assert_eq!(store.get(&(7,)).expect("it is read"), None);
        drop(store);
        let store = open(Duration::from_secs(3600));
        store.put(&(200,), &vec![2], None).expect("it is kept");
        assert!(fs::metadata(store.path().join("results")).expect("it is there").len() < 1 << 16);
        let found = [0, 7, 200].map(|number| store.get(&(number,)).expect("it is read").is_some());
        assert_eq!(found, [true, false, true]);
    }

    #[test]
    fn what_is_written_again_takes_no_more_space() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = DiskStore::<(u64,), Vec<u8>>::builder("bytes").location(folder.path()).open().expect("it opens");
        for round in 0..400_u64 {
            store.put(&(round % 3,), &vec![round as u8; 20_000], None).expect("it is kept");
        }
        assert!(fs::metadata(store.path().join("results")).expect("it is there").len() < 3 << 20);
        assert_eq!(store.get(&(0,)).expect("it is read"), Some(vec![143; 20_000]));
    }

    use speedup_runtime::Cache;

    #[test]
    fn an_export_holds_all_values_whatever_the_keys() {
        let folder = tempfile::tempdir().expect("a folder");
        macro_rules! check {
            ($($name:literal: |$($key:ident: $type:ty),+| $keys:expr;)*) => {$(
                let make = || Cache::from_fn(|$($key: $type),+| format!("{:?}", ($($key),+)));
                let (here, there) = (make(), make());
                let keys: Vec<_> = $keys.collect();
                here.get_all(keys.iter().cloned());
                let path = folder.path().join($name);
                assert_eq!(here.export(&path).expect("it is written"), keys.len(), $name);
                assert_eq!(there.import(&path).expect("it is read"), keys.len(), $name);
                assert_eq!(there.import(&path).expect("it is read"), 0, "all are there");
                assert_eq!(there.get_all(keys.iter().cloned()), here.get_all(keys.iter().cloned()), $name);
                assert_eq!((there.stats().misses, there.len()), (0, keys.len()), $name);
            )*};
        }
        check! {
            "one": |a: u64| (0..5_000).map(|a| (a * 37,)).chain([(u64::MAX,)]);
            "signed": |a: i32| (-1_000..1_000).map(|a| (a,));
            "two": |a: u32, b: i16| (0..100).flat_map(|a| (-50..50).map(move |b| (a, b)));
            "three": |a: u8, b: bool, c: u64| (0..40).flat_map(|a| [false, true].map(|b| (a, b, u64::from(a) * 99)));
            "text": |a: String| (0..500).map(|a: u32| (a.to_string(),));
            "mixed": |a: String, b: u8| (0..50).map(|b| ("x".repeat(b.into()), b));
        }
    }

    #[test]
    fn two_that_export_to_one_file_leave_one_whole_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("texts");
        let make = || Cache::from_fn(|n: u64| n.to_string().repeat(100));
        let (one, two) = (make(), make());
        one.get_all((0..2_000).map(|n| (n,)));
        two.get_all((0..3_000).map(|n| (n,)));
        for _ in 0..10 {
            std::thread::scope(|scope| {
                for cache in [&one, &two] {
                    scope.spawn(|| cache.export(&path).expect("it is written"));
                }
            });
            let found = make().import(&path).expect("it is whole");
            assert!([2_000, 3_000].contains(&found), "{found}");
        }
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_is_no_export_of_this_function_is_refused_and_nothing_put_in() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("squares");
        let squares = Cache::from_fn(|n: u64| n * n);
        squares.get_all((0..10).map(|n| (n,)));
        squares.export(&path).expect("it is written");
        let others = Cache::from_fn(|n: u64| n.to_string());
        assert!(others.import(&path).is_err() && squares.import(folder.path().join("missing")).is_err());
        let sound = fs::read(&path).expect("it is read");
        let check = |bytes: &[u8], what: &str| {
            fs::write(&path, bytes).expect("it is written");
            let empty = Cache::from_fn(|n: u64| n * n);
            let error = empty.import(&path).expect_err(what);
            assert!(
                matches!(error, speedup_runtime::store::Error::NoExport { .. }) && empty.is_empty(),
                "{what}: {error}"
            );
            let text = error.to_string();
            assert!(text.starts_with(&format!("{} cannot be imported: ", path.display())), "{text}");
        };
        for at in 0..sound.len() {
            let mut changed = sound.clone();
            changed[at] ^= 1;
            check(&changed, &format!("byte {at}"));
            check(&sound[..at], &format!("{at} bytes of it"));
        }
        check(&[&*sound, b"more"].concat(), "something behind it");
        check(&[&*sound, &*sound].concat(), "twice");
    }

    #[test]
    fn results_that_are_opened_every_day_are_never_old() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(folder.path());
        fill(&store, 0..10);
        let lock = OpenOptions::new().write(true).open(store.path().join("lock")).expect("it is there");
        drop(store);
        let long_ago = SystemTime::now() - Duration::from_secs(40 * 24 * 60 * 60);
        lock.set_modified(long_ago).expect("it is made older");
        drop(open(folder.path()));
        let opened = lock.metadata().and_then(|data| data.modified()).expect("it is there");
        assert!(opened > long_ago + Duration::from_secs(60 * 60), "nobody can tell that it was opened");
    }

    #[test]
    fn who_opens_while_the_log_is_written_anew_reads_no_other_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let writer: Numbers =
            DiskStore::builder("numbers").capacity(1 << 14).location(folder.path()).open().expect("it opens");
        fill(&writer, 0..1_000);
        let rounds = if cfg!(miri) { 1 } else { 200 };
        let ends = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ends.load(Ordering::Relaxed) {
                    fill(&writer, 0..1_000);
                }
            });
            let reads = std::panic::catch_unwind(|| {
                for _ in 0..rounds {
                    let reader = open(folder.path());
                    assert_eq!(reader.condition(), Condition::ReadOnly);
                    let _ = found(&reader);
                }
            });
            ends.store(true, Ordering::Relaxed);
            assert!(reads.is_ok(), "what lies in the log could not be read");
        });
    }
}
