//! How often the queue has what is asked for, against the exact LRU, on streams with fixed seeds.

use std::collections::{BTreeMap, HashMap};

use super::{Marks, Queue, Victim};
use crate::cache::bound::{ghosts::Ghosts, marks::Form, times::Life};

/// A bounded cache of numbers by the queue alone: each is its own place, and its own hash once it is scattered.
struct Bounded {
    queue: Queue,
    ghosts: Ghosts,
    values: HashMap<u64, Marks>,
}

/// Of a value that was published just now.
fn placed() -> Marks {
    let marks = Marks::new();
    assert!(marks.begin(Form::Place, Life { born: 1, ends: u64::MAX, now: 1 }));
    marks
}

fn scattered(key: u64) -> u64 {
    let key = (key ^ key >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (key ^ key >> 29).wrapping_mul(0x94d0_49bb_1331_11eb)
}

impl Bounded {
    fn new(bound: u64) -> Self {
        Self { queue: Queue::new(bound, false), ghosts: Ghosts::new(bound as usize), values: HashMap::new() }
    }

    /// Whether the key is there; it is afterwards.
    fn ask(&mut self, key: u64) -> bool {
        self.hit(key) || {
            self.put(key, false);
            false
        }
    }

    fn hit(&mut self, key: u64) -> bool {
        self.values.get(&key).map(Marks::visit).is_some()
    }

    fn put(&mut self, key: u64, is_nested: bool) {
        let marks = placed();
        let known = self.ghosts.take(scattered(key), self.queue.time());
        let has_room = self.queue.has_room(1);
        self.queue.admit(key as u32, &marks, 1, known, (is_nested, has_room));
        self.values.insert(key, marks);
        while let Some(Victim { place, is_small, time, .. }) =
            self.queue.next(Queue::is_over, |place| self.values.get(&u64::from(place)))
        {
            self.values.remove(&u64::from(place));
            if is_small {
                self.ghosts.add(scattered(u64::from(place)), time);
            }
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
    assert!(lru < 0.01 && ours > 0.7, "{ours} against {lru}");
}

#[test]
fn it_follows_a_working_set_that_moves() {
    let (zipf, mut random) = (Zipf::new(2_000, 0.8), Random(0x2545_f491));
    let (ours, lru) = ratios(500, (0..CALLS as u64).map(|call| call / 20_000 * 2_000 + zipf.next(&mut random)));
    assert!(ours > lru, "{ours} against {lru}");
}

/// A value with a place of its own, in the small queue.
fn admitted(queue: &mut Queue, place: u32, weight: u64) -> Marks {
    let marks = placed();
    queue.admit(place, &marks, weight, None, (true, false));
    marks
}

#[test]
fn places_whose_values_were_taken_out_do_not_add_up() {
    let mut queue = Queue::new(1_000, false);
    for place in 0..100_000 {
        let marks = admitted(&mut queue, place, 1);
        queue.forget(marks.ticket());
        assert_eq!(queue.next(Queue::is_over, |_| None), None);
    }
    assert_eq!((queue.weight(), queue.len()), (0, 0));
    assert!(queue.places() < 200, "{} places", queue.places());
}

#[test]
fn tickets_lead_nowhere_once_the_queue_has_turned_to_another_table() {
    let mut queue = Queue::new(10, false);
    let before = admitted(&mut queue, 1, 1);
    queue.turn_to(7);
    let after = admitted(&mut queue, 1, 1);
    queue.forget(before.ticket());
    assert_eq!(queue.weight(), 1);
    queue.forget(after.ticket());
    assert_eq!(queue.weight(), 0);
}

#[test]
fn a_value_has_one_place() {
    let mut queue = Queue::new(10, false);
    let marks = admitted(&mut queue, 1, 1);
    assert!(queue.holds(marks.ticket(), 1) && !queue.holds(marks.ticket(), 2));
    assert_eq!((queue.weight(), queue.places()), (1, 1));
    queue.forget(marks.ticket());
    queue.forget(marks.ticket());
    assert_eq!(queue.weight(), 0);
}

#[test]
fn what_weighs_more_takes_more_room() {
    let (mut queue, mut values) = (Queue::new(100, true), HashMap::new());
    for place in 0..50 {
        values.insert(place, admitted(&mut queue, place, 10));
        while let Some(victim) = queue.next(Queue::is_over, |place| values.get(&place)) {
            assert_eq!(victim.weight, 10);
            values.remove(&victim.place);
        }
        assert!(queue.weight() <= 100);
    }
    assert_eq!((queue.weight(), queue.len(), values.len()), (100, 10, 10));
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

/// However many are taken out behind one that stays at the front of its queue.
#[test]
fn places_of_values_that_were_taken_out_are_found_in_either_queue() {
    let mut cache = Bounded::new(100);
    // What was put out and comes back goes to the main queue at once.
    (0..100).for_each(|_| (0..300).for_each(|key| _ = cache.ask(key % 120)));
    let mut places = 0;
    for key in 1_000..100_000 {
        cache.put(key, false);
        if let Some(marks) = cache.values.remove(&key) {
            cache.queue.forget(marks.ticket());
        }
        places = places.max(cache.queue.places());
    }
    assert_eq!(cache.queue.weight(), cache.values.len() as u64);
    assert!(cache.queue.weight() <= 100 && places < 500, "{places}");
}

#[test]
fn a_value_that_was_taken_out_and_not_told_of_is_found_out() {
    let mut queue = Queue::new(1, false);
    let _gone = admitted(&mut queue, 1, 1);
    let stays = admitted(&mut queue, 2, 1);
    assert_eq!(queue.next(Queue::is_over, |place| (place == 2).then_some(&stays)), None);
    assert_eq!((queue.weight(), queue.len()), (1, 1));
}

#[test]
fn a_place_that_another_value_has_now_is_no_place_of_the_first() {
    let mut queue = Queue::new(2, false);
    let _gone = admitted(&mut queue, 1, 1);
    let now = admitted(&mut queue, 1, 1);
    let other = admitted(&mut queue, 2, 1);
    let marks = |place| [&now, &other].into_iter().nth(place as usize - 1);
    assert_eq!(queue.next(Queue::is_over, marks), None, "the first place is empty");
    let third = admitted(&mut queue, 3, 1);
    let marks = |place| [&now, &other, &third].into_iter().nth(place as usize - 1);
    assert_eq!(queue.next(Queue::is_over, marks), Some(Victim { place: 1, weight: 1, is_small: true, time: 0 }));
}

#[test]
fn what_was_to_go_and_could_not_be_taken_out_has_its_place_again() {
    let mut queue = Queue::new(1, false);
    let (first, second) = (admitted(&mut queue, 1, 1), admitted(&mut queue, 2, 1));
    let marks = |place| [&first, &second].into_iter().nth(place as usize - 1);
    let victim = queue.next(Queue::is_over, marks).unwrap();
    assert_eq!((victim.place, queue.weight()), (1, 1));
    queue.take_back(victim, &first);
    assert_eq!(queue.weight(), 2);
    assert_eq!(queue.next(Queue::is_over, marks).map(|victim| victim.place), Some(1));
}
