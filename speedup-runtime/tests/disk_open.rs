//! What an open folder may meet: each case is a typed error that leaves the data alone, or is put right.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use speedup_runtime::disk::{DiskDict, DiskList, Error};

fn dict(folder: &Path) -> Result<DiskDict<u32, String>, Error> {
    DiskDict::builder("x").location(folder).open()
}

fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut dict = dict(folder.path()).unwrap();
    dict.insert(1, "one".into()).unwrap();
    dict.close().unwrap();
    folder
}

fn still_there(folder: &Path) {
    assert_eq!(dict(folder).unwrap().get(&1).unwrap().as_deref(), Some("one"));
}

#[test]
fn a_second_handle_is_refused_and_names_the_holder() {
    let folder = filled();
    let first = dict(folder.path()).unwrap();
    match dict(folder.path()) {
        Err(Error::InUse { holder, .. }) => assert_eq!(holder, "another handle of this process"),
        other => panic!("{other:?}"),
    }
    drop(first);
    still_there(folder.path());
}

#[test]
fn a_folder_can_be_opened_again_at_once() {
    let folder = filled();
    for turn in 0..20 {
        let mut dict = dict(folder.path()).unwrap();
        dict.insert(turn + 10, "again".into()).unwrap();
    }
    assert_eq!(dict(folder.path()).unwrap().len(), 21);
}

#[test]
fn another_kind_or_type_is_refused() {
    let folder = filled();
    let list = DiskList::<String>::builder("x").location(folder.path()).open();
    assert!(matches!(list, Err(Error::WrongKind { found: "DiskDict", .. })), "{list:?}");
    let key = DiskDict::<i32, String>::builder("x").location(folder.path()).open();
    assert!(matches!(key, Err(Error::WrongType { part: "key", .. })), "{key:?}");
    let value = DiskDict::<u32, u64>::builder("x").location(folder.path()).open();
    assert!(matches!(value, Err(Error::WrongType { part: "value", .. })), "{value:?}");
    let value = DiskDict::<u32, Vec<u8>>::builder("x").location(folder.path()).open();
    assert!(matches!(value, Err(Error::WrongType { part: "value", .. })), "{value:?}");
    still_there(folder.path());
}

#[test]
fn types_are_told_apart_by_what_they_read_not_by_where_they_live() {
    mod one {
        #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub(super) struct Point {
            pub(super) x: f64,
            pub(super) y: f64,
            pub(super) next: Option<Box<Point>>,
        }
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Point {
        x: f64,
        y: f64,
        next: Option<Box<Point>>,
    }
    let folder = tempfile::tempdir().unwrap();
    let mut list = DiskList::<one::Point>::builder("p").location(folder.path()).open().unwrap();
    list.push(one::Point { x: 1.0, y: 2.0, next: None }).unwrap();
    list.close().unwrap();
    let list = DiskList::<Point>::builder("p").location(folder.path()).open().unwrap();
    assert_eq!(list.get(0).unwrap().map(|point| point.y), Some(2.0));
    drop(list);
    let pairs = DiskList::<(f64, f64)>::builder("p").location(folder.path()).open();
    assert!(matches!(pairs, Err(Error::WrongType { .. })));
}

#[test]
fn a_newer_format_is_refused() {
    let folder = filled();
    let path = folder.path().join("x.speedup/superblock");
    let mut raw = fs::read(&path).unwrap();
    raw[8] = 9;
    let end = raw.len() - 4;
    let sum = crc32fast::hash(&raw[..end]);
    raw[end..].copy_from_slice(&sum.to_le_bytes());
    let old = fs::read(&path).unwrap();
    fs::write(&path, raw).unwrap();
    let newer = dict(folder.path());
    assert!(matches!(newer, Err(Error::NewerFormat { found: 9, .. })), "{newer:?}");
    fs::write(&path, old).unwrap();
    still_there(folder.path());
}

