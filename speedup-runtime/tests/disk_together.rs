//! Kills while several structures of one folder change: all of them together are as they were after some operation, at or after the last flush of any.
//!
//! Who does what: this process starts children that change two dicts and two lists of a folder, operation `n` being the same whoever does it: a change of
//! one of them, or a batch over two or all. A child says which operation was durable last, and is killed, at times while it publishes, begins another file of the journal,
//! closes, opens or deletes one of the structures. Other children are killed while they recover. Then this process opens all four, in an order that changes, and
//! looks for the one operation after which all four were so. In a second test three threads of a child do this side by side, each with structures of its own.
//!
//! `cargo xtask crash` runs the long form; `SPEEDUP_TOGETHER_ROUNDS=N` as many rounds as it says.

mod children;
mod copies;
mod rounds;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Child;
use std::sync::mpsc;
use std::time::Duration;

use speedup_runtime::disk::{DiskDict, DiskList, Folder, FolderBatch};

use copies::copy_all;

type Dict = DiskDict<u32, (u64, String)>;
type List = DiskList<u64>;

/// Set in a child: `FOLDER ROUND work FIRST_OPERATION`, `FOLDER ROUND open`, or `FOLDER ROUND threads FIRST_OPERATION..`, one for each.
const TASK: &str = "SPEEDUP_TOGETHER_TASK";
/// How many rounds the parent runs.
const ROUNDS: &str = "SPEEDUP_TOGETHER_ROUNDS";
const THREADS: u64 = 3;
const KEYS: u64 = 500;

