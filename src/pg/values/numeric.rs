//! Reading `numeric` values from their stored form, which has not changed since PostgreSQL 9.1: a header of two or
//! four bytes, then base-10000 digits (src/backend/utils/adt/numeric.c).

/// A decoded `numeric`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decoded {
    /// `digits * 10^exponent`.
    Exact {
        digits: i128,
        exponent: i32,
    },
    NotANumber,
    Infinite {
        negative: bool,
    },
    /// More digits than are decoded here.
    Long,
}

/// Number of base-10000 digits that always fit.
const MAX_DIGITS: usize = 9;

/// Decodes the bytes after the length word; `None` if they are not a `numeric`.
pub fn decode(bytes: &[u8]) -> Option<Decoded> {
    let word = |i: usize| bytes.get(2 * i..2 * i + 2).map(|b| u16::from_ne_bytes([b[0], b[1]]));
    let header = word(0)?;
    if header & 0xc000 == 0xc000 {
        return Some(match header & 0xf000 {
            0xd000 => Decoded::Infinite { negative: false },
            0xf000 => Decoded::Infinite { negative: true },
            _ => Decoded::NotANumber,
        });
    }
    let (negative, weight, first) = if header & 0x8000 != 0 {
        let magnitude = (header & 0x3f) as i32;
        let weight = if header & 0x40 != 0 { magnitude - 64 } else { magnitude };
        (header & 0x2000 != 0, weight, 1)
    } else {
        (header & 0x4000 != 0, word(1)? as i16 as i32, 2)
    };
    let count = bytes.len() / 2 - first;
    if count > MAX_DIGITS {
        return Some(Decoded::Long);
    }
    let mut digits: i128 = 0;
    for i in 0..count {
        digits = digits * 10_000 + i128::from(word(first + i)?);
    }
    let exponent = 4 * (weight - count as i32 + 1);
    Some(Decoded::Exact { digits: if negative { -digits } else { digits }, exponent })
}

/// `digits * 10^exponent` as the nearest double, if that is fast to compute.
pub fn to_float(digits: i128, exponent: i32) -> Option<f64> {
    const EXACT: i128 = 1 << 53;
    // Powers of ten up to 10^22 are exact, so there is only one rounding.
    if digits == 0 {
        Some(0.0)
    } else if digits.abs() <= EXACT && (-22..=22).contains(&exponent) {
        let power = 10f64.powi(exponent.abs());
        Some(if exponent < 0 { digits as f64 / power } else { digits as f64 * power })
    } else {
        None
    }
}

/// `digits * 10^exponent` in units of `10^-scale`, rounded to a whole number.
pub fn to_units(digits: i128, exponent: i32, scale: i32) -> Option<f64> {
    let shift = exponent + scale;
    let power = 10i128.checked_pow(shift.unsigned_abs())?;
    let units = if shift >= 0 {
        digits.checked_mul(power)?
    } else {
        let half = if digits < 0 { -(power / 2) } else { power / 2 };
        (digits + half) / power
    };
    Some(units as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(negative: bool, scale: u16, weight: i16, digits: &[u16]) -> Vec<u8> {
        let weight_bits = (weight as u16) & 0x3f | if weight < 0 { 0x40 } else { 0 };
        let header = 0x8000 | if negative { 0x2000 } else { 0 } | (scale << 7) | weight_bits;
        std::iter::once(header).chain(digits.iter().copied()).flat_map(u16::to_ne_bytes).collect()
    }

    #[test]
    fn short_form_is_read() {
        // 12345.67 = 1 * 10000 + 2345 + 6700 / 10000.
        let bytes = short(false, 2, 1, &[1, 2345, 6700]);
        assert_eq!(decode(&bytes), Some(Decoded::Exact { digits: 123_456_700, exponent: -4 }));
        // -0.0001
        assert_eq!(decode(&short(true, 4, -1, &[1])), Some(Decoded::Exact { digits: -1, exponent: -4 }));
        assert_eq!(decode(&short(false, 0, 0, &[])), Some(Decoded::Exact { digits: 0, exponent: 4 }));
    }

    #[test]
    fn long_form_and_specials_are_read() {
        let long: Vec<u8> = [0x4000u16, 100, 7].into_iter().flat_map(u16::to_ne_bytes).collect();
        assert_eq!(decode(&long), Some(Decoded::Exact { digits: -7, exponent: 400 }));
        assert_eq!(decode(&0xc000u16.to_ne_bytes()), Some(Decoded::NotANumber));
        assert_eq!(decode(&0xf000u16.to_ne_bytes()), Some(Decoded::Infinite { negative: true }));
        assert_eq!(decode(&[1]), None);
    }

    #[test]
    fn units_are_exact() {
        assert_eq!(to_units(123_456_700, -4, 2), Some(1_234_567.0));
        assert_eq!(to_units(-15, -1, 0), Some(-2.0));
        assert_eq!(to_units(7, 4, -3), Some(70.0));
    }

    #[test]
    fn floats_round_once() {
        assert_eq!(to_float(29, -2), Some(0.29));
        assert_eq!(to_float(i128::from(u64::MAX), 0), None);
    }
}
