//! Domains that the catalogs imply, free of charge: CHECK constraints that compare one column with constants, and the
//! constraints of domain types.

use pgrx::Spi;
use pgrx::pg_sys::{self, NodeTag};

use super::datum::{self, Output};
use super::errors::Result;
use super::fold::{self, Constant};
use super::node::{self, Node};
use super::reader::Reader;
use super::source::{self, Attribute, Source};
use super::types::Kind;
use crate::engine::EngineError;
use crate::engine::table::{Declared, Measure};

/// What is known of the values of one column: bounds in the engine's measure, or the values themselves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    pub lo: Option<f64>,
    pub hi: Option<f64>,
    pub values: Option<Vec<String>>,
    pub not_null: bool,
}

impl Facts {
    fn and(self, other: Self) -> Self {
        let values = match (self.values, other.values) {
            (Some(a), Some(b)) => Some(a.into_iter().filter(|value| b.contains(value)).collect()),
            (a, b) => a.or(b),
        };
        Self {
            lo: pick(self.lo, other.lo, f64::max),
            hi: pick(self.hi, other.hi, f64::min),
            values,
            not_null: self.not_null || other.not_null,
        }
    }

    fn or(self, other: Self) -> Self {
        let values = match (self.values, other.values) {
            (Some(mut a), Some(b)) => {
                let new: Vec<String> = b.into_iter().filter(|value| !a.contains(value)).collect();
                a.extend(new);
                Some(a)
            }
            _ => None,
        };
        Self {
            lo: self.lo.zip(other.lo).map(|(a, b)| a.min(b)),
            hi: self.hi.zip(other.hi).map(|(a, b)| a.max(b)),
            values,
            not_null: self.not_null && other.not_null,
        }
    }

    /// As a declared domain of a column of this measure. Bounds that contradict each other say nothing.
    pub fn declared(&self, measure: Measure) -> Option<Declared> {
        match measure {
            Measure::Category => self.values.clone().filter(|values| !values.is_empty()).map(Declared::Categories),
            _ => {
                let in_order = self.lo.unwrap_or(f64::NEG_INFINITY) <= self.hi.unwrap_or(f64::INFINITY);
                (in_order && (self.lo.is_some() || self.hi.is_some()))
                    .then_some(Declared::Range { lo: self.lo, hi: self.hi })
            }
        }
    }
}

fn pick(a: Option<f64>, b: Option<f64>, better: fn(f64, f64) -> f64) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(better(a, b)),
        (a, b) => a.or(b),
    }
}

/// What the catalogs say of the columns, one entry each.
pub fn facts(source: &Source, columns: &[&Attribute]) -> Result<Vec<Facts>> {
    let mut all = vec![Facts::default(); columns.len()];
    for text in stored(source.oid, true, source.has_children)? {
        // SAFETY: a stored expression.
        let found = unsafe { Analysis { subject: Subject::Columns(columns) }.facts(node::read(&text), true) };
        all = all.into_iter().zip(found).map(|(a, b)| a.and(b)).collect();
    }
    for (facts, column) in all.iter_mut().zip(columns) {
        for (domain, _) in source::domains(column.type_oid) {
            for text in stored(domain, false, false)? {
                let subject = Subject::Value(column);
                // SAFETY: a stored expression.
                let mut found = unsafe { Analysis { subject }.facts(node::read(&text), true) };
                *facts = std::mem::take(facts).and(found.remove(0));
            }
        }
        implied(column, facts)?;
        facts.not_null |= column.not_null;
    }
    Ok(all)
}

/// Values that the type itself lists.
fn implied(column: &Attribute, facts: &mut Facts) -> Result<()> {
    let values = match column.kind {
        Some(Kind::Boolean) => vec!["false".to_owned(), "true".to_owned()],
        // SAFETY: the column's type exists.
        Some(Kind::Enum) => labels(unsafe { pg_sys::getBaseType(column.type_oid) })?,
        _ => return Ok(()),
    };
    *facts = Facts { values: Some(values), ..Facts::default() }.and(std::mem::take(facts));
    Ok(())
}

fn catalog_unreadable(_: pgrx::spi::Error) -> EngineError {
    EngineError::Internal("the catalogs of constraints could not be read")
}

