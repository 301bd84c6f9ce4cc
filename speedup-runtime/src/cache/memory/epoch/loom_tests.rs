//! Models of readers that pin and a writer that frees.

use loom::{
    sync::{Arc, atomic::AtomicPtr},
    thread,
};

use super::*;

/// A domain with one reader, and a link to a thing that is marked when it is freed.
struct World {
    domain: Domain,
    reader: Reader,
    link: AtomicPtr<Thing>,
}

struct Thing {
    freed: AtomicBool,
}

impl World {
    fn new(fenced: bool) -> Arc<Self> {
        let thing = Box::into_raw(Box::new(Thing { freed: AtomicBool::new(false) }));
        Arc::new(Self { domain: Domain::new(), reader: Reader::new(fenced), link: AtomicPtr::new(thing) })
    }

    /// Pins, looks at the thing if it is linked, and unpins.
    fn read(&self) {
        let pinned = self.reader.enter(&self.domain);
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

    /// Unlinks the thing, retires it and collects.
    fn free(&self) -> *mut Thing {
        let thing = self.link.swap(std::ptr::null_mut(), Ordering::AcqRel);
        unsafe fn free(_: *const (), thing: *mut ()) {
            // SAFETY: nothing is really freed before the model ends.
            unsafe { &*thing.cast::<Thing>() }.freed.store(true, Ordering::Relaxed);
        }
        // SAFETY: as above.
        self.domain.retire(unsafe { Garbage::new(std::ptr::null(), thing.cast(), free) });
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
        // SAFETY: made in `World::new`, and nobody else looks at it any more.
        let thing = unsafe { Box::from_raw(thing) };
        assert!(thing.freed.load(Ordering::Relaxed), "it is freed once nobody is pinned");
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
        // SAFETY: as above.
        drop(unsafe { Box::from_raw(thing) });
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
        // SAFETY: as above.
        let thing = unsafe { Box::from_raw(thing) };
        assert!(thing.freed.load(Ordering::Relaxed), "it is freed once the reader makes its own barrier");
        membarrier::set_works(true);
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
        // SAFETY: as above.
        drop(unsafe { Box::from_raw(thing) });
        membarrier::set_works(true);
    });
}
