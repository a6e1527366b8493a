//! A value of a synthetic row, before it is converted to SQL or JSON.

use pgrx::pg_sys::Datum;

/// Maximum number of distinct texts of a column that are cached.
pub const CACHED: usize = 50_000;

/// One value of a row.
pub enum CellValue<'a> {
    Null,
    Text(&'a [u8]),
    /// In the measure of the column's kind.
    Number(f64),
    /// The number of a key.
    Key(i64),
    Uuid([u8; 16]),
    /// A text that does not occur again.
    Once(String),
    /// A value of the base type of the source's column.
    Sql(Datum),
}
