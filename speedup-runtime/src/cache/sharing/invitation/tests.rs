//! Invitations that come to a thread which may not follow them.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::invite;
use crate::{
    Cache,
    cache::thread::registry::{self, Worker},
};

/// Waits until something has happened, and fails if it does not.
fn wait(what: &str, happened: impl Fn() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        thread::yield_now();
    }
}

/// | thread | what it does |
/// |---|---|
/// | owner | asks for three calls, begins the first, invites once more, and is busy until all three have run |
/// | guest | helps with the last one, whose body waits in rayon: there it comes upon the second invitation |
/// | third | is kept by a job of that body until the guest has declined; then it has nothing to do |
#[test]
fn an_invitation_that_a_busy_thread_may_not_follow_is_passed_on() {
    static OWNER: OnceLock<&'static Worker> = OnceLock::new();
    static GUEST_CAME: AtomicBool = AtomicBool::new(false);
    static THIRD_IS_KEPT: AtomicBool = AtomicBool::new(false);
    static INVITED: AtomicBool = AtomicBool::new(false);
    static THIRD_CAME: AtomicBool = AtomicBool::new(false);

    let body = |n: u32| {
        let (worker, owner) = (registry::current(), OWNER.get().expect("it has begun"));
        if std::ptr::eq(worker, *owner) {
            wait("the third thread is kept", || THIRD_IS_KEPT.load(Ordering::SeqCst));
            invite(worker);
            INVITED.store(true, Ordering::SeqCst);
        } else if GUEST_CAME.swap(true, Ordering::SeqCst) {
            THIRD_CAME.store(true, Ordering::SeqCst);
        } else {
            let keep = || {
                THIRD_IS_KEPT.store(true, Ordering::SeqCst);
                wait("an invitation", || INVITED.load(Ordering::SeqCst));
                wait("it is declined", || owner.helpers.load(Ordering::SeqCst) == 1);
            };
            rayon_core::join(|| wait("the third thread comes", || THIRD_IS_KEPT.load(Ordering::SeqCst)), keep);
        }
        wait("the third call runs on the third thread", || THIRD_CAME.load(Ordering::SeqCst));
        n
    };
    let cache = Cache::from_fn(body);
    let pool = rayon_core::ThreadPoolBuilder::new().num_threads(3).build().expect("three threads");
    let results = pool.install(|| {
        OWNER.get_or_init(registry::current);
        cache.get_all([(1,), (2,), (3,)])
    });
    assert_eq!(results, [1, 2, 3]);
}
