//! Each form with each option that is about results, their order and stores: a test a cell. Those with bounds and ages are in
//! `tests/policy_forms`, which has the forms; what cannot be is refused in `tests/ui/cache/cells.rs` and `conflicts.rs`.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts calls of bodies.
struct Count(AtomicU64);

impl Count {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    fn up(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// What all modules of a form need.
macro_rules! prelude {
    () => {
        #[allow(unused_imports, reason = "each form has its own")]
        use std::{
            fmt::Debug,
            hash::Hash,
            sync::{Arc, LazyLock, Mutex},
        };

        use speedup::cache;

        use super::super::Count;
        use crate::forms;
    };
}

mod results {
    macro_rules! cells {
        ($($form:ident)*) => {$(
            mod $form {
                prelude!();

                #[test]
                fn one_after_the_other_and_by_the_path_of_the_crate() {
                    static RUNS: Count = Count::new();
                    forms::$form! {
                        [sequential, crate = ::speedup]
                        fn f(n) -> u64 {
                            RUNS.up();
                            2 * n
                        }
                    }
                    assert_eq!((ask(1), ask(2), ask(1), RUNS.get()), (2, 4, 2, 2));
                }

                #[test]
                fn errors_are_not_kept() {
                    static RUNS: Count = Count::new();
                    forms::$form! {
                        []
                        fn f(n) -> Result<u64, String> {
                            RUNS.up();
                            if n == 0 { Err("none".to_owned()) } else { Ok(n) }
                        }
                    }
                    assert_eq!((ask(0), ask(0), RUNS.get()), (Err("none".to_owned()), Err("none".to_owned()), 2));
                    assert_eq!((ask(1), ask(1), RUNS.get()), (Ok(1), Ok(1), 3));
                }

                #[test]
                fn errors_are_kept() {
                    static RUNS: Count = Count::new();
                    forms::$form! {
                        [cache_err]
                        fn f(n) -> Result<u64, String> {
                            RUNS.up();
                            if n == 0 { Err("none".to_owned()) } else { Ok(n) }
                        }
                    }
                    assert_eq!((ask(0), ask(0), ask(1), RUNS.get()), (Err("none".to_owned()), Err("none".to_owned()), Ok(1), 2));
                }

                #[test]
                fn nothing_is_kept() {
                    static RUNS: Count = Count::new();
                    forms::$form! {
                        [cache_none]
                        fn f(n) -> Option<u64> {
                            RUNS.up();
                            n.checked_sub(1)
                        }
                    }
                    assert_eq!((ask(0), ask(0), ask(1), RUNS.get()), (None, None, Some(0), 2));
                }
            }
        )*};
    }

    cells! {
        plain generic generic_impl generic_function_of_an_impl trait_impl skip key lent field generic_field
        asynchronous async_generic async_skip async_key async_field
    }
}

mod moved {
    macro_rules! cells {
        ($($form:ident)*) => {$(
            mod $form {
                prelude!();

                /// Not `Clone`.
                #[derive(Debug, PartialEq)]
                struct Fault(u64);

                #[test]
                fn errors_go_to_their_callers() {
                    static RUNS: Count = Count::new();
                    forms::$form! {
                        [move_err]
                        fn f(n) -> Result<u64, Fault> {
                            RUNS.up();
                            if n == 0 { Err(Fault(7)) } else { Ok(n) }
                        }
                    }
                    assert_eq!((ask(0), ask(0), RUNS.get()), (Err(Fault(7)), Err(Fault(7)), 2));
                    assert_eq!((ask(1), ask(1), RUNS.get()), (Ok(1), Ok(1), 3));
                }
            }
        )*};
    }

    cells! {
        plain generic generic_impl generic_function_of_an_impl trait_impl skip key lent asynchronous async_generic async_skip
        async_key
    }
}

#[cfg(feature = "disk")]
mod stored {
    macro_rules! cells {
        ($($form:ident)*) => {$(
            mod $form {
                prelude!();
                use speedup::store::MemoryStore;

                /// Not `Clone`.
                #[derive(Debug, PartialEq)]
                struct Fault(String);

                impl From<speedup::store::Error> for Fault {
                    fn from(error: speedup::store::Error) -> Self {
                        Self(error.to_string())
                    }
                }

                #[test]
                fn what_has_no_room_in_memory_is_in_the_store() {
                    static RUNS: Count = Count::new();
                    forms::$form! {
                        [store = MemoryStore::new(), capacity = 1]
                        fn f(n) -> u64 {
                            RUNS.up();
                            2 * n
                        }
                    }
                    assert_eq!((ask(1), ask(2), ask(3), ask(1), RUNS.get()), (2, 4, 6, 2, 3));
                }

                #[test]
                fn errors_that_are_moved_are_not_stored() {
                    static RUNS: Count = Count::new();
                    forms::$form! {
                        [store = MemoryStore::new(), capacity = 1, move_err, on_store_error = "fail"]
                        fn f(n) -> Result<u64, Fault> {
                            RUNS.up();
                            if n == 0 { Err(Fault("none".to_owned())) } else { Ok(n) }
                        }
                    }
                    assert_eq!((ask(1), ask(2), ask(1), RUNS.get()), (Ok(1), Ok(2), Ok(1), 2));
                    assert_eq!((ask(0).is_err(), ask(0).is_err(), RUNS.get()), (true, true, 4));
                }
            }
        )*};
    }

    cells! {
        plain generic generic_function_of_an_impl skip key lent asynchronous async_generic async_skip async_key
    }
}

#[cfg(feature = "disk")]
mod on_disk {
    macro_rules! cells {
        ($($form:ident)*) => {$(
            mod $form {
                prelude!();

                static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

                #[test]
                fn what_has_no_room_in_memory_is_on_disk() {
                    static RUNS: Count = Count::new();
                    forms::$form! {
                        [disk = FOLDER.path(), version = 3, capacity = 1]
                        fn f(n) -> u64 {
                            RUNS.up();
                            2 * n
                        }
                    }
                    assert_eq!((ask(1), ask(2), ask(3), ask(1), RUNS.get()), (2, 4, 6, 2, 3));
                }
            }
        )*};
    }

    cells! {
        plain skip key lent asynchronous async_skip async_key
    }
}
