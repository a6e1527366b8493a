//! A loaded model.

use std::sync::Arc;

use crate::engine::artifact::Artifact;
use crate::pg::errors::Result;
use crate::pg::model::metadata::Annotation;
use crate::pg::model::metadata_check;
use crate::pg::server::{text, threads};
use crate::pg::store::models;

/// A loaded model.
pub struct Model {
    pub name: String,
    pub artifact: Arc<Artifact>,
    pub annotation: Annotation,
}

impl Model {
    pub fn load(name: String) -> Result<Self> {
        text::check_encoding()?;
        let bytes = models::load(&name)?;
        let artifact = threads::run(move || Artifact::from_bytes(&bytes))??;
        let annotation = metadata_check::annotation(&name, &artifact)?;
        Ok(Self { name, artifact: Arc::new(artifact), annotation })
    }
}
