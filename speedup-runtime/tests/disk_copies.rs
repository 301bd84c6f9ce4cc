//! Reading what others change, copies of what is open, and folders of structures.

mod copies;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use speedup_runtime::disk::{DictBuilder, DiskDict, DiskList, Error, Folder, ListBuilder};

use copies::copy_all;

type Dict = DiskDict<u64, Vec<u8>>;

fn dict(folder: &Path) -> DictBuilder<u64, Vec<u8>> {
    DiskDict::builder("d").location(folder).write_buffer(1 << 14).page_size(64).max_pages(4)
}

fn list(folder: &Path) -> ListBuilder<u64> {
    DiskList::builder("l").location(folder).page_size(64).max_pages(4)
}

fn scattered(n: u64) -> u64 {
    n * 7919 % 50_021
}

/// A value of operation `n`; now and then one with pages of its own.
fn value(n: u64) -> Vec<u8> {
    vec![n as u8; if n.is_multiple_of(97) { 5000 } else { n as usize % 30 }]
}

fn all(dict: &Dict) -> BTreeMap<u64, Vec<u8>> {
    dict.to_map().unwrap()
}

#[test]
fn a_snapshot_stays_as_it_was_whatever_is_done_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let mut dict = dict(folder.path()).open().unwrap();
    let mut snapshots = Vec::new();
    let mut model = BTreeMap::new();
    for n in 0..12_000 {
        dict.insert(scattered(n), value(n)).unwrap();
        model.insert(scattered(n), value(n));
        if n % 3 == 0 {
            dict.remove(&scattered(n / 2)).unwrap();
            model.remove(&scattered(n / 2));
        }
        match n {
            2000 | 5000 | 9000 => snapshots.push((dict.snapshot().unwrap(), model.clone())),
            7000 => dict.compact().unwrap(),
            8000 => {
                dict.clear().unwrap();
                model.clear();
            }
            _ => {}
        }
    }
    for (snapshot, model) in &snapshots {
        assert!(all(snapshot) == *model);
        assert_eq!(snapshot.len(), model.len());
        let (key, value) = model.iter().nth(50).unwrap();
        assert_eq!(snapshot.get(key).unwrap().as_ref(), Some(value));
    }
    assert!(all(&dict) == model);
    let refused = snapshots[0].0.snapshot();
    assert!(matches!(refused, Err(Error::ReadOnly { .. })), "{refused:?}");
    dict.close().unwrap();
    // The snapshots keep the folder.
    assert!(matches!(self::dict(folder.path()).open(), Err(Error::InUse { .. })));
    assert!(all(&snapshots[2].0) == snapshots[2].1);
    drop(snapshots);
    assert!(all(&self::dict(folder.path()).open().unwrap()) == model);
}

#[test]
fn space_that_a_snapshot_held_is_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut list = list(folder.path()).open().unwrap();
    list.extend(0..20_000).unwrap();
    let round = |list: &mut DiskList<u64>| {
        for n in 0..20_000 {
            list.set(n, n as u64 + 1).unwrap();
        }
    };
    for _ in 0..3 {
        let snapshot = list.snapshot().unwrap();
        round(&mut list);
        drop(snapshot);
    }
    drop(list.snapshot().unwrap());
    let size = list.size_on_disk().unwrap();
    for _ in 0..4 {
        round(&mut list);
        drop(list.snapshot().unwrap());
    }
    assert!(list.size_on_disk().unwrap() <= size * 3 / 2, "{size} {}", list.size_on_disk().unwrap());
    assert_eq!(list.to_vec().unwrap(), (1..=20_000).collect::<Vec<_>>());
}

#[test]
fn several_threads_read_snapshots_while_another_writes() {
    let folder = tempfile::tempdir().unwrap();
    let shared = dict(folder.path()).open().unwrap().shared();
    shared.extend((0..3000).map(|n| (n, value(n)))).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let snapshot = shared.snapshot().unwrap();
            scope.spawn(move || assert!(all(&snapshot).into_iter().eq((0..3000).map(|n| (n, value(n))))));
        }
        for n in 0..3000 {
            shared.insert(scattered(n) + 3000, value(n)).unwrap();
        }
    });
}

#[test]
fn a_backup_of_an_open_structure_opens_as_what_it_was() {
    let (folder, backups) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut dict = dict(folder.path()).open().unwrap();
    dict.extend((0..5000).map(|n| (scattered(n), value(n)))).unwrap();
    let model = all(&dict);
    dict.backup_to(backups.path()).unwrap();
    dict.clear().unwrap();
    let again = dict.backup_to(backups.path());
    assert!(matches!(again, Err(Error::NotEmpty { .. })), "{again:?}");
    let mut copy = self::dict(backups.path()).open().unwrap();
    assert!(all(&copy) == model && dict.is_empty());
    copy.insert(1, vec![1]).unwrap();
    copy.close().unwrap();
    let shared = list(folder.path()).open().unwrap().shared();
    shared.extend(0..5000).unwrap();
    shared.backup_to(backups.path()).unwrap();
    assert_eq!(list(backups.path()).open().unwrap().to_vec().unwrap(), (0..5000).collect::<Vec<_>>());
}

