//! What stays on its thread: an error that is not `Clone` goes to the thread whose call failed, and to nobody else; results with an
//! `Rc` stay where a function that is called on one thread alone has made them.

use std::{
    fmt,
    mem::ManuallyDrop,
    panic::panic_any,
    pin::Pin,
    sync::Mutex,
    thread::{self, ThreadId},
};

use crate::sync::{Arc, lock};

#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `Result`, so it has no error to move",
    note = "leave `move_err` out"
)]
/// A result with an error that is moved, not cloned: what `#[cache(move_err)]` makes of a `Result<T, E>`.
pub trait Fallible: Sized {
    /// The same in a shape that can be kept, which is `Clone` where the success is.
    type Shared;

    /// Puts the error where its thread can take it.
    #[doc(hidden)]
    fn share(self) -> Self::Shared;

    /// Takes the error out again; `None` if that is not for this thread, or no longer.
    #[doc(hidden)]
    fn taken(shared: Self::Shared) -> Option<Self>;
}

impl<T, E> Fallible for Result<T, E> {
    type Shared = Result<T, Moved<E>>;

    #[inline]
    fn share(self) -> Self::Shared {
        self.map_err(Moved::new)
    }

    #[inline]
    fn taken(shared: Self::Shared) -> Option<Self> {
        match shared {
            Ok(value) => Some(Ok(value)),
            Err(error) => error.take().map(Err),
        }
    }
}

/// The error of a call that failed, for the thread on which it did.
///
/// An error need not be `Clone`, `Send` or `Sync` to be in it.
///
/// # Examples
/// ```
/// use speedup_runtime::cache::{Fallible, Moved};
///
/// let failed = Err::<u8, _>("no such file".to_string()).share();
/// let error: Moved<String> = failed.unwrap_err();
/// assert_eq!(error.take(), Some("no such file".to_string()));
/// assert_eq!(error.take(), None);
/// ```
pub struct Moved<E>(Arc<Inner<E>>);

struct Inner<E> {
    thread: ThreadId,
    /// Used, and dropped, by that thread alone.
    error: Mutex<Option<ManuallyDrop<E>>>,
}

// SAFETY: the error is reached on the thread that it was made on alone, also by `drop`; a thread's number is never another's.
unsafe impl<E> Send for Inner<E> {}
// SAFETY: as above.
unsafe impl<E> Sync for Inner<E> {}

impl<E> Moved<E> {
    pub(crate) fn new(error: E) -> Self {
        Self(Arc::new(Inner { thread: thread::current().id(), error: Mutex::new(Some(ManuallyDrop::new(error))) }))
    }

    /// Takes the error, on the thread on which the call failed; `None` on others, and once it has been taken.
    #[must_use]
    pub fn take(&self) -> Option<E> {
        self.0.take()
    }
}

impl<E> Inner<E> {
    fn take(&self) -> Option<E> {
        if thread::current().id() != self.thread {
            return None;
        }
        lock(&self.error).take().map(ManuallyDrop::into_inner)
    }
}

impl<E> Drop for Inner<E> {
    /// An error that nobody has taken when another thread comes to drop it stays: it may not be touched there.
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<E> Clone for Moved<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E> fmt::Debug for Moved<E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Moved").finish_non_exhaustive()
    }
}

/// As [`Fallible`], for an `async fn`, whose call is not one of a thread: the error goes to the first who gets it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `Result`, so it has no error to move",
    note = "leave `move_err` out"
)]
pub trait AsyncFallible: Sized {
    /// The same in a shape that can be kept, which is `Clone` where the success is.
    type Shared;

    /// Puts the error where somebody can take it.
    #[doc(hidden)]
    fn share(self) -> Self::Shared;

    /// Takes the error out again; `None` if somebody has.
    #[doc(hidden)]
    fn taken(shared: Self::Shared) -> Option<Self>;
}

impl<T, E> AsyncFallible for Result<T, E> {
    type Shared = Result<T, Handed<E>>;

    fn share(self) -> Self::Shared {
        self.map_err(Handed::new)
    }

    fn taken(shared: Self::Shared) -> Option<Self> {
        match shared {
            Ok(value) => Some(Ok(value)),
            Err(error) => error.take().map(Err),
        }
    }
}

/// What was found of an `async fn` whose errors are moved.
#[doc(hidden)]
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn found<F: AsyncFallible, K>(found: Result<F::Shared, K>) -> Result<F, K> {
    found.map(|shared| match F::taken(shared) {
        Some(result) => result,
        // Errors are not kept by themselves.
        None => {
            panic_any("an error that was put into a cache goes to the first who asks for it: that was somebody else")
        }
    })
}

