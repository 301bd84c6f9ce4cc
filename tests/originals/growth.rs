//! The growth of steps that were counted: the classic advice is to look at it first.

use serde::Deserialize;
use speedup::measure;

use crate::vectors::vectors;

#[derive(Deserialize)]
struct Series {
    class: String,
    n: Vec<u64>,
    ops: Vec<f64>,
}

#[derive(Deserialize)]
struct File {
    series: Vec<Series>,
}

#[test]
fn counted_steps_name_their_class() {
    let file: File = vectors!("big_o");
    for series in file.series {
        let growth = measure::fit(series.n.iter().copied().zip(series.ops.iter().copied()));
        assert_eq!(growth.to_string(), series.class, "{:?}", series.ops);
    }
}
