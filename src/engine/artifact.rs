//! A trained model with all that was released about its table, as versioned and checksummed bytes.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::models::{Method, Synthesizer};
use super::privacy::ledger::Ledger;
use super::table::codec::Decoder;
use super::table::{Block, Column, Domain};
use super::{EngineError, Result};

const MAGIC: &[u8; 8] = b"TDIFFMDL";
const FORMAT_VERSION: u16 = 1;
const DIGEST_LENGTH: usize = 32;
const HEADER_LENGTH: usize = MAGIC.len() + 2 + DIGEST_LENGTH;

/// Rows that a [`Sampler`] makes at once.
pub const SAMPLE_BLOCK: usize = 4096;

/// A column and its released domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReleasedColumn {
    pub column: Column,
    pub domain: Domain,
}

/// A trained model. Everything in it is public or was paid for.
pub struct Artifact {
    pub method: Method,
    pub columns: Vec<ReleasedColumn>,
    pub ledger: Ledger,
    pub noisy_rows: f64,
    /// The caller's own description of the columns, opaque to the engine.
    pub annotation: String,
    synthesizer: Box<dyn Synthesizer>,
}

/// What is stored.
#[derive(Serialize, Deserialize)]
struct Body {
    method: String,
    columns: Vec<ReleasedColumn>,
    ledger: Ledger,
    noisy_rows: f64,
    annotation: String,
    model: Vec<u8>,
}

impl Artifact {
    pub(super) fn new(
        method: Method,
        columns: Vec<ReleasedColumn>,
        ledger: Ledger,
        noisy_rows: f64,
        synthesizer: Box<dyn Synthesizer>,
    ) -> Self {
        Self { method, columns, ledger, noisy_rows, annotation: String::new(), synthesizer }
    }

    /// Header (magic, little-endian format version, SHA-256 of the body), then the body.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let body = Body {
            method: self.method.name().to_owned(),
            columns: self.columns.clone(),
            ledger: self.ledger.clone(),
            noisy_rows: self.noisy_rows,
            annotation: self.annotation.clone(),
            model: self.synthesizer.save()?,
        };
        let body = postcard::to_stdvec(&body).map_err(|_| EngineError::Internal("model cannot be serialised"))?;
        let mut bytes = Vec::with_capacity(HEADER_LENGTH + body.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&Sha256::digest(&body));
        bytes.extend_from_slice(&body);
        Ok(bytes)
    }

    /// Reads what [`Artifact::to_bytes`] wrote.
    ///
    /// # Errors
    /// `CorruptModel` for bytes that are not a whole model, `UnsupportedVersion` for a newer format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let corrupt = |reason| EngineError::CorruptModel { reason };
        if bytes.len() < HEADER_LENGTH || &bytes[..MAGIC.len()] != MAGIC {
            return Err(corrupt("it does not start as a model does"));
        }
        let version = u16::from_le_bytes([bytes[8], bytes[9]]);
        if version > FORMAT_VERSION {
            return Err(EngineError::UnsupportedVersion { found: version, supported: FORMAT_VERSION });
        }
        let (digest, body) = (&bytes[HEADER_LENGTH - DIGEST_LENGTH..HEADER_LENGTH], &bytes[HEADER_LENGTH..]);
        if Sha256::digest(body)[..] != *digest {
            return Err(corrupt("its checksum does not match"));
        }
        let body: Body = postcard::from_bytes(body).map_err(|_| corrupt("its body cannot be read"))?;
        let method = Method::parse(&body.method).map_err(|_| corrupt("its method is unknown"))?;
        if body.columns.is_empty() || !body.columns.iter().all(|c| c.domain.is_valid()) {
            return Err(corrupt("a domain is not valid"));
        }
        let domains: Vec<Domain> = body.columns.iter().map(|c| c.domain.clone()).collect();
        let synthesizer = method.load(&body.model, &domains)?;
        Ok(Self {
            method,
            columns: body.columns,
            ledger: body.ledger,
            noisy_rows: body.noisy_rows,
            annotation: body.annotation,
            synthesizer,
        })
    }

    /// A stream of synthetic rows: equal seeds give equal rows.
    pub fn sampler(&self, seed: u64) -> Sampler<'_> {
        let domains: Vec<Domain> = self.columns.iter().map(|c| c.domain.clone()).collect();
        Sampler { artifact: self, decoder: Decoder::new(&domains), seed, block: 0 }
    }
}

/// Makes synthetic rows, block by block.
pub struct Sampler<'a> {
    artifact: &'a Artifact,
    decoder: Decoder,
    seed: u64,
    block: u64,
}

impl Sampler<'_> {
    /// The next `rows` rows, at most [`SAMPLE_BLOCK`]. Each call starts a new block of the stream, so only the last
    /// call should ask for fewer.
    pub fn next_block(&mut self, rows: usize) -> Result<Block> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(self.block);
        self.block += 1;
        let codes = self.artifact.synthesizer.sample(SAMPLE_BLOCK, &mut rng)?;
        let mut block = self.decoder.decode(&codes, &mut rng)?;
        block.truncate(rows);
        Ok(block)
    }
}
