//! Changes of structures that share a journal: one frame of it.

use super::Target;
use crate::disk::body::Body;
use crate::disk::common::{Common, Noted};
use crate::disk::joint::Step;
use crate::disk::{Error, Result};
use crate::sync::global::Arc;

/// What became of the frame that holds all changes.
enum Noting {
    Not,
    /// It may be there when the structures are opened again.
    Unsure,
    Done,
}

/// The journal that all structures share, if they do.
pub(super) fn common_of(targets: &[Target<'_>]) -> Result<Option<Arc<Common>>> {
    let mut all = targets.iter().map(|target| match target {
        Target::Dict(access) => access.read(|state| Ok(state.seen().common().cloned())),
        Target::List(access) => access.read(|state| Ok(state.seen().common().cloned())),
    });
    let Some(first) = all.next().transpose()?.flatten() else { return Ok(None) };
    for other in all {
        if !other?.is_some_and(|other| Arc::ptr_eq(&first, &other)) {
            return Ok(None);
        }
    }
    Ok(Some(first))
}

/// Notes the changes of all structures in one frame, durably, and makes them.
pub(super) fn commit(common: &Arc<Common>, targets: &[Target<'_>], steps: &[Vec<Step>]) -> Result<()> {
    note(common, (targets, steps), &mut Vec::new(), &mut Noting::Not)
}

/// The same for those that are left; `parts` are the changes of the others. Each structure is held meanwhile, so that nothing comes in between.
fn note<'s>(
    common: &Arc<Common>,
    (targets, steps): (&[Target<'_>], &'s [Vec<Step>]),
    parts: &mut Vec<Noted<'s>>,
    noting: &mut Noting,
) -> Result<()> {
    let (Some((target, targets)), Some((mine, steps))) = (targets.split_first(), steps.split_first()) else {
        let noted = common.note_all(parts).and_then(|()| common.flush());
        *noting = if noted.is_ok() { Noting::Done } else { Noting::Unsure };
        return noted;
    };
    let others = (targets, steps);
    match target {
        Target::Dict(access) => access.change(|state| {
            parts.push(state.noted_next(mine)?);
            let noted = note(common, others, parts, noting);
            settle(state, noted, noting, |state| state.make_noted(mine))
        }),
        Target::List(access) => access.change(|state| {
            parts.push(state.noted_next(mine)?);
            let noted = note(common, others, parts, noting);
            settle(state, noted, noting, |state| state.make_noted(mine))
        }),
    }
}

/// Makes the changes of one structure, if they are noted, whatever became of the others.
fn settle<B: Body>(
    state: &mut B,
    noted: Result<()>,
    noting: &Noting,
    make: impl FnOnce(&mut B) -> Result<()>,
) -> Result<()> {
    match (noting, &noted) {
        (Noting::Done, _) => make(state).and(noted),
        (Noting::Unsure, Err(error)) => {
            // It returns what it is given.
            let _failed = state.seen().settle(Err::<(), _>(Error::Failed { cause: error.to_string() }));
            noted
        }
        _ => noted,
    }
}
