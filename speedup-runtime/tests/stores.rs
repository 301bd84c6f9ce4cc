//! Each store passes the suite for stores.

use std::time::Duration;

use speedup_runtime::store::{MemoryStore, Store as _, Tiered, conformance};

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

#[cfg(feature = "disk")]
mod on_disk {
    use std::{
        fs::{self, OpenOptions},
        io::{Read, Seek, SeekFrom, Write},
        path::{Path, PathBuf},
        time::Duration,
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
    fn what_is_no_export_of_this_function_is_refused_and_nothing_put_in() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("squares");
        let squares = Cache::from_fn(|n: u64| n * n);
        squares.get_all((0..10).map(|n| (n,)));
        squares.export(&path).expect("it is written");
        let others = Cache::from_fn(|n: u64| n.to_string());
        assert!(others.import(&path).is_err() && squares.import(folder.path().join("missing")).is_err());
        let sound = fs::read(&path).expect("it is read");
        for at in 0..sound.len() {
            let mut changed = sound.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).expect("it is written");
            let empty = Cache::from_fn(|n: u64| n * n);
            assert!(empty.import(&path).is_err() && empty.is_empty(), "byte {at}");
        }
    }
}
