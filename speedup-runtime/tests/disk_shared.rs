//! A structure that several threads, or several places of one thread, use.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Barrier, OnceLock, mpsc};

use speedup_runtime::disk::{DiskDict, DiskList, Error, Shared};

fn dict(folder: &Path) -> Shared<DiskDict<u64, u64>> {
    DiskDict::builder("d").location(folder).open().unwrap().shared()
}

fn list(folder: &Path) -> Shared<DiskList<u64>> {
    DiskList::builder("l").location(folder).open().unwrap().shared()
}

#[test]
fn methods_of_a_shared_structure_need_no_guard() {
    let folder = tempfile::tempdir().unwrap();
    let dict = dict(folder.path());
    dict.insert(1, 10).unwrap();
    if let Some(ten) = dict.get(&1).unwrap() {
        dict.insert(2, ten + 1).unwrap();
    }
    match dict.get(&2).unwrap() {
        Some(eleven) => assert_eq!(dict.remove(&1).unwrap().map(|ten| ten + 1), Some(eleven)),
        None => panic!("it was inserted"),
    }
    dict.extend((3..6).map(|n| (n, dict.len().unwrap() as u64))).unwrap();
    assert_eq!(dict.to_map().unwrap().into_iter().collect::<Vec<_>>(), [(2, 11), (3, 1), (4, 2), (5, 3)]);
    assert_eq!(dict.get_or_insert_with(9, || 90).unwrap(), 90);
    assert_eq!((dict.pop_first().unwrap(), dict.pop_last().unwrap()), (Some((2, 11)), Some((9, 90))));
    let list = list(folder.path());
    list.extend([1, 2, 3]).unwrap();
    while let Some(n) = list.pop_front().unwrap() {
        if n < 10 {
            list.push(n * 10).unwrap();
        }
    }
    assert!(list.is_empty().unwrap());
}

/// A value that uses the structure it is in while it is decoded.
struct Meddler(u64);

static MEDDLED: OnceLock<Shared<DiskDict<u64, Meddler>>> = OnceLock::new();

impl serde::Serialize for Meddler {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Meddler {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        if let Some(dict) = MEDDLED.get() {
            assert!(matches!(dict.get(&1), Err(Error::Held)));
            assert!(matches!(dict.insert(2, Meddler(2)), Err(Error::Held)));
            assert!(matches!(dict.flush(), Err(Error::Held)));
            assert!(matches!(dict.snapshot(), Err(Error::Held)));
            assert!(matches!(dict.close(), Err(Error::Held)));
            assert!(catch_unwind(AssertUnwindSafe(|| dict.lock().len())).is_err());
        }
        Ok(Meddler(number))
    }
}

#[test]
fn a_value_that_changes_its_structure_while_it_is_decoded_is_told_and_does_not_hang() {
    let folder = tempfile::tempdir().unwrap();
    let dict = DiskDict::<u64, Meddler>::builder("d").location(folder.path()).open().unwrap().shared();
    dict.insert(1, Meddler(7)).unwrap();
    let dict = MEDDLED.get_or_init(|| dict);
    assert_eq!(dict.get(&1).unwrap().unwrap().0, 7);
    assert_eq!(dict.first().unwrap().unwrap().1.0, 7);
    // Once it is decoded all is as before.
    dict.insert(2, Meddler(2)).unwrap();
    assert_eq!(dict.len().unwrap(), 2);
    dict.close().unwrap();
}

#[test]
fn a_thread_that_locks_again_is_told_and_does_not_hang() {
    let folder = tempfile::tempdir().unwrap();
    let dict = dict(folder.path());
    let mut guard = dict.lock();
    guard.insert(1, 1).unwrap();
    let again = catch_unwind(AssertUnwindSafe(|| dict.lock().len())).unwrap_err();
    let said = again.downcast_ref::<String>().expect("a message");
    assert!(said.contains("drop it first"), "{said}");
    assert!(matches!(dict.insert(2, 2), Err(Error::Held)));
    assert!(matches!(dict.clone().get(&1), Err(Error::Held)));
    assert!(matches!(dict.close(), Err(Error::Held)));
    drop(guard);
    dict.insert(2, 2).unwrap();
    // The same inside of a step.
    let inside = dict.update(&2, |value| {
        *value += 1;
        dict.get(&1)
    });
    assert!(matches!(inside.unwrap(), Some(Err(Error::Held))));
    assert_eq!(dict.get(&2).unwrap(), Some(3));
}

#[test]
fn another_thread_waits_for_the_guard() {
    let folder = tempfile::tempdir().unwrap();
    let dict = dict(folder.path());
    let (started, (send, got)) = (Barrier::new(2), mpsc::channel());
    std::thread::scope(|scope| {
        let mut guard = dict.lock();
        scope.spawn(|| {
            started.wait();
            send.send(dict.get(&1).unwrap()).unwrap();
        });
        started.wait();
        guard.insert(1, 1).unwrap();
        guard.insert(1, 2).unwrap();
        drop(guard);
        assert_eq!(got.recv().unwrap(), Some(2));
    });
}

