//! Stores whose calls wait, for code that must not: each call runs on a thread of its own making.

use std::{
    any::type_name,
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

use super::{Answer, AsyncStore, Error, Result, Store, codec::Codec};
use crate::panics;

/// So many calls are under way at once; others wait for their turn.
const MOST: usize = 16;
/// A thread without work ends after so long.
const IDLE: Duration = Duration::from_secs(10);

/// A [`Store`] whose calls may wait for a server or a disk, as an [`AsyncStore`]: they wait on threads of its own, and never where they
/// are polled.
///
/// It is bound to no runtime. Up to 16 threads are started when they are needed, and end when they have had nothing to do for ten seconds. Keys and
/// values go to them as bytes, so they need serde and no `Clone`. A future that is dropped leaves its call to take effect, or not.
///
/// # Examples
/// ```
/// use speedup_runtime::store::{AsyncStore, MemoryStore, OffThread};
///
/// let store = OffThread::new(MemoryStore::<(u64,), String>::new());
/// pollster::block_on(async {
///     store.put(&(7,), &"seven".to_string(), None).await?;
///     assert_eq!(store.get(&(7,)).await?.as_deref(), Some("seven"));
///     Ok::<(), speedup_runtime::store::Error>(())
/// })?;
/// # Ok::<(), speedup_runtime::store::Error>(())
/// ```
pub struct OffThread<S> {
    store: Arc<S>,
    threads: Arc<Threads>,
}

impl<S> OffThread<S> {
    /// A store with threads of its own.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self { store: Arc::new(store), threads: Arc::default() }
    }
}

impl<S> Clone for OffThread<S> {
    /// The same store, with the same threads.
    fn clone(&self) -> Self {
        Self { store: Arc::clone(&self.store), threads: Arc::clone(&self.threads) }
    }
}

impl<S> fmt::Debug for OffThread<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("OffThread").field(&type_name::<S>()).finish()
    }
}

impl<S: Send + Sync + 'static> OffThread<S> {
    /// Runs a call of the store on a thread, if what it needs could be made.
    fn run<T: Send + 'static>(
        &self,
        call: Result<impl FnOnce(&S) -> Result<T> + Send + 'static>,
    ) -> Answer<'static, T> {
        let call = match call {
            Ok(call) => call,
            Err(error) => return Box::pin(async { Err(error) }),
        };
        let (sender, waiting) = channel();
        let store = Arc::clone(&self.store);
        self.threads.run(Box::new(move || sender.send(call(&store))));
        Box::pin(async {
            waiting.await.unwrap_or_else(|| Err(Error::other("the store", "its call panicked, or had no thread")))
        })
    }
}

