//! TLS of the client of the admin server.
//!
//! The commands that ask it mostly run on its own machine, with its own configuration: then they trust the very certificate
//! that it shows, whoever made it and whatever name is in it. Where authorities are named, they trust those.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use crate::admin::Options;
use crate::listen::tls::{authorities, certificates, key};

/// How the server at `options` is trusted, and what it is shown.
///
/// # Errors
/// A sentence about a file that cannot be read, or is not what it has to be.
pub(super) fn config(options: &Options) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match (&options.client.ca_file, &options.tls.cert_file) {
        (Some(path), _) => builder.with_root_certificates(read("admin.client.ca_file", path, authorities)?),
        (None, Some(path)) => {
            let own = read("admin.tls.cert_file", path, certificates)?;
            let certificate = own.into_iter().next().ok_or("admin.tls.cert_file is empty")?;
            let trusted = Arc::new(OnlyThis { certificate, provider });
            builder.dangerous().with_custom_certificate_verifier(trusted)
        }
        (None, None) => {
            return Err("admin.client.ca_file is not set; name the authorities to trust".to_owned());
        }
    };
    match (&options.client.cert_file, &options.client.key_file) {
        (Some(certificate), Some(private)) => {
            let chain = read("admin.client.cert_file", certificate, certificates)?;
            let private = read("admin.client.key_file", private, key)?;
            let config = builder.with_client_auth_cert(chain, private);
            config.map_err(|error| format!("admin.client.cert_file and key_file cannot be used: {error}"))
        }
        _ => Ok(builder.with_no_client_auth()),
    }
}

/// What `parse` makes of the file that the setting `key` names.
fn read<T>(key: &str, path: &Path, parse: impl Fn(&[u8]) -> Result<T, String>) -> Result<T, String> {
    let wrong = |problem: &dyn std::fmt::Display| format!("{key} is {}: {problem}", path.display());
    let pem = std::fs::read(path).map_err(|error| wrong(&format_args!("it cannot be read: {error}")))?;
    parse(&pem).map_err(|problem| wrong(&problem))
}

/// Trusts one certificate and no other.
#[derive(Debug)]
struct OnlyThis {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for OnlyThis {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *shown == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::General("its certificate is not the one in admin.tls.cert_file".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, shown, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, shown, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
