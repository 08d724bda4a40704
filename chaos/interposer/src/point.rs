//! The names of points: what is about to happen to which file.

/// The longest name; what is behind it is cut off.
const NAME_BYTES: usize = 192;

/// A short text without a home on the heap.
#[derive(Clone, Copy)]
pub struct Name {
    bytes: [u8; NAME_BYTES],
    length: usize,
}

impl Name {
    const EMPTY: Self = Self { bytes: [0; NAME_BYTES], length: 0 };

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn push(&mut self, bytes: &[u8]) {
        let taken = bytes.len().min(NAME_BYTES - self.length);
        self.bytes[self.length..self.length + taken].copy_from_slice(&bytes[..taken]);
        self.length += taken;
    }

    /// This name with an operation behind it.
    pub fn with(mut self, operation: &str, when: &str) -> Self {
        for part in [operation, when] {
            self.push(b"/");
            self.push(part.as_bytes());
        }
        self
    }
}

/// The name of the file with this path below `root`; `None` if it is not there.
///
/// Files of the bucket, whose names are made of hashes and times, are all `bucket/object`; its folders are
/// `bucket/folder`. A file without a name is `FOLDER/unnamed`.
pub fn file(root: &[u8], path: &[u8], is_folder: bool) -> Option<Name> {
    let below = path.strip_prefix(root)?;
    let below = match below {
        [] => &b"."[..],
        [b'/', below @ ..] => below,
        _ => return None,
    };
    let mut name = Name::EMPTY;
    if below.starts_with(b"bucket") {
        name.push(if is_folder { b"bucket/folder" } else { b"bucket/object" });
        return Some(name);
    }
    let (folder, last) = match below.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&below[..=slash], &below[slash + 1..]),
        None => (&below[..0], below),
    };
    name.push(folder);
    // The system shows a file without a name as `#INODE (deleted)`.
    if last.ends_with(b" (deleted)") {
        name.push(b"unnamed");
        return Some(name);
    }
    let mut is_number = false;
    for byte in last {
        if byte.is_ascii_digit() {
            if !is_number {
                name.push(b"#");
            }
            is_number = true;
        } else {
            name.push(&[*byte]);
            is_number = false;
        }
    }
    Some(name)
}

/// Whether a pattern, in which `*` stands for anything, is met.
pub fn is_met(pattern: &[u8], name: &[u8]) -> bool {
    match pattern {
        [] => name.is_empty(),
        [b'*', rest @ ..] => (0..=name.len()).any(|from| is_met(rest, &name[from..])),
        [first, rest @ ..] => name.first() == Some(first) && is_met(rest, &name[1..]),
    }
}
