//! What may be written on the command line.
#![allow(
    clippy::doc_markdown,
    rustdoc::bare_urls,
    rustdoc::invalid_html_tags,
    reason = "these comments are the help, which is no Markdown"
)]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::settings::Settings;
use crate::load::{Compression, Shape};
use crate::otlp::Signal;
use crate::send::Protocol;
use crate::units::{ByteSize, Span};

const EXAMPLES: &str = "\
Examples:
  forebay                                      start; objects go into ./forebay-data/bucket
  forebay --to s3://telemetry/claude-code      start; objects go into a bucket
  forebay check --config forebay.yaml          is this file right, and what comes of it?
  forebay --config otel-collector-config.yaml  take the place of a Collector
  forebay status                               is it taking data in, and delivering?
  forebay send                                 send a sample, to see it at work

Every key of the configuration file is also an environment variable:
receive.max_request_bytes is FOREBAY_RECEIVE_MAX_REQUEST_BYTES. `forebay check` lists them all.";

/// A durable edge buffer for OpenTelemetry.
///
/// forebay takes OTLP over gRPC and HTTP, writes every batch to disk before it acknowledges it, and delivers every
/// acknowledged batch exactly once to a bucket (S3, GCS, Azure or a folder), as compressed objects that analysts' tools
/// read. Without a command it runs.
#[derive(Clone, Debug, Parser)]
#[command(name = "forebay", version, after_help = EXAMPLES, max_term_width = 110)]
pub struct Arguments {
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,

    /// Settings of `run`, for when the command is left out.
    #[command(flatten)]
    pub settings: Settings,

    /// What to do; to run, if there is none.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What every command takes.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// The configuration file, forebay's own or an OpenTelemetry Collector's
    ///
    /// May be given several times: each overrides those before it. It may also be a folder (all *.yaml and *.yml, in the
    /// order of their names), env:NAME for YAML in an environment variable, or yaml:TEXT. Without it, the file that
    /// FOREBAY_CONFIG names; without that, forebay.yaml in the current folder, if it is there.
    #[arg(long, global = true, value_name = "PATH")]
    pub config: Vec<PathBuf>,

    /// Pass over what a Collector's configuration has and forebay cannot do
    ///
    /// Without it, forebay does not start with a processor that drops or rewrites telemetry, an exporter to elsewhere, or
    /// whatever else would make a difference to what is stored. FOREBAY_IGNORE_UNSUPPORTED=true says the same.
    #[arg(long, global = true)]
    pub ignore_unsupported: bool,

    /// The folder that holds the log, the spool and the ledger (data_dir)
    #[arg(long, global = true, value_name = "PATH")]
    pub data_dir: Option<String>,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Take telemetry in and deliver it (what forebay does without a command)
    ///
    /// Serves OTLP over gRPC and HTTP, on both ports, until it is told to stop with SIGTERM or Ctrl-C. Then it takes
    /// nothing in any more, tries to deliver what it has for a while, and ends. What is left is delivered after the next
    /// start.
    Run(Run),

    /// Send sample telemetry to a running forebay, or to any OTLP receiver
    ///
    /// Sends a bundled sample of Claude Code's telemetry (logs, metrics and traces), and has it
    /// delivered at once, so that you see an object appear without having a client at hand. Says what was acknowledged; the exit code is 0 if all of it was.
    #[command(after_help = "\
Examples:
  forebay send
  forebay send --protocol http/json --count 100
  forebay send --to http://gateway.example.com:4317")]
    Send(Send),

    /// Send as much telemetry as forebay, or any OTLP receiver, takes, and say how much that was
    ///
    /// Makes requests that never repeat, sends them over many connections, as fast as they are answered or at a given
    /// rate, and says how many were acknowledged, how long that took, and what it cost. The exit code is 0 if all were
    /// acknowledged.
    ///
    /// It writes real data: whatever is acknowledged is stored and delivered to the bucket of the receiver that --to
    /// names, like the data of any other client.
    #[command(after_help = "\
Examples:
  forebay load --to 127.0.0.1:4317
  forebay load --to 127.0.0.1:4317 --shape claude-code --rate 2000 --duration 1m
  forebay load --to 127.0.0.1:4318 --protocol http/json --requests 10000 --format json
  forebay load --to 127.0.0.1:4317 --pid $(pidof forebay)          and what it costs forebay")]
    Load(Load),

