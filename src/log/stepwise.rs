//! The log driven by hand.

use std::sync::Arc;
use std::time::Duration;

use crate::disk::{Budget, Disk};
use crate::receive::Export;

use super::appender::{Begin, Entry, Fit};
use super::error::{AppendError, Error};
use super::format::record_len_of;
use super::sealed::SealedSegment;
use super::segment_id::SegmentId;
use super::{Durable, Opened, Options, Place};

/// The same log without its threads: every step happens when it is asked for, in the same order in every run. This is
/// what tests need that cut the power at every step, and tools that look at a log.
#[derive(Debug)]
pub struct Stepwise {
    opened: Opened,
}

impl Stepwise {
    /// As [`Log::open`](super::Log::open).
    ///
    /// # Errors
    /// As there.
    pub fn open(
        disk: &Arc<dyn Disk>,
        place: Place,
        options: &Options,
        budget: &Arc<Budget>,
    ) -> Result<Self, Error> {
        Ok(Self { opened: Opened::new(disk, place, options, budget)? })
    }

    /// Appends exports as one group; begins a segment before it if they do not fit the active one together. A resend is
    /// what it returns if none of them was new.
    ///
    /// # Errors
    /// If they are not durable. A second failure stops intake, as it does there.
    pub fn append(&mut self, exports: &[Export], now: u64) -> Result<Durable, AppendError> {
        let appender = &mut self.opened.appender;
        let Some((last, before)) = exports.split_last() else { return Ok(Durable { is_resend: false }) };
        let hasher = self.opened.hasher;
        let entries: Vec<_> =
            exports.iter().map(|export| Entry { export, hash: hasher.hash(export) }).collect();
        if appender.is_stopped() {
            return Err(AppendError::Failing);
        }
        let before: u64 = before.iter().map(record_len_of).sum();
        let needed = before + record_len_of(last);
        for _ in 0..2 {
            if appender.fit(last, before) == Fit::Active {
                let outcome = appender.append(&entries, now);
                if let Some(abandoned) = appender.take_abandoned() {
                    self.opened.backlog.add(abandoned);
                }
                return outcome
                    .map(|is_new| Durable { is_resend: !is_new.contains(&true) })
                    .map_err(|_| AppendError::Failing);
            }
            if let Some(sealed) = appender.seal() {
                self.opened.backlog.add(sealed);
            }
            match appender.begin(needed, now) {
                Ok(Begin::Begun) => {}
                Ok(Begin::NoRoom(_)) => return Err(AppendError::NoRoom),
                Err(_) => return Err(AppendError::Failing),
            }
        }
        Err(AppendError::Failing)
    }

    /// Seals the active segment, if it has records.
    pub fn seal(&mut self) {
        if let Some(sealed) = self.opened.appender.seal() {
            self.opened.backlog.add(sealed);
        }
    }

    /// The oldest sealed segment that was not handed out yet.
    pub fn next_sealed(&self) -> Option<SealedSegment> {
        self.opened.backlog.next(Duration::ZERO)
    }

    /// The numbers of the sealed segments that are not retired.
    pub fn sealed_ids(&self) -> Vec<SegmentId> {
        self.opened.backlog.ids()
    }

    /// Takes a segment back that was handed out and not packed.
    pub fn put_back(&self, segment: &SealedSegment) {
        self.opened.backlog.put_back(segment.id(), Duration::ZERO);
    }

    /// As [`Log::retire`](super::Log::retire).
    ///
    /// # Errors
    /// As there.
    pub fn retire(&self, segment: &SealedSegment) -> Result<(), Error> {
        self.opened.retire(segment)
    }

    /// Records that were acknowledged and found to be lost at opening.
    pub fn records_lost(&self) -> u64 {
        self.opened.records_lost
    }
}
