//! How many threads rayon's own pool is going to have.

/// How many threads rayon's own pool has, or will have when it is started, which may be more than it gets where the processors of a container are
/// limited by time. A system call, but none that reads files.
pub(in crate::cache) fn of_pool() -> usize {
    let told = std::env::var("RAYON_NUM_THREADS").ok().and_then(|number| number.parse().ok());
    told.filter(|number| *number > 0).unwrap_or_else(processors)
}

#[cfg(all(target_os = "linux", not(miri)))]
fn processors() -> usize {
    // SAFETY: plain bits, which may all be zero.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is as large as is said, and lives as long as the call.
    let told = unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) };
    // SAFETY: it only counts bits.
    let count = unsafe { libc::CPU_COUNT(&set) };
    if told == 0 && count > 0 { count as usize } else { usize::MAX }
}

#[cfg(any(miri, not(target_os = "linux")))]
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    #[test]
    fn as_many_threads_are_foretold_as_there_are_processors() {
        assert!(super::processors() >= std::thread::available_parallelism().map_or(1, usize::from));
    }
}
