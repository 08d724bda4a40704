//! When a refused client is told to come back: about when there is room, and not all at once.
//!
//! How long a client can be told to wait depends on it. Claude Code gives up 10 s after it began, and SDKs are much the
//! same: a delay longer than what is left of that loses the data, and a shorter one than needed costs a request. So they
//! come back after 1 to 2 s, whatever is expected. A Collector has a queue and tries for minutes; by `User-Agent` it says
//! that it is one, and then it is told what is expected, up to half a minute.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use http::HeaderMap;
use http::header::USER_AGENT;

/// The shortest delay; `Retry-After` has whole seconds.
const SHORTEST: Duration = Duration::from_secs(1);

/// The longest delay for clients that give up soon.
const LONGEST: Duration = Duration::from_secs(2);

/// The longest delay for clients that do not.
const LONGEST_OF_COLLECTORS: Duration = Duration::from_secs(30);

/// How every distribution of the Collector, unless its builder chose otherwise, begins its `User-Agent`.
const COLLECTOR: &[u8] = b"OpenTelemetry Collector";

/// The longest delay that the client with these headers may be told.
pub(super) fn longest(headers: &HeaderMap) -> Duration {
    let user_agent = headers.get(USER_AGENT).map(http::HeaderValue::as_bytes).unwrap_or_default();
    if user_agent.starts_with(COLLECTOR) { LONGEST_OF_COLLECTORS } else { LONGEST }
}

/// The delay of a client where room is expected in `room_in`: up to twice as long, so that clients come back one by one,
/// and `longest` at most. `chance` is 0 to 1.
pub(super) fn delay(room_in: Option<Duration>, longest: Duration, chance: f64) -> Duration {
    let expected = room_in.unwrap_or(SHORTEST).clamp(SHORTEST, longest / 2);
    expected + expected.mul_f64(chance)
}

/// The delay where nothing is known of the client, or of what it waits for.
pub(super) fn soon() -> Duration {
    delay(None, LONGEST, chance())
}

/// A number from 0 to 1 that nobody can foresee.
pub(super) fn chance() -> f64 {
    // The keyed hash that std seeds from the system's source of randomness.
    let random = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(random >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

/// As `Retry-After` has it: the nearest whole second.
pub(super) fn whole_seconds(delay: Duration) -> u64 {
    (delay + Duration::from_millis(500)).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn clients_that_give_up_soon_come_back_within_two_seconds_whatever_is_expected() {
        for room_in in [None, Some(Duration::ZERO), Some(seconds(7.0)), Some(Duration::MAX)] {
            for (chance, expected) in [(0.0, 1.0), (0.3, 1.3), (1.0, 2.0)] {
                assert_eq!(delay(room_in, LONGEST, chance), seconds(expected), "{room_in:?}");
            }
        }
    }

    #[test]
    fn a_collector_comes_back_when_room_is_expected_and_within_half_a_minute() {
        for (room_in, earliest, latest) in [
            (None, 1.0, 2.0),
            (Some(Duration::ZERO), 1.0, 2.0),
            (Some(seconds(6.0)), 6.0, 12.0),
            (Some(seconds(14.0)), 14.0, 28.0),
            (Some(seconds(400.0)), 15.0, 30.0),
            (Some(Duration::MAX), 15.0, 30.0),
        ] {
            assert_eq!(delay(room_in, LONGEST_OF_COLLECTORS, 0.0), seconds(earliest), "{room_in:?}");
            assert_eq!(delay(room_in, LONGEST_OF_COLLECTORS, 1.0), seconds(latest), "{room_in:?}");
        }
    }

    #[test]
    fn a_collector_is_known_by_its_user_agent() {
        for (user_agent, expected) in [
            ("OpenTelemetry Collector Contrib/0.159.0 (linux/amd64)", LONGEST_OF_COLLECTORS),
            ("OpenTelemetry Collector/0.159.0 (linux/arm64) grpc-go/1.75.0", LONGEST_OF_COLLECTORS),
            ("OTel-OTLP-Exporter-JavaScript/0.208.0", LONGEST),
            ("OTel OTLP Exporter Go/1.38.0 grpc-go/1.75.0", LONGEST),
            ("", LONGEST),
        ] {
            let headers = HeaderMap::from_iter([(USER_AGENT, user_agent.parse().unwrap())]);
            assert_eq!(longest(&headers), expected, "{user_agent}");
        }
        assert_eq!(longest(&HeaderMap::new()), LONGEST);
    }

    #[test]
    fn retry_after_is_one_or_two_where_the_delay_is_between() {
        for (delay, expected) in [(1.0, 1), (1.49, 1), (1.5, 2), (2.0, 2), (29.6, 30)] {
            assert_eq!(whole_seconds(seconds(delay)), expected, "{delay}");
        }
    }

    #[test]
    fn chance_is_from_zero_to_one_and_never_the_same() {
        let chances: Vec<f64> = (0..1000).map(|_| chance()).collect();
        assert!(chances.iter().all(|chance| (0.0..=1.0).contains(chance)));
        let low = chances.iter().filter(|chance| **chance < 0.5).count();
        // Fair in all likelihood that matters: less than one in 10^20 of being further off.
        assert!((350..650).contains(&low), "{low} of 1000 are below a half");
    }
}
