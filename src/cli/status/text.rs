//! A status as people read it: on one screen.

use std::time::Duration;

use jiff::Timestamp;

use crate::admin::{Bucket, BySignal, Disk, Queue, Rates, Status};
use crate::words::{bytes, count, counted, table, time};

/// A status as people read it.
pub(super) fn text(status: &Status, now: Timestamp) -> String {
    let running = match status.started_at {
        Some(_) => format!("running for {}", time(Duration::from_secs(status.uptime_seconds))),
        None => "not running".to_owned(),
    };
    let mut rows = vec![
        ("taking in", taking(status)),
        ("delivering", delivering(status, now)),
        ("waiting", waiting(&status.queue)),
        ("disk", disk(&status.disk)),
    ];
    rows.extend(rates(&status.rates).map(|said| ("at this rate", said)));
    rows.extend(buckets(status, now).map(|said| ("bucket", said)));
    rows.extend(retried(status, now).map(|said| ("tried again", said)));
    if status.losses.any() {
        rows.push(("lost", lost(status)));
    }
    rows.push(("objects go to", status.destination.clone()));
    let listeners: Vec<_> =
        status.listeners.iter().map(|listener| format!("{} {}", listener.name, listener.address)).collect();
    if !listeners.is_empty() {
        rows.push(("listening on", listeners.join(", ")));
    }
    rows.extend(status.notes.iter().map(|note| ("note", note.clone())));
    let rows: Vec<_> = rows.into_iter().map(|(name, said)| vec![format!("  {name}"), said]).collect();
    format!(
        "forebay {} is {}; {running}, data in {}\n\n{}",
        status.version,
        status.verdict(),
        status.data_dir,
        table(&rows)
    )
}

/// What comes in and goes out; nothing if neither does.
fn rates(rates: &Rates) -> Option<String> {
    let one = |items: f64, size: f64| format!("{items:.1} items ({}) a second", bytes(whole(size)));
    (rates.received_items_per_second + rates.delivered_items_per_second > 0.0).then(|| {
        format!(
            "in {}, out {}",
            one(rates.received_items_per_second, rates.received_bytes_per_second),
            one(rates.delivered_items_per_second, rates.delivered_bytes_per_second)
        )
    })
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is never below 0, and what is beyond a u64 is shown as the most of it"
)]
fn whole(rate: f64) -> u64 {
    rate.round() as u64
}

fn taking(status: &Status) -> String {
    match &status.intake.reason {
        _ if status.intake.taking => "yes".to_owned(),
        Some(reason) => format!("NO: {reason}"),
        None => "NO".to_owned(),
    }
}

fn delivering(status: &Status, now: Timestamp) -> String {
    let delivery = &status.delivery;
    if status.started_at.is_none() {
        return "no; `forebay drain` delivers what is left".to_owned();
    }
    let mut words = match delivery.failing_since {
        Some(from) => vec![format!("NO, for {}", since(from, now))],
        None => vec![format!("yes, {} since the start", counted(delivery.objects_delivered, "object"))],
    };
    words.extend(delivery.last_success_at.map(|at| format!("the last object {} ago", since(at, now))));
    words.extend(delivery.last_error.as_ref().map(|error| match delivery.failing_since {
        Some(_) => error.message.clone(),
        None => format!("an error {} ago: {}", since(error.at, now), error.message),
    }));
    words.join("; ")
}

fn waiting(queue: &Queue) -> String {
    if queue.items == BySignal::default() && queue.objects == 0 {
        return "nothing".to_owned();
    }
    let BySignal { logs, metrics, traces, profiles } = queue.items;
    let items: Vec<_> =
        [(logs, "log record"), (metrics, "data point"), (traces, "span"), (profiles, "profile")]
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, one)| counted(number, one))
            .collect();
    let oldest = match queue.oldest_age_seconds {
        Some(seconds) => format!("; the oldest for {}", time(Duration::from_secs(seconds))),
        None => String::new(),
    };
    let drained = match queue.seconds_until_drained {
        Some(seconds @ 1..) => format!("; drained in {}", time(Duration::from_secs(seconds))),
        _ => String::new(),
    };
    format!(
        "{} ({}) in {} and {}{oldest}{drained}",
        items.join(", "),
        bytes(queue.bytes),
        counted(queue.segments, "segment"),
        counted(queue.objects, "object"),
    )
}

