//! What is left of an item with a fault.

use expect_test::expect;

use super::check;

#[test]
fn wrong_options_leave_the_function_cached() {
    check(
        "capasity = 3, sequential, sequential, cache_err",
        "fn f(n: u64) -> Result<u64, ()> { Ok(n) }",
        &expect![[r#"
            ::core::compile_error! {
                "unknown option `capasity`: did you mean `capacity`? The options are `name`, `sequential`, `cache_err`, `cache_none`, `crate`, `capacity`, `weight`, `on_evict`, `ttl`, `idle`, `refresh_ahead`, `stale_on_err`, `force_refresh`, `scoped`, `skip`, `key`, `with`, `move_err`, `returns`, `tables`, `field`, `disk`, `store`, `version`, `on_store_error`"
            }
            ::core::compile_error! {
                "`sequential` is given twice: keep one of them"
            }
            #[inline]
            fn f(n: u64) -> Result<u64, ()> {
                ::speedup::Cache::get(F, (n,))
            }
            /// The cache of [`f()`].
            const F: &::speedup::Cache<(u64,), Result<u64, ()>> = {
                static __F_STATE: ::speedup::cache::State<(u64,), Result<u64, ()>> = ::speedup::cache::State::new();
                let _ = f;
                &::speedup::Cache::of(
                    &__F_STATE,
                    ::speedup::cache::Function::new("f", |(n,): &(u64,)| __f_uncached(*n))
                        .show(::core::fmt::Debug::fmt)
                        .sequential(),
                )
            };
            #[inline]
            fn __f_uncached(n: u64) -> Result<u64, ()> {
                Ok(n)
            }
        "#]],
    );
}

#[test]
fn a_wrong_signature_leaves_the_function_as_it_is() {
    check(
        "",
        "async fn f<T>(&self, n: &mut T) { }",
        &expect![[r##"
            #[allow(non_snake_case, dead_code)]
            fn F<T>() -> ::core::marker::PhantomData<
                [(); {
                    ::core::compile_error! {
                        "is `self` part of the key? Write `#[cache(skip(self))]` for a table that all instances share because it makes no difference to the result, `#[cache(key = |self, ..| -> .. { .. })]` for what of `self` tells results apart, or `#[cache(field = memo)]` with `self: Arc<Self>` for a table in a field `memo: speedup::AsyncMemo<(Args,), Ret>`"
                    }
                    ::core::compile_error! {
                        "a `&mut` argument can change and so is no key: take `T` by value and return what changes"
                    }
                    ::core::compile_error! {
                        "a cached function returns a value: write its type, such as `-> u64`"
                    }
                    0
                }],
            > {
                loop {}
            }
            async fn f<T>(&self, n: &mut T) {}
        "##]],
    );
}

#[test]
fn other_items_stay() {
    check(
        "",
        "struct Point { x: u64 }",
        &expect![[r#"
        ::core::compile_error! {
            "`#[cache]` goes on a function, and this is a struct: move it to the function that does the work"
        }
        struct Point {
            x: u64,
        }
    "#]],
    );
}
