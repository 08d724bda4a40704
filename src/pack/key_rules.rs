//! What a key must not be, so that every store takes it and every reader finds it.
//!
//! Unless they say otherwise, the functions return the half of a sentence that follows the setting and its value.

use super::key::GAP;

/// S3's limit for a key.
const KEY_BYTES_MAX: usize = 1024;
/// The limit of file systems for a name.
const NAME_BYTES_MAX: usize = 255;

/// Characters that all stores, file systems and URLs take as they are: those that S3's documentation calls safe, without
/// `*` (which readers take for a pattern), and `=`.
fn is_safe(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.!'()=/".contains(c)
}

/// The path without empty parts and `.`, as the OpenTelemetry Collector cleans it.
pub(super) fn clean(path: &str) -> Result<String, String> {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err("it must not contain `..`".into());
    }
    Ok(parts.join("/"))
}

/// Checks the name of the folders for what is too many.
///
/// # Errors
/// A sentence that names the setting, its value and what it must be.
pub(super) fn check_overflow(prefix: &str) -> Result<(), String> {
    let is_right = (1..=64).contains(&prefix.len())
        && prefix.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
        && prefix.split('/').all(|folder| folder.starts_with(|c: char| c.is_ascii_alphanumeric()));
    if is_right {
        return Ok(());
    }
    Err(format!(
        "objects.overflow_prefix is `{prefix}`; it must be 1 to 64 letters, digits, `-`, `_`, `.` and `/`, with a letter or a \
         digit at the beginning of each folder"
    ))
}

/// Checks a path without times and placeholders.
pub(super) fn check_name(path: &str) -> Result<(), String> {
    if let Some(c) = path.chars().find(|c| !is_safe(*c)) {
        return Err(format!(
            "`{}` is not safe in object names and URLs: use letters, digits and `- _ . ! ' ( ) = /`",
            c.escape_default()
        ));
    }
    match path.split('/').find(|part| part.starts_with(['_', '.'])) {
        Some(part) => Err(format!("readers pass over names that begin with `_` or `.`, such as `{part}`")),
        None => Ok(()),
    }
}

/// Checks the last name of a key, with the gap for its unique part.
pub(super) fn check_file_name(name: &str) -> Result<(), String> {
    if !name.contains(GAP) {
        return Err(
            "`{unique}` must stand behind the last `/`: every object would get a folder of its own".into()
        );
    }
    if name.contains('=') {
        return Err("some readers make a column of a file name with `=`: keep `=` to folders".into());
    }
    Ok(())
}

/// Checks the folders of a key: each name before a `=` may be there once, for it becomes a column.
pub(super) fn check_folders(folders: &str) -> Result<(), String> {
    let mut names: Vec<&str> =
        folders.split('/').filter_map(|folder| Some(folder.split_once('=')?.0)).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            Err(format!("two folders begin with `{}=`, and readers make one column of them", pair[0]))
        }
        None => Ok(()),
    }
}

/// Checks the longest key that can come about.
pub(super) fn check_length(key: &str) -> Result<(), String> {
    if key.len() > KEY_BYTES_MAX {
        return Err(format!(
            "with the prefix keys get up to {} bytes long, and stores take at most {KEY_BYTES_MAX}",
            key.len()
        ));
    }
    match key.split('/').find(|part| part.len() > NAME_BYTES_MAX) {
        Some(part) => Err(format!(
            "a name between two `/` gets up to {} bytes long, and file systems take at most {NAME_BYTES_MAX}",
            part.len()
        )),
        None => Ok(()),
    }
}

/// Two times within one minute that differ in everything below it.
const WITHIN_A_MINUTE: [u64; 2] = [1_787_393_472_123_456_789, 1_787_393_473_987_654_321];

/// Checks one conversion of strftime, which `render` applies to a time.
pub(super) fn check_time_conversion(
    conversion: &str,
    render: impl Fn(u64) -> Result<String, jiff::Error>,
) -> Result<(), String> {
    let [one, other] = WITHIN_A_MINUTE.map(&render);
    let rendered = [one, render(0), render(u64::MAX)].into_iter().collect::<Result<Vec<_>, _>>();
    let rendered =
        rendered.map_err(|error| format!("`{conversion}` is no conversion that can be used: {error}"))?;
    if other.is_ok_and(|other| rendered.first() != Some(&other)) {
        return Err(format!(
            "`{conversion}` changes within a minute, and an object never spans two keys: there would be an object for \
             nearly every export"
        ));
    }
    match rendered.iter().flat_map(|text| text.chars()).find(|c| !is_safe(*c)) {
        Some(c) => {
            Err(format!("`{conversion}` gives `{}`, which is not safe in object names", c.escape_default()))
        }
        None => Ok(()),
    }
}
