//! Several changes as one step.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use speedup_runtime::disk::{DiskDict, Error};

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

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
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