#[test]
fn a_missing_superblock_journal_or_directory_is_damage_not_a_new_dict() {
    for missing in ["superblock", "journal.1", "directory.0/db", "pages.0"] {
        let folder = filled();
        let path = folder.path().join("x.speedup").join(missing);
        fs::remove_file(&path).unwrap();
        let outcome = dict(folder.path());
        assert!(matches!(outcome, Err(Error::Damaged { .. })), "{missing}: {outcome:?}");
    }
}

#[test]
fn leftovers_of_a_crash_are_cleaned_up() {
    let folder = filled();
    let inside = folder.path().join("x.speedup");
    fs::write(inside.join("directory.0/snap.0000000000000001.generating"), b"half").unwrap();
    fs::write(inside.join("superblock.new"), b"half").unwrap();
    fs::write(inside.join("pages.1"), b"half").unwrap();
    fs::create_dir(inside.join("directory.1")).unwrap();
    fs::write(inside.join("journal.2"), b"").unwrap();
    // The directory itself is opened by the first checkpoint.
    dict(folder.path()).unwrap().insert(2, "two".into()).unwrap();
    still_there(folder.path());
    let gone =
        ["superblock.new", "pages.1", "directory.1", "journal.1", "directory.0/snap.0000000000000001.generating"];
    for gone in gone {
        assert!(!inside.join(gone).exists(), "{gone}");
    }
}

#[test]
fn files_of_others_stay_whatever_they_are_called() {
    let folder = filled();
    let inside = folder.path().join("x.speedup");
    let foreign = ["journal.7", "journal.2", "journal.0", "pages.7", "spare.7", "journal.txt", "notes"];
    for name in foreign {
        fs::write(inside.join(name), b"somebody's").unwrap();
    }
    fs::create_dir(inside.join("directory.7")).unwrap();
    still_there(folder.path());
    dict(folder.path()).unwrap().compact().unwrap();
    still_there(folder.path());
    for name in foreign {
        assert_eq!(fs::read(inside.join(name)).unwrap(), b"somebody's", "{name}");
    }
    assert!(inside.join("directory.7").is_dir());
}

#[test]
fn a_crash_while_making_a_dict_leaves_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("x.speedup");
    fs::create_dir_all(inside.join("directory.0")).unwrap();
    fs::write(inside.join("pages.0"), b"").unwrap();
    assert!(dict(folder.path()).unwrap().is_empty());
}

#[test]
fn names_never_collide() {
    let folder = tempfile::tempdir().unwrap();
    let names =
        ["", "x", "x1", "X", "x/1", "x\\1", "..", ".", "x.1", "%", "%25", "ü", " ", "a\0b", "x.speedup", "\u{1f600}"];
    for (number, name) in names.into_iter().enumerate() {
        let mut dict = DiskDict::<u32, u64>::builder(name).location(folder.path()).open().unwrap();
        assert!(dict.is_empty(), "{name:?}");
        dict.insert(0, number as u64).unwrap();
    }
    for (number, name) in names.into_iter().enumerate() {
        let dict = DiskDict::<u32, u64>::builder(name).location(folder.path()).open().unwrap();
        assert_eq!(dict.get(&0).unwrap(), Some(number as u64), "{name:?}");
        assert_eq!(dict.path().parent(), Some(folder.path()), "{name:?}");
    }
    let long = DiskDict::<u32, u64>::builder("n".repeat(300)).location(folder.path()).open();
    assert!(matches!(long, Err(Error::Name { size: 300, limit: 240, .. })));
    let letters = DiskDict::<u32, u64>::builder("ж".repeat(41)).location(folder.path()).open();
    let said = letters.unwrap_err().to_string();
    assert!(said.contains("takes 246 bytes") && said.contains("240 is the limit"), "{said}");
    assert!(DiskDict::<u32, u64>::builder("ж".repeat(40)).location(folder.path()).open().is_ok());
}

