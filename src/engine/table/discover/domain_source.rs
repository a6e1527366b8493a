//! Where a column's domain comes from: what was declared, or the data.

use super::{category, numeric};
use crate::engine::table::{Column, Declared, Domain, Measure};

/// What a method needs to know of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Their domains: nothing is measured of a declared set of values.
    Domains,
    /// How often each value occurs as well, declared or not.
    Shares,
}

/// How a column's domain is found.
#[derive(Debug, Clone, PartialEq)]
pub enum DomainSource {
    /// Declared in full: nothing is measured.
    Public(Domain),
    /// Declared in full, but for how often each value occurs.
    Counted(Domain),
    Texts,
    /// Bounds that are declared are public.
    Numbers {
        lo: Option<f64>,
        hi: Option<f64>,
    },
}

impl DomainSource {
    pub fn of(column: &Column, goal: Goal) -> Self {
        let declared = |domain| match goal {
            Goal::Domains => Self::Public(domain),
            Goal::Shares => Self::Counted(domain),
        };
        match (&column.declared, column.measure) {
            (Some(Declared::Categories(values)), Measure::Category) if !values.is_empty() => {
                declared(category::declared(values, column.nullable))
            }
            (_, Measure::Category) => Self::Texts,
            (Some(Declared::Categories(values)), _) => match numeric::declared(values, column) {
                Some(domain) => declared(domain),
                None => Self::Numbers { lo: None, hi: None },
            },
            (Some(Declared::Range { lo, hi }), _) => {
                let usable = |bound: &Option<f64>| bound.filter(|bound| bound.is_finite());
                match (usable(lo), usable(hi)) {
                    (Some(lo), Some(hi)) if lo > hi => Self::Numbers { lo: None, hi: None },
                    (lo, hi) => Self::Numbers { lo, hi },
                }
            }
            (None, _) => Self::Numbers { lo: None, hi: None },
        }
    }
}
