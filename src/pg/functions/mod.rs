//! The SQL functions, one file per function or group of functions.

pub mod arguments;
pub mod budget;
pub mod copied_statement;
pub mod copy_properties;
pub mod create_table;
pub mod domain_argument;
pub mod models;
pub mod new_table;
pub mod plan;
pub mod progress;
pub mod quality;
pub mod refresh_table;
pub mod report;
pub mod sample;
pub mod stated_arguments;
pub mod train;
pub mod training_columns;
pub mod version;
