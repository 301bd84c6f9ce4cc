use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

proptest! {
    /// Hashes with few different bits, so that buckets overflow and tags meet, alone or with what stands beside them; lanes are used again, or not. Numbers are
    /// narrow or wide.
    #[test]
    fn numbers_are_found_until_they_are_taken_out(
        made in prop::sample::select(vec![0, 1 << 16]),
        steps in prop::collection::vec((0u64..16, 0u64..3, 0u32..30, any::<bool>(), any::<bool>()), 0..80)
    ) {
        let hash = |top: u64, low: u64| top << 54 | low << SHARD_BITS;
        let index = Index::with_room_for(80, made, &Arc::default());
        let mut linked = HashMap::new();
        for (top, low, number, link, again) in steps {
            let number = made + number;
            if !link && let Some(hash) = linked.remove(&number) {
                index.unlink(hash, number);
            } else if link && !linked.contains_key(&number) {
                match (index.find_free(hash(top, low)), index.find(hash(top, low), |_| None::<()>)) {
                    (Some(lane), _) if again => lane.link(hash(top, low), number),
                    (None, Err(lane)) if again => lane.link(hash(top, low), number),
                    _ => index.link(hash(top, low), number),
                }
                linked.insert(number, hash(top, low));
            }
            let found = |(number, hash): (&u32, &u64)| index.find(*hash, |at| (at == *number).then_some(())).is_ok();
            prop_assert!(linked.iter().all(found));
            let mut numbers: Vec<_> = index.numbers().collect();
            numbers.sort_unstable();
            let mut expected: Vec<_> = linked.keys().copied().collect();
            expected.sort_unstable();
            prop_assert_eq!(numbers, expected);
        }
    }
}

#[test]
fn a_number_is_taken_out_whatever_its_hash_has_become() {
    let index = Index::with_room_for(100, 0, &Arc::default());
    (0..100).for_each(|number| index.link(u64::from(number) << 56 | u64::from(number) << SHARD_BITS, number));
    index.unlink(1 << 63, 7);
    index.replace(1 << 63, 8, 107);
    let mut numbers: Vec<_> = index.numbers().collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).filter(|number| !matches!(number, 7 | 8)).chain([107]).collect::<Vec<_>>());
}

#[test]
fn a_number_that_was_taken_out_is_not_found() {
    let index = Index::with_room_for(1, 0, &Arc::default());
    (2..10).for_each(|number| index.link(u64::MAX, number));
    index.unlink(u64::MAX, 5);
    let mut seen = Vec::new();
    let found = index.find(u64::MAX, |number| {
        seen.push(number);
        None::<()>
    });
    assert!(found.is_err());
    seen.sort_unstable();
    assert_eq!(seen, [2, 3, 4, 6, 7, 8, 9]);
}

#[test]
fn lanes_of_what_was_taken_out_are_used_again() {
    let index = Index::with_room_for(1, 0, &Arc::default());
    for number in 0..1_000 {
        let lane = index.find(u64::MAX, |at| (at == number).then_some(())).err().unwrap();
        assert_eq!(lane.is_new(), number == 0);
        lane.link(u64::MAX, number);
        assert!(index.find(u64::MAX, |at| (at == number).then_some(())).is_ok());
        index.unlink(u64::MAX, number);
    }
    assert_eq!(index.numbers().count(), 0);
}

#[test]
fn a_free_lane_is_found_at_once_unless_there_may_be_a_number_already() {
    let (index, wide) =
        (Index::with_room_for(100, 0, &Arc::default()), Index::with_room_for(100, 1 << 16, &Arc::default()));
    let (hash, beside) = (5 << 56 | 1 << SHARD_BITS, 5 << 56 | 1 << 54 | 1 << SHARD_BITS);
    index.link(hash, 7);
    assert!(index.find_free(hash).is_none());
    let found = |hash| {
        let mut seen = Vec::new();
        assert!(index.find(hash, |number| (seen.push(number), None::<()>).1).is_err());
        seen.sort_unstable();
        seen
    };
    index.find_free(beside).expect("the tag alone is not the hash").link(beside, 8);
    assert_eq!((found(hash), found(beside)), (vec![7, 8], vec![7, 8]));
    index.unlink(hash, 7);
    assert!(index.find_free(hash).is_none(), "a removed lane may be used again");
    assert!(wide.find_free(hash).is_none(), "numbers are wide");
    wide.link(hash, 1 << 16 | 7);
    assert_eq!(wide.numbers().collect::<Vec<_>>(), [1 << 16 | 7]);
    let widths = [&index, &wide].map(|index| index.bytes() / index.lanes());
    assert_eq!(widths, [3, 5]);
}
