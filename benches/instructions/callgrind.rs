//! Counts instructions with Valgrind's tool callgrind.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::cases::Case;

/// The instructions that a case takes, and its items.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Counted {
    pub(crate) instructions: u64,
    pub(crate) items: u64,
}

impl Counted {
    #[expect(clippy::cast_precision_loss, reason = "a quotient of it is rounded anyway")]
    pub(crate) fn per_item(self) -> f64 {
        self.instructions as f64 / self.items as f64
    }
}

/// Runs a case in a process of its own, in a folder that is gone afterwards.
///
/// # Panics
/// When that fails: there is no count then.
pub(crate) fn count(case: &Case, folder: &Path) -> Counted {
    let folder = folder.join(case.name.replace('/', "-"));
    fs::create_dir_all(&folder).unwrap();
    let profile = folder.join("callgrind.out");
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--zero-before=*counted_work", "--dump-after=*counted_work"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(std::env::current_exe().unwrap())
        .args(["--run", case.name, "--folder"])
        .arg(&folder)
        .output()
        .expect("valgrind can be started");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{} failed under Valgrind: {}\n{said}", case.name, run.status);
    let items = String::from_utf8_lossy(&run.stdout).trim().parse().unwrap();
    // The dump of the moment at which the work was done; what follows is in another one.
    let profile = fs::read_to_string(profile.with_extension("out.1")).expect("the work has a name");
    let instructions = totals(&profile).unwrap_or_else(|| panic!("a profile without total:\n{said}"));
    fs::remove_dir_all(&folder).unwrap();
    Counted { instructions, items }
}

/// The instructions in a profile (<https://valgrind.org/docs/manual/cl-format.html>).
fn totals(profile: &str) -> Option<u64> {
    profile.lines().find_map(|line| line.strip_prefix("totals:"))?.trim().parse().ok()
}

/// Valgrind and Rust as they call themselves: other ones may count otherwise.
pub(crate) fn tools() -> String {
    [("rustc", "--version"), ("valgrind", "--version"), ("getconf", "GNU_LIBC_VERSION")]
        .map(|(program, argument)| {
            let said = Command::new(program).arg(argument).output().ok();
            let said = said.and_then(|said| String::from_utf8(said.stdout).ok()).unwrap_or_default();
            if said.trim().is_empty() { format!("{program} unknown") } else { said.trim().to_owned() }
        })
        .join(", ")
}
