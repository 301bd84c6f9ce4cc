//! Pages that are made before their keys are looked for: those of a small table of which it is known how far its keys go.

use super::{Growth, Pages};
use crate::{
    cache::table::{
        bias::Alone,
        directory::Directory,
        key::Key,
        page::{PageLink, PageOf},
    },
    sync::{AtomicPtr, Ordering},
};

/// So many bytes of pages are made ahead at most. That takes about as long as if a tenth of them were made one by one, when they are needed.
const MOST: usize = if cfg!(loom) { 0 } else { 32 << 10 };

impl<K: Key, R> Pages<K, R> {
    /// Makes all pages up to that of this key, whose coordinates are the largest, if they are few and there is none yet.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache::table) fn make_ahead(&self, last: u64, _alone: &Alone<'_>) {
        let last = Self::place(last);
        let path = &last.path[..K::COORDINATES];
        let (one, lens) = (PageOf::<K, R>::LAYOUT, || path.iter().map(|step| step + 1));
        let Some(count) = lens().try_fold(1, usize::checked_mul) else { return };
        let are_few = count <= Self::FREE && count.saturating_mul(one.size()) <= MOST;
        if path.is_empty() || !are_few || !lens().all(Directory::is_small) {
            return;
        }
        self.growth.with_mut(|growth| {
            // SAFETY: who is alone is the only one to change the table.
            let growth = unsafe { &mut *growth };
            if growth.pages > 0 || growth.directory_bytes > 0 {
                return;
            }
            growth.memory.expect(count * one.size());
            // SAFETY: a pointer to a directory pointer has the same layout as one to a byte pointer, and both are atomics.
            let root: &AtomicPtr<u8> = unsafe { &*(&raw const self.root).cast() };
            Self::link_all(growth, root, path);
            growth.pages = count;
            self.allowance.note_pages(count, one.size());
            self.note_bytes(growth);
        });
        #[cfg(not(loom))]
        crate::seeing::limit::grown();
    }

    /// Puts a directory behind a link, in which there are all steps up to the first of these, and the same behind each of its own links; behind
    /// those of the last level pages.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    fn link_all(growth: &mut Growth, link: &AtomicPtr<u8>, last: &[usize]) {
        let [step, below @ ..] = last else { return };
        let Some(directory) = Self::grow(growth, link, *step) else { return };
        // SAFETY: a directory of this table, which is long enough.
        let entries = (0..=*step).filter_map(|step| unsafe { Directory::entry(directory, step) });
        if !below.is_empty() {
            return entries.for_each(|entry| Self::link_all(growth, entry, below));
        }
        for entry in entries {
            let page = growth.memory.take(PageOf::<K, R>::LAYOUT);
            // SAFETY: fresh memory of this layout, as in `make_page`.
            unsafe { page.write_bytes(0, PageOf::<K, R>::VALUES_AT) };
            entry.store(PageLink::new(page, false).link(), Ordering::Release);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::cache::{table::bias::Bias, thread::registry::Pinned};

    fn made_ahead(last: (u64, u64)) -> Pages<(u64, u64), u64> {
        let (pages, bias) = (Pages::new(), Bias::new(Some(3)));
        pages.make_ahead(last.pack().unwrap(), &bias.alone(3, || ()).unwrap());
        pages
    }

    fn has(pages: &Pages<(u64, u64), u64>, key: (u64, u64)) -> bool {
        // SAFETY: the pages are there as long as this looks at them.
        pages.find(key.pack().unwrap(), unsafe { Pinned::needless() }).is_some()
    }

    #[test]
    fn pages_of_a_small_table_are_there_before_their_keys() {
        let pages = made_ahead((85, 15));
        let is_empty = |key: (u64, u64)| {
            // SAFETY: as above.
            let slot = pages.find(key.pack().unwrap(), unsafe { Pinned::needless() }).unwrap();
            slot.state().word() == crate::cache::table::Word::Empty
        };
        assert!((0..=85).all(|a| (0..=15).all(|b| is_empty((a, b)))));
        assert!(!has(&pages, (88, 0)) && !has(&pages, (0, 16)));
    }

    #[test]
    fn those_of_a_large_one_are_not() {
        assert!(!has(&made_ahead((1_000, 1_000)), (0, 0)) && !has(&made_ahead((10_000, 0)), (0, 0)));
    }

    #[test]
    fn nor_are_those_of_a_table_that_has_some() {
        let (pages, bias) = (made_ahead((3, 3)), Bias::new(Some(3)));
        pages.make_ahead((85, 15).pack().unwrap(), &bias.alone(3, || ()).unwrap());
        assert!(has(&pages, (3, 3)) && !has(&pages, (85, 15)));
    }
}
