//! How generated code asks what a type can do: the method that fits with the fewest references wins. The methods have names that no
//! blanket trait of a user has.

use std::fmt;

use super::fallible::Fallible;

/// A key to be written.
pub struct Show<'a, K>(pub &'a K);

/// Writes keys that have a `Debug` form.
pub trait ShowDebug {
    /// Writes the key.
    fn __speedup_show(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result;
}

impl<K: fmt::Debug> ShowDebug for Show<'_, K> {
    fn __speedup_show(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Writes a place holder for all others.
pub trait ShowOpaque {
    /// Writes the place holder.
    fn __speedup_show(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result;
}

impl<K> ShowOpaque for &Show<'_, K> {
    fn __speedup_show(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(..)")
    }
}

/// A result about which to decide whether it is kept.
pub struct Keep<'a, R>(pub &'a R);

/// Results: only `Ok` is kept.
pub trait KeepResult {
    /// Whether to keep it.
    fn __speedup_keep(&self) -> bool;
}

impl<T, E> KeepResult for Keep<'_, Result<T, E>> {
    fn __speedup_keep(&self) -> bool {
        self.0.is_ok()
    }
}

/// Options: only `Some` is kept.
pub trait KeepOption {
    /// Whether to keep it.
    fn __speedup_keep(&self) -> bool;
}

impl<T> KeepOption for Keep<'_, Option<T>> {
    fn __speedup_keep(&self) -> bool {
        self.0.is_some()
    }
}

/// Everything else is kept.
pub trait KeepAny {
    /// Whether to keep it.
    fn __speedup_keep(&self) -> bool;
}

impl<R> KeepAny for &Keep<'_, R> {
    fn __speedup_keep(&self) -> bool {
        true
    }
}

/// Makes a result, to be lent from now on.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn lend<R>(make: impl FnOnce() -> R) -> &'static R {
    Box::leak(Box::new(make()))
}

/// Makes a result whose error is moved.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn share<R: Fallible>(make: impl FnOnce() -> R) -> R::Shared {
    make().share()
}

#[cfg(test)]
#[allow(clippy::needless_borrow, reason = "the borrow is what generated code writes")]
mod tests {
    use super::{KeepAny as _, KeepOption as _, KeepResult as _, *};

    #[test]
    fn results_and_options_are_told_from_other_types() {
        assert!((&Keep(&Ok::<_, ()>(1))).__speedup_keep() && !(&Keep(&Err::<(), _>(1))).__speedup_keep());
        assert!((&Keep(&Some(1))).__speedup_keep() && !(&Keep(&None::<()>)).__speedup_keep());
        assert!((&Keep(&0)).__speedup_keep());
    }

    #[test]
    fn keys_without_debug_are_written_as_a_place_holder() {
        struct Plain;
        struct Shown<F>(F);
        impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for Shown<F> {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                (self.0)(out)
            }
        }
        use super::{ShowDebug as _, ShowOpaque as _};
        assert_eq!(
            Shown(|out: &mut fmt::Formatter<'_>| (&Show(&(1, "a"))).__speedup_show(out)).to_string(),
            "(1, \"a\")"
        );
        assert_eq!(Shown(|out: &mut fmt::Formatter<'_>| (&Show(&(Plain,))).__speedup_show(out)).to_string(), "(..)");
    }
}
