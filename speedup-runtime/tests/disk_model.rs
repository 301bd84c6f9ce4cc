//! `DiskDict` and `DiskList` against `BTreeMap` and `Vec`: random operations, random options, with reopening in between.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use speedup_runtime::disk::{DiskDict, DiskList, Error};

#[derive(Clone, Debug)]
enum DictOp {
    Insert(u16, String),
    Remove(u16),
    Update(u16),
    Append(u16, String),
    AppendMany(u16, u8),
    RemoveRange(u16, u16),
    Run(u16, u8),
    Ends,
    PopFirst,
    PopLast,
    Range(u16, u16),
    Retain(u16),
    Clear,
    Flush,
    Reopen(usize, usize),
    Compact,
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![8 => "[a-z]{0,12}", 2 => "[a-z]{100,400}", 1 => Just("x".repeat(3000)), 1 => Just("y".repeat(70_000))]
}

fn dict_op() -> impl Strategy<Value = DictOp> {
    prop_oneof![
        20 => (any::<u16>(), text()).prop_map(|(k, v)| DictOp::Insert(k, v)),
        8 => any::<u16>().prop_map(DictOp::Remove),
        3 => any::<u16>().prop_map(DictOp::Update),
        8 => (any::<u16>(), any::<u8>()).prop_map(|(k, n)| DictOp::Run(k, n)),
        6 => (any::<u16>(), text()).prop_map(|(k, v)| DictOp::Append(k, v)),
        4 => (any::<u16>(), any::<u8>()).prop_map(|(k, n)| DictOp::AppendMany(k, n)),
        1 => (any::<u16>(), 0_u16..5000).prop_map(|(a, n)| DictOp::RemoveRange(a, n)),
        2 => Just(DictOp::Ends),
        2 => Just(DictOp::PopFirst),
        2 => Just(DictOp::PopLast),
        2 => (any::<u16>(), any::<u16>()).prop_map(|(a, b)| DictOp::Range(a, b)),
        1 => (2_u16..9).prop_map(DictOp::Retain),
        1 => Just(DictOp::Clear),
        1 => Just(DictOp::Flush),
        2 => (1_usize..40, 1_usize..4).prop_map(|(a, b)| DictOp::Reopen(a, b)),
        1 => Just(DictOp::Compact),
    ]
}

type Dict = DiskDict<u16, String>;
type Model = BTreeMap<u16, String>;

fn open_dict(folder: &Path, size: usize, pages: usize) -> Dict {
    DiskDict::builder("model").location(folder).page_size(size).max_pages(pages).write_buffer(8192).open().unwrap()
}

fn change_dict(dict: &mut Dict, model: &mut Model, op: DictOp) {
    match op {
        DictOp::Insert(k, v) => assert_eq!(dict.insert(k, v.clone()).unwrap(), model.insert(k, v)),
        DictOp::Remove(k) => {
            let near = model.range(k..).next().map_or(k, |(k, _)| *k);
            assert_eq!(dict.remove(&near).unwrap(), model.remove(&near));
        }
        DictOp::Update(k) => {
            let near = model.range(k..).next().map_or(k, |(k, _)| *k);
            let ours = dict.update(&near, |v| v.push('!')).unwrap();
            assert_eq!(ours, model.get_mut(&near).map(|v| v.push('!')));
        }
        DictOp::Append(k, v) => {
            let near = model.range(k..).next().map_or(k, |(k, _)| *k);
            dict.append(near, &v).unwrap();
            model.entry(near).or_default().push_str(&v);
            assert!(dict.contains_key(&near).unwrap());
        }
        DictOp::AppendMany(k, n) => {
            for k in (0..u16::from(n) * 8).map(|i| k.wrapping_add(i.wrapping_mul(7919)) % 512) {
                dict.append(k, "é!").unwrap();
                model.entry(k).or_default().push_str("é!");
            }
        }
        DictOp::RemoveRange(a, n) => {
            let b = a.saturating_add(n);
            let before = model.len();
            model.retain(|k, _| !(a..b).contains(k));
            assert_eq!(dict.remove_range(a..b).unwrap(), before - model.len());
        }
        DictOp::Run(k, n) => {
            for k in (0..u16::from(n) * 8).map(|i| k.saturating_add(i)) {
                assert_eq!(dict.insert(k, k.to_string()).unwrap(), model.insert(k, k.to_string()));
            }
        }
        DictOp::Ends => {
            assert_eq!(dict.first().unwrap(), model.first_key_value().map(|(k, v)| (*k, v.clone())));
            assert_eq!(dict.last().unwrap(), model.last_key_value().map(|(k, v)| (*k, v.clone())));
        }
        DictOp::PopFirst => assert_eq!(dict.pop_first().unwrap(), model.pop_first()),
        DictOp::PopLast => assert_eq!(dict.pop_last().unwrap(), model.pop_last()),
        DictOp::Range(a, b) => {
            let (a, b) = (a.min(b), a.max(b));
            let ours: Vec<_> = dict.range(a..b).map(Result::unwrap).collect();
            let theirs: Vec<_> = model.range(a..b).map(|(k, v)| (*k, v.clone())).collect();
            assert_eq!(ours, theirs);
            let back: Vec<u16> = dict.range(a..=b).rev().map(|entry| entry.unwrap().0).collect();
            let theirs: Vec<u16> = model.range(a..=b).rev().map(|(k, _)| *k).collect();
            assert_eq!(back, theirs);
        }
        DictOp::Retain(n) => {
            let keep = |k: &u16, v: &mut String| {
                v.truncate(3000);
                !k.is_multiple_of(n)
            };
            dict.retain(keep).unwrap();
            model.retain(keep);
        }
        DictOp::Clear => {
            dict.clear().unwrap();
            model.clear();
        }
        DictOp::Flush => dict.flush().unwrap(),
        DictOp::Compact => dict.compact().unwrap(),
        DictOp::Reopen(..) => {}
    }
    assert_eq!(dict.len(), model.len());
}

