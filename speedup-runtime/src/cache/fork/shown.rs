//! Groups on the board of the worker that needs them.

use std::{
    cell::{Cell, OnceCell},
    fmt,
    ptr::NonNull,
    time::Duration,
};

use crate::cache::{
    block::{block_on::Lost, waits},
    call::{callee::Callee, state::Core},
    fork::wide::Wide,
    sharing::{
        invitation,
        leapfrog::{self, Found},
    },
    table::key::{Key, Output, mark_of},
    thread::{
        board::WINDOW,
        call_stack,
        claim::Busy,
        engine::{Engine, Group, Header, Helped, Kept},
        frame::Frame,
        opened::Opened,
        registry::{self, Worker},
        waiters::Waiters,
    },
};
use crate::{
    panics,
    sync::timed::{Instant, spin_loop},
};

/// A cache as it is shown to helpers: with what the group's owner passes on to the body.
#[repr(C)]
pub(in crate::cache) struct Guest<'a, K: Key, R: Output> {
    /// Comes first: a pointer to it is a pointer to the guest.
    header: Header,
    pub(in crate::cache) core: &'a Core<K, R>,
    callee: Callee<'a, K, R>,
    wide: Option<Wide<'a, K>>,
}

impl<'a, K: Key, R: Output> Guest<'a, K, R> {
    pub(in crate::cache) fn new(core: &'a Core<K, R>, callee: Callee<'a, K, R>) -> Self {
        let header = Header { cast: Self::cast, family: Header::ALONE, whole: Header::ALONE };
        Self { header, core, callee, wide: None }
    }

    /// The same for a group with more members than a board names.
    pub(in crate::cache) fn wide(core: &'a Core<K, R>, callee: Callee<'a, K, R>, wide: Wide<'a, K>) -> Self {
        Self { wide: Some(wide), ..Self::new(core, callee) }
    }

    pub(in crate::cache) fn is_wide(&self) -> bool {
        self.wide.is_some()
    }

    /// Whether helpers look at what lies on the owner's stack.
    fn is_visited(&self) -> bool {
        self.callee.has_context() || self.is_wide()
    }

    /// Names members for others; how many, and the number of their table.
    fn name<'k>(
        &self,
        keys: impl Iterator<Item = &'k K>,
        worker: &'static Worker,
        names: &mut [u64; WINDOW],
    ) -> (usize, u64)
    where
        K: 'k,
    {
        let (mut named, mut table) = (0, 0);
        for key in keys.take(WINDOW) {
            let (name, of) = self.core.member(self.callee.function, key, worker);
            // After a `clear` in between, the names of the old table mean nothing.
            if of != table {
                (table, named) = (of, 0);
            }
            names[named] = name;
            named += 1;
        }
        (named, table)
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
        if self.is_visited() {
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

    unsafe fn mark(&self, key: *const ()) -> u16 {
        // SAFETY: passed on.
        unsafe { self.core.mark(key) }
    }

    fn is_busy(&self, busy: &Busy) -> bool {
        self.core.is_busy(busy)
    }

    fn waiters(&self) -> &Waiters {
        self.core.waiters()
    }

    fn help(&self, member: u64, group: Group<'_>) -> Helped {
        self.core.help_by(self.callee, member, group)
    }

    fn help_in_turn(&self, members: &[u64], group: Group<'_>, is_last: &mut dyn FnMut(Helped) -> bool) {
        self.core.help_in_turn_by(self.callee, members, group, is_last);
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

    fn name_more(&self, names: &mut [u64; WINDOW]) -> (usize, u64) {
        let mut named = (0, 0);
        if let Some(wide) = &self.wide {
            // Hashing a key is users' code.
            panics::contain(|| named = self.name(wide.next(), registry::current(), names));
        }
        named
    }

    fn behind(&self) -> Option<*const Header> {
        (!self.callee.has_context()).then(|| self.core.header().cast_const())
    }
}

/// A group on the board of the worker that needs it, taken off when dropped.
pub(in crate::cache) struct Show<'a, K: Key, R: Output> {
    guest: &'a Guest<'a, K, R>,
    worker: &'static Worker,
    place: usize,
    /// Whether the place was made for the group, because no call that is shown is running.
    own_place: bool,
}

impl<'a, K: Key, R: Output> Show<'a, K, R> {
    /// A group of the innermost running call.
    pub(in crate::cache) fn new(guest: &'a Guest<'a, K, R>, worker: &'static Worker) -> Self {
        // Whoever helps may hand over what is not kept.
        call_stack::top(worker).inspect(|frame| frame.expects(&worker.handed, &worker.own.attention));
        let place = call_stack::show_due(worker);
        let (place, own_place) = place.map_or_else(
            || {
                let (slot, mark) = call_stack::top(worker).map_or((0, 0), |frame| (frame.slot(), frame.key_mark()));
                (worker.board().push(slot, mark), true)
            },
            |place| (place, false),
        );
        Self { guest, worker, place, own_place }
    }

    /// Shows the next members, or all of them once and for all if they are many.
    pub(in crate::cache) fn members(&self, keys: &[K], next: &[usize]) {
        if self.guest.is_wide() {
            return self.worker.board().show_wide(self.place, self.guest.shown());
        }
        let mut names = [0; WINDOW];
        let (named, table) = self.guest.name(next.iter().map(|index| &keys[*index]), self.worker, &mut names);
        self.worker.board().show(self.place, self.guest.shown(), table, &names[..named]);
    }

    /// Takes the group off. As long as others compute members of it that borrow from this thread, it helps them.
    pub(in crate::cache) fn end(self, keys: &[K], members: &[usize]) {
        self.worker.board().hide(self.place);
        if self.guest.is_visited() && self.worker.board().has_visitors(self.place) {
            self.help_visitors(keys, members);
        }
    }

    #[cold]
    fn help_visitors(&self, keys: &[K], members: &[usize]) {
        let mut left = members.to_vec();
        see_visitors_off(self.worker, self.place, || self.help_with(keys, &mut left));
    }

    /// Computes a call that one of these members needs which others have begun, if there is one that nobody has. Members that are there are no
    /// longer among them.
    pub(in crate::cache) fn help_with(&self, keys: &[K], left: &mut Vec<usize>) -> bool {
        let (core, worker) = (self.guest.core, self.worker);
        // Looking a key up is users' code, whose panic the body meets in its own time.
        panics::contain(|| left.retain(|index| !core.contains(&keys[*index], worker)));
        for index in &*left {
            let key = &keys[*index];
            let mut busy = None;
            panics::contain(|| busy = core.claimed_by_other(key, worker));
            let Some(busy) = busy else { continue };
            match call_stack::aside(worker, || leapfrog::toward(&busy, mark_of(key), worker)) {
                Found::Computed => return true,
                Found::Panicked => {
                    left.clear();
                    return false;
                }
                Found::Nothing => {}
            }
        }
        false
    }
}

/// Waits until nobody looks any more at what the group at this place of the board borrows, and does what `help` finds to do meanwhile. Who
/// visits may need a call of this thread, which then is a circle in the graph.
#[cold]
fn see_visitors_off(worker: &'static Worker, place: usize, mut help: impl FnMut() -> bool) {
    let mut lost = Lost::begin(worker);
    let mut rounds = 0_u32;
    while worker.board().has_visitors(place) {
        let searched = Instant::now();
        if help() {
            lost.pause(searched);
            rounds = 0;
            continue;
        }
        rounds += 1;
        match worker.board().visitor(place) {
            Some(visitor) if rounds > 100 => {
                let _waits = waits::enter_for_visitors(worker, worker.board().name(place), visitor);
                worker.park(Duration::from_micros(50));
            }
            _ => spin_loop(),
        }
    }
}

impl<K: Key, R: Output> Drop for Show<'_, K, R> {
    fn drop(&mut self) {
        self.worker.board().hide(self.place);
        if self.guest.is_visited() {
            see_visitors_off(self.worker, self.place, || false);
        }
        if self.own_place {
            self.worker.board().pop(self.place);
            if self.worker.own.top.get().is_none() {
                invitation::dismiss(self.worker);
            }
        }
    }
}

