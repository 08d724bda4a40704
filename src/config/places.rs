//! Where configuration is read from: files, folders, environment variables, the command line.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::document::Document;
use super::file::parse;

/// A place from which configuration is read, written as the Collector writes its URIs: `file:PATH` or a path, `env:NAME`,
/// `yaml:TEXT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file, or a folder, of which all `*.yaml` and `*.yml` are read in the order of their names.
    Path(PathBuf),
    /// An environment variable that holds YAML.
    Environment(String),
    /// YAML itself, in which `a::b: c` stands for `a: {b: c}`.
    Yaml(String),
    /// What is known to the Collector and not supported here, such as `https:`.
    Unsupported(String),
}

/// Ways of the Collector to name a place that are not supported.
const UNSUPPORTED: [&str; 4] = ["http:", "https:", "s3:", "secretsmanager:"];

impl From<PathBuf> for Place {
    fn from(path: PathBuf) -> Self {
        let Some(text) = path.to_str() else { return Self::Path(path) };
        if let Some(path) = text.strip_prefix("file:") {
            return Self::Path(path.into());
        }
        if let Some(name) = text.strip_prefix("env:") {
            return Self::Environment(name.to_owned());
        }
        if let Some(yaml) = text.strip_prefix("yaml:") {
            return Self::Yaml(yaml.to_owned());
        }
        if UNSUPPORTED.iter().any(|scheme| text.starts_with(scheme)) {
            return Self::Unsupported(text.to_owned());
        }
        Self::Path(path)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::Yaml(_) => f.write_str("yaml"),
            Self::Unsupported(text) => f.write_str(text),
        }
    }
}

/// Reads all places, each laid over those before it.
pub(super) fn read(places: &[Place], environment: &BTreeMap<String, String>) -> Document {
    let mut document = Document::default();
    for place in places {
        let read = match place {
            Place::Path(path) if path.is_dir() => document.add_folder(path),
            Place::Path(path) => document.add_file(path),
            Place::Environment(name) => match environment.get(name) {
                Some(yaml) => document.add(place, yaml),
                None => Err(format!("the environment variable {name} is not set")),
            },
            Place::Yaml(yaml) => document.add(place, yaml),
            Place::Unsupported(text) => {
                Err(format!("{text} cannot be read from; give a file, a folder, env:NAME or yaml:TEXT"))
            }
        };
        document.problems.extend(read.err());
    }
    document
}

impl Document {
    fn add_folder(&mut self, folder: &Path) -> Result<(), String> {
        let cannot = |error: io::Error| {
            format!("cannot read the folder of configurations {}: {error}", folder.display())
        };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(cannot)? {
            let path = entry.map_err(cannot)?.path();
            let is_yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
            if is_yaml && path.is_file() {
                files.push(path);
            }
        }
        if files.is_empty() {
            return Err(format!("the folder {} has no *.yaml or *.yml", folder.display()));
        }
        files.sort();
        files.iter().try_for_each(|file| self.add_file(file))
    }

    fn add_file(&mut self, path: &Path) -> Result<(), String> {
        let yaml = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read the configuration {}: {error}", path.display()))?;
        self.add(&Place::Path(path.to_owned()), &yaml)
    }

    fn add(&mut self, place: &Place, yaml: &str) -> Result<(), String> {
        let name = place.to_string();
        let entries = parse(yaml, Path::new(&name)).map_err(|error| format!("{name}: {error}"))?;
        let entries = if matches!(place, Place::Yaml(_)) { entries.with_paths() } else { entries };
        self.entries.merge(entries);
        self.files.push(name);
        Ok(())
    }
}
