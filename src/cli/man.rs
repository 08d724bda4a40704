//! `forebay man`: the manual pages, one for each command.

use std::fs;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::CommandFactory as _;

use super::arguments::{Arguments, Man};

/// Writes the pages into a folder, or prints the first one.
pub(super) fn run(man: &Man) -> anyhow::Result<ExitCode> {
    let command = Arguments::command().disable_help_subcommand(true);
    let Some(folder) = &man.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        super::print(&String::from_utf8_lossy(&page))?;
        return Ok(ExitCode::SUCCESS);
    };
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    clap_mangen::generate_to(command, folder)
        .with_context(|| format!("cannot write the pages into {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}
