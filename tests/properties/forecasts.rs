//! Bodies in which a forecast has to keep its hands off: what is moved, borrowed, shared in cells, left without a value, or
//! not yet of a known type. They compile with the attribute as they do without, and what they do to their locals is done once.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

/// The bodies. All take and give a `u32`.
macro_rules! bodies {
    ($(#[$attribute:meta])?) => {
        use super::*;

        $(#[$attribute])?
        pub(super) fn cell_as_counter(n: u32) -> u32 {
            if n < 2 { return n; }
            let counter = Cell::new(0);
            let next = || { counter.set(counter.get() + 1); counter.get() };
            let sum = cell_as_counter(n - next()) + cell_as_counter(n - next());
            sum % 1000 * 10 + counter.get()
        }

        $(#[$attribute])?
        pub(super) fn cell_lent(n: u32) -> u32 {
            fn count(cell: &RefCell<Vec<u32>>, n: u32) -> u32 { cell.borrow_mut().push(n); n - 1 }
            if n < 2 { return n; }
            let seen = RefCell::new(Vec::new());
            let mut sum = 0u32;
            for _ in 0..2 { sum = sum.wrapping_add(cell_lent(count(&seen, n)) ^ n); }
            sum % 1000 + seen.borrow().len() as u32
        }

        $(#[$attribute])?
        pub(super) fn shared_by_rc(n: u32) -> u32 {
            if n < 2 { return n; }
            let log = Rc::new(RefCell::new(0));
            let other = Rc::clone(&log);
            let step = move |by: u32| { *other.borrow_mut() += by; by };
            (shared_by_rc(n - step(1)) + shared_by_rc(n - step(2))) % 999 + *log.borrow()
        }

        $(#[$attribute])?
        pub(super) fn moved_into_a_method(n: u32) -> u32 {
            if n < 3 { return n; }
            let parents = vec![n - 1, n / 2];
            let names: Option<String> = Some("x".repeat(n as usize));
            let length = names.map(|name| moved_into_a_method(name.len() as u32 - 2) + moved_into_a_method(1)).unwrap_or(0);
            let mut total = length;
            for parent in parents { total = total.wrapping_add(moved_into_a_method(parent)) % 1009; }
            total
        }

        $(#[$attribute])?
        pub(super) fn parts_moved_before(n: u32) -> u32 {
            if n < 2 { return n; }
            let pair = Pair { text: "ab".to_owned(), number: n };
            let text = pair.text;
            let a = parts_moved_before(pair.number - 1);
            let b = parts_moved_before(pair.number - 2 + text.len() as u32 - 2);
            (a + b) % 1013
        }

        $(#[$attribute])?
        pub(super) fn borrowed_mutably(n: u32) -> u32 {
            if n < 4 { return n; }
            let mut values = vec![1, 2, 3];
            let last = values.last_mut().unwrap();
            let a = borrowed_mutably(n - *last);
            *last += 1;
            let b = borrowed_mutably(n - *last) + borrowed_mutably(n - 1);
            (a + b + values[2]) % 1019
        }

        $(#[$attribute])?
        pub(super) fn iterated_mutably(n: u32) -> u32 {
            if n < 4 { return n; }
            let mut values = [1, 2, 3];
            for value in values.iter_mut() { *value = iterated_mutably(n - *value) % 7 + *value; }
            values.iter().sum::<u32>() % 1021
        }

        $(#[$attribute])?
        pub(super) fn entries_of_a_map(n: u32) -> u32 {
            if n < 4 { return n; }
            let mut seen: HashMap<u32, u32> = HashMap::new();
            for k in 1..4 { *seen.entry(k % 2).or_insert(0) += entries_of_a_map(n - k) % 5; }
            seen.values().sum::<u32>() + seen.len() as u32
        }

        $(#[$attribute])?
        pub(super) fn known_only_later(n: u32) -> u32 {
            if n < 3 { return n; }
            let mut found = Vec::new();
            let mut best = None;
            for k in 1..3 {
                let one = known_only_later(n - k);
                found.push(one);
                best = best.max(Some(found.len() as u32 + one % 3));
            }
            let step: u32 = "1".parse().unwrap();
            let more = known_only_later(n - step) + known_only_later(n - 2);
            (more + best.unwrap_or_default() + found[0]) % 1031
        }

        $(#[$attribute])?
        pub(super) fn conversions(n: u32) -> u32 {
            if n < 3 { return n; }
            let small: u8 = 1;
            let a = conversions(n - u32::from(small)) + conversions((n / 2).into());
            let b: u32 = [1u32, 2].iter().map(|k| n - k).map(conversions).sum::<u32>() + "7".parse::<u32>().unwrap();
            (a % 97 + b) % 1033
        }

        $(#[$attribute])?
        pub(super) fn value_comes_late(n: u32) -> u32 {
            if n < 3 { return n; }
            let step;
            if n % 2 == 0 { step = 1; } else { step = 2; }
            (value_comes_late(n - step) + value_comes_late(n - 1)) % 1039
        }

        $(#[$attribute])?
        pub(super) fn refilled(n: u32) -> u32 {
            if n < 3 { return n; }
            let mut current = vec![n - 1];
            let mut total = 0u32;
            for _ in 0..2 {
                let old = current;
                total = total.wrapping_add(refilled(old[0])) % 1049;
                current = vec![old[0] - 1];
                total += refilled(current[0]) % 2;
            }
            total
        }

        $(#[$attribute])?
        pub(super) fn taken_and_replaced(n: u32) -> u32 {
            if n < 3 { return n; }
            let mut slot = Some(n - 1);
            let a = taken_and_replaced(slot.take().unwrap());
            let b = taken_and_replaced(slot.replace(n - 2).unwrap_or(n - 2));
            a.wrapping_mul(3).wrapping_add(b) % 1051 + slot.map_or(0, |left| left & 1)
        }

        $(#[$attribute])?
        pub(super) fn changed_between(n: u32) -> u32 {
            if n < 4 { return n; }
            let mut k = n;
            let a = changed_between({ k -= 1; k });
            let b = changed_between({ k -= 1; k });
            k /= 2;
            let c = changed_between(k);
            (a + 2 * b + 3 * c + k) % 1061
        }

        $(#[$attribute])?
        pub(super) fn closure_that_counts(n: u32) -> u32 {
            if n < 3 { return n; }
            let mut calls = 0;
            let mut go = |by: u32| { calls += 1; closure_that_counts(n - by) };
            let sum = go(1) + go(2) + go(1);
            (sum + calls) % 1063
        }

        $(#[$attribute])?
        pub(super) fn closure_once(n: u32) -> u32 {
            if n < 3 { return n; }
            let steps = vec![1, 2];
            let go = move || steps.into_iter().map(|by| closure_once(n - by)).sum::<u32>();
            go() % 1069
        }

        $(#[$attribute])?
        pub(super) fn nested_closures(n: u32) -> u32 {
            if n < 4 { return n; }
            let outer = |a: u32| { let inner = |b: u32| nested_closures(n - a - b); inner(0) + inner(1) };
            (outer(1) + outer(2)) % 1087
        }

        $(#[$attribute])?
        pub(super) fn labels_and_values(n: u32) -> u32 {
            if n < 4 { return n; }
            let mut total = 0u32;
            let found = 'rows: loop {
                for a in 1..3 {
                    for b in 1..3 {
                        if a + b > n { break 'rows a; }
                        if a == b { continue; }
                        total += labels_and_values(n - a - b + 1) % 11;
                    }
                }
                break 7;
            };
            let block = 'early: { if n % 2 == 0 { break 'early 3; } labels_and_values(n / 2) + labels_and_values(n - 1) };
            (total + found + block) % 1091
        }

        $(#[$attribute])?
        pub(super) fn questions_of_others(n: u32) -> u32 {
            fn half(n: u32) -> Option<u32> { (n % 3 != 0).then_some(n / 2) }
            #[allow(clippy::unnecessary_wraps)]
            fn found(n: u32, go: impl Fn(u32) -> u32) -> Option<u32> {
                let first = half(n)?;
                let second = half(n + 1)?;
                Some(go(first) + go(second))
            }
            if n < 3 { return n; }
            found(n, |k| questions_of_others(k) + questions_of_others(k / 2)).unwrap_or(1) % 1093
        }

        $(#[$attribute])?
        pub(super) fn names_in_the_way(n: u32) -> u32 {
            if n < 3 { return n; }
            let call = n - 1;
            let ask = n - 2;
            let argument = 1;
            let value = names_in_the_way(call) + names_in_the_way(ask);
            (value + [call, ask].into_iter().map(names_in_the_way).sum::<u32>() + argument) % 1097
        }

        $(#[$attribute])?
        pub(super) fn items_inside(n: u32) -> u32 {
            if n < 3 { return n; }
            let a = items_inside(n - 1);
            const STEP: u32 = 2;
            fn less(n: u32) -> u32 { n - STEP }
            let b = items_inside(less(n));
            let c = { struct Half; impl Half { fn of(n: u32) -> u32 { n / 2 } } items_inside(Half::of(n)) + items_inside(1) };
            (a + b + c) % 1103
        }

        $(#[$attribute])?
        pub(super) fn patterns(n: u32) -> u32 {
            if n < 3 { return n; }
            let whole @ (low, high) = (n - 1, n - 2);
            let [first, .., last] = [low, 0, high];
            let Pair { number, .. } = (Pair { text: String::new(), number: first });
            let mut sum = patterns(number) + patterns(last);
            if let Some(k @ 1..) = whole.0.checked_sub(1) && k > 1 { sum += patterns(k) + patterns(k - 1); }
            while let Some(left) = sum.checked_sub(1_000) { sum = left; }
            sum
        }

        $(#[$attribute])?
        pub(super) fn dynamic(n: u32) -> u32 {
            if n < 3 { return n; }
            let steps: Box<dyn Fn(u32) -> u32> = Box::new(move |k| n - k);
            let listed: &dyn Fn(u32) -> u32 = &|k| n - k;
            (dynamic(steps(1)) + dynamic(steps(2)) + dynamic(listed(1)) + dynamic(listed(2))) % 1109
        }

        $(#[$attribute])?
        pub(super) fn ordered_maps(n: u32) -> u32 {
            if n < 3 { return n; }
            let mut ways = BTreeMap::from([(n - 1, 1), (n - 2, 2)]);
            let mut total = 0u32;
            while let Some((key, times)) = ways.pop_first() {
                total = total.wrapping_add(times * ordered_maps(key)) % 1117;
                if key > 5 { *ways.entry(key / 2).or_default() += 1; }
                if key > 5 && key % 2 == 0 { ways.remove(&(key / 2)); }
            }
            total
        }

        $(#[$attribute])?
        pub(super) fn comparisons(n: u32) -> u32 {
            if n < 3 { return n; }
            let name = format!("{n}");
            let other = String::from("7");
            if name == other { return 5; }
            let joined = name + &other;
            let (a, b) = (comparisons(n - 1), comparisons(joined.len() as u32 - 2));
            (a + b) % 1123
        }

        $(#[$attribute])?
        pub(super) fn arrays_that_are_mapped(n: u32) -> u32 {
            if n < 3 { return n; }
            let mut seen = 0;
            let below = [n - 1, n / 2];
            let texts = [String::from("a"), "bc".to_owned()];
            let first = below.map(|k| { seen += k; arrays_that_are_mapped(k) + seen });
            let second = texts.map(|text| arrays_that_are_mapped(text.len() as u32) + n);
            first.into_iter().chain(second).fold(seen, |all, one| (all * 3 + one) % 1129)
        }

        $(#[$attribute])?
        pub(super) fn bound_before_it_is_consumed(n: u32) -> u32 {
            if n < 3 { return n; }
            let mut made = 0;
            let values = (1..3).map(|step| { made += step; bound_before_it_is_consumed(n - step) });
            let total = values.fold(0u32, |all, one| (all * 5 + one) % 1151);
            let mut rest = (1..3).map(|step| bound_before_it_is_consumed(n - step) + total);
            let first = rest.next().unwrap_or(0);
            let kept = (0..n / 2).map(|k| Rc::new(bound_before_it_is_consumed(k)));
            for value in kept {
                made += *value % 7;
            }
            (total + first + made) % 1153
        }

        $(#[$attribute])?
        pub(super) fn fields_beside_calls(n: u32) -> u32 {
            struct Step { by: u32, name: Box<str>, then: (u32, Cell<u32>) }
            if n < 3 { return n; }
            let step = Step { by: 1, name: "xy".into(), then: (2, Cell::new(0)) };
            let a = fields_beside_calls(n - step.by);
            step.then.1.set(a % 3);
            let b = fields_beside_calls(n - step.then.0) + fields_beside_calls(step.then.1.get());
            let near = |k: u32| k - step.by;
            let c = fields_beside_calls(near(n)) + fields_beside_calls(n - step.then.0);
            let name = step.name;
            (a + b * 3 + c * 7 + name.len() as u32) % 1163
        }

        $(#[$attribute])?
        pub(super) fn fields_that_are_packed_or_alike(n: u32) -> u32 {
            #[repr(C, packed)]
            struct Packed { tag: u8, by: u32 }
            struct Step { by_two: u32, r#type: u64 }
            struct By { two: u64 }
            if n < 3 { return n; }
            let (packed, step, step_by) = (Packed { tag: 2, by: 1 }, Step { by_two: 1, r#type: 2 }, 0);
            let a = fields_that_are_packed_or_alike(n - packed.by + step_by);
            let b = fields_that_are_packed_or_alike(n - u32::from(packed.tag));
            let step_by = By { two: 2 };
            let part = Step { by_two: 1, r#type: 2 };
            let part_by = By { two: 2 };
            let c = fields_that_are_packed_or_alike(n - part.by_two);
            let d = fields_that_are_packed_or_alike(n - part_by.two as u32);
            let e = fields_that_are_packed_or_alike(n - part.r#type as u32);
            (a + b * 3 + c * 5 + d * 7 + e + step.by_two + (step.r#type + step_by.two) as u32) % 1187
        }

        $(#[$attribute])?
        pub(super) fn turns_that_may_end(n: u32) -> u32 {
            if n < 3 { return n; }
            let (mut total, mut skipped) = (0u32, 0);
            'outer: for k in 1..4 {
                let Some(rest) = Some(turns_that_may_end(n - k.min(2))).filter(|value| value % 2 == 0) else { continue };
                total = total * 3 + rest;
                for j in 0..k {
                    let Some(other) = turns_that_may_end(j % n).checked_sub(1) else { continue 'outer };
                    total = (total + other) % 1171;
                    if total % 5 == 4 { break 'outer; }
                }
                skipped += 1;
            }
            let mut k = 0;
            while k < 3 {
                k += 1;
                let (Some(a), b) = (turns_that_may_end(n / 2).checked_sub(k), k) else { continue };
                total += a + b;
            }
            (total + skipped) % 1181
        }
    };
}

struct Pair {
    text: String,
    number: u32,
}

#[rustfmt::skip]
mod plain {
    bodies!();
}

#[rustfmt::skip]
mod cached {
    bodies!(#[speedup::cache]);
}

/// One test a body: every result agrees, and once more in parallel from several threads.
macro_rules! agree {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            let plain: Vec<u32> = (0..15).map(plain::$name).collect();
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| for n in (0..15).rev() {
                        assert_eq!(cached::$name(n), plain[n as usize], "of {n}");
                    });
                }
            });
        }
    )*};
}

agree! {
    cell_as_counter cell_lent shared_by_rc moved_into_a_method parts_moved_before borrowed_mutably iterated_mutably
    entries_of_a_map known_only_later conversions value_comes_late refilled taken_and_replaced changed_between
    closure_that_counts closure_once nested_closures labels_and_values questions_of_others names_in_the_way items_inside
    patterns dynamic ordered_maps comparisons arrays_that_are_mapped bound_before_it_is_consumed fields_beside_calls
    fields_that_are_packed_or_alike turns_that_may_end
}

/// Shapes that must not be taken for what they are not.
mod meant_otherwise {
    use speedup::cache;

    mod k {
        pub(super) fn brought_by_a_glob(_: u64) -> u64 {
            1_000
        }
    }

    #[cache]
    fn brought_by_a_glob(n: u64) -> u64 {
        use k::*;
        if n < 2 { n } else { brought_by_a_glob(n - 1) + brought_by_a_glob(n - 2) }
    }

    #[cache]
    fn switched_off(n: u64) -> u64 {
        if n < 5 {
            return n;
        }
        let a = switched_off(n - 1);
        #[cfg(windows)]
        let b = switched_off(n - 500);
        #[cfg(not(windows))]
        let b = switched_off(n - 2);
        a + b
    }

    const D: [u64; 5] = [1, 2, 3, 4, 5];

    #[cache]
    #[allow(unconditional_recursion)]
    fn guarded_by_an_index(i: usize) -> u64 {
        D[i] + guarded_by_an_index(i + 1) + guarded_by_an_index(i + 2)
    }

    #[cache]
    #[allow(unconditional_recursion)]
    fn guarded_by_a_call(i: usize) -> u64 {
        fn check(i: usize) -> u64 {
            assert!(i < 5, "no such place");
            1
        }
        check(i) + guarded_by_a_call(i + 1) + guarded_by_a_call(i + 2)
    }

    #[test]
    fn a_glob_brings_another_function() {
        assert_eq!(brought_by_a_glob(10), 2_000);
    }

    #[test]
    fn code_that_is_switched_off_does_not_run() {
        assert_eq!(switched_off(6), 11);
    }

    #[test]
    fn a_panic_stays_a_panic() {
        let index = std::panic::catch_unwind(|| guarded_by_an_index(0)).expect_err("it is out of bounds");
        assert!(index.downcast_ref::<String>().is_some_and(|text| text.contains("out of bounds")));
        assert!(std::panic::catch_unwind(|| guarded_by_a_call(0)).is_err());
    }
}
