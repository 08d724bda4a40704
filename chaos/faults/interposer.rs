//! Commands the library that stands between the program and its files and clock; see `chaos/interposer`.
//!
//! It works by `LD_PRELOAD` on the binary as it is. What it can do is limited to what goes through the C library, which
//! is everything: the program's own file operations and those of its ledger's database.

#[path = "../interposer/src/control.rs"]
#[allow(dead_code, unreachable_pub, reason = "the library uses the rest")]
mod control;

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use control::{action, rule};

/// What is to happen at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The process is killed.
    Kill,
    /// The operation fails.
    Fail(Error),
    /// The operation is late.
    Delay(Duration),
    /// A sync fails, and what it should have written is gone.
    Lose(Error),
    /// A write fails half-way.
    Tear(Error),
}

/// Linux's numbers of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    InputOutput = 5,
    NoSpace = 28,
    ReadOnly = 30,
}

/// Which times a point is met, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl Times {
    pub(crate) const ALWAYS: Self = Self { from: 1, to: u64::MAX };

    pub(crate) const fn once(nth: u64) -> Self {
        Self { from: nth, to: nth }
    }

    /// The first so many.
    pub(crate) const fn to(nth: u64) -> Self {
        Self { from: 1, to: nth }
    }

    /// Whether the `nth` time is one of them.
    pub(crate) const fn has(self, nth: u64) -> bool {
        self.from <= nth && nth <= self.to
    }
}

/// The commands for the processes that are given its [`Interposer::environment`].
#[derive(Debug)]
pub(crate) struct Interposer {
    /// Holds the control file and the trace.
    folder: TempDir,
    control: File,
    variables: Vec<(&'static str, String)>,
}

/// A rule that is in force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule(usize);

impl Interposer {
    /// For processes whose data folder is `root`.
    pub(crate) fn new(root: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        let control = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        control.set_len(control::BYTES as u64).unwrap();
        control.write_all_at(&control::MAGIC.to_ne_bytes(), 0).unwrap();
        // As the system names what is behind an open file.
        let root = std::path::absolute(root).unwrap();
        let root = root.parent().unwrap().canonicalize().unwrap().join(root.file_name().unwrap());
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let variables = vec![
            ("LD_PRELOAD", text(library())),
            (control::CONTROL_VARIABLE, text(&path)),
            (control::ROOT_VARIABLE, text(&root)),
            (control::TRACE_VARIABLE, text(&folder.path().join("trace"))),
        ];
        Self { folder, control, variables }
    }

    /// The variables with which a process obeys.
    pub(crate) fn environment(&self) -> Vec<(&str, &str)> {
        self.variables.iter().map(|(key, value)| (*key, value.as_str())).collect()
    }

    /// Has something happen at the points of this pattern, such as `log/#.segment/fdatasync/before`; `*` is anything.
    pub(crate) fn rule(&self, pattern: &str, times: Times, action: Action) -> Rule {
        self.rule_about(pattern, 0..u64::MAX, times, action)
    }

    /// As [`Interposer::rule`], where the reads and writes that are meant touch these bytes of the file.
    pub(crate) fn rule_about(&self, pattern: &str, bytes: Range<u64>, times: Times, action: Action) -> Rule {
        assert!(pattern.len() < rule::PATTERN_BYTES, "{pattern} is too long");
        let at = (0..control::RULE_COUNT)
            .map(|index| control::RULES + index * control::RULE_BYTES)
            .find(|at| self.number(at + rule::IS_ARMED) == 0)
            .expect("a rule is free");
        let (action, argument) = match action {
            Action::Kill => (action::KILL, 0),
            Action::Fail(error) => (action::FAIL, error as u64),
            Action::Delay(wait) => (action::DELAY, u64::try_from(wait.as_millis()).unwrap()),
            Action::Lose(error) => (action::LOSE, error as u64),
            Action::Tear(error) => (action::TEAR, error as u64),
        };
        let mut text = [0; rule::PATTERN_BYTES];
        text[..pattern.len()].copy_from_slice(pattern.as_bytes());
        self.control.write_all_at(&text, (at + rule::PATTERN) as u64).unwrap();
        let fields = [
            (rule::ACTION, action),
            (rule::ARGUMENT, argument),
            (rule::FROM, times.from),
            (rule::TO, times.to),
            (rule::MET, 0),
            (rule::BYTES_FROM, bytes.start),
            (rule::BYTES_TO, bytes.end),
            (rule::IS_ARMED, 1),
        ];
        for (field, value) in fields {
            self.set(at + field, value);
        }
        Rule(at)
    }

    /// Ends all rules.
    pub(crate) fn heal(&self) {
        for index in 0..control::RULE_COUNT {
            self.set(control::RULES + index * control::RULE_BYTES + rule::IS_ARMED, 0);
        }
    }

    /// How often a point of the rule's pattern was met.
    pub(crate) fn met(&self, rule: Rule) -> u64 {
        self.number(rule.0 + rule::MET)
    }

    /// Waits until points of the rule's pattern were met so often; `false` if they never are.
    pub(crate) fn wait_until_met(&self, rule: Rule, times: u64, patience: Duration) -> bool {
        let began = Instant::now();
        while self.met(rule) < times {
            if began.elapsed() > patience {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// Has the clock be wrong by so many seconds.
    pub(crate) fn set_clock(&self, seconds: i64) {
        let nanoseconds = seconds.checked_mul(1_000_000_000).unwrap();
        self.control.write_all_at(&nanoseconds.to_ne_bytes(), control::CLOCK as u64).unwrap();
    }

    /// Begins to note every point.
    pub(crate) fn trace(&self) {
        self.set(control::TRACING, 1);
    }

    /// The points that were met since [`Interposer::trace`], in their order.
    pub(crate) fn traced(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("trace")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn number(&self, at: usize) -> u64 {
        let mut bytes = [0; 8];
        self.control.read_exact_at(&mut bytes, at as u64).unwrap();
        u64::from_ne_bytes(bytes)
    }

    fn set(&self, at: usize, number: u64) {
        self.control.write_all_at(&number.to_ne_bytes(), at as u64).unwrap();
    }
}

/// The library, built once by the cargo that runs this.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("chaos/interposer");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interposer");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--release", "--offline", "--locked", "--manifest-path"])
            .arg(package.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&target)
            // The flags of coverage and sanitizers are not meant for it.
            .env_remove("RUSTFLAGS")
            .output()
            .unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        target.join("release/libinterposer.so")
    })
}
