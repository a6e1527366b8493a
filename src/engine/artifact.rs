//! A trained model with all released information about its table, as versioned bytes with a checksum.

use std::borrow::Borrow;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::models::{Method, Synthesizer};
use super::privacy::ledger::Ledger;
use super::table::codec::Decoder;
use super::table::features::{FeatureDecoder, Features};
use super::table::relations::Found;
use super::table::{Block, Column, Domain, Wanted, given};
use super::{EngineError, Result};

const MAGIC: &[u8; 8] = b"TDIFFMDL";
pub const FORMAT_VERSION: u16 = 2;
/// The format of models without features: every column is one by itself.
const PLAIN_VERSION: u16 = 1;
const DIGEST_LENGTH: usize = 32;
/// Size of the header.
pub const HEADER_LENGTH: usize = MAGIC.len() + 2 + DIGEST_LENGTH;

/// Maximum bytes of memory per byte that is read. An empty list, of one byte, takes three words, and three times as
/// much while a list of such lists grows.
const MEMORY_PER_BYTE: u64 = 80;
/// The same per code of a domain, because users receive codes as JSON.
const MEMORY_PER_CODE: u64 = 3072;

/// Maximum number of rows that a [`Sampler`] makes at once. It is small when fuzzing looks for bytes that break the
/// sampler.
pub const SAMPLE_BLOCK: usize = if cfg!(fuzzing) { 64 } else { 4096 };

/// A column and its released domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReleasedColumn {
    pub column: Column,
    pub domain: Domain,
}

/// A trained model. Everything in it is public or was charged.
pub struct Artifact {
    pub method: Method,
    pub columns: Vec<ReleasedColumn>,
    pub ledger: Ledger,
    pub noisy_rows: f64,
    /// The caller's own description of the columns, opaque to the engine.
    pub annotation: String,
    /// What the model sees of the columns.
    found: Found,
    synthesizer: Box<dyn Synthesizer>,
}

/// The stored form.
#[derive(Serialize, Deserialize)]
struct Body {
    method: String,
    columns: Vec<ReleasedColumn>,
    ledger: Ledger,
    noisy_rows: f64,
    annotation: String,
    model: Vec<u8>,
}

/// What follows the body if the model sees other features than the columns: the features, and the domains of those that
/// are no columns.
#[derive(Serialize, Deserialize)]
struct StoredFeatures {
    features: Features,
    domains: Vec<Domain>,
}

impl Artifact {
    pub(super) fn new(
        method: Method,
        columns: Vec<ReleasedColumn>,
        found: Found,
        ledger: Ledger,
        noisy_rows: f64,
        synthesizer: Box<dyn Synthesizer>,
    ) -> Self {
        Self { method, columns, ledger, noisy_rows, annotation: String::new(), found, synthesizer }
    }

