//! `forebay completions`: what a shell needs to complete forebay's commands.

use std::process::ExitCode;

use clap::CommandFactory as _;

use super::arguments::{Arguments, Completions};

/// Prints the script.
pub(super) fn run(completions: &Completions) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut Arguments::command(), "forebay", &mut script);
    super::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
