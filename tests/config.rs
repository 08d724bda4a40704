//! The configuration as a whole: its files, its names, and what it says about mistakes.
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use forebay::config::{self, Config, Flag, Loaded, Origin, Sources};
use tempfile::TempDir;

/// Loads a file with this content.
fn load(
    yaml: &str,
    environment: &[(&str, &str)],
    flags: &[(&'static str, &str)],
) -> Result<Loaded, Vec<String>> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("forebay.yaml");
    std::fs::write(&path, yaml).unwrap();
    let environment =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let flags =
        flags.iter().map(|(key, value)| Flag { key, name: "--flag", value: (*value).to_owned() }).collect();
    config::load(&Sources { places: vec![path.into()], environment, flags }).map_err(|invalid| {
        let place = format!("{}/", folder.path().display());
        invalid.problems.into_iter().map(|problem| problem.replace(&place, "")).collect()
    })
}

/// The files that come with forebay.
fn bundled(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// A file with the settings that are commented out (`#key: value`).
fn with_everything(yaml: &str) -> String {
    let line = |line: &str| {
        let indent = line.len() - line.trim_start().len();
        match line.trim_start().strip_prefix('#') {
            Some(setting) if setting.starts_with(|c: char| c.is_ascii_lowercase()) => {
                format!("{}{setting}\n", &line[..indent])
            }
            _ => format!("{line}\n"),
        }
    };
    yaml.lines().map(line).collect()
}

#[test]
fn the_file_of_defaults_says_what_the_defaults_are() {
    let loaded = load(&bundled("default.yaml"), &[], &[]).unwrap();
    assert_eq!(loaded.config, Config::default());
    let unset: Vec<_> = loaded
        .settings
        .iter()
        .filter(|setting| setting.origin == Origin::Default && !setting.value.is_empty())
        .map(|setting| setting.key.as_str())
        .collect();
    assert!(unset.is_empty(), "config/default.yaml does not have {unset:?}");
}

#[test]
fn the_file_of_defaults_mentions_every_setting_that_has_none() {
    // Some of these exclude each other; then what is said is about that, and not about a key.
    let everything = with_everything(&bundled("default.yaml"));
    for problem in load(&everything, &[], &[]).err().unwrap_or_default() {
        assert!(!problem.contains("is not a setting"), "{problem}");
    }
    let known: BTreeSet<_> =
        config::load(&Sources::default()).unwrap().settings.into_iter().map(|s| s.key).collect();
    let mut mentioned = BTreeSet::new();
    let mut sections: Vec<(usize, String)> = Vec::new();
    for line in everything.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let Some((name, _)) = line.split_once(':') else { continue };
        let indent = name.len() - name.trim_start().len();
        sections.retain(|(above, _)| *above < indent);
        sections.push((indent, name.trim().to_owned()));
        mentioned.insert(sections.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join("."));
    }
    let missing: Vec<_> = known.difference(&mentioned).collect();
    assert!(missing.is_empty(), "config/default.yaml does not mention {missing:?}");
}

#[test]
fn the_file_of_defaults_names_what_needs_a_restart() {
    let text = bundled("default.yaml").replace("\n# ", " ");
    let (_, list) = text.split_once("Everything can change but ").unwrap();
    let (list, _) = list.split_once(", which take effect after a restart").unwrap();
    let named: Vec<_> = list.replace(" and ", ", ").split(", ").map(str::to_owned).collect();
    assert_eq!(named, config::restart_keys().collect::<Vec<_>>());
}

#[test]
fn hours_without_a_way_out_of_a_full_disk_are_warned_of_where_that_drops_data() {
    let warnings = |more: &str| {
        let yaml =
            format!("{{ log: {{ when_full: drop_oldest }}, upload: {{ hours: ['22:00-06:00']{more} }} }}");
        load(&yaml, &[], &[]).unwrap().warnings
    };
    assert!(warnings("")[0].starts_with("upload.hours is set and log.when_full is drop_oldest"));
    assert_eq!(warnings(", hours_unless_disk_over: 80%"), Vec::<String>::new());
    let said = load("upload: { hours: ['22-06'] }", &[], &[]).unwrap_err();
    let expected = "forebay.yaml:1: upload.hours: `22-06` is no span of the day; write it like `22:00-06:00`";
    assert!(said[0].starts_with(expected), "{said:?}");
}

#[test]
fn the_examples_are_right_also_with_what_is_commented_out() {
    for name in ["s3.yaml", "gcs.yaml", "s3-compatible.yaml"] {
        let yaml = bundled(name);
        for yaml in [&yaml, &with_everything(&yaml)] {
            if let Err(problems) = load(yaml, &[], &[]) {
                panic!("{name}: {problems:?}");
            }
        }
    }
}

#[test]
fn the_names_of_the_contract_have_their_defaults() {
    let loaded = config::load(&Sources::default()).unwrap();
    let settings: BTreeMap<_, _> =
        loaded.settings.iter().map(|s| (s.key.as_str(), s.value.as_str())).collect();
    for (key, value) in [
        ("data_dir", "./forebay-data"),
        ("receive.grpc", "127.0.0.1:4317"),
        ("receive.http", "127.0.0.1:4318"),
        ("receive.max_request_bytes", "64MiB"),
        ("receive.hold_before_refusing", "5s"),
        ("receive.min_data_rate", "1KiB"),
        ("log.segment_bytes", "64MiB"),
        ("log.seal_after", "5m"),
        ("log.disk_budget", "10GiB"),
        ("log.when_full", "refuse"),
        ("objects.format", "parquet"),
        ("objects.compression", ""),
        ("objects.prefix", ""),
        ("objects.key", "{signal}/date=%Y-%m-%d/hour=%H/{signal}_{unique}"),
        ("objects.timezone", "UTC"),
        ("upload.to", "file://./forebay-data/bucket"),
        ("upload.concurrency", "4"),
        ("upload.s3.endpoint", ""),
        ("upload.s3.region", ""),
        ("admin.listen", "127.0.0.1:13133"),
    ] {
        assert_eq!(settings.get(key), Some(&value), "{key}");
    }
}

#[test]
fn every_setting_has_an_environment_variable_of_its_own() {
    let settings = config::load(&Sources::default()).unwrap().settings;
    let variables: BTreeSet<_> = settings.iter().map(|s| s.key.replace('.', "_")).collect();
    assert_eq!(variables.len(), settings.len());
}

#[test]
fn an_output_is_as_the_main_one_in_what_it_does_not_name() {
    let yaml = "
objects: { compression: zstd, level: 7, timezone: Europe/Berlin, columns: { team: resource.team } }
upload: { to: 's3://rows', concurrency: 7, s3: { region: eu-central-1 } }
outputs:
  archive: { objects: { format: otlp_proto, prefix: archive }, upload: { to: 's3://archive' } }
  copy-2: { objects: { prefix: copy } }
";
    let loaded = load(yaml, &[("FOREBAY_OUTPUTS_COPY_2_UPLOAD_CONCURRENCY", "9")], &[]).unwrap();
    assert_eq!(loaded.warnings, Vec::<String>::new());
    let setting = |key: &str| {
        let found = loaded.settings.iter().find(|setting| setting.key == key);
        found.map_or_else(|| panic!("{key}"), |setting| setting.value.clone())
    };
    for (key, value) in [
        ("outputs.archive.objects.format", "otlp_proto"),
        ("outputs.archive.objects.level", ""),
        ("outputs.archive.objects.columns", ""),
        ("outputs.copy-2.objects.columns", "team=resource.team"),
        ("outputs.archive.objects.timezone", "Europe/Berlin"),
        ("outputs.archive.upload.to", "s3://archive"),
        ("outputs.archive.upload.s3.region", "eu-central-1"),
        ("outputs.archive.upload.concurrency", "7"),
        ("outputs.copy-2.objects.compression", "zstd"),
        ("outputs.copy-2.objects.level", "7"),
        ("outputs.copy-2.upload.to", "s3://rows"),
        ("outputs.copy-2.upload.concurrency", "9"),
    ] {
        assert_eq!(setting(key), value, "{key}");
    }
    let names: Vec<_> = loaded.config.all_outputs().map(|(name, ..)| name.to_string()).collect();
    assert_eq!(names, ["main", "archive", "copy-2"]);
}

#[test]
fn a_listener_is_as_all_of_them_in_what_it_does_not_name() {
    let yaml = "
receive:
  tls: { cert_file: /c.pem, key_file: /k.pem, min_version: 1.3 }
  auth: { tokens: { a: { token: hunter2, tenant: acme } }, scheme: Token }
  cors: { allowed_origins: ['https://a.example.com', 'https://b.example.com'] }
  connection: { max_age: 1h }
  listeners:
    inside: { address: 'unix:/run/f.sock', tls: { enabled: false }, connection: { max_age: off } }
    partners: { address: '0.0.0.0:9', auth: { tokens: { b: { token: hunter3 } } }, cors: { allowed_origins: [] } }
    grpc: { auth: { enabled: false } }
";
    let loaded =
        load(yaml, &[("FOREBAY_RECEIVE_LISTENERS_PARTNERS_CONNECTION_MAX_STREAMS", "7")], &[]).unwrap();
    let setting = |key: &str| {
        let found = loaded.settings.iter().find(|setting| setting.key == format!("receive.listeners.{key}"));
        found.map(|setting| setting.value.clone())
    };
    for (key, value) in [
        ("inside.tls.cert_file", Some("/c.pem")),
        ("inside.tls.enabled", Some("false")),
        ("inside.tls.min_version", Some("1.3")),
        ("inside.auth.tokens.a.token", Some("***")),
        ("inside.auth.tokens.a.tenant", Some("acme")),
        ("inside.connection.max_age", Some("off")),
        ("partners.auth.tokens.a.token", None),
        ("partners.auth.tokens.b.token", Some("***")),
        ("partners.auth.scheme", Some("Token")),
        ("partners.cors.allowed_origins", Some("")),
        ("partners.connection.max_age", Some("1h")),
        ("partners.connection.max_streams", Some("7")),
        ("grpc.tls.key_file", Some("/k.pem")),
        ("grpc.auth.enabled", Some("false")),
        ("grpc.address", Some("")),
    ] {
        assert_eq!(setting(key).as_deref(), value, "{key}");
    }
    let listeners = &loaded.config.receive.listeners;
    let tokens = |name: &str| listeners[name].auth.tokens.keys().cloned().collect::<Vec<_>>();
    assert_eq!((tokens("inside"), tokens("partners")), (vec!["a".to_owned()], vec!["b".to_owned()]));
    assert!(!format!("{loaded:?}").contains("hunter"));
}

#[test]
fn objects_that_go_into_the_data_folder_go_there_from_every_output() {
    let yaml = "data_dir: /d\noutputs: { archive: { objects: { prefix: archive } } }\n";
    let loaded = load(yaml, &[], &[]).unwrap();
    let places: Vec<_> = loaded.config.all_outputs().map(|(.., upload)| upload.to.as_str()).collect();
    assert_eq!(places, ["file:///d/bucket"; 2]);
}

#[test]
fn outputs_that_cannot_be_told_apart_are_refused() {
    for (outputs, said) in [
        (
            "archive: {}",
            "outputs.archive.objects.prefix: the outputs main and archive would both write into the folder",
        ),
        ("archive: { objects: { format: otlp_proto } }", "give one of them a prefix of its own"),
        ("main: { objects: { prefix: x } }", "outputs.main is the output of the sections objects and upload"),
        (
            "Archive: { objects: { prefix: x } }",
            "outputs.Archive: the name of an output is 1 to 32 lower-case letters",
        ),
        ("archive: { objects: { prefix: _x } }", "outputs.archive.objects.prefix is `_x`; readers pass over"),
        (
            "archive: { objects: { prefx: x } }",
            "outputs.archive.objects.prefx is not a setting; did you mean",
        ),
        (
            "archive: { upload: { concurrency: 0 } }",
            "outputs.archive.upload.concurrency is 0; it must be 1 to 64",
        ),
    ] {
        let problems = load(&format!("outputs: {{ {outputs} }}\n"), &[], &[]).unwrap_err();
        assert!(problems[0].contains(said), "{outputs}: {problems:?}");
    }
}

#[test]
fn outputs_may_share_the_signals_as_long_as_each_is_taken_by_one() {
    let with = |main: &str, other: &str| {
        let yaml = format!(
            "objects: {{ key: collector, signals: [{main}] }}\n\
             outputs: {{ archive: {{ objects: {{ signals: [{other}] }} }} }}\n"
        );
        load(&yaml, &[], &[])
    };
    let loaded = with("logs, metrics", "traces, profiles").unwrap();
    let taken: Vec<_> = loaded.config.all_outputs().map(|(_, objects, _)| objects.signals.len()).collect();
    assert_eq!(taken, [2, 2], "both may write into one folder: no signal is there twice");
    let problems = with("logs", "traces").unwrap_err();
    assert!(problems[0].contains("objects.signals: no output takes metrics, and what is"), "{problems:?}");
    let problems = with("", "traces").unwrap_err();
    assert!(problems[0].contains("would both write into the folder"), "{problems:?}");
    let problems = with("log", "").unwrap_err();
    assert!(problems[0].contains("objects.signals"), "{problems:?}");
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let yaml = "log:\n  seal_after: 1m\n  disk_budget: 2GiB\n  segment_bytes: 8MiB\nupload:\n  s3:\n";
    let environment = [("FOREBAY_LOG_SEAL_AFTER", "2m"), ("FOREBAY_LOG_DISK_BUDGET", "3GiB")];
    let loaded = load(yaml, &environment, &[("log.seal_after", "3m")]).unwrap();
    let setting = |key: &str| loaded.settings.iter().find(|setting| setting.key == key).unwrap();
    let seal_after = setting("log.seal_after");
    assert_eq!((seal_after.value.as_str(), &seal_after.origin), ("3m", &Origin::Flag("--flag")));
    let budget = setting("log.disk_budget");
    let variable = Origin::Environment("FOREBAY_LOG_DISK_BUDGET".to_owned());
    assert_eq!((budget.value.as_str(), &budget.origin), ("3GiB", &variable));
    let segment = setting("log.segment_bytes");
    let in_file = matches!(&segment.origin, Origin::File { line: 4, path } if path.ends_with("forebay.yaml"));
    assert!(segment.value == "8MiB" && in_file, "{segment:?}");
    assert_eq!(setting("admin.listen").origin, Origin::Default);
    assert_eq!(loaded.config.log.seal_after.to_string(), "3m");
}

#[test]
fn mistakes_are_said_with_their_place_and_what_would_be_right() {
    for (yaml, said) in [
        (
            "receive:\n  max_request_byte: 1",
            "forebay.yaml:2: receive.max_request_byte is not a setting; did you mean receive.max_request_bytes?",
        ),
        (
            "max_request_bytes: 1",
            "forebay.yaml:1: max_request_bytes is not a setting; did you mean receive.max_request_bytes?",
        ),
        ("recieve: {grpc: x}", "forebay.yaml:1: recieve is not a setting; did you mean receive?"),
        (
            "admin: {colour: red}",
            "forebay.yaml:1: admin.colour is not a setting; in admin there may be tls, auth, client, listen, socket_mode",
        ),
        (
            "log: { segment_bytes: 1KiB }",
            "forebay.yaml:1: log.segment_bytes is 1KiB; it must be 1MiB to 1GiB",
        ),
        (
            "log: { segment_bytes: 1MiB, disk_budget: 100MiB }",
            "forebay.yaml:1: log.disk_budget is 100MiB; it must be at least 132MiB, four times log.segment_bytes and twice receive.max_request_bytes",
        ),
        ("data_dir: ''", "forebay.yaml:1: data_dir is empty; it must be a folder"),
        (
            "log: { segment_bytes: big }",
            "forebay.yaml:1: log.segment_bytes: `big` is no size; write it like `512`, `64KiB`, `64MiB` or `10GiB`",
        ),
        (
            "log:\n  when_full: maybe",
            "forebay.yaml:2: log.when_full is `maybe`; it must be `refuse` or `drop_oldest`",
        ),
        (
            "upload: { create_only: yes }",
            "forebay.yaml:1: upload.create_only is `yes`; it must be `true` or `false`",
        ),
        (
            "upload: { concurrency: [4] }",
            "forebay.yaml:1: upload.concurrency: it must be one value, not a list",
        ),
        (
            "objects: { format: }",
            "forebay.yaml:1: objects.format: it must be `parquet`, `jsonl`, `csv`, `otlp_json`, `otlp_jsonl` or `otlp_proto`",
        ),
        (
            "admin: 13133",
            "forebay.yaml:1: admin is a section; in it there may be tls, auth, client, listen, socket_mode",
        ),
        (
            "upload: { s3: { region: \"${env:NOWHERE}\" } }",
            "forebay.yaml:1: upload.s3.region: the environment variable NOWHERE is not set; set it, or write \
             `${env:NOWHERE:-default}`",
        ),
    ] {
        assert_eq!(load(yaml, &[], &[]).unwrap_err(), [said], "{yaml}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let environment = [("FOREBAY_RECEIVE_MAX_REQUEST_BYTES", "-1")];
    let flags = [("log.when_full", "explode")];
    let problems = load("logs: 1\nlog: { seal_after: soon }", &environment, &flags).unwrap_err();
    for (problem, said) in problems.iter().zip([
        "forebay.yaml:1: logs is not a setting",
        "forebay.yaml:2: log.seal_after: `soon` is no span of time",
        "--flag: log.when_full is `explode`",
        "FOREBAY_RECEIVE_MAX_REQUEST_BYTES: receive.max_request_bytes: `-1` is no size",
    ]) {
        assert!(problem.starts_with(said), "{problem}");
    }
    assert_eq!(problems.len(), 4, "{problems:?}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let sources =
        Sources { places: vec![PathBuf::from("/nowhere/forebay.yaml").into()], ..Sources::default() };
    let error = config::load(&sources).unwrap_err().to_string();
    assert!(error.contains("cannot read the configuration /nowhere/forebay.yaml: No such file"), "{error}");
}

#[test]
fn objects_go_into_the_data_folder_wherever_it_is_unless_told_otherwise() {
    let to = |flags: &[(&'static str, &str)]| load("", &[], flags).unwrap().config.upload.to;
    assert_eq!(to(&[("data_dir", "/data")]), "file:///data/bucket");
    assert_eq!(to(&[("data_dir", "data")]), "file://data/bucket");
    assert_eq!(to(&[("data_dir", "/data"), ("upload.to", "s3://b")]), "s3://b");
}

#[test]
fn secrets_are_taken_and_not_shown() {
    let yaml = "upload: { s3: { access_key_id: AKIA, secret_access_key: '${env:STORE_SECRET}' } }";
    let loaded = load(yaml, &[("STORE_SECRET", "hunter2")], &[]).unwrap();
    let secret = loaded.settings.iter().find(|s| s.key == "upload.s3.secret_access_key").unwrap();
    assert_eq!(secret.value, "***");
    assert!(!format!("{loaded:?}").contains("hunter2"));
}

#[test]
fn secrets_in_a_map_are_taken_and_not_shown_not_even_when_they_are_written_wrongly() {
    let name = "FOREBAY_UPLOAD_RECEIPTS_WEBHOOK_HEADERS";
    let loaded = load("", &[(name, "Authorization=Bearer hunter2,X-Key=hunter3")], &[]).unwrap();
    let headers = loaded.settings.iter().find(|s| s.key == "upload.receipts.webhook.headers").unwrap();
    assert_eq!(headers.value, "Authorization=***,X-Key=***");
    assert!(!format!("{loaded:?}").contains("hunter"));
    let problems = load("", &[(name, "Authorization: Bearer hunter2")], &[]).unwrap_err();
    let said = "upload.receipts.webhook.headers: it must be written `key=value,key=value`";
    assert_eq!(problems, [format!("{name}: {said}")]);
    let yaml = "upload: { receipts: { webhook: { headers: { \"a b\": hunter2 } } } }";
    let problems = load(yaml, &[], &[]).unwrap_err();
    assert!(problems[0].contains("headers has `a b`") && !problems[0].contains("hunter"), "{problems:?}");
}

#[test]
fn a_name_brought_along_from_the_collector_is_shown_by_its_own() {
    let loaded = load("upload: { s3: { force_path_style: false } }", &[], &[]).unwrap();
    assert!(!loaded.config.upload.s3.path_style);
    assert!(loaded.settings.iter().all(|setting| !setting.key.contains("force")));
    // Every other key is found in the defaults as they are written out; an alias would not be.
    let written = serde_json::to_value(Config::default()).unwrap();
    for setting in &loaded.settings {
        let pointer = format!("/{}", setting.key.replace('.', "/"));
        assert!(
            written.pointer(&pointer).is_some(),
            "{} is an alias that config does not know of",
            setting.key
        );
    }
}

#[test]
fn several_files_folders_and_variables_override_each_other_in_their_order() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, yaml: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, yaml).unwrap();
        path
    };
    write("d/20.yml", "log: { seal_after: 2m, when_full: drop_oldest }\n");
    write("d/10.yaml", "log: { seal_after: 1m, disk_budget: 3GiB }\n");
    write("d/30.txt", "no: yaml\n");
    let token = write("token", "hunter2\n");
    let last = write(
        "last.yaml",
        &format!("upload:\n  s3:\n    secret_access_key: ${{file:{}}}\n", token.display()),
    );
    let file = format!("file:{}", last.display());
    let named = [
        folder.path().join("d").display().to_string(),
        "env:MORE".into(),
        "yaml:log::seal_after: 4m".into(),
        file,
    ];
    let environment =
        BTreeMap::from([("MORE".to_owned(), "log:\n  seal_after: 3m\n  segment_bytes: 8MiB".to_owned())]);
    let places: Vec<_> = named.iter().map(|name| PathBuf::from(name).into()).collect();
    let loaded = config::load(&Sources { places, environment, flags: Vec::new() }).unwrap();
    assert_eq!(loaded.config.log.seal_after.to_string(), "4m");
    let from =
        |key: &str| loaded.settings.iter().find(|setting| setting.key == key).unwrap().origin.to_string();
    let place = format!("{}/", folder.path().display());
    for (key, origin) in [
        ("log.seal_after", "yaml:1"),
        ("log.segment_bytes", "env:MORE:3"),
        ("log.when_full", "d/20.yml:1"),
        ("log.disk_budget", "d/10.yaml:1"),
        ("upload.s3.secret_access_key", "last.yaml:3"),
    ] {
        assert_eq!(from(key).replace(&place, ""), origin, "{key}");
    }
    let files: Vec<_> = loaded.files.iter().map(|file| file.replace(&place, "")).collect();
    assert_eq!(files, ["d/10.yaml", "d/20.yml", "env:MORE", "yaml", "last.yaml"]);
}

#[test]
fn places_that_cannot_be_read_are_all_named() {
    let folder = TempDir::new().unwrap();
    let empty = folder.path().display().to_string();
    let named = [empty.as_str(), "env:NONE", "https://example.com/c.yaml", "yaml:a: [", "/nowhere"];
    let places = named.iter().map(|name| PathBuf::from(name).into()).collect();
    let problems = config::load(&Sources { places, ..Sources::default() }).unwrap_err().problems;
    for (problem, said) in problems.iter().zip([
        "has no *.yaml or *.yml",
        "the environment variable NONE is not set",
        "https://example.com/c.yaml cannot be read from",
        "yaml: ",
        "cannot read the configuration /nowhere: No such file",
    ]) {
        assert!(problem.contains(said), "{problem}");
    }
    assert_eq!(problems.len(), 5, "{problems:?}");
}
