//! What a synthetic table copies from the source of its model besides columns: comments, constraints and indexes. They
//! are read from the catalogs and applied as the caller, after the rows are inserted. Anything that would call code of
//! another role is left out.

use pgrx::spi::{SpiHeapTupleData, SpiResult};
use pgrx::{Spi, pg_sys};

use crate::pg::errors::{self, Result};
use crate::pg::functions::copied_statement;
use crate::pg::model::constraints::expression::ColumnNames;
use crate::pg::model::metadata::Annotation;
use crate::pg::relation::{Attribute, Relation};
use crate::pg::server::guc::with_fixed_writing;
use crate::pg::server::tuple::Target;
use crate::pg::server::{spi, types};

/// Which kinds of properties are copied.
#[derive(Debug, Clone, Copy, Default)]
pub struct Including {
    comments: bool,
    constraints: bool,
    indexes: bool,
    /// Whether generated columns of the source are generated columns of the table.
    pub generated: bool,
}

impl Including {
    pub fn parse(words: &[String]) -> Result<Self> {
        let mut all = Self::default();
        for word in words {
            match word.to_lowercase().as_str() {
                "comments" => all.comments = true,
                "constraints" => all.constraints = true,
                "indexes" => all.indexes = true,
                "generated" => all.generated = true,
                _ => return Err(errors::including_unknown(word)),
            }
        }
        Ok(all)
    }

    fn copies_nothing(self) -> bool {
        !(self.comments || self.constraints || self.indexes)
    }
}

/// Copies the properties to `table`, which has the columns of the model. Properties that involve other columns of the
/// source are left out. So are those that call what is not PostgreSQL's own; a NOTICE names these.
pub fn take_over(including: Including, table: pg_sys::Oid, annotation: &Annotation) -> Result<()> {
    if including.copies_nothing() {
        return Ok(());
    }
    let target = |column: &Attribute| {
        let (type_oid, typmod) = types::base_type(column.type_oid, column.typmod);
        Target { column: column.name.clone(), type_oid, typmod }
    };
    let names = ColumnNames::of(&Relation::open(table)?.columns.iter().map(target).collect::<Vec<_>>());
    let mut lost = Vec::new();
    // A checked statement has the same meaning when it runs.
    with_fixed_writing(|| {
        for (name, statement) in statements(including, table, annotation)? {
            if copied_statement::is_builtin(&statement, &names) {
                spi::run(&statement, &[])?;
            } else {
                lost.push(name);
            }
        }
        Result::Ok(())
    })?;
    if !lost.is_empty() {
        errors::not_taken_over(lost).notice();
    }
    Ok(())
}

/// `$1` is the name of the source, `$2` the new table, `$3` the positions of the model's columns in the source. Unique
/// keys get new names, because the name of their index must be unique in a schema.
const STATEMENTS: &str = "
    WITH source AS (SELECT pg_catalog.to_regclass($1)::pg_catalog.oid AS oid),
    names AS (
        SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS target
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = $2),
    statements AS (
        SELECT 'comments' AS kind, 1 AS step, attname::pg_catalog.text AS name,
               pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', target, attname,
                                 pg_catalog.col_description(source.oid, attnum)) AS statement
        FROM source, names, pg_catalog.pg_attribute
        WHERE attrelid = source.oid AND attnum = ANY ($3) AND NOT attisdropped
          AND pg_catalog.col_description(source.oid, attnum) IS NOT NULL
        UNION ALL
        SELECT 'constraints', CASE contype WHEN 'c' THEN 2 WHEN 'p' THEN 3 ELSE 4 END, conname::pg_catalog.text,
               pg_catalog.format('ALTER TABLE %s ADD %s%s', target,
                                 CASE WHEN contype = 'c' THEN pg_catalog.format('CONSTRAINT %I ', conname) ELSE '' END,
                                 pg_catalog.pg_get_constraintdef(k.oid))
        FROM source, names, pg_catalog.pg_constraint AS k
        WHERE conrelid = source.oid AND contype IN ('c', 'p', 'u') AND coalesce(conkey, '{}') <@ $3
        UNION ALL
        SELECT 'indexes', 5, x.relname::pg_catalog.text,
               pg_catalog.format('CREATE %sINDEX ON %s ', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, target)
               || pg_catalog.substr(pg_catalog.pg_get_indexdef(i.indexrelid),
                      pg_catalog.length(pg_catalog.format('CREATE %sINDEX %I ON %s%I.%I ',
                          CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, x.relname,
                          CASE WHEN x.relkind = 'I' THEN 'ONLY ' ELSE '' END, n.nspname, c.relname)) + 1)
        FROM source, names, pg_catalog.pg_index AS i
        JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
        JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE i.indrelid = source.oid AND i.indisvalid
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = i.indexrelid)
          AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_depend AS d
              WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
                AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = source.oid
                AND d.refobjsubid > 0 AND NOT d.refobjsubid = ANY ($3)))
    SELECT name, statement FROM statements WHERE kind = ANY ($4) ORDER BY step, name";

fn statements(including: Including, table: pg_sys::Oid, annotation: &Annotation) -> Result<Vec<(String, String)>> {
    let kinds =
        [("comments", including.comments), ("constraints", including.constraints), ("indexes", including.indexes)];
    let kinds: Vec<&str> = kinds.into_iter().filter(|(_, wanted)| *wanted).map(|(kind, _)| kind).collect();
    let columns: Vec<i16> = annotation.columns.iter().map(|column| column.ordinal).collect();
    let source = annotation.source.as_str();
    let found = with_fixed_writing(|| {
        Spi::connect(|client| {
            let known = "SELECT pg_catalog.to_regclass($1) IS NOT NULL";
            if client.select(known, Some(1), &[source.into()])?.first().get_one::<bool>()? != Some(true) {
                return Ok(None);
            }
            let rows = client.select(STATEMENTS, None, &[source.into(), table.into(), columns.into(), kinds.into()])?;
            let entry = |row: SpiHeapTupleData| SpiResult::Ok(row.get::<String>(1)?.zip(row.get::<String>(2)?));
            rows.filter_map(|row| entry(row).transpose()).collect::<SpiResult<Vec<_>>>().map(Some)
        })
    });
    found?.ok_or_else(|| errors::including_without_source(source))
}