    /// Say whether the configuration is right, and where every setting comes from
    ///
    /// Reads the configuration as `run` would, without touching the data folder or the network. Says everything that is
    /// wrong at once, or prints every setting with its value and its origin. Secrets are not shown. The exit code is 0
    /// if it is right, 1 if it is not.
    Check(Check),

    /// Have the running forebay seal and deliver everything now
    ///
    /// Does not wait until segments are full or old enough. Returns when all that was acknowledged before is in the
    /// bucket: exit code 0. If something is left at the end of the wait, it says what and why: exit code 1.
    Flush(Flush),

    /// Say how forebay is doing
    ///
    /// Asks the running process, or looks into the data folder if none is running: is it taking data in, is it
    /// delivering, how much waits, how old is the oldest, what was the last error, when will the disk budget be used up.
    /// The exit code is 0 if all is well, 1 if it is not delivering, 2 if it takes nothing in or is not running.
    Status(Status),

    /// Look into a data folder: segments, records, objects, ledger
    ///
    /// Reads only, and may be used while forebay runs. Without a further word it gives an overview. `records` prints what
    /// clients sent, as OTLP JSON, one export a line.
    #[command(after_help = "\
Examples:
  forebay inspect
  forebay inspect records --signal logs --limit 10 | jq .resourceLogs")]
    Inspect(Inspect),

    /// Print what objects and segments hold, as OTLP JSON lines for jq
    ///
    /// Reads objects of every format, compressed or not, segments of the log, data folders, and what lies in a folder or a
    /// bucket, in the order in which it was received. A line is a request: of the formats otlp_* and of segments as its
    /// client sent it, of rows (parquet, jsonl, csv) made again from up to 1,000 of them. A store is reached with the settings
    /// and credentials of the section upload, which must allow to list and to read. The exit code is 1 if something could not
    /// be read.
    #[command(after_help = "\
Examples:
  forebay cat forebay-data | jq .resourceLogs
  forebay cat s3://telemetry/archive/logs/date=2026-11-23 --limit 10
  forebay cat archive --signal metrics --since 2h
  forebay cat logs_20261123T082715564Z-cf42e6f6-00000002-5d6a15cb836ab685.jsonl.gz")]
    Cat(Cat),

    /// Send what was written to a receiver of OTLP again
    ///
    /// Sends what objects of every format, segments, folders, data folders and buckets hold, in the order in which it was
    /// received: a request is sent when the one before it was taken. What fails for a reason that may pass is tried again.
    /// Where several outputs share a bucket, name the prefix of one, or everything is sent as often as it lies there. A store is
    /// reached with the settings and credentials of the section upload, which must allow to list and to read. The exit code
    /// is 0 if everything was taken.
    #[command(after_help = "\
Examples:
  forebay replay --from s3://telemetry/archive --since 2026-11-23T00:00Z --to http://127.0.0.1:4318 --state replay.state
  forebay replay --from archive --to https://otlp.example.com --header @token --rate 1MiB
  forebay replay --from /mnt/old/forebay-data --to 127.0.0.1:4317")]
    Replay(Replay),

    /// Check every checksum in a data folder
    ///
    /// Reads every record and every object that waits, and compares them with their checksums. The exit code is 0 if all
    /// are right, 1 if something is damaged. Changes nothing.
    Verify(Verify),

    /// Deliver everything that is in a data folder, and end
    ///
    /// For taking a machine out of service: takes nothing in, delivers all that is there, and ends with exit code 0 when
    /// nothing is left. It cannot be used while forebay runs on the same folder.
    Drain(Drain),

    /// Print what a shell needs to complete these commands
    #[command(after_help = "\
Examples:
  forebay completions bash > /usr/share/bash-completion/completions/forebay
  forebay completions zsh > ~/.zfunc/_forebay")]
    Completions(Completions),

