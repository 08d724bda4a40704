//! Times as they are written for others to read.

use jiff::Timestamp;

/// A time in nanoseconds since 1970: RFC 3339 in UTC, with six digits, which every reader takes for a time.
pub(super) fn written(nanoseconds: u64) -> String {
    moment(nanoseconds).strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// Reads what [`written`] wrote; nothing if it is no time since 1970.
pub(super) fn read(text: &str) -> Option<u64> {
    let moment: Timestamp = text.parse().ok()?;
    u64::try_from(moment.as_nanosecond()).ok()
}

/// A time in nanoseconds since 1970.
pub(super) fn moment(nanoseconds: u64) -> Timestamp {
    // The log's clock ends in the year 2554, jiff's in 9999.
    Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_utc_and_have_six_digits() {
        assert_eq!(written(1_787_393_472_123_456_789), "2026-08-22T10:11:12.123456Z");
        assert_eq!(written(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(read("2026-08-22T10:11:12.123456Z"), Some(1_787_393_472_123_456_000));
        assert!(read(&written(u64::MAX)).is_some(), "the last time there is");
        assert_eq!(read("yesterday"), None);
    }
}
