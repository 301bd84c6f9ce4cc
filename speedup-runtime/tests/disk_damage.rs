//! Flipped bits and cut files, now and then two at a time: every outcome is a right answer or a typed error.
//!
//! `cargo xtask crash` runs the long form of 500 rounds, `SPEEDUP_FLIP_ROUNDS=N` as many as it says.

mod rounds;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use speedup_runtime::disk::{DiskDict, DiskList, Error};

type Dict = DiskDict<u64, String>;
type List = DiskList<String>;

fn dict(folder: &Path) -> Result<Dict, Error> {
    DiskDict::builder("d").location(folder).open()
}

fn list(folder: &Path) -> Result<List, Error> {
    DiskList::builder("l").location(folder).open()
}

fn scatter(n: u64) -> u64 {
    let n = (n ^ (n >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
    (n ^ (n >> 27)).wrapping_mul(0x81da_def4_bc2d_d44d) >> 8
}

fn text(n: u64) -> String {
    if n.is_multiple_of(97) { "long ".repeat(2000) } else { format!("value {n}") }
}

/// What the structures hold.
struct Model {
    dict: BTreeMap<u64, String>,
    list: Vec<String>,
}

/// Fills a folder; with `unclosed`, returns it as a killed process leaves it, with operations in the journals.
fn fill(folder: &Path, unclosed: &Path) -> Model {
    let (mut d, mut l) = (dict(folder).unwrap(), list(folder).unwrap());
    let mut model = Model { dict: BTreeMap::new(), list: Vec::new() };
    for n in 0..3000 {
        model.dict.insert(scatter(n) % 100_000, text(n));
        model.list.push(text(n));
        d.insert(scatter(n) % 100_000, text(n)).unwrap();
        l.push(text(n)).unwrap();
        if n == 2000 {
            d.compact().unwrap();
            l.compact().unwrap();
        }
    }
    d.flush().unwrap();
    l.flush().unwrap();
    copy_all(folder, unclosed);
    d.close().unwrap();
    l.close().unwrap();
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

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), found);
        } else if entry.metadata().unwrap().len() > 0 {
            found.push(entry.path());
        }
    }
    found.sort();
}

/// Flips a bit, cuts the file, fills a stretch with zeros or deletes the file.
fn harm(path: &Path, random: u64) -> String {
    let mut bytes = fs::read(path).unwrap();
    let at = scatter(random) as usize % bytes.len();
    let what = match random % 10 {
        0 | 1 => {
            bytes.truncate(at);
            "cut"
        }
        2 => {
            let end = (at + 512).min(bytes.len());
            bytes[at..end].fill(0);
            "zeroed"
        }
        3 if random.is_multiple_of(7) => {
            fs::remove_file(path).unwrap();
            return format!("{} deleted", path.display());
        }
        _ => {
            bytes[at] ^= 1 << (random / 16 % 8);
            "flipped"
        }
    };
    fs::write(path, bytes).unwrap();
    format!("{} {what} at {at}", path.display())
}

/// Whether an error is one that damage may cause.
fn is_typed(error: &Error) -> bool {
    matches!(
        error,
        Error::Damaged { .. }
            | Error::NewerFormat { .. }
            | Error::WrongKind { .. }
            | Error::WrongType { .. }
            | Error::Io { .. }
    )
}

/// Reads a dict in every way; returns whether something was reported.
fn check_dict(folder: &Path, model: &Model) -> bool {
    let dict = match dict(folder) {
        Ok(dict) => dict,
        Err(error) => {
            assert!(is_typed(&error), "{error:?}");
            return true;
        }
    };
    let mut reported = false;
    let mut seen = 0;
    for entry in dict.iter() {
        match entry {
            Ok((key, value)) => {
                assert_eq!(model.dict.get(&key), Some(&value), "a wrong answer");
                seen += 1;
            }
            Err(error) => {
                assert!(is_typed(&error), "{error:?}");
                reported = true;
            }
        }
    }
    assert!(reported || (seen == model.dict.len() && dict.len() == seen), "{seen} items and no error");
    for (key, value) in model.dict.iter().step_by(50) {
        match dict.get(key) {
            Ok(found) => assert_eq!(found.as_ref(), Some(value)),
            Err(error) => assert!(is_typed(&error), "{error:?}"),
        }
    }
    reported
}

