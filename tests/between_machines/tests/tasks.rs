//! `async` functions that processes compute together, each of which is a function with a store of its own here.

#[allow(dead_code, reason = "shared with tests of stores, which harm servers in more ways")]
#[path = "../../../speedup-runtime/tests/store_servers/servers.rs"]
mod servers;

#[path = "../../../speedup-runtime/tests/async_cache/gate.rs"]
mod gate;

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use pollster::block_on;
use speedup::cache;
use speedup::store::cooperate::Begun;
use speedup::store::{Error, RedisStore, Store as _};

use gate::Gate;
use servers::{Kind, Server};

/// The server of each test, by the name of the test.
static SERVERS: Mutex<Option<HashMap<String, Server>>> = Mutex::new(None);

fn servers<T>(act: impl FnOnce(&mut HashMap<String, Server>) -> T) -> T {
    act(SERVERS.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

/// Ends the server of a test with it.
struct Ends(&'static str);

impl Drop for Ends {
    fn drop(&mut self) {
        servers(|all| all.remove(self.0));
    }
}

/// A server for a test, unless there is none to be had.
fn server(test: &'static str) -> Option<Ends> {
    let server = Server::start(Kind::Redis, &[])?;
    servers(|all| all.insert(test.to_owned(), server));
    Some(Ends(test))
}

type Numbers = RedisStore<(u32,), u64>;

/// A store on it, which answers even where the machine is busy. Its leases outlast any test: what others get was given up.
fn store(test: &str) -> Result<Numbers, Error> {
    answers_within(test, Duration::from_secs(60))
}

fn answers_within(test: &str, timeout: Duration) -> Result<Numbers, Error> {
    let url = servers(|all| all[test].url());
    RedisStore::builder(url, test).cooperate().lease(Duration::from_secs(3_600)).timeout(timeout).open()
}

/// Polls until this is true; the future must not be ready before.
fn poll_until(future: &mut Pin<Box<dyn Future<Output = u64> + Send>>, is_so: impl Fn() -> bool) {
    while !is_so() {
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        thread::yield_now();
    }
}

static GRID: AtomicUsize = AtomicUsize::new(0);

async fn work() {
    GRID.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(20)).await;
}

fn grid() -> Result<RedisStore<(u32, u32), u64>, Error> {
    let (timeout, lease) = (Duration::from_secs(60), Duration::from_secs(3_600));
    RedisStore::builder(servers(|all| all["grid"].url()), "grid").cooperate().timeout(timeout).lease(lease).open()
}

#[cache(store = grid())]
async fn grid_here(x: u32, y: u32) -> u64 {
    let sum = if x == 0 || y == 0 { 1 } else { grid_here(x - 1, y).await + grid_here(x, y - 1).await };
    work().await;
    sum
}

#[cache(store = grid())]
async fn grid_there(x: u32, y: u32) -> u64 {
    let sum = if x == 0 || y == 0 { 1 } else { grid_there(x - 1, y).await + grid_there(x, y - 1).await };
    work().await;
    sum
}

#[test]
fn each_call_is_computed_once_between_two_processes() {
    let Some(_server) = server("grid") else { return };
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let both = [
        thread::spawn(move || runtime().block_on(grid_here(2, 2))),
        thread::spawn(move || runtime().block_on(grid_there(2, 2))),
    ];
    for value in both {
        assert_eq!(value.join().unwrap(), 6);
    }
    // All but the corner: so few that each is claimed, whatever it costs.
    assert_eq!(GRID.load(Ordering::Relaxed), 8);
    // Of more it is up to what they cost on a busy machine; the values are the same.
    let both = [
        thread::spawn(move || runtime().block_on(grid_here(7, 7))),
        thread::spawn(move || runtime().block_on(grid_there(7, 7))),
    ];
    for value in both {
        assert_eq!(value.join().unwrap(), 3_432);
    }
}

static CANCELLED: LazyLock<Gate> = LazyLock::new(Gate::default);

#[cache(store = store("cancelled"))]
async fn cancelled_here(n: u32) -> u64 {
    CANCELLED.pass().await;
    u64::from(n)
}

#[cache(store = store("cancelled"))]
async fn cancelled_there(n: u32) -> u64 {
    u64::from(n) + 100
}

#[test]
fn a_first_caller_that_is_cancelled_gives_its_claim_up() {
    let Some(_server) = server("cancelled") else { return };
    let mut first: Pin<Box<dyn Future<Output = u64> + Send>> = Box::pin(cancelled_here(7));
    poll_until(&mut first, || CANCELLED.came() == 1);
    drop(first);
    assert_eq!(block_on(cancelled_there(7)), 107);
    // Before the claim has come back it is given up when it does.
    for n in 20..40 {
        let mut first = Box::pin(cancelled_here(n));
        assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(first);
        assert_eq!(block_on(cancelled_there(n)), u64::from(n) + 100);
    }
}

static UNREAD: LazyLock<Gate> = LazyLock::new(Gate::default);

#[cache(store = store("unread"))]
async fn unread_here(n: u32) -> u64 {
    UNREAD.pass().await;
    u64::from(n)
}

#[cache(store = store("unread"))]
async fn unread_there(n: u32) -> u64 {
    u64::from(n) + 100
}

/// Notes that it was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

#[test]
fn a_call_that_is_dropped_with_its_answer_unread_gives_its_claim_up() {
    let Some(_server) = server("unread") else { return };
    for n in 50..55 {
        let (woken, came) = (Arc::new(Woken::default()), UNREAD.came());
        let mut first = Box::pin(unread_here(n));
        assert!(first.as_mut().poll(&mut Context::from_waker(&Arc::clone(&woken).into())).is_pending());
        // Where the answer was there at once, it has come as far as the gate.
        while woken.0.load(Ordering::Acquire) == 0 && came == UNREAD.came() {
            thread::yield_now();
        }
        drop(first);
        assert_eq!(block_on(unread_there(n)), u64::from(n) + 100);
    }
}

static REST: LazyLock<Gate> = LazyLock::new(Gate::default);

#[cache(store = short_of("rests"))]
async fn rests(n: u32) -> u64 {
    if n == 7 {
        REST.pass().await;
    }
    u64::from(n)
}

/// A store whose claims end soon, and which does not wait for long.
fn short_of(test: &str) -> Result<Numbers, Error> {
    let url = servers(|all| all[test].url());
    let (lease, timeout) = (Duration::from_secs(1), Duration::from_millis(300));
    RedisStore::builder(url, test).claim_all().lease(lease).timeout(timeout).open()
}

#[test]
fn a_claim_that_is_given_up_while_the_server_rests_ends_with_its_lease() {
    let Some(_server) = server("rests") else { return };
    let mut first: Pin<Box<dyn Future<Output = u64> + Send>> = Box::pin(rests(7));
    poll_until(&mut first, || REST.came() == 1);
    servers(|all| all["rests"].pause());
    // More failures than it takes to leave the store alone.
    for n in 100..106 {
        assert_eq!(block_on(rests(n)), u64::from(n));
    }
    assert_eq!(RESTS.stats().store, speedup::store::Condition::Down);
    drop(first);
    servers(|all| all["rests"].resume());
    // Were it renewed, this would have no end.
    let other = store("rests").unwrap();
    while other.cooperation().unwrap().begin(&(7,)).unwrap() != Begun::Mine {
        thread::sleep(Duration::from_millis(20));
    }
}

/// Another process's.
static BESIDE: LazyLock<Numbers> = LazyLock::new(|| store("cheap").unwrap());

/// Computed once, whatever it costs.
fn once(test: &str) -> Result<Numbers, Error> {
    let (url, long) = (servers(|all| all[test].url()), Duration::from_secs(3_600));
    RedisStore::builder(url, test).claim_all().lease(long).timeout(Duration::from_secs(60)).open()
}

#[cache(store = once("cheap"))]
async fn cheap(n: u32) -> u64 {
    // Before, calls cost nothing to speak of.
    if n >= 50 {
        let begun = BESIDE.cooperation().unwrap().begin(&(n,)).unwrap();
        assert!(matches!(begun, Begun::Taken { .. }), "{n} is not claimed");
    }
    u64::from(n)
}

#[test]
fn calls_cheaper_than_asking_are_claimed_too_where_all_are() {
    let Some(_server) = server("cheap") else { return };
    for n in 0..52 {
        assert_eq!(block_on(cheap(n)), u64::from(n));
    }
}

static MANY: LazyLock<Gate> = LazyLock::new(Gate::default);

#[cache(store = store("many"))]
async fn many_here(n: u32) -> u64 {
    MANY.pass().await;
    u64::from(n)
}

#[cache(store = store("many"))]
async fn many_there(n: u32) -> u64 {
    assert!(n >= 1_000, "the other process computes it");
    u64::from(n)
}

#[test]
fn waiting_for_another_process_holds_no_thread() {
    let Some(_server) = server("many") else { return };
    // More than there are threads that ask.
    let computing = MANY_HERE.get_all((0..40).map(|n| (n,)));
    let waiting = async {
        poll_fn(|context| {
            context.waker().wake_by_ref();
            if MANY.came() == 40 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let (values, ()) = tokio::join!(MANY_THERE.get_all((0..40).map(|n| (n,))), async {
            // Others go on meanwhile; the last thing that happens is that the gate opens.
            for n in 1_000..1_020 {
                assert_eq!(many_there(n).await, u64::from(n));
            }
            MANY.open();
        });
        values
    };
    let (here, there) = block_on(async { tokio::join!(computing, waiting) });
    assert_eq!(here, (0..40).collect::<Vec<u64>>());
    assert_eq!(there, here);
}

static CIRCLE: AtomicUsize = AtomicUsize::new(0);

/// The first call of each waits until the other has begun, too.
async fn meet() {
    meet_by(&CIRCLE).await;
}

async fn meet_by(calls: &AtomicUsize) {
    let is_first = calls.fetch_add(1, Ordering::AcqRel) < 2;
    poll_fn(|context| {
        context.waker().wake_by_ref();
        if is_first && calls.load(Ordering::Acquire) < 2 { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}

#[cache(store = store("circle"))]
#[expect(unconditional_recursion, reason = "so that is told")]
async fn circle_here(n: u32) -> u64 {
    meet().await;
    circle_here(1 - n).await
}

#[cache(store = store("circle"))]
#[expect(unconditional_recursion, reason = "so that is told")]
async fn circle_there(n: u32) -> u64 {
    meet().await;
    circle_there(1 - n).await
}

#[test]
fn a_circle_through_two_processes_is_told_by_both() {
    let Some(_server) = server("circle") else { return };
    let threads = [
        thread::spawn(|| catch_unwind(|| block_on(circle_here(0)))),
        thread::spawn(|| catch_unwind(|| block_on(circle_there(1)))),
    ];
    for thread in threads {
        let payload = thread.join().unwrap().expect_err("there is no value");
        let text = payload.downcast_ref::<String>().expect("a message");
        assert!(text.contains("cycle"), "{text}");
    }
}

static CIRCLE_WITH: AtomicUsize = AtomicUsize::new(0);

#[cache(store = store("circle_with"), skip(met))]
#[expect(unconditional_recursion, reason = "so that is told")]
async fn circle_with_here(met: &'static AtomicUsize, n: u32) -> u64 {
    meet_by(met).await;
    circle_with_here(met, 1 - n).await
}

#[cache(store = store("circle_with"), skip(met))]
#[expect(unconditional_recursion, reason = "so that is told")]
async fn circle_with_there(met: &'static AtomicUsize, n: u32) -> u64 {
    meet_by(met).await;
    circle_with_there(met, 1 - n).await
}

/// Nobody can compute a call of another process that is more than its key; where it closes a circle is found all the same.
#[test]
fn a_circle_of_calls_with_context_is_told_by_both() {
    let Some(_server) = server("circle_with") else { return };
    let threads = [
        thread::spawn(|| catch_unwind(|| block_on(circle_with_here(&CIRCLE_WITH, 0)))),
        thread::spawn(|| catch_unwind(|| block_on(circle_with_there(&CIRCLE_WITH, 1)))),
    ];
    for thread in threads {
        let payload = thread.join().unwrap().expect_err("there is no value");
        let text = payload.downcast_ref::<String>().expect("a message");
        assert!(text.contains("cycle"), "{text}");
    }
}

/// Somebody who claims keys and does nothing.
fn taken(test: &str, keys: impl Iterator<Item = u32>) -> Numbers {
    let other = store(test).unwrap();
    for n in keys {
        assert_eq!(other.cooperation().unwrap().begin(&(n,)).unwrap(), Begun::Mine);
    }
    other
}

#[cache(store = store("lost"))]
async fn lost(n: u32) -> u64 {
    u64::from(n)
}

#[test]
fn who_waits_computes_when_the_server_is_lost() {
    let Some(_server) = server("lost") else { return };
    let _other = taken("lost", 0..4);
    let mut waiting: Pin<Box<dyn Future<Output = u64> + Send>> = Box::pin(lost(0));
    poll_until(&mut waiting, || LOST.stats().in_flight == 1);
    servers(|all| all.get_mut("lost").unwrap().kill());
    assert_eq!(block_on(waiting), 0);
    for n in 1..30 {
        assert_eq!(block_on(lost(n)), u64::from(n));
    }
}

#[cache(store = answers_within("paused", Duration::from_millis(300)))]
async fn paused(n: u32) -> u64 {
    u64::from(n)
}

#[test]
fn a_paused_server_costs_a_timeout_and_no_value() {
    let Some(_server) = server("paused") else { return };
    assert_eq!(block_on(paused(100)), 100);
    servers(|all| all["paused"].pause());
    for n in 0..30 {
        assert_eq!(block_on(paused(n)), u64::from(n));
    }
    assert_eq!(PAUSED.stats().store, speedup::store::Condition::Down);
    servers(|all| all["paused"].resume());
}

static FAILED: AtomicUsize = AtomicUsize::new(0);

#[cache(store = store("failed"))]
async fn failed_here(n: u32) -> Result<u64, String> {
    FAILED.fetch_add(1, Ordering::Relaxed);
    Err(format!("no {n}"))
}

#[cache(store = store("failed"), on_store_error = "fail")]
async fn failed_there(n: u32) -> Result<u64, Error> {
    FAILED.fetch_add(1, Ordering::Relaxed);
    Ok(u64::from(n))
}

#[cache(store = store("failed"))]
async fn failed_by_panic(n: u32) -> u64 {
    assert_ne!(n, 3, "in the call");
    u64::from(n)
}

#[test]
fn a_call_without_a_value_gives_its_claim_up_and_fails_where_the_server_does() {
    let Some(_server) = server("failed") else { return };
    assert_eq!(block_on(failed_here(1)), Err("no 1".to_owned()));
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(failed_by_panic(3)))).is_err());
    assert_eq!(block_on(failed_there(1)).unwrap(), 1);
    assert_eq!(block_on(failed_there(3)).unwrap(), 3);
    assert_eq!(FAILED.load(Ordering::Relaxed), 3);
    servers(|all| all.get_mut("failed").unwrap().kill());
    assert!(block_on(failed_there(5)).is_err());
}

#[cache(store = store("ages"), ttl = "1h")]
async fn ages_here(n: u32) -> u64 {
    u64::from(n)
}

#[cache(store = store("ages"), ttl = "1h")]
async fn ages_there(n: u32) -> u64 {
    u64::from(n) + 100
}

#[test]
fn functions_with_ages_share_their_calls_too() {
    let Some(_server) = server("ages") else { return };
    assert_eq!(block_on(ages_here(1)), 1);
    assert_eq!(block_on(ages_there(1)), 1);
    let other = taken("ages", 2..3);
    let mut waiting: Pin<Box<dyn Future<Output = u64> + Send>> = Box::pin(ages_there(2));
    poll_until(&mut waiting, || AGES_THERE.stats().in_flight == 1);
    other.put(&(2,), &2, None).unwrap();
    assert_eq!(block_on(waiting), 2);
}
