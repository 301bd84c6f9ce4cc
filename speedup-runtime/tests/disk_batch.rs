//! Several changes as one step.

mod copies;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use speedup_runtime::disk::{DiskDict, DiskList, Error, ListBatch};

use copies::copy_all;

type Dict = DiskDict<u64, Vec<u8>>;

fn dict(folder: &Path) -> Dict {
    DiskDict::builder("d").location(folder).write_buffer(1 << 12).page_size(16).max_pages(2).open().unwrap()
}

fn all(dict: &Dict) -> BTreeMap<u64, Vec<u8>> {
    dict.to_map().unwrap()
}

#[test]
fn a_batch_makes_its_changes_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut dict = dict(folder.path());
    dict.insert(1, vec![1]).unwrap();
    let made = dict.batch(|batch| {
        batch.insert(2, vec![2]);
        batch.insert(2, vec![3]);
        batch.remove(&1);
        batch.insert(5, vec![5; 5000]);
        batch.remove(&5);
        batch.remove(&77);
        "made"
    });
    assert_eq!((made.unwrap(), dict.len()), ("made", 1));
    assert_eq!(all(&dict), BTreeMap::from([(2, vec![3])]));
    dict.batch(|_| ()).unwrap();
    let shared = dict.shared();
    shared.batch(|batch| batch.insert(3, vec![])).unwrap();
    assert_eq!(shared.len().unwrap(), 2);
}

#[test]
fn a_batch_that_is_refused_changes_nothing() {
    struct Unwilling;
    impl serde::Serialize for Unwilling {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
    }
    impl<'de> serde::Deserialize<'de> for Unwilling {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            u64::deserialize(deserializer).map(|_| Unwilling)
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut dict = DiskDict::<String, Unwilling>::builder("u").location(folder.path()).open().unwrap();
    let refused = dict.batch(|batch| batch.insert("b".into(), Unwilling));
    assert!(matches!(refused, Err(Error::Codec { .. })), "{refused:?}");
    let mut dict = DiskDict::<String, u64>::builder("d").location(folder.path()).open().unwrap();
    let refused = dict.batch(|batch| {
        batch.insert("a".into(), 1);
        batch.insert("b".repeat(20_000), 1);
    });
    assert!(matches!(refused, Err(Error::KeyTooLarge { .. })), "{refused:?}");
    assert!(dict.is_empty());
}

/// Batch `n`: it moves what is under all keys of a row to the next.
fn fill(model: &mut BTreeMap<u64, Vec<u8>>, dict: &mut Dict, n: u64) {
    dict.batch(|batch| {
        for key in 0..300 {
            let key = key * 7919 % 100_003;
            batch.remove(&(key + n));
            batch.insert(key + n + 1, vec![n as u8; key as usize % 40]);
            model.remove(&(key + n));
            model.insert(key + n + 1, vec![n as u8; key as usize % 40]);
        }
    })
    .unwrap();
}

#[test]
fn after_a_crash_a_batch_is_there_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut dict = dict(folder.path());
    let mut models = vec![BTreeMap::new()];
    for n in 0..12 {
        let mut model = models[n].clone();
        fill(&mut model, &mut dict, n as u64);
        models.push(model);
        if n == 5 {
            // A checkpoint between batches.
            drop(dict.snapshot().unwrap());
        }
    }
    dict.flush().unwrap();
    let copy = tempfile::tempdir().unwrap();
    copy_all(folder.path(), copy.path());
    let inside = copy.path().join("d.speedup");
    let journal = fs::read_dir(&inside).unwrap().map(|entry| entry.unwrap().path());
    let journal =
        journal.into_iter().find(|path| path.file_name().unwrap().to_string_lossy().starts_with("journal")).unwrap();
    let bytes = fs::read(&journal).unwrap();
    let mut found = Vec::new();
    for cut in 0..24 {
        let copy = tempfile::tempdir().unwrap();
        copy_all(folder.path(), copy.path());
        let cut = 64 + (bytes.len() - 64) * cut / 23;
        let mut header = bytes[..cut].to_vec();
        // As if it had not been flushed.
        header[24..32].copy_from_slice(&64_u64.to_le_bytes());
        let sum = crc32fast::hash(&header[..32]);
        header[32..36].copy_from_slice(&sum.to_le_bytes());
        fs::write(copy.path().join("d.speedup").join(journal.file_name().unwrap()), header).unwrap();
        let dict = self::dict(copy.path());
        let state = all(&dict);
        assert_eq!(dict.len(), state.len());
        found.push(models.iter().position(|model| *model == state).expect("the state between two batches"));
    }
    assert!(found.is_sorted() && found[0] == 6 && found[23] == 12, "{found:?}");
    assert!(all(&dict) == models[12]);
}

