//! Running a body: the way of a miss from the claim to the published value.
//!
//! A deep recursion returns through more frames than a processor predicts, so each frame of a level costs about as much
//! as a hit. That is why [`run`] is made anew for every function, body and all: a level of a recursion through
//! the cache has one frame.

use std::{
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use crate::cache::{
    block::outcome::Outcome,
    call::{
        callee::Callee,
        claim_guard::Flight,
        failed::{Crashed, crash},
        function::Function,
        inner::{Begun, shown},
        running,
        state::Core,
    },
    sharing::{granularity::LOOK_EVERY, invitation},
    table::key::{Key, Output},
    thread::{
        call_stack,
        claim::Goal,
        frame::{Frame, Mark},
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

/// Computes a value by this body: looks the key up and claims its slot, unless that has been done.
///
/// # Safety
/// The tuple is [`Goal::NONE`], or the parts of the goal of a flight of this core and of the calling thread's worker, which is left to
/// this call. The core [lasts](Core::lasts) if `lasting` is true.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) unsafe fn run<'a, K: Key, R: Output>(
    lasting: bool,
    core: &Core<K, R>,
    function: &'a Function<K, R>,
    key: &K,
    (table, at): (u64, *const ()),
    body: impl Fn(&K) -> R,
    callee: impl Fn() -> Callee<'a, K, R> + Copy,
) -> R {
    let Some(worker) = registry::known() else {
        // There is no claim of a thread without a worker.
        return run_on_a_new_worker(core, callee, key);
    };
    let mut slot = MaybeUninit::<Frame>::uninit();
    if !stack::is_known_to_have_room(worker, slot.as_ptr() as usize, const { stack::room_for(size_of::<R>()) }) {
        // SAFETY: passed on.
        return unsafe { run_where_there_is_room(core, callee, key, table, at) };
    }
    let computed = worker.computed() + 1;
    if worker.own.attention.is_due(computed) && worker.own.attention.asks() && worker.handed.any() {
        // SAFETY: passed on.
        return unsafe { take_or_run(core, callee, key, table, at) };
    }
    let Some(goal) = Goal::of_parts(table, at) else { return unclaimed(core, callee, key) };
    // SAFETY: the key outlives the call, and is one of this cache.
    let frame = unsafe {
        Frame::new(worker.own.top.get(), core.header(), std::ptr::from_ref(key).cast(), goal, function.keep.is_some())
    };
    let frame = &*slot.write(frame);
    let result = catch_unwind(AssertUnwindSafe(|| {
        count(core, function, frame, worker, computed);
        running::begin(worker, frame);
        // Relaxed: a hint.
        if worker.own.attention.is_due(computed) || core.notes.any() || watch::is_on() {
            announce(core, function, key, frame, worker);
        }
        let value = body(key);
        running::end(worker, frame);
        value
    }));
    // From here on the core and the key are those that the frame tells, so that neither takes room on the stack beside it.
    match result {
        Ok(value) => {
            // SAFETY: by the contract.
            unsafe { land(lasting, running::core_of::<K, R>(frame), frame, worker, &value) };
            value
        }
        // SAFETY: as above.
        Err(payload) => unsafe { crash::<K, R>(frame, payload, worker) },
    }
}

// What follows out of line takes references to what a frame holds anyway, so that frames need no room for its arguments; and what comes back to
// the beginning does so by another call, so that they need none for what is to be kept meanwhile.

/// As [`run`], for a thread that calls a cached function for the first time.
#[cold]
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
fn run_on_a_new_worker<'a, K: Key, R: Output>(core: &Core<K, R>, callee: impl Fn() -> Callee<'a, K, R>, key: &K) -> R {
    registry::current();
    callee().run(core, key, None)
}

/// As [`run`], where it is not known that there is room for the body.
///
/// # Safety
/// As for [`run`].
#[cold]
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
unsafe fn run_where_there_is_room<'a, K: Key, R: Output>(
    core: &Core<K, R>,
    callee: impl Fn() -> Callee<'a, K, R>,
    key: &K,
    table: u64,
    at: *const (),
) -> R {
    let worker = registry::current();
    // SAFETY: by the contract.
    let claimed = unsafe { Flight::of_parts(core, worker, table, at) };
    let (mark, more) = (MaybeUninit::<u8>::uninit(), const { stack::room_for(size_of::<R>()) });
    if stack::has_room(worker, mark.as_ptr() as usize, more) {
        return callee().run(core, key, claimed);
    }
    stack::on_a_new_piece(worker, more, || callee().run(core, key, claimed))
}