fn check_list(folder: &Path, model: &Model) -> bool {
    let list = match list(folder) {
        Ok(list) => list,
        Err(error) => {
            assert!(is_typed(&error), "{error:?}");
            return true;
        }
    };
    let mut reported = false;
    for (at, value) in model.list.iter().enumerate() {
        match list.get(at) {
            Ok(found) => assert_eq!(found.as_ref(), Some(value)),
            Err(error) => {
                assert!(is_typed(&error), "{error:?}");
                reported = true;
            }
        }
    }
    let whole = list.to_vec();
    assert!(reported || whole.unwrap() == model.list);
    reported
}

/// `SPEEDUP_FLIP_ROUNDS`, or 500 in the long form, or 40.
fn rounds() -> u64 {
    let asked = std::env::var("SPEEDUP_FLIP_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    asked.unwrap_or(if std::env::var("SPEEDUP_LONG").is_ok() { 500 } else { 40 })
}

/// Repairs both structures: nothing that was never written may come of it, and what is repaired is whole.
fn check_repair(folder: &Path, known: &HashSet<String>) {
    match DiskDict::<u64, String>::builder("d").location(folder).repair() {
        Ok((dict, report)) => {
            let all = dict.to_map().unwrap();
            assert_eq!(all.len(), report.kept);
            assert!(all.values().all(|value| known.contains(value)));
        }
        Err(error) => assert!(is_typed(&error), "{error:?}"),
    }
    match DiskList::<String>::builder("l").location(folder).repair() {
        Ok((list, report)) => {
            let all = list.to_vec().unwrap();
            assert_eq!(all.len(), report.kept);
            assert!(all.iter().all(|value| known.contains(value)));
        }
        Err(error) => assert!(is_typed(&error), "{error:?}"),
    }
}

#[test]
fn damage_is_a_right_answer_or_a_typed_error() {
    let rounds = rounds();
    let (closed, unclosed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let model = fill(closed.path(), unclosed.path());
    let known: HashSet<String> = (0..3000).map(text).collect();
    let mut reported = 0;
    for round in 0..rounds {
        rounds::tell("damage", round, rounds);
        let copy = tempfile::tempdir().unwrap();
        let source = if round % 2 == 0 { closed.path() } else { unclosed.path() };
        copy_all(source, copy.path());
        let mut all = Vec::new();
        files(copy.path(), &mut all);
        let random = scatter(round.wrapping_mul(0x9e37_79b9) + u64::from(std::process::id()));
        let mut did = harm(&all[(round as usize / 2) % all.len()], random);
        if round % 5 == 4 {
            let second = &all[scatter(random) as usize % all.len()];
            if second.exists() && fs::metadata(second).unwrap().len() > 0 {
                did += &format!(", {}", harm(second, scatter(random + 1)));
            }
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let met = u64::from(check_dict(copy.path(), &model)) + u64::from(check_list(copy.path(), &model));
            check_repair(copy.path(), &known);
            met
        }));
        match outcome {
            Ok(count) => reported += count,
            Err(_) => panic!("round {round}: {did}"),
        }
    }
    assert!(reported > 0, "no damage was ever met");
}

#[test]
fn the_rest_of_a_damaged_dict_stays_readable_and_repair_keeps_it() {
    let (folder, unused) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let model = fill(folder.path(), unused.path());
    harm_middle(&folder.path().join("d.speedup"));
    let damaged = dict(folder.path()).unwrap();
    let (good, bad): (Vec<_>, Vec<_>) = damaged.iter().partition(Result::is_ok);
    assert!(!good.is_empty() && !bad.is_empty());
    drop((good, bad, damaged));
    let builder = DiskDict::<u64, String>::builder("d").location(folder.path());
    let (repaired, report) = builder.repair().unwrap();
    assert_eq!(report.kept + report.lost, model.dict.len());
    assert!(report.lost > 0 && report.kept > 0);
    let kept = repaired.to_map().unwrap();
    assert_eq!(kept.len(), report.kept);
    assert!(kept.iter().all(|(key, value)| model.dict.get(key) == Some(value)));
}

/// Flips a bit in the page in the middle of a structure's page file.
fn harm_middle(folder: &Path) {
    let mut all = Vec::new();
    files(folder, &mut all);
    let is_pages = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pages."));
    let pages = all.into_iter().find(is_pages).unwrap();
    let mut bytes = fs::read(&pages).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096 + 100;
    bytes[middle] ^= 1;
    fs::write(&pages, bytes).unwrap();
}

