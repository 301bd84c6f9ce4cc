//! Having lines of memory on their way before they are needed.
//!
//! An atomic instruction waits until all that was stored before has reached the processor's cache, and what comes behind waits for it. So the lines
//! that other threads have written come one after the other, each in some 40 ns, unless they are asked for together, beforehand.

/// Has the line of this address come in order to be read. It may be any address.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(in crate::cache) fn to_read<T>(at: *const T) {
    // Elsewhere nothing is done.
    _ = at;
    #[cfg(all(target_arch = "x86_64", not(miri), not(loom)))]
    // SAFETY: a hint, which changes nothing and fails at no address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
    #[cfg(all(target_arch = "aarch64", target_pointer_width = "64", not(miri), not(loom)))]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{}]", in(reg) at, options(nostack, preserves_flags, readonly));
    }
}

/// Has the line of this address come in order to be written. It may be any address.
///
/// To other threads this is as good as a write: not for what is mostly read.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(in crate::cache) fn to_write<T>(at: *const T) {
    // Elsewhere nothing is done.
    _ = at;
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(miri), not(loom)))]
    // SAFETY: a hint, which changes nothing and fails at no address.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) at, options(nostack, preserves_flags, readonly));
    }
    #[cfg(all(target_arch = "aarch64", target_pointer_width = "64", not(miri), not(loom)))]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!("prfm pstl1keep, [{}]", in(reg) at, options(nostack, preserves_flags, readonly));
    }
}