/// As many buckets as are shown.
const BUCKETS_MAX: usize = 8;

/// The buckets that fail first, then those for which something waits.
fn buckets(status: &Status, now: Timestamp) -> impl Iterator<Item = String> {
    let mut buckets: Vec<_> = status.outputs.iter().flat_map(|output| &output.buckets).collect();
    buckets.sort_by_key(|bucket| bucket.failing_since.is_none());
    let more = buckets.len().saturating_sub(BUCKETS_MAX);
    let lines: Vec<_> = buckets.into_iter().take(BUCKETS_MAX).map(|shown| bucket(shown, now)).collect();
    lines.into_iter().chain((more > 0).then(|| format!("and {} more", count(more as u64))))
}

/// As many objects as are shown that are tried again.
const RETRIED_MAX: usize = 3;

/// The oldest objects that are tried again, with the store's own words.
fn retried(status: &Status, now: Timestamp) -> impl Iterator<Item = String> {
    status.objects.retrying.iter().take(RETRIED_MAX).map(move |object| {
        let tries = counted(object.attempts, "attempt");
        let said = object.last_error.as_ref().map_or("", |error| error.message.as_str());
        let next = match object.next_attempt_at {
            Some(at) if at > now => format!("again in {}", since(now, at)),
            _ => "again now".to_owned(),
        };
        format!("{}: {tries}, {next}; {said}", object.key)
    })
}

fn bucket(bucket: &Bucket, now: Timestamp) -> String {
    let waiting = format!("{} waiting ({})", counted(bucket.objects, "object"), bytes(bucket.bytes));
    let mut words = vec![format!("{}: {waiting}", bucket.name)];
    words.extend(bucket.failing_since.map(|from| format!("NOT delivering, for {}", since(from, now))));
    words.extend(bucket.last_error.as_ref().map(|error| error.message.clone()));
    words.join("; ")
}

fn disk(disk: &Disk) -> String {
    let percent = u128::from(disk.used_bytes) * 100 / u128::from(disk.budget_bytes.max(1));
    let full = match disk.seconds_until_full {
        Some(seconds) => {
            format!("; used up in {} if it goes on like this", time(Duration::from_secs(seconds)))
        }
        None => String::new(),
    };
    format!(
        "{} of {} used ({percent} %), {} free{full}",
        bytes(disk.used_bytes),
        bytes(disk.budget_bytes),
        bytes(disk.free_bytes)
    )
}

fn lost(status: &Status) -> String {
    let losses = &status.losses;
    let dropped = losses.dropped_items.total();
    let mut words = Vec::new();
    if dropped > 0 {
        words.push(format!("{} items dropped, as log.when_full says", count(dropped)));
    }
    if losses.damaged_ranges > 0 {
        let ranges = counted(losses.damaged_ranges, "damaged range");
        words.push(format!("{} in {ranges} of the log", counted(losses.damaged_records, "record")));
    }
    if losses.damaged_objects > 0 {
        words.push(counted(losses.damaged_objects, "damaged object"));
    }
    words.join("; ")
}

