//! What `repair` keeps when whole files are lost: everything the spare and the journal still say.

mod rounds;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use speedup_runtime::disk::{DictBuilder, DiskDict, DiskList, Error, ListBuilder};

const ITEMS: u64 = 6000;
/// How many of the last operations are in the journal only.
const UNPUBLISHED: u64 = 500;

fn dict(folder: &Path) -> DictBuilder<u64, String> {
    DiskDict::builder("d").location(folder).page_size(64).max_pages(4).write_buffer(1 << 14)
}

fn list(folder: &Path) -> ListBuilder<String> {
    DiskList::builder("l").location(folder).page_size(64).max_pages(4)
}

fn scatter(n: u64) -> u64 {
    let n = (n ^ (n >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
    (n ^ (n >> 27)).wrapping_mul(0x81da_def4_bc2d_d44d) >> 8
}

fn text(n: u64) -> String {
    if n.is_multiple_of(97) { "long ".repeat(1000) } else { format!("value {n}") }
}

/// What the structures hold.
struct Model {
    dict: BTreeMap<u64, String>,
    list: Vec<String>,
}

/// Makes both structures, as a process leaves them that was killed after its last `flush`.
fn killed(folder: &Path) -> Model {
    let origin = tempfile::tempdir().unwrap();
    let mut model = Model { dict: BTreeMap::new(), list: Vec::new() };
    let (mut d, mut l) = (dict(origin.path()).open().unwrap(), list(origin.path()).open().unwrap());
    for n in 0..ITEMS {
        if n == ITEMS - UNPUBLISHED || n == 2000 {
            d.close().unwrap();
            l.close().unwrap();
            (d, l) = (dict(origin.path()).open().unwrap(), list(origin.path()).open().unwrap());
        }
        let (key, at) = (scatter(n) % 100_000, scatter(n) as usize % (model.list.len() + 1));
        d.insert(key, text(n)).unwrap();
        model.dict.insert(key, text(n));
        l.insert(at, text(n)).unwrap();
        model.list.insert(at, text(n));
        if n % 5 == 0 {
            let (gone, place) = (*model.dict.keys().next().unwrap(), model.list.len() / 2);
            assert_eq!(d.remove(&gone).unwrap(), model.dict.remove(&gone));
            assert_eq!(l.remove(place).unwrap(), Some(model.list.remove(place)));
        }
    }
    d.flush().unwrap();
    l.flush().unwrap();
    copy_all(origin.path(), folder);
    model
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// The only file or folder of a structure whose name starts like this.
fn part(folder: &Path, stem: &str) -> PathBuf {
    let found = |entry: &PathBuf| entry.file_name().unwrap().to_string_lossy().starts_with(stem);
    let mut all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(found);
    let first = all.next().unwrap();
    assert!(all.next().is_none(), "{stem} is there twice");
    first
}

/// Flips a bit in each 512 bytes.
fn ruin(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes.iter_mut().step_by(512).for_each(|byte| *byte ^= 1);
    fs::write(path, bytes).unwrap();
}

/// Harms both structures, then repairs them; returns what is left, and whether the journals were said to be cut.
fn repaired(harm: impl Fn(&Path), must_refuse: bool) -> (Model, Model, [bool; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let model = killed(folder.path());
    for name in ["d.speedup", "l.speedup"] {
        harm(&folder.path().join(name));
    }
    if must_refuse {
        assert!(matches!(dict(folder.path()).open(), Err(Error::Damaged { .. })));
        assert!(matches!(list(folder.path()).open(), Err(Error::Damaged { .. })));
    }
    let (d, about_dict) = dict(folder.path()).repair().unwrap();
    let (l, about_list) = list(folder.path()).repair().unwrap();
    assert_eq!((about_dict.kept, about_list.kept), (d.len(), l.len()));
    d.close().unwrap();
    l.close().unwrap();
    // What was repaired opens as if nothing had been.
    let (d, l) = (dict(folder.path()).open().unwrap(), list(folder.path()).open().unwrap());
    let left = Model { dict: d.to_map().unwrap(), list: l.to_vec().unwrap() };
    (model, left, [about_dict.truncated, about_list.truncated])
}

fn loses_nothing(harm: impl Fn(&Path)) {
    let (model, left, truncated) = repaired(harm, true);
    assert_eq!(truncated, [false; 2]);
    assert!(left.dict == model.dict);
    assert!(left.list == model.list);
}

#[test]
fn a_lost_superblock_loses_nothing() {
    loses_nothing(|folder| fs::remove_file(folder.join("superblock")).unwrap());
}

#[test]
fn a_ruined_superblock_loses_nothing() {
    loses_nothing(|folder| ruin(&folder.join("superblock")));
}

#[test]
fn a_lost_directory_loses_nothing() {
    loses_nothing(|folder| fs::remove_dir_all(part(folder, "directory.")).unwrap());
}

#[test]
fn a_ruined_directory_loses_nothing() {
    loses_nothing(|folder| {
        let directory = part(folder, "directory.");
        fs::remove_file(directory.join("db")).unwrap();
        fs::write(directory.join("db"), b"").unwrap();
    });
}

#[test]
fn a_lost_superblock_and_a_lost_directory_together_lose_nothing() {
    loses_nothing(bare_of_superblock_and_directory);
}

#[test]
fn a_lost_journal_loses_what_came_after_the_last_checkpoint() {
    for ruined in [false, true] {
        let harm = |folder: &Path| match part(folder, "journal.") {
            path if ruined => ruin(&path),
            path => fs::remove_file(path).unwrap(),
        };
        let (model, left, truncated) = repaired(harm, true);
        assert_eq!(truncated, [true; 2]);
        assert!(left.list.len() >= model.list.len() - UNPUBLISHED as usize);
        let known: std::collections::HashSet<String> = (0..ITEMS).map(text).collect();
        assert!(left.list.iter().chain(left.dict.values()).all(|value| known.contains(value)));
    }
}

#[test]
fn a_journal_that_was_just_being_made_is_not_taken_for_a_lost_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut d = dict(folder.path()).open().unwrap();
    (0..100).for_each(|n| _ = d.insert(n, text(n)).unwrap());
    d.close().unwrap();
    let inside = folder.path().join("d.speedup");
    let journal = part(&inside, "journal.");
    let number: u64 = journal.extension().unwrap().to_str().unwrap().parse().unwrap();
    // A kill in a checkpoint: what is in the journal before is in the pages, as the spare knows.
    fs::write(inside.join(format!("journal.{}", number + 1)), "").unwrap();
    bare_of_superblock_and_directory(&inside);
    let (d, about) = dict(folder.path()).repair().unwrap();
    assert_eq!((about.kept, about.lost, about.truncated), (100, 0, false));
    assert!((0..100).all(|n| d.get(&n).unwrap() == Some(text(n))));
}

/// Takes away what can be put together from the spare.
fn bare_of_superblock_and_directory(inside: &Path) {
    fs::remove_file(inside.join("superblock")).unwrap();
    fs::remove_dir_all(part(inside, "directory.")).unwrap();
}

#[test]
fn a_spare_that_cannot_be_read_harms_nobody() {
    for ruined in [false, true] {
        let harm = |folder: &Path| match part(folder, "spare.") {
            path if ruined => ruin(&path),
            path => fs::remove_file(path).unwrap(),
        };
        let (model, left, truncated) = repaired(harm, false);
        assert_eq!(truncated, [false; 2]);
        assert!(left.dict == model.dict && left.list == model.list);
    }
}

#[test]
fn a_spare_is_made_again_when_it_is_missing_or_behind() {
    for missing in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("d.speedup");
        dict(folder.path()).from_iter((0..3000).map(|n| (n, text(n)))).unwrap().close().unwrap();
        let spare = part(&inside, "spare.");
        let behind = fs::read(&spare).unwrap();
        for (key, value) in [(5000, "first"), (7, "seven")] {
            let mut again = dict(folder.path()).open().unwrap();
            again.insert(key, value.into()).unwrap();
            again.close().unwrap();
            if key == 5000 && missing {
                fs::remove_file(&spare).unwrap();
            } else if key == 5000 {
                fs::write(&spare, &behind).unwrap();
            }
        }
        fs::remove_dir_all(part(&inside, "directory.")).unwrap();
        fs::remove_file(inside.join("superblock")).unwrap();
        let (repaired, report) = dict(folder.path()).repair().unwrap();
        assert_eq!((report.kept, report.lost, report.truncated), (3001, 0, false));
        assert_eq!(repaired.get(&7).unwrap().as_deref(), Some("seven"));
        assert_eq!(repaired.get(&5000).unwrap().as_deref(), Some("first"));
    }
}

/// Takes the directory and the spare of it away.
fn bare(inside: &Path) {
    fs::remove_dir_all(part(inside, "directory.")).unwrap();
    fs::remove_file(part(inside, "spare.")).unwrap();
}

#[test]
fn a_dict_is_put_together_from_its_pages_where_both_are_lost() {
    let folder = tempfile::tempdir().unwrap();
    let model = killed(folder.path());
    let inside = folder.path().join("d.speedup");
    bare(&inside);
    let (repaired, report) = dict(folder.path()).repair().unwrap();
    assert!(report.scanned && !report.truncated);
    let found = repaired.to_map().unwrap();
    assert_eq!(found.len(), report.kept);
    let missing: Vec<&u64> =
        model.dict.iter().filter(|&(key, value)| found.get(key) != Some(value)).map(|(key, _)| key).collect();
    assert!(missing.is_empty(), "{} entries are missing or old, {missing:?}", missing.len());
    // At the edges of pages, and where pages were emptied, what was removed may be back.
    assert!(found.len() - model.dict.len() < model.dict.len() / 10, "{} of {}", found.len(), model.dict.len());
    repaired.close().unwrap();
    assert_eq!(dict(folder.path()).open().unwrap().to_map().unwrap(), found);
}

#[test]
fn what_was_cleared_stays_away_and_what_was_compacted_comes_back_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("d.speedup");
    let mut model = BTreeMap::new();
    dict(folder.path()).from_iter((0..9000).map(|n| (scatter(n), text(n)))).unwrap().close().unwrap();
    let mut d = dict(folder.path()).open().unwrap();
    d.extend((9000..12_000).map(|n| (scatter(n), text(n)))).unwrap();
    d.clear().unwrap();
    for n in 0..3000 {
        d.insert(scatter(n) + 1, text(n)).unwrap();
        model.insert(scatter(n) + 1, text(n));
    }
    d.close().unwrap();
    bare(&inside);
    let (mut d, report) = dict(folder.path()).repair().unwrap();
    assert!(report.scanned && d.to_map().unwrap() == model);
    d.retain(|key, _| key % 3 > 0).unwrap();
    d.compact().unwrap();
    d.close().unwrap();
    model.retain(|key, _| key % 3 > 0);
    bare(&inside);
    let (d, report) = dict(folder.path()).repair().unwrap();
    assert_eq!((report.kept, report.lost), (model.len(), 0));
    assert!(d.to_map().unwrap() == model);
}

#[test]
fn of_a_damaged_page_an_older_version_may_be_found() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("d.speedup");
    dict(folder.path()).from_iter((0..3000).map(|n| (n, text(n)))).unwrap().close().unwrap();
    bare(&inside);
    let pages = part(&inside, "pages.");
    let mut bytes = fs::read(&pages).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096 + 100;
    bytes[middle] ^= 1;
    fs::write(&pages, bytes).unwrap();
    let (d, report) = dict(folder.path()).repair().unwrap();
    assert!(report.scanned && report.kept < 3000 && report.kept > 2500, "{report:?}");
    for entry in d.iter() {
        let (key, value) = entry.unwrap();
        assert_eq!(value, text(key));
    }
}