#[test]
fn a_backup_that_fails_leaves_nothing() {
    let (folder, backups) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut dict = dict(folder.path()).open().unwrap();
    dict.extend((0..5000).map(|n| (n, value(n)))).unwrap();
    dict.close().unwrap();
    let pages = folder.path().join("d.speedup/pages.0");
    let mut bytes = fs::read(&pages).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(7);
    fs::write(&pages, bytes).unwrap();
    let dict = self::dict(folder.path()).open_read_only().unwrap();
    let failed = dict.backup_to(backups.path());
    assert!(matches!(failed, Err(Error::Damaged { .. })), "{failed:?}");
    assert_eq!(fs::read_dir(backups.path()).unwrap().count(), 0);
}

#[test]
fn what_is_opened_to_be_read_is_read_by_many_and_written_by_none() {
    let folder = tempfile::tempdir().unwrap();
    let missing = dict(folder.path()).open_read_only();
    assert!(matches!(missing, Err(Error::Missing { .. })), "{missing:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let mut writer = dict(folder.path()).open().unwrap();
    writer.extend((0..5000).map(|n| (scattered(n), value(n)))).unwrap();
    let busy = dict(folder.path()).open_read_only();
    assert!(matches!(busy, Err(Error::InUse { .. })), "{busy:?}");
    let model = all(&writer);
    writer.close().unwrap();
    let before = contents(folder.path());
    let readers = [(); 3].map(|()| dict(folder.path()).open_read_only().unwrap());
    for reader in &readers {
        assert!(all(reader) == model);
        assert_eq!(reader.get(&scattered(97)).unwrap(), Some(value(97)));
    }
    assert!(matches!(dict(folder.path()).open(), Err(Error::InUse { .. })));
    drop(readers);
    assert!(contents(folder.path()) == before);
    let wrong = DiskDict::<u64, u64>::builder("d").location(folder.path()).open_read_only();
    assert!(matches!(wrong, Err(Error::WrongType { .. })), "{wrong:?}");
    assert!(all(&dict(folder.path()).open().unwrap()) == model);
}

#[test]
fn what_was_not_closed_is_not_opened_to_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let mut list = list(folder.path()).open().unwrap();
    list.push(1).unwrap();
    list.flush().unwrap();
    // As after a kill.
    copy_all(folder.path(), copy.path());
    let unfinished = self::list(copy.path()).open_read_only();
    assert!(matches!(unfinished, Err(Error::Unfinished { .. })), "{unfinished:?}");
    self::list(copy.path()).open().unwrap().close().unwrap();
    assert_eq!(self::list(copy.path()).open_read_only().unwrap().to_vec().unwrap(), [1]);
}

/// Every file below a folder, and what it holds.
fn contents(folder: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(contents(&entry.path()));
        } else {
            found.insert(entry.path(), fs::read(entry.path()).unwrap());
        }
    }
    found
}

#[test]
fn a_folder_knows_what_is_in_it_and_deletes_it() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path().join("new")).unwrap();
    let names = ["", "a", "A", "ü/2", "x.speedup"];
    for name in names {
        folder.dict::<u64, u64>(name).unwrap().insert(1, 1).unwrap();
    }
    folder.list::<u64>("l").unwrap().push(1).unwrap();
    fs::create_dir(folder.path().join("other.speedup")).unwrap();
    fs::write(folder.path().join("notes"), "mine").unwrap();
    let mut all = [&names[..], &["l"]].concat();
    all.sort_unstable();
    assert_eq!(folder.names().unwrap(), all);
    let held = folder.dict::<u64, u64>("a").unwrap();
    let refused = folder.delete("a");
    assert!(matches!(refused, Err(Error::InUse { .. })), "{refused:?}");
    drop(held);
    fs::write(folder.path().join("a.speedup/notes"), "mine").unwrap();
    for name in all {
        assert!(folder.exists(name).unwrap());
        assert!(folder.delete(name).unwrap(), "{name}");
        assert!(!folder.exists(name).unwrap() && !folder.delete(name).unwrap(), "{name}");
    }
    assert!(folder.names().unwrap().is_empty());
    assert_eq!(fs::read(folder.path().join("a.speedup/notes")).unwrap(), b"mine");
    let missing = folder.dict_builder::<u64, u64>("a").open_existing();
    assert!(matches!(missing, Err(Error::Missing { .. })), "{missing:?}");
    drop(folder.list::<u64>("l").unwrap());
    assert!(folder.list_builder::<u64>("l").open_existing().unwrap().is_empty());
}

#[test]
fn what_is_damaged_can_be_deleted() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    folder.list::<u64>("l").unwrap().extend(0..1000).unwrap();
    fs::remove_file(place.path().join("l.speedup/superblock")).unwrap();
    assert!(matches!(folder.list::<u64>("l"), Err(Error::Damaged { .. })));
    assert!(folder.delete("l").unwrap());
    assert!(!place.path().join("l.speedup").exists());
    assert!(folder.list::<u64>("l").unwrap().is_empty());
}

#[cfg(unix)]
#[test]
fn a_link_to_a_structure_is_deleted_with_it() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path().join("here")).unwrap();
    folder.list::<u64>("l").unwrap().push(1).unwrap();
    let (link, elsewhere) = (folder.path().join("l.speedup"), place.path().join("elsewhere"));
    fs::rename(&link, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
    folder.list::<u64>("l").unwrap().push(2).unwrap();
    assert!(folder.delete("l").unwrap());
    assert!(!folder.exists("l").unwrap() && fs::symlink_metadata(&link).is_err());
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    assert!(folder.list::<u64>("l").unwrap().is_empty());
}
