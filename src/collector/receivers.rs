//! The receivers: each protocol of each `otlp` receiver becomes a listener.

use std::collections::BTreeSet;

use super::conversion::{Conversion, Outcome, Setting};
use super::extensions;
use super::file::CollectorFile;
use super::names::{slug, unique};
use super::pipelines::Routes;
use super::rules::{Component, Fate, Given, GivenOptions, Rule, read};
use crate::config::{Entry, Node, Origin};

const BUFFERS: &str = "buffers are as large as they have to be";
const POLICY: &str = "clients may ask as often as they like whether forebay is there";
const METADATA: &str = "of a request nothing but its telemetry is stored (see receive.tenant_header)";
const CIPHERS: &str = "the cipher suites and curves are those of rustls, all of them strong";
const SERVED: &str = "requests that stand still end by receive.stalled_after and receive.min_data_rate";
const IN_FILES: &str = "certificates and keys are read from files: name them in cert_file and key_file";
const LIMIT: &str = "receive.max_request_bytes (the largest limit of all protocols)";
const PATHS: &str = "nothing, as long as it is the path of OTLP";

/// The options of `grpc` and `http` that they have in common (`confignet`, `configtls`, `configauth`).
macro_rules! server {
    ($protocol:literal, $($own:expr,)*) => {
        &[
            Rule::new(concat!("protocols.", $protocol, ".endpoint"), Fate::Part(concat!("receive.", $protocol))),
            Rule::new(concat!("protocols.", $protocol, ".transport"), Fate::Part(concat!("receive.", $protocol))),
            Rule::section(concat!("protocols.", $protocol, ".dialer"), Fate::NoMeaning("it is for clients"), &["timeout"]),
            Rule::new(concat!("protocols.", $protocol, ".tls.cert_file"), Fate::Same("tls.cert_file")),
            Rule::new(concat!("protocols.", $protocol, ".tls.key_file"), Fate::Same("tls.key_file")),
            Rule::new(concat!("protocols.", $protocol, ".tls.client_ca_file"), Fate::Same("tls.client_ca_file")),
            Rule::new(concat!("protocols.", $protocol, ".tls.reload_interval"), Fate::Span("tls.reload_interval")),
            Rule::new(concat!("protocols.", $protocol, ".tls.min_version"), Fate::Part("receive.tls.min_version")),
            Rule::new(concat!("protocols.", $protocol, ".tls.max_version"), Fate::NotHonoured("the newest version that both sides know is spoken")),
            Rule::new(concat!("protocols.", $protocol, ".tls.cipher_suites"), Fate::NotHonoured(CIPHERS)),
            Rule::new(concat!("protocols.", $protocol, ".tls.curve_preferences"), Fate::NotHonoured(CIPHERS)),
            Rule::new(concat!("protocols.", $protocol, ".tls.include_insecure_cipher_suites"), Fate::NotHonoured(CIPHERS)),
            Rule::new(concat!("protocols.", $protocol, ".tls.client_ca_file_reload"), Fate::NoMeaning("all files are watched")),
            Rule::new(concat!("protocols.", $protocol, ".tls.ca_file"), Fate::NoMeaning("clients are checked by client_ca_file")),
            Rule::new(concat!("protocols.", $protocol, ".tls.ca_pem"), Fate::NoMeaning("clients are checked by client_ca_file")),
            Rule::new(concat!("protocols.", $protocol, ".tls.include_system_ca_certs_pool"), Fate::NoMeaning("clients are checked by client_ca_file")),
            Rule::new(concat!("protocols.", $protocol, ".tls.cert_pem"), Fate::Unsupported(IN_FILES)),
            Rule::new(concat!("protocols.", $protocol, ".tls.key_pem"), Fate::Unsupported(IN_FILES)),
            Rule::new(concat!("protocols.", $protocol, ".tls.tpm"), Fate::Unsupported(IN_FILES)),
            Rule::new(concat!("protocols.", $protocol, ".auth.authenticator"), Fate::Part("receive.auth")),
            Rule::new(concat!("protocols.", $protocol, ".include_metadata"), Fate::NoMeaning(METADATA)),
            Rule::new(concat!("protocols.", $protocol, ".middlewares"), Fate::Unsupported("there is nothing to put before a listener")),
            $($own,)*
        ]
    };
}

