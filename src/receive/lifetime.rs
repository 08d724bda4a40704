//! When a connection ends that its client does not close.

use std::future::poll_fn;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::ConnectionOptions;
use super::activity::Activity;

/// How long a client without a request may take to close a connection of which it was told that it ends.
const FAREWELL: Duration = Duration::from_secs(5);

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Its requests are answered, and its client is told to send no more.
    Gracefully,
    /// Without a word.
    AtOnce,
}

/// How long a connection lasts.
#[derive(Debug)]
pub(super) struct Lifetime {
    activity: Activity,
    options: ConnectionOptions,
    /// When it has become old, until that was said; and when that is over in any case.
    old_at: Option<Instant>,
    over_at: Option<Instant>,
    /// When its client was told that it ends.
    told_at: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl Lifetime {
    /// Of a connection that has just come.
    pub(super) fn begin(activity: Activity, options: &ConnectionOptions) -> Self {
        let now = Instant::now();
        let old_at = options.max_age.duration().map(|age| now + a_tenth_more_or_less(age));
        Self {
            activity,
            old_at,
            over_at: old_at.map(|at| at + options.max_age_grace.duration()),
            options: options.clone(),
            told_at: None,
            timer: Box::pin(sleep_until(now)),
        }
    }

    /// The next time that it ends, in one way or the other. Has to be polled whenever the connection was.
    pub(super) async fn end(&mut self) -> End {
        poll_fn(|context| self.poll_end(context)).await
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<End> {
        loop {
            let now = Instant::now();
            if let Some(end) = self.due(now) {
                return Poll::Ready(end);
            }
            let Some(next) = self.next() else { return Poll::Pending };
            // A timer that rings too early costs less than one that is set anew for each request.
            if self.timer.is_elapsed() || self.timer.deadline() > next {
                self.timer.as_mut().reset(next);
            }
            if self.timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// What is due now.
    fn due(&mut self, now: Instant) -> Option<End> {
        let is_past = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_past(self.head_due()) || is_past(self.over_at) {
            return Some(End::AtOnce);
        }
        if is_past(self.old_at) {
            self.old_at = None;
            if self.activity.is_http2() {
                self.told_at = Some(now);
                return Some(End::Gracefully);
            }
            // Closing it now would lose a request that is on its way.
            self.activity.end_after_next_answer();
        }
        if is_past(self.idle_due()) {
            let was_told = self.told_at.replace(now).is_some();
            return Some(if was_told { End::AtOnce } else { End::Gracefully });
        }
        None
    }

    /// When something is due next, as things are.
    fn next(&self) -> Option<Instant> {
        [self.head_due(), self.idle_due(), self.old_at, self.over_at].into_iter().flatten().min()
    }

    fn head_due(&self) -> Option<Instant> {
        self.activity.head_due(self.options.header_timeout.duration())
    }

    fn idle_due(&self) -> Option<Instant> {
        let idle_since = self.activity.idle_since()?;
        match self.told_at {
            Some(told_at) => Some(idle_since.max(told_at) + FAREWELL),
            None => self.options.idle_timeout.duration().map(|timeout| idle_since + timeout),
        }
    }
}

/// So that those who came together do not come again together.
fn a_tenth_more_or_less(age: Duration) -> Duration {
    let chance = RandomState::new().build_hasher().finish() % 201;
    let thousandths = u32::try_from(900 + chance).unwrap_or(1000);
    age / 1000 * thousandths
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;
    use crate::units::{Span, SpanOrOff};

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_nothing_is_told_after_the_idle_timeout_and_cut_off_after_a_farewell() {
        let activity = Activity::begin();
        let options =
            ConnectionOptions { idle_timeout: SpanOrOff::seconds(60), ..ConnectionOptions::default() };
        let mut lifetime = Lifetime::begin(activity.clone(), &options);
        let request = activity.request();
        assert!(timeout(seconds(1000), lifetime.end()).await.is_err(), "a request takes as long as it takes");
        let answered = Instant::now();
        drop(request);
        assert_eq!((lifetime.end().await, answered.elapsed()), (End::Gracefully, seconds(60)));
        assert_eq!((lifetime.end().await, answered.elapsed()), (End::AtOnce, seconds(65)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_may_be_idle_and_old_never_ends() {
        let options = ConnectionOptions { idle_timeout: SpanOrOff::OFF, ..ConnectionOptions::default() };
        let mut lifetime = Lifetime::begin(Activity::begin(), &options);
        assert!(timeout(seconds(1_000_000), lifetime.end()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_connection_ends_with_its_next_answer_over_http1_or_after_its_grace() {
        let activity = Activity::begin();
        let options = ConnectionOptions {
            idle_timeout: SpanOrOff::OFF,
            max_age: SpanOrOff::seconds(100),
            max_age_grace: Span::seconds(10),
            ..ConnectionOptions::default()
        };
        let mut lifetime = Lifetime::begin(activity.clone(), &options);
        let _request = activity.request();
        let began = Instant::now();
        assert!(timeout(seconds(90), lifetime.end()).await.is_err());
        assert_eq!(lifetime.end().await, End::AtOnce);
        assert!(activity.ends());
        assert!((seconds(100)..=seconds(120)).contains(&began.elapsed()), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_connection_over_http2_has_time_to_say_farewell() {
        let activity = Activity::begin();
        activity.note(b"PRI * HTTP/2.0");
        let options = ConnectionOptions {
            idle_timeout: SpanOrOff::OFF,
            max_age: SpanOrOff::seconds(100),
            ..ConnectionOptions::default()
        };
        let mut lifetime = Lifetime::begin(activity, &options);
        assert_eq!(lifetime.end().await, End::Gracefully);
        let told = Instant::now();
        assert_eq!((lifetime.end().await, told.elapsed()), (End::AtOnce, FAREWELL));
    }

    #[test]
    fn ages_differ_by_a_tenth_at_most() {
        let ages: Vec<_> = (0..100).map(|_| a_tenth_more_or_less(seconds(1000))).collect();
        assert!(ages.iter().all(|age| (seconds(900)..=seconds(1100)).contains(age)), "{ages:?}");
        assert!(ages.iter().any(|age| *age != ages[0]), "not all the same");
    }
}
