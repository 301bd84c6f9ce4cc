//! Invitations that come to a thread which may not follow them.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

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
/// | owner | asks for three calls, begins the first, and is busy until all three have run |
/// | guest | helps with the last one, and invites the third thread to the other; its body waits in rayon, where it comes upon that invitation itself |
/// | third | is kept by a job of somebody else's until the guest has declined; then it has nothing to do |
#[test]
fn an_invitation_that_a_busy_thread_may_not_follow_is_passed_on() {
    static OWNER: OnceLock<&'static Worker> = OnceLock::new();
    static GUEST_CAME: AtomicBool = AtomicBool::new(false);
    static THIRD_IS_KEPT: AtomicBool = AtomicBool::new(false);
    static DECLINED: AtomicBool = AtomicBool::new(false);
    static THIRD_CAME: AtomicBool = AtomicBool::new(false);

    let body = |n: u32| {
        let (worker, owner) = (registry::current(), OWNER.get().expect("it has begun"));
        if !std::ptr::eq(worker, *owner) {
            if GUEST_CAME.swap(true, Ordering::SeqCst) {
                THIRD_CAME.store(true, Ordering::SeqCst);
            } else {
                wait("both seats are taken", || owner.helpers.load(Ordering::SeqCst) == 2);
                wait("the invitation is declined", || {
                    rayon_core::yield_now();
                    owner.helpers.load(Ordering::SeqCst) == 1
                });
                DECLINED.store(true, Ordering::SeqCst);
            }
        }
        wait("the third call runs on the third thread", || THIRD_CAME.load(Ordering::SeqCst));
        n
    };
    let cache = Cache::from_fn(body);
    let pool = rayon_core::ThreadPoolBuilder::new().num_threads(3).build().expect("three threads");
    let results = pool.install(|| {
        OWNER.get_or_init(registry::current);
        rayon_core::spawn(|| {
            THIRD_IS_KEPT.store(true, Ordering::SeqCst);
            wait("an invitation is declined", || DECLINED.load(Ordering::SeqCst));
        });
        wait("the third thread is kept", || THIRD_IS_KEPT.load(Ordering::SeqCst));
        cache.get_all([(1,), (2,), (3,)])
    });
    assert_eq!(results, [1, 2, 3]);
}
