//! What is made of pipelines, what is refused, and what all tests of conversions need.

use super::*;
use crate::config::{Node, Origin, parse};

/// What comes of a configuration.
pub(super) struct Converted {
    pub(super) settings: BTreeMap<String, String>,
    pub(super) rows: Vec<(String, &'static str, String)>,
    pub(super) problems: Vec<String>,
}

pub(super) fn convert_with(yaml: &str, environment: &[(&str, &str)], ignores: bool) -> Converted {
    let variable = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let sources = Sources { environment: environment.iter().map(variable).collect(), ..Sources::default() };
    let entries = parse(yaml, "c.yaml".as_ref()).unwrap();
    let document = Document { entries, files: vec!["c.yaml".to_owned()], problems: Vec::new() };
    assert!(file::is_collectors(&document), "{yaml}");
    let conversion = convert(&document, &sources, ignores);
    let mut settings = BTreeMap::new();
    flatten(&conversion.settings, "", &mut settings);
    let row = |row: &Row| (row.key.clone(), row.outcome.name(), row.here.clone());
    let rows = conversion.table.rows().map(row).collect();
    Converted { settings, rows, problems: conversion.problems }
}

fn flatten(entries: &Entries, place: &str, settings: &mut BTreeMap<String, String>) {
    for entry in &entries.0 {
        let key = if place.is_empty() { entry.name.clone() } else { format!("{place}.{}", entry.name) };
        match &entry.node {
            Node::Section(inside) => flatten(inside, &key, settings),
            Node::List(nodes) => {
                settings.insert(key, format!("{nodes:?}").replace("Text(\"", "").replace("\")", ""));
            }
            Node::Text(text) => drop(settings.insert(key, text.clone())),
            Node::Nothing => drop(settings.insert(key, "nothing".to_owned())),
        }
    }
}

impl Converted {
    pub(super) fn has(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str)
    }

    pub(super) fn row(&self, key: &str) -> Vec<(&'static str, &str)> {
        let rows = self.rows.iter().filter(|(of, ..)| of == key);
        rows.map(|(_, outcome, here)| (*outcome, here.as_str())).collect()
    }
}

/// A configuration with this exporter, whose options are flow YAML.
pub(super) fn with_exporter(id: &str, options: &str) -> String {
    let pipeline = format!("{{receivers: [otlp], exporters: [{id}]}}");
    format!(
        "receivers: {{otlp: {{protocols: {{grpc: , http: }}}}}}\n\
         exporters:\n  {id}: {options}\n\
         extensions: {{otlp_encoding/p: {{protocol: otlp_proto}}, text_encoding: }}\n\
         service: {{pipelines: {{logs: {pipeline}, metrics: {pipeline}, traces: {pipeline}}}}}\n"
    )
}

/// A configuration with these protocols and extensions, which are flow YAML.
pub(super) fn with_protocols(protocols: &str, extensions: &str) -> String {
    let pipeline = "{receivers: [otlp], exporters: [file]}";
    let used: Vec<&str> = ["health_check", "bearertokenauth", "basicauth", "file_storage", "pprof", "other"]
        .into_iter()
        .filter(|id| extensions.contains(id))
        .collect();
    format!(
        "receivers: {{otlp: {{protocols: {protocols}}}}}\n\
         exporters: {{file: {{path: /data/out.json}}}}\n\
         extensions: {extensions}\n\
         service:\n  extensions: [{}]\n  pipelines: {{logs: {pipeline}, metrics: {pipeline}, traces: {pipeline}}}\n",
        used.join(", ")
    )
}

/// Checks one option of `awss3`: with it in place, a setting is this.
#[track_caller]
pub(super) fn check(yaml: &str, settings: &[(&str, &str)]) {
    let converted = convert_with(yaml, &[("PREFIX", "p"), ("TOKEN", "hunter2")], false);
    assert_eq!(converted.problems, [""; 0], "{yaml}");
    for (key, value) in settings {
        assert_eq!(converted.has(key), Some(*value), "{key}\n{yaml}{:#?}", converted.settings);
    }
}