fn scatter(n: u64) -> u64 {
    let n = (n ^ (n >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
    (n ^ (n >> 27)).wrapping_mul(0x81da_def4_bc2d_d44d) >> 8
}

/// What a dict holds for operation `n`; now and then more than a page holds, or a frame gathers.
fn value(n: u64) -> (u64, String) {
    let len = match n {
        // What is large is not kept waiting.
        _ if is_quiet(n) => 20,
        _ if n % 61 == 30 => 100_000,
        _ if n % 23 == 7 => 5_000,
        _ => 20,
    };
    (n, "v".repeat(len))
}

/// A change of a dict.
#[derive(Clone, Copy)]
enum OfDict {
    Insert(u32),
    Remove(u32),
}

/// A change of a list.
#[derive(Clone, Copy)]
enum OfList {
    Push,
    Insert(usize),
    Set(usize),
    Remove(usize),
    PopFront,
}

/// Operation `n`, where the lists are so long.
enum Operation {
    /// Of one of the dicts, or of one of the lists.
    Dict(usize, OfDict),
    List(usize, OfList),
    /// Changes of each dict and each list.
    Batch([Vec<OfDict>; 2], [Vec<OfList>; 2]),
    PopFirst(usize),
    ClearDict(usize),
    ClearList(usize),
    Sort(usize),
    Retain(usize),
    RemoveRange(usize, usize, usize),
    /// Takes a dict away, and makes it anew.
    Delete(usize),
}

fn of_dict(n: u64) -> OfDict {
    let key = (scatter(n) % KEYS) as u32;
    match n % 5 {
        0 => OfDict::Remove(key),
        1 => OfDict::Insert((KEYS + n) as u32),
        _ => OfDict::Insert(key),
    }
}

fn of_list(n: u64, len: usize) -> OfList {
    let at = scatter(n) as usize % len.max(1);
    match n % 7 {
        1 if len > 0 => OfList::Insert(at),
        2 if len > 0 => OfList::Set(at),
        3 if len > 0 => OfList::Remove(at),
        4 if len > 400 => OfList::PopFront,
        _ => OfList::Push,
    }
}

/// Some changes of a list in one batch.
fn of_list_some(n: u64, count: u64, mut len: usize) -> Vec<OfList> {
    let each = |of| {
        let change = of_list(n * 31 + of, len);
        match change {
            OfList::Push | OfList::Insert(_) => len += 1,
            OfList::Remove(_) | OfList::PopFront => len -= 1,
            OfList::Set(_) => {}
        }
        change
    };
    (0..count).map(each).collect()
}

/// Whether nothing is flushed for some time: then what others noted before waits in memory, and must be there when one of them is published.
fn is_quiet(n: u64) -> bool {
    n % 400 >= 200
}

fn operation(n: u64, lens: [usize; 2]) -> Operation {
    let (random, one) = (scatter(n * 13 + 5), (n / 8 % 2) as usize);
    match n % 8 {
        _ if n % 1999 == 700 => Operation::ClearDict(one),
        _ if n % 1999 == 1500 => Operation::ClearList(one),
        _ if n % 1499 == 900 && !is_quiet(n) => Operation::Delete(one),
        _ if n % 701 == 300 => Operation::Sort(one),
        _ if n % 809 == 400 => Operation::Retain(one),
        _ if n % 397 == 200 => {
            let from = (random as usize).checked_rem(lens[one]).unwrap_or(0);
            Operation::RemoveRange(one, from, (from + 60).min(lens[one]))
        }
        _ if n % 101 == 50 => Operation::PopFirst(one),
        0 | 3 if !is_quiet(n) => {
            // Of two, three or all four of them.
            let count = |bit: u64| if random >> bit & 3 == 0 && bit != 0 { 0 } else { 1 + (random >> (8 + bit)) % 4 };
            let dict = |of: u64, count: u64| (0..count).map(move |k| of_dict(n * 31 + of * 7 + k)).collect();
            let dicts = [dict(0, count(0)), dict(1, count(2))];
            Operation::Batch(dicts, [of_list_some(n, count(4), lens[0]), of_list_some(n + 1, count(6), lens[1])])
        }
        1 | 4 | 6 => Operation::Dict(one, of_dict(n)),
        _ => Operation::List(one, of_list(n, lens[one])),
    }
}

/// What a list is sorted by; no two items have the same.
fn order(item: u64) -> u64 {
    item.reverse_bits()
}

fn is_kept(item: u64) -> bool {
    !item.is_multiple_of(7)
}

/// The state after the operations before `next`; of a value it knows which operation put it there.
#[derive(Clone, Default)]
struct Model {
    next: u64,
    dicts: [BTreeMap<u32, u64>; 2],
    lists: [Vec<u64>; 2],
}

impl Model {
    fn step(&mut self) {
        let n = self.next;
        match operation(n, [0, 1].map(|one| self.lists[one].len())) {
            Operation::Dict(one, change) => self.change_dict(one, change),
            Operation::List(one, change) => self.change_list(one, change),
            Operation::Batch(dicts, lists) => {
                for one in [0, 1] {
                    dicts[one].iter().for_each(|&change| self.change_dict(one, change));
                    lists[one].iter().for_each(|&change| self.change_list(one, change));
                }
            }
            Operation::PopFirst(one) => drop(self.dicts[one].pop_first()),
            Operation::ClearDict(one) | Operation::Delete(one) => self.dicts[one].clear(),
            Operation::ClearList(one) => self.lists[one].clear(),
            Operation::Sort(one) => self.lists[one].sort_by_key(|&item| order(item)),
            Operation::Retain(one) => self.lists[one].retain(|&item| is_kept(item)),
            Operation::RemoveRange(one, from, to) => drop(self.lists[one].drain(from..to)),
        }
        self.next += 1;
    }

    fn change_dict(&mut self, one: usize, change: OfDict) {
        match change {
            OfDict::Insert(key) => drop(self.dicts[one].insert(key, self.next)),
            OfDict::Remove(key) => drop(self.dicts[one].remove(&key)),
        }
    }

    fn change_list(&mut self, one: usize, change: OfList) {
        let (list, n) = (&mut self.lists[one], self.next);
        match change {
            OfList::Push => list.push(n),
            OfList::Insert(at) => list.insert(at, n),
            OfList::Set(at) => list[at] = n,
            OfList::Remove(at) => drop(list.remove(at)),
            OfList::PopFront => drop(list.remove(0)),
        }
    }

    /// Goes on to the state that was found, which is none before operation `kept`.
    fn catch_up(&mut self, kept: u64, same: impl Fn(&Model) -> bool) {
        let start = self.next;
        while self.next < kept {
            self.step();
        }
        for _ in 0..20_000 {
            if same(self) {
                return;
            }
            self.step();
        }
        panic!("no state after {kept} or later is the one found (started at {start})");
    }
}

/// Two dicts and two lists of a folder; their names end in `which`.
struct Four {
    folder: Folder,
    which: u64,
    dicts: [Dict; 2],
    lists: [List; 2],
}

impl Four {
    fn open(folder: &Folder, which: u64, order: u64) -> Self {
        let dict = |one| Self::dict(folder, which, one);
        let list = |one| Self::list(folder, which, one);
        // In this order or that: who is opened first finds what all others have not played yet.
        let (dicts, lists) = if order.is_multiple_of(2) {
            let dicts = [0, 1].map(dict);
            (dicts, [0, 1].map(list))
        } else {
            let (b, m, a) = (dict(1), list(1), dict(0));
            ([a, b], [list(0), m])
        };
        Four { folder: folder.clone(), which, dicts, lists }
    }

    fn dict(folder: &Folder, which: u64, one: usize) -> Dict {
        let builder = folder.dict_builder(format!("dict-{which}-{one}"));
        builder.page_size(8).max_pages(2).write_buffer(1 << 13).open().unwrap()
    }

    fn list(folder: &Folder, which: u64, one: usize) -> List {
        folder.list_builder(format!("list-{which}-{one}")).page_size(8).max_pages(2).open().unwrap()
    }

    fn lens(&self) -> [usize; 2] {
        [self.lists[0].len(), self.lists[1].len()]
    }

    /// Operation `n`.
    fn change(&mut self, n: u64) {
        let dict = |dict: &mut Dict, change| match change {
            OfDict::Insert(key) => drop(dict.insert(key, value(n)).unwrap()),
            OfDict::Remove(key) => drop(dict.remove(&key).unwrap()),
        };
        match operation(n, self.lens()) {
            Operation::Dict(one, change) => dict(&mut self.dicts[one], change),
            Operation::List(one, change) => self.change_list(one, change, n),
            Operation::Batch(dicts, lists) => {
                let mut batch = self.folder.batch();
                for (dict, changes) in self.dicts.iter_mut().zip(&dicts) {
                    fill_dict(&mut batch, dict, changes, n);
                }
                for (list, changes) in self.lists.iter_mut().zip(&lists) {
                    fill_list(&mut batch, list, changes, n);
                }
                batch.commit().unwrap();
                keep(self.which, n);
            }
            Operation::PopFirst(one) => drop(self.dicts[one].pop_first().unwrap()),
            Operation::ClearDict(one) => self.dicts[one].clear().unwrap(),
            Operation::ClearList(one) => self.lists[one].clear().unwrap(),
            Operation::Sort(one) => self.lists[one].sort_by(|a, b| order(*a).cmp(&order(*b))).unwrap(),
            Operation::Retain(one) => self.lists[one].retain(|item| is_kept(*item)).unwrap(),
            Operation::RemoveRange(one, from, to) => self.lists[one].remove_range(from..to).unwrap(),
            Operation::Delete(one) => {
                // It is gone at once, and so may not come before what others noted.
                self.dicts[1 - one].flush().unwrap();
                let other = self.folder.dict(format!("other-{}", self.which)).unwrap();
                std::mem::replace(&mut self.dicts[one], other).close().unwrap();
                assert!(self.folder.delete(&format!("dict-{}-{one}", self.which)).unwrap());
                self.dicts[one] = Self::dict(&self.folder, self.which, one);
            }
        }
    }

    fn change_list(&mut self, one: usize, change: OfList, n: u64) {
        let list = &mut self.lists[one];
        match change {
            OfList::Push => list.push(n).unwrap(),
            OfList::Insert(at) => list.insert(at, n).unwrap(),
            OfList::Set(at) => drop(list.set(at, n).unwrap()),
            OfList::Remove(at) => drop(list.remove(at).unwrap()),
            OfList::PopFront => drop(list.pop_front().unwrap()),
        }
    }

    /// Operation `n`, and what is done beside operations.
    fn turn(&mut self, n: u64, round: u64) {
        self.change(n);
        let one = (n / 64 % 2) as usize;
        if n % 67 == 60 && !is_quiet(n) || is_quiet(n + 1) && !is_quiet(n) {
            // Of any of them, for all.
            if one == 0 {
                self.dicts[0].flush().unwrap()
            } else {
                self.lists[1].flush().unwrap()
            }
            keep(self.which, n);
        }
        match (n + round) % 600 {
            _ if is_quiet(n) && n % 47 == round % 47 => drop(self.lists[one].snapshot().unwrap()),
            100 => self.dicts[one].compact().unwrap(),
            200 => self.lists[one].compact().unwrap(),
            300 => {
                let other = self.folder.list(format!("rest-{}", self.which)).unwrap();
                std::mem::replace(&mut self.lists[one], other).close().unwrap();
                self.lists[one] = Self::list(&self.folder, self.which, one);
            }
            400 => drop(self.dicts[one].snapshot().unwrap()),
            _ => {}
        }
    }

    /// What all four hold; each value is whole.
    fn found(&self) -> ([BTreeMap<u32, u64>; 2], [Vec<u64>; 2]) {
        let dicts = self.dicts.each_ref().map(|dict| {
            let found: BTreeMap<u32, u64> = dict.iter().map(|entry| whole(entry.unwrap())).collect();
            assert_eq!(found.len(), dict.len());
            found
        });
        (dicts, self.lists.each_ref().map(|list| list.to_vec().unwrap()))
    }
}

fn whole((key, found): (u32, (u64, String))) -> (u32, u64) {
    assert!(found == value(found.0), "key {key}");
    (key, found.0)
}

fn fill_dict<'a>(batch: &mut FolderBatch<'a>, dict: &'a mut Dict, changes: &[OfDict], n: u64) {
    if changes.is_empty() {
        return;
    }
    let fill = batch.dict(dict, |dict| {
        changes.iter().for_each(|&change| match change {
            OfDict::Insert(key) => dict.insert(key, value(n)),
            OfDict::Remove(key) => dict.remove(&key),
        });
    });
    fill.unwrap();
}

fn fill_list<'a>(batch: &mut FolderBatch<'a>, list: &'a mut List, changes: &[OfList], n: u64) {
    if changes.is_empty() {
        return;
    }
    let fill = batch.list(list, |list| {
        changes.iter().for_each(|&change| match change {
            OfList::Push => list.push(n),
            OfList::Insert(at) => list.insert(at, n),
            OfList::Set(at) => list.set(at, n),
            OfList::Remove(at) => list.remove(at),
            OfList::PopFront => list.pop_front(),
        });
    });
    fill.unwrap();
}

