//! Lines on the standard error.

mod event;
mod line;
mod repeats;

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use tracing::{Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry};

use self::line::Form;
use self::repeats::Repeats;
use super::export::Queue;
use super::options::directives;
use super::{LogFormat, Options};
use crate::metrics;

pub(super) use event::{Event, Value};
pub(super) use line::REPEATED;

/// The variable in which systemd names the stream that it made for journald.
const JOURNAL_VARIABLE: &str = "JOURNAL_STREAM";

/// The lines of this process. What was left out is told at the latest when this is dropped.
#[derive(Debug)]
pub struct Logs {
    shared: Arc<Shared>,
    teller: Option<JoinHandle<()>>,
}

/// What all events share.
#[derive(Debug)]
struct Shared {
    form: Form,
    deciding: Mutex<Deciding>,
    /// Something was left out, or it is over.
    changed: Condvar,
    /// What is shown and shall be exported as well.
    queue: Option<Arc<Queue>>,
}

#[derive(Debug)]
struct Deciding {
    repeats: Repeats,
    is_over: bool,
}

impl Logs {
    /// Begins to log, for the whole process; `level` stands for that of `options` if it is there.
    ///
    /// # Errors
    /// If the process logs already, or the system has no thread to give.
    pub fn start(options: &Options, level: Option<&str>) -> io::Result<Self> {
        let is_exported = options.export.is_on() && options.export.logs;
        let queue = is_exported.then(Arc::<Queue>::default);
        let options = &options.logs;
        let journal = std::env::var(JOURNAL_VARIABLE).ok();
        let form = Form::of(options.format, journal.as_deref(), io::stderr().is_terminal());
        let repeats = Repeats::new(options.repeat_after.duration());
        let deciding = Mutex::new(Deciding { repeats, is_over: false });
        let shared = Arc::new(Shared { form, deciding, changed: Condvar::new(), queue });
        let filter = EnvFilter::new(directives(level.unwrap_or(&options.level)));
        let lines = Lines(Arc::clone(&shared));
        Registry::default().with(filter).with(lines).try_init().map_err(io::Error::other)?;
        metrics::telemetry::register();
        if options.format == LogFormat::Json {
            tell_panics(Arc::clone(&shared));
        }
        let telling = Arc::clone(&shared);
        let teller =
            std::thread::Builder::new().name("log-repeats".to_owned()).spawn(move || telling.tell())?;
        Ok(Self { shared, teller: Some(teller) })
    }

    /// What is to be exported; nothing if that is not wanted.
    pub(super) fn queue(&self) -> Arc<Queue> {
        self.shared.queue.clone().unwrap_or_default()
    }

    /// Whether lines are for machines, which shall find everything in them that a person would read beside them.
    pub fn are_for_machines(&self) -> bool {
        !matches!(self.shared.form, Form::Text { .. })
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        let rest = {
            let mut deciding = self.shared.deciding();
            deciding.is_over = true;
            deciding.repeats.rest()
        };
        for event in rest {
            self.shared.show(&event);
        }
        self.shared.changed.notify_all();
        if let Some(teller) = self.teller.take() {
            // It does nothing that could panic.
            let _ = teller.join();
        }
    }
}

impl Shared {
    fn deciding(&self) -> MutexGuard<'_, Deciding> {
        self.deciding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an event's line, as a whole, and hands it on to the export if there is one.
    fn show(&self, event: &Event) {
        let line = self.form.line(event);
        if io::stderr().lock().write_all(line.as_bytes()).is_err() {
            metrics::telemetry::lines_lost(1);
        }
        if event.may_be_exported
            && let Some(queue) = &self.queue
        {
            queue.add(event.clone());
        }
    }

    /// Tells what was left out when it is time, until it is over.
    fn tell(&self) {
        let mut deciding = self.deciding();
        while !deciding.is_over {
            let now = Instant::now();
            let due = deciding.repeats.due(now);
            if !due.is_empty() {
                drop(deciding);
                for event in due {
                    self.show(&event);
                }
                deciding = self.deciding();
                continue;
            }
            deciding = match deciding.repeats.next_due() {
                None => self.changed.wait(deciding).unwrap_or_else(PoisonError::into_inner),
                Some(due) => {
                    let wait = due.saturating_duration_since(now);
                    let waited = self.changed.wait_timeout(deciding, wait);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// Makes lines of events.
struct Lines(Arc<Shared>);

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, told: &tracing::Event<'_>, _: Context<'_, S>) {
        let event = Event::new(told);
        metrics::telemetry::log_events(&event.level);
        // Who asks for the levels below wants every one.
        let shown = if event.level > Level::INFO {
            Some(event)
        } else {
            let mut deciding = self.0.deciding();
            // What is told behind the end has nobody to count it.
            let now = Instant::now();
            if deciding.is_over {
                Some(event)
            } else {
                deciding.repeats.admit(told.metadata().callsite(), event, now)
            }
        };
        if let Some(event) = shown {
            self.0.show(&event);
        } else {
            metrics::telemetry::repeats_left_out(1);
            self.0.changed.notify_one();
        }
    }
}

/// Makes lines of panics as well, which otherwise are text whatever the format is.
fn tell_panics(shared: Arc<Shared>) {
    std::panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        shared.show(&Event::of_panic(panic, thread.name().unwrap_or("without a name")));
    }));
}
