//! Kills while a file of zeros is written that is to become a segment.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::arguments::Options;
use crate::support::program::{self, Program, Starting};
use crate::world::random::Random;

use super::Scenario;

const SEGMENT_BYTES: u64 = 64 << 20;
const SETTINGS: [(&str, &str); 2] =
    [("FOREBAY_LOG_SEGMENT_BYTES", "64MiB"), ("FOREBAY_LOG_FREE_SPACE_FLOOR", "0B")];
const KILLS: usize = 10;
/// A file that has not been begun by then never will be.
const AT_LAST: Duration = Duration::from_mins(2);

/// The files in the log's folder: names and lengths.
fn files(folder: &Path) -> Vec<(String, u64)> {
    let entries = std::fs::read_dir(program::data(folder).join("log")).into_iter().flatten();
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), length(&path)))
        .collect()
}

fn unfinished(files: &[(String, u64)]) -> usize {
    files.iter().filter(|(name, _)| Path::new(name).extension().is_some_and(|last| last == "new")).count()
}

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![Scenario::short(
        "kills_while_a_segment_is_written_in_advance_leave_nothing_that_grows",
        kills_while_a_segment_is_written_in_advance,
    )]
}

fn kills_while_a_segment_is_written_in_advance(options: &Options) {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::new(options.seed);
    let mut met = 0;
    for kill in 1..=KILLS {
        let starting = Starting::spawn(folder.path(), &SETTINGS);
        let began = Instant::now();
        // What the process before left unfinished is not what this one does: it must have changed.
        let before = files(folder.path());
        loop {
            let now = files(folder.path());
            if now != before && unfinished(&now) > 0 {
                break;
            }
            // A machine so fast that two were written in full needs no more.
            if now.len() > 2 {
                break;
            }
            assert!(began.elapsed() < AT_LAST, "no segment is prepared: {now:?}");
            std::thread::sleep(Duration::from_micros(300));
        }
        std::thread::sleep(Duration::from_micros(random.within(0, 5_000)));
        let said = starting.kill();
        assert_eq!(said.code, None, "{said:?}");
        let left = files(folder.path());
        met += unfinished(&left);
        assert!(unfinished(&left) <= 1, "after kill {kill}: {left:?}");
        let bytes: u64 = left.iter().map(|(_, bytes)| bytes).sum();
        assert!(bytes <= 3 * SEGMENT_BYTES, "after kill {kill}: {left:?}");
    }
    assert!(met >= KILLS / 2, "only {met} kills met an unfinished file");
    let said = Program::start(folder.path(), &SETTINGS).terminate();
    assert_eq!(said.code, Some(0), "{said:?}");
    let left = files(folder.path());
    assert_eq!(unfinished(&left), 0, "{left:?}");
    assert!(left.iter().all(|(_, bytes)| *bytes == SEGMENT_BYTES) && left.len() <= 3, "{left:?}");
}
