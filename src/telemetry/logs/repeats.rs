//! Which events are shown: the first of its kind at once, and then at most one in a while.
//!
//! ```text
//! told    a a a a a a a a a        a                     a
//! shown   a        a(+6)           a                     a
//!         |--------|--------|      |--------|            |    a while each; (+6): so many others were left out
//! ```
//!
//! Events are of one kind if they come from the same place in the code and have the same message; their fields may differ.
//! What was left out is told when the while is over, with the last one of it, also if no other comes; or in the end.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;

use super::event::Event;

/// Kinds that are remembered, at about 8 KiB at most each. When there are more, those that are new are told apart by their
/// place in the code only.
const KINDS: usize = 1024;

/// What makes events alike: where they come from, and what they say.
type Kind = (Identifier, String);

/// Decides which events are shown.
#[derive(Debug)]
pub(super) struct Repeats {
    /// A while; 0 shows all.
    after: Duration,
    known: HashMap<Kind, Known>,
}

/// What is known of one kind.
#[derive(Debug)]
struct Known {
    while_ends: Instant,
    /// How many were left out since one was shown, and the last of them.
    left_out: Option<(u64, Event)>,
}

impl Repeats {
    /// Shows one in `after` at most.
    pub(super) fn new(after: Duration) -> Self {
        Self { after, known: HashMap::new() }
    }

    /// The event, if it is to be shown now.
    pub(super) fn admit(&mut self, from: Identifier, event: Event, now: Instant) -> Option<Event> {
        if self.after.is_zero() {
            return Some(event);
        }
        let mut kind = (from, event.message.clone());
        if !self.known.contains_key(&kind) && self.known.len() >= KINDS {
            self.known.retain(|_, known| known.left_out.is_some() || known.while_ends > now);
            if self.known.len() >= KINDS {
                kind.1.clear();
            }
        }
        let while_ends = now + self.after;
        let Some(known) = self.known.get_mut(&kind) else {
            self.known.insert(kind, Known { while_ends, left_out: None });
            return Some(event);
        };
        if known.while_ends > now {
            let before = known.left_out.take().map_or(0, |(count, _)| count);
            known.left_out = Some((before + 1, event));
            return None;
        }
        let repeated = known.left_out.take().map_or(0, |(count, _)| count);
        known.while_ends = while_ends;
        Some(Event { repeated, ..event })
    }

    /// When [`Repeats::due`] has something to tell, if nothing else happens.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let waiting = self.known.values().filter(|known| known.left_out.is_some());
        waiting.map(|known| known.while_ends).min()
    }

    /// What was left out in whiles that are over.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Event> {
        let after = self.after;
        let over = self.known.values_mut().filter(|known| known.while_ends <= now);
        let shown = over.filter_map(|known| {
            let last = last(known.left_out.take()?);
            known.while_ends = now + after;
            Some(last)
        });
        in_order(shown.collect())
    }

    /// Everything that was left out and not told yet.
    pub(super) fn rest(&mut self) -> Vec<Event> {
        in_order(self.known.drain().filter_map(|(_, known)| known.left_out.map(last)).collect())
    }
}

/// The last of so many that were left out, which is shown for them.
fn last((count, event): (u64, Event)) -> Event {
    Event { repeated: count.saturating_sub(1), ..event }
}

fn in_order(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_key(|event| event.time);
    events
}

#[cfg(test)]
mod tests {
    use tracing::callsite::{Callsite, Identifier};
    use tracing::subscriber::Interest;
    use tracing::{Level, Metadata};

    use super::*;

    /// A place in the code. It has a size, so that its address is no other's.
    struct Place(u8);

    impl Callsite for Place {
        fn set_interest(&self, _: Interest) {}

