//! The words of `cached`, `memoize` and `lru_cache`: a row of the table each, and the text to write instead.

use speedup::cache;

#[cache(size = 100)]
fn with_size(n: u64) -> u64 {
    n
}

#[cache(max_size = 100)]
fn with_max_size(n: u64) -> u64 {
    n
}

#[cache(unbound)]
fn with_unbound(n: u64) -> u64 {
    n
}

#[cache(time = 60)]
fn with_time(n: u64) -> u64 {
    n
}

#[cache(ttl_secs = 60)]
fn with_ttl_secs(n: u64) -> u64 {
    n
}

#[cache(ttl_millis = 500)]
fn with_ttl_millis(n: u64) -> u64 {
    n
}

#[cache(refresh = true)]
fn with_refresh(n: u64) -> u64 {
    n
}

#[cache(time_refresh = true)]
fn with_time_refresh(n: u64) -> u64 {
    n
}

#[cache(convert = r#"{ format!("{n}") }"#)]
fn with_convert(n: u64) -> u64 {
    n
}

#[cache(result = true)]
fn with_result(n: u64) -> u64 {
    n
}

#[cache(option = true)]
fn with_option(n: u64) -> u64 {
    n
}

#[cache(result_fallback = true)]
fn with_result_fallback(n: u64) -> u64 {
    n
}

#[cache(sync_writes = "by_key")]
fn with_sync_writes(n: u64) -> u64 {
    n
}

#[cache(sync_lock = "mutex")]
fn with_sync_lock(n: u64) -> u64 {
    n
}

#[cache(with_cached_flag = true)]
fn with_with_cached_flag(n: u64) -> u64 {
    n
}

#[cache(in_impl = true)]
fn with_in_impl(n: u64) -> u64 {
    n
}

#[cache(ty = "SizedCache<u64, u64>")]
fn with_ty(n: u64) -> u64 {
    n
}

#[cache(create = "{ SizedCache::with_size(9) }")]
fn with_create(n: u64) -> u64 {
    n
}

#[cache(map_error = "|e| e")]
fn with_map_error(n: u64) -> u64 {
    n
}

#[cache(Capacity: 123)]
fn with_capacity(n: u64) -> u64 {
    n
}

#[cache(TimeToLive: Duration::from_secs(2))]
fn with_time_to_live(n: u64) -> u64 {
    n
}

#[cache(SharedCache)]
fn with_shared_cache(n: u64) -> u64 {
    n
}

#[cache(Ignore: n)]
fn with_ignore(n: u64) -> u64 {
    n
}

#[cache(CustomHasher: ahash::AHasher)]
fn with_custom_hasher(n: u64) -> u64 {
    n
}

#[cache(HasherInit: ahash::AHasher::default())]
fn with_hasher_init(n: u64) -> u64 {
    n
}

#[cache(maxsize = 20)]
fn with_maxsize(n: u64) -> u64 {
    n
}

#[cache(ignore_args = n)]
fn with_ignore_args(n: u64) -> u64 {
    n
}

#[cache(key = "String", convert = r#"{ format!("{a}{b}") }"#)]
fn with_key(a: &str, b: &str) -> usize {
    a.len() + b.len()
}

#[cache(100)]
fn with_a_number(n: u64) -> u64 {
    n
}

#[cache(cache_err = false)]
fn with_a_switch(n: u64) -> Result<u64, String> {
    Ok(n)
}

#[cache(name: TABLE)]
fn with_a_colon(n: u64) -> u64 {
    n
}

fn main() {
    // The functions and their handles are there.
    let _ = (with_size(1), WITH_TIME.len());
}
