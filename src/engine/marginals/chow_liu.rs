//! A tree of columns: the distribution that a chain starts from. Each column depends on one other, along the edges
//! of a maximum spanning forest by mutual information (Chow and Liu 1968). It is built from released counts and
//! synthetic rows only, so it costs no privacy.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::byte_table::ByteTable;
use super::clique::Clique;
use super::coarsening::Coarsening;
use super::marginal::Marginal;

/// Passes over a pair's rows and columns that bring it to the shares of both.
const RAKINGS: usize = 8;

/// One column of the tree, after its parent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct TreeNode {
    column: usize,
    parent: Option<usize>,
    /// Cumulative probabilities of the column's codes, one row for each code of the parent.
    cumulative: Vec<f32>,
}

/// A tree-shaped distribution over rows of codes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChowLiuTree {
    sizes: Vec<usize>,
    nodes: Vec<TreeNode>,
}

impl ChowLiuTree {
    /// The best forest over `edges` (pairs of columns) for the distribution of `rows`, raked to one-way `shares`: rows
    /// alone would not do, since what the chain that they come from never forgets would feed on itself.
    pub fn fit(rows: &ByteTable, edges: &[Clique], shares: &[Vec<f64>]) -> Self {
        let columns = rows.sizes.len();
        let mut weighted: Vec<(f64, &Clique)> =
            edges.iter().map(|edge| (mutual_information(&count(rows, edge), edge, &rows.sizes), edge)).collect();
        weighted.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        let mut component: Vec<usize> = (0..columns).collect();
        let mut neighbours = vec![Vec::new(); columns];
        for (_, edge) in weighted {
            let (a, b) = (edge.columns()[0], edge.columns()[1]);
            let (from, to) = (component[a], component[b]);
            if from != to {
                component.iter_mut().filter(|c| **c == from).for_each(|c| *c = to);
                neighbours[a].push(b);
                neighbours[b].push(a);
            }
        }
        let mut nodes = Vec::with_capacity(columns);
        let mut seen = vec![false; columns];
        for root in 0..columns {
            let mut waiting = if seen[root] { Vec::new() } else { vec![(root, None)] };
            seen[root] = true;
            while let Some((column, parent)) = waiting.pop() {
                nodes.push(TreeNode { column, parent, cumulative: conditional(rows, column, parent, shares) });
                for &next in &neighbours[column] {
                    if !std::mem::replace(&mut seen[next], true) {
                        waiting.push((next, Some(column)));
                    }
                }
            }
        }
        Self { sizes: rows.sizes.clone(), nodes }
    }

    /// Draws row `row` of `chunk` (one slice a column) afresh.
    pub fn draw(&self, chunk: &mut [&mut [u8]], row: usize, rng: &mut impl Rng) {
        for node in &self.nodes {
            let size = self.sizes[node.column];
            let from = node.parent.map_or(0, |parent| usize::from(chunk[parent][row]) * size);
            let uniform: f32 = rng.random();
            let code = node.cumulative[from..from + size].partition_point(|c| *c <= uniform);
            chunk[node.column][row] = code.min(size - 1) as u8;
        }
    }

    /// Whether the tree fits a table with these numbers of codes and can be drawn from.
    pub fn is_valid(&self, sizes: &[usize]) -> bool {
        let mut drawn = vec![false; sizes.len()];
        self.sizes == sizes
            && self.nodes.len() == sizes.len()
            && self.nodes.iter().all(|node| {
                node.column < sizes.len()
                    && node.parent.is_none_or(|parent| parent < sizes.len() && drawn[parent])
                    && !std::mem::replace(&mut drawn[node.column], true)
                    && node.cumulative.len() == sizes[node.column] * node.parent.map_or(1, |parent| sizes[parent])
                    && node.cumulative.iter().all(|p| p.is_finite())
            })
    }
}

