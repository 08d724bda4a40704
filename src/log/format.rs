//! The format of a segment's file, version 2.
//!
//! ```text
//!   0             4096                                               length - 8192   length - 4096   length - 128   length
//!   | file header | record | record | ... | (stale or zero bytes) ... | file header   | 0 ...         | footer       |
//! ```
//!
//! Integers are little-endian. A file has its full length before its first use, and keeps the bytes of its former
//! life when it is used again; the salt, new in each life, keeps them from being taken for records. Its length is a multiple
//! of 4096, and everything is written in whole blocks of that, so that it may go past the system's cache: what a block held
//! before is written once more, unchanged.
//!
//! File header, 4096 bytes, and once more behind the records, because without its salt no record verifies:
//! ```text
//!   0        8         12      16   24     32         40           48       56       60          64
//!   | magic  | version | crc32c | id | salt | first seq | created at | length | writer | packing len | packing ... 0 |
//! ```
//! `crc32c` covers the bytes from 16 to 4096. `created at` is in nanoseconds since 1970. `packing` is the JSON text of
//! the packing options under which the segment was filled.
//!
//! Record, at a multiple of 8:
//! ```text
//!   0        4          8     16            24      28               32       33  34          36  40             56
//!   | crc32c | body len | seq | received at | items | place in group | signal | 0 | tenant len | 0 | request hash | tenant | body | 0 |
//! ```
//! `crc32c` covers the segment's salt, the record's offset, and the record from 4 to the end of its body: bytes of a
//! former life, or at another place, never verify. `place in group` says how many records stand before it in the
//! group that was synced as one; a record thereby proves that all records before its group were durable. The request
//! hash is what a request that comes again is recognised by (`resends`); zero if it may well come twice.
//!
//! Footer, the last 128 bytes of a sealed segment's file:
//! ```text
//!   0        4   8      16   24      32         40              48          80              88
//!   | crc32c | 0 | magic | id | end | next seq | records        | items * 4 | payload bytes | first received at |
//!   96                 104
//!   | last received at | 0 ... |
//! ```
//! `crc32c` covers the salt and the footer from 4. `end` is where the last record ends. Without a footer a segment was
//! not sealed: its records end where the first does not verify, if none that verifies proves it durable.

use crate::disk::{BLOCK, Blocks};
use crate::otlp::Signal;
use crate::receive::{Export, TENANT_BYTES_MAX};

use super::checksum::{Checksum, joined};
use super::segment_id::{NUMBER_MAX, SegmentId};

/// Length of the file header.
pub(super) const FILE_HEADER_LEN: usize = 4096;
/// Length of a record's header.
pub(super) const RECORD_HEADER_LEN: usize = 56;
/// Length of the footer.
pub(super) const FOOTER_LEN: usize = 128;
/// Length of what stands behind the records: a block with the header once more, and one with the footer at its end.
pub(super) const TAIL_LEN: usize = FILE_HEADER_LEN + BLOCK;
/// The longest text of packing options, in bytes.
pub const PACKING_BYTES_MAX: usize = FILE_HEADER_LEN - 64;

const _: () = assert!(FILE_HEADER_LEN == BLOCK && FOOTER_LEN <= BLOCK);

const MAGIC: [u8; 8] = *b"forebay\0";
const FOOTER_MAGIC: [u8; 8] = *b"sealed\0\0";
const VERSION: u32 = 2;

/// What a segment's file begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileHeader {
    pub(super) id: SegmentId,
    pub(super) salt: u64,
    pub(super) first_seq: u64,
    pub(super) created_at: u64,
    pub(super) length: u64,
    pub(super) writer: u32,
    pub(super) packing: String,
}

/// Why a file's first bytes are no header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    /// Not written by forebay, or damaged.
    Invalid,
    /// Written by another version.
    Version(u32),
}

