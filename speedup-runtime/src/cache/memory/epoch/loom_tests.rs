//! Models of readers that pin and a writer that frees.

use loom::{
    sync::{Arc, atomic::AtomicPtr},
    thread,
};

use super::*;

/// A domain with one reader and the bags of two threads, and a link to a thing that is marked when it is freed.
struct World {
    domain: Domain,
    reader: Reader,
    bags: [Bag; 2],
    link: AtomicPtr<Thing>,
}

struct Thing {
    freed: AtomicBool,
}

/// Marks a thing.
unsafe fn free(_: *const (), thing: *mut ()) {
    // SAFETY: nothing is really freed before the model ends.
    let freed = unsafe { &*thing.cast::<Thing>() }.freed.swap(true, Ordering::Relaxed);
    assert!(!freed, "freed twice");
}

impl Thing {
    fn new() -> *mut Self {
        Box::into_raw(Box::new(Self { freed: AtomicBool::new(false) }))
    }

    fn garbage(this: *mut Self) -> Garbage {
        // SAFETY: see `free`.
        unsafe { Garbage::new(std::ptr::null(), this.cast(), free) }
    }

    /// Ends a thing, and says whether it was freed.
    fn end(this: *mut Self) -> bool {
        // SAFETY: made in `new`, and nobody else looks at it any more.
        unsafe { Box::from_raw(this) }.freed.load(Ordering::Relaxed)
    }
}

impl World {
    fn new(fenced: bool) -> Arc<Self> {
        let world = Arc::new(Self {
            domain: Domain::new(),
            reader: Reader::new(fenced),
            bags: [Bag::new(), Bag::new()],
            link: AtomicPtr::new(Thing::new()),
        });
        for bag in &world.bags {
            // SAFETY: the domain goes together with the bags.
            world.domain.adopt(unsafe { &*std::ptr::from_ref(bag) });
        }
        world
    }

    /// Pins, looks at the thing if it is linked, and unpins.
    fn read(&self) {
        self.read_under(self.reader.enter(&self.domain));
    }

    /// The same under a brief pin.
    fn read_briefly(&self) {
        self.read_under(self.reader.enter_briefly(&self.domain));
    }

    fn read_under(&self, pinned: Entered) {
        let thing = self.link.load(Ordering::Acquire);
        if !thing.is_null() {
            // SAFETY: nothing is really freed before the model ends.
            let thing = unsafe { &*thing };
            assert!(!thing.freed.load(Ordering::Relaxed), "freed under a pinned reader");
            thread::yield_now();
            assert!(!thing.freed.load(Ordering::Relaxed), "freed under a pinned reader");
        }
        self.reader.leave(pinned);
    }

    /// Unlinks the thing and retires it, by way of the first bag.
    fn unlink(&self) -> *mut Thing {
        let thing = self.link.swap(std::ptr::null_mut(), Ordering::AcqRel);
        self.domain.retire(&self.bags[0], Thing::garbage(thing), Urgency::USUAL);
        thing
    }

    /// The same, and collects.
    fn free(&self) -> *mut Thing {
        let thing = self.unlink();
        self.collect();
        thing
    }

    fn collect(&self) {
        // As the registry does where no barrier can be made for others.
        let all_fenced = || {
            fence(Ordering::SeqCst);
            self.reader.is_fenced()
        };
        self.domain.collect(all_fenced, || self.reader.pinned());
    }
}

/// | reader | writer |
/// |---|---|
/// | pins, loads the link, looks, unpins | unlinks, retires, collects |
#[test]
fn loom_nothing_is_freed_while_a_reader_that_saw_it_is_pinned() {
    loom::model(|| {
        let world = World::new(true);
        let other = world.clone();
        let reader = thread::spawn(move || other.read());
        let thing = world.free();
        reader.join().unwrap();
        world.collect();
        assert!(Thing::end(thing), "it is freed once nobody is pinned");
    });
}

/// The process was registered before the reader came, which so has made no barrier of its own from its first pin on:
///
/// | reader | writer |
/// |---|---|
/// | pins, loads the link, looks, unpins; twice | unlinks, retires, collects by a barrier for all |
#[test]
fn loom_nor_is_it_under_a_reader_whose_barriers_are_made_by_others_from_the_start() {
    loom::model(|| {
        let world = World::new(false);
        let other = world.clone();
        let reader = thread::spawn(move || {
            other.read();
            other.read();
        });
        let collect = || world.domain.collect(membarrier::heavy, || world.reader.pinned());
        let thing = world.unlink();
        collect();
        reader.join().unwrap();
        collect();
        assert!(Thing::end(thing), "it is freed once nobody is pinned");
    });
}

/// | reader | writer |
/// |---|---|
/// | looks under a brief pin; looks under a pin, and under a brief one within that | unlinks, retires, collects by a barrier for all |
#[test]
fn loom_nor_under_a_brief_pin_beside_or_within_another() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let world = World::new(false);
        let other = world.clone();
        let reader = thread::spawn(move || {
            other.read_briefly();
            let outer = other.reader.enter(&other.domain);
            other.read_briefly();
            other.read_under(outer);
        });
        let collect = || world.domain.collect(membarrier::heavy, || world.reader.pinned());
        let thing = world.unlink();
        collect();
        reader.join().unwrap();
        collect();
        assert!(Thing::end(thing), "it is freed once nobody is pinned");
    });
}