    /// The model as versioned bytes with a checksum.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let body = Body {
            method: self.method.name().to_owned(),
            columns: self.columns.clone(),
            ledger: self.ledger.clone(),
            noisy_rows: self.noisy_rows,
            annotation: self.annotation.clone(),
            model: self.synthesizer.save()?,
        };
        let failed = |_| EngineError::Internal("model cannot be serialised");
        let mut bytes = postcard::to_stdvec(&body).map_err(failed)?;
        if self.found.features.is_plain() {
            return Ok(sealed(PLAIN_VERSION, &bytes));
        }
        let stored = StoredFeatures { features: self.found.features.clone(), domains: self.found.own_domains() };
        bytes.extend(postcard::to_stdvec(&stored).map_err(failed)?);
        Ok(sealed(FORMAT_VERSION, &bytes))
    }

    /// Reads the result of [`Artifact::to_bytes`].
    ///
    /// # Errors
    /// `CorruptModel` for bytes that are not a whole model, `UnsupportedVersion` for a newer format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::from_bytes_within(bytes, 0)
    }

    /// The same, with a memory limit; 0 for no limit.
    ///
    /// # Errors
    /// Also `MemoryLimit` if more may be needed.
    pub fn from_bytes_within(bytes: &[u8], limit: u64) -> Result<Self> {
        let corrupt = |reason| EngineError::CorruptModel { reason };
        let needed = memory_for(bytes.len() as u64);
        check_memory(needed, limit)?;
        if bytes.len() < HEADER_LENGTH || &bytes[..MAGIC.len()] != MAGIC {
            return Err(corrupt("it does not start like a model"));
        }
        let version = u16::from_le_bytes([bytes[8], bytes[9]]);
        if version > FORMAT_VERSION {
            return Err(EngineError::UnsupportedVersion { found: version, supported: FORMAT_VERSION });
        }
        let (digest, body) = (&bytes[HEADER_LENGTH - DIGEST_LENGTH..HEADER_LENGTH], &bytes[HEADER_LENGTH..]);
        if Sha256::digest(body)[..] != *digest {
            return Err(corrupt("its checksum does not match"));
        }
        let (body, rest): (Body, &[u8]) =
            postcard::take_from_bytes(body).map_err(|_| corrupt("its body cannot be read"))?;
        let (stored, rest) = if version > PLAIN_VERSION {
            let features = postcard::take_from_bytes::<StoredFeatures>(rest);
            let (stored, rest) = features.map_err(|_| corrupt("its features cannot be read"))?;
            (Some(stored), rest)
        } else {
            (None, rest)
        };
        if !rest.is_empty() {
            return Err(corrupt("its body is followed by extra bytes"));
        }
        let method = Method::parse(&body.method).map_err(|_| corrupt("its method is unknown"))?;
        if body.columns.is_empty() || !body.columns.iter().all(|c| c.domain.is_valid()) {
            return Err(corrupt("a domain is not valid"));
        }
        let (columns, domains): (Vec<&Column>, Vec<&Domain>) =
            body.columns.iter().map(|c| (&c.column, &c.domain)).unzip();
        let found = match stored {
            None => Found::plain(&domains),
            Some(StoredFeatures { features, domains: own }) => {
                Found::with(features, &columns, &domains, own).ok_or_else(|| corrupt("its features are not valid"))?
            }
        };
        let of_columns = body.columns.iter().map(|c| c.domain.size());
        let codes: usize = of_columns.chain(found.domains.iter().map(Domain::size)).sum();
        let needed = needed.saturating_add(MEMORY_PER_CODE.saturating_mul(codes as u64));
        check_memory(needed, limit)?;
        let synthesizer =
            method.load(&body.model, &found.domains, &|more| check_memory(needed.saturating_add(more), limit))?;
        Ok(Self {
            method,
            columns: body.columns,
            ledger: body.ledger,
            noisy_rows: body.noisy_rows,
            annotation: body.annotation,
            found,
            synthesizer,
        })
    }

    /// A stream of synthetic rows: equal seeds give equal rows.
    pub fn sampler(&self, seed: u64) -> Sampler<&Self> {
        Sampler::all(self, seed)
    }
}

/// Maximum bytes of memory to read this many bytes, whatever they contain.
pub fn memory_for(bytes: u64) -> u64 {
    bytes.saturating_mul(MEMORY_PER_BYTE)
}

/// Checks a size against the memory limit; 0 is no limit.
///
/// # Errors
/// `MemoryLimit` if it exceeds the limit.
pub fn check_memory(needed: u64, limit: u64) -> Result<()> {
    if limit > 0 && needed > limit { Err(EngineError::MemoryLimit { needed, limit }) } else { Ok(()) }
}

/// Header (magic, little-endian format version, SHA-256 of the body), then the body.
pub fn sealed(version: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_LENGTH + body.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.extend_from_slice(&Sha256::digest(body));
    bytes.extend_from_slice(body);
    bytes
}