    /// Print the manual page, or write the pages of all commands into a folder
    #[command(after_help = "\
Examples:
  forebay man | man -l -
  forebay man --out /usr/local/share/man/man1")]
    Man(Man),
}

impl Command {
    /// Its name on the command line.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Send(_) => "send",
            Self::Load(_) => "load",
            Self::Check(_) => "check",
            Self::Flush(_) => "flush",
            Self::Status(_) => "status",
            Self::Inspect(_) => "inspect",
            Self::Verify(_) => "verify",
            Self::Cat(_) => "cat",
            Self::Replay(_) => "replay",
            Self::Drain(_) => "drain",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }
}

/// The arguments of `run`.
#[derive(Args, Clone, Debug, Default)]
pub struct Run {
    /// Settings given as flags.
    #[command(flatten)]
    pub settings: Settings,
}

/// The arguments of `send`.
#[derive(Args, Clone, Debug)]
pub struct Send {
    /// The receiver, such as http://127.0.0.1:4317; if left out, where the configuration says that forebay listens
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,

    /// How it is reached.
    #[command(flatten)]
    pub reaching: Reaching,

    /// How often to send the sample
    #[arg(long, value_name = "TIMES", default_value_t = 1)]
    pub count: u32,

    /// Do not ask forebay to seal and deliver afterwards (with --to it is never asked)
    #[arg(long)]
    pub no_flush: bool,
}

/// How a receiver of OTLP is reached.
#[derive(Args, Clone, Debug)]
pub struct Reaching {
    /// How to speak: grpc, http/protobuf or http/json; if left out, grpc at port 4317 and http/protobuf elsewhere
    #[arg(long, value_name = "NAME")]
    pub protocol: Option<Protocol>,

    /// A header of every request, like 'authorization: Bearer <token>', or @ and the path of a file with one a line
    #[arg(long, value_name = "HEADER")]
    pub header: Vec<String>,

    /// Certificates to trust beside those of the system, as PEM
    #[arg(long, value_name = "PATH")]
    pub ca_file: Option<PathBuf>,

    /// How long connecting, and each request, may take
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub timeout: Span,
}

/// The arguments of `load`.
#[derive(Args, Clone, Debug)]
pub struct Load {
    /// The receiver, such as 127.0.0.1:4317; what it acknowledges goes to its bucket
    #[arg(long, value_name = "URL")]
    pub to: String,

    /// How to speak: grpc, http/protobuf or http/json
    #[arg(long, value_name = "NAME", default_value_t = Protocol::Grpc)]
    pub protocol: Protocol,

    /// What a request looks like: logs, claude-code, large or small
    ///
    /// logs: 1,000 log records of about 360 bytes. claude-code: 2 to 6 kB of log records or data points, as Claude Code
    /// sends them. large: 100 kB of log records. small: 10 log records, 4 kB.
    #[arg(long, value_name = "NAME", default_value_t = Shape::Logs)]
    pub shape: Shape,

    /// Log records a request, 1 to 100000, in the place of those of the shape
    #[arg(long, value_name = "COUNT")]
    pub records: Option<u32>,

    /// Bytes of a log record on average, 100 to 100000, in the place of those of the shape
    #[arg(long, value_name = "BYTES")]
    pub record_bytes: Option<u32>,

    /// How requests are compressed: none, gzip or zstd
    #[arg(long, value_name = "NAME", default_value_t = Compression::None)]
    pub compression: Compression,

    /// How many connections to open
    #[arg(long, value_name = "COUNT", default_value_t = 16)]
    pub connections: usize,

    /// How many requests are under way at once, over all connections; if left out, one a connection
    #[arg(long, value_name = "COUNT")]
    pub in_flight: Option<usize>,

    /// End after this many requests
    #[arg(long, value_name = "COUNT", conflicts_with = "duration")]
    pub requests: Option<u64>,

    /// End after this time; 10s, if there is neither this nor --requests
    ///
    /// With a rate, all that are due in this time are sent, however long that takes a receiver that does not keep up.
    #[arg(long, value_name = "TIME")]
    pub duration: Option<Span>,

