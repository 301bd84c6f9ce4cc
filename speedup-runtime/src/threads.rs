//! Threads of the library's own, which nobody joins.

use std::thread;

/// A pool of up to so many threads is started by who needs it: on few processors a thread that starts them would only be in their way.
#[cfg(not(loom))]
pub(crate) const FEW: usize = 8;

/// Starts one, and says whether it was to be had. Nothing of it is generic: starting a thread is much code for each type.
pub(crate) fn start(name: &str, run: Box<dyn FnOnce() + Send>) -> bool {
    thread::Builder::new().name(name.to_owned()).spawn(run).is_ok()
}
