//! Notices when a record costs more than it did: counts the instructions that the stages take for the same work as ever,
//! and compares them with a table.
//!
//! ```text
//! cargo run --release -p forebay-instructions               compares with benches/instructions/table.tsv
//! cargo run --release -p forebay-instructions -- --write    renews it
//! ```
//!
//! A case that takes more than 1.2 times its figure fails. One that takes less than 0.8 times its figure says that the table
//! wants to be renewed, so that what was won is kept. Instructions are no time: what memory, disk and system calls take is
//! not seen. But they are the same on a busy machine, to within one in a hundred, where time is off by a third.
//!
//! The table is one of the release profile of Cargo.toml, of x86-64, and of the tools in its head. Another compiler or C
//! library, or a processor of which Valgrind shows less than AVX2, counts otherwise; then a table of one's own is written
//! before a change and compared after it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement fails by panicking"
)]

mod callgrind;
#[allow(dead_code, reason = "a case has no use for the names of files")]
#[path = "../../tests/support/captured.rs"]
mod captured;
mod cases;
#[path = "../support/client.rs"]
mod client;
#[path = "../support/receiver.rs"]
mod receiver;
#[path = "../support/storage.rs"]
mod storage;
mod table;
#[path = "../support/telemetry.rs"]
mod telemetry;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread::{available_parallelism, scope};

use clap::Parser;
use tikv_jemallocator::Jemalloc;

use callgrind::Counted;
use cases::Case;
use table::{Table, Verdict};

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Counts the instructions that the stages take, and compares them with a table.
#[derive(Parser)]
#[command(name = "forebay-instructions", bin_name = "cargo run --release -p forebay-instructions --")]
struct CommandLine {
    /// Counts only cases whose names contain this
    #[arg(default_value = "")]
    part: String,
    /// Writes what was counted into the table
    #[arg(long)]
    write: bool,
    /// Does the work of one case, without counting
    #[arg(long, hide = true, requires = "folder")]
    run: Option<String>,
    /// Where that lies which the case works on
    #[arg(long, hide = true)]
    folder: Option<PathBuf>,
}

fn main() -> ExitCode {
    let command = CommandLine::parse();
    if let (Some(name), Some(folder)) = (&command.run, &command.folder) {
        let case = cases::all().find(|case| case.name == name).expect("a case has this name");
        println!("{}", case.run(folder));
        return ExitCode::SUCCESS;
    }
    if cfg!(debug_assertions) {
        eprintln!("The table is one of the release profile: cargo run --release -p forebay-instructions");
        return ExitCode::FAILURE;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("table.tsv");
    let table = Table::parse(&fs::read_to_string(&path).unwrap_or_default()).unwrap();
    let counted = count_all(&command.part);
    let tools = callgrind::tools();
    let is_good = report(&table, &counted, &tools);
    if command.write {
        let mut table = Table { tools, ..table };
        table.figures.retain(|name, _| cases::all().any(|case| case.name == name));
        table.figures.extend(counted.iter().map(|(name, counted)| ((*name).to_owned(), counted.per_item())));
        fs::write(&path, table.write()).unwrap();
        println!("\nThe table was renewed.");
        return ExitCode::SUCCESS;
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Counts the cases whose names contain `part`, as many at once as there are processors.
fn count_all(part: &str) -> BTreeMap<&'static str, Counted> {
    let folder = std::env::current_exe().unwrap().with_extension(std::process::id().to_string());
    let cases: Vec<Case> = cases::all().filter(|case| case.name.contains(part)).collect();
    let (left, counted) = (Mutex::new(cases), Mutex::new(BTreeMap::new()));
    let next = || left.lock().unwrap().pop();
    scope(|scope| {
        for _ in 0..available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(case) = next() {
                    let count = callgrind::count(&case, &folder);
                    counted.lock().unwrap().insert(case.name, count);
                }
            });
        }
    });
    fs::remove_dir_all(&folder).unwrap();
    counted.into_inner().unwrap()
}

/// Prints every count beside the table's, and what follows from it. Returns whether nothing became dearer.
fn report(table: &Table, counted: &BTreeMap<&'static str, Counted>, tools: &str) -> bool {
    println!("{:<28} {:>12} {:>12} {:>7}", "instructions per item", "now", "table", "times");
    let (mut is_good, mut is_stale) = (true, false);
    for (name, counted) in counted {
        let now = counted.per_item();
        let (verdict, times) = table.verdict(name, now);
        let remark = match verdict {
            Verdict::AsBefore => "",
            Verdict::Dearer => "  DEARER by more than a fifth",
            Verdict::Cheaper => "  cheaper by more than a fifth",
            Verdict::New => "  not in the table",
        };
        is_good &= matches!(verdict, Verdict::AsBefore | Verdict::Cheaper);
        is_stale |= verdict != Verdict::AsBefore;
        let figure = table.figures.get(*name).copied().unwrap_or(f64::NAN);
        println!("{name:<28} {now:>12.1} {figure:>12.1} {times:>7.2}{remark}");
    }
    println!("\ncounted with {tools}");
    if tools != table.tools {
        println!("the table with {}", table.tools);
    }
    if is_stale {
        println!(
            "What is right now becomes the table with: cargo run --release -p forebay-instructions -- --write"
        );
    }
    is_good
}
