//! Finding the records in a segment's file, past damage too.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::disk::File;

use super::format::{FILE_HEADER_LEN, RECORD_HEADER_LEN, RecordHeader, record_checksum, record_checksum_of};
use super::record::Damage;
use super::sums::Sums;
use super::window::{Unreadable, Window};

/// Records up to this length are read to see whether they are ones.
const SHORT: u64 = 4096;

/// What stands in a segment's file, from front to end.
#[derive(Debug)]
pub(super) struct Scan {
    window: Window,
    salt: u64,
    at: u64,
    /// The sequence number of the record that must stand here.
    expected: u64,
    /// A record found behind damage, which comes next.
    ahead: Option<Found>,
    /// Checksums of what was searched, for which no range is read twice.
    sums: Option<Sums>,
}

/// A record that verifies.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) header: RecordHeader,
    pub(super) tenant: Vec<u8>,
    pub(super) body: Bytes,
    /// Where it ends.
    pub(super) end: u64,
}

/// What a scan meets.
#[derive(Debug)]
pub(super) enum Step {
    Record(Found),
    /// Bytes that are no record, with a record behind them.
    Gap(Damage),
}

impl Scan {
    /// Begins at the first record. Nothing at or behind `end` is looked at.
    pub(super) fn new(
        file: Arc<dyn File>,
        salt: u64,
        first_seq: u64,
        end: u64,
        unreadable: Unreadable,
    ) -> Self {
        let window = Window::new(file, end, unreadable);
        Self { window, salt, at: FILE_HEADER_LEN as u64, expected: first_seq, ahead: None, sums: None }
    }

    /// Where the last record so far ends.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The sequence number after the last record so far.
    pub(super) fn expected(&self) -> u64 {
        self.expected
    }

    /// The next record, or the gap before it; `None` if no record comes any more.
    pub(super) fn step(&mut self) -> io::Result<Option<Step>> {
        if let Some(found) = self.ahead.take() {
            return Ok(Some(self.pass(found)));
        }
        let expected = self.expected;
        if let Some(found) = self.record_at(self.at, |header| header.seq == expected)? {
            return Ok(Some(self.pass(found)));
        }
        let Some((from, found)) = self.search()? else { return Ok(None) };
        let records_lost = found.header.seq - self.expected;
        let gap = Damage { from: self.at, to: from, first_seq: self.expected, records_lost };
        self.ahead = Some(found);
        Ok(Some(Step::Gap(gap)))
    }

    fn pass(&mut self, found: Found) -> Step {
        self.at = found.end;
        self.expected = found.header.seq + 1;
        Step::Record(found)
    }

    /// The next record behind bytes that are none. A body may consist of what looks like headers of long records, and so
    /// may have been sent to do harm: what is read for all of them together is bounded.
    fn search(&mut self) -> io::Result<Option<(u64, Found)>> {
        // Of the records that may lie in the bytes passed over, none is shorter than its header.
        let mut at = self.at + RECORD_HEADER_LEN as u64;
        while at + RECORD_HEADER_LEN as u64 <= self.window.end() {
            let (first, most) = (self.expected, (at - self.at) / RECORD_HEADER_LEN as u64);
            let plausible = |header: &RecordHeader| header.seq > first && header.seq - first <= most;
            if self.may_begin(at, plausible)?
                && let Some(found) = self.record_at(at, plausible)?
            {
                return Ok(Some((at, found)));
            }
            at += 8;
        }
        Ok(None)
    }

    /// Whether a record may begin here: a short one that is plausible, or a long one whose checksum is right.
    fn may_begin(&mut self, at: u64, is_plausible: impl Fn(&RecordHeader) -> bool) -> io::Result<bool> {
        let Some(bytes) = self.window.array::<RECORD_HEADER_LEN>(at)? else { return Ok(false) };
        let Some(header) = RecordHeader::decode(&bytes).filter(is_plausible) else { return Ok(false) };
        if at + header.record_len() > self.window.end() {
            return Ok(false);
        }
        if header.record_len() <= SHORT {
            return Ok(true);
        }
        // Behind its checksum, and without the padding.
        let from = at + 4;
        let to = at + RECORD_HEADER_LEN as u64 + u64::from(header.tenant_len) + u64::from(header.body_len);
        let sums = self.sums.get_or_insert_with(|| Sums::new(from));
        let rest = sums.range(&self.window, from, to)?;
        Ok(header.checksum == record_checksum_of(self.salt, at, rest, to - from))
    }