/// Tells the parent that operation `n` is durable, straight to the file: the harness keeps what is printed.
fn keep(which: u64, n: u64) {
    writeln!(std::io::stdout().lock(), "@ {which} {}", n + 1).unwrap();
}

/// Works until it is killed, and closes everything now and then.
fn work(folder: &Folder, which: u64, round: u64, next: u64) -> ! {
    let mut n = next;
    loop {
        let mut four = Four::open(folder, which, n);
        // It was changed once, and needs the journal although it rests.
        let mut resting = folder.list::<u64>(format!("rest-{which}")).unwrap();
        resting.push(n).unwrap();
        drop(resting);
        let resting = folder.list::<u64>(format!("idle-{which}")).unwrap().shared();
        resting.push(n).unwrap();
        for _ in 0..1501 {
            four.turn(n, round);
            n += 1;
        }
    }
}

#[test]
fn child() {
    let Ok(task) = std::env::var(TASK) else { return };
    let words: Vec<&str> = task.split(' ').collect();
    let folder = Folder::open(words[0]).unwrap();
    let number = |at: usize| words[at].parse::<u64>().unwrap();
    let round = number(1);
    match words[2] {
        "open" => drop(Four::open(&folder, 0, round)),
        "work" => work(&folder, 0, round, number(3)),
        _ => std::thread::scope(|scope| {
            for which in 0..THREADS {
                let (folder, next) = (&folder, number(3 + which as usize));
                scope.spawn(move || work(folder, which, round, next));
            }
        }),
    }
}

