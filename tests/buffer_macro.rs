//! `#[buffer]` as a user meets it: both ways to write a body, options, places, and what `?` and `return` mean.

#![cfg(feature = "macros")]

use std::num::ParseIntError;

use num_complex::Complex64;
use speedup::buffer;

#[buffer(size = 4)]
fn count() -> impl Iterator<Item = u64> {
    0..
}

#[test]
fn an_iterator_is_indexed_read_and_searched() {
    assert_eq!((COUNT[0], COUNT[15], COUNT.get(3)), (0, 15, Some(&3)));
    assert!(count().take(50).eq(0..50) && COUNT.iter().take(50).copied().eq(0..50));
    for (expected, value) in (0..5).zip(COUNT) {
        assert_eq!(*value, expected);
    }
    assert_eq!((COUNT.position(&12), COUNT.contains(&12)), (Some(12), true));
}

#[buffer(halt = AbsNonDecreasing)]
fn spiral() -> Complex64 {
    let mut z = Complex64::new(1.0, 0.0);
    loop {
        yield_!(z);
        z *= Complex64::new(0.0, 1.1);
    }
}

#[test]
fn a_body_that_yields_is_a_buffer_of_its_declared_type() {
    assert_eq!(SPIRAL[1], Complex64::new(0.0, 1.1));
    assert_eq!(spiral().nth(2), Some(SPIRAL[2]));
    assert!(!SPIRAL.contains(&Complex64::new(0.5, 0.5)));
}

#[buffer]
fn primes() -> u64 {
    yield_!(2);
    let mut candidate = 3;
    loop {
        if primes().take_while(|prime| prime * prime <= candidate).all(|prime| candidate % prime != 0) {
            yield_!(candidate);
        }
        candidate += 2;
    }
}

#[test]
fn a_body_may_read_its_own_buffer() {
    assert!(primes().take(10).eq([2, 3, 5, 7, 11, 13, 17, 19, 23, 29]));
    assert_eq!(PRIMES[999], 7_919);
}

#[buffer]
fn numbers(text: String) -> Result<u64, ParseIntError> {
    for word in text.split(' ') {
        let number = word.parse()?;
        if number == 0 {
            return;
        }
        yield_!(Ok(number));
    }
}

#[test]
fn a_question_mark_makes_the_error_the_last_value() {
    let read = |text: &str| numbers(text.to_owned()).map(|number| number.ok()).collect::<Vec<_>>();
    assert_eq!(read("1 2 3"), [Some(1), Some(2), Some(3)]);
    assert_eq!(read("1 x 3"), [Some(1), None]);
    assert_eq!(read("1 0 3"), [Some(1)]);
}

#[buffer]
fn multiples(k: u64, (first, _): (u64, bool)) -> u64 {
    let mut multiple = first;
    loop {
        yield_!(multiple);
        multiple += k;
    }
}

#[buffer]
fn repeated(mut word: String) -> impl Iterator<Item = String> + Send {
    word.push('!');
    std::iter::repeat(word)
}

#[test]
fn there_is_one_buffer_for_each_set_of_arguments() {
    let threes = MULTIPLES.of((3, (0, true)));
    assert_eq!((threes[4], multiples(5, (1, true)).nth(2)), (12, Some(11)));
    assert!(std::ptr::eq(threes, MULTIPLES.of((3, (0, true)))));
    assert_eq!(repeated("no".to_owned()).nth(2).as_deref(), Some("no!"));
}

#[buffer(keep = 3, size = 2)]
fn recent() -> impl Iterator<Item = u64> {
    0..10
}

#[test]
fn a_window_forgets() {
    assert!(recent().eq(0..10));
    assert!(RECENT.get(9).is_ok() && RECENT.get(0).is_err());
}

#[buffer(halt = |_, item, attempts| *item > 100 || attempts == 50)]
fn powers() -> u64 {
    let mut power = 1;
    loop {
        yield_!(power);
        power = u64::wrapping_mul(power, 2);
    }
}

fn enough(_: &speedup::Buffer<i64>, _: &i64, attempts: usize) -> bool {
    attempts >= 6
}

#[buffer(halt = enough)]
fn zigzag() -> i64 {
    for n in 0.. {
        yield_!(if n % 2 == 0 { n } else { -n });
    }
}

