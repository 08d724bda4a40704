//! The strings of a request of profiles, which its attributes may name by their places.

use std::cell::OnceCell;

use super::Signal;
use super::invalid::Invalid;
use super::wire::{Reader, WireType};

/// The number of the dictionary in the request, and of the strings in the dictionary.
const DICTIONARY: u32 = 2;
const STRINGS: u32 = 5;

/// The table of strings in a request, or none in one of another signal, where places mean nothing.
pub(super) struct StringTable<'a> {
    body: Option<&'a [u8]>,
    /// Where in the body each string is, its length first: looked for when the first is asked for. Four bytes for each,
    /// of which an empty one takes two in the body.
    places: OnceCell<Vec<u32>>,
}

impl<'a> StringTable<'a> {
    /// That of `body`, a valid request of `signal`.
    pub(super) fn of(signal: Signal, body: &'a [u8]) -> Self {
        Self { body: (signal == Signal::Profiles).then_some(body), places: OnceCell::new() }
    }

    /// The string at a place, if there is one.
    pub(super) fn get(&self, place: u64) -> Result<Option<&'a [u8]>, Invalid> {
        let Some(body) = self.body else { return Ok(None) };
        let places = if let Some(places) = self.places.get() {
            places
        } else {
            let found = find(body)?;
            self.places.get_or_init(|| found)
        };
        let at = usize::try_from(place).ok().and_then(|place| places.get(place));
        let string = at.and_then(|at| body.get(*at as usize..));
        string.map(|string| Ok(Reader::new(string).payload()?.bytes())).transpose()
    }
}

/// The places of the strings in a request, which may give its dictionary in pieces.
fn find(body: &[u8]) -> Result<Vec<u32>, Invalid> {
    let mut places = Vec::new();
    let mut request = Reader::new(body);
    while !request.is_empty() {
        let key = request.key()?;
        if key.number != DICTIONARY || key.wire_type != WireType::Length {
            request.skip(key.wire_type)?;
            continue;
        }
        let mut dictionary = request.payload()?;
        while !dictionary.is_empty() {
            let key = dictionary.key()?;
            if key.number == STRINGS
                && let Ok(place) = u32::try_from(dictionary.offset())
            {
                places.push(place);
            }
            dictionary.skip(key.wire_type)?;
        }
    }
    Ok(places)
}
