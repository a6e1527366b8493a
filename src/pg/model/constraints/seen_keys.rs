//! The keys of the returned rows, so that unique keys stay unique.

use std::collections::HashSet;

use foldhash::fast::RandomState;
use pgrx::pg_sys::{self, Datum};

use crate::pg::model::metadata::Unique;
use crate::pg::server::tuple::Target;

/// Maximum bytes to remember a row of a unique key.
pub const BYTES_PER_ROW: u64 = 40;
/// Seeds of the two halves of a remembered hash.
const SEEDS: [u64; 2] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344];

/// A unique key and the hashes of the returned rows.
pub struct SeenKeys {
    pub name: String,
    /// Positions among the columns, each with the hash function of its type.
    columns: Vec<(usize, pg_sys::FmgrInfo)>,
    nulls_equal: bool,
    /// A 128-bit hash of each. Among 2^40 rows, two different ones collide with a probability of 2^-49.
    seen: HashSet<u128, RandomState>,
}

impl SeenKeys {
    pub fn new(unique: &Unique, targets: &[Target]) -> Self {
        let hashed = |(place, target): (usize, &Target)| {
            // SAFETY: an existing type that can be indexed. Every modelled type has such a function.
            let function = unsafe {
                let flags = pg_sys::TYPECACHE_HASH_EXTENDED_PROC_FINFO as i32;
                (*pg_sys::lookup_type_cache(target.type_oid, flags)).hash_extended_proc_finfo
            };
            (place, function)
        };
        let own = targets.iter().enumerate().filter(|(_, target)| unique.columns.contains(&target.column));
        Self {
            name: unique.name.clone(),
            columns: own.map(hashed).collect(),
            nulls_equal: unique.nulls_equal,
            seen: HashSet::default(),
        }
    }

    /// The hash of a row in a slot; `None` if a NULL makes it differ from all others.
    pub fn hash(&mut self, slot: *mut pg_sys::TupleTableSlot) -> Option<u128> {
        let mut halves = SEEDS;
        for (place, function) in &mut self.columns {
            // SAFETY: the slot is full, and the function hashes values of the column's type.
            let (value, is_null) = unsafe { (*(*slot).tts_values.add(*place), *(*slot).tts_isnull.add(*place)) };
            if is_null && !self.nulls_equal {
                return None;
            }
            for half in &mut halves {
                *half = half.rotate_left(5).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                if !is_null {
                    let collation = pg_sys::DEFAULT_COLLATION_OID;
                    // SAFETY: as above.
                    *half = unsafe { pg_sys::FunctionCall2Coll(function, collation, value, Datum::from(*half as i64)) }
                        .value() as u64;
                }
            }
        }
        Some(u128::from(halves[0]) << 64 | u128::from(halves[1]))
    }

    /// Whether a row was returned with this hash.
    pub fn has(&self, hash: u128) -> bool {
        self.seen.contains(&hash)
    }

    /// Remembers the hash of a returned row.
    pub fn remember(&mut self, hash: Option<u128>) {
        self.seen.extend(hash);
    }
}
