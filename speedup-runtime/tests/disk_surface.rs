//! The parts of the interface that the model tests do not reach.

use std::collections::BTreeMap;

use rayon::iter::ParallelIterator;
use speedup_runtime::disk::{DiskDict, DiskList, Error};

fn dict() -> (tempfile::TempDir, DiskDict<String, u64>) {
    let folder = tempfile::tempdir().unwrap();
    let dict = DiskDict::builder("d").location(folder.path()).page_size(64).max_pages(4).open().unwrap();
    (folder, dict)
}

fn list() -> (tempfile::TempDir, DiskList<u64>) {
    let folder = tempfile::tempdir().unwrap();
    let list = DiskList::builder("l").location(folder.path()).page_size(64).max_pages(4).open().unwrap();
    (folder, list)
}

#[test]
fn entries_insert_modify_and_return() {
    let (_folder, mut dict) = dict();
    assert_eq!(dict.entry("a".into()).or_insert(1).unwrap(), 1);
    assert_eq!(dict.entry("a".into()).or_insert(2).unwrap(), 1);
    assert_eq!(dict.entry("a".into()).and_modify(|v| *v += 10).or_default().unwrap(), 11);
    assert_eq!(dict.entry("b".into()).and_modify(|v| *v += 10).or_default().unwrap(), 0);
    assert_eq!(dict.entry("a".into()).and_modify(|v| *v += 1).finish().unwrap(), Some(12));
    assert_eq!(dict.entry("c".into()).finish().unwrap(), None);
    assert_eq!(dict.entry("c".into()).key(), "c");
    assert_eq!(dict.get_or_insert_with("c".into(), || 7).unwrap(), 7);
    assert_eq!(dict.to_map().unwrap(), BTreeMap::from([("a".into(), 12), ("b".into(), 0), ("c".into(), 7)]));
}

#[test]
fn what_is_changed_through_an_entry_or_a_guard_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let open = || DiskDict::<String, Vec<u32>>::builder("v").location(folder.path()).open().unwrap();
    let mut dict = open();
    dict.entry("a".into()).or_default().unwrap().push(1);
    dict.entry("a".into()).or_default().unwrap().push(2);
    dict.entry("b".into()).or_insert(vec![7]).unwrap().push(8);
    dict.entry("c".into()).or_insert_with(Vec::new).unwrap().extend([1, 2, 3]);
    dict.get_or_insert_with("d".into(), || vec![4]).unwrap().clear();
    dict.get_mut("b").unwrap().unwrap().push(9);
    assert!(dict.get_mut("nothing").unwrap().is_none());
    let mut kept = dict.entry("a".into()).or_default().unwrap();
    kept.push(3);
    kept.save().unwrap();
    dict.close().unwrap();
    let lists: Vec<Vec<u32>> = open().values().map(Result::unwrap).collect();
    assert_eq!(lists, [vec![1, 2, 3], vec![7, 8, 9], vec![1, 2, 3], vec![]]);

    let (_folder, mut list) = list();
    list.extend(0..3).unwrap();
    *list.get_mut(1).unwrap().unwrap() += 10;
    assert_eq!(list.to_vec().unwrap(), [0, 11, 2]);
}

#[test]
fn an_error_while_a_changed_value_is_dropped_is_returned_by_the_next_call() {
    #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Gaps {
        #[serde(skip_serializing_if = "Option::is_none")]
        a: Option<u32>,
        b: u8,
    }
    let folder = tempfile::tempdir().unwrap();
    let mut dict = DiskDict::<u8, Gaps>::builder("g").location(folder.path()).open().unwrap();
    let whole = Gaps { a: Some(1), b: 2 };
    dict.entry(1).or_insert(whole.clone()).unwrap().a = None;
    let refused = dict.flush();
    assert!(matches!(refused, Err(Error::Unfit { .. })), "{refused:?}");
    dict.flush().unwrap();
    assert_eq!(dict.get(&1).unwrap(), Some(whole));
}

