//! The section `service`, but for its pipelines.

use std::collections::BTreeSet;

use super::conversion::{Conversion, Outcome, Setting};
use super::extensions::admin_address;
use super::file::CollectorFile;
use super::pipelines::names;
use super::rules::{Component, Fate, Rule, read};
use crate::config::{Node, expand};

const LOGS: &str = "forebay logs its own doings as telemetry.logs and FOREBAY_LOG say";
const TRACES: &str = "forebay makes no traces of its own doings";
const METRICS: &str = "its metrics are at /metrics of admin.listen, those of the Collector among them";

/// The options of `service`, as of `service/config.go` and `otelconftelemetry/config.go`.
pub(super) const RULES: &[Rule] = &[
    Rule::new("extensions", Fate::Part("nothing: the extensions that are in use")),
    Rule::new("pipelines", Fate::Part("objects.signals, where an exporter does not get all of them")),
    Rule::new("telemetry.metrics.address", Fate::Part("admin.listen, if there is no health_check")),
    Rule::new("telemetry.metrics.readers", Fate::Part("admin.listen, if there is no health_check")),
    Rule::new("telemetry.metrics.level", Fate::NoMeaning(METRICS)),
    Rule::new("telemetry.metrics.views", Fate::NotHonoured(METRICS)),
    Rule::new("telemetry.logs", Fate::NoMeaning(LOGS)),
    Rule::new("telemetry.traces", Fate::NoMeaning(TRACES)),
    Rule::new("telemetry.resource", Fate::NoMeaning(METRICS)),
];

/// The port of the Collector's metrics if a reader names none.
const METRICS_PORT: &str = "8888";

/// Goes through the service, and returns the extensions that it starts.
pub(super) fn convert(
    service: &Component,
    file: &CollectorFile,
    conversion: &mut Conversion<'_>,
) -> BTreeSet<String> {
    let given = read(service, &[RULES], conversion);
    let extensions = service.entries.get("extensions");
    let used = extensions.map(|entry| names(entry, "service", conversion)).unwrap_or_default();
    for id in &used {
        if !file.extensions.iter().any(|extension| extension.id == *id)
            && let Some(entry) = extensions
        {
            let problem = format!("service.extensions has {id}, which is not in extensions");
            conversion.refuse(&entry.origin, problem);
        }
    }
    let has_health = file.extensions.iter().any(|e| e.kind() == "health_check" && used.contains(&e.id));
    for key in ["telemetry.metrics.address", "telemetry.metrics.readers"] {
        let Some(option) = given.get(key) else { continue };
        let address = match &option.node {
            Node::List(readers) => readers.iter().find_map(|reader| prometheus(reader, conversion)),
            _ => conversion.value(Some(option)).map(|value| admin_address(&value.written, &value.text)),
        };
        match address {
            Some(address) if !has_health => {
                conversion.set(&Setting::text("admin.listen", address, &option.origin, &[Some(option)]));
            }
            _ => conversion.say(option.key.clone(), Outcome::NotHonoured, METRICS),
        }
    }
    used
}

/// The address of a reader that Prometheus asks.
fn prometheus(reader: &Node, conversion: &Conversion<'_>) -> Option<String> {
    let inside = |node: &Node, name: &str| match node {
        Node::Section(entries) => entries.get(name).map(|entry| entry.node.clone()),
        _ => None,
    };
    let options = inside(&inside(&inside(reader, "pull")?, "exporter")?, "prometheus")?;
    let text = |name: &str| match inside(&options, name) {
        Some(Node::Text(written)) => Some((expand(&written, conversion.environment()).ok()?, written)),
        _ => None,
    };
    let (host, host_written) = text("host").unwrap_or(("localhost".into(), "localhost".into()));
    let (port, port_written) = text("port").unwrap_or((METRICS_PORT.into(), METRICS_PORT.into()));
    Some(admin_address(&format!("{host_written}:{port_written}"), &format!("{host}:{port}")))
}
