//! What the interpreter Miri runs, which finds undefined behaviour: tables, removal, threads, a group. `cargo xtask miri`.
//!
//! Small, since it takes a thousand times as long there. Here the tests run as well, so that they stay true.

use std::{
    hash::{Hash, Hasher},
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use speedup_runtime::{
    Cache,
    cache::{Borrowing, Function, Scoped, State, Within, place_of},
};

#[test]
fn small_keys_come_and_go() {
    let cache = Cache::from_fn(|n: u64| Box::new(n));
    for n in 0..40 {
        assert_eq!(*cache.get((n * 30,)), n * 30);
    }
    assert_eq!((cache.len(), cache.peek(&(30,))), (40, Some(Box::new(30))));
    assert_eq!(cache.insert((30,), Box::new(31)), Some(Box::new(30)));
    assert_eq!(cache.remove(&(30,)), Some(Box::new(31)));
    assert_eq!(*cache.get((30,)), 30);
    cache.clear();
    assert!(cache.is_empty());
}

#[test]
fn hashed_keys_come_and_go() {
    let cache = Cache::from_fn(|text: String| text.len());
    for n in 0..60 {
        // So many in 64 shards that some grow.
        assert_eq!(cache.get_ref(("x".repeat(n).as_str(),)), n);
    }
    assert_eq!(cache.insert(("xx".to_string(),), 7), Some(2));
    assert_eq!(cache.remove(&("xx".to_string(),)), Some(7));
    assert_eq!(cache.get(("xx".to_string(),)), 2);
}

#[test]
fn keys_too_large_for_pages_stray() {
    let cache = Cache::from_fn(|n: u64| n.to_string());
    for n in [1, 1 << 40, u64::MAX] {
        assert_eq!(cache.get((n,)), n.to_string());
        assert_eq!(cache.remove(&(n,)), Some(n.to_string()));
        assert_eq!(cache.get((n,)), n.to_string());
    }
}

/// Has another hash each time it is asked.
#[derive(Clone)]
struct Restless(u64, Arc<u64>);

impl PartialEq for Restless {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Restless {}

impl Hash for Restless {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        static ASKED: AtomicU64 = AtomicU64::new(0);
        (self.0, ASKED.fetch_add(1, Ordering::Relaxed) % 5).hash(hasher);
    }
}

#[test]
fn keys_whose_hash_changes_cost_calls_and_nothing_else() {
    let counted = Arc::new(7);
    let key = |n: u64| Restless(n, counted.clone());
    // A key has five hashes, of which one and the same comes again soon enough for a key to be found, missed and filed twice.
    let (keys, room, steps) = if cfg!(miri) { (10, 4, 60) } else { (40, 20, 4_000) };
    {
        let bounded = Cache::from_fn(|key: Restless| key.1).capacity(room);
        let plain = Cache::from_fn(|key: Restless| key.1);
        for n in (0..keys).cycle().take(steps) {
            assert_eq!((*bounded.get((key(n),)), *plain.get((key(n),))), (7, 7));
            bounded.remove(&(key(n / 2),));
            plain.remove(&(key(n / 3),));
        }
    }
    // What was removed is freed when others are removed, and the tables behind that.
    for _ in 0..3 {
        Cache::from_fn(|n: u64| n).get((1,));
    }
    assert_eq!(Arc::strong_count(&counted), 1, "each key and value was dropped once");
}

#[test]
fn keys_of_results_that_are_not_kept_are_dropped_once_by_two_threads() {
    type Counted = Arc<()>;
    static STATE: State<(u64, Counted), Option<u64>> = State::new();
    let half = |(n, _): &(u64, Counted)| (n % 2 == 0).then_some(n / 2);
    let cache = Cache::of(&STATE, Function::new("half", half).keep(Option::is_some));
    let counted = Counted::default();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for n in (0..6).cycle().take(if cfg!(miri) { 24 } else { 2_400 }) {
                    assert_eq!(cache.get((n, counted.clone())), (n % 2 == 0).then_some(n / 2));
                    cache.remove(&(n / 2, counted.clone()));
                }
            });
        }
    });
    cache.clear();
    // The last ones are freed when others are let go, and nobody can be reading them.
    for _ in 0..1_000 {
        if Arc::strong_count(&counted) == 1 {
            break;
        }
        drop(Cache::from_fn(|n: u64| n));
        thread::yield_now();
    }
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn keys_without_a_value_leave_when_those_who_helped_have_gone() {
    type Counted = Arc<()>;
    static STATE: State<(u64, Counted), Option<u64>> = State::new();
    let counted = Counted::default();
    let keys = |count| (0..count).map(|n| (n, counted.clone())).collect::<Vec<_>>();
    let none = Cache::of(&STATE, Function::new("none", |_: &(u64, Counted)| None).keep(Option::is_some));
    for _ in 0..if cfg!(miri) { 2 } else { 200 } {
        assert_eq!(none.get_all(keys(6)), [None; 6]);
        // A cache that is gone before the last of its keys is.
        let fails = Cache::from_fn(|n: u64, key: Counted| -> u64 { panic!("{n} of {}", Arc::strong_count(&key)) });
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| fails.get_all(keys(6)))).is_err());
    }
    none.clear();
    for _ in 0..10_000 {
        if Arc::strong_count(&counted) == 1 {
            break;
        }
        // The last one to panic is known until the next call that is shared.
        Cache::from_fn(|n: u64| n).get_all((0..2).map(|n| (n,)));
        thread::yield_now();
    }
    assert_eq!(Arc::strong_count(&counted), 1, "each key was dropped once");
}

