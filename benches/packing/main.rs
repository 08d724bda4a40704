//! What packing costs in each format: processor time, memory, and bytes in the bucket.
//!
//! `cargo bench --bench packing` packs a million log records and a million data points in every format, three times, and
//! prints the medians as tables of Markdown; `cargo bench --bench packing -- --help` tells the rest. Each is packed by a
//! process of its own ([`packed`]), so that its memory is its own. What is packed is made in [`telemetry`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement fails by panicking"
)]

mod packed;
#[path = "../support/telemetry.rs"]
mod telemetry;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use clap::builder::PossibleValuesParser;
use forebay::pack::{Compression, Format, Options};
use tikv_jemallocator::Jemalloc;

use packed::Packed;
use telemetry::Items;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// What is measured: a format, its compression, and the name of both. The others are held against the first, which is what
/// the Collector's `awss3exporter` writes.
const SUBJECTS: [(&str, Format, Compression); 9] = [
    ("otlp_json+gzip", Format::OtlpJson, Compression::Gzip),
    ("otlp_jsonl+gzip", Format::OtlpJsonl, Compression::Gzip),
    ("otlp_proto+gzip", Format::OtlpProto, Compression::Gzip),
    ("otlp_proto+zstd", Format::OtlpProto, Compression::Zstd),
    ("parquet+zstd", Format::Parquet, Compression::Zstd),
    ("parquet+snappy", Format::Parquet, Compression::Snappy),
    ("jsonl+gzip", Format::Jsonl, Compression::Gzip),
    ("jsonl+zstd", Format::Jsonl, Compression::Zstd),
    ("csv+gzip", Format::Csv, Compression::Gzip),
];

const SIGNALS: [(&str, Items); 3] =
    [("logs", Items::LogRecords), ("metrics", Items::DataPoints), ("traces", Items::Spans)];

/// Measures what packing costs in each format.
#[derive(Parser)]
#[command(name = "packing", bin_name = "cargo bench --bench packing --")]
struct CommandLine {
    /// Log records, and data points, that are packed each time
    #[arg(long, default_value_t = 1_000_000)]
    items: u64,
    /// Items in a request
    #[arg(long, default_value_t = 1000)]
    request_items: u64,
    /// How often each is measured
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Nothing but the first round begins later than this
    #[arg(long, default_value_t = 15)]
    minutes: u64,
    /// What is measured
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(SUBJECTS.map(|(name, ..)| name)),
          default_values = SUBJECTS.map(|(name, ..)| name))]
    formats: Vec<String>,
    /// Whose items are packed
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(SIGNALS.map(|(name, _)| name)),
          default_values = ["logs", "metrics"])]
    signals: Vec<String>,
    /// How hard everything is compressed, if not as by default
    #[arg(long)]
    level: Option<u8>,
    /// Packs the first format and signal once, in this process, and prints what that took as JSON
    #[arg(long)]
    alone: bool,
    /// What cargo says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    if has("--bench") {
        measure(&CommandLine::parse());
    } else if !has("--list") {
        // A test run only asks whether it works.
        measure(&CommandLine::parse_from(["packing", "--items=2000", "--rounds=1"]));
    }
}

fn measure(command: &CommandLine) {
    if command.alone {
        let packed = pack_alone(command);
        println!("{}", serde_json::to_string(&packed).unwrap());
        return;
    }
    println!("{} items in requests of {}:", command.items, command.request_items);
    let began = Instant::now();
    let mut measured: Vec<Vec<Packed>> = vec![Vec::new(); command.signals.len() * command.formats.len()];
    for round in 0..command.rounds {
        if round > 0 && began.elapsed() > Duration::from_mins(command.minutes) {
            println!("There was no time for more than {round} rounds.");
            break;
        }
        // Each format once a round, so that a busy minute of the machine does not meet one of them alone.
        let each =
            command.signals.iter().flat_map(|signal| command.formats.iter().map(move |of| (signal, of)));
        for ((signal, format), rounds) in each.zip(&mut measured) {
            rounds.push(pack_in_child(command, signal, format));
        }
    }
    for (signal, measured) in command.signals.iter().zip(measured.chunks(command.formats.len())) {
        print_table(signal, &command.formats, measured);
    }
}

/// Packs in this process.
fn pack_alone(command: &CommandLine) -> Packed {
    let (_, kind) = SIGNALS.into_iter().find(|(name, _)| *name == command.signals[0]).unwrap();
    let (_, format, compression) =
        SUBJECTS.into_iter().find(|(name, ..)| *name == command.formats[0]).unwrap();
    let (compression, level) = (Some(compression), command.level);
    let options = Options { format, compression, level, ..Options::default() };
    packed::pack(kind, &options, command.items, command.request_items)
}

/// Packs in a process of its own.
fn pack_in_child(command: &CommandLine, signal: &str, format: &str) -> Packed {
    let items = [format!("--items={}", command.items), format!("--request-items={}", command.request_items)];
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--bench", "--alone", "--signals", signal, "--formats", format])
        .args(items)
        .args(command.level.map(|level| format!("--level={level}")))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(child.status.success(), "packing {signal} as {format} failed: {}", child.status);
    serde_json::from_slice(&child.stdout).unwrap()
}

/// Prints the medians of all rounds, a line for each of `formats`.
fn print_table(signal: &str, formats: &[String], measured: &[Vec<Packed>]) {
    let first = SUBJECTS[0].0;
    let bytes = |rounds: &[Packed]| median(rounds, Packed::bytes_an_item);
    let of_first = formats.iter().position(|format| format == first).map(|place| bytes(&measured[place]));
    println!();
    println!("| {signal} | items/s | CPU s per 1 M | peak MiB | objects | bytes an item | of {first} |");
    println!("|---|--:|--:|--:|--:|--:|--:|");
    for (format, rounds) in formats.iter().zip(measured) {
        let share = of_first.map_or("?".to_owned(), |of_first| format!("{:.2}", bytes(rounds) / of_first));
        println!(
            "| {format} | {:.0} | {:.2} | {:.0} | {:.0} | {:.1} | {share} |",
            median(rounds, Packed::items_a_second),
            median(rounds, Packed::cpu_seconds_a_million),
            median(rounds, Packed::peak_mib),
            median(rounds, |packed| packed.objects),
            bytes(rounds),
        );
    }
    println!();
    println!("An item came as {:.0} bytes of OTLP.", median(&measured[0], Packed::received_bytes_an_item));
}

fn median(rounds: &[Packed], figure: impl Fn(&Packed) -> f64) -> f64 {
    let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
