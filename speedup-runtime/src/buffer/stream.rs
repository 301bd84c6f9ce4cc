//! Streams as generators: who makes their values waits for them.

use std::{
    pin::Pin,
    sync::{Arc, PoisonError},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures_core::Stream;

use super::{
    handle::Buffer,
    item::Item,
    sink::Sink,
    source::{Advance, Generator, Source},
};
use crate::sync::global::{Condvar, Mutex};

/// How often a thread that waits for a stream looks whether anybody still wants the value.
const LOOK: Duration = Duration::from_millis(100);

impl<T: Item> Buffer<T> {
    /// The items of a stream, not one of which is asked for yet.
    ///
    /// The stream is polled by the thread that makes a value, which sleeps until it is there: a reader of its own, or a
    /// helper thread where values are dear or a [`reader`](Buffer::reader) awaits them. A stream that needs the context of
    /// a runtime when it is polled does not find it there.
    pub fn from_stream<S>(items: S) -> Self
    where
        S: Stream<Item = T> + Send + 'static,
    {
        Buffer::from_source(move || Source::from_stream(items))
    }
}

impl<T: 'static> Source<T> {
    /// The items of a stream; see [`Buffer::from_stream`].
    pub fn from_stream<S>(items: S) -> Self
    where
        S: Stream<Item = T> + Send + 'static,
    {
        Source { generator: Box::new(Streamed { items: Box::pin(items), bell: Arc::new(Bell::default()) }) }
    }
}

struct Streamed<S> {
    items: Pin<Box<S>>,
    bell: Arc<Bell>,
}

/// Wakes the thread that waits for a stream.
#[derive(Default)]
struct Bell {
    /// Whether it has rung since the last poll.
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }
}

impl Bell {
    /// Waits until it has rung; `false` if `over` says so first.
    fn wait(&self, over: impl Fn() -> bool) -> bool {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        while !*rung {
            if over() {
                return false;
            }
            rung = self.changed.wait_timeout(rung, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        *rung = false;
        true
    }
}

impl<T, S: Stream<Item = T> + Send> Generator<T> for Streamed<S> {
    fn advance(&mut self, sink: &mut Sink<'_, T>) -> Advance {
        let waker = Waker::from(Arc::clone(&self.bell));
        let mut context = Context::from_waker(&waker);
        loop {
            match self.items.as_mut().poll_next(&mut context) {
                Poll::Ready(None) => return Advance::Ended,
                Poll::Ready(Some(value)) => {
                    if !sink.push(value) {
                        return Advance::Paused;
                    }
                }
                Poll::Pending => {
                    if !self.bell.wait(|| sink.is_over()) {
                        return Advance::Paused;
                    }
                }
            }
        }
    }
}