#[derive(Clone, Debug)]
enum ListOp {
    Push(String),
    PushMany(u16),
    PushFront(String),
    Pop,
    PopFront,
    PopMany(u8),
    Insert(Index, String),
    Remove(Index),
    Set(Index, String),
    Swap(Index, Index),
    RemoveRange(Index, u16),
    PopFrontMany(u16),
    Drain(Index, u16),
    Rotate(Index),
    TruncateFront(Index),
    Truncate(Index),
    Retain(usize),
    Sort,
    Range(Index, u16),
    Flush,
    Reopen(usize, usize),
    Compact,
}

fn list_op() -> impl Strategy<Value = ListOp> {
    let index = any::<Index>;
    prop_oneof![
        10 => text().prop_map(ListOp::Push),
        6 => any::<u16>().prop_map(|n| ListOp::PushMany(n % 3000)),
        4 => text().prop_map(ListOp::PushFront),
        4 => Just(ListOp::Pop),
        4 => Just(ListOp::PopFront),
        2 => any::<u8>().prop_map(ListOp::PopMany),
        10 => (index(), text()).prop_map(|(i, v)| ListOp::Insert(i, v)),
        8 => index().prop_map(ListOp::Remove),
        6 => (index(), text()).prop_map(|(i, v)| ListOp::Set(i, v)),
        2 => (index(), index()).prop_map(|(i, j)| ListOp::Swap(i, j)),
        2 => (index(), any::<u16>()).prop_map(|(i, n)| ListOp::RemoveRange(i, n % 2000)),
        4 => any::<u16>().prop_map(|n| ListOp::PopFrontMany(n % 3000)),
        1 => (index(), any::<u16>()).prop_map(|(i, n)| ListOp::Drain(i, n % 200)),
        2 => index().prop_map(ListOp::Rotate),
        1 => index().prop_map(ListOp::TruncateFront),
        1 => index().prop_map(ListOp::Truncate),
        1 => (2_usize..9).prop_map(ListOp::Retain),
        1 => Just(ListOp::Sort),
        2 => (index(), any::<u16>()).prop_map(|(i, n)| ListOp::Range(i, n % 3000)),
        1 => Just(ListOp::Flush),
        2 => (1_usize..40, 1_usize..4).prop_map(|(a, b)| ListOp::Reopen(a, b)),
        1 => Just(ListOp::Compact),
    ]
}

fn open_list(folder: &Path, size: usize, pages: usize) -> DiskList<String> {
    DiskList::builder("model").location(folder).page_size(size).max_pages(pages).open().unwrap()
}

