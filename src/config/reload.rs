//! Reading the configuration again: what of it changes while the process runs, and what waits for a restart.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::changing::{Change, bound_to, change_of};
use super::layers::Layers;
use super::places::Place;
use super::{Config, Invalid, Loaded, Sources, settings};
use crate::units::{Span, SpanOrOff};

/// When the configuration is read again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReloadOptions {
    /// How often the files of the configuration are looked at, 1 s to 1 d, or `off`. On SIGHUP they are read in any case.
    pub watch: SpanOrOff,
}

impl Default for ReloadOptions {
    fn default() -> Self {
        Self { watch: SpanOrOff::seconds(10) }
    }
}

impl ReloadOptions {
    /// Checks the settings.
    ///
    /// # Errors
    /// A sentence that names the setting, its value and what it must be.
    pub fn validate(&self) -> Result<(), String> {
        let (least, most) = (Span::seconds(1), Span::seconds(86_400));
        match self.watch {
            SpanOrOff(Some(watch)) if !(least..=most).contains(&watch) => {
                Err(format!("reload.watch is {watch}; it must be {least} to {most}, or off"))
            }
            _ => Ok(()),
        }
    }
}

/// What a running process makes of a configuration that was read again.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// The configuration that is in force from now on: of the new one all that can change, and the rest as it was.
    pub loaded: Loaded,
    /// The settings that change now.
    pub live: Vec<String>,
    /// The settings, or sections of which the file chooses the name, that take effect after a restart.
    pub restart: Vec<String>,
}

impl Loaded {
    /// What becomes of this configuration when `wanted` was read.
    ///
    /// # Errors
    /// [`Invalid`], if what can change does not go together with what cannot before a restart.
    pub fn reload(&self, wanted: &Self) -> Result<Reloaded, Invalid> {
        let (mut layers, bound) = self.layers.changed_to(&wanted.layers);
        let config = layers.build().filter(|_| layers.problems.is_empty());
        let Some(config): Option<Config> = config else { return Err(Invalid { problems: layers.problems }) };
        let problems = config.problems();
        if !problems.is_empty() {
            let said = |problem: &String| {
                let problem = layers.with_place(problem);
                format!("{problem} (with what takes effect only after a restart; restart for both)")
            };
            return Err(Invalid { problems: problems.iter().map(said).collect() });
        }
        let settings = settings(&config, &layers);
        let loaded =
            Self { config, files: wanted.files.clone(), settings, warnings: wanted.warnings.clone(), layers };
        let live = self.differences(&loaded);
        let mut restart: BTreeSet<String> = wanted
            .differences(&loaded)
            .into_iter()
            .filter(|key| bound_to(key).is_none_or(|section| !bound.contains(&section)))
            .collect();
        restart.extend(bound);
        Ok(Reloaded { loaded, live, restart: restart.into_iter().collect() })
    }

    /// The keys whose values are not the same.
    fn differences(&self, other: &Self) -> Vec<String> {
        let shown = |loaded: &Self| -> BTreeMap<String, String> {
            let shown = loaded.settings.iter().map(|setting| (setting.key.clone(), setting.value.clone()));
            shown.filter(|(_, value)| !value.is_empty()).collect()
        };
        let (mine, others) = (shown(self), shown(other));
        let keys: BTreeSet<&String> = mine.keys().chain(others.keys()).collect();
        let differs = |key: &&String| {
            let (mine, others) = (mine.get(*key), others.get(*key));
            // What is shown of a secret is not the secret.
            let hides = mine.is_some_and(|value| value.contains("***"));
            mine != others || (hides && self.layers.value(key) != other.layers.value(key))
        };
        keys.into_iter().filter(differs).cloned().collect()
    }
}

impl Layers {
    /// These, with all that can change as `wanted` has it; and the sections that come or go only with a restart.
    fn changed_to(&self, wanted: &Self) -> (Self, BTreeSet<String>) {
        let sections = |layers: &Self| -> BTreeSet<String> {
            layers.schema.sections.iter().filter_map(|key| bound_to(key)).collect()
        };
        let bound: BTreeSet<String> =
            sections(self).symmetric_difference(&sections(wanted)).cloned().collect();
        let stays = |key: &str| {
            bound_to(key).is_some_and(|section| bound.contains(&section))
                || change_of(key) == Some(Change::Restart)
        };
        let mut changed = Self::default();
        for (from, is_wanted) in [(self, true), (wanted, false)] {
            let is_from = |key: &&String| stays(key) == is_wanted;
            for key in from.keys().filter(is_from) {
                if let Some(value) = from.value(key) {
                    changed.set(key.clone(), value.clone(), from.origin(key));
                }
            }
            for (mine, all) in [
                (&from.schema.settings, &mut changed.schema.settings),
                (&from.schema.sections, &mut changed.schema.sections),
            ] {
                all.extend(mine.iter().filter(is_from).cloned());
            }
        }
        (changed, bound)
    }
}

/// Something that tells what the files of a configuration hold from anything else they may hold: the files themselves, and
/// those that they name as `${file:PATH}`. A file that cannot be read counts as one that is empty.
pub fn fingerprint(sources: &Sources) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let mut add = |name: &std::path::Path, content: &[u8]| {
        hasher.update(name.as_os_str().as_encoded_bytes()).update(&[0]);
        hasher.update(&content.len().to_le_bytes()).update(content);
    };
    for place in &sources.places {
        let Place::Path(path) = place else { continue };
        let mut files = vec![path.clone()];
        if let Ok(folder) = std::fs::read_dir(path) {
            files = folder.filter_map(|entry| Some(entry.ok()?.path())).collect();
            files.sort();
        }
        for file in files {
            let content = std::fs::read(&file).unwrap_or_default();
            for named in named_files(&String::from_utf8_lossy(&content)) {
                let named = std::path::Path::new(named);
                add(named, &std::fs::read(named).unwrap_or_default());
            }
            add(&file, &content);
        }
    }
    hasher.finalize()
}

