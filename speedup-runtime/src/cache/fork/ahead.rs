//! Calls that a body is about to make, foretold and computed together.
//!
//! A forecast is a slice of the body that only says which keys it will ask for. They are shared out as a group is; then the
//! body runs as it was written, and finds its values. Results that are not kept are handed over (`handed`). What a
//! forecast gets wrong costs time, never a wrong result: its panics are contained, and those of its calls go to the call of
//! the body that asks for the same key, if there is one.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::cache::{
    call::{
        bodies::Inside,
        callee::{Callee, Run},
        function::Function,
        state::Core,
    },
    fork::{
        fork_join::{self, Step},
        member::compute,
        missing::{few_missing, missing},
        named::Named,
        shown::{Guest, Open},
    },
    sharing::{
        granularity::{Grain, Told, Trial},
        invitation,
    },
    table::key::{Key, Output},
    thread::{
        board::WINDOW,
        opened,
        order::Order,
        registry::{self, Worker},
    },
};
use crate::{
    panics,
    sync::{Ordering, timed::Instant},
};

/// A forecast of so many keys at most needs no memory for their numbers.
const FEW: usize = 4;
/// Of so many forecasts that are shown to nobody one is timed.
const RARELY: u64 = 64;
/// After each so many calls that are made alone it is asked whether it has begun to pay.
const OFTEN: usize = 4;

impl<K: Key, R: Output> Inside<'_, K, R> {
    /// Lets the body say which calls of the same function it will make next. As [`Cache::ahead`](crate::Cache::ahead).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn ahead(self, forecast: impl FnOnce(&(dyn Fn(K::Args) + Sync))) {
        if self.core.may_share(self.callee.function, registry::current()) {
            let (function, run, context, is_local) = self.callee.parts();
            Self::ahead_shared(self.core, function, run, context, is_local, forecast);
        }
    }

    /// The same, where it is worth it; out of line, to keep the frames of bodies small, and given the parts, so that no [`Inside`] need lie in
    /// memory.
    #[cold]
    #[inline(never)]
    fn ahead_shared(
        core: &Core<K, R>,
        function: &Function<K, R>,
        body: Run<K, R>,
        context: *const (),
        is_local: bool,
        forecast: impl FnOnce(&(dyn Fn(K::Args) + Sync)),
    ) {
        run(core, Callee::of(function, body, context, is_local), forecast);
    }
}

/// Makes a forecast and computes what it names, as far as that is missing and others can help.
///
/// Made anew for each forecast, so what does not depend on that stands in [`begin`] and [`end`].
pub(in crate::cache) fn run<K: Key, R: Output>(
    core: &Core<K, R>,
    callee: Callee<'_, K, R>,
    forecast: impl FnOnce(&(dyn Fn(K::Args) + Sync)),
) {
    let Some(begun) = begin(core, callee) else { return };
    let named = Named::by(begun.worker, begun.last);
    let call = |arguments: K::Args| named.name(K::of(arguments), core);
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| forecast(&call))) {
        panics::swallow(payload);
    }
    end(core, callee, named, begun);
}

/// A forecast that is made.
struct Forecast {
    worker: &'static Worker,
    /// Whether what it names is shown to nobody.
    is_quiet: bool,
    /// How many calls the last one has named.
    last: usize,
    /// When it began, if it is timed.
    began: Option<Instant>,
}

