//! Which requests meet which fault.

use std::time::Duration;

use crate::faults::interposer::Times;
use crate::support::s3::On;
use crate::world::random::Random;

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This answer; the store is told nothing.
    Answer(u16, &'static str),
    /// 200 with an error in the body; the store is told nothing.
    ErrorInBody,
    /// The request is read, and never answered; the store is told nothing.
    BlackHole,
    /// Of the request no more than its head is read, and it is never answered.
    HalfOpen,
    /// The connection is reset when half of the body has come; the store is told nothing.
    Reset,
    /// The request takes effect, and the connection is reset without an answer.
    LoseAnswer,
    /// The request takes effect, and the answer says this.
    AnswerAfterEffect(u16, &'static str),
    /// The request takes effect, and the answer is 200 with an error in the body.
    ErrorInBodyAfterEffect,
    /// The request takes effect at once, and the answer comes so much later.
    LateAnswer(Duration),
    /// The request takes effect so much later, even if nobody waits for it any more.
    LateEffect(Duration),
    /// A byte of the body is another.
    Flip,
    /// The store gets it twice, one after the other, and the second answer is the one that comes back.
    Twice,
    /// The program is killed before the store is told anything.
    KillBefore,
    /// The program is killed when the request has taken effect, before it gets the answer.
    KillAfter,
}

/// Which of the requests of a kind a fault meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// By their number since the rule was made.
    Nth(Times),
    /// So many in a thousand, which ones this seed decides.
    Chance { in_thousand: u64, seed: u64 },
}

impl When {
    pub(crate) const ALWAYS: Self = Self::Nth(Times::ALWAYS);

    pub(crate) const fn once(nth: u64) -> Self {
        Self::Nth(Times::once(nth))
    }

    /// The first so many.
    pub(crate) const fn first(count: u64) -> Self {
        Self::Nth(Times::to(count))
    }
}

/// A rule that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule(usize);

/// All rules that were ever made.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<Written>);

#[derive(Debug)]
struct Written {
    on: On,
    when: When,
    random: Random,
    fault: Fault,
    is_in_force: bool,
    /// Requests of the kind.
    seen: u64,
    /// Those that met the fault.
    met: u64,
}

impl Rules {
    pub(super) fn add(&mut self, on: On, when: When, fault: Fault) -> Rule {
        let seed = if let When::Chance { seed, .. } = when { seed } else { 0 };
        let random = Random::new(seed);
        self.0.push(Written { on, when, random, fault, is_in_force: true, seen: 0, met: 0 });
        Rule(self.0.len() - 1)
    }

    pub(super) fn met(&self, rule: Rule) -> u64 {
        self.0[rule.0].met
    }

    pub(super) fn end(&mut self) {
        for rule in &mut self.0 {
            rule.is_in_force = false;
        }
    }

    /// The fault of a request of this kind: that of the oldest rule that has one for it.
    pub(super) fn next(&mut self, on: Option<On>) -> Option<Fault> {
        let mut fault = None;
        for rule in &mut self.0 {
            if !rule.is_in_force || rule.on != On::Any && Some(rule.on) != on {
                continue;
            }
            rule.seen += 1;
            let is_met = match rule.when {
                When::Nth(times) => times.has(rule.seen),
                When::Chance { in_thousand, .. } => rule.random.within(0, 1000) < in_thousand,
            };
            if is_met && fault.is_none() {
                rule.met += 1;
                fault = Some(rule.fault);
            }
        }
        fault
    }
}
