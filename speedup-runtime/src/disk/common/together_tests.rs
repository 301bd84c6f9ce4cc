//! The checkpoint of a folder, looked at between its steps: what a kill leaves there, and who cannot wait for the others.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use tempfile::TempDir;

use super::together::at_each_step;
use super::*;
use crate::disk::journal::{bytes_read, file_name};
use crate::disk::shared::Shared;
use crate::disk::testing::copy_all;
use crate::disk::{DiskDict, DiskList, Folder};

type Dict = DiskDict<u64, Vec<u8>>;
type List = DiskList<u64>;

/// Structures of one folder, and what they hold.
struct Several {
    folder: Folder,
    dict: Dict,
    list: List,
    busy: Shared<Dict>,
    /// Changed once, and open.
    _quiet: List,
    in_dict: BTreeMap<u64, Vec<u8>>,
    in_list: Vec<u64>,
    next: u64,
}

fn value(n: u64) -> Vec<u8> {
    vec![n as u8; if n % 17 == 3 { 3000 } else { 30 }]
}

impl Several {
    fn open(place: &Path) -> Self {
        let folder = Folder::open(place).unwrap();
        let dict = folder.dict_builder("dict").write_buffer(1 << 14).page_size(8).max_pages(2).open().unwrap();
        let mut quiet = folder.list("quiet").unwrap();
        quiet.push(7).unwrap();
        let (list, busy) = (folder.list("list").unwrap(), folder.dict("busy").unwrap().shared());
        let (in_dict, in_list) = (BTreeMap::new(), Vec::new());
        Several { folder, dict, list, busy, _quiet: quiet, in_dict, in_list, next: 0 }
    }

    fn change(&mut self, count: u64) {
        for n in self.next..self.next + count {
            let key = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 55;
            if n % 4 == 0 {
                let mut batch = self.folder.batch();
                batch.dict(&mut self.dict, |dict| dict.insert(key, value(n))).unwrap();
                batch.list(&mut self.list, |list| list.push(n)).unwrap();
                batch.commit().unwrap();
            } else {
                self.dict.put(key, value(n)).unwrap();
                self.list.push(n).unwrap();
            }
            self.busy.put(key, value(n)).unwrap();
            self.in_dict.insert(key, value(n));
            self.in_list.push(n);
        }
        self.next += count;
    }

    /// Looks at all of them as a kill leaves them now.
    fn kill_and_look(&self, common: &Common) {
        self.same(killed(common).path());
    }

    fn same(&self, place: &Path) {
        let folder = Folder::open(place).unwrap();
        for name in ["busy", "dict"] {
            let dict: Dict = folder.dict(name).unwrap();
            assert_eq!(dict.to_map().unwrap(), self.in_dict, "{name}");
        }
        let list: List = folder.list("list").unwrap();
        assert_eq!(list.to_vec().unwrap(), self.in_list);
        let quiet: List = folder.list("quiet").unwrap();
        assert_eq!(quiet.to_vec().unwrap(), [7]);
    }
}

/// What a kill leaves now.
fn killed(common: &Common) -> TempDir {
    common.write().unwrap();
    let killed = tempfile::tempdir().unwrap();
    copy_all(&common.location, killed.path());
    killed
}

/// Structures in a folder, with the journal of that.
fn several() -> (TempDir, Several, Arc<Common>) {
    let place = tempfile::tempdir().unwrap();
    let some = Several::open(place.path());
    let common = Common::join(place.path(), Join::IfThere).unwrap().unwrap();
    (place, some, common)
}

fn journal(place: &Path, number: u64) -> std::path::PathBuf {
    Common::folder_in(place).join(file_name(number))
}

fn superblock(place: &Path, name: &str) -> Vec<u8> {
    fs::read(place.join(format!("{name}.speedup/superblock"))).unwrap()
}

/// Runs `step` at each step of a checkpoint, and says how many there were.
fn tidy(common: &Common, mut step: impl FnMut(&'static str) + 'static) -> Vec<&'static str> {
    let steps = Rc::<RefCell<Vec<_>>>::default();
    let noted = Rc::clone(&steps);
    at_each_step(Some(Box::new(move |done| {
        noted.borrow_mut().push(done);
        step(done);
    })));
    common.tidy_up().unwrap();
    at_each_step(None);
    steps.take()
}

