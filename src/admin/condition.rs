//! How forebay is doing, all in one word, and why: the one place that decides it, for `/status`, its page and the command.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Delivery, Output, Status};
use crate::words::{bytes, count, counted, time};

/// How much of the disk budget may be used before that is a reason to look, in percent.
const USED_PERCENT: u64 = 80;

/// Where so much of it is used, in percent, a forecast is believed at once.
const BELIEVED_PERCENT: u64 = 50;

/// After such a time a forecast is believed in any case: what is set aside at a start passes for growth before that.
const BELIEVED_AFTER: u64 = 300;

/// A disk that is full before such a time is a reason to look.
const FULL_WITHIN: u64 = 3600;

/// After such a time it is worth a note if nothing has come in.
const SILENT_AFTER: u64 = 60;

/// How forebay is doing, as one word for people and one number for scripts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// All is well.
    #[default]
    Fine,
    /// It takes data in, and somebody should look: it does not deliver, or its disk is nearly full, or something was lost.
    Degraded,
    /// It takes nothing in, or does not run.
    Refusing,
}

impl Condition {
    /// `fine`, `degraded` or `refusing`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Degraded => "degraded",
            Self::Refusing => "refusing",
        }
    }

    /// The exit code of `forebay status`: 0, 1 or 2.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Degraded => 1,
            Self::Refusing => 2,
        }
    }

    /// What a status amounts to, whoever made it: that of a forebay that did not say it yet, too.
    pub fn of(status: &Status) -> Self {
        match status {
            status if !status.intake.taking => Self::Refusing,
            status if reasons(status, Timestamp::now()).is_empty() => Self::Fine,
            _ => Self::Degraded,
        }
    }
}

impl Status {
    /// Fills in the condition, its reasons and the notes, from all the rest.
    #[must_use]
    pub fn judged(mut self, now: Timestamp) -> Self {
        self.condition = Condition::of(&self);
        self.reasons = reasons(&self, now);
        self.notes.extend(notes(&self));
        self
    }

    /// The condition with the worst that it stands for: `fine`, or `DEGRADED: nothing is delivered, ...`.
    pub fn verdict(&self) -> String {
        let condition = Condition::of(self);
        match self.reasons.first() {
            _ if condition == Condition::Fine => condition.name().to_owned(),
            Some(reason) => format!("{}: {reason}", condition.name().to_uppercase()),
            None => condition.name().to_uppercase(),
        }
    }
}

/// Why it is not fine, the worst first.
fn reasons(status: &Status, now: Timestamp) -> Vec<String> {
    let refusing = (!status.intake.taking)
        .then(|| status.intake.reason.clone().unwrap_or_else(|| "nothing is taken in".to_owned()));
    let runs = status.started_at.is_some();
    let mut reasons: Vec<_> = refusing.into_iter().collect();
    reasons.extend(lost(status));
    reasons.extend(not_delivering(status, now));
    reasons.extend(disk_nearly_full(status));
    reasons.extend(disk_soon_full(status).filter(|_| runs));
    reasons.extend(status.ledger_degraded.then(|| {
        "the ledger is damaged and done without: nothing is lost, but an object may be sent to the bucket once more \
         after a restart; look at the disk"
            .to_owned()
    }));
    reasons
}

fn lost(status: &Status) -> Option<String> {
    let losses = &status.losses;
    let dropped = losses.dropped_items.total();
    let parts = [
        (dropped > 0).then(|| format!("{} dropped, as log.when_full says", counted(dropped, "item"))),
        (losses.damaged_ranges > 0).then(|| {
            let ranges = counted(losses.damaged_ranges, "damaged range");
            format!("{} in {ranges} of the log", counted(losses.damaged_records, "record"))
        }),
        (losses.damaged_objects > 0).then(|| counted(losses.damaged_objects, "damaged object")),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("lost since the start: {}", parts.join("; ")))
}

/// One sentence for each output and each bucket that takes nothing.
fn not_delivering(status: &Status, now: Timestamp) -> Vec<String> {
    let several = status.outputs.len() > 1;
    if status.outputs.is_empty() {
        let whole = Output { delivery: status.delivery.clone(), ..Output::default() };
        return of_output(&whole, "nothing is delivered", now);
    }
    let of_each = |output: &Output| {
        let what = if several {
            format!("output {} delivers nothing", output.name)
        } else {
            "nothing is delivered".to_owned()
        };
        of_output(output, &what, now)
    };
    status.outputs.iter().flat_map(of_each).collect()
}

