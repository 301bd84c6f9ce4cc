//! The structures of one folder: one lock, one journal, and what a kill, damage, a move or an earlier format leaves of them.

mod copies;
mod rounds;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use speedup_runtime::disk::{DiskDict, DiskList, Error, Folder};

use copies::copy_all;

type Dict = DiskDict<u64, Vec<u8>>;
type List = DiskList<u64>;

/// Set in a child: `FOLDER TASK`.
const TASK: &str = "SPEEDUP_FOLDER_TASK";
/// As many rounds as this says, or 60 in the long form, or 8.
const ROUNDS: &str = "SPEEDUP_FOLDER_ROUNDS";

fn journals(place: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> =
        entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("journal.")).collect();
    found.sort();
    found
}

/// What is in a folder, and when it was written.
fn listing(place: &Path) -> Vec<(PathBuf, u64, SystemTime)> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(place) else { return found };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        // What goes meanwhile is missing in one of two.
        let Ok(about) = path.metadata() else { continue };
        found.extend(about.is_dir().then(|| listing(&path)).into_iter().flatten());
        found.push((path, about.len(), about.modified().unwrap()));
    }
    found.sort();
    found
}

/// Copies a folder as it is at one moment: with little room a thread makes a checkpoint of it after almost every change.
fn copy_at_once(place: &Path) -> tempfile::TempDir {
    loop {
        let (copy, before) = (tempfile::tempdir().unwrap(), listing(place));
        let copied = catch_unwind(|| copy_all(place, copy.path()));
        if copied.is_ok() && listing(place) == before {
            return copy;
        }
    }
}

fn value(n: u64) -> Vec<u8> {
    // Now and then more than a page holds, or a frame gathers.
    let len = match n {
        _ if n % 97 == 50 => 90_000,
        _ if n % 13 == 5 => 5_000,
        _ => 20 + n as usize % 50,
    };
    (0..len).map(|at| (n as usize + at) as u8).collect()
}

fn child(place: &Path, task: &str) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "task", "--nocapture"])
        .env(TASK, format!("{} {task}", place.display()))
        .stdout(Stdio::piped());
    child
}

/// Tells the parent something, past the harness, which keeps what is printed.
fn say(what: &str) {
    std::io::stdout().write_all(format!("{what}\n").as_bytes()).unwrap();
}

/// What a child does.
#[test]
fn task() {
    let Ok(task) = std::env::var(TASK) else { return };
    let (place, task) = task.rsplit_once(' ').unwrap();
    let folder = Folder::open(place).unwrap();
    match task {
        "in-use" => {
            let refused = folder.dict::<u64, u64>("other");
            assert!(matches!(refused, Err(Error::InUse { .. })), "{refused:?}");
            say("refused");
        }
        "open" => {
            let (dict, list) = open(&folder);
            say(&format!("open {} {}", dict.len(), list.len()));
        }
        #[cfg(unix)]
        "fork" => fork(&folder),
        "upgrade" => {
            let (mut dict, mut list) = fixture(&folder);
            dict.insert(("later".into(), 1), None).unwrap();
            list.push(vec![1]).unwrap();
            say("changed");
            dict.flush().unwrap();
            list.close().unwrap();
            dict.close().unwrap();
        }
        round => work(&folder, round.parse().unwrap()),
    }
}

fn open(folder: &Folder) -> (Dict, List) {
    let dict = folder.dict_builder("d").write_buffer(1 << 14).page_size(8).max_pages(2).open().unwrap();
    (dict, folder.list_builder("l").page_size(8).max_pages(2).open().unwrap())
}

/// Step `n` of a child: a batch of both structures, or one of them after the other.
fn step(folder: &Folder, dict: &mut Dict, list: &mut List, n: u64) {
    if n.is_multiple_of(3) {
        let mut batch = folder.batch();
        batch.dict(dict, |dict| dict.insert(n, value(n))).unwrap();
        batch
            .list(list, |list| {
                list.push(n);
                list.push(n);
            })
            .unwrap();
        batch.commit().unwrap();
    } else {
        dict.insert(n, value(n)).unwrap();
        list.push(n).unwrap();
        list.push(n).unwrap();
    }
}