/// Kills a child that works at a moment that `random` says: behind so many lines, or in the next time when nothing is flushed. Returns which operations it
/// said to be durable.
fn kill_working(child: Child, random: u64) -> [u64; THREADS as usize] {
    let most = if std::env::var("SPEEDUP_LONG").is_ok() { 900 } else { 300 };
    let (count, wait) = (random % most, Duration::from_micros(random % 3_000));
    if random.is_multiple_of(3) {
        return run_and_kill(child, count, |_| true, wait);
    }
    run_and_kill(child, count, is_quiet, Duration::from_micros(random % 300_000))
}

/// Lets a child say so many lines, and then more up to one that is the `last`, and work for some time or up to its next line; kills it, and returns
/// which operations it said to be durable.
fn run_and_kill(mut child: Child, count: u64, last: impl Fn(u64) -> bool, wait: Duration) -> [u64; THREADS as usize] {
    let output = BufReader::new(child.stdout.take().unwrap());
    let (send, lines) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let mut words = line.split(' ').skip_while(|word| !word.ends_with('@')).skip(1);
            let mut number = || words.next()?.parse::<u64>().ok();
            if let (Some(which), Some(next)) = (number(), number()) {
                let _closed = send.send((which, next));
            }
        }
    });
    let mut kept = [0; THREADS as usize];
    let mut note = |(which, next): (u64, u64)| kept[which as usize] = next;
    let mut said = 0;
    while said < count {
        let Ok(told) = lines.recv_timeout(Duration::from_secs(5)) else { break };
        note(told);
        said += 1;
        if said == count && !last(told.1) {
            said -= 1;
        }
    }
    if let Ok(told) = lines.recv_timeout(wait) {
        note(told);
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(status.code().is_none_or(|code| code == 0), "a child failed by itself: {status}");
    reader.join().unwrap();
    lines.try_iter().for_each(note);
    kept
}

