//! Facts about columns, from comparisons with constants in an expression.

use pgrx::pg_sys::{self, NodeTag};

use crate::engine::table::Measure;
use crate::pg::relation::Attribute;
use crate::pg::relation::implied::Implied;
use crate::pg::server::builtin;
use crate::pg::server::expr::{self, Node};
use crate::pg::server::fmgr::OutputFunction;
use crate::pg::server::fold::{self, Constant};
use crate::pg::values::datums;
use crate::pg::values::kind::Kind;

/// How an expression refers to a column.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    /// Columns of a table.
    Columns(&'a [&'a Attribute]),
    /// The value of a domain.
    Value(&'a Attribute),
}

pub struct Analysis<'a> {
    pub subject: Subject<'a>,
}

impl Analysis<'_> {
    fn width(&self) -> usize {
        match self.subject {
            Subject::Columns(columns) => columns.len(),
            Subject::Value(_) => 1,
        }
    }

    fn column(&self, i: usize) -> &Attribute {
        match self.subject {
            Subject::Columns(columns) => columns[i],
            Subject::Value(column) => column,
        }
    }

    fn nothing(&self) -> Vec<Implied> {
        vec![Implied::default(); self.width()]
    }

    fn only(&self, i: usize, facts: Implied) -> Vec<Implied> {
        let mut all = self.nothing();
        all[i] = facts;
        all
    }

    /// The facts about each column if the expression is `truth`, or is NULL because the column is.
    ///
    /// # Safety
    /// `node` is null or a valid node. This also applies to the methods below.
    pub unsafe fn facts(&self, node: Node, truth: bool) -> Vec<Implied> {
        // SAFETY: the parts of a valid node are valid.
        unsafe {
            pg_sys::check_stack_depth();
            if let Some(boolean) = expr::cast::<pg_sys::BoolExpr>(node, NodeTag::T_BoolExpr) {
                return self.boolean(boolean, truth);
            }
            if let Some(test) = expr::cast::<pg_sys::NullTest>(node, NodeTag::T_NullTest) {
                let says_not_null = (test.nulltesttype == pg_sys::NullTestType::IS_NOT_NULL) == truth;
                return match self.find(test.arg.cast()) {
                    Some(i) if says_not_null => self.only(i, Implied { not_null: true, ..Implied::default() }),
                    _ => self.nothing(),
                };
            }
            if let Some(comparison) = expr::cast::<pg_sys::OpExpr>(node, NodeTag::T_OpExpr) {
                return self.comparison(comparison, truth).unwrap_or_else(|| self.nothing());
            }
            match expr::cast::<pg_sys::ScalarArrayOpExpr>(node, NodeTag::T_ScalarArrayOpExpr) {
                Some(any) if truth => self.any(any).unwrap_or_else(|| self.nothing()),
                _ => self.nothing(),
            }
        }
    }

    unsafe fn boolean(&self, boolean: &pg_sys::BoolExpr, truth: bool) -> Vec<Implied> {
        // SAFETY: the parts of a valid node are valid.
        unsafe {
            let truth = truth == (boolean.boolop != pg_sys::BoolExprType::NOT_EXPR);
            let parts = expr::members(boolean.args).into_iter().map(|part| self.facts(part, truth));
            let all = (boolean.boolop == pg_sys::BoolExprType::AND_EXPR) == truth;
            let join = if all { Implied::and } else { Implied::or };
            let joined = parts.reduce(|a, b| a.into_iter().zip(b).map(|(a, b)| join(a, b)).collect());
            joined.unwrap_or_else(|| self.nothing())
        }
    }

    unsafe fn comparison(&self, comparison: &pg_sys::OpExpr, truth: bool) -> Option<Vec<Implied>> {
        // SAFETY: a look-up.
        let operator = if truth { comparison.opno } else { unsafe { pg_sys::get_negator(comparison.opno) } };
        let operator = builtin::builtin_operator(operator)?;
        // SAFETY: the parts of a valid node are valid.
        unsafe {
            let [left, right] = expr::members(comparison.args)[..] else { return None };
            let (i, operator, constant) = match (self.find(left), self.find(right)) {
                (Some(i), None) => (i, operator.as_str(), right),
                (None, Some(i)) => (i, mirrored(&operator)?, left),
                _ => return None,
            };
            let facts = self.compared(i, operator, &fold::constant(constant)?)?;
            Some(self.only(i, facts))
        }
    }

    unsafe fn any(&self, any: &pg_sys::ScalarArrayOpExpr) -> Option<Vec<Implied>> {
        if !any.useOr || builtin::builtin_operator(any.opno)? != "=" {
            return None;
        }
        // SAFETY: the parts of a valid node are valid.
        unsafe {
            let [left, right] = expr::members(any.args)[..] else { return None };
            let i = self.find(left)?;
            let elements = fold::elements(right)?;
            let parts =
                elements.iter().map(|element| self.compared(i, "=", element)).collect::<Option<Vec<Implied>>>()?;
            Some(self.only(i, parts.into_iter().reduce(Implied::or)?))
        }
    }

    /// The facts from `column operator constant`.
    unsafe fn compared(&self, i: usize, operator: &str, constant: &Constant) -> Option<Implied> {
        let column = self.column(i);
        let kind = column.kind?;
        let Constant { value, type_oid } = *constant;
        let constant = Kind::of(type_oid, -1)?;
        if kind.measure() == Measure::Category {
            if operator != "=" || !column.exact_equality {
                return None;
            }
            // SAFETY: a constant of its type.
            let text = unsafe { OutputFunction::new(type_oid).format(value) };
            return Some(Implied { values: Some(vec![kind.category(text)]), ..Implied::default() });
        }
        if !kind.comparable(constant) {
            return None;
        }
        // SAFETY: a constant of its type.
        let natural = unsafe { datums::number(constant, value) } * constant.unit();
        let bound = natural / kind.unit();
        if !bound.is_finite() {
            return None;
        }
        bounds(operator, bound, kind.measure().is_whole())
    }

    /// The column that an operand refers to.
    unsafe fn find(&self, operand: Node) -> Option<usize> {
        // SAFETY: the parts of a valid node are valid.
        unsafe {
            let operand = expr::without_casts(operand);
            match self.subject {
                Subject::Columns(columns) => {
                    let variable = expr::cast::<pg_sys::Var>(operand, NodeTag::T_Var)?;
                    columns.iter().position(|column| column.number == variable.varattno)
                }
                Subject::Value(_) => {
                    expr::cast::<pg_sys::CoerceToDomainValue>(operand, NodeTag::T_CoerceToDomainValue).map(|_| 0)
                }
            }
        }
    }
}

