//! Bodies that are made once and sent many times, each time as another one.
//!
//! Every body names the instance of the service it comes from first, by the run and by the number of the request:
//!
//! ```text
//!   service.instance.id = 5b1f0a7c9e3d2468-00000000000000ff
//! ```
//!
//! So a body is a head of some hundred bytes, in which the number is written anew for each request at a place that does
//! not move, and a rest that all requests share. Where bodies are compressed the rest is compressed once, and the head
//! stands before it as it is, in a block of its own:
//!
//! ```text
//!   gRPC    | flag | length |  ...     five bytes, before whatever follows
//!   gzip    | header | stored block: head | deflated rest | crc32 of both | length of both |     RFC 1952, 1951
//!   zstd    | frame with a raw block: head | frame: rest |                                       RFC 8878
//! ```

use std::io::{self, Write as _};

use bytes::Bytes;
use flate2::Crc;
use flate2::write::DeflateEncoder;

use super::Error;
use super::message::Message;
use super::options::Compression;
use crate::otlp::Signal;
use crate::send::Protocol;

/// Digits of the number of a request, and of a run: 64 bits in hexadecimal.
const NUMBER_DIGITS: usize = 16;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The first bytes of a gzip file: deflated, no name, no time, unknown system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// The first bytes of a zstd frame: the magic number, and a descriptor that says that the length follows in one byte.
const ZSTD_HEADER: [u8; 5] = [0x28, 0xb5, 0x2f, 0xfd, 0x20];

/// The instance of the service that sends a request, different in every run and for every request.
pub(super) fn instance(run: u64, number: u64) -> String {
    format!("{run:016x}-{number:016x}")
}

/// How bodies go over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) protocol: Protocol,
    pub(super) compression: Compression,
}

/// A body, and what is in it.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) signal: Signal,
    pub(super) items: u64,
    /// Its length, not compressed.
    pub(super) bytes: u64,
    /// All up to the number and the number itself, as it goes over the wire.
    head: Vec<u8>,
    /// How many bytes before the head came with the transport and the compression.
    framing: usize,
    rest: Bytes,
    /// With gzip: the checksum of the rest.
    checksum: Option<Crc>,
    is_framed: bool,
}

impl Body {
    /// Makes a body of an encoded request of the instance with the number 0.
    ///
    /// # Errors
    /// If the instance is not named in the first 255 bytes.
    pub(super) fn new(
        signal: Signal,
        items: u64,
        encoded: &[u8],
        form: Form,
        run: u64,
    ) -> Result<Self, Error> {
        let instance = instance(run, 0);
        let position = encoded.windows(instance.len()).position(|window| window == instance.as_bytes());
        let broken = |why: &str| Error::Bodies(format!("of {} bytes: {why}", encoded.len()));
        let at = position.ok_or_else(|| broken("its instance is not named"))?;
        let (plain, rest) = encoded.split_at(at + instance.len());
        let length = u8::try_from(plain.len()).map_err(|_| broken("its instance is named too late"))?;
        let (framing, rest, checksum) = match form.compression {
            Compression::None => (Vec::new(), rest.to_vec(), None),
            Compression::Gzip => {
                let mut checksum = Crc::new();
                checksum.update(rest);
                (
                    gzip_framing(length),
                    deflated(rest).map_err(|error| broken(&error.to_string()))?,
                    Some(checksum),
                )
            }
            Compression::Zstd => {
                let rest = zstd::bulk::compress(rest, zstd::DEFAULT_COMPRESSION_LEVEL);
                (zstd_framing(length), rest.map_err(|error| broken(&error.to_string()))?, None)
            }
        };
        let tail = if checksum.is_some() { 8 } else { 0 };
        let is_framed = form.protocol == Protocol::Grpc;
        let mut head = Vec::new();
        if is_framed {
            let length = u32::try_from(framing.len() + plain.len() + rest.len() + tail)
                .map_err(|_| broken("it is too long for gRPC"))?;
            head.push(u8::from(form.compression != Compression::None));
            head.extend(length.to_be_bytes());
        }
        head.extend(framing);
        let framing = head.len();
        head.extend(plain);
        let bytes = encoded.len() as u64;
        Ok(Self { signal, items, bytes, head, framing, rest: rest.into(), checksum, is_framed })
    }