    /// Requests a second; if left out, each answer is followed by the next request
    ///
    /// With a rate, the latency of a request is counted from when it was due. So the delays that a stall of the receiver
    /// causes to the requests behind it are in the figures.
    #[arg(long, value_name = "COUNT")]
    pub rate: Option<u32>,

    /// Say what this process, on this machine, uses meanwhile of processor time and memory
    #[arg(long, value_name = "NUMBER")]
    pub pid: Option<u32>,

    /// How long connecting, and each request, may take
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub timeout: Span,

    /// How many threads make the load; one costs least
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: u16,

    /// How to say what came of it: text or json
    #[arg(long, value_name = "NAME", value_enum, default_value_t = LoadFormat::Text, hide_possible_values = true)]
    pub format: LoadFormat,
}

/// How `load` says what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LoadFormat {
    /// For people
    Text,
    /// For scripts
    Json,
}

/// The arguments of `check`.
#[derive(Args, Clone, Debug)]
pub struct Check {
    /// Settings given as flags.
    #[command(flatten)]
    pub settings: Settings,

    /// Show only the settings that somebody set
    #[arg(long)]
    pub changed: bool,

    /// Print the configuration as a file of forebay's own, such as one made of a Collector's
    ///
    /// Environment variables and flags are left out, and secrets stand there as in the file that was read.
    #[arg(long, conflicts_with = "changed")]
    pub convert: bool,
}

/// The arguments of `flush`.
#[derive(Args, Clone, Debug)]
pub struct Flush {
    /// The admin address to ask, if it is not that of the configuration (admin.listen)
    #[arg(long, value_name = "ADDRESS")]
    pub admin: Option<String>,

    /// How long to wait until all is delivered; 5m at most
    #[arg(long, value_name = "TIME", default_value = "1m")]
    pub wait: Span,
}

/// The arguments of `status`.
#[derive(Args, Clone, Debug)]
pub struct Status {
    /// The admin address to ask, if it is not that of the configuration (admin.listen)
    #[arg(long, value_name = "ADDRESS")]
    pub admin: Option<String>,

    /// Print JSON, for scripts
    #[arg(long)]
    pub json: bool,

    /// Go on showing it, every 2s or so often as is said (100ms to 1h), until Ctrl-C
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "2s", value_parser = watch_interval)]
    pub watch: Option<Span>,
}

/// How often the status is to be shown.
fn watch_interval(written: &str) -> Result<Span, String> {
    let every: Span = written.parse()?;
    let known = Duration::from_millis(100)..=Duration::from_hours(1);
    if known.contains(&every.duration()) { Ok(every) } else { Err("it must be 100ms to 1h".to_owned()) }
}

/// The arguments of `inspect`.
#[derive(Args, Clone, Debug)]
pub struct Inspect {
    /// What to look at; an overview, if there is nothing.
    #[command(subcommand)]
    pub what: Option<InspectWhat>,
}

/// What `inspect` looks at.
#[derive(Clone, Debug, Subcommand)]
pub enum InspectWhat {
    /// The log's segments: state, records, items, ages
    Segments,
    /// The records in the log, decoded to OTLP JSON, one export a line
    Records(Records),
    /// The objects that wait in the spool
    Objects,
    /// The ledger: what was delivered when, and what is under way
    Ledger,
}

/// The arguments of `inspect records`.
#[derive(Args, Clone, Debug)]
pub struct Records {
    /// Only records of this segment
    #[arg(long, value_name = "NUMBER")]
    pub segment: Option<u64>,

    /// Only records of this signal
    #[arg(long)]
    pub signal: Option<SignalName>,

    /// No more than this many records
    #[arg(long, value_name = "COUNT")]
    pub limit: Option<u64>,
}

/// A signal, as it is written on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SignalName {
    /// Log records, events among them
    Logs,
    /// Data points
    Metrics,
    /// Spans
    Traces,
    /// Profiles
    Profiles,
}

impl From<SignalName> for Signal {
    fn from(name: SignalName) -> Self {
        match name {
            SignalName::Logs => Self::Logs,
            SignalName::Metrics => Self::Metrics,
            SignalName::Traces => Self::Traces,
            SignalName::Profiles => Self::Profiles,
        }
    }
}

