//! Requests in which single items cannot be decoded: everything else is kept, to the byte.

use std::ops::Range;

use forebay::otlp::{Problem, Salvaged, Signal, salvage, validate};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, encode_varint, skip_field};

use crate::against_prost::request;
use crate::decoded::Decoded;

/// The fields that lead from a request to its items, by level.
fn way(signal: Signal) -> &'static [&'static [u32]] {
    match signal {
        Signal::Logs | Signal::Traces | Signal::Profiles => &[&[1], &[2], &[2]],
        Signal::Metrics => &[&[1], &[2], &[2], &[5, 7, 9, 10, 11], &[1]],
    }
}

/// Where the items of `body` lie, which begins at `base`.
fn items(way: &[&[u32]], body: &[u8], base: usize, found: &mut Vec<Range<usize>>) {
    let Some((numbers, further)) = way.split_first() else {
        found.push(base..base + body.len());
        return;
    };
    let mut rest = body;
    while !rest.is_empty() {
        let (number, wire_type) = decode_key(&mut rest).unwrap();
        if wire_type != WireType::LengthDelimited {
            skip_field(wire_type, number, &mut rest, DecodeContext::default()).unwrap();
            continue;
        }
        let length = usize::try_from(decode_varint(&mut rest).unwrap()).unwrap();
        let (payload, behind) = rest.split_at(length);
        if numbers.contains(&number) {
            items(further, payload, base + body.len() - rest.len(), found);
        }
        rest = behind;
    }
}

/// The request without the items, counted from 0, that `is_kept` does not want.
fn retain(request: &mut Decoded, is_kept: impl Fn(usize) -> bool) {
    let mut count = 0;
    let mut next = || {
        count += 1;
        is_kept(count - 1)
    };
    match request {
        Decoded::Logs(request) => {
            for scope in request.resource_logs.iter_mut().flat_map(|resource| &mut resource.scope_logs) {
                scope.log_records.retain(|_| next());
            }
        }
        Decoded::Traces(request) => {
            for scope in request.resource_spans.iter_mut().flat_map(|resource| &mut resource.scope_spans) {
                scope.spans.retain(|_| next());
            }
        }
        Decoded::Profiles(request) => {
            let resources = request.resource_profiles.iter_mut();
            for scope in resources.flat_map(|resource| &mut resource.scope_profiles) {
                scope.profiles.retain(|_| next());
            }
        }
        Decoded::Metrics(request) => {
            let scopes = request.resource_metrics.iter_mut().flat_map(|resource| &mut resource.scope_metrics);
            for metric in scopes.flat_map(|scope| &mut scope.metrics) {
                match &mut metric.data {
                    None => {}
                    Some(Data::Gauge(data)) => data.data_points.retain(|_| next()),
                    Some(Data::Sum(data)) => data.data_points.retain(|_| next()),
                    Some(Data::Histogram(data)) => data.data_points.retain(|_| next()),
                    Some(Data::ExponentialHistogram(data)) => data.data_points.retain(|_| next()),
                    Some(Data::Summary(data)) => data.data_points.retain(|_| next()),
                }
            }
        }
    }
}

/// A field with this key, of which `content` is the value.
fn within(key: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![key];
    encode_varint(content.len() as u64, &mut field);
    [&field[..], content].concat()
}

/// Bytes with which no message begins: a key that does not end, a wire type that does not exist, field 0, a group.
const NONSENSE: [u8; 4] = [0xff, 0x07, 0x00, 0x0b];

