//! A process that loses `membarrier` after its first cached calls, to a filter of system calls: nothing is freed under a
//! reader, nobody hangs, and memory is given back once every thread makes its own barrier.
//!
//! One test alone, since what it finds out holds for the process: one that is registered for the barrier when it starts, and one that is
//! registered later, by a thread of its own, since it has more than one thread when it starts.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod early;

use std::{
    env,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use speedup_runtime::Cache;

static DROPPED: AtomicUsize = AtomicUsize::new(0);

/// A value of which it shows when it is dropped in a table: the last of its clones.
#[derive(Clone)]
struct Value(#[allow(dead_code, reason = "dropped")] Arc<Last>);

struct Last;

impl Drop for Last {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Refuses `membarrier` to this thread and to those that it starts.
fn refuse_membarrier() {
    let rule = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut rules = [
        // The number of the system call; if it is that one, an error, else go on.
        rule(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        rule(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, libc::SYS_membarrier as u32),
        rule(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        rule(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: rules.len() as u16, filter: rules.as_mut_ptr() };
    // SAFETY: both calls take integers, and the second one a program that lives until it returns.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program), 0);
        assert_eq!(libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_QUERY, 0, 0), -1);
    }
}

/// Makes calls until the process has been registered, which another thread does beside it.
fn wait_for_barrier(values: &Cache<(u64,), Value>) {
    let until = Instant::now() + Duration::from_secs(60);
    while !early::is_registered() {
        assert!(Instant::now() < until, "the process is registered after some thousand calls");
        values.get((0,));
    }
    // That the process has been registered may be known a moment later.
    for _ in 0..1_000 {
        values.get((0,));
        thread::yield_now();
    }
}

/// A thread that does what it is told.
struct Other(mpsc::Sender<Box<dyn FnOnce() + Send>>, mpsc::Receiver<()>);

impl Other {
    fn start() -> Self {
        let (jobs, todo) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let (done, waits) = mpsc::channel();
        thread::spawn(move || {
            for job in todo {
                job();
                let _ = done.send(());
            }
        });
        Self(jobs, waits)
    }

    fn does(&self, job: impl FnOnce() + Send + 'static) {
        self.0.send(Box::new(job)).expect("the thread is there");
        self.1.recv().expect("the job ends");
    }
}

/// Says to a process that it is one of those that the test consists of.
const FRESH: &str = "SPEEDUP_FRESH";

#[test]
fn a_process_that_loses_its_barrier_frees_nothing_under_a_reader_and_goes_on() {
    if env::var_os(FRESH).is_some() {
        return loses_its_barrier();
    }
    let program = env::current_exe().expect("a program has a path");
    for early in [false, true] {
        let mut command = Command::new(&program);
        command.env(FRESH, "1").envs(early.then_some((early::EARLY, "1")));
        let output = command.output().expect("the program starts");
        assert!(
            output.status.success(),
            "with a thread from the start: {early}: {}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
}

fn loses_its_barrier() {
    if env::var_os(early::EARLY).is_some() {
        assert!(!early::is_registered());
    }
    let values = Arc::new(Cache::from_fn(|_: u64| Value(Arc::new(Last))));
    let (runs, squares) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = runs.clone();
    let owned = Arc::new(Cache::from_fn(move |n: u64| {
        counted.fetch_add(1, Ordering::Relaxed);
        n * n
    }));
    let counted = squares.clone();
    let texts = Arc::new(Cache::from_fn(move |text: String| {
        counted.fetch_add(1, Ordering::Relaxed);
        text.len()
    }));

    // The other thread reads without a barrier of its own, and owns two tables.
    let other = Other::start();
    let read = values.clone();
    wait_for_barrier(&values);
    other.does(move || (0..10).for_each(|_| drop(read.get((0,)))));
    let (theirs, their_texts, their_values) = (owned.clone(), texts.clone(), values.clone());
    other.does(move || {
        assert_eq!(theirs.get((3,)), 9);
        assert_eq!(their_texts.get(("four".to_string(),)), 4);
        their_values.get((0,));
    });
    for n in 0..10 {
        values.get((n,));
    }
    refuse_membarrier();

    values.clear();
    values.clear();
    assert_eq!(DROPPED.load(Ordering::Relaxed), 0, "the other thread may be reading, and nobody can tell");

    // Nobody knows whether the owner is in the middle of a change.
    assert_eq!((owned.get((3,)), owned.get((4,)), texts.get(("four".to_string(),))), (9, 16, 4));
    assert_eq!(owned.remove(&(4,)), Some(16));
    assert_eq!(texts.remove(&("four".to_string(),)), Some(4));
    let (theirs, their_texts) = (owned.clone(), texts.clone());
    other.does(move || {
        assert_eq!((theirs.get((3,)), theirs.get((5,))), (9, 25));
        assert_eq!(their_texts.get(("fives".to_string(),)), 5);
    });
    assert!(runs.load(Ordering::Relaxed) <= 5 && squares.load(Ordering::Relaxed) <= 3, "a table is given up once");
    assert_eq!((owned.get((5,)), texts.get(("fives".to_string(),))), (25, 5));

    // By now the other thread has computed something, and so found out that it is to make its own barrier.
    values.clear();
    values.get((0,));
    values.clear();
    values.clear();
    assert!(DROPPED.load(Ordering::Relaxed) >= 10, "{}", DROPPED.load(Ordering::Relaxed));
}
