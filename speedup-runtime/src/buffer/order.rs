//! What is known of the order of items without being told.

use std::{any::Any, cmp::Ordering};

/// The order of the types whose order is known without a bound.
pub(super) fn known<T: 'static>() -> Option<fn(&T, &T) -> Option<Ordering>> {
    macro_rules! known {
        ($($known:ty),*) => {
            $(if std::any::TypeId::of::<T>() == std::any::TypeId::of::<$known>() {
                return Some(|left, right| {
                    let left = (left as &dyn Any).downcast_ref::<$known>()?;
                    left.partial_cmp((right as &dyn Any).downcast_ref::<$known>()?)
                });
            })*
        };
    }
    known!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, char, bool, String, &'static str);
    None
}

/// What the attribute `#[buffer]` uses to find out whether the items have an order.
#[doc(hidden)]
pub mod __private {
    use std::{cmp::Ordering, marker::PhantomData};

    /// How two items compare.
    type Compare<T> = fn(&T, &T) -> Option<Ordering>;

    /// Stands for the items; the method is found on it when they have an order, else on a reference to it; it
    /// has a name that no blanket trait of a user has.
    #[derive(Debug)]
    pub struct Items<T>(PhantomData<fn() -> T>);

    impl<T> Items<T> {
        /// The only value.
        pub const NEW: Self = Items(PhantomData);
    }

    /// Items with an order.
    pub trait Ordered<T> {
        /// The order.
        fn __speedup_compare(&self) -> Option<Compare<T>>;
    }

    impl<T: PartialOrd> Ordered<T> for Items<T> {
        fn __speedup_compare(&self) -> Option<Compare<T>> {
            Some(T::partial_cmp)
        }
    }

    /// Any items.
    pub trait Unordered<T> {
        /// No order.
        fn __speedup_compare(&self) -> Option<Compare<T>>;
    }

    impl<T> Unordered<T> for &Items<T> {
        fn __speedup_compare(&self) -> Option<Compare<T>> {
            None
        }
    }
}
