//! What is kept, what is handed over, and what a panic does.

use std::{
    hash::{Hash, Hasher},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering, Ordering::SeqCst},
    },
    task::Poll,
};

use speedup_runtime::{
    AsyncCache,
    cache::{AsyncFunction, AsyncState, boxed},
};

use crate::harness::{Gate, Hand, panic_of};

#[test]
fn an_error_goes_to_all_who_waited_and_is_not_kept() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    static STATE: AsyncState<(u64,), Result<u64, String>> = AsyncState::new();
    static GATE: OnceLock<Gate> = OnceLock::new();
    let gate = GATE.get_or_init(Gate::default);
    let function = AsyncFunction::new("fetch", |(n,): (u64,)| {
        boxed(async move {
            GATE.wait().pass().await;
            if RUNS.fetch_add(1, Ordering::SeqCst) == 0 { Err("not yet".to_owned()) } else { Ok(n) }
        })
    });
    let cache = AsyncCache::of(&STATE, function.keep(Result::is_ok));
    let (mut first, mut second) = (Hand::new(cache.get((1,))), Hand::new(cache.get((1,))));
    first.waits();
    second.waits();
    gate.open();
    assert_eq!((first.run(), second.run()), (Poll::Ready(Err("not yet".into())), Poll::Ready(Err("not yet".into()))));
    assert_eq!((cache.len(), cache.peek(&(1,))), (0, None));
    assert_eq!(pollster::block_on(cache.get((1,))), Ok(1));
    assert_eq!((cache.len(), RUNS.load(Ordering::SeqCst)), (1, 2));
}

#[test]
fn a_panic_reaches_all_who_wait_and_the_next_call_tries_again() {
    let (gate, runs) = (Gate::default(), std::sync::Arc::new(AtomicUsize::new(0)));
    let cache = AsyncCache::from_fn({
        let (gate, runs) = (gate.clone(), runs.clone());
        move |n: u64| {
            let (gate, runs) = (gate.clone(), runs.clone());
            async move {
                gate.pass().await;
                assert!(runs.fetch_add(1, Ordering::SeqCst) > 0, "the first run fails for {n}");
                n
            }
        }
    });
    let mut all: Vec<_> = (0..3).map(|_| Hand::new(cache.get((7,)))).collect();
    all.iter_mut().for_each(Hand::waits);
    gate.open();
    for waiting in &mut all {
        assert_eq!(panic_of(|| waiting.poll()), "the first run fails for 7");
    }
    assert_eq!((cache.len(), cache.stats().panics), (0, 1));
    assert_eq!(pollster::block_on(cache.get((7,))), 7);
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[test]
fn a_payload_that_cannot_be_copied_goes_to_one_and_the_others_are_told() {
    struct Code(u8);
    let gate = Gate::default();
    let cache = AsyncCache::from_fn({
        let gate = gate.clone();
        move |n: u64| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                if n > 0 {
                    std::panic::panic_any(Code(9));
                }
                n
            }
        }
    });
    let (mut first, mut second) = (Hand::new(cache.get((1,))), Hand::new(cache.get((1,))));
    first.waits();
    second.waits();
    gate.open();
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| first.poll())).expect_err("a panic");
    assert_eq!(payload.downcast::<Code>().expect("the code").0, 9);
    assert!(panic_of(|| second.poll()).contains("handed out already"));
}

#[test]
fn a_clone_that_panics_is_the_panic_of_the_call() {
    #[derive(Debug)]
    struct Once;
    impl Clone for Once {
        fn clone(&self) -> Self {
            panic!("no second one")
        }
    }
    let cache = AsyncCache::from_fn(|_: u64| async { Once });
    assert_eq!(panic_of(|| pollster::block_on(cache.get((1,)))), "no second one");
    // Nothing is left behind that anybody could wait for.
    assert_eq!(panic_of(|| pollster::block_on(cache.get((1,)))), "no second one");
    assert_eq!(cache.len(), 0);
}

/// What is the matter with the hashes of [`Touchy`] keys: nothing, they are others than before, or they panic.
static HASHES: AtomicU64 = AtomicU64::new(FINE);
const FINE: u64 = 0;
const BROKEN: u64 = 7;

/// One test at a time has their hashes change.
static TOUCHED: Mutex<()> = Mutex::new(());

#[derive(Clone, PartialEq, Eq)]
struct Touchy(u64);

impl Hash for Touchy {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let how = HASHES.load(SeqCst);
        assert_ne!(how, BROKEN, "no hash");
        (self.0, how).hash(hasher);
    }
}

#[test]
fn a_key_that_cannot_be_hashed_when_its_call_lands_strands_nobody() {
    let _one = TOUCHED.lock();
    let cache = AsyncCache::from_fn(|key: Touchy| async move {
        if key.0 == 1 {
            HASHES.store(BROKEN, SeqCst);
        }
        key.0
    });
    let landed = catch_unwind(AssertUnwindSafe(|| pollster::block_on(cache.get((Touchy(1),)))));
    HASHES.store(FINE, SeqCst);
    assert!(landed.is_err());
    assert_eq!(cache.stats().in_flight, 0);
    assert_eq!(pollster::block_on(cache.get((Touchy(2),))), 2);
}

#[test]
fn calls_of_keys_whose_hash_changes_are_not_on_their_way_for_ever() {
    let _one = TOUCHED.lock();
    let cache = AsyncCache::from_fn(|key: Touchy| async move {
        HASHES.fetch_add(1, SeqCst);
        key.0
    });
    for n in 0..5 {
        assert_eq!(pollster::block_on(cache.get((Touchy(n),))), n);
        HASHES.store(FINE, SeqCst);
    }
    assert_eq!(cache.stats().in_flight, 0);
}
