//! One program after the other, and two at the same time.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process, thread,
    time::{Duration, Instant},
};

use speedup::cache;

use crate::children::{folder, role, run, start, tell, told};

#[cache(disk = folder())]
fn fibonacci(n: u64) -> u128 {
    if n < 2 { 1 } else { fibonacci(n - 1) + fibonacci(n - 2) }
}

fn told_of_fibonacci() -> String {
    let value = fibonacci(80);
    let stats = FIBONACCI.stats();
    format!("{value} {} {} {} {:?}", stats.misses, stats.store_hits, stats.store_errors, stats.store)
}

const FIBONACCI_80: u128 = 37_889_062_373_143_906;

#[test]
fn results_are_there_in_the_next_run() {
    if role().is_some() {
        return tell(told_of_fibonacci());
    }
    let folder = tempfile::tempdir().expect("a folder");
    let next = || run("runs::results_are_there_in_the_next_run", "child", folder.path());
    assert_eq!(next(), format!("{FIBONACCI_80} 81 0 0 Sound"));
    // The last call alone is asked for.
    assert_eq!(next(), format!("{FIBONACCI_80} 0 1 0 Sound"));
}

#[test]
fn results_survive_a_kill_but_for_the_last_half_second() {
    match role().as_deref() {
        Some("killed") => {
            fibonacci(60);
            FIBONACCI.flush().expect("it is written");
            tell("written");
            // Until it is killed.
            let _ = std::io::stdin().read(&mut [0]);
            return;
        }
        Some(_) => return tell(told_of_fibonacci()),
        None => {}
    }
    const NAME: &str = "runs::results_survive_a_kill_but_for_the_last_half_second";
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = start(NAME, "killed", folder.path());
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    assert!(lines.any(|line| line.expect("it is text").contains("told: written")));
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
    assert_eq!(run(NAME, "next", folder.path()), format!("{FIBONACCI_80} 20 2 0 Sound"));
}

