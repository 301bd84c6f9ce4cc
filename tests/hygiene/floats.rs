//! Floating-point numbers are keys by their bits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use speedup::cache;
use speedup::cache::{Bits, Cache};

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[cache]
fn halved(x: f64) -> f64 {
    RUNS.fetch_add(1, Ordering::Relaxed);
    x / 2.0
}

#[test]
fn zero_has_one_sign_and_nan_one_form() {
    let runs = |x: f64| {
        let before = RUNS.load(Ordering::Relaxed);
        halved(x);
        RUNS.load(Ordering::Relaxed) - before
    };
    assert_eq!([1.5, 1.5, 0.0, -0.0].map(runs), [1, 0, 1, 0]);
    let other_nan = f64::from_bits(f64::NAN.to_bits() ^ 1);
    assert!(other_nan.is_nan());
    assert_eq!([f64::NAN, f64::NAN, -f64::NAN, other_nan].map(runs), [1, 0, 0, 0]);
    assert_eq!([f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, f64::INFINITY].map(runs), [1, 1, 1, 0]);
}

#[cache]
fn area(width: f32, height: f64) -> f64 {
    f64::from(width) * height
}

#[test]
fn the_handle_takes_plain_numbers() {
    assert_eq!(AREA.peek(&(1.5, 2.0)), None);
    assert_eq!(AREA.insert((1.5, 2.0), 9.0), None);
    assert_eq!((area(1.5, 2.0), AREA.get((1.5, 2.0)), AREA.contains(&(1.5, 2.0))), (9.0, 9.0, true));
    assert_eq!((AREA.refresh((1.5, 2.0)), AREA.remove(&(1.5, 2.0)), AREA.len()), (3.0, Some(3.0), 0));
    assert_eq!(AREA.get_all([(1.0, 1.0), (2.0, 1.0), (1.0, 1.0)]), [1.0, 2.0, 1.0]);
    assert_eq!(
        (AREA.spawn((3.0, 1.0)).join(), AREA.spawn_all([(4.0, 1.0), (5.0, 1.0), (4.0, 1.0), (1.0, 1.0)])),
        (3.0, 2)
    );
    let handle: &Cache<(Bits<f32>, Bits<f64>), f64> = AREA;
    assert_eq!(handle.get_ref((&5.0_f32, &1.0_f64)), 5.0);
}

#[test]
fn all_of_it_is_told_by_plain_numbers() {
    #[cache]
    fn half(x: f64) -> f64 {
        x / 2.0
    }
    assert_eq!((half(1.0), half(3.0)), (0.5, 1.5));
    HALF.retain(|(x,), _| *x < 2.0);
    assert_eq!(HALF.entries(), [((1.0,), 0.5)]);
}

#[cache]
fn nested(
    pair: (f64, u8),
    triple: [f64; 3],
    maybe: Option<f32>,
    many: Vec<f64>,
    boxed: Box<f64>,
    name: (String, f32),
) -> String {
    format!("{pair:?} {triple:?} {maybe:?} {many:?} {boxed:?} {name:?}")
}

#[cache]
fn borrowed(points: &[f64], one: &f64, pairs: &[(f64, f64)], array: &[f32; 2], text: &str) -> f64 {
    let pairs: f64 = pairs.iter().map(|(x, y)| x * y).sum();
    points.iter().sum::<f64>() + one + pairs + f64::from(array[0]) + text.len() as f64
}

