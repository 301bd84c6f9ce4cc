//! What a process does beside reading and writing: it forks, exits, moves folders about, and finds no thread.
//!
//! Each test starts this program again as a child that plays one scene, told by [`SCENE`], in the folder [`FOLDER`].

#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use speedup_runtime::disk::{DiskDict, DiskList, Error, Shared};

const SCENE: &str = "SPEEDUP_PROCESS_SCENE";
const FOLDER: &str = "SPEEDUP_PROCESS_FOLDER";

type Dict = DiskDict<u64, u64>;

fn dict(folder: &Path, name: &str) -> Result<Dict, Error> {
    DiskDict::builder(name).location(folder).open()
}

fn list(folder: &Path, name: &str) -> DiskList<u64> {
    DiskList::builder(name).location(folder).open().unwrap()
}

/// Plays a scene in a process of its own.
fn play(scene: &str, folder: &Path) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "scene", "--nocapture", "--test-threads=1"]).env(SCENE, scene).env(FOLDER, folder);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{scene}: {} {said}", output.status);
}

#[test]
fn scene() {
    let Ok(scene) = std::env::var(SCENE) else { return };
    let folder = PathBuf::from(std::env::var(FOLDER).unwrap());
    match scene.as_str() {
        "fork and use" => fork_and_use(&folder),
        "fork and go on" => fork_and_go_on(&folder),
        "fork and exit" => fork_and_exit(&folder),
        "fork in the middle" => fork_in_the_middle(&folder),
        "exit with a static" => exit_with_a_static(&folder),
        "exit in use" => exit_in_use(&folder),
        "no thread" => no_thread(&folder),
        "no thread for the first" => no_thread_for_the_first(&folder),
        "many" => many(&folder),
        "full disk" => full_disk(&folder),
        other => panic!("there is no scene {other:?}"),
    }
}

/// Runs `part` in a fork, which must end by itself with success.
fn in_fork(part: impl FnOnce()) {
    // SAFETY: this process has no thread that holds a lock which the child needs.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: ends the child if it hangs.
        unsafe { libc::alarm(30) };
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(part));
        // SAFETY: nothing of this process is to be cleaned up by the child.
        unsafe { libc::_exit(if done.is_ok() { 0 } else { 1 }) };
    }
    assert_eq!(wait(child), 0);
}

fn wait(child: i32) -> i32 {
    let mut status = 0;
    // SAFETY: waits for a child of this process.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    status
}

fn is_forked<T: std::fmt::Debug>(result: Result<T, Error>) {
    let owner = std::os::unix::process::parent_id();
    assert!(matches!(&result, Err(Error::Forked { owner: named, .. }) if *named == owner), "{result:?}");
}

fn fork_and_use(folder: &Path) {
    let mut dict = dict(folder, "d").unwrap();
    let mut list = list(folder, "l");
    for n in 0..5000 {
        dict.insert(n * 7919 % 5003, n).unwrap();
        list.push(n).unwrap();
    }
    list.flush().unwrap();
    in_fork(|| {
        is_forked(dict.insert(1, 2));
        is_forked(dict.get(&1));
        is_forked(dict.remove(&1));
        is_forked(dict.flush());
        is_forked(dict.compact());
        is_forked(dict.update(&1, |_| ()));
        is_forked(dict.iter().next().unwrap());
        is_forked(list.push(1));
        is_forked(list.sort());
        is_forked(list.get(0));
        assert_eq!(dict.path(), folder.join("d.speedup"));
        // SAFETY: the child has memory of its own, and leaves without dropping what it was forked with.
        let (dict, list) = unsafe { (std::ptr::read(&dict), std::ptr::read(&list)) };
        is_forked(dict.close());
        drop(list);
        let opened = self::dict(folder, "d");
        assert!(matches!(opened, Err(Error::InUse { .. })), "{opened:?}");
    });
    dict.insert(9, 9).unwrap();
    list.push(5000).unwrap();
    dict.close().unwrap();
    list.close().unwrap();
}

