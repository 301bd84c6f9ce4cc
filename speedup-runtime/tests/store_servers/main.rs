//! Stores on servers: real ones, started and harmed by each test. Where a server is not installed its tests pass, and say so.
#![cfg(any(feature = "redis", feature = "memcached"))]

mod proxy;
mod servers;

mod conformance;
#[cfg(feature = "memcached")]
mod memcached_store;
#[cfg(feature = "redis")]
mod redis_cooperation;
#[cfg(feature = "redis")]
mod redis_faults;
#[cfg(feature = "redis")]
mod redis_routes;
#[cfg(feature = "redis")]
mod redis_store;
#[cfg(feature = "redis")]
mod redis_watch;
