//! The settings of receipts: the section `upload.receipts` of the configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;
use crate::units::Span;

/// The settings of receipts. All of them are off unless switched on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiptOptions {
    /// Whether there is an object in the bucket for each hour and signal that lists the objects delivered in that hour.
    pub hourly: bool,
    /// The folder of these lists, behind the prefix of `upload.to`. It must not lie where readers look for telemetry.
    pub prefix: String,
    /// Whom to tell of each delivered object.
    pub webhook: WebhookOptions,
}

/// The settings of notices over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookOptions {
    /// The address to which a notice of each delivered object is posted, in the form of an S3 event; nobody is told if it
    /// is left out.
    pub url: Option<String>,
    /// Whether the address may be `http://` to another machine: notices and headers are then sent in the clear.
    pub allow_http: bool,
    /// Headers of every request, such as `Authorization`. They are secrets.
    pub headers: BTreeMap<String, Secret>,
    /// How long a request may take, 100 ms to 5 min.
    pub timeout: Span,
    /// Notices that wait on disk at most, 1 to 1,000,000. Beyond that the oldest are dropped and counted.
    pub most_waiting: usize,
}

impl Default for ReceiptOptions {
    fn default() -> Self {
        Self { hourly: false, prefix: "receipts".into(), webhook: WebhookOptions::default() }
    }
}

impl Default for WebhookOptions {
    fn default() -> Self {
        Self {
            url: None,
            allow_http: false,
            headers: BTreeMap::new(),
            timeout: Span::seconds(10),
            most_waiting: 10_000,
        }
    }
}

impl ReceiptOptions {
    /// Whether anything of it is switched on.
    pub fn is_on(&self) -> bool {
        self.hourly || self.webhook.url.is_some()
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// A sentence that names the setting, its value and what it must be.
    pub(in crate::upload) fn validate(&self) -> Result<(), String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.=".contains(c);
        let is_name =
            |name: &str| !name.is_empty() && !name.starts_with(['_', '.']) && name.chars().all(allowed);
        if self.prefix.len() > 256 || !self.prefix.split('/').all(is_name) {
            return Err(format!(
                "upload.receipts.prefix is `{}`; it must be folders of letters, digits and any of -_.= that do not begin \
                 with _ or ., such as receipts or audit/receipts",
                self.prefix
            ));
        }
        self.webhook.validate()
    }
}

impl WebhookOptions {
    fn validate(&self) -> Result<(), String> {
        if let Some(url) = &self.url {
            self.check_url(url)?;
        }
        let timeout = self.timeout;
        if timeout < Span(std::time::Duration::from_millis(100)) || timeout > Span::seconds(300) {
            return Err(format!("upload.receipts.webhook.timeout is {timeout}; it must be 100ms to 5m"));
        }
        if !(1..=1_000_000).contains(&self.most_waiting) {
            return Err(format!(
                "upload.receipts.webhook.most_waiting is {}; it must be 1 to 1000000",
                self.most_waiting
            ));
        }
        for (name, value) in &self.headers {
            let is_good = http::HeaderName::from_bytes(name.as_bytes()).is_ok()
                && http::HeaderValue::from_str(value.reveal()).is_ok();
            if !is_good {
                return Err(format!(
                    "upload.receipts.webhook.headers has `{name}`, which is no header of HTTP, or its value is none"
                ));
            }
        }
        Ok(())
    }

    fn check_url(&self, url: &str) -> Result<(), String> {
        let uri: Option<http::Uri> = url.parse().ok();
        let Some(uri) = uri.filter(|uri| uri.host().is_some()) else {
            return Err(not_a_url(url));
        };
        match uri.scheme_str() {
            Some("https") => Ok(()),
            Some("http") if self.allow_http || is_loopback(&uri) => Ok(()),
            Some("http") => Err(format!(
                "upload.receipts.webhook.url is {url}, which is not encrypted; use https://, or set \
                 upload.receipts.webhook.allow_http to true"
            )),
            _ => Err(not_a_url(url)),
        }
    }
}

fn not_a_url(url: &str) -> String {
    format!("upload.receipts.webhook.url is {url}; it must be a URL like https://hooks.example.com/forebay")
}

/// Whether `uri` is on this machine.
fn is_loopback(uri: &http::Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(yaml: &str) -> String {
        let options: ReceiptOptions = serde_saphyr::from_str(yaml).unwrap();
        options.validate().err().unwrap_or_default()
    }

    #[test]
    fn nothing_is_on_unless_it_is_switched_on() {
        assert!(!ReceiptOptions::default().is_on());
        assert_eq!(ReceiptOptions::default().validate(), Ok(()));
    }

    #[test]
    fn an_error_names_the_setting_its_value_and_what_to_do() {
        for (yaml, message) in [
            ("{ prefix: '' }", "upload.receipts.prefix is ``; it must be folders of letters"),
            ("{ prefix: a//b }", "upload.receipts.prefix is `a//b`"),
            ("{ prefix: ../b }", "upload.receipts.prefix is `../b`"),
            ("{ prefix: _state }", "upload.receipts.prefix is `_state`"),
            ("{ webhook: { url: hooks } }", "upload.receipts.webhook.url is hooks; it must be a URL"),
            (
                "{ webhook: { url: 'ftp://h/x' } }",
                "upload.receipts.webhook.url is ftp://h/x; it must be a URL",
            ),
            (
                "{ webhook: { url: 'http://sink/x' } }",
                "upload.receipts.webhook.url is http://sink/x, which is not encrypted",
            ),
            ("{ webhook: { timeout: 1h } }", "upload.receipts.webhook.timeout is 1h; it must be 100ms to 5m"),
            ("{ webhook: { most_waiting: 0 } }", "upload.receipts.webhook.most_waiting is 0; it must be"),
            ("{ webhook: { headers: { 'a b': x } } }", "upload.receipts.webhook.headers has `a b`"),
            ("{ webhook: { headers: { a: \"x\\r\\ny\" } } }", "upload.receipts.webhook.headers has `a`"),
        ] {
            let problem = problem(yaml);
            assert!(problem.starts_with(message), "{yaml}: {problem}");
        }
        for yaml in [
            "{ prefix: audit/receipts }",
            "{ webhook: { url: 'https://h/x' } }",
            "{ webhook: { url: 'http://127.0.0.1:9/x' } }",
            "{ webhook: { url: 'http://[::1]:9/x' } }",
            "{ webhook: { url: 'http://sink/x', allow_http: true, headers: { Authorization: Bearer x } } }",
        ] {
            assert_eq!(problem(yaml), "", "{yaml}");
        }
    }
}
