//! A cache whose key and result types are not known: what waiting and helping need.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::cache::{
    call::{callee::Callee, claim_guard::Flight, function::Show, state::Core},
    sharing::{idle, invitation},
    table::{
        Member, State, Table, Word,
        key::{Key, Output, mark_of},
    },
    thread::{
        call_stack,
        claim::Busy,
        engine::{Engine, Group, Helped, Kept},
        handed::End,
        registry,
        waiters::Waiters,
    },
};
use crate::{panics, sync::timed::Instant};

impl<K: Key, R: Output> Core<K, R> {
    /// Computes a member of somebody's group as its owner would.
    pub(in crate::cache) fn help_by(
        &self,
        callee: Callee<'_, K, R>,
        member: u64,
        Group { table, handed, frame, goes_on }: Group<'_>,
    ) -> Helped {
        let worker = registry::current();
        let claimed = {
            let pin = worker.pin();
            let shown = |current: &&Table<K, R>| current.id() == table && current.admits(worker.number);
            let Some(current) = self.table(pin.at()).filter(shown) else {
                return Helped::Settled;
            };
            // SAFETY: the member was named by the table with this number.
            match unsafe { current.claim_member(member, worker, pin.at()) } {
                None | Some(Member::Settled) => return Helped::Settled,
                Some(Member::Busy(slot, owner, mark)) => return Helped::Busy(Busy { owner, slot, table }, mark),
                Some(Member::Mine(key, slot)) => (key, Flight::new(self, worker, table, slot)),
            }
        };
        let ((key, flight), member) = (claimed, (member, table));
        let keep = callee.function.keep.filter(|_| frame != 0);
        if self.has_failed(&key, flight.place(), worker) {
            panics::contain(move || drop(key));
            return Helped::Settled;
        }
        let begins = if keep.is_some() { handed.begin(frame, member) } else { !handed.knows(frame, member) };
        if !begins {
            panics::contain(move || drop(key));
            return Helped::Settled;
        }
        idle::found(worker);
        let helping = self.outlook.help(worker);
        if goes_on {
            invitation::invite_more(worker);
        }
        self.seen.took();
        let run = || {
            let value = callee.run_claimed(self, &key, flight);
            keep.filter(|keep| !keep(&value)).map(|_| callee.function.end_of(value))
        };
        // A panic goes to who needs the value: the running call that shows the member, and who waits for it.
        let (end, helped) = match call_stack::apart(worker, || catch_unwind(AssertUnwindSafe(run))) {
            Ok(end) => (end, Helped::Computed),
            Err(payload) => (Some(End::of_panic(payload)), Helped::Panicked),
        };
        drop(helping);
        match end {
            Some(end) => {
                if keep.is_none() && frame != 0 {
                    handed.begin(frame, member);
                }
                handed.finish(frame, member, Some((key, end)));
            }
            None => {
                if keep.is_some() {
                    handed.finish::<K, R>(frame, member, None);
                }
                panics::contain(move || drop(key));
            }
        }
        helped
    }
}

impl<K: Key, R: Output> Core<K, R> {
    /// Computes members of somebody's group as its owner would, one after the other, until one of them is the last.
    pub(in crate::cache) fn help_in_turn_by(
        &self,
        callee: Callee<'_, K, R>,
        members: &[u64],
        group: Group<'_>,
        is_last: &mut dyn FnMut(Helped) -> bool,
    ) {
        let worker = registry::current();
        let _helping = self.outlook.help(worker);
        let goes_on = &worker.own.sample.goes_on;
        for (at, member) in members.iter().enumerate() {
            goes_on.set(at > 0);
            let group = Group { goes_on: at + 1 < members.len(), ..group };
            if is_last(self.help_by(callee, *member, group)) {
                break;
            }
        }
        goes_on.set(false);
    }
}

/// Writes a call: `f(1)`.
pub(in crate::cache) fn write_call<K>(
    name: &str,
    show: Option<Show<K>>,
    key: &K,
    out: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let show = show.map(|show| move |out: &mut fmt::Formatter<'_>| show(key, out));
    write_by(name, show.as_ref().map(|show| show as _), out)
}

/// The same, by what writes the arguments.
fn write_by(
    name: &str,
    show: Option<&dyn Fn(&mut fmt::Formatter<'_>) -> fmt::Result>,
    out: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    struct Arguments<'a>(&'a dyn Fn(&mut fmt::Formatter<'_>) -> fmt::Result);
    impl fmt::Display for Arguments<'_> {
        fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            (self.0)(out)
        }
    }
    out.write_str(name)?;
    // A tuple of one is written `(1,)`, a call of one argument `f(1)`.
    match show.map(|show| Arguments(show).to_string()) {
        Some(arguments) if arguments.ends_with(",)") => write!(out, "{})", &arguments[..arguments.len() - 2]),
        Some(arguments) => out.write_str(&arguments),
        None => out.write_str("(..)"),
    }
}

impl<K: Key, R: Output> Engine for Core<K, R> {
    unsafe fn show(&self, key: *const (), out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(function) = self.function.get() else { return out.write_str("?") };
        // SAFETY: by the contract.
        let key = unsafe { &*key.cast::<K>() };
        if let (Some(show), Some(steady)) = (function.show_in, &self.steady) {
            // SAFETY: what writes it was made for what the core was made with.
            return write_by(
                function.name,
                Some(&|out: &mut fmt::Formatter<'_>| unsafe { show(steady.at().as_ptr(), key, out) }),
                out,
            );
        }
        write_call(function.name, function.show, key, out)
    }

    unsafe fn mark(&self, key: *const ()) -> u16 {
        // SAFETY: by the contract.
        mark_of(unsafe { &*key.cast::<K>() })
    }

    fn is_busy(&self, busy: &Busy) -> bool {
        let pin = registry::current().pin();
        self.table(pin.at()).filter(|table| table.id() == busy.table).is_some_and(|_| {
            // SAFETY: a state word of the table with this number, which is current under the pin.
            unsafe { &*(busy.slot as *const State) }.word() == Word::Claimed(busy.owner)
        })
    }

    fn waiters(&self) -> &Waiters {
        &self.waiters
    }

    fn help(&self, member: u64, group: Group<'_>) -> Helped {
        let Some(function) = self.function.get() else { return Helped::Settled };
        self.help_by(function.callee(), member, group)
    }

    fn help_in_turn(&self, members: &[u64], group: Group<'_>, is_last: &mut dyn FnMut(Helped) -> bool) {
        if let Some(function) = self.function.get() {
            self.help_in_turn_by(function.callee(), members, group, is_last);
        }
    }

    fn forks(&self) -> bool {
        self.function.get().is_some_and(|function| self.may_share(function, registry::current()))
    }

    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    fn ended(&self) {
        let worker = registry::current();
        self.grain.end(worker, &self.number);
        self.outlook.end(worker, Instant::now);
        // A group from outside of all calls, of which this was a member, goes on.
        if worker.shown().is_none_or(|board| board.depth() == 0) {
            invitation::dismiss(worker);
        }
    }

    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    unsafe fn timed(&self, key: *const (), panicked: bool) {
        let worker = registry::current();
        let (own, counted) = (&worker.own, worker.counted(self.number.index()));
        if let Some(timed) = own.timing.end(counted, self.seen.samples(), panicked, &own.attention) {
            self.seen.timed(timed);
            // SAFETY: by the contract.
            let key = unsafe { &*key.cast::<K>() };
            panics::contain(|| self.note_example(key));
        }
    }

    fn note_rayon(&self) {
        self.notes.note_rayon();
    }

    fn keep(&self) -> Option<Kept> {
        self.keep_alive()
    }
}
