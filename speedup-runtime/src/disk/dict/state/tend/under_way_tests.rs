//! Changes while a checkpoint is being written: the thread that writes is held at a gate, so every moment can be looked at.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::mpsc;

use super::*;
use crate::disk::Error;
use crate::disk::process;
use crate::disk::testing::{copy_all, open_dict};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// Holds the thread that writes checkpoints, until it is dropped.
fn close_gate() -> mpsc::Sender<()> {
    let (gate, closed) = mpsc::channel::<()>();
    process::errands().run(Box::new(move || assert!(closed.recv().is_err())));
    gate
}

/// Changes from number `from` on; with `tended`, what becomes due is done, and none of it may be to wait.
fn change(state: &mut DictState, model: &mut Model, from: u64, count: u64, tended: bool) {
    for n in from..from + count {
        let key = (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 51).to_be_bytes().to_vec();
        let val = vec![n as u8; if n % 61 == 0 { 3000 } else { 20 }];
        if n % 5 == 4 {
            let copy = |old: &[u8]| Ok(old.to_vec());
            assert_eq!(state.remove(&key, copy).unwrap(), model.remove(&key), "at {n}");
        } else {
            state.put_blind(&key, &val).unwrap();
            model.insert(key, val);
        }
        if tended {
            tend(state);
        }
    }
}

fn tend(state: &mut DictState) {
    loop {
        match state.tend().unwrap() {
            Want::Nothing => return,
            Want::Turn => {}
            Want::Wait => panic!("a writer has to wait"),
            Want::Depart(staged) => depart(state, staged),
        }
    }
}

fn depart(state: &mut DictState, staged: Box<Staged>) {
    let departed = state.depart(staged).unwrap();
    state.go_on(departed);
}

/// What a kill at this moment would leave is what was flushed.
fn kill_and_look(folder: &Path, state: &mut DictState, model: &Model) {
    state.store.flush().unwrap();
    let killed = tempfile::tempdir().unwrap();
    copy_all(folder, killed.path());
    same(&mut open_dict(killed.path()), model);
}

fn same(state: &mut DictState, model: &Model) {
    assert_eq!(state.len(), model.len() as u64);
    for (key, val) in model {
        let found = state.with(key, |found| Ok(found.to_vec())).unwrap();
        assert_eq!(found.as_ref(), Some(val));
    }
}

/// A dict that has been worked on, in the state in which so much of it may be published.
fn worked_on(folder: &Path, extent: Extent) -> (DictState, Model) {
    let mut state = open_dict(folder);
    state.defer();
    let mut model = Model::new();
    change(&mut state, &mut model, 0, 6000, true);
    match extent {
        Extent::All => state.gather().unwrap(),
        Extent::Most => {
            state.end_merge().unwrap();
            state.seal().unwrap();
            assert!(!state.buffer.is_empty());
        }
        Extent::Part => {
            state.end_merge().unwrap();
            change(&mut state, &mut model, 6000, 300, false);
            state.begin_merge().unwrap();
            state.merge_leaf().unwrap();
        }
    }
    state.store.wait();
    state.store.land_if_there().unwrap();
    (state, model)
}

#[test]
fn changes_go_on_while_a_checkpoint_is_written_and_a_kill_at_any_moment_loses_none() {
    for extent in [Extent::All, Extent::Most, Extent::Part] {
        let folder = tempfile::tempdir().unwrap();
        let (mut state, mut model) = worked_on(folder.path(), extent);
        let gate = close_gate();
        let Want::Depart(staged) = state.publish(extent).unwrap() else { panic!("{extent:?}: nothing to publish") };
        depart(&mut state, staged);
        for turn in 0..4 {
            change(&mut state, &mut model, 10_000 + turn * 500, 500, true);
            assert!(state.store.is_under_way());
            kill_and_look(folder.path(), &mut state, &model);
        }
        drop(gate);
        state.store.wait();
        // It is written, and the dict does not know yet.
        kill_and_look(folder.path(), &mut state, &model);
        change(&mut state, &mut model, 20_000, 500, false);
        kill_and_look(folder.path(), &mut state, &model);
        state.store.land_if_there().unwrap();
        assert!(!state.store.is_under_way());
        kill_and_look(folder.path(), &mut state, &model);
        change(&mut state, &mut model, 30_000, 2000, true);
        kill_and_look(folder.path(), &mut state, &model);
        state.checkpoint().unwrap();
        same(&mut state, &model);
        drop(state);
        same(&mut open_dict(folder.path()), &model);
    }
}

#[cfg(unix)]
#[test]
fn a_checkpoint_whose_folder_is_elsewhere_touches_no_other_and_is_made_where_it_comes_back() {
    for comes_back_late in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (mut state, mut model) = worked_on(folder.path(), Extent::All);
        let (here, there) = (folder.path().join("d.speedup"), folder.path().join("moved"));
        let gate = close_gate();
        let Want::Depart(staged) = state.publish(Extent::All).unwrap() else { panic!("nothing to publish") };
        depart(&mut state, staged);
        fs::rename(&here, &there).unwrap();
        fs::create_dir(&here).unwrap();
        drop(gate);
        state.store.wait();
        if comes_back_late {
            assert!(matches!(state.tend(), Err(Error::Replaced { .. })));
            change(&mut state, &mut model, 10_000, 500, true);
            assert!(matches!(state.store.flush(), Err(Error::Replaced { .. })));
            state.want_publication();
            while !matches!(state.tend(), Err(Error::Replaced { .. })) {}
        }
        fs::remove_dir(&here).expect("nothing was written there");
        // Whoever opens it there finds everything.
        let killed = tempfile::tempdir().unwrap();
        fs::create_dir(killed.path().join("d.speedup")).unwrap();
        copy_all(&there, &killed.path().join("d.speedup"));
        same(&mut open_dict(killed.path()), &model);
        fs::rename(&there, &here).unwrap();
        change(&mut state, &mut model, 20_000, 500, true);
        assert!(!state.store.is_under_way());
        kill_and_look(folder.path(), &mut state, &model);
        state.checkpoint().unwrap();
        drop(state);
        same(&mut open_dict(folder.path()), &model);
    }
}

#[test]
fn a_checkpoint_that_fails_stops_changes_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut state, mut model) = worked_on(folder.path(), Extent::All);
    let gate = close_gate();
    let Want::Depart(staged) = state.publish(Extent::All).unwrap() else { panic!("nothing to publish") };
    depart(&mut state, staged);
    change(&mut state, &mut model, 10_000, 500, true);
    state.store.flush().unwrap();
    let (spare, away) = (folder.path().join("d.speedup/spare.0"), folder.path().join("spare"));
    fs::rename(&spare, &away).unwrap();
    fs::create_dir(&spare).unwrap();
    drop(gate);
    state.store.wait();
    assert!(matches!(state.tend(), Err(Error::Io { .. })));
    assert!(matches!(state.put_blind(b"k", b"v").and_then(|()| state.store.check()), Err(Error::Failed { .. })));
    drop(state);
    fs::remove_dir(&spare).unwrap();
    fs::rename(&away, &spare).unwrap();
    same(&mut open_dict(folder.path()), &model);
}
