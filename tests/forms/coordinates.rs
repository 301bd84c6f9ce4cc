//! Tuples and arrays of integers are coordinates of the key, in every form of function.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use speedup::cache::{Cache, Coordinates};
use speedup::{Memo, cache};

/// Ways through a grid, by hand.
fn ways(x: i64, y: i64) -> u64 {
    if x == 0 || y == 0 { 1 } else { ways(x - 1, y) + ways(x, y - 1) }
}

#[cache]
fn plain(place: (i64, i64)) -> u64 {
    let (x, y) = place;
    if x == 0 || y == 0 { 1 } else { plain((x - 1, y)) + plain((x, y - 1)) }
}

#[cache]
fn by_pattern([x, y]: [usize; 2]) -> u64 {
    if x == 0 || y == 0 { 1 } else { by_pattern([x - 1, y]) + by_pattern([x, y - 1]) }
}

#[cache]
fn by_reference(place: &(u8, u8), twice: bool) -> u64 {
    let &(x, y) = place;
    if twice {
        return 2 * by_reference(place, false);
    }
    if x == 0 || y == 0 { 1 } else { by_reference(&(x - 1, y), twice) + by_reference(&(x, y - 1), twice) }
}

#[cache]
fn passed_on(walls: &[(i32, i32)], place: (i32, i32)) -> Option<u64> {
    let (x, y) = place;
    if x < 0 || y < 0 || walls.contains(&place) {
        return Some(0);
    }
    if place == (0, 0) { Some(1) } else { Some(passed_on(walls, (x - 1, y))? + passed_on(walls, (x, y - 1))?) }
}

#[cache(scoped)]
fn scoped(weights: &[u64], mut place: (usize, usize)) -> u64 {
    place.0 %= weights.len();
    let (x, y) = place;
    if x == 0 || y == 0 { weights[x] } else { scoped(weights, (x - 1, y)) + scoped(weights, (x, y - 1)) }
}

#[cache(capacity = 100)]
fn bounded(place: (u32, u32)) -> u64 {
    u64::from(place.0) * u64::from(place.1)
}

#[cache(key = |place, ignored| -> ((i64, i64),) { (place,) })]
fn keyed(place: (i64, i64), ignored: &str) -> usize {
    place.0.unsigned_abs() as usize + ignored.len()
}

#[cache]
fn generic<const N: u64>(place: (u64, u64)) -> u64 {
    if place.0 == 0 { place.1 * N } else { generic::<N>((place.0 - 1, place.1)) }
}

struct Field {
    side: u64,
    memo: Memo<((u64, u64),), u64>,
}

impl Field {
    #[cache(field = memo)]
    fn paths(&self, place: (u64, u64)) -> u64 {
        if place.0 == 0 || place.1 == self.side {
            1
        } else {
            self.paths((place.0 - 1, place.1)) + self.paths((place.0, place.1 + 1))
        }
    }
}

#[test]
fn results_are_those_of_the_plain_recursion() {
    let expected = ways(6, 7);
    assert_eq!(plain((6, 7)), expected);
    assert_eq!(by_pattern([6, 7]), expected);
    assert_eq!((by_reference(&(6, 7), true), by_reference(&(6, 7), false)), (2 * expected, expected));
    assert_eq!(passed_on(&[], (6, 7)), Some(1716));
    assert_eq!(passed_on(&[(1, 0), (0, 1)], (6, 7)), Some(0));
    assert_eq!(scoped(&[1; 7], (6, 7)), expected);
    assert_eq!((bounded((3, 4)), bounded((4, 3)), bounded((3, 4))), (12, 12, 12));
    assert_eq!((keyed((-3, 4), "ab"), keyed((-3, 4), "another")), (5, 5));
    assert_eq!((generic::<2>((3, 4)), generic::<3>((3, 4))), (8, 12));
    let field = Field { side: 7, memo: Memo::default() };
    assert_eq!(field.paths((6, 0)), expected);
    assert_eq!(field.memo.len(), field.memo.stats().computed as usize);
}

#[test]
fn what_is_kept_is_found_by_the_plain_tuple() {
    #[cache]
    fn sum(place: (i32, i32), more: u8) -> i32 {
        place.0 + place.1 + i32::from(more)
    }
    assert_eq!(sum((1, -2), 3), 2);
    assert_eq!((SUM.peek(&((1, -2), 3)), SUM.peek(&((-2, 1), 3))), (Some(2), None));
    assert_eq!(SUM.insert(((-2, 1), 3), 9), None);
    assert_eq!((sum((-2, 1), 3), SUM.len()), (9, 2));
    assert_eq!(SUM.get_all([((1, -2), 3), ((i32::MAX, i32::MIN), 1)]), [2, 0]);
    assert_eq!(SUM.remove(&((i32::MAX, i32::MIN), 1)), Some(0));
    assert_eq!(SUM.entries().iter().map(|((place, more), sum)| (place.0, *more, *sum)).max(), Some((1, 3, 2)));
    SUM.retain(|((x, y), _), _| (*x, *y) != (-2, 1));
    assert_eq!(SUM.entries(), [(((1, -2), 3), 2)]);
    type Handle = Cache<(Coordinates<(i32, i32)>, u8), i32>;
    let handle: &Handle = SUM;
    assert_eq!(handle.get_ref((&(1, -2), &3)), 2);
    assert_eq!(handle.stats().computed, 2);
}

#[test]
fn a_call_that_needs_itself_is_named_as_it_is_written() {
    #[cache]
    fn round(place: (u8, u8)) -> u8 {
        if place == (0, 0) { 0 } else { round((place.1, place.0)) }
    }
    let panic = std::panic::catch_unwind(|| round((1, 2))).unwrap_err();
    let message = panic.downcast_ref::<String>().expect("a message");
    assert!(message.contains("round((1, 2)) -> round((2, 1)) -> round((1, 2))"), "{message}");
}

#[test]
fn each_is_computed_once_whoever_asks() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cache]
    fn shared(place: [i16; 3]) -> i64 {
        RUNS.fetch_add(1, Ordering::Relaxed);
        let [a, b, c] = place;
        if a == 0 { i64::from(b) + i64::from(c) } else { shared([a - 1, b, c]) + shared([a - 1, b - 1, c]) }
    }
    let all = Arc::new(std::sync::Barrier::new(4));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let all = all.clone();
            std::thread::spawn(move || {
                all.wait();
                shared([12, 5, -7])
            })
        })
        .collect();
    let results: Vec<i64> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(results.iter().all(|result| *result == results[0]), "{results:?}");
    assert_eq!(RUNS.load(Ordering::Relaxed), SHARED.len());
}

#[cfg(feature = "async")]
#[test]
fn awaited_functions_take_them_too() {
    #[cache]
    async fn awaited(place: (u32, u32)) -> u64 {
        if place.0 == 0 || place.1 == 0 {
            1
        } else {
            awaited((place.0 - 1, place.1)).await + awaited((place.0, place.1 - 1)).await
        }
    }
    assert_eq!(pollster::block_on(awaited((6, 7))), ways(6, 7));
    assert_eq!(AWAITED.peek(&((6, 7),)), Some(ways(6, 7)));
}
