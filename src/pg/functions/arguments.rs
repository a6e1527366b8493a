//! The arguments of `tablediffusion_train` and `tablediffusion_plan`, checked against the source and the caller.

use pgrx::pg_sys;
use serde_json::{Map, Value};

use crate::engine::job::{Job, Request};
use crate::engine::models::Method;
use crate::engine::table::Column;
use crate::pg::errors::{self, Result};
use crate::pg::functions::training_columns::TrainingColumns;
use crate::pg::functions::{domain_argument, stated_arguments};
use crate::pg::model::computed::expressions;
use crate::pg::model::metadata::{Annotation, Check};
use crate::pg::relation::keys::Keys;
use crate::pg::relation::privacy_unit::UnitColumn;
use crate::pg::relation::{Attribute, Relation, implied, implied_domains};
use crate::pg::server::call::Call;
use crate::pg::server::{guard, settings};
use crate::pg::values::kind::MODELLED;

/// Makes a Rust function callable from SQL with the arguments of a training. Others come before the last two, because new
/// arguments are added at the end.
macro_rules! training_function {
    ($symbol:ident($($more:ident),*), $finfo:ident, $body:path) => {
        $crate::pg::server::call::sql_function!(
            $symbol(
                source, epsilon, model, delta, method, columns, exclude, domain, privacy_unit, rows_per_unit, replace,
                options $(, $more)*, derived, rules
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
    pub derived: Map<String, Value>,
    pub rules: Vec<String>,
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
            derived: call.object("derived")?,
            rules: call.texts("rules")?,
        })
    }
}

/// A requested training, before anything is read.
pub struct Asked<'a> {
    pub job: Job,
    pub delta: f64,
    pub annotation: Annotation,
    pub modelled: Vec<&'a Attribute>,
    /// The rules that the caller states.
    pub rules: Vec<Check>,
    /// Generated columns of the source that are not in the model because they cannot be computed.
    pub lost: Vec<String>,
    pub unit_column: Option<&'a Attribute>,
}

impl<'a> Asked<'a> {
    /// Checks the arguments against the source and the caller's privileges. Reads no row.
    pub fn new(source: &'a Relation, arguments: &Arguments) -> Result<Self> {
        let chosen = source.choose(arguments.columns.as_deref(), arguments.exclude.as_deref())?;
        let keys = Keys::of(source)?;
        let unit = UnitColumn::of(source, &keys, arguments.privacy_unit.as_deref(), arguments.rows_per_unit)?;
        let stated = stated_arguments::read(source, &arguments.derived, &arguments.rules)?;
        let TrainingColumns { annotation, modelled, lost } =
            TrainingColumns::of(source, &chosen, &keys, unit.as_ref(), stated.derived)?;
        let rules = expressions::rules(source, &annotation.columns, stated.rules)?;
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
        Ok(Self { job, delta, annotation, modelled, rules, lost, unit_column })
    }
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
