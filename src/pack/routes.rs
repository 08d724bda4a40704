//! The routes that a segment is divided by, for one output.

use std::collections::{BTreeMap, HashSet};

use super::bucket_name::Misrouted;
use super::field::Values;
use super::key::{KeyTemplate, Route};
use crate::otlp::Signal;

/// The routes of a segment so far. Who comes first is served first, so that the records of a segment get the same ones each
/// time that they are gone through.
#[derive(Debug)]
pub(super) struct Routes {
    known: HashSet<Route>,
    most: usize,
}

/// The way of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Routed {
    pub(super) route: Route,
    /// What is to be told of it.
    pub(super) astray: Option<Astray>,
}

/// Why a record does not go where its values would take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Astray {
    /// There are too many routes.
    Overflow,
    /// There is no bucket for it.
    Misrouted(Misrouted),
}

/// Items that do not go where their values would take them.
#[derive(Debug, Default)]
pub(super) struct AstrayItems(BTreeMap<(Astray, Signal), u64>);

impl Routes {
    /// For at most so many routes.
    pub(super) fn new(most: usize) -> Self {
        Self { known: HashSet::new(), most }
    }

    /// The route of data with these values.
    pub(super) fn of(&mut self, template: &KeyTemplate, values: Values<'_>) -> Routed {
        let (route, misrouted) = template.route(values);
        if !self.known.contains(&route) {
            if self.known.len() >= self.most {
                return Routed { route: template.overflow(), astray: Some(Astray::Overflow) };
            }
            self.known.insert(route.clone());
        }
        Routed { route, astray: misrouted.map(Astray::Misrouted) }
    }
}

impl AstrayItems {
    /// Counts the items of a record.
    pub(super) fn add(&mut self, astray: Astray, signal: Signal, items: u32) {
        *self.0.entry((astray, signal)).or_default() += u64::from(items);
    }

    /// What was counted.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Astray, Signal, u64)> {
        self.0.iter().map(|((astray, signal), items)| (*astray, *signal, *items))
    }

    /// The items that are beyond the most routes.
    pub(super) fn overflow(&self) -> u64 {
        self.iter().filter(|(astray, ..)| *astray == Astray::Overflow).map(|(.., items)| items).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Options;

    #[test]
    fn who_comes_first_is_served_first_and_again_and_the_rest_goes_into_the_overflow() {
        let options = Options {
            key: "{tenant}/{signal}_{unique}".into(),
            bucket: "lake-{resource.team}".into(),
            ..Options::default()
        };
        let template = KeyTemplate::parse(&options).unwrap();
        let mut routes = Routes::new(2);
        let mut astray = |tenant: &str, team: &str| {
            let attributes = [Some(team.to_owned())];
            routes.of(&template, Values { tenant, attributes: &attributes }).astray
        };
        let invalid = Some(Astray::Misrouted(Misrouted::Invalid));
        for _ in 0..2 {
            assert_eq!(astray("red", "a"), None);
            assert_eq!(astray("red", "/"), invalid);
            assert_eq!(astray("red", "!"), invalid, "the bucket that it gets is what counts");
            assert_eq!(astray("red", "b"), Some(Astray::Overflow), "another bucket is another route");
            assert_eq!(astray("blue", "a"), Some(Astray::Overflow));
        }
    }
}
