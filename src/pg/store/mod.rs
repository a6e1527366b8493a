//! The extension's own tables: models, grants, charges and budgets.

pub mod admission;
pub mod budgets;
pub mod grants;
pub mod ledger;
pub mod locks;
pub mod models;
pub mod worker;
