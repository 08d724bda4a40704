//! How long a call may be held before it has to be refused.

use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

/// What is left of a call's own deadline for the refusal to reach the client.
const MARGIN: Duration = Duration::from_secs(1);

/// When a call that came at `arrived` has to be refused at the latest: after `hold`, or shortly before its own deadline
/// (`grpc-timeout`), whichever is sooner.
pub(super) fn patience_ends(arrived: Instant, hold: Duration, headers: &HeaderMap) -> Instant {
    let deadline = headers.get("grpc-timeout").and_then(|value| grpc_timeout(value.as_bytes()));
    arrived + deadline.map_or(hold, |deadline| hold.min(deadline.saturating_sub(MARGIN)))
}

/// Reads `grpc-timeout`: up to eight digits and a unit. Anything else is as good as none.
fn grpc_timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match unit {
        b'H' => Some(Duration::from_secs(number * 3600)),
        b'M' => Some(Duration::from_secs(number * 60)),
        b'S' => Some(Duration::from_secs(number)),
        b'm' => Some(Duration::from_millis(number)),
        b'u' => Some(Duration::from_micros(number)),
        b'n' => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_held_no_longer_than_its_own_deadline_less_a_margin() {
        let arrived = Instant::now();
        let hold = Duration::from_secs(5);
        for (timeout, milliseconds) in [
            (None, 5000),
            (Some("9966m"), 5000),
            (Some("3S"), 2000),
            (Some("2500000u"), 1500),
            (Some("900m"), 0),
            (Some("1H"), 5000),
            (Some("99999999M"), 5000),
            (Some("0n"), 0),
            (Some("10"), 5000),
            (Some("S"), 5000),
            (Some("123456789m"), 5000),
            (Some("-1S"), 5000),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(timeout) = timeout {
                headers.insert("grpc-timeout", timeout.parse().unwrap());
            }
            let ends = patience_ends(arrived, hold, &headers);
            assert_eq!((ends - arrived).as_millis(), milliseconds, "{timeout:?}");
        }
    }
}
