//! Every error, warning and notice of the face, with its SQLSTATE, DETAIL and HINT. None contains a value of a table.

mod arguments;
mod budgets;
mod computed;
mod constraints;
mod domains;
mod fault;
mod given;
mod models;
mod notices;
mod quality;
mod resources;
mod sampling;
mod source;
mod tables;

pub use self::arguments::*;
pub use self::budgets::*;
pub use self::computed::*;
pub use self::constraints::*;
pub use self::domains::*;
pub use self::fault::{Fault, Result, Told, bytes, internal};
pub use self::given::*;
pub use self::models::*;
pub use self::notices::*;
pub use self::quality::*;
pub use self::resources::*;
pub use self::sampling::*;
pub use self::source::*;
pub use self::tables::*;