/// The options of `grpc`, as of `configgrpc.go`.
pub(super) const GRPC_RULES: &[Rule] = server!(
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
pub(super) const HTTP_RULES: &[Rule] = server!(
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

/// A protocol of a receiver.
struct Listener {
    /// `grpc` or `http`.
    protocol: &'static str,
    /// Its name in forebay.
    name: String,
    address: Setting,
    /// What is set in its sections, by keys such as `tls.cert_file`.
    settings: Vec<Setting>,
}

/// The sections that all listeners can have in common.
const SECTIONS: [&str; 4] = ["tls", "auth", "cors", "connection"];

/// Makes listeners of the receivers that are in use.
pub(super) fn convert(file: &CollectorFile, routes: &Routes, conversion: &mut Conversion<'_>) {
    let (mut listeners, mut limits, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut is_any = false;
    for component in &file.receivers {
        if !routes.receivers.contains(&component.id) {
            conversion.say(component.key(), Outcome::NoMeaning, "it is in no pipeline");
            continue;
        }
        is_any = true;
        match component.kind() {
            "otlp" => {
                let given = read(component, &[GRPC_RULES, HTTP_RULES], conversion);
                for protocol in ["grpc", "http"] {
                    if let Some(origin) = protocol_origin(component, protocol) {
                        let listener =
                            listener(component, &given, (protocol, &origin), file, &mut names, conversion);
                        listeners.push(listener);
                        limits.push(limit(&given, protocol, conversion));
                    }
                }
            }
            "nop" => conversion.say(component.key(), Outcome::NoMeaning, "nothing comes from it"),
            _ => {
                let why = "telemetry comes as OTLP (the receiver otlp) only";
                conversion.unsupported(&component.origin, &component.key(), why);
            }
        }
    }
    if listeners.is_empty() {
        if is_any {
            conversion
                .problems
                .push("no receiver otlp with a protocol is in use; there must be one".to_owned());
        }
        return;
    }
    set_limit(&limits, conversion);
    set_listeners(listeners, conversion);
}

/// Where a protocol stands, if the receiver has it. It may stand there with nothing in it.
fn protocol_origin(component: &Component, protocol: &str) -> Option<Origin> {
    match &component.entries.get("protocols")?.node {
        Node::Section(entries) => entries.get(protocol).map(|entry: &Entry| entry.origin.clone()),
        _ => None,
    }
}

fn listener(
    component: &Component,
    given: &GivenOptions,
    (protocol, origin): (&'static str, &Origin),
    file: &CollectorFile,
    names: &mut BTreeSet<String>,
    conversion: &mut Conversion<'_>,
) -> Listener {
    let place = format!("protocols.{protocol}.");
    let mut settings = Vec::new();
    for option in given.0.iter().filter(|option| option.rule.key.starts_with(&place)) {
        if let Some((key, node)) = option.setting(conversion) {
            settings.push(Setting::of(option, key, node));
        }
    }
    let option = |name: &str| given.get(&format!("{place}{name}"));
    settings.extend(min_version(option("tls.min_version"), conversion));
    settings.extend(header_timeout(option("read_header_timeout"), conversion));
    if let (Some(age), Some(value)) = (option("cors.max_age"), conversion.value(option("cors.max_age"))) {
        settings.push(Setting::text("cors.max_age", format!("{}s", value.text), &age.origin, &[Some(age)]));
    }
    if let Some(authenticator) = option("auth.authenticator") {
        settings.extend(extensions::credentials(authenticator, file, conversion));
    }
    for (name, path) in [
        ("traces_url_path", "/v1/traces"),
        ("metrics_url_path", "/v1/metrics"),
        ("logs_url_path", "/v1/logs"),
    ] {
        check_path(option(name), path, conversion);
    }
    let address = address(component, protocol, origin, given, conversion);
    let name = if names.contains(protocol) {
        slug(&format!("{}-{protocol}", component.id))
    } else {
        protocol.into()
    };
    Listener { protocol, name: unique(&name, names), address, settings }
}

/// The address. The Collector takes one without a host, and forebay wants to know which.
fn address(
    component: &Component,
    protocol: &str,
    origin: &Origin,
    given: &GivenOptions,
    conversion: &mut Conversion<'_>,
) -> Setting {
    let option = |name: &str| given.get(&format!("protocols.{protocol}.{name}"));
    let (endpoint, transport) = (option("endpoint"), option("transport"));
    let is_socket = match conversion.value(transport).map(|value| value.text).as_deref() {
        Some("unix") => true,
        None | Some("tcp" | "tcp4" | "tcp6") => false,
        Some(other) => {
            let problem = format!(
                "{}.protocols.{protocol}.transport is `{other}`; it must be tcp or unix",
                component.key()
            );
            conversion.refuse(origin, problem);
            false
        }
    };
    let default = if protocol == "grpc" { "localhost:4317" } else { "localhost:4318" };
    let address = match conversion.value(endpoint) {
        None => default.to_owned(),
        Some(value) if is_socket && !value.text.starts_with("unix:") => format!("unix:{}", value.written),
        Some(value) if value.text.starts_with(':') => format!("0.0.0.0{}", value.written),
        Some(value) => value.written,
    };
    let origin = endpoint.map_or(origin, |endpoint| &endpoint.origin);
    let mut setting = Setting::text("", address, origin, &[endpoint, transport]);
    if setting.from.is_empty() {
        setting.from.push(format!("{}.protocols.{protocol}", component.key()));
    }
    setting
}

fn min_version(given: Option<&Given>, conversion: &mut Conversion<'_>) -> Option<Setting> {
    let value = conversion.value(given)?;
    let given = given?;
    if ["1.0", "1.1"].contains(&value.text.as_str()) {
        let why = "versions before 1.2 are broken and not spoken: tls.min_version = 1.2";
        conversion.say(given.key.clone(), Outcome::NotHonoured, why);
        return None;
    }
    Some(Setting::text("tls.min_version", value.written, &given.origin, &[Some(given)]))
}

/// No time means no limit there, which forebay does not have.
fn header_timeout(given: Option<&Given>, conversion: &mut Conversion<'_>) -> Option<Setting> {
    let given = given?;
    let timeout = given.duration(conversion)?;
    if timeout.is_zero() {
        let why = "there is always a limit: that of receive.connection.header_timeout";
        conversion.say(given.key.clone(), Outcome::NotHonoured, why);
        return None;
    }
    let text = super::duration::written(timeout);
    Some(Setting::text("connection.header_timeout", text, &given.origin, &[Some(given)]))
}

/// Clients that were told another path would find nobody there.
fn check_path(given: Option<&Given>, path: &str, conversion: &mut Conversion<'_>) {
    let (Some(given), Some(value)) = (given, conversion.value(given)) else { return };
    if value.text.trim_start_matches('/') == path.trim_start_matches('/') {
        conversion.say(given.key.clone(), Outcome::NoMeaning, "it is the path of OTLP");
    } else {
        let why = format!("{path} is the only path; what clients send to another one would be lost");
        conversion.unsupported(&given.origin, &given.key, &why);
    }
}

/// The largest request of a protocol in bytes, and the option that says so.
fn limit(given: &GivenOptions, protocol: &str, conversion: &mut Conversion<'_>) -> (u64, Option<Given>) {
    let (key, unit, default) = match protocol {
        "grpc" => ("protocols.grpc.max_recv_msg_size_mib", 1 << 20, 4),
        _ => ("protocols.http.max_request_body_size", 1, 20 << 20),
    };
    let given = given.get(key);
    let number = conversion.value(given).map(|value| value.text.parse::<u64>());
    let number = match number {
        Some(Err(_)) => {
            if let Some(given) = given {
                conversion.refuse(&given.origin, format!("{} must be a whole number", given.key));
            }
            0
        }
        Some(Ok(number)) => number,
        None => 0,
    };
    let number = if number == 0 { default } else { number };
    (number.saturating_mul(unit), given.cloned())
}

/// One limit holds for all listeners: the largest, so that nothing is refused that a Collector would take.
fn set_limit(limits: &[(u64, Option<Given>)], conversion: &mut Conversion<'_>) {
    let given: Vec<&Given> = limits.iter().filter_map(|(_, given)| given.as_ref()).collect();
    let Some(first) = given.first() else { return };
    let bytes = limits.iter().map(|(bytes, _)| *bytes).max().unwrap_or_default();
    let from: Vec<Option<&Given>> = given.iter().copied().map(Some).collect();
    let size = |bytes: u64| crate::units::ByteSize(bytes).to_string();
    conversion.set(&Setting::text("receive.max_request_bytes", size(bytes), &first.origin, &from));
    // Room for two of them has to be there, which there is by default up to half of 256 MiB.
    if bytes > 128 << 20 {
        let twice = size(bytes.saturating_mul(2));
        conversion.set(&Setting::text("receive.max_inflight_bytes", twice, &first.origin, &from));
    }
}

fn set_listeners(mut listeners: Vec<Listener>, conversion: &mut Conversion<'_>) {
    for protocol in ["grpc", "http"] {
        if !listeners.iter().any(|listener| listener.protocol == protocol)
            && let Some(other) = listeners.first()
        {
            let from = vec![format!("receivers: no protocol {protocol}")];
            let key = format!("receive.{protocol}");
            let node = Node::Text("off".to_owned());
            conversion.set(&Setting { key, node, origin: other.address.origin.clone(), from });
        }
    }
    for listener in &listeners {
        let key = if listener.name == listener.protocol {
            format!("receive.{}", listener.protocol)
        } else {
            format!("receive.listeners.{}.address", listener.name)
        };
        conversion.set(&Setting { key, ..listener.address.clone() });
    }
    for section in SECTIONS {
        let inside = format!("{section}.");
        let of = |listener: &Listener| {
            let is_in = |setting: &&Setting| setting.key.starts_with(&inside);
            let value = |setting: &Setting| (setting.key.clone(), setting.node.clone());
            listener.settings.iter().filter(is_in).map(value).collect::<Vec<_>>()
        };
        let is_shared = listeners.iter().all(|listener| of(listener) == of(&listeners[0]));
        for listener in &mut listeners {
            for setting in listener.settings.iter().filter(|setting| setting.key.starts_with(&inside)) {
                let key = if is_shared {
                    format!("receive.{}", setting.key)
                } else {
                    format!("receive.listeners.{}.{}", listener.name, setting.key)
                };
                conversion.set(&Setting { key, ..setting.clone() });
            }
        }
    }
}
