//! What keeps the stage from starting.

use crate::listen;

/// What keeps the stage from starting.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is out of its range.
    #[error("{0}")]
    Options(String),
    /// A listener cannot be.
    #[error(transparent)]
    Listen(#[from] listen::Error),
}