fn since(at: Timestamp, now: Timestamp) -> String {
    time(Duration::try_from(now.duration_since(at)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::{Delivery, DeliveryError, Intake, Listener, Losses, Output, RetriedObject};

    fn fine() -> Status {
        Status {
            version: "1.2.3".to_owned(),
            started_at: Some(Timestamp::UNIX_EPOCH),
            uptime_seconds: 11_520,
            data_dir: "./forebay-data".to_owned(),
            destination: "s3://telemetry".to_owned(),
            listeners: vec![Listener {
                name: "grpc".to_owned(),
                address: "127.0.0.1:4317".to_owned(),
                tls: false,
                auth: false,
            }],
            intake: Intake { taking: true, reason: None },
            queue: Queue {
                items: BySignal { logs: 1_204, metrics: 0, traces: 1, profiles: 0 },
                bytes: 12_900_000,
                segments: 1,
                objects: 3,
                oldest_age_seconds: Some(75),
                seconds_until_drained: None,
            },
            disk: Disk {
                used_bytes: 1 << 30,
                budget_bytes: 10 << 30,
                free_bytes: 1 << 40,
                seconds_until_full: None,
            },
            delivery: Delivery {
                last_success_at: Some(Timestamp::UNIX_EPOCH),
                objects_delivered: 7,
                ..Delivery::default()
            },
            ..Status::default()
        }
    }

    #[test]
    fn a_status_fits_on_a_screen_and_says_everything_in_words() {
        let now = Timestamp::from_second(125).unwrap();
        assert_eq!(
            text(&fine(), now),
            "\
forebay 1.2.3 is fine; running for 3 h 12 min, data in ./forebay-data

  taking in      yes
  delivering     yes, 7 objects since the start; the last object 2 min 5 s ago
  waiting        1,204 log records, 1 span (12.3 MiB) in 1 segment and 3 objects; the oldest for 1 min 15 s
  disk           1 GiB of 10 GiB used (10 %), 1 TiB free
  objects go to  s3://telemetry
  listening on   grpc 127.0.0.1:4317
"
        );

        let mut routed = fine();
        let failing = Bucket {
            name: "lake-b".to_owned(),
            objects: 2,
            bytes: 2048,
            failing_since: Some(Timestamp::from_second(65).unwrap()),
            last_error: Some(DeliveryError { at: now, message: "404 NoSuchBucket".to_owned() }),
            ..Bucket::default()
        };
        let working = |name: usize| Bucket { name: format!("lake-{name}"), objects: 1, ..Bucket::default() };
        let buckets = (0..9).map(working).chain([failing]).collect();
        routed.outputs = vec![Output { buckets, ..Output::default() }];
        let said = text(&routed, now);
        for words in [
            "bucket         lake-b: 2 objects waiting (2 KiB); NOT delivering, for 1 min; 404 NoSuchBucket",
            "bucket         lake-6: 1 object waiting (0 B)\n  bucket         and 2 more\n",
        ] {
            assert!(said.contains(words), "{words} is missing in\n{said}");
        }

        let mut busy = fine();
        busy.rates = Rates {
            over_seconds: 60,
            received_items_per_second: 12.34,
            received_bytes_per_second: 4_300.0,
            delivered_items_per_second: 20.0,
            delivered_bytes_per_second: 800.4,
        };
        busy.queue.seconds_until_drained = Some(600);
        busy.notes = vec!["delivery waits until 22:00 (upload.hours)".to_owned()];
        busy.objects.retrying = vec![RetriedObject {
            key: "logs/a.parquet".to_owned(),
            attempts: 3,
            last_error: Some(DeliveryError { at: now, message: "503 SlowDown".to_owned() }),
            next_attempt_at: Some(Timestamp::from_second(127).unwrap()),
            ..RetriedObject::default()
        }];
        let said = text(&busy, now);
        for words in [
            "for 1 min 15 s; drained in 10 min\n",
            "at this rate   in 12.3 items (4.1 KiB) a second, out 20.0 items (800 B) a second\n",
            "tried again    logs/a.parquet: 3 attempts, again in 2 s; 503 SlowDown\n",
            "note           delivery waits until 22:00 (upload.hours)\n",
        ] {
            assert!(said.contains(words), "{words} is missing in\n{said}");
        }

        let mut broken = fine();
        broken.intake = Intake { taking: false, reason: Some("the disk budget is used up".to_owned()) };
        broken.delivery.failing_since = Some(Timestamp::from_second(65).unwrap());
        broken.delivery.last_error = Some(DeliveryError { at: now, message: "403 Forbidden".to_owned() });
        broken.disk.seconds_until_full = Some(0);
        broken.losses = Losses { damaged_ranges: 1, damaged_records: 2, ..Losses::default() };
        let said = text(&broken.judged(now), now);
        assert!(said.starts_with("forebay 1.2.3 is REFUSING: the disk budget is used up; running"), "{said}");
        for words in [
            "taking in      NO: the disk budget is used up",
            "delivering     NO, for 1 min; the last object 2 min 5 s ago; 403 Forbidden",
            "used up in 0 s",
            "lost           2 records in 1 damaged range of the log",
        ] {
            assert!(said.contains(words), "{words} is missing in\n{said}");
        }
    }
}