#[test]
fn the_pages_of_a_list_do_not_know_where_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    killed(folder.path());
    let inside = folder.path().join("l.speedup");
    bare(&inside);
    assert!(matches!(list(folder.path()).repair(), Err(Error::Damaged { .. })));
}

#[test]
fn repair_checks_kind_and_types_too() {
    let folder = tempfile::tempdir().unwrap();
    killed(folder.path());
    fs::remove_file(folder.path().join("d.speedup/superblock")).unwrap();
    let other = DiskList::<String>::builder("d").location(folder.path()).repair();
    assert!(matches!(other, Err(Error::WrongKind { .. })));
    let other = DiskDict::<String, String>::builder("d").location(folder.path()).repair();
    assert!(matches!(other, Err(Error::WrongType { part: "key", .. })));
    assert!(dict(folder.path()).repair().is_ok());
}

#[test]
fn whatever_was_done_to_a_dict_its_pages_have_every_entry_as_it_was_last() {
    let rounds = if std::env::var("SPEEDUP_LONG").is_ok() { 24 } else { 4 };
    // As a kill leaves the folder right after a flush.
    let kill = |mut d: DiskDict<u64, String>, folder: &Path| {
        d.flush().unwrap();
        let copy = tempfile::tempdir().unwrap();
        copy_all(folder, copy.path());
        drop(d);
        fs::remove_dir_all(folder.join("d.speedup")).unwrap();
        copy_all(copy.path(), folder);
    };
    for round in 0..rounds {
        rounds::tell("pages alone", round, rounds);
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("d.speedup");
        let (mut d, mut model) = (dict(folder.path()).open().unwrap(), BTreeMap::new());
        for n in 0..4000 {
            let random = scatter(n + (round << 20));
            // Now all over, now close together, now in ascending order.
            let key = match n / 500 % 3 {
                0 => random % 5000,
                1 => 1000 + random % 300,
                _ => 10_000 + n,
            };
            match random % 31 {
                0..8 => assert_eq!(d.remove(&key).unwrap(), model.remove(&key)),
                8 => assert_eq!(d.pop_first().unwrap(), model.pop_first()),
                9 => assert_eq!(d.last().unwrap().as_ref().map(|last| last.0), model.keys().next_back().copied()),
                _ => assert_eq!(d.insert(key, text(random)).unwrap(), model.insert(key, text(random))),
            }
            match random % 1013 {
                0..3 => {
                    d.close().unwrap();
                    d = dict(folder.path()).open().unwrap();
                }
                3 => d.compact().unwrap(),
                4 => {
                    d.clear().unwrap();
                    model.clear();
                }
                5..8 => {
                    kill(d, folder.path());
                    d = dict(folder.path()).open().unwrap();
                }
                _ => {}
            }
        }
        if round % 2 == 0 {
            d.close().unwrap();
        } else {
            kill(d, folder.path());
        }
        bare(&inside);
        let (d, report) = dict(folder.path()).repair().unwrap();
        let found = d.to_map().unwrap();
        assert!(report.scanned && report.kept == found.len());
        let wrong = model.iter().filter(|&(key, value)| found.get(key) != Some(value)).count();
        assert_eq!(wrong, 0, "of {} entries in round {round}", model.len());
    }
}
