//! The configuration: one tree of settings, from four places.
//!
//! Defaults < the YAML files, each over those before it < environment variables < flags. Every key of the file is also an environment variable
//! (`receive.max_request_bytes` is `FOREBAY_RECEIVE_MAX_REQUEST_BYTES`), and the main ones are flags. In a file,
//! `${env:NAME}` and `${env:NAME:-default}` stand for environment variables, `${file:PATH}` for what a file holds, and `$$`
//! for a dollar sign.
//!
//! Each stage owns its section: its `Options`, what they mean, and what they may be. Here they are put together. Which
//! keys there are is asked of those types, so there is no table of them to keep. Everything that is wrong is said at
//! once, each with the place at which it was set and what would be right; a key that does not exist is never passed
//! over.

mod changing;
mod document;
mod environment;
mod expand;
mod file;
mod follow;
mod layers;
mod nearest;
mod origin;
mod outputs;
mod places;
mod reload;
mod schema;
mod typed;
mod value;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::units::ByteSize;
use crate::{admin, log, pack, receive, telemetry, upload};
use layers::Layers;
use value::Value;

pub(crate) use document::{Document, Entries, Entry, Node};
pub(crate) use expand::{expand, from_collector};
pub(crate) use file::parse;
pub(crate) use nearest::nearest;

pub use changing::{Change, change_of, restart_keys};
pub use environment::{CONFIG_VARIABLE, IGNORE_VARIABLE, LOG_VARIABLE};
pub use layers::{Flag, Sources};
pub use origin::Origin;
pub use outputs::Output;
pub use places::Place;
pub use reload::{ReloadOptions, Reloaded, fingerprint};

/// The file that is read when none is named, if it is there.
pub const DEFAULT_FILE: &str = "forebay.yaml";

/// Requests of the largest size that the disk budget must have room for: one in the log, and what is packed from it.
const REQUESTS_AT_LEAST: u64 = 2;

/// Segments that the disk budget must have room for beside a request that does not fit one: the active one, two spares,
/// and what is packed.
const SEGMENTS_AT_LEAST: u64 = 4;

/// More than a segment's file has beside its records.
const SEGMENT_OVERHEAD: u64 = 16 << 10;

/// Everything that can be set. The names are a contract: there may be more of them, but none is ever changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The folder in which the log, the spool and the ledger lie. One process at a time has it.
    pub data_dir: PathBuf,
    /// Where and how clients are served.
    pub receive: receive::Options,
    /// The log and the disk budget.
    pub log: log::Options,
    /// What the objects are: their format, compression and names.
    pub objects: pack::Options,
    /// Where the objects go.
    pub upload: upload::Options,
    /// Further outputs, by name: each gets everything that comes in as well, as objects of its own in a place of its own.
    pub outputs: BTreeMap<String, Output>,
    /// Metrics, probes and the status page.
    pub admin: admin::Options,
    /// What forebay tells about itself.
    pub telemetry: telemetry::Options,
    /// When the configuration is read again.
    pub reload: ReloadOptions,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("./forebay-data"),
            receive: receive::Options::default(),
            log: log::Options::default(),
            objects: pack::Options::default(),
            upload: upload::Options::default(),
            outputs: BTreeMap::new(),
            admin: admin::Options::default(),
            telemetry: telemetry::Options::default(),
            reload: ReloadOptions::default(),
        }
    }
}

impl Config {
    /// What the stages have to say about their settings, and what no stage can see alone; in sentences that begin with
    /// the key.
    fn problems(&self) -> Vec<String> {
        [
            self.check_data_dir(),
            self.receive.validate(),
            self.log.validate(),
            self.check_room_for_a_request(),
            self.objects.validate(),
            self.upload.validate(),
            self.admin.validate(),
            self.telemetry.validate(),
            self.check_export_leads_away(),
            self.reload.validate(),
        ]
        .into_iter()
        .filter_map(Result::err)
        .chain(outputs::problems(self))
        .collect()
    }

    fn check_data_dir(&self) -> Result<(), String> {
        if self.data_dir.as_os_str().is_empty() {
            return Err("data_dir is empty; it must be a folder".to_owned());
        }
        Ok(())
    }

    /// What forebay tells about itself must not come back to it, to be told of again.
    fn check_export_leads_away(&self) -> Result<(), String> {
        let named = [("receive.grpc", &self.receive.grpc), ("receive.http", &self.receive.http)];
        let named = named.map(|(key, address)| (key.to_owned(), address)).into_iter();
        let others = self.receive.listeners.iter();
        let others =
            others.map(|(name, other)| (format!("receive.listeners.{name}.address"), &other.address));
        let mut all = named.chain(others).chain([("admin.listen".to_owned(), &self.admin.listen)]);
        match all.find(|(_, address)| self.telemetry.export.leads_to(address)) {
            None => Ok(()),
            Some((key, address)) => Err(format!(
                "telemetry.export.endpoint is {}, which is {address} of this forebay itself ({key}); it must be another \
                 receiver",
                self.telemetry.export.endpoint
            )),
        }
    }

    /// What waits for its hours may be dropped meanwhile.
    fn warn_of_hours(&self) -> Option<String> {
        let waits =
            |options: &upload::Options| !options.hours.is_empty() && options.hours_unless_disk_over.is_none();
        let drops = self.log.when_full == log::WhenFull::DropOldest;
        (drops && self.all_outputs().any(|(_, _, options)| waits(options))).then(|| {
            "upload.hours is set and log.when_full is drop_oldest: what waits for its hours is dropped when the disk \
             budget is used up; set upload.hours_unless_disk_over as well"
                .to_owned()
        })
    }

