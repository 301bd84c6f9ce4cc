//! What is done in another way for the first time in a process: code that has never run has to be fetched, a page and a line at a time,
//! and a first call waits for that.

/// Puts an item at the end of the list. The first one comes without the code that lets lists grow.
#[inline]
pub(crate) fn push<T>(list: &mut Vec<T>, item: T) {
    const FEW: usize = 4;
    if list.capacity() == 0 {
        *list = Vec::with_capacity(FEW);
    }
    list.push(item);
}
