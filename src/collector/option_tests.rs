//! Each option of each component.

use super::tests::{check, convert_with, with_exporter, with_protocols};
use super::*;

#[test]
fn each_option_of_awss3_becomes_the_setting_that_does_the_same() {
    let s3 = |options: &str| with_exporter("awss3", &format!("{{s3uploader: {{s3_bucket: b, {options}}}}}"));
    for (options, settings) in [
        ("", &[("upload.to", "s3://b"), ("upload.s3.region", "us-east-1"), ("objects.key", "collector")][..]),
        ("", &[("objects.format", "otlp_json"), ("objects.compression", "none"), ("objects.prefix", "")]),
        ("region: eu-central-1", &[("upload.s3.region", "eu-central-1")]),
        ("s3_prefix: /a//, s3_base_prefix: base/x/", &[("objects.prefix", "base/x/a")]),
        ("s3_prefix: '${PREFIX}/a'", &[("objects.prefix", "${env:PREFIX}/a")]),
        ("s3_partition_format: '%Y/%m/%d/%H'", &[("objects.key", "%Y/%m/%d/%H/{signal}_{unique}")]),
        ("s3_partition_format: ''", &[("objects.key", "{signal}_{unique}")]),
        ("s3_partition: hour", &[("objects.key", "year=%Y/month=%m/day=%d/hour=%H/{signal}_{unique}")]),
        ("s3_partition: minute", &[("objects.key", "collector")]),
        (
            "file_prefix: edge-",
            &[("objects.key", "year=%Y/month=%m/day=%d/hour=%H/minute=%M/edge-{signal}_{unique}")],
        ),
        ("s3_partition_timezone: Europe/London", &[("objects.timezone", "Europe/London")]),
        ("s3_partition_timezone: Local", &[("objects.timezone", "UTC")]),
        ("endpoint: 'https://minio:9000'", &[("upload.s3.endpoint", "https://minio:9000")]),
        (
            "endpoint: 'http://minio:9000'",
            &[("upload.s3.endpoint", "http://minio:9000"), ("upload.s3.allow_http", "true")],
        ),
        (
            "endpoint: 'minio:9000', disable_ssl: true",
            &[("upload.s3.endpoint", "http://minio:9000"), ("upload.s3.allow_http", "true")],
        ),
        ("endpoint: 'minio:9000'", &[("upload.s3.endpoint", "https://minio:9000")]),
        ("s3_force_path_style: false", &[("upload.s3.path_style", "false")]),
        ("role_arn: 'arn:aws:iam::1:role/r'", &[("upload.s3.role_arn", "arn:aws:iam::1:role/r")]),
        ("external_id: x", &[("upload.s3.external_id", "x")]),
        ("acl: private", &[("upload.s3.acl", "private")]),
        ("storage_class: STANDARD_IA", &[("upload.s3.storage_class", "STANDARD_IA")]),
        ("compression: gzip", &[("objects.compression", "gzip"), ("objects.content_encoding", "true")]),
        ("compression: zstd", &[("objects.compression", "zstd")]),
        (
            "notifications: {endpoint: 'http://h/x', timeout: 7s, queue_size: 9, headers: {A: '${env:TOKEN}'}}",
            &[
                ("upload.receipts.webhook.url", "http://h/x"),
                ("upload.receipts.webhook.allow_http", "true"),
                ("upload.receipts.webhook.timeout", "7s"),
                ("upload.receipts.webhook.most_waiting", "9"),
                ("upload.receipts.webhook.headers.A", "${env:TOKEN}"),
            ],
        ),
    ] {
        check(&s3(options), settings);
    }
    let beside = |options: &str| {
        with_exporter("awss3", &format!("{{s3uploader: {{s3_bucket: b, s3_prefix: p}}, {options}}}"))
    };
    for (options, settings) in [
        ("marshaler: otlp_json", &[("objects.format", "otlp_json")][..]),
        ("marshaler: otlp_proto", &[("objects.format", "otlp_proto")]),
        ("encoding: otlp_encoding/p, marshaler: body", &[("objects.format", "otlp_proto")]),
        ("timeout: 20s", &[("upload.attempt_timeout", "20s")]),
        ("timeout: 0s", &[("upload.attempt_timeout", "1h")]),
        ("timeout: 10ms", &[("upload.attempt_timeout", "1s")]),
        (
            "resource_attrs_to_s3: {s3_prefix: team.path}",
            &[("objects.prefix", "{resource.team.path|path:-p}")],
        ),
        (
            "resource_attrs_to_s3: {s3_bucket: team.bucket}",
            &[("objects.bucket", "{resource.team.bucket}"), ("objects.max_prefixes", "1000")],
        ),
    ] {
        check(&beside(options), settings);
    }
}

