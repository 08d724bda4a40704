//! Lists of attributes: they become a map of texts, and what that does not hold goes into `extra`.

use std::borrow::Cow;
use std::collections::HashSet;

use super::fields::Fields;
use super::lookup::hash;
use super::value::{Pair, Value};
use crate::otlp::Invalid;
use crate::otlp::write_json::{comma, name};

/// Up to this many keys are compared one by one.
const FEW: usize = 64;

/// What a list of attributes had so far.
///
/// Most keys are told to be new by one bit in a set of hashes. Where that bit is taken, few keys are compared one by one
/// and many are looked up in a set that no sender can make slow.
#[derive(Default)]
pub(super) struct Seen<'a> {
    hashes: [u64; 16],
    few: Vec<Cow<'a, str>>,
    many: HashSet<Cow<'a, str>>,
    /// For each attribute, whether it is more than a key and a text.
    typed: Vec<bool>,
    has_typed: bool,
    /// A key was repeated, so that only the whole list says it all.
    repeats: bool,
}

impl<'a> Seen<'a> {
    fn clear(&mut self) {
        self.hashes = [0; 16];
        self.few.clear();
        // A set that was once large would take long to clear for each item after.
        if !self.many.is_empty() {
            self.many = HashSet::new();
        }
        self.typed.clear();
        self.has_typed = false;
        self.repeats = false;
    }

    /// Takes note of an attribute whose key has this hash, and says whether the key is new.
    fn is_new(&mut self, pair: &Pair<'a>, hash: u32) -> bool {
        self.typed.push(!pair.is_plain);
        self.has_typed |= !pair.is_plain;
        let is_new = self.is_new_key(pair.key.clone(), hash);
        self.repeats |= !is_new;
        is_new
    }

    fn is_new_key(&mut self, key: Cow<'a, str>, hash: u32) -> bool {
        let bit = 1 << (hash % 64);
        let word = self.hashes.get_mut(hash as usize / 64 % 16);
        let was_seen = word.is_none_or(|word| std::mem::replace(word, *word | bit) & bit != 0);
        if !self.many.is_empty() {
            return self.many.insert(key);
        }
        if was_seen && self.few.contains(&key) {
            return false;
        }
        self.few.push(key);
        if self.few.len() > FEW {
            self.many.extend(self.few.drain(..));
        }
        true
    }
}

/// Hands the attributes in field `number` of a message at level `depth` to `each`, in order and each key once: the key,
/// its hash, the value, and the value as text. `seen` and `scratch` are overwritten.
pub(super) fn read<'a>(
    fields: &Fields<'a>,
    number: u32,
    depth: u32,
    irregular: &mut bool,
    seen: &mut Seen<'a>,
    scratch: &mut Vec<u8>,
    mut each: impl FnMut(&str, u32, Value<'a>, Option<&str>),
) -> Result<(), Invalid> {
    seen.clear();
    fields.each_message(number, |sent| {
        let pair = Pair::read(sent, depth + 1, irregular)?;
        let hash = hash(&pair.key);
        let text = pair.value.text(depth + 2, irregular, scratch)?;
        if seen.is_new(&pair, hash) {
            each(&pair.key, hash, pair.value, text.as_deref());
        }
        Ok(())
    })
}

/// Writes to an open object what a map does not say of the list of attributes that was read last: the attributes that
/// are more than a key and a text, or the whole list if a key is repeated. Nothing if the map says it all.
pub(super) fn write_left_over(
    fields: &Fields<'_>,
    number: u32,
    depth: u32,
    seen: &Seen<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Invalid> {
    if !seen.repeats && !seen.has_typed {
        return Ok(());
    }
    if let Some(field) = fields.message.field(number) {
        name(field, out);
    }
    out.push(b'[');
    let mut typed = seen.typed.iter();
    fields.each(number, |field, found| {
        let is_typed = typed.next().is_some_and(|is_typed| *is_typed);
        if is_typed || seen.repeats {
            comma(out);
            found.write(field, depth + 1, out).map_err(|invalid| invalid.within(field))?;
        }
        Ok(())
    })?;
    out.push(b']');
    Ok(())
}
