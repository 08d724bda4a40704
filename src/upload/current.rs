//! The settings of a delivery that runs, which may change: an attempt ends with those with which it began.

use std::sync::{Arc, PoisonError};

use tokio::sync::Semaphore;

use super::bucket::{self, Bucket};
use super::environment::Environment;
use super::hours::Hours;
use super::options::Options;
use super::receipts::{Couriers, Webhook};
use super::uploader::{Shared, Uploader};
use crate::disk::Disk;

/// What attempts that begin now go by.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) options: Options,
    pub(super) bucket: Arc<dyn Bucket>,
    /// Memory for objects, in KiB.
    pub(super) memory: Semaphore,
    pub(super) memory_kib: u32,
}

/// Settings that were found to be right for one output, ready to be in force.
#[derive(Debug)]
pub struct Prepared {
    current: Current,
    webhook: Option<Webhook>,
}

impl Current {
    pub(super) fn new(options: Options, bucket: Arc<dyn Bucket>) -> Self {
        let memory_kib = u32::try_from(options.in_flight_bytes.bytes() >> 10).unwrap_or(u32::MAX >> 4);
        Self { options, bucket, memory: Semaphore::new(memory_kib as usize), memory_kib }
    }
}

impl Shared {
    /// What an attempt that begins now goes by.
    pub(super) fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Uploader {
    /// Opens the bucket anew with `options`, which are those of the same output, for the data folder `writer`. Nothing
    /// changes yet. Blocks the thread: settings may name files.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the settings, or with a file they name.
    pub fn prepare(
        &self,
        options: &Options,
        environment: &Environment,
        disk: &Arc<dyn Disk>,
        writer: &str,
    ) -> Result<Prepared, String> {
        let before = self.shared.current();
        let bucket = bucket::reopen(options, environment, disk, writer, &*before.bucket)?;
        Ok(Prepared { current: Current::new(options.clone(), bucket), webhook: Webhook::new(options)? })
    }

    /// Attempts that begin from now on go by these settings, and everything is tried at once: what failed may work now.
    pub async fn change(&self, prepared: Prepared) {
        let Prepared { current, webhook } = prepared;
        let (options, bucket) = (current.options.clone(), Arc::clone(&current.bucket));
        if let Some(pace) = bucket.pace() {
            pace.set(options.bandwidth);
        }
        *self.shared.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
        {
            let mut state = self.shared.lock();
            state.queue.change(options.concurrency, options.retry.clone());
            state.hours = Hours::new(&options);
        }
        if let Some(receipts) = &self.shared.receipts {
            let couriers = self.couriers.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(couriers) = couriers {
                couriers.stop().await;
            }
            receipts.set_webhook(webhook);
            let couriers = Couriers::start(receipts, &bucket, &options);
            *self.couriers.lock().unwrap_or_else(PoisonError::into_inner) = Some(couriers);
        }
        self.nudge();
    }
}

#[cfg(test)]
impl Uploader {
    /// What is in force, asked of those who go by it.
    pub(crate) fn in_force(&self) -> Options {
        let current = self.shared.current();
        let state = self.shared.lock();
        let mut options = current.options.clone();
        (options.concurrency, options.retry) = state.queue.settings();
        (options.hours, options.timezone, options.hours_unless_disk_over) = state.hours.settings();
        options.bandwidth = current.bucket.pace().and_then(|pace| pace.limit());
        options.in_flight_bytes = crate::units::ByteSize(u64::from(current.memory_kib) << 10);
        options
    }
}
