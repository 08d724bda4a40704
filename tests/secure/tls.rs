//! TLS and mTLS.

use std::path::Path;
use std::time::Duration;

use forebay::listen::tls::{TlsOptions, TlsVersion};
use forebay::otlp::Signal;
use forebay::receive::{Listeners, Options};
use forebay::units::Span;
use rustls::{ALL_VERSIONS, version};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tonic::Code;

use crate::certificates::{Authority, Identity, client_config};
use crate::client::{AT_LAST, PROTOBUF, grpc, http};
use crate::connect::{ask, connect, connect_as, connect_with, http1_over, http2_over};
use crate::intake::Room;
use crate::payload::logs;
use crate::server::{Server, options};

/// TLS with a certificate whose files lie in `folder`, looked at as often as may be.
fn tls(folder: &Path, identity: &Identity) -> TlsOptions {
    let (certificate, key) = identity.write(folder);
    TlsOptions {
        cert_file: Some(certificate),
        key_file: Some(key),
        reload_interval: Span::seconds(1),
        handshake_timeout: Span::seconds(1),
        ..TlsOptions::default()
    }
}

fn with(tls: TlsOptions) -> Options {
    Options { tls, ..options() }
}

#[tokio::test]
async fn grpc_and_http_are_spoken_over_tls_on_both_addresses() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new("us"));
    let server = Server::start(with(tls(folder.path(), &authority.server())), Room::Plenty).await;
    for address in server.addresses() {
        let stream = connect(address, &authority, b"h2").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let mut client = http2_over(stream).await;
        let answer = ask(&mut client, grpc(Signal::Logs, &logs(1))).await;
        assert_eq!(answer.grpc_status().code(), Code::Ok);
        assert_eq!(ask(&mut client, http(Signal::Logs, PROTOBUF, &logs(1))).await.status, 200);

        let stream = connect(address, &authority, b"http/1.1").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(http1_over(stream, http(Signal::Logs, PROTOBUF, &logs(1))).await.status, 200);
    }
    assert_eq!(server.intake.take().len(), 6);
}

#[tokio::test]
async fn a_client_of_reqwest_sends_over_tls() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new("us"));
    let server = Server::start(with(tls(folder.path(), &authority.server())), Room::Plenty).await;
    let config = client_config(&authority, None, b"h2", ALL_VERSIONS);
    let client =
        reqwest::Client::builder().tls_backend_preconfigured((*config).clone()).no_proxy().build().unwrap();
    let url = format!("https://127.0.0.1:{}/v1/logs", server.http.port());
    let sent = client.post(url).header("content-type", PROTOBUF).body(logs(1)).send().await.unwrap();
    assert_eq!((sent.status(), sent.version()), (reqwest::StatusCode::OK, http::Version::HTTP_2));
}

#[tokio::test]
async fn who_does_not_go_on_with_its_handshake_keeps_nobody_waiting() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new("us"));
    let handshake_timeout = Span::seconds(300);
    let tls = TlsOptions { handshake_timeout, ..tls(folder.path(), &authority.server()) };
    let server = Server::start(with(tls), Room::Plenty).await;
    let _silent = TcpStream::connect(server.grpc).await.unwrap();
    let others = async {
        let stream = connect(server.grpc, &authority, b"http/1.1").await.unwrap();
        http1_over(stream, http(Signal::Logs, PROTOBUF, &logs(1))).await
    };
    let answer = timeout(AT_LAST, others).await.expect("others are served meanwhile");
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_or_is_none_gives_its_place_back() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new("us"));
    let options = Options { max_connections: 2, ..with(tls(folder.path(), &authority.server())) };
    let server = Server::start(options, Room::Plenty).await;
    let mut both =
        [TcpStream::connect(server.grpc).await.unwrap(), TcpStream::connect(server.grpc).await.unwrap()];
    for silent in &mut both {
        let read = timeout(AT_LAST, silent.read(&mut [0; 1])).await.expect("it is ended");
        assert!(matches!(read, Ok(0) | Err(_)));
    }
    let mut plain = TcpStream::connect(server.grpc).await.unwrap();
    plain.write_all(b"POST /v1/logs HTTP/1.1\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    let _ = timeout(AT_LAST, plain.read_to_end(&mut said)).await.expect("it is ended");
    assert!(!said.starts_with(b"HTTP"), "nothing is answered in the clear");
    let stream = connect(server.grpc, &authority, b"http/1.1").await.unwrap();
    assert_eq!(http1_over(stream, http(Signal::Logs, PROTOBUF, &logs(1))).await.status, 200);
}

