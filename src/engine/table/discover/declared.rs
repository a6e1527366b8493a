//! How often the values of a declared set occur: one noisy histogram over codes that are public. A row counts once at
//! most; a value outside the set that has no code of its own counts nowhere.

use super::plan::DiscoveryPlan;
use crate::engine::Result;
use crate::engine::privacy::meter::Meter;
use crate::engine::table::codec::Known;
use crate::engine::table::{BlockColumn, Cells, Domain};

/// Rows that a declared value has at least, so that it stays one that may occur.
const MIN_ROWS: f64 = 0.01;

/// Counts of the codes of one column.
pub struct Counts {
    domain: Domain,
    known: Known,
    rows: Vec<u64>,
}

impl Counts {
    /// No rows yet, of a declared domain.
    pub fn new(domain: Domain) -> Self {
        Self { known: Known::new(&domain), rows: vec![0; domain.size()], domain }
    }

    /// Counts the value of a row.
    pub fn add(&mut self, column: &BlockColumn, row: usize) {
        if let Some(rows) = self.known.code(column, row).and_then(|code| self.rows.get_mut(code as usize)) {
            *rows += 1;
        }
    }

    /// The domain with noisy shares, none of them 0.
    pub fn release(&self, plan: &DiscoveryPlan, meter: &mut Meter) -> Result<Domain> {
        let noisy = plan.noisy(&self.rows, meter)?.values;
        let rows: Vec<f64> = noisy.iter().map(|rows| rows.max(MIN_ROWS)).collect();
        let total: f64 = rows.iter().sum();
        let mut domain = self.domain.clone();
        set_shares(&mut domain, &rows.iter().map(|rows| rows / total).collect::<Vec<_>>());
        Ok(domain)
    }

    /// The domain as it was declared.
    pub fn nothing(self) -> Domain {
        self.domain
    }
}

/// Gives each code its share.
fn set_shares(domain: &mut Domain, shares: &[f64]) {
    let cells = domain.cell_count();
    match &mut domain.cells {
        Cells::Categories(categories) => categories.iter_mut().zip(shares).for_each(|(c, share)| c.weight = *share),
        Cells::Bins { bins, .. } => {
            let parts = bins.iter_mut().filter_map(|bin| bin.parts.first_mut());
            parts.zip(shares).for_each(|(part, share)| part.weight = *share);
        }
    }
    let special = domain.other.iter_mut().chain(&mut domain.null);
    special.zip(&shares[cells..]).for_each(|(to, share)| *to = *share);
}
