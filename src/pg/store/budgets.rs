//! The table of budgets, and what was spent of each.

use pgrx::pg_sys;
use serde::Deserialize;

use crate::engine::privacy::accountant::gdp::Stored;
use crate::pg::errors::Result;
use crate::pg::relation::lineage::Charged;
use crate::pg::server::access::{self, as_owner};

/// Sets the budget of a relation. It replaces its existing budget, or the budget of a dropped or restored relation that
/// applies to it by name. Without an epsilon, the relation has no budget afterwards.
pub fn set_budget(relation: pg_sys::Oid, epsilon: Option<f64>, delta: f64) -> Result<()> {
    // SAFETY: a plain call.
    let role = unsafe { pg_sys::GetUserId() };
    as_owner(|client| {
        let named = "SELECT o.id AS origin, c.oid AS relation,
                pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name,
                c.relowner AS owner
            FROM tablediffusion.origin_store AS o, pg_catalog.pg_class AS c
            JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = $1";
        let forget = format!(
            "WITH named AS ({named})
            DELETE FROM tablediffusion.budgets_store AS b USING named
            WHERE b.relation = named.relation AND b.origin = named.origin
               OR b.name = named.name AND (b.origin <> named.origin
                  OR coalesce(b.owner, b.role::pg_catalog.oid) = named.owner AND NOT EXISTS (
                      SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = b.relation))"
        );
        client.update(forget.as_str(), None, &[relation.into()])?;
        if let Some(epsilon) = epsilon {
            let set = format!(
                "WITH named AS ({named})
                INSERT INTO tablediffusion.budgets_store (relation, origin, name, epsilon, delta, role, owner)
                SELECT relation, origin, name, $2, $3, $4, owner FROM named"
            );
            client.update(set.as_str(), None, &[relation.into(), epsilon.into(), delta.into(), role.into()])?;
        }
        Ok(())
    })
}

/// Gives a budget to each table among some relations (JSON) that has none.
pub fn default_budgets(charged: &str, epsilon: f64, delta: f64) -> Result<()> {
    as_owner(|client| {
        let query = "INSERT INTO tablediffusion.budgets_store (relation, origin, name, epsilon, delta, role, owner)
            SELECT r.relation, o.id, r.name, $2, $3, r.owner, r.owner
            FROM tablediffusion.origin_store AS o,
                 pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb)
                     AS r (relation oid, name text, owner oid, \"table\" boolean)
            WHERE r.\"table\" AND NOT EXISTS (
                SELECT FROM tablediffusion.budgets_store AS b
                WHERE b.relation = r.relation AND b.origin = o.id
                   OR b.name = r.name AND (b.origin <> o.id OR coalesce(b.owner, b.role::pg_catalog.oid) = r.owner))
            ON CONFLICT (relation, origin) DO NOTHING";
        client.update(query, None, &[charged.into(), epsilon.into(), delta.into()]).map(|_| ())
    })
}

/// A budget and what was spent of it.
#[derive(Debug, Deserialize)]
pub struct Budget {
    pub id: i64,
    /// Name of the relation in SQL.
    pub name: String,
    pub epsilon: f64,
    pub delta: f64,
    pub trainings: u64,
    precision_sum: f64,
    excess_delta: f64,
    /// Whether it was set for an earlier relation with the same name.
    pub former: bool,
    /// Whether trainings of this kind can be charged to it.
    pub counts: bool,
}

/// The budgets that apply to some relations, given as JSON. A budget applies by name only if it was set for a relation
/// of the same owner, or was restored.
const APPLYING: &str = "
    SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
               'id', b.id, 'name', coalesce(b.current_name, b.name), 'epsilon', b.epsilon, 'delta', b.delta,
               'trainings', b.trainings, 'precision_sum', b.precision_sum, 'excess_delta', b.excess_delta,
               'former', NOT m.direct, 'counts', m.counts) ORDER BY b.id), '[]')::pg_catalog.text
    FROM tablediffusion.budgets_spent AS b CROSS JOIN LATERAL (
        SELECT pg_catalog.bool_or(b.relation = r.relation AND b.origin = o.id) AS direct,
               pg_catalog.bool_and(r.counts) AS counts
        FROM tablediffusion.origin_store AS o,
             pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r (relation oid, name text, owner oid, counts boolean)
        WHERE b.relation = r.relation AND b.origin = o.id
           OR b.name = r.name AND (b.origin <> o.id OR b.set_for = r.owner)
    ) AS m
    WHERE m.direct IS NOT NULL";

impl Budget {
    /// The budgets that apply to what a training is charged to, ordered by number.
    pub fn applying(charged: &[Charged]) -> Result<Vec<Self>> {
        access::ask(APPLYING, &access::json(&charged)?)
    }

    pub fn spent(&self) -> Stored {
        Stored { precision: self.precision_sum, excess_delta: self.excess_delta }
    }

    /// Whether the budget allows a training that claims (`epsilon`, `delta`) and costs `reserve` at most. Only the
    /// first training may rely on its claim: later sums use Gaussian mechanisms. If the first training alone exceeds
    /// the budget as a Gaussian mechanism, no other training follows.
    pub fn allows(&self, epsilon: f64, delta: f64, reserve: Stored) -> bool {
        let first = self.trainings == 0 && epsilon <= self.epsilon && delta <= self.delta;
        first || self.spent().and(reserve).epsilon(self.delta) <= self.epsilon
    }

    /// Epsilon of one more Gaussian mechanism that would use up the budget.
    pub fn remaining(&self) -> f64 {
        if self.trainings == 0 { self.epsilon } else { self.spent().remaining(self.epsilon, self.delta) }
    }
}
