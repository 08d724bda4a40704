//! Tokens, passwords and tenants.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use forebay::listen::auth::{AuthOptions, Token};
use forebay::otlp::Signal;
use forebay::receive::{Listeners, Options};
use forebay::secret::Secret;
use forebay::units::Span;
use http::Request;
use http_body_util::Full;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::client::{AT_LAST, Answer, JSON, PROTOBUF, grpc, http, over_http1, over_http2};
use crate::intake::Room;
use crate::payload::{logs, logs_json};
use crate::server::{Server, options};

/// `alice` has a password in the clear, `bob` one that is hashed.
fn users() -> BTreeMap<String, Secret> {
    let hashed = bcrypt::hash("hunter3", 4).unwrap().replacen("$2b$", "$2y$", 1);
    let users = [("alice", "hunter2"), ("bob", hashed.as_str())];
    users.map(|(name, password)| (name.to_owned(), Secret::from(password))).into()
}

fn token(token: &str, tenant: &str) -> Token {
    Token { token: Some(Secret::from(token)), tenant: tenant.to_owned(), ..Token::default() }
}

/// A token of the tenant acme, and one of nobody.
fn tokens() -> BTreeMap<String, Token> {
    let tokens = [("acme", token("s3cret-1", "acme")), ("all", token("s3cret-2", ""))];
    tokens.map(|(name, token)| (name.to_owned(), token)).into()
}

fn with(auth: AuthOptions) -> Options {
    Options { auth, tenant_header: "x-scope-orgid".to_owned(), ..options() }
}

fn basic(name_and_password: &str) -> String {
    format!("Basic {}", STANDARD.encode(name_and_password))
}

