//! Where a setting's value comes from.

use std::fmt;
use std::path::PathBuf;

/// Where a setting's value comes from; later ones win over earlier ones, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// Nobody set it; it follows this other setting.
    Follows(String),
    /// The configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line of its key, counted from 1.
        line: u64,
    },
    /// The environment variable of this name.
    Environment(String),
    /// The flag of this name, like `--to`.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Follows(key) => write!(f, "follows {key}"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
        }
    }
}