#[test]
fn many_keys_are_read_in_the_order_they_are_asked_for() {
    let (_folder, mut dict) = dict();
    dict.extend((0..5000).map(|n| (format!("{:05}", n * 7919 % 5000), n))).unwrap();
    let found = dict.get_many(["04000", "nothing", "00000"]).unwrap();
    assert_eq!(found, [dict.get("04000").unwrap(), None, dict.get("00000").unwrap()]);
    assert!(dict.contains_key("00001").unwrap() && !dict.contains_key("x").unwrap());
    let sum: u64 = dict.par_iter().map(|entry| entry.unwrap().1).sum();
    assert_eq!(sum, (0..5000).sum());
    assert_eq!(dict.keys().map(Result::unwrap).next_back().unwrap(), "04999");
    assert_eq!(dict.values().count(), 5000);
    assert_eq!((&dict).into_iter().rev().count(), 5000);
    assert_eq!(dict.range("00010".to_owned().."00012".to_owned()).count(), 2);
    assert_eq!(dict.range("2".to_owned().."1".to_owned()).count(), 0);
}

#[test]
fn both_ends_of_an_iterator_meet() {
    let (_folder, mut dict) = dict();
    dict.extend((0..3000).map(|n| (format!("{n:05}"), n))).unwrap();
    let mut both = dict.iter();
    for n in 0..1500 {
        assert_eq!(both.next().unwrap().unwrap().1, n);
        assert_eq!(both.next_back().unwrap().unwrap().1, 2999 - n);
    }
    assert!(both.next().is_none() && both.next_back().is_none());
}

#[test]
fn a_new_dict_can_be_made_of_entries_and_an_old_one_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let builder = || DiskDict::<u8, u8>::builder("new").location(folder.path());
    assert_eq!(builder().from_iter([(1, 2), (3, 4)]).unwrap().len(), 2);
    assert!(matches!(builder().from_iter([(1, 2)]), Err(Error::NotEmpty { .. })));
}

#[test]
fn positions_past_the_end_are_none_or_an_error() {
    let (_folder, mut list) = list();
    list.extend(0..10).unwrap();
    assert_eq!((list.get(10).unwrap(), list.remove(10).unwrap(), list.update(10, |_| ()).unwrap()), (None, None, None));
    assert!(matches!(list.set(10, 1), Err(Error::OutOfBounds { index: 10, len: 10 })));
    assert!(matches!(list.insert(11, 1), Err(Error::OutOfBounds { .. })));
    assert!(matches!(list.swap(0, 10), Err(Error::OutOfBounds { .. })));
    assert!(matches!(list.remove_range(5..11), Err(Error::OutOfBounds { .. })));
    assert_eq!(list.range(8..100).count(), 2);
    assert_eq!(list.to_vec().unwrap(), (0..10).collect::<Vec<_>>());
}

#[test]
fn a_list_is_searched_and_sorted() {
    let (_folder, mut list) = list();
    list.extend((0..20_000).map(|n| n * 7919 % 20_000)).unwrap();
    assert_eq!(list.position(|&n| n == 7919).unwrap(), Some(1));
    assert!(list.contains(&19_999).unwrap() && !list.contains(&20_000).unwrap());
    list.sort().unwrap();
    assert_eq!(list.to_vec().unwrap(), (0..20_000).collect::<Vec<_>>());
    assert_eq!(list.binary_search(&777).unwrap(), Ok(777));
    assert_eq!(list.binary_search(&50_000).unwrap(), Err(20_000));
    list.sort_by(|a, b| (b % 10).cmp(&(a % 10))).unwrap();
    assert_eq!(list.range(..3).map(Result::unwrap).collect::<Vec<_>>(), [9, 19, 29]);
    assert_eq!(list.get_many([1, 99_999, 0]).unwrap(), [Some(19), None, Some(9)]);
    assert_eq!(list.par_iter().map(Result::unwrap).sum::<u64>(), (0..20_000).sum());
    assert_eq!((list.first().unwrap(), list.last().unwrap()), (Some(9), Some(19_990)));
    list.clear().unwrap();
    assert!(list.is_empty() && list.pop().unwrap().is_none() && list.pop_front().unwrap().is_none());
}

#[test]
fn a_list_can_be_split() {
    let (_folder, mut list) = list();
    let (_other, mut rest) = self::list();
    list.extend(0..1000).unwrap();
    list.split_off(400, &mut rest).unwrap();
    assert_eq!((list.len(), rest.len(), rest.get(0).unwrap()), (400, 600, Some(400)));
}

