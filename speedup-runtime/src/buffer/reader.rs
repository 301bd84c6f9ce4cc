//! Reading without blocking a thread: readers that are awaited.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;

use super::{handle::Buffer, store::Store as _};

/// Lends the values of a buffer to a task; see [`Buffer::reader`].
pub struct Reader<'a, T: 'static> {
    buffer: &'a Buffer<T>,
    next: usize,
}

impl<T: 'static> Buffer<T> {
    /// Lends the values from the first to a task that awaits them.
    ///
    /// No value is made on the task's thread: helper threads make them, up to [`size`](Buffer::size) ahead of it,
    /// whatever they cost. It works with any runtime, and also as a `Stream`.
    ///
    /// ```
    /// use speedup_runtime::buffer::Buffer;
    ///
    /// # fn block_on<F: Future>(task: F) -> F::Output {
    /// #     let mut task = std::pin::pin!(task);
    /// #     loop {
    /// #         let waker = std::task::Waker::noop();
    /// #         if let std::task::Poll::Ready(done) = task.as_mut().poll(&mut std::task::Context::from_waker(waker)) {
    /// #             return done;
    /// #         }
    /// #         std::thread::yield_now();
    /// #     }
    /// # }
    /// let squares = Buffer::from_iter((0..4).map(|n| n * n));
    /// let sum = block_on(async {
    ///     let mut reader = squares.reader();
    ///     let mut sum = 0;
    ///     while let Some(square) = reader.next().await {
    ///         sum += square;
    ///     }
    ///     sum
    /// });
    /// assert_eq!(sum, 14);
    /// ```
    pub fn reader(&self) -> Reader<'_, T> {
        Reader { buffer: self, next: 0 }
    }

    /// The value at `index` if it is there, else has the task woken when it is worth while to look again.
    fn poll_get(&self, index: usize, context: &mut Context<'_>) -> Poll<Option<&T>> {
        let engine = &self.engine;
        let over = || index < engine.store.len() || !engine.is_open();
        if !over() && !engine.await_value(&self.settings, index, context.waker()) {
            // There is no thread to be had: as good as anybody.
            self.ensure(index);
        }
        if !over() {
            return Poll::Pending;
        }
        if engine.store.get(index).is_none() && !self.ensure(index) {
            return Poll::Ready(None);
        }
        engine.awaited(&self.settings, index);
        Poll::Ready(engine.store.get(index))
    }
}

impl<'a, T: 'static> Reader<'a, T> {
    /// The next value, once it is there; `None` at the end of the generator. Dropping the future loses no value.
    ///
    /// # Panics
    ///
    /// When it is awaited, as [`Buffer`](Buffer#panics) says.
    #[allow(clippy::should_implement_trait)] // it is awaited
    pub fn next(&mut self) -> impl Future<Output = Option<&'a T>> + Send + use<'_, 'a, T>
    where
        T: Send + Sync,
    {
        std::future::poll_fn(|context| self.poll(context))
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<&'a T>> {
        let value = std::task::ready!(self.buffer.poll_get(self.next, context));
        self.next += usize::from(value.is_some());
        Poll::Ready(value)
    }
}

impl<'a, T: 'static> Stream for Reader<'a, T> {
    type Item = &'a T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<&'a T>> {
        self.poll(context)
    }
}

impl<T> Clone for Reader<'_, T> {
    fn clone(&self) -> Self {
        Reader { buffer: self.buffer, next: self.next }
    }
}

impl<T> fmt::Debug for Reader<'_, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Reader").field("index", &self.next).finish_non_exhaustive()
    }
}
