//! `forebay verify`: check every checksum in a data folder.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use super::arguments::Verify;
use super::words::counted;
use crate::app::Paths;
use crate::config::Config;
use crate::disk::{Disk, RealDisk};
use crate::log::{self, Item, SealedSegment, Unreadable};
use crate::pack::{self, ObjectFile};

/// What was found.
#[derive(Debug, Default)]
struct Findings {
    right: Vec<String>,
    damaged: Vec<String>,
}

/// Reads everything and says what is damaged.
pub(super) fn run(config: &Config, verify: &Verify) -> anyhow::Result<ExitCode> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let paths = Paths::new(&config.data_dir);
    disk.list(&config.data_dir).map_err(|error| no_folder(config, &error))?;
    let mut findings = Findings::default();
    verify_log(&disk, &paths, &mut findings)?;
    verify_spool(&*disk, &paths, &mut findings)?;
    if !verify.quiet {
        super::print(&findings.right.concat())?;
    }
    super::print(&findings.damaged.concat())?;
    if findings.damaged.is_empty() {
        super::print("every checksum is right\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    super::print(&format!("{} found\n", counted(findings.damaged.len() as u64, "damaged place")))?;
    Ok(ExitCode::FAILURE)
}

/// That there is no data folder, in words.
pub(super) fn no_folder(config: &Config, error: &io::Error) -> anyhow::Error {
    anyhow::anyhow!("cannot read the data folder {} (data_dir): {error}", config.data_dir.display())
}

fn verify_log(disk: &Arc<dyn Disk>, paths: &Paths, findings: &mut Findings) -> anyhow::Result<()> {
    let (segments, unreadable) = match log::survey(disk, &paths.log()) {
        Err(log::Error::Disk { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
        surveyed => surveyed?,
    };
    for path in unreadable {
        findings.damaged.push(format!("damaged  {}: the header of the segment\n", path.display()));
    }
    for surveyed in segments {
        let path = surveyed.segment.path().display().to_string();
        match (readable_records(&surveyed.segment), surveyed.records_lost) {
            (Err(log::Error::Disk { source, .. }), _) if source.kind() == io::ErrorKind::NotFound => {
                // Packed meanwhile, by the process that is running.
            }
            (Err(error), _) => findings.damaged.push(format!("damaged  {path}: {error}\n")),
            (Ok((readable, 0)), 0) => {
                findings.right.push(format!("right    {path}: {}\n", counted(readable, "record")));
            }
            (Ok((readable, lost)), lost_before) => findings.damaged.push(format!(
                "damaged  {path}: {} cannot be read, {readable} can\n",
                counted(lost + lost_before, "record")
            )),
        }
    }
    Ok(())
}

/// How many records of a segment can be read, and how many cannot.
fn readable_records(segment: &SealedSegment) -> Result<(u64, u64), log::Error> {
    let mut records = segment.records(Unreadable::Skip)?;
    let mut readable = 0;
    for item in records.by_ref() {
        readable += u64::from(matches!(item?, Item::Record(_)));
    }
    Ok((readable, records.lost()))
}

fn verify_spool(disk: &dyn Disk, paths: &Paths, findings: &mut Findings) -> anyhow::Result<()> {
    let spool = match pack::survey(disk, &paths.spool()) {
        Err(pack::Error::Disk { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
        surveyed => surveyed?,
    };
    findings.damaged.extend(spool.damage.iter().map(|damage| format!("damaged  {damage}\n")));
    for object in spool.batches.iter().flat_map(|batch| &batch.objects) {
        let path = paths.spool().join(&object.file);
        match ObjectFile::open(disk, &paths.spool(), object).and_then(|file| file.verify()) {
            Ok(()) => findings.right.push(format!("right    {}: {}\n", path.display(), object.key)),
            Err(error) => {
                // Delivered and removed meanwhile, by the process that is running.
                if disk.open(&path).is_ok() {
                    findings.damaged.push(format!("damaged  {}: {error}\n", path.display()));
                }
            }
        }
    }
    Ok(())
}
