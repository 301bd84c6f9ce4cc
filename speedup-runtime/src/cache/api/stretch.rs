//! Parts of slices and strings, and the numbers that tell them apart (see [`Spans`](crate::cache::Spans)).

use std::{borrow::Borrow, hint::black_box, ptr};

/// A slice or a string.
pub trait Stretch: PartialEq {
    /// What its length counts.
    type Unit;

    /// Its length.
    fn count(&self) -> usize;

    /// Whether it may be divided there.
    fn can_cut(&self, at: usize) -> bool;

    /// A part of it.
    fn part(&self, from: usize, to: usize) -> &Self;
}

impl Stretch for str {
    type Unit = u8;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn count(&self) -> usize {
        self.len()
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn can_cut(&self, at: usize) -> bool {
        self.is_char_boundary(at)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn part(&self, from: usize, to: usize) -> &Self {
        &self[from..to]
    }
}

impl<T: PartialEq> Stretch for [T] {
    type Unit = T;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn count(&self) -> usize {
        self.len()
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn can_cut(&self, _: usize) -> bool {
        true
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn part(&self, from: usize, to: usize) -> &Self {
        &self[from..to]
    }
}

/// The number of a part of `whole` units: where it begins if it reaches to the end, and above all those for others. Small where a
/// recursion shortens at one end.
fn number(whole: usize, from: usize, length: usize) -> Option<u64> {
    let (whole, from, length) = (whole as u64, from as u64, length as u64);
    if length == 0 {
        return Some(whole);
    }
    if from + length == whole {
        return Some(from);
    }
    from.checked_mul(whole + 1)?.checked_add(whole + 1 + length)
}

/// The number of a part, if it lies in the whole. All that are empty are the same.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn span_of<Q: ?Sized + Stretch, A: Borrow<Q>>(part: &Q, whole: &A) -> Option<u64> {
    let whole = whole.borrow();
    let (count, length) = (whole.count(), part.count());
    // Most are what is left behind something: they end where the whole does, and begin as much before that as they are long.
    if end_of(part) == end_of(whole) && length <= count {
        return Some((count - length) as u64);
    }
    span_elsewhere(part, whole)
}

/// A part that a body is given, with its number and what it lies in.
pub struct GivenPart<'g, Q: ?Sized, A> {
    part: &'g Q,
    number: u64,
    /// Whether it ends where the whole does. Then the number is where it begins.
    reaches_to_the_end: bool,
    whole: &'g A,
}

impl<Q: ?Sized, A> Clone for GivenPart<'_, Q, A> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q: ?Sized, A> Copy for GivenPart<'_, Q, A> {}

/// Whether the part that has this number ends where the whole does.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn span_reaches<Q: ?Sized + Stretch, A: Borrow<Q>>(whole: &A, number: u64) -> bool {
    number <= whole.borrow().count() as u64
}

/// The part that has this number.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn span_given<Q: ?Sized + Stretch, A: Borrow<Q>>(whole: &A, number: u64) -> GivenPart<'_, Q, A> {
    let reaches_to_the_end = span_reaches(whole, number);
    GivenPart { part: span_at(whole, number), number, reaches_to_the_end, whole }
}

impl<'g, Q: ?Sized + Stretch, A: Borrow<Q>> GivenPart<'g, Q, A> {
    /// The part itself.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn part(self) -> &'g Q {
        self.part
    }

    /// Whether it ends where the whole does.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn reaches_to_the_end(self) -> bool {
        self.reaches_to_the_end
    }

    /// Whether a part ends where this one does, and is no longer. By how much it is shorter the compiler mostly knows.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn ends_with(self, part: &Q) -> bool {
        // As where they end, but by what both differ in.
        let shorter = self.part.count().wrapping_sub(part.count());
        let behind = address(part).wrapping_sub(address(self.part));
        behind == shorter.wrapping_mul(unit::<Q>()) && part.count() <= self.part.count()
    }

    /// The number of a part with which this one ends, if this one reaches to the end.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn number_of_end(self, part: &Q) -> u64 {
        self.number.wrapping_add(self.part.count().wrapping_sub(part.count()) as u64)
    }

    /// The number of any part that lies in the whole.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn number_of(self, part: &Q) -> Option<u64> {
        // Where most parts reach to the end, the whole need not be at hand; where this one does not, others do not, either.
        if self.reaches_to_the_end { span_found(part, self.whole) } else { span_apart(part, self.whole.borrow()) }
    }
}