#[test]
fn a_kill_between_any_two_steps_loses_nothing_and_parts_no_batch() {
    let (place, some, common) = several();
    let some = Rc::new(RefCell::new(some));
    for round in 0..3 {
        some.borrow_mut().change(60);
        if round == 2 {
            // One that has said something itself meanwhile.
            drop(some.borrow().busy.lock().snapshot().unwrap());
        }
        let (these, journal) = (Rc::clone(&some), Arc::clone(&common));
        let steps = tidy(&common, move |_| {
            these.borrow().kill_and_look(&journal);
            these.borrow_mut().change(5);
        });
        assert!(
            steps.contains(&"told") && steps.iter().filter(|&&step| step == "one is written").count() >= 3,
            "{steps:?}"
        );
        some.borrow().kill_and_look(&common);
        assert_eq!(common.first().unwrap(), round + 1, "no structure needs an older file");
    }
    let some = Rc::try_unwrap(some).ok().unwrap().into_inner();
    let (in_dict, in_list) = (some.in_dict.clone(), some.in_list.clone());
    drop((some, common));
    // Closed, each says all there is to say.
    assert!(!Common::folder_in(place.path()).join(record::NAME).exists());
    let again = Several::open(place.path());
    assert_eq!((again.dict.to_map().unwrap(), again.list.to_vec().unwrap()), (in_dict, in_list));
}

#[test]
fn it_cuts_the_journal_though_one_structure_rests_of_which_nothing_is_written() {
    let (place, mut some, common) = several();
    for round in 0..3 {
        some.change(40);
        let before = ["quiet", "dict", "list", "busy"].map(|name| superblock(place.path(), name));
        tidy(&common, |_| {});
        assert!(!journal(place.path(), round).exists() && journal(place.path(), round + 1).exists());
        let after = ["quiet", "dict", "list", "busy"].map(|name| superblock(place.path(), name));
        // Whoever has been published with the others before has nothing to take back of its own.
        assert_eq!(before[0] == after[0], round > 0);
        assert_eq!(before[1..] == after[1..], round > 0);
    }
    let quiet = superblock(place.path(), "quiet");
    some.dict.put(1000, vec![1]).unwrap();
    some.in_dict.insert(1000, vec![1]);
    let killed = killed(&common);
    // After a kill nobody reads the journal but once, and those that have not changed since have nothing to play.
    let before = bytes_read();
    let folder = Folder::open(killed.path()).unwrap();
    let dict: Dict = folder.dict("dict").unwrap();
    let read = bytes_read() - before;
    let (list, rests): (List, List) = (folder.list("list").unwrap(), folder.list("quiet").unwrap());
    assert_eq!((bytes_read() - before, list.to_vec().unwrap()), (read, some.in_list.clone()));
    assert!(dict.to_map().unwrap() == some.in_dict && rests.len() == 1);
    assert!(read < 4096, "{read} bytes of a journal with one change");
    // Closing it publishes nothing: it is at rest as it is.
    let spare = |place: &Path| fs::read(place.join("quiet.speedup/spare.0")).unwrap();
    rests.close().unwrap();
    assert_eq!(spare(killed.path()), spare(place.path()));
    assert_eq!(superblock(place.path(), "quiet"), quiet);
}

/// Enlisted behind the others, so that what those publish waits already when it is asked.
struct Last<F>(Mutex<F>);

impl<F: FnMut() + Send> Member for Last<F> {
    fn board(self: Arc<Self>, _: u64) -> Option<Box<dyn Passenger>> {
        lock(&self.0)();
        None
    }
}

#[test]
fn who_cannot_wait_for_the_others_is_published_alone() {
    let (_place, mut some, common) = several();
    some.change(60);
    let busy = some.busy.clone();
    let last = Arc::new(Last(Mutex::new(move || {
        // What it has to publish waits here, and nobody will write it before this returns.
        let then = busy.lock().snapshot().unwrap();
        assert_eq!(then.len(), busy.len().unwrap());
    })));
    let member: Arc<dyn Member> = last.clone();
    common.enlist(Arc::downgrade(&member));
    let steps = tidy(&common, |_| {});
    assert_eq!(steps.iter().filter(|&&step| step == "one is written").count(), 3, "{steps:?}");
    assert_eq!(common.first().unwrap(), 1);
    some.change(10);
    some.kill_and_look(&common);
}

