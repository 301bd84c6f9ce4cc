//! A full disk and a killed process: typed errors, nothing lost that was flushed, and all is well once there is room again.
//!
//! A disk is made full in two ways, in a child process: a file system in memory of a few megabytes, where this user may mount one, and a
//! limit on the size of each file, everywhere.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use speedup_runtime::disk::{DiskDict, DiskList, Error};

/// Set in a child: `FILLER FOLDER`, `TMPFS FOLDER`, `STAMPS FOLDER`, or `STOPPED FOLDER`.
const TASK: &str = "SPEEDUP_FULL_TASK";

type Dict = DiskDict<u64, Vec<u8>>;
type List = DiskList<Vec<u8>>;

fn open(folder: &Path) -> Result<(Dict, List), Error> {
    let dict = DiskDict::builder("d").location(folder).write_buffer(1 << 16).open()?;
    Ok((dict, DiskList::builder("l").location(folder).open()?))
}

fn key(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn value(n: u64) -> Vec<u8> {
    vec![n as u8; 300]
}

/// Adds items until the disk refuses; returns how many were flushed by then, and the refusal.
fn fill(folder: &Path) -> (u64, Error) {
    let mut flushed = 0;
    let mut go_on = || -> Result<(), Error> {
        let (mut dict, mut list) = open(folder)?;
        flushed = list.len().min(dict.len()) as u64;
        for n in flushed.. {
            dict.insert(key(n), value(n))?;
            if list.len() as u64 == n {
                list.push(value(n))?;
            }
            if n % 40 == 39 {
                dict.flush()?;
                list.flush()?;
                flushed = n + 1;
            }
            if n % 1500 == 1499 {
                dict.compact()?;
                list.compact()?;
            }
        }
        Ok(())
    };
    let refusal = go_on().expect_err("no disk is endless");
    (flushed, refusal)
}

/// A copy that found no room is gone.
fn has_one_generation(folder: &Path) -> bool {
    ["d.speedup", "l.speedup"].iter().all(|name| {
        let names = fs::read_dir(folder.join(name)).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("pages.")).count() == 1
    })
}

/// Everything up to `flushed` is there, and more can be added.
fn check(folder: &Path, flushed: u64) {
    let (mut dict, mut list) = open(folder).expect("it opens when there is room again");
    assert!(list.len() as u64 >= flushed && dict.len() as u64 >= flushed, "{} {} {flushed}", list.len(), dict.len());
    for n in 0..list.len() as u64 {
        assert_eq!(list.get(n as usize).unwrap(), Some(value(n)));
    }
    for n in 0..dict.len() as u64 {
        assert_eq!(dict.get(&key(n)).unwrap(), Some(value(n)));
    }
    assert_eq!(dict.iter().filter(Result::is_ok).count(), dict.len());
    dict.insert(1, vec![1]).unwrap();
    dict.remove(&1).unwrap();
    list.push(vec![1]).unwrap();
    list.pop().unwrap();
    dict.close().unwrap();
    list.close().unwrap();
}

fn is_full(error: &Error) -> bool {
    matches!(error, Error::DiskFull { .. })
}

#[test]
fn child() {
    let Ok(task) = std::env::var(TASK) else { return };
    let (what, folder) = task.split_once(' ').expect("a task and a folder");
    let folder = Path::new(folder);
    match what {
        "TMPFS" => {
            for megabytes in 1..=4 {
                let (ballast, inside) = (folder.join("ballast"), folder.join(megabytes.to_string()));
                fs::write(&ballast, vec![1; megabytes << 20]).unwrap();
                let (flushed, refusal) = fill(&inside);
                assert!(is_full(&refusal) && has_one_generation(&inside), "{refusal:?}");
                fs::remove_file(&ballast).unwrap();
                check(&inside, flushed);
                fs::remove_dir_all(&inside).unwrap();
                let mut output = std::io::stdout();
                writeln!(output, "@ {megabytes} MiB less: {flushed} items").unwrap();
            }
        }
        "FILLER" => {
            let (flushed, refusal) = fill(folder);
            assert!(is_full(&refusal) && has_one_generation(folder), "{refusal:?}");
            let mut output = std::io::stdout();
            writeln!(output, "\n@ {flushed}").unwrap();
        }
        "STAMPS" => stamp(folder),
        _ => stop_what_writes_behind(folder),
    }
}

