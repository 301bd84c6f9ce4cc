//! What the forecasts of generated code are made with.

use std::{
    marker::PhantomData,
    ops::{ControlFlow, Deref},
    rc::Rc,
    sync::Arc,
    task::Poll,
};

/// A variable of which a forecast wants its own copy.
pub struct Again<'a, T>(pub &'a T);

/// Values that can be copied, and do not share what threads cannot.
pub trait AgainOwn<T> {
    /// The copy.
    fn again(&self) -> Option<T>;
}

impl<T: Clone + Sync> AgainOwn<T> for Again<'_, T> {
    #[inline]
    fn again(&self) -> Option<T> {
        Some(self.0.clone())
    }
}

/// All others.
pub trait AgainNone<T> {
    /// None.
    fn again(&self) -> Option<T>;
}

impl<T> AgainNone<T> for &Again<'_, T> {
    #[inline]
    fn again(&self) -> Option<T> {
        None
    }
}

/// The forecast's own copy of a variable; where there is none to be had, the forecast ends.
#[doc(hidden)]
#[macro_export]
macro_rules! __again {
    ($variable:expr) => {{
        #[allow(unused_imports)]
        use $crate::cache::foretold::{AgainNone as _, AgainOwn as _};
        match (&$crate::cache::foretold::Again(&$variable)).again() {
            ::core::option::Option::Some(copy) => copy,
            ::core::option::Option::None => return,
        }
    }};
}

/// What lies at a place, if it can be lent: a field of a `repr(packed)` struct may lie where no reference can be.
///
/// # Safety
/// As long as it is lent there is a value at the place, which nobody changes or moves.
#[inline]
pub unsafe fn lent<'a, T>(place: *const T) -> Option<&'a T> {
    // SAFETY: it is aligned, and the caller says that the value is there and stays.
    place.is_aligned().then(|| unsafe { &*place })
}

/// The type of something of which a field is looked at. A forecast looks early, where the body may not look at all: so nothing may run on the
/// way, as the initialiser of a `LazyLock` would.
pub struct Within<T: ?Sized>(PhantomData<*const T>);

/// The type of what lies at a place.
#[inline]
pub fn within<T: ?Sized>(_: *const T) -> Within<T> {
    Within(PhantomData)
}

/// What leads to another type, and runs nothing.
pub trait Leads {
    /// That type.
    type To: ?Sized;
    /// That type.
    fn on(&self) -> Within<Self::To>;
}

macro_rules! leads {
    ($($from:ty),*) => {$(
        impl<T: ?Sized> Leads for Within<$from> {
            type To = T;
            #[inline]
            fn on(&self) -> Within<T> {
                Within(PhantomData)
            }
        }
    )*};
}

leads!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);

/// All others.
pub trait Stays<T: ?Sized> {
    /// The same type.
    fn on(&self) -> Within<T>;
}

impl<T: ?Sized> Stays<T> for &Within<T> {
    #[inline]
    fn on(&self) -> Within<T> {
        Within(PhantomData)
    }
}

/// What may run something where a field is looked at.
pub trait MayRun {
    /// Whether it may.
    fn may_run(&self) -> bool;
}

impl<T: ?Sized + Deref> MayRun for Within<T> {
    #[inline]
    fn may_run(&self) -> bool {
        true
    }
}

/// What has its fields itself.
pub trait RunsNothing {
    /// Whether it may.
    fn may_run(&self) -> bool;
}

impl<T: ?Sized> RunsNothing for &Within<T> {
    #[inline]
    fn may_run(&self) -> bool {
        false
    }
}

/// The forecast's own copy of a part of a variable, which lies within the others, outermost first. Where there is none to be had, or something may
/// run on the way to it, the forecast ends.
#[doc(hidden)]
#[macro_export]
macro_rules! __again_part {
    ($part:expr $(, $within:expr)*) => {{
        #[allow(unused_imports)]
        use $crate::cache::foretold::{AgainNone as _, AgainOwn as _};
        #[allow(unused_imports)]
        use $crate::cache::foretold::{Leads as _, MayRun as _, RunsNothing as _, Stays as _};
        $(
            let within = $crate::cache::foretold::within(&raw const $within);
            let within = (&(&(&within).on()).on()).on();
            if (&within).may_run() {
                return;
            }
        )*
        let place = &raw const $part;
        // SAFETY: the forecast borrows the variable as long as it is made, and this is gone when the copy is there.
        match unsafe { $crate::cache::foretold::lent(place) }
            .and_then(|part| (&$crate::cache::foretold::Again(part)).again())
        {
            ::core::option::Option::Some(copy) => copy,
            ::core::option::Option::None => return,
        }
    }};
}

/// What may be an iterator.
pub struct Drain<T>(pub Option<T>);

/// Iterators.
pub trait DrainAll {
    /// Goes through all of it.
    fn drain(&mut self);
}

impl<I: Iterator> DrainAll for Drain<I> {
    #[inline]
    fn drain(&mut self) {
        self.0.take().into_iter().flatten().for_each(drop);
    }
}

/// Anything else.
pub trait DrainNone {
    /// Does nothing.
    fn drain(&mut self);
}

