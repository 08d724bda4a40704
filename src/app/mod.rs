//! The one place that knows all stages: wires them together, and takes them down in the right order.
//!
//! Up: the addresses are bound, so that one in use ends the start before anything is touched; then data folder, spool,
//! log, delivery, packing, admin, receiver; nothing is taken in before everything behind it works. Down: the receiver first (what came is answered), then the log is sealed and packed, then delivery gets some
//! time, and the admin server ends last, so that one can watch.

mod data_folder;
mod draining;
mod forecast;
mod greeting;
mod history;
mod intake;
mod lookout;
mod offline;
mod opened;
mod packing;
mod pipeline;
mod rates;
mod reload;
mod room;
mod subject;
mod supervision;
mod told;

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::admin::{self, Listener, Recorder};
use crate::config::{Config, Loaded};
use crate::log::WhenFull;
use crate::notify;
use crate::receive::{self, Listened, Receiver};
use crate::upload;

use self::history::History;
use self::intake::LogIntake;
use self::lookout::keep_lookout;
use self::pipeline::Pipeline;
use self::rates::Rates;
use self::subject::Process;

pub use self::data_folder::{Paths, hold};
pub use self::draining::Draining;
pub use self::greeting::greeting;
pub use self::offline::status;
pub use self::reload::{Changed, Reloader};

/// What the end takes beside answering and delivering: sealing, and the ledger.
const ENDING_BESIDES: Duration = Duration::from_secs(20);

/// How often it is told how far draining has come.
const WATCHED_EVERY: Duration = Duration::from_millis(250);

/// How often observations are sorted into histograms where nobody asks for them.
const TIDY_EVERY: Duration = Duration::from_secs(5);

/// How everything stands when a forebay has ended. What is left is on disk, and delivered after the next start.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How delivery stands.
    pub delivery: upload::Status,
    /// Segments that are not packed, so that delivery does not know of them: there was no time, or the log says why.
    pub segments: u64,
    /// Lists and notices of delivered objects that are not carried; of an hour that goes on, too.
    pub receipts: u64,
}

impl Ended {
    /// Whether everything that was acknowledged is in the bucket.
    pub const fn is_all_delivered(&self) -> bool {
        self.delivery.queued_objects == 0 && self.segments == 0
    }
}

/// A task, and the means to end it.
type Ending = (JoinHandle<()>, watch::Sender<bool>);

/// A running forebay.
#[derive(Debug)]
pub struct App {
    process: Arc<Process>,
    recorder: Recorder,
    receiver: Receiver<LogIntake>,
    admin: Option<Ending>,
    lookout: Ending,
    /// How long the end takes at most, beside the delivery.
    ending_takes: Duration,
}

impl App {
    /// Opens everything and listens. Nothing is taken in before [`App::run`].
    ///
    /// # Errors
    /// What stood in the way, in words for the person who started it.
    pub async fn start(loaded: Loaded, recorder: Recorder) -> anyhow::Result<Self> {
        let started = Instant::now();
        let Loaded { config, settings, .. } = loaded;
        let receiving = receive::Listeners::bind(&config.receive).await?;
        let mut listeners: Vec<_> = receiving
            .addresses()
            .map(|Listened { name, address, tls, auth }| Listener { name, address, tls, auth })
            .collect();
        let admin = admin::Bound::to(&config.admin).await?;
        listeners.extend(admin.as_ref().map(|bound| Listener {
            name: "admin".to_owned(),
            address: bound.address(),
            tls: config.admin.tls.is_on(),
            auth: config.admin.auth.is_on(),
        }));
        let pipeline = Pipeline::start(&config).await?;
        let intake = LogIntake {
            log: pipeline.log.clone(),
            budget: Arc::clone(&pipeline.budget),
            forecast: Arc::clone(&pipeline.forecast),
            segment_bytes: config.log.segment_bytes.bytes(),
            instance: pipeline.writer_id().into(),
        };
        let receiver = Receiver::new(config.receive.clone(), receiving, intake)?;
        let finish_within = config.upload.finish_within.duration().as_millis();
        let finish_within = u64::try_from(finish_within).unwrap_or(u64::MAX);
        let history = History::open(&*pipeline.disk, &Paths::new(&config.data_dir).history());
        let process = Arc::new(Process {
            pipeline,
            tally: receiver.tally(),
            rates: Rates::default(),
            history,
            settings: Mutex::new(settings.iter().map(told::setting).collect()),
            data_dir: config.data_dir.clone(),
            listeners,
            started_at: Timestamp::now(),
            started,
            is_ending: AtomicBool::new(false),
            finish_within_milliseconds: AtomicU64::new(finish_within),
            notes: Mutex::default(),
        });
        // Before anybody asks, so that rates are reckoned from the start.
        process.rates.note(Instant::now(), process.counts());
        let admin = admin.map(|bound| serve(bound.server(Arc::clone(&process), recorder.clone())));
        let (end_lookout, ending) = watch::channel(false);
        let lookout = (tokio::spawn(keep_lookout(Arc::clone(&process), ending)), end_lookout);
        let ending_takes = config.receive.finish_within.duration() + ENDING_BESIDES;
        Ok(Self { process, recorder, receiver, admin, lookout, ending_takes })
    }

