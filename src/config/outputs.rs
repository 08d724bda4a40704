//! The outputs: the sections `objects` and `upload`, and those of `outputs` that differ from them in what they name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::layers::Layers;
use super::value::Value;
use super::{Config, Origin};
use crate::pack::{self, OutputName};
use crate::upload;

/// An output beside the main one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Output {
    /// What its objects are. What it does not name is as in the section `objects`.
    pub objects: pack::Options,
    /// Where its objects go. What it does not name is as in the section `upload`.
    pub upload: upload::Options,
}

/// Lets the outputs follow the main one in everything that they do not name. An output with a format of its own has the
/// compression of that format, and one without columns has none.
pub(super) fn follow_main(layers: &mut Layers) {
    let names: Vec<String> = layers.schema.names_in("outputs").map(str::to_owned).collect();
    let is_shared = |key: &&String| key.starts_with("objects.") || key.starts_with("upload.");
    let shared: Vec<String> = layers.schema.settings.iter().filter(is_shared).cloned().collect();
    for name in names {
        let key_of = |key: &str| format!("outputs.{name}.{key}");
        // An output that names nothing is one all the same.
        let nothing_yet = Value::Section(BTreeMap::new());
        layers.set(format!("outputs.{name}"), nothing_yet, Origin::Default);
        let own = |key: &str| layers.value(&key_of(key)).cloned();
        let (format, compression) = (own("objects.format"), own("objects.compression"));
        for key in &shared {
            let suits = match key.as_str() {
                "objects.compression" => format.is_none(),
                "objects.level" => format.is_none() && compression.is_none(),
                "objects.columns" => {
                    !matches!(&format, Some(Value::Text(format)) if format.starts_with("otlp"))
                }
                _ => true,
            };
            let follows = suits && layers.value(&key_of(key)).is_none();
            if let (true, Some(value)) = (follows, layers.value(key)) {
                let value = value.clone();
                layers.set(key_of(key), value, Origin::Follows(key.clone()));
            }
        }
    }
}

/// What is wrong with the outputs together, and with each of those beside the main one; in sentences that begin with the
/// key.
pub(super) fn problems(config: &Config) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, output) in &config.outputs {
        match OutputName::parse(name) {
            Ok(name) if name == OutputName::main() => problems.push(
                "outputs.main is the output of the sections objects and upload; choose another name"
                    .to_owned(),
            ),
            Ok(_) => {}
            Err(rule) => problems.push(format!("outputs.{name}: {rule}")),
        }
        let of_stages = [output.objects.validate(), output.upload.validate()];
        problems.extend(
            of_stages.into_iter().filter_map(Result::err).map(|said| format!("outputs.{name}.{said}")),
        );
    }
    if problems.is_empty() {
        problems.extend(check_pinned(config).err());
        problems.extend(check_apart(config).err());
    }
    problems
}

/// What the outputs may have and will regret.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let of = |(name, objects, _): (OutputName, &pack::Options, _)| {
        let place = if name == OutputName::main() { String::new() } else { format!("outputs.{name}.") };
        objects.warnings().into_iter().map(move |warning| format!("{place}{warning}")).collect::<Vec<_>>()
    };
    config.all_outputs().flat_map(of).collect()
}

/// The header of a segment has to hold what every output makes of it.
fn check_pinned(config: &Config) -> Result<(), String> {
    let (bytes, most) = (config.packing().pinned().len(), crate::log::PACKING_BYTES_MAX);
    if bytes > most {
        return Err(format!(
            "outputs: what the objects of all outputs are takes {bytes} bytes in the header of a segment, which has room \
             for {most}; use fewer outputs, or shorter columns and keys"
        ));
    }
    Ok(())
}

/// Two outputs in one folder would mix two formats there, or the same rows twice; no reader can tell them apart.
fn check_apart(config: &Config) -> Result<(), String> {
    let mut places: BTreeMap<(String, String), String> = BTreeMap::new();
    for (name, objects, upload) in config.all_outputs() {
        let to = upload.to.trim_end_matches('/').to_owned();
        for place in objects.places()? {
            let other = places.insert((to.clone(), place.clone()), name.to_string());
            if let Some(other) = other.filter(|other| *other != name.as_str()) {
                return Err(format!(
                    "outputs.{name}.objects.prefix: the outputs {other} and {name} would both write into the folder {place} \
                     of {to}; give one of them a prefix of its own"
                ));
            }
        }
    }
    Ok(())
}

impl Config {
    /// Every output: its name, what its objects are, and where they go; the main one first. One whose name is not allowed
    /// is left out; a configuration that was loaded has none.
    pub fn all_outputs(&self) -> impl Iterator<Item = (OutputName, &pack::Options, &upload::Options)> {
        let main = (OutputName::main(), &self.objects, &self.upload);
        let others = self.outputs.iter().filter_map(|(name, output)| {
            Some((OutputName::parse(name).ok()?, &output.objects, &output.upload))
        });
        std::iter::once(main).chain(others)
    }

    /// What the objects of every output are.
    pub fn packing(&self) -> pack::Outputs {
        self.all_outputs().map(|(name, objects, _)| (name, objects.clone())).collect()
    }
}
