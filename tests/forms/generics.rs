//! Generic functions: one table for each set of types.

use std::fmt::Debug;
use std::hash::Hash;

use speedup::cache;

#[cache]
fn distinct<T: Clone + Eq + Hash + Debug + Send + Sync + 'static>(items: Vec<T>) -> usize {
    items.iter().enumerate().filter(|(at, item)| !items[..*at].contains(item)).count()
}

#[test]
fn each_type_has_its_own_table() {
    assert_eq!(distinct(vec![1_u8, 2, 1]), 2);
    assert_eq!(distinct(vec!["a".to_owned(), "a".to_owned()]), 1);
    assert_eq!(distinct(vec!["b".to_owned()]), 1);
    assert_eq!((DISTINCT::<u8>().len(), DISTINCT::<String>().len(), DISTINCT::<i64>().len()), (1, 2, 0));
    assert_eq!(DISTINCT::<u8>().peek(&(vec![1, 2, 1],)), Some(2));
    assert_eq!(DISTINCT::<i64>().get((vec![5],)), 1);
    assert_eq!(DISTINCT::<i64>().spawn((vec![5, 6],)).join(), 2);
}

#[cache]
fn power<const BASE: u64>(exponent: u64) -> u64 {
    if exponent == 0 { 1 } else { BASE * power::<BASE>(exponent - 1) }
}

#[test]
fn numbers_are_types_too() {
    assert_eq!((power::<2>(10), power::<3>(4)), (1024, 81));
    assert_eq!((POWER::<2>().len(), POWER::<3>().len()), (11, 5));
}

struct Sums<T>(std::marker::PhantomData<T>);

impl<T: From<u8> + std::ops::Add<Output = T> + Clone + Send + Sync + 'static> Sums<T> {
    #[cache]
    fn to(n: u8) -> T {
        if n == 0 { T::from(0) } else { T::from(n) + Self::to(n - 1) }
    }
}

trait Named {
    fn named(n: u32) -> String;
}

impl Named for u8 {
    #[cache]
    fn named(n: u32) -> String {
        if n == 0 { "u8".into() } else { format!("{}+", Self::named(n - 1)) }
    }
}

impl Named for u16 {
    #[cache]
    fn named(n: u32) -> String {
        if n == 0 { "u16".into() } else { format!("{}+", Self::named(n - 1)) }
    }
}

#[test]
fn generic_impls_and_traits_work() {
    assert_eq!((Sums::<u32>::to(10), Sums::<u64>::to(4)), (55, 10));
    assert_eq!((Sums::<u32>::TO().len(), Sums::<u64>::TO().len()), (11, 5));
    assert_eq!((u8::named(2), u16::named(1)), ("u8++".to_owned(), "u16+".to_owned()));
}

struct Row<T, const N: usize>([T; N]);

impl<T: Clone + Eq + std::hash::Hash + Send + Sync + 'static, const N: usize> Row<T, N> {
    #[cache(scoped)]
    fn last(&self, n: usize) -> Option<T> {
        if n == N { None } else { self.last(n + 1).or(Some(self.0[n].clone())) }
    }

    #[cache(key = |self, n| -> (T, usize) { (self.0[0].clone(), n) })]
    fn left(&self, n: usize) -> usize {
        if n == N { 0 } else { 1 + self.left(n + 1) }
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Silent(u8);

#[test]
fn keys_of_type_parameters_need_no_debug() {
    let row = Row([Silent(1), Silent(2)]);
    assert_eq!(row.last(0).map(|last| last.0), Some(2));
    assert_eq!(row.left(0), 2);
    assert_eq!(Row::<Silent, 2>::LEFT().len(), 3);
}

#[cache]
fn room_for<T: Clone + Eq + Hash + Send + Sync + 'static>(_of: T) -> u64 {
    2
}

/// What its bound is, another generic function says.
#[cache(capacity = room_for(std::any::type_name::<u8>()))]
fn few<T: Clone + Eq + Hash + Send + Sync + 'static>(items: Vec<T>) -> usize {
    items.len()
}

#[test]
fn a_bound_may_be_what_another_generic_function_says() {
    assert_eq!((few(vec![1_u8]), few(vec!['a', 'b']), few(vec!['c'])), (1, 2, 1));
    assert_eq!(FEW::<char>().len(), 2);
}

/// A function that a trait provides: one for each of its implementations.
trait Shape: Sync {
    fn side(&self, n: u64) -> u64;

    #[cache(scoped)]
    fn area(&self, n: u64) -> u64 {
        if n < 2 { self.side(n) } else { self.area(n - 1) + self.area(n - 2) }
    }
}

struct Sides<'a>(&'a [u64]);

impl Shape for Sides<'_> {
    fn side(&self, n: u64) -> u64 {
        self.0[n as usize]
    }
}

impl Shape for u64 {
    fn side(&self, n: u64) -> u64 {
        self * n
    }
}

#[test]
fn a_trait_provides_a_function_with_a_scope() {
    let sides = vec![2, 1];
    assert_eq!((Sides(&sides).area(40), 1_u64.area(40), 2_u64.area(40)), (228_826_127, 102_334_155, 204_668_310));
}
