//! How often each text occurs, in bounded memory.

use std::collections::HashMap;

use super::plan::MIN_COUNT;
use crate::engine::table::keyed_hash::KeyedHash;

/// Texts longer than this are never released, however frequent: a public rule that bounds memory.
pub const MAX_BYTES: usize = 1024;

/// A hash table entry of 24 bytes, twice for growth, and the text of one value in eight at most.
pub const BYTES_PER_ROW: u64 = 48 + MAX_BYTES as u64 / MIN_COUNT;

/// Counts of the texts of one column.
#[derive(Default)]
pub struct TextCounts {
    counts: HashMap<u128, Count, foldhash::fast::RandomState>,
    hash: KeyedHash,
    texts: Vec<Box<[u8]>>,
    nulls: u64,
}

struct Count {
    rows: u32,
    /// Index into `texts`, once the text is frequent enough.
    text: u32,
}

impl TextCounts {
    /// Counts a value; `None` is NULL.
    pub fn add(&mut self, text: Option<&[u8]>) {
        let Some(text) = text else {
            self.nulls += 1;
            return;
        };
        if text.len() > MAX_BYTES {
            return;
        }
        let count = self.counts.entry(self.hash.of(text)).or_insert(Count { rows: 0, text: 0 });
        count.rows = count.rows.saturating_add(1);
        if u64::from(count.rows) == MIN_COUNT {
            count.text = self.texts.len() as u32;
            self.texts.push(text.into());
        }
    }

    /// Rows that held NULL.
    pub fn nulls(&self) -> u64 {
        self.nulls
    }

    /// The texts that occur at least [`MIN_COUNT`] times and may be released.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().filter_map(|text| std::str::from_utf8(text).ok())
    }

    /// The texts that occur at least [`MIN_COUNT`] times, with their counts. Bytes that are not UTF-8 are no text, and never
    /// released: a public rule too.
    pub fn frequent(self) -> Vec<(String, u64)> {
        let mut rows = vec![0; self.texts.len()];
        for count in self.counts.values().filter(|count| u64::from(count.rows) >= MIN_COUNT) {
            rows[count.text as usize] = count.rows.into();
        }
        let text = |(text, rows): (Box<[u8]>, u64)| String::from_utf8(text.into_vec()).ok().zip(Some(rows));
        self.texts.into_iter().zip(rows).filter_map(text).collect()
    }

    /// Bytes of memory held, roughly.
    pub fn bytes(&self) -> usize {
        let texts: usize = self.texts.iter().map(|text| size_of::<Box<[u8]>>() + text.len()).sum();
        texts + self.counts.capacity() * (size_of::<(u128, Count)>() + 1)
    }
}
