//! Running a body: the way of a miss from the claim to the published value.
//!
//! A deep recursion returns through more frames than a processor predicts, so each frame of a level costs about as much
//! as a hit. That is why [`run`] is made anew for every function, body and all: a level of a recursion through
//! the cache has one frame.

use std::{
    hint::cold_path,
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use crate::cache::{
    block::outcome::Outcome,
    call::{
        callee::{Callee, Run},
        claim_guard::Flight,
        failed::{Crashed, crash},
        function::Function,
        inner::{Begun, shown},
        running::{self, core_of},
        state::Core,
    },
    sharing::{granularity::LOOK_EVERY, invitation},
    table::key::{Key, Output},
    thread::{
        call_stack,
        claim::Goal,
        frame::{AtFirst, Frame, Mark},
        opened,
        registry::{self, Worker},
        stack,
    },
};
use crate::{
    seeing::{
        switch,
        watch::{self, What},
    },
    sync::Ordering,
};

/// Computes a value by this body, which gets the key and the call that runs, and whose slot has been claimed. Of a value that is judged, `keeps` tells that it is kept; where it does not, the
/// function is asked, out of the way.
///
/// # Safety
/// The goal is that of a flight of this core and of this worker, the calling thread's, which is left to this call. The core
/// [lasts](Core::lasts) if `lasting` is true.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) unsafe fn run<K: Key, R: Output>(
    lasting: bool,
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    (goal, worker): (Goal, &'static Worker),
    (body, keeps): (impl Fn(&K, &Frame) -> R, impl Fn(&R) -> bool),
    again: Run<K, R>,
) -> R {
    let mut slot = MaybeUninit::<Frame>::uninit();
    if !stack::is_known_to_have_room(worker, slot.as_ptr() as usize, const { stack::room_for(size_of::<R>()) }) {
        // SAFETY: passed on.
        return unsafe { run_where_there_is_room(core, function, key, goal, again) };
    }
    let computed = worker.computed() + 1;
    // What is demanded from now on the next call sees, but for what an outermost one demands when it begins.
    let is_due = worker.own.attention.is_due(computed);
    if is_due && worker.own.attention.asks() && worker.handed.any() {
        // SAFETY: passed on.
        return unsafe { take_or_run(core, function, key, goal, again) };
    }
    debug_assert_eq!(function.at_first, AtFirst::of(function.keep.is_some()), "both are said by `keeps_by`");
    // SAFETY: the key outlives the call, and is one of this cache.
    let frame = unsafe {
        Frame::new(worker.own.top.get(), core.header(), std::ptr::from_ref(key).cast(), goal, function.at_first)
    };
    let frame = &*slot.write(frame);
    let result = catch_unwind(AssertUnwindSafe(|| {
        let is_due = count(core, frame, worker, computed) || is_due;
        running::begin(worker, frame);
        if is_due || core.notes.any() || watch::is_on_unsaid() {
            cold_path();
            // SAFETY: the frame was made with this core.
            unsafe { heed::<K, R>(frame, worker) };
        }
        let value = body(key, frame);
        let is_told = running::end(worker, frame);
        (value, is_told)
    }));
    // From here on the core and the key are those that the frame tells, so that neither takes room on the stack beside it.
    match result {
        Ok((value, is_told)) => {
            // SAFETY: the frame was made with this core.
            if is_told && frame.is(Mark::Judged) && !(keeps(&value) && unsafe { core_of::<K, R>(frame) }.only_keeps()) {
                // SAFETY: by the contract.
                return unsafe { judge::<K, R>(frame, value) };
            }
            // SAFETY: as above.
            unsafe { land(lasting, core_of::<K, R>(frame), frame, worker, &value) };
            value
        }
        // SAFETY: as above.
        Err(payload) => unsafe { crash::<K, R>(frame, payload, worker) },
    }
}

// What follows out of line takes references to what a frame holds anyway, so that frames need no room for its arguments; and what comes back to
// the beginning does so by another call, so that they need none for what is to be kept meanwhile.

/// As [`run`], where it is not known that there is room for the body.
///
/// # Safety
/// As for [`run`].
#[cold]
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
unsafe fn run_where_there_is_room<K: Key, R: Output>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    goal: Goal,
    again: Run<K, R>,
) -> R {
    let worker = registry::current();
    // SAFETY: by the contract.
    let (flight, passed_on) = (unsafe { Flight::of_goal(core, worker, goal) }, worker.own.context.get());
    where_there_is_room(worker, const { stack::room_for(size_of::<R>()) }, || {
        worker.own.context.set(passed_on);
        let (table, at) = flight.into_goal().parts();
        // SAFETY: passed on.
        unsafe { again(core, function, key, table, at, worker) }
    })
}