/// Asks until there is a result with its error: somebody else may have it, and then there is a call anew.
#[doc(hidden)]
pub fn until_taken<'a, F, A>(ask: impl Fn() -> A + Send + 'a) -> Pin<Box<dyn Future<Output = F> + Send + 'a>>
where
    F: AsyncFallible,
    A: Future<Output = F::Shared> + Send + 'a,
{
    Box::pin(async move {
        loop {
            if let Some(result) = F::taken(ask().await) {
                return result;
            }
        }
    })
}

/// The error of a call that failed, for the first who takes it.
///
/// # Examples
/// ```
/// use speedup_runtime::cache::{AsyncFallible, Handed};
///
/// let failed = Err::<u8, _>("no such host".to_string()).share();
/// let error: Handed<String> = failed.unwrap_err();
/// assert_eq!(error.clone().take(), Some("no such host".to_string()));
/// assert_eq!(error.take(), None);
/// ```
pub struct Handed<E>(Arc<Mutex<Option<E>>>);

impl<E> Handed<E> {
    pub(crate) fn new(error: E) -> Self {
        Self(Arc::new(Mutex::new(Some(error))))
    }

    /// Takes the error; `None` once it has been taken.
    #[must_use]
    pub fn take(&self) -> Option<E> {
        lock(&self.0).take()
    }
}

impl<E> Clone for Handed<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E> fmt::Debug for Handed<E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Handed").finish_non_exhaustive()
    }
}

const ELSEWHERE: &str = "a result that stays on its thread was asked for on another one";

/// A result that stays on its thread, which a function that is `scoped` and `sequential` may have: an `Rc`.
pub struct Here<R> {
    thread: ThreadId,
    /// Used, and dropped, by that thread alone.
    value: ManuallyDrop<R>,
}

// SAFETY: as for `Inner`.
unsafe impl<R> Send for Here<R> {}
// SAFETY: as above.
unsafe impl<R> Sync for Here<R> {}

impl<R> Here<R> {
    /// Makes a result on this thread.
    #[inline]
    pub fn of(make: impl FnOnce() -> R) -> Self {
        Self { thread: thread::current().id(), value: ManuallyDrop::new(make()) }
    }

    fn is_here(&self) -> bool {
        thread::current().id() == self.thread
    }

    /// The result, lent.
    ///
    /// # Panics
    /// As [`into_inner`](Self::into_inner).
    pub fn get(&self) -> &R {
        assert!(self.is_here(), "{ELSEWHERE}");
        &self.value
    }

    /// The result.
    ///
    /// # Panics
    /// On another thread. A function that makes such results is called on one thread alone.
    #[inline]
    pub fn into_inner(mut self) -> R {
        assert!(self.is_here(), "{ELSEWHERE}");
        // SAFETY: taken out once, since it is not dropped.
        let value = unsafe { ManuallyDrop::take(&mut self.value) };
        std::mem::forget(self);
        value
    }
}

impl<R: Clone> Clone for Here<R> {
    fn clone(&self) -> Self {
        Self { thread: self.thread, value: ManuallyDrop::new(self.get().clone()) }
    }
}

impl<R> Drop for Here<R> {
    /// Stays where another thread comes to drop it.
    fn drop(&mut self) {
        if self.is_here() {
            // SAFETY: dropped once.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{rc::Rc, thread};

    use super::{Fallible, Here, Moved};

    #[test]
    fn an_error_stays_on_its_thread() {
        let error = Rc::new("broken");
        let shared: Result<(), Moved<Rc<&str>>> = Err(error.clone()).share();
        let again = shared.clone();
        thread::spawn(move || assert!(Result::taken(again).is_none())).join().unwrap();
        assert_eq!(Result::taken(shared), Some(Err(error.clone())));
        // One that nobody takes is dropped.
        drop(Err::<(), _>(error.clone()).share());
        assert_eq!(Rc::strong_count(&error), 1);
    }

    #[test]
    fn a_result_stays_on_its_thread() {
        let value = Rc::new(7);
        let here = Here::of(|| value.clone());
        assert!(Rc::ptr_eq(&here.clone().into_inner(), &value));
        thread::scope(|scope| assert!(scope.spawn(|| drop(here.clone())).join().is_err()));
        drop(here);
        assert_eq!(Rc::strong_count(&value), 1);
    }
}
