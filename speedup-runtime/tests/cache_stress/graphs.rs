//! Random graphs over every kind of key, whose calls ask for what they need in every way.

use crate::harness::{Counts, call_together, everywhere, scramble, seed, watched, work};

const NODES: u64 = 120;

/// The nodes that a node of the graph of this round needs: up to nine, some of them twice.
fn needs(round: u64, node: u64) -> Vec<u64> {
    let random = scramble(scramble(round ^ seed()) ^ node);
    let few = if random.is_multiple_of(3) { 9 } else { 4 };
    let some = (0..random % (few + 1)).filter(|_| node > 0);
    some.map(|at| match scramble(random ^ (at + 1)) {
        // Mostly near ones, so that the graph is deep.
        near if !near.is_multiple_of(4) => node - 1 - near % node.min(6),
        any => any % node,
    })
    .collect()
}

/// The value of a node, by those of the nodes that it needs.
fn value(node: u64, needed: impl IntoIterator<Item = u64>) -> u64 {
    needed.into_iter().fold(node + 1, |sum, one| sum.rotate_left(7) ^ one)
}

/// The values of all nodes by the plain recursion.
fn plain(round: u64) -> Vec<u64> {
    (0..NODES).fold(vec![], |mut values, node| {
        values.push(value(node, needs(round, node).into_iter().map(|at| values[at as usize])));
        values
    })
}

/// A cache for each kind of key: how the node of a key is found and the key of a node made. Keys hold the number of the
/// round, so no round meets the values, or the late background calls, of another.
macro_rules! graphs {
    ($($test:ident $name:ident($($arg:ident: $type:ty),*) $(, $option:ident($($given:expr)?))*; is $node:expr; of $key:expr;)*) => {$(
        #[test]
        fn $test() {
            static COUNTS: Counts<{ NODES as usize }> = Counts::new();
            cached! {
                const $name($($arg: $type),*) -> u64 $(, $option($($given)?))* => {
                    let (round, node): (u64, u64) = $node;
                    COUNTS.count(node as usize);
                    work(scramble(round) ^ node);
                    let key: fn(u64, u64) -> ($($type,)*) = $key;
                    let needs = needs(round, node);
                    let keys = needs.iter().map(|at| key(round, *at));
                    match scramble(round ^ node) % 6 {
                        0 => value(node, keys.map(|key| $name.get(key))),
                        1 => value(node, $name.get_all(keys)),
                        2 => {
                            // In the order that they are needed in, but started all at once.
                            let tasks: Vec<_> = keys.map(|key| $name.spawn(key)).collect();
                            value(node, tasks.iter().map(|task| task.join()))
                        }
                        3 => {
                            let again: Vec<_> = keys.collect();
                            $name.spawn_all(again.iter().cloned());
                            value(node, again.into_iter().map(|key| $name.get(key)))
                        }
                        _ => {
                            let mut found = vec![];
                            // In threes as long as there are three.
                            while let [one, two, three, ..] = needs[found.len()..] {
                                found.extend($name.group([one, two, three].map(|at| key(round, at))));
                            }
                            found.extend(needs[found.len()..].iter().map(|at| $name.get(key(round, *at))));
                            value(node, found)
                        }
                    }
                };
            }
            watched(|| {
                let mut round = 0;
                let key: fn(u64, u64) -> ($($type,)*) = $key;
                everywhere(2, |pool, callers| {
                    round += 1;
                    let expected = plain(round);
                    let wanted = |caller: usize| NODES - 1 - caller as u64 % 4;
                    let all = call_together(pool, callers, |caller| match caller % 3 {
                        2 => $name.spawn(key(round, wanted(caller))).join(),
                        _ => $name.get(key(round, wanted(caller))),
                    });
                    for (caller, value) in all.into_iter().enumerate() {
                        assert_eq!(value, expected[wanted(caller) as usize], "round {round}, caller {caller}");
                    }
                    COUNTS.once();
                });
                $name.clear();
            });
        }
    )*};
}

graphs! {
    one_small_number SMALL(at: u64);
        is (*at / NODES, *at % NODES);
        of |round, node| (round * NODES + node,);
    two_small_numbers PAIR(round: u16, node: i64);
        is (u64::from(*round), node.unsigned_abs());
        of |round, node| (round as u16, -(node as i64));
    three_small_numbers TRIPLE(round: u32, high: u8, low: i8);
        is (u64::from(*round), u64::from(*high) * 8 + low.unsigned_abs() as u64);
        of |round, node| (round as u32, (node / 8) as u8, -((node % 8) as i8));
    numbers_far_apart SPARSE(round: u64, _far: u64, node: u64);
        is (*round, *node);
        of |round, node| (round, scramble(node) >> (node % 64), node);
    texts TEXT(text: String);
        is text.split_once(' ').map(|(round, node)| (round.parse().unwrap(), node.parse().unwrap())).unwrap();
        of |round, node| (format!("{round} {node}"),);
    lists LIST(round: u64, list: Vec<u64>);
        is (*round, list.len() as u64);
        of |round, node| (round, vec![7; node as usize]);
    one_after_the_other SEQUENTIAL(round: u64, node: u64), sequential();
        is (*round, *node);
        of |round, node| (round, node);
}

#[test]
fn two_functions_with_groups_of_each_other() {
    const SIDE: u64 = 12;
    static LEFT_COUNTS: Counts<{ (SIDE * SIDE) as usize }> = Counts::new();
    static RIGHT_COUNTS: Counts<{ (SIDE * SIDE) as usize }> = Counts::new();
    cached! {
        const LEFT(a: u64, b: u64) -> u64 => {
            let (a, b) = (*a, *b);
            LEFT_COUNTS.count((a * SIDE + b) as usize);
            work(a * SIDE + b);
            if a == 0 || b == 0 {
                return 1;
            }
            let texts = [b.to_string(), (b - 1).to_string()];
            let [up, left] = RIGHT.group_ref([(&(a - 1), texts[0].as_str()), (&a, texts[1].as_str())]);
            up.wrapping_add(left)
        };
        const RIGHT(a: u64, text: String) -> u64 => {
            let (a, b): (u64, u64) = (*a, text.parse().expect("a number"));
            RIGHT_COUNTS.count((a * SIDE + b) as usize);
            work(a + b);
            if a == 0 || b == 0 {
                return 2;
            }
            let [up, left, across] = LEFT.group([(a - 1, b), (a, b - 1), (a - 1, b - 1)]);
            up.wrapping_add(left).wrapping_mul(3) ^ across
        };
    }
    let side = SIDE as usize;
    let (mut left, mut right) = (vec![vec![1_u64; side]; side], vec![vec![2_u64; side]; side]);
    for a in 1..side {
        for b in 1..side {
            left[a][b] = right[a - 1][b].wrapping_add(right[a][b - 1]);
            right[a][b] = left[a - 1][b].wrapping_add(left[a][b - 1]).wrapping_mul(3) ^ left[a - 1][b - 1];
        }
    }
    watched(move || {
        everywhere(4, |pool, callers| {
            let all = call_together(pool, callers, |caller| {
                let b = side - 1 - caller % 3;
                if caller % 2 == 0 {
                    (LEFT.get((SIDE - 1, b as u64)), left[side - 1][b])
                } else {
                    (RIGHT.get((SIDE - 1, b.to_string())), right[side - 1][b])
                }
            });
            assert!(all.iter().all(|(is, should)| is == should), "{all:?}");
            LEFT_COUNTS.once();
            RIGHT_COUNTS.once();
            LEFT.clear();
            RIGHT.clear();
        });
    });
}
