//! `tablediffusion_quality`: how close a synthetic table is to the real one, for roles that may read the real one.

use pgrx::{IntoDatum, pg_sys};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::engine::quality::{Metric, Sample, compare};
use crate::pg::errors::{self, Result};
use crate::pg::relation::keys::Keys;
use crate::pg::relation::{Attribute, Relation, scan};
use crate::pg::server::call::{Call, sql_function};
use crate::pg::server::tuplestore::ResultRows;
use crate::pg::server::{text, threads};

sql_function!(tablediffusion_quality(synthetic, source, target), pg_finfo_tablediffusion_quality, quality);

/// A fixed seed selects the compared rows, so that equal tables give equal figures.
const SEED: u64 = 1;

/// `(synthetic regclass, source regclass, target name)`.
fn quality(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let (synthetic, real) = (Relation::open(call.oid("synthetic")?)?, Relation::open(call.oid("source")?)?);
    let target = call.optional_name("target");
    text::check_encoding()?;
    let columns = shared(&synthetic, &real)?;
    let place = |name: String| {
        let place = columns.iter().position(|(_, column)| column.name == name);
        place.ok_or_else(|| errors::no_such_column(&real.name, &name, "target"))
    };
    let target = target.map(place).transpose()?;
    let (of_synthetic, of_real): (Vec<&Attribute>, Vec<&Attribute>) = columns.iter().copied().unzip();
    synthetic.check_privilege(&of_synthetic, "")?;
    real.check_privilege(&of_real, "")?;
    errors::not_private(&real.name).notice();
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let (made, seen) = (sample(&synthetic, &of_synthetic, &mut rng)?, sample(&real, &of_real, &mut rng)?);
    let metrics = threads::run(move || compare(&made, &seen, target, &mut rng))?;
    if metrics.is_empty() {
        return Err(errors::nothing_to_compare());
    }
    let store = ResultRows::open(call, 0);
    for metric in metrics {
        store.scratch.within(|| put(&metric, &of_real, &store));
    }
    Ok(None)
}

/// The columns that both tables have by name and with the same sort of values, without keys.
fn shared<'a>(synthetic: &'a Relation, real: &'a Relation) -> Result<Vec<(&'a Attribute, &'a Attribute)>> {
    let keys = Keys::of(real)?;
    let partner = |column: &'a Attribute| {
        let own = synthetic.columns.iter().find(|own| own.name == column.name)?;
        (own.kind?.measure().stored() == column.kind?.measure().stored() && keys.key(column).is_none())
            .then_some((own, column))
    };
    let columns: Vec<_> = real.columns.iter().filter_map(partner).collect();
    if columns.is_empty() { Err(errors::no_columns_shared(&synthetic.name, &real.name)) } else { Ok(columns) }
}

fn sample(source: &Relation, columns: &[&Attribute], rng: &mut ChaCha8Rng) -> Result<Sample> {
    let mut sample = Sample::new(columns.len());
    scan::scan(source, None, columns, None, |block, _| {
        sample.add(block, rng);
        Ok(())
    })?;
    Ok(sample)
}

fn put(metric: &Metric, columns: &[&Attribute], store: &ResultRows) {
    let number = |value: f64| Some(pg_sys::Datum::from(value.to_bits()));
    store.put_options([
        metric.name.into_datum(),
        metric.column.and_then(|place| columns[place].name.as_str().into_datum()),
        number(metric.synthetic),
        number(metric.real),
        metric.independent.and_then(number),
    ]);
}