#[test]
fn every_setting_that_a_table_names_is_one() {
    let known: Vec<String> =
        config::load(&Sources::default()).unwrap().settings.into_iter().map(|setting| setting.key).collect();
    let check = |key: &str| {
        let is_section =
            || known.iter().any(|known| known.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')));
        // Names of tokens are made up.
        let is_token = key.starts_with("receive.auth.tokens.collector");
        assert!(is_token || known.iter().any(|known| known == key) || is_section(), "{key}");
    };
    let mut number = 0;
    for cell in reference().lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").nth(2)) {
        let settings = cell.split([' ', ',', '`', '|', '(', ')', ':', ';']).filter(|word| {
            let first = word.split('.').next().unwrap_or_default();
            word.contains('.') && file::OWN.contains(&first)
        });
        for key in settings {
            check(key.trim_end_matches('.'));
            number += 1;
        }
    }
    assert!(number > 80, "{number}");
}

#[test]
fn options_that_the_log_stands_for_have_no_meaning_and_are_named() {
    let yaml = with_exporter(
        "awss3",
        "{s3uploader: {s3_bucket: b, retry_mode: nop, retry_max_attempts: 3, retry_max_backoff: 20s, \
         unique_key_func_name: uuidv7, disable_ssl: true}, encoding_file_extension: txt, \
         sending_queue: {enabled: true, queue_size: 5, batch: {flush_timeout: 1s, min_size: 2}}, \
         retry_on_failure: {enabled: false}}",
    );
    let converted = convert_with(&yaml, &[], false);
    assert_eq!(converted.problems, [""; 0]);
    for (key, outcome) in [
        ("s3uploader.retry_mode", "no meaning"),
        ("s3uploader.retry_max_attempts", "no meaning"),
        ("s3uploader.retry_max_backoff", "no meaning"),
        ("s3uploader.unique_key_func_name", "no meaning"),
        ("s3uploader.disable_ssl", "not honoured"),
        ("encoding_file_extension", "not honoured"),
        ("sending_queue", "no meaning"),
        ("retry_on_failure", "no meaning"),
    ] {
        let rows = converted.row(&format!("exporters.awss3.{key}"));
        assert_eq!(rows.iter().map(|(outcome, _)| *outcome).collect::<Vec<_>>(), [outcome], "{key}");
    }
}

#[test]
fn each_option_of_googlecloudstorage_becomes_the_setting_that_does_the_same() {
    for (options, settings) in [
        (
            "",
            &[("upload.to", "gs://b"), ("objects.key", "logs_{signal}_{unique}"), ("objects.prefix", "")][..],
        ),
        (
            "",
            &[("objects.format", "otlp_json"), ("objects.compression", "none"), ("objects.timezone", "UTC")],
        ),
        ("file_prefix: x", &[("objects.key", "x_{signal}_{unique}")]),
        ("file_prefix: x/", &[("objects.key", "x/{signal}_{unique}")]),
        ("file_prefix: ''", &[("objects.key", "{signal}_{unique}")]),
        (
            "partition: {format: 'year=%Y/', prefix: archive/}",
            &[("objects.prefix", "archive"), ("objects.key", "year=%Y/logs_{signal}_{unique}")],
        ),
        ("compression: zstd", &[("objects.compression", "zstd")]),
        ("project_id: p, region: r, reuse_if_exists: true", &[]),
    ] {
        check(&with_exporter("googlecloudstorage", &format!("{{bucket: {{name: b, {options}}}}}")), settings);
    }
    let encoded = with_exporter("googlecloudstorage", "{bucket: {name: b}, encoding: otlp_encoding/p}");
    check(&encoded, &[("objects.format", "otlp_proto")]);
}

