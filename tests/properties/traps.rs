//! Shapes in which a call that is moved too early, or out of its loop or branch, would change the result, or would panic
//! on arguments that the plain function never computes.

/// The shapes. All take and give a `u32`, so that they can be compared over a whole range.
macro_rules! traps {
    ($(#[$attribute:meta])?) => {
        $(#[$attribute])?
        pub(super) fn condition_of_a_loop(n: u32) -> u32 {
            if n < 2 {
                return n;
            }
            let (mut low, mut steps) = (0, 0);
            while condition_of_a_loop(low) + condition_of_a_loop(low / 2) < n && low + 1 < n {
                low += 1;
                steps += 1;
            }
            steps + low
        }

        /// What is taken out of an element, by its value or behind what it lends, or made by operators of what is lent.
        $(#[$attribute])?
        pub(super) fn elements_of_all_kinds(n: u32) -> u32 {
            if n < 3 {
                return n;
            }
            let mut own = [n - 1, n - 2];
            let [one, other] = &mut own;
            let mut lent = [(one, other)];
            let (ref mut one, ref other) = lent[0];
            **one -= 1;
            let names = [String::from("ab"), String::from("c")];
            let (first, sums) = (&names[0], [(1, n - 1), (2, n / 2)]);
            let (more, less) = sums[1];
            let both = names[1].clone() + first;
            let total = elements_of_all_kinds(**one) ^ elements_of_all_kinds(**other);
            total % 90 + elements_of_all_kinds(less) % 9 + more + (both.len() + first.len()) as u32
        }

        /// What is begun empty has its type by what is put in, which no forecast does.
        $(#[$attribute])?
        pub(super) fn begun_empty(n: u32) -> u32 {
            let mut sum = 1u32;
            for k in 0..n % 7 {
                let mut found = Vec::new();
                let (mut odd, mut best) = (std::collections::HashMap::new(), None);
                let shared = std::cell::RefCell::new(std::collections::BTreeSet::new());
                let mut either = if k % 2 == 0 { Vec::new() } else { Vec::with_capacity(3) };
                let (sender, receiver) = std::sync::mpsc::channel();
                for j in 0..k {
                    let result = begun_empty(j);
                    found.push(result);
                    sender.send(result).unwrap();
                    odd.insert(result % 2, j);
                    best = best.max(Some(result));
                    shared.borrow_mut().insert(result);
                    either.push(result);
                }
                let fallible = Ok(k / 2).and_then(|half: u32| begun_empty(half).checked_add(1).ok_or("too much"));
                sum += found.len() as u32 + odd.len() as u32 + best.unwrap_or(1) % 5 + either.iter().sum::<u32>() % 3;
                drop(sender);
                sum += receiver.iter().max().unwrap_or(0) % 3 + shared.borrow().len() as u32 + fallible.unwrap_or(0) % 4;
            }
            sum
        }

        $(#[$attribute])?
        pub(super) fn bounds_of_a_loop(n: u32) -> u32 {
            if n < 2 {
                return n + 1;
            }
            let mut sum = 0u32;
            for k in bounds_of_a_loop(n / 3)..bounds_of_a_loop(n / 3) + bounds_of_a_loop(n / 2) % 5 {
                sum = sum.wrapping_add(k ^ n);
            }
            sum % 1_000
        }

        $(#[$attribute])?
        pub(super) fn changed_within_the_expression(n: u32) -> u32 {
            if n < 3 {
                return n;
            }
            let mut m = n;
            changed_within_the_expression(m - 1)
                + {
                    m -= 2;
                    m
                }
                + changed_within_the_expression(m) / 2
                + changed_within_the_expression(m / 2) % 7
        }

        $(#[$attribute])?
        pub(super) fn changed_by_a_method(n: u32) -> u32 {
            if n < 2 {
                return n;
            }
            let mut rest: Vec<u32> = (0..n).collect();
            rest.pop().unwrap_or(0)
                + changed_by_a_method(rest.len() as u32 - 1)
                + changed_by_a_method(rest.len() as u32 / 2)
        }

        $(#[$attribute])?
        pub(super) fn changed_through_a_reference(n: u32) -> u32 {
            fn halve(n: &mut u32) -> u32 {
                *n /= 2;
                *n
            }
            if n < 2 {
                return n;
            }
            let mut m = n;
            halve(&mut m) + changed_through_a_reference(m) + changed_through_a_reference(m / 2)
        }

        $(#[$attribute])?
        pub(super) fn shadowed_between_lets(n: u32) -> u32 {
            if n < 4 {
                return n;
            }
            let a = shadowed_between_lets(n - 1);
            let n = n / 2;
            let b = shadowed_between_lets(n);
            let (c, n) = (shadowed_between_lets(n / 2), n - 1);
            let d = shadowed_between_lets(n);
            (a * 7 + b * 5 + c * 3 + d) % 10_007
        }

        $(#[$attribute])?
        pub(super) fn second_needs_the_first(n: u32) -> u32 {
            if n < 2 {
                return n;
            }
            let a = second_needs_the_first(n - 1);
            let b = second_needs_the_first(a % n);
            let a = second_needs_the_first(b % n) + a % 3;
            (a + b) % 97
        }

        $(#[$attribute])?
        pub(super) fn guarded_by_let_else(n: u32) -> u32 {
            let Some(less) = n.checked_sub(3) else { return n };
            let a = guarded_by_let_else(less);
            let 0..50 = a else { return 7 };
            // 60 - n is below zero where the guard above has returned.
            let Some(b) = 60u32.checked_sub(n) else { return 8 };
            (a + guarded_by_let_else(b % n) % 11) % 60
        }

        $(#[$attribute])?
        pub(super) fn guarded_by_and(n: u32) -> u32 {
            let small = n > 0 && guarded_by_and(n - 1) % 2 == 0;
            let large = n == 0 || guarded_by_and(n - 1) % 3 == 1 || n > 1 && guarded_by_and(n - 2) % 2 == 1;
            u32::from(small) * 2 + u32::from(large) + n % 5
        }

        $(#[$attribute])?
        pub(super) fn guarded_in_arguments(n: u32) -> u32 {
            let both = (n > 0 && guarded_in_arguments(n - 1) > 3, if n > 1 { guarded_in_arguments(n - 2) } else { 4 });
            u32::from(both.0) + both.1 % 9 + 1
        }

        $(#[$attribute])?
        pub(super) fn guarded_by_a_match(n: u32) -> u32 {
            match n {
                0 => 1,
                1 | 2 => guarded_by_a_match(n - 1) + 1,
                k if k % 7 == 3 && guarded_by_a_match(k - 3) > guarded_by_a_match(k - 2) => 5,
                k => guarded_by_a_match(k - 3) % 100 + guarded_by_a_match(k / 2),
            }
        }

        $(#[$attribute])?
        pub(super) fn guarded_by_a_let_chain(n: u32) -> u32 {
            if let Some(less) = n.checked_sub(1)
                && let Some(fewer) = n.checked_sub(4)
                && guarded_by_a_let_chain(less) % 2 == guarded_by_a_let_chain(fewer) % 2
            {
                guarded_by_a_let_chain(less) / 2 + n
            } else {
                n
            }
        }

        $(#[$attribute])?
        pub(super) fn early_return_between(n: u32) -> u32 {
            let half = n / 2;
            if n < 2 {
                return n;
            }
            let a = early_return_between(half);
            if a % 3 == 1 {
                return a + 1;
            }
            let b = early_return_between(n - 1);
            loop {
                if b % 2 == 0 {
                    break early_return_between(half) + early_return_between(n - 2) % 5;
                }
                return early_return_between(n - 1) % 11 + early_return_between(half) % 13;
            }
        }

        $(#[$attribute])?
        pub(super) fn shadowed_by_a_closure(n: u32) -> u32 {
            if n < 2 {
                return n;
            }
            let before = shadowed_by_a_closure(n - 1) % 50 + shadowed_by_a_closure(n - 2) % 50;
            let shadowed_by_a_closure = |k: u32| k * 2;
            before + shadowed_by_a_closure(n) + shadowed_by_a_closure(n + 1)
        }

        $(#[$attribute])?
        pub(super) fn shadowed_by_a_nested_function(n: u32) -> u32 {
            if n > 5 {
                fn shadowed_by_a_nested_function(k: u32) -> u32 {
                    k + 1
                }
                return shadowed_by_a_nested_function(n) + shadowed_by_a_nested_function(n + 1);
            }
            if n < 2 { n } else { shadowed_by_a_nested_function(n - 1) + shadowed_by_a_nested_function(n - 2) }
        }

        $(#[$attribute])?
        pub(super) fn names_like_the_macros(call_0: u32) -> u32 {
            if call_0 < 2 {
                return call_0;
            }
            let call_1 = call_0 - 1;
            let key = call_0 / 2;
            call_0 + names_like_the_macros(call_1) % 31 + names_like_the_macros(key) % 37 + call_1 + key
        }

        $(#[$attribute])?
        pub(super) fn assigned_to(n: u32) -> u32 {
            if n < 3 {
                return n;
            }
            let mut values = [0, 0];
            let mut sum = assigned_to(n - 1) % 100;
            sum += assigned_to(n - 2) % 100 + assigned_to(n / 2) % 100;
            values[assigned_to(n / 3) as usize % 2] = assigned_to(n - 3) % 100;
            sum = sum * 2 - values[0] + values[1];
            sum
        }

        $(#[$attribute])?
        pub(super) fn inside_everything(n: u32) -> u32 {
            if n < 9 {
                return n;
            }
            let text = format!("{n}-{}-{}", inside_everything(n - 1) % 10, inside_everything(n - 2) % 10);
            let ordered = matches!((inside_everything(n - 3), inside_everything(n / 2)), (a, b) if a < b);
            let nested = vec![vec![inside_everything(n / 2); 2], vec![inside_everything(n / 3), n]].concat();
            let negative = -(i64::from(inside_everything(n - 1)) - i64::from(inside_everything(n - 2) * 2));
            let either = unsafe_free(|| inside_everything(n - 4) + inside_everything(n - 2));
            (text.len() as u32 + u32::from(ordered) + nested[1] + negative.unsigned_abs() as u32 + either) % 1_000
        }

        #[allow(unused_mut)]
        $(#[$attribute])?
        pub(super) fn borrowed_arguments(mut n: u32) -> u32 {
            let mut seen = vec![n];
            if n < 2 {
                return n;
            }
            n -= 1;
            let a = borrowed_arguments(n) % 100;
            seen.push(a);
            let b = borrowed_arguments(seen.len() as u32 - 1) + borrowed_arguments(seen[0] / 2);
            seen.extend([a, b]);
            n = seen.iter().sum::<u32>() % 1_000;
            n
        }
    };
}

fn unsafe_free<T>(work: impl Fn() -> T) -> T {
    work()
}

mod plain {
    use super::unsafe_free;
    traps!();
}

mod cached {
    use super::unsafe_free;
    traps!(#[speedup::cache]);
}

mod sequential {
    use super::unsafe_free;
    traps!(#[speedup::cache(sequential)]);
}

/// One test a trap: the three compilations agree for every argument up to 18, asked upwards and downwards.
macro_rules! agree {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                for n in 0..18 {
                    assert_eq!(cached::$name(n), plain::$name(n), "cached, of {n}");
                }
                for n in (0..18).rev() {
                    assert_eq!(sequential::$name(n), plain::$name(n), "sequential, of {n}");
                }
            }
        )*
    };
}

agree! {
    condition_of_a_loop
    begun_empty
    bounds_of_a_loop
    changed_within_the_expression
    changed_by_a_method
    changed_through_a_reference
    shadowed_between_lets
    second_needs_the_first
    guarded_by_let_else
    guarded_by_and
    guarded_in_arguments
    guarded_by_a_match
    guarded_by_a_let_chain
    early_return_between
    shadowed_by_a_closure
    shadowed_by_a_nested_function
    names_like_the_macros
    assigned_to
    inside_everything
    borrowed_arguments
    elements_of_all_kinds
}
