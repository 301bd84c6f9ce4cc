//! Changes of a dict that nobody tends: each does a bounded part of what is due, and waits for no sync.

use std::collections::BTreeMap;
use std::sync::mpsc;

use super::*;
use crate::disk::body::Body;
use crate::disk::process;
use crate::disk::testing::{copy_all, open_dict};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn key(n: u64) -> Vec<u8> {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().to_vec()
}

fn same(state: &mut DictState, model: &Model) {
    assert_eq!(state.len(), model.len() as u64);
    for (key, val) in model {
        let found = state.with(key, |found| Ok(found.to_vec())).unwrap();
        assert_eq!(found.as_ref(), Some(val));
    }
}

/// Changes until something is published, or so many times.
fn until_it_departs(state: &mut DictState, model: &mut Model) {
    for n in 0..200_000 {
        let (key, val) = (key(n % 9000), vec![n as u8; 900]);
        state.put_blind(&key, &val).unwrap();
        model.insert(key, val);
        if state.store.is_under_way() {
            return;
        }
    }
    panic!("nothing was published");
}

#[test]
fn a_change_goes_on_while_the_checkpoint_that_it_made_due_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (mut state, mut model) = (open_dict(folder.path()), Model::new());
    let (gate, closed) = mpsc::channel::<()>();
    process::errands().run(Box::new(move || assert!(closed.recv().is_err())));
    until_it_departs(&mut state, &mut model);
    for n in 0..3000 {
        let key = key(n + 100_000);
        state.put_blind(&key, b"beside").unwrap();
        model.insert(key, b"beside".to_vec());
    }
    assert!(state.store.is_under_way());
    state.store.write_journal().unwrap();
    let killed = tempfile::tempdir().unwrap();
    copy_all(folder.path(), killed.path());
    same(&mut open_dict(killed.path()), &model);
    drop(gate);
    // From here on nothing is written, so a copy is of one moment.
    state.store.flush().unwrap();
    state.store.land_if_there().unwrap();
    assert!(!state.store.is_under_way());
    let copied = tempfile::tempdir().unwrap();
    copy_all(folder.path(), copied.path());
    same(&mut open_dict(copied.path()), &model);
    state.checkpoint().unwrap();
    drop(state);
    same(&mut open_dict(folder.path()), &model);
}

#[test]
fn large_values_at_scattered_keys_are_merged_a_bounded_part_at_a_time_before_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (mut state, mut model) = (open_dict(folder.path()), Model::new());
    state.buffer = WriteBuffer::new(1 << 22);
    // Some wide pages, so that each change falls on one of its own.
    for n in 0..6000 {
        state.put_blind(&key(n), &[1; 900]).unwrap();
        model.insert(key(n), vec![1; 900]);
    }
    state.checkpoint().unwrap();
    let mut published = 0;
    for n in 0..30_000_u64 {
        let (key, val) = (key(n * 7 % 6000), vec![n as u8; if n % 8 == 0 { 700 } else { 5000 }]);
        let (before, was_under_way) = (state.store.pager.writes(), state.store.is_under_way());
        state.put_blind(&key, &val).unwrap();
        model.insert(key, val);
        let after = state.store.pager.writes();
        // A slice of the merge: a page and what is above it for each, and the value that it replaces.
        assert!(after - before <= 4 * merge::SLICE as u64, "{} at {n}", after - before);
        published += usize::from(!was_under_way && state.store.is_under_way());
        state.store.wait();
    }
    assert!(published >= 1, "{published}");
    same(&mut state, &model);
    state.checkpoint().unwrap();
    drop(state);
    same(&mut open_dict(folder.path()), &model);
}

#[test]
fn a_filter_is_begun_with_a_bounded_part_of_the_write_buffer() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = open_dict(folder.path());
    state.buffer = WriteBuffer::new(1 << 18);
    let mut merges = 0;
    for n in 0..60_000 {
        let (before, merging) = (state.filter.is_some(), state.merge.is_some());
        state.put_blind(&key(n), b"v").unwrap();
        merges += usize::from(merging && state.merge.is_none());
        if let (false, Some(Absent { growing: Some(growing), .. })) = (before, &state.filter) {
            // The open end, the key, and what is looked at for each new key.
            let most = state.store.tail.len() + 1 + absent::RECORDS;
            assert!(growing.filter.keys() <= most, "{} keys at {n}", growing.filter.keys());
        }
        if n % 5000 == 4999 {
            assert!((0..=n).all(|n| state.contains(&key(n)).unwrap()), "at {n}");
        }
    }
    assert!(merges >= 1 && state.filter.as_ref().is_some_and(|absent| absent.whole.is_some()));
    assert!((0..60_000).all(|n| state.contains(&key(n)).unwrap()));
}

#[test]
fn a_filter_knows_the_leaf_that_was_taken_out_of_the_tree_while_it_grew() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = open_dict(folder.path());
    // Pages of which the last has much room.
    let ascending = |n: u64| (n * 2).to_be_bytes();
    let count = (0..).find(|&n| {
        let before = state.store.tail.len();
        state.put_blind(&ascending(n), &[7; 200]).unwrap();
        n > 800 && state.store.tail.len() < before
    });
    let mut count = count.unwrap() + 1;
    for _ in 0..3 {
        state.put_blind(&ascending(count), &[7; 200]).unwrap();
        count += 1;
    }
    state.gather().unwrap();
    // Looks in vain, and a new key among the others: a filter begins to grow.
    (0..4000).for_each(|n| assert!(!state.contains(&(n % 800 * 2 + 1_u64).to_be_bytes()).unwrap()));
    state.put_blind(&1_u64.to_be_bytes(), b"between").unwrap();
    assert!(state.filter.as_ref().is_some_and(|absent| absent.growing.is_some()));
    state.gather().unwrap();
    // The last leaf is opened for these.
    let mut above = count;
    while state.filter.as_ref().is_some_and(|absent| absent.growing.is_some()) {
        state.put_blind(&ascending(above), b"").unwrap();
        above += 1;
    }
    state.gather().unwrap();
    assert!((0..above).all(|n| state.contains(&ascending(n)).unwrap()));
}
