//! The settings of connections: the sections `connection`.

use serde::{Deserialize, Serialize};

use crate::units::{Span, SpanOrOff};

/// How long a connection lasts, and what its client may do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionOptions {
    /// How long the head of an HTTP/1.1 request may take from its first byte, 1 s to 10 min.
    pub header_timeout: Span,
    /// How long a connection may be without a request, 1 s to 1 d, or `off`. Longer than clients pause between exports
    /// (60 s for metrics), for a request that meets the end of its connection may be lost.
    pub idle_timeout: SpanOrOff,
    /// How old a connection may get, 1 s to 30 d, or `off`; a tenth more or less, so that not all end at once. Its client
    /// connects again, which is how a load balancer comes to spread the clients anew.
    pub max_age: SpanOrOff,
    /// How long its requests may take to finish after that, 0 to 1 h.
    pub max_age_grace: Span,
    /// How often an HTTP/2 client is asked whether it is still there, 1 s to 1 d, or `off`.
    pub keepalive_interval: SpanOrOff,
    /// How long it may take to say so, 1 s to 10 min.
    pub keepalive_timeout: Span,
    /// Calls at once on one HTTP/2 connection, 1 to 65535.
    pub max_streams: u32,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            header_timeout: Span::seconds(30),
            idle_timeout: SpanOrOff::seconds(300),
            max_age: SpanOrOff::OFF,
            max_age_grace: Span::seconds(60),
            keepalive_interval: SpanOrOff::seconds(30),
            keepalive_timeout: Span::seconds(20),
            max_streams: 1024,
        }
    }
}

const DAY: u64 = 86_400;

impl ConnectionOptions {
    /// Checks the ranges of `section` (`receive.connection`).
    ///
    /// # Errors
    /// A sentence that names the setting, its value and what it must be.
    pub fn validate(&self, section: &str) -> Result<(), String> {
        let check = |name: &str, span: Span, least: u64, most: u64, or_off: &str| {
            let (least, most) = (Span::seconds(least), Span::seconds(most));
            if (least..=most).contains(&span) {
                return Ok(());
            }
            Err(format!("{section}.{name} is {span}; it must be {least} to {most}{or_off}"))
        };
        check("header_timeout", self.header_timeout, 1, 600, "")?;
        check("max_age_grace", self.max_age_grace, 0, 3600, "")?;
        check("keepalive_timeout", self.keepalive_timeout, 1, 600, "")?;
        for (name, span, most) in [
            ("idle_timeout", self.idle_timeout, DAY),
            ("max_age", self.max_age, 30 * DAY),
            ("keepalive_interval", self.keepalive_interval, DAY),
        ] {
            if let SpanOrOff(Some(span)) = span {
                check(name, span, 1, most, ", or off")?;
            }
        }
        if !(1..=65_535).contains(&self.max_streams) {
            return Err(format!("{section}.max_streams is {}; it must be 1 to 65535", self.max_streams));
        }
        Ok(())
    }
}