/// As many rounds as [`ROUNDS`] says, or so many in the long form, or in the short one.
fn rounds(long: u64, short: u64) -> u64 {
    let asked = std::env::var(ROUNDS).ok().and_then(|rounds| rounds.parse().ok());
    asked.unwrap_or(if std::env::var("SPEEDUP_LONG").is_ok() { long } else { short })
}

/// Goes on to the one operation after which all four structures were as they are, and makes one more.
fn check(folder: &Folder, which: u64, model: &mut Model, kept: u64, random: u64) {
    let mut four = Four::open(folder, which, random);
    let (dicts, lists) = four.found();
    model.catch_up(kept, |model| model.lists == lists && model.dicts == dicts);
    if random.is_multiple_of(4) {
        four.change(model.next);
        model.step();
    }
}

/// Some of them are opened, one is changed, and this process lets go of them: the others still find their part of the journal.
fn some_opened(place: &Path, model: &Model, random: u64) {
    let copy = tempfile::tempdir().unwrap();
    copy_all(place, copy.path());
    let folder = Folder::open(copy.path()).unwrap();
    let one = (random % 2) as usize;
    let mut list = Four::list(&folder, 0, one);
    drop(Four::dict(&folder, 0, one));
    list.push(7).unwrap();
    drop(list);
    let (dicts, mut lists) = Four::open(&folder, 0, random / 2).found();
    assert_eq!(lists[one].pop(), Some(7));
    assert!(dicts == model.dicts && lists == model.lists);
}

