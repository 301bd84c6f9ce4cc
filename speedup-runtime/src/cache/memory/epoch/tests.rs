//! What is retired, sealed and freed, and when.

use super::*;

/// A domain with a reader, the bags of two threads, and what was retired and has been freed, in that order.
struct World {
    domain: Domain,
    reader: Reader,
    bags: [&'static Bag; 2],
    freed: Mutex<Vec<usize>>,
}

impl World {
    fn new() -> Self {
        let bags = [(); 2].map(|()| &*Box::leak(Box::new(Bag::new())));
        let world = Self { domain: Domain::new(), reader: Reader::new(false), bags, freed: Mutex::new(Vec::new()) };
        bags.iter().for_each(|bag| world.domain.adopt(bag));
        world
    }

    /// Something that notes its number when it is freed.
    fn thing(&self, number: usize) -> Garbage {
        unsafe fn free(freed: *const (), number: *mut ()) {
            // SAFETY: the list of a world that lives as long as its domain.
            lock(unsafe { &*freed.cast::<Mutex<Vec<usize>>>() }).push(number.addr());
        }
        let number = std::ptr::without_provenance_mut(number);
        // SAFETY: as above, and it only notes.
        unsafe { Garbage::new(std::ptr::from_ref(&self.freed).cast(), number, free) }
    }

    fn retire(&self, thread: usize, number: usize) {
        self.domain.retire(self.bags[thread], self.thing(number), Urgency::USUAL);
    }

    fn collect(&self, barrier: impl Fn(&Reader) -> bool) {
        self.domain.collect(|| barrier(&self.reader), || self.reader.pinned());
    }

    fn freed(&self) -> Vec<usize> {
        self.collect(|_| true);
        lock(&self.freed).clone()
    }
}

#[test]
fn a_brief_pin_keeps_what_it_sees_and_ends_no_outer_one() {
    let world = World::new();
    let (domain, reader) = (&world.domain, &world.reader);
    let brief = reader.enter_briefly(domain);
    world.retire(0, 1);
    assert_eq!(world.freed(), []);
    reader.leave(brief);
    assert_eq!(world.freed(), [1]);
    let outer = reader.enter(domain);
    let brief = reader.enter_briefly(domain);
    world.retire(0, 2);
    reader.leave(brief);
    assert_eq!(world.freed(), [1], "the outer pin goes on");
    reader.leave(outer);
    assert_eq!(world.freed(), [1, 2]);
}

#[test]
fn what_is_retired_is_freed_only_when_nobody_is_pinned_before() {
    let world = World::new();
    let (domain, reader) = (&world.domain, &world.reader);
    let pinned = reader.enter(domain);
    let inner = reader.enter(domain);
    world.retire(0, 1);
    reader.leave(inner);
    assert_eq!(world.freed(), [], "still pinned by the outer pin");
    reader.leave(pinned);
    let later = reader.enter(domain);
    assert_eq!(world.freed(), [1], "a later pin does not keep it");
    reader.leave(later);
}

#[test]
fn without_a_barrier_nothing_is_freed_until_all_readers_make_their_own() {
    let world = World::new();
    world.retire(0, 1);
    world.collect(Reader::is_fenced);
    assert!(lock(&world.freed).is_empty(), "there was no barrier");
    assert!(world.domain.is_due(), "it is tried again");
    world.reader.set_fenced(true);
    world.collect(Reader::is_fenced);
    assert_eq!(*lock(&world.freed), [1]);
    assert!(!world.domain.is_due());
}

#[test]
fn where_there_is_no_garbage_nobody_makes_a_barrier() {
    World::new().collect(|_| panic!("a barrier for nothing"));
}

#[test]
fn whoever_collects_empties_the_bags_of_idle_threads() {
    let world = World::new();
    (0..5).for_each(|number| world.retire(number % 2, number));
    assert!(!world.domain.is_due());
    assert_eq!(world.freed(), [0, 2, 4, 1, 3]);
}

#[test]
fn a_bag_that_is_full_is_handed_over_and_somebody_is_to_collect() {
    let world = World::new();
    (0..bag::LEN).for_each(|number| world.retire(0, number));
    assert!(!world.domain.is_due());
    world.retire(0, bag::LEN);
    assert!(world.domain.is_due());
    assert_eq!(world.freed(), (0..=bag::LEN).collect::<Vec<_>>());
}

#[test]
fn what_is_less_urgent_waits_until_there_is_more_of_it() {
    let world = World::new();
    let retire_until_due = |urgency| {
        (1..).find(|number| {
            world.domain.retire(world.bags[0], world.thing(*number), urgency);
            world.domain.is_due()
        })
    };
    let bag = bag::LEN + 1;
    for _ in 0..3 {
        assert_eq!(retire_until_due(Urgency::of(4 * bag::LEN as u64)), Some(4 * bag));
        assert_eq!(world.freed().len(), 4 * bag);
        lock(&world.freed).clear();
        assert_eq!(retire_until_due(Urgency::USUAL), Some(bag));
        assert_eq!(world.freed().len(), bag);
        lock(&world.freed).clear();
    }
    assert_eq!(retire_until_due(Urgency::of(1)), Some(bag), "nothing is more urgent than usual");
    assert_eq!(world.freed().len(), bag);
    let most = retire_until_due(Urgency::of(u64::MAX)).unwrap();
    assert!((1_000..1_100).contains(&most), "{most}");
}

#[test]
fn what_others_lie_in_is_freed_behind_all_that_was_retired_before() {
    let world = World::new();
    world.retire(1, 1);
    world.domain.retire_behind_all(world.thing(7));
    // A bag that is handed over in between takes nothing with it that is to come last.
    (0..=bag::LEN).for_each(|_| world.retire(0, 0));
    world.retire(1, 2);
    let freed = world.freed();
    assert_eq!(freed.last(), Some(&7));
    assert_eq!(freed.len(), bag::LEN + 4);
}
