//! The settings of this stage: the section `receive` of the configuration.

mod connection;
mod cors;
mod listener;

use std::collections::BTreeMap;

use http::HeaderName;
use serde::{Deserialize, Serialize};

use crate::listen::SocketMode;
use crate::listen::auth::AuthOptions;
use crate::listen::tls::TlsOptions;
use crate::units::{ByteSize, Span};

pub use connection::ConnectionOptions;
pub use cors::CorsOptions;
pub use listener::ListenerOptions;
pub(super) use listener::Listening;

/// Where and how much is received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Address, `host:port`, `unix:/path` or `off`, that clients expect gRPC on. It takes OTLP over HTTP as well.
    pub grpc: String,
    /// Address, `host:port`, `unix:/path` or `off`, that clients expect HTTP on. It takes gRPC as well.
    pub http: String,
    /// Who may connect to those of them that are sockets in the file system.
    pub socket_mode: SocketMode,
    /// TLS of every listener that has none of its own.
    pub tls: TlsOptions,
    /// Whom every listener asks for credentials that does not name others.
    pub auth: AuthOptions,
    /// Pages that may send from a browser, to every listener that does not name others.
    pub cors: CorsOptions,
    /// Connections of every listener.
    pub connection: ConnectionOptions,
    /// Further listeners by name, and what is different about `grpc` and `http`.
    pub listeners: BTreeMap<String, ListenerOptions>,
    /// Name of the header (over gRPC: the metadata) in which a client says whose its data are; empty for none. Credentials
    /// with a tenant of their own win.
    pub tenant_header: String,
    /// Largest request, before and after decompression, 1 KiB to 1 GiB. A larger one is refused for good.
    pub max_request_bytes: ByteSize,
    /// How long a call is held, 0 to 60 s, before it is told to come back because there is no room. Claude Code over
    /// gRPC never sends again what was refused; a call is never held beyond its own deadline.
    pub hold_before_refusing: Span,
    /// Memory for all requests that are being received or stored at once; at least twice `max_request_bytes`.
    pub max_inflight_bytes: ByteSize,
    /// Connections at once on all addresses, 1 to 65535. Further ones wait to be accepted.
    pub max_connections: u32,
    /// How long a request's body may stand still, 1 s to 10 min, before the client is told to send it again.
    pub stalled_after: Span,
    /// Bytes a second that a request's body must come at on average, up to 1 MiB, once it has taken `stalled_after`; 0 for
    /// any. A slower client is told to send it again: its memory is reserved as long as it sends.
    pub min_data_rate: ByteSize,
    /// For how long a request is remembered after it was stored, up to 1 h: one that comes again, byte for byte, is
    /// answered OK and not stored a second time. 0 switches that off.
    pub resend_window: Span,
    /// How long calls may take to finish, 0 to 10 min, after the process was told to end.
    pub finish_within: Span,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            grpc: "127.0.0.1:4317".to_owned(),
            http: "127.0.0.1:4318".to_owned(),
            socket_mode: SocketMode::default(),
            tls: TlsOptions::default(),
            auth: AuthOptions::default(),
            cors: CorsOptions::default(),
            connection: ConnectionOptions::default(),
            listeners: BTreeMap::new(),
            tenant_header: String::new(),
            max_request_bytes: ByteSize::mib(64),
            hold_before_refusing: Span::seconds(5),
            max_inflight_bytes: ByteSize::mib(256),
            max_connections: 4096,
            stalled_after: Span::seconds(30),
            min_data_rate: ByteSize::kib(1),
            resend_window: Span::seconds(600),
            finish_within: Span::seconds(10),
        }
    }
}

impl Options {
    /// Checks the ranges and the form of the addresses.
    ///
    /// # Errors
    /// A sentence that names the setting, its value and what it must be.
    pub fn validate(&self) -> Result<(), String> {
        self.check_listeners()?;
        if !self.tenant_header.is_empty() && self.tenant_header.parse::<HeaderName>().is_err() {
            return Err(format!(
                "receive.tenant_header is `{}`; it must be the name of a header, or empty",
                self.tenant_header
            ));
        }
        self.check_sizes()?;
        for (name, span, least, most) in [
            ("hold_before_refusing", self.hold_before_refusing, 0, 60),
            ("stalled_after", self.stalled_after, 1, 600),
            ("resend_window", self.resend_window, 0, 3600),
            ("finish_within", self.finish_within, 0, 600),
        ] {
            let (least, most) = (Span::seconds(least), Span::seconds(most));
            if !(least..=most).contains(&span) {
                return Err(format!("receive.{name} is {span}; it must be {least} to {most}"));
            }
        }
        Ok(())
    }

