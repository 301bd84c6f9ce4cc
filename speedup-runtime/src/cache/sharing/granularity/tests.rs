//! How a thread goes on in the windows of its outermost call.

use super::*;
use crate::cache::thread::registry;

#[test]
fn a_helper_keeps_to_its_order_where_nothing_is_shown() {
    let worker = registry::current();
    assert_eq!(of_helper(Stage::Alone, worker), Stage::Alone);
    worker.own.order.set(Order::Backward);
    assert_eq!(of_helper(Stage::Alone, worker), Stage::InOrder);
    assert_eq!(of_helper(Stage::Shared, worker), Stage::Shared);
    worker.own.order.set(Order::Forward);
}

#[test]
fn the_first_groups_of_a_call_that_is_made_alone_for_a_while_are_noted() {
    let (grain, worker, number) = (Grain::new(), registry::current(), Number::new());
    let sample = &worker.own.sample;
    // As if sharing had not paid.
    grain.measure(2_000);
    grain.unpaid.store(2, Ordering::Relaxed);
    grain.skipped.store(1, Ordering::Relaxed);
    worker.own.sample.renew();
    let mut noted = 0;
    for _ in 0..2 * NOTED {
        if grain.may_share(worker, &number) {
            noted += 1;
            assert!(!grain.shares(1, worker, &number));
        }
        worker.count_computed(0, worker.computed() + 1);
    }
    assert!((1..=NOTED + 1).contains(&noted), "{noted}");
    lock(&worker.window.0).kind = Kind::Closed;
    sample.checks.set(false);
    sample.renew();
}
