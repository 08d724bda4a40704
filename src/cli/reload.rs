//! Reads the configuration again: on SIGHUP, and when its files have changed.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;

use crate::app::{Changed, Reloader};
use crate::collector::{self, Understood};
use crate::config::{Flag, Invalid, Sources, fingerprint};
use crate::notify;

/// For how long files must stay as they are before they are read: who writes one may be half-way.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// How the configuration was put together, so that it can be once more.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    named: Vec<PathBuf>,
    flags: Vec<Flag>,
    ignores: bool,
    /// What the files were before they were read first: a start may take a while, in which they may change.
    first: blake3::Hash,
}

/// The wish of somebody that the configuration be read again. Made early, because SIGHUP ends a process that does not
/// listen for it.
pub(super) struct Wish(Signal);

/// The task that reads the configuration again.
pub(super) struct Reloading {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

impl Reading {
    /// From the files that are named, and by these flags; `ignores` is whether what of a Collector's cannot be done is passed
    /// over.
    pub(super) fn new(named: Vec<PathBuf>, flags: Vec<Flag>, ignores: bool) -> Self {
        let first = fingerprint(&Sources::of_process(named.clone(), flags.clone()));
        Self { named, flags, ignores, first }
    }

    fn sources(&self) -> Sources {
        Sources::of_process(self.named.clone(), self.flags.clone())
    }

    /// Puts the configuration together.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn read(&self) -> Result<Understood, Invalid> {
        collector::load(&self.sources(), self.ignores)
    }
}

impl Wish {
    pub(super) fn listen() -> anyhow::Result<Self> {
        Ok(Self(signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?))
    }
}

impl Reloading {
    /// Starts to look. Must be called on a tokio runtime.
    pub(super) fn start(reading: Reading, reloader: Reloader, wish: Wish) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { task: tokio::spawn(keep(reading, reloader, wish, stopped)), stop }
    }

    /// Ends it, once what is being changed is.
    pub(super) async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "reading the configuration again did not end as it should");
        }
    }
}

/// Reads the configuration again whenever somebody wishes it or its files have changed.
async fn keep(reading: Reading, mut reloader: Reloader, wish: Wish, mut stopped: watch::Receiver<bool>) {
    let Wish(mut hangup) = wish;
    let mut taken = Some(reading.first);
    loop {
        let look = async {
            match reloader.config().reload.watch.duration() {
                Some(every) => sleep(every).await,
                None => std::future::pending().await,
            }
        };
        let is_wished = tokio::select! {
            _ = hangup.recv() => true,
            () = look => false,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        let mut found = fingerprint_of(&reading).await;
        if !is_wished {
            if found == taken {
                continue;
            }
            sleep(SETTLED_AFTER).await;
            let seen = std::mem::replace(&mut found, fingerprint_of(&reading).await);
            if seen != found {
                continue;
            }
        }
        taken = found;
        notify::reloading();
        reload(&reading, &mut reloader).await;
        notify::ready();
    }
}

/// Reads the configuration and puts in force what can change.
async fn reload(reading: &Reading, reloader: &mut Reloader) {
    let again = reading.clone();
    let outcome = match spawn_blocking(move || again.read()).await {
        Ok(Ok(understood)) => {
            for warning in &understood.loaded.warnings {
                tracing::warn!("{warning}");
            }
            reloader.apply(&understood.loaded).await
        }
        Ok(Err(invalid)) => {
            reloader.refuse(&invalid);
            Err(invalid)
        }
        Err(error) => {
            tracing::error!(%error, "the configuration could not be read again");
            return;
        }
    };
    match outcome {
        Ok(changed) => tell(&changed),
        Err(Invalid { problems }) => {
            tracing::error!(
                "the configuration was read again and is wrong; what was in force before stays in force"
            );
            for problem in problems {
                tracing::error!("{problem}");
            }
        }
    }
}

/// Says what has changed, and what will only after a restart.
fn tell(changed: &Changed) {
    let Changed { live, restart } = changed;
    if live.is_empty() {
        tracing::info!("the configuration was read again; no setting has changed that can without a restart");
    } else {
        tracing::info!(
            settings = live.join(", "),
            "the configuration was read again; new settings are in force"
        );
    }
    for key in restart {
        tracing::warn!("{key} takes effect after a restart");
    }
}

async fn fingerprint_of(reading: &Reading) -> Option<blake3::Hash> {
    let sources = reading.sources();
    // One that cannot be made is like no other that can.
    spawn_blocking(move || fingerprint(&sources)).await.ok()
}
