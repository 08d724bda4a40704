//! Sizes and spans of time as people write them in a configuration: `64MiB`, `5m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number of bytes, written `512`, `64KiB`, `64MiB`, `10GiB` or, in powers of ten, `5kB`, `64MB`, `10GB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

/// Units by which a size may be written, the one that prints best first.
const BYTE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Units by which a span of time may be written, the one that prints best first.
const TIME_UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl ByteSize {
    /// `n` KiB.
    pub const fn kib(n: u64) -> Self {
        Self(n << 10)
    }

    /// `n` MiB.
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }

    /// `n` GiB.
    pub const fn gib(n: u64) -> Self {
        Self(n << 30)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unit = |name: &str| match name {
            "" => Some(1),
            _ => BYTE_UNITS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, size)| *size),
        };
        parse(text, unit)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no size; write it like `512`, `64KiB`, `64MiB` or `10GiB`"))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, size) = BYTE_UNITS
            .iter()
            .find(|(_, size)| self.0 >= *size && self.0.is_multiple_of(*size))
            .unwrap_or(&("B", 1));
        write!(f, "{}{name}", self.0 / size)
    }
}

/// A span of time, written `250ms`, `5s`, `5m`, `2h` or `7d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub Duration);

impl Span {
    /// `n` seconds.
    pub const fn seconds(n: u64) -> Self {
        Self(Duration::from_secs(n))
    }

    /// As a duration.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unit = |name: &str| TIME_UNITS.iter().find(|(known, _)| *known == name).map(|(_, size)| *size);
        parse(text, unit)
            .map(|milliseconds| Self(Duration::from_millis(milliseconds)))
            .ok_or_else(|| format!("`{text}` is no span of time; write it like `250ms`, `5s`, `5m` or `2h`"))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let (name, size) = match milliseconds {
            0 => ("s", 1),
            _ => {
                *TIME_UNITS.iter().find(|(_, size)| milliseconds.is_multiple_of(*size)).unwrap_or(&("ms", 1))
            }
        };
        write!(f, "{}{name}", milliseconds / size)
    }
}

/// A span of time, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanOrOff(pub Option<Span>);

impl SpanOrOff {
    /// `off`.
    pub const OFF: Self = Self(None);

    /// `n` seconds.
    pub const fn seconds(n: u64) -> Self {
        Self(Some(Span::seconds(n)))
    }

    /// As a duration, unless it is off.
    pub fn duration(self) -> Option<Duration> {
        self.0.map(Span::duration)
    }
}

impl FromStr for SpanOrOff {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "off" => Ok(Self::OFF),
            span => match span.parse() {
                Ok(span) => Ok(Self(Some(span))),
                Err(_) => {
                    Err(format!("`{text}` is no span of time; write it like `5s`, `5m` or `2h`, or `off`"))
                }
            },
        }
    }
}

impl fmt::Display for SpanOrOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(span) => span.fmt(f),
            None => f.write_str("off"),
        }
    }
}

/// A share of something, written `80%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(pub u64);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.trim().strip_suffix('%').map(str::trim_end);
        let number = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
        number
            .and_then(|number| number.parse().ok())
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no share; write it like `80%`"))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// A whole number and its unit.
fn parse(text: &str, unit: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    number.checked_mul(unit(text[digits..].trim())?)
}

/// Serde as text; a size may also be a bare number.
macro_rules! as_text {
    ($type:ty, $expecting:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }

                    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$type, E> {
                        number.to_string().parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_any(Text)
            }
        }
    };
}

as_text!(ByteSize, "a size like 64MiB");
as_text!(Span, "a span of time like 5m");
as_text!(SpanOrOff, "a span of time like 5m, or off");
as_text!(Percent, "a share like 80%");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written_as_people_write_them() {
        for (text, bytes, written) in [
            ("64MiB", 64 << 20, "64MiB"),
            ("512", 512, "512B"),
            ("10 GiB", 10 << 30, "10GiB"),
            ("5MB", 5_000_000, "5MB"),
            ("0", 0, "0B"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, written), "{text}");
        }
        for wrong in ["", "MiB", "-1", "1.5GiB", "64 parsecs", "99999999999999999999TiB"] {
            assert!(wrong.parse::<ByteSize>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn spans_of_time_are_read_and_written_as_people_write_them() {
        for (text, milliseconds, written) in [
            ("5m", 300_000, "5m"),
            ("90s", 90_000, "90s"),
            ("250ms", 250, "250ms"),
            ("0s", 0, "0s"),
            ("48h", 172_800_000, "2d"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!(
                (span.duration().as_millis(), span.to_string().as_str()),
                (milliseconds, written),
                "{text}"
            );
        }
        assert!("5".parse::<Span>().unwrap_err().contains("5m"), "a bare number says how to write it");
        for (text, span) in [("off", SpanOrOff::OFF), ("5m", SpanOrOff::seconds(300))] {
            assert_eq!((text.parse(), span.to_string().as_str()), (Ok(span), text));
        }
        assert!("never".parse::<SpanOrOff>().unwrap_err().contains("off"));
    }

    #[test]
    fn shares_are_read_and_written_as_people_write_them() {
        for (text, share) in [("80%", 80), (" 5 % ", 5), ("0%", 0)] {
            assert_eq!(text.parse(), Ok(Percent(share)), "{text}");
        }
        assert_eq!(Percent(80).to_string(), "80%");
        for wrong in ["", "80", "%", "-1%", "+1%", "0.8", "1.5%"] {
            assert!(wrong.parse::<Percent>().unwrap_err().contains("80%"), "{wrong}");
        }
    }
}
