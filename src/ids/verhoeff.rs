//! The check digit of SNOMED CT identifiers.

/// Whether 6 to 18 digits end in their Verhoeff check digit, as a SNOMED CT identifier does.
#[must_use]
pub fn has_verhoeff_check_digit(id: &str) -> bool {
    // Multiplication in the dihedral group of order ten, and the permutation that moves with the position.
    const D: [[u8; 10]; 10] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
        [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
        [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
        [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
        [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
        [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
        [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
        [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
        [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
    ];
    const P: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    if !(6..=18).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let step = |sum: u8, digit: u8| D.get(usize::from(sum)).and_then(|row| row.get(usize::from(digit))).copied();
    let mut sum = 0;
    for (position, byte) in id.bytes().rev().enumerate() {
        let mut digit = byte.wrapping_sub(b'0');
        for _ in 0..position % 8 {
            let Some(moved) = P.get(usize::from(digit)) else { return false };
            digit = *moved;
        }
        let Some(next) = step(sum, digit) else { return false };
        sum = next;
    }
    sum == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_digit_is_found() {
        for right in ["62479008", "999004371000000100", "999004351000000109"] {
            assert!(has_verhoeff_check_digit(right), "{right}");
        }
        for wrong in ["999004371000000109", "999004351000000100", "62479007", "6247900x", "8", ""] {
            assert!(!has_verhoeff_check_digit(wrong), "{wrong}");
        }
    }
}