impl<K, V, S> AsyncStore<K, V> for OffThread<S>
where
    K: Serialize + DeserializeOwned + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
    S: Store<K, V> + 'static,
{
    fn get<'a>(&'a self, key: &'a K) -> Answer<'a, Option<V>> {
        let codec = Codec::<K, V>::new();
        self.run(codec.encode_key(key).map(|key| move |store: &S| store.get(&codec.decode_key(&key)?)))
    }

    fn put<'a>(&'a self, key: &'a K, value: &'a V, ttl: Option<Duration>) -> Answer<'a, ()> {
        let codec = Codec::<K, V>::new();
        let both = codec.encode_key(key).and_then(|key| Ok((key, codec.encode(value)?)));
        self.run(
            both.map(|(key, value)| move |store: &S| store.put(&codec.decode_key(&key)?, &codec.decode(&value)?, ttl)),
        )
    }

    fn remove<'a>(&'a self, key: &'a K) -> Answer<'a, ()> {
        let codec = Codec::<K, V>::new();
        self.run(codec.encode_key(key).map(|key| move |store: &S| store.remove(&codec.decode_key(&key)?)))
    }

    fn clear(&self) -> Answer<'_, ()> {
        self.run(Ok(|store: &S| store.clear()))
    }

    fn get_many<'a>(&'a self, keys: &'a [&'a K]) -> Answer<'a, Vec<Option<V>>> {
        let codec = Codec::<K, V>::new();
        let keys: Result<Vec<_>> = keys.iter().map(|key| codec.encode_key(key)).collect();
        self.run(keys.map(|keys| {
            move |store: &S| {
                let keys: Vec<K> = keys.iter().map(|key| codec.decode_key(key)).collect::<Result<_>>()?;
                store.get_many(&keys.iter().collect::<Vec<_>>())
            }
        }))
    }

    fn put_many<'a>(&'a self, entries: &'a [(&'a K, &'a V)], ttl: Option<Duration>) -> Answer<'a, ()> {
        let codec = Codec::<K, V>::new();
        let entry = |(key, value): &(&K, &V)| Ok((codec.encode_key(key)?, codec.encode(value)?));
        let entries: Result<Vec<_>> = entries.iter().map(entry).collect();
        self.run(entries.map(|entries| {
            move |store: &S| {
                let entry = |(key, value): &(Vec<u8>, Vec<u8>)| Ok((codec.decode_key(key)?, codec.decode(value)?));
                let entries: Vec<(K, V)> = entries.iter().map(entry).collect::<Result<_>>()?;
                store.put_many(&entries.iter().map(|(key, value)| (key, value)).collect::<Vec<_>>(), ttl)
            }
        }))
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// Threads that run calls, as many as are needed.
#[derive(Default)]
struct Threads {
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    running: usize,
    idle: usize,
}

impl Threads {
    /// Runs a job, on a thread that has nothing to do or on a new one. Where none is to be had the job is dropped.
    fn run(self: &Arc<Self>, job: Job) {
        let mut queue = lock(&self.queue);
        queue.jobs.push_back(job);
        if queue.idle >= queue.jobs.len() {
            self.wake.notify_one();
        } else if queue.running < MOST {
            let threads = Arc::clone(self);
            let started = thread::Builder::new().name("speedup-store-calls".to_owned()).spawn(move || threads.work());
            match started {
                Ok(_) => queue.running += 1,
                Err(_) if queue.running == 0 => {
                    let dropped = queue.jobs.pop_back();
                    drop(queue);
                    drop(dropped);
                }
                // One of those that run takes it.
                Err(_) => {}
            }
        }
    }

    /// A thread: takes jobs until there were none for long.
    fn work(&self) {
        let mut queue = lock(&self.queue);
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                drop(queue);
                // A store is users' code.
                panics::contain(job);
                queue = lock(&self.queue);
                continue;
            }
            queue.idle += 1;
            let waited = self.wake.wait_timeout_while(queue, IDLE, |queue| queue.jobs.is_empty());
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
            queue.idle -= 1;
            if queue.jobs.is_empty() {
                queue.running -= 1;
                return;
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where one value passes from a thread to a future.
struct Slot<T> {
    state: Mutex<State<T>>,
}

enum State<T> {
    Empty(Option<Waker>),
    Full(T),
    /// The sender is gone, or the value was taken.
    Closed,
}

struct Sender<T>(Arc<Slot<T>>);
struct Waiting<T>(Arc<Slot<T>>);

fn channel<T>() -> (Sender<T>, Waiting<T>) {
    let slot = Arc::new(Slot { state: Mutex::new(State::Empty(None)) });
    (Sender(Arc::clone(&slot)), Waiting(slot))
}

impl<T> Slot<T> {
    /// Goes on from empty; a slot that is full stays so.
    fn fill(&self, state: State<T>) {
        let mut now = lock(&self.state);
        if let State::Empty(waker) = &mut *now {
            let waker = waker.take();
            *now = state;
            drop(now);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl<T> Sender<T> {
    fn send(self, value: T) {
        self.0.fill(State::Full(value));
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.fill(State::Closed);
    }
}

impl<T> Future for Waiting<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = lock(&self.0.state);
        match std::mem::replace(&mut *state, State::Closed) {
            State::Full(value) => Poll::Ready(Some(value)),
            State::Closed => Poll::Ready(None),
            State::Empty(_) => {
                *state = State::Empty(Some(context.waker().clone()));
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Waits until it is let go, or panics.
    struct Slow(Mutex<mpsc::Receiver<bool>>);

    impl Store<u8, u8> for Slow {
        fn get(&self, key: &u8) -> Result<Option<u8>> {
            let panics = lock(&self.0).recv().expect("the test lives");
            assert!(!panics, "as it was told");
            Ok(Some(*key))
        }
        fn put(&self, _: &u8, _: &u8, _: Option<Duration>) -> Result<()> {
            Ok(())
        }
        fn remove(&self, _: &u8) -> Result<()> {
            Ok(())
        }
        fn clear(&self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_call_that_waits_does_not_hold_up_who_polls() {
        let (let_go, waits) = mpsc::channel();
        let store = OffThread::new(Slow(Mutex::new(waits)));
        let mut calls: Vec<_> = (0..40).map(|_| store.get(&7)).collect();
        let mut context = Context::from_waker(Waker::noop());
        assert!(calls.iter_mut().all(|call| call.as_mut().poll(&mut context).is_pending()));
        (0..40).for_each(|_| let_go.send(false).expect("it waits"));
        for call in calls {
            assert_eq!(pollster::block_on(call).expect("it answers"), Some(7));
        }
    }

    #[test]
    fn a_panic_in_a_store_is_an_error_and_the_store_goes_on() {
        let (let_go, waits) = mpsc::channel();
        let store = OffThread::new(Slow(Mutex::new(waits)));
        for panics in [true, false] {
            let_go.send(panics).expect("it is there");
            assert_eq!(pollster::block_on(store.get(&7)).is_err(), panics);
        }
    }
}