fn of_output(output: &Output, what: &str, now: Timestamp) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for bucket in &output.buckets {
        let Some(since) = bucket.failing_since else { continue };
        let words = bucket.last_error.as_ref().map_or("", |error| error.message.as_str());
        sentences.push(format!("bucket {} takes nothing, for {}: {words}", bucket.name, past(since, now)));
    }
    let Delivery { failing_since, last_error, .. } = &output.delivery;
    let Some(since) = *failing_since else { return sentences };
    let words = last_error.as_ref().map_or("", |error| error.message.as_str());
    // What the output says of itself is then what one of its buckets says.
    let is_told = output.buckets.iter().any(|bucket| {
        bucket.failing_since.is_some() && words.starts_with(&format!("bucket {}: ", bucket.name))
    });
    if !is_told {
        sentences.insert(0, format!("{what}, for {}: {words}", past(since, now)));
    }
    sentences
}

fn disk_nearly_full(status: &Status) -> Option<String> {
    let disk = &status.disk;
    let percent = percent(disk.used_bytes, disk.budget_bytes);
    let is_over = u128::from(disk.used_bytes) * 100
        > u128::from(disk.budget_bytes) * u128::from(USED_PERCENT)
        && disk.budget_bytes > 0;
    is_over.then(|| {
        format!(
            "{percent} % of log.disk_budget are used: {} of {}",
            bytes(disk.used_bytes),
            bytes(disk.budget_bytes)
        )
    })
}

fn disk_soon_full(status: &Status) -> Option<String> {
    let disk = &status.disk;
    let seconds = disk.seconds_until_full.filter(|seconds| *seconds < FULL_WITHIN)?;
    let is_believed = status.uptime_seconds >= BELIEVED_AFTER
        || percent(disk.used_bytes, disk.budget_bytes) >= BELIEVED_PERCENT;
    is_believed.then(|| {
        let left = time(Duration::from_secs(seconds));
        format!("log.disk_budget will be used up in {left} if it goes on like this")
    })
}

