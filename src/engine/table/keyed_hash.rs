//! Hashes that stand for the values themselves.

use std::hash::{BuildHasher, RandomState};

/// 128-bit hashes under keys of its own: without knowing these nobody can make two values share one.
#[derive(Default)]
pub struct KeyedHash([RandomState; 2]);

impl KeyedHash {
    /// The hash of some bytes.
    pub fn of(&self, bytes: &[u8]) -> u128 {
        let [high, low] = self.0.each_ref().map(|key| u128::from(key.hash_one(bytes)));
        high << 64 | low
    }
}