impl FileHeader {
    pub(super) fn encode(&self) -> Blocks {
        let mut bytes = Blocks::zeroed(FILE_HEADER_LEN);
        put(&mut bytes, 0, &MAGIC);
        put(&mut bytes, 8, &VERSION.to_le_bytes());
        put(&mut bytes, 16, &self.id.0.to_le_bytes());
        put(&mut bytes, 24, &self.salt.to_le_bytes());
        put(&mut bytes, 32, &self.first_seq.to_le_bytes());
        put(&mut bytes, 40, &self.created_at.to_le_bytes());
        put(&mut bytes, 48, &self.length.to_le_bytes());
        put(&mut bytes, 56, &self.writer.to_le_bytes());
        put(&mut bytes, 60, &small(self.packing.len()).to_le_bytes());
        put(&mut bytes, 64, self.packing.as_bytes());
        let checksum = Checksum::new().add(&bytes[16..]).finish();
        put(&mut bytes, 12, &checksum.to_le_bytes());
        bytes
    }

    /// Decodes it, if it could have been written: a checksum tells damage, not bytes that somebody made up.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BadHeader> {
        if bytes.len() != FILE_HEADER_LEN || bytes[..8] != MAGIC {
            return Err(BadHeader::Invalid);
        }
        if get_u32(bytes, 8) != VERSION {
            return Err(BadHeader::Version(get_u32(bytes, 8)));
        }
        if get_u32(bytes, 12) != Checksum::new().add(&bytes[16..]).finish() {
            return Err(BadHeader::Invalid);
        }
        let packing = bytes[64..].get(..get_u32(bytes, 60) as usize).ok_or(BadHeader::Invalid)?;
        let header = Self {
            id: SegmentId(get_u64(bytes, 16)),
            salt: get_u64(bytes, 24),
            first_seq: get_u64(bytes, 32),
            created_at: get_u64(bytes, 40),
            length: get_u64(bytes, 48),
            writer: get_u32(bytes, 56),
            packing: String::from_utf8(packing.to_vec()).map_err(|_| BadHeader::Invalid)?,
        };
        if header.is_possible() { Ok(header) } else { Err(BadHeader::Invalid) }
    }

    fn is_possible(&self) -> bool {
        let longest = file_len_for(record_len(TENANT_BYTES_MAX, u64::from(u32::MAX)));
        (file_len_for(0)..=longest).contains(&self.length)
            && self.id.0 <= NUMBER_MAX
            && self.first_seq <= NUMBER_MAX
    }
}

/// What a record begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub(super) checksum: u32,
    pub(super) body_len: u32,
    pub(super) seq: u64,
    pub(super) received_at: u64,
    pub(super) items: u32,
    pub(super) place_in_group: u32,
    pub(super) signal: Signal,
    pub(super) tenant_len: u16,
    pub(super) request_hash: [u8; 16],
}

impl RecordHeader {
    /// Encodes it with the checksum of the record at `offset` of the segment with this salt.
    pub(super) fn encode(
        &self,
        salt: u64,
        offset: u64,
        tenant: &[u8],
        body: &[u8],
    ) -> [u8; RECORD_HEADER_LEN] {
        let mut bytes = [0; RECORD_HEADER_LEN];
        put(&mut bytes, 4, &self.body_len.to_le_bytes());
        put(&mut bytes, 8, &self.seq.to_le_bytes());
        put(&mut bytes, 16, &self.received_at.to_le_bytes());
        put(&mut bytes, 24, &self.items.to_le_bytes());
        put(&mut bytes, 28, &self.place_in_group.to_le_bytes());
        bytes[32] = self.signal.number();
        put(&mut bytes, 34, &self.tenant_len.to_le_bytes());
        put(&mut bytes, 40, &self.request_hash);
        let checksum = record_checksum(salt, offset, &bytes, tenant, body);
        put(&mut bytes, 0, &checksum.to_le_bytes());
        bytes
    }

    /// Decodes it; `None` if these bytes cannot be a record's header.
    pub(super) fn decode(bytes: &[u8; RECORD_HEADER_LEN]) -> Option<Self> {
        let header = Self {
            checksum: get_u32(bytes, 0),
            body_len: get_u32(bytes, 4),
            seq: get_u64(bytes, 8),
            received_at: get_u64(bytes, 16),
            items: get_u32(bytes, 24),
            place_in_group: get_u32(bytes, 28),
            signal: Signal::from_number(bytes[32])?,
            tenant_len: u16::from_le_bytes([bytes[34], bytes[35]]),
            request_hash: array(bytes, 40),
        };
        let blank = bytes[33] == 0 && bytes[36..40] == [0; 4];
        let is_possible = header.seq <= NUMBER_MAX && usize::from(header.tenant_len) <= TENANT_BYTES_MAX;
        (blank && is_possible).then_some(header)
    }

