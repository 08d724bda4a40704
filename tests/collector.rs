//! A Collector's configuration as a whole: the table, the converted file, the reference.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an error has failed")]

use std::collections::BTreeMap;
use std::path::Path;

use forebay::collector::{self, Understood};
use forebay::config::{Invalid, Place, Sources};

/// A configuration with a bit of everything that this version of forebay has settings for.
const EVERYTHING: &str = "
receivers:
  otlp:
    protocols:
      grpc: {endpoint: '0.0.0.0:4317', max_recv_msg_size_mib: 16}
      http: {endpoint: '${env:HOST}:4318', read_timeout: 30s}
processors:
  batch: {timeout: 5s}
exporters:
  awss3:
    s3uploader:
      region: '${REGION:-eu-central-1}'
      s3_bucket: telemetry
      s3_prefix: claude-code
      compression: zstd
      external_id: \"it's \\\"x\\\" $$ {y}\"
      role_arn: arn:aws:iam::123456789012:role/r
      retry_max_attempts: 3
      notifications: {endpoint: 'https://hooks.example.com', headers: {Authorization: 'Bearer ${env:TOKEN}'}}
    sending_queue: {enabled: true}
    timeout: 20s
  googlecloudstorage/copy: {bucket: {name: copies, partition: {format: '%Y'}}}
  file: {path: /data/out.json}
  debug:
extensions:
  health_check: {endpoint: 'localhost:13133'}
  file_storage: {directory: /var/lib/q}
  pprof:
service:
  extensions: [health_check, file_storage, pprof]
  telemetry: {logs: {level: warn}}
  pipelines:
    logs: {receivers: [otlp], processors: [batch], exporters: [awss3, debug, googlecloudstorage/copy]}
    traces: {receivers: [otlp], exporters: [awss3, file]}
";