/// As [`span_of`], out of line.
#[cold]
#[inline(never)]
fn span_apart<Q: ?Sized + Stretch>(part: &Q, whole: &Q) -> Option<u64> {
    span_of::<Q, &Q>(part, &whole)
}

/// The same, which finds what the whole is itself: whoever calls would keep that all the while.
#[cold]
#[inline(never)]
fn span_found<Q: ?Sized + Stretch, A: Borrow<Q>>(part: &Q, whole: &A) -> Option<u64> {
    // Or the compiler would have it given after all.
    span_of(part, black_box(whole))
}

/// What one unit takes in [`address`] and [`end_of`].
const fn unit<Q: ?Sized + Stretch>() -> usize {
    if size_of::<Q::Unit>() == 0 { 1 } else { size_of::<Q::Unit>() }
}

fn address<Q: ?Sized>(of: &Q) -> usize {
    ptr::from_ref(of).cast::<()>().addr()
}

/// Where a part ends.
#[cfg_attr(not(debug_assertions), inline(always))]
fn end_of<Q: ?Sized + Stretch>(part: &Q) -> usize {
    address(part).wrapping_add(part.count().wrapping_mul(unit::<Q>()))
}

/// The number of a part that does not end where the whole does.
#[cold]
#[inline(never)]
fn span_elsewhere<Q: ?Sized + Stretch>(part: &Q, whole: &Q) -> Option<u64> {
    let (count, length) = (whole.count(), part.count());
    let distance = address(part).wrapping_sub(address(whole));
    let from = distance / unit::<Q>();
    let inside = length == 0 || distance.is_multiple_of(unit::<Q>()) && from <= count && length <= count - from;
    if inside { number(count, from, length) } else { None }
}

/// The part that has this number.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn span_at<Q: ?Sized + Stretch, A: Borrow<Q>>(whole: &A, number: u64) -> &Q {
    let whole = whole.borrow();
    if number <= whole.count() as u64 {
        whole.part(number as usize, whole.count())
    } else {
        elsewhere_at(whole, number)
    }
}

/// The same for one that does not reach to the end.
#[cold]
#[inline(never)]
fn elsewhere_at<Q: ?Sized + Stretch>(whole: &Q, number: u64) -> &Q {
    let above = whole.count() as u64 + 1;
    let (from, length) = ((number - above) / above, (number - above) % above);
    whole.part(from as usize, (from + length) as usize)
}

/// The number of a part with these contents at the end of the whole, or else at its beginning.
pub fn span_like<Q: ?Sized + Stretch, A: Borrow<Q>>(part: &A, whole: &A) -> Option<u64> {
    let (part, whole) = (part.borrow(), whole.borrow());
    let (count, length) = (whole.count(), part.count());
    let ends = |from: usize| whole.can_cut(from) && whole.can_cut(from + length);
    let same = |from: usize| ends(from) && whole.part(from, from + length) == part;
    let from = [count.checked_sub(length)?, 0].into_iter().find(|from| same(*from))?;
    number(count, from, length)
}

/// The number of its empty parts, which is the largest of those that reach to its end.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn span_end<Q: ?Sized + Stretch, A: Borrow<Q>>(whole: &A) -> u64 {
    whole.borrow().count() as u64
}

