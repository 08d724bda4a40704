//! The checksums by which a store knows that a body is the one that was sent.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use crc_fast::CrcAlgorithm;
use http::HeaderMap;
use md5::{Digest as _, Md5};
use ring::digest::{SHA256, digest};

/// What a signature says instead of a hash when it does not cover the body.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// Checksums that stores know and this does not: a test that sends one has to teach it.
const UNKNOWN: [&str; 4] =
    ["x-goog-hash", "x-amz-checksum-crc32", "x-amz-checksum-crc32c", "x-amz-checksum-sha1"];

/// The status and the code with which a store refuses this body, if it does not have the checksums that its headers say.
pub(super) fn refusal(headers: &HeaderMap, body: &[u8]) -> Option<(u16, &'static str)> {
    let said = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
    assert!(!UNKNOWN.iter().any(|name| headers.contains_key(*name)), "{headers:?}");
    let sha256 = digest(&SHA256, body);
    if said("x-amz-content-sha256").is_some_and(|said| said != UNSIGNED && said != hex(sha256.as_ref())) {
        return Some((400, "XAmzContentSHA256Mismatch"));
    }
    let crc64nvme = crc_fast::checksum(CrcAlgorithm::Crc64Nvme, body);
    let crc64nvme = BASE64_STANDARD.encode(crc64nvme.to_be_bytes());
    let is_right = said("content-md5").is_none_or(|said| said == BASE64_STANDARD.encode(Md5::digest(body)))
        && said("x-amz-checksum-sha256").is_none_or(|said| said == BASE64_STANDARD.encode(sha256))
        && said("x-amz-checksum-crc64nvme").is_none_or(|said| said == crc64nvme);
    (!is_right).then_some((400, "BadDigest"))
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.map(|digit| char::from_digit(digit.into(), 16).unwrap()).collect()
}

/// Whether the headers say a checksum of the body that every store verifies. The one in the signature is not.
pub fn are_said(headers: &HeaderMap) -> bool {
    let names = ["content-md5", "x-amz-checksum-sha256", "x-amz-checksum-crc64nvme"];
    names.iter().filter(|name| headers.contains_key(**name)).count() == 1
}