#[test]
fn metrics_of_the_service_are_at_the_admin_address() {
    let with = |metrics: &str, extensions: &str| {
        let yaml = with_protocols("{grpc: }", extensions);
        yaml.replace(
            "service:\n",
            &format!("service:\n  telemetry: {{metrics: {metrics}, logs: {{level: info}}}}\n"),
        )
    };
    let reader =
        "{readers: [{pull: {exporter: {prometheus: {host: '0.0.0.0', port: 8888}}}}], level: detailed}";
    check(&with(reader, "{}"), &[("admin.listen", "0.0.0.0:8888")]);
    check(&with("{address: ':8888'}", "{}"), &[("admin.listen", "0.0.0.0:8888")]);
    check(&with(reader, "{health_check: }"), &[("admin.listen", "127.0.0.1:13133")]);
    let converted = convert_with(&with(reader, "{health_check: }"), &[], false);
    assert_eq!(converted.row("service.telemetry.metrics.readers")[0].0, "not honoured");
}

#[test]
fn exporters_that_get_some_signals_become_outputs_that_take_these() {
    let yaml = "
receivers: {otlp: {protocols: {grpc: }}}
exporters:
  awss3/logs: {s3uploader: {s3_bucket: b, s3_prefix: logs, endpoint: 'https://e', compression: gzip}}
  awss3/rest: {s3uploader: {s3_bucket: c, s3_prefix: rest}}
  awss3/unused: {s3uploader: {s3_bucket: d}}
  debug: {verbosity: detailed}
connectors: {forward: }
service:
  pipelines:
    logs: {receivers: [otlp], exporters: [awss3/logs, debug]}
    traces/in: {receivers: [otlp], exporters: [forward]}
    traces/out: {receivers: [forward], exporters: [awss3/rest]}
";
    let converted = convert_with(yaml, &[], false);
    assert_eq!(converted.problems, [""; 0]);
    for (key, value) in [
        ("upload.to", "s3://b"),
        ("objects.signals", "[logs, metrics, profiles]"),
        ("outputs.rest.upload.to", "s3://c"),
        ("outputs.rest.objects.prefix", "rest"),
        ("outputs.rest.objects.signals", "[traces]"),
        ("outputs.rest.upload.s3.endpoint", ""),
        ("outputs.rest.objects.compression", "none"),
        ("outputs.rest.objects.content_encoding", "false"),
    ] {
        assert_eq!(converted.has(key), Some(value), "{key} {:#?}", converted.settings);
    }
    let kept = ("differs", "no pipeline stores metrics: kept too, in exporters.awss3/logs");
    assert!(converted.row("service.pipelines").contains(&kept), "{:?}", converted.rows);
    assert_eq!(converted.row("exporters.awss3/unused"), [("no meaning", "it is in no pipeline")]);
    assert_eq!(converted.row("exporters.debug")[0].0, "no meaning");
    assert_eq!(converted.row("connectors.forward")[0].0, "no meaning");
}

#[test]
fn what_would_change_the_data_is_refused_all_at_once_unless_it_is_to_be_passed_over() {
    let yaml = "
receivers:
  otlp: {protocols: {grpc: }}
  prometheus: {config: {scrape_configs: []}}
processors:
  batch: {timeout: 1s, send_batch_size: 8192}
  memory_limiter: {check_interval: 1s, limit_mib: 400}
  filter/noise: {logs: {}}
  resource: {attributes: []}
  tail_sampling: {}
exporters:
  awss3: {s3uploader: {s3_bucket: b}, marshaler: sumo_ic}
  otlphttp: {endpoint: 'https://x'}
connectors: {count: }
service:
  pipelines:
    logs: {receivers: [otlp, prometheus], processors: [batch, memory_limiter, filter/noise, resource], exporters: [awss3, otlphttp, count]}
    metrics: {receivers: [count], exporters: [awss3]}
";
    let refused = convert_with(yaml, &[], false).problems;
    let ignored = convert_with(yaml, &[], true);
    assert_eq!(ignored.problems, [""; 0]);
    for (line, key) in [
        (4, "receivers.prometheus"),
        (8, "processors.filter/noise"),
        (9, "processors.resource"),
        (12, "exporters.awss3.marshaler"),
        (13, "exporters.otlphttp"),
        (14, "connectors.count"),
    ] {
        let said = format!("c.yaml:{line}: {key} is not supported: ");
        assert!(refused.iter().any(|problem| problem.starts_with(&said)), "{said} {refused:#?}");
        assert_eq!(ignored.row(key)[0].0, "ignored", "{key}");
    }
    assert_eq!(refused.len(), 6, "{refused:#?}");
    assert_eq!(ignored.row("processors.tail_sampling"), [("no meaning", "it is in no pipeline")]);
    assert_eq!(ignored.row("processors.batch")[0].0, "no meaning");
    assert_eq!(ignored.row("processors.batch.timeout"), [], "that is said of all its options");
    assert_eq!(ignored.has("upload.to"), Some("s3://b"));
}

