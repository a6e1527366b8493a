//! The ledger: the charges of trainings, their outcomes, and the relations that they were charged to.

use pgrx::{JsonB, pg_sys};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::privacy::accountant::gdp::Stored;
use crate::pg::errors::{self, Result};
use crate::pg::relation::lineage::Charged;
use crate::pg::server::access::{as_owner, ask, json};

/// A training that requests admission.
#[derive(Debug, Serialize, Deserialize)]
pub struct Charge {
    pub model: String,
    pub role: u32,
    pub source: String,
    pub source_id: u32,
    pub method: String,
    pub epsilon: f64,
    pub delta: f64,
    pub neighbours: String,
    pub privacy_unit: Option<String>,
    pub rows_per_unit: Option<i32>,
    pub row_security: bool,
    /// The reason why rows of the source are not rows of the relations behind it, if so.
    pub source_rows_only: Option<String>,
    /// The maximum cost.
    pub precision: f64,
    pub excess_delta: f64,
    pub charged: Vec<Charged>,
    /// Epsilon and delta of the default budget for tables without one.
    pub default_budget: Option<(f64, f64)>,
    /// The transaction that trains.
    pub transaction: u64,
}

impl Charge {
    pub fn reserve(&self) -> Stored {
        Stored { precision: self.precision, excess_delta: self.excess_delta }
    }
}

/// The outcome of a charged training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    ModelMade,
    Failed,
    Cancelled,
}

impl Outcome {
    /// The text in the ledger.
    fn words(self) -> &'static str {
        match self {
            Self::ModelMade => "model made",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The actual cost of a training that made a model.
pub struct Settled {
    pub stages: Value,
    pub cost: Stored,
}

/// Enters a charge in the ledger, and returns the number of the entry.
pub fn enter_charge(charge: &Charge) -> Result<i64> {
    let charged = json(&charge.charged)?;
    let entered = as_owner(|client| {
        let spent = [
            charge.model.as_str().into(),
            pg_sys::Oid::from(charge.role).into(),
            charge.source.as_str().into(),
            pg_sys::Oid::from(charge.source_id).into(),
            charge.method.as_str().into(),
            charge.epsilon.into(),
            charge.delta.into(),
            charge.neighbours.as_str().into(),
            charge.privacy_unit.clone().into(),
            charge.rows_per_unit.into(),
            charge.row_security.into(),
            noise_multiplier(charge.precision).into(),
            charge.excess_delta.into(),
            charged.into(),
            charge.transaction.to_string().into(),
            charge.source_rows_only.is_some().into(),
        ];
        let rows = client.update(
            "WITH entered AS (
                 INSERT INTO tablediffusion.ledger_store
                     (model, role, role_name, source, source_id, method, epsilon, delta, neighbours, privacy_unit,
                      rows_per_unit, row_security, stages, gaussian_noise_multiplier, excess_delta, origin, transaction,
                      source_rows_only)
                 SELECT $1, $2, pg_catalog.pg_get_userbyid($2), $3, $4, $5, $6, $7, $8, $9, $10, $11, '[]', $12, $13,
                        id, $15::pg_catalog.xid8, $16
                 FROM tablediffusion.origin_store
                 RETURNING id, origin
             ), charges AS (
                 INSERT INTO tablediffusion.charges_store (entry, relation, origin, name, owner, counts)
                 SELECT entered.id, charged.relation, entered.origin, charged.name, charged.owner, charged.counts
                 FROM entered, pg_catalog.jsonb_to_recordset($14::pg_catalog.jsonb)
                     AS charged (relation oid, name text, owner oid, counts boolean))
             SELECT id FROM entered",
            None,
            &spent,
        )?;
        rows.first().get_one::<i64>()
    })?;
    entered.ok_or_else(|| errors::internal("the ledger entry was not stored"))
}

/// Enters the outcome of a training, as part of the current transaction.
pub fn enter_outcome(entry: i64, outcome: Outcome, settled: Option<Settled>) -> Result<()> {
    let (stages, cost) = settled.map(|settled| (JsonB(settled.stages), settled.cost)).unzip();
    as_owner(|client| {
        client.update(
            "INSERT INTO tablediffusion.outcomes_store (entry, outcome, stages, gaussian_noise_multiplier, excess_delta)
             VALUES ($1, $2, $3, $4, $5)",
            None,
            &[
                entry.into(),
                outcome.words().into(),
                stages.into(),
                cost.map(|cost| noise_multiplier(cost.precision)).into(),
                cost.map(|cost| cost.excess_delta).into(),
            ],
        )?;
        Ok(())
    })
}

/// Rounded down, so that the entered precision is not below the computed one.
fn noise_multiplier(precision: f64) -> f64 {
    precision.sqrt().recip() * (1.0 - 4.0 * f64::EPSILON)
}

/// Number of trainings that read a relation of this database and could not be charged to it.
pub fn uncounted(relation: pg_sys::Oid) -> Result<u64> {
    let query = "SELECT pg_catalog.to_json(pg_catalog.count(*))::pg_catalog.text
        FROM tablediffusion.charges_store AS c JOIN tablediffusion.origin_store AS o ON o.id = c.origin
        WHERE NOT c.counts AND c.relation = $1::pg_catalog.oid";
    ask(query, &relation.to_u32().to_string())
}

/// Whether any training was charged to a relation of this database.
pub fn was_charged(relation: pg_sys::Oid) -> Result<bool> {
    as_owner(|client| {
        let query = "SELECT EXISTS (SELECT FROM tablediffusion.charges_store AS c
            JOIN tablediffusion.origin_store AS o ON o.id = c.origin WHERE c.relation = $1)";
        Ok(client.select(query, Some(1), &[relation.into()])?.first().get_one::<bool>()?.unwrap_or(true))
    })
}
