//! Changes of several structures of one folder as one step, also when the process is killed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use speedup_runtime::disk::{DiskDict, DiskList, Error, Folder};

type Accounts = DiskDict<u32, i64>;

const FOLDER: &str = "SPEEDUP_JOINT_FOLDER";

fn open(path: &Path) -> (Folder, Accounts, Accounts, DiskList<(u32, i64)>) {
    let folder = Folder::open(path).unwrap();
    let dict = |name: &str| folder.dict_builder(name).write_buffer(1 << 12).open().unwrap();
    (folder.clone(), dict("here"), dict("there"), folder.list("log").unwrap())
}

/// Transfer `n` between the accounts of two dicts.
fn transfer(folder: &Folder, (here, there): (&mut Accounts, &mut Accounts), log: &mut DiskList<(u32, i64)>, n: u32) {
    let (account, amount) = (n * 7919 % 50, i64::from(n) + 1);
    let left = here.get(&account).unwrap().unwrap_or(0) - amount;
    let right = there.get(&account).unwrap().unwrap_or(0) + amount;
    let mut batch = folder.batch();
    batch.dict(here, |here| here.insert(account, left)).unwrap();
    batch.dict(there, |there| there.insert(account, right)).unwrap();
    batch.list(log, |log| log.push((account, amount))).unwrap();
    batch.commit().unwrap();
}

/// How many transfers were made; all three structures agree about it.
fn made(here: &Accounts, there: &Accounts, log: &DiskList<(u32, i64)>) -> u32 {
    let mut sums = std::collections::BTreeMap::new();
    for entry in log {
        let (account, amount) = entry.unwrap();
        *sums.entry(account).or_insert(0) += amount;
    }
    assert_eq!(there.to_map().unwrap(), sums);
    assert!(here.iter().map(Result::unwrap).eq(sums.into_iter().map(|(account, sum)| (account, -sum))));
    log.len() as u32
}

#[test]
fn several_structures_change_together() {
    let place = tempfile::tempdir().unwrap();
    let (folder, mut here, mut there, mut log) = open(place.path());
    for n in 0..20 {
        transfer(&folder, (&mut here, &mut there), &mut log, n);
    }
    assert_eq!(made(&here, &there, &log), 20);
    folder.batch().commit().unwrap();
    // What is not committed is not made.
    let mut batch = folder.batch();
    batch.dict(&mut here, |here| here.insert(1, 1)).unwrap();
    drop(batch);
    drop((here, there, log));
    let (_, here, there, log) = open(place.path());
    assert_eq!(made(&here, &there, &log), 20);
    assert_eq!(folder.names().unwrap(), ["here", "log", "there"]);
}

#[test]
fn what_cannot_be_made_changes_nothing() {
    let (place, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (folder, mut here, there, _) = open(place.path());
    let mut elsewhere = Folder::open(other.path()).unwrap().dict::<u32, i64>("d").unwrap();
    let mut short = folder.list_builder::<u64>("short").maxlen(2).open().unwrap();
    let mut large = folder.dict::<String, u8>("large").unwrap();
    let mut batch = folder.batch();
    batch.dict(&mut here, |here| here.insert(1, 1)).unwrap();
    let refused = batch.dict(&mut elsewhere, |dict| dict.insert(1, 1));
    assert!(matches!(refused, Err(Error::OtherFolder { .. })), "{refused:?}");
    let refused = batch.list(&mut short, |list| (0..3).for_each(|n| list.insert(0, n)));
    assert!(matches!(refused, Err(Error::Full { maxlen: 2 })), "{refused:?}");
    batch.dict(&mut large, |large| large.insert("x".repeat(20_000), 1)).unwrap();
    let refused = batch.commit();
    assert!(matches!(refused, Err(Error::KeyTooLarge { .. })), "{refused:?}");
    assert!(here.is_empty() && short.is_empty() && large.is_empty() && elsewhere.is_empty());
    here.close().unwrap();
    let mut here = folder.dict::<u32, i64>("here").unwrap();
    here.insert(1, 1).unwrap();
    there.close().unwrap();
}

/// Makes transfers until it is killed.
#[test]
fn child() {
    let Ok(path) = std::env::var(FOLDER) else { return };
    let (folder, mut here, mut there, mut log) = open(Path::new(&path));
    for n in log.len() as u32.. {
        transfer(&folder, (&mut here, &mut there), &mut log, n);
        writeln!(std::io::stdout(), "made {}", n + 1).unwrap();
    }
}

#[test]
fn a_kill_at_any_moment_leaves_whole_batches() {
    let place = tempfile::tempdir().unwrap();
    let mut before = 0;
    for round in 0..8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(FOLDER, place.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let number = |line: String| line.rsplit("made ").next()?.parse::<u32>().ok().filter(|_| line.contains("made "));
        let told = lines.filter_map(number).nth(3 + 5 * round).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let (_, here, there, log) = open(place.path());
        let made = made(&here, &there, &log);
        assert!(made >= told && made > before, "{made} of {told} in round {round}");
        before = made;
    }
}
