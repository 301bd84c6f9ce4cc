//! The attributes of the `speedup` crate; depend on `speedup`, not on this crate.
//!
//! Each attribute has the same stages in files of the same names: `model` reads the invocation, `validate` reports its
//! faults, `expand` writes the code. `cache/groups` finds calls that can run side by side, `buffer/yields` turns a body
//! with `yield_!` into a generator.

mod attributes;
mod buffer;
mod cache;
mod errors;
mod expansion;
mod options;
mod place;
mod signature;

use proc_macro::TokenStream;

/// Remembers the results of a function, and lets its calls of itself run in parallel.
///
/// The function keeps its signature, its visibility and its attributes. Beside it stands its handle, a `&Cache<(Arguments,),
/// Result>` named after the function in `SCREAMING_SNAKE_CASE`. Each distinct key is computed once, however many threads ask
/// at the same time; recursion of any depth works, and a call that needs itself is a panic that names the chain of keys.
///
/// ```
/// use speedup::cache;
///
/// #[cache]
/// fn fibonacci(n: u64) -> u128 {
///     if n < 2 { 1 } else { fibonacci(n - 1) + fibonacci(n - 2) }
/// }
///
/// assert_eq!(fibonacci(100), 573147844013817084101);
/// assert_eq!(FIBONACCI.peek(&(5,)), Some(8));
/// assert_eq!(FIBONACCI.spawn((90,)).join(), 4660046610375530309);
/// ```
///
/// # Places
///
/// Modules, blocks, and `impl` blocks without type parameters, there for functions without `self`. In an `impl` the handle
/// is an associated constant.
///
/// ```
/// use speedup::cache;
///
/// struct Grid;
///
/// impl Grid {
///     #[cache]
///     fn paths(x: u64, y: u64) -> u64 {
///         if x == 0 || y == 0 { 1 } else { Self::paths(x - 1, y) + Self::paths(x, y - 1) }
///     }
/// }
///
/// assert_eq!(Grid::paths(10, 10), 184_756);
/// assert!(Grid::PATHS.contains(&(3, 4)));
/// ```
///
/// # Arguments and results
///
/// Arguments are `Hash + Eq + Clone + Send + Sync + 'static`, or references to such values (`&str`, `&[T]`, `&T`): then the key
/// owns a copy, and a call that is found allocates nothing. Results are `Clone + Send + Sync + 'static`. Of `Result` and
/// `Option` only `Ok` and `Some` are kept.
///
/// ```
/// use speedup::cache;
///
/// #[cache]
/// fn distance(a: &str, b: &str) -> usize {
///     let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) else { return a.len() + b.len() };
///     if x == y { distance(&a[1..], &b[1..]) } else { 1 + distance(&a[1..], b).min(distance(a, &b[1..])) }
/// }
///
/// assert_eq!(distance("kitten", "sitting"), 5);
/// ```
///
/// # Options
///
/// | option | meaning |
/// |---|---|
/// | `name = TABLE` | the name of the handle |
/// | `sequential` | no groups: calls run one after the other, from left to right |
/// | `cache_err` | keep `Err` too |
/// | `cache_none` | keep `None` too |
///
/// # Groups
///
/// Where one expression, or a run of `let` statements that do not use one another, evaluates two or more calls of the
/// function itself whatever happens, these calls form a group: its members may run in parallel and in any order, and before
/// other parts of the statement. Calls behind `?`, `return` and the like, in branches, loops and closures stay where they are;
/// a group can form inside of these. Only calls whose arguments can be evaluated early are members. Without the attribute
/// the function gives the same results.
#[proc_macro_attribute]
pub fn cache(options: TokenStream, item: TokenStream) -> TokenStream {
    cache::attribute(options.into(), item.into()).into()
}

/// Computes the values of a generator ahead of its readers, and keeps them.
///
/// Beside the function stands its handle, a `&Buffer<Item>` named after the function in `SCREAMING_SNAKE_CASE`. It is
/// indexed, iterated and searched by any number of readers; the generator runs once. The function itself gives owned clones
/// from the first value.
///
/// The body returns an iterator, or anything that can be made into one:
///
/// ```
/// use speedup::buffer;
///
/// #[buffer(size = 4)]
/// fn count() -> impl Iterator<Item = u64> {
///     0..
/// }
///
/// assert_eq!(COUNT[15], 15);
/// assert!(COUNT.contains(&12));
/// assert!(count().take(3).eq([0, 1, 2]));
/// ```
///
/// Or it hands out values with [`yield_!`](macro@yield_), and the declared type is that of one value. It may read its own
/// buffer:
///
/// ```
/// use speedup::buffer;
///
/// #[buffer]
/// fn primes() -> u64 {
///     yield_!(2);
///     for candidate in (3..).step_by(2) {
///         if primes().take_while(|prime| prime * prime <= candidate).all(|prime| candidate % prime != 0) {
///             yield_!(candidate);
///         }
///     }
/// }
///
/// assert_eq!(PRIMES[999], 7_919);
/// ```
///
/// There `return` ends the generator. When the values are `Result`s, `?` makes the error the last value:
///
/// ```
/// use speedup::buffer;
///
/// #[buffer]
/// fn numbers(text: String) -> Result<u64, std::num::ParseIntError> {
///     for word in text.split(' ') {
///         yield_!(Ok(word.parse()?));
///     }
/// }
///
/// let numbers: Vec<_> = numbers("1 2 x 4".to_owned()).collect();
/// assert!(matches!(numbers[..], [Ok(1), Ok(2), Err(_)]));
/// ```
///
/// A function with arguments has one buffer for each distinct arguments: `NUMBERS.of(("1 2".to_owned(),))`.
///
/// # Options
///
/// | option | meaning |
/// |---|---|
/// | `size = 16` | how many values are computed ahead of the furthest reader |
/// | `halt = ..` | when a search may stop: `AbsNonDecreasing`, `Attempts(5)`, a closure or a function called as `(buffer, item, attempts)`; without it, values are taken never to decrease |
/// | `name = VALUES` | the name of the handle |
/// | `max = 1_000_000` | more values are a panic instead of endless memory |
/// | `keep = 1_000` | keep only so many values: the handle is a `&Window<Item>` |
/// | `stop_on_err` | the first `Err` is the last value |
///
/// # Limits
///
/// Generators and values move between threads: the iterator, or what a body holds over a `yield_!`, is `Send`, values are
/// `Send + Sync + 'static`. `yield_!` works in loops, matches and nested blocks, not in closures and `async` blocks.
#[proc_macro_attribute]
pub fn buffer(options: TokenStream, item: TokenStream) -> TokenStream {
    buffer::attribute(options.into(), item.into()).into()
}

/// Hands the next value out of the body of a [`#[buffer]`](macro@buffer) function.
///
/// It needs no import there. Anywhere else it is a compile error.
///
/// ```
/// use speedup::buffer;
///
/// #[buffer]
/// fn squares() -> u64 {
///     for n in 0.. {
///         yield_!(n * n);
///     }
/// }
///
/// assert_eq!(SQUARES[12], 144);
/// ```
///
/// ```compile_fail
/// fn squares() -> u64 {
///     speedup::yield_!(4);
/// }
/// ```
#[proc_macro]
pub fn yield_(value: TokenStream) -> TokenStream {
    buffer::yield_outside(value.into()).into()
}
