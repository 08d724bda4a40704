//! A Collector's configuration as it stands: the same keys as the Collector writes, apart from the unique part.

use std::fs;

use forebay::otlp::Signal;

use crate::admin::flush;
use crate::bucket::{self, Objects};
use crate::items::{assert_same, items};
use crate::sent;
use crate::settings::Settings;
use crate::support::program::{Program, Said, forebay};
use crate::support::s3::{BUCKET, FakeS3};

/// What somebody has who runs a Collector: everything in one place, and traces in another one as well.
fn configuration(endpoint: &str) -> String {
    format!(
        "
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: 0.0.0.0:4317}}, http: {{endpoint: 0.0.0.0:4318}}}}}}
processors:
  memory_limiter: {{check_interval: 1s, limit_mib: 400}}
  batch: {{}}
exporters:
  awss3:
    s3uploader: {{region: us-east-1, s3_bucket: {BUCKET}, s3_prefix: claude-code/, endpoint: '{endpoint}', s3_force_path_style: true}}
    marshaler: otlp_json
  awss3/archive:
    s3uploader:
      region: us-east-1
      s3_bucket: {BUCKET}
      s3_base_prefix: archive
      s3_prefix: /${{env:STAGE}}/
      s3_partition_format: '%Y/%m/%d/%H'
      file_prefix: edge-
      compression: gzip
      endpoint: '{endpoint}'
    marshaler: otlp_proto
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [memory_limiter, batch], exporters: [awss3, awss3/archive]}}
    metrics: {{receivers: [otlp], processors: [memory_limiter, batch], exporters: [awss3]}}
    logs: {{receivers: [otlp], processors: [memory_limiter, batch], exporters: [awss3]}}
"
    )
}

/// What the keys of an exporter are made of.
struct Exporter<'a> {
    base: &'a str,
    prefix: &'a str,
    /// What the partition is at a time, which is given as `YYYYMMDDTHHMM`.
    partition: fn(&str) -> String,
    file_prefix: &'a str,
    ending: &'a str,
}

impl Exporter<'_> {
    /// The rule of the Collector (`partition.go` of `awss3exporter`): the parts that are not empty, joined, and the path
    /// cleaned.
    fn key(&self, signal: Signal, time: &str, unique: &str) -> String {
        let folders = [self.base, self.prefix, &(self.partition)(time)].join("/");
        let file = format!("{}{signal}_{unique}{}", self.file_prefix, self.ending);
        let all = format!("{folders}/{file}");
        all.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }

    /// Checks the keys of objects, and returns how many there are of each signal.
    fn check(&self, objects: &Objects) -> [usize; Signal::ALL.len()] {
        let mut of_signals = [0; Signal::ALL.len()];
        for key in objects.keys() {
            let file = key.rsplit('/').next().unwrap().strip_prefix(self.file_prefix).unwrap();
            let (name, rest) = file.split_once('_').unwrap();
            let signal = Signal::ALL.into_iter().find(|signal| signal.name() == name).unwrap();
            let unique = rest.strip_suffix(self.ending).unwrap();
            // It begins with the time at which the first of it was received, in UTC.
            assert_eq!(*key, self.key(signal, &unique[..13], unique));
            of_signals[signal.index()] += 1;
        }
        of_signals
    }
}

fn minutes(time: &str) -> String {
    let part = |from: usize, to: usize| &time[from..to];
    format!(
        "year={}/month={}/day={}/hour={}/minute={}",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(9, 11),
        part(11, 13)
    )
}

fn hours(time: &str) -> String {
    format!("{}/{}/{}/{}", &time[..4], &time[4..6], &time[6..8], &time[9..11])
}