    /// A request that never fits would be sent again for ever.
    fn check_room_for_a_request(&self) -> Result<(), String> {
        let (request, segment) = (self.receive.max_request_bytes.bytes(), self.log.segment_bytes.bytes());
        let requests = request.saturating_mul(REQUESTS_AT_LEAST);
        // A request that is longer than a segment gets one of its own, beside all that a log has in any case.
        let (least, because) = if request.saturating_add(SEGMENT_OVERHEAD) > segment {
            let segments = segment.saturating_mul(SEGMENTS_AT_LEAST);
            (
                requests.saturating_add(segments),
                "four times log.segment_bytes and twice receive.max_request_bytes",
            )
        } else {
            (requests, "twice receive.max_request_bytes")
        };
        let (budget, least) = (self.log.disk_budget, ByteSize(least));
        if budget < least {
            return Err(format!("log.disk_budget is {budget}; it must be at least {least}, {because}"));
        }
        Ok(())
    }
}

/// A configuration, and how it came about.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration; every stage has agreed to it.
    pub config: Config,
    /// The files that were read, in this order.
    pub files: Vec<String>,
    /// Every setting, in the order of the sections.
    pub settings: Vec<Setting>,
    /// What is odd but harmless, in sentences.
    pub warnings: Vec<String>,
    /// What was set, so that it can be told what has changed when it is read again.
    layers: Layers,
}

/// One setting, as it came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The dotted key.
    pub key: String,
    /// The value as one would write it; empty if there is none. Secrets are `***`.
    pub value: String,
    /// Who set it.
    pub origin: Origin,
}

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration is wrong:\n{}", problems.iter().map(|p| format!("  {p}")).collect::<Vec<_>>().join("\n"))]
pub struct Invalid {
    /// Everything that is wrong with it, in sentences.
    pub problems: Vec<String>,
}

impl Sources {
    /// This process's environment and `flags`, with the files that `named` names, or else the environment, or else the
    /// current folder.
    pub fn of_process(named: Vec<PathBuf>, flags: Vec<Flag>) -> Self {
        let environment = environment::of_process();
        let in_environment = || environment.get(CONFIG_VARIABLE).filter(|name| !name.is_empty());
        let found = || Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.is_file());
        let files = if named.is_empty() {
            in_environment().map(PathBuf::from).or_else(found).into_iter().collect()
        } else {
            named
        };
        Self { places: files.into_iter().map(Place::from).collect(), environment, flags }
    }
}

/// Puts the configuration together.
///
/// # Errors
/// [`Invalid`], with everything that is wrong.
pub fn load(sources: &Sources) -> Result<Loaded, Invalid> {
    load_document(&read(sources), sources)
}

/// Reads the files, and lays them over each other.
pub(crate) fn read(sources: &Sources) -> Document {
    places::read(&sources.places, &sources.environment)
}

/// Puts the configuration together from what the files say, the environment and the flags.
pub(crate) fn load_document(document: &Document, sources: &Sources) -> Result<Loaded, Invalid> {
    let mut layers = Layers::of::<Config>(document, sources);
    let config = layers.build().map(|config: Config| follow_data_dir(config, &mut layers));
    match config {
        Some(config) if layers.problems.is_empty() => {
            let problems = config.problems();
            if !problems.is_empty() {
                let problems = problems.iter().map(|problem| layers.with_place(problem)).collect();
                return Err(Invalid { problems });
            }
            let settings = settings(&config, &layers);
            layers.warnings.extend(outputs::warnings(&config));
            layers.warnings.extend(config.warn_of_hours());
            let warnings = std::mem::take(&mut layers.warnings);
            Ok(Loaded { config, files: document.files.clone(), settings, warnings, layers })
        }
        _ => Err(Invalid { problems: layers.problems }),
    }
}

/// Unless somebody says where the objects go, they go into the data folder, also if that is another one.
fn follow_data_dir(mut config: Config, layers: &mut Layers) -> Config {
    if layers.origin("upload.to") == Origin::Default && layers.origin("data_dir") != Origin::Default {
        let to = format!("file://{}", config.data_dir.join("bucket").display());
        let mut follow = |key: String| {
            let follows = layers.origin(&key) == Origin::Default;
            if follows {
                layers.set(key, Value::Text(to.clone()), Origin::Follows("data_dir".to_owned()));
            }
            follows
        };
        follow("upload.to".to_owned());
        for (name, output) in &mut config.outputs {
            if follow(format!("outputs.{name}.upload.to")) {
                output.upload.to.clone_from(&to);
            }
        }
        config.upload.to = to;
    }
    config
}

/// Every setting with its value and its origin.
fn settings(config: &Config, layers: &Layers) -> Vec<Setting> {
    let all = serde_json::to_value(config).unwrap_or_default();
    let setting = |key: &String| {
        let value = all.pointer(&format!("/{}", key.replace('.', "/"))).map(written).unwrap_or_default();
        Setting { key: key.clone(), value, origin: layers.origin(key) }
    };
    layers.schema.settings.iter().map(setting).collect()
}

/// A value as one would write it in an environment variable.
fn written(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(values) => values.iter().map(written).collect::<Vec<_>>().join(","),
        serde_json::Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| format!("{key}={}", written(value)))
            .collect::<Vec<_>>()
            .join(","),
        other => other.to_string(),
    }
}
