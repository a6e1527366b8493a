//! Hostile models: whatever follows a header whose checksum matches is refused, or makes rows and says what it claims.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tablediffusion::engine::artifact::{Artifact, FORMAT_VERSION, sealed};

fuzz_target!(|body: &[u8]| (1..=FORMAT_VERSION).for_each(|version| read(version, body)));

fn read(version: u16, body: &[u8]) {
    let Ok(artifact) = Artifact::from_bytes(&sealed(version, body)) else { return };
    let _ = artifact.sampler(1).block(0);
    let ledger = &artifact.ledger;
    let _ = (ledger.is_plausible(), ledger.neighbours.describe(), ledger.neighbours.guarantee(ledger.epsilon, ledger.delta));
    artifact.columns.iter().for_each(|released| drop(released.domain.describe()));
    // What is written again is what was read.
    let again = artifact.to_bytes().expect("a model that was read can be written");
    assert!(Artifact::from_bytes(&again).is_ok_and(|artifact| artifact.to_bytes().is_ok_and(|bytes| bytes == again)));
}