    /// Length of the whole record, padding and all.
    pub(super) fn record_len(&self) -> u64 {
        record_len(usize::from(self.tenant_len), u64::from(self.body_len))
    }

    /// The first sequence number of the group that it was synced with.
    pub(super) fn group_first_seq(&self) -> u64 {
        self.seq.saturating_sub(u64::from(self.place_in_group))
    }
}

/// Length of a record with a tenant and a body of these lengths, padding and all.
pub(super) fn record_len(tenant_len: usize, body_len: u64) -> u64 {
    ((RECORD_HEADER_LEN + tenant_len) as u64 + body_len).next_multiple_of(8)
}

/// Length of the record that an export becomes.
pub(super) fn record_len_of(export: &Export) -> u64 {
    record_len(export.tenant.len(), export.body.len() as u64)
}

/// Length of a file that holds just one record of this length.
pub(super) fn file_len_for(record_len: u64) -> u64 {
    FILE_HEADER_LEN as u64 + record_len.next_multiple_of(BLOCK as u64) + TAIL_LEN as u64
}

/// The checksum of the record at `offset`.
pub(super) fn record_checksum(
    salt: u64,
    offset: u64,
    header: &[u8; RECORD_HEADER_LEN],
    tenant: &[u8],
    body: &[u8],
) -> u32 {
    Checksum::new()
        .add(&salt.to_le_bytes())
        .add(&offset.to_le_bytes())
        .add(&header[4..])
        .add(tenant)
        .add(body)
        .finish()
}

/// The same, from the checksum of the record from 4 to the end of its body, `rest_len` bytes.
pub(super) fn record_checksum_of(salt: u64, offset: u64, rest: u32, rest_len: u64) -> u32 {
    let bound = Checksum::new().add(&salt.to_le_bytes()).add(&offset.to_le_bytes()).finish();
    joined(bound, rest, rest_len)
}

/// The sum of a sealed segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Footer {
    /// Where the last record ends.
    pub(super) end: u64,
    /// The sequence number after the last record's.
    pub(super) next_seq: u64,
    /// Records that could be read when it was sealed.
    pub(super) records: u64,
    /// Items in them, by [`Signal::index`].
    pub(super) items: [u64; Signal::COUNT],
    /// Bytes of their bodies.
    pub(super) payload_bytes: u64,
    /// When the first was received; 0 if there is none.
    pub(super) first_received_at: u64,
    /// When the last was received; 0 if there is none.
    pub(super) last_received_at: u64,
}

impl Footer {
    /// Counts a record that ends at `end`.
    pub(super) fn count(&mut self, header: &RecordHeader, end: u64) {
        self.end = end;
        self.next_seq = header.seq + 1;
        self.records += 1;
        self.items[header.signal.index()] += u64::from(header.items);
        self.payload_bytes += u64::from(header.body_len);
        if self.records == 1 {
            self.first_received_at = header.received_at;
        }
        self.last_received_at = header.received_at;
    }

    pub(super) fn encode(&self, id: SegmentId, salt: u64) -> [u8; FOOTER_LEN] {
        let mut bytes = [0; FOOTER_LEN];
        put(&mut bytes, 8, &FOOTER_MAGIC);
        let numbers = [id.0, self.end, self.next_seq, self.records].into_iter().chain(self.items).chain([
            self.payload_bytes,
            self.first_received_at,
            self.last_received_at,
        ]);
        for (place, number) in numbers.enumerate() {
            put(&mut bytes, 16 + 8 * place, &number.to_le_bytes());
        }
        let checksum = Checksum::new().add(&salt.to_le_bytes()).add(&bytes[4..]).finish();
        put(&mut bytes, 0, &checksum.to_le_bytes());
        bytes
    }

