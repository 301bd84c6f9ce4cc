//! Helpers that come when the call to which they were invited has ended.

use std::sync::{Arc, Barrier, Condvar, Mutex};

use speedup::cache;

use super::meeting::{begin, have_met, meet, pool};

/// Whether the threads of the pool are let go.
static OPEN: Mutex<bool> = Mutex::new(true);
static OPENED: Condvar = Condvar::new();

fn open() {
    *OPEN.lock().expect("sound") = true;
    OPENED.notify_all();
}

/// Keeps all threads of the pool busy until they are let go.
fn keep_busy() {
    *OPEN.lock().expect("sound") = false;
    let threads = rayon::current_num_threads();
    let busy = Arc::new(Barrier::new(threads + 1));
    for _ in 0..threads {
        let busy = busy.clone();
        rayon::spawn(move || {
            busy.wait();
            drop(OPENED.wait_while(OPEN.lock().expect("sound"), |open| !*open));
        });
    }
    busy.wait();
}

/// Invites as many as there are.
#[cache]
fn is_over_soon(n: u64) -> u64 {
    begin("is_over_soon");
    if n < 2 { n } else { is_over_soon(n - 1) + is_over_soon(n - 2) }
}

#[cache]
fn comes_after_it(n: u64) -> u64 {
    begin("comes_after_it");
    if n < 2 {
        open();
        meet("comes_after_it");
        return n;
    }
    comes_after_it(n - 1) + comes_after_it(n - 2)
}

#[test]
fn who_comes_late_helps_with_the_next_call() {
    let _one = pool();
    keep_busy();
    assert_eq!((is_over_soon(10), comes_after_it(10)), (55, 55));
    assert!(have_met("comes_after_it"), "all seats were taken by those who came to nothing");
}
