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
    pub(super) struct Error(pub Box<dyn std::error::Error + Send + Sync>);

    impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
        fn from(error: E) -> Self {
            Self(Box::new(error))
        }
    }

    pub(super) type Result<T> = std::result::Result<T, Error>;
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
    let even: u64 = if key.is_multiple_of(2) { "7" } else { "seven" }.parse()?;
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
                    assert_eq!(shared(key).ok(), key.is_multiple_of(2).then_some(key + 7));
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

struct Shop {
    prices: Vec<(&'static str, &'static str)>,
}

static LOOKS: AtomicUsize = AtomicUsize::new(0);

impl Shop {
    #[cache(scoped)]
    fn total(&self, from: usize, to: usize) -> anyhow::Result<u64> {
        if to - from == 1 {
            LOOKS.fetch_add(1, Relaxed);
            return Ok(self.prices[from].1.parse()?);
        }
        let middle = usize::midpoint(from, to);
        Ok(self.total(from, middle)? + self.total(middle, to)?)
    }
}

#[cache(scoped)]
fn last(texts: &[&str], n: usize) -> io::Result<u64> {
    match texts.get(n) {
        Some(text) => last(texts, n + 1).or_else(|_| text.parse().map_err(io::Error::other)),
        None => Err(io::Error::other("the end")),
    }
}

#[test]
fn a_function_with_one_call_in_a_scope_has_the_error_itself() {
    assert_eq!(last(&["1", "2", "x"], 0).unwrap(), 2);
    assert_eq!(last(&[], 0).unwrap_err().to_string(), "the end");
}

#[test]
fn a_method_in_a_scope_has_the_error_itself() {
    let shop = Shop { prices: vec![("ink", "3"), ("pen", "12"), ("nib", "1")] };
    assert_eq!(shop.total(0, 3).ok(), Some(16));
    assert_eq!(LOOKS.load(Relaxed), 3);
    let shop = Shop { prices: vec![("ink", "3"), ("pen", "x"), ("nib", "1")] };
    for _ in 0..100 {
        assert_eq!(shop.total(0, 3).err().unwrap().0.to_string(), "invalid digit found in string");
    }
}

#[cache(scoped)]
fn dear(texts: &[&str], from: usize, to: usize) -> io::Result<u64> {
    let since = std::time::Instant::now();
    // Dear, so that helpers come, and have errors of their own.
    while since.elapsed() < std::time::Duration::from_micros(20) {
        std::hint::spin_loop();
    }
    if to - from == 1 {
        return texts[from].parse().map_err(io::Error::other);
    }
    let middle = usize::midpoint(from, to);
    let (left, right) = (dear(texts, from, middle), dear(texts, middle, to));
    let again = dear(texts, from, middle);
    Ok(left.or(again).unwrap_or(10) + right?)
}

/// The same by hand.
fn plain(texts: &[&str]) -> Option<u64> {
    if texts.len() == 1 {
        return texts[0].parse().ok();
    }
    let (left, right) = texts.split_at(texts.len() / 2);
    Some(plain(left).unwrap_or(10) + plain(right)?)
}

#[test]
fn an_error_that_a_helper_has_met_is_met_again_by_who_needs_it() {
    let mut texts = vec!["1"; 64];
    texts[21] = "x";
    texts[63] = "x";
    for threads in [1, 2, 4, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        for _ in 0..3 {
            for all in 1..=64 {
                assert_eq!(pool.install(|| dear(&texts[..all], 0, all)).ok(), plain(&texts[..all]));
            }
        }
    }
}

#[cache(skip(lines))]
fn number(lines: &[&str], name: String) -> Result<u64, Box<dyn Error>> {
    let line = lines.iter().find(|line| line.starts_with(&name)).ok_or(format!("no {name}"))?;
    match line.split_once(' ') {
        Some((_, next)) if next.starts_with(char::is_numeric) => Ok(next.parse()?),
        Some((_, next)) => number(lines, next.to_owned()),
        None => Err(name.into()),
    }
}

