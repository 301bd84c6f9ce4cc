//! A structure that several threads, or several places of one thread, use.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Barrier, mpsc};

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