/// Whether a forecast is made, and how.
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
fn begin<K: Key, R: Output>(core: &Core<K, R>, callee: Callee<'_, K, R>) -> Option<Forecast> {
    let worker = registry::current();
    // Without unwinding nothing could be contained.
    if cfg!(panic = "abort") || callee.is_local || worker.is_isolated() || worker.is_too_deep() {
        return None;
    }
    let last = core.outlook.named.load(Ordering::Relaxed);
    // What a store may have is asked for all the same.
    let is_quiet = callee.function.docked.is_none()
        && (Grain::is_in_order(worker)
            || last <= WINDOW && core.grain.is_fine(worker) && !invitation::is_for_anybody(worker));
    // The body asks for its calls in the order of a thread that goes forward.
    if is_quiet && worker.own.order.get() == Order::Forward || !is_quiet && is_in_vain(core, callee, last, worker) {
        return None;
    }
    // Where nothing is shown, a forecast costs less than to read the clock.
    let began = (!is_quiet || core.outlook.is_watched() || worker.computed().is_multiple_of(RARELY)).then(Instant::now);
    if began.is_some_and(|began| !core.outlook.is_good(worker, began)) {
        return None;
    }
    Some(Forecast { worker, is_quiet, last, began })
}

/// Computes what a forecast has named.
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
fn end<K: Key, R: Output>(core: &Core<K, R>, callee: Callee<'_, K, R>, named: Named<K>, forecast: Forecast) {
    let Forecast { worker, is_quiet, last, began } = forecast;
    let keys = named.into_keys();
    if keys.len() != last {
        core.outlook.named.store(keys.len(), Ordering::Relaxed);
    }
    if let Some(began) = began {
        let took = began.elapsed();
        core.outlook.pay(took);
        core.grain.named(keys.len(), took, worker);
    }
    if !is_quiet {
        worker.own.sample.named.set(worker.own.sample.named.get() + 1);
    }
    if is_quiet && keys.len() <= WINDOW {
        return take_in_order(core, callee, &keys, worker);
    }
    share(core, callee, &keys, worker);
}

/// Whether nothing would come of a forecast that names as few calls as the last one did: as long as calls have seemed cheap, so few are left to
/// the body, unless they are to be shared from now on. First calls are spared most of their forecasts by that.
fn is_in_vain<K: Key, R: Output>(
    core: &Core<K, R>,
    callee: Callee<'_, K, R>,
    last: usize,
    worker: &'static Worker,
) -> bool {
    let is_left = || core.grain.seems_cheap(worker);
    callee.function.docked.is_none()
        && (1..=FEW).contains(&last)
        && !core.outlook.is_watched()
        && is_left()
        && !core.shares(callee.function, last, worker)
        && is_left()
}

/// Computes the keys in the worker's order, and shows them to nobody. The last is left to the body.
#[inline(never)]
fn take_in_order<K: Key, R: Output>(core: &Core<K, R>, callee: Callee<'_, K, R>, keys: &[K], worker: &'static Worker) {
    let mut numbers = [0; WINDOW];
    let missing = few_missing(core, keys, &mut numbers, worker);
    if missing.len() < 2 {
        return;
    }
    fork_join::arrange(keys, missing, worker);
    for index in &missing[..missing.len() - 1] {
        if let Step::Stop = compute(core, callee, &keys[*index], worker, |_| ()) {
            return;
        }
    }
}

/// Computes the keys together with whoever helps.
#[cfg_attr(not(debug_assertions), inline(always))]
fn share<K: Key, R: Output>(core: &Core<K, R>, callee: Callee<'_, K, R>, keys: &[K], worker: &'static Worker) {
    const NUMBERS: [usize; FEW] = [0, 1, 2, 3];
    // First calls are asked about one by one.
    let Some(few) = NUMBERS.get(..keys.len()).filter(|_| callee.function.docked.is_none()) else {
        return share_many(core, callee, keys, worker);
    };
    if core.shares(callee.function, few.len(), worker) {
        return share_rest(core, callee, keys, None, worker);
    }
    if let Some(begun) = alone(core, callee, keys, few, None, worker) {
        share_rest(core, callee, keys, Some((few, begun)), worker);
    }
}

