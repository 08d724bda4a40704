//! An intake that keeps everything in memory and refuses what the log refuses.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use forebay::receive::{Export, Intake, Refusal};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use crate::client::AT_LAST;

/// What the intake has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Everything.
    Plenty,
    /// Nothing until that changes; calls are held as long as they have patience.
    None,
    /// Nothing until that changes, and calls are held beyond their patience: a disk that hangs.
    Hanging,
    /// Nothing, and calls are refused at once.
    Refusing(Refusal),
}

#[derive(Clone, Debug)]
pub(crate) struct Memory {
    stored: Arc<Mutex<Vec<Export>>>,
    room: watch::Sender<Room>,
    waiting: watch::Sender<usize>,
    room_in: Arc<Mutex<Option<Duration>>>,
}

/// The proof that an export was stored.
pub(crate) struct Stored;

impl Memory {
    pub(crate) fn with(room: Room) -> Self {
        Self {
            stored: Arc::default(),
            room: watch::Sender::new(room),
            waiting: watch::Sender::new(0),
            room_in: Arc::default(),
        }
    }

    pub(crate) fn set_room(&self, room: Room) {
        self.room.send_replace(room);
    }

    /// Says from now on that there will be room then.
    pub(crate) fn expect_room_in(&self, room_in: Duration) {
        *self.room_in.lock().unwrap() = Some(room_in);
    }

    /// Everything stored since the last time.
    pub(crate) fn take(&self) -> Vec<Export> {
        std::mem::take(&mut self.stored.lock().unwrap())
    }

    /// Returns once `calls` calls are waiting for room.
    pub(crate) async fn until_waiting(&self, calls: usize) {
        let mut waiting = self.waiting.subscribe();
        let reached = timeout(AT_LAST, waiting.wait_for(|waiting| *waiting == calls));
        reached.await.expect("the calls come to wait").unwrap();
    }

    async fn until_room(&self) -> Result<(), Refusal> {
        let _waiting = Waiting::begin(&self.waiting);
        let mut room = self.room.subscribe();
        let room = *room.wait_for(|room| !matches!(room, Room::None | Room::Hanging)).await.unwrap();
        match room {
            Room::Refusing(refusal) => Err(refusal),
            _ => Ok(()),
        }
    }
}

impl Intake for Memory {
    type Durable = Stored;

    async fn store(&self, export: Export, patience_ends: Instant) -> Result<Stored, Refusal> {
        if *self.room.borrow() == Room::Hanging {
            self.until_room().await?;
        } else {
            timeout_at(patience_ends, self.until_room()).await.map_err(|_| Refusal::DiskFull)??;
        }
        // The memory of a request is given back when nobody has its body any more; this is the disk.
        let body = Bytes::copy_from_slice(&export.body);
        self.stored.lock().unwrap().push(Export { body, ..export });
        Ok(Stored)
    }

    fn room_in(&self) -> Option<Duration> {
        *self.room_in.lock().unwrap()
    }
}

/// Counts a call as waiting until it goes on or is dropped.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|waiting| *waiting += 1);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}
