//! What holds for the connections of one listener.

use std::sync::Arc;

use http::header::{ORIGIN, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use tokio::time::Instant;

use super::answer_body::AnswerBody;
use super::caller::Caller;
use super::cors::Cors;
use super::fault::Fault;
use super::options::Listening;
use super::{ConnectionOptions, Options, Refusal};
use crate::listen::auth::{AuthOptions, Authenticator, Denied};
use crate::listen::tls::{self, Tls, TlsOptions};
use crate::listen::{self, Stream};
use crate::metrics;

/// The value of the metric label `reason` for who names a tenant that is not its own.
const FORBIDDEN: &str = "forbidden";

/// What holds for the connections of one listener.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) name: String,
    pub(super) connection: ConnectionOptions,
    /// With the place of its settings, and with these.
    tls: Option<(String, TlsOptions, Arc<Tls>)>,
    authenticator: Option<Arc<Authenticator>>,
    cors: Option<Cors>,
    tenant_header: Option<HeaderName>,
}

/// Those who ask for credentials, by what they are asked for. Listeners that ask for the same have one together, so that
/// what somebody may send a second is that, whichever of them it comes to.
pub(super) type Authenticators = Vec<(AuthOptions, Arc<Authenticator>)>;

impl Endpoint {
    /// That of a listener, with what its files have in them. What is as in `before`, which it replaces, goes on.
    ///
    /// # Errors
    /// When a file cannot be read, or is not what it has to be.
    pub(super) fn load(
        listening: &Listening,
        options: &Options,
        authenticators: &mut Authenticators,
        before: Option<&Self>,
    ) -> Result<Self, listen::Error> {
        let Listening { name, section, options: own, .. } = listening;
        // What is as in `receive` is said to stand there.
        let place = |inherits: bool, part: &str| {
            format!("{}.{part}", if inherits { "receive" } else { section.as_str() })
        };
        let tls = own.tls.is_on().then(|| -> Result<_, listen::Error> {
            let place = place(own.tls == options.tls, "tls");
            let known = before.and_then(|before| before.tls.as_ref());
            if let Some(known) = known.filter(|(at, tls, _)| *at == place && *tls == own.tls) {
                return Ok(known.clone());
            }
            let tls = Tls::load(name, &place, &own.tls, tls::HTTP)?;
            Ok((place, own.tls.clone(), Arc::new(tls)))
        });
        if !options.tenant_header.is_empty() {
            metrics::listen::auth_failures(name, FORBIDDEN, 0);
        }
        let place = place(own.auth == options.auth, "auth");
        let authenticator = own.auth.is_on().then(|| authenticator(authenticators, name, &place, &own.auth));
        Ok(Self {
            name: name.clone(),
            connection: own.connection.clone(),
            tls: tls.transpose()?,
            authenticator: authenticator.transpose()?,
            cors: Cors::of(&own.cors),
            tenant_header: options.tenant_header.parse().ok(),
        })
    }

    /// Puts what it goes by into the section `receive`, as if that were its own.
    #[cfg(test)]
    pub(super) fn show(&self, options: &mut Options) {
        let tls = self.tls.as_ref().map(|(_, tls, _)| tls.clone());
        let auth = self.authenticator.as_ref().map(|authenticator| authenticator.options().clone());
        if tls.is_some() != options.tls.is_on() || auth.is_some() != options.auth.is_on() {
            options
                .listeners
                .insert(format!("{} goes by others", self.name), super::ListenerOptions::default());
        }
        options.tls = tls.unwrap_or_else(|| options.tls.clone());
        options.auth = auth.unwrap_or_else(|| options.auth.clone());
        options.connection = self.connection.clone();
        if format!("{:?}", Cors::of(&options.cors)) != format!("{:?}", self.cors) {
            options.cors = super::CorsOptions::default();
        }
        options.tenant_header = self.tenant_header.as_ref().map(ToString::to_string).unwrap_or_default();
    }

