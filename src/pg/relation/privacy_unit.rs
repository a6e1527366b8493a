//! The column that identifies the privacy unit of a row. It is never modelled, and only read to distinguish units.

use crate::engine::privacy::ledger::PrivacyUnit;
use crate::pg::errors::{self, Result};
use crate::pg::relation::keys::Keys;
use crate::pg::relation::{Attribute, Relation};

/// The requested privacy unit of a training, if it is not the row.
pub struct UnitColumn<'a> {
    pub column: &'a Attribute,
    rows: u32,
    /// Whether the catalogs guarantee that no two rows belong to one unit, so that units are rows.
    is_row: bool,
}

impl<'a> UnitColumn<'a> {
    /// The unit that the arguments request.
    pub fn of(source: &'a Relation, keys: &Keys, name: Option<&str>, rows: Option<i64>) -> Result<Option<Self>> {
        let Some(name) = name else {
            return if rows.is_some() { Err(errors::rows_per_unit_alone()) } else { Ok(None) };
        };
        let column = source.columns.iter().find(|column| column.name == *name);
        let column = column.ok_or_else(|| errors::no_such_column(&source.name, name, "privacy_unit"))?;
        if column.kind.is_none() {
            return Err(errors::unit_type_unsupported(&column.name, &column.type_name()));
        }
        if !column.exact_equality {
            return Err(errors::unit_collation_unsupported(&column.name));
        }
        // The engine refuses values that are out of range.
        let rows = rows.map_or(1, |rows| u32::try_from(rows).unwrap_or(0));
        Ok(Some(Self { column, rows, is_row: rows > 0 && keys.tells_rows_apart(source, column) }))
    }

    /// The column to read, unless units are rows.
    pub fn read(&self) -> Option<&'a Attribute> {
        (!self.is_row).then_some(self.column)
    }

    /// The unit for the engine, unless units are rows.
    pub fn relation(&self) -> Option<PrivacyUnit> {
        (!self.is_row).then(|| PrivacyUnit { column: self.column.name.clone(), rows: self.rows })
    }
}
