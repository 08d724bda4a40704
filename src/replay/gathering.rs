//! Resources become requests of a size that the receiver likes.

use crate::otlp::Signal;
use crate::units::ByteSize;

/// A request that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gathered {
    pub(super) signal: Signal,
    pub(super) body: Vec<u8>,
    /// Resources of the object up to the last one in it.
    pub(super) up_to: u64,
}

/// Gathers the resources of one object.
#[derive(Debug)]
pub(super) struct Gathering {
    max_bytes: usize,
    gathered: Option<Gathered>,
    /// Resources that have come.
    come: u64,
    /// As many from the beginning were taken before.
    taken_before: u64,
}

impl Gathering {
    pub(super) fn new(max_bytes: ByteSize, taken_before: u64) -> Self {
        let max_bytes = usize::try_from(max_bytes.bytes()).unwrap_or(usize::MAX);
        Self { max_bytes, gathered: None, come: 0, taken_before }
    }

    /// Adds a resource. If it has no room beside what was gathered, that is to be sent first, and is given back.
    pub(super) fn add(&mut self, signal: Signal, resource: &[u8]) -> Option<Gathered> {
        self.come += 1;
        if self.come <= self.taken_before {
            return None;
        }
        let up_to = self.come;
        match &mut self.gathered {
            Some(gathered)
                if gathered.signal == signal
                    && signal.can_be_laid_end_to_end()
                    && gathered.body.len() + resource.len() <= self.max_bytes =>
            {
                gathered.body.extend_from_slice(resource);
                gathered.up_to = up_to;
                None
            }
            other => other.replace(Gathered { signal, body: resource.to_vec(), up_to }),
        }
    }

    /// What is left.
    pub(super) fn rest(&mut self) -> Option<Gathered> {
        self.gathered.take()
    }

    /// Resources that have come.
    pub(super) const fn come(&self) -> u64 {
        self.come
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The requests that come of these resources.
    fn requests(taken_before: u64, resources: &[(Signal, &[u8])]) -> Vec<(Vec<u8>, u64)> {
        let mut gathering = Gathering::new(ByteSize(4), taken_before);
        let mut requests: Vec<_> =
            resources.iter().filter_map(|(signal, body)| gathering.add(*signal, body)).collect();
        requests.extend(gathering.rest());
        assert_eq!((gathering.come(), gathering.rest()), (resources.len() as u64, None));
        requests.into_iter().map(|gathered| (gathered.body, gathered.up_to)).collect()
    }

    #[test]
    fn resources_are_gathered_up_to_the_limit_and_by_signal() {
        use Signal::{Logs, Profiles, Traces};
        let resources: [(Signal, &[u8]); 7] = [
            (Logs, b"aa"),
            (Logs, b"bb"),
            (Logs, b"c"),
            (Traces, b"d"),
            (Traces, b"eeeeee"),
            (Profiles, b"f"),
            (Profiles, b"g"),
        ];
        let all: [(&[u8], u64); 6] =
            [(b"aabb", 2), (b"c", 3), (b"d", 4), (b"eeeeee", 5), (b"f", 6), (b"g", 7)];
        let all = all.map(|(body, up_to)| (body.to_vec(), up_to));
        assert_eq!(requests(0, &resources), all);
        assert_eq!(requests(2, &resources), all[1..], "the same requests come after a restart");
        assert!(requests(7, &resources).is_empty());
    }
}
