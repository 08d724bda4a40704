//! Times as text, for the formats that have no type for them.

const MICROS_A_SECOND: i64 = 1_000_000;
const SECONDS_A_DAY: i64 = 86_400;

/// `0000-01-01T00:00:00.000000Z`, the first time that RFC 3339 can say.
const EARLIEST: i64 = -719_528 * SECONDS_A_DAY * MICROS_A_SECOND;

/// `9999-12-31T23:59:59.999999Z`, the last one.
const LATEST: i64 = 2_932_897 * SECONDS_A_DAY * MICROS_A_SECOND - 1;

/// What every time takes: `2026-01-31T23:59:59.000001Z`.
const LENGTH: usize = 27;

/// Writes a time in UTC, given in microseconds since 1970, as RFC 3339 with `Z` and six digits of the second.
///
/// A time outside of the years 0 to 9999, which RFC 3339 cannot say and OTLP cannot send, becomes the nearest within.
pub(super) fn write_timestamp(micros: i64, out: &mut Vec<u8>) {
    let micros = micros.clamp(EARLIEST, LATEST);
    let seconds = micros.div_euclid(MICROS_A_SECOND);
    let (year, month, day) = date(seconds.div_euclid(SECONDS_A_DAY));
    let second = seconds.rem_euclid(SECONDS_A_DAY);
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    const { assert!(LENGTH == b"0000-00-00T00:00:00.000000Z".len()) };
    digits(&mut text[0..4], year);
    digits(&mut text[5..7], month);
    digits(&mut text[8..10], day);
    digits(&mut text[11..13], second / 3600);
    digits(&mut text[14..16], second / 60 % 60);
    digits(&mut text[17..19], second % 60);
    digits(&mut text[20..26], micros.rem_euclid(MICROS_A_SECOND));
    out.extend_from_slice(&text);
}

/// The year, month and day of a day, counted from 1970, in the Gregorian calendar.
///
/// The method is Howard Hinnant's `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>): years begin
/// in March, so that the day that comes every four years is the last one, and 400 years are always 146,097 days.
const fn date(day: i64) -> (i64, i64, i64) {
    const DAYS_TO_1970: i64 = 719_468;
    const DAYS_AN_ERA: i64 = 146_097;
    let day = day + DAYS_TO_1970;
    let era = day.div_euclid(DAYS_AN_ERA);
    let day_of_era = day.rem_euclid(DAYS_AN_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day_of_month)
}

/// Fills `place` with the last decimal digits of a number that is not negative.
fn digits(place: &mut [u8], mut number: i64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    /// 2554-07-21, the last time that OTLP can send: nanoseconds in 64 bits.
    const LAST_OF_OTLP: i64 = (u64::MAX / 1000).cast_signed();

    fn text(micros: i64) -> String {
        let mut out = Vec::new();
        write_timestamp(micros, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn of_jiff(micros: i64) -> String {
        format!("{:.6}", Timestamp::from_microsecond(micros).unwrap())
    }

    #[test]
    fn a_time_is_utc_with_six_digits_of_the_second() {
        for (micros, expected) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1, "1970-01-01T00:00:00.000001Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (1_709_164_800_000_000, "2024-02-29T00:00:00.000000Z"),
            (LAST_OF_OTLP, "2554-07-21T23:34:33.709551Z"),
        ] {
            assert_eq!(text(micros), expected);
        }
    }

    #[test]
    fn every_day_of_six_hundred_years_is_the_one_that_jiff_names() {
        for day in -20_000..213_600 {
            let micros = day * SECONDS_A_DAY * MICROS_A_SECOND + 86_399_000_001;
            assert_eq!(text(micros), of_jiff(micros), "day {day}");
        }
    }

    #[test]
    fn what_rfc_3339_cannot_say_is_the_nearest_that_it_can() {
        for micros in [i64::MIN, EARLIEST - 1, EARLIEST] {
            assert_eq!(text(micros), "0000-01-01T00:00:00.000000Z");
        }
        for micros in [i64::MAX, LATEST + 1, LATEST] {
            assert_eq!(text(micros), "9999-12-31T23:59:59.999999Z");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn every_time_is_the_one_that_jiff_names(micros in EARLIEST..253_402_200_000_000_000) {
            prop_assert_eq!(text(micros), of_jiff(micros));
        }
    }
}
