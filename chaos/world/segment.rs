//! Where the records lie in a segment's file, by a reading of the format that is not the program's own.

use std::ops::Range;

/// Where the first record stands.
pub(crate) const RECORDS_AT: usize = 4096;
/// The header once more, and the footer.
pub(crate) const TAIL: usize = 2 * 4096;
const FOOTER: usize = 128;
const RECORD_HEADER: usize = 56;

/// The bytes of a segment's file.
pub(crate) struct Segment<'a>(pub(crate) &'a [u8]);

impl Segment<'_> {
    /// Each record, without what pads it.
    pub(crate) fn records(&self) -> Vec<Range<usize>> {
        let (mut at, mut seq) = (RECORDS_AT, self.number(32));
        let mut records = Vec::new();
        while at + RECORD_HEADER <= self.0.len() - TAIL
            && self.number(at + 8) == seq
            && self.0[at..at + 4] != [0; 4]
        {
            let body = u32::from_le_bytes(self.0[at + 4..at + 8].try_into().unwrap());
            let end = at + RECORD_HEADER + body as usize;
            records.push(at..end);
            (at, seq) = (end.next_multiple_of(8), seq + 1);
        }
        records
    }

    /// Whether it has a footer.
    pub(crate) fn is_sealed(&self) -> bool {
        &self.0[self.0.len() - FOOTER + 8..][..6] == b"sealed"
    }

    /// How many records are not what they were in `before`, or cannot be found any more: those of which a byte changed,
    /// and all if neither header is left.
    pub(crate) fn count_damaged(&self, before: &Self) -> u64 {
        let (now, was) = (self.0, before.0);
        let records = before.records();
        let header = |bytes: &[u8], at: usize| bytes.get(at..at + RECORDS_AT) == Some(&was[..RECORDS_AT]);
        let has_header = header(now, 0) || now.len().checked_sub(TAIL).is_some_and(|at| header(now, at));
        let is_whole = |record: &&Range<usize>| now.get((*record).clone()) == Some(&was[(*record).clone()]);
        let whole = if has_header { records.iter().filter(is_whole).count() } else { 0 };
        (records.len() - whole) as u64
    }

    fn number(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.0[at..at + 8].try_into().unwrap())
    }
}
