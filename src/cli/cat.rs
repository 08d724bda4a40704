//! `forebay cat`: print what objects and segments hold, as OTLP JSON lines.

use std::io;
use std::process::ExitCode;

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::runtime::Handle;

use super::arguments::Cat;
use crate::archive::{Piece, Place, Request};
use crate::config::Config;
use crate::otlp::{self, Signal};

/// Prints, and says what cannot be.
pub(super) fn run(config: &Config, cat: &Cat) -> anyhow::Result<ExitCode> {
    let runtime = super::server_runtime()?;
    let mut printing = Printing {
        signal: cat.chosen.signal.map(Signal::from),
        left: cat.limit.unwrap_or(u64::MAX),
        out: io::BufWriter::new(io::stdout().lock()),
        outcome: Ok(()),
        has_failed: false,
    };
    for written in &cat.what {
        let place = Place::of(written, &config.upload)?;
        let pieces = place.pieces(runtime.handle())?;
        let window = cat.chosen.window(Timestamp::now())?;
        for piece in pieces.iter().filter(|piece| window.has(piece.received_at)) {
            if !printing.piece(piece, &place, runtime.handle()) {
                return printing.end();
            }
        }
    }
    printing.end()
}

/// What goes on.
struct Printing<W: io::Write> {
    signal: Option<Signal>,
    /// As many requests as may still be printed.
    left: u64,
    out: W,
    outcome: io::Result<()>,
    has_failed: bool,
}

impl<W: io::Write> Printing<W> {
    /// Prints the requests of a piece; `false` if there is nothing more to do.
    fn piece(&mut self, piece: &Piece, place: &Place, runtime: &Handle) -> bool {
        if self.signal.is_some() && piece.signal.is_some() && piece.signal != self.signal {
            return true;
        }
        let signal = self.signal;
        let read = piece.each(place.store(), runtime, signal, |request| self.request(&request));
        if let Err(error) = read {
            self.tell(&format!("{}: {error}", piece.name));
        }
        self.left > 0 && self.outcome.is_ok()
    }

    /// Prints a request, if it is wanted; `false` if none is wanted any more.
    fn request(&mut self, request: &Request) -> bool {
        if self.signal.is_some_and(|signal| signal != request.signal) {
            return true;
        }
        if self.left == 0 {
            return false;
        }
        let mut line = Vec::new();
        if let Err(error) = otlp::write_json(request.signal, &request.body, &mut line) {
            self.tell(&format!("a request is no OTLP: {error}"));
            return true;
        }
        line.push(b'\n');
        self.left -= 1;
        self.outcome = self.out.write_all(&line);
        self.outcome.is_ok() && self.left > 0
    }

    fn tell(&mut self, what: &str) {
        self.has_failed = true;
        eprintln!("forebay: {what}");
    }

    /// What came of it.
    fn end(mut self) -> anyhow::Result<ExitCode> {
        match std::mem::replace(&mut self.outcome, Ok(())).and_then(|()| self.out.flush()) {
            // As `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            outcome => outcome.context("cannot write to the standard output")?,
        }
        Ok(if self.has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
