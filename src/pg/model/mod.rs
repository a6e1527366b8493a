//! Loaded models: the description of the columns, the constraints of the rows, and the rows.

pub mod cell_source;
pub mod columns_json;
pub mod computed;
pub mod constraints;
pub mod given;
pub mod loaded;
pub mod metadata;
pub mod metadata_check;
pub mod record;
pub mod row_values;
pub mod rows;
pub mod table_comment;
pub mod target_domains;
pub mod writers;
