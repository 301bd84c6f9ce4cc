//! Kills at random moments: what was flushed is there, and what is there is the state after some operation.
//!
//! Who does what: this process starts children that change a dict and a list in turn, operation `n` being the same whoever does it.
//! A child says on its output which operation it flushed last. It is killed with SIGKILL, at times while it opens, splits
//! pages, publishes or compacts, forks, or moves the folder for a moment. Then other children are killed while they recover. Then this process opens both.
//!
//! `cargo xtask crash` runs the long form of 200 rounds, `SPEEDUP_CRASH_ROUNDS=N` as many as it says.

#![cfg(unix)]

mod children;
mod copies;
mod rounds;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Child;
use std::sync::mpsc;
use std::time::Duration;

use speedup_runtime::disk::{DiskDict, DiskList, Error};

use copies::copy_all;

/// Set in a child: `FOLDER FIRST_OPERATION`, or `FOLDER open` to recover and leave.
const TASK: &str = "SPEEDUP_CRASH_TASK";
/// How many rounds the parent runs.
const ROUNDS: &str = "SPEEDUP_CRASH_ROUNDS";

type Dict = DiskDict<u32, (u64, String)>;
type List = DiskList<u64>;

fn open(folder: &Path) -> (Dict, List) {
    put_back(folder);
    let dict = DiskDict::builder("d").location(folder).page_size(8).max_pages(2).write_buffer(1 << 14).open();
    let list = DiskList::builder("l").location(folder).page_size(8).max_pages(2).open();
    (dict.unwrap(), list.unwrap())
}

