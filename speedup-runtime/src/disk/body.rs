//! The state of a structure, as what is around it sees it.

use super::Result;
use super::store::{Departed, Staged, Store};

/// What a structure wants after an operation.
pub(crate) enum Want {
    Nothing,
    /// To be asked again: it has done a part of what is due, about a page.
    Turn,
    /// This sent off beside readers.
    Depart(Box<Staged>),
    /// To be asked again when what is on its way is written.
    Wait,
}

/// The state of a dict or a list.
pub(crate) trait Body: Send + Sync + 'static {
    /// Leaves what becomes due to [`tend`](Self::tend) from here on.
    fn defer(&mut self);

    /// Lets `tend` publish everything.
    fn want_publication(&mut self);

    /// Does a part of what is due, or says what is.
    fn tend(&mut self) -> Result<Want>;

    /// Sends off what `tend` asked for, while others read.
    fn depart(&self, staged: Box<Staged>) -> Result<Departed>;

    /// From here on changes go on while it is written.
    fn go_on(&mut self, departed: Departed);

    fn store(&mut self) -> &mut Store;

    /// The same for who only reads.
    fn seen(&self) -> &Store;

    /// Brings everything into the tree and publishes it.
    fn checkpoint(&mut self) -> Result<()>;
}