    fn check_sizes(&self) -> Result<(), String> {
        let request = self.max_request_bytes;
        if !(ByteSize::kib(1)..=ByteSize::gib(1)).contains(&request) {
            return Err(format!("receive.max_request_bytes is {request}; it must be 1KiB to 1GiB"));
        }
        let least = ByteSize(2 * request.bytes());
        if !(least..=ByteSize::gib(1024)).contains(&self.max_inflight_bytes) {
            return Err(format!(
                "receive.max_inflight_bytes is {}; it must be {least}, twice receive.max_request_bytes, to 1TiB",
                self.max_inflight_bytes
            ));
        }
        if !(1..=65_535).contains(&self.max_connections) {
            return Err(format!(
                "receive.max_connections is {}; it must be 1 to 65535",
                self.max_connections
            ));
        }
        if self.min_data_rate > ByteSize::mib(1) {
            return Err(format!("receive.min_data_rate is {}; it must be 0B to 1MiB", self.min_data_rate));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::SpanOrOff;

    fn with_connection(connection: ConnectionOptions) -> Options {
        Options { connection, ..Options::default() }
    }

    fn with_cors(cors: CorsOptions) -> Options {
        Options { cors, ..Options::default() }
    }

    fn with_listener(name: &str, listener: ListenerOptions) -> Options {
        Options { listeners: BTreeMap::from([(name.to_owned(), listener)]), ..Options::default() }
    }

    #[test]
    fn a_listener_has_a_name_an_address_and_sections_that_are_right() {
        let at =
            |address: &str| ListenerOptions { address: address.to_owned(), ..ListenerOptions::default() };
        let cut = TlsOptions { cert_file: Some("/c".into()), ..TlsOptions::default() };
        for (options, message) in [
            (
                with_listener("Outside", at("0.0.0.0:1")),
                "receive.listeners.Outside: the name of a listener is",
            ),
            (with_listener("admin", at("0.0.0.0:1")), "receive.listeners.admin: the name of a listener is"),
            (with_listener("outside", at("")), "receive.listeners.outside.address is not set; write"),
            (with_listener("outside", at("1")), "receive.listeners.outside.address is `1`; write a host"),
            (
                with_listener("outside", at("127.0.0.1:4317")),
                "receive.listeners.outside.address is the address of receive.grpc, too",
            ),
            (
                with_listener("grpc", at("0.0.0.0:1")),
                "receive.listeners.grpc.address is 0.0.0.0:1; the address of this listener is receive.grpc",
            ),
            (
                with_listener("outside", ListenerOptions { tls: cut, ..at("off") }),
                "receive.listeners.outside.tls.key_file is not set",
            ),
        ] {
            let error = options.validate().unwrap_err();
            assert!(error.starts_with(message), "{error}");
        }
        let mut options = with_listener("outside", at("unix:/run/f.sock"));
        options.http = "off".to_owned();
        let names = options.listening().unwrap().into_iter().map(|listening| listening.name);
        assert_eq!(names.collect::<Vec<_>>(), ["grpc", "outside"]);
    }

    #[test]
    fn an_error_names_the_setting_its_value_and_what_it_must_be() {
        let good = Options::default;
        assert_eq!(good().validate(), Ok(()));
        for (options, message) in [
            (
                Options { max_request_bytes: ByteSize(512), ..good() },
                "receive.max_request_bytes is 512B; it must be 1KiB to 1GiB",
            ),
            (
                Options { max_inflight_bytes: ByteSize::mib(100), ..good() },
                "receive.max_inflight_bytes is 100MiB; it must be 128MiB",
            ),
            (Options { grpc: "4317".into(), ..good() }, "receive.grpc is `4317`; write a host and a port"),
            (Options { http: ":4318".into(), ..good() }, "receive.http is `:4318`; write a host and a port"),
            (
                Options { http: "127.0.0.1:4317".into(), ..good() },
                "receive.http is the address of receive.grpc, too; give each one of its own",
            ),
            (
                Options { grpc: "off".into(), http: "off".into(), ..good() },
                "receive.grpc and receive.http are off, and no other listener is there",
            ),
            (
                Options { tenant_header: "a b".into(), ..good() },
                "receive.tenant_header is `a b`; it must be the name of a header",
            ),
            (
                with_connection(ConnectionOptions {
                    max_age: SpanOrOff::seconds(0),
                    ..ConnectionOptions::default()
                }),
                "receive.connection.max_age is 0s; it must be 1s to 30d, or off",
            ),
            (
                with_connection(ConnectionOptions { max_streams: 0, ..ConnectionOptions::default() }),
                "receive.connection.max_streams is 0; it must be 1 to 65535",
            ),
            (
                with_cors(CorsOptions {
                    allowed_origins: vec!["app.example.com".into()],
                    ..CorsOptions::default()
                }),
                "receive.cors.allowed_origins has `app.example.com`; write an origin like",
            ),
            (
                with_cors(CorsOptions { allowed_headers: vec!["a b".into()], ..CorsOptions::default() }),
                "receive.cors.allowed_headers has `a b`; it must be the name of a header",
            ),
            (
                Options { hold_before_refusing: Span::seconds(61), ..good() },
                "receive.hold_before_refusing is 61s; it must be 0s to 1m",
            ),
            (
                Options { min_data_rate: ByteSize::mib(2), ..good() },
                "receive.min_data_rate is 2MiB; it must be 0B to 1MiB",
            ),
            (Options { max_connections: 0, ..good() }, "receive.max_connections is 0; it must be 1 to 65535"),
        ] {
            let error = options.validate().unwrap_err();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn a_setting_that_is_left_out_has_its_default_and_an_unknown_one_is_refused() {
        let read = |text| serde_saphyr::from_str::<Options>(text);
        let options = read("{ grpc: 'localhost:4317', max_request_bytes: 8MiB }").unwrap();
        assert_eq!(
            options,
            Options {
                grpc: "localhost:4317".into(),
                max_request_bytes: ByteSize::mib(8),
                ..Options::default()
            }
        );
        assert!(read("{ grcp: 'localhost:4317' }").is_err());
    }
}
