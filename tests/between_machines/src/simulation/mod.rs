//! Machines that compute a recursion together, simulated: they decide by the engine's own code, and only time and the server are made up.
//!
//! ```text
//! machine   what a process does with a call: memory, what was fetched ahead, `cooperate::together`
//!   link    a server as one machine sees it: each question takes a round trip
//!     world the time, the server, and whose turn it is
//! ```
//!
//! Each machine is a thread, and exactly one of them runs at a time: the one whose event is next. So a simulation takes no longer than its
//! decisions do, and comes out the same each time.

mod link;
mod machine;
mod world;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use self::machine::Machine;
use self::world::World;
use crate::recursions::Recursion;

/// Of a recursion as deep as those here.
const STACK: usize = 4 << 20;

/// What has come of a simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulated {
    /// How many calls were computed, by all of them.
    pub computed: usize,
    /// How many questions the server was asked.
    pub trips: usize,
    /// When the last one had the value.
    pub took: Duration,
}

/// Has so many machines compute a recursion, with a server that is a round trip away.
///
/// # Panics
/// If one of them comes to a wrong value, or they wait for each other for ever.
#[must_use]
pub fn simulate(recursion: Recursion, machines: usize, trip: Duration) -> Simulated {
    let world = Arc::new(World::new(machines));
    let threads: Vec<_> = (0..machines)
        .map(|number| {
            let world = Arc::clone(&world);
            let machine = thread::Builder::new().stack_size(STACK);
            let machine = machine.spawn(move || Machine::new(&world, number, recursion, trip).run());
            machine.expect("a thread can be had")
        })
        .collect();
    let (value, _) = recursion.by_hand();
    let mut simulated = Simulated { computed: 0, trips: 0, took: Duration::ZERO };
    for thread in threads {
        let told = thread.join().expect("a machine came to an end");
        assert_eq!(told.value, value, "a machine came to another value");
        simulated.computed += told.computed;
        simulated.trips += told.trips;
        simulated.took = simulated.took.max(told.ended);
    }
    simulated
}
