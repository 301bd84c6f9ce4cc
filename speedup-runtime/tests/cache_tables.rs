//! Tables for the arguments that calls pass on: one for each set of them, found once by the outermost call.

use std::sync::atomic::{AtomicUsize, Ordering};

use speedup_runtime::{
    Cache,
    cache::{Division, Function, State, Tables, TablesState},
};

type Texts = (String, String);

static COMPUTED: AtomicUsize = AtomicUsize::new(0);

fn body_of(a: &str, b: &str, i: usize, j: usize) -> usize {
    COMPUTED.fetch_add(1, Ordering::Relaxed);
    if i == 0 || j == 0 {
        return i + j;
    }
    let same = usize::from(a.as_bytes()[i - 1] != b.as_bytes()[j - 1]);
    let [up, left, both] = [distance(a, b, i - 1, j), distance(a, b, i, j - 1), distance(a, b, i - 1, j - 1)];
    (up + 1).min(left + 1).min(both + same)
}

fn steady(texts: &Texts, (i, j): &(usize, usize)) -> usize {
    body_of(&texts.0, &texts.1, *i, *j)
}

const TABLES: &Tables<Texts, (usize, usize), usize> = {
    static STATE: TablesState<Texts, (usize, usize), usize> = TablesState::new();
    &Tables::of(&STATE, "distance", steady).limit(3)
};

const DISTANCE: &Cache<(String, String, usize, usize), usize> = {
    static STATE: State<(String, String, usize, usize), usize> = State::new();
    &Cache::of(
        &STATE,
        Function::new("distance", |(a, b, i, j): &(String, String, usize, usize)| distance(a, b, *i, *j)),
    )
    .divided(&Division::new(TABLES, |(a, b, i, j)| ((a, b), (i, j)), |(a, b), (i, j)| (a, b, i, j)))
};

fn distance(a: &str, b: &str, i: usize, j: usize) -> usize {
    let is = |own: &Texts| std::ptr::eq(a, own.0.as_str()) && std::ptr::eq(b, own.1.as_str());
    TABLES.get((a, b), is, (i, j))
}

fn of(a: &str, b: &str) -> usize {
    distance(a, b, a.len(), b.len())
}

/// One test: all of it looks at the same counts.
#[test]
fn a_recursion_goes_on_in_the_table_of_what_it_passes_on() {
    assert_eq!(of("kitten", "sitting"), 3);
    let cells = COMPUTED.load(Ordering::Relaxed);
    assert_eq!(cells, 7 * 8);
    // The same texts at another place.
    assert_eq!(of(&String::from("kitten"), &String::from("sitting")), 3);
    assert_eq!(distance("kitten", "sitting", 3, 3), 1);
    assert_eq!(COMPUTED.load(Ordering::Relaxed), cells);

    // The handle sees through both levels.
    let key = |a: &str, b: &str, i, j| (a.to_owned(), b.to_owned(), i, j);
    assert_eq!(DISTANCE.len(), cells);
    assert_eq!(DISTANCE.peek(&key("kitten", "sitting", 6, 7)), Some(3));
    assert_eq!(DISTANCE.peek(&key("kitten", "sittin", 6, 6)), None);
    assert_eq!(DISTANCE.get(key("kitten", "sitting", 6, 7)), 3);
    // Without helpers, one of which might come late, and ask for the first once more when that has been removed.
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    let both = [key("kitten", "sitting", 6, 7), key("kitten", "mitten", 6, 6)];
    assert_eq!(alone.install(|| DISTANCE.get_all(both)), [3, 1]);
    assert_eq!(DISTANCE.spawn(key("kitten", "mitten", 6, 6)).join(), 1);
    assert_eq!(DISTANCE.remove(&key("kitten", "sitting", 6, 7)), Some(3));
    assert!(!DISTANCE.contains(&key("kitten", "sitting", 6, 7)));
    assert_eq!(DISTANCE.insert(key("kitten", "sitting", 6, 7), 42), None);
    assert_eq!(of("kitten", "sitting"), 42);
    assert_eq!(DISTANCE.refresh(key("kitten", "sitting", 6, 7)), 3);
    assert_eq!(DISTANCE.len(), cells + 7 * 7);
    let stats = DISTANCE.stats();
    assert_eq!(stats.misses as usize, COMPUTED.load(Ordering::Relaxed));

    // At most three tables are kept; the one used longest ago goes.
    assert_eq!(of("a", "b"), 1);
    assert_eq!(DISTANCE.len(), cells + 7 * 7 + 4);
    assert_eq!(of("abc", "b"), 2);
    assert_eq!(DISTANCE.len(), 7 * 7 + 4 + 8);
    assert_eq!(of("kitten", "mitten"), 1);

    DISTANCE.clear();
    assert!(DISTANCE.is_empty());
    assert_eq!(of("kitten", "sitting"), 3);
    assert_eq!(DISTANCE.len(), cells);
}
