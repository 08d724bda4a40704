//! The settings of what forebay tells about itself: the section `telemetry` of the configuration.

mod export;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use crate::units::Span;

pub use export::{ExportOptions, Protocol};

/// What forebay tells about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// What it writes to the standard error while it runs.
    pub logs: LogOptions,
    /// Where it sends its numbers and the lines of its log, as OTLP.
    pub export: ExportOptions,
}

/// What is written to the standard error while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogOptions {
    /// How much: `error`, `warn`, `info`, `debug` or `trace`, or more finely, in the syntax of `tracing_subscriber`'s filters.
    /// The environment variable `FOREBAY_LOG` wins over it.
    pub level: String,
    /// The form of a line.
    pub format: LogFormat,
    /// How often an event that repeats is shown, 1 s to 1 day, with how many were left out; 0 shows all. It does not hold for
    /// `debug` and `trace`: who asks for these wants every one.
    pub repeat_after: Span,
}

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people; under systemd also for journald.
    Text,
    /// A JSON object with `time`, `level`, `message`, `target` and `fields`.
    Json,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text, repeat_after: Span::seconds(60) }
    }
}

impl Options {
    /// Checks every setting.
    ///
    /// # Errors
    /// A sentence that names the setting, its value and what it must be.
    pub fn validate(&self) -> Result<(), String> {
        self.logs.validate()?;
        self.export.validate()
    }
}

impl LogOptions {
    fn validate(&self) -> Result<(), String> {
        if EnvFilter::builder().parse(directives(&self.level)).is_err() {
            return Err(format!(
                "telemetry.logs.level is `{}`; it must be error, warn, info, debug or trace, or a list such as \
                 warn,forebay=debug",
                self.level
            ));
        }
        let (least, most) = (Span::seconds(1), Span::seconds(24 * 3600));
        if self.repeat_after != Span::seconds(0) && !(least..=most).contains(&self.repeat_after) {
            return Err(format!(
                "telemetry.logs.repeat_after is {}; it must be {least} to {most}, or 0s to show everything",
                self.repeat_after
            ));
        }
        Ok(())
    }
}

/// A filter, of a level or more finely. What the libraries below have to say is of use only to those who ask for it.
pub(crate) fn directives(level: &str) -> String {
    match level.trim() {
        "" | "info" => "warn,forebay=info,sled=error".to_owned(),
        level if !level.contains(['=', ',']) => format!("warn,forebay={level}"),
        directives => directives.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_setting_its_value_and_what_it_must_be() {
        let logs = |level: &str, seconds| LogOptions {
            level: level.to_owned(),
            repeat_after: Span::seconds(seconds),
            ..LogOptions::default()
        };
        for right in
            [logs("info", 60), logs("", 0), logs("warn,forebay::upload=trace", 1), logs("off", 86_400)]
        {
            assert_eq!(right.validate(), Ok(()), "{right:?}");
        }
        for (wrong, said) in [
            (logs("loud", 60), "telemetry.logs.level is `loud`; it must be error, warn"),
            (logs("forebay=loud", 60), "telemetry.logs.level is `forebay=loud`; it must be"),
            (logs("info", 86_401), "telemetry.logs.repeat_after is 86401s; it must be 1s to 1d, or 0s"),
        ] {
            let error = Options { logs: wrong, ..Options::default() }.validate().unwrap_err();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