fn mirrored(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "<" => ">",
        "<=" => ">=",
        "=" => "=",
        ">=" => "<=",
        ">" => "<",
        _ => return None,
    })
}

/// The bounds from a comparison. On a lattice they are moved to its points, with an allowance for the rounding of the
/// division by the unit.
fn bounds(operator: &str, bound: f64, lattice: bool) -> Option<Implied> {
    let (mut below, mut above) = (bound, bound);
    if lattice {
        let nearest = bound.round();
        let on_point = (bound - nearest).abs() <= 1e-9 * bound.abs().max(1.0);
        let (floor, ceil) = if on_point { (nearest, nearest) } else { (bound.floor(), bound.ceil()) };
        below = if operator == "<" && on_point { nearest - 1.0 } else { floor };
        above = if operator == ">" && on_point { nearest + 1.0 } else { ceil };
    }
    let (lo, hi) = match operator {
        "<" | "<=" => (None, Some(below)),
        ">" | ">=" => (Some(above), None),
        "=" => (Some(above), Some(below)),
        _ => return None,
    };
    Some(Implied { lo, hi, ..Implied::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_bounds_step_to_the_next_point() {
        assert_eq!(bounds("<", 10.0, true).unwrap().hi, Some(9.0));
        assert_eq!(bounds(">", 10.0, true).unwrap().lo, Some(11.0));
        assert_eq!(bounds("<", 10.5, true).unwrap().hi, Some(10.0));
        assert_eq!(bounds(">=", 28.999999999999996, true).unwrap().lo, Some(29.0));
        assert_eq!(bounds("<", 10.0, false).unwrap().hi, Some(10.0));
        assert_eq!(bounds("~", 10.0, true), None);
    }

    #[test]
    fn facts_are_joined() {
        let low = Implied { lo: Some(1.0), hi: Some(5.0), ..Implied::default() };
        let high = Implied { lo: Some(3.0), ..Implied::default() };
        assert_eq!((low.clone().and(high.clone()).lo, low.clone().and(high.clone()).hi), (Some(3.0), Some(5.0)));
        assert_eq!((low.clone().or(high.clone()).lo, low.or(high).hi), (Some(1.0), None));
    }

    #[test]
    fn contradicting_bounds_say_nothing() {
        let facts = Implied { lo: Some(2.0), hi: Some(1.0), ..Implied::default() };
        assert_eq!(facts.declared(Measure::Lattice), None);
    }
}
