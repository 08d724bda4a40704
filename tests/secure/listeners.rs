//! Several listeners, each with settings of its own, and sockets in the file system.

use std::collections::BTreeMap;
use std::path::Path;

use forebay::listen::auth::{AuthOptions, Token};
use forebay::listen::tls::TlsOptions;
use forebay::otlp::Signal;
use forebay::receive::{ListenerOptions, Listeners, Options, Receiver};
use forebay::secret::Secret;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use prost::Message as _;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tonic::Code;
use tonic::transport::Endpoint;

use crate::certificates::Authority;
use crate::client::{PROTOBUF, grpc, http, over_http1};
use crate::connect::{ask, connect, http1_over, http2_over};
use crate::intake::{Memory, Room};
use crate::payload::logs;
use crate::server::{Server, options};

/// TLS and a token for all, but not for what comes by the socket in `folder`.
fn inside_and_outside(folder: &Path, authority: &Authority) -> Options {
    let (certificate, key) = authority.server().write(folder);
    let tls = TlsOptions { cert_file: Some(certificate), key_file: Some(key), ..TlsOptions::default() };
    let token = Token { token: Some(Secret::from("t")), tenant: "acme".to_owned(), ..Token::default() };
    let auth = AuthOptions { tokens: BTreeMap::from([("t".to_owned(), token)]), ..AuthOptions::default() };
    let inside = ListenerOptions {
        address: format!("unix:{}", folder.join("forebay.sock").display()),
        ..ListenerOptions::default()
    };
    Options { tls, auth, listeners: BTreeMap::from([("inside".to_owned(), inside)]), ..options() }
}

#[tokio::test]
async fn each_listener_has_its_own_tls_and_its_own_credentials() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new("us"));
    let server = Server::start(inside_and_outside(folder.path(), &authority), Room::Plenty).await;
    let socket = folder.path().join("forebay.sock");

    let inside = UnixStream::connect(&socket).await.unwrap();
    assert_eq!(http1_over(inside, http(Signal::Logs, PROTOBUF, &logs(1))).await.status, 200);
    let mut inside = http2_over(UnixStream::connect(&socket).await.unwrap()).await;
    let answer = ask(&mut inside, grpc(Signal::Logs, &logs(1))).await;
    assert_eq!(answer.grpc_status().code(), Code::Ok);

    let mut outside = http2_over(connect(server.grpc, &authority, b"h2").await.unwrap()).await;
    let answer = ask(&mut outside, grpc(Signal::Logs, &logs(1))).await;
    assert_eq!(answer.grpc_status().code(), Code::Unauthenticated);
    let mut call = grpc(Signal::Logs, &logs(1));
    call.headers_mut().insert("authorization", "Bearer t".parse().unwrap());
    assert_eq!(ask(&mut outside, call).await.grpc_status().code(), Code::Ok);
    let tenants: Vec<_> = server.intake.take().iter().map(|export| export.tenant.to_string()).collect();
    assert_eq!(tenants, ["", "", "acme"]);

    server.stop().await.unwrap();
    assert!(!socket.exists(), "it goes with its process");
}

#[tokio::test]
async fn a_client_of_tonic_sends_over_a_socket() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new("us"));
    let _server = Server::start(inside_and_outside(folder.path(), &authority), Room::Plenty).await;
    let socket = folder.path().join("forebay.sock");
    let address = format!("unix://{}", socket.display());
    let channel = Endpoint::from_shared(address).unwrap().connect().await.unwrap();
    let request = ExportLogsServiceRequest::decode(logs(1).as_slice()).unwrap();
    let answer = LogsServiceClient::new(channel).export(request).await.unwrap();
    assert_eq!(answer.into_inner().partial_success, None);
}

#[tokio::test]
async fn addresses_that_are_off_are_not_listened_on() {
    let folder = TempDir::new().unwrap();
    let grpc = format!("unix:{}", folder.path().join("f.sock").display());
    let only = Options { grpc: grpc.clone(), http: "off".to_owned(), ..options() };
    let listeners = Listeners::bind(&only).await.unwrap();
    let found: Vec<_> = listeners.addresses().map(|listened| (listened.name, listened.address)).collect();
    assert_eq!(found, [("grpc".to_owned(), grpc)]);
    assert_eq!((listeners.tcp_address("grpc"), listeners.tcp_address("http")), (None, None));
    // One that ends before it runs leaves nothing behind either.
    drop(Receiver::new(only, listeners, Memory::with(Room::Plenty)).unwrap());
    assert!(!folder.path().join("f.sock").exists());
}

#[tokio::test]
async fn what_listens_in_the_clear_is_not_touched_by_the_tls_of_another() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new("us"));
    let shared = inside_and_outside(folder.path(), &authority);
    let plain = ListenerOptions::default();
    let options = Options { listeners: BTreeMap::from([("http".to_owned(), plain)]), ..shared };
    let server = Server::start(options, Room::Plenty).await;
    assert_eq!(over_http1(server.http, http(Signal::Logs, PROTOBUF, &logs(1))).await.status, 200);
    assert!(connect(server.http, &authority, b"h2").await.is_err());
    assert!(connect(server.grpc, &authority, b"h2").await.is_ok());
}
