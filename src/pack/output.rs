//! The outputs: what becomes of every segment, once for each of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::Error;
use super::options::Options;

/// The longest name of an output, in bytes: it is part of file names.
const NAME_BYTES_MAX: usize = 32;

/// The name of an output: 1 to 32 lower-case letters, digits and `-`, the first one a letter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OutputName(Arc<str>);

/// The outputs of a configuration, by name, each with what its objects are.
///
/// They are pinned in the header of every segment when it is created ([`Outputs::pinned`]), so that a segment becomes the
/// same objects after a restart with other settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Outputs(BTreeMap<OutputName, Options>);

impl OutputName {
    /// The output of the sections `objects` and `upload`.
    pub fn main() -> Self {
        Self("main".into())
    }

    /// Reads a name.
    ///
    /// # Errors
    /// Half a sentence that says what a name must be.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_right = text.len() <= NAME_BYTES_MAX
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if is_right {
            return Ok(Self(text.into()));
        }
        Err(format!(
            "the name of an output is 1 to {NAME_BYTES_MAX} lower-case letters, digits and `-`, the first one a letter"
        ))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OutputName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for OutputName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for OutputName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Outputs {
    /// The outputs, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&OutputName, &Options)> {
        self.0.iter()
    }

    /// The settings as one line of JSON, for the header of a segment. A level that was left out is written out, so that
    /// its default may change.
    pub fn pinned(&self) -> String {
        let in_full: BTreeMap<_, _> =
            self.0.iter().map(|(name, options)| (name, options.in_full())).collect();
        match serde_json::to_string(&in_full) {
            Ok(json) => json,
            Err(error) => unreachable!("strings and numbers are always JSON: {error}"),
        }
    }

    /// Reads what [`Outputs::pinned`] wrote.
    ///
    /// # Errors
    /// [`Error::PinnedOptions`] for a key or a value that this version does not know: a newer one wrote it.
    pub fn from_pinned(json: &str) -> Result<Self, Error> {
        let refuse = |source| Error::PinnedOptions { json: json.to_owned(), source };
        let outputs: Self = serde_json::from_str(json).map_err(refuse)?;
        if outputs.0.is_empty() {
            // What is packed for nobody would be lost.
            return Err(refuse(serde_json::Error::custom("there is no output")));
        }
        Ok(outputs)
    }
}

impl FromIterator<(OutputName, Options)> for Outputs {
    fn from_iter<T: IntoIterator<Item = (OutputName, Options)>>(outputs: T) -> Self {
        Self(outputs.into_iter().collect())
    }
}

/// The main output alone.
impl From<Options> for Outputs {
    fn from(options: Options) -> Self {
        Self::from_iter([(OutputName::main(), options)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_pinned_in_full() {
        let archive = Options { prefix: "archive".into(), ..Options::default() };
        let names = ["archive", "main"].map(|name| OutputName::parse(name).unwrap());
        let outputs: Outputs = names.into_iter().zip([archive, Options::default()]).collect();
        let pinned = outputs.pinned();
        assert!(pinned.starts_with(r#"{"archive":{"format":"#), "{pinned}");
        let read = Outputs::from_pinned(&pinned).unwrap();
        assert_eq!(read.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["archive", "main"]);
        assert!(read.iter().all(|(_, options)| options.level.is_some()), "{read:?}");
        assert_eq!(read.pinned(), pinned);
    }

    #[test]
    fn a_segment_of_an_older_version_takes_the_defaults_and_one_of_a_newer_version_is_refused() {
        assert_eq!(Outputs::from_pinned(r#"{"main":{}}"#).unwrap(), Options::default().into());
        for newer in
            [r#"{"main":{"rows":"wide"}}"#, r#"{"main":{"format":"lance"}}"#, r#"{"Main/":{}}"#, "{}"]
        {
            let error = Outputs::from_pinned(newer).unwrap_err().to_string();
            assert!(error.contains("newer version of forebay"), "{error}");
            assert!(error.contains(newer), "{error}");
        }
    }

    #[test]
    fn a_name_can_stand_in_a_file_name() {
        for right in ["main", "a", "s3-archive-2", &"x".repeat(32)] {
            assert_eq!(OutputName::parse(right).unwrap().as_str(), right);
        }
        for wrong in ["", "2", "-a", "Main", "a/b", "a b", "a.b", "ä", &"x".repeat(33)] {
            assert!(OutputName::parse(wrong).is_err(), "{wrong}");
        }
    }
}