#[tokio::test]
async fn only_clients_with_a_certificate_of_the_right_authority_come_in() {
    let (folder, us, them) = (TempDir::new().unwrap(), Authority::new("us"), Authority::new("them"));
    let authorities = folder.path().join("ca.pem");
    std::fs::write(&authorities, us.pem()).unwrap();
    let tls = TlsOptions { client_ca_file: Some(authorities), ..tls(folder.path(), &us.server()) };
    let server = Server::start(with(tls), Room::Plenty).await;

    let mut client = http2_over(connect_as(server.grpc, &us, &us.client()).await.unwrap()).await;
    let answer = ask(&mut client, grpc(Signal::Logs, &logs(1))).await;
    assert_eq!(answer.grpc_status().code(), Code::Ok);

    // TLS 1.3 tells a client after its own part of the handshake that it is not taken.
    let strangers =
        [connect(server.grpc, &us, b"h2").await, connect_as(server.grpc, &us, &them.client()).await];
    for mut stream in strangers.into_iter().flatten() {
        let read = timeout(AT_LAST, stream.read(&mut [0; 1])).await.expect("it is ended");
        assert!(read.is_err(), "{read:?}");
    }
    assert_eq!(server.intake.take().len(), 1);
}

#[tokio::test]
async fn an_older_version_than_the_least_is_refused() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new("us"));
    for (least, is_taken) in [(TlsVersion::V1_2, true), (TlsVersion::V1_3, false)] {
        let tls = TlsOptions { min_version: least, ..tls(folder.path(), &authority.server()) };
        let server = Server::start(with(tls), Room::Plenty).await;
        let old = client_config(&authority, None, b"h2", &[&version::TLS12]);
        assert_eq!(connect_with(server.grpc, old).await.is_ok(), is_taken, "{least:?}");
        assert!(connect(server.grpc, &authority, b"h2").await.is_ok());
    }
}

/// Connects until the server shows a certificate of `authority`.
async fn until_shown(server: &Server, authority: &Authority) {
    let shown = async {
        while connect(server.grpc, authority, b"h2").await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(AT_LAST, shown).await.expect("the new certificate is shown");
}

#[tokio::test]
async fn a_new_certificate_holds_for_new_connections_and_a_broken_one_for_none() {
    let (folder, before, after) = (TempDir::new().unwrap(), Authority::new("1"), Authority::new("2"));
    let server = Server::start(with(tls(folder.path(), &before.server())), Room::Plenty).await;
    let mut client = http2_over(connect(server.grpc, &before, b"h2").await.unwrap()).await;
    assert_eq!(ask(&mut client, http(Signal::Logs, PROTOBUF, &logs(1))).await.status, 200);

    // Half of a change, a key that does not fit, no PEM at all: the old pair stays.
    let new = after.server();
    for broken in [new.certificate.as_str(), "no certificate", ""] {
        std::fs::write(folder.path().join("cert.pem"), broken).unwrap();
        sleep(Duration::from_millis(1200)).await;
        assert!(connect(server.grpc, &before, b"h2").await.is_ok(), "{broken}");
    }
    new.write(folder.path());
    until_shown(&server, &after).await;
    assert!(connect(server.grpc, &before, b"h2").await.is_err(), "the old one is not shown any more");
    let answer = ask(&mut client, http(Signal::Logs, PROTOBUF, &logs(1))).await;
    assert_eq!(answer.status, 200, "the connection from before goes on");
}

#[tokio::test]
async fn a_start_with_wrong_files_names_the_setting_the_file_and_the_fault() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new("us"));
    let right = tls(folder.path(), &authority.server());
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        Some(path)
    };
    let secret = authority.server().key;
    let encrypted = secret.replace("PRIVATE", "ENCRYPTED PRIVATE");
    let broken = secret.replacen('M', "#", 1);
    for (tls, key, fault) in [
        (
            TlsOptions { cert_file: Some(folder.path().join("none")), ..right.clone() },
            "receive.tls.cert_file",
            "it cannot be read: No such file",
        ),
        (
            TlsOptions { cert_file: file("a", &secret), ..right.clone() },
            "receive.tls.cert_file",
            "it has no certificate (-----BEGIN CERTIFICATE-----)",
        ),
        (
            TlsOptions { key_file: file("b", &secret), ..right.clone() },
            "receive.tls.key_file",
            "it is not the key of the certificate in receive.tls.cert_file",
        ),
        (
            TlsOptions { key_file: file("c", &encrypted), ..right.clone() },
            "receive.tls.key_file",
            "its key is encrypted",
        ),
        (
            TlsOptions { key_file: file("d", &broken), ..right.clone() },
            "receive.tls.key_file",
            "it is no right PEM",
        ),
        (
            TlsOptions { client_ca_file: file("e", ""), ..right.clone() },
            "receive.tls.client_ca_file",
            "it has no certificate",
        ),
    ] {
        let error = Listeners::bind(&with(tls)).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("{key} is {}", folder.path().display())), "{error}");
        assert!(error.contains(fault) && !error.contains(&secret[100..120]), "{error}");
    }
}

#[tokio::test]
async fn an_expired_certificate_is_served_all_the_same() {
    let folder = TempDir::new().unwrap();
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let expired = Identity { certificate: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() };
    let server = Server::start(with(tls(folder.path(), &expired)), Room::Plenty).await;
    let error = connect(server.grpc, &Authority::new("us"), b"h2").await.unwrap_err();
    assert!(
        error.to_string().contains("certificate"),
        "it is shown, and the client does not trust it: {error}"
    );
}
