//! How often the queue has what is asked for, against the exact LRU, on streams with fixed seeds.

use std::collections::{BTreeMap, HashMap};

use super::{Candidate, Queue, Verdict};

/// A bounded cache of numbers by the queue alone.
struct Bounded {
    queue: Queue<u64>,
    /// Place and visits.
    values: HashMap<u64, (u64, u8)>,
}

impl Bounded {
    fn new(bound: u64) -> Self {
        Self { queue: Queue::new(bound), values: HashMap::new() }
    }

    /// Whether the key is there; it is afterwards.
    fn ask(&mut self, key: u64) -> bool {
        self.hit(key) || {
            self.put(key, false);
            false
        }
    }

    fn hit(&mut self, key: u64) -> bool {
        let value = self.values.get_mut(&key);
        value.map(|(_, visits)| *visits = (*visits + 1).min(3)).is_some()
    }

    fn put(&mut self, key: u64, is_nested: bool) {
        let node = self.queue.admit(key, key, 1, is_nested);
        self.values.insert(key, (node, 0));
        let mut verdict = None;
        while let Some(candidate) = self.queue.next(verdict.take()) {
            verdict = Some(self.judge(candidate));
        }
    }

    fn judge(&mut self, Candidate { node, key, is_small }: Candidate<u64>) -> Verdict<u64> {
        match self.values.get_mut(&key) {
            Some((at, visits)) if *at == node => {
                let asked = *visits > 0;
                *visits = if is_small { 0 } else { visits.saturating_sub(1) };
                if asked {
                    return Verdict::Stays { node, key };
                }
                self.values.remove(&key);
                Verdict::Gone { node, ghost: is_small.then_some(key) }
            }
            _ => Verdict::Gone { node, ghost: None },
        }
    }
}

/// The exact LRU.
struct Lru {
    bound: usize,
    by_key: HashMap<u64, u64>,
    by_time: BTreeMap<u64, u64>,
    time: u64,
}

impl Lru {
    fn new(bound: u64) -> Self {
        Self { bound: bound as usize, by_key: HashMap::new(), by_time: BTreeMap::new(), time: 0 }
    }

    fn ask(&mut self, key: u64) -> bool {
        self.time += 1;
        let before = self.by_key.insert(key, self.time);
        if let Some(before) = before {
            self.by_time.remove(&before);
        }
        self.by_time.insert(self.time, key);
        if self.by_key.len() > self.bound {
            let (_, oldest) = self.by_time.pop_first().unwrap();
            self.by_key.remove(&oldest);
        }
        before.is_some()
    }
}

/// Numbers at random.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Keys by Zipf's law.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new(keys: u64, exponent: f64) -> Self {
        let mut sum = 0.0;
        let sums = (1..=keys).map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        });
        Self(sums.collect())
    }

    fn next(&self, random: &mut Random) -> u64 {
        let at = random.part() * self.0.last().unwrap();
        self.0.partition_point(|sum| *sum < at) as u64
    }
}

/// The share of hits of both.
fn ratios(bound: u64, stream: impl Iterator<Item = u64>) -> (f64, f64) {
    let (mut ours, mut lru) = (Bounded::new(bound), Lru::new(bound));
    let (mut hits, mut count) = ([0.0; 2], 0.0);
    for key in stream {
        count += 1.0;
        hits[0] += f64::from(u8::from(ours.ask(key)));
        hits[1] += f64::from(u8::from(lru.ask(key)));
        assert!(ours.values.len() as u64 <= bound);
        assert_eq!(ours.values.len() as u64, ours.queue.weight());
    }
    (hits[0] / count, hits[1] / count)
}

const KEYS: u64 = 20_000;
const CALLS: usize = 100_000;

#[test]
fn of_keys_by_zipf_it_has_more_than_the_lru() {
    for (exponent, part) in [(0.7, 100), (0.7, 10), (0.9, 100), (0.9, 10), (1.1, 100), (1.1, 10)] {
        let (zipf, mut random) = (Zipf::new(KEYS, exponent), Random(0x9e37_79b9));
        let (ours, lru) = ratios(KEYS / part, (0..CALLS).map(|_| zipf.next(&mut random)));
        assert!(ours > lru, "exponent {exponent}, 1/{part}: {ours} against {lru}");
    }
}

#[test]
fn a_scan_harms_it_less_than_the_lru() {
    let (zipf, mut random) = (Zipf::new(KEYS, 0.9), Random(0x51ed_270b));
    let mut scanned = KEYS;
    let stream = (0..CALLS).map(|call| {
        if call % 10_000 < 4_000 {
            scanned += 1;
            return scanned;
        }
        zipf.next(&mut random)
    });
    let (ours, lru) = ratios(KEYS / 20, stream);
    assert!(ours > lru + 0.03, "{ours} against {lru}");
}

