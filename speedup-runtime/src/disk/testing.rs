//! What tests of several files need: structures of encoded items, and what a kill leaves of them.

#[path = "../../tests/copies/mod.rs"]
mod copies;

use std::path::Path;

pub(super) use self::copies::copy_all;
use super::dict::state::DictState;
use super::journal::Replay;
use super::list::state::ListState;
use super::options::Options;
use super::store::Store;
use super::superblock::Kind;

fn store(name: &str, kind: Kind, folder: &Path) -> (Store, Option<Replay>) {
    let mut options = Options::new(name.into());
    options.set_location(folder.into());
    Store::open(&options, kind, 0, 0).unwrap()
}

/// The dict `d` in this folder.
pub(super) fn open_dict(folder: &Path) -> DictState {
    let (store, replay) = store("d", Kind::Dict, folder);
    DictState::open(store, replay, 1 << 16).unwrap()
}

/// The list `l` in this folder.
pub(super) fn open_list(folder: &Path) -> ListState {
    let (store, replay) = store("l", Kind::List, folder);
    ListState::open(store, replay).unwrap()
}
