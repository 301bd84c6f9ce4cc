//! The state of a structure, as what is around it sees it.

use super::Result;
use super::store::Store;

/// What a structure wants after an operation.
pub(crate) enum Want<T> {
    Nothing,
    /// To be asked again: it has done a part of what is due, about a page.
    Turn,
    /// This done beside readers.
    Task(T),
}

/// The state of a dict or a list.
pub(crate) trait Body: Send + Sync + 'static {
    /// Something that takes long and changes nothing.
    type Task;
    /// What comes of it.
    type Product;

    /// Leaves what becomes due to [`tend`](Self::tend) from here on.
    fn defer(&mut self);

    /// Lets `tend` publish everything.
    fn want_publication(&mut self);

    /// Does a part of what is due, or says what is.
    fn tend(&mut self) -> Result<Want<Self::Task>>;

    /// Does what `tend` asked for, while others read.
    fn perform(&self, task: Self::Task) -> Result<Self::Product>;

    /// From here on what was done counts.
    fn adopt(&mut self, product: Self::Product);

    fn store(&mut self) -> &mut Store;

    /// The same for who only reads.
    fn seen(&self) -> &Store;

    /// Brings everything into the tree and publishes it.
    fn checkpoint(&mut self) -> Result<()>;
}
