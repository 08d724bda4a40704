//! Segments as somebody would write them who knows the format and means harm: all checksums are right, and what they
//! cover is not. The encoding is written from the format's description, not with the program's own code.

use std::collections::BTreeMap;

use bytes::Bytes;
use forebay::otlp::Signal;

use crate::input::Input;
use crate::log::{SEGMENT_BYTES, Written};

const FILE_HEADER_LEN: usize = 4096;
const RECORD_HEADER_LEN: usize = 56;
const FOOTER_LEN: usize = 128;

/// A file, and the records in it that verify, by their sequence numbers.
#[derive(Debug)]
pub struct Forged {
    /// The file's content.
    pub content: Vec<u8>,
    /// The records that may be read from it.
    pub written: BTreeMap<u64, Written>,
}

/// Forges the segment with this number.
pub fn forged(id: u64, input: &mut Input<'_>) -> Forged {
    let salt = u64::from(input.byte());
    let first_seq = input.number(0);
    let usual = usize::try_from(SEGMENT_BYTES).unwrap();
    let file_len = if input.byte() < 200 { usual } else { input.below(3 * usual) };
    let mut header = vec![0; FILE_HEADER_LEN];
    put(&mut header, 0, b"forebay\0");
    put(&mut header, 8, &(input.number(2) as u32).to_le_bytes());
    put(&mut header, 16, &input.number(id).to_le_bytes());
    put(&mut header, 24, &salt.to_le_bytes());
    put(&mut header, 32, &first_seq.to_le_bytes());
    put(&mut header, 40, &input.number(1).to_le_bytes());
    put(&mut header, 48, &length(input.number(file_len as u64)).to_le_bytes());
    put(&mut header, 60, &(input.number(2) as u32).to_le_bytes());
    put(&mut header, 64, b"{}");
    let checksum = crc(&[&header[16..]]);
    put(&mut header, 12, &checksum.to_le_bytes());

    let mut forged = Forged { content: header.clone(), written: BTreeMap::new() };
    let mut seq = first_seq;
    for _ in 0..input.byte() & 15 {
        seq = record(salt, seq, input, &mut forged);
    }
    let end = forged.content.len() as u64;
    forged.content.resize(file_len, 0);
    if let Some(tail) = file_len.checked_sub(2 * FILE_HEADER_LEN) {
        if input.byte() < 200 {
            put(&mut forged.content, tail, &header);
        }
        if input.byte() < 128 {
            let records = forged.written.len() as u64;
            let footer = footer(id, salt, [end, seq, records], input);
            put(&mut forged.content, file_len - FOOTER_LEN, &footer);
        }
    }
    forged
}

/// Appends a record, and returns the sequence number of the next.
fn record(salt: u64, expected: u64, input: &mut Input<'_>, forged: &mut Forged) -> u64 {
    let at = forged.content.len();
    let length = usize::from(input.byte());
    let body = input.take(length).to_vec();
    let tenant_length = usize::from(input.byte() & 3);
    let tenant = input.take(tenant_length).to_vec();
    let seq = input.number(expected);
    let items = input.byte().into();
    let signal = input.byte();
    let mut header = [0; RECORD_HEADER_LEN];
    put(&mut header, 4, &(input.number(body.len() as u64) as u32).to_le_bytes());
    put(&mut header, 8, &seq.to_le_bytes());
    put(&mut header, 16, &input.number(1).to_le_bytes());
    put(&mut header, 24, &u32::to_le_bytes(items));
    put(&mut header, 28, &(input.number(0) as u32).to_le_bytes());
    header[32] = if signal < 192 { signal % 4 + 1 } else { signal };
    put(&mut header, 34, &(input.number(tenant.len() as u64) as u16).to_le_bytes());
    let checksum = crc(&[&salt.to_le_bytes(), &(at as u64).to_le_bytes(), &header[4..], &tenant, &body]);
    put(&mut header, 0, &checksum.to_le_bytes());
    forged.content.extend_from_slice(&header);
    forged.content.extend_from_slice(&tenant);
    forged.content.extend_from_slice(&body);
    forged.content.resize(forged.content.len().next_multiple_of(8), 0);
    if let Some(signal) = Signal::from_number(header[32]) {
        // A sequence number that is there twice is read at its first place.
        let written = Written { signal, items, body: Bytes::from(body) };
        forged.written.entry(seq).or_insert(written);
    }
    seq.wrapping_add(1)
}

/// A length that is small or impossible: a disk in memory has no room for what lies between.
fn length(length: u64) -> u64 {
    if length > 1 << 40 { length } else { length & 0xffff }
}

fn footer(id: u64, salt: u64, numbers: [u64; 3], input: &mut Input<'_>) -> [u8; FOOTER_LEN] {
    let mut footer = [0; FOOTER_LEN];
    put(&mut footer, 8, b"sealed\0\0");
    put(&mut footer, 16, &input.number(id).to_le_bytes());
    for (place, number) in numbers.into_iter().chain([0; 7]).enumerate() {
        put(&mut footer, 24 + 8 * place, &input.number(number).to_le_bytes());
    }
    let checksum = crc(&[&salt.to_le_bytes(), &footer[4..]]);
    put(&mut footer, 0, &checksum.to_le_bytes());
    footer
}

fn crc(parts: &[&[u8]]) -> u32 {
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    for part in parts {
        digest.update(part);
    }
    digest.finalize() as u32
}

/// Puts `value` at `at`, as far as it fits.
fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    let end = bytes.len().min(at + value.len());
    if at < end {
        bytes[at..end].copy_from_slice(&value[..end - at]);
    }
}
