//! Keys that are computed ahead of need, in the background.

use std::{
    fmt,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    cache::{api::task::TimedOut, block::isolation, thread::registry},
    clock, panics,
    sync::lock_std,
    timer,
};

/// Keys that are being computed ahead of need: what [`Cache::warm`](crate::Cache::warm) returns.
///
/// The keys are taken in their order, by as many jobs on rayon as it has threads, each of which lets others run every 100 us or key. A key whose value
/// is there is a hit. A key whose call panics, or has a result that is not kept (`Err`, `None`), is counted, and harms no other.
///
/// It begins when its speed is set, when it is asked for anything or dropped, and by itself after some milliseconds. Dropping it does not stop it: only
/// [`cancel`](Self::cancel) does. While it waits for the time of the next key there is no job; the cache lives until it is finished.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use speedup_runtime::Cache;
///
/// let squares = Cache::from_fn(|n: u64| n * n);
/// let warming = squares.warm((0..100).map(|n| (n,))).per_second(10_000);
/// // What a progress bar does: `bar.set_length(total)`, then `bar.set_position(done)` until it is finished.
/// while warming.join_timeout(Duration::from_millis(5)).is_err() {
///     assert!(warming.done() <= warming.total());
/// }
/// assert_eq!((warming.done(), warming.failed(), squares.len()), (100, 0, 100));
/// ```
#[must_use = "it goes on when this is dropped; `join` waits for it"]
pub struct Warming {
    state: Arc<State>,
}

/// A call of one key: whether its result is kept.
pub(in crate::cache) type Call = Arc<dyn Fn() -> bool + Send + Sync>;

struct State {
    total: usize,
    progress: Mutex<Progress>,
    /// Told of every change that somebody may wait for.
    changed: Condvar,
}

struct Progress {
    /// Those that nobody has taken yet, in their order.
    left: Box<dyn Iterator<Item = Call> + Send>,
    taken: usize,
    /// What is being called, by number.
    running: Vec<(usize, Call)>,
    done: usize,
    failed: usize,
    is_cancelled: bool,
    /// When it began, by the clock; `None` until then.
    began: Option<u64>,
    /// Nanoseconds between two keys.
    gap: u64,
    /// Jobs that are on rayon.
    jobs: usize,
    /// Whether the timer is going to start jobs.
    is_timed: bool,
}

/// What is to be done next.
enum Next {
    Call(usize, Call),
    /// Nothing before this time.
    At(u64),
    /// Nothing any more.
    Nothing,
}

/// Begun by itself so long after it was made, so that a speed that is set at once holds from the first key on.
const BEGINS_AFTER: u64 = 10_000_000;
/// How long a job goes on.
const TURN: Duration = Duration::from_micros(100);
const SECOND: u64 = 1_000_000_000;

impl Warming {
    pub(in crate::cache) fn new(total: usize, calls: impl Iterator<Item = Call> + Send + 'static) -> Self {
        let progress = Progress {
            left: Box::new(calls),
            taken: 0,
            running: Vec::new(),
            done: 0,
            failed: 0,
            is_cancelled: false,
            began: None,
            gap: 0,
            jobs: 0,
            is_timed: false,
        };
        let state = Arc::new(State { total, progress: Mutex::new(progress), changed: Condvar::new() });
        let later = state.clone();
        timer::at(clock::now().saturating_add(BEGINS_AFTER), Box::new(move || later.begin()));
        Self { state }
    }

    /// Computes no more than so many keys a second from now on, and at least one.
    ///
    /// Times go by the coarse clock of [`clock`](crate::clock): of a thousand a second, four or so are begun every few milliseconds. Keys that
    /// were late, because their calls take longer than that, are made up for.
    pub fn per_second(self, most: u32) -> Self {
        {
            let mut progress = lock_std(&self.state.progress);
            progress.gap = SECOND / u64::from(most.max(1));
            // The next one is due now.
            if progress.began.is_some() {
                progress.began = Some(clock::now().saturating_sub(progress.taken as u64 * progress.gap));
            }
        }
        self.state.begin();
        self.state.start_jobs();
        self
    }

    /// How many keys there are in all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.state.total
    }

    /// How many keys have been called, in vain or not.
    #[must_use]
    pub fn done(&self) -> usize {
        self.state.begin();
        lock_std(&self.state.progress).done
    }

    /// How many of them in vain: the call panicked, or its result is not kept.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.state.begin();
        lock_std(&self.state.progress).failed
    }

    /// Whether all keys have been called, or those that were not cancelled.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.state.begin();
        self.state.is_finished(&lock_std(&self.state.progress))
    }

    /// Takes no more keys. What is being called is finished.
    pub fn cancel(&self) {
        let left = {
            let mut progress = lock_std(&self.state.progress);
            progress.is_cancelled = true;
            std::mem::replace(&mut progress.left, Box::new(std::iter::empty()))
        };
        self.state.changed.notify_all();
        // Keys are dropped by users' code, and so without the lock.
        panics::contain(move || drop(left));
    }

    /// Waits until it is finished.
    ///
    /// Inside a cached function, and on a thread of rayon, the calling thread takes part, and waits as every caller of the function does: a
    /// key that needs the very call that joins has failed. What other threads are just counting may be missing in the counts then.
    pub fn join(&self) {
        self.state.wait(None);
    }

    /// Waits until it is finished, but not longer than this and the call of a key that the thread may be at by then.
    ///
    /// # Errors
    /// [`TimedOut`] if it is not finished by then. It goes on.
    pub fn join_timeout(&self, longest: Duration) -> Result<(), TimedOut> {
        let is_finished = self.state.wait(Instant::now().checked_add(longest));
        if is_finished { Ok(()) } else { Err(TimedOut) }
    }
}

