//! The settings of the admin server: the section `admin` of the configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::listen::auth::AuthOptions;
use crate::listen::tls::TlsOptions;
use crate::listen::{Address, SocketMode};
use crate::secret::Secret;

/// The settings of the admin server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The address at which metrics, probes, status and flush are served, `host:port` or `unix:/path`; `off` for none.
    /// Without `auth`, keep it on the loopback, or behind a network policy.
    pub listen: String,
    /// Who may connect to it, if it is a socket in the file system.
    pub socket_mode: SocketMode,
    /// Its TLS.
    pub tls: TlsOptions,
    /// Whom it asks for credentials; the probes (`/` and `/readyz`) and the empty page are open to all.
    pub auth: AuthOptions,
    /// How the commands that ask it show who they are.
    pub client: ClientOptions,
}

/// What `forebay status` and `forebay flush` need to ask an admin server that has TLS or asks for credentials. Without
/// these they use what the section `admin` says about the server: they trust its `tls.cert_file`, and have the first of
/// its `auth.tokens`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientOptions {
    /// PEM file of the authorities of which one has to have made the server's certificate.
    pub ca_file: Option<PathBuf>,
    /// PEM file of a certificate to show, where the server asks for one.
    pub cert_file: Option<PathBuf>,
    /// PEM file of its private key.
    pub key_file: Option<PathBuf>,
    /// The token to send.
    pub token: Option<Secret>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:13133".to_owned(),
            socket_mode: SocketMode::default(),
            tls: TlsOptions::default(),
            auth: AuthOptions::default(),
            client: ClientOptions::default(),
        }
    }
}

impl Options {
    /// Checks the address, and the sections.
    ///
    /// # Errors
    /// A sentence that names the setting, its value and what it must be.
    pub fn validate(&self) -> Result<(), String> {
        self.address()?;
        self.tls.validate("admin.tls")?;
        self.auth.validate("admin.auth")?;
        match (&self.client.cert_file, &self.client.key_file) {
            (Some(_), None) => Err("admin.client.key_file is not set; cert_file needs it".to_owned()),
            (None, Some(_)) => Err("admin.client.cert_file is not set; key_file needs it".to_owned()),
            _ => Ok(()),
        }
    }

    /// The address to listen at.
    ///
    /// # Errors
    /// As [`Options::validate`].
    pub fn address(&self) -> Result<Address, String> {
        Address::parse("admin.listen", &self.listen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_setting_and_what_it_must_be() {
        assert_eq!(Options::default().validate(), Ok(()));
        let listen = |listen: &str| Options { listen: listen.to_owned(), ..Options::default() };
        assert_eq!(listen("off").validate(), Ok(()));
        let key_file = Some("/key.pem".into());
        let no_certificate =
            Options { client: ClientOptions { key_file, ..ClientOptions::default() }, ..Options::default() };
        let tls = TlsOptions { cert_file: Some("/cert.pem".into()), ..TlsOptions::default() };
        for (options, said) in [
            (listen("13133"), "admin.listen is `13133`; write a host and a port"),
            (no_certificate, "admin.client.cert_file is not set; key_file needs it"),
            (Options { tls, ..Options::default() }, "admin.tls.key_file is not set"),
        ] {
            let error = options.validate().unwrap_err();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
