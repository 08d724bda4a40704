//! What Claude Code was seen to send is stored as it was sent.

use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use flate2::read::GzDecoder;
use forebay::otlp::{Signal, validate};
use forebay::receive::Export;
use http::Request;
use http_body_util::Full;
use serde_json::Value;

use crate::client::{framed, over_http1, over_http2};
use crate::intake::Room;
use crate::server::{Server, options};

/// One captured request.
struct Captured {
    file: String,
    signal: Signal,
    is_grpc: bool,
    is_json: bool,
    is_compressed: bool,
    items: u32,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fn captured() -> Vec<Captured> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/claude-code");
    let manifest = fs::read_to_string(folder.join("manifest.jsonl")).unwrap();
    let requests: Vec<_> = manifest.lines().map(|line| Captured::read(&folder, line)).collect();
    assert!(requests.len() > 80, "all files are listed");
    requests
}

impl Captured {
    fn read(folder: &Path, line: &str) -> Self {
        let entry: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let signal = Signal::ALL.into_iter().find(|signal| signal.name() == entry["signal"]).unwrap();
        let headers =
            entry["headers"].as_array().unwrap().iter().map(|header| {
                (header[0].as_str().unwrap().to_owned(), header[1].as_str().unwrap().to_owned())
            });
        Self {
            file: text("file"),
            signal,
            is_grpc: entry["transport"] == "grpc",
            is_json: entry["content_type"] == "application/json",
            is_compressed: entry["encoding"] == "gzip",
            items: entry["items"].as_u64().unwrap().try_into().unwrap(),
            path: text("path"),
            headers: headers.collect(),
            body: fs::read(folder.join(text("file"))).unwrap(),
        }
    }

    /// The body as the client made it before it compressed it.
    fn plain(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        if self.is_compressed {
            GzDecoder::new(self.body.as_slice()).read_to_end(&mut plain).unwrap();
        } else {
            plain.clone_from(&self.body);
        }
        plain
    }

    /// The request with the client's own headers, but for those that belong to the connection.
    fn request(&self) -> Request<Full<Bytes>> {
        let body =
            if self.is_grpc { framed(self.is_compressed.into(), &self.body) } else { self.body.clone() };
        let uri = if self.is_grpc { format!("http://127.0.0.1{}", self.path) } else { self.path.clone() };
        let mut request = Request::post(uri).body(Full::from(body)).unwrap();
        for (name, value) in &self.headers {
            let name = name.to_ascii_lowercase();
            if !name.starts_with(':') && name != "content-length" && name != "connection" {
                request
                    .headers_mut()
                    .append(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
            }
        }
        request
    }

    async fn send(&self, address: SocketAddr) {
        if self.is_grpc {
            let answer = over_http2(address, self.request()).await;
            assert_eq!(answer.grpc_status().code(), tonic::Code::Ok, "{}", self.file);
        } else {
            let answer = over_http1(address, self.request()).await;
            assert_eq!(answer.status, 200, "{}: {:?}", self.file, answer.body);
        }
    }

    fn assert_stored_as(&self, export: &Export) {
        assert_eq!((export.signal, export.items), (self.signal, self.items), "{}", self.file);
        if self.is_json {
            assert_eq!(validate(self.signal, &export.body).unwrap(), self.items, "{}", self.file);
        } else {
            assert_eq!(export.body, self.plain(), "{}", self.file);
        }
    }
}

#[tokio::test]
async fn every_captured_request_is_stored_as_it_was_sent_on_both_addresses() {
    let server = Server::start(options(), Room::Plenty).await;
    for request in captured() {
        for address in server.addresses() {
            request.send(address).await;
            match server.intake.take().as_slice() {
                [] => assert_eq!(request.items, 0, "{}", request.file),
                [export] => request.assert_stored_as(export),
                more => panic!("{} was stored {} times", request.file, more.len()),
            }
        }
    }
}