#[test]
fn receivers_that_are_kept_apart_are_refused() {
    let with = |logs: &str| {
        format!(
            "receivers: {{otlp/a: {{protocols: {{grpc: }}}}, otlp/b: {{protocols: {{http: }}}}}}\n\
             exporters: {{file/a: {{path: /a/x}}, file/b: {{path: /b/x}}, debug: }}\n\
             service: {{pipelines: {{logs: {{receivers: [otlp/a], exporters: [file/a]}}, logs/2: {logs}}}}}\n"
        )
    };
    for (logs, is_refused) in [
        ("{receivers: [otlp/b], exporters: [file/b]}", true),
        ("{receivers: [otlp/a], exporters: [file/b]}", false),
        ("{receivers: [otlp/b], exporters: [file/a, debug]}", false),
        ("{receivers: [otlp/a, otlp/b], exporters: [file/b]}", true),
    ] {
        let problems = convert_with(&with(logs), &[], false).problems;
        let said = "c.yaml:3: service.pipelines.logs/2 is not supported: it keeps what comes from one receiver apart";
        assert_eq!(
            problems.iter().any(|problem| problem.starts_with(said)),
            is_refused,
            "{logs}: {problems:?}"
        );
    }
}

#[test]
fn mistakes_are_said_with_their_place_and_what_was_meant() {
    let good = with_exporter("awss3", "{s3uploader: {s3_bucket: b}}");
    for (from, to, said) in [
        (
            "s3_bucket",
            "s3_bukcet",
            "c.yaml:3: exporters.awss3.s3uploader.s3_bukcet is not an option of awss3; did you mean exporters.awss3.s3uploader.s3_bucket?",
        ),
        (
            "{s3_bucket: b}",
            "{}",
            "c.yaml:3: exporters.awss3.s3uploader.s3_bucket is not set; it must be a bucket",
        ),
        ("{s3_bucket: b}", "5", "c.yaml:3: exporters.awss3.s3uploader is a section"),
        (
            "s3_bucket: b",
            "s3_bucket: b, compression: lz4",
            "c.yaml:3: exporters.awss3.s3uploader.compression is `lz4`; it must be gzip",
        ),
        ("s3_bucket: b", "s3_bucket: b, disable_ssl: 1", "disable_ssl is `1`; it must be `true` or `false`"),
        ("s3_bucket: b", "s3_bucket: [b]", "s3_bucket must be one value"),
        ("s3_bucket: b", "s3_bucket: b, s3_prefix: 'x%Y'", "s3_prefix is `x%Y`; `%` cannot stand in it"),
        (
            "s3_bucket: b}",
            "s3_bucket: b}, sending_queue: {enabeld: true}",
            "did you mean exporters.awss3.sending_queue.enabled?",
        ),
        (
            "s3_bucket: b}",
            "s3_bucket: b}, marshaler: xml",
            "marshaler is `xml`; it must be otlp_json or otlp_proto",
        ),
        (
            "s3_bucket: b}",
            "s3_bucket: b}, encoding: none",
            "encoding is `none`, and there is no such extension",
        ),
        (
            "s3_bucket: b}",
            "s3_bucket: b}, encoding: text_encoding",
            "encoding is not supported: of the encodings",
        ),
        ("service:", "servces: 1\nservice:", "servces is no section of a Collector; did you mean service?"),
        (
            "[awss3]",
            "[awss]",
            "service.pipelines.logs.exporters has awss, which is not in exporters; did you mean awss3?",
        ),
        ("logs:", "log:", "service.pipelines.log is no pipeline; there are logs, metrics, traces"),
        ("exporters: [", "exporter: [", "service.pipelines.logs has no exporter; did you mean exporters?"),
        ("receivers: [otlp], ", "", "service.pipelines.logs must have at least one receiver"),
        ("service: {", "service: {extensions: [x], ", "service.extensions has x, which is not in extensions"),
        ("{otlp: {protocols: {grpc: , http: }}}", "[otlp]", "receivers must be a section"),
        (
            "s3_bucket: b",
            "s3_bucket: '${env:B'",
            "c.yaml:1: exporters.awss3.s3uploader.s3_bucket: it has `${` without `}`",
        ),
        ("s3_bucket: b", "s3_bucket: '${vault:b}'", "it has `${...}`, which is nothing known"),
    ] {
        let problems = convert_with(&good.replacen(from, to, 1), &[], false).problems;
        let said = said.replace("c.yaml:1: exporters", "c.yaml:3: exporters");
        assert!(problems.iter().any(|problem| problem.contains(&said)), "{to}: {problems:#?}");
    }
    let nothing = convert_with("receivers: {}\n", &[], false).problems;
    assert_eq!(nothing, ["there is no service with pipelines"]);
    let nowhere = with_exporter("debug", "{}");
    let problems = convert_with(&nowhere, &[], false).problems;
    assert!(problems[0].starts_with("no exporter is in use whose place forebay can take"), "{problems:?}");
}

