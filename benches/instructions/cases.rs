//! What is counted. Each case is what one stage does with made requests, always the same ones.

mod log;
mod otlp;
mod pack;
mod receive;

use std::path::Path;

use bytes::Bytes;

use crate::telemetry::{self, Items};

/// A piece of work of which the instructions are counted.
pub(crate) struct Case {
    /// The name in the table.
    pub(crate) name: &'static str,
    /// Makes all that it works on, in a folder of its own.
    prepare: Prepare,
}

type Prepare = fn(&Path) -> Work;

/// Cases by their names.
type Named = &'static [(&'static str, Prepare)];

/// Work that is ready to be done, once.
pub(crate) struct Work {
    /// Log records, data points and spans in it.
    pub(crate) items: u64,
    work: Box<dyn FnMut()>,
}

impl Work {
    fn new(items: u64, work: impl FnMut() + 'static) -> Self {
        Self { items, work: Box::new(work) }
    }
}

impl Case {
    /// Does the work in a folder, and says on how many items.
    pub(crate) fn run(&self, folder: &Path) -> u64 {
        let Work { items, mut work } = (self.prepare)(folder);
        counted_work(&mut *work);
        items
    }
}

/// Callgrind counts from where this begins to where it returns, in all threads; it is known by its name.
#[inline(never)]
fn counted_work(work: &mut dyn FnMut()) {
    work();
}

/// Every case.
pub(crate) fn all() -> impl Iterator<Item = Case> {
    let cases = [log::CASES, receive::CASES, otlp::CASES, pack::CASES];
    cases.into_iter().flatten().map(|&(name, prepare)| Case { name, prepare })
}

/// So many requests of so many items, of which no two are alike.
fn requests(kind: Items, items: u64, count: u64) -> Vec<Bytes> {
    telemetry::requests(kind, items, usize::MAX, count)
}
