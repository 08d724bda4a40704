//! The settings of a listener's TLS: a section `tls` of the configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::units::Span;

/// TLS of a listener; there is none while `cert_file` is not set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsOptions {
    /// Whether what is set here holds. For a listener without TLS where the others have it.
    pub enabled: bool,
    /// PEM file of the certificate, with those of the authorities between it and the one that clients know behind it.
    pub cert_file: Option<PathBuf>,
    /// PEM file of the certificate's private key, not encrypted.
    pub key_file: Option<PathBuf>,
    /// PEM file of authorities. If it is set, a client must show a certificate of one of them (mTLS).
    pub client_ca_file: Option<PathBuf>,
    /// The oldest version of TLS that is spoken.
    pub min_version: TlsVersion,
    /// How often the files are looked at, 1 s to 1 d. New ones hold for new connections; broken ones are not taken.
    pub reload_interval: Span,
    /// How long a handshake may take, 1 s to 5 min.
    pub handshake_timeout: Span,
}

/// A version of TLS. Older ones are broken, and not spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    V1_3,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            cert_file: None,
            key_file: None,
            client_ca_file: None,
            min_version: TlsVersion::default(),
            reload_interval: Span::seconds(10),
            handshake_timeout: Span::seconds(10),
        }
    }
}

impl TlsOptions {
    /// Whether connections are encrypted.
    pub fn is_on(&self) -> bool {
        self.enabled && self.cert_file.is_some()
    }

    /// Checks the settings of `section` (`receive.tls`). What is in the files is known only when they are read.
    ///
    /// # Errors
    /// A sentence that names the setting, its value and what it must be.
    pub fn validate(&self, section: &str) -> Result<(), String> {
        if self.enabled {
            let needed = [("cert_file", &self.cert_file), ("key_file", &self.key_file)];
            // With a part of it missing, what was meant to be encrypted would go in the clear.
            let files = [&self.cert_file, &self.key_file, &self.client_ca_file];
            if files.iter().any(|file| file.is_some())
                && let Some((missing, _)) = needed.into_iter().find(|(_, file)| file.is_none())
            {
                return Err(format!(
                    "{section}.{missing} is not set; TLS needs cert_file and key_file (write enabled: false for none)"
                ));
            }
        }
        for (name, span, most) in [
            ("reload_interval", self.reload_interval, 86_400),
            ("handshake_timeout", self.handshake_timeout, 300),
        ] {
            let (least, most) = (Span::seconds(1), Span::seconds(most));
            if !(least..=most).contains(&span) {
                return Err(format!("{section}.{name} is {span}; it must be {least} to {most}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_to_be_encrypted_never_goes_in_the_clear_for_want_of_a_file() {
        let (file, none) = (|| Some(PathBuf::from("/f.pem")), TlsOptions::default);
        let said = |options: TlsOptions| options.validate("receive.tls").err().unwrap_or_default();
        assert_eq!(said(none()), "");
        for (options, missing) in [
            (TlsOptions { cert_file: file(), ..none() }, "key_file"),
            (TlsOptions { key_file: file(), ..none() }, "cert_file"),
            (TlsOptions { client_ca_file: file(), ..none() }, "cert_file"),
        ] {
            let error = said(options.clone());
            assert!(error.starts_with(&format!("receive.tls.{missing} is not set; TLS needs")), "{error}");
            assert_eq!(said(TlsOptions { enabled: false, ..options }), "");
        }
        let whole = TlsOptions { cert_file: file(), key_file: file(), ..none() };
        assert!(whole.is_on() && !TlsOptions { enabled: false, ..whole.clone() }.is_on());
        let error = said(TlsOptions { handshake_timeout: Span::seconds(0), ..whole });
        assert_eq!(error, "receive.tls.handshake_timeout is 0s; it must be 1s to 5m");
    }
}
