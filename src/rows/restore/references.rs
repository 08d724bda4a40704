//! What a row shares with others, its own or that of the row it names.
//!
//! A row beyond the limit of copies names the first row that has what it lacks. An id ends in the place of its row in the
//! request, so what rows in a row have is kept by their places, for one request at a time.

use super::extra::Extra;
use super::levels::Level;
use super::{RestoreError, Row, metrics, shared};
use crate::otlp::Signal;

/// Digits at the end of an id that are the place in the request.
const PLACE_DIGITS: usize = 8;

/// Rows, one after the other, that share something.
#[derive(Debug)]
struct Run {
    first: u32,
    last: u32,
    level: Level,
}

/// What the rows of one request have.
#[derive(Debug, Default)]
pub(super) struct References {
    /// What their ids begin with.
    request: String,
    /// Of resources, scopes and metrics.
    runs: [Vec<Run>; 3],
}

impl References {
    /// What the item of a row lies in, from the outermost.
    pub(super) fn levels(
        &mut self,
        signal: Signal,
        row: &Row,
        extra: &mut Extra,
    ) -> Result<Vec<Level>, RestoreError> {
        let (request, place) = parse(row.text("id").unwrap_or_default())?;
        if request != self.request {
            request.clone_into(&mut self.request);
            self.runs.iter_mut().for_each(Vec::clear);
        }
        let (scopes, items) = match signal {
            Signal::Logs => ("scopeLogs", "logRecords"),
            Signal::Metrics => ("scopeMetrics", "metrics"),
            Signal::Traces => ("scopeSpans", "spans"),
            Signal::Profiles => ("scopeProfiles", "profiles"),
        };
        let resource = match extra.take_text("resourceOf") {
            Some(id) => self.of_other(0, &id)?,
            None => self.own(0, place, shared::resource(row, extra, scopes)?),
        };
        let scope = match extra.take_text("scopeOf") {
            Some(id) => self.of_other(1, &id)?,
            None => self.own(1, place, shared::scope(row, extra, items)?),
        };
        let mut levels = vec![resource, scope];
        if signal == Signal::Metrics {
            levels.push(match extra.take_text("metricOf") {
                Some(id) => self.of_other(2, &id)?,
                None => self.own(2, place, metrics::metric(row, extra)?),
            });
        }
        Ok(levels)
    }

    /// Keeps what a row has.
    fn own(&mut self, kind: usize, place: u32, level: Level) -> Level {
        let runs = &mut self.runs[kind];
        match runs.last_mut() {
            Some(run) if run.level == level => run.last = place,
            _ => runs.push(Run { first: place, last: place, level: level.clone() }),
        }
        level
    }

    /// What the row of this id has.
    fn of_other(&self, kind: usize, id: &str) -> Result<Level, RestoreError> {
        let (request, place) = parse(id)?;
        let run = self.runs[kind].iter().rev().find(|run| (run.first..=run.last).contains(&place));
        match run.filter(|_| request == self.request) {
            Some(run) => Ok(run.level.clone()),
            None => Err(RestoreError(format!("it shares something with row {id}, which is not before it"))),
        }
    }
}

/// What an id begins with, and the place of its row in the request.
fn parse(id: &str) -> Result<(&str, u32), RestoreError> {
    let split = id.len().checked_sub(PLACE_DIGITS).and_then(|middle| id.split_at_checked(middle));
    let parsed = split.and_then(|(request, place)| Some((request, u32::from_str_radix(place, 16).ok()?)));
    parsed.ok_or_else(|| RestoreError(format!("its id is `{id}`, and it is none of forebay's rows")))
}