#[buffer(halt = Attempts(3))]
fn impatient() -> impl Iterator<Item = i64> {
    [5, 4, 3, 2, 1].into_iter()
}

#[test]
fn searches_end_when_they_are_told() {
    assert!(POWERS.contains(&64) && !POWERS.contains(&65));
    assert!(ZIGZAG.contains(&-3) && !ZIGZAG.contains(&-99));
    assert!(IMPATIENT.contains(&5) && !IMPATIENT.contains(&1));
}

#[derive(Clone, Debug, PartialEq)]
struct Unordered(&'static str);

#[buffer(name = ALL)]
fn unordered() -> Vec<Unordered> {
    vec![Unordered("a"), Unordered("b")]
}

#[buffer]
fn boxed() -> Box<dyn Iterator<Item = u8> + Send> {
    Box::new(0..3)
}

#[buffer]
fn range() -> std::ops::RangeInclusive<u8> {
    1..=3
}

struct Steps(u8);

impl IntoIterator for Steps {
    type Item = u8;
    type IntoIter = std::ops::Range<u8>;

    fn into_iter(self) -> Self::IntoIter {
        0..self.0
    }
}

#[buffer]
fn steps() -> Steps {
    Steps(4)
}

#[test]
fn anything_that_iterates_is_a_body() {
    assert_eq!(unordered(), [Unordered("a"), Unordered("b")]);
    assert_eq!(ALL.get(1), Some(&Unordered("b")));
    assert!(boxed().eq(0..3) && range().eq(1..=3) && steps().eq(0..4));
    assert_eq!((BOXED[2], RANGE[2], STEPS.get(4)), (2, 3, None));
}

struct Words;

impl Words {
    const FIRST: &'static str = "one";

    #[buffer]
    fn listed() -> &'static str {
        yield_!(Self::FIRST);
        'words: for words in [["two", "three"], ["stop", "four"]] {
            for word in words {
                if word == "stop" {
                    break 'words;
                }
                yield_!(word);
            }
        }
        speedup::yield_!("end");
    }

    #[buffer]
    fn lengths() -> impl Iterator<Item = usize> {
        Words::listed().map(str::len)
    }
}

#[test]
fn an_impl_has_room_for_a_buffer() {
    assert!(Words::listed().eq(["one", "two", "three", "end"]));
    assert_eq!(Words::LENGTHS.iter().sum::<usize>(), 14);
}

#[buffer]
fn within_macros() -> u64 {
    let units = vec![yield_!(1), yield_!(2)];
    assert_eq!(units, [(), ()]);
    match units.len() {
        2 => yield_!(3),
        _ => return,
    }
    let borrowed = String::from("four");
    let slice = &borrowed[..];
    yield_!(4,);
    yield_!(slice.len() as u64 + 1);
}

/// Every name that the expansion uses belongs to the user here.
#[buffer]
fn named(out: u64, value: u64) -> Result<u64, ParseIntError> {
    let (error, buffer, item, attempts) = (1, 2, 3, 4);
    yield_!(Ok(out + value + error));
    let value = "5".parse::<u64>()?;
    yield_!(Ok(value + buffer + item + attempts + out));
    static LOCK: std::sync::Mutex<u64> = std::sync::Mutex::new(7);
    // A lock is given back before the body is suspended.
    yield_!(Ok(*LOCK.lock().unwrap_or_else(std::sync::PoisonError::into_inner)));
}

macro_rules! doubles {
    ($name:ident) => {
        #[buffer]
        fn $name() -> u64 {
            yield_!(1);
            yield_!(2);
        }
    };
}

doubles!(doubled);

#[test]
fn yields_work_all_over_a_body() {
    #[buffer]
    fn local() -> u64 {
        let mut rest = Some(1);
        while let Some(n) = rest.take() {
            yield_!(n);
        }
    }
    assert!(within_macros().eq(1..=5));
    assert!(doubled().eq([1, 2]) && local().eq([1]));
    assert!(named(1, 2).map_while(Result::ok).eq([4, 15, 7]));
    assert_eq!(LOCAL.len_ready(), 1);
}

#[buffer(max = 10, stop_on_err)]
fn limited() -> Result<u64, String> {
    yield_!(Ok(1));
    yield_!(Err("stop".to_owned()));
    yield_!(Ok(2));
}

