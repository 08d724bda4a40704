//! `forebay send` to a receiver with TLS and tokens.

use std::fs;

use forebay::listen::auth::{AuthOptions, Token};
use forebay::listen::tls::TlsOptions;
use forebay::receive::Options;
use forebay::secret::Secret;
use forebay::send::{self, Error, Protocol, Receiver};
use tempfile::TempDir;

use crate::certificates::Authority;
use crate::intake::Room;
use crate::server::{Server, options};

#[tokio::test]
async fn the_sample_goes_over_tls_with_a_token_in_every_protocol() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new("us"));
    let (certificate, key) = authority.server().write(folder.path());
    let tls = TlsOptions { cert_file: Some(certificate), key_file: Some(key), ..TlsOptions::default() };
    let token = Token { token: Some(Secret::from("s3cret")), ..Token::default() };
    let auth = AuthOptions { tokens: [("us".to_owned(), token)].into(), ..AuthOptions::default() };
    let server = Server::start(Options { tls, auth, ..options() }, Room::Plenty).await;
    let ca_file = folder.path().join("authority.pem");
    fs::write(&ca_file, authority.pem()).unwrap();
    for protocol in Protocol::ALL {
        let mut receiver = Receiver::at(format!("https://127.0.0.1:{}", server.grpc.port()), protocol);
        let error = send::run(&receiver, 1).await.unwrap_err();
        assert!(matches!(&error, Error::Connection { why, .. } if why.contains("UnknownIssuer")), "{error}");
        receiver.ca_file = Some(ca_file.clone());
        let report = send::run(&receiver, 1).await.unwrap();
        let why = report.first_refusal.unwrap();
        assert!(why.starts_with("401") || why.starts_with("Unauthenticated"), "{protocol}: {why}");
        receiver.headers.insert("authorization", "Bearer s3cret".parse().unwrap());
        let report = send::run(&receiver, 1).await.unwrap();
        assert!(report.is_complete(), "{protocol}: {report}");
        assert_eq!(server.intake.take().len(), 3, "{protocol}");
    }
}

#[tokio::test]
async fn a_file_without_certificates_is_told_by_name() {
    let folder = TempDir::new().unwrap();
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    let receiver = Receiver {
        ca_file: Some(empty.clone()),
        ..Receiver::at("https://127.0.0.1:1", Protocol::HttpProtobuf)
    };
    let error = send::run(&receiver, 1).await.unwrap_err().to_string();
    assert_eq!(error, format!("{}: it has no certificate in it; name a PEM file", empty.display()));
}