fn labels(enum_oid: pg_sys::Oid) -> Result<Vec<String>> {
    texts(
        "SELECT enumlabel::pg_catalog.text FROM pg_catalog.pg_enum WHERE enumtypid = $1 ORDER BY enumsortorder",
        enum_oid,
    )
}

/// The validated CHECK expressions of a relation or a domain.
fn stored(oid: pg_sys::Oid, relation: bool, has_children: bool) -> Result<Vec<String>> {
    let owner = if relation { "conrelid" } else { "contypid" };
    texts(
        &format!(
            "SELECT conbin::pg_catalog.text FROM pg_catalog.pg_constraint
             WHERE {owner} = $1 AND {} ORDER BY oid",
            in_force(has_children)
        ),
        oid,
    )
}

/// SQL that is true of the entries of `pg_constraint` for CHECK constraints that hold in all rows, those of children
/// included.
pub fn in_force(has_children: bool) -> String {
    let inherited = if has_children { " AND NOT connoinherit" } else { "" };
    let enforced = if cfg!(feature = "pg18") { " AND conenforced" } else { "" };
    format!("contype = 'c' AND convalidated{inherited}{enforced}")
}

fn texts(query: &str, oid: pg_sys::Oid) -> Result<Vec<String>> {
    let found = datum::with_pinned_path(|| {
        Spi::connect(|client| {
            let rows = client.select(query, None, &[oid.into()])?;
            rows.filter_map(|row| row.get::<String>(1).transpose()).collect::<std::result::Result<Vec<_>, _>>()
        })
    });
    found.map_err(|error| catalog_unreadable(error).into())
}

/// What a column is called in an expression.
#[derive(Clone, Copy)]
enum Subject<'a> {
    /// Columns of a table.
    Columns(&'a [&'a Attribute]),
    /// The value of a domain.
    Value(&'a Attribute),
}