type List = DiskList<Vec<u8>>;

fn list(folder: &Path) -> List {
    DiskList::builder("l").location(folder).page_size(16).max_pages(2).open().unwrap()
}

#[test]
fn a_batch_of_a_list_makes_its_changes_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut list = DiskList::<u32>::builder("l").location(folder.path()).open().unwrap();
    list.extend(0..4).unwrap();
    let made = list.batch(|batch| {
        batch.set(1, 10);
        batch.insert(1, 5);
        batch.remove(0);
        batch.push(7);
        batch.push_front(9);
        batch.pop();
        batch.pop_front();
        batch.remove(99);
        batch.truncate(99);
        (batch.len(), batch.is_empty())
    });
    assert_eq!(made.unwrap(), (4, false));
    assert_eq!(list.to_vec().unwrap(), [5, 10, 2, 3]);
    list.batch(|batch| batch.truncate(2)).unwrap();
    assert_eq!(list.to_vec().unwrap(), [5, 10]);
    list.batch(|batch| {
        batch.clear();
        batch.pop();
        batch.pop_front();
        batch.push(1);
    })
    .unwrap();
    let shared = list.shared();
    shared.batch(|batch| batch.push(2)).unwrap();
    shared.batch(|_| ()).unwrap();
    assert_eq!(shared.to_vec().unwrap(), [1, 2]);
}

