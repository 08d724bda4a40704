use super::*;
use crate::otlp::Signal;
use crate::pack::OutputName;

fn batch(segment: u64, objects: usize) -> Batch {
    let object = |index: usize| Object {
        bucket: None,
        key: format!("{segment}-{index}"),
        file: format!("{segment}-{index}"),
        signal: Signal::Logs,
        records: 1,
        items: 10,
        bytes: 100,
        blake3: String::new(),
        first_received_at: segment * 1000,
        last_received_at: segment * 1000,
        content_type: "x/y".into(),
        content_encoding: None,
    };
    Batch {
        segment: SegmentId(segment),
        output: OutputName::main(),
        objects: (0..objects).map(object).collect(),
    }
}

fn ticket(segment: u64, index: usize) -> Ticket {
    Ticket { segment: SegmentId(segment), index }
}

fn queue(concurrency: usize, batches: &[(u64, usize)]) -> Queue {
    let mut queue = Queue::new(concurrency, RetryOptions::default());
    for (segment, objects) in batches {
        assert_eq!(queue.add(batch(*segment, *objects), false), None);
    }
    queue
}

/// Every segment.
const ALL: SegmentId = SegmentId(u64::MAX);
const SOON: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(61);

#[test]
fn the_oldest_goes_first_and_a_few_at_a_time() {
    let mut queue = queue(3, &[(7, 1), (5, 2), (6, 1)]);
    let now = Instant::now();
    for expected in [ticket(5, 0), ticket(5, 1), ticket(6, 0)] {
        assert_eq!(queue.next(now, ALL), Decision::Start(expected));
    }
    assert_eq!(queue.next(now, ALL), Decision::Wait(None), "three are under way");
    assert_eq!(queue.succeeded(ticket(5, 1)), None);
    assert_eq!(queue.next(now, ALL), Decision::Start(ticket(7, 0)));
    assert_eq!(queue.succeeded(ticket(5, 0)), Some(batch(5, 2)), "the last one finishes the batch");
}

