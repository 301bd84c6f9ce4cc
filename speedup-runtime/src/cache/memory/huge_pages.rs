//! Large pages of memory.

/// How large they are on most systems.
pub(in crate::cache) const SIZE: usize = 2 << 20;

/// Lets the system give memory between these addresses in large pages, as far as these fit in. The first touch of a page
/// costs as much as many calls, however large the page is.
pub(in crate::cache) fn ask_for(low: usize, high: usize) {
    #[cfg(all(target_os = "linux", not(any(loom, miri))))]
    {
        let (low, high) = (low.next_multiple_of(SIZE), high - high % SIZE);
        if low < high {
            // SAFETY: advice about memory of this process, which changes nothing that is in it. An error means that the
            // system knows no large pages.
            unsafe { libc::madvise(low as *mut libc::c_void, high - low, libc::MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(all(target_os = "linux", not(any(loom, miri)))))]
    let _ = (low, high);
}