    /// The last block of a file, at whose end it stands.
    pub(super) fn encode_block(&self, id: SegmentId, salt: u64) -> Blocks {
        let mut block = Blocks::zeroed(BLOCK);
        put(&mut block, BLOCK - FOOTER_LEN, &self.encode(id, salt));
        block
    }

    /// Decodes it; `None` if these bytes are not the footer of the segment with this header, or could not be.
    pub(super) fn decode(bytes: &[u8; FOOTER_LEN], header: &FileHeader) -> Option<Self> {
        let checksum = Checksum::new().add(&header.salt.to_le_bytes()).add(&bytes[4..]).finish();
        let number = |place: usize| get_u64(bytes, 16 + 8 * place);
        let valid = bytes[8..16] == FOOTER_MAGIC && get_u32(bytes, 0) == checksum && number(0) == header.id.0;
        let footer = Self {
            end: number(1),
            next_seq: number(2),
            records: number(3),
            items: [number(4), number(5), number(6), number(7)],
            payload_bytes: number(8),
            first_received_at: number(9),
            last_received_at: number(10),
        };
        (valid && footer.is_possible(header.length)).then_some(footer)
    }

    /// Whether a file of this length can have it.
    fn is_possible(&self, length: u64) -> bool {
        let records_end = length.saturating_sub(TAIL_LEN as u64);
        (FILE_HEADER_LEN as u64..=records_end).contains(&self.end)
            && self.next_seq <= NUMBER_MAX
            && self.records <= self.end / RECORD_HEADER_LEN as u64
            && self.items.iter().all(|items| *items <= self.records.saturating_mul(u64::from(u32::MAX)))
            && self.payload_bytes <= self.end
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut value = [0; N];
    value.copy_from_slice(&bytes[at..at + N]);
    value
}

fn get_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

fn get_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}