#[test]
fn what_is_computed_is_written_without_being_told_to() {
    match role().as_deref() {
        Some("killed") => {
            fibonacci(60);
            tell("computed");
            let _ = std::io::stdin().read(&mut [0]);
            return;
        }
        Some(_) => return tell(told_of_fibonacci()),
        None => {}
    }
    const NAME: &str = "runs::what_is_computed_is_written_without_being_told_to";
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = start(NAME, "killed", folder.path());
    // A record of this function takes more than 26 bytes; how long the writer takes decides nothing.
    let written = || {
        let log = files(folder.path()).into_iter().find(|path| path.ends_with("results"));
        log.and_then(|log| fs::metadata(log).ok()).is_some_and(|log| log.len() > 61 * 26)
    };
    let end = Instant::now() + Duration::from_secs(60);
    while !written() {
        assert!(Instant::now() < end, "nothing is written");
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
    assert_eq!(run(NAME, "next", folder.path()), format!("{FIBONACCI_80} 20 2 0 Sound"));
}

#[test]
fn an_exit_in_the_middle_loses_nothing() {
    match role().as_deref() {
        Some("exits") => {
            fibonacci(60);
            process::exit(0);
        }
        Some(_) => return tell(told_of_fibonacci()),
        None => {}
    }
    const NAME: &str = "runs::an_exit_in_the_middle_loses_nothing";
    let folder = tempfile::tempdir().expect("a folder");
    run(NAME, "exits", folder.path());
    assert_eq!(run(NAME, "next", folder.path()), format!("{FIBONACCI_80} 20 2 0 Sound"));
}

#[test]
fn a_second_process_works_and_waits_for_nobody() {
    match role().as_deref() {
        Some("first") => {
            fibonacci(60);
            FIBONACCI.flush().expect("it is written");
            tell("written");
            let _ = std::io::stdin().read(&mut [0]);
            return;
        }
        Some(_) => return tell(told_of_fibonacci()),
        None => {}
    }
    const NAME: &str = "runs::a_second_process_works_and_waits_for_nobody";
    let folder = tempfile::tempdir().expect("a folder");
    let mut first = start(NAME, "first", folder.path());
    let mut lines = BufReader::new(first.stdout.take().expect("it is piped")).lines();
    assert!(lines.any(|line| line.expect("it is text").contains("told: written")));
    // What is there is read; what is new stays with the second.
    assert_eq!(run(NAME, "second", folder.path()), format!("{FIBONACCI_80} 20 2 0 ReadOnly"));
    first.stdin.take().expect("it is piped").write_all(b"x").expect("it listens");
    assert!(first.wait().expect("it ends").success());
    assert_eq!(run(NAME, "third", folder.path()), format!("{FIBONACCI_80} 20 2 0 Sound"));
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it is read").map(|entry| entry.expect("it is read").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_damaged_store_is_set_aside_and_told_of() {
    if role().is_some() {
        return tell(told_of_fibonacci());
    }
    let folder = tempfile::tempdir().expect("a folder");
    let next = || run("runs::a_damaged_store_is_set_aside_and_told_of", "child", folder.path());
    next();
    let log = files(folder.path()).into_iter().find(|path| path.ends_with("results")).expect("it is there");
    let mut bytes = fs::read(&log).expect("it is read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x20;
    fs::write(&log, bytes).expect("it is written");
    assert_eq!(next(), format!("{FIBONACCI_80} 81 0 0 BegunAnew"));
    assert_eq!(next(), format!("{FIBONACCI_80} 0 1 0 Sound"));
}

/// Two versions of a function, at the same place.
mod versions {
    use super::{cache, folder};

    pub(crate) mod first {
        use super::{cache, folder};

        pub(crate) fn call() -> (u64, u64) {
            #[cache(disk = folder())]
            fn double(n: u64) -> u64 {
                n + n
            }
            (double(4), DOUBLE.stats().misses)
        }
    }

    pub(crate) mod second {
        use super::{cache, folder};

        pub(crate) fn call() -> (u64, u64) {
            #[cache(disk = folder(), version = 2)]
            fn double(n: u64) -> u64 {
                n + n
            }
            (double(4), DOUBLE.stats().misses)
        }
    }
}

#[test]
fn functions_of_one_name_never_share_results() {
    if role().is_some() {
        let (first, second) = (versions::first::call(), versions::second::call());
        return tell(format!("{first:?} {second:?}"));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let next = || run("runs::functions_of_one_name_never_share_results", "child", folder.path());
    assert_eq!(next(), "(8, 1) (8, 1)");
    assert_eq!(next(), "(8, 0) (8, 0)");
}

#[test]
fn a_panic_leaves_what_was_computed() {
    match role().as_deref() {
        Some("panics") => {
            fibonacci(60);
            panic!("as it happens");
        }
        Some(_) => return tell(told_of_fibonacci()),
        None => {}
    }
    const NAME: &str = "runs::a_panic_leaves_what_was_computed";
    let folder = tempfile::tempdir().expect("a folder");
    let output = start(NAME, "panics", folder.path()).wait_with_output().expect("it ends");
    assert!(!output.status.success() && told(&output).is_empty());
    assert_eq!(run(NAME, "next", folder.path()), format!("{FIBONACCI_80} 20 2 0 Sound"));
}

/// Two functions that the compiler gives one path, with one text that means two things.
fn double_or_triple(double: bool) -> u64 {
    if double {
        const FACTOR: u64 = 2;
        #[cache(disk = folder())]
        fn times(n: u64) -> u64 {
            n * FACTOR
        }
        times(7)
    } else {
        const FACTOR: u64 = 3;
        #[cache(disk = folder())]
        fn times(n: u64) -> u64 {
            n * FACTOR
        }
        times(7)
    }
}

#[test]
fn functions_of_one_path_and_text_do_not_share_results() {
    if let Some(role) = role() {
        return tell(double_or_triple(role == "double"));
    }
    const NAME: &str = "runs::functions_of_one_path_and_text_do_not_share_results";
    let folder = tempfile::tempdir().expect("a folder");
    for (role, value) in [("double", "14"), ("triple", "21"), ("double", "14")] {
        assert_eq!(run(NAME, role, folder.path()), value, "{role}");
    }
}

#[cache(disk = folder())]
fn shipped(n: u64) -> String {
    format!("{n}!")
}

#[cache(capacity = 100, ttl = "1h")]
fn aged(n: u64) -> u64 {
    n * 3
}

#[cache]
async fn awaited(n: u64) -> u64 {
    n * 5
}

#[cache(ttl = "1h")]
async fn awaited_and_aged(n: u64) -> u64 {
    n * 7
}

#[cache]
fn steady(text: &str, n: u64) -> u64 {
    if n == 0 { text.len() as u64 } else { steady(text, n - 1) + 1 }
}

#[test]
fn every_kind_of_cache_can_be_shipped() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    let known = |n: u64| pollster::block_on(async { (aged(n), awaited(n).await, awaited_and_aged(n).await) });
    for n in 0..20 {
        assert_eq!(known(n), (3 * n, 5 * n, 7 * n));
    }
    assert_eq!((steady("text", 9), steady("word", 3)), (13, 7));
    macro_rules! ships {
        ($($cache:ident $count:literal),*) => {$(
            assert_eq!($cache.export(&path).expect("it is written"), $count);
            $cache.clear();
            assert_eq!($cache.import(&path).expect("it is read"), $count);
            assert_eq!($cache.import(&path).expect("it is read"), 0, "they are there already");
        )*};
    }
    ships!(AGED 20, AWAITED 20, AWAITED_AND_AGED 20, STEADY 14);
    let before = [AGED.stats().misses, AWAITED.stats().misses, AWAITED_AND_AGED.stats().misses, STEADY.stats().misses];
    assert_eq!((known(7), steady("text", 9)), ((21, 35, 49), 13));
    let after = [AGED.stats().misses, AWAITED.stats().misses, AWAITED_AND_AGED.stats().misses, STEADY.stats().misses];
    assert_eq!(before, after);
    // A file that is none, is empty, or is cut puts nothing in.
    AGED.clear();
    let whole = fs::read(&path).expect("it is there");
    assert!(AGED.import(&path).is_err(), "another function's");
    AGED.export(&path).expect("it is written");
    for bytes in [
        &b""[..],
        b"garbage that is longer than any head would be, by far and by a good deal",
        &whole[..whole.len() - 1],
    ] {
        fs::write(&path, bytes).expect("it is written");
        assert!(STEADY.import(&path).is_err() && AGED.is_empty());
    }
}

#[test]
fn an_export_warms_another_process() {
    match role().as_deref() {
        Some("export") => {
            SHIPPED.get_all((0..50).map(|n| (n,)));
            return tell(SHIPPED.export(folder().join("file")).expect("it is written"));
        }
        Some("export of what is on disk") => {
            return tell(SHIPPED.export(folder().join("file")).expect("it is written"));
        }
        Some(_) => {
            let other = folder().join("file");
            let imported = SHIPPED.import(other).expect("it is read");
            return tell(format!("{imported} {} {}", shipped(49), SHIPPED.stats().misses));
        }
        None => {}
    }
    const NAME: &str = "runs::an_export_warms_another_process";
    let [here, there] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    assert_eq!(run(NAME, "export", here.path()), "50");
    assert_eq!(run(NAME, "export of what is on disk", here.path()), "50");
    fs::copy(here.path().join("file"), there.path().join("file")).expect("it is copied");
    assert_eq!(run(NAME, "import", there.path()), "50 49! 0");
    fs::remove_file(there.path().join("file")).expect("it is removed");
    fs::copy(here.path().join("file"), there.path().join("file")).expect("it is copied");
    assert_eq!(run(NAME, "again", there.path()), "50 49! 0", "what was imported went to disk, and memory was empty");
}