#[test]
fn of_a_loop_it_keeps_a_part_of_which_the_lru_has_nothing() {
    let (ours, lru) = ratios(1_000, (0..CALLS as u64).map(|call| call % 1_200));
    assert!(lru < 0.01 && ours > 0.5, "{ours} against {lru}");
}

#[test]
fn it_follows_a_working_set_that_moves() {
    let (zipf, mut random) = (Zipf::new(2_000, 0.8), Random(0x2545_f491));
    let (ours, lru) = ratios(500, (0..CALLS as u64).map(|call| call / 20_000 * 2_000 + zipf.next(&mut random)));
    assert!(ours > lru, "{ours} against {lru}");
}

#[test]
fn places_whose_values_were_taken_out_do_not_add_up() {
    let mut queue = Queue::new(1_000);
    for key in 0..100_000_u64 {
        let node = queue.admit(key, key, 1, false);
        assert_eq!(queue.forget(node), Some(key));
        assert!(queue.next(None).is_none());
    }
    assert_eq!(queue.weight(), 0);
    assert!(queue.slots.len() < 200, "{} slots", queue.slots.len());
}

#[test]
fn names_of_places_lead_nowhere_after_a_clear() {
    let mut queue = Queue::new(10);
    let before = queue.admit(1_u64, 1, 1, false);
    assert_eq!(queue.clear(), [1]);
    let after = queue.admit(2, 2, 1, false);
    assert_eq!(queue.forget(before), None);
    assert_eq!(queue.weight(), 1);
    assert_eq!(queue.forget(after), Some(2));
    assert_eq!(queue.weight(), 0);
}

#[test]
fn what_weighs_more_takes_more_room() {
    let mut queue = Queue::new(100);
    for key in 0..50_u64 {
        queue.admit(key, key, 10, false);
        let mut verdict = None;
        while let Some(Candidate { node, .. }) = queue.next(verdict.take()) {
            verdict = Some(Verdict::Gone { node, ghost: None });
        }
        assert!(queue.weight() <= 100);
    }
    assert_eq!(queue.weight(), 100);
}

/// How often the cells of a square are computed, by a recursion over it.
fn runs_of_square(size: u64, room: u64) -> u64 {
    fn cell(cache: &mut Bounded, x: u64, y: u64, runs: &mut u64) {
        if x == 0 || y == 0 || cache.hit(x << 32 | y) {
            return;
        }
        *runs += 1;
        cell(cache, x - 1, y, runs);
        cell(cache, x, y - 1, runs);
        cache.put(x << 32 | y, true);
    }
    let mut runs = 0;
    cell(&mut Bounded::new(room), size, size, &mut runs);
    runs
}

#[test]
fn a_recursion_over_a_square_needs_room_for_two_rows() {
    for room in [130, 200, 1_000] {
        let runs = runs_of_square(60, room);
        assert!(runs < 60 * 60 * 11 / 10, "{runs} runs with room for {room}");
    }
}

/// Once values that are kept were all in the main queue, no number of others that were taken out of the small one let the search for a free
/// slot end.
#[test]
fn places_of_values_that_were_taken_out_are_found_in_either_queue() {
    let mut cache = Bounded::new(100);
    // What was put out and comes back goes to the main queue at once.
    (0..100).for_each(|_| (0..300).for_each(|key| _ = cache.ask(key % 120)));
    let mut slots = 0;
    for key in 1_000..100_000 {
        cache.put(key, false);
        if let Some((node, _)) = cache.values.remove(&key) {
            cache.queue.forget(node);
        }
        slots = slots.max(cache.queue.slots.len());
    }
    assert!(cache.queue.weight() <= 100 && slots < 500, "{slots}");
}

#[test]
fn a_value_that_is_taken_out_while_it_is_looked_at_is_found_out() {
    let mut queue = Queue::new(1);
    let first = queue.admit(1, 1, 1, false);
    queue.admit(2, 2, 1, false);
    let candidate = queue.next(None).unwrap();
    assert_eq!((candidate.node, candidate.key), (first, 1));
    assert_eq!(queue.forget(first), None);
    let again = queue.next(Some(Verdict::Stays { node: first, key: 1 })).unwrap();
    assert_eq!((again.node, again.key), (first, 1));
    assert!(queue.next(Some(Verdict::Gone { node: first, ghost: None })).is_none());
    assert_eq!((queue.weight(), queue.live), (1, 1));
}
