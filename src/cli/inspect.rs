//! `forebay inspect`: look into a data folder.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::Timestamp;

use super::arguments::{Inspect, InspectWhat, Records};
use super::progress::{Progress, Unit};
use super::verify::no_folder;
use crate::app::Paths;
use crate::catalog::{Catalog, Entry};
use crate::config::Config;
use crate::disk::{Disk, RealDisk};
use crate::log::{self, Item, Record, SegmentId, Surveyed, Unreadable};
use crate::otlp::{self, Signal};
use crate::pack;
use crate::words::{bytes, count, table, time};

/// Prints what was asked for.
pub(super) fn run(config: &Config, inspect: &Inspect) -> anyhow::Result<ExitCode> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let paths = Paths::new(&config.data_dir);
    disk.list(&config.data_dir).map_err(|error| no_folder(config, &error))?;
    match &inspect.what {
        None => {
            super::print("segments\n")?;
            super::print(&segments(&disk, &paths)?)?;
            super::print("\nobjects\n")?;
            super::print(&objects(&*disk, &paths)?)?;
            super::print(
                "\n`forebay inspect records` prints the records, `forebay inspect ledger` what was delivered\n",
            )?;
        }
        Some(InspectWhat::Segments) => super::print(&segments(&disk, &paths)?)?,
        Some(InspectWhat::Objects) => super::print(&objects(&*disk, &paths)?)?,
        Some(InspectWhat::Records(wanted)) => records(&disk, &paths, wanted)?,
        Some(InspectWhat::Ledger) => super::print(&ledger(&*disk, &paths)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn survey(disk: &Arc<dyn Disk>, paths: &Paths) -> anyhow::Result<Vec<Surveyed>> {
    match log::survey(disk, &paths.log()) {
        Err(log::Error::Disk { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        surveyed => Ok(surveyed?.0),
    }
}

fn segments(disk: &Arc<dyn Disk>, paths: &Paths) -> anyhow::Result<String> {
    let mut rows = vec![row([
        "SEGMENT", "STATE", "RECORDS", "LOGS", "METRICS", "TRACES", "PROFILES", "BYTES", "OLDEST",
    ])];
    for surveyed in survey(disk, paths)? {
        let segment = &surveyed.segment;
        let [logs, metrics, traces, profiles] = segment.items().map(count);
        let state = if surveyed.is_sealed { "sealed" } else { "active" };
        let oldest = match segment.record_count() {
            0 => "-".to_owned(),
            _ => ago(segment.first_received_at()),
        };
        let (id, size) = (segment.id().to_string(), bytes(segment.payload_bytes()));
        rows.push(vec![
            id,
            state.to_owned(),
            count(segment.record_count()),
            logs,
            metrics,
            traces,
            profiles,
            size,
            oldest,
        ]);
    }
    Ok(table(&rows))
}

fn objects(disk: &dyn Disk, paths: &Paths) -> anyhow::Result<String> {
    let spool = match pack::survey(disk, &paths.spool()) {
        Err(pack::Error::Disk { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(String::new());
        }
        surveyed => surveyed?,
    };
    let mut rows = vec![row(["SEGMENT", "ITEMS", "BYTES", "OLDEST", "KEY"])];
    for batch in &spool.batches {
        for object in &batch.objects {
            let (items, size, oldest) =
                (count(object.items), bytes(object.bytes), ago(object.first_received_at));
            rows.push(vec![batch.segment.to_string(), items, size, oldest, object.address()]);
        }
    }
    let damage = spool.damage.iter().map(|damage| format!("damaged: {damage}\n"));
    Ok(table(&rows) + &damage.collect::<String>())
}

fn records(disk: &Arc<dyn Disk>, paths: &Paths, wanted: &Records) -> anyhow::Result<()> {
    let signal = wanted.signal.map(Signal::from);
    let is_wanted = |record: &Record| signal.is_none_or(|signal| record.signal == signal);
    let mut left = wanted.limit.unwrap_or(u64::MAX);
    let is_of =
        |surveyed: &Surveyed| wanted.segment.is_none_or(|number| surveyed.segment.id() == SegmentId(number));
    let segments: Vec<_> = survey(disk, paths)?.into_iter().filter(is_of).collect();
    let total = segments.iter().map(|surveyed| surveyed.segment.payload_bytes()).sum();
    // In a terminal the records themselves show that it goes on.
    let progress = (!io::stdout().is_terminal()).then(|| Progress::begin("reading", Unit::Bytes, total));
    let mut out = io::BufWriter::new(io::stdout().lock());
    for Surveyed { segment, .. } in &segments {
        for item in segment.records(Unreadable::Skip)? {
            let Item::Record(record) = item? else { continue };
            if let Some(progress) = &progress {
                progress.advance(record.body.len() as u64);
            }
            if left == 0 {
                break;
            }
            if is_wanted(&record) {
                left -= 1;
                if !print_record(&mut out, &record)? {
                    return Ok(());
                }
            }
        }
    }
    finished(out.flush()).map(drop)
}

/// Prints one record as a line; `false` if the reader went away.
fn print_record(out: &mut impl io::Write, record: &Record) -> anyhow::Result<bool> {
    let mut line = Vec::new();
    otlp::write_json(record.signal, &record.body, &mut line)
        .with_context(|| format!("record {} is no OTLP", record.seq))?;
    line.push(b'\n');
    finished(out.write_all(&line))
}

/// That the reader went away, as `head` does, is no error.
fn finished(outcome: io::Result<()>) -> anyhow::Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("cannot write to the standard output"),
    }
}

fn ledger(disk: &dyn Disk, paths: &Paths) -> anyhow::Result<String> {
    // Its database belongs to one process at a time.
    let Ok(_lock) = disk.lock(&paths.lock()) else {
        bail!(
            "the ledger belongs to the forebay that is running; ask it with `forebay status`, or end it first"
        );
    };
    let mut rows = vec![row(["STATE", "SIGNAL", "ITEMS", "BYTES", "ATTEMPTS", "DELIVERED", "KEY"])];
    for entry in Catalog::open(&paths.catalog()).entries() {
        let address = entry.address();
        let Entry { state, signal, items, bytes: length, attempts, delivered_at, .. } = entry;
        let delivered = delivered_at.map_or_else(|| "-".to_owned(), ago);
        let (state, signal) = (state.name().to_owned(), signal.to_string());
        rows.push(vec![state, signal, count(items), bytes(length), count(attempts), delivered, address]);
    }
    Ok(table(&rows))
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// How long ago a time in nanoseconds since 1970 was.
fn ago(nanoseconds: u64) -> String {
    let age = Timestamp::now().as_nanosecond() - i128::from(nanoseconds);
    let age = Duration::from_nanos(u64::try_from(age).unwrap_or(0));
    format!("{} ago", time(age))
}