/// How many bytes it takes.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn span_size<Q: ?Sized, A: Borrow<Q>>(whole: &A) -> usize {
    size_of_val(whole.borrow())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_by_their_place() {
        let whole = vec![1_u16, 2, 3, 4];
        for from in 0..=4 {
            for to in from..=4 {
                let part = &whole[from..to];
                let number = span_of::<[u16], _>(part, &whole).unwrap();
                assert_eq!(span_at::<[u16], _>(&whole, number), part);
                assert_eq!(number <= 4, to == 4 || part.is_empty());
            }
        }
        assert_eq!(span_of::<[u16], _>(&[1, 2], &whole), None);
        assert_eq!(span_of::<[u16], _>(&[], &whole), Some(4));
    }

    #[test]
    fn beside_a_part_that_was_given_it_is_the_same() {
        let whole = vec![1_u16, 2, 3, 4];
        let parts = || (0..=4).flat_map(|from| (from..=4).map(move |to| (from, to)));
        for (from, to) in parts() {
            let part = &whole[from..to];
            let own = span_given::<[u16], _>(&whole, span_of::<[u16], _>(part, &whole).unwrap());
            assert_eq!(own.part(), part);
            assert_eq!(own.reaches_to_the_end(), to == 4 || part.is_empty());
            for (from, to) in parts() {
                let other = &whole[from..to];
                assert_eq!(own.number_of(other), span_of::<[u16], _>(other, &whole));
                if own.reaches_to_the_end() && own.ends_with(other) {
                    assert_eq!(Some(own.number_of_end(other)), own.number_of(other));
                }
            }
            assert!(!own.ends_with(&[1, 2]) && own.number_of(&[1, 2]).is_none());
        }
    }

    #[test]
    fn a_part_is_the_end_of_one_that_ends_there() {
        let whole = vec![1_u16, 2, 3, 4];
        let ends = |given_at: std::ops::Range<usize>, other: std::ops::Range<usize>| {
            let part = &whole[given_at];
            span_given::<[u16], _>(&whole, span_of::<[u16], _>(part, &whole).unwrap()).ends_with(&whole[other])
        };
        assert!(ends(1..4, 1..4) && ends(1..4, 3..4) && ends(1..4, 4..4) && ends(1..3, 2..3));
        assert!(!ends(1..4, 0..4), "it is longer");
        assert!(!ends(1..4, 1..3) && !ends(1..3, 2..4), "they end elsewhere");
    }

    #[test]
    fn what_ends_with_the_whole_and_begins_before_it_is_elsewhere() {
        let around = [1_u16, 2, 3, 4];
        let whole: &[u16; 2] = around.last_chunk().unwrap();
        assert_eq!(span_of::<[u16], _>(&around[1..], whole), None);
        assert_eq!(span_of::<[u16], _>(&around[2..], whole), Some(0));
        assert_eq!(span_of::<[u16], _>(&around[..3], whole), None);
        assert_eq!(span_of::<[u16], _>(&around[..0], whole), Some(2));
    }

    #[test]
    fn what_lies_across_units_is_elsewhere() {
        let whole = vec![[1_u8, 2], [3, 4]];
        let (across, _) = whole.as_flattened()[1..].as_chunks::<2>();
        assert_eq!(span_of::<[[u8; 2]], _>(across, &whole), None);
    }

    #[test]
    fn units_without_a_size_have_places_too() {
        let whole = vec![(), (), ()];
        assert_eq!(span_of::<[()], _>(&whole[1..], &whole).map(|at| span_at::<[()], _>(&whole, at).len()), Some(2));
    }

    #[test]
    fn contents_are_found_at_both_ends() {
        let whole = "größer".to_string();
        let like = |part: &str| span_like::<str, _>(&part.to_string(), &whole).map(|at| span_at::<str, _>(&whole, at));
        for part in ["größer", "ößer", "gr", "", "r"] {
            assert_eq!(like(part), Some(part));
        }
        assert_eq!((like("öß"), like("größeres"), like("xößer")), (None, None, None));
    }
}
