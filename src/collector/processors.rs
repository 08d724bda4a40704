//! The processors: `batch` and `memory_limiter` have no meaning here; all others change what passes.

use super::conversion::{Conversion, Outcome};
use super::file::CollectorFile;
use super::pipelines::Routes;
use super::rules::{Fate, Rule, read};

const BATCH: &str = "an object holds what a segment of the log gathers (log.segment_bytes, log.seal_after)";
const MEMORY: &str = "memory is bounded by receive.max_inflight_bytes and upload.in_flight_bytes";

/// The options of `batch`, as of `config.go` of the processor.
pub(super) const BATCH_RULES: &[Rule] = &[
    Rule::new("timeout", Fate::NoMeaning(BATCH)),
    Rule::new("send_batch_size", Fate::NoMeaning(BATCH)),
    Rule::new("send_batch_max_size", Fate::NoMeaning(BATCH)),
    Rule::new("metadata_keys", Fate::NotHonoured("objects are not divided by what else a request says")),
    Rule::new("metadata_cardinality_limit", Fate::NoMeaning(BATCH)),
];

/// The options of `memory_limiter`, as of `config.go` of the processor.
pub(super) const MEMORY_RULES: &[Rule] = &[
    Rule::new("check_interval", Fate::NoMeaning(MEMORY)),
    Rule::new("limit_mib", Fate::NoMeaning(MEMORY)),
    Rule::new("spike_limit_mib", Fate::NoMeaning(MEMORY)),
    Rule::new("limit_percentage", Fate::NoMeaning(MEMORY)),
    Rule::new("spike_limit_percentage", Fate::NoMeaning(MEMORY)),
    Rule::new("min_gc_interval_when_soft_limited", Fate::NoMeaning(MEMORY)),
    Rule::new("min_gc_interval_when_hard_limited", Fate::NoMeaning(MEMORY)),
    Rule::new("max_gc_interval_when_soft_limited", Fate::NoMeaning(MEMORY)),
    Rule::new("max_gc_interval_when_hard_limited", Fate::NoMeaning(MEMORY)),
];

/// Goes through the processors.
pub(super) fn convert(file: &CollectorFile, routes: &Routes, conversion: &mut Conversion<'_>) {
    for component in &file.processors {
        let key = component.key();
        if !routes.processors.contains(&component.id) {
            conversion.say(key, Outcome::NoMeaning, "it is in no pipeline");
            continue;
        }
        match component.kind() {
            "batch" => {
                conversion.say(key, Outcome::NoMeaning, BATCH);
                read(component, &[BATCH_RULES], conversion);
            }
            "memory_limiter" => {
                conversion.say(key, Outcome::NoMeaning, MEMORY);
                read(component, &[MEMORY_RULES], conversion);
            }
            _ => {
                let why = "it may drop or rewrite what passes; forebay stores everything as it came in";
                conversion.unsupported(&component.origin, &key, why);
            }
        }
    }
}
