//! Values of a generator that are there in the next run.

use std::sync::atomic::{AtomicU64, Ordering};

use speedup::{DiskList, buffer, disk::ListBuilder};

use crate::children::{folder, role, run, tell};

/// Values that were made in this run.
static MADE: AtomicU64 = AtomicU64::new(0);

fn list(name: &str) -> ListBuilder<u64> {
    DiskList::builder(name).location(folder())
}

fn made(value: u64) -> u64 {
    MADE.fetch_add(1, Ordering::Relaxed);
    value
}

#[buffer(size = 1, disk = list("squares"), resume = |last| { let next = last.isqrt() + 1; (next..).map(|n| made(n * n)) })]
fn squares() -> impl Iterator<Item = u64> {
    (0..).map(|n| made(n * n))
}

#[test]
fn a_generator_goes_on_where_the_last_run_has_ended() {
    if role().is_some() {
        let values: Vec<u64> = squares().take(100).collect();
        assert!(values.iter().zip(0..).all(|(value, n)| *value == n * n));
        let before = MADE.load(Ordering::Relaxed);
        assert_eq!(SQUARES[149], 149 * 149);
        assert_eq!(SQUARES.position(&64), Some(8));
        return tell(format!("{} {}", before >= 100, MADE.load(Ordering::Relaxed) - before >= 49));
    }
    const NAME: &str = "buffers::a_generator_goes_on_where_the_last_run_has_ended";
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(run(NAME, "first", folder.path()), "true true");
    assert_eq!(run(NAME, "second", folder.path()), "false false", "the values come from the list");
    let list = DiskList::<u64>::builder("squares").location(folder.path()).open().expect("it is a list");
    assert!(list.len() >= 150);
    assert_eq!(list.get(149).expect("it is read"), Some(149 * 149));
}

#[buffer(disk = list("collatz"))]
fn collatz() -> u64 {
    let mut n = 27;
    while n != 1 {
        yield_!(made(n));
        n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
    }
    yield_!(made(1));
}

#[test]
fn an_end_is_remembered() {
    if role().is_some() {
        assert_eq!((collatz().count(), collatz().max(), COLLATZ.get(112)), (112, Some(9_232), None));
        return tell(MADE.load(Ordering::Relaxed));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let next = || run("buffers::an_end_is_remembered", "child", folder.path());
    assert_eq!([next(), next()], ["112", "0"]);
}

#[buffer(size = 1, keep = 4, disk = list("window"))]
fn window() -> impl Iterator<Item = u64> {
    (0..).map(made)
}

#[test]
fn without_resume_values_are_passed_over_and_in_a_window_forgotten() {
    if let Some(role) = role() {
        let count = if role == "first" { 10 } else { 5_000 };
        assert!(WINDOW.iter().take(count).map(|value| value.expect("nobody reads faster")).eq(0..count as u64));
        return tell(role == "first" || WINDOW.get(0).is_err());
    }
    const NAME: &str = "buffers::without_resume_values_are_passed_over_and_in_a_window_forgotten";
    let folder = tempfile::tempdir().expect("a folder");
    for role in ["first", "second", "third"] {
        assert_eq!(run(NAME, role, folder.path()), "true", "{role}");
    }
    let list = DiskList::<u64>::builder("window").location(folder.path()).open().expect("it is a list");
    assert!(list.iter().map(|value| value.expect("it is read")).eq(0..list.len() as u64) && list.len() >= 5_000);
}

#[test]
fn a_run_of_a_window_of_its_own_is_one_on_disk() {
    if let Some(role) = role() {
        // What is read ahead in the second run is on disk, too.
        let count = if role == "first" { 1_000 } else { 100 };
        assert!(window().take(count).eq(0..count as u64));
        return tell(MADE.load(Ordering::Relaxed) >= 100);
    }
    const NAME: &str = "buffers::a_run_of_a_window_of_its_own_is_one_on_disk";
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(["first", "second"].map(|role| run(NAME, role, folder.path())), ["true", "false"]);
}

#[buffer(disk = list("others"))]
fn others() -> impl Iterator<Item = u64> {
    0..5
}

#[test]
fn a_list_of_somebody_elses_is_left_alone() {
    if role().is_some() {
        assert!(others().eq(0..5));
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let open = || DiskList::<u64>::builder("others").location(folder.path()).open().expect("it opens");
    let mut list = open();
    list.push(77).expect("it is kept");
    list.close().expect("it is closed");
    run("buffers::a_list_of_somebody_elses_is_left_alone", "child", folder.path());
    assert_eq!(open().to_vec().expect("it is read"), [77]);
}

#[test]
fn another_source_begins_the_list_anew() {
    if let Some(role) = role() {
        return tell(format!("{:?}", if role == "ones" { ones() } else { twos() }));
    }
    const NAME: &str = "buffers::another_source_begins_the_list_anew";
    let folder = tempfile::tempdir().expect("a folder");
    for (role, values) in [("ones", "[1, 1]"), ("twos", "[2, 2]"), ("twos", "[2, 2]"), ("ones", "[1, 1]")] {
        assert_eq!(run(NAME, role, folder.path()), values);
    }
}

fn ones() -> Vec<u64> {
    #[buffer(disk = list("both"))]
    fn values() -> impl Iterator<Item = u64> {
        [1, 1].into_iter()
    }
    values().collect()
}

fn twos() -> Vec<u64> {
    #[buffer(disk = list("both"))]
    fn values() -> impl Iterator<Item = u64> {
        [2, 2].into_iter()
    }
    values().collect()
}
