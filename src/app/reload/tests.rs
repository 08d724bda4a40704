//! Every setting that can change is changed in a running process, and those who go by it are asked.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::*;
use crate::app::history::History;
use crate::app::pipeline::Pipeline;
use crate::app::rates::Rates;
use crate::config::{Change, Place, Sources, change_of, load};
use crate::log::WhenFull;
use crate::pack::OutputName;
use crate::receive::{Listeners, Receiver};
use crate::units::{ByteSize, Span};

/// What the running process has, so that each setting may be another one.
const BASE: &str = "
data_dir: DIR/data
receive:
  grpc: 127.0.0.1:0
  http: 'off'
  tls: {cert_file: DIR/c1, key_file: DIR/k1}
  auth: {tokens: {a: {token: t}}, users: {u: p}}
log: {segment_bytes: 1MiB}
objects: {format: parquet}
upload:
  to: s3://bucket
  hours: ['00:00-24:00']
  s3:
    endpoint: http://127.0.0.1:1
    allow_http: true
    access_key_id: A
    secret_access_key: S
    role_arn: arn:aws:iam::123456789012:role/forebay
    server_side_encryption: aws:kms
admin: {listen: 'off'}
";

/// A setting, another value of it, and what else has to be set beside.
type Example = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Values for settings of which no other one can be made up.
const EXAMPLES: &[Example] = &[
    ("receive.tls.cert_file", "DIR/c2", &[]),
    ("receive.tls.key_file", "DIR/k2", &[]),
    ("receive.tls.client_ca_file", "DIR/c1", &[]),
    ("receive.tls.min_version", "1.3", &[]),
    ("receive.auth.tokens_file", "DIR/tokens", &[]),
    ("receive.auth.scheme", "Token", &[]),
    ("receive.auth.header", "X-Token", &[]),
    ("receive.auth.users", "u=p,v=q", &[]),
    ("receive.auth.htpasswd_file", "DIR/empty", &[]),
    ("receive.auth.user_tenants", "u=acme", &[]),
    ("receive.auth.tokens.a.token", "t2", &[]),
    ("receive.auth.tokens.a.tenant", "acme", &[]),
    ("receive.auth.tokens.a.max_request_bytes", "1MiB", &[]),
    ("receive.auth.tokens.a.bytes_per_second", "1MiB", &[]),
    ("receive.auth.tokens.a.when_full", "refuse", &[]),
    ("receive.cors.allowed_origins", "https://a.example.com", &[]),
    ("receive.cors.allowed_headers", "x-one", &[("receive.cors.allowed_origins", "*")]),
    ("receive.cors.max_age", "1h", &[("receive.cors.allowed_origins", "*")]),
    ("receive.connection.max_age", "1h", &[]),
    ("receive.tenant_header", "x-tenant", &[]),
    ("log.when_full", "drop_oldest", &[]),
    ("objects.format", "otlp_jsonl", &[]),
    ("objects.compression", "snappy", &[]),
    ("objects.level", "5", &[]),
    ("objects.prefix", "x", &[]),
    ("objects.key", "{signal}/{signal}_{unique}", &[]),
    ("objects.bucket", "lake-{tenant}", &[]),
    ("objects.buckets", "lake-acme,lake-b", &[("objects.bucket", "lake-{tenant}")]),
    ("objects.overflow_prefix", "too-many", &[]),
    ("objects.timezone", "Europe/Berlin", &[]),
    ("objects.columns", "team=resource.team", &[]),
    (
        "objects.content_encoding",
        "true",
        &[("objects.format", "otlp_jsonl"), ("objects.compression", "gzip")],
    ),
    ("objects.signals", "logs,metrics,traces,profiles", &[]),
    ("upload.retry.longest_wait", "30s", &[]),
    ("upload.bandwidth", "1MiB", &[]),
    ("upload.hours", "01:00-02:00,mon 03:00-04:00", &[]),
    ("upload.timezone", "Europe/Berlin", &[]),
    ("upload.hours_unless_disk_over", "70%", &[]),
    ("upload.ca_bundle", "DIR/c1", &[]),
    ("upload.proxy", "http://127.0.0.1:1", &[]),
    ("upload.metadata", "a=b", &[]),
    ("upload.tags", "a=b", &[]),
    ("upload.receipts.webhook.headers", "a=b", &[]),
    ("upload.s3.endpoint", "http://127.0.0.1:2", &[]),
    ("upload.s3.allow_http", "false", &[("upload.s3.endpoint", "https://127.0.0.1:1")]),
    ("upload.s3.sts_endpoint", "http://127.0.0.1:2", &[]),
    ("upload.s3.role_arn", "arn:aws:iam::123456789012:role/other", &[]),
    (
        "upload.s3.web_identity_token_file",
        "DIR/empty",
        &[("upload.s3.access_key_id", ""), ("upload.s3.secret_access_key", "")],
    ),
    ("upload.s3.server_side_encryption", "AES256", &[]),
    ("upload.s3.bucket_key", "true", &[]),
    ("upload.s3.checksum", "sha256", &[]),
    ("admin.client.cert_file", "DIR/c1", &[("admin.client.key_file", "DIR/k1")]),
    ("admin.client.key_file", "DIR/k1", &[("admin.client.cert_file", "DIR/c1")]),
];

