//! What the forecasts of generated code are made with.

use std::{ops::ControlFlow, task::Poll};

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
    use std::{cell::Cell, rc::Rc};

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
    fn iterators_are_gone_through_and_all_else_is_left() {
        let seen = Cell::new(0);
        __drain!((0..3).map(|_| seen.set(seen.get() + 1)));
        assert_eq!(seen.get(), 3);
        __drain!(Some(4).map(|_| seen.set(seen.get() + 1)));
        assert_eq!(seen.get(), 4);
    }
}