#[test]
fn the_first_error_may_be_the_end() {
    assert_eq!(limited().count(), 2);
    assert!(LIMITED.is_exhausted());
}

macro_rules! last_of {
    ($first:stmt; $($rest:tt)*) => {{ $first $($rest)* }};
}

/// Attributes on what is rewritten stay with it.
#[buffer]
fn attributed() -> Result<u64, ParseIntError> {
    #[cfg(any())]
    yield_!(Ok(1));
    #[cfg(not(any()))]
    yield_!(Ok(2));
    #[cfg(any())]
    yield_!(Ok(vec![3].remove(0)));
    #[allow(unused_parens)]
    yield_!((Ok(4)));
    #[cfg(any())]
    "no number".parse::<u64>()?;
    match 5 {
        #[cfg(any())]
        _ => yield_!(Ok(6)),
        n => {
            #[cfg(not(any()))]
            yield_!(Ok(n))
        }
    }
}

/// `?` in macros, whatever they are made of.
#[buffer]
#[allow(clippy::useless_vec)]
fn asks_in_macros(text: String) -> Result<u64, ParseIntError> {
    let repeated = vec![text.parse::<u64>()?; 2];
    yield_!(Ok(repeated.iter().sum()));
    assert!(text.parse::<u64>()? < 10, "{} is too much", text.parse::<u64>()?);
    last_of! {
        let first = text.parse::<u64>()?;
        yield_!(Ok(first));
    }
    assert_eq!("x".parse::<u64>()?, 1);
}

#[test]
fn attributes_of_statements_are_kept() {
    assert!(attributed().map_while(Result::ok).eq([2, 4, 5]));
}

#[test]
fn a_question_mark_in_a_macro_is_one_as_elsewhere() {
    assert!(asks_in_macros("3".to_owned()).map_while(Result::ok).eq([6, 3]));
    assert_eq!(asks_in_macros("3".to_owned()).filter(Result::is_err).count(), 1);
    assert_eq!(asks_in_macros("x".to_owned()).count(), 1);
}

#[buffer(lend)]
fn lines() -> impl Iterator<Item = std::io::Result<String>> {
    std::io::BufRead::lines(std::io::Cursor::new("a\nb"))
}

#[buffer(lend)]
fn cells(count: u64) -> std::sync::Mutex<u64> {
    for n in 0..count {
        yield_!(std::sync::Mutex::new(n));
    }
}

#[buffer(lend)]
fn listed() -> Vec<std::sync::Mutex<u64>> {
    vec![std::sync::Mutex::new(3)]
}

#[test]
fn a_function_may_lend_what_is_not_clone() {
    let read: Vec<&'static str> = lines().filter_map(|line| line.as_deref().ok()).collect();
    assert_eq!(read, ["a", "b"]);
    for line in LINES {
        assert!(line.is_ok());
    }
    for cell in CELLS.of((3,)) {
        assert!(cell.lock().is_ok());
    }
    #[allow(clippy::needless_borrow, clippy::explicit_auto_deref)] // what a newcomer may write
    for line in &LINES {
        assert!(line.is_ok());
    }
    *cells(3).nth(2).expect("a third").lock().expect("nobody panics") += 1;
    assert_eq!(cells(3).map(|cell| *cell.lock().expect("nobody panics")).sum::<u64>(), 4);
    assert_eq!((cells(2).count(), listed().count()), (2, 1));
}

#[buffer(batches, size = 8)]
fn promised() -> impl Iterator<Item = u64> {
    (0..100).map(within)
}

fn within(n: u64) -> u64 {
    n + 1
}

#[test]
fn values_that_wait_for_nobody_may_come_in_batches() {
    for read in 0..100 {
        assert_eq!(PROMISED[read], read as u64 + 1);
        assert!(PROMISED.len_ready() <= read + 1 + 8);
    }
    assert_eq!(promised().count(), 100);
}

#[buffer(halt = |_: &speedup::Buffer<u8>, _: &u8, attempts: usize| attempts > 9)]
fn rolled() -> impl IntoIterator<Item = u8> {
    [3, 1, 2]
}

#[test]
fn an_opaque_type_may_be_any_that_iterates() {
    assert_eq!(rolled().into_iter().collect::<Vec<_>>(), [3, 1, 2]);
    assert_eq!(ROLLED.position(&2), Some(2));
}