/// What is worth knowing and no fault.
fn notes(status: &Status) -> Vec<String> {
    let requests = status.received.requests;
    let is_silent = status.started_at.is_some()
        && status.uptime_seconds >= SILENT_AFTER
        && requests.acknowledged + requests.refused + requests.rejected == 0;
    let told = |number: u64, what: &str| {
        let verb = if number == 1 { "was" } else { "were" };
        (number > 0).then(|| format!("{} {verb} {what} since the start", counted(number, "request")))
    };
    let left_out = status.received.tenants_left_out;
    [
        is_silent.then(|| "nothing has come in since the start".to_owned()),
        told(requests.refused, "told to come back"),
        told(requests.rejected, "rejected for good, because of what is in them or who sent them,"),
        (left_out > 0).then(|| format!("{} more tenants are not listed", count(left_out))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn percent(part: u64, whole: u64) -> u64 {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    u64::try_from(percent).unwrap_or(u64::MAX)
}

fn past(at: Timestamp, now: Timestamp) -> String {
    time(Duration::try_from(now.duration_since(at)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::{Bucket, DeliveryError, Disk, Intake, Losses};

    fn fine() -> Status {
        Status {
            started_at: Some(Timestamp::UNIX_EPOCH),
            uptime_seconds: 30,
            intake: Intake { taking: true, reason: None },
            disk: Disk { used_bytes: 80, budget_bytes: 100, ..Disk::default() },
            outputs: vec![Output { name: "main".to_owned(), ..Output::default() }],
            ..Status::default()
        }
    }

    fn failing(message: &str) -> Delivery {
        let last_error = Some(DeliveryError { at: Timestamp::UNIX_EPOCH, message: message.to_owned() });
        Delivery { failing_since: Some(Timestamp::UNIX_EPOCH), last_error, ..Delivery::default() }
    }

    /// A change for the worse, and what is said of it.
    type Case<'a> = (&'a dyn Fn(&mut Status), &'a str);

    fn judged(change: impl FnOnce(&mut Status)) -> Status {
        let mut status = fine();
        change(&mut status);
        status.judged(Timestamp::from_second(90).unwrap())
    }

    #[test]
    fn each_fault_alone_is_told_and_is_worse_than_fine() {
        assert_eq!((judged(|_| {}).condition, judged(|_| {}).reasons), (Condition::Fine, vec![]));
        let cases: [Case<'_>; 8] = [
            (
                &|status| status.outputs[0].delivery = failing("503"),
                "nothing is delivered, for 1 min 30 s: 503",
            ),
            (&|status| status.disk.used_bytes = 81, "81 % of log.disk_budget are used: 81 B of 100 B"),
            (
                &|status| status.disk.seconds_until_full = Some(3599),
                "log.disk_budget will be used up in 59 min 59 s if it goes on like this",
            ),
            (
                &|status| status.losses = Losses { dropped_items: [3, 0, 0, 0].into(), ..Losses::default() },
                "lost since the start: 3 items dropped, as log.when_full says",
            ),
            (&|status| status.losses.damaged_objects = 1, "lost since the start: 1 damaged object"),
            (
                &|status| status.ledger_degraded = true,
                "the ledger is damaged and done without: nothing is lost, but an object may be sent to the bucket once more after a restart; look at the disk",
            ),
            (
                &|status| {
                    status.outputs[0].buckets = vec![Bucket {
                        name: "lake".to_owned(),
                        failing_since: Some(Timestamp::UNIX_EPOCH),
                        last_error: failing("404").last_error,
                        ..Bucket::default()
                    }];
                },
                "bucket lake takes nothing, for 1 min 30 s: 404",
            ),
            // As an older forebay says it, which has no outputs.
            (
                &|status| {
                    status.outputs.clear();
                    status.delivery = failing("403");
                },
                "nothing is delivered, for 1 min 30 s: 403",
            ),
        ];
        for (change, reason) in cases {
            let status = judged(change);
            assert_eq!((status.condition, status.reasons), (Condition::Degraded, vec![reason.to_owned()]));
        }
    }

    #[test]
    fn what_is_no_fault_is_none() {
        for change in [
            &(|status: &mut Status| status.disk.seconds_until_full = Some(3600)) as &dyn Fn(&mut Status),
            // Right after a start, with an empty disk, what is set aside passes for growth.
            &|status| (status.disk.used_bytes, status.disk.seconds_until_full) = (49, Some(60)),
            &|status| status.delivery.last_error = failing("503").last_error,
            &|status| status.received.requests.rejected = 7,
        ] {
            let status = judged(change);
            assert_eq!((status.condition, status.reasons), (Condition::Fine, vec![]));
        }
    }

    #[test]
    fn refusing_is_the_worst_and_comes_first() {
        let status = judged(|status| {
            status.intake = Intake { taking: false, reason: Some("no room on disk".to_owned()) };
            status.outputs.push(Output {
                name: "lake".to_owned(),
                delivery: failing("500"),
                ..Output::default()
            });
            status.disk.used_bytes = 100;
        });
        assert_eq!(status.condition, Condition::Refusing);
        assert_eq!(
            status.reasons,
            [
                "no room on disk",
                "output lake delivers nothing, for 1 min 30 s: 500",
                "100 % of log.disk_budget are used: 100 B of 100 B"
            ]
        );
        let codes = [Condition::Fine, Condition::Degraded, Condition::Refusing].map(Condition::exit_code);
        assert_eq!(codes, [0, 1, 2]);
    }

    #[test]
    fn a_trouble_of_a_bucket_is_told_once() {
        let status = judged(|status| {
            let bucket = Bucket {
                name: "lake".to_owned(),
                failing_since: Some(Timestamp::UNIX_EPOCH),
                last_error: failing("404").last_error,
                ..Bucket::default()
            };
            status.outputs[0].buckets = vec![bucket];
            status.outputs[0].delivery = failing("bucket lake: 404");
        });
        assert_eq!(status.reasons, ["bucket lake takes nothing, for 1 min 30 s: 404"]);
    }

    #[test]
    fn silence_and_what_was_turned_away_are_noted() {
        let silent = |status: &mut Status| status.uptime_seconds = 60;
        assert_eq!(judged(silent).notes, ["nothing has come in since the start"]);
        let notes = judged(|status| {
            silent(status);
            status.received.requests.refused = 1;
            status.received.requests.rejected = 2;
            status.notes = vec!["delivery waits until 22:00 (upload.hours)".to_owned()];
        })
        .notes;
        assert_eq!(
            notes,
            [
                "delivery waits until 22:00 (upload.hours)",
                "1 request was told to come back since the start",
                "2 requests were rejected for good, because of what is in them or who sent them, since the start"
            ]
        );
    }
}
