//! A grid recursion over two words: the textbook formula is the program.

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use speedup::cache;

/// Letters to change, leave out or put in to make `a` of `b`.
#[cache]
fn distance(a: &str, b: &str) -> usize {
    let (mut xs, mut ys) = (a.chars(), b.chars());
    let (Some(x), Some(y)) = (xs.next(), ys.next()) else {
        return a.chars().count() + b.chars().count();
    };
    let (a_rest, b_rest) = (xs.as_str(), ys.as_str());
    let left_out = distance(a_rest, b) + 1;
    let put_in = distance(a, b_rest) + 1;
    let changed = distance(a_rest, b_rest) + usize::from(x != y);
    left_out.min(put_in).min(changed)
}

pub(crate) fn main() {
    for (a, b, wanted) in [("kitten", "sitting", 3), ("saturday", "sunday", 3), ("", "abc", 3)] {
        println!("{a:?} to {b:?}: {}", distance(a, b));
        assert_eq!(distance(a, b), wanted);
    }
    let words = [("rust", "trust"), ("cache", "cash"), ("buffer", "bluff")];
    let all = DISTANCE.get_all(words.map(|(a, b)| (a.to_owned(), b.to_owned())));
    println!("{words:?}: {all:?}");
    println!("{} pairs of endings are known", DISTANCE.len());
}
