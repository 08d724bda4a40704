//! forebay's receiver with the log switched off: what receiving costs before a byte is kept, the floor under every figure
//! of durable intake.
//!
//! `cargo bench --bench floor -- --serve` listens on free ports of the loopback, prints them as `floor GRPC HTTP`, answers
//! OK to every valid request and keeps nothing, until it is killed or its standard input ends. `benches/compare` starts it
//! beside the other subjects. Runtime, metrics and settings are those of the real program, so that nothing but the log is
//! missing.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement fails by panicking")]

use std::io::Read as _;
use std::time::Duration;

use clap::Parser;
use forebay::admin::Recorder;
use forebay::receive::{Export, Intake, Listeners, Options, Receiver, Refusal};
use tikv_jemallocator::Jemalloc;
use tokio::sync::oneshot;
use tokio::time::Instant;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Receives OTLP and discards it.
#[derive(Parser)]
#[command(name = "floor", bin_name = "cargo bench --bench floor --")]
struct CommandLine {
    /// Serves until standard input ends; otherwise it only shows that it can start and stop
    #[arg(long)]
    serve: bool,
    /// What cargo says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// Forgets what it is given, and says that all is well.
#[derive(Clone, Copy, Debug)]
struct Discard;

impl Intake for Discard {
    type Durable = ();

    async fn store(&self, export: Export, _: Instant) -> Result<(), Refusal> {
        drop(export);
        Ok(())
    }
}

/// As the admin server of the real program does.
async fn keep_tidy(recorder: Recorder) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        recorder.tidy();
    }
}

fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        // A test run asks for names, and there are none.
        return;
    }
    let command = CommandLine::parse();
    let recorder = Recorder::install().expect("no other recorder is there");
    let runtime = forebay::cli::server_runtime().expect("the system gives threads");
    let (stop, stopped) = oneshot::channel();
    if command.serve {
        std::thread::spawn(move || {
            // It ends with whoever started it, even if that one was killed.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            let _ = stop.send(());
        });
    } else {
        drop(stop);
    }
    runtime.block_on(async {
        tokio::spawn(keep_tidy(recorder));
        let anywhere = || "127.0.0.1:0".to_owned();
        let options = Options { grpc: anywhere(), http: anywhere(), ..Options::default() };
        let listeners = Listeners::bind(&options).await.expect("the loopback has free ports");
        let address = |name| listeners.tcp_address(name).expect("it was bound");
        println!("floor {} {}", address("grpc"), address("http"));
        let receiver = Receiver::new(options, listeners, Discard).expect("the settings are right");
        let shutdown = async {
            // Dropped or sent: both mean the end.
            let _ = stopped.await;
        };
        receiver.run(shutdown).await;
    });
}