#[test]
fn closing_a_shared_structure_closes_it_for_all_and_reports_errors() {
    let folder = tempfile::tempdir().unwrap();
    let dict = dict(folder.path());
    let other = dict.clone();
    dict.insert(1, 1).unwrap();
    dict.close().unwrap();
    assert!(matches!(other.get(&1), Err(Error::Closed { .. })));
    assert!(matches!(other.len(), Err(Error::Closed { .. })));
    dict.close().unwrap();
    let dict = self::dict(folder.path());
    assert_eq!(dict.get(&1).unwrap(), Some(1));
    dict.insert(2, 2).unwrap();
    std::fs::remove_dir_all(folder.path().join("d.speedup")).unwrap();
    if cfg!(unix) {
        assert!(matches!(dict.close(), Err(Error::Replaced { .. })));
    }
}

fn scattered(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44
}

#[test]
fn readers_go_on_beside_a_reader_that_stopped_and_beside_steps_of_writers() {
    let folder = tempfile::tempdir().unwrap();
    let dict = dict(folder.path());
    dict.extend((0..1000).map(|n| (n, n))).unwrap();
    // A step of a writer that does not end before another thread has read.
    let read = dict.update(&1, |value| {
        *value += 1;
        std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    (dict.get(&2).unwrap(), dict.contains_key(&1).unwrap(), dict.first().unwrap(), dict.len().unwrap())
                })
                .join()
                .unwrap()
        })
    });
    assert_eq!(read.unwrap(), Some((Some(2), true, Some((0, 0)), 1000)));
    let list = list(folder.path());
    list.extend(0..100).unwrap();
    let read = list.update(1, |_| {
        std::thread::scope(|scope| scope.spawn(|| (list.get(99).unwrap(), list.last().unwrap())).join().unwrap())
    });
    assert_eq!(read.unwrap(), Some((Some(99), Some(99))));
}

#[test]
fn readers_see_every_change_that_was_made_before_and_no_part_of_a_batch() {
    let folder = tempfile::tempdir().unwrap();
    let dict = DiskDict::<u64, u64>::builder("d").location(folder.path()).write_buffer(1 << 12);
    let dict = dict.page_size(16).max_pages(2).open().unwrap().shared();
    let (done, seen) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=300_u64 {
                dict.batch(|batch| (0..20).for_each(|n| batch.insert(scattered(n), round))).unwrap();
                dict.insert((1 << 40) + scattered(round * 31), round).unwrap();
                done.store(round, Ordering::SeqCst);
                if round == 150 {
                    dict.lock().compact().unwrap();
                }
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let before = done.load(Ordering::SeqCst);
                    let values = dict.get_many(&(0..20).map(scattered).collect::<Vec<_>>()).unwrap();
                    assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
                    assert!(values[0].unwrap_or(0) >= before, "{values:?} after {before}");
                    if before > 0 {
                        assert_eq!(dict.get(&((1 << 40) + scattered(before * 31))).unwrap(), Some(before));
                    }
                    seen.fetch_add(1, Ordering::Relaxed);
                    if before == 300 {
                        return;
                    }
                }
            });
        }
    });
    assert!(seen.into_inner() >= 2);
}

#[test]
fn a_shared_dict_is_read_in_order_while_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let dict = DiskDict::<u64, Vec<u8>>::builder("d").location(folder.path()).write_buffer(1 << 12);
    let dict = dict.page_size(16).max_pages(2).open().unwrap().shared();
    // Even keys stay, odd ones come and go; some values have pages of their own.
    let value = |n: u64| vec![n as u8; if n.is_multiple_of(7) { 3000 } else { 8 }];
    dict.extend((0..3000).map(|n| (scattered(n) * 2, value(n)))).unwrap();
    let even: Vec<u64> = dict.iter().map(|entry| entry.unwrap().0).collect();
    assert!(even.is_sorted() && even.len() == dict.len().unwrap());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                dict.insert(scattered(n % 5000) * 2 + 1, value(n)).unwrap();
                dict.remove(&(scattered((n + 2500) % 5000) * 2 + 1)).unwrap();
            }
        });
        for round in 0..6 {
            let mut found: Vec<u64> = if round % 2 == 0 {
                dict.iter().map(|entry| entry.unwrap().0).collect()
            } else {
                dict.iter().rev().map(|entry| entry.unwrap().0).collect()
            };
            if round % 2 == 1 {
                found.reverse();
            }
            assert!(found.is_sorted_by(|a, b| a < b));
            found.retain(|key| key % 2 == 0);
            assert_eq!(found, even);
            let some: Vec<u64> = dict.range(1000..90_000).map(|entry| entry.unwrap().0).collect();
            assert!(some.iter().all(|key| (1000..90_000).contains(key)));
        }
        stop.store(true, Ordering::Relaxed);
    });
    let _guard = dict.lock();
    assert!(matches!(dict.iter().next(), Some(Err(Error::Held))));
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

