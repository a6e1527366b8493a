//! The one-way shares that all measurements of a column imply together. Post-processing of noisy counts alone.

use super::coarsening::Coarsening;
use super::fit::Measurement;

/// Shares of the column's codes, by least squares over every measurement that holds the column: each tells the counts of
/// the groups it sees, with the noise of the cells that a group sums over. What is learned of a group is dealt to its
/// codes by their variances, correlations left aside. The outcome is projected onto shares that are not negative and
/// add up to 1.
pub fn shares(column: usize, measurements: &[Measurement], coarsening: &Coarsening, rows: f64) -> Vec<f64> {
    let size = coarsening.levels(column)[0].size;
    let mut known: Option<(Vec<f64>, Vec<f64>)> = None;
    for measurement in measurements.iter().filter(|m| m.marginal.clique.contains(column)) {
        let (groups, group_of) = margin(column, measurement, coarsening);
        let variance = measurement.noise_sd.max(1.0).powi(2) * (measurement.counts.len() / groups.len()) as f64;
        match &mut known {
            Some((values, variances)) => learn(values, variances, &groups, group_of, variance),
            // Columns are counted one by one, code by code, before anything else.
            None => known = Some((groups, vec![variance; size])),
        }
    }
    let values = known.map_or_else(|| vec![1.0; size], |(values, _)| values);
    project(&values, rows).into_iter().map(|count| count / rows).collect()
}

/// Counts of the groups of a column that a measurement sees, and the group of each code.
fn margin<'a>(column: usize, measurement: &'a Measurement, coarsening: &'a Coarsening) -> (Vec<f64>, &'a [u8]) {
    let (mut step, mut size, mut group_of) = (1, 1, [].as_slice());
    let mut below = 1;
    for (member, level) in measurement.marginal.levels(coarsening).rev() {
        if member == column {
            (step, size, group_of) = (below, level.size, level.group_of.as_slice());
        }
        below *= level.size;
    }
    let mut groups = vec![0.0; size];
    measurement.counts.iter().enumerate().for_each(|(cell, count)| groups[cell / step % size] += count);
    (groups, group_of)
}

/// Mends counts of codes by counts of their groups with the given variance each.
fn learn(values: &mut [f64], variances: &mut [f64], groups: &[f64], group_of: &[u8], variance: f64) {
    let mut sums = vec![(0.0, 0.0); groups.len()];
    for (code, group) in group_of.iter().enumerate() {
        let (value, spread) = &mut sums[usize::from(*group)];
        *value += values[code];
        *spread += variances[code];
    }
    for (code, group) in group_of.iter().enumerate() {
        let (value, spread) = sums[usize::from(*group)];
        let gain = variances[code] / (spread + variance);
        values[code] += gain * (groups[usize::from(*group)] - value);
        variances[code] *= 1.0 - gain;
    }
}

/// The nearest values that are not negative and add up to `total`, which is positive.
fn project(values: &[f64], total: f64) -> Vec<f64> {
    let mut descending = values.to_vec();
    descending.sort_unstable_by(|a, b| b.total_cmp(a));
    let (mut sum, mut shift) = (0.0, 0.0);
    for (place, value) in descending.iter().enumerate() {
        sum += value;
        let candidate = (sum - total) / (place + 1) as f64;
        if *value <= candidate {
            break;
        }
        shift = candidate;
    }
    values.iter().map(|value| (value - shift).max(0.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::marginals::{Clique, Marginal};

    #[test]
    fn projections_are_shares_and_keep_what_fits() {
        assert_eq!(project(&[3.0, 1.0, 0.0], 4.0), [3.0, 1.0, 0.0]);
        assert_eq!(project(&[3.0, 2.0, -6.0], 4.0), [2.5, 1.5, 0.0]);
        assert_eq!(project(&[0.0, 0.0], 4.0), [2.0, 2.0]);
    }

    #[test]
    fn every_measurement_has_its_say() {
        let coarsening = Coarsening::new(&[vec![5.0, 1.0, 1.0], vec![1.0; 2]], &[0, 0], &vec![vec![]; 2]);
        let measured = |columns: Vec<usize>, levels: Vec<u8>, counts: Vec<f64>, noise_sd| Measurement {
            marginal: Marginal { clique: Clique::new(columns), levels },
            counts,
            noise_sd,
        };
        let one_way = measured(vec![0], vec![0], vec![60.0, 20.0, 20.0], 2.0);
        assert_eq!(shares(0, std::slice::from_ref(&one_way), &coarsening, 100.0), [0.6, 0.2, 0.2]);
        // The same variance, two cells of half of it each: the mean of the two.
        let pair = measured(vec![0, 1], vec![0, 0], vec![25.0, 25.0, 15.0, 15.0, 10.0, 10.0], 2f64.sqrt());
        let both = shares(0, &[one_way.clone(), pair], &coarsening, 100.0);
        assert!(both.iter().zip([0.55, 0.25, 0.2]).all(|(a, b)| (a - b).abs() < 1e-9), "{both:?}");
        // Groups {0} and {1, 2}, told exactly: what the second group gains, its codes share.
        let coarse = measured(vec![0, 1], vec![1, 0], vec![25.0, 25.0, 25.0, 25.0], 0.0);
        let both = shares(0, &[Measurement { noise_sd: 1e6, ..one_way }, coarse], &coarsening, 100.0);
        assert!(both.iter().zip([0.5, 0.25, 0.25]).all(|(a, b)| (a - b).abs() < 1e-6), "{both:?}");
    }
}
