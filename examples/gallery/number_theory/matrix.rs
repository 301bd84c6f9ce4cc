//! Linear equations modulo a prime.

use super::modular::{Undefined, inverse};

/// The reduced row echelon form modulo a prime: `[I | x]` where the left part can be inverted.
pub(crate) fn row_reduce(mut rows: Vec<Vec<i128>>, p: i128) -> Result<Vec<Vec<i128>>, Undefined> {
    let width = rows.first().map_or(0, Vec::len);
    let mut top = 0;
    for column in 0..width {
        let Some(pivot) = (top..rows.len()).find(|row| rows[*row][column].rem_euclid(p) != 0) else { continue };
        rows.swap(top, pivot);
        let factor = inverse(rows[top][column], p)?;
        rows[top].iter_mut().for_each(|entry| *entry = (*entry * factor).rem_euclid(p));
        let head = rows[top].clone();
        for (_, row) in rows.iter_mut().enumerate().filter(|(index, _)| *index != top) {
            let factor = row[column];
            row.iter_mut().zip(&head).for_each(|(entry, head)| *entry = (*entry - factor * head).rem_euclid(p));
        }
        top += 1;
    }
    Ok(rows)
}
