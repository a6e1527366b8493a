//! Conversion between SQL values and the engine's values.

pub mod cell;
pub mod chars;
pub mod datums;
pub mod facts;
pub mod json;
pub mod key;
pub mod kind;
pub mod numeric;
pub mod reader;
pub mod uuid;
pub mod writer;