proptest! {
    #[test]
    fn damaged_items_go_and_everything_else_stays_to_the_byte(
        request in request(), damage in vec((any::<bool>(), 0..NONSENSE.len()), 64),
    ) {
        let mut body = request.to_protobuf();
        let mut places = Vec::new();
        items(way(request.signal()), &body, 0, &mut places);
        prop_assert_eq!(places.len(), request.items());
        // An item without bytes cannot be wrong.
        let nonsense = |index: usize| match damage.get(index) {
            Some((true, nonsense)) if !places[index].is_empty() => Some(NONSENSE[*nonsense]),
            _ => None,
        };
        let mut rejected = 0;
        for (index, place) in places.iter().enumerate() {
            if let Some(nonsense) = nonsense(index) {
                body[place.clone()].fill(nonsense);
                rejected += 1;
            }
        }
        let mut expected = request.clone();
        retain(&mut expected, |index| nonsense(index).is_none());

        prop_assert_eq!(validate(request.signal(), &body).is_err(), rejected > 0);
        let salvaged = salvage(request.signal(), &body);
        let expected = Salvaged {
            items: u32::try_from(expected.items()).unwrap(), rejected, body: expected.to_protobuf(),
        };
        prop_assert_eq!(salvaged, Ok(expected));
    }

    #[test]
    fn whatever_it_is_what_is_salvaged_is_valid_and_what_is_valid_needs_no_salvage(
        request in request(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut body = request.to_protobuf();
        if !body.is_empty() {
            *at.get_mut(&mut body) = byte;
        }
        for signal in Signal::ALL {
            let verdict = validate(signal, &body);
            match salvage(signal, &body) {
                Ok(Salvaged { body: kept, items, rejected }) => {
                    prop_assert_eq!(validate(signal, &kept), Ok(items));
                    prop_assert_eq!(rejected == 0, verdict.is_ok());
                    prop_assert_eq!(rejected == 0, kept == body);
                }
                Err(_) => prop_assert!(verdict.is_err()),
            }
        }
    }
}

#[test]
fn fields_that_are_not_known_and_lengths_that_are_too_long_stay_as_they_were_sent() {
    // Field 31 as text.
    let unknown = [0xfa, 1, 1, b'u'];
    let item = [0x12, 2, 0x32, 0];
    let broken = [0x12, 1, 0xff];
    // The first resource has a length in three bytes where one would do.
    let untouched = [&[0x0a, 0x84, 0x80, 0][..], &unknown].concat();
    let request = |items: &[&[u8]]| {
        let scope = within(0x12, &[&unknown, &items.concat()[..]].concat());
        let resource = within(0x0a, &[&unknown, &scope[..], &unknown].concat());
        [&untouched[..], &resource, &unknown].concat()
    };
    let body = request(&[&item, &broken]);
    let salvaged = salvage(Signal::Logs, &body).unwrap();
    assert_eq!((salvaged.items, salvaged.rejected), (1, 1));
    assert_eq!(salvaged.body, request(&[&item]));
}

#[test]
fn a_fault_outside_of_items_is_not_mended() {
    for (body, problem) in [
        // The attributes of a resource.
        (&[0x0a, 4, 0x0a, 2, 0x0a, 9][..], Problem::Length { length: 9, left: 0 }),
        // The request is cut off within its last item.
        (&[0x0a, 9, 0x12, 7, 0x12, 5, 0xff], Problem::Length { length: 9, left: 5 }),
        // A scope's length goes beyond its resource.
        (&[0x0a, 3, 0x12, 9, 0x12], Problem::Length { length: 9, left: 1 }),
        // Nothing of this is known.
        (&[0x0b], Problem::Group),
    ] {
        assert_eq!(salvage(Signal::Logs, body).unwrap_err().problem, problem, "{body:?}");
        assert_eq!(validate(Signal::Logs, body), salvage(Signal::Logs, body).map(|salvaged| salvaged.items));
    }
    // What should be an item is a number.
    let number = [0x0a, 4, 0x12, 2, 0x10, 1];
    assert!(matches!(salvage(Signal::Logs, &number).unwrap_err().problem, Problem::WireType { .. }));
}

#[test]
fn an_item_whose_values_nest_too_deep_goes_alone() {
    let mut value = Vec::new();
    for _ in 0..40 {
        for key in [0x0a, 0x2a] {
            value = within(key, &value);
        }
    }
    let deep = within(0x12, &within(0x2a, &value));
    let body = within(0x0a, &within(0x12, &[&[0x12, 0], &deep[..], &[0x12, 0]].concat()));
    let salvaged = salvage(Signal::Logs, &body).unwrap();
    assert_eq!((salvaged.items, salvaged.rejected), (2, 1));
    assert_eq!(salvaged.body, [0x0a, 6, 0x12, 4, 0x12, 0, 0x12, 0]);
}
