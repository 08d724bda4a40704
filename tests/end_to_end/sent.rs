//! What Claude Code was seen to send, as it sent it: compressed where it compressed, with its own headers.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use http::{HeaderName, Request};
use http_body_util::Full;
use serde_json::Value;
use tonic::Code;

use crate::captured::{self, Captured};
use crate::client::{framed, over_http1, over_http2};
use crate::decoded::Decoded;

/// A captured request, and how it went over the wire.
pub(crate) struct Sent {
    pub(crate) captured: Captured,
    line: Value,
    body: Vec<u8>,
}

/// Every captured request.
pub(crate) fn all() -> Vec<Sent> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/claude-code");
    let manifest = fs::read_to_string(folder.join("manifest.jsonl")).unwrap();
    let lines = manifest.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let both = captured::all().into_iter().zip(lines);
    let sent = both.map(|(captured, line)| {
        assert_eq!(line["file"], captured.file);
        let body = fs::read(folder.join(&captured.file)).unwrap();
        Sent { captured, line, body }
    });
    sent.collect()
}

impl Sent {
    /// What it says, read by somebody else's code.
    pub(crate) fn decoded(&self) -> Decoded {
        let Captured { file, signal, is_json, items, body } = &self.captured;
        let decoded = if *is_json {
            Decoded::from_json(*signal, body).unwrap()
        } else {
            Decoded::from_protobuf(*signal, body).unwrap()
        };
        assert_eq!(decoded.items(), *items as usize, "{file}");
        decoded
    }

    /// Sends it, and has it acknowledged.
    pub(crate) async fn send(&self, address: SocketAddr) {
        let file = &self.captured.file;
        if self.is_grpc() {
            let answer = over_http2(address, self.request()).await;
            assert_eq!(answer.grpc_status().code(), Code::Ok, "{file}");
        } else {
            let answer = over_http1(address, self.request()).await;
            assert_eq!(answer.status, 200, "{file}: {:?}", answer.body);
        }
    }

    pub(crate) fn is_grpc(&self) -> bool {
        self.line["transport"] == "grpc"
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let path = self.line["path"].as_str().unwrap();
        let (uri, body) = if self.is_grpc() {
            let is_compressed = self.line["encoding"] == "gzip";
            (format!("http://127.0.0.1{path}"), framed(is_compressed.into(), &self.body))
        } else {
            (path.to_owned(), self.body.clone())
        };
        let mut request = Request::post(uri).body(Full::from(body)).unwrap();
        for header in self.line["headers"].as_array().unwrap() {
            let name = header[0].as_str().unwrap().to_ascii_lowercase();
            // Those that belong to the connection are ours.
            if !name.starts_with(':') && name != "content-length" && name != "connection" {
                let name = HeaderName::try_from(name).unwrap();
                request.headers_mut().append(name, header[1].as_str().unwrap().parse().unwrap());
            }
        }
        request
    }
}
