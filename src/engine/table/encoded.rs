//! The encoded table: one code a value, 1, 2 or 4 bytes each.

/// The codes of one column, in the narrowest width that holds its domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Codes {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
}

/// A table of codes, column by column; every column has `rows` entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedTable {
    pub rows: usize,
    pub columns: Vec<Codes>,
}

impl Codes {
    /// An empty column, as narrow as codes below `size` allow.
    pub fn with_width(size: usize) -> Self {
        if size <= 1 << 8 {
            Self::U8(Vec::new())
        } else if size <= 1 << 16 {
            Self::U16(Vec::new())
        } else {
            Self::U32(Vec::new())
        }
    }

    /// Appends a code, which must be below the size the column was made for.
    #[inline]
    pub fn push(&mut self, code: u32) {
        match self {
            Self::U8(codes) => codes.push(code as u8),
            Self::U16(codes) => codes.push(code as u16),
            Self::U32(codes) => codes.push(code),
        }
    }

    /// The code of a row.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline]
    pub fn get(&self, row: usize) -> u32 {
        match self {
            Self::U8(codes) => codes[row].into(),
            Self::U16(codes) => codes[row].into(),
            Self::U32(codes) => codes[row],
        }
    }

    fn pick(&self, rows: &[usize]) -> Self {
        match self {
            Self::U8(codes) => Self::U8(rows.iter().map(|row| codes[*row]).collect()),
            Self::U16(codes) => Self::U16(rows.iter().map(|row| codes[*row]).collect()),
            Self::U32(codes) => Self::U32(rows.iter().map(|row| codes[*row]).collect()),
        }
    }

    /// All codes in row order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.len()).map(|row| self.get(row))
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(codes) => codes.len(),
            Self::U16(codes) => codes.len(),
            Self::U32(codes) => codes.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory held.
    pub fn bytes(&self) -> usize {
        match self {
            Self::U8(codes) => codes.capacity(),
            Self::U16(codes) => 2 * codes.capacity(),
            Self::U32(codes) => 4 * codes.capacity(),
        }
    }
}

impl EncodedTable {
    /// An empty table whose columns have domains of these sizes.
    pub fn with_sizes(sizes: &[usize]) -> Self {
        Self { rows: 0, columns: sizes.iter().map(|size| Codes::with_width(*size)).collect() }
    }

    /// The rows of these numbers, in this order.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn pick(&self, rows: &[usize]) -> Self {
        Self { rows: rows.len(), columns: self.columns.iter().map(|codes| codes.pick(rows)).collect() }
    }

    /// Bytes of memory held by the codes.
    pub fn bytes(&self) -> usize {
        self.columns.iter().map(Codes::bytes).sum()
    }
}
