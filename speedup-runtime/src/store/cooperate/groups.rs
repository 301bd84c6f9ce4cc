//! The members of a group, looked up and claimed in one round trip.

use super::{Begun, Cooperate, Foretold, innermost, policy, search::Reserved};
use crate::store::Result;

/// What is known of the members of a group before the first of them is computed.
pub struct Group<'a, V> {
    /// Which member comes when: first the one that was claimed, last those that another process computes.
    pub order: Vec<usize>,
    /// The members that have values.
    pub there: Vec<(usize, V)>,
    /// The members that nobody computes.
    pub free: Vec<usize>,
    /// Keeps the first member for whoever of this process asks for it next. It is to be computed at once: others wait for it, and nothing tells them what for.
    pub first: Option<Box<dyn Send + 'a>>,
}

/// Looks the members of a group up that the innermost claimed call of this thread needs next, says so in the store, and finds the order in which
/// this process takes them. `claims` says whether to claim the first of them that is free.
///
/// # Errors
/// If the store could not be asked.
pub fn group<'a, K: Clone + Send + 'a, V>(
    store: &'a dyn Cooperate<K, V>,
    members: &[&K],
    claims: bool,
) -> Result<Group<'a, V>> {
    let bytes: Vec<Vec<u8>> = members.iter().map(|key| store.bytes(key)).collect();
    let mut order = policy::order(store.member(), bytes.iter().map(Vec::as_slice));
    let owner = innermost(store, |by| {
        by.told = bytes.into_iter().collect();
        by.key.clone()
    });
    let keys: Vec<&K> = order.iter().map(|index| members[*index]).collect();
    let foretold = if claims {
        store.foretell_and_claim(owner.as_deref(), &keys)?
    } else {
        store.foretell(owner.as_deref(), &keys)?
    };
    let (mut there, mut free, mut first, mut taken) = (Vec::new(), Vec::new(), None, vec![false; members.len()]);
    for (index, foretold) in order.iter().zip(foretold) {
        match foretold {
            Foretold::Value(value) => there.push((*index, value)),
            Foretold::Taken => taken[*index] = true,
            Foretold::Mine => first = Some((*index, Reserved::new(store, members[*index].clone()))),
            Foretold::Free => free.push(*index),
        }
    }
    let claimed = first.as_ref().map(|(index, _)| *index);
    order.sort_by_key(|index| (Some(*index) != claimed, taken[*index]));
    Ok(Group { order, there, free, first: first.map(|(_, seat)| Box::new(seat) as Box<dyn Send>) })
}

/// What is known of members that are computed at once.
pub(in crate::store) struct All<'a, V> {
    /// The members that have values.
    pub(in crate::store) there: Vec<(usize, V)>,
    /// The members that nobody computes.
    pub(in crate::store) free: Vec<usize>,
    /// Those that were claimed: each is kept for whoever of this process asks for it next.
    pub(in crate::store) seats: Vec<Option<Box<dyn Send + 'a>>>,
}

/// Looks members up that a claimed call needs, says so in the store, and claims all that are free, if that is wanted.
///
/// # Errors
/// If the store could not be asked.
pub(in crate::store) fn all<'a, K: Clone + Send + 'a, V>(
    store: &'a dyn Cooperate<K, V>,
    owner: Option<&K>,
    members: &[&K],
    claims: bool,
) -> Result<All<'a, V>> {
    let owner = owner.map(|key| store.bytes(key));
    let mut all = All { there: Vec::new(), free: Vec::new(), seats: members.iter().map(|_| None).collect() };
    if !claims {
        for (index, foretold) in store.foretell(owner.as_deref(), members)?.into_iter().enumerate() {
            match foretold {
                Foretold::Value(value) => all.there.push((index, value)),
                Foretold::Free => all.free.push(index),
                Foretold::Taken | Foretold::Mine => {}
            }
        }
        return Ok(all);
    }
    let begun = store.begin_all(owner.as_deref(), members)?;
    for (index, (key, begun)) in members.iter().zip(begun).enumerate() {
        match begun {
            Begun::Value(value) => all.there.push((index, value)),
            Begun::Mine => all.seats[index] = Some(Box::new(Reserved::new(store, (*key).clone()))),
            Begun::Taken { .. } => {}
        }
    }
    Ok(all)
}