#[test]
fn each_option_of_file_becomes_the_setting_that_comes_nearest() {
    for (options, settings) in [
        (
            "path: /data/out/telemetry.json",
            &[
                ("upload.to", "file:///data/out"),
                ("objects.key", "telemetry_{signal}_{unique}"),
                ("objects.format", "otlp_jsonl"),
                ("objects.compression", "none"),
            ][..],
        ),
        ("path: out.json", &[("upload.to", "file://./"), ("objects.key", "out_{signal}_{unique}")]),
        ("path: '${env:PREFIX}/$${x}.json'", &[("upload.to", "file://p")]),
        ("path: /d/a, format: proto", &[("objects.format", "otlp_proto")]),
        ("path: /d/a, encoding: otlp_encoding/p", &[("objects.format", "otlp_proto")]),
        ("path: /d/a, compression: zstd", &[("objects.compression", "zstd")]),
        (
            "path: '/d/*/a.json', group_by: {enabled: true, resource_attribute: team, max_open_files: 5}",
            &[("upload.to", "file:///d"), ("objects.key", "{resource.team}/a_{signal}_{unique}")],
        ),
        (
            "path: '/d/x-*.json', group_by: {enabled: true}",
            &[("objects.key", "x-{resource.fileexporter.path_segment}_{signal}_{unique}")],
        ),
        (
            "path: /d/a, append: true, rotation: {max_megabytes: 5, max_days: 1, max_backups: 2, localtime: true}, \
             flush_interval: 1s, create_directory: true, directory_permissions: '0755'",
            &[("upload.to", "file:///d")],
        ),
    ] {
        let yaml = with_exporter("file", &format!("{{{options}}}"));
        if options.contains("$${x}") {
            let problems = convert_with(&yaml, &[("PREFIX", "p")], false).problems;
            assert!(problems[0].contains("`{` cannot stand in it"), "{problems:?}");
        } else {
            check(&yaml, settings);
        }
    }
}

#[test]
fn each_option_of_the_receiver_becomes_the_setting_of_its_listener() {
    for (protocols, settings) in [
        ("{grpc: , http: }", &[("receive.grpc", "localhost:4317"), ("receive.http", "localhost:4318")][..]),
        ("{grpc: {endpoint: ':4317'}}", &[("receive.grpc", "0.0.0.0:4317"), ("receive.http", "off")]),
        (
            "{http: {endpoint: '${env:IP}:4318'}}",
            &[("receive.grpc", "off"), ("receive.http", "0.0.0.0${env:IP:-}:4318")],
        ),
        ("{grpc: {endpoint: /run/f.sock, transport: unix}}", &[("receive.grpc", "unix:/run/f.sock")]),
        (
            "{grpc: {tls: {cert_file: c, key_file: k, client_ca_file: a, min_version: '1.3', reload_interval: 24h}}}",
            &[
                ("receive.tls.cert_file", "c"),
                ("receive.tls.key_file", "k"),
                ("receive.tls.client_ca_file", "a"),
                ("receive.tls.min_version", "1.3"),
                ("receive.tls.reload_interval", "1d"),
            ],
        ),
        (
            "{grpc: {tls: {cert_file: c, key_file: k}}, http: }",
            &[("receive.listeners.grpc.tls.cert_file", "c"), ("receive.listeners.grpc.tls.key_file", "k")],
        ),
        (
            "{grpc: {tls: {cert_file: c, key_file: k}}, http: {tls: {cert_file: c, key_file: k}}}",
            &[("receive.tls.cert_file", "c"), ("receive.tls.key_file", "k")],
        ),
        (
            "{grpc: {max_concurrent_streams: 16, keepalive: {server_parameters: {max_connection_idle: 11s, \
             max_connection_age: 12s, max_connection_age_grace: 13s, time: 30s, timeout: 5s}, \
             enforcement_policy: {min_time: 10s, permit_without_stream: true}}}}",
            &[
                ("receive.connection.max_streams", "16"),
                ("receive.connection.idle_timeout", "11s"),
                ("receive.connection.max_age", "12s"),
                ("receive.connection.max_age_grace", "13s"),
                ("receive.connection.keepalive_interval", "30s"),
                ("receive.connection.keepalive_timeout", "5s"),
            ],
        ),
        (
            "{http: {idle_timeout: 0s, read_header_timeout: 20s, cors: {allowed_origins: ['https://a', 'https://b'], \
             allowed_headers: [X], max_age: 7200}}}",
            &[
                ("receive.connection.idle_timeout", "off"),
                ("receive.connection.header_timeout", "20s"),
                ("receive.cors.allowed_origins", "[https://a, https://b]"),
                ("receive.cors.allowed_headers", "[X]"),
                ("receive.cors.max_age", "7200s"),
            ],
        ),
        ("{grpc: {max_recv_msg_size_mib: 8}}", &[("receive.max_request_bytes", "8MiB")]),
        ("{grpc: {max_recv_msg_size_mib: 8}, http: }", &[("receive.max_request_bytes", "20MiB")]),
        (
            "{grpc: {max_recv_msg_size_mib: 256}, http: {max_request_body_size: 1048576}}",
            &[("receive.max_request_bytes", "256MiB"), ("receive.max_inflight_bytes", "512MiB")],
        ),
    ] {
        check(&with_protocols(protocols, "{}"), settings);
    }
    let alone =
        convert_with(&with_protocols("{grpc: {tls: {cert_file: c, key_file: k}}, http: }", "{}"), &[], false);
    assert_eq!(alone.has("receive.tls.cert_file"), None, "http has none");
}