/// Works until it is killed, and says which step it flushed last.
fn work(folder: &Folder, round: u64) {
    let (mut dict, mut list) = open(folder);
    let mut quiet = folder.dict::<u64, u64>("quiet").unwrap();
    let next = dict.len() as u64;
    assert_eq!(list.len() as u64, 2 * next);
    quiet.insert(round, next).unwrap();
    let shared = folder.list::<u64>("shared").unwrap().shared();
    for n in next.. {
        step(folder, &mut dict, &mut list, n);
        shared.push(n).unwrap();
        if n % 7 == round % 7 {
            dict.flush().unwrap();
        }
        if n % 7 == round % 7 || n % 3 == 0 {
            say(&format!("kept {n}"));
        }
        if n % 211 == 100 {
            list.close().unwrap();
            list = open_list(folder, n);
        }
        if n % 401 == 300 {
            dict.compact().unwrap();
        }
    }
}

/// Through the folder, or alone by its path.
fn open_list(folder: &Folder, n: u64) -> List {
    if n.is_multiple_of(2) {
        folder.list("l").unwrap()
    } else {
        DiskList::builder("l").location(folder.path()).open().unwrap()
    }
}

/// Everything up to some step is there, each batch wholly or not at all; returns the next step of both.
fn next_steps(folder: &Folder) -> (u64, u64) {
    let (dict, list) = open(folder);
    let next = dict.len() as u64;
    for (at, entry) in dict.iter().enumerate() {
        let (n, found) = entry.unwrap();
        assert!(n == at as u64 && found == value(n), "entry {at}");
    }
    for (at, item) in list.iter().enumerate() {
        assert_eq!(item.unwrap(), at as u64 / 2);
    }
    (next, list.len() as u64)
}

#[test]
fn a_kill_at_any_moment_leaves_what_was_flushed_and_whole_batches() {
    let place = tempfile::tempdir().unwrap();
    let asked = std::env::var(ROUNDS).ok().and_then(|rounds| rounds.parse().ok());
    let rounds = asked.unwrap_or(if std::env::var("SPEEDUP_LONG").is_ok() { 60 } else { 8 });
    for round in 0..rounds {
        rounds::tell("kills in a folder", round, rounds);
        let mut working = child(place.path(), &round.to_string()).spawn().unwrap();
        let lines = BufReader::new(working.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut kept = lines.filter_map(|line| line.rsplit_once("kept ").and_then(|(_, n)| n.parse::<u64>().ok()));
        let told = kept.nth(5 + (round as usize * 67) % 160).unwrap();
        working.kill().unwrap();
        working.wait().unwrap();
        if round % 3 == 1 {
            // Another one is killed while it recovers.
            let mut opening = child(place.path(), "open").spawn().unwrap();
            let mut told = BufReader::new(opening.stdout.take().unwrap());
            if round % 2 == 0 {
                told.read_line(&mut String::new()).unwrap();
            }
            opening.kill().unwrap();
            opening.wait().unwrap();
        }
        let folder = Folder::open(place.path()).unwrap();
        let (mut dict_next, list_len) = next_steps(&folder);
        // The list was noted after the dict, and what is in one batch is in both.
        assert!(dict_next > told && list_len > 2 * told, "{dict_next} {list_len} of {told}");
        assert!(list_len == 2 * dict_next || (list_len + 2 >= 2 * dict_next && (dict_next - 1) % 3 != 0));
        let (mut dict, mut list) = open(&folder);
        while 2 * dict_next > list.len() as u64 {
            list.push(list.len() as u64 / 2).unwrap();
        }
        if round % 2 == 0 {
            step(&folder, &mut dict, &mut list, dict_next);
            dict_next += 1;
        }
        assert_eq!((dict.len() as u64, list.len() as u64), (dict_next, 2 * dict_next));
        let quiet = folder.dict::<u64, u64>("quiet").unwrap();
        assert!(quiet.get(&round).unwrap().is_some(), "round {round}");
        // What was opened last has the most to play.
        let shared = folder.list::<u64>("shared").unwrap();
        assert!(shared.iter().map(Result::unwrap).is_sorted());
    }
}

#[test]
fn all_structures_have_one_journal_and_one_lock() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    let (mut dict, mut list) = open(&folder);
    for n in 0..20 {
        step(&folder, &mut dict, &mut list, n);
    }
    dict.flush().unwrap();
    // All of it is there when the other process looks.
    for name in ["d.speedup", "l.speedup"] {
        assert!(journals(&place.path().join(name)).is_empty());
    }
    assert_eq!(journals(&place.path().join(".journal")).len(), 1);
    let other = child(place.path(), "in-use").output().unwrap();
    assert!(String::from_utf8_lossy(&other.stdout).contains("refused"), "{other:?}");
    list.close().unwrap();
    // Alone by its path it has the same journal.
    let mut list: List = DiskList::builder("l").location(place.path()).open().unwrap();
    assert!(!list.is_empty());
    list.push(20).unwrap();
    list.push(20).unwrap();
    assert!(journals(&place.path().join("l.speedup")).is_empty());
    drop((dict, list));
    assert_eq!(folder.names().unwrap(), ["d", "l"]);
    let read: speedup_runtime::disk::ReadOnly<List> =
        DiskList::builder("l").location(place.path()).open_read_only().unwrap();
    assert_eq!(read.len(), 42);
    // Nobody needs what was in it.
    let left: u64 = journals(&place.path().join(".journal")).iter().map(|path| path.metadata().unwrap().len()).sum();
    assert_eq!(left, 64);
}