/// Generates synthetic rows, block by block.
pub struct Sampler<A> {
    artifact: A,
    decoder: Decoder,
    features: FeatureDecoder,
    /// The given value of each column, if any.
    given: Vec<Option<Wanted>>,
    /// For each feature, the probability of the value that is given for its column under each of its codes. None where
    /// nothing is given, or for a column that is made of several features or with others.
    likelihoods: Vec<Option<Vec<f64>>>,
    seed: u64,
    block: u64,
}

impl<A: Borrow<Artifact>> Sampler<A> {
    /// All rows of a model: equal seeds give equal rows.
    pub fn all(artifact: A, seed: u64) -> Self {
        let model = artifact.borrow();
        let (columns, features) = (model.columns.len(), model.found.domains.len());
        let decoder = Decoder::new(&model.found.domains);
        let rows = FeatureDecoder::new(&model.found.features);
        Self {
            artifact,
            decoder,
            features: rows,
            given: vec![None; columns],
            likelihoods: vec![None; features],
            seed,
            block: 0,
        }
    }

    /// The rows of a model that have certain values, with one entry per column.
    ///
    /// They are selected from all its rows. No other way has exactly their distribution, because the whole sampling
    /// process determines the joint distribution of the columns.
    ///
    /// # Errors
    /// `InvalidParameter` if a value is unknown to the model, `Internal` if it does not have these columns.
    pub fn given(artifact: A, given: Vec<Option<Wanted>>, seed: u64) -> Result<Self> {
        let model = artifact.borrow();
        if given.len() != model.columns.len() {
            return Err(EngineError::Internal("the given values are for columns that the model does not have"));
        }
        let mut sampler = Self::all(artifact, seed);
        let model = sampler.artifact.borrow();
        for (column, (wanted, released)) in given.iter().zip(&model.columns).enumerate() {
            let Some(wanted) = wanted else { continue };
            let likelihoods = wanted.likelihoods(&released.domain).ok_or_else(|| {
                EngineError::invalid(
                    format!("the value given for column \"{}\" is unknown to the model", released.column.name),
                    "No synthetic row can have it.",
                    "Give a value that was declared or released.",
                )
            })?;
            if let Some(feature) = model.found.features.alone(column) {
                sampler.likelihoods[feature] = Some(likelihoods);
            }
        }
        sampler.given = given;
        Ok(sampler)
    }

    /// The next `rows` rows, at most [`SAMPLE_BLOCK`]. There are fewer if only some rows of a block match the given
    /// values. Each call starts a new block of the stream, so only the last call should ask for fewer.
    pub fn next_block(&mut self, rows: usize) -> Result<Block> {
        let mut block = self.block(self.block)?;
        self.block += 1;
        block.truncate(rows);
        Ok(block)
    }

    /// Block `number` of the stream, independent of the blocks before it: at most [`SAMPLE_BLOCK`] rows.
    pub fn block(&self, number: u64) -> Result<Block> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(number);
        let model = self.artifact.borrow();
        let mut codes = model.synthesizer.sample(SAMPLE_BLOCK, &mut rng)?;
        if self.likelihoods.iter().any(Option::is_some) {
            codes = codes.pick(&given::fitting(&codes, &self.likelihoods, &mut rng));
        }
        let mut features = self.decoder.decode(&codes, &mut rng)?;
        let given = || self.given.iter().enumerate().filter_map(|(column, given)| Some((column, given.as_ref()?)));
        // What follows a given number follows the number itself.
        for (column, wanted) in given() {
            if let Some(feature) = model.found.features.alone(column) {
                features.columns[feature] = wanted.column(&model.columns[column].domain, features.rows);
            }
        }
        if model.found.features.is_plain() {
            return Ok(features);
        }
        let mut block = self.features.decode(features, &mut rng)?;
        for (column, wanted) in given().filter(|(column, _)| model.found.features.alone(*column).is_none()) {
            let domain = &model.columns[column].domain;
            block = block.pick(&wanted.rows(domain, &block.columns[column]));
            block.columns[column] = wanted.column(domain, block.rows);
        }
        Ok(block)
    }
}

