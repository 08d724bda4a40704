//! A log on the disk that cargo builds on, with the settings that users have who set none.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay::disk::{Budget, Disk, RealDisk};
use forebay::log::{Durable, Log, Options, Place, SegmentId, Stepwise};
use forebay::otlp::{Signal, validate};
use forebay::receive::{self, Export, Intake, Refusal};
use tokio::time::Instant;

/// More than any benchmark writes.
const BUDGET: u64 = 1 << 40;

/// Where a log lies in a folder.
fn place(folder: &Path) -> Place {
    Place {
        folder: folder.join("log"),
        aside: folder.join("damaged"),
        writer: 0xa1b2_c3d4,
        packing: "{}".to_owned(),
        at_least: SegmentId(1),
    }
}

fn options() -> Options {
    Options { resend_window: receive::Options::default().resend_window, ..Options::default() }
}

/// The log in a folder, driven by hand.
pub(crate) fn stepwise(folder: &Path) -> Stepwise {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    Stepwise::open(&disk, place(folder), &options(), &Budget::new(BUDGET)).unwrap()
}

/// The log in a folder.
pub(crate) fn log(folder: &Path) -> Log {
    Log::open(Arc::new(RealDisk), place(folder), &options(), &Budget::new(BUDGET)).unwrap()
}

/// What a request becomes.
pub(crate) fn export(signal: Signal, body: Bytes) -> Export {
    Export::of(signal, validate(signal, &body).unwrap(), body)
}

/// Stores exports in a log, as the program does.
#[derive(Clone)]
pub(crate) struct LogIntake(pub(crate) Log);

impl Intake for LogIntake {
    type Durable = Durable;

    async fn store(&self, export: Export, patience_ends: Instant) -> Result<Durable, Refusal> {
        self.0.append(export, patience_ends.into_std()).await.map_err(|_| Refusal::DiskFailing)
    }

    fn is_resend(durable: &Durable) -> bool {
        durable.is_resend()
    }

    fn room_in(&self) -> Option<Duration> {
        None
    }
}