/// Cumulative distribution of a column for each code of its parent. One row's worth of the column's own distribution
/// smooths each, so that a code of the parent that no row has still leads somewhere sensible; iterative proportional
/// fitting then brings the pair to the shares of both columns.
fn conditional(rows: &ByteTable, column: usize, parent: Option<usize>, shares: &[Vec<f64>]) -> Vec<f32> {
    let own = &shares[column];
    let Some(parent) = parent else { return cumulate(own.iter().copied()) };
    let size = rows.sizes[column];
    let counts = count(rows, &Clique::new(vec![column, parent]));
    let (step, parent_step) = if column < parent { (rows.sizes[parent], 1) } else { (1, size) };
    let cell = |code: usize, c: usize| counts[c * step + code * parent_step] as f64 + own[c];
    let mut joint: Vec<Vec<f64>> =
        (0..rows.sizes[parent]).map(|code| (0..size).map(|c| cell(code, c)).collect()).collect();
    for _ in 0..RAKINGS {
        for (row, share) in joint.iter_mut().zip(&shares[parent]) {
            let by = share / row.iter().sum::<f64>().max(f64::MIN_POSITIVE);
            row.iter_mut().for_each(|cell| *cell *= by);
        }
        for (c, share) in own.iter().enumerate() {
            let by = share / joint.iter().map(|row| row[c]).sum::<f64>().max(f64::MIN_POSITIVE);
            joint.iter_mut().for_each(|row| row[c] *= by);
        }
    }
    let conditional = joint.iter().flat_map(|row| {
        let total = row.iter().sum::<f64>();
        // A code of the parent that has no share is never drawn.
        let by = if total > 0.0 { 1.0 / total } else { 0.0 };
        cumulate(row.iter().map(move |cell| cell * by))
    });
    conditional.collect()
}

/// Rows in each cell of the joint table of codes.
fn count(rows: &ByteTable, clique: &Clique) -> Vec<u64> {
    Marginal::of_codes(clique.clone()).count(&Coarsening::of_codes(&rows.sizes), rows)
}

fn cumulate(probabilities: impl Iterator<Item = f64>) -> Vec<f32> {
    let running = probabilities.scan(0.0, |sum, p| {
        *sum += p;
        Some(*sum as f32)
    });
    running.collect()
}

/// Mutual information of the two columns of a pair, in nats.
fn mutual_information(counts: &[u64], pair: &Clique, sizes: &[usize]) -> f64 {
    let width = sizes[pair.columns()[1]];
    let total = counts.iter().sum::<u64>().max(1) as f64;
    let mut first = vec![0.0; sizes[pair.columns()[0]]];
    let mut second = vec![0.0; width];
    for (cell, count) in counts.iter().enumerate() {
        first[cell / width] += *count as f64 / total;
        second[cell % width] += *count as f64 / total;
    }
    let terms = counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(cell, count)| {
        let p = *count as f64 / total;
        p * (p / (first[cell / width] * second[cell % width])).ln()
    });
    terms.sum()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn draws_have_the_given_shares_and_the_dependence_of_the_rows() {
        // Equal columns, in rows that have twice as many zeros as ones.
        let column: Vec<u8> = (0..3_000).map(|i| u8::from(i % 3 == 0)).collect();
        let rows = ByteTable { rows: 3_000, sizes: vec![2, 2], columns: vec![column.clone(), column] };
        let tree = ChowLiuTree::fit(&rows, &[Clique::new(vec![0, 1])], &[vec![0.2, 0.8], vec![0.2, 0.8]]);
        assert!(tree.is_valid(&[2, 2]));
        let (mut first, mut second) = (vec![0u8; 20_000], vec![0u8; 20_000]);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut chunk = [first.as_mut_slice(), second.as_mut_slice()];
        (0..20_000).for_each(|row| tree.draw(&mut chunk, row, &mut rng));
        let ones = |column: &[u8]| column.iter().filter(|code| **code == 1).count() as f64 / 20_000.0;
        // Standard deviation 0.0028; six of them leave a false alarm of 2e-9.
        assert!((ones(&first) - 0.8).abs() < 0.017 && (ones(&second) - 0.8).abs() < 0.017);
        // The row that smooths leaves one in five hundred apart.
        assert!(first.iter().zip(&second).filter(|(a, b)| a != b).count() < 100);
    }

    #[test]
    fn codes_without_a_share_lead_nowhere() {
        let rows = ByteTable { rows: 2, sizes: vec![3, 2], columns: vec![vec![0, 2], vec![0, 1]] };
        let tree = ChowLiuTree::fit(&rows, &[Clique::new(vec![0, 1])], &[vec![0.0, 1.0, 0.0], vec![0.5, 0.5]]);
        assert!(tree.is_valid(&[3, 2]));
        let (mut first, mut second) = (vec![0u8; 100], vec![0u8; 100]);
        let mut chunk = [first.as_mut_slice(), second.as_mut_slice()];
        (0..100).for_each(|row| tree.draw(&mut chunk, row, &mut ChaCha8Rng::seed_from_u64(row as u64)));
        assert!(first.iter().all(|code| *code == 1));
    }
}
