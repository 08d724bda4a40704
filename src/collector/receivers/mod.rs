//! The receivers: each protocol of each `otlp` receiver becomes a listener.

mod options;

use std::collections::BTreeSet;

use super::conversion::{Conversion, Outcome, Setting};
use super::extensions;
use super::file::CollectorFile;
use super::names::{slug, unique};
use super::pipelines::Routes;
use super::rules::{Component, Given, GivenOptions, read};
use crate::config::{Entry, Node, Origin};

pub(super) use options::{GRPC_RULES, HTTP_RULES};

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