/// This program's `child`, behind some commands of the shell.
fn child_of(before: &str, task: &str) -> Command {
    let this = std::env::current_exe().unwrap();
    let mut command = Command::new("sh");
    let exec = format!("{before} exec '{}' --exact child --nocapture --test-threads=1", this.display());
    command.args(["-c", &exec]).env(TASK, task).stderr(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_limit_on_every_file_is_a_full_disk() {
    // In units of 512 bytes: what does not fit is sled's file, then a page file, then a journal.
    for limit in [256, 1100, 2200, 5000] {
        let folder = tempfile::tempdir().unwrap();
        let task = format!("FILLER {}", folder.path().display());
        let output = child_of(&format!("trap '' XFSZ; ulimit -f {limit};"), &task).output().unwrap();
        let said = text(&output);
        assert!(output.status.success(), "limit {limit}: {said}");
        let flushed = said.lines().find_map(|line| line.strip_prefix("@ ")).expect(&said);
        check(folder.path(), flushed.parse().unwrap());
    }
}

#[test]
fn a_full_file_system_is_a_typed_error_and_leaves_what_was_flushed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    let can = Command::new("unshare").args(["-m", "true"]).output().is_ok_and(|output| output.status.success());
    if !can {
        // Not everybody may mount; the limit on files above is tested for all.
        return;
    }
    let this = std::env::current_exe().unwrap();
    let mount = format!("mount -t tmpfs -o size=9m none '{at}' && exec '{}' --exact child --nocapture", this.display());
    let mut command = Command::new("unshare");
    let output = command.args(["-m", "sh", "-c", &mount]).env(TASK, format!("TMPFS {at}")).output().unwrap();
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches("MiB less").count(), 4, "{said}");
}

/// Adds the time of each push, about one a millisecond as a program at leisure does, and never flushes; the parent kills.
fn stamp(folder: &Path) {
    let mut list = DiskList::<u64>::builder("stamps").location(folder).open().unwrap();
    let start = Instant::now();
    loop {
        let now = start.elapsed().as_millis() as u64;
        list.push(now).unwrap();
        // Straight to the file: the harness keeps what is printed.
        let mut output = std::io::stdout();
        writeln!(output, "\n@ {now}").unwrap();
        while start.elapsed().as_millis() as u64 == now {
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_kill_loses_at_most_the_last_half_second() {
    for rounds in [200, 700, 1100] {
        let folder = tempfile::tempdir().unwrap();
        let task = format!("STAMPS {}", folder.path().display());
        let mut child = child_of("", &task).spawn().unwrap();
        let mut last = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            last = line.strip_prefix("@ ").map_or(last, |stamp| stamp.parse().unwrap());
            if last >= rounds {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let list = DiskList::<u64>::builder("stamps").location(folder.path()).open().unwrap();
        let found = list.last().unwrap().unwrap_or(0);
        // Both times are the child's own, so what this machine does meanwhile does not matter, unless it keeps a write waiting.
        assert!(found + 500 >= last, "the last push before the kill was at {last} ms, the last one kept at {found} ms");
        assert!(list.iter().map(Result::unwrap).is_sorted());
    }
}

/// Adds items until the journal gets longer, while the thread that writes it behind is stopped; then ends as after a kill.
fn stop_what_writes_behind(folder: &Path) {
    /// What a thread does from the signal on.
    extern "C" fn stop(_: i32) {
        loop {
            // SAFETY: waits, which a handler may.
            unsafe { libc::pause() };
        }
    }
    let mut list = DiskList::<u64>::builder("l").location(folder).open().unwrap();
    list.push(0).unwrap();
    let is_writer = |task: &PathBuf| fs::read_to_string(task.join("comm")).is_ok_and(|name| name == "speedup-disk\n");
    let find = || fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path()).find(is_writer);
    // It gives itself its name.
    let writer = std::iter::repeat_with(find).flatten().next().expect("a thread that writes behind");
    let writer: i32 = writer.file_name().unwrap().to_str().unwrap().parse().unwrap();
    let stop = stop as extern "C" fn(i32);
    // SAFETY: the handler takes no lock and never comes back; the thread is one of this process, which ends if it hangs.
    unsafe {
        libc::alarm(120);
        libc::signal(libc::SIGUSR1, stop as usize);
        assert_eq!(libc::syscall(libc::SYS_tgkill, libc::getpid(), writer, libc::SIGUSR1), 0);
    }
    let written = || fs::metadata(folder.join("l.speedup/journal.0")).unwrap().len();
    let (before, mut pushed) = (written(), 0);
    // So few that they fill no frame of the journal, which would be written at once.
    while written() == before && pushed < 4000 {
        std::thread::sleep(Duration::from_millis(1));
        pushed += 1;
        list.push(pushed).unwrap();
    }
    let mut output = std::io::stdout();
    writeln!(output, "\n@ {pushed}").unwrap();
    // SAFETY: nothing of this process is to be cleaned up.
    unsafe { libc::_exit(0) };
}

#[test]
fn while_the_thread_that_writes_behind_is_kept_from_it_a_change_that_comes_late_writes_all() {
    let folder = tempfile::tempdir().unwrap();
    let output = child_of("", &format!("STOPPED {}", folder.path().display())).output().unwrap();
    let said = text(&output);
    let pushed = said.lines().find_map(|line| line.strip_prefix("@ ")).expect(&said).parse().unwrap();
    let list = DiskList::<u64>::builder("l").location(folder.path()).open().unwrap();
    assert_eq!(list.last().unwrap(), Some(pushed), "{said}");
}
