//! Depth is bounded by memory, not by the stack, and the memory is given back.

use std::thread;

use speedup_runtime::{
    Cache,
    cache::{Function, State},
};

const DEPTH: u64 = 1_000_000;
/// The frames of a group are large where they are not optimised.
const GROUPS: u64 = if cfg!(debug_assertions) { DEPTH / 10 } else { DEPTH };

/// A chain of its own for each test: they run at the same time.
macro_rules! chain {
    ($name:ident) => {
        const $name: &Cache<(u64,), u64> = {
            static STATE: State<(u64,), u64> = State::new();
            &Cache::of(&STATE, Function::new("chain", |(n,)| if *n == 0 { 0 } else { $name.get((n - 1,)) + 1 }))
        };
    };
}

/// Runs on a thread with a stack of this size, in KiB.
fn on_a_stack_of<T: Send + 'static>(kib: usize, call: impl FnOnce() -> T + Send + 'static) -> T {
    thread::Builder::new().stack_size(kib * 1024).spawn(call).expect("a thread").join().expect("no panic")
}

#[test]
fn a_million_calls_on_a_stack_of_eight_mebibytes() {
    chain!(CHAIN);
    assert_eq!(on_a_stack_of(8 * 1024, || CHAIN.get((DEPTH,))), DEPTH);
}

#[test]
fn a_million_calls_on_a_small_stack() {
    chain!(CHAIN);
    assert_eq!(on_a_stack_of(512, || CHAIN.get((DEPTH,))), DEPTH);
}

#[test]
fn a_million_calls_inside_a_pool() {
    chain!(CHAIN);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    assert_eq!(pool.install(|| CHAIN.get((DEPTH,))), DEPTH);
}

#[test]
fn a_deep_recursion_through_groups() {
    const PAIRS: &Cache<(u64,), u64> = {
        static STATE: State<(u64,), u64> = State::new();
        &Cache::of(
            &STATE,
            Function::new("pairs", |(n,)| {
                if *n < 2 {
                    return *n;
                }
                let [a, b] = PAIRS.group([(n - 1,), (n - 2,)]);
                a.wrapping_add(b)
            }),
        )
    };
    let expected = (0..GROUPS).fold((0_u64, 1_u64), |(a, b), _| (b, a.wrapping_add(b))).0;
    assert_eq!(on_a_stack_of(512, || PAIRS.get((GROUPS,))), expected);
    PAIRS.clear();
    // Asked by several at a time, so that the last of a group is waited for at any depth.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().expect("a pool");
    thread::scope(|scope| {
        for caller in 0..3 {
            let pool = &pool;
            let call = move || assert_eq!(PAIRS.get((GROUPS,)), expected);
            scope.spawn(move || if caller == 0 { call() } else { pool.install(call) });
        }
    });
}

#[test]
fn a_hundred_thousand_background_calls_joined_one_in_the_other() {
    const TASKS: &Cache<(u64,), u64> = {
        static STATE: State<(u64,), u64> = State::new();
        let function = Function::new("tasks", |(n,)| if *n == 0 { 0 } else { TASKS.spawn((n - 1,)).join() + 1 });
        &Cache::of(&STATE, function)
    };
    assert_eq!(on_a_stack_of(512, || TASKS.get((DEPTH / 10,))), DEPTH / 10);
    TASKS.clear();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    assert_eq!(pool.install(|| TASKS.get((DEPTH / 10,))), DEPTH / 10);
}

#[test]
fn half_a_million_calls_of_texts_in_two_functions() {
    const EVEN: &Cache<(String,), bool> = {
        static STATE: State<(String,), bool> = State::new();
        &Cache::of(&STATE, Function::new("even", |(n,): &(String,)| n == "0" || ODD.get((less(n),))))
    };
    const ODD: &Cache<(String,), bool> = {
        static STATE: State<(String,), bool> = State::new();
        &Cache::of(&STATE, Function::new("odd", |(n,): &(String,)| n != "0" && EVEN.get((less(n),))))
    };
    fn less(n: &str) -> String {
        (n.parse::<u64>().expect("a number") - 1).to_string()
    }
    assert!(on_a_stack_of(512, || EVEN.get(((DEPTH / 2).to_string(),))));
}

#[test]
fn threads_of_all_sizes_one_after_the_other() {
    // Each takes over what is known of the thread before it, whose stack lay at much the same place.
    chain!(CHAIN);
    for round in 0..40 {
        let kib = [4096, 256, 1024, 192][round % 4];
        assert_eq!(on_a_stack_of(kib, || CHAIN.get((5_000,))), 5_000);
        CHAIN.clear();
    }
}

