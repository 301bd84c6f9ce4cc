//! Real processes compute one recursion together.

#[allow(dead_code, reason = "shared with tests of stores, which harm servers in more ways")]
#[path = "../../../speedup-runtime/tests/store_servers/servers.rs"]
mod servers;

use std::path::Path;

use speedup_between_machines::{
    parent::{Claims, outcomes, start},
    recursions::Recursion,
};

use servers::{Kind, Server};

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_together"))
}

/// Each key is computed once between so many processes.
fn once_between(count: usize, name: &str, size: u32) {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (value, keys) = Recursion::of(name, size).by_hand();
    let outcomes = outcomes(start(program(), &server.url(), count, name, size, Claims::All(3_600)), |_, _| {});
    assert!(outcomes.iter().all(|outcome| outcome.value == Some(value)), "{outcomes:?}");
    let computed: usize = outcomes.iter().map(|outcome| outcome.computed).sum();
    assert_eq!(computed, keys, "{outcomes:?}");
}

#[test]
fn a_grid_is_computed_once_by_one_two_and_four() {
    [1, 2, 4].into_iter().for_each(|count| once_between(count, "grid", 9));
}

#[test]
fn a_random_graph_is_computed_once_by_one_two_and_four() {
    [1, 2, 4].into_iter().for_each(|count| once_between(count, "graph", 60));
}

#[test]
fn a_knapsack_is_computed_once_by_one_two_and_four() {
    [1, 2, 4].into_iter().for_each(|count| once_between(count, "knapsack", 7));
}

/// What is claimed is decided as in any program: the first eight calls of each process, whatever they cost.
#[test]
fn the_first_calls_are_computed_once_by_processes_that_choose_what_they_claim() {
    for (count, size, name) in [(2, 2, "grid"), (4, 2, "grid"), (2, 2, "knapsack")] {
        let Some(server) = Server::start(Kind::Redis, &[]) else { return };
        let (value, keys) = Recursion::of(name, size).by_hand();
        assert!((4..=8).contains(&keys), "{keys} keys");
        let children = start(program(), &server.url(), count, name, size, Claims::DearFor(3_600));
        let outcomes = outcomes(children, |_, _| {});
        assert!(outcomes.iter().all(|outcome| outcome.value == Some(value)), "{outcomes:?}");
        assert_eq!(outcomes.iter().map(|outcome| outcome.computed).sum::<usize>(), keys, "{outcomes:?}");
    }
}

/// Of more calls it is up to what they cost here. No value is wrong or missing, and none is computed twice by one process.
#[test]
fn processes_that_choose_what_they_claim_come_to_the_same_values() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (value, keys) = Recursion::of("grid", 6).by_hand();
    let outcomes = outcomes(start(program(), &server.url(), 2, "grid", 6, Claims::DearFor(3_600)), |_, _| {});
    assert!(outcomes.iter().all(|outcome| outcome.value == Some(value) && outcome.computed <= keys), "{outcomes:?}");
    assert!(outcomes.iter().map(|outcome| outcome.computed).sum::<usize>() >= keys, "{outcomes:?}");
}

#[test]
fn a_process_that_is_killed_loses_its_calls_in_flight_and_no_value() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (value, keys) = Recursion::of("grid", 11).by_hand();
    // Others wait for the end of the lease; a pause as long as that would be taken for another end.
    let children = start(program(), &server.url(), 4, "grid", 11, Claims::All(5));
    let outcomes = outcomes(children, |computed, children| {
        if computed == keys / 2 {
            children[0].kill().expect("it is ours");
        }
    });
    assert!(outcomes[1..].iter().all(|outcome| outcome.value == Some(value)), "{outcomes:?}");
    let computed: usize = outcomes.iter().map(|outcome| outcome.computed).sum();
    // The one that it had computed and not yet handed on.
    assert!((keys..=keys + 1).contains(&computed), "{computed} for {keys} keys: {outcomes:?}");
}
