//! The outputs: the sections `objects` and `upload`, and those of `outputs` that differ from them in what they name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Config;
use crate::otlp::Signal;
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
        problems.extend(check_signals(config).err());
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

/// What no output takes would leave the disk without having been delivered.
fn check_signals(config: &Config) -> Result<(), String> {
    let is_taken = |signal: &Signal| config.all_outputs().any(|(_, objects, _)| objects.takes(*signal));
    match Signal::ALL.into_iter().find(|signal| !is_taken(signal)) {
        Some(signal) => Err(format!(
            "objects.signals: no output takes {signal}, and what is acknowledged has to be delivered: name {signal} in \
             objects.signals, or in that of an output"
        )),
        None => Ok(()),
    }
}

/// Two outputs in one folder would mix two formats there, or the same rows twice; no reader can tell them apart.
fn check_apart(config: &Config) -> Result<(), String> {
    let mut places: BTreeMap<(String, Signal, String), String> = BTreeMap::new();
    for (name, objects, upload) in config.all_outputs() {
        let to = upload.to.trim_end_matches('/').to_owned();
        for (signal, place) in objects.places()? {
            let other = places.insert((to.clone(), signal, place.clone()), name.to_string());
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
