//! Codes that no measured clique tells apart, in classes. A chain over classes does what one over codes does: within its
//! class, a code depends on no other column, and so need not be drawn before the row is done.

use rand::Rng;

use super::coarsening::Coarsening;
use super::marginal::Marginal;
use super::potential::Potential;
use crate::engine::table::codec::Choice;

/// The classes of one column.
#[derive(Debug, Clone)]
pub struct Classes {
    /// The class of each code.
    pub class_of: Vec<u8>,
    /// The codes of each class, ascending.
    pub members: Vec<Vec<u8>>,
    /// How to draw one of them.
    choices: Vec<Choice>,
}

impl Classes {
    /// The classes of a column whose codes have these weights before any other column is looked at.
    pub fn new(coarsening: &Coarsening, potentials: &[Potential], column: usize, weights: &[f32]) -> Self {
        let joint = potentials.iter().map(|p| &p.marginal).filter(|marginal| marginal.clique.columns().len() > 1);
        let level = |marginal: &Marginal| {
            let place = marginal.clique.columns().iter().position(|member| *member == column)?;
            Some(usize::from(marginal.levels[place]))
        };
        // Coarser levels merge groups of finer ones, so that the finest one in use tells all apart that any does.
        let group_of = match joint.filter_map(level).min() {
            Some(finest) => coarsening.levels(column)[finest].group_of.clone(),
            None => vec![0; weights.len()],
        };
        let mut class_of_group: Vec<Option<u8>> = vec![None; 1 << u8::BITS];
        let (mut class_of, mut members) = (Vec::with_capacity(weights.len()), Vec::<Vec<u8>>::new());
        for (code, group) in group_of.into_iter().enumerate() {
            let class = *class_of_group[usize::from(group)].get_or_insert_with(|| {
                members.push(Vec::new());
                (members.len() - 1) as u8
            });
            members[usize::from(class)].push(code as u8);
            class_of.push(class);
        }
        let weight = |code: &u8| f64::from(weights[usize::from(*code)]);
        let choices = members.iter().map(|class| Choice::new(class.iter().map(weight))).collect();
        Self { class_of, members, choices }
    }

    /// Codes to classes.
    pub fn enter(&self, codes: &mut [u8]) {
        codes.iter_mut().for_each(|code| *code = self.class_of.get(usize::from(*code)).copied().unwrap_or(0));
    }

    /// Classes to codes, each drawn from its class.
    pub fn leave(&self, classes: &mut [u8], rng: &mut impl Rng) {
        for code in classes {
            let class = usize::from(*code);
            *code = match &self.members[class][..] {
                [only] => *only,
                members => members[self.choices[class].draw(rng)],
            };
        }
    }
}
