//! Requests on a connection: bytes as they come, and requests whose headers, framing and compression the input chooses.
//! The first byte says which.
#![no_main]

use std::collections::VecDeque;
use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression as Level;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use forebay::otlp::{InvalidJson, Salvaged, Signal, read_json, salvage, salvage_json, validate};
use forebay::receive::{Export, Refusal};
use forebay_fuzz::service::{Answer, LIMIT_BYTES, Pieces, send, send_raw};
use forebay_fuzz::{Input, written};
use http::{Request, Version};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else { return };
    match first {
        0..=63 => drop(send_raw(rest)),
        // Frames of HTTP/2 behind what every client begins with.
        64..=95 => drop(send_raw(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", rest].concat())),
        _ => Sent::new(&mut Input(rest)).check(),
    }
});

/// How a request goes over the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Grpc,
    Http1,
    Http2,
}

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
    Deflate,
}

/// A request that is well-formed as HTTP, whatever its body is.
#[derive(Debug)]
struct Sent {
    transport: Transport,
    signal: Signal,
    is_json: bool,
    compression: Compression,
    refusal: Option<Refusal>,
    /// What the message is: compressed, if it is.
    message: Vec<u8>,
    /// What stands before it: nothing, or the prefix of gRPC.
    prefix: Vec<u8>,
    /// In how many pieces it is sent.
    pieces: usize,
}

/// What must come of it.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Stored(Export),
    Nothing,
    Undecodable,
    TooLarge,
}

impl Sent {
    fn new(input: &mut Input<'_>) -> Self {
        let transport = [Transport::Grpc, Transport::Http1, Transport::Http2][usize::from(input.byte()) % 3];
        let signal = Signal::ALL[usize::from(input.byte()) % Signal::COUNT];
        let kind = input.byte();
        let is_json = transport != Transport::Grpc && kind & 1 == 1;
        let compressions = [Compression::None, Compression::Gzip, Compression::Zstd, Compression::Deflate];
        let compression = compressions[usize::from(kind >> 1 & 3)];
        let is_compressed_here = kind & 8 == 0;
        let is_written = kind & 16 != 0 && !is_json;
        let refusal = match input.byte() {
            0..=199 => None,
            200..=215 => Some(Refusal::DiskFull),
            216..=231 => Some(Refusal::DiskFailing),
            _ => Some(Refusal::ShuttingDown),
        };
        let pieces = usize::from(input.byte() & 7) + 1;
        let times = input.byte();
        let framing = input.byte();
        let frame = input.array::<5>();
        let content = if is_written { written(input.rest()) } else { input.rest().to_vec() };
        // Requests laid end to end are a request; many of the same compress well.
        let times = if times < 200 { 1 } else { usize::from(times) };
        let content = content.repeat(times.min(1 + 8 * LIMIT_BYTES / content.len().max(1)));
        let mut message = if is_compressed_here { compression.compress(&content) } else { content };
        // Something that follows, or a prefix that is wrong.
        let wrong = (framing >= 200).then(|| &frame[..usize::from(framing) % 6]);
        if transport != Transport::Grpc {
            message.extend_from_slice(wrong.unwrap_or_default());
        }
        let prefix = match (transport, wrong) {
            (Transport::Grpc, None) => {
                let length = u32::try_from(message.len()).unwrap().to_be_bytes();
                [&[u8::from(compression != Compression::None)], &length[..]].concat()
            }
            (Transport::Grpc, Some(wrong)) => wrong.to_vec(),
            _ => Vec::new(),
        };
        Self { transport, signal, is_json, compression, refusal, message, prefix, pieces }
    }

