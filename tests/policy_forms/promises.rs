//! Each form of plain function under the promises: once, any depth, cycles told, panics for all, none of it kept.
//!
//! Ages are long: other tests set the clock.

/// The tests of a form.
macro_rules! forms {
    ($($form:ident)*) => {$(
        mod $form {
            #[allow(unused_imports, reason = "each form has its own")]
            use std::{
                fmt::Debug,
                hash::Hash,
                panic::catch_unwind,
                sync::{Barrier, Mutex, atomic::{AtomicBool, Ordering}},
            };

            use speedup::cache;

            use crate::{Count, forms};

            #[test]
            fn once_however_many_ask() {
                static RUNS: Count = Count::new();
                forms::$form! {
                    [capacity = 1_000, ttl = "30d"]
                    fn f(n) -> u64 {
                        RUNS.up();
                        n
                    }
                }
                let begin = Barrier::new(4);
                std::thread::scope(|scope| {
                    for _ in 0..4 {
                        scope.spawn(|| {
                            begin.wait();
                            (0..200).for_each(|n| assert_eq!(ask(n), n));
                        });
                    }
                });
                assert_eq!(RUNS.get(), 200);
            }

            #[test]
            fn a_deep_recursion_with_little_room() {
                forms::$form! {
                    [capacity = 100, ttl = "30d"]
                    fn f(n) -> u64 {
                        if n == 0 { 0 } else { ask(n - 1) + 1 }
                    }
                }
                assert_eq!(ask(50_000), 50_000);
            }

            #[test]
            fn a_cycle_names_its_keys() {
                forms::$form! {
                    [capacity = 100, ttl = "30d"]
                    fn f(n) -> u64 {
                        ask((n + 1) % 3)
                    }
                }
                let payload = catch_unwind(|| ask(0)).expect_err("a cycle has no value");
                let text = payload.downcast_ref::<String>().expect("a message");
                assert!(text.matches("f(").count() >= 4 && text.contains("2)"), "{text}");
            }

            #[test]
            fn a_panic_is_not_kept() {
                static FAILS: AtomicBool = AtomicBool::new(true);
                forms::$form! {
                    [capacity = 100, ttl = "30d"]
                    fn f(n) -> u64 {
                        assert!(!FAILS.load(Ordering::SeqCst) || n != 0, "not yet");
                        n + if n == 0 { 0 } else { ask(n - 1) }
                    }
                }
                assert!(catch_unwind(|| ask(3)).is_err());
                FAILS.store(false, Ordering::SeqCst);
                assert_eq!(ask(3), 6);
            }
        }
    )*};
}

forms! {
    plain generic generic_impl generic_function_of_an_impl trait_impl skip key lent field generic_field
}
