//! Log records and data points as Claude Code sends them: the bundled sample of `forebay send`, each time of another
//! person in another session, and as much of it as one turn of a conversation gives.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::{Random, Request, instance_attribute};
use crate::load::Error;
use crate::send::{Request as Sampled, Sample};

/// The fewest log records that a turn gives: what was asked, what it cost, what was answered.
const TURN_RECORDS: u32 = 3;

/// The request at this place of the pool: log records and data points in turn.
pub(super) fn request(
    random: &mut Random,
    instance: &str,
    place: usize,
    now: SystemTime,
) -> Result<Request, Error> {
    let sample = Sample::at(now - Duration::from_millis(random.below(5_000).into()))?;
    let mut session = Session { random, names: HashMap::new() };
    if place.is_multiple_of(2) {
        Ok(session.logs(sample, instance))
    } else {
        Ok(session.metrics(sample, instance))
    }
}

/// A session that is somebody's own.
struct Session<'r> {
    random: &'r mut Random,
    /// What stands for the identifiers of the sample, each for the same one everywhere.
    names: HashMap<String, String>,
}

impl Session<'_> {
    fn logs(&mut self, mut sample: Sample, instance: &str) -> Request {
        for resource in &mut sample.logs.resource_logs {
            name(&mut resource.resource, instance);
            for scope in &mut resource.scope_logs {
                // A session begins with records of which its later turns have none.
                let all = scope.log_records.len();
                let most = u32::try_from(all).unwrap_or(u32::MAX).max(TURN_RECORDS);
                let wanted = TURN_RECORDS + self.random.below(most - TURN_RECORDS + 1);
                scope.log_records.drain(..all.saturating_sub(wanted as usize));
                for record in &mut scope.log_records {
                    self.rename(&mut record.attributes);
                }
            }
        }
        encoded(Sampled::Logs(&sample.logs))
    }

    fn metrics(&mut self, mut sample: Sample, instance: &str) -> Request {
        for resource in &mut sample.metrics.resource_metrics {
            name(&mut resource.resource, instance);
            for scope in &mut resource.scope_metrics {
                // The first counts sessions, which is said once a session.
                if self.random.below(4) > 0 {
                    scope.metrics.drain(..1.min(scope.metrics.len()));
                }
                let points = scope.metrics.iter_mut().filter_map(|metric| match &mut metric.data {
                    Some(Data::Sum(sum)) => Some(&mut sum.data_points),
                    _ => None,
                });
                for point in points.flatten() {
                    self.rename(&mut point.attributes);
                    let times = 1 + self.random.below(1_000);
                    match &mut point.value {
                        Some(Number::AsDouble(number)) => *number *= f64::from(times),
                        Some(Number::AsInt(number)) => *number = number.saturating_mul(times.into()),
                        None => {}
                    }
                }
            }
        }
        encoded(Sampled::Metrics(&sample.metrics))
    }

    /// Gives every identifier another value of the same length and alphabet.
    fn rename(&mut self, attributes: &mut [KeyValue]) {
        for attribute in attributes.iter_mut().filter(|attribute| is_identifier(&attribute.key)) {
            if let Some(Value::StringValue(value)) =
                attribute.value.as_mut().and_then(|value| value.value.as_mut())
            {
                let random = &mut *self.random;
                let other =
                    self.names.entry(value.clone()).or_insert_with_key(|value| scrambled(random, value));
                value.clone_from(other);
            }
        }
    }
}

fn is_identifier(key: &str) -> bool {
    key.rsplit(['.', '_']).next() == Some("id")
}

/// A text with other hexadecimal digits at the places where it has some.
fn scrambled(random: &mut Random, text: &str) -> String {
    let other = |letter: char| match letter {
        '0'..='9' | 'a'..='f' => char::from_digit(random.below(16), 16).unwrap_or(letter),
        letter => letter,
    };
    text.chars().map(other).collect()
}

fn name(resource: &mut Option<Resource>, instance: &str) {
    resource.get_or_insert_default().attributes.insert(0, instance_attribute(instance));
}

fn encoded(request: Sampled<'_>) -> Request {
    Request { signal: request.signal(), items: request.items(), protobuf: request.protobuf() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::otlp::{self, Signal};

    fn pool() -> Vec<Request> {
        let mut random = Random::new(1);
        let now = SystemTime::now();
        (0..32).map(|place| request(&mut random, "somebody", place, now).unwrap()).collect()
    }

    #[test]
    fn requests_are_of_the_sizes_that_claude_code_was_seen_to_send() {
        let pool = pool();
        assert!(pool.iter().all(|request| (1_900..6_000).contains(&request.protobuf.len())));
        let mean = pool.iter().map(|request| request.protobuf.len()).sum::<usize>() / pool.len();
        assert!((2_000..4_000).contains(&mean), "{mean}");
    }

    #[test]
    fn requests_count_what_is_in_them_and_no_two_are_alike() {
        let pool = pool();
        for Request { signal, items, protobuf } in &pool {
            assert_eq!(u64::from(otlp::validate(*signal, protobuf).unwrap()), *items);
        }
        assert_eq!(
            pool.iter().map(|request| request.protobuf.clone()).collect::<BTreeSet<_>>().len(),
            pool.len()
        );
        let logs = pool.iter().filter(|request| request.signal == Signal::Logs).count();
        assert_eq!(logs, pool.len() / 2, "the others are metrics");
    }

    #[test]
    fn an_identifier_becomes_another_everywhere_in_a_session() {
        let first = String::from_utf8_lossy(&pool()[0].protobuf).into_owned();
        let second = String::from_utf8_lossy(&pool()[2].protobuf).into_owned();
        let session = |text: &str| {
            let ids: BTreeSet<_> =
                text.split("session.id\u{12}&\n$").skip(1).map(|rest| rest[..36].to_owned()).collect();
            assert_eq!(ids.len(), 1, "{ids:?}");
            ids
        };
        assert_ne!(session(&first), session(&second));
    }
}
