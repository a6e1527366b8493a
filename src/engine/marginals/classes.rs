//! Codes that no measured clique tells apart, in classes. A chain over classes does what one over codes does: within its
//! class, a code depends on no other column, and so need not be drawn before the row is done.

use rand::Rng;

use super::denoiser::Potential;
use super::ladder::Ladder;
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
    pub fn new(ladder: &Ladder, potentials: &[Potential], column: usize, weights: &[f32]) -> Self {
        let joint = potentials.iter().map(|p| &p.marginal).filter(|marginal| marginal.clique.columns().len() > 1);
        let rungs: Vec<&[u8]> = joint
            .flat_map(|marginal| marginal.rungs(ladder))
            .filter(|(member, _)| *member == column)
            .map(|(_, rung)| &rung.group_of[..])
            .collect();
        let groups = |code: usize| rungs.iter().map(move |rung| rung[code]);
        let (mut class_of, mut members) = (Vec::with_capacity(weights.len()), Vec::<Vec<u8>>::new());
        for code in 0..weights.len() {
            let known = members.iter().position(|class| groups(usize::from(class[0])).eq(groups(code)));
            let class = known.unwrap_or_else(|| {
                members.push(Vec::new());
                members.len() - 1
            });
            members[class].push(code as u8);
            class_of.push(class as u8);
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
