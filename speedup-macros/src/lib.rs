//! The attributes of the `speedup` crate; depend on `speedup`, not on this crate.