    /// Sends it, and checks the answer and what was stored.
    fn check(&self) {
        let (answer, stored) = send(self.request(), self.refusal);
        match (self.outcome(), self.refusal) {
            (Outcome::Stored(_), Some(_)) => {
                self.expect(&answer, 503, 14);
                assert!(stored.is_empty());
                let is_asked_back = answer.header("retry-after").is_some()
                    || answer.header("grpc-status-details-bin").is_some();
                assert!(is_asked_back, "{answer:?} does not say when to come back");
            }
            (Outcome::Stored(export), None) => {
                self.expect(&answer, 200, 0);
                assert_eq!(stored, [export], "what was acknowledged is what was sent");
            }
            (Outcome::Nothing, _) => {
                self.expect(&answer, 200, 0);
                assert!(stored.is_empty());
            }
            (outcome, _) => {
                assert!(stored.is_empty(), "{outcome:?}: {stored:?}");
                match outcome {
                    Outcome::TooLarge => self.expect(&answer, 413, 8),
                    _ => self.expect(&answer, 400, 3),
                }
            }
        }
    }

    fn expect(&self, answer: &Answer, http: u16, grpc: u16) {
        let is_expected = match self.transport {
            Transport::Grpc => {
                answer.status == 200 && answer.header("grpc-status") == Some(&grpc.to_string())
            }
            _ => answer.status == http,
        };
        assert!(is_expected, "{answer:?} is not {http} or {grpc}: {self:?}");
    }

    fn request(&self) -> Request<Pieces> {
        let whole = [&self.prefix[..], &self.message].concat();
        let length = whole.len().div_ceil(self.pieces).max(1);
        let pieces: VecDeque<Bytes> = whole.chunks(length).map(Bytes::copy_from_slice).collect();
        let path = match (self.transport, self.signal) {
            (Transport::Grpc, Signal::Logs) => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            (Transport::Grpc, Signal::Metrics) => {
                "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
            }
            (Transport::Grpc, Signal::Traces) => {
                "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
            }
            (Transport::Grpc, Signal::Profiles) => {
                "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"
            }
            (_, Signal::Logs) => "/v1/logs",
            (_, Signal::Metrics) => "/v1/metrics",
            (_, Signal::Traces) => "/v1/traces",
            (_, Signal::Profiles) => "/v1development/profiles",
        };
        let (media_type, encoding, version) = match self.transport {
            Transport::Grpc => ("application/grpc", "grpc-encoding", Version::HTTP_2),
            Transport::Http1 => (self.media_type(), "content-encoding", Version::HTTP_11),
            Transport::Http2 => (self.media_type(), "content-encoding", Version::HTTP_2),
        };
        let mut request = Request::post(format!("http://memory{path}")).version(version);
        request = request.header("content-type", media_type);
        if self.compression != Compression::None {
            request = request.header(encoding, self.compression.name());
        }
        if self.transport == Transport::Http1 {
            request = request.header("host", "memory");
        }
        // With one piece its length is told, with more it comes as it comes.
        if self.pieces == 1 && self.transport != Transport::Grpc {
            request = request.header("content-length", whole.len());
        }
        request.body(Pieces(pieces)).unwrap()
    }

