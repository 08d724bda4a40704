//! Receipts: the trail that delivered objects leave for others.
//!
//! Two kinds, each off unless switched on (`upload.receipts`):
//!
//! - **Lists.** For each hour and signal an object in the bucket lists the objects that were delivered in it: of which the
//!   last object of their batch was confirmed in that hour. Every delivered object is in exactly one list.
//! - **Notices.** Of each delivered object a notice is posted to a webhook, in the form of an S3 event (see `event`), at
//!   least once. Those that wait go in the order of the deliveries.
//!
//! ```text
//!   data_dir/receipts/
//!     20260822T10-logs-00000042-0123456789abcdef.note          what was delivered of a segment: lines of a list
//!     logs_20260822T100000000Z-a1b2c3d4-0123456789abcdef.jsonl a list that goes into the bucket as it is
//!     webhook/01787393472123456789-0123456789abcdef.json       a notice that is to be posted
//! ```
//!
//! How a list has each object once, wherever the process is killed or the power fails:
//!
//! 1. Before a batch leaves the spool, a note of it is durable ([`Receipts::release`]). Files are written whole, under names
//!    that carry the hash of their content, and never changed; so there is nothing that can be half there.
//! 2. The batch's manifest goes durably from the spool, and with it the batch is *released*. A process that ends in
//!    between finds both at its next start, delivers the batch again, and notes nothing twice, for it looks for the
//!    batch's keys among the notes.
//! 3. An hour is sealed only when it is over and all batches that are noted in it are released: nobody will ask for these
//!    keys again. The list becomes durable, then the notes go durably, and only then is the list put into the bucket. A
//!    start that finds a note beside its list removes the note.
//! 4. The list is removed when the bucket has confirmed it. One that comes back is put again under the same name.
//!
//! The clock decides only in which list an object is. If it is set back into an hour that was sealed, that hour gets a
//! second list. What is delivered while lists are switched off is in none.
//!
//! Notices are kept before the batch leaves the spool as well. One that was posted may be posted again after a kill.

mod couriers;
mod error;
mod event;
mod folder;
mod hour;
mod line;
mod options;
mod outbox;
mod trail;
mod webhook;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::destination::Destination;
use super::options::Options;
use crate::disk::{Budget, Disk};
use crate::log::SegmentId;
use crate::pack::{Batch, Object, address};
pub(super) use couriers::Couriers;
pub use error::Error;
use event::Source;
use folder::Folder;
use hour::Hour;
use line::Line;
pub use options::{ReceiptOptions, WebhookOptions};
use outbox::{Notice, Outbox};
use trail::Trail;
pub(super) use webhook::Webhook;

/// Where receipts are kept, and of what.
#[derive(Clone, Debug)]
pub struct Place {
    /// The folder, of this output alone.
    pub folder: PathBuf,
    /// The id of the data folder.
    pub writer: String,
    /// The name of the output.
    pub output: String,
}

/// The receipts of one output. Its calls block unless they say otherwise.
#[derive(Debug)]
pub struct Receipts {
    source: Source,
    trail: Option<Mutex<Trail>>,
    outbox: Option<Outbox>,
    webhook: Mutex<Option<Webhook>>,
    /// Delivered objects of batches that are not released, by their addresses.
    confirmed: Mutex<HashMap<String, Confirmed>>,
    /// Whether hours are sealed that are not over.
    is_finishing: AtomicBool,
    /// There is something to carry at once.
    lists_nudged: Notify,
    notices_nudged: Notify,
}

/// What is known of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Confirmed {
    etag: Option<String>,
    /// When it was confirmed, in nanoseconds since 1970.
    at: u64,
}

