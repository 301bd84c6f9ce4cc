//! Tasks that await values, and streams that make them.

use std::{
    collections::VecDeque,
    future::Future,
    pin::{Pin, pin},
    sync::{Arc, Condvar, Mutex, mpsc},
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use futures_core::Stream;
use speedup_runtime::buffer::Buffer;

/// Wakes the thread that runs a task.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a task on the calling thread, which sleeps until it is woken; fails if it never is.
fn block_on<F: Future>(task: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut task = pin!(task);
    loop {
        if let Poll::Ready(done) = task.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done;
        }
        let before = std::time::Instant::now();
        thread::park_timeout(Duration::from_secs(30));
        assert!(before.elapsed() < Duration::from_secs(30), "the task is not woken");
    }
}

async fn sum(buffer: &Buffer<u64>) -> u64 {
    let (mut reader, mut sum) = (buffer.reader(), 0);
    while let Some(value) = reader.next().await {
        sum += value;
    }
    sum
}

#[test]
fn a_task_reads_a_buffer_to_its_end() {
    let buffer = Buffer::from_iter(0..10_000);
    assert_eq!(block_on(sum(&buffer)), 49_995_000);
    assert_eq!(buffer.stats().computed_by_readers, 0, "no value is made on the task's thread");
    assert_eq!(block_on(sum(&buffer)), 49_995_000);
}

#[test]
fn tasks_and_threads_read_together() {
    let buffer = Buffer::from_iter(0..5_000).size(4);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_eq!(block_on(sum(&buffer)), 12_497_500));
            scope.spawn(|| assert_eq!(buffer.iter().sum::<u64>(), 12_497_500));
        }
    });
}

#[test]
fn a_task_that_waits_blocks_no_thread() {
    let (feed, food) = mpsc::channel();
    let buffer = Buffer::from_iter(food);
    block_on(async {
        let mut reader = buffer.reader();
        for n in 0..1_000_u64 {
            let waiting = reader.clone();
            // The same thread asks first and feeds afterwards.
            {
                let mut waiting = waiting;
                let mut next = pin!(waiting.next());
                let first = std::future::poll_fn(|context| Poll::Ready(next.as_mut().poll(context))).await;
                assert!(first.is_pending());
            }
            feed.send(n).expect("the generator lives");
            assert_eq!(reader.next().await, Some(&n));
        }
    });
}

#[test]
fn a_panic_reaches_the_task_that_awaits_the_value() {
    let buffer = Buffer::from_iter((0..).inspect(|n| assert!(*n < 5, "no more than five")));
    let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| block_on(sum(&buffer))));
    assert_eq!(end.expect_err("the generator panics").downcast_ref::<&str>(), Some(&"no more than five"));
    assert_eq!(buffer.len_ready(), 5);
}

/// A channel whose receiver is a stream.
#[derive(Default)]
struct Channel {
    state: Mutex<(VecDeque<u64>, bool, Option<Waker>)>,
    polled: Condvar,
}

impl Channel {
    fn change(&self, change: impl FnOnce(&mut VecDeque<u64>, &mut bool)) {
        let mut state = self.state.lock().expect("nobody panics");
        let (items, ended, waker) = &mut *state;
        change(items, ended);
        if let Some(waker) = waker.take() {
            waker.wake();
        }
    }

    /// Waits until somebody waits for an item.
    fn await_poll(&self) {
        let state = self.state.lock().expect("nobody panics");
        drop(self.polled.wait_while(state, |state| state.2.is_none()).expect("nobody panics"));
    }
}

struct Receiver(Arc<Channel>);

impl Stream for Receiver {
    type Item = u64;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<u64>> {
        let mut state = self.0.state.lock().expect("nobody panics");
        match (state.0.pop_front(), state.1) {
            (Some(item), _) => Poll::Ready(Some(item)),
            (None, true) => Poll::Ready(None),
            (None, false) => {
                state.2 = Some(context.waker().clone());
                self.0.polled.notify_all();
                Poll::Pending
            }
        }
    }
}

#[test]
fn a_stream_makes_the_values() {
    let channel = Arc::new(Channel::default());
    let buffer = Buffer::from_stream(Receiver(Arc::clone(&channel)));
    thread::scope(|scope| {
        scope.spawn(|| assert!(buffer.iter().copied().eq(0..100)));
        scope.spawn(|| assert_eq!(block_on(sum(&buffer)), 4_950));
        for n in 0..100 {
            if n % 10 == 0 {
                channel.await_poll();
            }
            channel.change(|items, _| items.push_back(n));
        }
        channel.change(|_, ended| *ended = true);
    });
    assert!(buffer.is_exhausted());
}

#[test]
fn a_stream_that_never_comes_holds_nobody_up() {
    let channel = Arc::new(Channel::default());
    let buffer = Buffer::from_stream(Receiver(Arc::clone(&channel)));
    buffer.prefetch(1);
    channel.await_poll();
    buffer.close();
    assert_eq!(Arc::strong_count(&channel), 1, "the stream is dropped");
}

#[test]
fn a_reader_is_a_stream() {
    fn assert_stream<'a, S: Stream<Item = &'a u64> + Send>(_: &S) {}
    let buffer = Buffer::from_iter(0..3);
    let mut reader = buffer.reader();
    assert_stream(&reader);
    let mut next = || block_on(std::future::poll_fn(|context| Pin::new(&mut reader).poll_next(context)));
    assert_eq!((next(), next(), next(), next()), (Some(&0), Some(&1), Some(&2), None));
}
