//! Types that are taken for `'static` while a call runs, whatever they borrow.
//!
//! The engine's keys and results are `'static`, and no type parameter can be made so by words. But a method that asks for `Self: 'static` can be called
//! of a `dyn` that lasts, and its code is the same whatever lifetimes the type behind it has. Which of them it has is for the caller to remember:
//! see `borrowed`.

use std::{
    hash::Hash,
    marker::PhantomData,
    mem::{self, ManuallyDrop, MaybeUninit},
    ptr::NonNull,
};

use crate::cache::table::key::Key;

/// A part of the key of a scoped function whose key or result may borrow: `Hash + Eq + Clone + Send + Sync`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be in the key of a scoped function",
    label = "this is a part of the key",
    note = "the key is kept for the call and compared: each part needs `Hash + Eq + Clone + Send + Sync`; floats are not, beside parts that borrow: pass them as `to_bits()`"
)]
pub trait BorrowedPart: Hash + Eq + Clone + Send + Sync {}

#[diagnostic::do_not_recommend]
impl<A: Hash + Eq + Clone + Send + Sync> BorrowedPart for A {}

macro_rules! tuples {
    ($(($($part:ident)*))*) => {$(
        impl<$($part: BorrowedPart),*> Borrowed for ($($part,)*) {
            #[cfg_attr(not(debug_assertions), inline(always))]
            fn lasting<W: WithKey<Self>>(with: W) -> W::Value
            where
                Self: 'static,
            {
                with.go_on()
            }
        }
    )*};
}

tuples! {
    ()
    (A1)
    (A1 A2)
    (A1 A2 A3)
    (A1 A2 A3 A4)
    (A1 A2 A3 A4 A5)
    (A1 A2 A3 A4 A5 A6)
    (A1 A2 A3 A4 A5 A6 A7)
    (A1 A2 A3 A4 A5 A6 A7 A8)
    (A1 A2 A3 A4 A5 A6 A7 A8 A9)
    (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10)
    (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11)
    (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12)
}

/// The key of a scoped function whose key or result may borrow: a tuple of up to twelve [`BorrowedPart`]s.
pub trait Borrowed: Clone + Send + Sync {
    /// Goes on with what the engine needs of a key, where that may be taken for `'static`.
    #[doc(hidden)]
    fn lasting<W: WithKey<Self>>(with: W) -> W::Value
    where
        Self: 'static;
}

/// What goes on with a key.
#[doc(hidden)]
pub trait WithKey<P> {
    type Value;

    fn go_on(self) -> Self::Value
    where
        P: Key<Args = P>;
}

/// Something that is done with types that are taken for `'static`.
pub(super) trait Engine: Sized {
    type Value;

    /// Does it.
    fn run(self) -> Self::Value
    where
        Self: 'static;
}

/// Does something with types that are taken for `'static`, whatever they borrow.
///
/// A method of a `dyn Lasting + 'static` is one of a type that is `'static`, so the compiler lets it be called; and what it calls was
/// compiled for the type with whatever lifetimes it has.
///
/// # Safety
/// Nothing that the types of `engine` borrow by is used when they are over: it is let go of before this returns, or given back as what
/// it was.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) unsafe fn as_lasting<E: Engine>(engine: E) -> E::Value {
    trait Lasting {
        /// # Safety
        /// They lead to an `E`, which is used up, and to a place for its value.
        unsafe fn run(&self, engine: NonNull<()>, value: NonNull<()>)
        where
            Self: 'static;
    }

    impl<E: Engine> Lasting for PhantomData<E> {
        #[cfg_attr(not(debug_assertions), inline(always))]
        unsafe fn run(&self, engine: NonNull<()>, value: NonNull<()>)
        where
            Self: 'static,
        {
            // SAFETY: by the contract.
            unsafe { value.cast::<E::Value>().write(engine.cast::<E>().read().run()) }
        }
    }

    let of: &dyn Lasting = &PhantomData::<E>;
    // SAFETY: the same but for a lifetime, of a value that has no bytes; what is called by it keeps to the contract.
    let of = unsafe { mem::transmute::<&dyn Lasting, &(dyn Lasting + 'static)>(of) };
    let (mut engine, mut value) = (ManuallyDrop::new(engine), MaybeUninit::<E::Value>::uninit());
    // SAFETY: the engine is not used again, and the value is there when it has run.
    unsafe {
        of.run(NonNull::from(&mut engine).cast(), NonNull::from(&mut value).cast());
        value.assume_init()
    }
}
