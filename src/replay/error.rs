//! Why sending again has ended before its time.

use crate::send;

/// Why sending again has ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The receiver is not described well.
    #[error(transparent)]
    Receiver(#[from] send::Error),
    /// A request was not taken, for as long as it was to be tried.
    #[error("{piece}: a request was not taken within {}: {why}", crate::words::time(*within))]
    NotTaken {
        /// Where it lies.
        piece: String,
        /// The last reason.
        why: String,
        /// How long it was tried.
        within: std::time::Duration,
    },
    /// The receiver will never take a request.
    #[error("{piece}: a request was refused: {why}; --skip-refused would go on behind it")]
    Refused {
        /// Where it lies.
        piece: String,
        /// The receiver's words.
        why: String,
    },
    /// The store does not give an object.
    #[error("{piece}: {why}")]
    Store {
        /// The object.
        piece: String,
        /// The store's words.
        why: String,
    },
    /// How far it has come cannot be kept.
    #[error("{0}")]
    State(String),
}
