//! Bodies that fuzzing found (fuzz/README.md) are read again.

use std::fs;
use std::path::Path;

use super::{Artifact, FORMAT_VERSION, PLAIN_VERSION, memory_for, sealed};
use crate::engine::EngineError;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus");

/// The models, and the bodies that fuzz/corpus.py packed, each after its length.
fn corpus() -> Vec<Vec<u8>> {
    let models = fs::read_dir(Path::new(CORPUS).join("models")).unwrap();
    let mut bodies: Vec<_> = models.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    let packed = fs::read(Path::new(CORPUS).join("found")).unwrap();
    let mut rest = &packed[..];
    while let Some((length, after)) = rest.split_first_chunk() {
        let (body, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        bodies.push(body.to_vec());
        rest = after;
    }
    bodies
}

#[test]
fn bodies_that_fuzzing_found_are_refused_or_make_rows() {
    let (mut read, mut refused) = (0, 0);
    let versions = PLAIN_VERSION..=FORMAT_VERSION;
    for (body, version) in corpus().iter().flat_map(|body| versions.clone().map(move |version| (body, version))) {
        match Artifact::from_bytes(&sealed(version, body)) {
            Ok(artifact) => {
                read += 1;
                let _ = artifact.sampler(1).block(0);
            }
            Err(_) => refused += 1,
        }
    }
    assert!(read > 0 && refused > 0, "{read} {refused}");
}

#[test]
fn what_a_model_holds_counts_as_well_as_its_bytes() {
    let bytes = sealed(PLAIN_VERSION, &fs::read(Path::new(CORPUS).join("models/guided")).unwrap());
    let alone = memory_for(bytes.len() as u64);
    for limit in [alone - 1, alone + 1] {
        let refused = Artifact::from_bytes_within(&bytes, limit).err();
        assert!(matches!(refused, Some(EngineError::MemoryLimit { needed, .. }) if needed > limit), "{refused:?}");
    }
    assert!(Artifact::from_bytes_within(&bytes, 100 * alone).is_ok());
}
