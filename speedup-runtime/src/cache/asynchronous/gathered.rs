//! What the members of a group would ask a store for, told before any of them begins. Calls that are more than their keys know their keys alone,
//! so each is polled once to tell: one that would begin then waits instead.

use std::{
    any::Any,
    cell::{Cell, RefCell},
};

use super::state::AsyncCache;
use crate::cache::{
    call::behind::{Behind, Foretelling},
    table::key::{Key, Output},
    thread::registry,
};
use crate::seeing::switch;

thread_local! {
    /// The member that is polled to tell its key, if one is.
    static MEMBER: Cell<Option<usize>> = const { Cell::new(None) };
    /// What was told.
    static TOLD: RefCell<Option<Box<dyn Told>>> = const { RefCell::new(None) };
}

/// Keys of one cache, and the numbers of the members that they are of.
struct Keys<K: Key, R: Output> {
    behind: &'static dyn Behind<K, R>,
    keys: Vec<K>,
    numbers: Vec<usize>,
}

/// The same of a cache that the group does not know.
trait Told {
    fn as_any(&mut self) -> &mut dyn Any;
    fn ask(self: Box<Self>) -> Option<(Foretelling, Vec<usize>)>;
}

impl<K: Key, R: Output> Told for Keys<K, R> {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn ask(self: Box<Self>) -> Option<(Foretelling, Vec<usize>)> {
        if self.keys.len() < 2 { None } else { Some((self.behind.foretell_all(self.keys)?, self.numbers)) }
    }
}

/// Polls the members of a new group by `poll`, and says what to await before they are polled again, if several are to be asked for.
pub(super) fn gather(members: usize, mut poll: impl FnMut(usize)) -> Option<(Foretelling, Vec<usize>)> {
    // A group within a member's call begins after that member, so nothing of it is lost.
    let _before = Restored { member: MEMBER.get(), told: TOLD.take() };
    for member in 0..members {
        MEMBER.set(Some(member));
        poll(member);
    }
    TOLD.take()?.ask()
}

/// Puts back what was there before, also where a member panics.
struct Restored {
    member: Option<usize>,
    told: Option<Box<dyn Told>>,
}

impl Drop for Restored {
    fn drop(&mut self) {
        MEMBER.set(self.member);
        // What is dropped are keys: users' code, which runs when nothing is borrowed.
        let _told = TOLD.replace(self.told.take());
    }
}

/// Whether a call that is about to begin is to wait, since its key is asked for together with others. If not, what it comes to is not gathered.
pub(super) fn tell<K: Key, R: Output>(cache: &AsyncCache<K, R>, key: &K) -> bool {
    // Each member tells one key: what it asks for afterwards it asks for in its own time.
    let Some(member) = MEMBER.take() else { return false };
    let Some(behind) = cache.behind().filter(|_| !switch::is_off()) else { return false };
    if behind.is_prompt() || cache.is_known(key, registry::current()) {
        return false;
    }
    let key = key.clone();
    TOLD.with_borrow_mut(|told| {
        let told = told.get_or_insert_with(|| Box::new(Keys { behind, keys: Vec::new(), numbers: Vec::new() }));
        let Some(keys) = told.as_any().downcast_mut::<Keys<K, R>>() else { return false };
        if !std::ptr::addr_eq(keys.behind, behind) {
            return false;
        }
        keys.keys.push(key);
        keys.numbers.push(member);
        true
    })
}
