//! TLS of a listener.

mod options;

pub use options::{TlsOptions, TlsVersion};
