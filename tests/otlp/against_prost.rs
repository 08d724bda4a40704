//! Random messages, whole and damaged: we see in them what prost sees.

use forebay::otlp::{
    JSON_CLOSING, Problem, Signal, json_opening, read_json, validate, write_json, write_json_resources,
};
use forebay::rows::SIGNALS;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message as _;
use prost::encoding::{encode_key, encode_varint};

use crate::decoded::Decoded;
use crate::unique_keys::UniqueKeys;
use crate::{profiles, telemetry};

/// Larger than any random message.
const LIMIT_BYTES: usize = 1 << 24;

/// One change to encoded bytes.
#[derive(Clone, Debug)]
enum Damage {
    Set(Index, u8),
    Flip(Index, u8),
    Remove(Index),
    Insert(Index, u8),
    Truncate(Index),
    /// Copies a run of bytes over to another place.
    Copy(Index, Index, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        any::<Index>().prop_map(Damage::Remove),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        any::<Index>().prop_map(Damage::Truncate),
        (any::<Index>(), any::<Index>(), any::<u8>())
            .prop_map(|(from, to, length)| Damage::Copy(from, to, length)),
    ]
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Set(at, byte) => *at.get_mut(bytes) = *byte,
            Self::Flip(at, bit) => *at.get_mut(bytes) ^= 1 << bit,
            Self::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
            Self::Insert(at, byte) => bytes.insert(at.index(bytes.len()), *byte),
            Self::Truncate(at) => bytes.truncate(at.index(bytes.len())),
            Self::Copy(from, to, length) => {
                let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
                let run = bytes[from..bytes.len().min(from + usize::from(*length))].to_vec();
                bytes.splice(to..to, run);
            }
        }
    }
}

/// An export request of any signal.
pub(crate) fn request() -> impl Strategy<Value = Decoded> {
    prop_oneof![3 => telemetry::request_with_rows(), 1 => profiles::request()]
}

/// Whatever `body` is: all that is promised about any bytes.
fn check(signal: Signal, body: &[u8]) -> Result<(), TestCaseError> {
    let verdict = validate(signal, body);
    let decoded = Decoded::from_protobuf(signal, body);
    let mut json = b"before".to_vec();
    let written = write_json(signal, body, &mut json);
    match (&verdict, &decoded) {
        (Ok(items), Ok(decoded)) => prop_assert_eq!(*items as usize, decoded.items()),
        // The two things that we refuse and prost does not, and the one that we let through.
        (Err(invalid), Ok(_)) => {
            prop_assert!(matches!(invalid.problem, Problem::Group | Problem::TooDeep), "{}", invalid);
        }
        (Ok(_), Err(error)) => prop_assert!(error.to_string().contains("UTF-8"), "{}", error),
        (Err(_), Err(_)) => {}
    }
    if verdict.is_err() {
        prop_assert!(written.is_ok() || json == b"before", "an error leaves the output as it was");
        return Ok(());
    }
    prop_assert!(written.is_ok(), "what is valid can be written");
    let json = &json[b"before".len()..];
    let strictly_read =
        serde_json::from_slice::<UniqueKeys>(json).map(drop).map_err(|error| error.to_string());
    prop_assert_eq!(strictly_read, Ok(()), "{}", String::from_utf8_lossy(json));
    let back = read_json(signal, json, LIMIT_BYTES);
    prop_assert!(back.is_ok(), "{:?}", back);
    let back = back.unwrap();
    prop_assert!(validate(signal, &back).is_ok());
    if let Ok(decoded) = decoded {
        prop_assert_eq!(Decoded::from_protobuf(signal, &back).unwrap(), decoded);
    }
    Ok(())
}

/// The encoded fields of an encoded message.
fn fields(message: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = message;
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let before = rest;
        let (tag, wire_type) = prost::encoding::decode_key(&mut rest).unwrap();
        prost::encoding::skip_field(wire_type, tag, &mut rest, prost::encoding::DecodeContext::default())
            .unwrap();
        fields.push(before[..before.len() - rest.len()].to_vec());
    }
    fields
}

/// `message` as the value of field `tag`.
fn wrapped(tag: u32, message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(tag, prost::encoding::WireType::LengthDelimited, &mut bytes);
    encode_varint(message.len() as u64, &mut bytes);
    bytes.extend_from_slice(message);
    bytes
}

/// An item of any signal, encoded: a log record, a metric, a span or a profile.
fn item(signal: Signal) -> BoxedStrategy<Vec<u8>> {
    match signal {
        Signal::Logs => telemetry::log_record().prop_map(|item| item.encode_to_vec()).boxed(),
        Signal::Metrics => telemetry::metric().prop_map(|item| item.encode_to_vec()).boxed(),
        Signal::Traces => telemetry::span().prop_map(|item| item.encode_to_vec()).boxed(),
        Signal::Profiles => profiles::profile().prop_map(|item| item.encode_to_vec()).boxed(),
    }
}

