//! A block of decoded rows, column by column: what streams in from a row source.

/// One column of a [`Block`].
#[derive(Debug, Clone)]
pub enum BlockColumn {
    /// Text values laid end to end; value `i` is `bytes[ends[i - 1]..ends[i]]`. One that is not UTF-8 is never a category of
    /// its own.
    Categories { bytes: Vec<u8>, ends: Vec<u32>, nulls: Vec<bool> },
    /// Numbers in the column's measure (whole numbers for a lattice); NaN means missing.
    Numbers { values: Vec<f64>, nulls: Vec<bool> },
}

/// Some consecutive rows of a table; every column has `rows` entries.
#[derive(Debug, Clone)]
pub struct Block {
    pub rows: usize,
    pub columns: Vec<BlockColumn>,
}

impl BlockColumn {
    /// An empty text column.
    pub fn categories() -> Self {
        Self::Categories { bytes: Vec::new(), ends: Vec::new(), nulls: Vec::new() }
    }

    /// An empty numeric column.
    pub fn numbers() -> Self {
        Self::Numbers { values: Vec::new(), nulls: Vec::new() }
    }

    /// Appends a text value; `None` is NULL. Ignored on a numeric column.
    pub fn push_text(&mut self, value: Option<&[u8]>) {
        if let Self::Categories { bytes, ends, nulls } = self {
            bytes.extend_from_slice(value.unwrap_or_default());
            ends.push(bytes.len() as u32);
            nulls.push(value.is_none());
        }
    }

    /// Appends a number; `None` is NULL. Ignored on a text column.
    pub fn push_number(&mut self, value: Option<f64>) {
        if let Self::Numbers { values, nulls } = self {
            values.push(value.unwrap_or(f64::NAN));
            nulls.push(value.is_none());
        }
    }

    /// Text value `i`, or `None` for NULL (and on a numeric column).
    pub fn text(&self, i: usize) -> Option<&[u8]> {
        match self {
            Self::Categories { bytes, ends, nulls } if !nulls[i] => {
                let start = if i == 0 { 0 } else { ends[i - 1] as usize };
                Some(&bytes[start..ends[i] as usize])
            }
            _ => None,
        }
    }

    /// Number `i`, or `None` for NULL or NaN (and on a text column).
    pub fn number(&self, i: usize) -> Option<f64> {
        match self {
            Self::Numbers { values, nulls } if !nulls[i] && !values[i].is_nan() => Some(values[i]),
            _ => None,
        }
    }

    /// Number of values.
    pub fn rows(&self) -> usize {
        match self {
            Self::Categories { nulls, .. } | Self::Numbers { nulls, .. } => nulls.len(),
        }
    }

    /// Empties the column, keeping its memory.
    pub fn clear(&mut self) {
        match self {
            Self::Categories { bytes, ends, nulls } => {
                bytes.clear();
                ends.clear();
                nulls.clear();
            }
            Self::Numbers { values, nulls } => {
                values.clear();
                nulls.clear();
            }
        }
    }

    /// Keeps the first `rows` values.
    pub fn truncate(&mut self, rows: usize) {
        match self {
            Self::Categories { bytes, ends, nulls } => {
                ends.truncate(rows);
                nulls.truncate(rows);
                bytes.truncate(ends.last().map_or(0, |end| *end as usize));
            }
            Self::Numbers { values, nulls } => {
                values.truncate(rows);
                nulls.truncate(rows);
            }
        }
    }
}

impl BlockColumn {
    /// The values of these rows, in this order.
    fn pick(&self, rows: &[u32]) -> Self {
        let at = rows.iter().map(|row| *row as usize);
        match self {
            Self::Categories { .. } => {
                let mut picked = Self::categories();
                at.for_each(|row| picked.push_text(self.text(row)));
                picked
            }
            Self::Numbers { values, nulls } => Self::Numbers {
                values: at.clone().map(|row| values[row]).collect(),
                nulls: at.map(|row| nulls[row]).collect(),
            },
        }
    }
}

impl Block {
    /// The rows of these numbers, in this order.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn pick(&self, rows: &[u32]) -> Self {
        Self { rows: rows.len(), columns: self.columns.iter().map(|column| column.pick(rows)).collect() }
    }

    /// Keeps the first `rows` rows.
    pub fn truncate(&mut self, rows: usize) {
        self.rows = self.rows.min(rows);
        self.columns.iter_mut().for_each(|column| column.truncate(rows));
    }
}