#[test]
fn what_was_not_closed_is_only_opened_beside_its_journal_and_under_its_name() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    let (mut dict, mut list) = open(&folder);
    step(&folder, &mut dict, &mut list, 0);
    list.close().unwrap();
    let killed = copy_at_once(place.path());
    drop(dict);
    // What was closed goes anywhere, and has a journal of its own there.
    let elsewhere = tempfile::tempdir().unwrap();
    copy_all(&killed.path().join("l.speedup"), &elsewhere.path().join("m.speedup"));
    for count in 2..4 {
        let mut list: List = DiskList::builder("m").location(elsewhere.path()).open().unwrap();
        assert_eq!(list.len(), count);
        list.push(0).unwrap();
        assert_eq!(journals(&elsewhere.path().join("m.speedup")).len(), 1);
    }
    // What was not is refused: elsewhere, beside another journal, and under another name.
    let other = tempfile::tempdir().unwrap();
    drop(open(&Folder::open(other.path()).unwrap()));
    for target in [elsewhere.path().join("e.speedup"), other.path().join("e.speedup"), killed.path().join("e.speedup")]
    {
        copy_all(&killed.path().join("d.speedup"), &target);
        let builder = || Dict::builder("e").location(target.parent().unwrap());
        let refused = builder().open();
        assert!(matches!(refused, Err(Error::Apart { .. })), "{refused:?}");
        let refused = builder().open_read_only();
        assert!(matches!(refused, Err(Error::Unfinished { .. })), "{refused:?}");
        let (mut dict, report) = builder().repair().unwrap();
        assert!(report.truncated && dict.is_empty());
        dict.insert(3, value(3)).unwrap();
        drop(dict);
        assert_eq!(builder().open().unwrap().to_map().unwrap().into_iter().collect::<Vec<_>>(), [(3, value(3))]);
    }
    // And there it is.
    let (dict, list) = open(&Folder::open(killed.path()).unwrap());
    assert_eq!((dict.get(&0).unwrap(), list.len()), (Some(value(0)), 2));
}

// With little room nobody may need the file that is harmed.
#[cfg(not(speedup_tight))]
#[test]
fn damage_in_the_journal_is_found_by_every_structure_that_needs_it_and_repair_cuts_it_off() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    let (mut dict, mut list) = open(&folder);
    for n in 0..60 {
        step(&folder, &mut dict, &mut list, n);
    }
    dict.flush().unwrap();
    let killed = copy_at_once(place.path());
    let file = killed.path().join(".journal/journal.0");
    let whole = fs::read(&file).unwrap();
    let end = u64::from_le_bytes(whole[24..32].try_into().unwrap()) as usize;
    let places = [0, 9, 17, 25, 33, 64, 68, 72, 90].into_iter().chain((100..end).step_by(end / 12)).chain([end - 1]);
    for at in places {
        let copy = tempfile::tempdir().unwrap();
        copy_all(killed.path(), copy.path());
        let mut harmed = whole.clone();
        harmed[at] ^= 0x10;
        fs::write(copy.path().join(".journal/journal.0"), harmed).unwrap();
        let folder = Folder::open(copy.path()).unwrap();
        for refused in [folder.dict::<u64, Vec<u8>>("d").err(), folder.list::<u64>("l").err()] {
            assert!(matches!(refused, Some(Error::Damaged { .. })), "{at}: {refused:?}");
        }
        let (dict, report) = folder.dict_builder::<u64, Vec<u8>>("d").repair().unwrap();
        assert!(report.truncated, "{at}");
        let kept = dict.len() as u64;
        assert!(kept < 60 && dict.keys().map(Result::unwrap).eq(0..kept), "{at}");
        drop(dict);
        let (list, _) = folder.list_builder::<u64>("l").repair().unwrap();
        assert!(list.iter().enumerate().all(|(at, item)| item.unwrap() == at as u64 / 2), "{at}");
        drop(list);
        let (mut dict, mut list) = open(&folder);
        assert_eq!(dict.len() as u64, kept);
        step(&folder, &mut dict, &mut list, kept);
        drop((dict, list));
        assert_eq!(open(&folder).0.len() as u64, kept + 1);
    }
    // A file that is gone, or cut off.
    for len in [None, Some(0), Some(64), Some(end as u64 / 2)] {
        let copy = tempfile::tempdir().unwrap();
        copy_all(killed.path(), copy.path());
        let file = copy.path().join(".journal/journal.0");
        match len {
            None => fs::remove_file(&file).unwrap(),
            Some(len) => fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(len).unwrap(),
        }
        let refused = Folder::open(copy.path()).unwrap().dict::<u64, Vec<u8>>("d");
        assert!(matches!(refused, Err(Error::Damaged { .. } | Error::Apart { .. })), "{len:?}: {refused:?}");
    }
}

