//! `forebay status`: how it is doing, on one screen.

mod text;
mod watch;

use std::process::ExitCode;

use jiff::Timestamp;

use self::text::text;
use super::arguments::Status as Arguments;
use crate::admin::{Client, ClientError, Condition, Status};
use crate::app;
use crate::config::Config;

/// Prints the status of the running process, or of the data folder if none runs.
pub(super) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if let Some(every) = arguments.watch {
        return watch::run(config, every.duration(), arguments.json);
    }
    let status = match super::runtime()?.block_on(look(config)) {
        Err(error) => {
            eprintln!("forebay: {error:#}");
            return Ok(Condition::Refusing.exit_code().into());
        }
        Ok(status) => status,
    };
    let shown = if arguments.json {
        serde_json::to_string_pretty(&status)? + "\n"
    } else {
        text(&status, Timestamp::now())
    };
    super::print(&shown)?;
    Ok(Condition::of(&status).exit_code().into())
}

/// The status of the running process, or of the data folder if none runs.
async fn look(config: &Config) -> anyhow::Result<Status> {
    match client(config)?.status().await {
        Err(ClientError::Nobody(_)) if config.data_dir.is_dir() => app::status(config),
        answered => Ok(answered?),
    }
}

/// A client of the configured admin address.
pub(super) fn client(config: &Config) -> anyhow::Result<Client> {
    let client = Client::of(&config.admin).map_err(anyhow::Error::msg)?;
    client.ok_or_else(|| {
        anyhow::anyhow!("admin.listen is off, so the running forebay cannot be asked; set it to an address")
    })
}