fn scatter(n: u64) -> u64 {
    let n = (n ^ (n >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
    (n ^ (n >> 27)).wrapping_mul(0x81da_def4_bc2d_d44d) >> 8
}

/// What the dict holds for operation `n`; now and then more than fits into a page.
fn value(n: u64) -> (u64, String) {
    (n, if n.is_multiple_of(311) { "v".repeat(9000) } else { format!("{n:0>20}") })
}

/// Operation `n` on a dict.
enum DictStep {
    Insert(u32),
    Remove(u32),
    PopFirst,
    /// Moves what some keys hold to the next.
    Batch(u32),
    Clear,
}

/// The keys that a batch takes out, and those it puts in.
fn batch_keys(key: u32) -> impl Iterator<Item = (u32, u32)> {
    (0..40).map(move |n| ((key + n * 100) % 4000, (key + n * 100 + 1) % 4000))
}

fn dict_step(n: u64) -> DictStep {
    let key = (scatter(n) % 4000) as u32;
    match n {
        _ if n % 4001 == 2000 => DictStep::Clear,
        _ if n % 97 == 50 => DictStep::PopFirst,
        _ if n % 89 == 40 => DictStep::Batch(key),
        _ if n.is_multiple_of(5) => DictStep::Remove(key),
        _ if n % 5 == 1 => DictStep::Insert(1_000_000 + n as u32),
        _ => DictStep::Insert(key),
    }
}

/// Operation `n` on a list of `len` items.
enum ListStep {
    Push,
    Insert(usize),
    Set(usize),
    Remove(usize),
    Swap(usize),
    Pop,
    RemoveRange(usize, usize),
    Sort,
    Retain,
    Clear,
}

fn list_step(n: u64, len: usize) -> ListStep {
    let at = scatter(n) as usize % len.max(1);
    match n % 8 {
        _ if n % 5003 == 2500 => ListStep::Clear,
        _ if n % 499 == 400 => ListStep::RemoveRange(at.min(len), (at + 150).min(len)),
        _ if n % 1009 == 700 => ListStep::Sort,
        _ if n % 2003 == 900 => ListStep::Retain,
        1 if len > 0 => ListStep::Insert(at),
        2 if len > 0 => ListStep::Set(at),
        3 if len > 0 => ListStep::Remove(at),
        4 if len > 3000 => ListStep::Pop,
        5 if len > 0 => ListStep::Swap(at),
        _ => ListStep::Push,
    }
}

/// The state after the operations before `next`.
#[derive(Clone, Default, PartialEq)]
struct DictModel {
    next: u64,
    items: BTreeMap<u32, (u64, String)>,
}

#[derive(Clone, Default, PartialEq)]
struct ListModel {
    next: u64,
    items: Vec<u64>,
}

impl DictModel {
    fn step(&mut self) {
        match dict_step(self.next) {
            DictStep::Insert(key) => drop(self.items.insert(key, value(self.next))),
            DictStep::Remove(key) => drop(self.items.remove(&key)),
            DictStep::PopFirst => drop(self.items.pop_first()),
            DictStep::Batch(key) => {
                for (old, new) in batch_keys(key) {
                    self.items.remove(&old);
                    self.items.insert(new, value(self.next));
                }
            }
            DictStep::Clear => self.items.clear(),
        }
        self.next += 1;
    }
}

impl ListModel {
    fn step(&mut self) {
        let n = self.next;
        match list_step(n, self.items.len()) {
            ListStep::Push => self.items.push(n),
            ListStep::Insert(at) => self.items.insert(at, n),
            ListStep::Set(at) => self.items[at] = n,
            ListStep::Remove(at) => drop(self.items.remove(at)),
            ListStep::Swap(at) => {
                let other = n as usize / 8 % self.items.len();
                self.items.swap(at, other);
            }
            ListStep::Pop => drop(self.items.pop()),
            ListStep::RemoveRange(from, to) => drop(self.items.drain(from..to)),
            ListStep::Sort => self.items.sort_unstable_by_key(|&item| order(item)),
            ListStep::Retain => self.items.retain(|&item| is_kept(item)),
            ListStep::Clear => self.items.clear(),
        }
        self.next += 1;
    }
}

/// What a list is sorted by; no two items have the same.
fn order(item: u64) -> u64 {
    item.reverse_bits()
}

fn is_kept(item: u64) -> bool {
    !item.is_multiple_of(7)
}

fn change(dict: &mut Dict, list: &mut List, dict_next: u64, list_next: u64) {
    match dict_step(dict_next) {
        DictStep::Insert(key) => drop(dict.insert(key, value(dict_next)).unwrap()),
        DictStep::Remove(key) => drop(dict.remove(&key).unwrap()),
        DictStep::PopFirst => drop(dict.pop_first().unwrap()),
        DictStep::Batch(key) => dict
            .batch(|batch| {
                for (old, new) in batch_keys(key) {
                    batch.remove(&old);
                    batch.insert(new, value(dict_next));
                }
            })
            .unwrap(),
        DictStep::Clear => dict.clear().unwrap(),
    }
    match list_step(list_next, list.len()) {
        ListStep::Push => list.push(list_next).unwrap(),
        ListStep::Insert(at) => list.insert(at, list_next).unwrap(),
        ListStep::Set(at) => drop(list.set(at, list_next).unwrap()),
        ListStep::Remove(at) => drop(list.remove(at).unwrap()),
        ListStep::Swap(at) => list.swap(at, list_next as usize / 8 % list.len()).unwrap(),
        ListStep::Pop => drop(list.pop().unwrap()),
        ListStep::RemoveRange(from, to) => list.remove_range(from..to).unwrap(),
        ListStep::Sort => list.sort_by(|a, b| order(*a).cmp(&order(*b))).unwrap(),
        ListStep::Retain => list.retain(|item| is_kept(*item)).unwrap(),
        ListStep::Clear => list.clear().unwrap(),
    }
}

/// Forks a child that tries to change what this process has open, and lets go of it.
fn fork(dict: &mut Dict, list: &mut List) {
    // SAFETY: the child has memory of its own, waits for no thread, and leaves without dropping what it was forked with.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::alarm(30);
            let refused = dict.insert(1, value(1)).is_err() && list.push(1).is_err() && dict.flush().is_err();
            drop(std::ptr::read(dict));
            libc::_exit(if refused && std::ptr::read(list).close().is_err() { 0 } else { 1 });
        }
        let mut status = 1;
        libc::waitpid(child, &mut status, 0);
        assert_eq!(status, 0, "the fork was let in, or hung");
    }
}

/// Works while the folder of the dict is elsewhere, and another one in its place.
fn rename(folder: &Path, dict: &mut Dict) {
    let (here, there) = (folder.join("d.speedup"), folder.join("moved.speedup"));
    std::fs::rename(&here, &there).unwrap();
    std::fs::create_dir(&here).unwrap();
    assert!(matches!(dict.flush(), Err(Error::Replaced { .. })));
    assert!(matches!(dict.compact(), Err(Error::Replaced { .. })));
    std::fs::remove_dir(&here).expect("nothing was written there");
    std::fs::rename(&there, &here).unwrap();
}

