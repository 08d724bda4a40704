//! The files of a listener's TLS, and what rustls makes of them.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, RootCertStore, ServerConfig, SupportedProtocolVersion, version};

use super::validity::not_after;
use super::{TlsOptions, TlsVersion};
use crate::listen::Error;

/// What is in the files, so that it can be told whether that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(blake3::Hash);

/// The files, read.
pub(super) struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_authorities: Option<Vec<u8>>,
}

/// What a listener serves with.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) config: Arc<ServerConfig>,
    /// When the certificate ends, if that could be read.
    pub(super) not_after: Option<Timestamp>,
}

impl Files {
    /// Reads the files that `options` name, which are those of `section`.
    pub(super) fn read(section: &str, options: &TlsOptions) -> Result<Self, Error> {
        let read = |name: &str| {
            std::fs::read(path(options, name))
                .map_err(|error| wrong(section, options, name, format!("it cannot be read: {error}")))
        };
        let has_authorities = options.client_ca_file.is_some();
        Ok(Self {
            certificate: read("cert_file")?,
            key: read("key_file")?,
            client_authorities: has_authorities.then(|| read("client_ca_file")).transpose()?,
        })
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut hasher = blake3::Hasher::new();
        for file in [Some(&self.certificate), Some(&self.key), self.client_authorities.as_ref()] {
            let file = file.map(Vec::as_slice).unwrap_or_default();
            hasher.update(&file.len().to_le_bytes()).update(file);
        }
        Fingerprint(hasher.finalize())
    }

    /// What serves with them, for the protocols of `alpn`, the best one first.
    pub(super) fn serve(&self, section: &str, options: &TlsOptions, alpn: &[&[u8]]) -> Result<Served, Error> {
        let provider = Arc::new(ring::default_provider());
        let certified = self.certified(section, options, &provider)?;
        let not_after = certified.cert.first().and_then(|certificate| not_after(certificate));
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions(options.min_version))
            .map_err(|error| wrong(section, options, "cert_file", error.to_string()))?;
        let builder = match &self.client_authorities {
            Some(pem) => {
                let verifier = verifier(pem, provider)
                    .map_err(|problem| wrong(section, options, "client_ca_file", problem))?;
                builder.with_client_cert_verifier(verifier)
            }
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(Only(Arc::new(certified))));
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Served { config: Arc::new(config), not_after })
    }

    /// The certificate and its key.
    fn certified(
        &self,
        section: &str,
        options: &TlsOptions,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, Error> {
        let wrong = |name: &str, problem: String| wrong(section, options, name, problem);
        let chain = certificates(&self.certificate).map_err(|problem| wrong("cert_file", problem))?;
        let key = key(&self.key).map_err(|problem| wrong("key_file", problem))?;
        let key = provider.key_provider.load_private_key(key);
        let key = key.map_err(|error| wrong("key_file", format!("its key cannot be used: {error}")))?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
            Err(rustls::Error::InconsistentKeys(_)) => {
                Err(wrong("key_file", format!("it is not the key of the certificate in {section}.cert_file")))
            }
            Err(error) => Err(wrong("cert_file", format!("its certificate cannot be used: {error}"))),
        }
    }
}

/// The file that the setting `name` names.
fn path<'a>(options: &'a TlsOptions, name: &str) -> &'a Path {
    let path = match name {
        "cert_file" => &options.cert_file,
        "key_file" => &options.key_file,
        _ => &options.client_ca_file,
    };
    path.as_deref().unwrap_or(Path::new(""))
}

fn wrong(section: &str, options: &TlsOptions, name: &str, problem: String) -> Error {
    Error::file(format!("{section}.{name}"), path(options, name), problem)
}

/// Asks clients for a certificate of one of these authorities.
fn verifier(
    authorities_pem: &[u8],
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let authorities = Arc::new(authorities(authorities_pem)?);
    WebPkiClientVerifier::builder_with_provider(authorities, provider)
        .build()
        .map_err(|error| error.to_string())
}

/// Shows the one certificate that there is, whatever host a client asks for.
#[derive(Debug)]
struct Only(Arc<CertifiedKey>);

impl ResolvesServerCert for Only {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

const FROM_1_2: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
const FROM_1_3: &[&SupportedProtocolVersion] = &[&version::TLS13];

fn versions(least: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match least {
        TlsVersion::V1_2 => FROM_1_2,
        TlsVersion::V1_3 => FROM_1_3,
    }
}

/// The certificates of a PEM file, at least one.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err("it has no certificate (-----BEGIN CERTIFICATE-----)".to_owned())
        }
        Ok(certificates) => Ok(certificates),
        Err(_) => Err("it is no right PEM".to_owned()),
    }
}

/// The private key of a PEM file. What is wrong with it is said without its bytes.
pub(crate) fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        pem::Error::NoItemsFound if pem.windows(17).any(|window| window == b"BEGIN ENCRYPTED P") => {
            "its key is encrypted; decrypt it, with `openssl pkey` for instance".to_owned()
        }
        pem::Error::NoItemsFound => "it has no private key (-----BEGIN PRIVATE KEY-----)".to_owned(),
        _ => "it is no right PEM".to_owned(),
    })
}

/// The authorities of a PEM file, at least one.
pub(crate) fn authorities(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut authorities = RootCertStore::empty();
    for certificate in certificates(pem)? {
        authorities.add(certificate).map_err(|error| format!("its authority cannot be used: {error}"))?;
    }
    Ok(authorities)
}