    fn record_at(
        &mut self,
        at: u64,
        is_plausible: impl Fn(&RecordHeader) -> bool,
    ) -> io::Result<Option<Found>> {
        let Some(bytes) = self.window.array::<RECORD_HEADER_LEN>(at)? else { return Ok(None) };
        let Some(header) = RecordHeader::decode(&bytes).filter(is_plausible) else { return Ok(None) };
        let end = at + header.record_len();
        if end > self.window.end() {
            return Ok(None);
        }
        let tenant_len = usize::from(header.tenant_len);
        let mut content = vec![0; tenant_len + header.body_len as usize];
        self.window.fill(&mut content, at + RECORD_HEADER_LEN as u64)?;
        let (tenant, body) = content.split_at(tenant_len);
        if header.checksum != record_checksum(self.salt, at, &bytes, tenant, body) {
            return Ok(None);
        }
        let tenant = tenant.to_vec();
        let body = Bytes::from(content).slice(tenant_len..);
        Ok(Some(Found { header, tenant, body, end }))
    }
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;
    use std::path::Path;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::otlp::Signal;

    const SALT: u64 = 7;

    /// A file of which only so many bytes are read.
    #[derive(Debug)]
    struct Bounded {
        content: Vec<u8>,
        left: AtomicU64,
    }

    impl File for Bounded {
        fn write_at(&self, _: &[IoSlice<'_>], _: u64) -> io::Result<()> {
            Err(io::ErrorKind::ReadOnlyFilesystem.into())
        }

        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            let length = buffer.len() as u64;
            self.left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(length))
                .map_err(|_| io::Error::other("it is read again and again"))?;
            let from = usize::try_from(offset).unwrap();
            let bytes = self.content.get(from..from + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            buffer.copy_from_slice(bytes);
            Ok(())
        }

        fn sync(&self) -> io::Result<()> {
            Ok(())
        }

        fn length(&self) -> io::Result<u64> {
            Ok(self.content.len() as u64)
        }

        fn link(&self, _: &Path) -> io::Result<()> {
            Err(io::ErrorKind::ReadOnlyFilesystem.into())
        }
    }

    fn header(seq: u64, body_len: usize) -> RecordHeader {
        RecordHeader {
            checksum: 0,
            body_len: u32::try_from(body_len).unwrap(),
            seq,
            received_at: 1,
            items: 1,
            place_in_group: 0,
            signal: Signal::Logs,
            tenant_len: 0,
            request_hash: [0; 16],
        }
    }

    fn append(content: &mut Vec<u8>, seq: u64, body: &[u8]) {
        content.extend(header(seq, body.len()).encode(SALT, content.len() as u64, &[], body));
        content.extend_from_slice(body);
        content.resize(content.len().next_multiple_of(8), 0);
    }

    /// What a client may send: headers that promise records of every length up to the end.
    fn hostile(length: usize) -> Vec<u8> {
        let headers = (0..length / RECORD_HEADER_LEN)
            .rev()
            .flat_map(|left| header(2, left * RECORD_HEADER_LEN).encode(0, 0, &[], &[]));
        headers.collect()
    }

    /// The sequence numbers found, and how many records were lost.
    fn scanned(content: Vec<u8>, read_at_most: u64) -> (Vec<u64>, u64) {
        let end = content.len() as u64;
        let file = Arc::new(Bounded { content, left: AtomicU64::new(read_at_most) });
        let mut scan = Scan::new(file, SALT, 1, end, Unreadable::Fail);
        let (mut seqs, mut lost) = (Vec::new(), 0);
        while let Some(step) = scan.step().unwrap() {
            match step {
                Step::Record(found) => seqs.push(found.header.seq),
                Step::Gap(gap) => lost += gap.records_lost,
            }
        }
        (seqs, lost)
    }

    #[test]
    fn a_body_full_of_headers_behind_damage_takes_no_longer_for_it() {
        let mut content = vec![0; FILE_HEADER_LEN];
        append(&mut content, 1, &hostile(1 << 20));
        content[FILE_HEADER_LEN] ^= 1;
        append(&mut content, 2, b"short");
        let length = content.len() as u64;
        assert_eq!(scanned(content, 16 * length), (vec![2], 1));
    }

    #[test]
    fn a_long_record_behind_damage_is_found_wherever_it_lies() {
        for (before, length) in [(100, 5000), (507, 40_000), (3000, 300_000), (600_000, 9000)] {
            let mut content = vec![0; FILE_HEADER_LEN];
            append(&mut content, 1, &vec![1; before]);
            append(&mut content, 2, &vec![2; length]);
            append(&mut content, 3, &vec![3; length + 1]);
            append(&mut content, 4, &vec![4; length + 2]);
            content[FILE_HEADER_LEN + RECORD_HEADER_LEN] ^= 1;
            let third = FILE_HEADER_LEN + 3 * RECORD_HEADER_LEN + before + length + 64;
            content[third] ^= 1;
            assert_eq!(scanned(content, 1 << 30), (vec![2, 4], 2), "{before} {length}");
        }
    }
}