/// As [`run`] where nobody has claimed the slot: mostly the key's page is yet to be made.
#[cold]
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
fn unclaimed<'a, K: Key, R: Output>(core: &Core<K, R>, callee: impl Fn() -> Callee<'a, K, R>, key: &K) -> R {
    let worker = registry::current();
    match core.begin(key, worker) {
        Begun::Mine(flight) => callee().run(core, key, Some(flight)),
        Begun::Value(value) => value,
        Begun::NotYet if switch::begins_off() => {
            let function = callee().function;
            core.function.get_or_init(|| function.clone());
            core.note_habits(function);
            // SAFETY: there is no claim to leave to it.
            callee().run(core, key, Some(unsafe { Flight::of_goal(core, worker, Goal::NOWHERE) }))
        }
        Begun::NotYet => core.compute(callee(), key, worker),
    }
}

/// As [`run`], where results may have been handed over to the running call.
///
/// # Safety
/// As for [`run`].
#[cold]
#[inline(never)]
unsafe fn take_or_run<'a, K: Key, R: Output>(
    core: &Core<K, R>,
    callee: impl Fn() -> Callee<'a, K, R>,
    key: &K,
    table: u64,
    at: *const (),
) -> R {
    let worker = registry::current();
    // SAFETY: by the contract.
    let claimed = unsafe { Flight::of_parts(core, worker, table, at) };
    if let Some(value) = handed_over(core, callee().function, key, worker) {
        return value;
    }
    worker.own.attention.note_asked();
    callee().run(core, key, claimed)
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

/// Counts the call, and sees to what is done every so many calls.
#[cfg_attr(not(debug_assertions), inline(always))]
fn count<K: Key, R: Output>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    frame: &Frame,
    worker: &'static Worker,
    computed: u64,
) {
    if frame.parent.is_none() {
        core.grain.begin(worker);
        worker.outermost.store(core.address(), Ordering::Relaxed);
    }
    worker.count_computed(core.number.index(), computed);
    if worker.own.attention.is_due(computed) {
        look(core, function, frame, worker);
    }
}

/// Looks at what is due once in so many calls.
#[cold]
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
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

/// Publishes a value, or gives it only to those who wait.
///
/// The claim stays in the frame until it is given up: a copy that is made of it as a whole, just after its parts were
/// stored, would have to wait until all that was stored before has reached the processor's cache.
///
/// # Safety
/// The frame's goal came from [`Flight::into_goal`] of a flight of this core and worker, and is given up by this. The core
/// [lasts](Core::lasts) if `lasting` is true.
#[cfg_attr(not(debug_assertions), inline(always))]
unsafe fn land<K: Key, R: Output>(lasting: bool, core: &Core<K, R>, frame: &Frame, worker: &'static Worker, value: &R) {
    if frame.is(Mark::Judged) {
        // SAFETY: passed on.
        return unsafe { judge(core, frame, value) };
    }
    let crashed = Crashed { core, frame };
    let copy = value.clone();
    std::mem::forget(crashed);
    // SAFETY: by the contract.
    unsafe { frame.goal().publish(core, worker, copy, lasting) };
    registry::collect_if_due();
}

/// Publishes a value if it is to be kept, in the core that it renews if it renews one.
///
/// # Safety
/// As for [`land`].
#[inline(never)]
unsafe fn judge<K: Key, R: Output>(core: &Core<K, R>, frame: &Frame, value: &R) {
    let worker = registry::current();
    // Known since the first miss: so it need not lie on the stack while the body runs.
    let function = core.function.get().unwrap_or_else(|| unreachable!("a call of it runs"));
    let keep = function.keep.unwrap_or(Function::<K, R>::keep_all);
    // SAFETY: the frame is of a call of this core.
    let key = unsafe { frame.key::<K>() };
    let crashed = Crashed { core, frame };
    let copy = (keep(value) && !core.renews(function, key, value, worker)).then(|| value.clone());
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
}