impl State {
    fn is_finished(&self, progress: &Progress) -> bool {
        progress.running.is_empty() && (progress.is_cancelled || progress.taken == self.total)
    }

    /// Begins, unless it has, or this is a body that runs again: its first run has begun the same.
    fn begin(self: &Arc<Self>) {
        if lock_std(&self.progress).began.is_some() || isolation::computes_again(registry::current()) {
            return;
        }
        lock_std(&self.progress).began.get_or_insert_with(clock::now);
        self.start_jobs();
    }

    /// Puts as many jobs on rayon as there are threads and keys whose time has come.
    fn start_jobs(self: &Arc<Self>) {
        let threads = rayon_core::current_num_threads();
        let more = {
            let mut progress = lock_std(&self.progress);
            let left = if progress.is_cancelled { 0 } else { self.total - progress.taken };
            let since = clock::now().saturating_sub(progress.began.unwrap_or(0));
            let due = since.checked_div(progress.gap).map_or(usize::MAX, |due| due as usize + 1);
            let more = threads.min(left.min(due.saturating_sub(progress.taken))).saturating_sub(progress.jobs);
            progress.jobs += more;
            more
        };
        (0..more).for_each(|_| self.start_job());
        if more == 0 {
            self.look_later();
        }
    }

    fn start_job(self: &Arc<Self>) {
        let state = self.clone();
        // The last drop of the state is users' code, as in `Task::start`.
        rayon_core::spawn(move || panics::contain(move || state.work()));
    }

    /// A job: calls what is due, for a short while. Whoever has been waiting comes first then: a body that waits inside rayon, and has
    /// taken this up, looks whether it is to go on; and jobs that came from elsewhere are not behind this one for ever.
    fn work(self: &Arc<Self>) {
        let began = Instant::now();
        while began.elapsed() < TURN {
            match self.next(true) {
                Next::Call(number, call) => self.call(number, call),
                Next::At(_) => return self.look_later(),
                Next::Nothing => return,
            }
        }
        if !registry::current().is_in_call() {
            rayon_core::yield_now();
        }
        self.start_job();
    }

    /// Has the timer start jobs when the next key is due, unless there are some or it is going to.
    fn look_later(self: &Arc<Self>) {
        let due = {
            let mut progress = lock_std(&self.progress);
            let is_over = progress.is_cancelled || progress.taken == self.total;
            if is_over || progress.is_timed || progress.jobs > 0 {
                return;
            }
            progress.is_timed = true;
            progress.due()
        };
        let state = self.clone();
        let errand = move || {
            lock_std(&state.progress).is_timed = false;
            state.start_jobs();
        };
        timer::at(due, Box::new(errand));
    }

    /// Takes the next key. A job that gets none is no more.
    fn next(&self, is_job: bool) -> Next {
        let mut progress = lock_std(&self.progress);
        let due = progress.due();
        let next = if progress.is_cancelled || progress.taken == self.total {
            Next::Nothing
        } else if clock::now() < due {
            Next::At(due)
        } else if let Some(call) = progress.left.next() {
            let number = progress.taken;
            progress.taken += 1;
            progress.running.push((number, call.clone()));
            Next::Call(number, call)
        } else {
            Next::Nothing
        };
        if is_job && !matches!(next, Next::Call(..)) {
            progress.jobs -= 1;
        }
        next
    }

    fn call(&self, number: usize, call: Call) {
        let mut is_kept = false;
        panics::contain(|| is_kept = call());
        let own = {
            let mut progress = lock_std(&self.progress);
            progress.done += 1;
            progress.failed += usize::from(!is_kept);
            let at = progress.running.iter().position(|(running, _)| *running == number);
            at.map(|at| progress.running.swap_remove(at))
        };
        self.changed.notify_all();
        // Its key may be dropped with it, by users' code.
        panics::contain(move || drop((own, call)));
    }

    /// Waits until it is finished: true; or until then.
    fn wait(self: &Arc<Self>, until: Option<Instant>) -> bool {
        self.begin();
        let takes_part = rayon_core::current_thread_index().is_some() || registry::current().is_in_call();
        let is_late = || until.is_some_and(|until| Instant::now() >= until);
        while takes_part && !is_late() {
            match self.next(false) {
                Next::Call(number, call) => self.call(number, call),
                Next::At(due) => self.sleep(due, until),
                Next::Nothing => {
                    // Others are at the last ones: waited for as every caller does.
                    let running = lock_std(&self.progress).running.clone();
                    running.into_iter().for_each(|(_, call)| panics::contain(move || _ = call()));
                    return true;
                }
            }
        }
        let mut progress = lock_std(&self.progress);
        while !self.is_finished(&progress) {
            progress = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return false,
                Some(left) => self.changed.wait_timeout(progress, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner),
            };
        }
        true
    }

    /// Sleeps until the next key is due, something has changed, or it is too late.
    fn sleep(&self, due: u64, until: Option<Instant>) {
        let left = Duration::from_nanos(due.saturating_sub(clock::now())).max(Duration::from_millis(1));
        let left = until.map_or(left, |until| left.min(until.saturating_duration_since(Instant::now())));
        drop(self.changed.wait_timeout(lock_std(&self.progress), left));
    }
}

impl Progress {
    /// When the next key may be taken.
    fn due(&self) -> u64 {
        self.began.unwrap_or(0).saturating_add(self.gap.saturating_mul(self.taken as u64))
    }
}

impl Drop for Warming {
    fn drop(&mut self) {
        self.state.begin();
    }
}

impl fmt::Debug for Warming {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let progress = lock_std(&self.state.progress);
        out.debug_struct("Warming")
            .field("total", &self.state.total)
            .field("done", &progress.done)
            .field("failed", &progress.failed)
            .finish_non_exhaustive()
    }
}
