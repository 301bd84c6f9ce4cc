//! Halting conditions: when a search in an endless buffer may stop.

#[cfg(feature = "complex")]
use num_complex::Complex;

use super::handle::Buffer;

/// A halting condition: `true` when a search for `item` may stop.
///
/// Every function or closure `(buffer, item, attempts) -> bool` is one. `buffer` shows the values that the search has
/// seen, `attempts` counts from 0 the values it has looked at beyond those computed before.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no halting condition",
    label = "write `NonDecreasing`, `AbsNonDecreasing`, `Attempts(n)` or `|buffer, item, attempts| ..`"
)]
pub trait Halt<T> {
    /// Whether the search may stop.
    fn halt(&self, buffer: &Buffer<T>, item: &T, attempts: usize) -> bool;
}

#[diagnostic::do_not_recommend]
impl<T, F> Halt<T> for F
where
    F: Fn(&Buffer<T>, &T, usize) -> bool,
{
    fn halt(&self, buffer: &Buffer<T>, item: &T, attempts: usize) -> bool {
        self(buffer, item, attempts)
    }
}

/// The values never decrease: stop when the last one is greater than the item.
#[allow(non_snake_case)] // it is named like the kind of sequence, as an attribute reads
pub fn NonDecreasing<T: PartialOrd + 'static>(buffer: &Buffer<T>, item: &T, _: usize) -> bool {
    buffer.last_ready().is_some_and(|last| last > item)
}

/// The absolute values never decrease: stop when that of the last one is greater than that of the item.
#[allow(non_snake_case)]
pub fn AbsNonDecreasing<T: Magnitude + 'static>(buffer: &Buffer<T>, item: &T, _: usize) -> bool {
    buffer.last_ready().is_some_and(|last| last.magnitude() > item.magnitude())
}

/// Stop after `limit` values beyond those computed before.
#[allow(non_snake_case)]
pub fn Attempts<T: 'static>(limit: usize) -> impl Fn(&Buffer<T>, &T, usize) -> bool + Copy + Send + Sync + 'static {
    move |_: &Buffer<T>, _: &T, attempts| attempts >= limit
}

/// A number with an absolute value, for [`AbsNonDecreasing`].
pub trait Magnitude {
    /// What absolute values compare by.
    type Size: PartialOrd;

    /// The absolute value, or anything that grows with it, such as its square.
    fn magnitude(&self) -> Self::Size;
}

macro_rules! magnitude {
    ($($number:ty, $size:ty, $abs:expr;)*) => {
        $(impl Magnitude for $number {
            type Size = $size;

            fn magnitude(&self) -> $size {
                let abs: fn($number) -> $size = $abs;
                abs(*self)
            }
        })*
    };
}

magnitude! {
    i8, u8, i8::unsigned_abs;
    i16, u16, i16::unsigned_abs;
    i32, u32, i32::unsigned_abs;
    i64, u64, i64::unsigned_abs;
    i128, u128, i128::unsigned_abs;
    isize, usize, isize::unsigned_abs;
    u8, u8, |number| number;
    u16, u16, |number| number;
    u32, u32, |number| number;
    u64, u64, |number| number;
    u128, u128, |number| number;
    usize, usize, |number| number;
    f32, f32, f32::abs;
    f64, f64, f64::abs;
}

#[cfg(feature = "complex")]
magnitude! {
    Complex<f32>, f32, |number| number.norm_sqr();
    Complex<f64>, f64, |number| number.norm_sqr();
    Complex<i32>, i128, |number| squares(number.re.into(), number.im.into());
    Complex<i64>, i128, |number| squares(number.re.into(), number.im.into());
}

/// The square of the absolute value; at most `2 * 2^126`, one more than fits, which saturates.
#[cfg(feature = "complex")]
fn squares(re: i128, im: i128) -> i128 {
    (re * re).saturating_add(im * im)
}
