//! Whom a listener asks for credentials, and what it knows of those who have them.
//!
//! A client has a token, or a name and a password (basic authentication, RFC 7617). Tokens and users stand in the settings
//! or in files, which are looked at every now and then; what is new and right holds for the next request, and a file that
//! is broken or gone changes nothing. No secret is ever logged, or compared byte by byte.

mod credentials;
mod keyed;
mod known;
mod options;
mod passwords;
mod rate;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::credentials::Credentials;
use self::keyed::Keyed;
use self::known::{Files, Known};
use self::passwords::Verifier;
use super::Error;
use crate::metrics;

pub use options::{AuthOptions, Token, WhenFull};
pub use rate::Rate;

/// Bytes that the name of a tenant has at most.
pub const TENANT_BYTES_MAX: usize = 1024;

/// Somebody whose credentials are known.
#[derive(Debug)]
pub struct Identity {
    /// What stands in logs for the credentials.
    pub name: String,
    /// Whose their data are; empty if nobody's.
    pub tenant: Arc<str>,
    /// Their largest request, if there is such a limit.
    pub max_request_bytes: Option<u64>,
    /// How much they may send, if there is such a limit.
    pub rate: Option<Rate>,
}

impl Identity {
    fn named(name: &str, tenant: &str) -> Self {
        Self { name: name.to_owned(), tenant: tenant.into(), max_request_bytes: None, rate: None }
    }

    fn of_token(name: &str, token: &Token) -> Self {
        Self {
            max_request_bytes: token.max_request_bytes.map(crate::units::ByteSize::bytes),
            rate: token.bytes_per_second.map(|rate| Rate::new(rate.bytes(), token.when_full)),
            ..Self::named(name, &token.tenant)
        }
    }
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It shows no credentials.
    #[error("credentials are needed, and there are none")]
    Missing,
    /// It shows something that is none.
    #[error("the credentials cannot be read")]
    Malformed,
    /// Nobody has this token.
    #[error("the token is not known")]
    UnknownToken,
    /// Nobody has this name with this password.
    #[error("the name or the password is wrong")]
    WrongPassword,
    /// There was no time to verify it.
    #[error("too many passwords are being verified at once")]
    Busy,
}

impl Denied {
    /// The value of the metric label `reason`; `None` if it says nothing about the credentials.
    const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Missing => Some("missing"),
            Self::Malformed => Some("malformed"),
            Self::UnknownToken => Some("unknown_token"),
            Self::WrongPassword => Some("wrong_password"),
            Self::Busy => None,
        }
    }
}

/// Asks for credentials.
pub struct Authenticator {
    listener: String,
    section: String,
    options: AuthOptions,
    header: HeaderName,
    keyed: Keyed,
    verifier: Verifier,
    /// Those of the tokens in the settings, whose limits outlive a change of the files.
    fixed: HashMap<String, Arc<Identity>>,
    known: RwLock<Arc<Known>>,
    seen: Mutex<Seen>,
}

/// What the files had in them.
#[derive(Default)]
struct Seen {
    /// Those of which what is known is made.
    used: Option<blake3::Hash>,
    /// When they were last looked at; `None` if they could not be read.
    last: Option<blake3::Hash>,
    has_complained: bool,
}

impl Authenticator {
    /// Reads the files that `options` name; `section` is where these settings stand, and `listener` whose they are.
    ///
    /// # Errors
    /// When a file cannot be read, or is not what it has to be.
    pub fn load(listener: &str, section: &str, options: &AuthOptions) -> Result<Self, Error> {
        let wrong = |name: &str, problem: String| {
            Error::file(format!("{section}.{name}"), std::path::Path::new(&options.header), problem)
        };
        let header = options.header.parse().map_err(|_| wrong("header", "it is no header".to_owned()))?;
        let keyed = Keyed::new().map_err(|problem| wrong("header", problem))?;
        let identity =
            |(name, token): (&String, &Token)| (name.clone(), Arc::new(Identity::of_token(name, token)));
        let fixed: HashMap<_, _> = options.tokens.iter().map(identity).collect();
        let files = Files::read(section, options)?;
        let known = Known::new(section, options, &files, &fixed, &keyed)?;
        let used = Some(files.fingerprint(&keyed));
        metrics::listen::auth_reload_failures(listener, 0);
        for denied in [Denied::Missing, Denied::Malformed, Denied::UnknownToken, Denied::WrongPassword] {
            metrics::listen::auth_failures(listener, denied.reason().unwrap_or_default(), 0);
        }
        Ok(Self {
            listener: listener.to_owned(),
            section: section.to_owned(),
            options: options.clone(),
            header,
            verifier: Verifier::new(keyed.clone()),
            keyed,
            fixed,
            known: RwLock::new(Arc::new(known)),
            seen: Mutex::new(Seen { used, last: used, has_complained: false }),
        })
    }