#[test]
fn a_structure_that_rests_does_not_keep_the_journal_from_being_begun_anew() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    let mut quiet = folder.dict::<u64, u64>("quiet").unwrap();
    quiet.insert(1, 1).unwrap();
    let busy = folder.dict::<u64, Vec<u8>>("busy").unwrap().shared();
    let first = place.path().join(".journal/journal.0");
    let mut count = 0;
    while first.exists() {
        busy.insert(count % 50, vec![count as u8; 1 << 20]).unwrap();
        count += 1;
        assert!(count < 2000, "the first file of the journal stays");
    }
    quiet.insert(2, 2).unwrap();
    quiet.flush().unwrap();
    let killed = copy_at_once(place.path());
    let folder = Folder::open(killed.path()).unwrap();
    let quiet = folder.dict::<u64, u64>("quiet").unwrap();
    assert_eq!(quiet.to_map().unwrap().into_iter().collect::<Vec<_>>(), [(1, 1), (2, 2)]);
    let found = folder.dict::<u64, Vec<u8>>("busy").unwrap();
    assert_eq!(found.get(&((count - 1) % 50)).unwrap(), Some(vec![(count - 1) as u8; 1 << 20]));
}

#[test]
fn threads_change_structures_of_one_folder_side_by_side() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let folder = &folder;
            scope.spawn(move || {
                let mut dict = folder.dict::<u64, Vec<u8>>(format!("d{thread}")).unwrap();
                let mut list = folder.list::<u64>(format!("l{thread}")).unwrap();
                for n in 0..150 {
                    step(folder, &mut dict, &mut list, n);
                    if n % 50 == 7 * thread {
                        dict.close().unwrap();
                        dict = folder.dict(format!("d{thread}")).unwrap();
                    }
                }
                list.flush().unwrap();
            });
        }
    });
    for thread in 0..4 {
        let dict = folder.dict::<u64, Vec<u8>>(format!("d{thread}")).unwrap();
        assert!(dict.iter().map(Result::unwrap).eq((0..150).map(|n| (n, value(n)))));
        assert_eq!(folder.list::<u64>(format!("l{thread}")).unwrap().len(), 300);
    }
}

#[test]
fn a_structure_that_lost_its_superblock_keeps_the_journal_that_a_repair_needs() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    let (mut dict, mut list) = open(&folder);
    for n in 0..60 {
        step(&folder, &mut dict, &mut list, n);
    }
    list.flush().unwrap();
    for harmed in [&["d"][..], &["l"], &["d", "l"]] {
        let killed = copy_at_once(place.path());
        for name in harmed {
            fs::remove_file(killed.path().join(format!("{name}.speedup/superblock"))).unwrap();
        }
        let folder = Folder::open(killed.path()).unwrap();
        for _ in 0..2 {
            drop(folder.list::<u64>("other").unwrap());
            let (dict, list) = (folder.dict::<u64, Vec<u8>>("d"), folder.list::<u64>("l"));
            assert!(matches!(dict, Err(Error::Damaged { .. })) == harmed.contains(&"d"), "{dict:?}");
            assert!(matches!(list, Err(Error::Damaged { .. })) == harmed.contains(&"l"), "{list:?}");
        }
        let (dict, about_dict) = folder.dict_builder::<u64, Vec<u8>>("d").repair().unwrap();
        let (list, about_list) = folder.list_builder::<u64>("l").repair().unwrap();
        assert!(!about_dict.truncated && !about_list.truncated, "{harmed:?}");
        drop((dict, list));
        assert_eq!(next_steps(&folder), (60, 120), "{harmed:?}");
    }
}

