//! What a thread of the engine meets in a simulation: the clock, spinning, sleeping, the pool.

use std::{
    cell::{Cell, RefCell},
    ops::{Add, Sub},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{Costs, world::World};

/// Where a thread stands that takes part in a simulation.
struct Place {
    world: Arc<World>,
    thread: usize,
    /// What it has done of which no time has passed yet.
    debt: Cell<Duration>,
}

thread_local! {
    static HERE: RefCell<Option<Rc<Place>>> = const { RefCell::new(None) };
}

/// Where this thread stands, if it takes part in a simulation and is not about to end.
fn here() -> Option<Rc<Place>> {
    HERE.try_with(|here| here.borrow().clone()).ok().flatten()
}

impl Place {
    fn take(world: &Arc<World>, thread: usize) -> Fails {
        let place = Self { world: Arc::clone(world), thread, debt: Cell::new(Duration::ZERO) };
        HERE.set(Some(Rc::new(place)));
        Fails(Arc::clone(world))
    }

    fn owe(&self, cost: Duration) {
        self.debt.set(self.debt.get() + cost);
    }

    /// Lets so much time pass, and what is owed.
    fn pass(&self, time: Duration) {
        self.world.pass(self.thread, time + self.debt.take());
    }
}

/// Ends the simulation of a thread that panics.
struct Fails(Arc<World>);

impl Drop for Fails {
    fn drop(&mut self) {
        HERE.set(None);
        if std::thread::panicking() {
            self.0.fail();
        }
    }
}

/// Makes the outermost call.
pub(super) fn lead<R>(world: &Arc<World>, body: impl FnOnce() -> R) -> (R, Duration) {
    let _place = Place::take(world, 0);
    world.enter(0);
    let result = body();
    if let Some(place) = here() {
        place.pass(Duration::ZERO);
    }
    (result, world.leave())
}

/// Does what the pool is asked to.
pub(super) fn serve(world: &Arc<World>, thread: usize) {
    let _place = Place::take(world, thread);
    if !world.enter(thread) {
        return;
    }
    while let Some(job) = world.take(thread) {
        job();
        if let Some(place) = here() {
            place.pass(Duration::ZERO);
        }
    }
}

/// The work of a body. Outside of a simulation nothing happens.
pub fn work(time: Duration) {
    if let Some(place) = here() {
        place.pass(time + place.world.costs.call);
    }
}

/// Something small has been done.
pub(crate) fn step() {
    if let Some(place) = here() {
        place.owe(place.world.costs.step);
    }
}

pub(crate) fn spin_loop() {
    wait(|costs| costs.spin, std::hint::spin_loop);
}

pub(crate) fn yield_now() {
    wait(|costs| costs.give_way, std::thread::yield_now);
}

fn wait(cost: impl Fn(&Costs) -> Duration, otherwise: impl FnOnce()) {
    match here() {
        Some(place) => place.pass(cost(&place.world.costs)),
        None => otherwise(),
    }
}

pub(crate) fn current_num_threads() -> usize {
    here().map_or_else(rayon_core::current_num_threads, |place| place.world.threads())
}

/// The start of the pool's threads, in the place of the engine's own.
pub(crate) mod start {
    use super::here as here_now;

    /// Whether they run.
    pub(crate) fn is_started() -> bool {
        here_now().is_none_or(|place| place.world.is_pool_running(place.debt.get()))
    }

    /// They do when their time has come.
    pub(crate) fn note_started() {}

    /// Whether they start about as quickly as one that starts them.
    pub(crate) fn is_quick() -> bool {
        super::current_num_threads() <= crate::threads::FEW
    }

    /// Starts them.
    pub(crate) fn here() {
        if let Some(place) = here_now() {
            place.owe(place.world.start_pool(place.debt.get(), true));
        }
    }

    /// Has another thread start them, unless one is at it. What is given to them waits for that.
    pub(crate) fn beside(then: Option<Box<dyn FnOnce() + Send>>) {
        if let Some(place) = here_now() {
            place.owe(place.world.start_pool(place.debt.get(), false));
        }
        then.into_iter().for_each(|then| then());
    }
}

pub(crate) fn spawn(job: impl FnOnce() + Send + 'static) {
    let Some(place) = here() else { return rayon_core::spawn(job) };
    let costs = &place.world.costs;
    place.owe(costs.invite);
    start::beside(None);
    place.world.give(Box::new(job), place.debt.get() + costs.coming);
}

/// A moment of virtual time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(Duration);

impl Instant {
    pub(crate) fn now() -> Self {
        Self(here().map_or(Duration::ZERO, |place| place.world.now() + place.debt.get()))
    }

    pub(crate) fn elapsed(self) -> Duration {
        Self::now() - self
    }

    pub(crate) fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0 + time)
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

/// As the engine's own, in virtual time.
pub(crate) struct Parker {
    token: AtomicBool,
    /// The thread that sleeps and one more, or 0.
    sleeper: AtomicUsize,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Self { token: AtomicBool::new(false), sleeper: AtomicUsize::new(0) }
    }

    pub(crate) fn unpark(&self) {
        self.token.store(true, Ordering::SeqCst);
        let sleeper = self.sleeper.load(Ordering::SeqCst);
        if let (Some(place), Some(sleeper)) = (here(), sleeper.checked_sub(1)) {
            place.owe(place.world.costs.wake);
            place.world.wake(sleeper, place.debt.get() + place.world.costs.waking);
        }
    }

    pub(crate) fn park(&self, longest: Duration) {
        let Some(place) = here() else { return std::thread::yield_now() };
        if !self.token.swap(false, Ordering::SeqCst) {
            place.pass(Duration::ZERO);
            if !self.token.swap(false, Ordering::SeqCst) {
                self.sleeper.store(place.thread + 1, Ordering::SeqCst);
                place.world.sleep(place.thread, longest);
                self.sleeper.store(0, Ordering::SeqCst);
                self.token.store(false, Ordering::SeqCst);
            }
        }
    }
}
