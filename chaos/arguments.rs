//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser};

/// Tries to make forebay lose, repeat or damage what it has acknowledged.
///
/// Without arguments, plays the short scenarios with a fixed seed. A scenario that fails prints the command that plays it
/// again.
#[derive(Clone, Debug, Parser)]
#[command(name = "chaos", bin_name = "cargo test --test chaos --")]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) harness: libtest_mimic::Arguments,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// What the scenarios go by.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Scenarios")]
pub(crate) struct Options {
    /// Decides all that chance decides
    #[arg(long, default_value_t = 20_260_822)]
    pub(crate) seed: u64,
    /// Kills in each scenario of kills at random
    #[arg(long, default_value_t = 32)]
    pub(crate) kills: usize,
    /// The program `weed` of SeaweedFS; without it, the scenarios with that real store are left out
    #[arg(long, value_name = "PATH")]
    pub(crate) weed: Option<PathBuf>,
}
