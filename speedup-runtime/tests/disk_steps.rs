//! Changes of many entries at once are one step: after a crash, an error or a panic all of it is done or nothing.

mod copies;

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use speedup_runtime::disk::{DiskDict, DiskList, Error};

use copies::copy_all;

fn dict(folder: &Path) -> DiskDict<u32, String> {
    DiskDict::builder("d").location(folder).write_buffer(4096).open().unwrap()
}

/// The journal of a structure that is open.
fn journal(folder: &Path) -> std::path::PathBuf {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    names.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("journal.")).max().unwrap()
}

/// Waits until the journal of `folder` holds something that was not flushed.
fn written(folder: &Path) -> usize {
    let path = journal(folder);
    loop {
        match fs::metadata(&path).unwrap().len() {
            0..=64 => std::thread::yield_now(),
            len => return len as usize,
        }
    }
}

/// Opens what is left of the structure in `folder` when only `len` bytes of its journal were written.
fn cut_to<R>(folder: &Path, name: &str, len: usize, look: impl FnOnce(&Path) -> R) -> R {
    let copy = tempfile::tempdir().unwrap();
    copy_all(&folder.join(name), &copy.path().join(name));
    let path = journal(&copy.path().join(name));
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..len]).unwrap();
    look(copy.path())
}

#[test]
fn a_dict_is_retained_in_one_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut dict = dict(folder.path());
    dict.extend((0..200).map(|n| (n, n.to_string()))).unwrap();
    let before = dict.to_map().unwrap();
    dict.close().unwrap();
    let mut dict = self::dict(folder.path());
    let keep = |n: &u32, value: &mut String| {
        value.push('!');
        !n.is_multiple_of(3)
    };
    dict.retain(keep).unwrap();
    let after = dict.to_map().unwrap();
    assert_eq!((after.len(), after[&1].as_str()), (133, "1!"));
    let len = written(&folder.path().join("d.speedup"));
    for cut in (64..=len).step_by(97).chain([len - 1, len]) {
        let found = cut_to(folder.path(), "d.speedup", cut, |copy| self::dict(copy).to_map().unwrap());
        assert!(found == if cut == len { after.clone() } else { before.clone() }, "{cut} of {len}");
    }
}

#[test]
fn a_list_rotates_in_one_step() {
    let folder = tempfile::tempdir().unwrap();
    let open = |folder: &Path| DiskList::<u32>::builder("l").location(folder).open().unwrap();
    let mut list = open(folder.path());
    list.extend(0..1000).unwrap();
    list.close().unwrap();
    let mut list = open(folder.path());
    list.rotate_left(50).unwrap();
    let after = list.to_vec().unwrap();
    assert_eq!((after[0], after[999]), (50, 49));
    let len = written(&folder.path().join("l.speedup"));
    for cut in (64..=len).step_by(31).chain([len - 1, len]) {
        let found = cut_to(folder.path(), "l.speedup", cut, |copy| open(copy).to_vec().unwrap());
        assert!(found == if cut == len { after.clone() } else { (0..1000).collect() }, "{cut} of {len}");
    }
    list.rotate_right(50).unwrap();
    list.extend(1000..50_000).unwrap();
    list.rotate_left(20_000).unwrap();
    assert!(list.to_vec().unwrap() == (20_000..50_000).chain(0..20_000).collect::<Vec<_>>());
}

#[test]
fn a_large_dict_is_retained_and_asks_for_each_entry_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut dict = dict(folder.path());
    let value = |n: u32| "v".repeat(if n.is_multiple_of(500) { 5000 } else { n as usize % 50 });
    let mut model: BTreeMap<u32, String> = (0..20_000).map(|n| (n * 7919 % 20_000, value(n))).collect();
    dict.extend(model.clone()).unwrap();
    let mut asked = 0;
    let mut keep = |n: &u32, value: &mut String| {
        asked += 1;
        if n.is_multiple_of(5) {
            value.push('!');
        }
        *n > 10_000 || !n.is_multiple_of(4)
    };
    dict.retain(&mut keep).unwrap();
    assert_eq!(asked, 20_000);
    model.retain(|n, value| {
        if n.is_multiple_of(5) {
            value.push('!');
        }
        *n > 10_000 || !n.is_multiple_of(4)
    });
    assert!(dict.to_map().unwrap() == model && dict.len() == model.len());
    dict.insert(30_000, "new".into()).unwrap();
    dict.insert(4, "back".into()).unwrap();
    dict.close().unwrap();
    model.extend([(30_000, "new".into()), (4, "back".into())]);
    assert!(self::dict(folder.path()).to_map().unwrap() == model);
}

