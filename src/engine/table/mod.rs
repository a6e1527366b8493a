//! Columns, their domains, and the table of codes that models learn from.

pub mod block;
pub mod codec;
pub mod column;
pub mod discover;
pub mod domain;
pub mod encoded;
pub mod features;
pub mod given;
mod keyed_hash;
pub mod relations;
pub mod units;

pub use block::{Block, BlockColumn};
pub use column::{Column, Declared, Measure};
pub use domain::{Bin, Category, Cells, Domain, MAX_CODES, Part};
pub use encoded::{Codes, EncodedTable};
pub use given::Wanted;
pub use units::{UnitTable, Units};
