//! What the name of an object tells.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::otlp::Signal;

/// The form of the time in `{unique}`: when the first record was received, to the millisecond, in UTC.
const FORM: &[u8] = b"00000000T000000000Z-";

/// When the first record of an object was received.
pub(super) fn received_at(key: &str) -> Option<Timestamp> {
    let name = key.rsplit('/').next().unwrap_or(key).as_bytes();
    let fits = |window: &&[u8]| {
        window.iter().zip(FORM).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            form => byte == form,
        })
    };
    let found = name.windows(FORM.len()).find(fits)?;
    let number = |from: usize, to: usize| std::str::from_utf8(&found[from..to]).ok()?.parse::<i16>().ok();
    let small = |from: usize| i8::try_from(number(from, from + 2)?).ok();
    let nanoseconds = i32::from(number(15, 18)?) * 1_000_000;
    let time =
        DateTime::new(number(0, 4)?, small(4)?, small(6)?, small(9)?, small(11)?, small(13)?, nanoseconds);
    TimeZone::UTC.to_timestamp(time.ok()?).ok()
}

/// The signal that a key names: as a folder, or at the beginning of the name.
pub(super) fn signal(key: &str) -> Option<Signal> {
    let (folders, name) = key.rsplit_once('/').unwrap_or(("", key));
    let of_name = Signal::ALL.into_iter().find(|signal| {
        name.strip_prefix(signal.name()).is_some_and(|rest| rest.starts_with(['_', '-', '.']))
    });
    let of_folder = || {
        folders.rsplit('/').find_map(|folder| Signal::ALL.into_iter().find(|signal| signal.name() == folder))
    };
    of_name.or_else(of_folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_its_signal_and_its_time() {
        let key = "telemetry/logs/date=2026-11-23/hour=08/logs_20261123T082715564Z-cf42e6f6-00000002-5d6a15cb836ab685.jsonl.gz";
        assert_eq!(received_at(key).unwrap().to_string(), "2026-11-23T08:27:15.564Z");
        assert_eq!(signal(key), Some(Signal::Logs));
        assert_eq!(signal("a/metrics/20261123T082715564Z-x.json"), Some(Signal::Metrics));
        for other in ["logs/readme.md", "20261323T082715564Z-cf42e6f6", "20261123T08271556Z-cf42", ""] {
            assert_eq!(received_at(other), None, "{other}");
        }
        assert_eq!((signal("logsandmore.json"), signal("a/b.json")), (None, None));
    }
}
