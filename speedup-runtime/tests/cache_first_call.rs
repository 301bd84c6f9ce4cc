//! The first calls of a process: what is cheap asks nothing of the system, and what is dear is shared at once.
//!
//! Each test runs in processes of its own, which are this program again.
#![cfg(target_os = "linux")]

mod early;

use std::{
    env,
    os::unix::fs::MetadataExt,
    process::Command,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use speedup_runtime::{
    Cache,
    cache::{Function, State},
};

/// Says to a process that it is one of those.
const FRESH: &str = "SPEEDUP_FRESH";

/// Whether this is a process for the test of this name; if not, runs so many of them and says how many succeeded.
fn fresh(name: &str, processes: usize) -> Option<usize> {
    fresh_with(name, processes, |_| ())
}

/// The same, with something added to what starts them.
fn fresh_with(name: &str, processes: usize, add: impl Fn(&mut Command)) -> Option<usize> {
    if env::var_os(FRESH).is_some() {
        return None;
    }
    let program = env::current_exe().expect("a program has a path");
    let succeeds = |_: &usize| {
        let mut command = Command::new(&program);
        command.args([name, "--exact", "--test-threads=1"]).env(FRESH, "1").env("RAYON_NUM_THREADS", "2");
        add(&mut command);
        command.output().expect("the program starts").status.success()
    };
    Some((0..processes).filter(succeeds).count())
}

/// The same for processes that have a second thread before the library is loaded, and so are not registered for barriers.
fn fresh_beside_others(name: &str, processes: usize) -> Option<usize> {
    fresh_with(name, processes, |command| _ = command.env(early::EARLY, "1"))
}

fn threads() -> u64 {
    std::fs::metadata("/proc/self/task").expect("Linux has it").nlink() - 2
}

const FIBONACCI: &Cache<(u64,), u64> = {
    static STATE: State<(u64,), u64> = State::new();
    let function =
        Function::new("fibonacci", |(n,)| if *n < 2 { *n } else { FIBONACCI.group([(n - 1,), (n - 2,)]).iter().sum() });
    &Cache::of(&STATE, function)
};

#[test]
fn a_cheap_function_starts_no_thread() {
    if let Some(succeeded) = fresh("a_cheap_function_starts_no_thread", 10) {
        // A call during which the system runs something else for long is taken for a dear one. That does not happen each time.
        return assert!(succeeded > 0, "each process has started threads");
    }
    let before = threads();
    assert_eq!(FIBONACCI.get((90,)), 2_880_067_194_370_816_120);
    assert_eq!(threads(), before);
}

#[test]
#[cfg(target_env = "gnu")]
fn a_process_is_registered_for_barriers_before_it_has_a_second_thread() {
    if let Some(succeeded) = fresh("a_process_is_registered_for_barriers_before_it_has_a_second_thread", 3) {
        return assert_eq!(succeeded, 3, "whoever looks something up beside another thread pays for a barrier");
    }
    // The test's own thread is not the only one, and nothing has been called.
    assert!(threads() > 1);
    // SAFETY: the call takes integers.
    let known = unsafe { libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_QUERY, 0, 0) };
    let offers = known > 0 && known & libc::c_long::from(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0;
    assert_eq!(early::is_registered(), offers);
}

#[test]
fn a_first_call_does_not_register_for_a_barrier_where_there_are_more_threads() {
    if let Some(succeeded) =
        fresh_beside_others("a_first_call_does_not_register_for_a_barrier_where_there_are_more_threads", 3)
    {
        return assert_eq!(succeeded, 3, "a process has waited for every processor");
    }
    // The test's own thread is not the only one.
    assert!(threads() > 1);
    assert_eq!(FIBONACCI.get((90,)), 2_880_067_194_370_816_120);
    let texts = Cache::from_fn(|text: String| text.len());
    assert_eq!(texts.get(("four".to_string(),)), 4);
    texts.clear();
    assert!(!early::is_registered());
}

#[test]
fn what_is_cleared_before_the_process_is_registered_goes_at_once() {
    if let Some(succeeded) = fresh_beside_others("what_is_cleared_before_the_process_is_registered_goes_at_once", 1) {
        return assert_eq!(succeeded, 1, "the value is still there");
    }
    assert!(!early::is_registered());
    let value = Arc::new(());
    let cache = Arc::new(Cache::from_fn({
        let value = value.clone();
        move |_: u64| value.clone()
    }));
    let theirs = cache.clone();
    // The thread stays, so that it counts as a reader.
    let (done, waits) = mpsc::channel();
    let (end, ends) = mpsc::channel::<()>();
    let other = thread::spawn(move || {
        theirs.get((1,));
        done.send(()).expect("somebody waits");
        let _ = ends.recv();
    });
    waits.recv().expect("the thread reads");
    cache.get((1,));
    assert_eq!(Arc::strong_count(&value), 3);
    cache.clear();
    assert_eq!(Arc::strong_count(&value), 2, "what the table held is gone");
    drop(end);
    other.join().expect("the thread ends");
}

#[test]
fn who_helps_with_what_is_asked_for_together_stays() {
    const KEYS: u64 = 8;
    if let Some(succeeded) = fresh("who_helps_with_what_is_asked_for_together_stays", 3) {
        return assert_eq!(succeeded, 3, "the helper has left after a member or two");
    }
    let (mine, theirs) = (AtomicU64::new(0), Mutex::new(0_u64));
    let (asks, came) = (thread::current().id(), Condvar::new());
    let calls = Cache::from_fn(move |n: u64| {
        if thread::current().id() != asks {
            *theirs.lock().expect("nobody panics") += 1;
            came.notify_all();
        } else if mine.fetch_add(1, Ordering::Relaxed) == 1 {
            // The first member of this thread has ended; the other thread is to go on all the same.
            let wait =
                came.wait_timeout_while(theirs.lock().expect("nobody panics"), Duration::from_secs(20), |theirs| {
                    *theirs < KEYS - 2
                });
            assert!(!wait.expect("nobody panics").1.timed_out());
        }
        n
    });
    assert_eq!(calls.get_all((0..KEYS).map(|n| (n,))).len(), KEYS as usize);
}

/// Two calls that both end only if they run at the same time.
#[derive(Default)]
struct Meeting {
    came: Mutex<u32>,
    both: Condvar,
}

impl Meeting {
    fn meet(&self) -> bool {
        let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        *came += 1;
        self.both.notify_all();
        let wait = self.both.wait_timeout_while(came, Duration::from_secs(20), |came| *came < 2);
        let (_came, waited) = wait.unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }
}

#[test]
fn what_is_asked_for_together_is_shared_at_once() {
    if let Some(succeeded) = fresh("what_is_asked_for_together_is_shared_at_once", 1) {
        return assert_eq!(succeeded, 1, "one call waited for the other to begin");
    }
    let meeting = Meeting::default();
    let calls = Cache::from_fn({
        let meeting: &'static Meeting = Box::leak(Box::new(meeting));
        move |_: u64| meeting.meet()
    });
    assert_eq!(calls.get_all([(1,), (2,)]), [true, true]);
}

#[test]
fn the_first_group_of_a_body_that_has_taken_long_is_shared() {
    static MEETING: Meeting = Meeting { came: Mutex::new(0), both: Condvar::new() };
    const DEAR: &Cache<(u64,), bool> = {
        static STATE: State<(u64,), bool> = State::new();
        let function = Function::new("dear", |(n,)| {
            if *n > 0 {
                return MEETING.meet();
            }
            let start = Instant::now();
            while start.elapsed() < Duration::from_micros(120) {
                std::hint::spin_loop();
            }
            DEAR.group([(1,), (2,)]) == [true, true]
        });
        &Cache::of(&STATE, function)
    };
    if let Some(succeeded) = fresh("the_first_group_of_a_body_that_has_taken_long_is_shared", 1) {
        return assert_eq!(succeeded, 1, "one call waited for the other to begin");
    }
    assert!(DEAR.get((0,)));
}

#[test]
fn a_group_is_shared_after_its_first_member_has_taken_long() {
    static MEETING: Meeting = Meeting { came: Mutex::new(0), both: Condvar::new() };
    const DEAR: &Cache<(u64,), bool> = {
        static STATE: State<(u64,), bool> = State::new();
        let function = Function::new("dear", |(n,)| match n {
            0 => DEAR.group([(1,), (2,), (3,)]) == [true; 3],
            1 => {
                let start = Instant::now();
                while start.elapsed() < Duration::from_micros(200) {
                    std::hint::spin_loop();
                }
                true
            }
            _ => MEETING.meet(),
        });
        &Cache::of(&STATE, function)
    };
    if let Some(succeeded) = fresh("a_group_is_shared_after_its_first_member_has_taken_long", 1) {
        return assert_eq!(succeeded, 1, "one call waited for the other to begin");
    }
    assert!(DEAR.get((0,)));
}

#[test]
fn all_threads_of_a_pool_come_that_starts_beside_the_calls_that_need_it() {
    // More than a call would start itself.
    const MANY: usize = 16;
    let more = |command: &mut Command| _ = command.env("RAYON_NUM_THREADS", MANY.to_string());
    let name = "all_threads_of_a_pool_come_that_starts_beside_the_calls_that_need_it";
    if let Some(succeeded) = fresh_with(name, 3, more) {
        return assert_eq!(succeeded, 3, "some calls waited for others to begin");
    }
    let (came, all) = (Mutex::new(0), Condvar::new());
    let meet = |_| {
        let mut here = came.lock().expect("no call panics");
        *here += 1;
        all.notify_all();
        let (_here, waited) =
            all.wait_timeout_while(here, Duration::from_secs(60), |here| *here < MANY).expect("no call panics");
        !waited.timed_out()
    };
    assert_eq!(speedup_runtime::map(0..MANY, meet), [true; MANY]);
}
