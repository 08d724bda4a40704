//! The columns of a table.

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, in `snake_case`.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// What a column holds. Every kind may be null but the map, which is empty instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// A signed whole number of 64 bits.
    Int64,
    /// A signed whole number of 32 bits.
    Int32,
    /// A finite floating-point number of 64 bits.
    Double,
    /// A truth value.
    Boolean,
    /// A time in UTC, in microseconds since 1970.
    Timestamp,
    /// A map from text to text or null.
    TextMap,
    /// A list of signed whole numbers of 64 bits.
    Int64List,
    /// A list of finite floating-point numbers of 64 bits.
    DoubleList,
}
