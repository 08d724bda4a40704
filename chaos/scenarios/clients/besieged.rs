//! A program that some clients abuse while others send as they should, and what must hold of it.

use std::sync::Arc;
use std::time::Duration;

use crate::support::program::Program;
use crate::world::clients::Life;
use crate::world::ledger::Ledger;
use crate::world::scene::{Found, Scene};
use crate::world::witness::Witness;

const MIB: u64 = 1 << 20;

/// Exports of those that keep to the rules, before and after the others are there.
const EXPORTS: usize = 60;

/// Memory that is nobody's request: what the allocator keeps, the log, packing and delivery at work.
const BESIDE_REQUESTS: u64 = 32 * MIB;

/// What a connection may hold before its requests are admitted: over HTTP/1.1 a head and as much read in advance, over
/// HTTP/2 the window of the connection, and what its calls are made of.
const OVER_HTTP1: u64 = 192 << 10;
const OVER_HTTP2: u64 = 5 * MIB;

/// The settings that bound memory, and how many connections there are at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) max_request_mib: u64,
    pub(super) max_inflight_mib: u64,
    pub(super) http1: u64,
    pub(super) http2: u64,
}

impl Default for Bounds {
    /// Small limits, so that what exceeds them shows.
    fn default() -> Self {
        Self { max_request_mib: 1, max_inflight_mib: 16, http1: 100, http2: 4 }
    }
}

impl Bounds {
    fn bytes(self) -> u64 {
        self.max_inflight_mib * MIB + self.http1 * OVER_HTTP1 + self.http2 * OVER_HTTP2 + BESIDE_REQUESTS
    }
}

/// Where clients do what they do.
#[derive(Clone)]
pub(super) struct Besieged {
    pub(super) life: Life,
    pub(super) ledger: Arc<Ledger>,
    /// The program's process, by its number.
    pub(super) process: i32,
}

/// Has clients `attack` a program with these bounds and settings, and finds everything in order then.
pub(super) fn besieged(
    bounds: Bounds,
    settings: &[(&str, &str)],
    attack: impl AsyncFnOnce(&Besieged),
) -> Found {
    allow_many_files();
    let mut scene = Scene::with_folder();
    for (key, mebibytes) in [
        ("FOREBAY_RECEIVE_MAX_REQUEST_BYTES", bounds.max_request_mib),
        ("FOREBAY_RECEIVE_MAX_INFLIGHT_BYTES", bounds.max_inflight_mib),
    ] {
        scene.set(key, &format!("{mebibytes}MiB"));
    }
    for (key, value) in settings {
        scene.set(key, value);
    }
    let program = scene.start();
    let at_rest = peak_memory(&program);
    let life = scene.life(&program);
    let process = program.id().as_raw_nonzero().get();
    let besieged = Besieged { life, ledger: Arc::clone(&scene.ledger), process };
    let (calm, meanwhile) = scene.runtime().block_on(async {
        let mut witness = Witness::begin(&scene.ledger, life);
        // The first ones wait for connections, and for the first segment.
        witness.latencies(EXPORTS / 3).await;
        let calm = witness.latencies(EXPORTS).await;
        attack(&besieged).await;
        let meanwhile = witness.latencies(EXPORTS).await;
        witness.end().await;
        (calm, meanwhile)
    });
    scene.send(&program, 3);
    let grown = peak_memory(&program) - at_rest;
    assert!(grown <= bounds.bytes(), "{} MiB were used, and {bounds:?}", grown / MIB);
    let said = program.terminate();
    assert_eq!(said.code, Some(0), "{said:?}");
    for word in ["panicked", " ERROR "] {
        assert!(!said.stderr.contains(word), "{}", said.stderr);
    }
    let (before, during) = (percentile_99(&calm), percentile_99(&meanwhile));
    // A call may be held until there is memory for it, and a machine may do much else.
    let allowed = 10 * before + Duration::from_secs(20);
    assert!(
        during <= allowed,
        "one in a hundred waited {during:?}, and {before:?} when nothing else went on"
    );
    println!(
        "acknowledged after {before:?} before and {during:?} meanwhile (99 of 100 of {}); memory grew by {} of {} MiB",
        meanwhile.len(),
        grown / MIB,
        bounds.bytes() / MIB
    );
    scene.settle()
}

fn percentile_99(latencies: &[Duration]) -> Duration {
    latencies[latencies.len() * 99 / 100]
}

/// The most resident memory that a process ever had.
fn peak_memory(program: &Program) -> u64 {
    let path = format!("/proc/{}/status", program.id().as_raw_nonzero());
    let status = std::fs::read_to_string(path).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}

/// Each connection is an open file here too.
fn allow_many_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit }).unwrap();
}
