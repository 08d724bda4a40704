//! `forebay replay`: send what was written to a receiver of OTLP again.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use jiff::Timestamp;

use super::arguments::Replay as Arguments;
use super::progress::{Progress, Stderr, Unit};
use crate::app;
use crate::archive::{Piece, Place};
use crate::config::Config;
use crate::disk::RealDisk;
use crate::otlp::Signal;
use crate::replay::{Event, Of, Options, Replay, Report, State};
use crate::units::ByteSize;
use crate::words::{bytes, counted, table, time};

/// Sends, and says what came of it.
pub(super) fn run(config: &Config, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let options = Options {
        receiver: arguments.reaching.receiver(arguments.to)?,
        signal: arguments.chosen.signal.map(Signal::from),
        max_request_bytes: within("--max-request-bytes", arguments.max_request_bytes)?,
        rate: arguments.rate.map(|rate| within("--rate", rate)).transpose()?,
        retry_for: arguments.retry_for.duration(),
        skip_refused: arguments.skip_refused,
    };
    let runtime = super::server_runtime()?;
    let place = Place::of(&arguments.from, &config.upload)?;
    // What a running forebay has, it delivers itself.
    let _held = match &place {
        Place::DataFolder(path) if !arguments.dry_run => app::hold(&RealDisk, path)?,
        _ => None,
    };
    let found = place.pieces(runtime.handle())?;
    let window = arguments.chosen.window(Timestamp::now())?;
    let wanted = |piece: &&Piece| {
        window.has(piece.received_at)
            && (options.signal.is_none() || piece.signal.is_none() || piece.signal == options.signal)
    };
    let pieces: Vec<_> = found.iter().filter(wanted).collect();
    let of = Of::new(
        arguments.from,
        options.receiver.to.clone(),
        options.signal.map(|signal| signal.name().to_owned()),
    );
    let mut state = match &arguments.state {
        Some(path) => Some(State::open(&RealDisk, path, &of).map_err(anyhow::Error::msg)?),
        None => None,
    };
    if arguments.dry_run {
        super::print(&listed(&pieces, state.as_ref()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_resumable = state.is_some();
    let progress = Progress::begin("sending", Unit::Bytes, pieces.iter().map(|piece| piece.bytes).sum());
    let mut happened = |report: &Report, event: Event<'_>| match event {
        Event::Done { bytes } => progress.advance(bytes),
        Event::Taken => progress.say(&counted(report.items, "item")),
        other => tell(&words(&other)),
    };
    let replay = Replay::new(&options, &place, runtime.handle().clone(), state.as_mut(), &mut happened)?;
    let outcome = replay.run(pieces);
    drop(progress);
    match outcome {
        Ok(report) => {
            let receiver = &options.receiver;
            super::print(&format!("{report}\nto {} ({})\n", receiver.to, receiver.protocol))?;
            Ok(code(report.is_complete()))
        }
        Err(error) if is_resumable => Err(error.into()),
        Err(error) => bail!("{error} (with --state FILE the next run would go on from here)"),
    }
}

/// A size that is one.
fn within(flag: &str, size: ByteSize) -> anyhow::Result<ByteSize> {
    if size.bytes() == 0 {
        bail!("{flag} must be at least 1B");
    }
    Ok(size)
}

/// What would be sent, for `--dry-run`.
fn listed(pieces: &[&Piece], state: Option<&State>) -> String {
    let is_left = |piece: &&&Piece| !state.is_some_and(|state| state.is_done(&piece.name));
    let left: Vec<_> = pieces.iter().filter(is_left).collect();
    let row = |piece: &&&Piece| {
        let received = piece.received_at.map_or_else(|| "-".to_owned(), |time| format!("{time:.3}"));
        let signal = piece.signal.map_or("-", Signal::name).to_owned();
        vec![received, signal, bytes(piece.bytes), piece.name.clone()]
    };
    let mut text = table(&left.iter().map(row).collect::<Vec<_>>());
    let sum = left.iter().map(|piece| piece.bytes).sum();
    let _ = write!(text, "{}, {}", counted(left.len() as u64, "object"), bytes(sum));
    match pieces.len() - left.len() {
        0 => text.push('\n'),
        before => {
            let _ = writeln!(text, "; {} done before", counted(before as u64, "object"));
        }
    }
    text
}

fn words(event: &Event<'_>) -> String {
    match event {
        Event::Waiting { why, retry_for } => {
            format!("it does not go on: {why}; that is tried again for {}", time(*retry_for))
        }
        Event::Resumed { after } => format!("it goes on after {}", time(*after)),
        Event::Refused { piece, why } => format!("{piece}: a request was refused, and passed over: {why}"),
        Event::Unreadable { piece, error } => format!("{piece}: {error}"),
        Event::Done { .. } | Event::Taken => String::new(),
    }
}

/// Tells it on the standard error. That nobody reads it is no error.
fn tell(what: &str) {
    let _ = Stderr.write_all(format!("forebay: {what}\n").as_bytes());
}

const fn code(is_complete: bool) -> ExitCode {
    if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
