//! Recursions of every shape: each key is computed once, and the values are those of the plain recursion.

use crate::harness::{self, Counts, call_together, everywhere, scramble, watched, work};

const SIDE: u32 = 14;
static GRID_COUNTS: Counts<{ (SIDE * SIDE) as usize }> = Counts::new();

cached! {
    const GRID(a: u32, b: u32) -> u64 => {
        let (a, b) = (*a, *b);
        GRID_COUNTS.count((a * SIDE + b) as usize);
        work(u64::from(a * SIDE + b));
        if a == 0 || b == 0 {
            1
        } else {
            let [up, left] = GRID.group([(a - 1, b), (a, b - 1)]);
            up + left
        }
    };
}

#[test]
fn a_grid() {
    watched(|| {
        everywhere(6, |pool, callers| {
            for paths in call_together(pool, callers, |_| GRID.get((SIDE - 1, SIDE - 1))) {
                assert_eq!(paths, 10_400_600);
            }
            assert_eq!(GRID_COUNTS.once(), (SIDE * SIDE) as usize - 1);
            GRID.clear();
        });
    });
}

#[test]
fn a_grid_asked_from_all_sides() {
    const SIDE: i64 = 12;
    static COUNTS: Counts<{ (SIDE * SIDE) as usize }> = Counts::new();
    cached! {
        // Keys below zero, and results on the heap.
        const CELL(a: i64, b: i64) -> String => {
            let (a, b) = (*a, *b);
            COUNTS.count((-a * SIDE + b) as usize);
            work((-a * SIDE + b) as u64);
            if a == 0 || b == 0 {
                format!("{a},{b}")
            } else {
                let [one, two, three] = CELL.group([(a + 1, b), (a, b - 1), (a + 1, b - 1)]);
                format!("{a},{b}:{:x}", one.len() * 31 + two.len() * 7 + three.len())
            }
        };
    }
    watched(|| {
        everywhere(4, |pool, callers| {
            let corner = |at: usize| -> (i64, i64) {
                let at = at as i64;
                (-(SIDE - 1 - at % 3), SIDE - 1 - at / 3)
            };
            let all = call_together(pool, callers, |caller| CELL.get(corner(caller)));
            for (caller, text) in all.iter().enumerate() {
                let (a, b) = corner(caller);
                assert!(text.starts_with(&format!("{a},{b}")), "{text}");
            }
            COUNTS.once();
            CELL.clear();
        });
    });
}

#[test]
fn a_random_graph() {
    const NODES: u64 = 220;
    static COUNTS: Counts<{ NODES as usize }> = Counts::new();
    fn below(seed: u64, node: u64) -> [u64; 3] {
        std::array::from_fn(|at| scramble(seed.wrapping_mul(1_000_003).wrapping_add(node * 3 + at as u64)) % node)
    }
    cached! {
        // Strings: keys of the hash table.
        const NODE(seed: u64, node: u64, text: String) -> u64 => {
            let (seed, node) = (*seed, *node);
            COUNTS.count(node as usize);
            work(node);
            assert_eq!(*text, node.to_string());
            if node == 0 {
                return seed;
            }
            let key = |at: u64| (seed, at, at.to_string());
            let [a, b, c] = below(seed, node);
            match node % 4 {
                0 => NODE.group([key(a), key(b), key(c)]).into_iter().fold(node, u64::wrapping_add),
                1 => {
                    let [a, b] = NODE.group([key(a), key(b)]);
                    a ^ b ^ NODE.get(key(c))
                }
                2 => {
                    let texts = (a.to_string(), b.to_string());
                    let [a, b] = NODE.group_ref([(&seed, &a, texts.0.as_str()), (&seed, &b, texts.1.as_str())]);
                    a.wrapping_mul(b | 1)
                }
                _ => {
                    let some = (node.saturating_sub(21)..node).chain([a, b, c, a]);
                    NODE.get_all(some.map(key)).into_iter().fold(node, u64::wrapping_add)
                }
            }
        };
    }
    fn plain(seed: u64) -> Vec<u64> {
        let mut values = vec![seed];
        for node in 1..NODES {
            let [a, b, c] = below(seed, node).map(|at| values[at as usize]);
            values.push(match node % 4 {
                0 => [a, b, c].into_iter().fold(node, u64::wrapping_add),
                1 => a ^ b ^ c,
                2 => a.wrapping_mul(b | 1),
                _ => {
                    let some = values[node.saturating_sub(21) as usize..].iter().copied();
                    some.chain([a, b, c, a]).fold(node, u64::wrapping_add)
                }
            });
        }
        values
    }
    watched(|| {
        let mut seed = harness::seed();
        everywhere(3, |pool, callers| {
            seed = seed.wrapping_add(1);
            let expected = plain(seed);
            let wanted = |caller: usize| NODES - 1 - caller as u64 % 5;
            let all = call_together(pool, callers, |caller| {
                let node = wanted(caller);
                NODE.get_ref((&seed, &node, node.to_string().as_str()))
            });
            for (caller, value) in all.into_iter().enumerate() {
                assert_eq!(value, expected[wanted(caller) as usize]);
            }
            COUNTS.once();
            NODE.clear();
        });
    });
}

