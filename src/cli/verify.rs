//! `forebay verify`: check every checksum in a data folder.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use super::arguments::Verify;
use super::progress::{Progress, Unit};
use crate::app::Paths;
use crate::config::Config;
use crate::disk::{Disk, RealDisk};
use crate::log::{self, Item, SealedSegment, Surveyed, Unreadable};
use crate::pack::{self, Object, ObjectFile};
use crate::words::counted;

/// Reads everything and says what is damaged.
pub(super) fn run(config: &Config, verify: &Verify) -> anyhow::Result<ExitCode> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let paths = Paths::new(&config.data_dir);
    disk.list(&config.data_dir).map_err(|error| no_folder(config, &error))?;
    let (segments, unreadable) = match log::survey(&disk, &paths.log()) {
        Err(log::Error::Disk { source, .. }) if source.kind() == io::ErrorKind::NotFound => <_>::default(),
        surveyed => surveyed?,
    };
    let spool = match pack::survey(&*disk, &paths.spool()) {
        Err(pack::Error::Disk { source, .. }) if source.kind() == io::ErrorKind::NotFound => <_>::default(),
        surveyed => surveyed?,
    };
    let objects = || spool.batches.iter().flat_map(|batch| &batch.objects);
    let total = segments.iter().map(|surveyed| surveyed.segment.payload_bytes()).sum::<u64>()
        + objects().map(|object| object.bytes).sum::<u64>();
    let progress = Progress::begin("verifying", Unit::Bytes, total);
    let mut verification = Verification { progress, is_quiet: verify.quiet, damaged: 0 };
    for path in unreadable {
        verification.damaged(format_args!("{}: the header of the segment", path.display()))?;
    }
    for surveyed in &segments {
        verification.segment(surveyed)?;
    }
    for damage in &spool.damage {
        verification.damaged(damage)?;
    }
    for object in objects() {
        verification.object(&*disk, &paths, object)?;
    }
    verification.end()
}

/// That there is no data folder, in words.
pub(super) fn no_folder(config: &Config, error: &io::Error) -> anyhow::Error {
    anyhow::anyhow!("cannot read the data folder {} (data_dir): {error}", config.data_dir.display())
}

/// What goes on: everything that is found is said at once.
#[derive(Debug)]
struct Verification {
    progress: Progress,
    is_quiet: bool,
    /// How many damaged places were found.
    damaged: u64,
}

impl Verification {
    fn segment(&mut self, surveyed: &Surveyed) -> anyhow::Result<()> {
        let path = surveyed.segment.path().display();
        match (self.readable_records(&surveyed.segment), surveyed.records_lost) {
            (Err(log::Error::Disk { source, .. }), _) if source.kind() == io::ErrorKind::NotFound => {
                // Packed meanwhile, by the process that is running.
                Ok(())
            }
            (Err(error), _) => self.damaged(format_args!("{path}: {error}")),
            (Ok((readable, 0)), 0) => self.right(format_args!("{path}: {}", counted(readable, "record"))),
            (Ok((readable, lost)), lost_before) => {
                let lost = counted(lost + lost_before, "record");
                self.damaged(format_args!("{path}: {lost} cannot be read, {readable} can"))
            }
        }
    }

    /// How many records of a segment can be read, and how many cannot.
    fn readable_records(&self, segment: &SealedSegment) -> Result<(u64, u64), log::Error> {
        let mut records = segment.records(Unreadable::Skip)?;
        let (mut readable, mut read) = (0, 0);
        for item in records.by_ref() {
            if let Item::Record(record) = item? {
                readable += 1;
                read += record.body.len() as u64;
                self.progress.advance(record.body.len() as u64);
            }
        }
        // What could not be read is done as well.
        self.progress.advance(segment.payload_bytes().saturating_sub(read));
        Ok((readable, records.lost()))
    }

    fn object(&mut self, disk: &dyn Disk, paths: &Paths, object: &Object) -> anyhow::Result<()> {
        let path = paths.spool().join(&object.file);
        let verified = ObjectFile::open(disk, &paths.spool(), object).and_then(|file| file.verify());
        self.progress.advance(object.bytes);
        match verified {
            Ok(()) => self.right(format_args!("{}: {}", path.display(), object.key)),
            // Delivered and removed meanwhile, by the process that is running.
            Err(_) if disk.open(&path).is_err() => Ok(()),
            Err(error) => self.damaged(format_args!("{}: {error}", path.display())),
        }
    }

    fn right(&self, what: impl Display) -> anyhow::Result<()> {
        if self.is_quiet { Ok(()) } else { super::print(&format!("right    {what}\n")) }
    }

    fn damaged(&mut self, what: impl Display) -> anyhow::Result<()> {
        self.damaged += 1;
        super::print(&format!("damaged  {what}\n"))
    }

    /// What came of it.
    fn end(self) -> anyhow::Result<ExitCode> {
        drop(self.progress);
        if self.damaged == 0 {
            super::print("every checksum is right\n")?;
            return Ok(ExitCode::SUCCESS);
        }
        super::print(&format!("{} found\n", counted(self.damaged, "damaged place")))?;
        Ok(ExitCode::FAILURE)
    }
}
