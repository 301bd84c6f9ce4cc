//! Types whose clones run no code of users.

use std::any::TypeId;

/// Whether this is a number, a character, a truth value or nothing. The comparisons fold away when optimised.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(in crate::cache) fn is_plain<T: 'static>() -> bool {
    let id = TypeId::of::<T>();
    macro_rules! check {
        ($($plain:ty)*) => { false $(|| id == TypeId::of::<$plain>() || id == TypeId::of::<Option<$plain>>())* };
    }
    check!(() u64 usize u32 u16 u8 u128 i64 isize i32 i16 i8 i128 f64 f32 bool char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_plain_and_what_users_may_have_written_is_not() {
        assert!(is_plain::<u64>() && is_plain::<Option<f32>>() && is_plain::<()>() && is_plain::<bool>());
        assert!(
            !is_plain::<String>() && !is_plain::<(u64,)>() && !is_plain::<[u8; 2]>() && !is_plain::<Option<Box<u64>>>()
        );
    }
}
