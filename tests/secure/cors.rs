//! Pages in browsers.

use std::collections::BTreeMap;

use bytes::Bytes;
use forebay::listen::auth::{AuthOptions, Token};
use forebay::otlp::Signal;
use forebay::receive::{CorsOptions, Options};
use forebay::secret::Secret;
use forebay::units::Span;
use http::{Method, Request};
use http_body_util::Full;

use crate::client::{JSON, http, over_http1};
use crate::intake::Room;
use crate::payload::logs_json;
use crate::server::{Server, options};

const PAGE: &str = "https://app.example.com";

async fn server() -> Server {
    let cors = CorsOptions {
        allowed_origins: vec!["https://*.example.com".to_owned()],
        allowed_headers: vec!["authorization".to_owned()],
        max_age: Span::seconds(600),
    };
    let token = Token { token: Some(Secret::from("t")), ..Token::default() };
    let auth = AuthOptions { tokens: BTreeMap::from([("t".to_owned(), token)]), ..AuthOptions::default() };
    Server::start(Options { cors, auth, ..options() }, Room::Plenty).await
}

fn preflight(origin: &str, method: &str, headers: &str) -> Request<Full<Bytes>> {
    Request::builder()
        .method(Method::OPTIONS)
        .uri("/v1/logs")
        .header("host", "forebay")
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", headers)
        .body(Full::default())
        .unwrap()
}

#[tokio::test]
async fn a_browser_that_asks_first_is_answered_without_credentials() {
    let server = server().await;
    let answer = over_http1(server.http, preflight(PAGE, "POST", "authorization,content-type")).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    for (name, value) in [
        ("access-control-allow-origin", PAGE),
        ("access-control-allow-methods", "POST"),
        ("access-control-allow-headers", "authorization,content-type"),
        ("access-control-allow-credentials", "true"),
        ("access-control-max-age", "600"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let varies: Vec<_> = answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(varies.join(",").to_lowercase().contains("origin"), "{varies:?}");

    let stranger = over_http1(server.http, preflight("https://evil.com", "POST", "content-type")).await;
    assert_eq!((stranger.status, stranger.header("access-control-allow-origin")), (204, None));
    for request in [preflight(PAGE, "DELETE", "content-type"), preflight(PAGE, "POST", "x-other")] {
        let answer = over_http1(server.http, request).await;
        assert_eq!((answer.status, answer.header("access-control-allow-methods")), (204, None));
    }
}

#[tokio::test]
async fn a_page_sees_answers_and_errors_and_another_page_does_not() {
    let server = server().await;
    for (origin, shown) in [(PAGE, Some(PAGE)), ("https://evil.com", None)] {
        for (token, status) in [("Bearer t", 200), ("Bearer wrong", 401)] {
            let mut request = http(Signal::Logs, JSON, &logs_json(1));
            request.headers_mut().insert("origin", origin.parse().unwrap());
            request.headers_mut().insert("authorization", token.parse().unwrap());
            let answer = over_http1(server.http, request).await;
            let found = (answer.status, answer.header("access-control-allow-origin"));
            assert_eq!(found, (status, shown), "{origin} {token}");
        }
    }
}

#[tokio::test]
async fn without_an_origin_that_is_allowed_nothing_is_said_about_pages() {
    let server = Server::start(options(), Room::Plenty).await;
    let answer = over_http1(server.http, preflight(PAGE, "POST", "content-type")).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (405, None));
    let mut request = http(Signal::Logs, JSON, &logs_json(1));
    request.headers_mut().insert("origin", PAGE.parse().unwrap());
    let answer = over_http1(server.http, request).await;
    assert_eq!((answer.status, answer.header("vary")), (200, None));
}