fn change_list(list: &mut DiskList<String>, model: &mut Vec<String>, op: ListOp) {
    match op {
        ListOp::Push(v) => {
            list.push(v.clone()).unwrap();
            model.push(v);
        }
        ListOp::PushMany(n) => {
            list.extend((0..n).map(|n| n.to_string())).unwrap();
            model.extend((0..n).map(|n| n.to_string()));
        }
        ListOp::PushFront(v) => {
            list.push_front(v.clone()).unwrap();
            model.insert(0, v);
        }
        ListOp::Pop => assert_eq!(list.pop().unwrap(), model.pop()),
        ListOp::PopFront => {
            let theirs = (!model.is_empty()).then(|| model.remove(0));
            assert_eq!(list.pop_front().unwrap(), theirs);
        }
        ListOp::PopMany(n) => (0..n).for_each(|_| assert_eq!(list.pop().unwrap(), model.pop())),
        ListOp::Insert(i, v) => {
            let i = i.index(model.len() + 1);
            list.insert(i, v.clone()).unwrap();
            model.insert(i, v);
        }
        ListOp::Remove(i) if !model.is_empty() => {
            let i = i.index(model.len());
            assert_eq!(list.remove(i).unwrap(), Some(model.remove(i)));
        }
        ListOp::Set(i, v) if !model.is_empty() => {
            let i = i.index(model.len());
            assert_eq!(list.set(i, v.clone()).unwrap(), std::mem::replace(&mut model[i], v));
        }
        ListOp::Swap(i, j) if !model.is_empty() => {
            let (i, j) = (i.index(model.len()), j.index(model.len()));
            list.swap(i, j).unwrap();
            model.swap(i, j);
        }
        ListOp::RemoveRange(i, n) => {
            let from = i.index(model.len() + 1);
            let to = (from + n as usize).min(model.len());
            list.remove_range(from..to).unwrap();
            model.drain(from..to);
        }
        ListOp::PopFrontMany(n) => {
            let n = usize::from(n).min(model.len());
            for gone in model.drain(..n) {
                assert_eq!(list.pop_front().unwrap(), Some(gone));
            }
        }
        ListOp::Drain(i, n) => {
            let from = i.index(model.len() + 1);
            let to = (from + n as usize).min(model.len());
            let theirs: Vec<String> = model.drain(from..to).collect();
            let ours: Result<Vec<String>, Error> = list.drain(from..to).unwrap().collect();
            assert_eq!(ours.unwrap(), theirs);
        }
        ListOp::Rotate(i) => {
            let n = i.index(model.len() + 1);
            list.rotate_left(n).unwrap();
            model.rotate_left(n);
        }
        ListOp::TruncateFront(i) => {
            let n = i.index(model.len() + 1);
            list.truncate_front(n).unwrap();
            model.drain(..model.len() - n);
        }
        ListOp::Truncate(i) => {
            let n = i.index(model.len() + 1);
            list.truncate(n).unwrap();
            model.truncate(n);
        }
        ListOp::Range(i, n) => {
            let from = i.index(model.len() + 1);
            read_range(list, model, from, (from + n as usize).min(model.len()));
        }
        ListOp::Retain(n) => {
            list.retain(|v| !v.len().is_multiple_of(n)).unwrap();
            model.retain(|v| !v.len().is_multiple_of(n));
        }
        ListOp::Sort => {
            list.sort().unwrap();
            model.sort();
        }
        ListOp::Flush => list.flush().unwrap(),
        ListOp::Compact => list.compact().unwrap(),
        ListOp::Remove(_) | ListOp::Set(..) | ListOp::Swap(..) | ListOp::Reopen(..) => {}
    }
    assert_eq!(list.len(), model.len());
}

/// Reads a range from the front, and once more from both ends in turn.
fn read_range(list: &DiskList<String>, model: &[String], from: usize, to: usize) {
    let ours: Vec<String> = list.range(from..to).map(Result::unwrap).collect();
    assert_eq!(ours, model[from..to]);
    let mut both = list.range(from..to);
    for at in 0..(to - from) / 2 {
        assert_eq!(both.next().unwrap().unwrap(), model[from + at]);
        assert_eq!(both.next_back().unwrap().unwrap(), model[to - 1 - at]);
    }
    assert_eq!(both.count(), (to - from) % 2);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn a_dict_behaves_like_a_btree_map(ops in prop::collection::vec(dict_op(), 1..80)) {
        let folder = tempfile::tempdir().unwrap();
        let mut dict = open_dict(folder.path(), 16, 2);
        let mut model = Model::new();
        for op in ops {
            if let DictOp::Reopen(size, pages) = op {
                dict.close().unwrap();
                dict = open_dict(folder.path(), size, pages);
            } else {
                change_dict(&mut dict, &mut model, op);
            }
        }
        for key in (0..u16::MAX).step_by(97).chain(model.keys().copied()) {
            prop_assert_eq!(dict.get(&key).unwrap(), model.get(&key).cloned());
        }
        prop_assert_eq!(dict.to_map().unwrap(), model.clone());
        dict.close().unwrap();
        let dict = open_dict(folder.path(), 1024, 16);
        prop_assert_eq!(dict.to_map().unwrap(), model);
    }

    #[test]
    fn a_list_behaves_like_a_vec(ops in prop::collection::vec(list_op(), 1..80)) {
        let folder = tempfile::tempdir().unwrap();
        let mut list = open_list(folder.path(), 16, 2);
        let mut model = Vec::new();
        for op in ops {
            if let ListOp::Reopen(size, pages) = op {
                list.close().unwrap();
                list = open_list(folder.path(), size, pages);
            } else {
                change_list(&mut list, &mut model, op);
            }
        }
        for at in 0..model.len().min(500) {
            prop_assert_eq!(list.get(at).unwrap(), model.get(at).cloned());
        }
        prop_assert_eq!(&list.to_vec().unwrap(), &model);
        list.close().unwrap();
        let list = open_list(folder.path(), 1024, 16);
        let back: Result<Vec<_>, Error> = list.iter().rev().collect();
        model.reverse();
        prop_assert_eq!(back.unwrap(), model);
    }
}