/// It is looked up in the home folder of whoever runs the tests.
const NOT_SHOWN: [&str; 1] = ["upload.s3.profile"];

/// Another value than `shown` for a setting.
fn another(key: &str, shown: &str) -> String {
    if let Some((_, example, _)) = EXAMPLES.iter().find(|(of, ..)| *of == key) {
        return (*example).to_owned();
    }
    match shown {
        "true" => return "false".to_owned(),
        "false" => return "true".to_owned(),
        _ => {}
    }
    if let Ok(number) = shown.parse::<u64>() {
        return (number + 1).to_string();
    }
    if let Ok(span) = shown.parse::<Span>() {
        return Span(span.duration() * 2).to_string();
    }
    if let Ok(size) = shown.parse::<ByteSize>() {
        return ByteSize(size.bytes() * 2).to_string();
    }
    "other".to_owned()
}

fn write_files(folder: &Path) {
    // Both certificates are of the same key, so that each file can be another one by itself.
    let key = rcgen::KeyPair::generate().unwrap();
    for number in 1..=2 {
        let names = vec![format!("host{number}")];
        let made = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        std::fs::write(folder.join(format!("c{number}")), made.pem()).unwrap();
        std::fs::write(folder.join(format!("k{number}")), key.serialize_pem()).unwrap();
    }
    std::fs::write(folder.join("tokens"), "more").unwrap();
    std::fs::write(folder.join("empty"), "").unwrap();
}

/// The configuration of [`BASE`] with these settings beside.
fn with(folder: &Path, settings: &[(String, String)]) -> Result<Loaded, Invalid> {
    let name = folder.display().to_string();
    let variable = |(key, value): &(String, String)| {
        (format!("FOREBAY_{}", key.replace('.', "_").to_uppercase()), value.replace("DIR", &name))
    };
    load(&Sources {
        places: vec![Place::Yaml(BASE.replace("DIR", &name))],
        environment: settings.iter().map(variable).collect::<BTreeMap<_, _>>(),
        flags: Vec::new(),
    })
}

async fn start(running: Loaded) -> Reloader {
    let config = &running.config;
    let listeners = Listeners::bind(&config.receive).await.unwrap();
    let pipeline = Pipeline::start(config).await.unwrap();
    let intake = LogIntake {
        log: pipeline.log.clone(),
        budget: Arc::clone(&pipeline.budget),
        forecast: Arc::clone(&pipeline.forecast),
        segment_bytes: config.log.segment_bytes.bytes(),
        instance: pipeline.writer_id().into(),
    };
    let receiver = Receiver::new(config.receive.clone(), listeners, intake).unwrap().control();
    let history = History::open(&*pipeline.disk, &config.data_dir.join("history"));
    let process = Arc::new(Process {
        pipeline,
        data_dir: config.data_dir.clone(),
        listeners: Vec::new(),
        started_at: Timestamp::now(),
        started: Instant::now(),
        is_ending: AtomicBool::new(false),
        finish_within_milliseconds: AtomicU64::new(0),
        notes: Mutex::default(),
        tally: Arc::default(),
        rates: Rates::default(),
        history,
        settings: Mutex::default(),
    });
    Reloader { process, receiver, running }
}