#[test]
fn a_fork_does_nothing_to_what_its_parent_opened() {
    let folder = tempfile::tempdir().unwrap();
    play("fork and use", folder.path());
    let dict = dict(folder.path(), "d").unwrap();
    assert_eq!((dict.len(), dict.get(&9).unwrap()), (5000, Some(9)));
    assert_eq!(list(folder.path(), "l").to_vec().unwrap(), (0..=5000).collect::<Vec<_>>());
}

fn fork_and_go_on(folder: &Path) {
    let mut opened = dict(folder, "d").unwrap();
    opened.insert(1, 1).unwrap();
    let (mut ends, mut byte) = ([0; 2], 0_u8);
    // SAFETY: makes a pipe, forks, and has the child wait for the pipe alone.
    let child = unsafe {
        assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
        let child = libc::fork();
        if child == 0 {
            libc::alarm(60);
            libc::close(ends[1]);
            libc::read(ends[0], (&raw mut byte).cast(), 1);
            libc::_exit(0);
        }
        child
    };
    // The child never mentions the dict, and still shares its locks.
    opened.close().unwrap();
    let mut opened = dict(folder, "d").unwrap();
    opened.insert(2, 2).unwrap();
    opened.close().unwrap();
    // SAFETY: lets the child go.
    unsafe { libc::close(ends[1]) };
    assert_eq!(wait(child), 0);
}

#[test]
fn a_fork_keeps_no_lock_that_its_parent_gave_up() {
    let folder = tempfile::tempdir().unwrap();
    play("fork and go on", folder.path());
    assert_eq!(dict(folder.path(), "d").unwrap().len(), 2);
}

fn fork_and_exit(folder: &Path) {
    let mut opened = dict(folder, "d").unwrap();
    opened.insert(1, 1).unwrap();
    let before = opened.size_on_disk().unwrap();
    // SAFETY: as in `in_fork`; the child runs the hooks of a normal exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: ends the child if it hangs.
        unsafe { libc::alarm(30) };
        std::process::exit(0);
    }
    assert_eq!(wait(child), 0);
    assert_eq!(opened.size_on_disk().unwrap(), before);
    in_fork(|| {
        // Here there are none of the threads that were started for the first structure.
        let other = dict(folder, "other");
        assert!(matches!(other, Err(Error::AfterFork { .. })), "{other:?}");
    });
    opened.insert(2, 2).unwrap();
    opened.close().unwrap();
    assert_eq!(dict(folder, "d").unwrap().len(), 2);
}

#[test]
fn a_fork_that_exits_writes_nothing_and_one_that_opens_is_told_why_not() {
    play("fork and exit", tempfile::tempdir().unwrap().path());
}

fn fork_in_the_middle(folder: &Path) {
    let opened = dict(folder, "d").unwrap().shared();
    let (stop, busy) = (&std::sync::atomic::AtomicBool::new(false), &std::sync::Barrier::new(2));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            busy.wait();
            for n in 0.. {
                opened.lock().insert(n * 7919 % 100_003, n).unwrap();
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
            }
        });
        busy.wait();
        for _ in 0..40 {
            in_fork(|| {
                // SAFETY: the child has memory of its own, and leaves without dropping what it was forked with.
                let mine = unsafe { std::ptr::read(&opened) };
                drop(mine);
            });
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn a_fork_in_the_middle_of_a_change_can_let_go() {
    let folder = tempfile::tempdir().unwrap();
    play("fork in the middle", folder.path());
    let dict = dict(folder.path(), "d").unwrap();
    assert_eq!(dict.iter().map(Result::unwrap).count(), dict.len());
}

static KEPT: OnceLock<Shared<Dict>> = OnceLock::new();

fn exit_with_a_static(folder: &Path) {
    let kept = KEPT.get_or_init(|| dict(folder, "d").unwrap().shared());
    for n in 0..1000 {
        kept.lock().insert(n, n).unwrap();
    }
}

#[test]
fn what_was_inserted_before_a_normal_exit_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    play("exit with a static", folder.path());
    assert_eq!(dict(folder.path(), "d").unwrap().len(), 1000);
}