#[test]
fn floats_can_be_in_tuples_arrays_and_collections() {
    let call = |zero: f64, nan: f64| {
        nested((zero, 1), [1.0, nan, zero], Some(2.0), vec![nan], Box::new(zero), ("a".into(), 1.5))
    };
    let first = call(0.0, f64::NAN);
    assert_eq!((call(-0.0, -f64::NAN) == first, NESTED.len()), (true, 1));
    assert_ne!(call(0.5, f64::NAN), first);

    assert_eq!(borrowed(&[1.0, 2.0], &3.0, &[(2.0, 3.0)], &[1.0, 0.0], "ab"), 15.0);
    let points = vec![1.0, 2.0];
    assert_eq!(borrowed(&points, &3.0, &[(2.0, 3.0)], &[1.0, -0.0], "ab"), 15.0);
    assert_eq!(BORROWED.peek(&(vec![1.0, 2.0], 3.0, vec![(2.0, 3.0)], [1.0, 0.0], "ab".into())), Some(15.0));
    assert_eq!(BORROWED.len(), 1);
}

#[cache]
fn tree(value: f64, depth: u32) -> f64 {
    if depth == 0 { value } else { tree(value * 0.5, depth - 1) + tree(value * 2.0, depth - 1) }
}

#[test]
fn a_recursion_over_floats_is_one_over_a_table() {
    assert_eq!(tree(1.0, 20), 2.5_f64.powi(20));
    // Sums of as many steps up as down meet.
    assert_eq!(TREE.len(), (1..=21).sum());
}

/// A type that knows how it is a key is left to it.
mod ordered {
    use speedup::cache;

    #[derive(Clone, Copy, Debug)]
    pub(super) struct Ordered<T>(pub(super) T);

    impl PartialEq for Ordered<f64> {
        fn eq(&self, other: &Self) -> bool {
            self.0.total_cmp(&other.0).is_eq()
        }
    }
    impl Eq for Ordered<f64> {}
    impl std::hash::Hash for Ordered<f64> {
        fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
            self.0.to_bits().hash(hasher);
        }
    }

    #[cache]
    pub(super) fn signed(x: Ordered<f64>) -> bool {
        x.0.is_sign_negative()
    }
}

#[test]
fn a_type_with_an_order_of_its_own_keeps_it() {
    use ordered::{Ordered, signed};
    assert_eq!((signed(Ordered(0.0)), signed(Ordered(-0.0))), (false, true));
}

#[cache]
fn unit(_unit: ()) -> u64 {
    7
}

#[cache]
fn nothing() -> u64 {
    8
}

#[cache]
#[allow(clippy::too_many_arguments)]
fn twelve(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: &str, h: f64, i: Vec<u8>, j: bool, k: char, l: u128) -> u128 {
    u128::from(a + b + c + d + e + f) + g.len() as u128 + h as u128 + i.len() as u128 + u128::from(j) + k as u128 + l
}

#[test]
fn there_can_be_no_argument_one_that_is_nothing_and_twelve() {
    assert_eq!((unit(()), UNIT.peek(&((),)), nothing(), NOTHING.peek(&())), (7, Some(7), 8, Some(8)));
    assert_eq!((0..2).map(|_| twelve(1, 2, 3, 4, 5, 6, "ab", 1.0, vec![1], true, 'a', 9)).sum::<u128>(), 2 * 132);
    assert_eq!(TWELVE.len(), 1);
}

#[cache]
fn packed(weights: &[f64], rate: f64, item: usize, room: f64) -> f64 {
    let Some(weight) = weights.get(item) else { return 0.0 };
    let without = packed(weights, rate, item + 1, room);
    if *weight > room { without } else { without.max(weight * rate + packed(weights, rate, item + 1, room - weight)) }
}

#[test]
fn floats_can_be_passed_on() {
    let weights = [1.5, 2.5, 4.0, 0.5];
    assert_eq!((packed(&weights, 2.0, 0, 6.0), packed(&weights, f64::NAN, 4, 1.0)), (12.0, 0.0));
    assert_eq!(PACKED.peek(&(weights.to_vec(), 2.0, 0, 6.0)), Some(12.0));
    assert!(PACKED.contains(&(weights.to_vec(), -f64::NAN, 4, 1.0)) && !PACKED.contains(&(vec![], 2.0, 0, 6.0)));
}