fn headed(mut request: Request<Full<Bytes>>, headers: &[(&'static str, &str)]) -> Request<Full<Bytes>> {
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    request
}

/// The same export with these headers over gRPC, over HTTP/1.1 in protobuf, and in JSON.
async fn export(server: &Server, headers: &[(&'static str, &str)]) -> (Code, [Answer; 2]) {
    let over_grpc = over_http2(server.grpc, headed(grpc(Signal::Logs, &logs(1)), headers)).await;
    let protobuf = over_http1(server.http, headed(http(Signal::Logs, PROTOBUF, &logs(1)), headers)).await;
    let json = over_http1(server.http, headed(http(Signal::Logs, JSON, &logs_json(1)), headers)).await;
    (over_grpc.grpc_status().code(), [protobuf, json])
}

async fn assert_answered(server: &Server, headers: &[(&'static str, &str)], code: Code, status: u16) {
    let (found, answers) = export(server, headers).await;
    assert_eq!(found, code, "{headers:?}");
    for answer in answers {
        assert_eq!(answer.status, status, "{headers:?}");
        if status != 200 {
            assert_eq!(answer.rpc_status().0, i64::from(i32::from(code)), "{headers:?}");
        }
    }
}

#[tokio::test]
async fn only_who_has_a_token_that_is_known_may_send() {
    let server =
        Server::start(with(AuthOptions { tokens: tokens(), ..AuthOptions::default() }), Room::Plenty).await;
    for right in ["Bearer s3cret-1", "bearer s3cret-2", "BEARER  s3cret-2 "] {
        assert_answered(&server, &[("authorization", right)], Code::Ok, 200).await;
    }
    assert_eq!(server.intake.take().len(), 9);
    for wrong in
        ["Bearer s3cret-3", "Bearer s3cret-", "Bearer s3cret-11", "Bearer", "Bearers3cret-1", "s3cret-1", ""]
    {
        assert_answered(&server, &[("authorization", wrong)], Code::Unauthenticated, 401).await;
    }
    assert_answered(&server, &[("authorization", &basic("alice:hunter2"))], Code::Unauthenticated, 401).await;
    assert_answered(&server, &[("x-token", "s3cret-1")], Code::Unauthenticated, 401).await;
    let (_, [answer, _]) = export(&server, &[]).await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer realm=\"forebay\"")));
    assert_eq!(server.intake.take(), [], "nothing of that was stored");
}

#[tokio::test]
async fn a_token_may_come_in_another_header_without_a_scheme() {
    let auth = AuthOptions {
        tokens: tokens(),
        header: "X-Api-Key".to_owned(),
        scheme: String::new(),
        ..AuthOptions::default()
    };
    let server = Server::start(with(auth), Room::Plenty).await;
    assert_answered(&server, &[("x-api-key", "s3cret-1")], Code::Ok, 200).await;
    assert_answered(&server, &[("x-api-key", "Bearer s3cret-1")], Code::Unauthenticated, 401).await;
    assert_answered(&server, &[("authorization", "s3cret-1")], Code::Unauthenticated, 401).await;
}

#[tokio::test]
async fn only_who_knows_a_name_and_its_password_may_send() {
    let user_tenants = BTreeMap::from([("bob".to_owned(), "bobs".to_owned())]);
    let auth = AuthOptions { users: users(), user_tenants, ..AuthOptions::default() };
    let server = Server::start(with(auth), Room::Plenty).await;
    for (right, tenant) in [("alice:hunter2", ""), ("bob:hunter3", "bobs"), ("bob:hunter3", "bobs")] {
        assert_answered(&server, &[("authorization", &basic(right))], Code::Ok, 200).await;
        assert!(server.intake.take().iter().all(|export| &*export.tenant == tenant), "{right}");
    }
    for wrong in ["alice:hunter3", "bob:hunter2", "bob:", "carol:hunter2", ":", "alice", ""] {
        assert_answered(&server, &[("authorization", &basic(wrong))], Code::Unauthenticated, 401).await;
    }
    assert_answered(&server, &[("authorization", "Basic %%%")], Code::Unauthenticated, 401).await;
    let (_, [answer, _]) = export(&server, &[]).await;
    assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"forebay\", charset=\"UTF-8\""));
}

#[tokio::test]
async fn a_request_without_credentials_is_refused_before_its_body_is_read() {
    let auth = AuthOptions { tokens: tokens(), ..AuthOptions::default() };
    let server = Server::start(with(auth), Room::Plenty).await;
    let mut client = TcpStream::connect(server.http).await.unwrap();
    // It waits for leave to send its body, which it never gets.
    let head = "POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 1000\r\n\
                expect: 100-continue\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let mut said = vec![0; 1024];
    let length = timeout(AT_LAST, client.read(&mut said)).await.expect("it is answered").unwrap();
    let said = String::from_utf8_lossy(&said[..length]);
    assert!(said.starts_with("HTTP/1.1 401 Unauthorized"), "{said}");
}

/// Sends until the answer has this status.
async fn until_answered(server: &Server, headers: &[(&'static str, &str)], status: u16) {
    let answered = async {
        while export(server, headers).await.1[0].status != status {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(AT_LAST, answered).await.expect("the change is noticed");
}

#[tokio::test]
async fn files_of_tokens_and_users_are_watched_and_a_broken_one_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, content: &str| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let user = |name: &str, password: &str| format!("{name}:{}\n", bcrypt::hash(password, 4).unwrap());
    let auth = AuthOptions {
        tokens: tokens(),
        tokens_file: Some(file("tokens", "# ours\ntoken-1\n\n  token-2  \n")),
        htpasswd_file: Some(file("users", &user("carol", "hunter4"))),
        reload_interval: Span::seconds(1),
        ..AuthOptions::default()
    };
    let server = Server::start(with(auth), Room::Plenty).await;
    let (carol, dave) = (basic("carol:hunter4"), basic("dave:hunter5"));
    for right in ["Bearer token-1", "Bearer token-2", "Bearer s3cret-1", &carol] {
        assert_answered(&server, &[("authorization", right)], Code::Ok, 200).await;
    }
    assert_answered(&server, &[("authorization", "Bearer # ours")], Code::Unauthenticated, 401).await;
    assert_answered(&server, &[("authorization", &dave)], Code::Unauthenticated, 401).await;

    file("tokens", "token-2\ntoken-3\n");
    until_answered(&server, &[("authorization", "Bearer token-3")], 200).await;
    assert_answered(&server, &[("authorization", "Bearer token-1")], Code::Unauthenticated, 401).await;

    file("users", &(user("carol", "other") + &user("dave", "hunter5")));
    until_answered(&server, &[("authorization", &dave)], 200).await;
    assert_answered(&server, &[("authorization", &carol)], Code::Unauthenticated, 401).await;

    file("users", "dave:plain\n");
    sleep(Duration::from_millis(1200)).await;
    std::fs::remove_file(folder.path().join("tokens")).unwrap();
    sleep(Duration::from_millis(1200)).await;
    for right in ["Bearer token-3", "Bearer s3cret-1", &dave] {
        assert_answered(&server, &[("authorization", right)], Code::Ok, 200).await;
    }
}

#[tokio::test]
async fn a_start_with_wrong_files_names_the_setting_and_the_line_and_no_secret() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    let tokens_file = || AuthOptions { tokens_file: Some(path.clone()), ..AuthOptions::default() };
    let htpasswd_file = || AuthOptions { htpasswd_file: Some(path.clone()), ..AuthOptions::default() };
    for (content, auth, said) in [
        (None, tokens_file(), "receive.auth.tokens_file is"),
        (Some("token-1\nhunter2 hunter2\n"), tokens_file(), "line 2 is no token"),
        (Some("hunter2\n"), htpasswd_file(), "line 1 is not `name:hash`"),
        (Some("\nalice:hunter2\n"), htpasswd_file(), "line 2 has no hash of bcrypt; `htpasswd -B` makes one"),
        (Some("alice:$2y$05$hunter2\n"), htpasswd_file(), "line 1: its hash is not bcrypt's"),
    ] {
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let error = Listeners::bind(&with(auth)).await.unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn whose_an_export_is_comes_from_the_credentials_or_from_the_header() {
    let auth = AuthOptions { tokens: tokens(), ..AuthOptions::default() };
    let server = Server::start(with(auth), Room::Plenty).await;
    let (acme, all) = (("authorization", "Bearer s3cret-1"), ("authorization", "Bearer s3cret-2"));
    let header = |tenant| ("x-scope-orgid", tenant);
    for (headers, tenant) in [
        (&[acme][..], "acme"),
        (&[acme, header("acme")], "acme"),
        (&[all], ""),
        (&[all, header("umbrella")], "umbrella"),
    ] {
        assert_answered(&server, headers, Code::Ok, 200).await;
        let stored = server.intake.take();
        assert!(stored.len() == 3 && stored.iter().all(|export| &*export.tenant == tenant), "{headers:?}");
    }
    assert_answered(&server, &[acme, header("umbrella")], Code::PermissionDenied, 403).await;
    let long = "t".repeat(1025);
    assert_answered(&server, &[all, header(&long)], Code::InvalidArgument, 400).await;
    assert_answered(&server, &[header("acme")], Code::Unauthenticated, 401).await;
    assert_eq!(server.intake.take(), []);
}

#[tokio::test]
async fn a_refusal_over_grpc_says_that_it_is_for_good() {
    let auth = AuthOptions { tokens: tokens(), ..AuthOptions::default() };
    let server = Server::start(with(auth), Room::Plenty).await;
    let answer = over_http2(server.grpc, grpc(Signal::Logs, &logs(1))).await;
    let status = answer.grpc_status();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unauthenticated, "credentials are needed, and there are none")
    );
    assert!(status.get_details_retry_info().is_none());
}