/// Structures that have lost superblocks and directories come back by `repair`, each as it was after some operation.
fn repaired(place: &Path, model: &Model, kept: u64) {
    let copy = tempfile::tempdir().unwrap();
    copy_all(place, copy.path());
    let folder = Folder::open(copy.path()).unwrap();
    for one in [0, 1] {
        for name in [format!("dict-0-{one}"), format!("list-0-{one}")] {
            for entry in std::fs::read_dir(copy.path().join(name + ".speedup")).unwrap().map(Result::unwrap) {
                match entry.file_name().to_string_lossy() {
                    name if name.starts_with("directory.") => std::fs::remove_dir_all(entry.path()).unwrap(),
                    name if name == "superblock" => std::fs::remove_file(entry.path()).unwrap(),
                    _ => {}
                }
            }
        }
    }
    for one in [0, 1] {
        let (dict, about) = folder.dict_builder(format!("dict-0-{one}")).repair().unwrap();
        assert_eq!((about.lost, about.truncated), (0, false));
        let found: BTreeMap<u32, u64> = dict.iter().map(|entry| whole(entry.unwrap())).collect();
        model.clone().catch_up(kept, |model| model.dicts[one] == found);
        let (list, about) = folder.list_builder(format!("list-0-{one}")).repair().unwrap();
        assert_eq!((about.lost, about.truncated), (0, false));
        let found = list.to_vec().unwrap();
        model.clone().catch_up(kept, |model| model.lists[one] == found);
    }
}

#[test]
fn a_kill_at_any_moment_leaves_all_structures_as_after_one_operation() {
    let place = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    let rounds = rounds(120, 4);
    for round in 0..rounds {
        rounds::tell("kills among several structures", round, rounds);
        let random = scatter(round * 7 + u64::from(std::process::id()));
        let at = place.path().display();
        let kept = kill_working(children::start(TASK, format!("{at} {round} work {}", model.next)), random)[0];
        for again in 0..random % 3 {
            // Killed while it recovers.
            let wait = Duration::from_micros(scatter(random + again) % 30_000);
            run_and_kill(children::start(TASK, format!("{at} {again} open")), 0, |_| true, wait);
        }
        let kept = kept.max(model.next);
        if round % 5 == 2 {
            repaired(place.path(), &model, kept);
        }
        let killed = tempfile::tempdir().unwrap();
        copy_all(place.path(), killed.path());
        check(&Folder::open(place.path()).unwrap(), 0, &mut model, kept, random);
        if !random.is_multiple_of(4) {
            some_opened(killed.path(), &model, random);
        }
    }
    assert!(model.next > rounds, "the children got nowhere");
}

#[test]
fn a_kill_while_threads_change_structures_of_their_own_leaves_each_its_operations() {
    let place = tempfile::tempdir().unwrap();
    let mut models: [Model; THREADS as usize] = Default::default();
    let rounds = rounds(60, 3);
    for round in 0..rounds {
        rounds::tell("kills among threads", round, rounds);
        let random = scatter(round * 11 + u64::from(std::process::id()));
        let next = models.each_ref().map(|model| model.next.to_string()).join(" ");
        let kept =
            kill_working(children::start(TASK, format!("{} {round} threads {next}", place.path().display())), random);
        let folder = Folder::open(place.path()).unwrap();
        for (which, model) in models.iter_mut().enumerate() {
            let kept = kept[which].max(model.next);
            check(&folder, which as u64, model, kept, random >> which);
        }
    }
    assert!(models.iter().all(|model| model.next > rounds), "the children got nowhere");
}