    fn media_type(&self) -> &'static str {
        if self.is_json { "application/json" } else { "application/x-protobuf" }
    }

    /// What must come of it, by another reading of the same bytes.
    fn outcome(&self) -> Outcome {
        let compression = match self.transport {
            Transport::Grpc => {
                let [flag, length @ ..] = &self.prefix[..] else { return self.outcome_without_prefix() };
                let Ok(length) = <[u8; 4]>::try_from(length) else { return self.outcome_without_prefix() };
                let length = u32::from_be_bytes(length) as usize;
                match *flag {
                    0 => {}
                    1 if self.compression != Compression::None => {}
                    _ => return Outcome::Undecodable,
                }
                if length > LIMIT_BYTES {
                    return Outcome::TooLarge;
                }
                if length != self.message.len() {
                    return Outcome::Undecodable;
                }
                if *flag == 0 { Compression::None } else { self.compression }
            }
            _ => self.compression,
        };
        if self.message.len() > LIMIT_BYTES {
            return Outcome::TooLarge;
        }
        // An empty body is an empty request, however it is said to be compressed.
        if self.message.is_empty() {
            return Outcome::Nothing;
        }
        match compression.decompress(&self.message) {
            Ok(body) if body.len() > LIMIT_BYTES => Outcome::TooLarge,
            Ok(body) => self.outcome_of(body),
            Err(_) => Outcome::Undecodable,
        }
    }

    /// A prefix that is too short takes its missing bytes from the message, and that is another request.
    fn outcome_without_prefix(&self) -> Outcome {
        let whole = [&self.prefix[..], &self.message].concat();
        match whole.split_at_checked(5) {
            None => Outcome::Undecodable,
            Some((prefix, message)) => {
                Self { prefix: prefix.to_vec(), message: message.to_vec(), ..*self }.outcome()
            }
        }
    }

    fn outcome_of(&self, body: Vec<u8>) -> Outcome {
        if body.is_empty() {
            return Outcome::Nothing;
        }
        let stored = |items, body: Vec<u8>| Outcome::Stored(Export::of(self.signal, items, body.into()));
        let body = if self.is_json {
            match read_json(self.signal, &body, LIMIT_BYTES) {
                Ok(body) => body,
                Err(InvalidJson::TooLarge { .. }) => return Outcome::TooLarge,
                Err(_) => {
                    return match salvage_json(self.signal, &body, LIMIT_BYTES) {
                        Ok(Salvaged { items, body, .. }) if items > 0 => stored(items, body),
                        Err(InvalidJson::TooLarge { .. }) => Outcome::TooLarge,
                        _ => Outcome::Undecodable,
                    };
                }
            }
        } else {
            body
        };
        match validate(self.signal, &body) {
            Ok(0) => Outcome::Nothing,
            Ok(items) => stored(items, body),
            Err(_) => match salvage(self.signal, &body) {
                Ok(salvaged) if salvaged.items > 0 => stored(salvaged.items, salvaged.body),
                _ => Outcome::Undecodable,
            },
        }
    }
}

impl Compression {
    fn name(self) -> &'static str {
        match self {
            Self::None => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Deflate => "deflate",
        }
    }

    fn compress(self, content: &[u8]) -> Vec<u8> {
        match self {
            Self::None => content.to_vec(),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
                encoder.write_all(content).unwrap();
                encoder.finish().unwrap()
            }
            Self::Zstd => zstd::encode_all(content, 1).unwrap(),
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Level::fast());
                encoder.write_all(content).unwrap();
                encoder.finish().unwrap()
            }
        }
    }

    /// One byte more than the limit at most.
    fn decompress(self, message: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut content = Vec::new();
        let most = LIMIT_BYTES as u64 + 1;
        match self {
            Self::None => content.extend_from_slice(message),
            Self::Gzip => drop(MultiGzDecoder::new(message).take(most).read_to_end(&mut content)?),
            Self::Zstd => drop(zstd::Decoder::with_buffer(message)?.take(most).read_to_end(&mut content)?),
            // The method, and a sum over both bytes, tell zlib from bare deflate.
            Self::Deflate if matches!(message, [a, b, ..] if a & 15 == 8 && (256 * u32::from(*a) + u32::from(*b)) % 31 == 0) =>
            {
                let mut decoder = ZlibDecoder::new(message);
                decoder.by_ref().take(most).read_to_end(&mut content)?;
                nothing_follows(&content, decoder.into_inner())?;
            }
            Self::Deflate => {
                let mut decoder = DeflateDecoder::new(message);
                decoder.by_ref().take(most).read_to_end(&mut content)?;
                nothing_follows(&content, decoder.into_inner())?;
            }
        }
        Ok(content)
    }
}

/// Whether a body ends with its compression, if all of it was read.
fn nothing_follows(content: &[u8], rest: &[u8]) -> std::io::Result<()> {
    if content.len() <= LIMIT_BYTES && !rest.is_empty() {
        return Err(std::io::Error::other("something follows its end"));
    }
    Ok(())
}
