//! What makes the values: an iterator, or a `yield_!` body that is polled by hand.

use std::{
    future::Future,
    pin::Pin,
    ptr::null_mut,
    task::{Context, Poll, Waker},
};

use super::{sink::Sink, token};
use crate::sync::{Arc, AtomicPtr, AtomicUsize, Ordering};

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

impl<T: 'static> Source<T> {
    /// The items of an iterator.
    #[allow(clippy::should_implement_trait)] // the bound `Send + 'static` is not the trait's
    pub fn from_iter<I>(items: I) -> Self
    where
        I: IntoIterator<Item = T>,
        I::IntoIter: 'static,
        I::IntoIter: Send, // it moves between threads: use `Arc` for `Rc`
    {
        Source { generator: Box::new(Items { items: items.into_iter() }) }
    }

    /// The values that a body gives to its [`Out`].
    pub fn from_body<F, B>(body: F) -> Self
    where
        F: FnOnce(Out<T>) -> B,
        B: Future<Output = ()> + 'static,
        B: Send, // it moves between threads: end lock guards before a `yield_!`, and use `Arc` for `Rc`
    {
        let link = Arc::new(Link { polling: AtomicUsize::new(0), sink: AtomicPtr::new(null_mut()) });
        let body = Box::pin(body(Out { link: Arc::clone(&link) }));
        Source { generator: Box::new(Body { body, link }) }
    }
}

struct Items<I> {
    items: I,
}

impl<T, I: Iterator<Item = T> + Send> Generator<T> for Items<I> {
    fn advance(&mut self, sink: &mut Sink<'_, T>) -> Advance {
        if sink.fill(&mut self.items) { Advance::Ended } else { Advance::Paused }
    }
}

/// Where a body finds the sink of the production that polls it.
struct Link<T: 'static> {
    /// The token of the thread that polls, for the time of the poll; 0 otherwise. Relaxed: only a thread itself stores its
    /// token, so who finds its own here has put it here.
    polling: AtomicUsize,
    /// That thread's sink. Relaxed: it is read only by who has found its own token, and with it stored this.
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
    /// Makes `value` the next value of the buffer, at once; to be awaited, which suspends the body when it has to stop.
    ///
    /// # Panics
    ///
    /// When it is called by anything else than the body in the midst of its production, or again before the last call was
    /// awaited.
    #[inline]
    pub fn give(&self, value: T) -> impl Future<Output = ()> + Send + use<T> {
        let polling = self.link.polling.load(Ordering::Relaxed) == token::me().get();
        assert!(polling, "a value was yielded outside the production of its buffer");
        // SAFETY: the calling thread is inside of `Body::advance`, which holds the sink exclusively, has lent it to the link
        // and does not touch it before the poll is over.
        let sink = unsafe { &mut *self.link.sink.load(Ordering::Relaxed) };
        Given { suspends: !sink.push(value) }
    }
}

/// A value that was given. It holds none, so that a body is `Send` whatever its items are.
struct Given {
    suspends: bool,
}

impl Future for Given {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::take(&mut self.suspends) { Poll::Pending } else { Poll::Ready(()) }
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
        self.0.polling.store(0, Ordering::Relaxed);
    }
}

impl<T: 'static, B: Future<Output = ()> + Send> Generator<T> for Body<T, B> {
    fn advance(&mut self, sink: &mut Sink<'_, T>) -> Advance {
        let sink: *mut Sink<'_, T> = sink;
        self.link.sink.store(sink.cast(), Ordering::Relaxed);
        self.link.polling.store(token::me().get(), Ordering::Relaxed);
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