    /// The addresses on which it listens, by name: `grpc`, `http` and, unless it is off, `admin`.
    pub fn listeners(&self) -> &[Listener] {
        &self.process.listeners
    }

    /// The id of its data folder, which no other forebay has.
    pub fn instance(&self) -> String {
        self.process.pipeline.writer_id()
    }

    /// Gives the numbers of `/metrics`, whenever it is asked for them.
    pub fn numbers(&self) -> impl Fn() -> String + Send + Sync + 'static {
        let (process, recorder) = (Arc::clone(&self.process), self.recorder.clone());
        move || recorder.render_now(&*process, process.started)
    }

    /// Takes telemetry in until `shutdown`, then answers what came, seals, packs, tries to deliver, and ends. What is
    /// left is on disk and delivered after the next start. Returns how everything stands.
    ///
    /// # Errors
    /// If something of it failed.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> anyhow::Result<Ended> {
        let Self { process, recorder, receiver, admin, lookout, ending_takes } = self;
        let told = tokio::spawn(supervision::keep_told(Arc::clone(&process)));
        let ending = async {
            shutdown.await;
            process.is_ending.store(true, Ordering::Release);
            notify::stopping(ending_takes + process.finish_within());
            tracing::info!("shutting down: nothing more is taken in");
        };
        notify::ready();
        tokio::select! {
            () = receiver.run(ending) => {}
            () = keep_tidy(&recorder), if admin.is_none() => {}
        }
        let ended = process.pipeline.stop(process.finish_within()).await?;
        told.abort();
        for (task, ending) in [lookout].into_iter().chain(admin) {
            ending.send_replace(true);
            task.await?;
        }
        Ok(ended)
    }
}

/// Delivers everything that is in a data folder; takes nothing in. Returns how everything stands once nothing is left,
/// or when `patience` ends. Meanwhile `watch` is told several times a second how far it has come.
///
/// # Errors
/// What stood in the way, in words for the person who started it.
pub async fn drain(
    config: &Config,
    patience: Option<Duration>,
    watch: impl Fn(&Draining),
) -> anyhow::Result<Ended> {
    let mut config = config.clone();
    // Nothing is taken in, so nothing may be dropped to make room for it.
    config.log.when_full = WhenFull::Refuse;
    // Somebody asks for it, at any hour.
    config.upload.hours.clear();
    config.outputs.values_mut().for_each(|output| output.upload.hours.clear());
    // Only what is there is delivered.
    config.objects.schema_objects = false;
    config.outputs.values_mut().for_each(|output| output.objects.schema_objects = false);
    let pipeline = Pipeline::start(&config).await?;
    let began = Instant::now();
    let watching = async {
        loop {
            watch(&Draining::of(&pipeline));
            tokio::time::sleep(WATCHED_EVERY).await;
        }
    };
    let is_flushed = tokio::select! {
        is_flushed = pipeline.flush(patience) => is_flushed,
        () = watching => false,
    };
    if is_flushed {
        // The lists are complete: the folder may be deleted afterwards.
        let patience = patience.map(|patience| patience.saturating_sub(began.elapsed()));
        pipeline.carry_receipts(patience).await;
    }
    pipeline.stop(Duration::ZERO).await
}

/// Sorts observations into histograms every now and then, where there is no admin server that does. Never returns.
async fn keep_tidy(recorder: &Recorder) {
    loop {
        tokio::time::sleep(TIDY_EVERY).await;
        recorder.tidy();
    }
}

/// Starts the admin server, with the means to end it.
fn serve(server: admin::Server<Process>) -> Ending {
    let (ending, mut ended) = watch::channel(false);
    let shutdown = async move {
        // An error says that the other side is gone, which means the same.
        let _ = ended.wait_for(|ending| *ending).await;
    };
    (tokio::spawn(server.run(shutdown)), ending)
}
