//! The structure of the program, read from `src/`: a stage knows those before it, and a heavy crate has one home.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every module, each with those it may use. They stand in the order of the data's way through the house.
const MAY_USE: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("secret", &[]),
    ("thread", &[]),
    ("process", &[]),
    ("words", &[]),
    ("notify", &[]),
    ("otlp", &[]),
    ("rows", &["otlp"]),
    ("disk", &[]),
    ("metrics", &["otlp"]),
    ("listen", &["units", "secret", "metrics"]),
    ("receive", &["units", "otlp", "metrics", "listen"]),
    ("log", &["units", "thread", "otlp", "disk", "metrics", "receive"]),
    ("pack", &["units", "otlp", "rows", "disk", "metrics", "log"]),
    ("catalog", &["otlp", "disk", "metrics", "log", "pack"]),
    ("upload", &["units", "secret", "otlp", "disk", "metrics", "log", "pack", "catalog"]),
    ("admin", &["units", "secret", "process", "words", "metrics", "listen"]),
    ("send", &["units", "otlp"]),
    ("telemetry", &["units", "secret", "otlp", "metrics", "receive", "send"]),
    ("config", &["units", "otlp", "receive", "log", "pack", "upload", "admin", "telemetry"]),
    ("collector", &["units", "otlp", "config"]),
    ("load", &["process", "otlp", "send"]),
    (
        "app",
        &[
            "units", "thread", "words", "notify", "otlp", "disk", "metrics", "receive", "log", "pack",
            "catalog", "upload", "admin", "config",
        ],
    ),
    ("archive", &["otlp", "rows", "disk", "log", "pack", "upload", "app"]),
    ("replay", &["units", "words", "otlp", "disk", "send", "upload", "archive"]),
    (
        "cli",
        &[
            "units",
            "words",
            "notify",
            "otlp",
            "disk",
            "listen",
            "log",
            "pack",
            "catalog",
            "config",
            "collector",
            "admin",
            "send",
            "load",
            "telemetry",
            "app",
            "archive",
            "replay",
        ],
    ),
];

/// Heavy crates, and the modules that may name them.
const HOMES: &[(&str, &[&str])] = &[
    ("sled", &["catalog"]),
    ("tonic", &["receive", "send", "load", "telemetry"]),
    ("object_store", &["upload"]),
    ("backoff", &["upload"]),
    // `admin` for the client's side.
    ("tokio_rustls", &["listen", "admin"]),
    ("bcrypt", &["listen"]),
    ("reqwest", &["upload", "send"]),
    // `receive` opens what clients compressed, and `load` is such a client; `rows` compresses the pages of Parquet.
    ("zstd", &["pack", "rows", "receive", "load"]),
    ("flate2", &["pack", "rows", "receive", "load"]),
    ("snap", &["rows", "receive"]),
    ("lz4_flex", &["rows", "receive"]),
    ("parquet", &["rows"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("console", &["cli"]),
    ("indicatif", &["cli"]),
    ("sd_notify", &["notify"]),
    ("metrics_exporter_prometheus", &["admin"]),
    ("crc_fast", &["log"]),
    ("md5", &["upload"]),
    ("serde_saphyr", &["config"]),
    ("opentelemetry_proto", &["receive", "send", "load", "telemetry"]),
    ("hdrhistogram", &["load"]),
    // `cli` for the commands that only tell people what they do.
    ("tracing_subscriber", &["telemetry", "cli"]),
];

/// A file of `src/` without its tests.
struct Source {
    module: String,
    path: PathBuf,
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test(&path) {
                let first = path.strip_prefix(&root).unwrap().components().next().unwrap();
                let module = first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
                let text = fs::read_to_string(&path).unwrap();
                sources.push(Source { module, code: without_tests(&text), path });
            }
        }
    }
    assert!(sources.len() > 50, "only {} files were found", sources.len());
    sources
}

fn is_test(path: &Path) -> bool {
    let name = path.file_stem().unwrap().to_string_lossy();
    name.ends_with("tests") || name == "testing"
}

/// The code up to its test module, without comments.
fn without_tests(text: &str) -> String {
    let code = text.lines().take_while(|line| !line.starts_with("mod tests {"));
    let code = code.map(|line| line.split("//").next().unwrap_or_default());
    code.collect::<Vec<_>>().join("\n")
}

/// The modules of this crate that a file names: `crate::a`, and `a` and `b` of `crate::{a, b::c}`.
fn used_modules(code: &str) -> BTreeSet<String> {
    let name =
        |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut used = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            used.insert(name(rest));
            continue;
        };
        let mut depth = 0;
        let mut begins = true;
        for (at, letter) in group.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                letter if begins && letter.is_alphabetic() => {
                    used.insert(name(&group[at..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    used
}

#[test]
fn a_stage_knows_the_stages_before_it_and_never_those_after_it() {
    let modules: BTreeSet<&str> = MAY_USE.iter().map(|(module, _)| *module).collect();
    let mut seen = BTreeSet::new();
    for Source { module, path, code } in sources() {
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let (_, may_use) = MAY_USE
            .iter()
            .find(|(known, _)| *known == module)
            .unwrap_or_else(|| panic!("{module} is a new module: say in this test what it may use"));
        for used in
            used_modules(&code).iter().filter(|used| modules.contains(used.as_str()) && **used != module)
        {
            assert!(
                may_use.contains(&used.as_str()),
                "{} uses {used}, which {module} must not know",
                path.display()
            );
            seen.insert((module.clone(), used.clone()));
        }
    }
    for wanted in [("log", "receive"), ("pack", "log"), ("upload", "pack"), ("app", "upload")] {
        assert!(
            seen.contains(&(wanted.0.to_owned(), wanted.1.to_owned())),
            "this test no longer sees {wanted:?}"
        );
    }
}

#[test]
fn a_heavy_crate_has_one_home() {
    for (name, homes) in HOMES {
        let is_named = |code: &str| {
            code.match_indices(&format!("{name}::")).any(|(at, _)| {
                !code[..at].ends_with(|before: char| before.is_alphanumeric() || "_:".contains(before))
            })
        };
        let at_home: Vec<Source> = sources().into_iter().filter(|source| is_named(&source.code)).collect();
        assert!(!at_home.is_empty(), "{name} is not used: remove it from Cargo.toml and from this test");
        for Source { module, path, .. } in at_home {
            let is_home = homes.contains(&module.as_str()) || (*name == "clap" && module == "main");
            assert!(is_home, "{} names {name}, whose home is {homes:?}", path.display());
        }
    }
}

#[test]
fn every_sync_but_the_ledgers_lies_behind_the_seam() {
    for Source { module, path, code } in sources() {
        // The ledger's database keeps its own files, and no fact lives only there.
        if ["disk", "catalog"].contains(&module.as_str()) {
            continue;
        }
        // The file of a socket holds nothing, and goes with its process.
        let code =
            if path.ends_with("listen/socket.rs") { code.replace("fs::remove_file(", "") } else { code };
        for call in ["sync_data(", "sync_all(", "fs::rename(", "fs::remove_file(", "File::create("] {
            assert!(!code.contains(call), "{} calls {call} beside `disk`", path.display());
        }
    }
}
