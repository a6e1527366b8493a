//! A value of a synthetic row, before it is one of SQL or JSON.

/// Distinct texts of a column that are kept ready.
pub const CACHED: usize = 50_000;

/// One value of a row.
pub enum CellValue<'a> {
    Null,
    Text(&'a [u8]),
    /// In the measure of the column's kind.
    Number(f64),
    /// A number that is a key.
    Key(i64),
    Uuid([u8; 16]),
    /// A text that does not come again.
    Once(String),
}
