//! The arguments of `tablediffusion_train` and `tablediffusion_plan`, checked against the source and the caller.

use pgrx::pg_sys;
use serde_json::{Map, Value};

use crate::engine::job::{Job, Request};
use crate::engine::models::Method;
use crate::engine::table::Column;
use crate::pg::errors::{self, Result};
use crate::pg::functions::domain_argument;
use crate::pg::model::metadata::{Annotation, ColumnFacts, Constraints};
use crate::pg::relation::keys::Keys;
use crate::pg::relation::privacy_unit::UnitColumn;
use crate::pg::relation::{Attribute, Relation, implied, implied_domains};
use crate::pg::server::call::Call;
use crate::pg::server::{guard, settings};
use crate::pg::values::kind::MODELLED;

/// Makes a Rust function callable from SQL with the arguments of a training, followed by others.
macro_rules! training_function {
    ($symbol:ident($($more:ident),*), $finfo:ident, $body:path) => {
        $crate::pg::server::call::sql_function!(
            $symbol(
                source, epsilon, model, delta, method, columns, exclude, domain, privacy_unit, rows_per_unit, replace,
                options $(, $more)*
            ),
            $finfo,
            $body
        );
    };
}

pub(crate) use training_function;

/// The arguments, in SQL order.
pub struct Arguments {
    pub source: pg_sys::Oid,
    pub epsilon: f64,
    pub model: Option<String>,
    pub delta: Option<f64>,
    pub method: String,
    pub columns: Option<Vec<String>>,
    pub exclude: Option<Vec<String>>,
    pub domain: Map<String, Value>,
    pub privacy_unit: Option<String>,
    pub rows_per_unit: Option<i64>,
    pub replace: bool,
    pub options: Map<String, Value>,
}

impl Arguments {
    pub fn of(call: &Call) -> Result<Self> {
        Ok(Self {
            source: call.oid("source")?,
            epsilon: call.float("epsilon")?,
            model: call.optional_text("model"),
            delta: call.optional_float("delta"),
            method: call.text("method")?,
            columns: call.names("columns")?,
            exclude: call.names("exclude")?,
            domain: call.object("domain")?,
            privacy_unit: call.optional_name("privacy_unit"),
            rows_per_unit: call.optional_int4("rows_per_unit"),
            replace: call.boolean("replace")?,
            options: call.object("options")?,
        })
    }
}

/// A requested training, before anything is read.
pub struct Asked<'a> {
    pub job: Job,
    pub delta: f64,
    pub annotation: Annotation,
    pub modelled: Vec<&'a Attribute>,
    pub unit_column: Option<&'a Attribute>,
}

impl<'a> Asked<'a> {
    /// Checks the arguments against the source and the caller's privileges. Reads no row.
    pub fn new(source: &'a Relation, arguments: &Arguments) -> Result<Self> {
        let chosen = source.choose(arguments.columns.as_deref(), arguments.exclude.as_deref())?;
        let keys = Keys::of(source)?;
        let unit = UnitColumn::of(source, &keys, arguments.privacy_unit.as_deref(), arguments.rows_per_unit)?;
        let (annotation, modelled) = plan(source, &chosen, &keys, unit.as_ref())?;
        if modelled.is_empty() {
            return Err(errors::no_columns(&source.name));
        }
        let unit_column = unit.as_ref().and_then(UnitColumn::read);
        let read: Vec<&Attribute> = modelled.iter().copied().chain(unit_column).collect();
        source.check_privilege(&read, ", or name them in \"exclude\"")?;
        let columns = offered(source, &modelled, &arguments.domain)?;
        let method = guard::engine(|| Method::parse(&arguments.method))?;
        let delta = arguments.delta.unwrap_or_else(settings::delta);
        let request = Request {
            columns,
            unit: unit.as_ref().and_then(UnitColumn::relation),
            epsilon: arguments.epsilon,
            delta,
            method,
            options: arguments.options.clone(),
            memory_limit: settings::memory_limit(),
        };
        let job = guard::engine(|| Job::new(request))?;
        Ok(Self { job, delta, annotation, modelled, unit_column })
    }
}

/// Splits the columns into generated and modelled ones. A unit column that cannot be generated is left out.
fn plan<'a>(
    source: &Relation,
    chosen: &[&'a Attribute],
    keys: &Keys,
    unit: Option<&UnitColumn>,
) -> Result<(Annotation, Vec<&'a Attribute>)> {
    let mut facts = Vec::with_capacity(chosen.len());
    let mut modelled = Vec::with_capacity(chosen.len());
    for column in chosen {
        let type_name = column.type_name();
        let Some(kind) = column.kind else { return Err(errors::unsupported_type(&column.name, &type_name, MODELLED)) };
        let is_unit = unit.is_some_and(|unit| unit.column.number == column.number);
        let key = if is_unit { kind.key() } else { keys.key(column) };
        if key.is_none() && is_unit {
            continue;
        }
        if key.is_none() {
            modelled.push(*column);
        }
        let (name, not_null) = (column.name.clone(), column.not_null);
        facts.push(ColumnFacts { name, ordinal: column.number, type_name, kind, not_null, key });
    }
    let left_out = source.columns.iter().filter(|column| !facts.iter().any(|f| f.ordinal == column.number));
    let left_out = left_out.map(|column| column.name.clone()).collect();
    let (source, constraints) = (source.quoted(), Constraints::default());
    Ok((Annotation { source, columns: facts, left_out, constraints, source_rows_only: None }, modelled))
}

/// The columns in the form that the engine takes. Their domains are those that the caller declares, or else those that
/// the catalogs imply.
fn offered(source: &Relation, modelled: &[&Attribute], domains: &Map<String, Value>) -> Result<Vec<Column>> {
    if let Some(stranger) = domains.keys().find(|name| !modelled.iter().any(|column| column.name == **name)) {
        return Err(errors::domain_of_no_column(stranger));
    }
    let facts = implied_domains::facts(source, modelled)?;
    let offer = |(column, facts): (&&Attribute, implied::Implied)| {
        let Some(kind) = column.kind else {
            return Err(errors::unsupported_type(&column.name, &column.type_name(), MODELLED));
        };
        let measure = kind.measure();
        let declared = match domains.get(&column.name) {
            Some(domain) => Some(domain_argument::domain(column, domain)?),
            None => facts.declared(measure),
        };
        Ok(Column { name: column.name.clone(), measure, nullable: !facts.not_null, declared })
    };
    modelled.iter().zip(facts).map(offer).collect()
}
