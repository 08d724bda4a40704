//! The options of the receiver `otlp`.

use super::super::rules::{Fate, Rule};

const BUFFERS: &str = "buffers are as large as they have to be";
const POLICY: &str = "clients may ask as often as they like whether forebay is there";
const METADATA: &str = "of a request nothing but its telemetry is stored (see receive.tenant_header)";
const CIPHERS: &str = "the cipher suites and curves are those of rustls, all of them strong";
const SERVED: &str = "requests that stand still end by receive.stalled_after and receive.min_data_rate";
const IN_FILES: &str = "certificates and keys are read from files: name them in cert_file and key_file";
const LIMIT: &str = "receive.max_request_bytes (the largest limit of all protocols)";
const CLIENT_CA: &str = "clients are checked by client_ca_file";
const NEWEST: &str = "the newest version that both sides know is spoken";
const MIDDLEWARES: &str = "there is nothing to put before a listener";
const PATHS: &str = "nothing, as long as it is the path of OTLP";

/// An option of a protocol.
macro_rules! option {
    ($protocol:literal, $key:literal, $fate:expr) => {
        Rule::new(concat!("protocols.", $protocol, ".", $key), $fate)
    };
}

/// The options of `grpc` and `http` that they have in common (`confignet`, `configtls`, `configauth`).
macro_rules! server {
    ($protocol:literal, $($own:expr,)*) => {
        &[
            option!($protocol, "endpoint", Fate::Part(concat!("receive.", $protocol))),
            option!($protocol, "transport", Fate::Part(concat!("receive.", $protocol))),
            Rule::section(
                concat!("protocols.", $protocol, ".dialer"),
                Fate::NoMeaning("it is for clients"),
                &["timeout"],
            ),
            option!($protocol, "tls.cert_file", Fate::Same("tls.cert_file")),
            option!($protocol, "tls.key_file", Fate::Same("tls.key_file")),
            option!($protocol, "tls.client_ca_file", Fate::Same("tls.client_ca_file")),
            option!($protocol, "tls.reload_interval", Fate::Span("tls.reload_interval")),
            option!($protocol, "tls.min_version", Fate::Part("receive.tls.min_version")),
            option!($protocol, "tls.max_version", Fate::NotHonoured(NEWEST)),
            option!($protocol, "tls.cipher_suites", Fate::NotHonoured(CIPHERS)),
            option!($protocol, "tls.curve_preferences", Fate::NotHonoured(CIPHERS)),
            option!($protocol, "tls.include_insecure_cipher_suites", Fate::NotHonoured(CIPHERS)),
            option!($protocol, "tls.client_ca_file_reload", Fate::NoMeaning("all files are watched")),
            option!($protocol, "tls.ca_file", Fate::NoMeaning(CLIENT_CA)),
            option!($protocol, "tls.ca_pem", Fate::NoMeaning(CLIENT_CA)),
            option!($protocol, "tls.include_system_ca_certs_pool", Fate::NoMeaning(CLIENT_CA)),
            option!($protocol, "tls.cert_pem", Fate::Unsupported(IN_FILES)),
            option!($protocol, "tls.key_pem", Fate::Unsupported(IN_FILES)),
            option!($protocol, "tls.tpm", Fate::Unsupported(IN_FILES)),
            option!($protocol, "auth.authenticator", Fate::Part("receive.auth")),
            option!($protocol, "include_metadata", Fate::NoMeaning(METADATA)),
            option!($protocol, "middlewares", Fate::Unsupported(MIDDLEWARES)),
            $($own,)*
        ]
    };
}

/// The options of `grpc`, as of `configgrpc.go`.
pub(in crate::collector) const GRPC_RULES: &[Rule] = server!(
    "grpc",
    Rule::new("protocols.grpc.max_recv_msg_size_mib", Fate::Part(LIMIT)),
    Rule::new("protocols.grpc.max_concurrent_streams", Fate::Same("connection.max_streams")),
    Rule::new("protocols.grpc.read_buffer_size", Fate::NoMeaning(BUFFERS)),
    Rule::new("protocols.grpc.write_buffer_size", Fate::NoMeaning(BUFFERS)),
    Rule::new(
        "protocols.grpc.keepalive.server_parameters.max_connection_idle",
        Fate::SpanOrOff("connection.idle_timeout")
    ),
    Rule::new(
        "protocols.grpc.keepalive.server_parameters.max_connection_age",
        Fate::SpanOrOff("connection.max_age")
    ),
    Rule::new(
        "protocols.grpc.keepalive.server_parameters.max_connection_age_grace",
        Fate::Span("connection.max_age_grace")
    ),
    Rule::new(
        "protocols.grpc.keepalive.server_parameters.time",
        Fate::SpanOrOff("connection.keepalive_interval")
    ),
    Rule::new(
        "protocols.grpc.keepalive.server_parameters.timeout",
        Fate::Span("connection.keepalive_timeout")
    ),
    Rule::section(
        "protocols.grpc.keepalive.enforcement_policy",
        Fate::NoMeaning(POLICY),
        &["min_time", "permit_without_stream"]
    ),
);

/// The options of `http`, as of `confighttp/server.go` and `config.go` of the receiver.
pub(in crate::collector) const HTTP_RULES: &[Rule] = server!(
    "http",
    Rule::new("protocols.http.cors.allowed_origins", Fate::Same("cors.allowed_origins")),
    Rule::new("protocols.http.cors.allowed_headers", Fate::Same("cors.allowed_headers")),
    Rule::new("protocols.http.cors.max_age", Fate::Part("receive.cors.max_age")),
    Rule::new(
        "protocols.http.cors.exposed_headers",
        Fate::NotHonoured("answers have no headers that a page would read")
    ),
    Rule::new("protocols.http.max_request_body_size", Fate::Part(LIMIT)),
    Rule::new(
        "protocols.http.auth.request_params",
        Fate::NotHonoured("credentials are read from headers only")
    ),
    Rule::new("protocols.http.response_headers", Fate::NotHonoured("answers have the headers of OTLP only")),
    Rule::new(
        "protocols.http.compression_algorithms",
        Fate::NoMeaning("every compression is taken that a Collector knows")
    ),
    Rule::new("protocols.http.read_timeout", Fate::NotHonoured(SERVED)),
    Rule::new("protocols.http.write_timeout", Fate::NotHonoured(SERVED)),
    Rule::new("protocols.http.read_header_timeout", Fate::Part("receive.connection.header_timeout")),
    Rule::new("protocols.http.idle_timeout", Fate::SpanOrOff("connection.idle_timeout")),
    Rule::new(
        "protocols.http.keep_alives_enabled",
        Fate::NotHonoured("connections are kept as long as clients want them")
    ),
    Rule::new("protocols.http.traces_url_path", Fate::Part(PATHS)),
    Rule::new("protocols.http.metrics_url_path", Fate::Part(PATHS)),
    Rule::new("protocols.http.logs_url_path", Fate::Part(PATHS)),
);
