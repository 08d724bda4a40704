//! What was sent and what was acknowledged, kept outside of the process that is killed.

use std::collections::BTreeMap;
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use forebay::otlp::Signal;

use super::random::Random;

/// The longest text of an item.
const TEXT_BYTES_MAX: usize = 9 << 20;

/// What the texts of all items are cut from; hardly compressible, so that objects take their time.
static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut random = Random::new(0x7e87);
    let bytes: Vec<u8> = (0..TEXT_BYTES_MAX / 8).flat_map(|_| random.next().to_le_bytes()).collect();
    BASE64_STANDARD.encode(bytes)
});

/// An export: `count` items with the numbers from `first` on, which no other has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) signal: Signal,
    pub(crate) first: u64,
    pub(crate) count: u64,
    /// The length of each item's text.
    pub(crate) text_bytes: usize,
}

impl Numbered {
    /// The items: numbers, and the text that belongs to each.
    pub(crate) fn items(&self) -> impl Iterator<Item = (u64, &'static str)> {
        (self.first..self.first + self.count).map(|number| (number, text(number, self.text_bytes)))
    }
}

/// The text of an item; another for each number.
fn text(number: u64, bytes: usize) -> &'static str {
    let rest = TEXT_BYTES_MAX - bytes;
    let from = usize::try_from(Random::new(number).next()).unwrap() % (rest + 1);
    &TEXT[from..from + bytes]
}

/// How often an export was sent, and how often it was acknowledged. Who gets no answer may send it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Copies {
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
}

/// The exports by their first numbers.
pub(crate) type Exports = BTreeMap<u64, (Numbered, Copies)>;

/// The ledger that all clients share.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    written: Mutex<Written>,
    changed: Condvar,
}

#[derive(Clone, Debug, Default)]
struct Written {
    exports: Exports,
    next: u64,
    acknowledgements: u64,
    refusals: u64,
}

impl Ledger {
    /// One that goes on where this one is now.
    pub(crate) fn copied(&self) -> Self {
        Self { written: Mutex::new(self.lock().clone()), changed: Condvar::new() }
    }

    /// Notes an export that is about to be sent, with numbers that no other has.
    pub(crate) fn note_sent(&self, signal: Signal, count: u64, text_bytes: usize) -> Numbered {
        let mut written = self.lock();
        let export = Numbered { signal, first: written.next, count, text_bytes };
        written.next += count;
        written.exports.insert(export.first, (export.clone(), Copies { sent: 1, acknowledged: 0 }));
        export
    }

    /// Notes that an export is about to be sent once more.
    pub(crate) fn note_sent_again(&self, export: &Numbered) {
        self.lock().exports.get_mut(&export.first).unwrap().1.sent += 1;
    }

    /// Notes that an export was acknowledged.
    pub(crate) fn note_acknowledged(&self, export: &Numbered) {
        let mut written = self.lock();
        let (_, copies) = written.exports.get_mut(&export.first).unwrap();
        copies.acknowledged += 1;
        assert!(copies.acknowledged <= copies.sent, "every answer is one to something that was sent");
        written.acknowledgements += u64::from(copies.acknowledged == 1);
        self.changed.notify_all();
    }

    /// Notes that an export was refused.
    pub(crate) fn note_refused(&self) {
        self.lock().refusals += 1;
    }

    /// How many exports were acknowledged so far, each counted once.
    pub(crate) fn acknowledgements(&self) -> u64 {
        self.lock().acknowledgements
    }

    /// How many exports were refused so far.
    pub(crate) fn refusals(&self) -> u64 {
        self.lock().refusals
    }

    /// Waits until so many exports were acknowledged; `false` if they never are.
    pub(crate) fn wait_for(&self, acknowledgements: u64, patience: Duration) -> bool {
        let waits = |written: &mut Written| written.acknowledgements < acknowledgements;
        let (_written, outcome) = self.changed.wait_timeout_while(self.lock(), patience, waits).unwrap();
        !outcome.timed_out()
    }

    /// All that was ever sent.
    pub(crate) fn exports(&self) -> Exports {
        self.lock().exports.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap()
    }
}
