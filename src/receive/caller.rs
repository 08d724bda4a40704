//! Who makes a call: whose the data are, and how much it may send.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderMap, HeaderName};
use tokio::time::{Instant, sleep_until};

use super::fault::Fault;
use super::held::counted_when_held;
use crate::listen::auth::{Identity, TENANT_BYTES_MAX};
use crate::units::ByteSize;

/// Who makes a call.
#[derive(Debug)]
pub(super) struct Caller {
    /// Whose the data are; empty if nobody said so.
    pub(super) tenant: Arc<str>,
    /// `None` if nobody was asked.
    identity: Option<Arc<Identity>>,
    /// Bytes that count against its rate so far.
    counted: AtomicU64,
}

impl Caller {
    /// Somebody who was not asked who it is, and belongs to nobody.
    pub(super) fn anonymous() -> Self {
        Self { tenant: "".into(), identity: None, counted: AtomicU64::new(0) }
    }

    /// Somebody with these credentials, if it was asked for any, who names a tenant in `header`, if there is one that it
    /// may.
    ///
    /// # Errors
    /// When the tenant is another one than that of the credentials, or cannot be one.
    pub(super) fn new(
        identity: Option<Arc<Identity>>,
        header: Option<&HeaderName>,
        headers: &HeaderMap,
    ) -> Result<Self, Fault> {
        let own =
            identity.as_ref().map(|identity| Arc::clone(&identity.tenant)).filter(|own| !own.is_empty());
        let named = header.map(|header| named_tenant(header, headers)).transpose()?.flatten();
        let tenant = match (own, named) {
            (Some(own), Some(named)) if *own != *named => return Err(Fault::ForeignTenant),
            (Some(own), _) => own,
            (None, Some(named)) => named.into(),
            (None, None) => "".into(),
        };
        Ok(Self { tenant, identity, counted: AtomicU64::new(0) })
    }

    /// Whether its request may have so many bytes.
    ///
    /// # Errors
    /// When its credentials allow less.
    pub(super) fn check_size(&self, bytes: usize) -> Result<(), Fault> {
        match self.identity.as_ref().and_then(|identity| identity.max_request_bytes) {
            Some(most) if bytes as u64 > most => Err(Fault::BeyondCredentials(ByteSize(most))),
            _ => Ok(()),
        }
    }

    /// Waits until a request of `bytes` is due, as its credentials have it, but not longer than `patience_ends`.
    ///
    /// # Errors
    /// When it is not due by then.
    pub(super) async fn until_due(&self, bytes: usize, patience_ends: Instant) -> Result<(), Fault> {
        let Some(rate) = self.identity.as_ref().and_then(|identity| identity.rate.as_ref()) else {
            return Ok(());
        };
        let (bytes, now) = (bytes as u64, Instant::now());
        let due =
            rate.admit(bytes, now, patience_ends).map_err(|wait| Fault::TooFast(whole_seconds(wait)))?;
        self.counted.store(bytes, Ordering::Relaxed);
        if due > now {
            counted_when_held(sleep_until(due)).await;
        }
        Ok(())
    }

    /// Its request turned out to have `bytes`, uncompressed.
    pub(super) fn count(&self, bytes: usize) {
        if let Some(rate) = self.identity.as_ref().and_then(|identity| identity.rate.as_ref()) {
            rate.correct(self.counted.swap(bytes as u64, Ordering::Relaxed), bytes as u64);
        }
    }
}

/// Rounded up, for `Retry-After` knows no less.
fn whole_seconds(wait: Duration) -> Duration {
    Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}

/// The tenant that a request names; `None` if it names none, or an empty one.
fn named_tenant<'a>(header: &HeaderName, headers: &'a HeaderMap) -> Result<Option<&'a str>, Fault> {
    let wrong = |why: &str| Fault::Undecodable(format!("its header {header} {why}"));
    let mut values = headers.get_all(header).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.any(|other| other != value) {
        return Err(wrong("names several tenants"));
    }
    let tenant = std::str::from_utf8(value.as_bytes()).map_err(|_| wrong("is not UTF-8"))?.trim();
    if tenant.len() > TENANT_BYTES_MAX {
        return Err(wrong("has more than 1024 bytes"));
    }
    Ok(Some(tenant).filter(|tenant| !tenant.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: HeaderName = HeaderName::from_static("x-tenant");

    fn caller(own: Option<&str>, named: &[&str]) -> Result<String, Fault> {
        let identity = own.map(|own| {
            let tenant = own.into();
            Arc::new(Identity { name: "a".to_owned(), tenant, max_request_bytes: None, rate: None })
        });
        let mut headers = HeaderMap::new();
        for value in named {
            headers.append(HEADER, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Caller::new(identity, Some(&HEADER), &headers).map(|caller| caller.tenant.to_string())
    }

    #[test]
    fn the_tenant_of_credentials_wins_and_another_one_is_forbidden() {
        let long = "t".repeat(1025);
        for (own, named, tenant) in [
            (None, &[][..], Ok("")),
            (None, &["acme"], Ok("acme")),
            (None, &["bücher"], Ok("bücher")),
            (Some(""), &["acme"], Ok("acme")),
            (Some("acme"), &[], Ok("acme")),
            (Some("acme"), &["acme"], Ok("acme")),
            (Some("acme"), &[""], Ok("acme")),
            (Some("acme"), &["other"], Err(Fault::ForeignTenant)),
            (None, &["acme", "acme"], Ok("acme")),
        ] {
            assert_eq!(caller(own, named), tenant.map(str::to_owned), "{own:?} {named:?}");
        }
        for wrong in [&["acme", "other"][..], &[long.as_str()]] {
            assert!(matches!(caller(None, wrong), Err(Fault::Undecodable(_))), "{wrong:?}");
        }
        assert_eq!(caller(None, &[&long[1..]]), Ok(long[1..].to_owned()));
    }
}
