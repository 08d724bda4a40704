//! Whom a listener asks for credentials, and what it knows of those who have them.

mod options;

pub use options::{AuthOptions, Token, WhenFull};

/// Bytes that the name of a tenant has at most.
pub const TENANT_BYTES_MAX: usize = 1024;
