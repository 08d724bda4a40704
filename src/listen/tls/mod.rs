//! TLS of a listener, by rustls.
//!
//! A handshake takes place in the task of its connection, so that it keeps nobody waiting, and has a deadline. The files
//! are looked at every now and then; what is new and right holds for new connections, and those that are there go on.

mod files;
mod options;
mod validity;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fmt, io};

use jiff::Timestamp;
use rustls::ServerConfig;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsAcceptor;

use self::files::{Files, Fingerprint, Served};
use super::{Error, Stream};
use crate::metrics;

pub(crate) use files::{authorities, certificates, key};
pub use options::{TlsOptions, TlsVersion};

/// HTTP/2, and HTTP/1.1 for those that do not speak it.
pub const HTTP: &[&[u8]] = &[b"h2", b"http/1.1"];

/// HTTP/1.1 alone.
pub const HTTP1: &[&[u8]] = &[b"http/1.1"];

/// The TLS of a listener.
pub struct Tls {
    listener: String,
    section: String,
    options: TlsOptions,
    alpn: &'static [&'static [u8]],
    serving: Mutex<Serving>,
}

/// What is served with now.
struct Serving {
    config: Arc<ServerConfig>,
    not_after: Option<Timestamp>,
    /// What the files had in them of which it is made.
    used: Fingerprint,
    /// What they had in them when they were last looked at; `None` if they could not be read.
    seen: Option<Fingerprint>,
    /// Whether what was seen then was complained of.
    has_complained: bool,
}

impl Tls {
    /// Reads the files that `options` name; `section` is where these settings stand, and `listener` whose they are.
    ///
    /// # Errors
    /// When a file cannot be read, or is not what it has to be.
    pub fn load(
        listener: &str,
        section: &str,
        options: &TlsOptions,
        alpn: &'static [&'static [u8]],
    ) -> Result<Self, Error> {
        let files = Files::read(section, options)?;
        let Served { config, not_after } = files.serve(section, options, alpn)?;
        metrics::listen::reload_failures(listener, 0);
        metrics::listen::handshake_failures(listener, 0);
        let used = files.fingerprint();
        let serving = Serving { config, not_after, seen: Some(used.clone()), used, has_complained: false };
        let tls = Self {
            listener: listener.to_owned(),
            section: section.to_owned(),
            options: options.clone(),
            alpn,
            serving: Mutex::new(serving),
        };
        tls.report_expiry(not_after);
        if not_after.is_some_and(|end| end < Timestamp::now()) {
            tls.warn_of_expiry();
        }
        Ok(tls)
    }

    /// Shakes hands with a client.
    ///
    /// # Errors
    /// When it speaks no TLS, shows no certificate that is right, does not trust ours, or takes too long.
    pub async fn accept(&self, stream: Stream) -> io::Result<Stream> {
        let config = Arc::clone(&self.serving().config);
        let shaking = TlsAcceptor::from(config).accept(stream);
        match timeout(self.options.handshake_timeout.duration(), shaking).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            outcome => {
                metrics::listen::handshake_failures(&self.listener, 1);
                Err(outcome.map_or_else(
                    |_| io::ErrorKind::TimedOut.into(),
                    |failed| match failed {
                        Err(error) => error,
                        Ok(_) => io::ErrorKind::Other.into(),
                    },
                ))
            }
        }
    }

    /// Looks at the files every now and then. Never returns.
    pub async fn keep_fresh(self: Arc<Self>) {
        let mut looks = interval(self.options.reload_interval.duration());
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let tls = Arc::clone(&self);
            if let Err(error) = spawn_blocking(move || tls.look()).await {
                tracing::error!(listener = self.listener, %error, "the files of TLS could not be looked at");
            }
        }
    }

    /// Takes what is new in the files, if it is right. What is wrong may be half of a change: it is complained of when it
    /// is still there at the next look.
    fn look(&self) {
        let files = Files::read(&self.section, &self.options);
        let seen = files.as_ref().ok().map(Files::fingerprint);
        let is_new = Some(&self.serving().used) != seen.as_ref();
        let served =
            is_new.then(|| files.and_then(|files| files.serve(&self.section, &self.options, self.alpn)));
        let mut serving = self.serving();
        let is_still_there = serving.seen == seen;
        serving.has_complained &= is_still_there;
        match (served, &seen) {
            (Some(Ok(Served { config, not_after })), Some(used)) => {
                (serving.config, serving.not_after, serving.used) = (config, not_after, used.clone());
                tracing::info!(listener = self.listener, "new certificates of TLS are in use");
            }
            (Some(Err(error)), _) if is_still_there && !serving.has_complained => {
                serving.has_complained = true;
                metrics::listen::reload_failures(&self.listener, 1);
                tracing::error!(listener = self.listener, %error, "new certificates are not taken; the old ones stay");
            }
            _ => {}
        }
        serving.seen = seen;
        self.report_expiry(serving.not_after);
    }

    fn serving(&self) -> MutexGuard<'_, Serving> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report_expiry(&self, not_after: Option<Timestamp>) {
        if let Some(end) = not_after {
            let left = end.duration_since(Timestamp::now()).as_secs_f64();
            metrics::listen::certificate_expiry(&self.listener, left);
        }
    }

    fn warn_of_expiry(&self) {
        let file = self.options.cert_file.as_deref().unwrap_or(std::path::Path::new(""));
        tracing::warn!(
            listener = self.listener,
            "{}.cert_file is {}: its certificate is not valid any more, and clients will not trust it",
            self.section,
            file.display()
        );
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("options", &self.options).finish_non_exhaustive()
    }
}
