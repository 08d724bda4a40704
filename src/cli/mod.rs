//! The command line. `clap` is known only here.

mod arguments;
mod cat;
mod check;
mod completions;
mod drain;
mod flush;
mod inspect;
mod load;
mod logging;
mod man;
mod progress;
mod receiver;
mod reload;
mod replay;
mod run;
mod send;
mod settings;
mod status;
mod verify;
mod window;

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::collector::{Table, Understood};
use crate::config::Flag;
use reload::Reading;

pub use arguments::{
    Arguments, Cat, Check, Chosen, Command, Common, Completions, Drain, Flush, Inspect, InspectWhat, Load,
    LoadFormat, Man, Reaching, Records, Replay, Run, Send, SignalName, Status, Verify,
};
pub use settings::Settings;

/// Does what the command line says.
///
/// # Errors
/// What stood in the way, in words for the person who typed it.
pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { common, settings, command } = arguments;
    let command = command.unwrap_or_else(|| Command::Run(Run::default()));
    let flags = flags(&common, &settings, &command)?;
    // These need nothing that is configured.
    match &command {
        Command::Load(arguments) => return load::run(arguments),
        Command::Completions(arguments) => return completions::run(arguments),
        Command::Man(arguments) => return man::run(arguments),
        _ => {}
    }
    let reading = Reading::new(common.config, flags, common.ignore_unsupported);
    let understood = reading.read();
    if let Command::Check(check) = &command {
        return check::run(understood?, check);
    }
    let Understood { loaded, table, .. } = understood?;
    match command {
        Command::Run(_) => run::run(loaded, table.as_ref(), reading),
        Command::Send(arguments) => send::run(&loaded.config, arguments),
        Command::Flush(arguments) => flush::run(&loaded.config, &arguments),
        Command::Status(arguments) => status::run(&loaded.config, &arguments),
        Command::Inspect(arguments) => inspect::run(&loaded.config, &arguments),
        Command::Verify(arguments) => verify::run(&loaded.config, &arguments),
        Command::Cat(arguments) => cat::run(&loaded.config, &arguments),
        Command::Replay(arguments) => replay::run(&loaded.config, arguments),
        Command::Drain(arguments) => drain::run(&loaded.config, &arguments),
        // Answered above, also if the configuration is wrong.
        Command::Check(_) | Command::Load(_) | Command::Completions(_) | Command::Man(_) => {
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// All that is set by flags: those of the command, those before it, and those that every command has.
fn flags(common: &Common, before: &Settings, command: &Command) -> anyhow::Result<Vec<Flag>> {
    let flag = |key, name, value: &Option<String>| value.clone().map(|value| Flag { key, name, value });
    let mut flags = before.flags();
    match command {
        Command::Run(Run { settings })
        | Command::Check(Check { settings, .. })
        | Command::Drain(Drain { settings, .. }) => {
            flags.extend(settings.flags());
        }
        other => {
            if let Some(flag) = flags.first() {
                bail!("`forebay {}` does not take {}", other.name(), flag.name);
            }
        }
    }
    if let Command::Flush(Flush { admin, .. }) | Command::Status(Status { admin, .. }) = command {
        flags.extend(flag("admin.listen", "--admin", admin));
    }
    flags.extend(flag("data_dir", "--data-dir", &common.data_dir));
    Ok(flags)
}

/// What is said of a Collector's configuration before everything else.
fn told(table: &Table, files: &[String]) -> String {
    format!("What became of the Collector's configuration {}:\n\n{table}\n", files.join(", "))
}

/// Writes to the standard output. That its reader went away, as `head` does, is no error.
fn print(text: &str) -> anyhow::Result<()> {
    match progress::aside(|| io::stdout().lock().write_all(text.as_bytes())) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to the standard output")
        }
        _ => Ok(()),
    }
}

/// The runtime of a process that serves or delivers. Public for `benches/floor`, which is measured on the same one.
///
/// # Errors
/// If the system has no threads to give.
#[doc(hidden)]
pub fn server_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    allow_open_files();
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")
}

/// Allows as many open files as the system lets a process have. What it is given without asking, mostly 1024, is used up
/// by the connections of as many machines, and then no segment can be begun.
fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!(%error, "the number of open files is limited to {:?}", limit.current);
    }
}

/// A small runtime, for commands that ask one question.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")
}