fn exit_in_use(folder: &Path) {
    let kept = KEPT.get_or_init(|| dict(folder, "d").unwrap().shared());
    let mut other = dict(folder, "other").unwrap();
    let mut guard = kept.lock();
    guard.insert(1, 1).unwrap();
    for n in 0..1000 {
        other.insert(n, n).unwrap();
    }
    // With a structure in use, and on another thread.
    std::thread::scope(|scope| {
        scope.spawn(|| std::process::exit(0));
    });
}

#[test]
fn a_structure_in_use_does_not_keep_the_process_from_exiting_nor_others_from_being_saved() {
    let folder = tempfile::tempdir().unwrap();
    play("exit in use", folder.path());
    assert_eq!(dict(folder.path(), "other").unwrap().len(), 1000);
    assert_eq!(dict(folder.path(), "d").unwrap().len(), 1);
}

/// Lets this process have no memory for another thread.
fn forbid_threads() {
    let pages: u64 = fs::read_to_string("/proc/self/statm").unwrap().split(' ').next().unwrap().parse().unwrap();
    let most = pages * 4096 + (1 << 20);
    // SAFETY: only lowers a limit.
    unsafe { libc::setrlimit(libc::RLIMIT_AS, &libc::rlimit { rlim_cur: most, rlim_max: most }) };
    assert!(std::thread::Builder::new().spawn(|| ()).is_err(), "threads can still be had");
}

fn no_thread(folder: &Path) {
    let mut opened = dict(folder, "d").unwrap();
    forbid_threads();
    opened.insert(1, 1).unwrap();
    opened.insert(2, 2).unwrap();
    // As after a kill.
    // SAFETY: nothing of this process is to be cleaned up.
    unsafe { libc::_exit(0) };
}

fn no_thread_for_the_first(folder: &Path) {
    forbid_threads();
    let refused = dict(folder, "d");
    assert!(matches!(refused, Err(Error::NoThread { .. })), "{refused:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_thread_to_write_behind_every_change_is_written_at_once() {
    let folder = tempfile::tempdir().unwrap();
    play("no thread", folder.path());
    assert_eq!(dict(folder.path(), "d").unwrap().len(), 2);
    let folder = tempfile::tempdir().unwrap();
    play("no thread for the first", folder.path());
    assert!(dict(folder.path(), "d").unwrap().is_empty());
}

#[cfg(target_os = "linux")]
fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[cfg(not(target_os = "linux"))]
fn many(_: &Path) {}

#[cfg(target_os = "linux")]
fn many(folder: &Path) {
    let open = |n: usize| dict(folder, &format!("d{n}")).unwrap();
    let with_ten: Vec<Dict> = (0..10).map(open).collect();
    let few = threads();
    let mut all: Vec<Dict> = with_ten.into_iter().chain((10..100).map(open)).collect();
    for dict in &mut all {
        dict.extend((0..2000).map(|n| (n * 7919 % 20_011, n))).unwrap();
        dict.flush().unwrap();
    }
    // One of ours, and those of the engine, which come and go.
    assert!(threads() <= few + 8, "{} threads for ten structures, {} for a hundred", few, threads());
    drop(all);
    let before = resident();
    let all: Vec<Dict> = (0..100).map(open).collect();
    for dict in &all {
        assert!(dict.get(&7919).unwrap().is_some());
    }
    let each = (resident() - before.min(resident())) / 100;
    assert!(each < 1 << 20, "{each} bytes for each structure at rest");
}

#[test]
fn many_structures_take_few_threads_and_little_memory() {
    play("many", tempfile::tempdir().unwrap().path());
}

fn full_disk(folder: &Path) {
    // SAFETY: from here on no file can be written, and that is an error, not a signal.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        libc::setrlimit(libc::RLIMIT_FSIZE, &libc::rlimit { rlim_cur: 0, rlim_max: 0 });
    }
    let mut dict = dict(folder, "d").unwrap();
    assert_eq!(dict.get(&4000).unwrap(), Some(4000));
    assert_eq!(dict.iter().map(Result::unwrap).count(), 5000);
    let list = list(folder, "l");
    assert_eq!(list.to_vec().unwrap(), (0..5000).collect::<Vec<_>>());
    list.close().unwrap();
    dict.insert(1, 2).unwrap();
    let refused = dict.flush();
    assert!(matches!(refused, Err(Error::DiskFull { .. })), "{refused:?}");
}