#[test]
fn a_list_with_a_greatest_length_lets_go_at_the_other_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut ring = DiskList::<u64>::builder("ring").location(folder.path()).maxlen(3).open().unwrap();
    ring.extend(0..10).unwrap();
    assert_eq!(ring.to_vec().unwrap(), [7, 8, 9]);
    ring.push_front(6).unwrap();
    assert_eq!(ring.to_vec().unwrap(), [6, 7, 8]);
    assert!(matches!(ring.insert(1, 0), Err(Error::Full { maxlen: 3 })));
    ring.rotate_right(1).unwrap();
    assert_eq!(ring.slice(..2).unwrap(), [8, 6]);
    let mut drained = ring.drain(..).unwrap();
    assert_eq!(drained.next_back().unwrap().unwrap(), 7);
    drained.finish().unwrap();
    assert!(ring.is_empty());
}

#[test]
fn an_item_that_was_changed_comes_out_of_the_queue_changed() {
    let (_folder, mut list) = list();
    list.extend(0..5000).unwrap();
    assert_eq!(list.pop_front().unwrap(), Some(0));
    *list.get_mut(0).unwrap().unwrap() = 77;
    list.swap(1, 2).unwrap();
    let out: Vec<u64> = (0..3).map(|_| list.pop_front().unwrap().unwrap()).collect();
    assert_eq!(out, [77, 3, 2]);
}

#[test]
fn a_queue_turns_over_without_growing() {
    let (_folder, mut list) = list();
    for n in 0..60_000 {
        list.push(n).unwrap();
        if n >= 500 {
            assert_eq!(list.pop_front().unwrap(), Some(n - 500));
        }
    }
    list.flush().unwrap();
    assert_eq!(list.len(), 500);
}

#[test]
fn a_page_of_which_items_were_taken_may_be_split() {
    let folder = tempfile::tempdir().unwrap();
    let open = || DiskList::<String>::builder("jobs").location(folder.path()).open().unwrap();
    let mut list = open();
    let mut model: std::collections::VecDeque<String> = (0..2000).map(|n| format!("job {n}")).collect();
    list.extend(model.clone()).unwrap();
    list.close().unwrap();
    let mut list = open();
    for n in 0..1500 {
        assert_eq!(list.pop_front().unwrap(), model.pop_front(), "at {n}");
        if n % 100 == 99 {
            // A page that both lie in is split, now and then before the first item that is left.
            for at in [1, 20, 40] {
                let larger = "x".repeat(900);
                list.set(at, larger.clone()).unwrap();
                model[at] = larger;
            }
        }
    }
    assert_eq!(list.to_vec().unwrap(), Vec::from(model));
}

#[test]
fn several_threads_share_a_dict() {
    let (_folder, dict) = dict();
    let shared = dict.shared();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let shared = shared.clone();
            scope.spawn(move || {
                for n in 0..500 {
                    shared.lock().entry(format!("{}", n % 50)).and_modify(|v| *v += 1).or_insert(1).unwrap();
                    shared.lock().insert(format!("t{thread} {n}"), n).unwrap();
                }
            });
        }
    });
    let dict = shared.lock();
    assert_eq!(dict.len(), 50 + 2000);
    assert_eq!(dict.get("7").unwrap(), Some(40));
}

#[test]
fn an_item_of_no_bytes_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut list = DiskList::<()>::builder("units").location(folder.path()).open().unwrap();
    list.extend(std::iter::repeat_n((), 50_000)).unwrap();
    list.remove(17).unwrap();
    list.close().unwrap();
    let list = DiskList::<()>::builder("units").location(folder.path()).open().unwrap();
    assert_eq!((list.len(), list.iter().count()), (49_999, 49_999));
}

#[test]
fn a_value_of_many_megabytes_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut dict = DiskDict::<u8, Vec<u8>>::builder("large").location(folder.path()).open().unwrap();
    let large: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    dict.insert(1, large.clone()).unwrap();
    dict.insert(0, vec![1; 5000]).unwrap();
    dict.close().unwrap();
    let mut dict = DiskDict::<u8, Vec<u8>>::builder("large").location(folder.path()).open().unwrap();
    assert!(dict.get(&1).unwrap() == Some(large));
    dict.remove(&1).unwrap();
    dict.compact().unwrap();
    assert!(dict.size_on_disk().unwrap() < 2_000_000);
    assert_eq!(dict.get(&0).unwrap().map(|bytes| bytes.len()), Some(5000));
}
