//! The engine: private synthetic data from tables of codes, without PostgreSQL.
//!
//! Floors, each importing only from those above it in this list: [`privacy`], [`table`], [`marginals`], [`nn`],
//! [`models`], [`artifact`] and [`job`]. [`quality`], which knows tables only, stands beside them, and [`abandon`] below
//! all.

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
