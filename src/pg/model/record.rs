//! Models as they are stored.

use pgrx::pg_sys;

use crate::engine::artifact::Artifact;
use crate::pg::model::columns_json;
use crate::pg::model::metadata::Annotation;
use crate::pg::store::models::Record;

/// The record of a trained or imported model.
pub fn of(name: &str, source_oid: pg_sys::Oid, annotation: &Annotation, artifact: &Artifact, bytes: Vec<u8>) -> Record {
    Record {
        name: name.to_owned(),
        source: annotation.source.clone(),
        source_oid,
        method: artifact.method.name().to_owned(),
        epsilon: artifact.ledger.epsilon,
        delta: artifact.ledger.delta,
        neighbours: artifact.ledger.neighbours.describe(),
        noisy_rows: artifact.noisy_rows,
        columns: columns_json::columns(annotation, artifact),
        bytes,
    }
}
