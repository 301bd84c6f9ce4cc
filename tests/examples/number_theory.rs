//! Each function of the library against the answers that were worked out elsewhere, `tests/vectors`.

use num_bigint::{BigInt, BigUint};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::gallery::number_theory::{factoring, matrix, modular, primes};

/// The answers of a file, which are all of it or its `cases`.
fn cases<T: DeserializeOwned>(text: &str) -> Vec<T> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum File<T> {
        Cases { cases: Vec<T> },
        All(Vec<T>),
    }
    match serde_json::from_str(text).expect("the vectors are valid JSON of the stated shape") {
        File::Cases { cases } | File::All(cases) => cases,
    }
}

macro_rules! vectors {
    ($name:literal) => {
        cases(include_str!(concat!("../vectors/", $name, ".json")))
    };
}

fn number<N: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> N {
    text.parse().expect("a number")
}

#[test]
fn gcd_is_the_greatest_common_divisor() {
    #[derive(Deserialize)]
    struct Case {
        a: String,
        b: String,
        gcd: String,
    }
    for case in vectors!("gcd") {
        let Case { a, b, gcd } = case;
        assert_eq!(modular::gcd(number(&a), number(&b)), number::<u128>(&gcd), "gcd({a}, {b})");
    }
}

#[test]
fn what_has_no_inverse_is_an_error_each_time() {
    #[derive(Deserialize)]
    struct Case {
        number: String,
        modulo: String,
        inverse: Option<String>,
    }
    for case in vectors!("inv_mod") {
        let Case { number: n, modulo, inverse } = case;
        for _ in 0..2 {
            let found = modular::inverse(number(&n), number(&modulo));
            assert_eq!(found.ok(), inverse.as_deref().map(number), "the inverse of {n} modulo {modulo}");
        }
    }
}

#[test]
fn division_finds_every_quotient() {
    #[derive(Deserialize)]
    struct Case {
        numerator: String,
        denominator: String,
        modulo: String,
        smallest_solution: Option<String>,
        solutions_mod: Option<String>,
        n_solutions: i64,
    }
    for case in vectors!("divide_mod") {
        let case: Case = case;
        let modulo: i128 = number(&case.modulo);
        let found = modular::divide(number(&case.numerator), number(&case.denominator), modulo).ok();
        let wanted = case.smallest_solution.zip(case.solutions_mod).filter(|_| case.n_solutions > 0);
        let wanted =
            wanted.map(|(smallest, step)| modular::Quotients { smallest: number(&smallest), step: number(&step) });
        assert_eq!(found, wanted, "{} / {} modulo {modulo}", case.numerator, case.denominator);
        if let Some(found) = found {
            assert_eq!(modulo / found.step, case.n_solutions.into());
        }
    }
}

#[test]
fn jacobi_symbols() {
    #[derive(Deserialize)]
    struct Case {
        a: String,
        n: String,
        jacobi: i8,
    }
    for case in vectors!("jacobi") {
        let Case { a, n, jacobi } = case;
        assert_eq!(modular::jacobi(number(&a), number(&n)), Ok(jacobi), "({a} / {n})");
    }
    assert_eq!(modular::jacobi(3, 8), Err(modular::Undefined::EvenModulus(8)));
}

#[test]
fn square_roots_by_tonelli_and_shanks() {
    #[derive(Deserialize)]
    struct Case {
        a: String,
        p: String,
        roots: Vec<String>,
    }
    for case in vectors!("ts_square_root") {
        let Case { a, p, roots } = case;
        match modular::square_root(number(&a), number(&p)) {
            Some(root) => assert!(roots.contains(&root.to_string()), "{root} for {a} modulo {p}"),
            None => assert!(roots.is_empty(), "{a} modulo {p} has the roots {roots:?}"),
        }
    }
}

#[test]
fn discrete_logarithms() {
    #[derive(Deserialize)]
    struct Case {
        n: u64,
        a: u64,
        p: u64,
        exponent: u64,
    }
    for case in vectors!("discrete_log") {
        let Case { n, a, p, exponent } = case;
        assert_eq!(modular::discrete_log(n, a, p), Some(exponent), "{a}^x = {n} modulo {p}");
    }
}

#[test]
fn row_reduction_solves_equations() {
    #[derive(Deserialize)]
    struct Case {
        rows: Vec<Vec<i64>>,
        p: i64,
        reduced: Vec<Vec<i64>>,
    }
    let wide = |rows: Vec<Vec<i64>>| -> Vec<Vec<i128>> {
        rows.iter().map(|row| row.iter().map(|entry| i128::from(*entry)).collect()).collect()
    };
    for case in vectors!("row_reduce") {
        let Case { rows, p, reduced } = case;
        assert_eq!(matrix::row_reduce(wide(rows), p.into()), Ok(wide(reduced)));
    }
}

#[test]
fn squares_of_any_size() {
    #[derive(Deserialize)]
    struct Case {
        n: String,
        root: Option<String>,
    }
    for case in vectors!("is_square") {
        let Case { n, root } = case;
        assert_eq!(primes::is_square(&number::<BigInt>(&n)), root.as_deref().map(number::<BigUint>), "{n}");
    }
}

#[test]
fn primes_and_those_that_follow() {
    #[derive(Deserialize)]
    struct Case {
        n: String,
        prime: bool,
    }
    #[derive(Deserialize)]
    struct Next {
        p: u64,
        next: u64,
    }
    for case in vectors!("is_prime") {
        let Case { n, prime } = case;
        assert_eq!(primes::is_prime(number(&n)), prime, "{n}");
    }
    for case in vectors!("next_prime") {
        let Next { p, next } = case;
        assert_eq!(primes::next_prime(p), next);
    }
}

#[test]
fn the_list_of_primes_grows_from_what_is_on_disk() {
    let wanted: Vec<u64> = vectors!("primes");
    let folder = tempfile::tempdir().expect("a folder");
    for part in wanted.chunks(500).scan(0, |end, part| Some((std::mem::replace(end, *end + part.len()), part))) {
        let mut list = primes::PrimeList::open(folder.path()).expect("it opens");
        for (index, prime) in (part.0..).zip(part.1) {
            assert_eq!(list.nth(index).expect("it reads"), *prime);
        }
    }
}

#[test]
fn prime_factors() {
    #[derive(Deserialize)]
    struct Case {
        n: String,
        factors: Vec<String>,
    }
    let mut all: Vec<Case> = vectors!("factor");
    all.extend::<Vec<Case>>(vectors!("factor_special"));
    all.extend::<Vec<Case>>(vectors!("factor_semiprimes_5digit"));
    for Case { n, factors } in all {
        let wanted: Vec<u64> = factors.iter().map(|factor| number(factor)).collect();
        assert_eq!(factoring::factors(number(&n)), wanted, "{n}");
    }
}
