//! The smallest use of `#[cache]`, and what its handle can do.

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use speedup::cache;

#[cache]
fn fibonacci(n: u64) -> u128 {
    if n < 2 { 1 } else { fibonacci(n - 1) + fibonacci(n - 2) }
}

pub(crate) fn main() {
    println!("fibonacci(5) = {}", fibonacci(5));
    println!("fibonacci(100) = {}", fibonacci(100));
    assert_eq!(fibonacci(100), 573_147_844_013_817_084_101);

    let task = FIBONACCI.spawn((150,));
    println!("meanwhile {} values are known", FIBONACCI.len());
    println!("fibonacci(150) = {}", task.join());

    let first = FIBONACCI.get_all((0..10).map(|n| (n,)));
    println!("the first ten are {first:?}");
    assert_eq!(first, [1, 1, 2, 3, 5, 8, 13, 21, 34, 55]);
    assert_eq!(FIBONACCI.peek(&(5,)), Some(8));
}
