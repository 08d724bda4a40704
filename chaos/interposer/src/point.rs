//! The names of points: what is about to happen to which file.

use std::ops::Range;

/// The longest name; what is behind it is cut off.
const NAME_BYTES: usize = 192;

/// A point: what happens to which file, and where in it.
#[derive(Clone, Copy)]
pub struct Point {
    /// With `#` for numbers.
    general: Name,
    /// With the file's own name.
    exact: Name,
    /// The bytes that are read or written; all of them where that has no meaning.
    from: u64,
    to: u64,
}

impl Point {
    fn new(general: Name, exact: Name) -> Self {
        Self { general, exact, from: 0, to: u64::MAX }
    }

    /// The name that stands in the trace.
    pub fn as_bytes(&self) -> &[u8] {
        self.general.as_bytes()
    }

    /// This point with an operation behind it.
    pub fn with(self, operation: &str, when: &str) -> Self {
        let Self { general, exact, .. } = self;
        Self { general: general.with(operation, when), exact: exact.with(operation, when), ..self }
    }

    /// This point, of so many bytes at a place in the file.
    pub fn at(self, offset: i64, bytes: usize) -> Self {
        let from = u64::try_from(offset).unwrap_or(0);
        Self { from, to: from.saturating_add(bytes as u64), ..self }
    }

    /// Whether a pattern means it that is about these bytes of a file.
    pub fn is_meant(&self, pattern: &[u8], bytes: Range<u64>) -> bool {
        self.from < bytes.end
            && bytes.start < self.to
            && (is_met(pattern, self.general.as_bytes()) || is_met(pattern, self.exact.as_bytes()))
    }
}

/// A short text without a home on the heap.
#[derive(Clone, Copy)]
struct Name {
    bytes: [u8; NAME_BYTES],
    length: usize,
}

impl Name {
    const EMPTY: Self = Self { bytes: [0; NAME_BYTES], length: 0 };

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn push(&mut self, bytes: &[u8]) {
        let taken = bytes.len().min(NAME_BYTES - self.length);
        self.bytes[self.length..self.length + taken].copy_from_slice(&bytes[..taken]);
        self.length += taken;
    }

    /// This name with an operation behind it.
    fn with(mut self, operation: &str, when: &str) -> Self {
        for part in [operation, when] {
            self.push(b"/");
            self.push(part.as_bytes());
        }
        self
    }
}

/// The points of the file with this path below `root`; `None` if it is not there.
///
/// Files of the bucket, whose names are made of hashes and times, are all `bucket/object`; its folders are
/// `bucket/folder`. A file without a name is `FOLDER/unnamed`.
pub fn file(root: &[u8], path: &[u8], is_folder: bool) -> Option<Point> {
    let below = path.strip_prefix(root)?;
    let below = match below {
        [] => &b"."[..],
        [b'/', below @ ..] => below,
        _ => return None,
    };
    let (mut name, mut exact) = (Name::EMPTY, Name::EMPTY);
    exact.push(below);
    if below.starts_with(b"bucket") {
        name.push(if is_folder { b"bucket/folder" } else { b"bucket/object" });
        return Some(Point::new(name, exact));
    }
    let (folder, last) = match below.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&below[..=slash], &below[slash + 1..]),
        None => (&below[..0], below),
    };
    name.push(folder);
    // The system shows a file without a name as `#INODE (deleted)`.
    if last.ends_with(b" (deleted)") {
        name.push(b"unnamed");
        return Some(Point::new(name, exact));
    }
    let mut is_number = false;
    for byte in last {
        // sled names its snapshots by sixteen hexadecimal digits, the first of which are zeros.
        let is_digit = byte.is_ascii_digit() || is_number && matches!(byte, b'A'..=b'F');
        match (is_digit, is_number) {
            (true, false) => name.push(b"#"),
            (true, true) => {}
            (false, _) => name.push(&[*byte]),
        }
        is_number = is_digit;
    }
    Some(Point::new(name, exact))
}

/// Whether a pattern, in which `*` stands for anything, is met.
fn is_met(pattern: &[u8], name: &[u8]) -> bool {
    match pattern {
        [] => name.is_empty(),
        [b'*', rest @ ..] => (0..=name.len()).any(|from| is_met(rest, &name[from..])),
        [first, rest @ ..] => name.first() == Some(first) && is_met(rest, &name[1..]),
    }
}
