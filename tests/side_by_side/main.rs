//! That what people write runs on two threads at once, and gives what the plain function gives.
//!
//! Two calls of a shape have to meet: each waits in its base case until another one is there as well. If the calls ran one
//! after the other, none would ever meet; each gives up after some time, and the test fails.

mod ends;
mod joins;
mod late;
mod meeting;
mod shapes;
