//! The engine: private synthetic data from encoded tables, without PostgreSQL.
//!
//! Modules, each importing only from those before it in this list: [`privacy`], [`table`], [`marginals`], [`nn`],
//! [`models`], [`artifact`] and [`job`]. [`quality`] imports only [`table`]. All may import [`abandon`].

#![forbid(unsafe_code)]

pub mod abandon;
pub mod artifact;
pub mod error;
pub mod job;
pub mod marginals;
pub mod models;
pub mod nn;
pub mod privacy;
pub mod quality;
pub mod table;

pub use error::{EngineError, Result};