/// A group that its thread computes alone, and that is shown if sharing begins meanwhile: see [`opened`](crate::cache::thread::opened).
#[repr(C)]
pub(in crate::cache) struct Open<'a, K: Key, R: Output> {
    /// Comes first: a pointer to the whole is a pointer to it.
    head: Opened,
    guest: &'a Guest<'a, K, R>,
    keys: &'a [K],
    missing: &'a [usize],
    /// So many of those have been begun.
    begun: Cell<usize>,
    frame: Option<&'a Frame>,
    worker: &'static Worker,
    shown: OnceCell<Show<'a, K, R>>,
}

impl<'a, K: Key, R: Output> Open<'a, K, R> {
    /// A group of the innermost running call.
    pub(in crate::cache) fn new(
        guest: &'a Guest<'a, K, R>,
        keys: &'a [K],
        missing: &'a [usize],
        worker: &'static Worker,
    ) -> Self {
        // SAFETY: `during` gives no other pointer to the list, and on this thread.
        let head = unsafe { Opened::new(Self::show) };
        let (begun, frame, shown) = (Cell::new(0), call_stack::top(worker), OnceCell::new());
        Self { head, guest, keys, missing, begun, frame, worker, shown }
    }

    /// Computes the member whose turn it is.
    #[inline]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache) fn next<T>(&self, compute: impl FnOnce(&K) -> T) -> T {
        let member = self.begun.replace(self.begun.get() + 1);
        // SAFETY: `self` is borrowed for longer than it is listed.
        let _listed = unsafe { Opened::list(NonNull::from(self).cast(), &self.worker.own.opened) };
        compute(&self.keys[self.missing[member]])
    }

    /// # Safety
    /// The pointer leads to an `Open<K, R>` that is listed, on its own thread.
    unsafe fn show(head: NonNull<Opened>) {
        // SAFETY: by the contract; what it borrows lives as long as it.
        let open = unsafe { head.cast::<Open<'a, K, R>>().as_ref() };
        let Some(frame) = open.frame.filter(|frame| frame.place().is_none()) else { return };
        call_stack::show(frame, open.worker);
        let (Some(place), rest) = (frame.place(), &open.missing[open.begun.get()..]) else { return };
        if !rest.is_empty() {
            frame.expects(&open.worker.handed, &open.worker.own.attention);
            let show =
                open.shown.get_or_init(|| Show { guest: open.guest, worker: open.worker, place, own_place: false });
            show.members(open.keys, rest);
            open.guest.core.open(open.worker);
        }
    }
}

impl<K: Key, R: Output> Drop for Open<'_, K, R> {
    fn drop(&mut self) {
        if let Some(show) = self.shown.take() {
            show.end(self.keys, self.missing);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
