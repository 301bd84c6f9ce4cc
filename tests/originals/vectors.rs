//! The known answers in `tests/vectors`.

use serde::de::DeserializeOwned;

/// The parsed content of a file of known answers.
pub(crate) fn parsed<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("the vectors are valid JSON of the stated shape")
}

/// A file of `tests/vectors` as a value of the wanted type.
macro_rules! vectors {
    ($name:literal) => {
        crate::vectors::parsed(include_str!(concat!("../vectors/", $name, ".json")))
    };
}

pub(crate) use vectors;