/// The parent goes on, closes and opens again while a child of it lives, which has let go of what it inherited or keeps it.
#[cfg(unix)]
fn fork(folder: &Folder) {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    let mut next = 0;
    for lets_go in [true, false] {
        let (mut dict, mut list) = open(folder);
        step(folder, &mut dict, &mut list, next);
        let (mut here, mut there) = UnixStream::pair().unwrap();
        // SAFETY: this process has no thread that holds a lock which the child needs.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: ends the child if it hangs.
            unsafe { libc::alarm(60) };
            drop(here);
            let is_refused = matches!(dict.insert(7, vec![]), Err(Error::Forked { .. }))
                && matches!(list.close(), Err(Error::Forked { .. }))
                && matches!(folder.dict::<u64, u64>("other"), Err(Error::InUse { .. }));
            if lets_go {
                drop(dict);
            } else {
                std::mem::forget(dict);
            }
            there.write_all(&[is_refused.into()]).unwrap();
            let _ended = there.read(&mut [0]);
            // SAFETY: nothing of this process is to be cleaned up by the child.
            unsafe { libc::_exit(0) };
        }
        drop(there);
        let mut told = [0];
        here.read_exact(&mut told).unwrap();
        assert_eq!(told, [1]);
        step(folder, &mut dict, &mut list, next + 1);
        list.close().unwrap();
        dict.close().unwrap();
        let (mut dict, mut list) = open(folder);
        step(folder, &mut dict, &mut list, next + 2);
        next += 3;
        assert_eq!((dict.len() as u64, list.len() as u64), (next, 2 * next));
        drop(here);
        // SAFETY: the child is ours, and nothing else waits for it.
        assert_eq!(unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) }, child);
    }
    say("went on");
}

#[cfg(unix)]
#[test]
fn a_fork_neither_disturbs_a_folder_nor_keeps_it() {
    let place = tempfile::tempdir().unwrap();
    let forking = child(place.path(), "fork").output().unwrap();
    assert!(String::from_utf8_lossy(&forking.stdout).contains("went on"), "{forking:?}");
    assert_eq!(next_steps(&Folder::open(place.path()).unwrap()), (6, 12));
}

type Written = (DiskDict<(String, i32), Option<f64>>, DiskList<Vec<u8>>);

fn fixture(folder: &Folder) -> Written {
    (folder.dict("dict").unwrap(), folder.list("list").unwrap())
}

/// A folder as an earlier version left it: some operations are in the journals.
fn earlier(written: &str) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    copy_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(written), place.path());
    place
}

#[test]
fn structures_of_earlier_formats_come_into_a_folder_also_when_that_is_killed() {
    for written in ["disk-format-1", "disk-format-1-spare", "disk-format-2", "disk-format-3", "disk-format-4"] {
        for round in 0..4 {
            let place = earlier(written);
            let mut upgrading = child(place.path(), "upgrade").spawn().unwrap();
            let mut lines = BufReader::new(upgrading.stdout.take().unwrap()).lines().map(Result::unwrap);
            // In the first round it is killed while it opens, in the last it ends.
            let changed = round > 0 && lines.any(|line| line.contains("changed")) && round > 2;
            if round < 3 {
                upgrading.kill().unwrap();
            }
            upgrading.wait().unwrap();
            let folder = Folder::open(place.path()).unwrap();
            let (mut dict, mut list) = fixture(&folder);
            let later = dict.remove(&("later".into(), 1)).unwrap();
            assert!(later.is_some() || !changed);
            assert_eq!(dict.len(), 600);
            assert!((400..=401).contains(&list.len()));
            assert_eq!(list.get(100).unwrap(), Some(vec![100; 5000]));
            let mut batch = folder.batch();
            batch.dict(&mut dict, |dict| dict.insert(("both".into(), 0), None)).unwrap();
            batch.list(&mut list, |list| list.truncate(7)).unwrap();
            batch.commit().unwrap();
            let killed = copy_at_once(place.path());
            let (dict, list) = fixture(&Folder::open(killed.path()).unwrap());
            assert_eq!((dict.len(), list.len()), (601, 7));
            assert!(journals(&place.path().join("dict.speedup")).is_empty());
        }
    }
}