        fn metadata(&self) -> &Metadata<'_> {
            unreachable!("nobody asks {}", self.0)
        }
    }

    static PLACES: [Place; 2] = [Place(0), Place(1)];

    const WHILE: Duration = Duration::from_mins(1);

    fn place() -> Identifier {
        Identifier(&PLACES[0])
    }

    fn failed(number: u64) -> Event {
        let fields = vec![("number", super::super::event::Value::Unsigned(number))];
        Event { fields, ..Event::test(Level::ERROR, "it failed") }
    }

    /// What is shown of events told at these seconds, each with the number of the last and how many others it stands for.
    fn shown(
        repeats: &mut Repeats,
        start: Instant,
        seconds: impl IntoIterator<Item = u64>,
    ) -> Vec<(Event, u64)> {
        let told = seconds.into_iter().filter_map(|second| {
            let now = start + Duration::from_secs(second);
            repeats.admit(place(), failed(second), now).map(|event| (failed(second), event.repeated))
        });
        told.collect()
    }

    #[test]
    fn the_first_is_shown_at_once_and_then_one_in_a_while_stands_for_all() {
        let (mut repeats, start) = (Repeats::new(WHILE), Instant::now());
        assert_eq!(shown(&mut repeats, start, 0..60), [(failed(0), 0)]);
        assert_eq!(repeats.next_due(), Some(start + WHILE));
        assert_eq!(repeats.due(start + Duration::from_millis(59_999)), []);
        let due = repeats.due(start + WHILE);
        assert_eq!(due, [Event { repeated: 58, ..failed(59) }], "the last one, with its own fields");
        assert_eq!(repeats.next_due(), None);
        assert_eq!(shown(&mut repeats, start, [61, 62]), [], "what was shown begins a new while");
        assert_eq!(repeats.rest(), [Event { repeated: 1, ..failed(62) }]);
        assert_eq!(repeats.rest(), []);
    }

    #[test]
    fn every_event_is_either_shown_or_counted() {
        let (mut repeats, start) = (Repeats::new(WHILE), Instant::now());
        // A few in a while, or many, or none; every third while nobody asks what is due.
        let seconds: Vec<u64> =
            (0..1000).filter(|second| second * second % 7 < 3 && second / 100 % 3 != 1).collect();
        let mut counted = 0;
        for &second in &seconds {
            let now = start + Duration::from_secs(second);
            if second / 60 % 3 != 0 {
                counted += repeats.due(now).iter().map(|event| 1 + event.repeated).sum::<u64>();
            }
            counted += repeats.admit(place(), failed(second), now).map_or(0, |event| 1 + event.repeated);
        }
        counted += repeats.rest().iter().map(|event| 1 + event.repeated).sum::<u64>();
        assert_eq!(counted, seconds.len() as u64);
    }

    #[test]
    fn events_of_another_place_or_message_are_of_another_kind() {
        let (mut repeats, now) = (Repeats::new(WHILE), Instant::now());
        let other = Event { message: "it works".to_owned(), ..failed(1) };
        for (place, event) in [
            (Identifier(&PLACES[0]), failed(1)),
            (Identifier(&PLACES[0]), other.clone()),
            (Identifier(&PLACES[1]), failed(1)),
        ] {
            assert_eq!(repeats.admit(place, event.clone(), now), Some(event));
        }
        assert_eq!(repeats.admit(place(), other, now), None);
    }

    #[test]
    fn what_is_remembered_is_bounded_however_many_kinds_there_are() {
        let (mut repeats, start) = (Repeats::new(WHILE), Instant::now());
        let message = |number: usize| Event::test(Level::WARN, &format!("number {number}"));
        let mut seen = 0;
        for number in 0..3 * KINDS {
            seen += u64::from(repeats.admit(place(), message(number), start).is_some());
        }
        assert!(repeats.known.len() <= KINDS + 1, "{}", repeats.known.len());
        assert_eq!(seen, KINDS as u64 + 1);
        let rest: u64 = repeats.due(start + WHILE).iter().map(|event| 1 + event.repeated).sum();
        assert_eq!(seen + rest, 3 * KINDS as u64, "all are counted");
        assert!(repeats.admit(place(), message(9999), start + 3 * WHILE).is_some());
        assert_eq!(repeats.known.len(), 1, "what is over is forgotten");
    }

    #[test]
    fn without_a_while_everything_is_shown() {
        let mut repeats = Repeats::new(Duration::ZERO);
        assert_eq!(shown(&mut repeats, Instant::now(), 0..3).len(), 3);
        assert_eq!(repeats.rest(), []);
    }
}