/// The same where they may be many, or in a store.
#[inline(never)]
fn share_many<K: Key, R: Output>(core: &Core<K, R>, callee: Callee<'_, K, R>, keys: &[K], worker: &'static Worker) {
    // What a store may have is asked for before anything is computed.
    let missing = callee.function.docked.is_some().then(|| missing_at_store(core, callee, keys, worker));
    let count = missing.as_ref().map_or(keys.len(), Vec::len);
    let trial = core.grain.tries(count, worker).then(Trial::begin);
    if trial.is_none() && core.shares(callee.function, count, worker) {
        return share_rest(core, callee, keys, missing.as_deref().map(|left| (left, 0)), worker);
    }
    let left = missing.unwrap_or_else(|| (0..count).collect());
    if let Some(begun) = alone(core, callee, keys, &left, trial, worker) {
        share_rest(core, callee, keys, Some((&left, begun)), worker);
    }
}

/// Which of the keys are missing, once their store has been asked to fetch them.
#[cold]
#[inline(never)]
fn missing_at_store<K: Key, R: Output>(
    core: &Core<K, R>,
    callee: Callee<'_, K, R>,
    keys: &[K],
    worker: &'static Worker,
) -> Vec<usize> {
    let mut missing = missing(core, keys, 0..keys.len(), worker);
    // Helpers may be at the first before this thread is: none is claimed.
    let _ = fork_join::foretell(callee.function, keys, &mut missing, false);
    missing
}

/// Computes with whoever helps all of the keys, or those of them that are left when so many have been begun. Out of line, since the frame of
/// whoever goes on alone lies on the stack for each level of the first calls.
#[cold]
#[inline(never)]
fn share_rest<K: Key, R: Output>(
    core: &Core<K, R>,
    callee: Callee<'_, K, R>,
    keys: &[K],
    left: Option<(&[usize], usize)>,
    worker: &'static Worker,
) {
    let mut missing = match left {
        None => missing(core, keys, 0..keys.len(), worker),
        Some((left, begun)) if callee.function.docked.is_some() => left[begun..].to_vec(),
        Some((left, begun)) => missing(core, keys, left[begun..].iter().copied(), worker),
    };
    if missing.is_empty() {
        let is_vain = left.is_none_or(|(_, begun)| begun == 0);
        core.outlook.vain.fetch_add(u64::from(is_vain), Ordering::Relaxed);
        return;
    }
    if opened::show_all(&worker.own.opened, worker.board()) {
        invitation::invite(worker);
    }
    let helped = Cell::new(0);
    let help = |more| helped.set(helped.get() + more);
    core.outlook.shared.fetch_add(missing.len() as u64, Ordering::Relaxed);
    // A single one is shown, too: whoever helps descends through it to what it needs.
    let skip = |next: &[usize]| {
        let there = core.there(keys, next, worker);
        help(there as u64);
        there
    };
    fork_join::share(core, callee, keys, &mut missing, worker, skip, |index| {
        compute(core, callee, &keys[index], worker, help)
    });
    core.outlook.helped.fetch_add(helped.get(), Ordering::Relaxed);
}

/// Until it is known that sharing pays, the keys are computed one after the other, as the body would. Returns how many have been begun until
/// then; `None` if nothing is left to be shared. Many that are cheap are left to the body, which gets them cheaper still.
#[cfg_attr(not(debug_assertions), inline(always))]
fn alone<K: Key, R: Output>(
    core: &Core<K, R>,
    callee: Callee<'_, K, R>,
    keys: &[K],
    left: &[usize],
    mut trial: Option<Trial>,
    worker: &'static Worker,
) -> Option<usize> {
    if left.len() <= FEW && core.grain.seems_cheap(worker) {
        // The body gets so few of them with less of the stack.
        return None;
    }
    let (mut begun, mut found, tries) = (0, 0, &worker.own.sample.tries);
    let guest = Guest::new(core, callee);
    let open = Open::new(&guest, keys, left, worker);
    while begun < left.len() {
        let mut step = Step::Stop;
        let outer = tries.replace(tries.get() || trial.is_some());
        // As in `missing`.
        open.next(|key| panics::contain(|| step = compute(core, callee, key, worker, |more| found += more)));
        tries.set(outer);
        if matches!(step, Step::Stop) {
            return None;
        }
        begun += 1;
        if let Some(first) = &mut trial {
            match core.tell(first, (begun, found as usize, left.len() - begun), worker) {
                Told::GoOn => continue,
                Told::Over => trial = None,
                Told::Cheap => return None,
                Told::Share => return Some(begun),
            }
        }
        if begun.is_multiple_of(OFTEN) {
            // One may be dear.
            worker.own.sample.ask.set(worker.computed());
        }
        if core.shares(callee.function, left.len() - begun, worker) {
            return Some(begun);
        }
    }
    core.outlook.vain.fetch_add(u64::from(found == begun as u64), Ordering::Relaxed);
    None
}

