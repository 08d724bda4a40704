//! Times on the command line: `--since` and `--until`.

use anyhow::anyhow;
use jiff::Timestamp;

use super::arguments::Chosen;
use crate::units::Span;

/// From when to when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Chosen {
    /// The window that is asked for.
    ///
    /// # Errors
    /// If a time is none.
    pub(super) fn window(&self, now: Timestamp) -> anyhow::Result<Window> {
        let time = |written: &Option<String>| written.as_deref().map(|time| parse(time, now)).transpose();
        Ok(Window { since: time(&self.since)?, until: time(&self.until)? })
    }
}

impl Window {
    /// Whether this time is in it. What has no time is, unless a window was asked for.
    pub(super) fn has(self, time: Option<Timestamp>) -> bool {
        match time {
            Some(time) => {
                self.since.is_none_or(|since| since <= time) && self.until.is_none_or(|until| time < until)
            }
            None => self == Self::default(),
        }
    }
}

/// A time, or how long ago it was.
fn parse(written: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    if let Ok(ago) = written.parse::<Span>() {
        return Ok(now - ago.duration());
    }
    written.parse().map_err(|_| {
        anyhow!("`{written}` is no time; write it like 2026-11-23T10:00:00Z, or like 2h for two hours ago")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_from_a_time_to_a_time_or_from_so_long_ago() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let time = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let chosen = |since: &str, until: &str| Chosen {
            since: Some(since.to_owned()),
            until: Some(until.to_owned()),
            ..Chosen::default()
        };
        let window = chosen("2h", "2026-11-23T11:00Z").window(now).unwrap();
        assert!(window.has(time("2026-11-23T10:00:00Z")) && window.has(time("2026-11-23T10:59:59.9Z")));
        assert!(!window.has(time("2026-11-23T09:59:59Z")) && !window.has(time("2026-11-23T11:00:00Z")));
        assert!(!window.has(None) && Window::default().has(None));
        let error = chosen("yesterday", "2h").window(now).unwrap_err();
        assert!(error.to_string().contains("`yesterday` is no time"), "{error}");
    }
}