#[test]
fn variables_may_stand_for_sections_and_unset_ones_are_empty_and_named() {
    let yaml = with_exporter("awss3", "'${env:EXPORTER}'").replace("[awss3]", "'${env:LIST}'");
    let environment = [("EXPORTER", "s3uploader:\n  s3_bucket: $b\n  s3_prefix: 'x'\n"), ("LIST", "[awss3]")];
    let converted = convert_with(&yaml, &environment, false);
    assert_eq!(converted.problems, [""; 0]);
    assert_eq!((converted.has("upload.to"), converted.has("objects.prefix")), (Some("s3://$$b"), Some("x")));
    let yaml = with_exporter("awss3", "{s3uploader: {s3_bucket: b, s3_prefix: '${NONE}'}}");
    let converted = convert_with(&yaml, &[], false);
    let row = converted.row("exporters.awss3.s3uploader.s3_prefix");
    assert!(row[1].1.starts_with("the environment variable NONE is not set: it is empty"), "{row:?}");
}

#[test]
fn settings_of_forebay_beside_those_of_the_collector_win() {
    let yaml = format!(
        "{}log: {{seal_after: 1m}}\nobjects: {{prefix: own}}\n",
        with_exporter("file", "{path: /d/x}")
    );
    check(&yaml, &[("log.seal_after", "1m"), ("objects.prefix", "own"), ("objects.format", "otlp_jsonl")]);
}

/// Where every setting comes from.
fn lines(entries: &Entries) -> Vec<Origin> {
    let of = |entry: &Entry| match &entry.node {
        Node::Section(inside) => lines(inside),
        _ => vec![entry.origin.clone()],
    };
    entries.0.iter().flat_map(of).collect()
}

#[test]
fn every_setting_knows_the_line_from_which_it_comes() {
    let sources = Sources::default();
    let entries = parse(&with_exporter("awss3", "{s3uploader: {s3_bucket: b}}"), "c.yaml".as_ref()).unwrap();
    let document = Document { entries, ..Document::default() };
    let conversion = convert(&document, &sources, false);
    let lines = lines(&conversion.settings);
    assert!(lines.len() > 5 && lines.iter().all(|origin| matches!(origin, Origin::File { line: 1..=5, .. })));
}