#[cfg(all(test, not(any(loom, speedup_simulated))))]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        Cache,
        cache::{State, sharing::idle, thread::window::Stage},
        sync::lock,
    };

    static BEGUN: Mutex<Vec<u64>> = Mutex::new(Vec::new());

    const CALLS: &Cache<(u64,), u64> = {
        static STATE: State<(u64,), u64> = State::new();
        let body = |&(n,): &(u64,)| {
            lock(&BEGUN).push(n);
            n
        };
        &Cache::of(&STATE, Function::new("calls", body))
    };

    /// Whether an outermost call that asks whether to share makes a forecast, where the last one has named so many and its calls lately took so
    /// many nanoseconds.
    fn is_made(last: usize, lately: u64) -> bool {
        let (worker, core, made) = (registry::current(), CALLS.core(), Cell::new(false));
        let sample = &worker.own.sample;
        sample.stage.set(Stage::Asking);
        sample.asked.set((8 * lately, 8, lately));
        sample.ask.set(u64::MAX);
        core.outlook.named.store(last, Ordering::Relaxed);
        run(core, CALLS.function.callee(), |_| made.set(true));
        sample.renew();
        made.get()
    }

    #[test]
    fn a_few_calls_that_seem_cheap_are_left_to_the_body_without_a_forecast() {
        assert!(!is_made(1, 400) && !is_made(FEW, 400));
        assert!(is_made(0, 400), "nobody knows how many it names");
        assert!(is_made(FEW + 1, 400), "the first of many tell what the rest takes");
        assert!(is_made(2, 40_000), "they are dear");
    }

    /// Which calls a worker computes ahead that takes members in this order, all seats of helpers being taken, and whether it has made a forecast.
    fn ahead(order: Order, is_wanted: bool) -> (Vec<u64>, bool) {
        CALLS.clear();
        let (worker, core, made) = (registry::current(), CALLS.core(), Cell::new(false));
        let sample = &worker.own.sample;
        core.grain.measure(2_000);
        sample.goes_on.set(true);
        sample.stage.set(Stage::Shared);
        worker.own.attention.demand();
        worker.own.order.set(order);
        worker.helpers.store(u32::MAX / 2, Ordering::Relaxed);
        if is_wanted {
            idle::begin(worker);
        }
        run(core, CALLS.function.callee(), |name| {
            made.set(true);
            (1..4).for_each(|n| name((n,)));
        });
        idle::end(worker);
        invitation::dismiss(worker);
        worker.helpers.store(0, Ordering::Relaxed);
        worker.own.order.set(Order::Forward);
        sample.goes_on.set(false);
        sample.renew();
        (std::mem::take(&mut *lock(&BEGUN)), made.get())
    }

    #[test]
    fn cheap_calls_are_named_where_somebody_wants_work_or_the_body_goes_another_way() {
        assert_eq!(ahead(Order::Forward, false), (vec![], false), "the body goes the same way");
        assert_eq!(ahead(Order::Backward, false), (vec![3, 2], true), "the last is left to the body");
        assert_eq!(ahead(Order::Forward, true), (vec![1, 2, 3], true));
        assert_eq!(ahead(Order::Backward, true), (vec![3, 2, 1], true));
    }
}
