//! What is done in another way for the first time in a process: code that has never run has to be fetched, a page and a line at a time,
//! and a first call waits for that.
//!
//! What a first call runs lies together, in a section `speedup_first` of the program: the system fetches some 16 pages at a time, and functions that lie where the compiler
//! happens to put them are in eight such pieces of a larger program. A piece takes from one to four microseconds, a new page of stack or heap one. So what no first call
//! runs is not in the section: what is rare in a function that is stands in another one, out of line. What first calls with hashed keys run beside that lies in a section of
//! its own, `speedup_first_hashed`. And what is small is inlined, also where nothing is optimised across crates.

/// Puts an item at the end of the list. The first one comes without the code that lets lists grow.
#[inline(always)]
pub(crate) fn push<T>(list: &mut Vec<T>, item: T) {
    const FEW: usize = 4;
    if list.capacity() == 0 {
        // There is nothing in it to be dropped, and the code for that lies elsewhere.
        std::mem::forget(std::mem::replace(list, Vec::with_capacity(FEW)));
    }
    list.push(item);
}