#[test]
fn a_shared_dict_behaves_like_a_map_and_comes_back_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| {
        let dict = DiskDict::<u64, Vec<u8>>::builder("d").location(path).write_buffer(1 << 13);
        dict.page_size(16).max_pages(2).open().unwrap()
    };
    let dict = open(folder.path()).shared();
    let mut model = BTreeMap::new();
    let mut snapshots = Vec::new();
    for n in 0..12_000_u64 {
        let key = scattered(n.wrapping_mul(0x2545_f491_4f6c_dd1d) % 4000);
        let value = vec![n as u8; if n % 97 == 0 { 5000 } else { n as usize % 30 }];
        match n % 5 {
            0 => assert_eq!(dict.remove(&key).unwrap(), model.remove(&key)),
            1 => assert_eq!(dict.insert(n + (1 << 30), value.clone()).unwrap(), model.insert(n + (1 << 30), value)),
            2 if n % 50 == 2 => assert_eq!(dict.pop_first().unwrap(), model.pop_first()),
            _ => assert_eq!(dict.insert(key, value.clone()).unwrap(), model.insert(key, value)),
        }
        if n % 1500 == 0 {
            assert_eq!(dict.get(&key).unwrap().as_ref(), model.get(&key));
            assert_eq!(dict.len().unwrap(), model.len());
        }
        if n % 3000 == 1499 {
            snapshots.push((dict.snapshot().unwrap(), model.clone()));
        }
        if n % 3000 == 2777 {
            dict.flush().unwrap();
            let copy = tempfile::tempdir().unwrap();
            copy_all(folder.path(), copy.path());
            assert!(open(copy.path()).to_map().unwrap() == model, "after a kill at {n}");
        }
    }
    assert!(dict.iter().map(Result::unwrap).eq(model.clone()));
    for (snapshot, then) in &snapshots {
        assert!(snapshot.to_map().unwrap() == *then);
    }
    dict.clear().unwrap();
    assert!(dict.is_empty().unwrap() && dict.iter().next().is_none());
    dict.insert(1, vec![1]).unwrap();
    drop(snapshots);
    dict.close().unwrap();
    assert_eq!(open(folder.path()).to_map().unwrap(), BTreeMap::from([(1, vec![1])]));
}

static CURIOUS: OnceLock<Shared<DiskDict<u64, Curious>>> = OnceLock::new();

/// A value that looks into its own dict when it is read.
#[derive(Debug)]
struct Curious;

impl serde::Serialize for Curious {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(1)
    }
}

impl<'de> serde::Deserialize<'de> for Curious {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer)?;
        match CURIOUS.get().map(|dict| dict.contains_key(&1)) {
            None | Some(Ok(_)) => Ok(Curious),
            Some(Err(error)) => Err(serde::de::Error::custom(error)),
        }
    }
}

#[test]
fn a_value_that_reads_its_own_dict_is_told_and_does_not_hang() {
    let folder = tempfile::tempdir().unwrap();
    let dict = DiskDict::builder("curious").location(folder.path()).open().unwrap().shared();
    dict.insert(1, Curious).unwrap();
    let dict = CURIOUS.get_or_init(|| dict);
    assert!(matches!(dict.get(&1), Err(Error::Codec { .. })));
    assert!(matches!(dict.first(), Err(Error::Codec { .. })));
    assert!(dict.contains_key(&1).unwrap());
    dict.close().unwrap();
}

/// A number that takes as long to decode as the test wants, if it is 1.
#[derive(serde::Serialize)]
struct Slow(u32);

/// Where threads meet that decode a slow number, once there is one.
static GATE: std::sync::OnceLock<std::sync::Barrier> = std::sync::OnceLock::new();

impl<'de> serde::Deserialize<'de> for Slow {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(from)?;
        if let (1, Some(gate)) = (number, GATE.get()) {
            gate.wait();
            gate.wait();
        }
        Ok(Slow(number))
    }
}

#[test]
fn who_reads_passes_by_a_reader_that_takes_long() {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let dict = DiskDict::<u32, Slow>::builder("d").location(folder.path()).open().unwrap().shared();
    (0..3).for_each(|n| dict.put(n, Slow(n)).unwrap());
    let gate = GATE.get_or_init(|| std::sync::Barrier::new(2));
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| dict.get(&1).unwrap().unwrap().0);
        gate.wait();
        // Whichever lock they would try first, they are done while it still reads.
        let others: Vec<_> = (0..8).map(|_| scope.spawn(|| dict.get(&2).unwrap().unwrap().0)).collect();
        others.into_iter().for_each(|other| assert_eq!(other.join().unwrap(), 2));
        gate.wait();
        assert_eq!(slow.join().unwrap(), 1);
    });
}