#[test]
fn a_batch_of_a_list_that_is_refused_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut list = DiskList::<u32>::builder("l").location(folder.path()).maxlen(3).open().unwrap();
    list.extend([1, 2]).unwrap();
    let refused = list.batch(|batch| {
        batch.push(3);
        batch.set(3, 0);
        batch.clear();
    });
    assert!(matches!(refused, Err(Error::OutOfBounds { index: 3, len: 3 })), "{refused:?}");
    let refused = list.batch(|batch| batch.insert(3, 0));
    assert!(matches!(refused, Err(Error::OutOfBounds { index: 3, len: 2 })), "{refused:?}");
    let refused = list.batch(|batch| (0..2).for_each(|n| batch.insert(0, n)));
    assert!(matches!(refused, Err(Error::Full { maxlen: 3 })), "{refused:?}");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        list.batch(|batch| {
            batch.clear();
            panic!("half-way");
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(list.to_vec().unwrap(), [1, 2]);
    // At its greatest length it lets go at the other end, as without a batch.
    list.batch(|batch| (3..6).for_each(|n| batch.push(n))).unwrap();
    assert_eq!(list.to_vec().unwrap(), [3, 4, 5]);
    list.batch(|batch| batch.push_front(2)).unwrap();
    assert_eq!(list.to_vec().unwrap(), [2, 3, 4]);
}

type Changes = ListBatch<Vec<u8>>;

/// Makes one change to a list and to its model.
fn change_list(batch: &mut Changes, model: &mut Vec<Vec<u8>>, random: u64) {
    let value = vec![random as u8; if random.is_multiple_of(37) { 3000 } else { random as usize % 60 }];
    let at = (random >> 8) as usize % (model.len() + 1);
    match random % 11 {
        0 | 1 => {
            batch.push(value.clone());
            model.push(value);
        }
        2 => {
            batch.push_front(value.clone());
            model.insert(0, value);
        }
        3..=5 => {
            batch.insert(at, value.clone());
            model.insert(at, value);
        }
        6 if at < model.len() => {
            batch.set(at, value.clone());
            model[at] = value;
        }
        7 | 8 => {
            batch.remove(at);
            model.drain(at..(at + 1).min(model.len()));
        }
        9 => {
            batch.pop();
            model.pop();
        }
        _ if random.is_multiple_of(7) => {
            let len = at.max(model.len() / 2);
            batch.truncate(len);
            model.truncate(len);
        }
        _ => {
            batch.pop_front();
            model.drain(..model.len().min(1));
        }
    }
}

#[test]
fn after_a_crash_a_batch_of_a_list_is_there_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut list = list(folder.path());
    let mut model: Vec<Vec<u8>> = (0..400).map(|n| vec![n as u8; n % 50]).collect();
    list.extend(model.clone()).unwrap();
    // From here on the journal holds batches alone.
    drop(list.snapshot().unwrap());
    let mut models = vec![model.clone()];
    let mut random = 1_u64;
    for round in 0..60 {
        list.batch(|batch| {
            for _ in 0..round % 13 * 5 {
                random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                change_list(batch, &mut model, random >> 20);
            }
        })
        .unwrap();
        assert_eq!(list.to_vec().unwrap(), model, "round {round}");
        models.push(model.clone());
    }
    list.flush().unwrap();
    let journal = fs::read_dir(folder.path().join("l.speedup")).unwrap().map(|entry| entry.unwrap().path());
    let journal = journal.into_iter().find(|path| path.to_string_lossy().contains("journal.")).unwrap();
    let whole = fs::read(&journal).unwrap();
    let mut found = Vec::new();
    for part in 0..60 {
        let copy = tempfile::tempdir().unwrap();
        copy_all(folder.path(), copy.path());
        let cut = 64 + (whole.len() - 64) * part / 59;
        let path = copy.path().join(journal.strip_prefix(folder.path()).unwrap());
        // A header that says nothing of it is durable.
        let mut bytes = whole[..cut].to_vec();
        bytes[24..32].copy_from_slice(&64_u64.to_le_bytes());
        let sum = crc32fast::hash(&bytes[..32]);
        bytes[32..36].copy_from_slice(&sum.to_le_bytes());
        fs::write(path, bytes).unwrap();
        let state = self::list(copy.path()).to_vec().unwrap();
        found.push(models.iter().rposition(|model| *model == state).expect("the state between two batches"));
    }
    assert!(found.is_sorted() && found[59] == 60, "{found:?}");
}

#[test]
fn a_batch_that_needs_a_damaged_page_is_refused_and_stands_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let mut list = list(folder.path());
    list.extend((0..3000).map(|n: u32| vec![n as u8; 40])).unwrap();
    list.close().unwrap();
    let pages = folder.path().join("l.speedup/pages.0");
    let mut bytes = fs::read(&pages).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&pages, bytes).unwrap();
    let mut list = self::list(folder.path());
    let lost = (0..3000).find(|&at| list.get(at).is_err()).unwrap();
    // Each of them comes to need the page by another way.
    let batches: [fn(&mut Changes, usize); 4] = [
        |batch, lost| batch.set(lost, vec![1]),
        |batch, lost| {
            batch.pop_front();
            batch.insert(lost, vec![1]);
        },
        |batch, lost| {
            batch.push_front(vec![1]);
            batch.remove(lost + 1);
        },
        |batch, lost| batch.truncate(lost + 1),
    ];
    for batch in batches {
        let refused = list.batch(|changes| {
            changes.push(vec![9]);
            batch(changes, lost);
        });
        assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
        assert_eq!(list.len(), 3000);
    }
    list.batch(|batch| {
        batch.push(vec![9]);
        batch.set(0, vec![8]);
    })
    .unwrap();
    list.close().unwrap();
    let list = self::list(folder.path());
    assert_eq!((list.len(), list.first().unwrap(), list.last().unwrap()), (3001, Some(vec![8]), Some(vec![9])));
}
