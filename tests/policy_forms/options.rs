//! Each form with each option.

/// The tests of a form.
macro_rules! forms {
    ($($form:ident)*) => {$(
        mod $form {
            #[allow(unused_imports, reason = "each form has its own")]
            use std::{
                fmt::Debug,
                hash::Hash,
                sync::{Arc, LazyLock, Mutex, atomic::{AtomicBool, Ordering}},
            };

            use speedup::{cache, clock::Mock};

            use crate::{Count, SECOND, forms};

            #[test]
            fn a_bound_and_who_is_told() {
                static RUNS: Count = Count::new();
                static GONE: Count = Count::new();
                forms::$form! {
                    [capacity = 10, on_evict = |_, value| assert!(*value % 2 == 0 && GONE.up() < 1_000)]
                    fn f(n) -> u64 {
                        RUNS.up();
                        2 * n
                    }
                }
                for n in 0..100 {
                    assert_eq!(ask(n), 2 * n);
                    assert!(RUNS.get() - GONE.get() <= 10);
                }
                assert_eq!((RUNS.get(), GONE.get()), (100, 90));
                assert_eq!((ask(99), RUNS.get()), (198, 100));
            }

            #[test]
            fn a_bound_by_weight() {
                static RUNS: Count = Count::new();
                forms::$form! {
                    [capacity = "1 KiB", weight = |value| value.len()]
                    fn f(n) -> String {
                        RUNS.up();
                        "x".repeat(n as usize)
                    }
                }
                assert_eq!((ask(1_000).len(), ask(1_000).len(), RUNS.get()), (1_000, 1_000, 1));
                assert_eq!((ask(500).len(), ask(501).len(), RUNS.get()), (500, 501, 3));
                assert_eq!((ask(2_000).len(), ask(2_000).len(), RUNS.get()), (2_000, 2_000, 5));
            }

            #[test]
            fn a_life() {
                static RUNS: Count = Count::new();
                forms::$form! {
                    [ttl = "30s"]
                    fn f(n) -> u64 {
                        100 * n + RUNS.up()
                    }
                }
                let clock = Mock::new();
                assert_eq!((ask(1), ask(1)), (100, 100));
                clock.advance(29 * SECOND);
                assert_eq!(ask(1), 100);
                clock.advance(SECOND);
                assert_eq!((ask(1), ask(1)), (101, 101));
            }

            #[test]
            fn an_idle_one() {
                static RUNS: Count = Count::new();
                forms::$form! {
                    [idle = "1m", capacity = 1_000]
                    fn f(n) -> u64 {
                        100 * n + RUNS.up()
                    }
                }
                let clock = Mock::new();
                assert_eq!((ask(1), ask(2)), (100, 201));
                for _ in 0..3 {
                    clock.advance(45 * SECOND);
                    assert_eq!(ask(1), 100);
                }
                assert_eq!(ask(2), 202);
            }

            #[test]
            fn a_renewal_ahead() {
                static RUNS: Count = Count::new();
                forms::$form! {
                    [ttl = "30s", refresh_ahead = "5s"]
                    fn f(n) -> u64 {
                        100 * n + RUNS.up()
                    }
                }
                let clock = Mock::new();
                assert_eq!(ask(1), 100);
                clock.advance(26 * SECOND);
                assert!([100, 101].contains(&ask(1)));
                RUNS.wait_for(2);
                while ask(1) == 100 {
                    std::thread::yield_now();
                }
                clock.advance(24 * SECOND);
                assert_eq!((ask(1), RUNS.get()), (101, 2));
            }

            #[test]
            fn the_last_ok() {
                static RUNS: Count = Count::new();
                static DOWN: AtomicBool = AtomicBool::new(false);
                forms::$form! {
                    [ttl = "30s", stale_on_err]
                    fn f(n) -> Result<u64, String> {
                        RUNS.up();
                        if DOWN.load(Ordering::SeqCst) { Err("down".to_owned()) } else { Ok(n) }
                    }
                }
                let clock = Mock::new();
                assert_eq!(ask(1), Ok(1));
                DOWN.store(true, Ordering::SeqCst);
                clock.advance(31 * SECOND);
                assert_eq!((ask(1), RUNS.get()), (Ok(1), 2));
                assert_eq!(ask(2), Err("down".to_owned()));
            }

            #[test]
            fn a_call_that_renews() {
                static RUNS: Count = Count::new();
                forms::$form! {
                    [capacity = 10, force_refresh = |n| n == 0]
                    fn f(n) -> u64 {
                        100 * n + RUNS.up()
                    }
                }
                assert_eq!((ask(1), ask(1), ask(0), ask(0)), (100, 100, 1, 2));
            }
        }
    )*};
}

forms! {
    plain generic generic_impl generic_function_of_an_impl trait_impl skip key lent field generic_field
    asynchronous async_generic async_skip async_key async_field
}
