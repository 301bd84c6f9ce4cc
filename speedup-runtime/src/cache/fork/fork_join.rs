//! Calls that do not need each other, computed together.
//!
//! Who needs a group shows its members and works through them; others who come by take members as well, in another
//! order, so that they meet in the middle instead of following each other. A member in flight elsewhere is left for the
//! end. Source of the orders: A. Stivala, P. Stuckey et al., "Lock-free parallel dynamic programming", JPDC 70 (2010).

use std::{fmt, time::Duration};

use crate::cache::{
    block::waits,
    call::{callee::Callee, function::Function, state::Core},
    sharing::leapfrog,
    table::key::{Key, Output},
    thread::{
        board::WINDOW,
        call_stack,
        claim::Busy,
        engine::{Engine, Header, Helped, Kept},
        frame::Frame,
        handed::Handed,
        registry::{self, Worker},
        waiters::Waiters,
    },
};
use crate::sync::spin_loop;

/// Fills in the results of all keys. `scratch` is as long as `keys`. They may be shared `at_once` if many are asked for by name.
pub(in crate::cache) fn compute<K: Key, R: Output>(
    core: &Core<K, R>,
    callee: Callee<'_, K, R>,
    keys: &[K],
    results: &mut [Option<R>],
    scratch: &mut [usize],
    at_once: bool,
) {
    let worker = registry::current();
    let mut missing = 0;
    for (index, key) in keys.iter().enumerate() {
        results[index] = core.hit(key, key.pack());
        if results[index].is_none() {
            scratch[missing] = index;
            missing += 1;
        }
    }
    let missing = &mut scratch[..missing];
    foretell(callee.function, keys, missing);
    let outside = worker.own.top.get().is_none() && worker.own.home.get().is_none();
    let may_share = !callee.is_local
        && !worker.is_isolated()
        && if outside { at_once } else { core.may_share(callee.function, worker) };
    let shares = |left: usize| {
        may_share
            && left > 1
            && if outside { core.shares_all(callee.function, left) } else { core.shares(callee.function, worker) }
    };
    let mut alone = 0;
    while alone < missing.len() && !shares(missing.len() - alone) {
        let index = missing[alone];
        results[index] = Some(callee.run(core, &keys[index], None));
        alone += 1;
    }
    let missing = &mut missing[alone..];
    if missing.is_empty() {
        return;
    }
    let later = share(core, callee, keys, missing, worker, |index| {
        results[index] = core.compute_if_free(callee, &keys[index]);
        if results[index].is_some() { Step::Done } else { Step::Later }
    });
    for index in &missing[..later] {
        results[*index] = Some(callee.run(core, &keys[*index], None));
    }
}

/// Lets the store, if there is one, fetch what is about to be needed.
pub(in crate::cache) fn foretell<K: Key, R: Output>(function: &Function<K, R>, keys: &[K], missing: &mut [usize]) {
    if function.docked.is_some()
        && missing.len() > 1
        && let Some(behind) = function.docked()
    {
        behind.foretell(keys, missing);
    }
}

/// What has come of a member's turn.
pub(in crate::cache) enum Step {
    Done,
    /// It is in flight elsewhere: it comes again, when all others have been.
    Later,
    /// Nothing more is needed of the group.
    Stop,
}

/// Shows the members that are missing, and goes through them in the worker's order. Returns how many are left for later;
/// they stand first in `missing`.
pub(in crate::cache) fn share<K: Key, R: Output>(
    core: &Core<K, R>,
    callee: Callee<'_, K, R>,
    keys: &[K],
    missing: &mut [usize],
    worker: &'static Worker,
    mut take: impl FnMut(usize) -> Step,
) -> usize {
    worker.own.order.get().arrange(missing);
    let guest = Guest::new(core, callee);
    let show = Show::new(&guest, worker);
    let mut later = 0;
    for step in 0..missing.len() {
        if step % (WINDOW / 2) == 0 && (step == 0 || missing.len() > WINDOW) {
            show.members(keys, &missing[step..]);
            core.open(worker);
            leapfrog::invite(worker);
        }
        let index = missing[step];
        match take(index) {
            Step::Done => {}
            Step::Later => {
                missing[later] = index;
                later += 1;
            }
            Step::Stop => break,
        }
    }
    later
}

/// A cache as it is shown to helpers: with what the group's owner passes on to the body.
#[repr(C)]
struct Guest<'a, K: Key, R: Output> {
    /// Comes first: a pointer to it is a pointer to the guest.
    header: Header,
    core: &'a Core<K, R>,
    callee: Callee<'a, K, R>,
}

