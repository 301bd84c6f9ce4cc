//! The shapes, each as it is and with the attribute.

use super::meeting::{have_met, pool};

/// The functions, once with an attribute and once without.
macro_rules! shapes {
    ($(#[$attribute:meta])?) => {
        use super::*;

        $(#[$attribute])?
        pub(super) fn one_expression(n: u64) -> u64 {
            begin("one_expression");
            if n < 2 {
                meet("one_expression");
                return n;
            }
            one_expression(n - 1) + one_expression(n - 2)
        }

        /// The first calls to end are at the bottom of the recursion, where each needs the one before.
        $(#[$attribute])?
        pub(super) fn work_after_the_calls(i: u64, j: u64) -> u64 {
            if i == 0 || j == 0 {
                return 1;
            }
            let a = work_after_the_calls(i - 1, j);
            let b = work_after_the_calls(i, j - 1);
            begin("work_after_the_calls");
            if i + j == 10 {
                meet("work_after_the_calls");
            }
            a + b
        }

        $(#[$attribute])?
        pub(super) fn run_of_lets(n: u64) -> u64 {
            begin("run_of_lets");
            if n < 6 {
                meet("run_of_lets");
            }
            if n < 2 {
                return n;
            }
            let a = run_of_lets(n - 1);
            let half = n / 2;
            let b = run_of_lets(half);
            a + b
        }

        $(#[$attribute])?
        pub(super) fn argument_calls_another(k: u64) -> u64 {
            begin("argument_calls_another");
            if k < 6 {
                meet("argument_calls_another");
            }
            if k < 2 {
                return k;
            }
            let b = argument_calls_another(k - 1 - mix(k) % (k - 1));
            let a = argument_calls_another(k - 1);
            a.wrapping_mul(3).wrapping_add(b)
        }

        $(#[$attribute])?
        pub(super) fn loop_over_range(n: usize) -> u64 {
            begin("loop_over_range");
            if n < 2 {
                meet("loop_over_range");
                return n as u64;
            }
            let mut best = 0;
            for k in 1..=n.min(8) {
                best = best.max(PRICE[k] + loop_over_range(n - k));
            }
            best
        }

        $(#[$attribute])?
        pub(super) fn mapped_array(n: u64) -> u64 {
            begin("mapped_array");
            if n < 6 {
                meet("mapped_array");
            }
            if n < 2 {
                return n;
            }
            let below = [n - 1, n / 2];
            below.map(mapped_array).into_iter().max().unwrap() + 1
        }

        $(#[$attribute])?
        pub(super) fn bound_and_gone_through(n: u64) -> u64 {
            begin("bound_and_gone_through");
            if n < 6 {
                meet("bound_and_gone_through");
            }
            if n < 2 {
                return n;
            }
            let values = (1..4).filter(|step| *step <= n).map(|step| bound_and_gone_through(n - step));
            values.sum::<u64>() + 1
        }

        $(#[$attribute])?
        pub(super) fn fields_of_a_literal(n: u64) -> u64 {
            begin("fields_of_a_literal");
            if n < 6 {
                meet("fields_of_a_literal");
            }
            if n < 2 {
                return n;
            }
            let steps = Steps { short: 1, long: 2 };
            let short = fields_of_a_literal(n - steps.short);
            let long = if n > steps.long { fields_of_a_literal(n - steps.long) } else { steps.long };
            short + long
        }

        $(#[$attribute])?
        pub(super) fn turns_that_end_early(n: u64) -> Option<u64> {
            begin("turns_that_end_early");
            if n < 3 {
                meet("turns_that_end_early");
                return (n != 1).then_some(n);
            }
            let mut total = 0;
            for step in 1..4 {
                let Some(value) = turns_that_end_early(n - step) else { continue };
                total += value;
            }
            Some(total)
        }

        $(#[$attribute])?
        pub(super) fn loop_over_function(n: u64) -> u64 {
            begin("loop_over_function");
            if n < 2 {
                meet("loop_over_function");
                return 1;
            }
            let mut total = 0;
            for parent in parents(n) {
                total += loop_over_function(parent);
            }
            total
        }

        $(#[$attribute])?
        pub(super) fn loop_over_array(x: i32, y: i32) -> u64 {
            begin("loop_over_array");
            if x < 1 || y < 1 {
                meet("loop_over_array");
                return 1;
            }
            let mut total = 0;
            for (dx, dy) in [(0, 1), (1, 0), (1, 1)] {
                total += loop_over_array(x - dx, y - dy);
            }
            total
        }

        $(#[$attribute])?
        pub(super) fn while_loop(amount: u64, i: usize) -> u64 {
            begin("while_loop");
            if i + 1 == COINS.len() {
                meet("while_loop");
                return u64::from(amount % COINS[i] == 0);
            }
            let coin = COINS[i];
            let mut total = 0;
            let mut k = 0;
            while k * coin <= amount {
                total += while_loop(amount - k * coin, i + 1);
                k += 1;
            }
            total
        }

        $(#[$attribute])?
        pub(super) fn endless_loop(n: u64) -> u64 {
            begin("endless_loop");
            if n < 2 {
                meet("endless_loop");
                return n;
            }
            let mut step = 1;
            let mut total = 0;
            loop {
                if step > n {
                    break;
                }
                total += endless_loop(n - step);
                step *= 2;
            }
            total
        }

        $(#[$attribute])?
        pub(super) fn two_in_one_closure(n: u64) -> u64 {
            begin("two_in_one_closure");
            if n < 6 {
                meet("two_in_one_closure");
            }
            if n == 0 {
                return 1;
            }
            (0..n).map(|k| two_in_one_closure(k) * two_in_one_closure(n - 1 - k)).sum()
        }

        $(#[$attribute])?
        pub(super) fn least_of_a_range(lo: usize, hi: usize) -> u64 {
            begin("least_of_a_range");
            if hi - lo < 2 {
                meet("least_of_a_range");
                return 0;
            }
            (lo + 1..hi)
                .map(|k| least_of_a_range(lo, k) + least_of_a_range(k, hi) + PRICE[lo] * PRICE[k])
                .min()
                .unwrap_or(0)
        }

        $(#[$attribute])?
        pub(super) fn filtered_and_folded(n: u64) -> u64 {
            begin("filtered_and_folded");
            if n < 6 {
                meet("filtered_and_folded");
            }
            if n < 2 {
                return n;
            }
            (1..n).filter(|k| n % k == 0 || *k + 1 == n).map(|k| filtered_and_folded(k)).fold(1, |all, one| all + one)
        }

        $(#[$attribute])?
        pub(super) fn fold_that_calls(n: u64) -> u64 {
            begin("fold_that_calls");
            if n < 4 {
                meet("fold_that_calls");
                return n;
            }
            (1..=4).fold(0, |all, k| all + fold_that_calls(n - k))
        }

        $(#[$attribute])?
        pub(super) fn handed_to_map(n: u64) -> u64 {
            begin("handed_to_map");
            if n < 6 {
                meet("handed_to_map");
            }
            if n < 2 {
                return 1;
            }
            parents(n).into_iter().map(handed_to_map).sum()
        }

        $(#[$attribute])?
        pub(super) fn nested_flat_map(n: u64) -> u64 {
            begin("nested_flat_map");
            if n < 6 {
                meet("nested_flat_map");
            }
            if n < 2 {
                return 1;
            }
            (1..3).flat_map(|k| (1..3).map(move |j| nested_flat_map(n.saturating_sub(j * k)) % 7)).sum()
        }

        $(#[$attribute])?
        pub(super) fn for_each_into_a_local(n: u64) -> u64 {
            begin("for_each_into_a_local");
            if n < 2 {
                meet("for_each_into_a_local");
                return 1;
            }
            let mut total = 0;
            [1, 2].iter().for_each(|k| total += for_each_into_a_local(n - k));
            total
        }

        $(#[$attribute])?
        pub(super) fn successive_ifs(i: u64, j: u64) -> u64 {
            begin("successive_ifs");
            if i < 2 || j < 2 {
                meet("successive_ifs");
            }
            let mut total = u64::from(i == 0 && j == 0);
            if i > 0 {
                total += successive_ifs(i - 1, j);
            }
            if j > 0 {
                total += successive_ifs(i, j - 1);
            }
            total
        }

        $(#[$attribute])?
        pub(super) fn branches_as_values(i: u64, j: u64) -> u64 {
            begin("branches_as_values");
            if i == 0 || j == 0 {
                meet("branches_as_values");
                return 1;
            }
            let up = if i > 0 { branches_as_values(i - 1, j) } else { 0 };
            let left = if j > 0 { branches_as_values(i, j - 1) } else { 0 };
            up + left
        }

        $(#[$attribute])?
        pub(super) fn branches_of_a_match(n: u64) -> u64 {
            begin("branches_of_a_match");
            if n < 6 {
                meet("branches_of_a_match");
            }
            match n {
                0 | 1 => n,
                n if n % 2 == 0 => branches_of_a_match(n / 2) + branches_of_a_match(n - 1),
                m => branches_of_a_match(m - 1) + branches_of_a_match(m - 2),
            }
        }

        $(#[$attribute])?
        pub(super) fn tries_in_one_expression(i: u64, j: u64) -> Option<u64> {
            begin("tries_in_one_expression");
            if i == 0 || j == 0 {
                meet("tries_in_one_expression");
                return Some(1);
            }
            Some(tries_in_one_expression(i - 1, j)? + tries_in_one_expression(i, j - 1)?)
        }

        $(#[$attribute])?
        pub(super) fn tries_in_lets(i: u64, j: u64) -> Result<u64, String> {
            begin("tries_in_lets");
            if i == 0 || j == 0 {
                meet("tries_in_lets");
                return Ok(1);
            }
            let a = tries_in_lets(i - 1, j)?;
            let b = tries_in_lets(i, j - 1)?;
            Ok(a + b)
        }

        $(#[$attribute])?
        pub(super) fn return_between(first: usize, room: u64) -> u64 {
            begin("return_between");
            if first == WEIGHT.len() {
                meet("return_between");
                return 0;
            }
            let without = return_between(first + 1, room);
            if WEIGHT[first] > room {
                return without;
            }
            without.max(WEIGHT[first] + return_between(first + 1, room - WEIGHT[first]))
        }

        $(#[$attribute])?
        pub(super) fn local_closure(i: u64, j: u64) -> u64 {
            begin("local_closure");
            if i == 0 || j == 0 {
                meet("local_closure");
                return 1;
            }
            let go = |di, dj| local_closure(i - di, j - dj);
            go(1, 0) + go(0, 1)
        }

        $(#[$attribute])?
        pub(super) fn pieces_of_a_text(text: &str) -> u64 {
            begin("pieces_of_a_text");
            if text.len() < 6 {
                meet("pieces_of_a_text");
            }
            if text.is_empty() {
                return 1;
            }
            let mut ways = 0;
            for word in ["a", "ab", "b", "ba"] {
                if let Some(rest) = text.strip_prefix(word) {
                    ways += pieces_of_a_text(rest);
                }
            }
            ways
        }

        $(#[$attribute])?
        pub(super) fn items_and_room(items: &[u64], room: u64) -> u64 {
            begin("items_and_room");
            let Some((first, rest)) = items.split_first() else {
                meet("items_and_room");
                return 0;
            };
            let without = items_and_room(rest, room);
            if *first > room { without } else { without.max(first + items_and_room(rest, room - first)) }
        }

        $(#[$attribute])?
        pub(super) fn children_of_a_node(node: usize) -> usize {
            begin("children_of_a_node");
            let children: Vec<usize> = [2 * node + 1, 2 * node + 2].into_iter().filter(|child| *child < 15).collect();
            if children.is_empty() {
                meet("children_of_a_node");
                return 1;
            }
            1 + children.iter().map(|&child| children_of_a_node(child)).max().unwrap_or(0)
        }

        $(#[$attribute])?
        pub(super) fn stack_of_work(n: u64) -> u64 {
            begin("stack_of_work");
            if n < 2 {
                meet("stack_of_work");
                return n;
            }
            let mut stack = vec![n - 1];
            let mut total = 0;
            while let Some(next) = stack.pop() {
                total += stack_of_work(next);
                if next > 3 {
                    stack.push(next / 2);
                }
                if next == n - 1 {
                    stack.push(n - 2);
                }
            }
            total
        }

        $(#[$attribute])?
        pub(super) fn options_of_less(n: u64) -> u64 {
            begin("options_of_less");
            if n == 0 {
                meet("options_of_less");
                return 1;
            }
            if n == 1 {
                meet("options_of_less");
            }
            n.checked_sub(1).map_or(0, |m| options_of_less(m)) + n.checked_sub(2).map_or(0, |m| options_of_less(m))
        }

        $(#[$attribute])?
        pub(super) fn a_mask_of_nodes(mask: u32, last: usize) -> u64 {
            begin("a_mask_of_nodes");
            if mask == 0b1111 {
                meet("a_mask_of_nodes");
                return PRICE[last];
            }
            (0..4)
                .filter(|&next| mask & (1 << next) == 0)
                .map(|next| PRICE[last + next] + a_mask_of_nodes(mask | 1 << next, next))
                .min()
                .unwrap_or(0)
        }

        $(#[$attribute])?
        pub(super) fn continue_and_labels(n: u64) -> u64 {
            begin("continue_and_labels");
            if n < 3 {
                meet("continue_and_labels");
                return n;
            }
            let mut total = 0;
            'outer: for i in 1..4 {
                for j in 1..4 {
                    if i + j > n {
                        continue 'outer;
                    }
                    if i == j {
                        continue;
                    }
                    if i * j == 6 {
                        break;
                    }
                    total += continue_and_labels(n - i.max(j));
                }
            }
            total
        }
    };
}

const PRICE: [u64; 12] = [0, 1, 5, 8, 9, 10, 17, 17, 20, 24, 30, 31];
const COINS: [u64; 4] = [5, 3, 2, 1];
const WEIGHT: [u64; 6] = [3, 9, 4, 2, 7, 5];

fn mix(k: u64) -> u64 {
    k.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40
}

/// Not to be cloned.
struct Steps {
    short: u64,
    long: u64,
}

fn parents(n: u64) -> Vec<u64> {
    vec![n / 2, n - 1, n - 2]
}

mod plain {
    fn begin(_: &str) {}
    fn meet(_: &str) {}
    shapes!();
}

mod cached {
    use crate::meeting::{begin, meet};
    shapes!(#[speedup::cache]);
}

/// A test for each shape: its calls meet, and its result is right.
macro_rules! tests {
    ($($shape:ident($($argument:expr),*);)*) => {$(
        #[test]
        fn $shape() {
            let _one = pool();
            assert_eq!(cached::$shape($($argument),*), plain::$shape($($argument),*));
            assert!(have_met(stringify!($shape)), "the calls ran one after the other");
        }
    )*};
}

tests! {
    one_expression(10);
    work_after_the_calls(8, 8);
    run_of_lets(9);
    argument_calls_another(12);
    loop_over_range(9);
    mapped_array(9);
    bound_and_gone_through(9);
    fields_of_a_literal(9);
    turns_that_end_early(9);
    loop_over_function(9);
    loop_over_array(4, 4);
    while_loop(17, 0);
    endless_loop(9);
    two_in_one_closure(6);
    least_of_a_range(0, 7);
    filtered_and_folded(12);
    fold_that_calls(12);
    handed_to_map(9);
    nested_flat_map(6);
    for_each_into_a_local(8);
    successive_ifs(4, 4);
    branches_as_values(4, 4);
    branches_of_a_match(13);
    tries_in_one_expression(4, 4);
    tries_in_lets(4, 4);
    return_between(0, 12);
    local_closure(4, 4);
    pieces_of_a_text("abbaabab");
    items_and_room(&[3, 9, 4, 2, 7], 12);
    children_of_a_node(0);
    stack_of_work(9);
    options_of_less(8);
    a_mask_of_nodes(1, 0);
    continue_and_labels(9);
}
