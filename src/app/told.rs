//! What the status tells of what came in, of single objects, of the log's groups and of the configuration.

use std::time::Duration;

use jiff::Timestamp;

use super::subject::{Process, timestamp};
use crate::admin::{
    BySignal, Commit, DeliveredObject, DeliveryError, Objects, Received, Requests, RetriedObject, Setting,
    Tenant,
};
use crate::config::{self, Origin};
use crate::log::CommitTimes;
use crate::pack::OutputName;
use crate::receive::{Stored, Tally};
use crate::upload::{Delivered, Retried};

/// Tenants that are told.
const TENANTS: usize = 50;

/// Objects of either kind that are told.
const OBJECTS: usize = 20;

/// Over how long the log's groups are looked at.
const COMMITS_OVER: Duration = Duration::from_mins(1);

/// What came in.
pub(super) fn received(tally: &Tally) -> Received {
    let look = tally.look(TENANTS);
    let requests =
        Requests { acknowledged: look.acknowledged, refused: look.refused, rejected: look.rejected };
    Received {
        requests,
        items: BySignal::from(look.stored.items),
        bytes: look.stored.bytes,
        tenants: look.tenants.iter().map(|(name, stored)| tenant(name, stored)).collect(),
        tenants_left_out: look.tenants_left_out,
    }
}

fn tenant(name: &str, stored: &Stored) -> Tenant {
    Tenant {
        name: name.to_owned(),
        requests: stored.requests,
        items: BySignal::from(stored.items),
        bytes: stored.bytes,
        last_at: Some(stored.last_at).filter(|at| *at > 0).and_then(timestamp),
    }
}

/// The objects of all outputs together.
pub(super) fn objects(
    of_outputs: impl IntoIterator<Item = (OutputName, (Vec<Delivered>, Vec<Retried>))>,
) -> Objects {
    let (mut delivered, mut retrying) = (Vec::new(), Vec::new());
    for (output, (its_delivered, its_retrying)) in of_outputs {
        delivered.extend(its_delivered.into_iter().map(|object| delivered_object(&output, object)));
        retrying.extend(
            its_retrying.into_iter().map(|object| (object.first_received_at, retried(&output, object))),
        );
    }
    // The order of those of one output stays where the times are the same.
    delivered.sort_by_key(|object| std::cmp::Reverse(object.at));
    retrying.sort_by_key(|(received_at, _)| *received_at);
    delivered.truncate(OBJECTS);
    let retrying = retrying.into_iter().map(|(_, object)| object).take(OBJECTS).collect();
    Objects { delivered, retrying }
}

fn delivered_object(output: &OutputName, object: Delivered) -> DeliveredObject {
    DeliveredObject {
        key: object.key,
        output: output.to_string(),
        bucket: object.bucket,
        signal: object.signal.name().to_owned(),
        items: object.items,
        bytes: object.bytes,
        at: timestamp(object.at),
        attempts: object.attempts,
    }
}

fn retried(output: &OutputName, object: Retried) -> RetriedObject {
    let error = |at: Timestamp| DeliveryError { at, message: object.error };
    RetriedObject {
        key: object.key,
        output: output.to_string(),
        bucket: object.bucket,
        signal: object.signal.name().to_owned(),
        items: object.items,
        bytes: object.bytes,
        attempts: object.attempts,
        last_error: timestamp(object.failed_at).map(error),
        next_attempt_at: object.next_attempt_at.and_then(timestamp),
    }
}

impl Process {
    /// How long the log's groups took of late.
    pub(super) fn commit(&self) -> Commit {
        let over = self.started.elapsed().min(COMMITS_OVER);
        let CommitTimes { groups, p50, p99, longest } = self.pipeline.log.commit_times(over);
        let seconds = |time: Duration| (groups > 0).then_some(time.as_secs_f64());
        Commit {
            over_seconds: over.as_secs(),
            groups,
            p50_seconds: seconds(p50),
            p99_seconds: seconds(p99),
            max_seconds: seconds(longest),
        }
    }
}

/// A setting, as the page shows it.
pub(super) fn setting(setting: &config::Setting) -> Setting {
    let (origin, changed) = match &setting.origin {
        Origin::Default => ("default".to_owned(), false),
        Origin::Follows(other) => (format!("follows {other}"), false),
        Origin::File { path, line } => (format!("file {}, line {line}", path.display()), true),
        Origin::Environment(name) => (format!("environment variable {name}"), true),
        Origin::Flag(name) => (format!("flag {name}"), true),
    };
    Setting { key: setting.key.clone(), value: setting.value.clone(), origin, changed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::Signal;

    fn delivered(key: &str, at: u64) -> Delivered {
        let (bucket, signal) = (None, Signal::Logs);
        Delivered { key: key.to_owned(), bucket, signal, items: 1, bytes: 1, at, attempts: 1 }
    }

    fn retried(key: &str, first_received_at: u64) -> Retried {
        Retried {
            key: key.to_owned(),
            bucket: Some("lake".to_owned()),
            signal: Signal::Traces,
            items: 1,
            bytes: 1,
            attempts: 3,
            first_received_at,
            error: "503".to_owned(),
            failed_at: 5,
            next_attempt_at: None,
        }
    }

    #[test]
    fn objects_of_several_outputs_stand_in_one_order() {
        let named = |name: &str| OutputName::parse(name).unwrap();
        let told = objects([
            (named("archive"), (vec![delivered("a3", 30), delivered("a1", 10)], vec![retried("r2", 2)])),
            (named("main"), (vec![delivered("m2", 20)], vec![retried("r1", 1), retried("r3", 3)])),
        ]);
        let of = |objects: &[DeliveredObject]| {
            objects.iter().map(|object| format!("{} {}", object.output, object.key)).collect::<Vec<_>>()
        };
        assert_eq!(of(&told.delivered), ["archive a3", "main m2", "archive a1"]);
        let keys: Vec<_> = told.retrying.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, ["r1", "r2", "r3"]);
        let many = (0..30).map(|number| delivered(&number.to_string(), number)).collect();
        assert_eq!(objects([(named("main"), (many, Vec::new()))]).delivered.len(), OBJECTS);
    }

    #[test]
    fn the_origin_of_a_setting_is_told_in_words() {
        let of = |origin: Origin| {
            let told = setting(&config::Setting { key: "a.b".into(), value: "***".into(), origin });
            (told.origin, told.changed)
        };
        let file = Origin::File { path: "x.yaml".into(), line: 3 };
        assert_eq!(of(Origin::Default), ("default".to_owned(), false));
        assert_eq!(of(file), ("file x.yaml, line 3".to_owned(), true));
        assert_eq!(of(Origin::Flag("--to")), ("flag --to".to_owned(), true));
    }
}
