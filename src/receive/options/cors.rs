//! The settings for pages in browsers: the sections `cors`.

use http::HeaderName;
use serde::{Deserialize, Serialize};

use crate::units::Span;

/// Which pages may send from a browser (cross-origin resource sharing); none while there is no origin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CorsOptions {
    /// The pages' origins, like `https://app.example.com`; one `*` in each stands for anything.
    pub allowed_origins: Vec<String>,
    /// Headers that they may send beside those that every page may; `*` for any.
    pub allowed_headers: Vec<String>,
    /// How long a browser may remember what it was told, 0 to 1 d; 0 leaves that to the browser.
    pub max_age: Span,
}

impl CorsOptions {
    /// Checks the settings of `section` (`receive.cors`).
    ///
    /// # Errors
    /// A sentence that names the setting, its value and what it must be.
    pub fn validate(&self, section: &str) -> Result<(), String> {
        for origin in &self.allowed_origins {
            let is_one = origin == "*" || origin.contains("://");
            if !is_one || origin.matches('*').count() > 1 || origin.ends_with('/') {
                return Err(format!(
                    "{section}.allowed_origins has `{origin}`; write an origin like https://app.example.com or \
                     https://*.example.com, with one * at most, or * for all"
                ));
            }
        }
        let is_header = |name: &String| name == "*" || name.parse::<HeaderName>().is_ok();
        if let Some(wrong) = self.allowed_headers.iter().find(|name| !is_header(name)) {
            return Err(format!(
                "{section}.allowed_headers has `{wrong}`; it must be the name of a header, or * for all"
            ));
        }
        if self.max_age > Span::seconds(86_400) {
            return Err(format!("{section}.max_age is {}; it must be 0s to 1d", self.max_age));
        }
        Ok(())
    }
}
