//! Do real numbers lie on a decimal lattice?
//!
//! One noisy histogram over the number of decimal places (0 to 6, or none of these) that a value is written with.
//! A row counts once.

/// Decimal places looked for.
pub const MAX_DECIMALS: usize = 6;

/// Cells of the histogram: 0 to [`MAX_DECIMALS`] places, and more or none.
pub const CLASSES: usize = MAX_DECIMALS + 2;

/// Share of rows that may lie off the lattice, to be rounded to it.
const TOLERANCE: f64 = 0.01;

/// How many standard deviations of the noise the rows on the lattice must exceed those off it by.
const CERTAINTY: f64 = 3.0;

/// How many values are written with 0, 1, ... decimal places.
pub fn counts(values: &[f64]) -> [u64; CLASSES] {
    let mut counts = [0; CLASSES];
    for value in values {
        counts[places(*value)] += 1;
    }
    counts
}

/// The number of decimal places that most rows do with, if they do; from noisy counts.
pub fn lattice(noisy: &[f64], noise_sd: f64) -> Option<usize> {
    let total: f64 = noisy.iter().sum();
    let noise = noise_sd * (noisy.len() as f64).sqrt();
    if total < 2.0 * CERTAINTY * noise {
        return None;
    }
    let allowed = (TOLERANCE * total + CERTAINTY * noise_sd).min(total / 4.0);
    (0..=MAX_DECIMALS).find(|places| {
        let off = &noisy[places + 1..];
        off.iter().sum::<f64>() <= allowed * (off.len() as f64).sqrt()
    })
}

/// The least number of decimal places that a value is written with, or one more than [`MAX_DECIMALS`].
fn places(value: f64) -> usize {
    (0..=MAX_DECIMALS).find(|places| has_places(value, *places)).unwrap_or(MAX_DECIMALS + 1)
}

/// Whether a decimal number of so many places is within a few roundings of the value, or is its nearest
/// single-precision neighbour if the value is of single precision.
fn has_places(value: f64, places: usize) -> bool {
    let per_one = POWERS[places];
    let units = value * per_one;
    let decimal = units.round() / per_one;
    // A decimal with this many digits would fit any number.
    let single = units.abs() < 1e6 && f64::from(value as f32) == value && decimal as f32 == value as f32;
    decimal == value || (units.abs() < 1e9 && (decimal - value).abs() <= 1e-12 * value.abs()) || single
}

/// Powers of ten by exponent.
pub const POWERS: [f64; MAX_DECIMALS + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_places_they_are_written_with() {
        for (value, expected) in [
            (0.0, 0),
            (-17.0, 0),
            (1e300, 0),
            (0.5, 1),
            (-0.25, 2),
            (1234.56, 2),
            (0.1 + 0.2, 1),
            (f64::from(0.1f32), 1),
            (f64::from(98.76f32), 2),
            (1e-6, 6),
            (1e-7, 7),
            (std::f64::consts::PI, 7),
            (1.0 / 3.0, 7),
        ] {
            assert_eq!(places(value), expected, "{value}");
        }
    }

    #[test]
    fn a_lattice_is_found_only_where_nearly_all_rows_lie_on_it() {
        assert_eq!(lattice(&[9_000.0, 800.0, 100.0, 40.0, -30.0, 10.0, 0.0, 20.0], 20.0), Some(1));
        assert_eq!(lattice(&[10_000.0, 5.0, -9.0, 12.0, 3.0, 0.0, -20.0, 8.0], 10.0), Some(0));
        assert_eq!(lattice(&[5_000.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 5_000.0], 10.0), None);
        // Noise is no lattice.
        assert_eq!(lattice(&[60.0, -10.0, 30.0, -40.0, 10.0, 0.0, -20.0, 8.0], 50.0), None);
    }
}