#[cfg(test)]
mod hostile_tests;

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::engine::privacy::ledger::Neighbours;
    use crate::engine::table::{Bin, Category, Cells, Codes, EncodedTable, Measure, Part};

    /// Two dependent columns: a category with three values, and a number in two bins that is in the first bin only with
    /// the first category.
    struct Pair;

    impl Synthesizer for Pair {
        fn sample(&self, rows: usize, rng: &mut ChaCha8Rng) -> Result<EncodedTable> {
            let first: Vec<u8> = (0..rows).map(|_| rng.random_range(0..3)).collect();
            let second = first.iter().map(|code| u8::from(*code > 0)).collect();
            Ok(EncodedTable { rows, columns: vec![Codes::U8(first), Codes::U8(second)] })
        }

        fn save(&self) -> Result<Vec<u8>> {
            Ok(Vec::new())
        }
    }

    fn artifact() -> Artifact {
        let column = |name: &str, measure| Column { name: name.to_owned(), measure, nullable: false, declared: None };
        let category = |value: &str| Category { value: value.to_owned(), weight: 1.0 / 3.0 };
        let bin = |lo, hi| Bin { parts: vec![Part { lo, hi, weight: 0.5 }] };
        let domain = |cells| Domain { cells, other: None, null: None };
        let categories = domain(Cells::Categories(["a", "b", "c"].map(category).to_vec()));
        let numbers = domain(Cells::Bins { bins: vec![bin(0.0, 9.0), bin(10.0, 20.0)], step: 1.0 });
        let columns = vec![
            ReleasedColumn { column: column("letter", Measure::Category), domain: categories },
            ReleasedColumn { column: column("number", Measure::Lattice), domain: numbers },
        ];
        let ledger = Ledger { epsilon: 1.0, delta: 1e-6, neighbours: Neighbours::AddRemoveRow, phases: Vec::new() };
        let found = Found::plain(&columns.iter().map(|released| &released.domain).collect::<Vec<_>>());
        Artifact::new(Method::Guided, columns, found, ledger, 1.0, Box::new(Pair))
    }

    #[test]
    fn rows_with_given_values_are_those_of_all_rows_that_have_them() {
        let artifact = artifact();
        let given = |letter: Option<&str>, number| {
            let letter = letter.map(|letter| Wanted::Text(letter.to_owned()));
            Sampler::given(&artifact, vec![letter, number], 7).map(|sampler| sampler.block(3).unwrap())
        };
        let all = artifact.sampler(7).block(3).unwrap();
        let block = given(Some("b"), None).unwrap();
        assert_eq!(block.rows, (0..all.rows).filter(|row| all.columns[0].text(*row) == Some(b"b")).count());
        assert!((0..block.rows).all(|row| block.columns[0].text(row) == Some(b"b")));
        assert!((0..block.rows).all(|row| block.columns[1].number(row).unwrap() >= 10.0));
        // A given number selects its bin, and the rows contain the number itself.
        let block = given(None, Some(Wanted::Number(12.0))).unwrap();
        assert_eq!(block.rows, (0..all.rows).filter(|row| all.columns[1].number(*row).unwrap() >= 10.0).count());
        assert!((0..block.rows).all(|row| block.columns[1].number(row) == Some(12.0)));
        assert_eq!(given(Some("a"), Some(Wanted::Number(12.0))).unwrap().rows, 0);
        assert!(given(Some("d"), None).is_err() && given(None, Some(Wanted::Null)).is_err());
    }

    #[test]
    fn blocks_do_not_depend_on_those_before_them() {
        let artifact = artifact();
        let mut one_by_one = artifact.sampler(5);
        one_by_one.next_block(10).unwrap();
        let (second, alone) = (one_by_one.next_block(SAMPLE_BLOCK).unwrap(), artifact.sampler(5).block(1).unwrap());
        assert!((0..SAMPLE_BLOCK).all(|row| second.columns[0].text(row) == alone.columns[0].text(row)));
        assert!((0..SAMPLE_BLOCK).all(|row| second.columns[1].number(row) == alone.columns[1].number(row)));
    }
}