    /// The body of the request with this number.
    pub(super) fn message(&self, number: u64) -> Message {
        let mut head = self.head.clone();
        let digits = head.len() - NUMBER_DIGITS;
        for (place, digit) in head[digits..].iter_mut().rev().enumerate() {
            // Four bits a digit, the lowest last.
            *digit = DIGITS[usize::try_from(number >> (4 * place) & 15).unwrap_or(0)];
        }
        let tail = match &self.checksum {
            None => Bytes::new(),
            Some(rest) => {
                let mut checksum = Crc::new();
                checksum.update(&head[self.framing..]);
                checksum.combine(rest);
                let parts = [checksum.sum().to_le_bytes(), checksum.amount().to_le_bytes()];
                Bytes::copy_from_slice(parts.as_flattened())
            }
        };
        Message { head: head.into(), rest: self.rest.clone(), tail, is_framed: self.is_framed }
    }
}

/// What stands before a head of this length in a gzip file: the block that holds it is not the last, and is stored.
fn gzip_framing(length: u8) -> Vec<u8> {
    let length = u16::from(length);
    let mut framing = GZIP_HEADER.to_vec();
    framing.push(0);
    framing.extend(length.to_le_bytes());
    framing.extend((!length).to_le_bytes());
    framing
}

/// What stands before a head of this length in a frame of zstd: its one block is the last, and is raw.
fn zstd_framing(length: u8) -> Vec<u8> {
    let mut framing = ZSTD_HEADER.to_vec();
    framing.push(length);
    let block = u32::from(length) << 3 | 1;
    framing.extend(&block.to_le_bytes()[..3]);
    framing
}

fn deflated(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use bytes::Buf as _;
    use flate2::read::GzDecoder;

    use super::*;

    const RUN: u64 = 0x1234_5678_9abc_def0;

    fn body(protocol: Protocol, compression: Compression) -> Body {
        let encoded = encoded(0);
        Body::new(Signal::Logs, 7, encoded.as_bytes(), Form { protocol, compression }, RUN).unwrap()
    }

    fn encoded(number: u64) -> String {
        format!("before {}{}", instance(RUN, number), " after it comes much more".repeat(1000))
    }

    fn sent(body: &Body, number: u64) -> Vec<u8> {
        let Message { head, rest, tail, .. } = body.message(number);
        let mut all = head.chain(rest).chain(tail);
        all.copy_to_bytes(all.remaining()).to_vec()
    }

    #[test]
    fn every_number_makes_another_body_of_the_same_length() {
        let body = body(Protocol::HttpJson, Compression::None);
        for number in [0, 1, 15, 16, 0xdead_beef, u64::MAX] {
            assert_eq!(sent(&body, number), encoded(number).as_bytes());
        }
        assert_eq!((body.bytes, body.items), (encoded(0).len() as u64, 7));
    }

    #[test]
    fn the_rest_is_shared_and_the_head_is_small() {
        let body = body(Protocol::Grpc, Compression::None);
        let (one, other) = (body.message(1), body.message(2));
        assert_eq!(one.rest.as_ptr(), other.rest.as_ptr());
        assert!(one.head.len() < 100 && one.head != other.head);
    }

    #[test]
    fn compressed_bodies_are_read_as_one_by_everybody() {
        for number in [3, u64::MAX] {
            let gzip = sent(&body(Protocol::HttpProtobuf, Compression::Gzip), number);
            let mut read = String::new();
            // Of several members this would read the first only.
            GzDecoder::new(gzip.as_slice()).read_to_string(&mut read).unwrap();
            assert_eq!(read, encoded(number));
            assert!(gzip.len() < read.len() / 10);

            let zstd = sent(&body(Protocol::HttpProtobuf, Compression::Zstd), number);
            assert_eq!(zstd::decode_all(zstd.as_slice()).unwrap(), encoded(number).as_bytes());
            assert!(zstd.len() < read.len() / 10);
        }
    }

    #[test]
    fn grpc_says_before_the_message_how_long_it_is_and_whether_it_is_compressed() {
        for compression in Compression::ALL {
            let sent = sent(&body(Protocol::Grpc, compression), 5);
            assert_eq!(sent[0], u8::from(compression != Compression::None));
            let length = u32::from_be_bytes(sent[1..5].try_into().unwrap());
            assert_eq!(length as usize, sent.len() - 5);
        }
    }

    #[test]
    fn a_body_that_does_not_name_its_instance_early_is_none() {
        let form = Form { protocol: Protocol::Grpc, compression: Compression::None };
        let late = format!("{}{}", " ".repeat(250), instance(RUN, 0));
        for (encoded, why) in [("nobody", "not named"), (&late, "too late")] {
            let error = Body::new(Signal::Logs, 1, encoded.as_bytes(), form, RUN).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