/// A length that was checked to be small.
fn small(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

const _: () = assert!(FILE_HEADER_LEN.is_multiple_of(8) && RECORD_HEADER_LEN.is_multiple_of(8));

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: u64 = 0x0123_4567_89ab_cdef;

    fn file_header() -> FileHeader {
        FileHeader {
            id: SegmentId(7),
            salt: SALT,
            first_seq: 1000,
            created_at: 1_764_000_000_000_000_000,
            length: 65_536,
            writer: 0xdead_beef,
            packing: r#"{"format":"otlp_jsonl"}"#.to_owned(),
        }
    }

    fn record_header() -> RecordHeader {
        RecordHeader {
            checksum: 0,
            body_len: 5,
            seq: 1000,
            received_at: 1_764_000_000_000_000_001,
            items: 3,
            place_in_group: 2,
            signal: Signal::Metrics,
            tenant_len: 4,
            request_hash: *b"0123456789abcdef",
        }
    }

    /// A header, one record, the header again and a footer, as they would stand in a file.
    fn golden() -> Vec<u8> {
        let mut bytes = file_header().encode().to_vec();
        let record = record_header();
        bytes.extend(record.encode(SALT, FILE_HEADER_LEN as u64, b"team", b"hello"));
        bytes.extend(b"teamhello");
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let mut footer = Footer::default();
        footer.count(&record, bytes.len() as u64);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        bytes.extend(&file_header().encode()[..]);
        bytes.extend(&footer.encode_block(SegmentId(7), SALT)[..]);
        bytes
    }

    #[test]
    fn the_format_is_the_one_of_the_golden_file() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/golden/segment-v2");
        if std::env::var_os("FOREBAY_WRITE_GOLDEN").is_some() {
            std::fs::write(path, golden()).unwrap();
        }
        let kept = std::fs::read(path).unwrap();
        assert!(kept == golden(), "the format changed: it needs a new version");
    }

    #[test]
    fn what_is_encoded_is_decoded_again() {
        let bytes = golden();
        assert_eq!(FileHeader::decode(&bytes[..FILE_HEADER_LEN]).unwrap(), file_header());

        let header: [u8; RECORD_HEADER_LEN] = array(&bytes, FILE_HEADER_LEN);
        let decoded = RecordHeader::decode(&header).unwrap();
        assert_eq!(RecordHeader { checksum: 0, ..decoded }, record_header());
        assert_eq!(decoded.record_len(), 72);
        assert_eq!(decoded.group_first_seq(), 998);

        let footer: [u8; FOOTER_LEN] = array(&bytes, bytes.len() - FOOTER_LEN);
        let footer = Footer::decode(&footer, &file_header()).unwrap();
        assert_eq!((footer.records, footer.next_seq, footer.items), (1, 1001, [0, 3, 0, 0]));
    }

    #[test]
    fn a_flipped_bit_anywhere_is_noticed() {
        let bytes = golden();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 4;
            let same_file_header = FileHeader::decode(&flipped[..FILE_HEADER_LEN]) == Ok(file_header());
            let header: [u8; RECORD_HEADER_LEN] = array(&flipped, FILE_HEADER_LEN);
            let from = FILE_HEADER_LEN + RECORD_HEADER_LEN;
            let (tenant, body) = (&flipped[from..from + 4], &flipped[from + 4..from + 9]);
            let same_record = RecordHeader::decode(&header).is_some_and(|decoded| {
                decoded.checksum == record_checksum(SALT, FILE_HEADER_LEN as u64, &header, tenant, body)
            });
            let footer: [u8; FOOTER_LEN] = array(&flipped, flipped.len() - FOOTER_LEN);
            let same_footer = Footer::decode(&footer, &file_header()).is_some();
            let copy = bytes.len() - TAIL_LEN;
            let same_copy = FileHeader::decode(&flipped[copy..copy + FILE_HEADER_LEN]) == Ok(file_header());
            let paddings = [from + 9..copy, copy + FILE_HEADER_LEN..bytes.len() - FOOTER_LEN];
            let is_padding = paddings.iter().any(|padding| padding.contains(&at));
            let all_same = same_file_header && same_record && same_copy && same_footer;
            assert!(is_padding == all_same, "byte {at}");
        }
    }

    #[test]
    fn a_record_of_another_life_or_place_does_not_verify() {
        let record = record_header();
        let encoded = record.encode(SALT, 4096, b"team", b"hello");
        let checksum = RecordHeader::decode(&encoded).unwrap().checksum;
        assert_eq!(checksum, record_checksum(SALT, 4096, &encoded, b"team", b"hello"));
        assert_ne!(checksum, record_checksum(SALT + 1, 4096, &encoded, b"team", b"hello"));
        assert_ne!(checksum, record_checksum(SALT, 4104, &encoded, b"team", b"hello"));
    }

    #[test]
    fn what_cannot_be_is_damage_though_its_checksum_is_right() {
        let header = file_header();
        for made_up in [
            FileHeader { length: 0, ..header.clone() },
            FileHeader { length: file_len_for(0) - 1, ..header.clone() },
            FileHeader { length: 1 << 40, ..header.clone() },
            FileHeader { id: SegmentId(u64::MAX), ..header.clone() },
            FileHeader { first_seq: u64::MAX, ..header.clone() },
        ] {
            assert_eq!(FileHeader::decode(&made_up.encode()), Err(BadHeader::Invalid), "{made_up:?}");
        }
        let made_up = RecordHeader { seq: u64::MAX, ..record_header() }.encode(SALT, 4096, b"team", b"hello");
        assert_eq!(RecordHeader::decode(&made_up), None);

        let mut footer = Footer::default();
        footer.count(&record_header(), FILE_HEADER_LEN as u64 + 72);
        let decoded = |footer: Footer| Footer::decode(&footer.encode(header.id, SALT), &header);
        assert_eq!(decoded(footer), Some(footer));
        for made_up in [
            Footer { end: 0, ..footer },
            Footer { end: header.length, ..footer },
            Footer { next_seq: u64::MAX, ..footer },
            Footer { records: 1 << 32, ..footer },
            Footer { items: [0, 0, 0, 1 << 33], ..footer },
            Footer { payload_bytes: u64::MAX, ..footer },
        ] {
            assert_eq!(decoded(made_up), None, "{made_up:?}");
        }
    }
}
