//! Handles are used on by whom has caught a panic, without a word about it.

#![cfg(all(feature = "macros", feature = "disk"))]

use std::panic::{RefUnwindSafe, UnwindSafe, catch_unwind};

use speedup::{
    AsyncCache, AsyncMemo, AsyncTask, Buffer, Buffers, Cache, DiskDict, DiskList, Memo, PolicyCache, Task, Warming,
    Window, cache,
    disk::{Folder, Shared},
    store::{DiskStore, MemoryStore},
};

#[test]
fn handles_go_through_the_boundary() {
    fn goes<T: UnwindSafe + RefUnwindSafe>() {}
    goes::<Cache<(u64,), String>>();
    goes::<PolicyCache<(u64,), String>>();
    goes::<Memo<(u64,), String>>();
    goes::<Task<String>>();
    goes::<Warming>();
    goes::<AsyncCache<(u64,), String>>();
    goes::<AsyncMemo<(u64,), String>>();
    goes::<AsyncTask<'_, String>>();
    goes::<Buffer<String>>();
    goes::<Buffers<(u64,), String>>();
    goes::<Window<String>>();
    goes::<DiskDict<u64, String>>();
    goes::<DiskList<String>>();
    goes::<Shared<DiskDict<u64, String>>>();
    goes::<Folder>();
    goes::<DiskStore<(u64,), String>>();
    goes::<MemoryStore<(u64,), String>>();
}

#[test]
fn a_cache_a_buffer_and_a_memo_go_on() {
    let halves = Cache::from_fn(|n: u64| if n.is_multiple_of(2) { n / 2 } else { panic!("{n} is odd") });
    assert!(catch_unwind(|| halves.get((3,))).is_err());
    assert_eq!((halves.get((4,)), halves.len()), (2, 1));

    let letters = Buffer::from_iter("ab".chars().chain(std::iter::once_with(|| panic!("no more"))));
    assert!(catch_unwind(|| letters[2]).is_err());
    assert_eq!((letters[0], letters[1]), ('a', 'b'));

    let steps = Steps { most: 40, memo: Memo::new() };
    assert!(catch_unwind(|| steps.ways(41)).is_err());
    assert_eq!(steps.ways(40), 165_580_141);
}

struct Steps {
    most: u64,
    memo: Memo<(u64,), u64>,
}

impl Steps {
    #[cache(field = memo)]
    fn ways(&self, n: u64) -> u64 {
        assert!(n <= self.most, "{n} steps");
        if n < 2 { 1 } else { self.ways(n - 1) + self.ways(n - 2) }
    }
}

#[test]
fn a_dict_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let dict = DiskDict::<u64, String>::builder("words").location(folder.path()).open().unwrap().shared();
    dict.insert(1, "one".to_owned()).unwrap();
    assert!(catch_unwind(|| dict.update(&1, |_| panic!("as asked"))).is_err());
    assert_eq!(dict.get(&1).unwrap().as_deref(), Some("one"));
}