struct Analysis<'a> {
    subject: Subject<'a>,
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

    fn nothing(&self) -> Vec<Facts> {
        vec![Facts::default(); self.width()]
    }

    fn only(&self, i: usize, facts: Facts) -> Vec<Facts> {
        let mut all = self.nothing();
        all[i] = facts;
        all
    }

    /// What follows for each column if the expression is `truth`, or is NULL because the column is.
    ///
    /// # Safety
    /// `node` is null or a valid node; so for the methods below.
    unsafe fn facts(&self, node: Node, truth: bool) -> Vec<Facts> {
        // SAFETY: the parts of a valid node are valid.
        unsafe {
            pg_sys::check_stack_depth();
            if let Some(boolean) = node::cast::<pg_sys::BoolExpr>(node, NodeTag::T_BoolExpr) {
                return self.boolean(boolean, truth);
            }
            if let Some(test) = node::cast::<pg_sys::NullTest>(node, NodeTag::T_NullTest) {
                let says_not_null = (test.nulltesttype == pg_sys::NullTestType::IS_NOT_NULL) == truth;
                return match self.find(test.arg.cast()) {
                    Some(i) if says_not_null => self.only(i, Facts { not_null: true, ..Facts::default() }),
                    _ => self.nothing(),
                };
            }
            if let Some(comparison) = node::cast::<pg_sys::OpExpr>(node, NodeTag::T_OpExpr) {
                return self.comparison(comparison, truth).unwrap_or_else(|| self.nothing());
            }
            match node::cast::<pg_sys::ScalarArrayOpExpr>(node, NodeTag::T_ScalarArrayOpExpr) {
                Some(any) if truth => self.any(any).unwrap_or_else(|| self.nothing()),
                _ => self.nothing(),
            }
        }
    }

    unsafe fn boolean(&self, boolean: &pg_sys::BoolExpr, truth: bool) -> Vec<Facts> {
        // SAFETY: the parts of a valid node are valid.
        unsafe {
            let truth = truth == (boolean.boolop != pg_sys::BoolExprType::NOT_EXPR);
            let parts = node::members(boolean.args).into_iter().map(|part| self.facts(part, truth));
            let all = (boolean.boolop == pg_sys::BoolExprType::AND_EXPR) == truth;
            let join = if all { Facts::and } else { Facts::or };
            let joined = parts.reduce(|a, b| a.into_iter().zip(b).map(|(a, b)| join(a, b)).collect());
            joined.unwrap_or_else(|| self.nothing())
        }
    }

    unsafe fn comparison(&self, comparison: &pg_sys::OpExpr, truth: bool) -> Option<Vec<Facts>> {
        // SAFETY: a look-up.
        let operator = if truth { comparison.opno } else { unsafe { pg_sys::get_negator(comparison.opno) } };
        let operator = node::builtin_operator(operator)?;
        // SAFETY: the parts of a valid node are valid.
        unsafe {
            let [left, right] = node::members(comparison.args)[..] else { return None };
            let (i, operator, constant) = match (self.find(left), self.find(right)) {
                (Some(i), None) => (i, operator.as_str(), right),
                (None, Some(i)) => (i, mirrored(&operator)?, left),
                _ => return None,
            };
            let facts = self.compared(i, operator, &fold::constant(constant)?)?;
            Some(self.only(i, facts))
        }
    }

    unsafe fn any(&self, any: &pg_sys::ScalarArrayOpExpr) -> Option<Vec<Facts>> {
        if !any.useOr || node::builtin_operator(any.opno)? != "=" {
            return None;
        }
        // SAFETY: the parts of a valid node are valid.
        unsafe {
            let [left, right] = node::members(any.args)[..] else { return None };
            let i = self.find(left)?;
            let elements = fold::elements(right)?;
            let parts =
                elements.iter().map(|element| self.compared(i, "=", element)).collect::<Option<Vec<Facts>>>()?;
            Some(self.only(i, parts.into_iter().reduce(Facts::or)?))
        }
    }

    /// What `column operator constant` says.
    unsafe fn compared(&self, i: usize, operator: &str, constant: &Constant) -> Option<Facts> {
        let column = self.column(i);
        let kind = column.kind?;
        let Constant { value, type_oid } = *constant;
        let constant = Kind::of(type_oid, -1)?;
        if kind.measure() == Measure::Category {
            if operator != "=" || !column.exact_equality {
                return None;
            }
            // SAFETY: a constant of its type.
            let text = unsafe { Output::new(type_oid).format(value) };
            let text = match kind {
                Kind::Boolean => if text == "t" { "true" } else { "false" }.to_owned(),
                Kind::Char => text.trim_end_matches(' ').to_owned(),
                _ => text,
            };
            return Some(Facts { values: Some(vec![text]), ..Facts::default() });
        }
        if !kind.comparable(constant) {
            return None;
        }
        // SAFETY: a constant of its type.
        let natural = unsafe { Reader::new(constant).number(value) } * constant.unit();
        let bound = natural / kind.unit();
        if !bound.is_finite() {
            return None;
        }
        bounds(operator, bound, kind.measure() == Measure::Lattice)
    }

    /// Which column an operand is.
    unsafe fn find(&self, operand: Node) -> Option<usize> {
        // SAFETY: the parts of a valid node are valid.
        unsafe {
            let operand = node::without_casts(operand);
            match self.subject {
                Subject::Columns(columns) => {
                    let variable = node::cast::<pg_sys::Var>(operand, NodeTag::T_Var)?;
                    columns.iter().position(|column| column.number == variable.varattno)
                }
                Subject::Value(_) => {
                    node::cast::<pg_sys::CoerceToDomainValue>(operand, NodeTag::T_CoerceToDomainValue).map(|_| 0)
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

/// The bounds that a comparison sets. On a lattice they are moved to its points, with an allowance for the rounding
/// of the division by the unit.
fn bounds(operator: &str, bound: f64, lattice: bool) -> Option<Facts> {
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
    Some(Facts { lo, hi, ..Facts::default() })
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
        let low = Facts { lo: Some(1.0), hi: Some(5.0), ..Facts::default() };
        let high = Facts { lo: Some(3.0), ..Facts::default() };
        assert_eq!((low.clone().and(high.clone()).lo, low.clone().and(high.clone()).hi), (Some(3.0), Some(5.0)));
        assert_eq!((low.clone().or(high.clone()).lo, low.or(high).hi), (Some(1.0), None));
    }

    #[test]
    fn contradicting_bounds_say_nothing() {
        let facts = Facts { lo: Some(2.0), hi: Some(1.0), ..Facts::default() };
        assert_eq!(facts.declared(Measure::Lattice), None);
    }
}
