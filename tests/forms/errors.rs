//! Results whose errors are not `Clone`.

use std::error::Error;
use std::io;
use std::rc::Rc;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use speedup::cache;
use speedup::cache::Moved;

/// As `anyhow` has it.
mod anyhow {
    pub struct Error(pub Box<dyn std::error::Error + Send + Sync>);

    impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
        fn from(error: E) -> Self {
            Self(Box::new(error))
        }
    }

    pub type Result<T> = std::result::Result<T, Error>;
}

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[cache]
fn sum(text: &str) -> Result<u64, Box<dyn Error>> {
    RUNS.fetch_add(1, Relaxed);
    match text.split_once('+') {
        None => Ok(text.trim().parse()?),
        Some((first, rest)) => Ok(sum(first)? + sum(rest)?),
    }
}

#[test]
fn only_successes_are_kept_and_errors_are_moved_up() {
    assert_eq!(sum("1 + 2 + 3").unwrap(), 6);
    assert_eq!((RUNS.swap(0, Relaxed), SUM.len()), (5, 5));
    for _ in 0..2 {
        assert_eq!(sum("1 + x").unwrap_err().to_string(), "invalid digit found in string");
    }
    assert_eq!(RUNS.load(Relaxed), 4, "`1 ` has been kept, the others run again");
    let failed: Result<u64, Moved<Box<dyn Error>>> = SUM.get(("y".to_owned(),));
    assert!(failed.unwrap_err().take().is_some());
}

#[cache]
fn size(path: String, times: u32) -> io::Result<u64> {
    let size = std::fs::metadata(path)?.len();
    Ok(size * u64::from(times))
}

#[cache]
fn depth(path: &[String], at: usize) -> anyhow::Result<usize> {
    match path.get(at) {
        None => Ok(at),
        Some(name) => Ok(name.parse::<usize>()? * depth(path, at + 1)?),
    }
}

#[derive(Debug, PartialEq)]
struct Broken(Rc<u64>);

#[cache(move_err)]
fn counted<T: Clone + std::hash::Hash + Eq + Send + Sync + 'static>(
    values: Vec<T>,
    most: usize,
) -> Result<usize, Broken> {
    if values.len() > most { Err(Broken(Rc::new(values.len() as u64))) } else { Ok(values.len()) }
}

struct Rows;

impl Rows {
    #[cache(move_err, sequential)]
    fn product(rows: &[f64], least: f64) -> Result<f64, Broken> {
        let Some((first, rest)) = rows.split_first() else { return Ok(1.0) };
        if *first < least { Err(Broken(Rc::new(rows.len() as u64))) } else { Ok(first * Self::product(rest, least)?) }
    }
}

#[test]
fn every_form_in_a_static_moves_errors() {
    assert_eq!(size("Cargo.toml".into(), 0).unwrap(), 0);
    assert_eq!(size("no such file".into(), 1).unwrap_err().kind(), io::ErrorKind::NotFound);
    let path = ["2".to_owned(), "3".to_owned()];
    assert_eq!(depth(&path, 0).map_err(|error| error.0).unwrap(), 12);
    assert!(depth(&["two".to_owned()], 0).map_err(|error| error.0.to_string()).unwrap_err().contains("digit"));
    assert_eq!((counted(vec!['a'], 1), counted(vec![1, 2], 1)), (Ok(1), Err(Broken(Rc::new(2)))));
    assert_eq!(Rows::product(&[2.0; 20], 1.0), Ok(1_048_576.0));
    assert_eq!(Rows::product(&[[2.0; 9], [0.5; 9]].concat(), 1.0), Err(Broken(Rc::new(9))));
}

#[cache]
fn shared(key: u64) -> Result<u64, Box<dyn Error>> {
    RUNS_SHARED.fetch_add(1, Relaxed);
    let even: u64 = if key % 2 == 0 { "7" } else { "seven" }.parse()?;
    Ok(even + key)
}

static RUNS_SHARED: AtomicUsize = AtomicUsize::new(0);

#[test]
fn whoever_waits_for_a_call_that_fails_has_an_error_of_its_own() {
    let meet = Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for key in 0..50 {
                    meet.wait();
                    assert_eq!(shared(key).ok(), (key % 2 == 0).then_some(key + 7));
                }
            });
        }
    });
    let runs = RUNS_SHARED.load(Relaxed);
    assert!((50..=25 + 25 * 5).contains(&runs), "{runs}");
    assert_eq!(SHARED.len(), 25);
}

#[cache]
fn parts(depth: u32, path: u64) -> Result<u64, Box<dyn Error + Send + Sync>> {
    let work = (0..30_000_u64).fold(path, |sum, n| std::hint::black_box(sum ^ n.wrapping_mul(sum | 1)));
    if depth == 0 {
        return if path % 7 == 3 { Err(format!("{path} is out of order").into()) } else { Ok(work & 1) };
    }
    let (left, right) = (parts(depth - 1, path * 2), parts(depth - 1, path * 2 + 1));
    Ok(left? + right.unwrap_or(100))
}

#[test]
fn calls_that_run_side_by_side_fail_as_they_would_one_after_the_other() {
    fn plain(depth: u32, path: u64) -> Result<u64, String> {
        let work = (0..30_000_u64).fold(path, |sum, n| std::hint::black_box(sum ^ n.wrapping_mul(sum | 1)));
        if depth == 0 {
            return if path % 7 == 3 { Err(format!("{path} is out of order")) } else { Ok(work & 1) };
        }
        Ok(plain(depth - 1, path * 2)? + plain(depth - 1, path * 2 + 1).unwrap_or(100))
    }
    for path in 0..8 {
        assert_eq!(parts(6, path).map_err(|error| error.to_string()), plain(6, path));
    }
}
