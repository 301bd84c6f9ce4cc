//! Results of `async` functions.

use std::{
    future::poll_fn,
    sync::{
        Condvar, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    thread,
    time::Duration,
};

use speedup::{
    cache,
    store::{Error, MemoryStore, Result, Store},
};

use crate::children::{folder, role, run, tell};

#[cache(disk = folder())]
async fn steps(n: u64) -> u64 {
    if n == 1 { 0 } else { 1 + steps(if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 }).await }
}

#[test]
fn results_of_tasks_are_there_in_the_next_run() {
    if role().is_some() {
        let value = pollster::block_on(steps(27));
        let stats = STEPS.stats();
        return tell(format!("{value} {} {} {:?}", stats.misses, stats.store_hits, stats.store));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let next = || run("tasks::results_of_tasks_are_there_in_the_next_run", "child", folder.path());
    assert_eq!(next(), "111 112 0 Sound");
    assert_eq!(next(), "111 0 1 Sound");
}

/// A store far away: it answers when it is told to.
#[derive(Default)]
struct Slow {
    inner: MemoryStore<(u64,), u64>,
    asked_on_the_runtime: AtomicUsize,
    is_down: std::sync::atomic::AtomicBool,
}

impl Slow {
    fn ask(&self) -> Result<&MemoryStore<(u64,), u64>> {
        if thread::current().name() == Some(RUNTIME) {
            self.asked_on_the_runtime.fetch_add(1, Ordering::Relaxed);
        }
        if self.is_down.load(Ordering::Relaxed) {
            return Err(Error::TimedOut { store: "slow".into(), after: Duration::ZERO });
        }
        Ok(&self.inner)
    }
}

impl Store<(u64,), u64> for Slow {
    fn get(&self, key: &(u64,)) -> Result<Option<u64>> {
        self.ask()?.get(key)
    }
    fn put(&self, key: &(u64,), value: &u64, ttl: Option<Duration>) -> Result<()> {
        self.ask()?.put(key, value, ttl)
    }
    fn remove(&self, key: &(u64,)) -> Result<()> {
        self.ask()?.remove(key)
    }
    fn clear(&self) -> Result<()> {
        self.ask()?.clear()
    }
}

const RUNTIME: &str = "runtime";

/// Runs a future in a runtime whose threads have a name.
fn in_runtime<T>(future: impl Future<Output = T> + Send + 'static) -> T
where
    T: Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name(RUNTIME).build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async { tokio::spawn(future).await.expect("it ends") })
}

static SLOW: LazyLock<Slow> = LazyLock::new(Slow::default);

#[cache(store = &*SLOW)]
async fn triple(n: u64) -> u64 {
    3 * n
}

#[test]
fn no_task_waits_for_a_store() {
    SLOW.put(&(7,), &1, None).expect("it is kept");
    let values = in_runtime(async {
        let mut values = Vec::new();
        for n in 5..9 {
            values.push(triple(n).await);
        }
        values
    });
    assert_eq!(values, [15, 18, 1, 24]);
    assert_eq!((TRIPLE.stats().store_hits, TRIPLE.stats().misses), (1, 3));
    TRIPLE.flush().expect("it is written");
    assert_eq!(SLOW.inner.get(&(8,)).expect("it is read"), Some(24));
    assert_eq!(SLOW.asked_on_the_runtime.load(Ordering::Relaxed), 0);
    assert_eq!((TRIPLE.peek(&(7,)), TRIPLE.remove(&(7,)), TRIPLE.contains(&(7,))), (Some(1), Some(1), false));
    assert_eq!(pollster::block_on(TRIPLE.refresh((8,))), 24);
}

/// Forgets everything, and takes nothing before it is let.
#[derive(Default)]
struct Stuck {
    takes: (Mutex<bool>, Condvar),
}

impl Store<(u64,), u64> for Stuck {
    fn get(&self, _: &(u64,)) -> Result<Option<u64>> {
        Ok(None)
    }
    fn put(&self, _: &(u64,), _: &u64, _: Option<Duration>) -> Result<()> {
        Ok(())
    }
    fn put_many(&self, _: &[(&(u64,), &u64)], _: Option<Duration>) -> Result<()> {
        let takes = self.takes.0.lock().expect("nobody panics");
        drop(self.takes.1.wait_while(takes, |takes| !*takes).expect("nobody panics"));
        Ok(())
    }
    fn remove(&self, _: &(u64,)) -> Result<()> {
        Ok(())
    }
    fn clear(&self) -> Result<()> {
        Ok(())
    }
}

static STUCK: LazyLock<Stuck> = LazyLock::new(Stuck::default);
static COUNT: AtomicUsize = AtomicUsize::new(0);

#[cache(store = &*STUCK)]
async fn numbered(n: u64) -> u64 {
    COUNT.fetch_add(1, Ordering::Relaxed);
    n
}

