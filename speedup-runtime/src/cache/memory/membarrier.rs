//! A barrier that one thread makes for all threads of the process.
//!
//! Where two threads each store and then look at what the other has stored, both need a full barrier in between. If one of the
//! two does so often and the other rarely, the rare one can make both: `membarrier(2)` returns when every running thread of
//! the process has passed a full barrier, and a thread that is not running has passed one when it was put aside. What the
//! frequent one then needs is that the compiler leaves its order alone ([`light`]).
//!
//! ```text
//!   frequent:  store A; (compiler) load B
//!   rare:      store B; barrier for all; load A
//! ```
//!
//! The barrier falls somewhere into the frequent thread's program. If behind its store of A, then A is visible after the barrier, and
//! the rare one sees it. If before, the load of B comes behind the barrier and sees B.
//!
//! # When the process is registered
//!
//! The system wants the process registered before the call that makes the barrier. That costs a microsecond while the process
//! has one thread, and 5 to 20 ms afterwards, since it waits until every processor has been through the scheduler: far too long for
//! whoever wants a value. So it is registered when it is loaded, where it has one thread then (`registration.rs`). Where that could not
//! be, threads begin by making barriers of their own, and leave them to the rare one when the process has been
//! registered: at once where it has one thread ([`register_if_alone`]), or by a thread that has nothing else to do ([`register`]). How a
//! thread goes over from one to the other is told in [`epoch`](super::epoch). Who comes when that is done makes no barriers from the start.
//! If the barrier fails all the same, [`heavy`] says so, and its callers do what is right without it: see there and
//! `table/bias.rs`.
//! Source: M. Desnoyers, P. McKenney et al., "User-level implementations of read-copy update" (2012).

#[cfg(not(loom))]
pub(in crate::cache) use self::real::{heavy, is_known, light, register, register_if_alone};

#[cfg(loom)]
pub(in crate::cache) use self::model::{heavy, light, set_works};

#[cfg(not(loom))]
mod real {
    use std::sync::atomic::{Ordering, compiler_fence, fence};

    /// The frequent one's part.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn light() {
        compiler_fence(Ordering::SeqCst);
    }

    /// The rare one's part. Whether all threads of the process have passed a barrier.
    #[cold]
    pub(in crate::cache) fn heavy() -> bool {
        fence(Ordering::SeqCst);
        #[cfg(all(target_os = "linux", not(miri)))]
        {
            let barrier = || command(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;
            // A process that was forked may have to be registered again.
            barrier() || register() && barrier()
        }
        #[cfg(not(all(target_os = "linux", not(miri))))]
        false
    }

    /// Whether the system knows of such barriers.
    pub(in crate::cache) fn is_known() -> bool {
        #[cfg(all(target_os = "linux", not(miri)))]
        {
            use libc::{
                MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_QUERY, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
            };
            let known = command(MEMBARRIER_CMD_QUERY);
            let needed = MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
            known >= 0 && known & libc::c_long::from(needed) == libc::c_long::from(needed)
        }
        #[cfg(not(all(target_os = "linux", not(miri))))]
        false
    }

    /// Registers the process, which takes some milliseconds if it has more than one thread; whether that worked.
    #[cold]
    pub(in crate::cache) fn register() -> bool {
        #[cfg(all(target_os = "linux", not(miri)))]
        let registered = command(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
        #[cfg(not(all(target_os = "linux", not(miri))))]
        let registered = false;
        registered
    }

    /// Registers the process if it is known to have one thread; whether it was and that worked. Takes some microseconds, and so is not
    /// for a first call.
    #[cold]
    pub(in crate::cache) fn register_if_alone() -> bool {
        has_one_thread() && register()
    }

    /// Whether the process is known to have no second thread. To count them would take longer.
    fn has_one_thread() -> bool {
        #[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
        {
            // SAFETY: the name ends with a zero. Where there is such a symbol, it is a byte that the C library keeps true until a
            // second thread is made, which takes this one.
            unsafe {
                let flag = libc::dlsym(libc::RTLD_DEFAULT, c"__libc_single_threaded".as_ptr()).cast::<u8>();
                !flag.is_null() && flag.read_volatile() != 0
            }
        }
        #[cfg(not(all(target_os = "linux", target_env = "gnu", not(miri))))]
        false
    }

    /// What the system says to a command: negative if it does not carry it out.
    #[cfg(all(target_os = "linux", not(miri)))]
    fn command(command: libc::c_int) -> libc::c_long {
        // SAFETY: the call takes three integers and touches no memory of the caller.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) }
    }
}

/// A barrier on both sides, since the model checker knows none that is made for others.
#[cfg(loom)]
mod model {
    use std::cell::Cell;

    use crate::sync::{Ordering, atomic::fence};

    std::thread_local! {
        /// Whether it works. All threads of a model run on one of the system.
        static WORKS: Cell<bool> = const { Cell::new(true) };
    }

    pub(in crate::cache) fn light() {
        if WORKS.get() {
            fence(Ordering::SeqCst);
        }
    }

    pub(in crate::cache) fn heavy() -> bool {
        fence(Ordering::SeqCst);
        WORKS.get()
    }

    /// Says whether it works.
    pub(in crate::cache) fn set_works(works: bool) {
        WORKS.set(works);
    }
}