#[test]
fn a_chain_of_diamonds() {
    const LEVELS: u32 = 150;
    static COUNTS: Counts<{ (LEVELS * 4) as usize }> = Counts::new();
    cached! {
        const DIAMOND(level: u32, corner: u8) -> u64 => {
            let (level, corner) = (*level, *corner);
            COUNTS.count((level * 4 + u32::from(corner)) as usize);
            work(u64::from(level));
            match corner {
                0 if level == 0 => 1,
                0 => {
                    let [a, b, c] = DIAMOND.group([(level, 1), (level, 2), (level, 3)]);
                    a.wrapping_add(b).wrapping_add(c)
                }
                side => DIAMOND.get((level - 1, 0)) + u64::from(side),
            }
        };
    }
    watched(|| {
        let expected = (1..LEVELS).fold(1_u64, |sum, _| sum.wrapping_mul(3).wrapping_add(6));
        everywhere(4, |pool, callers| {
            for sum in call_together(pool, callers, |_| DIAMOND.get((LEVELS - 1, 0))) {
                assert_eq!(sum, expected);
            }
            assert_eq!(COUNTS.once(), (LEVELS as usize - 1) * 4 + 1);
            DIAMOND.clear();
        });
    });
}

#[test]
fn a_tree() {
    const NODES: u64 = 1 << 9;
    static COUNTS: Counts<{ NODES as usize }> = Counts::new();
    cached! {
        const TREE(node: u64) -> u64 => {
            let node = *node;
            COUNTS.count(node as usize);
            work(node);
            if node * 2 + 1 < NODES {
                let [left, right] = TREE.group([(node * 2,), (node * 2 + 1,)]);
                left + right + 1
            } else {
                1
            }
        };
    }
    watched(|| {
        everywhere(4, |pool, callers| {
            for nodes in call_together(pool, callers, |_| TREE.get((1,))) {
                assert_eq!(nodes, NODES - 1);
            }
            assert_eq!(COUNTS.once(), NODES as usize - 1);
            TREE.clear();
        });
    });
}

#[test]
fn sparse_numbers_and_dense_ones_in_one_cache() {
    const KEYS: usize = 600;
    static COUNTS: Counts<KEYS> = Counts::new();
    // Far apart at first, so that pages are refused; then close together, so that pages come.
    fn spread(at: usize) -> u64 {
        if at.is_multiple_of(2) { at as u64 * 40_961 % (1 << 28) } else { at as u64 }
    }
    cached! {
        const SPREAD(key: u64, at: usize) -> u64 => {
            let (key, at) = (*key, *at);
            COUNTS.count(at);
            assert_eq!(key, spread(at));
            if at < 2 {
                return key;
            }
            let [a, b] = SPREAD.group([(spread(at - 1), at - 1), (spread(at - 2), at - 2)]);
            a.wrapping_add(b)
        };
    }
    watched(|| {
        everywhere(3, |pool, callers| {
            let all = call_together(pool, callers, |_| SPREAD.get((spread(KEYS - 1), KEYS - 1)));
            assert!(all.windows(2).all(|two| two[0] == two[1]));
            assert_eq!(COUNTS.once(), KEYS);
            SPREAD.clear();
        });
    });
}

#[test]
fn two_functions_that_call_each_other() {
    const KEYS: u64 = 300;
    static WOMEN: Counts<{ KEYS as usize }> = Counts::new();
    static MEN: Counts<{ KEYS as usize }> = Counts::new();
    cached! {
        // The female and male sequences of Hofstadter.
        const FEMALE(n: u64) -> u64 => {
            WOMEN.count(*n as usize);
            work(*n);
            if *n == 0 { 1 } else { n - MALE.get((FEMALE.get((n - 1,)),)) }
        };
        const MALE(n: u64) -> u64 => {
            MEN.count(*n as usize);
            work(*n);
            if *n == 0 { 0 } else { n - FEMALE.get((MALE.get((n - 1,)),)) }
        };
    }
    let (mut women, mut men) = (vec![1_u64], vec![0_u64]);
    for n in 1..KEYS {
        men.push(n - women[men[n as usize - 1] as usize]);
        women.push(n - men[women[n as usize - 1] as usize]);
    }
    watched(move || {
        everywhere(4, |pool, callers| {
            let all = call_together(pool, callers, |caller| {
                let n = KEYS - 1 - caller as u64;
                if caller % 3 == 0 { (FEMALE.get((n,)), women[n as usize]) } else { (MALE.get((n,)), men[n as usize]) }
            });
            assert!(all.into_iter().all(|(is, should)| is == should));
            WOMEN.once();
            MEN.once();
            FEMALE.clear();
            MALE.clear();
        });
    });
}

#[test]
fn wide_groups_within_wide_groups() {
    const WIDTH: usize = 40;
    const TOP: u64 = 200;
    static COUNTS: Counts<{ TOP as usize + 1 }> = Counts::new();
    cached! {
        const WIDE(n: u64) -> u64 => {
            let n = *n;
            COUNTS.count(n as usize);
            work(n);
            let below = match n {
                TOP => 100,
                100.. => n - 100,
                _ => return n,
            };
            WIDE.group(std::array::from_fn::<_, WIDTH, _>(|at| (below + at as u64,))).iter().sum()
        };
    }
    watched(|| {
        let width = WIDTH as u64;
        let of = |first: u64| (first..first + width).sum::<u64>();
        everywhere(6, |pool, callers| {
            for sum in call_together(pool, callers, |_| WIDE.get((TOP,))) {
                assert_eq!(sum, (0..width).map(of).sum::<u64>());
            }
            assert_eq!(COUNTS.once(), 1 + WIDTH + (2 * WIDTH - 1));
            WIDE.clear();
        });
    });
}