#[test]
fn no_task_waits_for_a_store_that_does_not_keep_up() {
    const ALL: u64 = 20_000;
    let let_it = poll_fn(|context| {
        context.waker().wake_by_ref();
        // By far more than are kept waiting to be written.
        if COUNT.load(Ordering::Relaxed) < 19_500 {
            return Poll::Pending;
        }
        *STUCK.takes.0.lock().expect("nobody panics") = true;
        STUCK.takes.1.notify_all();
        Poll::Ready(())
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (values, ()) = runtime.block_on(async { tokio::join!(NUMBERED.get_all((0..ALL).map(|n| (n,))), let_it) });
    assert_eq!(values, (0..ALL).collect::<Vec<_>>());
}

static STRICT: LazyLock<Slow> = LazyLock::new(Slow::default);

#[cache(store = &*STRICT, on_store_error = "fail")]
async fn quarter(n: u64) -> Result<u64> {
    Ok(n / 4)
}

#[test]
fn a_task_fails_with_its_store() {
    assert_eq!(in_runtime(quarter(8)).expect("the store is there"), 2);
    assert_eq!(STRICT.inner.get(&(8,)).expect("it is read"), Some(2));
    STRICT.is_down.store(true, Ordering::Relaxed);
    assert!(in_runtime(quarter(12)).is_err() && in_runtime(quarter(8)).is_ok());
    STRICT.is_down.store(false, Ordering::Relaxed);
    assert_eq!(in_runtime(quarter(12)).expect("the store is there"), 3);
    assert_eq!(STRICT.asked_on_the_runtime.load(Ordering::Relaxed), 0);
}

/// A store far away that counts what it is asked.
#[derive(Default)]
struct Counting {
    inner: MemoryStore<(u32, u32), u64>,
    /// For how many keys at a time.
    asked: Mutex<Vec<usize>>,
}

impl Store<(u32, u32), u64> for Counting {
    fn get(&self, key: &(u32, u32)) -> Result<Option<u64>> {
        self.asked.lock().expect("nobody panics").push(1);
        self.inner.get(key)
    }
    fn get_many(&self, keys: &[&(u32, u32)]) -> Result<Vec<Option<u64>>> {
        self.asked.lock().expect("nobody panics").push(keys.len());
        self.inner.get_many(keys)
    }
    fn put(&self, key: &(u32, u32), value: &u64, ttl: Option<Duration>) -> Result<()> {
        self.inner.put(key, value, ttl)
    }
    fn remove(&self, key: &(u32, u32)) -> Result<()> {
        self.inner.remove(key)
    }
    fn clear(&self) -> Result<()> {
        self.inner.clear()
    }
}

static COUNTING: LazyLock<Counting> = LazyLock::new(Counting::default);
static AGED: LazyLock<Counting> = LazyLock::new(Counting::default);

#[cache(store = &*COUNTING, skip(scale))]
async fn paths(scale: std::sync::Arc<u64>, x: u32, y: u32) -> u64 {
    if x == 0 || y == 0 { *scale } else { paths(scale.clone(), x - 1, y).await + paths(scale.clone(), x, y - 1).await }
}

#[cache(store = &*AGED, ttl = "1h", skip(scale))]
async fn aged_paths(scale: std::sync::Arc<u64>, x: u32, y: u32) -> u64 {
    if x == 0 || y == 0 {
        *scale
    } else {
        aged_paths(scale.clone(), x - 1, y).await + aged_paths(scale.clone(), x, y - 1).await
    }
}

/// The outermost call is looked up by itself, and all others in groups, though each of them is more than its key.
#[test]
fn a_group_with_context_is_looked_up_in_one_go() {
    let scale = std::sync::Arc::new(1);
    assert_eq!(pollster::block_on(paths(scale.clone(), 1, 1)), 2);
    assert_eq!(*COUNTING.asked.lock().expect("nobody panics"), [1, 2]);
    assert_eq!(in_runtime(paths(scale.clone(), 9, 9)), 48_620);
    // A member that somebody has asked for is left out; a group of one is no group.
    let asked = std::mem::take(&mut *COUNTING.asked.lock().expect("nobody panics"));
    let keys: usize = asked.iter().sum();
    assert!(asked.len() < keys, "{asked:?}");
    assert_eq!(PATHS.stats().store_errors, 0);

    assert_eq!(pollster::block_on(aged_paths(scale.clone(), 1, 1)), 2);
    assert_eq!(*AGED.asked.lock().expect("nobody panics"), [1, 2]);
}

struct Grid {
    scale: u64,
}

static OF_METHODS: LazyLock<Counting> = LazyLock::new(Counting::default);

impl Grid {
    #[cache(store = &*OF_METHODS, skip(self))]
    async fn paths(self: std::sync::Arc<Self>, x: u32, y: u32) -> u64 {
        if x == 0 || y == 0 {
            self.scale
        } else {
            self.clone().paths(x - 1, y).await + self.clone().paths(x, y - 1).await
        }
    }
}

#[test]
fn a_group_of_methods_is_looked_up_in_one_go() {
    assert_eq!(pollster::block_on(std::sync::Arc::new(Grid { scale: 3 }).paths(1, 1)), 6);
    assert_eq!(*OF_METHODS.asked.lock().expect("nobody panics"), [1, 2]);
    assert_eq!(Grid::PATHS.len(), 3);
}