/// | reader | writer | third |
/// |---|---|---|
/// | pins, loads the link, looks, unpins; twice | unlinks, retires, collects | collects |
#[test]
fn loom_whoever_collects_spares_what_readers_see() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let world = World::new(true);
        let (other, third) = (world.clone(), world.clone());
        let reader = thread::spawn(move || {
            other.read();
            other.read();
        });
        let collector = thread::spawn(move || third.collect());
        let thing = world.free();
        reader.join().unwrap();
        collector.join().unwrap();
        Thing::end(thing);
    });
}

/// No barrier can be made for others, and the reader finds out on the way:
///
/// | reader | writer |
/// |---|---|
/// | reads without a barrier; makes its own from now on; reads | unlinks, retires, collects |
#[test]
fn loom_without_a_barrier_nothing_is_freed_under_who_makes_none() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        membarrier::set_works(false);
        let world = World::new(false);
        let other = world.clone();
        let reader = thread::spawn(move || {
            other.read();
            other.reader.set_fenced(true);
            other.read();
        });
        let thing = world.free();
        reader.join().unwrap();
        world.collect();
        assert!(Thing::end(thing), "it is freed once the reader makes its own barrier");
        membarrier::set_works(true);
    });
}

/// | reader | remover | collector |
/// |---|---|---|
/// | pins, loads the link, looks, unpins | unlinks, retires, and goes to sleep | collects |
#[test]
fn loom_what_an_idle_thread_has_retired_is_freed_by_others() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let world = World::new(true);
        let (other, third) = (world.clone(), world.clone());
        let reader = thread::spawn(move || other.read());
        let remover = thread::spawn(move || third.unlink() as usize);
        world.collect();
        reader.join().unwrap();
        let thing = remover.join().unwrap() as *mut Thing;
        world.collect();
        assert!(Thing::end(thing), "it is freed though its thread does nothing more");
    });
}

/// A bag has two places here.
///
/// | thread 0 | thread 1 |
/// |---|---|
/// | retires three things, for which its bag is too small | collects |
#[test]
fn loom_a_bag_that_others_empty_while_it_is_filled_loses_nothing() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let world = World::new(true);
        let other = world.clone();
        let collector = thread::spawn(move || other.collect());
        let things: Vec<_> = (0..3).map(|_| Thing::new()).collect();
        things.iter().for_each(|thing| world.domain.retire(&world.bags[0], Thing::garbage(*thing), Urgency::USUAL));
        collector.join().unwrap();
        world.collect();
        assert!(things.into_iter().all(Thing::end), "each is freed, and once");
        assert!(!Thing::end(world.link.load(Ordering::Relaxed)));
    });
}

/// What was removed reaches into what it lies in when it is freed.
///
/// | thread 0 | thread 1 |
/// |---|---|
/// | pins, takes something out of a table if that is in use, retires it, unpins | takes the table out of use, collects until it is gone |
#[test]
fn loom_what_lies_in_a_table_is_freed_before_the_table() {
    unsafe fn free_within(table: *const (), thing: *mut ()) {
        // SAFETY: as `free`.
        let table = unsafe { &*table.cast::<Thing>() };
        assert!(!table.freed.load(Ordering::Relaxed), "the table is gone");
        // SAFETY: as above.
        unsafe { free(std::ptr::null(), thing) };
    }
    unsafe fn behind_all(world: *const (), table: *mut ()) {
        // SAFETY: the world outlives the model's threads.
        unsafe { &*world.cast::<World>() }.domain.retire_behind_all(Thing::garbage(table.cast()));
    }
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let world = World::new(true);
        let (other, inner) = (world.clone(), Thing::new() as usize);
        let remover = thread::spawn(move || {
            let pinned = other.reader.enter(&other.domain);
            let table = other.link.load(Ordering::Acquire);
            if !table.is_null() {
                // SAFETY: as in `free_within`.
                let garbage = unsafe { Garbage::new(table.cast(), (inner as *mut Thing).cast(), free_within) };
                other.domain.retire(&other.bags[1], garbage, Urgency::USUAL);
            }
            other.reader.leave(pinned);
            !table.is_null()
        });
        let table = world.link.swap(std::ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: see `behind_all`.
        let first_step = unsafe { Garbage::new(Arc::as_ptr(&world).cast(), table.cast(), behind_all) };
        world.domain.retire(&world.bags[0], first_step, Urgency::USUAL);
        world.collect();
        world.collect();
        let removed = remover.join().unwrap();
        world.collect();
        world.collect();
        assert!(Thing::end(table));
        assert_eq!(Thing::end(inner as *mut Thing), removed);
    });
}

/// A reader leaves its barriers to others. A collector that sees it so frees nothing, since the model has no barrier for others:
///
/// | reader | writer |
/// |---|---|
/// | makes no barriers from now on; reads | unlinks, retires, collects |
#[test]
fn loom_nothing_is_freed_under_who_has_just_left_its_barriers_to_others() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        membarrier::set_works(false);
        let world = World::new(true);
        let other = world.clone();
        let reader = thread::spawn(move || {
            other.reader.set_fenced(false);
            other.read();
        });
        let thing = world.free();
        reader.join().unwrap();
        Thing::end(thing);
        membarrier::set_works(true);
    });
}
