//! Coarser and coarser numberings of a column's codes, so that a pair of columns can be measured on a grid as coarse
//! as noise demands. Each level merges groups of the one before it: neighbours of about equal mass where codes are
//! ordered, else all but the heaviest into one. Levels follow from released weights alone, so they cost no privacy.

use serde::{Deserialize, Serialize};

/// Groups that levels have, at most.
const WIDTHS: [usize; 6] = [64, 32, 16, 8, 4, 2];
/// A level is worth having if it has at most this share of the groups of the one before it.
const NARROWER: f64 = 0.8;

/// A numbering of a column's codes in groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    pub size: usize,
    /// The group of each code.
    pub group_of: Vec<u8>,
}

/// The levels of every column, finest first: that of single codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coarsening {
    columns: Vec<Vec<Level>>,
}

impl Coarsening {
    /// Single codes only, of columns with so many.
    pub fn of_codes(sizes: &[usize]) -> Self {
        Self { columns: sizes.iter().map(|size| vec![Level::of_codes(*size)]).collect() }
    }

    /// The coarsening of columns with these weights a code; of each, so many codes at the start are ordered, and those
    /// before and from each place in `apart` on share no group.
    pub fn new(weights: &[Vec<f64>], ordered: &[usize], apart: &[Vec<usize>]) -> Self {
        let columns = weights.iter().zip(ordered).zip(apart);
        Self { columns: columns.map(|((weights, ordered), apart)| levels(weights, *ordered, apart)).collect() }
    }

    /// Number of codes of each column.
    pub fn sizes(&self) -> Vec<usize> {
        self.columns.iter().map(|levels| levels[0].size).collect()
    }

    /// The levels of a column.
    pub fn levels(&self, column: usize) -> &[Level] {
        &self.columns[column]
    }

    /// Whether it is a coarsening of columns with these sizes.
    pub fn is_valid(&self, sizes: &[usize]) -> bool {
        let level = |level: &Level, size: usize| {
            level.group_of.len() == size && level.group_of.iter().all(|group| usize::from(*group) < level.size)
        };
        self.columns.len() == sizes.len()
            && self.columns.iter().zip(sizes).all(|(levels, size)| {
                levels.first() == Some(&Level::of_codes(*size)) && levels.iter().all(|r| level(r, *size))
            })
    }
}

impl Level {
    fn of_codes(size: usize) -> Self {
        Self { size, group_of: (0..size).map(|code| code as u8).collect() }
    }

    /// Which group of `self` each group of a finer level lies in.
    pub fn above(&self, finer: &Self) -> Vec<u8> {
        let mut above = vec![0; finer.size];
        self.group_of.iter().zip(&finer.group_of).for_each(|(group, part)| above[usize::from(*part)] = *group);
        above
    }
}

fn levels(weights: &[f64], ordered: usize, apart: &[usize]) -> Vec<Level> {
    let mut levels = vec![Level::of_codes(weights.len())];
    let mut masses: Vec<f64> = weights.iter().map(|weight| weight.max(0.0)).collect();
    let (mut ordered, mut apart) = (ordered, apart.to_vec());
    for width in WIDTHS {
        if width as f64 > NARROWER * masses.len() as f64 {
            continue;
        }
        let (above, runs) = if ordered > 0 {
            let width = (width + ordered).saturating_sub(masses.len()).max(width / 2).max(1);
            let (mut above, runs) = neighbours(&masses[..ordered], width, &apart);
            above.extend((0..masses.len() - ordered).map(|i| (runs + i) as u8));
            (above, runs)
        } else {
            (heaviest(&masses, width), 0)
        };
        let size = above.iter().max().map_or(1, |last| usize::from(*last) + 1);
        if size as f64 > NARROWER * masses.len() as f64 {
            continue;
        }
        let mut merged = vec![0.0; size];
        above.iter().zip(&masses).for_each(|(group, mass)| merged[usize::from(*group)] += mass);
        (masses, ordered) = (merged, runs);
        apart.iter_mut().for_each(|place| *place = above[*place].into());
        let group_of = levels.last().map(|finer| finer.group_of.iter().map(|part| above[usize::from(*part)]).collect());
        levels.extend(group_of.map(|group_of| Level { size, group_of }));
    }
    levels
}

