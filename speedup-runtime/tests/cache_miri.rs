//! What the interpreter Miri runs, which finds undefined behaviour: tables, removal, threads, a group. `cargo xtask miri`.
//!
//! Small, since it takes a thousand times as long there. Here the tests run as well, so that they stay true.

use std::{
    sync::{Arc, OnceLock, Weak},
    thread,
};

use speedup_runtime::Cache;

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
fn an_error_is_moved_on_its_thread_alone() {
    use speedup_runtime::cache::{Fallible, Moved};

    let moved: Moved<std::rc::Rc<u8>> = Err::<u8, _>(std::rc::Rc::new(3)).share().unwrap_err();
    let other = moved.clone();
    assert!(thread::spawn(move || other.take().is_none()).join().unwrap());
    assert_eq!(moved.take().as_deref(), Some(&3));
    assert!(moved.take().is_none());
}
