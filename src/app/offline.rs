//! The status of a data folder that no process uses.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;

use crate::admin::{Bucket, BySignal, Delivery, Disk as DiskStatus, Intake, Losses, Output, Queue, Status};
use crate::config::Config;
use crate::disk::{Disk, RealDisk};
use crate::log;
use crate::otlp::Signal;
use crate::pack::{self, Batch, Object, OutputName};

use super::data_folder::{Paths, known_writer_id};
use super::subject::age_seconds;

/// Looks at the data folder of a configuration. Changes nothing.
///
/// # Errors
/// If there is no such folder, or it cannot be read.
pub fn status(config: &Config) -> anyhow::Result<Status> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let paths = Paths::new(&config.data_dir);
    let folder = &config.data_dir;
    let free_bytes = disk
        .free_bytes(folder)
        .with_context(|| format!("there is no data folder {} (data_dir)", folder.display()))?;
    let (segments, unreadable) = log::survey(&disk, &paths.log())?;
    let spool = pack::survey(&*disk, &paths.spool())?;
    let mut losses = Losses { damaged_objects: spool.damage.len() as u64, ..Losses::default() };
    losses.damaged_records = segments.iter().map(|surveyed| surveyed.records_lost).sum();
    let with_losses = segments.iter().filter(|surveyed| surveyed.records_lost > 0).count();
    losses.damaged_ranges = (unreadable.len() + with_losses) as u64;
    let status = Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: None,
        uptime_seconds: 0,
        data_dir: folder.display().to_string(),
        writer: known_writer_id(&*disk, folder).unwrap_or_default(),
        destination: config.upload.to.clone(),
        intake: Intake {
            taking: false,
            reason: Some("forebay is not running on this data folder".to_owned()),
        },
        queue: queue(&segments, &spool.batches),
        disk: DiskStatus {
            used_bytes: used_bytes(&*disk, &paths.log())? + used_bytes(&*disk, &paths.spool())?,
            budget_bytes: config.log.disk_budget.bytes(),
            free_bytes,
            seconds_until_full: None,
        },
        delivery: Delivery::default(),
        outputs: config.all_outputs().map(|(name, _, to)| output(&name, &to.to, &spool.batches)).collect(),
        losses,
        ..Status::default()
    };
    Ok(status.judged(Timestamp::now()))
}

/// What waits for an output.
fn output(name: &OutputName, destination: &str, batches: &[Batch]) -> Output {
    let objects = || batches.iter().filter(|batch| batch.output == *name).flat_map(|batch| &batch.objects);
    Output {
        name: name.to_string(),
        destination: destination.to_owned(),
        objects: objects().count() as u64,
        bytes: objects().map(|object| object.bytes).sum(),
        oldest_age_seconds: objects().map(|object| object.first_received_at).min().map(age_seconds),
        buckets: buckets(objects()),
        delivery: Delivery::default(),
    }
}

/// What waits for buckets beside that of the destination.
fn buckets<'a>(objects: impl Iterator<Item = &'a Object>) -> Vec<Bucket> {
    let mut buckets: BTreeMap<&str, Bucket> = BTreeMap::new();
    for object in objects {
        let Some(name) = object.bucket.as_deref() else { continue };
        let bucket =
            buckets.entry(name).or_insert_with(|| Bucket { name: name.to_owned(), ..Bucket::default() });
        bucket.objects += 1;
        bucket.bytes += object.bytes;
        bucket.oldest_age_seconds =
            bucket.oldest_age_seconds.max(Some(age_seconds(object.first_received_at)));
    }
    buckets.into_values().collect()
}

fn queue(segments: &[log::Surveyed], batches: &[Batch]) -> Queue {
    let with_records = segments.iter().filter(|surveyed| surveyed.segment.record_count() > 0);
    let mut items = [0; Signal::COUNT];
    let mut queue = Queue::default();
    let mut oldest: Option<u64> = None;
    let mut note =
        |received_at: u64| oldest = Some(oldest.map_or(received_at, |oldest| oldest.min(received_at)));
    for surveyed in with_records {
        // Its objects are in the spool already; it is there only until the next start.
        if batches.iter().any(|batch| batch.segment == surveyed.segment.id()) {
            continue;
        }
        queue.segments += 1;
        queue.bytes += surveyed.segment.payload_bytes();
        (0..Signal::COUNT).for_each(|signal| items[signal] += surveyed.segment.items()[signal]);
        note(surveyed.segment.first_received_at());
    }
    for object in batches.iter().flat_map(|batch| &batch.objects) {
        queue.objects += 1;
        queue.bytes += object.bytes;
        items[object.signal.index()] += object.items;
        note(object.first_received_at);
    }
    queue.items = BySignal::from(items);
    queue.oldest_age_seconds = oldest.map(age_seconds);
    queue
}

/// The length of the files in a folder; 0 if there is no such folder.
fn used_bytes(disk: &dyn Disk, folder: &Path) -> anyhow::Result<u64> {
    match disk.list(folder) {
        Ok(entries) => Ok(entries.iter().map(|entry| entry.bytes).sum()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error).with_context(|| format!("cannot list {}", folder.display())),
    }
}
