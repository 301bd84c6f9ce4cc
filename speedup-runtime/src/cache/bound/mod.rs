//! Who goes where there is too little room: what a bounded cache keeps beside its values.
//!
//! - `kept`: a value with what is known of it, and its key; `marks`: the part of it that changes, and `times`, where that is more than a word;
//! - `queue`: the order in which values go, and `fifo`, of which it has two;
//! - `ghosts`: who has gone a short while ago;
//! - `rota`: which of several queues a thread goes to;
//! - `room`: the queue and the table together, and `leaving`, who goes. All of it is run by the model checker, too.

mod fifo;
mod ghosts;
mod kept;
mod leaving;
mod marks;
mod queue;
mod room;
mod rota;
mod times;

#[cfg(not(loom))]
pub(in crate::cache) use self::kept::Asked;
pub use self::kept::{Hashed, Stored};
pub(in crate::cache) use self::marks::Form;
pub(in crate::cache) use self::room::{Admitted, Comes, Room};
pub(in crate::cache) use self::times::Life;