    #[cfg(test)]
    pub(crate) fn options(&self) -> &AuthOptions {
        &self.options
    }

    /// Who sends a request with these headers. Waits for the verification of passwords until `patience_ends`.
    ///
    /// # Errors
    /// Why it is not let in; that is counted.
    pub async fn identify(
        &self,
        headers: &HeaderMap,
        patience_ends: Instant,
    ) -> Result<Arc<Identity>, Denied> {
        let identified = match Credentials::of(headers, &self.header, &self.options) {
            Ok(credentials) => self.find(credentials, patience_ends).await,
            Err(denied) => Err(denied),
        };
        if let Some(reason) = identified.as_ref().err().and_then(|denied| denied.reason()) {
            metrics::listen::auth_failures(&self.listener, reason, 1);
        }
        identified
    }

    async fn find(
        &self,
        credentials: Credentials<'_>,
        patience_ends: Instant,
    ) -> Result<Arc<Identity>, Denied> {
        let known = Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner));
        match credentials {
            Credentials::Token(token) => {
                let found = known.tokens.get(&self.keyed.hash(&[token]));
                found.cloned().ok_or(Denied::UnknownToken)
            }
            Credentials::Password { name, password } => {
                if let Some(user) = known.users.get(&name) {
                    self.verifier.verify(&name, &user.password, &password, patience_ends).await?;
                    return Ok(Arc::clone(&user.identity));
                }
                // Takes as long as for a name that is known, so that none can be found out.
                if let Some(example) = &known.example {
                    let _ = self.verifier.verify("", example, &password, patience_ends).await;
                }
                Err(Denied::WrongPassword)
            }
        }
    }

    /// What an answer to a client without credentials says that it should show (`WWW-Authenticate`, RFC 9110).
    pub fn challenges(&self) -> impl Iterator<Item = HeaderValue> {
        let scheme = if self.options.scheme.is_empty() { "Bearer" } else { &self.options.scheme };
        let token = self.options.has_tokens().then(|| format!("{scheme} realm=\"forebay\""));
        let basic = self.options.has_users().then(|| "Basic realm=\"forebay\", charset=\"UTF-8\"".to_owned());
        [token, basic].into_iter().flatten().filter_map(|challenge| HeaderValue::try_from(challenge).ok())
    }

    /// Looks at the files every now and then. Never returns.
    pub async fn keep_fresh(self: Arc<Self>) {
        if self.options.tokens_file.is_none() && self.options.htpasswd_file.is_none() {
            std::future::pending::<()>().await;
        }
        let mut looks = interval(self.options.reload_interval.duration());
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let authenticator = Arc::clone(&self);
            if let Err(error) = spawn_blocking(move || authenticator.look()).await {
                tracing::error!(listener = self.listener, %error, "the files of credentials could not be looked at");
            }
        }
    }

    /// Takes what is new in the files, if it is right. What is wrong may be half of a change: it is complained of when it
    /// is still there at the next look.
    fn look(&self) {
        let files = Files::read(&self.section, &self.options);
        let found = files.as_ref().ok().map(|files| files.fingerprint(&self.keyed));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_still_there = seen.last == found;
        seen.has_complained &= is_still_there;
        seen.last = found;
        if found.is_some() && found == seen.used {
            return;
        }
        let known = files
            .and_then(|files| Known::new(&self.section, &self.options, &files, &self.fixed, &self.keyed));
        match known {
            Ok(known) => {
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
                seen.used = found;
                tracing::info!(listener = self.listener, "new tokens or users are known");
            }
            Err(error) if is_still_there && !seen.has_complained => {
                seen.has_complained = true;
                metrics::listen::auth_reload_failures(&self.listener, 1);
                tracing::error!(listener = self.listener, %error, "new tokens or users are not taken; the old ones stay");
            }
            Err(_) => {}
        }
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("options", &self.options).finish_non_exhaustive()
    }
}
