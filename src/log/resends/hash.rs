//! What identifies a request.

use twox_hash::{XxHash3_64, XxHash3_128};

use crate::otlp::has_timestamp;
use crate::receive::Export;

/// The hash of signal, tenant and body of a request; never all zero, which stands for none in a record's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::log) struct RequestHash([u8; 16]);

/// Hashes requests. Stays the same for the life of a data folder.
#[derive(Clone, Copy, Debug)]
pub(in crate::log) struct Hasher {
    seed: u64,
    is_on: bool,
}

impl RequestHash {
    /// As it stands in a record's header or in a file; `None` if there is none.
    pub(in crate::log) fn read(bytes: [u8; 16]) -> Option<Self> {
        (bytes != [0; 16]).then_some(Self(bytes))
    }

    /// As it stands in a record's header or in a file.
    pub(in crate::log) const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// Its first eight bytes, which are as good as any.
    pub(super) fn prefix(self) -> u64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0[..8]);
        u64::from_le_bytes(first)
    }
}

impl Hasher {
    /// Hashes for the data folder of this writer, if resends are looked for at all.
    pub(in crate::log) const fn new(writer: u32, is_on: bool) -> Self {
        Self { seed: writer as u64, is_on }
    }

    /// The hash of a request; `None` for one that may well come twice.
    pub(in crate::log) fn hash(self, export: &Export) -> Option<RequestHash> {
        if !self.is_on || !has_timestamp(export.signal, &export.body) {
            return None;
        }
        let sender = [&[export.signal.number()], export.tenant.as_bytes()].concat();
        let seed = XxHash3_64::oneshot_with_seed(self.seed, &sender);
        RequestHash::read(XxHash3_128::oneshot_with_seed(seed, &export.body).to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::{Signal, read_json};

    fn export(signal: Signal, tenant: &str, json: &str) -> Export {
        let body = read_json(signal, json.as_bytes(), 1 << 20).unwrap().into();
        Export { tenant: tenant.into(), ..Export::of(signal, 1, body) }
    }

    #[test]
    fn requests_are_the_same_if_signal_tenant_and_body_are() {
        let log = |time: u32| {
            format!(
                r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"timeUnixNano":"{time}"}}]}}]}}]}}"#
            )
        };
        // A resource's logs and its spans lie on the wire alike as far as this goes.
        let hash = |writer, signal, tenant, json: &str| {
            let export = Export { signal, ..export(Signal::Logs, tenant, json) };
            Hasher::new(writer, true).hash(&export)
        };
        let one = hash(1, Signal::Logs, "a", &log(1));
        assert!(one.is_some());
        assert_eq!(one, hash(1, Signal::Logs, "a", &log(1)));
        for other in [
            hash(1, Signal::Logs, "a", &log(2)),
            hash(1, Signal::Logs, "b", &log(1)),
            hash(1, Signal::Logs, "", &log(1)),
            hash(2, Signal::Logs, "a", &log(1)),
        ] {
            assert!(other.is_some());
            assert_ne!(one, other);
        }
        assert_ne!(one, hash(1, Signal::Metrics, "a", &log(1)));
    }

    #[test]
    fn a_request_without_a_moment_has_no_hash_and_none_has_when_switched_off() {
        let untimed = export(Signal::Logs, "", r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}"#);
        assert_eq!(Hasher::new(1, true).hash(&untimed), None);
        let json = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"5"}]}]}]}"#;
        assert_eq!(Hasher::new(1, false).hash(&export(Signal::Logs, "", json)), None);
    }
}