/// A chain of calls whose results are so large, by value.
macro_rules! wide_chain {
    ($name:ident, $size:literal) => {
        const $name: &Cache<(u64,), [u8; $size]> = {
            static STATE: State<(u64,), [u8; $size]> = State::new();
            &Cache::of(
                &STATE,
                Function::new("wide", |(n,)| {
                    if *n == 0 {
                        return [1; $size];
                    }
                    let mut result = $name.get((n - 1,));
                    result[(n % $size) as usize] = 2;
                    result
                }),
            )
        };
    };
}

#[test]
fn large_results_by_value_have_room_at_any_depth() {
    wide_chain!(TWELVE, 12_288);
    wide_chain!(SIXTY_FOUR, 65_536);
    assert_eq!(on_a_stack_of(2 * 1024, || TWELVE.get((500,))[500]), 2);
    assert_eq!(on_a_stack_of(2 * 1024, || SIXTY_FOUR.get((100,))[100]), 2);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    SIXTY_FOUR.clear();
    assert_eq!(pool.install(|| SIXTY_FOUR.get((100,))[100]), 2);
}

#[test]
fn a_result_of_a_mebibyte_needs_no_more_stack_than_a_plain_function_has() {
    wide_chain!(MEBIBYTE, 1_048_576);
    assert_eq!(on_a_stack_of(8 * 1024, || MEBIBYTE.get((3,))[3]), 2);
    assert_eq!(on_a_stack_of(8 * 1024, || MEBIBYTE.get((3,))[0]), 1);
}

#[test]
fn a_recursion_without_a_base_case_ends_with_its_first_calls() {
    // In a process of its own, since the limit is one for all threads.
    const ALONE: &str = "SPEEDUP_WITHOUT_A_BASE_CASE";
    if std::env::var_os(ALONE).is_none() {
        let name = "a_recursion_without_a_base_case_ends_with_its_first_calls";
        let program = std::env::current_exe().expect("this program has a path");
        let output =
            std::process::Command::new(program).args([name, "--exact"]).env(ALONE, "").output().expect("it starts");
        return assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    const ENDLESS: &Cache<(u64,), u64> = {
        static STATE: State<(u64,), u64> = State::new();
        let function = Function::new("endless", |(n,)| if *n == 9 { 9 } else { ENDLESS.get((n + 1,)) + 1 });
        &Cache::of(&STATE, function.show(std::fmt::Debug::fmt))
    };
    speedup_runtime::cache::set_stack_limit(64 << 20);
    let payload = std::panic::catch_unwind(|| ENDLESS.get((10,))).expect_err("it has no end");
    let text = payload.downcast_ref::<String>().expect("a message");
    assert!(text.starts_with(
        "cached calls within each other have taken more than 64 MiB of stack: endless(10) -> endless(11)"
    ));
    assert!(text.contains("set_stack_limit") && text.contains("more calls"), "{text}");
    assert_eq!((ENDLESS.stats().len, ENDLESS.get((0,))), (0, 18), "nothing is kept, and nothing is broken");
}

/// A hundred kilobytes a thousand levels, at least, on stacks of `stacker`'s where there is no other room.
#[cfg(feature = "stacker")]
fn within(levels: u64) -> u64 {
    let taken = std::hint::black_box([levels; 16]);
    stacker::maybe_grow(32 << 10, 1 << 20, || {
        if levels == 0 { 0 } else { within(levels - 1) + std::hint::black_box(taken)[15] / levels }
    })
}

#[cfg(feature = "stacker")]
#[test]
fn bodies_that_use_stacker_have_room_for_it_at_any_depth() {
    const CHAIN: &Cache<(u64,), u64> = {
        static STATE: State<(u64,), u64> = State::new();
        &Cache::of(
            &STATE,
            Function::new("chain", |(n,)| {
                // Far deeper than a piece of stack: who takes one for larger than it is runs into its end.
                let below = if *n % 10_000 == 0 { within(100_000) - 100_000 } else { 0 };
                below + stacker::maybe_grow(32 << 10, 1 << 20, || if *n == 0 { 0 } else { CHAIN.get((n - 1,)) + 1 })
            }),
        )
    };
    let depth = DEPTH / 10;
    assert_eq!(on_a_stack_of(8 * 1024, move || CHAIN.get((depth,))), depth);
    CHAIN.clear();
    // On a thread whose stack lies where it may, with pieces kept.
    assert_eq!(on_a_stack_of(512, move || CHAIN.get((depth,))), depth);
}
