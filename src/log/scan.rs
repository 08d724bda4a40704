//! Finding the records in a segment's file, past damage too.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::disk::File;

use super::format::{FILE_HEADER_LEN, RECORD_HEADER_LEN, RecordHeader, record_checksum};
use super::record::Damage;
use super::window::{Unreadable, Window};

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
        Self { window, salt, at: FILE_HEADER_LEN as u64, expected: first_seq, ahead: None }
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

    /// The next record behind bytes that are none.
    fn search(&mut self) -> io::Result<Option<(u64, Found)>> {
        // Of the records that may lie in the bytes passed over, none is shorter than its header.
        let mut at = self.at + RECORD_HEADER_LEN as u64;
        while at + RECORD_HEADER_LEN as u64 <= self.window.end() {
            let (first, most) = (self.expected, (at - self.at) / RECORD_HEADER_LEN as u64);
            let plausible = |header: &RecordHeader| header.seq > first && header.seq - first <= most;
            if let Some(found) = self.record_at(at, plausible)? {
                return Ok(Some((at, found)));
            }
            at += 8;
        }
        Ok(None)
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
