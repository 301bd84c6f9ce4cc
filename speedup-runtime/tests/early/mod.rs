//! Processes that have a second thread before the library is loaded, as a program has that loads it when it runs: the library cannot
//! register them for barriers then without waiting. Where the C library is not GNU's, it registers none so early.

/// A process starts the thread if its environment has this.
pub(crate) const EARLY: &str = "SPEEDUP_EARLY_THREAD";

#[cfg(target_env = "gnu")]
// SAFETY: the system calls what stands in such a section once, in the order of the numbers: behind the language's own, which is 99, and before
// all that have none. It may pass arguments, which need not be taken.
#[unsafe(link_section = ".init_array.00101")]
#[used]
static BEFORE_ALL: extern "C" fn() = start;

#[cfg(target_env = "gnu")]
extern "C" fn start() {
    use std::ptr::{null, null_mut};

    extern "C" fn stay(_: *mut libc::c_void) -> *mut libc::c_void {
        loop {
            // SAFETY: waits for a signal, and touches nothing.
            unsafe { libc::pause() };
        }
    }
    // SAFETY: the name ends with a zero, and nobody changes the environment before `main`.
    if unsafe { libc::getenv(c"SPEEDUP_EARLY_THREAD".as_ptr()) }.is_null() {
        return;
    }
    let mut thread = 0;
    // SAFETY: the thread touches nothing, and nobody joins it.
    let failed = unsafe { libc::pthread_create(&raw mut thread, null(), stay, null_mut()) };
    assert_eq!(failed, 0);
}

/// Whether the process is registered for barriers that one thread makes for all.
pub(crate) fn is_registered() -> bool {
    // SAFETY: the call takes integers. It is refused to a process that is not registered.
    unsafe { libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0 }
}
