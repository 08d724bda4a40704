//! The settings of the export: the section `telemetry.export`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::uri::{Authority, Uri};
use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::receive::INSTANCE_HEADER;
use crate::secret::Secret;
use crate::telemetry::host_name;
use crate::units::Span;

/// Where forebay sends what it tells about itself, beside what it stores for others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExportOptions {
    /// The receiver, `http://host:port` or `https://host:port`; over HTTP a path may follow, before `/v1/metrics` and its like.
    /// Nothing is exported while it is empty. It must not be this forebay.
    pub endpoint: String,
    /// How OTLP is spoken.
    pub protocol: Protocol,
    /// Headers (over gRPC: metadata) of every request, such as `Authorization`. They are secrets.
    pub headers: BTreeMap<String, Secret>,
    /// How often it is sent, 1 s to 1 h.
    pub interval: Span,
    /// How long a request may take, 100 ms to 1 min.
    pub timeout: Span,
    /// Whether the numbers of `/metrics` are sent.
    pub metrics: bool,
    /// Whether the lines of the log at and above `info` are sent.
    pub logs: bool,
    /// Attributes of the resource, beside or in place of forebay's own (`service.name`, `service.version`,
    /// `service.instance.id` and `host.name`).
    pub resource: BTreeMap<String, String>,
    /// PEM file of certificate authorities to trust beside those of the system.
    pub ca_file: Option<PathBuf>,
}

/// How OTLP is spoken, by the names of `OTEL_EXPORTER_OTLP_PROTOCOL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    /// `grpc`
    #[serde(rename = "grpc")]
    Grpc,
    /// `http/protobuf`
    #[serde(rename = "http/protobuf")]
    HttpProtobuf,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            protocol: Protocol::Grpc,
            headers: BTreeMap::new(),
            interval: Span::seconds(60),
            timeout: Span::seconds(10),
            metrics: true,
            logs: true,
            resource: BTreeMap::new(),
            ca_file: None,
        }
    }
}

impl ExportOptions {
    /// Whether anything is exported.
    pub fn is_on(&self) -> bool {
        !self.endpoint.is_empty() && (self.metrics || self.logs)
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        if !self.endpoint.is_empty() && self.authority().is_none() {
            return Err(format!(
                "telemetry.export.endpoint is `{}`; write it like http://collector.example.com:4317, or leave it empty",
                self.endpoint
            ));
        }
        for (name, value) in &self.headers {
            let known = HeaderName::from_bytes(name.as_bytes()).ok();
            let is_own = known
                .as_ref()
                .is_some_and(|name| ["content-type", "te", INSTANCE_HEADER].contains(&name.as_str()));
            if known.is_none() || is_own || HeaderValue::from_str(value.reveal()).is_err() {
                return Err(format!(
                    "telemetry.export.headers has `{name}`, which is no header of HTTP, or one of forebay's own, or its value is \
                     none"
                ));
            }
        }
        for (name, span, least, most) in [
            ("interval", self.interval, Span::seconds(1), Span::seconds(3600)),
            ("timeout", self.timeout, Span(Duration::from_millis(100)), Span::seconds(60)),
        ] {
            if !(least..=most).contains(&span) {
                return Err(format!("telemetry.export.{name} is {span}; it must be {least} to {most}"));
            }
        }
        if self.resource.keys().any(String::is_empty) {
            return Err("telemetry.export.resource has an attribute without a name".to_owned());
        }
        Ok(())
    }

    /// Whether the endpoint is, as far as its name tells, what listens at `address` (`host:port`) of this machine. Where names
    /// hide that, the receiver finds it out by a header.
    pub(crate) fn leads_to(&self, address: &str) -> bool {
        let Some(endpoint) = self.authority() else { return false };
        let Some((listening, port)) = address.rsplit_once(':') else { return false };
        let is_plain = self.endpoint.starts_with("http://");
        let wanted = endpoint.port_u16().unwrap_or(if is_plain { 80 } else { 443 });
        port.parse() == Ok(wanted) && is_reached_by(listening, endpoint.host())
    }

    /// Host and port of the endpoint; `None` if it is none.
    fn authority(&self) -> Option<Authority> {
        let uri: Uri = self.endpoint.parse().ok()?;
        let is_known = ["http", "https"].contains(&uri.scheme_str()?);
        // Secrets have a place of their own.
        let is_bare = uri.query().is_none() && !uri.authority()?.as_str().contains('@');
        let authority = uri.authority().filter(|authority| !authority.host().is_empty())?;
        (is_known && is_bare).then(|| authority.clone())
    }
}