/// Puts right what a kill in the middle of [`rename`] left.
fn put_back(folder: &Path) {
    let (here, there) = (folder.join("d.speedup"), folder.join("moved.speedup"));
    if there.exists() {
        let _absent = std::fs::remove_dir(&here);
        std::fs::rename(&there, &here).unwrap();
    }
}

/// Works until it is killed, at times through shared handles, whose checkpoints are written beside the changes.
fn work(folder: &Path, mut dict_next: u64, mut list_next: u64) -> ! {
    let mut turns = 0;
    loop {
        let (mut dict, mut list) = open(folder);
        let alone = list_next.is_multiple_of(2);
        let mut some = |dict: &mut Dict, list: &mut List| {
            turn(folder, dict, list, turns, (dict_next, list_next));
            (turns, dict_next, list_next) = (turns + 1, dict_next + 1, list_next + 1);
        };
        if alone {
            (0..3001).for_each(|_| some(&mut dict, &mut list));
            dict.close().unwrap();
            list.close().unwrap();
        } else {
            let (dict, list) = (dict.shared(), list.shared());
            (0..3001).for_each(|_| some(&mut dict.lock(), &mut list.lock()));
            dict.close().unwrap();
            list.close().unwrap();
        }
    }
}

/// One operation on each, and what is done beside operations.
fn turn(folder: &Path, dict: &mut Dict, list: &mut List, turn: u64, (dict_next, list_next): (u64, u64)) {
    change(dict, list, dict_next, list_next);
    if turn % 61 == 60 {
        dict.flush().unwrap();
        list.flush().unwrap();
        // Straight to the file: the harness keeps what is printed.
        let mut output = std::io::stdout();
        writeln!(output, "@ {} {}", dict_next + 1, list_next + 1).unwrap();
    }
    match turn % 4000 {
        1500 => {
            dict.compact().unwrap();
            list.compact().unwrap();
        }
        700 | 2200 => fork(dict, list),
        900 | 2600 => rename(folder, dict),
        _ => {}
    }
}

#[test]
fn child() {
    let Ok(task) = std::env::var(TASK) else { return };
    let words: Vec<&str> = task.split(' ').collect();
    let folder = Path::new(words[0]);
    match words[1] {
        "open" => drop(open(folder)),
        next => work(folder, next.parse().unwrap(), words[2].parse().unwrap()),
    }
}

/// Lets a child run for as long as `random` says, kills it, and returns what it flushed last.
fn run_and_kill(mut child: Child, random: u64) -> Option<(u64, u64)> {
    let output = BufReader::new(child.stdout.take().unwrap());
    let (send, lines) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let mut words = line.split(' ').skip_while(|word| !word.ends_with('@')).skip(1);
            let numbers = (words.next(), words.next());
            if let (Some(Ok(a)), Some(Ok(b))) = (numbers.0.map(str::parse), numbers.1.map(str::parse)) {
                let _closed = send.send((a, b));
            }
        }
    });
    let mut last = None;
    let wait = Duration::from_micros(random % 9000);
    for _ in 0..random % 60 {
        match lines.recv_timeout(Duration::from_secs(5)) {
            Ok(flushed) => last = Some(flushed),
            Err(_) => break,
        }
    }
    while let Ok(flushed) = lines.recv_timeout(wait) {
        last = Some(flushed);
        if random.is_multiple_of(3) {
            break;
        }
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(status.code().is_none_or(|code| code == 0), "a child failed by itself: {status}");
    reader.join().unwrap();
    lines.try_iter().last().or(last)
}

/// As many rounds as [`ROUNDS`] says, or 200 in the long form, or 10.
fn rounds() -> u64 {
    let asked = std::env::var(ROUNDS).ok().and_then(|rounds| rounds.parse().ok());
    asked.unwrap_or(if std::env::var("SPEEDUP_LONG").is_ok() { 200 } else { 10 })
}

/// Advances a model to the state that was found.
fn catch_up<M: Clone>(
    what: &str,
    model: &mut M,
    flushed: u64,
    next: impl Fn(&M) -> u64,
    step: impl Fn(&mut M),
    same: impl Fn(&M) -> bool,
) {
    let start = model.clone();
    while next(model) < flushed {
        step(model);
    }
    for _ in 0..200_000 {
        if same(model) {
            return;
        }
        step(model);
    }
    panic!("{what}: no state after {flushed} or later is the one found (started at {})", next(&start));
}

/// A folder that stays where a test fails, to be looked at.
struct Kept(tempfile::TempDir);

