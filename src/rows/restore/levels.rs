//! A request as it is written, item by item.

use crate::otlp::{JSON_CLOSING, Signal, json_opening};

/// What items share, as OTLP/JSON that is open at its list of items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) open: Vec<u8>,
    /// What closes it.
    pub(super) close: &'static str,
}

/// A request. Items that follow each other lie in the same resource, scope and metric, if theirs are the same.
#[derive(Debug)]
pub(super) struct Levels {
    signal: Signal,
    json: Vec<u8>,
    /// Those that are open, from the outermost.
    open: Vec<Level>,
    items: u32,
}

impl Levels {
    pub(super) fn new(signal: Signal) -> Self {
        Self { signal, json: Vec::new(), open: Vec::new(), items: 0 }
    }

    pub(super) const fn items(&self) -> u32 {
        self.items
    }

    pub(super) fn bytes(&self) -> usize {
        self.json.len()
    }

    /// Adds an item that lies in these, from the outermost.
    pub(super) fn add(&mut self, levels: Vec<Level>, item: &[u8]) {
        if self.items == 0 {
            self.json.extend_from_slice(json_opening(self.signal).unwrap_or_default().as_bytes());
        }
        let same = self.open.iter().zip(&levels).take_while(|(open, wanted)| open == wanted).count();
        self.close(same);
        if self.items > 0 {
            self.json.push(b',');
        }
        for level in levels.into_iter().skip(same) {
            self.json.extend_from_slice(&level.open);
            self.open.push(level);
        }
        self.json.extend_from_slice(item);
        self.items += 1;
    }

    /// The request, if there is anything in it; the next item begins another one.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        if self.items == 0 {
            return None;
        }
        self.close(0);
        self.items = 0;
        let mut json = std::mem::take(&mut self.json);
        json.extend_from_slice(JSON_CLOSING.as_bytes());
        Some(json)
    }

    /// Closes all but the outermost so many.
    fn close(&mut self, kept: usize) {
        for level in self.open.drain(kept..).rev() {
            self.json.extend_from_slice(level.close.as_bytes());
        }
    }
}