#[test]
fn options_of_the_receiver_that_cannot_be_honoured_are_named() {
    let protocols = "{grpc: {read_buffer_size: 1, write_buffer_size: 1, include_metadata: true, dialer: {timeout: 1s}, \
                     tls: {cert_file: c, key_file: k, min_version: '1.0', max_version: '1.3', ca_file: x, \
                     cipher_suites: [x], client_ca_file_reload: true}}, \
                     http: {response_headers: {a: b}, compression_algorithms: [gzip], read_timeout: 1s, \
                     write_timeout: 1s, read_header_timeout: 0s, keep_alives_enabled: false, \
                     traces_url_path: v1/traces, cors: {exposed_headers: [x]}}}";
    let converted = convert_with(&with_protocols(protocols, "{}"), &[], false);
    assert_eq!(converted.problems, [""; 0]);
    for (key, outcome) in [
        ("grpc.read_buffer_size", "no meaning"),
        ("grpc.write_buffer_size", "no meaning"),
        ("grpc.include_metadata", "no meaning"),
        ("grpc.dialer", "no meaning"),
        ("grpc.tls.min_version", "not honoured"),
        ("grpc.tls.max_version", "not honoured"),
        ("grpc.tls.ca_file", "no meaning"),
        ("grpc.tls.cipher_suites", "not honoured"),
        ("grpc.tls.client_ca_file_reload", "no meaning"),
        ("http.response_headers", "not honoured"),
        ("http.compression_algorithms", "no meaning"),
        ("http.read_timeout", "not honoured"),
        ("http.write_timeout", "not honoured"),
        ("http.read_header_timeout", "not honoured"),
        ("http.keep_alives_enabled", "not honoured"),
        ("http.traces_url_path", "no meaning"),
        ("http.cors.exposed_headers", "not honoured"),
    ] {
        let rows = converted.row(&format!("receivers.otlp.protocols.{key}"));
        assert_eq!(rows.iter().map(|(outcome, _)| *outcome).collect::<Vec<_>>(), [outcome], "{key}");
    }
    for (protocols, said) in [
        ("{http: {traces_url_path: /t}}", "traces_url_path is not supported: /v1/traces is the only path"),
        (
            "{grpc: {tls: {cert_pem: x, key_file: k}}}",
            "cert_pem is not supported: certificates and keys are read",
        ),
        ("{grpc: {middlewares: [x]}}", "middlewares is not supported"),
        ("{grpc: {transport: udp}}", "transport is `udp`; it must be tcp or unix"),
        ("{grpc: {endpiont: x}}", "did you mean receivers.otlp.protocols.grpc.endpoint?"),
        ("{http: {idle_timeout: soon}}", "idle_timeout is `soon`; it must be like 500ms"),
        ("{http: {max_request_body_size: big}}", "max_request_body_size must be a whole number"),
        ("{}", "no receiver otlp with a protocol is in use"),
    ] {
        let problems = convert_with(&with_protocols(protocols, "{}"), &[], false).problems;
        assert!(problems.iter().any(|problem| problem.contains(said)), "{protocols}: {problems:?}");
    }
}

