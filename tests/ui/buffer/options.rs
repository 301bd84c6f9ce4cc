//! Every fault among the options is reported, all of them at once.

use speedup::buffer;

#[buffer(sise = 4, size = 0, size = 3, max = "many", stop_on_err = 1, disk)]
fn many() -> impl Iterator<Item = Result<u64, String>> {
    (0..).map(Ok)
}

#[buffer(size = -1)]
fn negative() -> impl Iterator<Item = u64> {
    0..
}

#[buffer(size, halt, name = "COUNT")]
fn valueless() -> impl Iterator<Item = u64> {
    0..
}

#[buffer(keep = 10, max = 20, lend, halt = AbsNonDecreasing)]
fn window() -> impl Iterator<Item = i64> {
    0..
}

#[buffer(stop_on_err)]
fn infallible() -> impl Iterator<Item = u64> {
    0..
}

#[buffer(halt = 5, name = counted)]
fn counted() -> impl Iterator<Item = u64> {
    0..
}

#[buffer(halt = |item| *item > 5)]
fn short() -> impl Iterator<Item = u64> {
    0..
}

#[buffer(resume = |last| last + 1.., disk = "list")]
fn one_for_all(from: u64) -> impl Iterator<Item = u64> {
    from..
}

#[buffer(resume = 7)]
fn no_closure() -> impl Iterator<Item = u64> {
    0..
}

#[buffer(resume = |last| last + 1..)]
fn no_disk() -> impl Iterator<Item = u64> {
    0..
}

fn main() {
    // No fault of its own: the functions and their handles are there.
    let _ = (many().next(), negative().next(), valueless().next(), window().next());
    let _ = (MANY.get(0), NEGATIVE.get(0), VALUELESS.get(0));
}
