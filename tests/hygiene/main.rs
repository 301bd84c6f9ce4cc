//! The attributes in code that names things as it likes: made by macros, beside types and traits with well-known names, without a
//! prelude. Also run as crates of the editions 2018 and 2021.

#![cfg(feature = "macros")]

mod attributes;
mod floats;
mod given_names;
mod made_by_macros;
mod names;
mod no_prelude;
mod places;
mod types;