/// With one space where there are several.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_collectors_configuration_runs_as_it_stands_and_writes_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let store = FakeS3::start().await;
    fs::write(folder.path().join("otel.yaml"), configuration(&store.endpoint())).unwrap();
    let settings = Settings::small()
        .with("CONFIG", "otel.yaml")
        .with("UPLOAD_S3_ACCESS_KEY_ID", "AKIATEST")
        .with("UPLOAD_S3_SECRET_ACCESS_KEY", "hunter2")
        // As the file has it, and not as other tests want it.
        .with("OBJECTS_FORMAT", "otlp_json");
    let environment = [&[("STAGE", "prod")][..], &settings.environment()].concat();
    let program = Program::start(folder.path(), &environment);
    let greeting = squeezed(program.greeting());
    for line in [
        "What became of the Collector's configuration otel.yaml:",
        "exporters.awss3/archive set the output archive",
        "processors.memory_limiter no meaning memory is bounded by",
    ] {
        assert!(greeting.contains(line), "{line}\n{greeting}");
    }
    let sent = sent::all();
    for request in &sent {
        request.send(program.http()).await;
    }
    flush(&program).await;
    assert_eq!(program.terminate().code, Some(0));

    let (archive, main): (Objects, Objects) =
        bucket::in_store(&store).into_iter().partition(|(key, _)| key.starts_with("archive/"));
    let all =
        Exporter { base: "", prefix: "claude-code/", partition: minutes, file_prefix: "", ending: ".json" };
    let [logs, metrics, spans, _] = all.check(&main);
    assert!(logs > 0 && metrics > 0 && spans > 0, "{:?}", main.keys());
    let traces = Exporter {
        base: "archive",
        prefix: "/prod/",
        partition: hours,
        file_prefix: "edge-",
        ending: ".binpb.gz",
    };
    let [logs, metrics, traces, _] = traces.check(&archive);
    assert!(logs == 0 && metrics == 0 && traces > 0, "{:?}", archive.keys());
    let decoded = sent.iter().map(sent::Sent::decoded);
    assert_same(&items(&bucket::decoded(&main)), &items(&decoded.collect::<Vec<_>>()));
}

#[test]
fn what_would_change_the_data_does_not_start_unless_it_is_to_be_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let with_filter = configuration("https://store.example.com")
        .replace("  batch: {}\n", "  batch: {}\n  filter/noise: {error_mode: ignore}\n")
        .replace("[memory_limiter, batch]", "[memory_limiter, filter/noise]");
    fs::write(folder.path().join("otel.yaml"), with_filter).unwrap();
    let check = |arguments: &[&str], environment: &[(&str, &str)]| {
        let arguments = [&["check", "--config", "otel.yaml"], arguments].concat();
        forebay(folder.path(), &arguments, environment)
    };
    let Said { code, stdout, stderr } = check(&[], &[("STAGE", "x")]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert_eq!(
        stderr,
        "forebay: the configuration is wrong:\n  otel.yaml:7: processors.filter/noise is not supported: it may drop or \
         rewrite what passes; forebay stores everything as it came in; take it out, or run with --ignore-unsupported\n"
    );
    for said in [check(&["--ignore-unsupported"], &[]), check(&[], &[("FOREBAY_IGNORE_UNSUPPORTED", "true")])]
    {
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let row = "processors.filter/noise ignored it may drop or rewrite";
        assert!(squeezed(&said.stdout).contains(row), "{}", said.stdout);
    }
    let said = check(&[], &[("FOREBAY_IGNORE_UNSUPPORTED", "yes")]);
    assert!(
        said.stderr.contains("FOREBAY_IGNORE_UNSUPPORTED is `yes`; it must be `true` or `false`"),
        "{said:?}"
    );
}

#[test]
fn a_converted_configuration_is_one_of_forebays_own() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("otel.yaml"), configuration("https://store.example.com")).unwrap();
    let check = |file: &str, argument: &str| {
        let said = forebay(folder.path(), &["check", argument, "--config", file], &[("STAGE", "prod")]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        said.stdout
    };
    fs::write(folder.path().join("forebay.yaml"), check("otel.yaml", "--convert")).unwrap();
    let settings = |text: &str| {
        let table = text[text.find("KEY ").unwrap()..].lines().filter(|line| line.contains(".yaml:"));
        let setting = |line: &str| squeezed(line.rsplit_once("  ").unwrap().0);
        table.map(setting).collect::<Vec<_>>()
    };
    let (of_collector, converted) = (check("otel.yaml", "--changed"), check("forebay.yaml", "--changed"));
    assert!(!converted.contains("COLLECTOR"), "{converted}");
    assert_eq!(settings(&of_collector), settings(&converted));
    assert!(settings(&converted).len() > 15, "{converted}");
}