#[test]
fn what_is_too_large_is_refused_and_nothing_else_is_harmed() {
    let folder = tempfile::tempdir().unwrap();
    let mut dict = DiskDict::<String, u8>::builder("big").location(folder.path()).open().unwrap();
    let refused = dict.insert("k".repeat(20_000), 1);
    assert!(matches!(refused, Err(Error::KeyTooLarge { .. })), "{refused:?}");
    for n in 0..200_u32 {
        dict.insert(format!("{}{n}", "k".repeat(10_000)), 1).unwrap();
    }
    assert_eq!(dict.iter().filter(Result::is_ok).count(), 200);
    dict.close().unwrap();
    let dict = DiskDict::<String, u8>::builder("big").location(folder.path()).open().unwrap();
    assert_eq!(dict.get(&format!("{}77", "k".repeat(10_000))).unwrap(), Some(1));
}

/// Set in a child: the folder in which it does its part of the test that started it.
const CHILD: &str = "SPEEDUP_OPEN_CHILD";

/// The test of this name, as a child process.
fn child(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(CHILD, folder);
    command
}

#[test]
fn a_second_process_is_refused_and_told_the_number_of_the_first() {
    if let Ok(folder) = std::env::var(CHILD) {
        let held = dict(folder.as_ref()).unwrap();
        let mut output = std::io::stdout();
        writeln!(output, "\nholding").unwrap();
        // Until the parent closes its end.
        std::io::stdin().read_line(&mut String::new()).unwrap();
        held.close().unwrap();
        return;
    }
    let folder = filled();
    let mut holder = child("a_second_process_is_refused_and_told_the_number_of_the_first", folder.path());
    let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "holding"));
    match dict(folder.path()) {
        Err(Error::InUse { holder: named, .. }) => assert_eq!(named, format!("process {}", holder.id())),
        other => panic!("{other:?}"),
    }
    let list = DiskList::<String>::builder("x").location(folder.path()).repair();
    assert!(matches!(list, Err(Error::InUse { .. })), "{list:?}");
    drop(holder.stdin.take());
    assert!(lines.last().is_some() && holder.wait().unwrap().success());
    still_there(folder.path());
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_may_not_be_written_is_no_permission() {
    use std::os::unix::fs::PermissionsExt;
    let refused = |folder: &Path| {
        let outcome = dict(folder);
        assert!(matches!(outcome, Err(Error::Permission { .. })), "{outcome:?}");
    };
    if let Ok(folder) = std::env::var(CHILD) {
        return refused(folder.as_ref());
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(folder.path().join("probe"), b"").is_err() {
        return refused(folder.path());
    }
    // The superuser may write everywhere but on what is mounted read-only, if the superuser may mount here.
    if Command::new("unshare").args(["-m", "true"]).output().is_ok_and(|output| output.status.success()) {
        let mount = format!("mount -t tmpfs -o ro none '{}' && exec \"$@\"", folder.path().display());
        let child = child("a_folder_that_may_not_be_written_is_no_permission", folder.path());
        let mut outer = Command::new("unshare");
        outer.args(["-m", "sh", "-c", &mount, "sh"]).arg(child.get_program()).args(child.get_args());
        assert!(outer.env(CHILD, folder.path()).status().unwrap().success());
    }
}

#[test]
fn the_default_location_and_the_empty_one_are_as_documented() {
    if std::env::var(CHILD).is_ok() {
        let dict = DiskDict::<u32, u64>::open("sample").unwrap();
        let here = DiskDict::<u32, u64>::builder("sample").location("").open().unwrap();
        assert_ne!(dict.path(), here.path());
        return;
    }
    let (data, current) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let status = child("the_default_location_and_the_empty_one_are_as_documented", current.path())
        .env("XDG_DATA_HOME", data.path())
        .current_dir(current.path())
        .status()
        .unwrap();
    assert!(status.success());
    if cfg!(target_os = "linux") {
        assert!(data.path().join("speedup/sample.speedup/superblock").is_file());
    }
    assert!(current.path().join("sample.speedup/superblock").is_file());
}