impl<'a, K: Key, R: Output> Guest<'a, K, R> {
    fn new(core: &'a Core<K, R>, callee: Callee<'a, K, R>) -> Self {
        Self { header: Header { cast: Self::cast, family: Header::ALONE, whole: Header::ALONE }, core, callee }
    }

    /// # Safety
    /// The pointer leads to the header of a `Guest<K, R>`.
    unsafe fn cast(header: *const Header) -> *const dyn Engine {
        let guest: *const (dyn Engine + '_) = header.cast::<Self>();
        // SAFETY: only the lifetime is left out; the owner waits for those who look before it goes.
        unsafe { std::mem::transmute::<*const (dyn Engine + '_), *const dyn Engine>(guest) }
    }

    /// What boards show: the cache itself where nothing is passed on.
    fn shown(&self) -> *mut Header {
        if self.callee.has_context() {
            leapfrog::as_guest(std::ptr::from_ref(self).cast::<Header>().cast_mut())
        } else {
            self.core.header()
        }
    }
}

impl<K: Key, R: Output> Engine for Guest<'_, K, R> {
    unsafe fn show(&self, key: *const (), out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: passed on.
        unsafe { self.core.show(key, out) }
    }

    fn is_busy(&self, busy: &Busy) -> bool {
        self.core.is_busy(busy)
    }

    fn waiters(&self) -> &Waiters {
        self.core.waiters()
    }

    fn help(&self, member: u64, table: u64, handed: &Handed, frame: usize) -> Helped {
        self.core.help_by(self.callee, member, table, handed, frame)
    }

    fn forks(&self) -> bool {
        self.core.forks()
    }

    fn ended(&self) {
        self.core.ended();
    }

    fn note_rayon(&self) {
        self.core.note_rayon();
    }

    // It lives as long as it is visited.
    fn keep(&self) -> Option<Kept> {
        None
    }
}

/// A group on the board of the worker that needs it, taken off when dropped.
struct Show<'a, K: Key, R: Output> {
    guest: &'a Guest<'a, K, R>,
    worker: &'static Worker,
    place: usize,
    /// Whether the place was made for the group, because no call that is shown is running.
    own_place: bool,
}

impl<'a, K: Key, R: Output> Show<'a, K, R> {
    fn new(guest: &'a Guest<'a, K, R>, worker: &'static Worker) -> Self {
        // Whoever helps may hand over what is not kept.
        call_stack::top(worker).inspect(|frame| frame.expects(&worker.handed));
        let place = call_stack::top(worker).and_then(Frame::place);
        let slot = call_stack::top(worker).map_or(0, Frame::slot);
        let (place, own_place) = place.map_or_else(|| (worker.board().push(slot), true), |place| (place, false));
        Self { guest, worker, place, own_place }
    }

    /// Shows the next members.
    fn members(&self, keys: &[K], next: &[usize]) {
        let mut names = [0; WINDOW];
        let mut shown = 0;
        let mut table = 0;
        for index in next.iter().take(WINDOW) {
            let (name, of) = self.guest.core.member(self.guest.callee.function, &keys[*index], self.worker);
            // After a `clear` in between, the names of the old table mean nothing.
            if of != table {
                (table, shown) = (of, 0);
            }
            names[shown] = name;
            shown += 1;
        }
        self.worker.board().show(self.place, self.guest.shown(), table, &names[..shown]);
    }

    /// Waits until nobody looks any more at what the group borrows. Who helps may need a call of this thread, which then is a
    /// circle in the graph.
    #[cold]
    fn see_visitors_off(&self) {
        let mut rounds = 0_u32;
        while self.worker.board().has_visitors(self.place) {
            rounds += 1;
            match self.worker.board().visitor(self.place) {
                Some(visitor) if rounds > 100 => {
                    let _waits = waits::enter_for(self.worker, visitor);
                    self.worker.park(Duration::from_micros(50));
                }
                _ => spin_loop(),
            }
        }
    }
}

impl<K: Key, R: Output> Drop for Show<'_, K, R> {
    fn drop(&mut self) {
        self.worker.board().hide(self.place);
        if self.guest.callee.has_context() {
            self.see_visitors_off();
        }
        if self.own_place {
            self.worker.board().pop(self.place);
            if self.worker.own.top.get().is_none() {
                leapfrog::dismiss(self.worker);
            }
        }
    }
}
