//! Folders written by earlier versions are still read.
//!
//! `RUSTFLAGS="--cfg speedup_tight" SPEEDUP_WRITE_FIXTURES=1 cargo test -p speedup-runtime --target-dir target/tight --test disk_format` writes those of a new format.

mod copies;

use std::fs;
use std::path::{Path, PathBuf};

use speedup_runtime::disk::{DiskDict, DiskList, Folder};

use copies::copy_all;

/// What was written when, oldest first: before there was a spare, with one and numbered leaves, with the shape of the types, with a journal that both share, and
/// with a checkpoint of both.
const WRITTEN: [&str; 5] = ["disk-format-1", "disk-format-1-spare", "disk-format-2", "disk-format-3", "disk-format-4"];

fn fixtures(written: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(written)
}

type Dict = DiskDict<(String, i32), Option<f64>>;
type List = DiskList<Vec<u8>>;

fn open(folder: &Path) -> (Dict, List) {
    let dict = DiskDict::builder("dict").location(folder).open().unwrap();
    (dict, DiskList::builder("list").location(folder).open().unwrap())
}

fn entry(n: i32) -> ((String, i32), Option<f64>) {
    ((format!("key {}", n % 10), n - 300), (n % 3 != 0).then(|| f64::from(n) / 7.0))
}

fn item(n: usize) -> Vec<u8> {
    vec![n as u8; if n == 100 { 5000 } else { n % 40 }]
}

#[test]
fn earlier_formats_are_read() {
    if std::env::var("SPEEDUP_WRITE_FIXTURES").is_ok() {
        write();
    }
    for written in WRITTEN {
        let folder = tempfile::tempdir().unwrap();
        copy_all(&fixtures(written), folder.path());
        let (mut dict, list) = open(folder.path());
        check(&dict);
        assert_eq!(list.to_vec().unwrap(), (0..400).map(item).collect::<Vec<_>>());
        dict.insert((String::new(), 0), None).unwrap();
        assert_eq!(dict.first().unwrap(), Some(((String::new(), 0), None)));
    }
}

fn check(dict: &Dict) {
    assert_eq!(dict.len(), 600);
    for (key, value) in (0..600).map(entry) {
        assert_eq!(dict.get(&key).unwrap(), Some(value));
    }
    assert!(dict.keys().map(Result::unwrap).is_sorted());
}

#[test]
fn earlier_formats_are_repaired_from_their_pages() {
    for written in WRITTEN {
        let folder = tempfile::tempdir().unwrap();
        copy_all(&fixtures(written), folder.path());
        let inside = folder.path().join("dict.speedup");
        fs::remove_dir_all(inside.join("directory.0")).unwrap();
        let _there_is_none = fs::remove_file(inside.join("spare.0"));
        let (dict, report) = Dict::builder("dict").location(folder.path()).repair().unwrap();
        assert!(report.scanned && !report.truncated);
        check(&dict);
    }
}

/// The last operations stay in the journals, as a killed process leaves them.
fn write() {
    let folder = tempfile::tempdir().unwrap();
    let both = || {
        let folder = Folder::open(folder.path()).unwrap();
        (folder.dict("dict").unwrap(), folder.list("list").unwrap())
    };
    let (mut dict, mut list): (Dict, List) = both();
    dict.extend((0..500).map(entry)).unwrap();
    list.extend((0..300).map(item)).unwrap();
    dict.close().unwrap();
    list.close().unwrap();
    let (mut dict, mut list) = both();
    dict.extend((500..550).map(entry)).unwrap();
    list.extend((300..350).map(item)).unwrap();
    // Until both are published in one step, and what comes next needs one file of the journal.
    let journal = folder.path().join(".journal");
    while !journal.join("checkpoint").exists() {
        (0..30).for_each(|_| dict.put(entry(7).0, entry(7).1).unwrap());
        dict.flush().unwrap();
    }
    while fs::read_dir(&journal)
        .unwrap()
        .filter(|file| file.as_ref().unwrap().path().with_extension("").ends_with("journal"))
        .count()
        > 1
    {
        std::thread::yield_now();
    }
    dict.extend((550..600).map(entry)).unwrap();
    list.extend((350..400).map(item)).unwrap();
    dict.flush().unwrap();
    list.flush().unwrap();
    let fixtures = fixtures(WRITTEN[WRITTEN.len() - 1]);
    copy_all(folder.path(), &fixtures);
    for name in ["dict.speedup", "list.speedup", ".journal"] {
        fs::remove_file(fixtures.join(name).join("lock")).unwrap();
    }
}
