//! What makes the values: an iterator, or a `yield_!` body that is polled by hand.

use std::{
    future::Future,
    pin::Pin,
    ptr::null_mut,
    task::{Context, Poll, Waker},
};

use super::sink::Sink;
use crate::sync::{Arc, AtomicPtr, Ordering};

/// How a call of [`Generator::advance`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advance {
    /// The sink is satisfied for now; there may be more values.
    Paused,
    /// There are no more values.
    Ended,
}

/// Resumable state that gives values to a sink until the sink says stop.
pub(super) trait Generator<T>: Send {
    /// Gives values until [`Sink::push`] answers `false` or there are none left.
    fn advance(&mut self, sink: &mut Sink<'_, T>) -> Advance;
}

/// The values of a buffer, not yet computed.
pub struct Source<T> {
    pub(super) generator: Box<dyn Generator<T>>,
}

impl<T> std::fmt::Debug for Source<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Source").finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Source<T> {
    /// The items of an iterator.
    #[allow(clippy::should_implement_trait)] // the bound `Send + 'static` is not the trait's
    pub fn from_iter<I>(items: I) -> Self
    where
        I: IntoIterator<Item = T>,
        I::IntoIter: Send + 'static,
    {
        Source { generator: Box::new(Items { items: items.into_iter() }) }
    }

    /// The values that a body gives to its [`Out`].
    pub fn from_body<F, B>(body: F) -> Self
    where
        F: FnOnce(Out<T>) -> B,
        B: Future<Output = ()> + Send + 'static,
    {
        let link = Arc::new(Link { sink: AtomicPtr::new(null_mut()) });
        let body = Box::pin(body(Out { link: Arc::clone(&link) }));
        Source { generator: Box::new(Body { body, link }) }
    }
}

struct Items<I> {
    items: I,
}

impl<T, I: Iterator<Item = T> + Send> Generator<T> for Items<I> {
    fn advance(&mut self, sink: &mut Sink<'_, T>) -> Advance {
        loop {
            match self.items.next() {
                Some(value) => {
                    if !sink.push(value) {
                        return Advance::Paused;
                    }
                }
                None => return Advance::Ended,
            }
        }
    }
}

/// Where a body finds the sink of the production that polls it.
struct Link<T: 'static> {
    /// Set for the time of one poll, null otherwise. Relaxed is enough: it is written and read by the thread that polls.
    sink: AtomicPtr<Sink<'static, T>>,
}

/// The handle that a `yield_!` body gives its values to.
pub struct Out<T: 'static> {
    link: Arc<Link<T>>,
}

impl<T> std::fmt::Debug for Out<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Out").finish_non_exhaustive()
    }
}

impl<T> Out<T> {
    /// Makes `value` the next value of the buffer.
    ///
    /// # Panics
    ///
    /// When it is polled by anything else than the buffer that made this handle.
    pub fn give(&self, value: T) -> impl Future<Output = ()> + use<'_, T> {
        Give { link: &self.link, value: Some(value) }
    }
}

struct Give<'a, T: 'static> {
    link: &'a Link<T>,
    value: Option<T>,
}

impl<T> Unpin for Give<'_, T> {}

impl<T> Future for Give<'_, T> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let Some(value) = self.value.take() else { return Poll::Ready(()) };
        let sink = self.link.sink.load(Ordering::Relaxed);
        assert!(!sink.is_null(), "a value was yielded outside the production of its buffer");
        // SAFETY: the pointer is not null only while `Body::advance` polls, which holds the sink exclusively, has lent
        // it to this field and does not touch it before the poll is over.
        if unsafe { &mut *sink }.push(value) { Poll::Ready(()) } else { Poll::Pending }
    }
}

struct Body<T: 'static, B> {
    body: Pin<Box<B>>,
    link: Arc<Link<T>>,
}

/// Takes the sink back, also when the body panics.
struct Lent<'a, T: 'static>(&'a Link<T>);

impl<T> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        self.0.sink.store(null_mut(), Ordering::Relaxed);
    }
}

impl<T: Send + 'static, B: Future<Output = ()> + Send> Generator<T> for Body<T, B> {
    fn advance(&mut self, sink: &mut Sink<'_, T>) -> Advance {
        let sink: *mut Sink<'_, T> = sink;
        self.link.sink.store(sink.cast(), Ordering::Relaxed);
        let lent = Lent(&self.link);
        let polled = self.body.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(lent);
        // SAFETY: the body has given the sink back; this is the exclusive borrow that the caller lent.
        let satisfied = unsafe { &*sink }.is_satisfied();
        match polled {
            Poll::Ready(()) => Advance::Ended,
            Poll::Pending if satisfied => Advance::Paused,
            Poll::Pending => {
                panic!("the body of a buffer awaits something else than `yield_!`, which nobody would wake")
            }
        }
    }
}