/// How often it looks whether everything is carried.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Receipts {
    /// Opens the receipts of an output, if the settings ask for any. `spooled` is every batch in the spool. No request is
    /// sent.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the settings, or what the disk said.
    pub fn open(
        disk: &Arc<dyn Disk>,
        place: Place,
        options: &Options,
        budget: &Arc<Budget>,
        spooled: &[Batch],
    ) -> Result<Option<Self>, String> {
        let wanted = &options.receipts;
        if !wanted.is_on() {
            return Ok(None);
        }
        let source = Source {
            destination: Destination::parse(&options.to)?,
            region: options.s3.region.clone().unwrap_or_default(),
            output: place.output,
            writer: place.writer,
        };
        let open = || -> Result<_, Error> {
            let mut trail = None;
            if wanted.hourly {
                let folder = Folder::open(Arc::clone(disk), place.folder.clone())?;
                let undelivered = addresses(&source, spooled);
                let opened = Trail::open(folder, &source.writer, &wanted.prefix, budget, undelivered)?;
                trail = Some(Mutex::new(opened));
            }
            let mut outbox = None;
            if wanted.webhook.url.is_some() {
                let folder = Folder::open(Arc::clone(disk), place.folder.join("webhook"))?;
                outbox = Some(Outbox::open(folder, wanted.webhook.most_waiting, budget)?);
            }
            Ok((trail, outbox))
        };
        let (trail, outbox) = open().map_err(|error| error.to_string())?;
        Ok(Some(Self {
            webhook: Mutex::new(Webhook::new(options)?),
            source,
            trail,
            outbox,
            confirmed: Mutex::default(),
            is_finishing: AtomicBool::new(false),
            lists_nudged: Notify::new(),
            notices_nudged: Notify::new(),
        }))
    }

    /// The bucket has this object, confirmed at `now` (nanoseconds since 1970) or before. Does not block.
    pub fn confirmed(&self, object: &Object, etag: Option<&str>, now: u64) {
        let confirmed = Confirmed { etag: etag.map(str::to_string), at: now };
        self.lock_confirmed().insert(object.address(), confirmed);
    }

    /// Has `remove` take a batch durably out of the spool, between the two steps that this module's documentation tells
    /// of, at `now` (nanoseconds since 1970). After an error call it again.
    ///
    /// # Errors
    /// What the disk says, and what `remove` says.
    pub fn release<E: From<Error>>(
        &self,
        batch: &Batch,
        now: u64,
        remove: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        self.note(batch, now)?;
        remove()?;
        self.released(batch);
        Ok(())
    }

    /// Notes durably what was confirmed of a batch.
    fn note(&self, batch: &Batch, now: u64) -> Result<(), Error> {
        let delivered: Vec<(&Object, Confirmed)> = {
            let confirmed = self.lock_confirmed();
            let delivered = |object: &Object| confirmed.get(&object.address()).cloned();
            batch.objects.iter().filter_map(|object| Some((object, delivered(object)?))).collect()
        };
        if let Some(mut trail) = self.lock_trail() {
            let line = |(object, confirmed): &(&Object, Confirmed)| {
                let key = self.source.full_key(&object.key);
                (object.signal, Line::new(key, object, confirmed, &self.source.writer))
            };
            trail.note(batch.segment, delivered.iter().map(line).collect(), Hour::of(now))?;
        }
        if let Some(outbox) = &self.outbox {
            let notice = |(object, confirmed): &(&Object, Confirmed)| Notice {
                address: object.address(),
                at: confirmed.at,
                content: self.source.event(object, confirmed),
            };
            let notices: Vec<Notice> = delivered.iter().map(notice).collect();
            outbox.keep(batch.segment, &notices)?;
            self.notices_nudged.notify_one();
        }
        Ok(())
    }

    /// The batch is durably gone from the spool.
    fn released(&self, batch: &Batch) {
        {
            let mut confirmed = self.lock_confirmed();
            for object in &batch.objects {
                confirmed.remove(&object.address());
            }
        }
        if let Some(mut trail) = self.lock_trail() {
            trail.released(batch.segment);
        }
        if let Some(outbox) = &self.outbox {
            outbox.released(batch.segment);
        }
    }

    /// Makes lists of the hours that are over at `now` (nanoseconds since 1970), and returns all that go into the bucket.
    ///
    /// # Errors
    /// What the disk says.
    pub fn seal(&self, now: u64) -> Result<Vec<Object>, Error> {
        let Some(mut trail) = self.lock_trail() else { return Ok(Vec::new()) };
        trail.seal(Hour::of(now), self.is_finishing.load(Ordering::Acquire))?;
        Ok(trail.lists())
    }

    /// The bucket has this list: removes it.
    ///
    /// # Errors
    /// What the disk says; then it is put once more, which changes nothing.
    pub fn list_confirmed(&self, list: &Object) -> Result<(), Error> {
        self.lock_trail().map_or(Ok(()), |mut trail| trail.confirmed(list))
    }

    /// The folder in which the files of lists are, and its disk.
    fn lists_folder(&self) -> Option<(Arc<dyn Disk>, PathBuf)> {
        let trail = self.lock_trail()?;
        Some((Arc::clone(&trail.folder().disk), trail.folder().path.clone()))
    }

    /// Carries everything now, whatever failed before. Does not block.
    pub(super) fn nudge(&self) {
        self.lists_nudged.notify_one();
        self.notices_nudged.notify_one();
    }

    /// Seals every hour from now on, whether it is over or not, and waits until nothing is left to carry.
    pub(super) async fn finished(self: &Arc<Self>) {
        self.is_finishing.store(true, Ordering::Release);
        self.nudge();
        loop {
            if self.left().await == 0 {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Lists and notices that are left to carry, those of hours that go on included.
    pub(super) async fn left(self: &Arc<Self>) -> u64 {
        let receipts = Arc::clone(self);
        let count = move || {
            let lists = receipts.lock_trail().map_or(0, |trail| trail.left());
            let notices = receipts.outbox.as_ref().map_or(0, Outbox::count);
            (lists + notices) as u64
        };
        // Whoever has the lock may be at work on the disk. A count that broke off is taken for something left.
        tokio::task::spawn_blocking(count).await.unwrap_or(1)
    }

    /// Whom notices are posted to by couriers that are started from now on.
    pub(super) fn set_webhook(&self, webhook: Option<Webhook>) {
        *self.webhook.lock().unwrap_or_else(PoisonError::into_inner) = webhook;
    }

    fn lock_trail(&self) -> Option<MutexGuard<'_, Trail>> {
        self.trail.as_ref().map(|trail| trail.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lock_confirmed(&self) -> MutexGuard<'_, HashMap<String, Confirmed>> {
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The addresses of all objects in these batches, with their whole keys.
fn addresses(source: &Source, batches: &[Batch]) -> BTreeMap<String, SegmentId> {
    let of_batch = |batch: &Batch| {
        let segment = batch.segment;
        let whole = |object: &Object| address(object.bucket.as_deref(), &source.full_key(&object.key));
        batch.objects.iter().map(|object| (whole(object), segment)).collect::<Vec<_>>()
    };
    batches.iter().flat_map(of_batch).collect()
}