#[test]
fn a_closure_that_panics_changes_nothing_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut dict = dict(folder.path());
    let mut list = DiskList::<String>::builder("l").location(folder.path()).open().unwrap();
    dict.extend((0..10_000).map(|n| (n, format!("{n:050}")))).unwrap();
    list.extend((0..10_000).map(|n| format!("{:050}", n * 7919 % 10_000))).unwrap();
    dict.flush().unwrap();
    let (before, items) = (dict.to_map().unwrap(), list.to_vec().unwrap());
    dict.compact().unwrap();
    list.compact().unwrap();
    let size = |dict: &DiskDict<u32, String>, list: &DiskList<String>| {
        let pages = |path: std::path::PathBuf| fs::metadata(path.join("pages.1")).unwrap().len();
        pages(dict.path()) + pages(list.path())
    };
    let at_first = size(&dict, &list);
    for turn in 0..20 {
        let panicking = |at: u32| assert!(at != 9_000 + turn, "as it should");
        let result = catch_unwind(AssertUnwindSafe(|| {
            dict.retain(|n, value| {
                panicking(*n);
                value.push('!');
                true
            })
        }));
        assert!(result.is_err());
        let mut seen = 0;
        let result = catch_unwind(AssertUnwindSafe(|| {
            list.retain(|_| {
                seen += 1;
                panicking(seen);
                true
            })
        }));
        assert!(result.is_err());
        let mut compared = 0;
        let result = catch_unwind(AssertUnwindSafe(|| {
            list.sort_by(|a, b| {
                compared += 1;
                assert!(compared < 100_000, "as it should");
                a.cmp(b)
            })
        }));
        assert!(result.is_err());
    }
    assert!(dict.to_map().unwrap() == before && list.to_vec().unwrap() == items);
    dict.insert(0, before[&0].clone()).unwrap();
    dict.close().unwrap();
    list.close().unwrap();
    let (dict, list) = (self::dict(folder.path()), DiskList::builder("l").location(folder.path()).open().unwrap());
    assert!(size(&dict, &list) <= 3 * at_first, "{} {at_first}", size(&dict, &list));
    assert!(dict.to_map().unwrap() == before && list.to_vec().unwrap() == items);
}

#[test]
fn ranges_are_removed_and_split_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut dict = dict(folder.path());
    let mut model: BTreeMap<u32, String> = (0..5000).map(|n| (n * 31 % 5000, n.to_string())).collect();
    dict.extend(model.clone()).unwrap();
    assert_eq!(dict.remove_range(1000..1500).unwrap(), 500);
    assert_eq!(dict.remove_range(1000..1500).unwrap(), 0);
    assert_eq!(dict.remove_range(..=10).unwrap(), 11);
    assert_eq!(dict.remove_range::<u32, _>((std::ops::Bound::Excluded(4990), std::ops::Bound::Unbounded)).unwrap(), 9);
    model.retain(|n, _| !(1000..1500).contains(n) && *n > 10 && *n <= 4990);
    dict.insert(1200, "back".into()).unwrap();
    model.insert(1200, "back".into());
    assert!(dict.to_map().unwrap() == model && dict.len() == model.len());
    dict.flush().unwrap();
    // A kill: the operation is in the journal alone.
    let copy = tempfile::tempdir().unwrap();
    copy_all(folder.path(), copy.path());
    assert!(self::dict(copy.path()).to_map().unwrap() == model);

    let mut rest = DiskDict::builder("rest").location(folder.path()).open().unwrap();
    dict.split_off(&3000, &mut rest).unwrap();
    let theirs = model.split_off(&3000);
    assert!(dict.to_map().unwrap() == model && rest.to_map().unwrap() == theirs);
    assert!(matches!(dict.split_off(&0, &mut rest), Err(Error::NotEmpty { .. })));
    rest.insert(9999, "last".into()).unwrap();
    assert_eq!(rest.last().unwrap(), Some((9999, "last".into())));
}