/// Deals neighbours into groups of about equal mass, at most `width` and one for each place in `apart`; also says how many
/// groups there are.
fn neighbours(masses: &[f64], width: usize, apart: &[usize]) -> (Vec<u8>, usize) {
    let total: f64 = masses.iter().sum();
    let mut before = 0.0;
    let (mut group, mut last) = (0u8, None);
    let above = masses.iter().enumerate().map(|(place, mass)| {
        let middle = if total > 0.0 { (before + mass / 2.0) / total } else { place as f64 / masses.len() as f64 };
        before += mass;
        let slot = ((middle * width as f64) as usize).min(width - 1);
        if last.is_some_and(|last| last != slot || apart.contains(&place)) {
            group += 1;
        }
        last = Some(slot);
        group
    });
    let above: Vec<u8> = above.collect();
    (above, usize::from(group) + 1)
}

/// The heaviest alone, by falling weight, and all others as the last of `width` groups.
fn heaviest(masses: &[f64], width: usize) -> Vec<u8> {
    let mut order: Vec<usize> = (0..masses.len()).collect();
    order.sort_by(|a, b| masses[*b].total_cmp(&masses[*a]).then(a.cmp(b)));
    let mut above = vec![(width - 1) as u8; masses.len()];
    order.iter().take(width - 1).enumerate().for_each(|(group, part)| above[*part] = group as u8);
    above
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_nested_and_narrow() {
        let weights: Vec<f64> = (0..100).map(|i| f64::from(i * 37 % 101)).collect();
        for ordered in [0, 99, 100] {
            let coarsening = Coarsening::new(&[weights.clone(), vec![1.0, 2.0]], &[ordered, 0], &[vec![], vec![]]);
            assert!(coarsening.is_valid(&[100, 2]));
            assert_eq!(coarsening.levels(1).len(), 1);
            let levels = coarsening.levels(0);
            assert!(levels.len() > 5 && levels.last().unwrap().size == 2);
            for pair in levels.windows(2) {
                let above = pair[1].above(&pair[0]);
                let through = pair[0].group_of.iter().map(|part| above[usize::from(*part)]);
                assert!(through.eq(pair[1].group_of.iter().copied()) && pair[1].size < pair[0].size);
            }
        }
    }

    #[test]
    fn what_lies_far_away_stays_apart() {
        let weights = (0..60).map(|i| if i < 59 { 10.0 } else { 1.0 }).collect();
        let coarsening = Coarsening::new(&[weights], &[60], &[vec![59]]);
        let levels = coarsening.levels(0);
        assert!(levels.len() > 4 && levels.iter().all(|level| level.group_of[58] < level.group_of[59]));
        assert_eq!(levels.last().unwrap().size, 3);
    }

    #[test]
    fn ordered_codes_merge_with_neighbours_and_others_stay_apart() {
        let coarsening = Coarsening::new(&[vec![1.0, 1.0, 1.0, 1.0, 9.0, 1.0, 1.0, 5.0]], &[7], &[vec![]]);
        for level in &coarsening.levels(0)[1..] {
            let groups = &level.group_of;
            assert!(groups[..7].is_sorted() && groups[..7].iter().all(|group| *group != groups[7]));
        }
        let coarsening = Coarsening::new(&[vec![1.0, 7.0, 1.0, 5.0, 1.0, 1.0]], &[0], &[vec![]]);
        assert_eq!(coarsening.levels(0)[1].group_of, [2, 0, 3, 1, 3, 3]);
    }
}
