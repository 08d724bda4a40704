//! Spans of time as Go writes them: `1h30m`, `1.5s`, `500ms`.

use std::time::Duration;

use crate::units::Span;

/// Units, each with its nanoseconds.
const UNITS: [(&str, f64); 8] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

/// The longest span that is read: 1000 years.
const NANOSECONDS_MAX: f64 = 1e9 * 31_557_600_000.0;

/// Reads a span that is not negative. A bare number is in nanoseconds, as the Collector takes it.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if let Ok(nanoseconds) = rest.parse() {
        return Some(Duration::from_nanos(nanoseconds));
    }
    let mut nanoseconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == &rest[..letters])?;
        nanoseconds += number * unit;
        rest = &rest[letters..];
    }
    (!text.trim().is_empty() && nanoseconds <= NANOSECONDS_MAX)
        .then(|| Duration::from_secs_f64(nanoseconds / 1e9))
}

/// The span as forebay writes it, in whole milliseconds, at least one unless it is none at all.
pub(super) fn written(duration: Duration) -> String {
    let least = Duration::from_millis(u64::from(!duration.is_zero()));
    Span(duration.max(least)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_go_are_read_and_written_as_forebay_does() {
        for (text, is) in [
            ("1h30m", Some("90m")),
            ("1.5s", Some("1500ms")),
            ("500ms", Some("500ms")),
            ("20us", Some("1ms")),
            ("0s", Some("0s")),
            ("0", Some("0s")),
            ("5000000000", Some("5s")),
            ("24h", Some("1d")),
            ("5 s", None),
            ("-5s", None),
            ("5d", None),
            ("s", None),
            ("", None),
            ("99999999999h", None),
        ] {
            assert_eq!(parse(text).map(written).as_deref(), is, "{text}");
        }
    }
}