#[test]
fn an_outage_is_probed_by_one_attempt_at_a_time_and_a_success_opens_the_gate_for_all() {
    let mut queue = queue(4, &[(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]);
    let mut now = Instant::now();
    for segment in 1..=4 {
        assert_eq!(queue.next(now, ALL), Decision::Start(ticket(segment, 0)));
    }
    now += SOON;
    for segment in 1..=4 {
        queue.failed(ticket(segment, 0), now, None, true);
    }
    for _ in 0..20 {
        let Decision::Wait(Some(until)) = queue.next(now, ALL) else { panic!("the gate must be closed") };
        assert!(until - now <= Duration::from_mins(1));
        now = until;
        let Decision::Start(probe) = queue.next(now, ALL) else { panic!("a probe was due") };
        assert_eq!(queue.next(now, ALL), Decision::Wait(None), "only one probe");
        queue.failed(probe, now, None, true);
    }
    now += LATE;
    let Decision::Start(probe) = queue.next(now, ALL) else { panic!("a probe was due") };
    queue.succeeded(probe);
    let started = (0..4).filter(|_| matches!(queue.next(now, ALL), Decision::Start(_))).count();
    assert_eq!(started, 4, "full concurrency at once");
}

#[test]
fn failures_that_began_before_the_gate_closed_do_not_lengthen_its_wait() {
    let mut queue = queue(64, &[(1, 64)]);
    let now = Instant::now();
    while let Decision::Start(_) = queue.next(now, ALL) {}
    for index in 0..64 {
        queue.failed(ticket(1, index), now + SOON, None, true);
    }
    let Decision::Wait(Some(until)) = queue.next(now + SOON, ALL) else { panic!("the gate must be closed") };
    assert!(until - now <= SOON + Duration::from_millis(750), "the first wait, not the sixty-fourth");
}

#[test]
fn a_poisoned_object_never_holds_up_the_others() {
    let mut queue = queue(1, &[(1, 1), (2, 1), (3, 1)]);
    let mut now = Instant::now();
    let mut delivered = Vec::new();
    for _ in 0..20 {
        match queue.next(now, ALL) {
            Decision::Start(poisoned) if poisoned.segment == SegmentId(1) => {
                queue.failed(poisoned, now, None, true);
            }
            Decision::Start(other) => {
                queue.succeeded(other);
                delivered.push(other.segment.0);
            }
            Decision::Wait(until) => now = until.unwrap(),
        }
    }
    assert_eq!(delivered, [2, 3]);
}

#[test]
fn a_nudge_tries_everything_now() {
    let mut queue = queue(2, &[(1, 1)]);
    let now = Instant::now();
    assert_eq!(queue.next(now, ALL), Decision::Start(ticket(1, 0)));
    queue.failed(ticket(1, 0), now, Some(Duration::from_mins(1)), true);
    assert!(matches!(queue.next(now, ALL), Decision::Wait(Some(_))));
    queue.nudge();
    assert_eq!(queue.next(now, ALL), Decision::Start(ticket(1, 0)));
}

#[test]
fn the_oldest_batch_that_nothing_is_under_way_of_is_dropped() {
    let mut queue = queue(2, &[(1, 2), (2, 2)]);
    let now = Instant::now();
    assert_eq!(queue.next(now, ALL), Decision::Start(ticket(1, 0)));
    let (dropped, undelivered) = queue.take_oldest().unwrap();
    assert_eq!((dropped.segment, undelivered.len()), (SegmentId(2), 2));
    assert!(queue.take_oldest().is_none(), "a put of the other one is under way");
    queue.succeeded(ticket(1, 0));
    let (dropped, undelivered) = queue.take_oldest().unwrap();
    assert_eq!((dropped.segment, undelivered.len()), (SegmentId(1), 1), "what was delivered is not lost");
    assert!(queue.is_empty());
}

#[test]
fn the_depth_counts_what_is_not_delivered() {
    let mut queue = queue(2, &[(1, 2), (2, 1)]);
    let now = Instant::now();
    assert_eq!(queue.next(now, ALL), Decision::Start(ticket(1, 0)));
    queue.succeeded(ticket(1, 0));
    let depth = queue.depth();
    assert_eq!((depth.batches, depth.objects, depth.bytes, depth.items), (2, 2, 200, [20, 0, 0, 0]));
    assert_eq!(depth.oldest_received_at, Some(1000));
    assert_eq!(queue.add(batch(3, 0), false), Some(batch(3, 0)), "a batch without objects is done with");
    queue.finished(SegmentId(3));
}

/// A batch of one object for each of these buckets.
fn routed(segment: u64, buckets: &[&str]) -> Batch {
    let mut batch = batch(segment, buckets.len());
    for (object, bucket) in batch.objects.iter_mut().zip(buckets) {
        object.bucket = Some(*bucket).filter(|bucket| !bucket.is_empty()).map(str::to_owned);
    }
    batch
}

/// What is put within `turns` decisions, if puts into `broken` fail and all others succeed.
fn delivered(queue: &mut Queue, broken: &str, turns: usize) -> Vec<Ticket> {
    let mut now = Instant::now();
    let mut delivered = Vec::new();
    for _ in 0..turns {
        match queue.next(now, ALL) {
            Decision::Start(ticket) => {
                let (object, ..) = queue.object(ticket).unwrap();
                if object.bucket.as_deref().unwrap_or("") == broken {
                    queue.failed(ticket, now, None, true);
                } else {
                    queue.succeeded(ticket);
                    delivered.push(ticket);
                }
            }
            Decision::Wait(Some(until)) => now = until,
            Decision::Wait(None) => break,
        }
    }
    delivered
}

#[test]
fn a_bucket_in_trouble_holds_up_no_other_and_not_even_the_main_one_does() {
    for broken in ["lake-b", ""] {
        let mut queue = Queue::new(1, RetryOptions::default());
        for segment in 1..=5 {
            queue.add(routed(segment, &["lake-b", "", "lake-c"]), false);
        }
        let delivered = delivered(&mut queue, broken, 200);
        assert_eq!(delivered.len(), 10, "{broken}: {delivered:?}");
        assert!(queue.is_gate_closed());
        let depths = queue.depth_by_bucket();
        let left: Vec<_> =
            depths.iter().map(|(bucket, depth)| (bucket.as_deref().unwrap_or(""), depth.objects)).collect();
        assert_eq!(left, [(broken, 5)]);
    }
}

#[test]
fn a_success_opens_the_gate_of_its_bucket_alone() {
    let mut queue = Queue::new(4, RetryOptions::default());
    queue.add(routed(1, &["lake-b", "lake-b", "lake-c", "lake-c"]), false);
    let mut now = Instant::now();
    while let Decision::Start(_) = queue.next(now, ALL) {}
    for index in 0..4 {
        queue.failed(ticket(1, index), now, None, true);
    }
    now += LATE;
    let probes = [queue.next(now, ALL), queue.next(now, ALL)];
    assert_eq!(probes, [Decision::Start(ticket(1, 0)), Decision::Start(ticket(1, 2))], "one for each bucket");
    assert_eq!(queue.next(now, ALL), Decision::Wait(None));
    queue.succeeded(ticket(1, 2));
    assert_eq!(queue.next(now, ALL), Decision::Start(ticket(1, 3)));
    assert_eq!(queue.next(now, ALL), Decision::Wait(None), "the other one is still being probed");
    assert!(queue.is_gate_closed());
}

#[test]
fn probes_that_hang_leave_half_of_all_puts_to_buckets_that_work() {
    let mut queue = Queue::new(4, RetryOptions::default());
    let troubled: Vec<String> = (0..10).map(|number| format!("lake-{number}")).collect();
    queue.add(routed(1, &troubled.iter().map(String::as_str).collect::<Vec<_>>()), false);
    let mut now = Instant::now();
    for index in 0..10 {
        assert_eq!(queue.next(now, ALL), Decision::Start(ticket(1, index)));
        queue.failed(ticket(1, index), now, None, true);
    }
    now += LATE;
    queue.add(routed(2, &["", "", "", ""]), false);
    let started: Vec<_> = std::iter::from_fn(|| match queue.next(now, ALL) {
        Decision::Start(ticket) => Some(ticket.segment.0),
        Decision::Wait(_) => None,
    })
    .collect();
    assert_eq!(started, [1, 1, 2, 2]);
}

#[test]
fn what_was_dropped_leaves_no_gate_behind() {
    let mut queue = Queue::new(1, RetryOptions::default());
    queue.add(routed(1, &["lake-b"]), false);
    queue.add(routed(2, &[""]), false);
    let now = Instant::now();
    assert_eq!(queue.next(now, ALL), Decision::Start(ticket(1, 0)));
    queue.failed(ticket(1, 0), now, None, true);
    let (dropped, undelivered) = queue.take_oldest().unwrap();
    assert_eq!((dropped.segment, undelivered.len()), (SegmentId(1), 1));
    assert!(!queue.is_gate_closed());
    assert_eq!(queue.next(now, ALL), Decision::Start(ticket(2, 0)));
}

#[test]
fn only_what_was_asked_for_goes_while_it_is_closed() {
    let mut queue = queue(4, &[(5, 1), (6, 1), (7, 1)]);
    let now = Instant::now();
    assert!(queue.waits_after(None) && queue.waits_after(Some(SegmentId(6))));
    assert!(!queue.waits_after(Some(SegmentId(7))));
    assert_eq!(queue.next(now, SegmentId(4)), Decision::Wait(None));
    for segment in [5, 6] {
        assert!(!queue.is_empty_up_to(SegmentId(6)));
        assert_eq!(queue.next(now, SegmentId(6)), Decision::Start(ticket(segment, 0)));
        assert_eq!(queue.succeeded(ticket(segment, 0)), Some(batch(segment, 1)));
        queue.finished(SegmentId(segment));
    }
    assert_eq!(queue.next(now, SegmentId(6)), Decision::Wait(None));
    assert!(queue.is_empty_up_to(SegmentId(6)) && !queue.is_empty_up_to(SegmentId(7)));
    assert_eq!(queue.next(now, ALL), Decision::Start(ticket(7, 0)));
}
