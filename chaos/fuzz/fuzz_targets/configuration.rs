//! A configuration file and an environment, with a zero byte between them. A line of the environment is `NAME=value`.
#![no_main]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use forebay::config::{Config, Invalid, Loaded, Origin, Sources, load};
use forebay::log::{Item, Record, SegmentId};
use forebay::otlp::Signal;
use forebay::pack::{self, BatchId, OutputName, Outputs};
use libfuzzer_sys::fuzz_target;

/// A value that nobody may see.
const SECRET: &str = "hunter2hunter2";

/// Settings that hold a secret, which is set in every run.
const SECRET_VARIABLE: &str = "FOREBAY_UPLOAD_S3_SECRET_ACCESS_KEY";

/// Sections in which a file chooses names.
const NAMED: [&str; 3] = ["outputs.", "receive.auth.tokens.", "admin.auth.tokens."];

/// The keys of all settings.
static KEYS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let loaded = load(&Sources::default()).unwrap();
    loaded.settings.into_iter().map(|setting| setting.key).collect()
});

/// Where the file lies: in memory, and each process has its own.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    folder.join(format!("forebay-fuzz-{}.yaml", std::process::id()))
});

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let file = parts.next().unwrap_or_default();
    let variables = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    std::fs::write(&*FILE, file).unwrap();
    let mut environment: BTreeMap<String, String> = variables
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    environment.insert(SECRET_VARIABLE.to_owned(), SECRET.to_owned());
    environment.insert("FOREBAY_UPLOAD_S3_ACCESS_KEY_ID".to_owned(), "AKIA".to_owned());
    let sources = Sources { places: vec![FILE.clone().into()], environment, flags: Vec::new() };
    let loaded = load(&sources);
    std::fs::remove_file(&*FILE).unwrap();
    match loaded {
        Ok(loaded) => right(&loaded),
        Err(invalid) => wrong(&invalid, &sources),
    }
});

/// What holds of a configuration that every stage has agreed to.
fn right(loaded: &Loaded) {
    let shown = format!("{:?} {:?} {:?}", loaded.config, loaded.settings, loaded.warnings);
    assert!(!shown.contains(SECRET), "a secret is shown: {shown}");
    let keys = loaded.settings.iter().map(|setting| setting.key.as_str());
    let keys: Vec<&str> = keys.filter(|key| !is_named(key)).collect();
    assert_eq!(keys, *KEYS, "every setting is shown");
    said_again(loaded);
    pack_one(&loaded.config.objects);
}

/// Whether a file chose a part of this key.
fn is_named(key: &str) -> bool {
    NAMED.iter().any(|section| key.starts_with(section))
}

/// Every setting is also an environment variable: the settings as they are shown make the same configuration again.
fn said_again(loaded: &Loaded) {
    if loaded.settings.iter().any(|setting| is_named(&setting.key)) {
        // Only a file chooses names.
        return;
    }
    let set = loaded.settings.iter().filter(|setting| setting.origin != Origin::Default);
    let environment: BTreeMap<String, String> = set
        .filter(|setting| setting.value != "***")
        .map(|setting| {
            (format!("FOREBAY_{}", setting.key.replace('.', "_").to_uppercase()), setting.value.clone())
        })
        .collect();
    let shown = |config: &Config| serde_json::to_value(config).unwrap();
    let mut expected = shown(&loaded.config);
    hide(&mut expected);
    match load(&Sources { places: Vec::new(), environment: environment.clone(), flags: Vec::new() }) {
        Ok(again) => {
            let mut is = shown(&again.config);
            hide(&mut is);
            assert_eq!(is, expected, "{environment:?}");
        }
        // Without its secret, an access key is half of one.
        Err(invalid) => {
            let of_secrets =
                ["access_key", "secret", "token", "proxy", "service_account", "external_id", "credential"];
            let is_of_secrets = |problem: &String| of_secrets.iter().any(|word| problem.contains(word));
            assert!(invalid.problems.iter().all(is_of_secrets), "{invalid} {environment:?}");
        }
    }
}

/// Takes the secrets out, which are not said again.
fn hide(value: &mut serde_json::Value) {
    if value == "***" {
        *value = serde_json::Value::Null;
    }
    if let Some(entries) = value.as_object_mut() {
        entries.values_mut().for_each(hide);
    }
}

/// What holds of every refusal: it names a key, or the line at which the file is no YAML, and no secret.
fn wrong(invalid: &Invalid, sources: &Sources) {
    assert!(!invalid.problems.is_empty(), "it is wrong, and nobody says why");
    let said = invalid.to_string();
    assert!(!said.contains(SECRET), "a secret is shown: {said}");
    let path = FILE.display().to_string();
    for problem in &invalid.problems {
        let names_a_key = KEYS.iter().any(|key| problem.contains(key.as_str()));
        let is_of_a_section =
            ["is not a setting", "is a section"].iter().chain(&NAMED).any(|of| problem.contains(of));
        // The first problem of a file that is no YAML is the only one.
        let is_of_the_file = problem.contains(&path);
        assert!(names_a_key || is_of_a_section || is_of_the_file, "`{problem}` names no key: {sources:?}");
        assert!(problem.len() < 64 << 10, "a problem is a sentence, not {} bytes", problem.len());
    }
}

/// Packs two records with these options: every key that comes about is one that any store takes.
fn pack_one(options: &pack::Options) {
    use std::sync::Arc;

    use forebay::disk::{Budget, SimulatedDisk};

    if *options == pack::Options::default() {
        return;
    }
    let pinned = Outputs::from(options.clone()).pinned();
    let read = Outputs::from_pinned(&pinned).unwrap();
    assert_eq!(read.pinned(), pinned, "what is pinned is what was set");
    // The slowest levels tell nothing new.
    let options = pack::Options { level: None, ..options.clone() };
    let (spool, _, _) =
        pack::Spool::open(Arc::new(SimulatedDisk::default()), "/spool".into(), Budget::new(1 << 30)).unwrap();
    let record = |seq: u64, received_at: u64| {
        let body = vec![0x0a, 4, 0x12, 2, 0x12, 0].into();
        let record = Record { seq, signal: Signal::Logs, received_at, items: 1, tenant: String::new(), body };
        Ok::<_, std::io::Error>(Item::Record(record))
    };
    let times = [0, 1, 1_787_393_472_123_456_789, u64::MAX];
    let read = || Ok(times.iter().zip(0..).map(|(time, seq)| record(seq, *time)));
    let id = BatchId { segment: SegmentId(1), output: OutputName::main() };
    let batch = pack::pack_records(&id, "a1b2c3d4", &options, read, &spool).unwrap();
    assert!((1..=times.len()).contains(&batch.objects.len()), "{batch:?}");
    for object in &batch.objects {
        let key = &object.key;
        let is_clean =
            key.split('/').all(|part| !part.is_empty() && part.len() <= 255 && !part.starts_with(['.', '_']));
        assert!(is_clean && key.len() <= 1024 && key.is_ascii(), "{key} is no key");
        assert!(
            !key.contains(|c: char| c.is_control() || c == ' ' || c == '{' || c == '%'),
            "{key} is no key"
        );
    }
    let keys: std::collections::BTreeSet<_> = batch.objects.iter().map(|object| &object.key).collect();
    assert_eq!(keys.len(), batch.objects.len(), "no key is given twice");
}