#[test]
fn one_that_fails_keeps_its_journal_and_nobody_else() {
    let (place, mut some, common) = several();
    some.change(60);
    let (spare, away) = (place.path().join("busy.speedup/spare.0"), place.path().join("busy.speedup/away"));
    fs::rename(&spare, &away).unwrap();
    fs::create_dir(&spare).unwrap();
    tidy(&common, |_| {});
    // It may be noted or not, and changes nothing.
    let (key, same) = some.in_dict.first_key_value().map(|(&key, value)| (key, value.clone())).unwrap();
    assert!(matches!(some.busy.put(key, same), Err(Error::Io { .. } | Error::Failed { .. })));
    let in_busy = some.in_dict.clone();
    assert!(journal(place.path(), 0).exists(), "it is needed by the one that failed");
    // The others need it no longer.
    let needs = lock(&common.needs).clone();
    assert_eq!(needs.iter().filter(|&&(_, from)| from == 0).count(), 1, "{needs:?}");
    some.dict.put(3, vec![3]).unwrap();
    some.in_dict.insert(3, vec![3]);
    fs::remove_dir(&spare).unwrap();
    fs::rename(&away, &spare).unwrap();
    let killed = killed(&common);
    let folder = Folder::open(killed.path()).unwrap();
    let dict: Dict = folder.dict("dict").unwrap();
    assert_eq!(dict.to_map().unwrap(), some.in_dict);
    let busy: Dict = folder.dict("busy").unwrap();
    assert_eq!(busy.to_map().unwrap(), in_busy);
}

#[cfg(unix)]
#[test]
fn one_whose_folder_is_elsewhere_is_published_where_it_comes_back() {
    let (place, mut some, common) = several();
    some.change(60);
    let (here, there) = (place.path().join("busy.speedup"), place.path().join("moved"));
    let (from, to) = (here.clone(), there.clone());
    tidy(&common, move |step| {
        if step == "sealed" {
            fs::rename(&from, &to).unwrap();
        }
    });
    assert!(journal(place.path(), 0).exists());
    assert!(matches!(some.busy.flush(), Err(Error::Replaced { .. })));
    fs::rename(&there, &here).unwrap();
    some.change(10);
    some.kill_and_look(&common);
    tidy(&common, |_| {});
    assert_eq!(common.first().unwrap(), 2);
    some.kill_and_look(&common);
}

#[test]
fn where_it_cannot_be_said_for_all_each_says_it_itself() {
    for until in ["", "taken back", "one is written"] {
        let (place, mut some, common) = several();
        some.change(60);
        tidy(&common, |_| {});
        some.change(60);
        // A checkpoint cannot be written where a folder has its name.
        let in_the_way = Common::folder_in(place.path()).join("checkpoint.new");
        let make = in_the_way.clone();
        if until.is_empty() {
            fs::create_dir(&in_the_way).unwrap();
        }
        tidy(&common, move |step| {
            if step == until && !make.exists() {
                fs::create_dir(&make).unwrap();
            }
        });
        some.change(10);
        some.kill_and_look(&common);
        fs::remove_dir(&in_the_way).unwrap();
        some.change(10);
        tidy(&common, |_| {});
        assert_eq!(common.first().unwrap(), 3, "{until}");
        some.kill_and_look(&common);
    }
}

#[test]
fn a_damaged_checkpoint_is_refused_and_a_repair_does_without_it() {
    let (_place, mut some, common) = several();
    some.change(60);
    tidy(&common, |_| {});
    some.change(60);
    let killed = killed(&common);
    let path = Common::folder_in(killed.path()).join(record::NAME);
    let mut harmed = fs::read(&path).unwrap();
    harmed[40] ^= 1;
    fs::write(&path, harmed).unwrap();
    let folder = Folder::open(killed.path()).unwrap();
    let refused = folder.dict::<u64, Vec<u8>>("dict");
    assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
    ["dict", "busy"].iter().for_each(|&name| drop(folder.dict_builder::<u64, Vec<u8>>(name).repair().unwrap()));
    ["list", "quiet"].iter().for_each(|&name| drop(folder.list_builder::<u64>(name).repair().unwrap()));
    some.same(killed.path());
}