#[test]
fn three_threads_compute_replace_and_remove() {
    let cache = Arc::new(Cache::from_fn(|n: u64| vec![n; 3]));
    let text = Arc::new(Cache::from_fn(|text: String| text + "!"));
    let threads: Vec<_> = (0..3)
        .map(|at| {
            let (cache, text) = (cache.clone(), text.clone());
            thread::spawn(move || {
                for n in 0..6 {
                    assert_eq!(cache.get((n,))[2], n);
                    assert_eq!(text.get((n.to_string(),)), format!("{n}!"));
                    if n % 3 == at {
                        cache.remove(&(n,));
                        text.insert((n.to_string(),), format!("{n}!"));
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    text.clear();
}

#[test]
fn a_group_and_a_cache_that_is_dropped() {
    type Own = OnceLock<Weak<Cache<(u64,), u64>>>;
    let own = Arc::new(Own::new());
    let inner = own.clone();
    let cache = Arc::new(Cache::from_fn(move |n: u64| {
        let cache = inner.get().and_then(Weak::upgrade).expect("alive while it is called");
        if n < 2 { n } else { cache.group([(n - 1,), (n - 2,)]).iter().sum() }
    }));
    own.set(Arc::downgrade(&cache)).expect("set once");
    assert_eq!(cache.get((12,)), 144);
}

#[test]
fn a_bounded_cache_puts_out_and_renews() {
    let cache = Cache::from_fn(|text: String| text + "!").capacity(4);
    for n in 0..12 {
        assert_eq!(cache.get((n.to_string(),)), format!("{n}!"));
    }
    assert!(cache.len() <= 4);
    assert_eq!(cache.refresh(("11".to_string(),)), "11!");
    cache.retain(|(text,), _| text.len() == 1);
    assert!(cache.entries().iter().all(|((text,), value)| text.len() == 1 && value.len() == 2));
    cache.clear();
    assert!(cache.is_empty());
}

#[test]
fn two_threads_fill_a_bounded_cache_that_is_cleared_and_tells_of_what_goes() {
    let told = Arc::new(AtomicU64::new(0));
    let tells = told.clone();
    let cache = Cache::from_fn(|n: u64| vec![n; 2])
        .capacity(6)
        .weight(|value| value.len() as u64)
        .on_evict(move |_, value| _ = tells.fetch_add(value.len() as u64, Ordering::Relaxed));
    thread::scope(|scope| {
        for from in [0, 3] {
            let cache = &cache;
            scope.spawn(move || {
                // Each key twice, so that the short cut of numbers is taken, too.
                for n in (from..from + 6).flat_map(|n| [n, n]) {
                    assert_eq!(cache.get((n,)), [n; 2]);
                }
                if from == 0 {
                    cache.clear();
                }
                cache.insert((from,), vec![from; 2]);
                cache.remove(&(from + 1,));
                assert_eq!(cache.get((from + 2,)), [from + 2; 2]);
            });
        }
    });
    assert!(told.load(Ordering::Relaxed) > 0);
    assert!((0..4).all(|n| cache.get((n,)) == [n; 2]));
    assert!(cache.stats().weight <= 6);
}

#[test]
fn values_end_and_are_renewed_ahead() {
    use std::time::Duration;

    use speedup_runtime::clock::Mock;

    let clock = Mock::new();
    let cache =
        Cache::from_fn(|text: String| text + "!").ttl(Duration::from_secs(10)).refresh_ahead(Duration::from_secs(2));
    for renewals in 1..=2 {
        assert_eq!(cache.get(("a".to_string(),)), "a!");
        clock.advance(Duration::from_secs(9));
        assert_eq!(cache.get(("a".to_string(),)), "a!");
        // It is on its way. A value is there before it has been said since when, and the clock moves on only after that.
        while cache.stats().renewals < renewals {
            thread::yield_now();
        }
        assert!(cache.age(&("a".to_string(),)).is_some_and(|age| age < Duration::from_secs(1)));
        clock.advance(Duration::from_secs(11));
    }
    assert_eq!(cache.peek(&("a".to_string(),)), None);
}

#[test]
fn an_error_is_moved_on_its_thread_alone() {
    use speedup_runtime::cache::{Fallible, Moved};

    let moved: Moved<std::rc::Rc<u8>> = Err::<u8, _>(std::rc::Rc::new(3)).share().unwrap_err();
    let other = moved.clone();
    assert!(thread::spawn(move || other.take().is_none()).join().unwrap());
    assert_eq!(moved.take().as_deref(), Some(&3));
    assert!(moved.take().is_none());
}

/// The longest word from a place on that follows the one before in the alphabet, as `#[cache(scoped)]` writes it.
fn longest<'a>(within: Option<Inside<'_, 'a>>, words: &'a [&'a str], at: usize, prev: &'a str) -> Word<'a> {
    static SCOPES: Scoped = Scoped::new();
    let describe = || Borrowing::new("longest");
    let body = |(at, prev): &(usize, &'a str), inside: Inside<'_, 'a>| -> Word<'a> {
        let Some(word) = words.get(*at) else { return Word(prev) };
        inside.ahead(|call| {
            call((at + 1, prev));
            call((at + 1, word));
        });
        let without = longest(Some(inside), words, at + 1, prev);
        let with = longest(Some(inside), words, at + 1, word);
        if *word < *prev || with.0.len() <= without.0.len() { without } else { with }
    };
    SCOPES.get_within(within, [place_of(words)], (at, prev), describe, body)
}

type Inside<'s, 'a> = Within<'s, (usize, &'a str), Word<'a>>;

/// Reads what it borrows when it is dropped.
#[derive(Clone)]
struct Word<'a>(&'a str);

impl Drop for Word<'_> {
    fn drop(&mut self) {
        assert!(self.0.is_ascii());
    }
}

#[test]
fn what_a_scope_borrows_is_let_go_before_the_call_returns() {
    for by in 0..3 {
        let text = format!("a bb{by} aaa c ddd{by}{by} e");
        let words: Vec<&str> = text.split(' ').collect();
        let found = longest(None, &words, 0, "").0.to_owned();
        assert_eq!(found, format!("ddd{by}{by}"));
    }
}

type Rising<'s, T> = Within<'s, (usize, Option<T>), Vec<T>>;

/// The same for whatever is compared, as `#[cache(scoped)]` writes it of a type parameter.
fn rising<T: Ord + std::hash::Hash + Clone + Send + Sync>(
    within: Option<Rising<'_, T>>,
    items: &[T],
    at: usize,
    last: Option<T>,
) -> Vec<T> {
    static SCOPES: Scoped = Scoped::new();
    let body = |(at, last): &(usize, Option<T>), inside: Rising<'_, T>| -> Vec<T> {
        let Some(item) = items.get(*at) else { return last.iter().cloned().collect() };
        inside.ahead(|call| {
            call((at + 1, last.clone()));
            call((at + 1, Some(item.clone())));
        });
        let without = rising(Some(inside), items, at + 1, last.clone());
        if last.as_ref().is_some_and(|last| last > item) {
            return without;
        }
        let mut with: Vec<T> = last.iter().cloned().collect();
        // About what lives shorter, though its types are named alike: a scope of its own.
        let copies: Vec<String> = vec![format!("{at}"), format!("{at}0")];
        let lent: Vec<&str> = copies.iter().map(String::as_str).collect();
        if size_of::<T>() == size_of::<&str>() && items.len() > 2 {
            assert_eq!(rising(None, &lent, 0, None), lent);
        }
        with.extend(rising(Some(inside), items, at + 1, Some(item.clone())));
        if with.len() > without.len() { with } else { without }
    };
    SCOPES.get_within(within, [place_of(items)], (at, last), || Borrowing::new("rising"), body)
}

#[test]
fn what_a_type_parameter_borrows_is_let_go_before_the_call_returns() {
    for by in 0..3 {
        let text = format!("c a b{by} e d{by}{by}");
        let words: Vec<&str> = text.split(' ').collect();
        assert_eq!(rising(None, &words, 0, None), [words[1], words[2], words[4]]);
    }
    assert_eq!(rising(None, &[3, 1, 2], 0, None), [1, 2]);
}

#[test]
fn two_threads_have_scopes_at_once() {
    thread::scope(|scope| {
        for by in 0..2 {
            scope.spawn(move || {
                let text = format!("b{by} c{by}{by}");
                let words: Vec<&str> = text.split(' ').collect();
                assert_eq!(longest(None, &words, 0, "").0, words[1]);
            });
        }
    });
}

#[test]
fn a_panic_leaves_nothing_of_a_scope() {
    static SCOPES: Scoped = Scoped::new();
    fn fails<'a>(within: Option<Inside<'_, 'a>>, text: &'a str, at: usize) -> Word<'a> {
        let describe = || Borrowing::new("fails");
        let body = |(at, part): &(usize, &'a str), inside: Inside<'_, 'a>| -> Word<'a> {
            assert!(*at > 0, "as asked");
            let _kept = Word(part);
            fails(Some(inside), part, at - 1)
        };
        SCOPES.get_within(within, [], (at, text), describe, body)
    }
    let text = String::from("of this call alone");
    assert!(std::panic::catch_unwind(|| fails(None, &text, 4).0.len()).is_err());
    drop(text);
}
