//! Which settings change while forebay runs, and which take effect after a restart: the one table of it.
//!
//! A row holds for its key and for all below it; of several rows that of the longest key holds. What stands in `outputs`
//! and in `receive.listeners` changes as what it differs from.

/// When a change of a setting takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// When the configuration is read again.
    Live,
    /// When the process starts the next time.
    Restart,
}

use Change::{Live, Restart};

/// Every setting. The test of this table knows when one is missing.
const TABLE: &[(&str, Change)] = &[
    // One process has one data folder, as long as it lives.
    ("data_dir", Restart),
    // Addresses are bound once.
    ("receive.grpc", Restart),
    ("receive.http", Restart),
    ("receive.socket_mode", Restart),
    ("receive.listeners", Restart),
    // New handshakes, the next request, the next page that asks, new connections.
    ("receive.tls", Live),
    ("receive.auth", Live),
    ("receive.cors", Live),
    ("receive.connection", Live),
    ("receive.tenant_header", Live),
    // The next request, and what waits to be accepted.
    ("receive.max_request_bytes", Live),
    ("receive.hold_before_refusing", Live),
    ("receive.max_inflight_bytes", Live),
    ("receive.max_connections", Live),
    ("receive.stalled_after", Live),
    ("receive.min_data_rate", Live),
    ("receive.finish_within", Live),
    // What is remembered of requests lies on disk, in files of this window.
    ("receive.resend_window", Restart),
    // The files of segments are prepared in this length and in this way.
    ("log.segment_bytes", Restart),
    ("log.direct_io", Restart),
    ("log.seal_after", Live),
    ("log.disk_budget", Live),
    ("log.when_full", Live),
    ("log.free_space_floor", Live),
    // They are pinned in the header of each segment: the next one that is begun has the new ones.
    ("objects", Live),
    // The objects that show the columns are packed at the start, those of other columns as well.
    ("objects.schema_objects", Restart),
    // The next attempt.
    ("upload", Live),
    // What waits was packed to go there, and what was delivered is listed there.
    ("upload.to", Restart),
    ("upload.receipts", Restart),
    ("upload.receipts.webhook.headers", Live),
    ("upload.receipts.webhook.timeout", Live),
    ("admin", Restart),
    // Only commands use it, each of which reads it for itself.
    ("admin.client", Live),
    // The exporter and the lines begin with the process.
    ("telemetry", Restart),
    ("reload", Live),
];

/// Sections whose names the file chooses, and what stands in them changes as what stands here does.
const FOLLOWING: [(&str, &str, &[&str]); 2] = [
    ("outputs", "", &["objects", "upload"]),
    ("receive.listeners", "receive.", &["tls", "auth", "cors", "connection"]),
];

/// When a change of `key` takes effect; `None` if there is no such setting.
pub fn change_of(key: &str) -> Option<Change> {
    for (section, model, shared) in FOLLOWING {
        let inside = key.strip_prefix(section).and_then(|rest| rest.strip_prefix('.'));
        let part = inside.and_then(|inside| inside.split_once('.')).map(|(_, part)| part);
        if let Some(part) = part
            && shared.contains(&part.split('.').next().unwrap_or_default())
        {
            return change_of(&format!("{model}{part}"));
        }
    }
    let holds = |row: &&(&str, Change)| {
        key.strip_prefix(row.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    TABLE.iter().filter(holds).max_by_key(|(of, _)| of.len()).map(|(_, change)| *change)
}

/// The settings and sections that take effect after a restart. What is below a section may be an exception.
pub fn restart_keys() -> impl Iterator<Item = &'static str> {
    TABLE.iter().filter(|(_, change)| *change == Restart).map(|(key, _)| *key)
}

/// The section whose name the file chose and that cannot come or go without a restart, if `key` stands in one:
/// `outputs.archive`.
pub(super) fn bound_to(key: &str) -> Option<String> {
    FOLLOWING.into_iter().find_map(|(section, _, _)| {
        let name = key.strip_prefix(section)?.strip_prefix('.')?.split('.').next()?;
        // The built-in listeners are there whether something is said about them or not.
        let is_built_in = section == "receive.listeners" && ["grpc", "http"].contains(&name);
        (!is_built_in).then(|| format!("{section}.{name}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::config::schema::Schema;

    #[test]
    fn every_setting_has_a_row_and_every_row_a_setting() {
        let schema = Schema::of::<Config>();
        for key in &schema.settings {
            assert!(change_of(key).is_some() || key.starts_with("outputs"), "{key} is in no row");
        }
        for key in schema.settings.iter().filter(|key| key.starts_with("outputs.")) {
            assert!(change_of(key).is_some(), "{key} follows no row");
        }
        for (row, _) in TABLE {
            let is_known = |key: &String| key == row || key.starts_with(&format!("{row}."));
            assert!(schema.settings.iter().chain(&schema.sections).any(is_known), "{row} is nothing");
        }
    }

    #[test]
    fn the_longest_row_holds_and_what_follows_changes_as_its_model() {
        for (key, change) in [
            ("upload.s3.secret_access_key", Some(Live)),
            ("upload.to", Some(Restart)),
            ("upload.tokens", Some(Live)),
            ("outputs.a.upload.to", Some(Restart)),
            ("outputs.a.upload.hours", Some(Live)),
            ("outputs.a.objects.format", Some(Live)),
            ("receive.listeners.a.address", Some(Restart)),
            ("receive.listeners.a.auth.tokens.b.token", Some(Live)),
            ("receive.listeners.a.tls.cert_file", Some(Live)),
            ("log.segment_bytes", Some(Restart)),
            ("log.segment", None),
            ("uploads", None),
        ] {
            assert_eq!(change_of(key), change, "{key}");
        }
        assert_eq!(bound_to("outputs.a.upload.to").as_deref(), Some("outputs.a"));
        assert_eq!(bound_to("receive.listeners.grpc.tls.cert_file"), None);
        assert_eq!(bound_to("receive.listeners.b").as_deref(), Some("receive.listeners.b"));
    }
}
