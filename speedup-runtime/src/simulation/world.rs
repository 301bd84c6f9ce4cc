//! The time, and whose turn it is.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, VecDeque},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::Costs;

/// What the pool is asked to do.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// What all threads of a simulation share.
pub(super) struct World {
    state: Mutex<State>,
    /// One for each thread.
    turns: Vec<Condvar>,
    pub(super) costs: Costs,
}

struct State {
    now: Duration,
    /// Whose turn it is; `None` before the beginning and after the end.
    turn: Option<usize>,
    /// Which thread goes on when. The second part keeps the order of what happens at the same time.
    events: BinaryHeap<Reverse<(Duration, u64, usize)>>,
    count: u64,
    /// The second part of the one event of each thread that counts.
    due: Vec<u64>,
    /// Threads that sleep and may be woken before their event.
    asleep: BTreeSet<usize>,
    /// Threads of the pool that have nothing to do.
    idle: BTreeSet<usize>,
    jobs: VecDeque<Job>,
    /// When the threads of the pool run, if anybody has asked for them.
    pool: Option<Duration>,
    /// Threads that have not come yet.
    missing: usize,
    end: End,
}

/// How far a simulation is from its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The outermost call runs.
    NotYet,
    /// It has ended; the pool may still be at something.
    Called,
    /// Nothing will happen any more.
    Come,
    /// A thread has panicked, or all wait for each other.
    Stuck,
}

impl State {
    /// The thread goes on at this time, and at no other.
    fn at(&mut self, time: Duration, thread: usize) {
        self.count += 1;
        self.due[thread] = self.count;
        self.events.push(Reverse((time, self.count, thread)));
    }

    /// Passes the turn to whoever is next.
    fn next(&mut self) {
        while let Some(Reverse((time, count, thread))) = self.events.pop() {
            if self.due[thread] == count {
                self.now = time;
                self.turn = Some(thread);
                self.asleep.remove(&thread);
                return;
            }
        }
        self.turn = None;
        self.end = if self.end == End::Called { End::Come } else { End::Stuck };
    }
}

impl World {
    pub(super) fn new(threads: usize, costs: Costs) -> Self {
        let state = State {
            now: Duration::ZERO,
            turn: None,
            events: BinaryHeap::new(),
            count: 0,
            due: vec![0; threads],
            asleep: BTreeSet::new(),
            idle: BTreeSet::new(),
            jobs: VecDeque::new(),
            pool: None,
            missing: threads,
            end: End::NotYet,
        };
        Self { state: Mutex::new(state), turns: (0..threads).map(|_| Condvar::new()).collect(), costs }
    }

    pub(super) fn threads(&self) -> usize {
        self.turns.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Duration {
        self.state().now
    }

    /// Lets whoever is next go on, and waits until it is this thread's turn; false if that will not come any more.
    fn hand_over(&self, mut state: MutexGuard<'_, State>, thread: usize) -> bool {
        state.next();
        if state.turn == Some(thread) {
            return true;
        }
        self.call_next(&state);
        self.turn(state, thread)
    }

    fn call_next(&self, state: &State) {
        match state.turn {
            Some(next) => self.turns[next].notify_one(),
            None => self.turns.iter().for_each(Condvar::notify_one),
        }
    }

    /// Waits until it is this thread's turn; false if that will not come any more.
    ///
    /// # Panics
    /// If the threads wait for each other, or one has panicked.
    fn turn(&self, mut state: MutexGuard<'_, State>, thread: usize) -> bool {
        loop {
            match (state.turn, state.end) {
                (_, End::Stuck) => {
                    drop(state);
                    panic!("the threads of a simulation do not go on");
                }
                (Some(next), _) if next == thread => return true,
                (_, End::Come) => return false,
                _ => state = self.turns[thread].wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// A thread is there. The outermost call, which is that of the first one, begins when all are.
    pub(super) fn enter(&self, thread: usize) -> bool {
        let mut state = self.state();
        state.missing -= 1;
        if thread == 0 {
            state.at(Duration::ZERO, thread);
        } else {
            state.idle.insert(thread);
        }
        if state.missing == 0 {
            return self.hand_over(state, thread);
        }
        self.turn(state, thread)
    }

    /// The outermost call has ended. When?
    pub(super) fn leave(&self) -> Duration {
        let mut state = self.state();
        let ended = state.now;
        state.end = End::Called;
        state.next();
        self.call_next(&state);
        ended
    }

    /// A thread has panicked.
    pub(super) fn fail(&self) {
        let mut state = self.state();
        (state.turn, state.end) = (None, End::Stuck);
        self.call_next(&state);
    }

    /// Time passes for a thread.
    pub(super) fn pass(&self, thread: usize, time: Duration) {
        let mut state = self.state();
        let end = state.now + time;
        state.at(end, thread);
        self.hand_over(state, thread);
    }

    /// A thread sleeps for so long, or until it is woken.
    pub(super) fn sleep(&self, thread: usize, longest: Duration) {
        let mut state = self.state();
        let end = state.now + longest;
        state.at(end, thread);
        state.asleep.insert(thread);
        self.hand_over(state, thread);
    }

    /// Wakes a thread, if it sleeps, so much later.
    pub(super) fn wake(&self, thread: usize, later: Duration) {
        let mut state = self.state();
        if state.asleep.remove(&thread) {
            let time = state.now + later;
            state.at(time, thread);
        }
    }

    /// Whether the threads of the pool run, so much later than now.
    pub(super) fn is_pool_running(&self, later: Duration) -> bool {
        let state = self.state();
        state.pool.is_some_and(|pool| pool <= state.now + later)
    }

    /// Starts the threads of the pool one after the other, or has another one start them, unless one is at it. Returns how long the caller takes.
    pub(super) fn start_pool(&self, later: Duration, itself: bool) -> Duration {
        let mut state = self.state();
        if state.pool.is_some() {
            return Duration::ZERO;
        }
        let all = self.costs.start * self.threads() as u32;
        let first = if itself { Duration::ZERO } else { self.costs.start };
        state.pool = Some(state.now + later + first + all);
        if itself { all } else { first }
    }

    /// Gives the pool something to do, so much later, when its threads run.
    pub(super) fn give(&self, job: Job, later: Duration) {
        let mut state = self.state();
        state.jobs.push_back(job);
        if let Some(helper) = state.idle.pop_first() {
            let time = state.now.max(state.pool.unwrap_or_default()) + later;
            state.at(time, helper);
        }
    }

    /// What a thread of the pool does next; `None` when nothing will happen any more.
    pub(super) fn take(&self, thread: usize) -> Option<Job> {
        loop {
            let mut state = self.state();
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            state.idle.insert(thread);
            if !self.hand_over(state, thread) {
                return None;
            }
        }
    }
}