/// Runs the body where it has room, with so much of it beyond the usual.
#[inline]
fn where_there_is_room<T>(worker: &'static Worker, more: usize, body: impl FnOnce() -> T) -> T {
    let mark = MaybeUninit::<u8>::uninit();
    if stack::has_room(worker, mark.as_ptr() as usize, more) {
        body()
    } else {
        stack::on_a_new_piece(worker, more, body)
    }
}

impl<K: Key, R: Output> Core<K, R> {
    /// The value of a key whose slot has not been claimed: mostly its page is yet to be made.
    #[cold]
    #[inline(never)]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(super) fn unclaimed(&self, callee: Callee<'_, K, R>, key: &K) -> R {
        let worker = registry::current();
        // Who waits may come here again while it gives way.
        where_there_is_room(worker, const { stack::room_for(size_of::<R>()) }, || {
            if worker.handed.any()
                && let Some(value) = handed_over(self, callee.function, key, worker)
            {
                return value;
            }
            match self.begin(key, worker) {
                Begun::Mine(flight) => callee.run_claimed(self, key, flight),
                Begun::Value(value) => value,
                Begun::NotYet if switch::begins_off() => {
                    let function = callee.function;
                    self.function.get_or_init(|| function.clone());
                    self.note_habits(function);
                    // SAFETY: there is no claim to leave to it.
                    callee.run_claimed(self, key, unsafe { Flight::of_goal(self, worker, Goal::NOWHERE) })
                }
                Begun::NotYet => self.compute(callee, key, worker),
            }
        })
    }
}

/// As [`run`], where results may have been handed over to the running call.
///
/// # Safety
/// As for [`run`].
#[cold]
#[inline(never)]
unsafe fn take_or_run<K: Key, R: Output>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    goal: Goal,
    again: Run<K, R>,
) -> R {
    let worker = registry::current();
    // SAFETY: by the contract.
    let (flight, passed_on) = (unsafe { Flight::of_goal(core, worker, goal) }, worker.own.context.get());
    if let Some(value) = handed_over(core, function, key, worker) {
        return value;
    }
    worker.own.attention.note_asked();
    // Keys are compared by users' code, which may call.
    worker.own.context.set(passed_on);
    let (table, at) = flight.into_goal().parts();
    // SAFETY: passed on.
    unsafe { again(core, function, key, table, at, worker) }
}

/// The result of a call that was computed ahead of the running one and is not kept.
///
/// # Panics
/// As the call did.
fn handed_over<K: Key, R: Output>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    worker: &'static Worker,
) -> Option<R> {
    // What is kept for a call that ended before its helper did is not for one that fills the same slot later.
    let running = call_stack::top(worker).filter(|frame| frame.is(Mark::Expecting))?.slot();
    let member = core.member(function, key, worker);
    let payload = match worker.handed.take(running, member, |of: &K| of.is_key(key))? {
        Ok(value) => return Some(value),
        Err(payload) => payload,
    };
    worker.own.blame.comes(worker.own.top.get(), &payload, &shown(function, key));
    call_stack::note_panic(worker);
    resume_unwind(payload)
}

/// Counts the call. Whether it is an outermost one with whose beginning all calls have to look.
#[cfg_attr(not(debug_assertions), inline(always))]
fn count<K: Key, R: Output>(core: &Core<K, R>, frame: &Frame, worker: &'static Worker, computed: u64) -> bool {
    let is_outermost = frame.parent.is_none();
    if is_outermost {
        core.grain.begin(worker);
        worker.outermost.store(core.address(), Ordering::Relaxed);
    }
    worker.count_computed(core.number.index(), computed);
    is_outermost && worker.own.attention.is_due(computed)
}

/// Sees to what is done every so many calls, and to what others have to know of a running one. By the frame alone, so that nothing else is kept for it.
///
/// # Safety
/// The frame is of a call of such a core.
#[cold]
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
unsafe fn heed<K: Key, R: Output>(frame: &Frame, worker: &'static Worker) {
    // SAFETY: by the contract.
    let (core, key) = unsafe { (core_of::<K, R>(frame), frame.key::<K>()) };
    // Known since the first miss.
    let function = core.function.get().unwrap_or_else(|| unreachable!("a call of it runs"));
    if worker.own.attention.is_due(worker.computed()) {
        look(core, function, frame, worker);
    }
    if watch::is_on() || worker.own.attention.is_due(worker.computed()) || core.notes.any() {
        announce(core, function, key, frame, worker);
    }
}