    /// That of a connection that comes by no listener.
    pub(super) fn in_memory(options: &Options) -> Self {
        Self {
            name: "memory".to_owned(),
            connection: options.connection.clone(),
            tls: None,
            authenticator: None,
            cors: Cors::of(&options.cors),
            tenant_header: options.tenant_header.parse().ok(),
        }
    }

    /// Whether it speaks TLS only.
    pub(super) fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether it asks for credentials.
    pub(super) fn asks(&self) -> bool {
        self.authenticator.is_some()
    }

    /// Whether it asks by these credentials.
    pub(super) fn asks_by(&self, authenticator: &Arc<Authenticator>) -> bool {
        self.authenticator.as_ref().is_some_and(|own| Arc::ptr_eq(own, authenticator))
    }

    /// Shakes hands with a client, if that is to be done.
    ///
    /// # Errors
    /// When that fails.
    pub(super) async fn shake_hands(&self, stream: Stream) -> std::io::Result<Stream> {
        match &self.tls {
            Some((.., tls)) => tls.accept(stream).await,
            None => Ok(stream),
        }
    }

    /// The answer to a request that comes before another one, from a browser; `None` if it is an ordinary one.
    pub(super) fn preflight<B>(&self, request: &Request<B>) -> Option<Response<AnswerBody>> {
        let cors = self.cors.as_ref()?;
        let mut response = cors.preflight(request)?;
        cors.show(request.headers().get(ORIGIN), response.headers_mut());
        Some(response)
    }

    /// Who makes a call with these headers.
    ///
    /// # Errors
    /// When its credentials are missing or wrong, or its tenant is.
    pub(super) async fn admit(&self, headers: &HeaderMap, patience_ends: Instant) -> Result<Caller, Fault> {
        let identity = match &self.authenticator {
            None => None,
            Some(authenticator) => {
                let identified = authenticator.identify(headers, patience_ends).await;
                Some(identified.map_err(|denied| match denied {
                    Denied::Busy => Refusal::Overloaded.into(),
                    denied => Fault::Unauthenticated(denied),
                })?)
            }
        };
        let caller = Caller::new(identity, self.tenant_header.as_ref(), headers);
        if let Err(Fault::ForeignTenant) = caller {
            metrics::listen::auth_failures(&self.name, FORBIDDEN, 1);
        }
        caller
    }

    /// Adds to an answer what only the listener knows: how to show credentials, and which page may see it.
    pub(super) fn complete(&self, origin: Option<&HeaderValue>, response: &mut Response<AnswerBody>) {
        if response.status() == StatusCode::UNAUTHORIZED {
            let challenges = self.authenticator.iter().flat_map(|authenticator| authenticator.challenges());
            response.headers_mut().extend(challenges.map(|challenge| (WWW_AUTHENTICATE, challenge)));
        }
        if let Some(cors) = &self.cors {
            cors.show(origin, response.headers_mut());
        }
    }

    /// Looks at the files every now and then. Never returns.
    pub(super) async fn keep_fresh(&self) {
        let tls = async {
            if let Some((.., tls)) = &self.tls {
                Arc::clone(tls).keep_fresh().await;
            }
        };
        let authenticator = async {
            if let Some(authenticator) = &self.authenticator {
                Arc::clone(authenticator).keep_fresh().await;
            }
        };
        tokio::join!(tls, authenticator);
        std::future::pending::<()>().await;
    }
}

/// The one that asks for what `options` say.
fn authenticator(
    authenticators: &mut Authenticators,
    listener: &str,
    section: &str,
    options: &AuthOptions,
) -> Result<Arc<Authenticator>, listen::Error> {
    if let Some((_, known)) = authenticators.iter().find(|(known, _)| known == options) {
        return Ok(Arc::clone(known));
    }
    let new = Arc::new(Authenticator::load(listener, section, options)?);
    authenticators.push((options.clone(), Arc::clone(&new)));
    Ok(new)
}
