//! The requests that a real Claude Code sent, from `tests/data/claude-code`.

use std::io::Read as _;
use std::path::Path;

use forebay::otlp::Signal;
use serde::Deserialize;

/// Where they lie in forebay's repository.
const FOLDER: &str = "tests/data/claude-code";

/// One captured request.
pub(crate) struct Captured {
    /// Its file, for messages of tests that fail.
    pub(crate) file: String,
    /// The signal it was sent for.
    pub(crate) signal: Signal,
    /// Whether it is OTLP/JSON; otherwise it is protobuf.
    pub(crate) is_json: bool,
    /// How many items it holds, as whoever captured it counted them.
    pub(crate) items: u32,
    /// Its body, decompressed.
    pub(crate) body: Vec<u8>,
}

/// A line of the manifest.
#[derive(Deserialize)]
struct Line {
    file: String,
    signal: String,
    content_type: String,
    items: u32,
}

/// Every captured request, in the order of the manifest.
pub(crate) fn all() -> Vec<Captured> {
    // Another package may lie in a folder of this one.
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let folder =
        folders.find_map(|folder| Some(folder.join(FOLDER)).filter(|folder| folder.is_dir())).unwrap();
    let manifest = std::fs::read_to_string(folder.join("manifest.jsonl")).unwrap();
    let captured: Vec<_> = manifest.lines().map(|line| read(&folder, line)).collect();
    assert!(captured.len() > 80, "the captured requests are there");
    captured
}

/// The request that a line of the manifest names.
fn read(folder: &Path, line: &str) -> Captured {
    let line: Line = serde_json::from_str(line).unwrap();
    let sent = std::fs::read(folder.join(&line.file)).unwrap();
    let mut body = Vec::new();
    if Path::new(&line.file).extension().is_some_and(|suffix| suffix == "gz") {
        flate2::read::GzDecoder::new(&*sent).read_to_end(&mut body).unwrap();
    } else {
        body = sent;
    }
    let signal = Signal::ALL.into_iter().find(|signal| signal.name() == line.signal).unwrap();
    Captured {
        file: line.file,
        signal,
        is_json: line.content_type == "application/json",
        items: line.items,
        body,
    }
}