#[test]
fn what_was_closed_can_be_read_on_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let mut dict = dict(folder.path(), "d").unwrap();
    dict.extend((0..5000).map(|n| (n, n))).unwrap();
    dict.close().unwrap();
    let mut list = list(folder.path(), "l");
    list.extend(0..5000).unwrap();
    list.close().unwrap();
    play("full disk", folder.path());
    assert_eq!(self::dict(folder.path(), "d").unwrap().get(&1).unwrap(), Some(1));
}

#[test]
fn the_spare_stays_as_small_as_the_directory_however_often_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..40 {
        let mut dict = dict(folder.path(), "d").unwrap();
        for n in 0..100 {
            dict.insert((round * 100 + n) * 7919 % 100_003, n).unwrap();
        }
        if round == 0 {
            dict.extend((200_000..300_000).map(|n| (n, n))).unwrap();
        }
        dict.close().unwrap();
    }
    let spare = fs::metadata(folder.path().join("d.speedup/spare.0")).unwrap().len();
    assert!(spare < 400 << 10, "{spare} bytes");
}

fn is_replaced<T: std::fmt::Debug>(result: Result<T, Error>) {
    assert!(matches!(result, Err(Error::Replaced { .. })), "{result:?}");
}

#[test]
fn a_folder_that_was_replaced_while_open_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let mut old = dict(folder.path(), "d").unwrap();
    old.insert(1, 1).unwrap();
    fs::rename(folder.path().join("d.speedup"), folder.path().join("moved.speedup")).unwrap();
    let mut new = dict(folder.path(), "d").unwrap();
    new.insert(7, 7).unwrap();
    new.flush().unwrap();
    old.insert(2, 2).unwrap();
    is_replaced(old.compact());
    is_replaced(old.flush());
    is_replaced(old.size_on_disk());
    is_replaced(old.close());
    new.insert(8, 8).unwrap();
    new.close().unwrap();
    assert_eq!(dict(folder.path(), "d").unwrap().keys().collect::<Result<Vec<_>, _>>().unwrap(), [7, 8]);
    assert_eq!(dict(folder.path(), "moved").unwrap().keys().collect::<Result<Vec<_>, _>>().unwrap(), [1, 2]);
}

#[test]
fn a_list_whose_folder_is_gone_says_so_and_leaves_no_file_behind() {
    let outer = tempfile::tempdir().unwrap();
    let (here, there) = (outer.path().join("here"), outer.path().join("there"));
    let mut moved = list(&here, "l");
    moved.extend(0..100).unwrap();
    fs::rename(&here, &there).unwrap();
    is_replaced(moved.sort());
    is_replaced(moved.retain(|_| true));
    drop(moved);
    assert!(!here.exists());
    let mut removed = list(&there, "l");
    assert_eq!(removed.len(), 100);
    removed.push(100).unwrap();
    fs::remove_dir_all(&there).unwrap();
    is_replaced(removed.flush());
    drop(removed);
    assert!(!there.exists());
}

#[test]
fn a_deleted_lock_file_lets_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut held = dict(folder.path(), "d").unwrap();
    held.insert(1, 1).unwrap();
    fs::remove_file(folder.path().join("d.speedup/lock")).unwrap();
    let second = dict(folder.path(), "d");
    assert!(matches!(second, Err(Error::InUse { .. })), "{second:?}");
    held.close().unwrap();
    assert_eq!(dict(folder.path(), "d").unwrap().len(), 1);
}