impl<T> DrainNone for &mut Drain<T> {
    #[inline]
    fn drain(&mut self) {}
}

/// Goes through an iterator, or evaluates what is none.
#[doc(hidden)]
#[macro_export]
macro_rules! __drain {
    ($chain:expr) => {{
        #[allow(unused_imports)]
        use $crate::cache::foretold::{DrainAll as _, DrainNone as _};
        (&mut $crate::cache::foretold::Drain(::core::option::Option::Some($chain))).drain()
    }};
}

/// What `?` can stand behind.
pub trait Tried {
    /// The value with which the code goes on.
    type Output;
    /// That value, if it goes on.
    fn tried(self) -> Option<Self::Output>;
}

impl<T> Tried for Option<T> {
    type Output = T;
    fn tried(self) -> Option<T> {
        self
    }
}

impl<T, E> Tried for Result<T, E> {
    type Output = T;
    fn tried(self) -> Option<T> {
        self.ok()
    }
}

impl<B, C> Tried for ControlFlow<B, C> {
    type Output = C;
    fn tried(self) -> Option<C> {
        match self {
            ControlFlow::Continue(value) => Some(value),
            ControlFlow::Break(_) => None,
        }
    }
}

impl<T, E> Tried for Poll<Result<T, E>> {
    type Output = Poll<T>;
    fn tried(self) -> Option<Poll<T>> {
        match self {
            Poll::Ready(done) => done.ok().map(Poll::Ready),
            Poll::Pending => Some(Poll::Pending),
        }
    }
}

impl<T, E> Tried for Poll<Option<Result<T, E>>> {
    type Output = Poll<Option<T>>;
    fn tried(self) -> Option<Poll<Option<T>>> {
        match self {
            Poll::Ready(done) => done.transpose().ok().map(Poll::Ready),
            Poll::Pending => Some(Poll::Pending),
        }
    }
}

/// What `?` would go on with.
#[inline]
pub fn tried<T: Tried>(value: T) -> Option<T::Output> {
    value.tried()
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        rc::Rc,
        sync::{Arc, LazyLock},
    };

    /// Whether there is a copy to be had.
    macro_rules! copies {
        ($value:expr) => {{
            let copied = Cell::new(false);
            let value = $value;
            let forecast = || {
                let _copy = __again!(value);
                copied.set(true);
            };
            forecast();
            copied.get()
        }};
    }

    #[test]
    fn what_threads_may_share_is_copied_and_nothing_else() {
        struct Plain;
        let mut number = 3;
        assert!(copies!(7) && copies!("text") && copies!(vec![String::new()]) && copies!(&Plain));
        assert!(!copies!(Plain) && !copies!(&mut number) && !copies!(Cell::new(3)) && !copies!(&Cell::new(3)));
        assert!(!copies!(Rc::new(3)));
    }

    #[test]
    fn parts_are_copied_where_they_can_be_lent() {
        #[repr(C, packed)]
        struct Packed(u8, u32, u8);
        #[repr(C, align(8))]
        struct Apart(Packed, String, Cell<u32>);
        let value = Apart(Packed(1, 2, 3), "text".to_owned(), Cell::new(4));
        let seen = Cell::new(0);
        let aligned = || seen.set(seen.get() + usize::from(__again_part!(value.0.0)));
        let last = || seen.set(seen.get() + usize::from(__again_part!(value.0.2)));
        let text = || seen.set(seen.get() + __again_part!(value.1).len());
        let askew = || seen.set(100 + __again_part!(value.0.1) as usize);
        let cell = || seen.set(100 + __again_part!(value.2).get() as usize);
        aligned();
        last();
        text();
        askew();
        cell();
        assert_eq!(seen.get(), 1 + 3 + 4);
    }

    #[test]
    fn nothing_runs_on_the_way_to_a_part() {
        struct Item {
            weight: u64,
            size: LazyLock<Size>,
        }
        struct Size {
            width: u64,
        }
        static MADE: LazyLock<Item> = LazyLock::new(|| unreachable!("nobody needs it"));
        let size: LazyLock<Size> = LazyLock::new(|| unreachable!("nobody needs it"));
        let (seen, item) = (Cell::new(0), Arc::new(Item { weight: 3, size }));
        let (lent, boxed) = (&&item, Box::new(&item));
        let plain = || seen.set(seen.get() + __again_part!(item.weight, item));
        let lent = || seen.set(seen.get() + __again_part!(lent.weight, lent));
        let boxed = || seen.set(seen.get() + __again_part!(boxed.weight, boxed));
        plain();
        lent();
        boxed();
        assert_eq!(seen.get(), 9);
        let made = &MADE;
        let lazily = || seen.set(100 + __again_part!(made.weight, made));
        let within = || seen.set(100 + __again_part!(item.size.width, item, item.size));
        lazily();
        within();
        assert_eq!(seen.get(), 9);
    }

    #[test]
    fn iterators_are_gone_through_and_all_else_is_left() {
        let seen = Cell::new(0);
        __drain!((0..3).map(|_| seen.set(seen.get() + 1)));
        assert_eq!(seen.get(), 3);
        __drain!(Some(4).map(|_| seen.set(seen.get() + 1)));
        assert_eq!(seen.get(), 4);
    }
}
