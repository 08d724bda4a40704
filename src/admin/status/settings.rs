//! What `/config` says.

use serde::{Deserialize, Serialize};

/// The configuration as it came out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Every setting, in the order of the sections.
    pub settings: Vec<Setting>,
}

/// One setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The dotted key.
    pub key: String,
    /// The value as one would write it; empty if there is none. Secrets are `***`.
    pub value: String,
    /// Who set it, in words: `default`, `file forebay.yaml, line 3`.
    pub origin: String,
    /// Whether somebody set it.
    pub changed: bool,
}
