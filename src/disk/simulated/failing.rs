//! Operations that fail although there is power.

use std::io;

/// Decides which operations fail.
pub trait Failing: std::fmt::Debug + Send {
    /// The error of an operation that changes something, if it is to fail. `operation` is `write`, `sync`, `create`,
    /// `create_unnamed`, `link`, `rename`, `remove`, `create_folder` or `sync_folder`.
    fn error(&mut self, operation: &str, path: &str) -> Option<io::Error>;

    /// The error of an operation that changes nothing, if it is to fail. `operation` is `open`, `read`, `length` or
    /// `list`.
    fn read_error(&mut self, _operation: &str, _path: &str) -> Option<io::Error> {
        None
    }
}

/// No operation fails.
#[derive(Debug)]
pub(super) struct NeverFailing;

impl Failing for NeverFailing {
    fn error(&mut self, _operation: &str, _path: &str) -> Option<io::Error> {
        None
    }
}