fn sources(yaml: &str) -> Sources {
    let environment = [("HOST", "10.0.0.1"), ("TOKEN", "hunter2")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Sources {
        places: vec![Place::Yaml(yaml.to_owned())],
        environment: BTreeMap::from(environment),
        ..Sources::default()
    }
}

fn load(yaml: &str) -> Result<Understood, Invalid> {
    collector::load(&sources(yaml), false)
}

#[test]
fn the_table_says_what_became_of_everything() {
    let table = load(EVERYTHING).unwrap().table.unwrap().to_string();
    let expected = include_str!("data/collector/table.txt");
    assert_eq!(table, expected, "\n{table}");
    assert!(!table.contains("hunter2") && !table.contains("it's"), "no secret is shown");
}

#[test]
fn a_converted_file_makes_the_same_configuration() {
    let understood = load(EVERYTHING).unwrap();
    let converted = load(&understood.native).unwrap();
    assert_eq!(converted.loaded.config, understood.loaded.config, "{}", understood.native);
    assert!(converted.table.is_none(), "it is one of forebay's own");
    assert!(!understood.native.contains("hunter2"), "a secret in a variable stays there");
    assert_eq!(load(&converted.native).unwrap().loaded.config, understood.loaded.config);
    for line in [
        "# differs: exporters.awss3.s3uploader.s3_partition_timezone: objects.timezone = UTC",
        "  # exporters.awss3.s3uploader.s3_bucket (yaml:13)",
        "      # exporters.awss3.s3uploader.notifications.headers (yaml:19)",
    ] {
        assert!(understood.native.contains(line), "{line}\n{}", understood.native);
    }
}

/// A configuration with what listeners and routing are told.
const LISTENERS_AND_ROUTES: &str = "
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: unix:/run/forebay.sock
        tls: {cert_file: /c.pem, key_file: /k.pem, client_ca_file: /a.pem, min_version: '1.3', reload_interval: 1h}
        auth: {authenticator: bearertokenauth}
        max_concurrent_streams: 64
        keepalive: {server_parameters: {max_connection_age: 1h, max_connection_age_grace: 10s, time: 1m, timeout: 5s}}
  otlp/web:
    protocols:
      http:
        cors: {allowed_origins: ['https://*.example.com'], allowed_headers: [X-A], max_age: 600}
        auth: {authenticator: basicauth/users}
        idle_timeout: 2m
        read_header_timeout: 10s
exporters:
  awss3:
    s3uploader: {s3_bucket: telemetry, s3_base_prefix: base}
    resource_attrs_to_s3: {s3_prefix: team.name, s3_bucket: team.bucket}
extensions:
  bearertokenauth: {scheme: Api, header: X-Key, tokens: ['${env:TOKEN}', 'hunter3']}
  basicauth/users: {htpasswd: {inline: 'ann:hunter4'}}
service:
  extensions: [bearertokenauth, basicauth/users]
  pipelines:
    logs: {receivers: [otlp, otlp/web], exporters: [awss3]}
";

#[test]
fn listeners_and_routes_are_taken_by_their_stages() {
    let understood = load(LISTENERS_AND_ROUTES).unwrap_or_else(|invalid| panic!("{invalid}"));
    let setting = |key: &str| {
        let found = understood.loaded.settings.iter().find(|setting| setting.key == key);
        found.map_or_else(|| panic!("{key}"), |setting| setting.value.clone())
    };
    for (key, value) in [
        ("receive.grpc", "unix:/run/forebay.sock"),
        ("receive.http", "localhost:4318"),
        ("receive.listeners.grpc.tls.min_version", "1.3"),
        ("receive.listeners.grpc.tls.reload_interval", "1h"),
        ("receive.listeners.grpc.auth.scheme", "Api"),
        ("receive.listeners.grpc.auth.tokens.collector-2.token", "***"),
        ("receive.listeners.grpc.connection.max_age", "1h"),
        ("receive.listeners.http.tls.cert_file", ""),
        ("receive.listeners.http.auth.users", "ann=***"),
        ("receive.listeners.http.cors.max_age", "10m"),
        ("receive.listeners.http.connection.header_timeout", "10s"),
        ("objects.prefix", "base/{resource.team.name|path:-}"),
        ("objects.bucket", "{resource.team.bucket}"),
    ] {
        assert_eq!(setting(key), value, "{key}");
    }
    let converted =
        load(&understood.native).unwrap_or_else(|invalid| panic!("{invalid}\n{}", understood.native));
    assert_eq!(converted.loaded.config, understood.loaded.config, "{}", understood.native);
    assert!(!format!("{understood:?}").contains("hunter"));
    let table = understood.table.unwrap().to_string();
    assert!(!table.contains("hunter"), "{table}");
}

#[test]
fn what_the_stages_say_of_a_setting_names_the_line_of_the_collectors_file() {
    for (from, to, said) in [
        ("role_arn: arn:aws", "role_arn: aws", "yaml:17: upload.s3.role_arn is aws:iam"),
        ("s3_prefix: claude-code", "s3_prefix: _raw", "yaml:14: objects.prefix is `_raw`; readers pass over"),
        (
            "'%Y'",
            "'%S'",
            "yaml:22: outputs.copy.objects.key is `%S/logs_{signal}_{unique}`; `%S` changes within",
        ),
    ] {
        let problems = load(&EVERYTHING.replace(from, to)).unwrap_err().problems;
        assert!(problems[0].starts_with(said), "{problems:?}");
    }
}

#[test]
fn mistakes_of_the_collectors_file_and_of_what_comes_of_it_are_said_together() {
    let yaml = EVERYTHING.replace("role_arn: arn:aws", "role_arm: x").replace("zstd", "lz5");
    let problems = load(&yaml).unwrap_err().problems;
    assert!(
        problems.iter().any(|problem| problem.contains("did you mean exporters.awss3.s3uploader.role_arn?"))
    );
    assert!(problems.iter().any(|problem| problem.contains("compression is `lz5`")), "{problems:?}");
}

#[test]
fn a_damaged_file_is_read_or_refused_and_nothing_else() {
    for yaml in [EVERYTHING, LISTENERS_AND_ROUTES] {
        let whole: Vec<&str> = yaml.lines().collect();
        for number in 0..whole.len() {
            let without = [&whole[..number], &whole[number + 1..]].concat();
            for damaged in [without, whole[..number].to_vec()] {
                let damaged = damaged.join("\n");
                match load(&damaged) {
                    Ok(understood) => {
                        let converted = load(&understood.native).map(|converted| converted.loaded.config);
                        assert_eq!(converted.as_ref(), Ok(&understood.loaded.config), "{damaged}");
                    }
                    Err(invalid) => assert!(!invalid.problems.is_empty(), "{damaged}"),
                }
            }
        }
    }
}

#[test]
fn the_reference_has_every_option_as_it_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/collector.md");
    let file = std::fs::read_to_string(path).unwrap();
    let reference = collector::reference();
    let (_, tables) = file.split_once("## Options\n").unwrap();
    assert!(tables == reference, "config/collector.md must have behind `## Options`:\n{reference}");
}
