//! The `forebay` program.

use std::process::ExitCode;

use clap::Parser as _;
use forebay::cli;

fn main() -> ExitCode {
    cli::run(cli::Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("forebay: {error:#}");
        ExitCode::FAILURE
    })
}
