//! `forebay load`: make load, and say what became of it.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Runtime;

use super::arguments::{Load, LoadFormat};
use crate::load::{self, Bound, Latency, Options, Report, Server};
use crate::words::{bytes, count, table};

/// Makes the load, and says what became of it.
pub(super) fn run(arguments: &Load) -> anyhow::Result<ExitCode> {
    let options = options(arguments);
    super::allow_open_files();
    let report = runtime(arguments.threads)?.block_on(load::run(&options))?;
    super::print(&match arguments.format {
        LoadFormat::Text => told(&options, &report),
        LoadFormat::Json => serde_json::to_string(&report)? + "\n",
    })?;
    Ok(if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn options(arguments: &Load) -> Options {
    let default = Options::default();
    let bound = match (arguments.requests, arguments.duration) {
        (Some(requests), _) => Bound::Requests(requests),
        (None, Some(duration)) => Bound::Duration(duration.duration()),
        (None, None) => default.bound,
    };
    Options {
        to: arguments.to.clone(),
        protocol: arguments.protocol,
        shape: arguments.shape,
        records: arguments.records,
        record_bytes: arguments.record_bytes,
        compression: arguments.compression,
        connections: arguments.connections,
        in_flight: arguments.in_flight,
        bound,
        rate: arguments.rate,
        process: arguments.pid,
        timeout: arguments.timeout.duration(),
    }
}

/// One thread does all, unless more are asked for: then nothing has to be handed from one to another.
fn runtime(threads: u16) -> anyhow::Result<Runtime> {
    if threads == 1 {
        return super::runtime();
    }
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.into())
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

/// The report for people.
fn told(options: &Options, report: &Report) -> String {
    let requests = report.requests;
    let loop_of = match options.rate {
        Some(rate) => format!("{} requests/s", count(rate.into())),
        None => "as fast as it answers".to_owned(),
    };
    let mut rows = vec![
        row(
            "requests",
            format!(
                "{} sent, {} acknowledged, {} refused, {} failed",
                count(requests.sent),
                count(requests.acknowledged),
                count(requests.refused),
                count(requests.failed)
            ),
        ),
        row(
            "acknowledged",
            format!("{} items, {} in {:.2} s", count(report.items), bytes(report.bytes), report.seconds),
        ),
        row(
            "a second",
            format!(
                "{} requests, {} items, {}",
                count(whole(report.requests_per_second)),
                count(whole(report.items_per_second)),
                bytes(whole(report.bytes_per_second))
            ),
        ),
        row("latency", latency(report.latency_ms)),
    ];
    rows.extend(report.server.map(|server| row("server", used(&server))));
    rows.push(row("client", format!("{:.2} s of processor time", report.client.cpu_seconds)));
    rows.extend(report.first_refusal.iter().map(|why| row("refused", why.clone())));
    rows.extend(report.first_failure.iter().map(|why| row("failed", why.clone())));
    format!(
        "to {} ({}): {} over {} connections, {} at once, {loop_of}\n{}",
        options.to,
        options.protocol,
        options.shape,
        options.connections,
        options.in_flight(),
        table(&rows)
    )
}

fn row(name: &str, value: String) -> Vec<String> {
    vec![name.to_owned(), value]
}

fn latency(latency: Latency) -> String {
    let Latency { p50, p90, p99, p999, max } = latency;
    format!("p50 {p50:.2} ms, p90 {p90:.2} ms, p99 {p99:.2} ms, p99.9 {p999:.2} ms, at most {max:.2} ms")
}

fn used(server: &Server) -> String {
    format!(
        "{:.2} s of processor time ({:.2} user, {:.2} system), {} of memory, {} at its peak",
        server.user_seconds + server.system_seconds,
        server.user_seconds,
        server.system_seconds,
        bytes(server.rss_bytes),
        bytes(server.peak_rss_bytes)
    )
}

/// A rate without what is behind the point.
fn whole(rate: f64) -> u64 {
    // By way of Duration, which knows the range.
    Duration::try_from_secs_f64(rate.max(0.0)).map_or(u64::MAX, |rate| rate.as_secs())
}