/// The configuration that is in force, asked of those who go by it.
fn in_force(reloader: &Reloader) -> Config {
    let (pipeline, mut config) = (&reloader.process.pipeline, reloader.config().clone());
    config.receive = reloader.receiver.in_force();
    let webhook = config.upload.receipts.clone();
    config.upload = pipeline.deliveries.of(&OutputName::main()).unwrap().in_force();
    assert_eq!(config.upload.receipts, webhook);
    let finish_within = reloader.process.finish_within_milliseconds.load(Ordering::Acquire);
    config.upload.finish_within = Span(Duration::from_millis(finish_within));
    config.log.disk_budget = ByteSize(pipeline.budget.limit());
    config.log.free_space_floor = ByteSize(pipeline.log.free_space_floor());
    config.log.when_full = if pipeline.drops() { WhenFull::DropOldest } else { WhenFull::Refuse };
    config
}

/// Gives a setting another value than `shown`, and asks those who go by it.
async fn change(reloader: &mut Reloader, folder: &Path, key: &str, shown: &str) -> Result<(), String> {
    let beside = EXAMPLES.iter().find(|(of, ..)| *of == key).map_or(&[][..], |(.., beside)| beside);
    let mut settings: Vec<_> =
        beside.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let before =
        with(folder, &settings).or_else(|_| with(folder, &[])).map_err(|invalid| invalid.to_string())?;
    settings.push((key.to_owned(), another(key, shown)));
    let wanted = with(folder, &settings).map_err(|invalid| invalid.to_string())?;
    reloader.apply(&before).await.map_err(|invalid| invalid.to_string())?;
    let done = reloader.apply(&wanted).await.map_err(|invalid| invalid.to_string())?;
    if !done.live.contains(&key.to_owned()) || !done.restart.is_empty() {
        return Err(format!("{done:?}"));
    }
    let in_force = in_force(reloader);
    if in_force != wanted.config {
        return Err(format!("{in_force:?}\nis not\n{:?}", wanted.config));
    }
    // What is pinned in a segment is all that packing knows.
    let pinned = |loaded: &Loaded| loaded.config.packing().pinned();
    if key.starts_with("objects.") && pinned(&wanted) == pinned(&before) {
        return Err("it is not pinned".to_owned());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_setting_that_can_change_does_so_in_a_running_process() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path());
    let base = with(folder.path(), &[]).unwrap();
    let mut reloader = start(base.clone()).await;
    let (mut changed, mut wrong) = (0, Vec::new());
    for setting in &base.settings {
        let key = setting.key.as_str();
        if change_of(key) != Some(Change::Live) || NOT_SHOWN.contains(&key) {
            continue;
        }
        changed += 1;
        if let Err(why) = change(&mut reloader, folder.path(), key, &setting.value).await {
            wrong.push(format!("{key}: {why}"));
        }
    }
    assert!(wrong.is_empty() && changed > 90, "of {changed}:\n{}", wrong.join("\n"));
    let back = reloader.apply(&base).await.unwrap();
    assert!(back.restart.is_empty());
    reloader.process.pipeline.stop(Duration::ZERO).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_one_place_leaves_everything_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path());
    let base = with(folder.path(), &[]).unwrap();
    let mut reloader = start(base.clone()).await;
    reloader.apply(&base).await.unwrap();
    let both = |key: &str, value: &str| {
        let settings = [(key, value), ("upload.concurrency", "7"), ("receive.max_connections", "7")];
        settings.map(|(key, value)| (key.to_owned(), value.to_owned()))
    };
    for (key, value, said) in [
        ("upload.ca_bundle", "/not/there", "cannot read upload.ca_bundle /not/there"),
        ("receive.tls.client_ca_file", "/not/there", "receive.tls.client_ca_file is /not/there"),
        ("receive.auth.tokens_file", "/not/there", "receive.auth.tokens_file is /not/there"),
    ] {
        let wanted = with(folder.path(), &both(key, value)).unwrap();
        let invalid = reloader.apply(&wanted).await.unwrap_err();
        assert!(invalid.problems[0].starts_with(said), "{invalid}");
        assert_eq!(in_force(&reloader), base.config, "{key}");
    }
    reloader.process.pipeline.stop(Duration::ZERO).await.unwrap();
}