/// Every form of function takes them.
mod forms {
    use speedup::{Memo, cache};

    #[cache(skip(scale))]
    pub(super) fn skipped(x: f64, scale: &f64) -> f64 {
        x * scale
    }

    #[cache(key = |x, y| -> (f64, u8) { (x.abs(), y) })]
    pub(super) fn keyed(x: f64, y: u8) -> f64 {
        x.abs() * f64::from(y)
    }

    #[cache(key = |point| -> f64 { point.0 })]
    pub(super) fn first(point: &(f64, String)) -> f64 {
        point.0 * 2.0
    }

    #[cache(scoped)]
    pub(super) fn scoped(weights: &[f64], x: f64, n: usize) -> f64 {
        if n == 0 { x } else { scoped(weights, x * 0.5, n - 1) + scoped(weights, x * weights[0], n - 1) }
    }

    #[cache]
    pub(super) fn generic<T: Copy + Into<f64> + std::hash::Hash + Eq + Send + Sync + 'static>(x: f64, t: T) -> f64 {
        x + t.into()
    }

    #[derive(Default)]
    pub(super) struct Curve {
        pub(super) memo: Memo<(speedup::cache::Bits<f64>,), f64>,
    }

    impl Curve {
        #[cache(field = memo)]
        pub(super) fn at(&self, x: f64) -> f64 {
            if x < 1.0 { x } else { self.at(x - 1.0) + self.at(x - 1.5) }
        }
    }
}

#[test]
fn floats_are_keys_of_every_form() {
    use forms::*;
    assert_eq!((skipped(1.5, &2.0), skipped(1.5, &3.0), SKIPPED.peek(&(1.5,))), (3.0, 3.0, Some(3.0)));
    assert_eq!((keyed(-2.0, 3), keyed(2.0, 3), KEYED.len()), (6.0, 6.0, 1));
    assert_eq!((first(&(1.5, "a".into())), first(&(1.5, "b".into())), FIRST.contains(&(1.5,))), (3.0, 3.0, true));
    assert_eq!(scoped(&[2.0], 1.0, 10), 2.5_f64.powi(10));
    assert_eq!((generic(1.5, 2_u8), generic(1.5, true)), (3.5, 2.5));
    let curve = Curve::default();
    assert_eq!((curve.at(3.0), curve.memo.len()), (0.5, 7));
}

#[cache]
#[allow(clippy::boxed_local)]
fn deep(
    a: (f32, (f64, [f64; 2]), [[f32; 2]; 2]),
    b: &[(u8, f32)],
    c: Option<(f64, f64)>,
    d: Box<[f64]>,
    e: Arc<[f64]>,
    f: Arc<(f64, u8)>,
) -> f64 {
    RUNS_DEEP.fetch_add(1, Ordering::Relaxed);
    f64::from(a.0) + c.map_or(0.0, |c| c.0) + (b.len() + d.len() + e.len()) as f64 + f.0
}

#[cache]
fn seven(point: (f64, f64, f64, f64, f64, f64, f64)) -> f64 {
    point.6
}

static RUNS_DEEP: AtomicUsize = AtomicUsize::new(0);

#[test]
fn floats_are_found_however_deep_they_stand() {
    let ask = |zero: f64, nan: f64| {
        let a = (0.5, (nan, [zero, 2.0]), [[zero as f32, 1.0], [2.0, nan as f32]]);
        let (d, e) = (vec![zero].into_boxed_slice(), Arc::from(vec![nan, zero]));
        deep(a, &[(1, zero as f32)], Some((1.0, f64::INFINITY)), d, e, Arc::new((zero, 1)))
    };
    assert_eq!((ask(0.0, f64::NAN), ask(-0.0, -f64::NAN)), (5.5, 5.5));
    assert_eq!(RUNS_DEEP.load(Ordering::Relaxed), 1);
    assert_eq!((seven((0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)), SEVEN.len()), (6.0, 1));
}