/// Whether who asks for `host` comes to what listens at `listening`.
fn is_reached_by(listening: &str, host: &str) -> bool {
    let address = |name: &str| match name.trim_matches(['[', ']']).to_ascii_lowercase().as_str() {
        "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
        name => name.parse().ok(),
    };
    let is_of_this_machine = |at: IpAddr| at.is_loopback() || at.is_unspecified();
    match (address(listening), address(host)) {
        (Some(listening), Some(host)) if listening.is_unspecified() => {
            host == listening || is_of_this_machine(host)
        }
        (Some(listening), None) if listening.is_unspecified() => host.eq_ignore_ascii_case(&host_name()),
        // Who connects to no address connects to the loopback.
        (Some(listening), Some(host)) => {
            host == listening || (listening.is_loopback() && host.is_unspecified())
        }
        _ => listening.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(endpoint: &str) -> ExportOptions {
        ExportOptions { endpoint: endpoint.to_owned(), ..ExportOptions::default() }
    }

    #[test]
    fn an_error_names_the_setting_its_value_and_what_it_must_be() {
        for right in ["", "http://127.0.0.1:4317", "https://otlp.example.com", "https://[::1]:4318/otlp/"] {
            assert_eq!(to(right).validate(), Ok(()), "{right}");
        }
        let header = |name: &str, value: &str| ExportOptions {
            headers: BTreeMap::from([(name.to_owned(), value.into())]),
            ..to("http://a:1")
        };
        let of = |interval, timeout| ExportOptions {
            interval: Span::seconds(interval),
            timeout: Span::seconds(timeout),
            ..to("http://a:1")
        };
        let nameless =
            ExportOptions { resource: BTreeMap::from([(String::new(), "a".to_owned())]), ..to("http://a:1") };
        for (wrong, said) in [
            (to("collector:4317"), "telemetry.export.endpoint is `collector:4317`; write it like http://"),
            (to("http://"), "telemetry.export.endpoint is `http://`; write"),
            (to("http://a:1/?token=b"), "telemetry.export.endpoint is `http://a:1/?token=b`; write"),
            (to("http://user:secret@a:1"), "telemetry.export.endpoint is"),
            (header("a b", "c"), "telemetry.export.headers has `a b`, which is no header"),
            (header("a", "c\n"), "telemetry.export.headers has `a`, which"),
            (header("Forebay-Instance", "c"), "telemetry.export.headers has `Forebay-Instance`, which"),
            (of(0, 10), "telemetry.export.interval is 0s; it must be 1s to 1h"),
            (of(60, 61), "telemetry.export.timeout is 61s; it must be 100ms to 1m"),
            (nameless, "telemetry.export.resource has an attribute without a name"),
        ] {
            let error = wrong.validate().unwrap_err();
            assert!(error.starts_with(said), "{error}");
        }
    }

    #[test]
    fn an_endpoint_that_is_a_listener_of_this_machine_is_known_by_its_name() {
        let own = host_name();
        for (endpoint, address, leads_there) in [
            ("http://127.0.0.1:4317", "127.0.0.1:4317", true),
            ("http://localhost:4317", "127.0.0.1:4317", true),
            ("http://0.0.0.0:4317", "127.0.0.1:4317", true),
            ("http://127.0.0.1:4317", "0.0.0.0:4317", true),
            ("http://[::1]:4317", "[::]:4317", true),
            ("http://localhost:4317", "[::]:4317", true),
            (&format!("http://{own}:4317"), "0.0.0.0:4317", true),
            ("http://Gateway:4317", "gateway:4317", true),
            ("http://gateway", "gateway:80", true),
            ("https://gateway", "gateway:443", true),
            ("http://127.0.0.1:4318", "127.0.0.1:4317", false),
            ("http://127.0.0.2:4317", "127.0.0.1:4317", false),
            ("http://10.1.2.3:4317", "0.0.0.0:4317", false),
            ("http://collector.example.com:4317", "0.0.0.0:4317", false),
            ("", "127.0.0.1:4317", false),
        ] {
            assert_eq!(to(endpoint).leads_to(address), leads_there, "{endpoint} {address}");
        }
    }
}
