//! Calls that a body makes of its own function, in whatever way it names it: they go on in the table of the running call.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use speedup::cache;

/// Paths through a grid, by functions that name themselves in different ways: each has the sum of all cells' first letters as its context.
fn expected(letters: &[u8], i: u64, j: u64) -> u64 {
    if i == 0 || j == 0 {
        return u64::from(letters[0]);
    }
    expected(letters, i - 1, j).wrapping_add(expected(letters, i, j - 1))
}

#[cache(scoped)]
fn plainly(letters: &[u8], i: u64, j: u64) -> u64 {
    if i == 0 || j == 0 {
        return u64::from(letters[0]);
    }
    plainly(letters, i - 1, j).wrapping_add(plainly(letters, i, j - 1))
}

#[cache(scoped)]
fn as_a_value(letters: &[u8], i: u64, j: u64) -> u64 {
    if i == 0 || j == 0 {
        return u64::from(letters[0]);
    }
    let itself: fn(&[u8], u64, u64) -> u64 = as_a_value;
    itself(letters, i - 1, j).wrapping_add(as_a_value(letters, i, j - 1))
}

#[cache(scoped)]
fn by_an_item(letters: &[u8], i: u64, j: u64) -> u64 {
    fn left(letters: &[u8], i: u64, j: u64) -> u64 {
        by_an_item(letters, i - 1, j)
    }
    if i == 0 || j == 0 {
        return u64::from(letters[0]);
    }
    left(letters, i, j).wrapping_add(by_an_item(letters, i, j - 1))
}

#[cache(scoped)]
fn by_a_macro(letters: &[u8], i: u64, j: u64) -> u64 {
    macro_rules! left {
        () => {
            by_a_macro(letters, i - 1, j)
        };
    }
    if i == 0 || j == 0 {
        return u64::from(letters[0]);
    }
    left!().wrapping_add(by_a_macro(letters, i, j - 1))
}

#[cache(scoped)]
fn by_a_path(letters: &[u8], i: u64, j: u64) -> u64 {
    if i == 0 || j == 0 {
        return u64::from(letters[0]);
    }
    self::by_a_path(letters, i - 1, j).wrapping_add(by_a_path(letters, i, j - 1))
}

#[cache(scoped)]
fn hidden(letters: &[u8], i: u64, j: u64) -> u64 {
    if i == 0 || j == 0 {
        return u64::from(letters[0]);
    }
    let above = hidden(letters, i - 1, j);
    let hidden: u64 = hidden(letters, i, j - 1);
    above.wrapping_add(hidden)
}

#[cache(scoped)]
fn in_closures(letters: &[u8], i: u64, j: u64) -> u64 {
    if i == 0 || j == 0 {
        return u64::from(letters[0]);
    }
    let ways: Vec<u64> = [(i - 1, j), (i, j - 1)].iter().map(|(i, j)| in_closures(letters, *i, *j)).collect();
    ways.into_iter().fold(0, u64::wrapping_add)
}

#[test]
fn however_a_body_names_its_function_results_are_the_same() {
    let letters = [7, 1];
    let functions = [plainly, as_a_value, by_an_item, by_a_macro, by_a_path, hidden, in_closures];
    for (number, function) in functions.into_iter().enumerate() {
        assert_eq!(function(&letters, 6, 7), expected(&letters, 6, 7), "the function with the number {number}");
    }
}

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[cache(scoped)]
fn counted(letters: &[u8], number: f64, i: u32, j: u32) -> f64 {
    RUNS.fetch_add(1, Relaxed);
    if i == 0 || j == 0 {
        return number;
    }
    counted(letters, number, i - 1, j) + counted(letters, number, i, j - 1)
}

#[test]
fn a_key_is_computed_once_a_scope() {
    for scopes in 1..4 {
        assert!(counted(b"abc", 0.0, 9, 9).abs() < 0.1);
        assert_eq!(RUNS.load(Relaxed), scopes * 99);
    }
}

#[cache(scoped)]
fn on_threads(letters: &[u8], n: u64) -> u64 {
    if n < 2 {
        return u64::from(letters[0]);
    }
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| on_threads(letters, n - 1));
        let other = scope.spawn(|| on_threads(letters, n - 2));
        (one.join().expect("no panic"), other.join().expect("no panic"))
    });
    one + other
}

#[test]
fn threads_that_a_body_starts_may_make_its_calls() {
    assert_eq!(on_threads(&[1], 6), 13);
}

#[cache]
fn graph_paths(edges: &[Vec<u32>], most: u8, node: u32) -> u64 {
    let next = &edges[node as usize];
    if next.is_empty() {
        return u64::from(most);
    }
    next.iter().map(|next| graph_paths(edges, most, *next)).sum()
}

#[cache]
fn smaller(edges: &[Vec<u32>], node: u32) -> u64 {
    let Some(next) = edges[node as usize].first() else { return 1 };
    // Syntax does not tell that this is something else.
    macro_rules! without_the_last {
        () => {
            &edges[..edges.len() - 1]
        };
    }
    3 * smaller(edges, *next) + if edges.len() > 5 { smaller_by(without_the_last!(), 3) } else { 0 }
}

fn smaller_by(edges: &[Vec<u32>], node: u32) -> u64 {
    smaller(edges, node)
}

#[test]
fn what_all_calls_pass_on_chooses_the_table_and_what_another_passes_on_another_one() {
    let edges: Vec<Vec<u32>> = vec![vec![1, 2], vec![2, 3], vec![3], vec![4], vec![], vec![], vec![]];
    for most in [1, 7] {
        assert_eq!(graph_paths(&edges, most, 0), 3 * u64::from(most));
    }
    fn plain(edges: &[Vec<u32>], node: u32) -> u64 {
        let Some(next) = edges[node as usize].first() else { return 1 };
        3 * plain(edges, *next) + if edges.len() > 5 { plain(&edges[..edges.len() - 1], 3) } else { 0 }
    }
    assert_eq!(smaller(&edges, 0), plain(&edges, 0));
}

#[cache]
fn rows(steady: &[u64], row: &[u8], depth: u8) -> u64 {
    let Some((first, rest)) = row.split_first() else { return steady[0] };
    // What lies elsewhere has no place, and a middle part has one of its own.
    let copied = if depth == 0 { 0 } else { rows(steady, &rest.iter().rev().copied().collect::<Vec<u8>>(), depth - 1) };
    let middle = if depth == 0 || rest.is_empty() { 0 } else { rows(steady, &row[..row.len() - 1], depth - 1) };
    rows(steady, rest, depth).wrapping_mul(3).wrapping_add(copied).wrapping_add(middle) ^ u64::from(*first)
}

#[test]
fn parts_at_both_ends_in_the_middle_and_elsewhere_are_told_apart() {
    fn plain(steady: &[u64], row: &[u8], depth: u8) -> u64 {
        let Some((first, rest)) = row.split_first() else { return steady[0] };
        let copied =
            if depth == 0 { 0 } else { plain(steady, &rest.iter().rev().copied().collect::<Vec<u8>>(), depth - 1) };
        let middle = if depth == 0 || rest.is_empty() { 0 } else { plain(steady, &row[..row.len() - 1], depth - 1) };
        plain(steady, rest, depth).wrapping_mul(3).wrapping_add(copied).wrapping_add(middle) ^ u64::from(*first)
    }
    let row: Vec<u8> = (0..70).map(|n| n % 5).collect();
    for depth in 0..2 {
        assert_eq!(rows(&[5], &row, depth), plain(&[5], &row, depth));
    }
}