#[test]
fn a_change_that_meets_a_damaged_page_is_refused_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let open = || DiskList::<u64>::builder("l").location(folder.path()).open().unwrap();
    open().extend(0..20_000).unwrap();
    harm_middle(&folder.path().join("l.speedup"));
    let mut list = open();
    let bad: Vec<usize> = (0..20_000).filter(|&at| list.get(at).is_err()).collect();
    let (first, last) = (bad[0], bad[bad.len() - 1]);
    assert!(matches!(list.insert(first, 1), Err(Error::Damaged { .. })));
    assert!(matches!(list.remove(last), Err(Error::Damaged { .. })));
    assert!(matches!(list.remove_range(0..=first), Err(Error::Damaged { .. })));
    assert!(matches!(list.remove_range(last..), Err(Error::Damaged { .. })));
    list.push(20_000).unwrap();
    list.insert(0, 7).unwrap();
    list.flush().unwrap();
    drop(list);
    let mut list = open();
    assert_eq!((list.len(), list.get(0).unwrap(), list.get(20_001).unwrap()), (20_002, Some(7), Some(20_000)));
    // A range that takes the damaged page along needs nothing of it.
    list.remove_range(first..last + 3).unwrap();
    assert_eq!(list.iter().filter(Result::is_err).count(), 0);
    assert_eq!(list.len(), 20_002 - (last + 3 - first));
}

#[test]
fn turning_a_list_whose_first_page_is_damaged_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let open = || DiskList::<String>::builder("l").location(folder.path()).open().unwrap();
    open().extend((0..20_000).map(|n| format!("item {n:05}"))).unwrap();
    harm_all(&folder.path().join("l.speedup"), b"item 00000");
    let last = |list: &DiskList<String>| (list.len(), list.last().unwrap().unwrap());
    let mut list = open();
    assert!(matches!(list.first(), Err(Error::Damaged { .. })));
    assert!(matches!(list.rotate_right(3), Err(Error::Damaged { .. })));
    assert!(matches!(list.rotate_left(3), Err(Error::Damaged { .. })));
    assert_eq!(last(&list), (20_000, "item 19999".into()));
    list.push("one more".into()).unwrap();
    drop(list);
    assert_eq!(last(&open()), (20_001, "one more".into()));
}

#[test]
fn a_full_ring_one_end_of_which_is_damaged_takes_nothing_at_the_other() {
    for (text, at_end) in [("item 00000", true), ("item 19999", false)] {
        let folder = tempfile::tempdir().unwrap();
        let open = || DiskList::<String>::builder("l").location(folder.path()).maxlen(20_000).open().unwrap();
        open().extend((0..20_000).map(|n| format!("item {n:05}"))).unwrap();
        harm_all(&folder.path().join("l.speedup"), text.as_bytes());
        let mut list = open();
        let refused = if at_end { list.push("new".into()) } else { list.push_front("new".into()) };
        assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
        drop(list);
        let list = open();
        let sound = if at_end { list.last() } else { list.first() };
        let wanted = if at_end { "item 19999" } else { "item 00000" };
        assert_eq!((list.len(), sound.unwrap().as_deref()), (20_000, Some(wanted)));
    }
}

/// Flips a bit wherever these bytes are in a structure's page file.
fn harm_all(folder: &Path, wanted: &[u8]) {
    let pages = folder.join("pages.0");
    let mut bytes = fs::read(&pages).unwrap();
    let places: Vec<usize> = (0..bytes.len() - wanted.len()).filter(|&at| bytes[at..].starts_with(wanted)).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| bytes[at] ^= 1);
    fs::write(&pages, bytes).unwrap();
}

#[test]
fn a_dict_with_a_damaged_page_takes_new_keys_and_can_be_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let builder = || DiskDict::<u64, u64>::builder("d").location(folder.path()).write_buffer(1 << 14);
    builder().from_iter((0..20_000).map(|n| (n * 10, n))).unwrap().close().unwrap();
    harm_middle(&folder.path().join("d.speedup"));
    let mut dict = builder().open().unwrap();
    let mut added = 0;
    // Enough that a filter of all keys would be worth making.
    for n in 0..20_000 {
        match dict.insert(n * 10 + 1, n) {
            Ok(old) => {
                assert_eq!(old, None);
                added += 1;
            }
            Err(error) => assert!(matches!(error, Error::Damaged { .. }), "{error:?}"),
        }
    }
    assert!((19_000..20_000).contains(&added), "{added}");
    dict.flush().unwrap();
    drop(dict);
    let mut dict = builder().open().unwrap();
    assert_eq!(dict.len(), 20_000 + added);
    dict.clear().unwrap();
    dict.insert(3, 3).unwrap();
    drop(dict);
    assert_eq!(builder().open().unwrap().to_map().unwrap(), BTreeMap::from([(3, 3)]));
}
