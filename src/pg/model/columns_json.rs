//! The released information about each column, as rows of the view `tablediffusion.columns`.

use serde_json::{Map, Value, json};

use crate::engine::artifact::{Artifact, ReleasedColumn};
use crate::engine::table::{Cells, discover};
use crate::pg::model::metadata::{Annotation, ColumnFacts, Place};
use crate::pg::values::cell::CellValue;
use crate::pg::values::json::JsonWriter;

/// One JSON object per column.
pub fn columns(annotation: &Annotation, artifact: &Artifact) -> Value {
    let bought = |released: &ReleasedColumn| discover::histograms(&released.column, artifact.method.goal());
    let all: u64 = artifact.columns.iter().map(bought).sum();
    let rows = annotation.columns.iter().zip(annotation.places()).map(|(facts, place)| {
        let mut row = Map::new();
        row.insert("ordinal".into(), facts.ordinal.into());
        row.insert("name".into(), facts.name.clone().into());
        row.insert("type".into(), facts.type_name.clone().into());
        row.insert("nullable".into(), (!facts.not_null && facts.key.is_none()).into());
        match place {
            Place::Modelled(place) => {
                let column = &artifact.columns[place];
                let share = if all > 0 { bought(column) as f64 / all as f64 } else { 0.0 };
                row.insert("domain_share".into(), share.into());
                released(facts, column, &mut row);
            }
            Place::Key(_) => {
                row.insert("domain".into(), "generated".into());
                row.insert("domain_share".into(), 0.into());
            }
            Place::Computed(_) => {
                row.insert("domain".into(), "computed".into());
                row.insert("domain_share".into(), 0.into());
                row.insert("expression".into(), json!(facts.computed.as_ref().map(|computed| &computed.expression)));
            }
        }
        Value::Object(row)
    });
    Value::Array(rows.collect())
}

fn released(facts: &ColumnFacts, released: &ReleasedColumn, row: &mut Map<String, Value>) {
    let (column, domain) = (&released.column, &released.domain);
    row.insert("domain".into(), if column.declared.is_some() { "declared" } else { "learned" }.into());
    let (kind, cells, values) = match &domain.cells {
        Cells::Categories(categories) => {
            let values = categories.iter().map(|c| json!({"value": c.value, "share": c.weight})).collect();
            ("categories", categories.len(), values)
        }
        Cells::Bins { bins, .. } => {
            let mut json = JsonWriter::new(facts.kind);
            let mut shown = |number: f64| {
                let mut text = String::new();
                json.write(&CellValue::Number(number), &mut text);
                serde_json::from_str(&text).unwrap_or(Value::Null)
            };
            let values = bins.iter().filter_map(|bin| {
                let (first, last) = (bin.parts.first()?, bin.parts.last()?);
                let share: f64 = bin.parts.iter().map(|part| part.weight).sum();
                Some(json!({"min": shown(first.lo), "max": shown(last.hi), "share": share}))
            });
            ("bins", bins.len(), values.collect())
        }
    };
    row.insert("kind".into(), kind.into());
    let codes = cells + usize::from(domain.other.is_some()) + usize::from(domain.null.is_some());
    row.insert("codes".into(), codes.into());
    row.insert("values".into(), Value::Array(values));
    row.insert("other_share".into(), json!(domain.other));
    row.insert("null_share".into(), json!(domain.null));
}