#[test]
fn prefixes_find_what_starts_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut names = DiskDict::<String, u8>::builder("n").location(folder.path()).open().unwrap();
    for name in ["", "a", "a\0", "a\0b", "a\u{1}", "ab", "b", "\u{10ffff}", "\u{10ffff}x"] {
        names.insert(name.into(), 0).unwrap();
    }
    let found = |prefix: &str| names.prefix(prefix).map(|entry| entry.unwrap().0).collect::<Vec<_>>();
    assert_eq!(found(""), names.keys().map(Result::unwrap).collect::<Vec<_>>());
    assert_eq!(found("a"), ["a", "a\0", "a\0b", "a\u{1}", "ab"]);
    assert_eq!(found("a\0"), ["a\0", "a\0b"]);
    assert_eq!(found("\u{10ffff}"), ["\u{10ffff}", "\u{10ffff}x"]);
    assert!(found("c").is_empty());

    let mut bytes = DiskDict::<Vec<u8>, u8>::builder("b").location(folder.path()).open().unwrap();
    bytes.extend([(vec![255], 1), (vec![255, 255], 2), (vec![254], 3)]).unwrap();
    assert_eq!(bytes.prefix([255].as_slice()).rev().map(|entry| entry.unwrap().1).collect::<Vec<_>>(), [2, 1]);

    let mut parts = DiskDict::<(String, u8, i32), u8>::builder("p").location(folder.path()).open().unwrap();
    for (place, part) in [("eu", 1), ("eu", 2), ("e", 1), ("us", 1)].into_iter().enumerate() {
        parts.insert((part.0.into(), part.1, -(place as i32)), place as u8).unwrap();
    }
    let values = |found: speedup_runtime::disk::DictIter<'_, _, u8>| {
        found.map(|entry: Result<((String, u8, i32), u8), _>| entry.unwrap().1).collect::<Vec<_>>()
    };
    assert_eq!(values(parts.prefix(&("eu",))), [0, 1]);
    assert_eq!(values(parts.prefix(&("eu".to_owned(), 2))), [1]);
}

#[test]
fn a_value_is_swapped_only_for_the_one_that_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    let mut dict = dict(folder.path());
    let one = || Some("one".to_owned());
    assert_eq!(dict.compare_and_swap(1, None, one()).unwrap(), Ok(()));
    assert_eq!(dict.compare_and_swap(1, None, Some("two".into())).unwrap(), Err(one()));
    assert_eq!(dict.compare_and_swap(1, one().as_ref(), Some("two".into())).unwrap(), Ok(()));
    assert_eq!(dict.compare_and_swap(1, Some(&"two".into()), None).unwrap(), Ok(()));
    assert_eq!((dict.len(), dict.compare_and_swap(1, one().as_ref(), None).unwrap()), (0, Err(None)));
    dict.put(5, "five".into()).unwrap();
    dict.put(5, "six".into()).unwrap();
    assert_eq!((dict.len(), dict.get(&5).unwrap().as_deref()), (1, Some("six")));
}

#[test]
fn what_was_appended_is_there_once_after_a_kill_at_any_time() {
    let folder = tempfile::tempdir().unwrap();
    let open = |folder: &Path| {
        DiskDict::<u32, Vec<u32>>::builder("a")
            .location(folder)
            .write_buffer(4096)
            .page_size(8)
            .max_pages(2)
            .open()
            .unwrap()
    };
    let mut dict = open(folder.path());
    let mut model: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for n in 0..30_000_u32 {
        let key = n.wrapping_mul(2_654_435_761) >> 25;
        match n % 50 {
            0 => {
                dict.put(key, vec![n; n as usize % 600]).unwrap();
                model.insert(key, vec![n; n as usize % 600]);
            }
            1 => assert_eq!(dict.remove(&key).unwrap(), model.remove(&key)),
            2 => assert_eq!(dict.get(&key).unwrap(), model.get(&key).cloned()),
            _ => {
                dict.append(key, &[n, n + 1]).unwrap();
                model.entry(key).or_default().extend([n, n + 1]);
            }
        }
        assert_eq!(dict.len(), model.len());
        if n % 3_700 == 3_000 {
            dict.flush().unwrap();
            let copy = tempfile::tempdir().unwrap();
            copy_all(folder.path(), copy.path());
            let mut found = open(copy.path());
            assert!(found.to_map().unwrap() == model);
            // And once more, after the replay was followed by more.
            found.append(1, &[7]).unwrap();
            found.flush().unwrap();
            let again = tempfile::tempdir().unwrap();
            copy_all(copy.path(), again.path());
            let mut wanted = model.clone();
            wanted.entry(1).or_default().push(7);
            assert!(open(again.path()).to_map().unwrap() == wanted);
        }
    }
    dict.close().unwrap();
    assert!(open(folder.path()).to_map().unwrap() == model);
}

#[test]
fn large_values_at_scattered_keys_do_not_come_back_into_each_new_journal() {
    let folder = tempfile::tempdir().unwrap();
    let open = || DiskDict::<u32, String>::builder("large").location(folder.path()).open().unwrap();
    let mut dict = open();
    dict.insert(u32::MAX, String::new()).unwrap();
    let dict = dict.shared();
    // More than the journal may have, in the write buffer as a few bytes each.
    for n in 0..100_u32 {
        dict.put(n.wrapping_mul(0x9e37_79b9), "v".repeat(1 << 20)).unwrap();
    }
    dict.close().unwrap();
    drop(dict);
    assert_eq!(open().iter().filter(|entry| entry.as_ref().unwrap().1.len() == 1 << 20).count(), 100);
}