impl Drop for Kept {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.disable_cleanup(true);
            let _told = writeln!(std::io::stderr(), "what was found is in {}", self.0.path().display());
        }
    }
}

#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_flushed() {
    if std::env::var(TASK).is_ok() {
        return;
    }
    let rounds = rounds();
    let folder = Kept(tempfile::tempdir().unwrap());
    let folder = &folder.0;
    drop(open(folder.path()));
    let (mut dict, mut list) = (DictModel::default(), ListModel::default());
    for round in 0..rounds {
        rounds::tell("kills", round, rounds);
        let random = scatter(round * 7 + u64::from(std::process::id()));
        killed_while_it_is_made(random);
        let at = folder.path().display();
        let flushed = run_and_kill(children::start(TASK, format!("{at} {} {}", dict.next, list.next)), random);
        let flushed = flushed.unwrap_or((dict.next, list.next));
        for again in 0..random % 3 {
            // Killed while it recovers.
            run_and_kill(children::start(TASK, format!("{at} open")), 60 * scatter(random + again));
        }
        put_back(folder.path());
        if round % 3 == 0 {
            // Not always the state that opening finds: the spare may know of a checkpoint that the directory does not have yet.
            let (found_dict, found_list) = repaired_without_directory(folder.path());
            let same = |m: &DictModel| m.items == found_dict;
            catch_up("the repaired dict", &mut dict.clone(), flushed.0, |m| m.next, DictModel::step, same);
            let same = |m: &ListModel| m.items == found_list;
            catch_up("the repaired list", &mut list.clone(), flushed.1, |m| m.next, ListModel::step, same);
        }
        let (found_dict, found_list) = open(folder.path());
        let found = found_dict.to_map().unwrap();
        assert_eq!(found.len(), found_dict.len());
        catch_up("the dict", &mut dict, flushed.0, |m| m.next, DictModel::step, |m| m.items == found);
        let found = found_list.to_vec().unwrap();
        catch_up("the list", &mut list, flushed.1, |m| m.next, ListModel::step, |m| m.items == found);
    }
    assert!(dict.next > rounds && list.next > rounds, "the children got nowhere");
}

/// What is left of structures whose process was killed while it made them opens, and is empty.
fn killed_while_it_is_made(random: u64) {
    let folder = tempfile::tempdir().unwrap();
    // A multiple of 60: no line is waited for.
    run_and_kill(children::start(TASK, format!("{} open", folder.path().display())), 60 * scatter(random));
    let (dict, list) = open(folder.path());
    assert!(dict.is_empty() && list.is_empty());
}

/// What `repair` makes of a copy of both that has lost superblocks and directories, whatever moment the kill met.
fn repaired_without_directory(folder: &Path) -> (BTreeMap<u32, (u64, String)>, Vec<u64>) {
    let copy = tempfile::tempdir().unwrap();
    copy_all(folder, copy.path());
    for name in ["d.speedup", "l.speedup"] {
        for entry in std::fs::read_dir(copy.path().join(name)).unwrap().map(Result::unwrap) {
            match entry.file_name().to_string_lossy() {
                name if name.starts_with("directory.") => std::fs::remove_dir_all(entry.path()).unwrap(),
                name if name == "superblock" => std::fs::remove_file(entry.path()).unwrap(),
                _ => {}
            }
        }
    }
    let (dict, about) = DiskDict::builder("d").location(copy.path()).repair().unwrap();
    assert_eq!((about.lost, about.truncated), (0, false));
    let (list, about) = DiskList::builder("l").location(copy.path()).repair().unwrap();
    assert_eq!((about.lost, about.truncated), (0, false));
    (dict.to_map().unwrap(), list.to_vec().unwrap())
}

#[test]
fn a_copy_of_the_files_at_any_moment_opens_with_some_state() {
    if std::env::var(TASK).is_ok() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut dict, mut list) = open(folder.path());
    let (mut dict_model, mut list_model) = (DictModel::default(), ListModel::default());
    for turn in 0..3000 {
        change(&mut dict, &mut list, dict_model.next, list_model.next);
        dict_model.step();
        list_model.step();
        if turn % 373 == 372 {
            dict.flush().unwrap();
            list.flush().unwrap();
            let copy = tempfile::tempdir().unwrap();
            copy_all(folder.path(), copy.path());
            let (dict, list) = open(copy.path());
            assert!(dict.to_map().unwrap() == dict_model.items);
            assert_eq!(list.to_vec().unwrap(), list_model.items);
        }
    }
}