/// Looks at what is due once in so many calls.
fn look<K: Key, R: Output>(core: &Core<K, R>, function: &Function<K, R>, frame: &Frame, worker: &'static Worker) {
    let (own, computed) = (&worker.own, worker.computed());
    core.grain.look_if_due(worker, &core.number, function.sequential);
    if own.timing.is_due(computed) {
        // From now to the end of the call.
        frame.mark(Mark::Timed, true);
        own.timing.begin(worker.counted(core.number.index()));
    }
    worker.has_looked(computed, LOOK_EVERY);
}

/// Lets others know of a running call what they need to.
#[cold]
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
fn announce<K: Key, R: Output>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    frame: &Frame,
    worker: &'static Worker,
) {
    if watch::is_on() {
        frame.mark(Mark::Watched, watch::begin(What::Call, worker.number, frame));
    }
    core.suspects().check_doom(key, frame.slot());
    if worker.own.sample.is_shared() {
        if worker.own.home.get().is_some() && worker.is_too_deep() {
            // Who helps leaves what has no end. Who needs the value computes it.
            resume_unwind(Box::new(switch::GivenUp));
        }
        core.check_failed(key, frame, worker);
        if core.shares(function, 0, worker) {
            // Sharing may have begun at a look at the window, between two groups.
            if opened::show_all(&worker.own.opened, worker.board()) {
                invitation::invite(worker);
            }
            call_stack::show_with_group(frame);
        }
    }
    if core.notes.rayon() {
        call_stack::note_rayon(frame, worker);
    }
}

/// Publishes a value of which is known that it is to be kept.
///
/// The claim stays in the frame until it is given up: a copy that is made of it as a whole, just after its parts were
/// stored, would have to wait until all that was stored before has reached the processor's cache.
///
/// # Safety
/// The frame's goal came from [`Flight::into_goal`] of a flight of this core and worker, and is given up by this. The core
/// [lasts](Core::lasts) if `lasting` is true.
#[cfg_attr(not(debug_assertions), inline(always))]
unsafe fn land<K: Key, R: Output>(lasting: bool, core: &Core<K, R>, frame: &Frame, worker: &'static Worker, value: &R) {
    let crashed = Crashed { core, frame };
    let copy = value.clone();
    std::mem::forget(crashed);
    // SAFETY: by the contract.
    unsafe { frame.goal().publish(core, worker, copy, lasting) };
    registry::collect_if_due();
}

impl<K: Key, R: Output> Core<K, R> {
    /// Whether nothing is to be done with a value that is kept but to publish it.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn only_keeps(&self) -> bool {
        // Relaxed: see there.
        self.renewed.load(Ordering::Relaxed).is_null()
            && self.function.get().is_some_and(|function| function.settle.is_none())
    }
}

/// Publishes a value if it is to be kept, in the core that it renews if it renews one, or gives it only to those who wait.
///
/// # Safety
/// As for [`land`].
#[inline(never)]
unsafe fn judge<K: Key, R: Output>(frame: &Frame, value: R) -> R {
    // SAFETY: the frame was made with such a core.
    let (core, worker) = (unsafe { core_of::<K, R>(frame) }, registry::current());
    // Known since the first miss: so it need not lie on the stack while the body runs.
    let function = core.function.get().unwrap_or_else(|| unreachable!("a call of it runs"));
    let keep = function.keep.unwrap_or(Function::<K, R>::keep_all);
    // SAFETY: the frame is of a call of this core.
    let key = unsafe { frame.key::<K>() };
    let crashed = Crashed { core, frame };
    let copy = (keep(&value) && !core.renews(function, key, &value, worker)).then(|| value.clone());
    std::mem::forget(crashed);
    // SAFETY: by the contract.
    let flight = unsafe { Flight::of_goal(core, worker, frame.goal()) };
    if let Some(copy) = copy {
        match &function.settle {
            // SAFETY: it is one of this core and worker.
            Some(settle) => unsafe { settle.land(core, flight.into_goal(), worker, copy) },
            None => flight.publish(copy),
        }
    } else {
        flight.discard(key, || Some(Outcome::value(value.clone())));
    }
    registry::collect_if_due();
    value
}