#[cache(key = |words| -> String { words.join(" ") })]
fn longest(words: Vec<&str>) -> Result<usize, Box<dyn Error>> {
    Ok(words.iter().map(|word| word.len()).max().ok_or("no words")?)
}

#[test]
fn functions_with_context_have_the_error_themselves() {
    let lines = ["a b", "b 17", "c d"];
    assert_eq!(number(&lines, "a".to_owned()).unwrap(), 17);
    assert_eq!(NUMBER.peek(&("b".to_owned(),)).unwrap().ok(), Some(17));
    assert_eq!(number(&lines, "c".to_owned()).unwrap_err().to_string(), "no d");
    assert_eq!(
        (longest(vec!["one", "three"]).unwrap(), longest(vec![]).unwrap_err().to_string()),
        (5, "no words".into())
    );
}

#[cache(capacity = 2, ttl = "1h")]
fn parsed(text: &str) -> Result<u64, Box<dyn Error>> {
    Ok(text.parse()?)
}

#[cache(capacity = 2, move_err)]
fn odd(n: u64) -> Result<u64, io::Error> {
    if n % 2 == 1 { Ok(n) } else { Err(io::Error::other("even")) }
}

#[test]
fn bounded_functions_have_the_error_themselves() {
    assert_eq!((parsed("7").unwrap(), parsed("x").is_err(), PARSED.len()), (7, true, 1));
    assert_eq!((odd(7).unwrap(), odd(8).unwrap_err().to_string(), ODD.len()), (7, "even".to_owned(), 1));
}

static FOLDERS: AtomicUsize = AtomicUsize::new(0);

#[cache]
async fn folder(id: u64, name: &str) -> Result<u64, Box<dyn Error + Send + Sync>> {
    FOLDERS.fetch_add(1, Relaxed);
    if id > 20 {
        return Ok(1);
    }
    if id == 13 && name == "bad" {
        return Err("no such folder".into());
    }
    Ok(folder(2 * id, name).await? + folder(2 * id + 1, name).await?)
}

#[cache(skip(shop))]
async fn price(shop: &std::sync::Arc<Shop>, name: String) -> anyhow::Result<u64> {
    let (_, price) =
        shop.prices.iter().find(|(known, _)| *known == name).ok_or_else(|| io::Error::other("no such thing"))?;
    Ok(price.parse()?)
}

#[cache(ttl = "1h")]
async fn aged(n: u64) -> Result<u64, Box<dyn Error + Send + Sync>> {
    if n == 0 { Err("nothing".into()) } else { Ok(n) }
}

#[test]
fn of_an_async_function_each_caller_has_an_error_of_its_own() {
    pollster::block_on(async {
        assert_eq!(folder(1, "good").await.unwrap(), 21);
        assert_eq!(FOLDERS.swap(0, Relaxed), 41);
        assert_eq!(folder(1, "bad").await.unwrap_err().to_string(), "no such folder");
        // Two who wait for one call: one has its error, the other asks again.
        let (one, other) = (FOLDER.spawn((13, "bad".to_owned())), folder(13, "bad"));
        let others = [other.await.unwrap_err().to_string(), folder(13, "bad").await.unwrap_err().to_string()];
        assert_eq!(others, ["no such folder", "no such folder"]);
        drop(one);
        let shop = std::sync::Arc::new(Shop { prices: vec![("ink", "3"), ("pen", "x")] });
        assert_eq!(price(&shop, "ink".to_owned()).await.ok(), Some(3));
        assert_eq!(price(&shop, "nib".to_owned()).await.err().unwrap().0.to_string(), "no such thing");
        assert_eq!((aged(3).await.unwrap(), aged(0).await.unwrap_err().to_string()), (3, "nothing".to_owned()));
    });
}
