//! What the Python originals document, one test a statement: the names of the tests are the statements.

mod cached_calls;
mod collections;
mod factoring;
mod growth;
mod kept_values;
mod recursions;
mod vectors;
