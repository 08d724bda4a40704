//! The work itself: piece after piece, request after request.

use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::gathering::{Gathered, Gathering};
use super::pace::Pace;
use super::patience::Patience;
use super::{Error, Event, Options, Report, State};
use crate::archive::{self, Piece, Place, Request};
use crate::otlp;
use crate::send::{Carried, Carrier};

/// A replay that goes on.
pub struct Replay<'a> {
    options: &'a Options,
    place: &'a Place,
    carrier: Carrier,
    runtime: Handle,
    state: Option<&'a mut State>,
    pace: Pace,
    report: Report,
    tell: &'a mut dyn FnMut(&Report, Event<'_>),
}

impl<'a> Replay<'a> {
    /// Begins one from `place`; what `state` says was done before is not sent. Whatever happens is given to `tell`.
    ///
    /// # Errors
    /// If the receiver is not described well.
    pub fn new(
        options: &'a Options,
        place: &'a Place,
        runtime: Handle,
        state: Option<&'a mut State>,
        tell: &'a mut dyn FnMut(&Report, Event<'_>),
    ) -> Result<Self, Error> {
        Ok(Self {
            carrier: Carrier::new(&options.receiver)?,
            pace: Pace::new(options.rate, Instant::now()),
            report: Report::default(),
            options,
            place,
            runtime,
            state,
            tell,
        })
    }

    /// Sends these pieces, one after the other. Blocks the thread, which must not be one of the runtime's.
    ///
    /// # Errors
    /// What ends it before its time. What was taken until then is in the state.
    pub fn run<'p>(mut self, pieces: impl IntoIterator<Item = &'p Piece>) -> Result<Report, Error> {
        for piece in pieces {
            if self.state.as_ref().is_some_and(|state| state.is_done(&piece.name)) {
                self.report.pieces_before += 1;
            } else {
                self.piece(piece)?;
            }
            self.tell(Event::Done { bytes: piece.bytes });
        }
        Ok(self.report)
    }

    fn tell(&mut self, event: Event<'_>) {
        (self.tell)(&self.report, event);
    }

    /// Sends a piece. Where the store stops giving it, it is read again, and what was taken is passed over.
    fn piece(&mut self, piece: &Piece) -> Result<(), Error> {
        let mut taken = self.state.as_ref().map_or(0, |state| state.taken(&piece.name));
        let mut patience = Patience::new(self.options.retry_for);
        loop {
            let mut gathering = Gathering::new(self.options.max_request_bytes, taken);
            let read = self.read(piece, &mut gathering)?;
            if gathering.come() > taken || read.is_ok() {
                taken = taken.max(gathering.come());
                if !patience.is_fresh() {
                    self.tell(Event::Resumed { after: patience.elapsed() });
                }
                patience = Patience::new(self.options.retry_for);
            }
            match read {
                Ok(()) => {
                    self.report.pieces += 1;
                    return self.keep(piece, taken, true);
                }
                Err(archive::Error::Store(why)) => {
                    if !self.waits(&mut patience, &why, None) {
                        return Err(Error::Store { piece: piece.name.clone(), why });
                    }
                }
                Err(error) => {
                    self.report.unreadable += 1;
                    self.tell(Event::Unreadable { piece: &piece.name, error: &error });
                    return Ok(());
                }
            }
        }
    }

    /// Reads a piece, and sends all that comes. What stands in the way of reading on is given back.
    fn read(
        &mut self,
        piece: &Piece,
        gathering: &mut Gathering,
    ) -> Result<Result<(), archive::Error>, Error> {
        let mut outcome = Ok(());
        let (place, runtime, signal) = (self.place, self.runtime.clone(), self.options.signal);
        let read = piece.each(place.store(), &runtime, signal, |request| {
            outcome = self.request(gathering, &request, piece);
            outcome.is_ok()
        });
        outcome?;
        if let Some(rest) = gathering.rest() {
            self.send(&rest, piece)?;
        }
        Ok(read)
    }

    /// Takes a request apart, and sends what has become full.
    fn request(&mut self, gathering: &mut Gathering, request: &Request, piece: &Piece) -> Result<(), Error> {
        if self.options.signal.is_some_and(|signal| signal != request.signal) {
            return Ok(());
        }
        // Whoever read it has validated it.
        for resource in otlp::resources(request.signal, &request.body).unwrap_or_default() {
            if let Some(full) = gathering.add(request.signal, resource) {
                self.send(&full, piece)?;
            }
        }
        Ok(())
    }

    /// Has a request taken, and keeps that.
    fn send(&mut self, gathered: &Gathered, piece: &Piece) -> Result<(), Error> {
        let items = u64::from(otlp::validate(gathered.signal, &gathered.body).unwrap_or_default());
        let due = self.pace.due(gathered.body.len(), Instant::now());
        thread::sleep(due.saturating_duration_since(Instant::now()));
        match self.taken(gathered, piece)? {
            Ok(rejected) => {
                self.report.requests += 1;
                self.report.items += items;
                self.report.rejected += rejected;
                self.tell(Event::Taken);
            }
            Err(why) if self.options.skip_refused => {
                self.report.refused += items;
                self.tell(Event::Refused { piece: &piece.name, why: &why });
            }
            Err(why) => return Err(Error::Refused { piece: piece.name.clone(), why }),
        }
        self.keep(piece, gathered.up_to, false)
    }

    /// Sends a request until it is taken, and says how many items of it were rejected; or the reason why it never will be.
    fn taken(&mut self, gathered: &Gathered, piece: &Piece) -> Result<Result<u64, String>, Error> {
        let mut patience = Patience::new(self.options.retry_for);
        loop {
            let carried = self.runtime.block_on(self.carrier.carry(gathered.signal, &gathered.body));
            let (why, after) = match carried {
                Ok(Carried::Taken { rejected }) => {
                    if !patience.is_fresh() {
                        self.tell(Event::Resumed { after: patience.elapsed() });
                    }
                    return Ok(Ok(rejected));
                }
                Ok(Carried::Never { why }) => return Ok(Err(why)),
                Ok(Carried::Later { why, after }) => (why, after),
                Err(error) => (error.to_string(), None),
            };
            if !self.waits(&mut patience, &why, after) {
                let (piece, within) = (piece.name.clone(), self.options.retry_for);
                return Err(Error::NotTaken { piece, why, within });
            }
        }
    }

    /// Waits before something is tried again; `false` if that has lasted long enough.
    fn waits(&mut self, patience: &mut Patience, why: &str, asked: Option<Duration>) -> bool {
        let is_news = patience.is_fresh();
        let Some(wait) = patience.next(asked) else { return false };
        if is_news {
            self.tell(Event::Waiting { why, retry_for: self.options.retry_for });
        }
        thread::sleep(wait);
        true
    }

    fn keep(&mut self, piece: &Piece, taken: u64, done: bool) -> Result<(), Error> {
        match &mut self.state {
            Some(state) => state.keep(&piece.name, taken, done).map_err(Error::State),
            None => Ok(()),
        }
    }
}
