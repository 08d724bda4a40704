//! How far long work has come, on the standard error: a bar in a terminal, and elsewhere a line now and then.
//!
//! `indicatif` is known only here.

use std::io::{self, IsTerminal as _, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::words::{bytes, count, time};

/// How often there is a line where there is no terminal. Work that is done before needs none.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How often the bar is drawn, in times a second: no more than a slow line to a terminal bears.
const DRAWN_PER_SECOND: u8 = 8;

/// The bar that is on the terminal, so that what else goes there can move it out of the way.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// What work is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Bytes.
    Bytes,
    /// Log records, data points, spans and profiles.
    Items,
}

impl Unit {
    fn words(self, number: u64) -> String {
        match self {
            Self::Bytes => bytes(number),
            Self::Items => count(number),
        }
    }

    /// The bar as `indicatif` writes it down.
    fn template(self) -> &'static str {
        match self {
            Self::Bytes => {
                "{prefix} [{bar:24}] {percent:>3} %  {binary_bytes} of {binary_total_bytes}, {eta} left  {wide_msg}"
            }
            Self::Items => {
                "{prefix} [{bar:24}] {percent:>3} %  {human_pos} of {human_len} items, {eta} left  {wide_msg}"
            }
        }
    }
}

/// Work that goes on. The bar goes away with it.
#[derive(Debug)]
pub(super) struct Progress {
    sight: Sight,
}

/// How it is seen.
#[derive(Debug)]
enum Sight {
    Bar(ProgressBar),
    Lines(Mutex<Lines>),
}

impl Progress {
    /// Begins work of `total` units, `verb` being what is done: `verifying`.
    pub(super) fn begin(verb: &'static str, unit: Unit, total: u64) -> Self {
        if !io::stderr().is_terminal() {
            return Self { sight: Sight::Lines(Mutex::new(Lines::new(verb, unit, total, Instant::now()))) };
        }
        let target = ProgressDrawTarget::stderr_with_hz(DRAWN_PER_SECOND);
        let bar = ProgressBar::with_draw_target(Some(total), target).with_prefix(verb);
        // Without one the bar has a look of its own.
        if let Ok(style) = ProgressStyle::with_template(unit.template()) {
            bar.set_style(style.progress_chars("=> "));
        }
        *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
        Self { sight: Sight::Bar(bar) }
    }

    /// That `more` units are done.
    pub(super) fn advance(&self, more: u64) {
        match &self.sight {
            Sight::Bar(bar) => bar.inc(more),
            Sight::Lines(lines) => {
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                lines.done = lines.done.saturating_add(more);
                lines.tell(Instant::now());
            }
        }
    }

    /// What else there is to say.
    pub(super) fn say(&self, message: &str) {
        match &self.sight {
            Sight::Bar(bar) => bar.set_message(message.to_owned()),
            Sight::Lines(lines) => {
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                message.clone_into(&mut lines.message);
                lines.tell(Instant::now());
            }
        }
    }

    /// That `done` units of `total` are done, where neither was known before, and what else there is to say.
    pub(super) fn set(&self, done: u64, total: u64, message: &str) {
        match &self.sight {
            Sight::Bar(bar) => {
                bar.set_length(total);
                bar.set_position(done);
                bar.set_message(message.to_owned());
            }
            Sight::Lines(lines) => {
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                (lines.done, lines.total) = (done, total);
                message.clone_into(&mut lines.message);
                lines.tell(Instant::now());
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Sight::Bar(bar) = &self.sight {
            bar.finish_and_clear();
            SHOWN.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}

/// Does what writes to the terminal, with the bar out of its way.
pub(super) fn aside<T>(write: impl FnOnce() -> T) -> T {
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match shown {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// The standard error, for those who may write to it while a bar is there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        aside(|| io::stderr().write(buffer))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Work that is told in lines.
#[derive(Debug)]
struct Lines {
    verb: &'static str,
    unit: Unit,
    done: u64,
    total: u64,
    message: String,
    began: Instant,
    told: Instant,
}

impl Lines {
    fn new(verb: &'static str, unit: Unit, total: u64, now: Instant) -> Self {
        Self { verb, unit, done: 0, total, message: String::new(), began: now, told: now }
    }

    /// Writes a line if it is time. That nobody reads it is no error.
    fn tell(&mut self, now: Instant) {
        if let Some(line) = self.due(now) {
            let _ = writeln!(io::stderr(), "{line}");
        }
    }

    /// The line that is due: `verifying: 1.2 GiB of 10 GiB, 12 %, 3 min left`.
    fn due(&mut self, now: Instant) -> Option<String> {
        if now.duration_since(self.told) < LINE_EVERY {
            return None;
        }
        self.told = now;
        let (done, total) = (self.done.min(self.total), self.total);
        let percent = (u128::from(done) * 100).checked_div(u128::from(total)).unwrap_or(100);
        let mut line =
            format!("{}: {} of {}, {percent} %", self.verb, self.unit.words(done), self.unit.words(total));
        if let Some(left) = self.left(now) {
            line = format!("{line}, {} left", time(left));
        }
        if !self.message.is_empty() {
            line = format!("{line}; {}", self.message);
        }
        Some(line)
    }

    /// How long the rest takes at the pace so far.
    fn left(&self, now: Instant) -> Option<Duration> {
        let elapsed = now.duration_since(self.began).as_millis();
        let rest = u128::from(self.total.saturating_sub(self.done));
        let milliseconds = (elapsed * rest).checked_div(u128::from(self.done))?;
        Some(Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_now_and_then_and_says_what_is_done_and_what_is_left() {
        let began = Instant::now();
        let mut lines = Lines::new("verifying", Unit::Bytes, 10 << 30, began);
        lines.done = 1 << 30;
        assert_eq!(lines.due(began + Duration::from_secs(9)), None, "short work says nothing");
        let said = lines.due(began + Duration::from_secs(20)).unwrap();
        assert_eq!(said, "verifying: 1 GiB of 10 GiB, 10 %, 3 min left");
        assert_eq!(lines.due(began + Duration::from_secs(29)), None);
        lines.done = 20 << 30;
        lines.message = "1 damaged place".to_owned();
        let said = lines.due(began + Duration::from_secs(30)).unwrap();
        assert_eq!(said, "verifying: 10 GiB of 10 GiB, 100 %, 0 s left; 1 damaged place");
    }

    #[test]
    fn nothing_is_foretold_before_anything_is_done() {
        let began = Instant::now();
        let mut lines = Lines::new("draining", Unit::Items, 0, began);
        assert_eq!(lines.due(began + LINE_EVERY).unwrap(), "draining: 0 of 0, 100 %");
    }

    #[test]
    fn the_templates_are_right() {
        for unit in [Unit::Bytes, Unit::Items] {
            assert!(ProgressStyle::with_template(unit.template()).is_ok(), "{unit:?}");
        }
    }
}