/// The fields of three items, in any order, as one item: a member of a oneof may come, go and come again.
fn mixed() -> impl Strategy<Value = (Signal, Vec<u8>)> {
    proptest::sample::select(Signal::ALL.to_vec())
        .prop_flat_map(|signal| (Just(signal), vec(item(signal), 3)))
        .prop_flat_map(|(signal, items)| {
            let fields: Vec<_> = items.iter().flat_map(|item| fields(item)).collect();
            (Just(signal), Just(fields).prop_shuffle())
        })
        .prop_map(|(signal, fields)| (signal, fields.concat()))
}

proptest! {
    #[test]
    fn a_random_request_survives_json_and_back(request in request()) {
        let body = request.to_protobuf();
        prop_assert_eq!(validate(request.signal(), &body).map(|items| items as usize), Ok(request.items()));
        let mut json = Vec::new();
        write_json(request.signal(), &body, &mut json).unwrap();
        let back = read_json(request.signal(), &json, LIMIT_BYTES).unwrap();
        let decoded = Decoded::from_protobuf(request.signal(), &back).unwrap();
        prop_assert_eq!(decoded.to_protobuf(), body, "{}", String::from_utf8_lossy(&json));
    }

    #[test]
    fn a_damaged_request_is_refused_or_read_as_prost_reads_it(
        request in request(), damages in vec(damage(), 1..4),
    ) {
        let mut body = request.to_protobuf();
        for damage in &damages {
            damage.apply(&mut body);
        }
        check(request.signal(), &body)?;
    }

    #[test]
    fn random_bytes_are_refused_or_read_as_prost_reads_them(body in vec(any::<u8>(), 0..64)) {
        for signal in Signal::ALL {
            check(signal, &body)?;
        }
    }

    #[test]
    fn fields_in_any_order_and_number_mean_what_prost_says(
        (signal, one) in mixed(), at in any::<Index>(), twice in any::<bool>(),
    ) {
        // The scope, too, comes in two pieces with the item between them.
        let scope = wrapped(1, &wrapped(1, b"one"));
        let other_scope = wrapped(1, &wrapped(2, b"two"));
        let items = wrapped(2, &one).repeat(usize::from(twice) + 1);
        let mut scope_items = fields(&[scope, items, other_scope].concat());
        let length = scope_items.len();
        scope_items.rotate_left(at.index(length));
        let body = wrapped(1, &wrapped(2, &scope_items.concat()));
        prop_assert!(validate(signal, &body).is_ok());
        check(signal, &body)?;
    }

    #[test]
    fn requests_joined_in_one_document_are_the_requests_laid_end_to_end(
        requests in vec(telemetry::request_with_rows(), 0..4), signal in proptest::sample::select(SIGNALS.to_vec()),
    ) {
        let bodies: Vec<_> =
            requests.iter().filter(|request| request.signal() == signal).map(Decoded::to_protobuf).collect();
        let mut expected = Vec::new();
        write_json(signal, &bodies.concat(), &mut expected).unwrap();
        let mut joined = json_opening(signal).unwrap().as_bytes().to_vec();
        let mut first = true;
        for body in &bodies {
            write_json_resources(signal, body, &mut first, &mut joined).unwrap();
        }
        joined.extend_from_slice(JSON_CLOSING.as_bytes());
        prop_assert_eq!(String::from_utf8(joined), String::from_utf8(expected));
    }

    #[test]
    fn damaged_json_makes_no_panic_and_nothing_invalid(
        request in request(), damages in vec(damage(), 1..4),
    ) {
        let mut json = Vec::new();
        write_json(request.signal(), &request.to_protobuf(), &mut json).unwrap();
        for damage in &damages {
            damage.apply(&mut json);
        }
        if let Ok(body) = read_json(request.signal(), &json, LIMIT_BYTES) {
            prop_assert!(validate(request.signal(), &body).is_ok());
            prop_assert!(Decoded::from_protobuf(request.signal(), &body).is_ok());
        }
    }

    #[test]
    fn nothing_larger_than_the_limit_is_made_of_json(request in request(), limit in any::<Index>()) {
        let mut json = Vec::new();
        write_json(request.signal(), &request.to_protobuf(), &mut json).unwrap();
        let whole = read_json(request.signal(), &json, LIMIT_BYTES).unwrap();
        prop_assert_eq!(read_json(request.signal(), &json, whole.len()).unwrap(), whole.clone());
        if !whole.is_empty() {
            let refused = read_json(request.signal(), &json, limit.index(whole.len())).unwrap_err();
            prop_assert!(refused.to_string().contains("larger than"), "{}", refused);
        }
    }
}