/// The arguments of `cat`.
#[derive(Args, Clone, Debug)]
pub struct Cat {
    /// Objects, segments, folders, or URLs such as s3://bucket/prefix
    #[arg(value_name = "WHAT", required = true)]
    pub what: Vec<String>,

    /// Which of it.
    #[command(flatten)]
    pub chosen: Chosen,

    /// No more than this many requests
    #[arg(long, value_name = "COUNT")]
    pub limit: Option<u64>,
}

/// The arguments of `replay`.
#[derive(Args, Clone, Debug)]
pub struct Replay {
    /// Where from: an object, a segment, a folder, the data folder of a forebay that is not running, or s3://bucket/prefix
    #[arg(long, value_name = "WHAT")]
    pub from: String,

    /// The receiver, such as http://127.0.0.1:4318 or https://otlp.example.com
    #[arg(long, value_name = "URL")]
    pub to: String,

    /// How it is reached.
    #[command(flatten)]
    pub reaching: Reaching,

    /// Which of it.
    #[command(flatten)]
    pub chosen: Chosen,

    /// Keep in this file how far it has come, and go on from there the next time
    #[arg(long, value_name = "PATH")]
    pub state: Option<PathBuf>,

    /// No more than this many bytes a second, as protobuf, before any compression: 1MiB
    #[arg(long, value_name = "SIZE")]
    pub rate: Option<ByteSize>,

    /// Gather small requests up to this size, as protobuf
    #[arg(long, value_name = "SIZE", default_value = "1MiB")]
    pub max_request_bytes: ByteSize,

    /// Try what fails for a reason that may pass, on either side, again for this long
    #[arg(long, value_name = "TIME", default_value = "5m")]
    pub retry_for: Span,

    /// Go on behind a request that the receiver will never take; it is told, and the exit code is 1
    #[arg(long)]
    pub skip_refused: bool,

    /// Send nothing; list what would be sent
    #[arg(long)]
    pub dry_run: bool,
}

/// Which objects and segments are read back.
#[derive(Args, Clone, Debug, Default)]
pub struct Chosen {
    /// Only this signal; also what it is where no name tells
    #[arg(long)]
    pub signal: Option<SignalName>,

    /// Only objects and segments whose first record was received at this time or later: 2026-11-23T10:00Z, or 2h ago
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// Only those whose first record was received before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

/// The arguments of `verify`.
#[derive(Args, Clone, Debug)]
pub struct Verify {
    /// Say nothing about what is right
    #[arg(long, short)]
    pub quiet: bool,
}

/// The arguments of `drain`.
#[derive(Args, Clone, Debug)]
pub struct Drain {
    /// Settings given as flags.
    #[command(flatten)]
    pub settings: Settings,

    /// Give up after this time, with exit code 1; without it, go on until nothing is left
    #[arg(long, value_name = "TIME")]
    pub wait: Option<Span>,
}

/// The arguments of `completions`.
#[derive(Args, Clone, Debug)]
pub struct Completions {
    /// The shell
    pub shell: Shell,
}

/// The arguments of `man`.
#[derive(Args, Clone, Debug)]
pub struct Man {
    /// The folder that the pages of all commands are written into
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn without_a_command_flags_are_those_of_run() {
        let bare = Arguments::parse_from(["forebay", "--to", "s3://b", "--config", "f.yaml"]);
        assert!(bare.command.is_none());
        assert_eq!(bare.settings.flags().len(), 1);
        let behind = Arguments::parse_from(["forebay", "check", "--config", "f.yaml", "--to", "s3://b"]);
        assert_eq!(behind.common.config, bare.common.config, "the same before and behind a command");
        let Some(Command::Check(check)) = behind.command else { panic!("{behind:?}") };
        assert_eq!(check.settings.flags(), bare.settings.flags());
    }

    #[test]
    fn every_command_and_every_argument_says_what_it_is_for() {
        fn walk(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(walk);
        }
        walk(&Arguments::command());
    }
}
