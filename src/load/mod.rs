//! A load generator: sends as much OTLP as it is told to, or as the far side takes, and says what became of it, how
//! long it took and what it cost. Not a stage; it knows OTLP and nothing else of forebay.
//!
//! # What holds
//!
//! - No two requests are alike, in one run and in any two: each has an instance of its service of its own, so none is
//!   taken for one that came again.
//! - A request is sent once. Whatever becomes of it, the next is another one.
//! - At a given rate, latency is counted from the moment at which a request was due and not from the one at which it
//!   could be sent: a far side that stalls does not keep what it delays out of the figures ("coordinated omission").
//! - It costs little itself: what is sent is made beforehand, and of each body only the head of some hundred
//!   bytes is made anew.

mod answer;
mod batched;
mod bodies;
mod connection;
mod error;
mod message;
mod options;
mod pace;
mod report;
mod shapes;
mod tally;
mod target;
mod timer;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};

use self::bodies::Body;
use self::connection::Connection;
use self::pace::Pace;
use self::tally::Tally;
use self::target::Target;
use crate::process::{Process, ProcessorTime};

pub use error::Error;
pub use options::{Bound, Compression, Options, Shape};
pub use report::{Client, Latency, Report, Requests, Server};

/// Sends what the options say, until they are fulfilled, and waits for every answer.
///
/// # Errors
/// When an option is wrong, when the far side cannot be reached to begin with, or when there is no process of which
/// figures are wanted. What becomes of requests is in the report.
pub async fn run(options: &Options) -> Result<Report, Error> {
    options.validate().map_err(Error::Option)?;
    let target = Arc::new(Target::of(options)?);
    let bodies = Arc::new(shapes::bodies(options, run_id(), SystemTime::now())?);
    let connections = connect(options, &target).await?;

    let server = options.process.map(Watched::begin).transpose()?;
    let processor_time = own_processor_time();
    let pace = Arc::new(Pace::begin(options.bound, options.rate).map_err(Error::Timer)?);
    let tally = Arc::new(Tally::new()?);
    let senders: Vec<_> = (0..options.in_flight())
        .map(|sender| {
            let connection = Arc::clone(&connections[sender % connections.len()]);
            let (pace, bodies, tally) = (Arc::clone(&pace), Arc::clone(&bodies), Arc::clone(&tally));
            tokio::spawn(async move { send(&pace, &bodies, &connection, &tally).await })
        })
        .collect();
    for sender in senders {
        sender.await.map_err(|error| Error::Ended(error.to_string()))?.map_err(Error::Timer)?;
    }
    let seconds = pace.elapsed().as_secs_f64();
    let client = Client { cpu_seconds: (own_processor_time().saturating_sub(processor_time)).as_secs_f64() };
    Ok(tally.report(seconds, server.and_then(|server| server.end()), client))
}

/// All connections, so that none is made while time is taken.
async fn connect(options: &Options, target: &Arc<Target>) -> Result<Vec<Arc<Connection>>, Error> {
    let mut connections = Vec::new();
    for _ in 0..options.connections {
        connections.push(Arc::new(Connection::open(Arc::clone(target)).await?));
    }
    Ok(connections)
}

/// Sends one request after the other, as the pace has it.
async fn send(
    pace: &Pace,
    bodies: &[Body],
    connection: &Connection,
    tally: &Tally,
) -> Result<(), std::io::Error> {
    while let Some(turn) = pace.next().await? {
        // In turn: everything in the pool is sent equally often.
        let body = &bodies[usize::try_from(turn.number).unwrap_or(0) % bodies.len()];
        let outcome = connection.send(body, turn.number).await;
        tally.add(body, turn.due.elapsed(), outcome);
    }
    Ok(())
}

/// What tells this run from all others.
fn run_id() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The processor's time that this process took.
fn own_processor_time() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}

/// A process of which the figures of a run are wanted.
struct Watched {
    process: Process,
    before: ProcessorTime,
}

impl Watched {
    fn begin(number: u32) -> Result<Self, Error> {
        let process = Process::numbered(number);
        let before = process.processor_time().ok_or(Error::NoProcess { number })?;
        Ok(Self { process, before })
    }

    /// None if it has ended meanwhile.
    fn end(&self) -> Option<Server> {
        let (time, memory) = (self.process.processor_time()?.since(self.before), self.process.memory()?);
        Some(Server {
            user_seconds: time.user.as_secs_f64(),
            system_seconds: time.system.as_secs_f64(),
            peak_rss_bytes: memory.peak_bytes,
            rss_bytes: memory.resident_bytes,
        })
    }
}
