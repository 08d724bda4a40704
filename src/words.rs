//! Numbers and tables as people read them.

use std::time::Duration;

/// Units of bytes, each 1024 times the one before.
const BYTE_UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

/// `12.3 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let mut unit = 0;
    // In tenths, so that nothing is rounded up to the next unit.
    let mut tenths = u128::from(bytes) * 10;
    while tenths >= 10_240 && unit + 1 < BYTE_UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    match (unit, tenths % 10) {
        (0, _) | (_, 0) => format!("{} {}", tenths / 10, BYTE_UNITS[unit]),
        (_, tenth) => format!("{}.{tenth} {}", tenths / 10, BYTE_UNITS[unit]),
    }
}

/// `3 h 12 min`: the two largest units that matter.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let two = |large: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {small_unit}"),
    };
    match () {
        () if minutes == 0 => format!("{seconds} s"),
        () if hours == 0 => two(minutes, "min", seconds % 60, "s"),
        () if days == 0 => two(hours, "h", minutes % 60, "min"),
        () => two(days, "d", hours % 24, "h"),
    }
}

/// `1,234,567`.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 object`, `2 objects`.
pub(crate) fn counted(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Lines of which the columns stand below each other, two spaces apart.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_read_them() {
        for (number, written) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (12_900_000, "12.3 MiB"),
            (10 << 30, "10 GiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(bytes(number), written);
        }
        for (seconds, written) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (75, "1 min 15 s"),
            (11_520, "3 h 12 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(time(Duration::from_secs(seconds)), written);
        }
        assert_eq!(
            (count(1), count(1_234), count(1_234_567)),
            ("1".into(), "1,234".into(), "1,234,567".into())
        );
        assert_eq!((counted(1, "object"), counted(0, "object")), ("1 object".into(), "0 objects".into()));
    }

    #[test]
    fn columns_stand_below_each_other() {
        let rows =
            [["key", "value", "from"], ["é", "", "default"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), "key  value  from\né           default\n");
    }
}
