//! Codes of large domains in groups, so that a model sees at most [`MAX_GROUPS`] a column. Frequent codes stand
//! alone; the others share groups of about equal released weight. Groups follow from released domains alone.

use rand::Rng;

use super::apart;
use super::byte_table::ByteTable;
use crate::engine::table::codec::Choice;
use crate::engine::table::{Codes, Domain, EncodedTable, MAX_CODES};

/// Groups of a column, at most.
const MAX_GROUPS: usize = MAX_CODES;
/// Groups that codes share, where a column has more codes than groups.
const SHARED_GROUPS: usize = 32;

/// The groups of every column.
pub struct Groups {
    columns: Vec<Column>,
}

struct Column {
    group_of: Vec<u8>,
    /// The codes of each group, and how to draw one of them by its released weight.
    members: Vec<(Vec<u32>, Choice)>,
    /// Released weight of each group.
    weights: Vec<f64>,
    /// Groups that hold nothing but `other` or NULL.
    special: Vec<u8>,
    size: usize,
    ordered: usize,
    apart: Vec<usize>,
}

impl Groups {
    /// The groups of columns with these domains.
    pub fn new(domains: &[Domain]) -> Self {
        let column = |domain: &Domain| {
            let ordered = if domain.is_ordered() { domain.cell_count() } else { 0 };
            let special: Vec<u32> = domain.other_code().into_iter().chain(domain.null_code()).collect();
            let column = Column::new(&domain.weights(), ordered, &special);
            Column { apart: if column.ordered > 0 { apart::gaps(domain) } else { Vec::new() }, ..column }
        };
        Self { columns: domains.iter().map(column).collect() }
    }

    /// Released weights of a column's groups; they add up to 1.
    pub fn weights(&self, column: usize) -> &[f64] {
        &self.columns[column].weights
    }

    /// The groups of a column that hold nothing but `other` or NULL.
    pub fn special(&self, column: usize) -> &[u8] {
        &self.columns[column].special
    }

    /// How many groups at the start of each column stand in the order of their values.
    pub fn ordered(&self) -> Vec<usize> {
        self.columns.iter().map(|column| column.ordered).collect()
    }

    /// The groups of each column, as ordered, that lie far away from those before them.
    pub fn apart(&self) -> Vec<Vec<usize>> {
        self.columns.iter().map(|column| column.apart.clone()).collect()
    }

    /// Number of groups of each column.
    pub fn sizes(&self) -> Vec<usize> {
        self.columns.iter().map(|column| column.members.len()).collect()
    }

    /// A table of codes as a table of groups.
    pub fn group(&self, table: &EncodedTable) -> ByteTable {
        let group = |(codes, column): (&Codes, &Column)| {
            codes.iter().map(|code| column.group_of.get(code as usize).copied().unwrap_or(0)).collect()
        };
        ByteTable {
            rows: table.rows,
            sizes: self.sizes(),
            columns: table.columns.iter().zip(&self.columns).map(group).collect(),
        }
    }

    /// A table of groups as a table of codes, each drawn from its group.
    pub fn ungroup(&self, rows: &ByteTable, rng: &mut impl Rng) -> EncodedTable {
        let columns = rows.columns.iter().zip(&self.columns).map(|(groups, column)| {
            let mut codes = Codes::with_width(column.size);
            for group in groups {
                let (members, choice) = &column.members[usize::from(*group)];
                codes.push(if let [only] = members[..] { only } else { members[choice.draw(rng)] });
            }
            codes
        });
        EncodedTable { rows: rows.rows, columns: columns.collect() }
    }
}

impl Column {
    fn new(weights: &[f64], ordered: usize, special: &[u32]) -> Self {
        let mut group_of = vec![0u8; weights.len()];
        if weights.len() <= MAX_GROUPS {
            group_of.iter_mut().enumerate().for_each(|(code, group)| *group = code as u8);
        } else {
            share(weights, ordered > 0, &mut group_of);
        }
        let groups = group_of.iter().max().map_or(1, |last| usize::from(*last) + 1);
        let members = (0..groups).map(|group| {
            let codes = (0..weights.len() as u32).filter(|code| usize::from(group_of[*code as usize]) == group);
            let codes: Vec<u32> = codes.collect();
            let choice = Choice::new(codes.iter().map(|code| weights[*code as usize]));
            (codes, choice)
        });
        let ordered = if weights.len() <= MAX_GROUPS { ordered } else { 0 };
        let mut shares = vec![0.0; groups];
        group_of.iter().zip(weights).for_each(|(group, weight)| shares[usize::from(*group)] += weight);
        let members: Vec<(Vec<u32>, Choice)> = members.collect();
        let is_special = |group: &usize| members[*group].0.iter().all(|code| special.contains(code));
        let special = (0..groups).filter(is_special).map(|group| group as u8).collect();
        Self { members, weights: shares, group_of, special, size: weights.len(), ordered, apart: Vec::new() }
    }
}

/// Gives the most frequent codes a group of their own and deals the others out: neighbours together where codes are
/// ordered, else by falling weight, closing a group once it has its share.
fn share(weights: &[f64], ordered: bool, group_of: &mut [u8]) {
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|a, b| weights[*b].total_cmp(&weights[*a]).then(a.cmp(b)));
    let mut rest = order.split_off(MAX_GROUPS - SHARED_GROUPS);
    order.iter().enumerate().for_each(|(group, code)| group_of[*code] = group as u8);
    if ordered {
        rest.sort_unstable();
    }
    let total: f64 = rest.iter().map(|code| weights[*code]).sum();
    let mut before = 0.0;
    for (place, code) in rest.iter().enumerate() {
        let reached = if total > 0.0 { before / total } else { place as f64 / rest.len() as f64 };
        let shared = ((reached * SHARED_GROUPS as f64) as usize).min(SHARED_GROUPS - 1);
        group_of[*code] = (MAX_GROUPS - SHARED_GROUPS + shared) as u8;
        before += weights[*code];
    }
    close_gaps(group_of);
}

/// Renumbers groups so that none is empty.
fn close_gaps(group_of: &mut [u8]) {
    let mut used = [false; MAX_GROUPS];
    group_of.iter().for_each(|group| used[usize::from(*group)] = true);
    let mut number = [0u8; MAX_GROUPS];
    let mut next = 0;
    for (group, used) in used.iter().enumerate() {
        number[group] = next;
        next += u8::from(*used);
    }
    group_of.iter_mut().for_each(|group| *group = number[usize::from(*group)]);
}