/// The paths in `${file:PATH}`; not those that have a variable in them.
fn named_files(text: &str) -> impl Iterator<Item = &str> {
    text.split("${file:").skip(1).filter_map(|rest| rest.split_once('}')).map(|(path, _)| path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;

    fn loaded(yaml: &str) -> Loaded {
        load(&Sources { places: vec![Place::Yaml(yaml.to_owned())], ..Sources::default() }).unwrap()
    }

    fn keys(keys: &[String]) -> Vec<&str> {
        keys.iter().map(String::as_str).collect()
    }

    #[test]
    fn what_can_change_changes_and_what_cannot_is_named() {
        let running = loaded("{ log: { seal_after: 5m }, upload: { s3: { secret_access_key: one } } }");
        let wanted = loaded(
            "{ data_dir: /elsewhere, log: { seal_after: 1m, segment_bytes: 8MiB },
               upload: { s3: { secret_access_key: two } } }",
        );
        let Reloaded { loaded: changed, live, restart } = running.reload(&wanted).unwrap();
        assert_eq!(keys(&live), ["log.seal_after", "upload.s3.secret_access_key"]);
        assert_eq!(keys(&restart), ["data_dir", "log.segment_bytes", "upload.to"]);
        assert_eq!(changed.config.log.seal_after, Span::seconds(60));
        assert_eq!(changed.config.log.segment_bytes, running.config.log.segment_bytes);
        assert_eq!(changed.config.data_dir, running.config.data_dir);
        assert_eq!(changed.config.upload.to, running.config.upload.to);
        let secret = changed.config.upload.s3.secret_access_key.as_ref().unwrap();
        assert_eq!(secret.reveal(), "two");
        let back = changed.reload(&running).unwrap();
        assert_eq!(back.loaded.config, running.config);
        assert_eq!((back.live.len(), back.restart.len()), (2, 0), "and nothing waits any more");
    }

    #[test]
    fn the_same_in_other_words_is_no_change() {
        let running =
            loaded("{ log: { disk_budget: 10GiB }, receive: { auth: { tokens: { a: { token: t } } } } }");
        let same =
            loaded("{ log: { disk_budget: 10240MiB }, receive: { auth: { tokens: { a: { token: t } } } } }");
        let reloaded = running.reload(&same).unwrap();
        assert_eq!((reloaded.live, reloaded.restart), (vec![], vec![]));
    }

    #[test]
    fn outputs_and_listeners_come_and_go_with_a_restart_and_tokens_at_once() {
        let running = loaded(
            "{ outputs: { a: { objects: { prefix: a } }, b: { objects: { prefix: b } } },
               receive: { auth: { tokens: { one: { token: t1 } } } } }",
        );
        let wanted = loaded(
            "{ outputs: { b: { objects: { prefix: b }, upload: { concurrency: 7 } }, c: { objects: { prefix: c } } },
               receive: { auth: { tokens: { two: { token: t2 } } }, listeners: { d: { address: '127.0.0.1:1' },
                          grpc: { cors: { allowed_origins: ['*'] } } } } }",
        );
        let Reloaded { loaded: changed, live, restart } = running.reload(&wanted).unwrap();
        assert_eq!(keys(&restart), ["outputs.a", "outputs.c", "receive.listeners.d"]);
        let outputs: Vec<_> = changed.config.outputs.keys().collect();
        assert_eq!(outputs, ["a", "b"]);
        assert_eq!(changed.config.outputs["b"].upload.concurrency, 7);
        assert_eq!(changed.config.receive.auth.tokens.keys().collect::<Vec<_>>(), ["two"]);
        assert!(live.contains(&"receive.auth.tokens.one.token".to_owned()), "{live:?}");
        assert!(live.contains(&"receive.listeners.grpc.cors.allowed_origins".to_owned()), "{live:?}");
        assert_eq!(changed.config.receive.listeners.keys().collect::<Vec<_>>(), ["grpc"]);
    }

    #[test]
    fn what_goes_together_only_after_a_restart_is_refused() {
        let running = loaded("{ log: { segment_bytes: 64MiB } }");
        let wanted = loaded(
            "{ log: { segment_bytes: 1MiB, disk_budget: 32MiB }, receive: { max_request_bytes: 1MiB } }",
        );
        let invalid = running.reload(&wanted).unwrap_err();
        assert!(invalid.problems[0].contains("log.disk_budget is 32MiB; it must be at least"), "{invalid}");
        assert!(invalid.problems[0].ends_with("restart for both)"), "{invalid}");
    }

    #[test]
    fn a_change_of_a_file_or_of_one_that_it_names_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let (file, secret) = (folder.path().join("f.yaml"), folder.path().join("secret"));
        let sources = Sources { places: vec![file.clone().into()], ..Sources::default() };
        let mut seen = vec![fingerprint(&sources)];
        let yaml = format!("upload: {{ s3: {{ secret_access_key: '${{file:{}}}' }} }}", secret.display());
        for (path, content) in [(&file, yaml.as_str()), (&secret, "one"), (&secret, "two"), (&file, "{}")] {
            std::fs::write(path, content).unwrap();
            let now = fingerprint(&sources);
            assert!(!seen.contains(&now), "{content}");
            assert_eq!(now, fingerprint(&sources));
            seen.push(now);
        }
    }
}