#[test]
fn several_receivers_are_as_many_listeners() {
    let yaml = "
receivers:
  otlp: {protocols: {grpc: {endpoint: 'a:1'}}}
  otlp/edge: {protocols: {grpc: {endpoint: 'a:2', auth: {authenticator: basicauth}}, http: {endpoint: 'a:3'}}}
  otlp/unused: {protocols: {grpc: }}
exporters: {file: {path: /d/x}}
extensions: {basicauth: {htpasswd: {inline: \"ann:$$2y$$05$$x\\nbob.b:pw\"}}}
service:
  extensions: [basicauth]
  pipelines: {logs: {receivers: [otlp, otlp/edge], exporters: [file]}}
";
    let converted = convert_with(yaml, &[], false);
    assert_eq!(converted.problems, [""; 0]);
    for (key, value) in [
        ("receive.grpc", "a:1"),
        ("receive.http", "a:3"),
        ("receive.listeners.otlp-edge-grpc.address", "a:2"),
        ("receive.listeners.otlp-edge-grpc.auth.users.ann", "$$2y$$05$$x"),
        ("receive.listeners.otlp-edge-grpc.auth.users.bob.b", "pw"),
    ] {
        assert_eq!(converted.has(key), Some(value), "{key} {:?}", converted.settings);
    }
    assert_eq!(converted.row("receivers.otlp/unused"), [("no meaning", "it is in no pipeline")]);
}

#[test]
fn credentials_become_those_of_the_listeners() {
    let with = |id: &str, options: &str| {
        let auth = format!("{{auth: {{authenticator: {id}}}}}");
        with_protocols(&format!("{{grpc: {auth}, http: {auth}}}"), &format!("{{{id}: {options}}}"))
    };
    for (id, options, settings) in [
        (
            "bearertokenauth",
            "{token: '${env:TOKEN}'}",
            &[("receive.auth.tokens.collector.token", "${env:TOKEN}")][..],
        ),
        (
            "bearertokenauth",
            "{scheme: Api, header: X-Key, tokens: [one, two]}",
            &[
                ("receive.auth.scheme", "Api"),
                ("receive.auth.header", "X-Key"),
                ("receive.auth.tokens.collector-1.token", "one"),
                ("receive.auth.tokens.collector-2.token", "two"),
            ],
        ),
        ("bearertokenauth", "{filename: /t, token: x}", &[("receive.auth.tokens_file", "/t")]),
        ("basicauth", "{htpasswd: {file: /h}}", &[("receive.auth.htpasswd_file", "/h")]),
    ] {
        check(&with(id, options), settings);
    }
    let secret = convert_with(&with("bearertokenauth", "{token: hunter2}"), &[], false);
    assert!(!format!("{:?}", secret.rows).contains("hunter2"), "{:?}", secret.rows);
    for (id, options, said) in [
        ("other", "{}", "forebay does not know credentials of other"),
        ("bearertokenauth", "{}", "must have a token, tokens or a filename"),
        ("basicauth", "{client_auth: {username: u, password: p}}", "htpasswd must have a file or inline"),
    ] {
        for ignores in [false, true] {
            let problems = convert_with(&with(id, options), &[], ignores).problems;
            assert!(problems.iter().any(|problem| problem.contains(said)), "{id}: {problems:?}");
        }
    }
}

#[test]
fn extensions_become_the_admin_address_and_the_data_folder_or_have_no_meaning() {
    for (extensions, settings) in [
        ("{health_check: }", &[("admin.listen", "127.0.0.1:13133")][..]),
        ("{health_check: {endpoint: 'localhost:1'}}", &[("admin.listen", "127.0.0.1:1")]),
        ("{health_check: {endpoint: '${env:PREFIX}:13133'}}", &[("admin.listen", "${env:PREFIX}:13133")]),
        ("{file_storage: {directory: /var/q/}}", &[("data_dir", "/var/q/forebay")]),
        ("{file_storage: }", &[("data_dir", "/var/lib/otelcol/file_storage/forebay")]),
        ("{pprof: {endpoint: x}, other: {a: b}}", &[]),
    ] {
        check(&with_protocols("{grpc: }", extensions), settings);
    }
    let without = convert_with(&with_protocols("{grpc: }", "{}"), &[], false);
    assert!(without.row("extensions")[0].1.starts_with("no file_storage names a folder that lasts"));
    let converted =
        convert_with(&with_protocols("{grpc: }", "{other: , health_check: {path: /health}}"), &[], false);
    assert_eq!(converted.row("extensions.other"), [("not honoured", "forebay has nothing like it")]);
    assert_eq!(converted.row("extensions.health_check.path")[0].0, "not honoured");
    let unused = "extensions: {health_check: }";
    let yaml = with_protocols("{grpc: }", "{}").replace("extensions: {}", unused);
    assert_eq!(convert_with(&yaml, &[], false).has("admin.listen"), None, "the service does not start it");
}
