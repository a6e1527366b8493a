//! The sets of columns that may be measured next.

use std::collections::BTreeSet;

use rand::{Rng, RngExt};

use crate::engine::marginals::Clique;

/// Pairs that are compared in a round, at most: of more, a random choice.
const MAX_PAIRS: usize = 16_000;
/// The same of triples.
const MAX_TRIPLES: usize = 1_000;

/// Pairs of so many columns, and triples. Where not all can be compared, pairs are drawn by chance, and triples among
/// those that join two pairs which were `measured` already: they are likelier than others to hold more than their pairs.
pub fn cliques(columns: usize, measured: &BTreeSet<Clique>, rng: &mut impl Rng) -> Vec<Clique> {
    let mut cliques = pairs(columns, rng);
    cliques.extend(triples(columns, measured, rng));
    cliques
}

fn pairs(columns: usize, rng: &mut impl Rng) -> Vec<Clique> {
    if columns * columns.saturating_sub(1) / 2 <= MAX_PAIRS {
        return (0..columns).flat_map(|a| (a + 1..columns).map(move |b| Clique::new(vec![a, b]))).collect();
    }
    let drawn = (0..MAX_PAIRS).map(|_| {
        let (a, b) = (rng.random_range(0..columns), rng.random_range(1..columns));
        Clique::new(vec![a, (a + b) % columns])
    });
    drawn.collect::<BTreeSet<Clique>>().into_iter().collect()
}

fn triples(columns: usize, measured: &BTreeSet<Clique>, rng: &mut impl Rng) -> Vec<Clique> {
    if columns < 3 {
        return Vec::new();
    }
    if columns * (columns - 1) * (columns - 2) / 6 <= MAX_TRIPLES {
        let pairs = (0..columns).flat_map(|a| (a + 1..columns).map(move |b| (a, b)));
        return pairs.flat_map(|(a, b)| (b + 1..columns).map(move |c| Clique::new(vec![a, b, c]))).collect();
    }
    let mut partners: Vec<Vec<usize>> = vec![Vec::new(); columns];
    for pair in measured.iter().flat_map(Clique::pairs).collect::<BTreeSet<Clique>>() {
        let (a, b) = (pair.columns()[0], pair.columns()[1]);
        partners[a].push(b);
        partners[b].push(a);
    }
    let centres: Vec<usize> = (0..columns).filter(|column| partners[*column].len() > 1).collect();
    let most = if centres.is_empty() { 0 } else { MAX_TRIPLES };
    let drawn = (0..most).map(|_| {
        let centre = centres[rng.random_range(0..centres.len())];
        let of = &partners[centre];
        let (first, second) = (rng.random_range(0..of.len()), rng.random_range(1..of.len()));
        Clique::new(vec![centre, of[first], of[(first + second) % of.len()]])
    });
    drawn.collect::<BTreeSet<Clique>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn few_columns_have_every_pair_and_triple() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for (columns, wanted) in [(0, 0), (1, 0), (2, 1), (3, 4), (15, 105 + 455)] {
            let cliques = cliques(columns, &BTreeSet::new(), &mut rng);
            assert_eq!(cliques.iter().collect::<BTreeSet<_>>().len(), wanted);
            assert_eq!(cliques.len(), wanted);
        }
    }

    #[test]
    fn triples_of_many_columns_join_measured_pairs() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let measured = [vec![4], vec![3, 7], vec![7, 250], vec![1, 2]].map(Clique::new).into();
        let cliques = cliques(300, &measured, &mut rng);
        let (triples, pairs): (Vec<_>, Vec<_>) = cliques.into_iter().partition(|clique| clique.columns().len() == 3);
        assert_eq!(triples, [Clique::new(vec![3, 7, 250])]);
        // Of 44,850 pairs 16,000 are drawn with replacement: 13,400 different ones, give or take 50.
        assert!((12_900..=13_900).contains(&pairs.len()), "{}", pairs.len());
        assert!(pairs.iter().all(|pair| pair.columns().len() == 2 && pair.is_valid(300)));
    }
}
