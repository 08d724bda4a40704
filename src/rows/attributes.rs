//! Lists of attributes: they become a map of texts, and what that does not hold goes into `extra`.

use std::borrow::Cow;
use std::collections::HashSet;

use super::fields::Fields;
use super::lookup::hash;
use super::value::{Pair, Value};
use crate::otlp::Invalid;
use crate::otlp::write_json::{Found, comma, name};

/// Up to this many keys are compared one by one.
const FEW: usize = 64;

/// The keys that a list of attributes had so far.
///
/// Most keys are told to be new by one bit in a set of hashes. Where that bit is taken, few keys are compared one by one
/// and many are looked up in a set that no sender can make slow.
#[derive(Default)]
pub(super) struct Keys<'a> {
    hashes: [u64; 16],
    few: Vec<Cow<'a, str>>,
    many: HashSet<Cow<'a, str>>,
}

/// What a list of attributes left over.
#[derive(Clone, Copy, Default)]
pub(super) struct LeftOver {
    /// A key was repeated, so that only the whole list says it all.
    repeats: bool,
    /// There was an attribute that is not a plain text.
    has_typed: bool,
}

impl<'a> Keys<'a> {
    fn clear(&mut self) {
        self.hashes = [0; 16];
        self.few.clear();
        // A set that was once large would take long to clear for each item after.
        if !self.many.is_empty() {
            self.many = HashSet::new();
        }
    }

    /// Takes note of a key of this hash, and says whether it is new.
    fn is_new(&mut self, key: Cow<'a, str>, hash: u32) -> bool {
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
/// its hash, the value, and the value as text. `scratch` is overwritten.
pub(super) fn read<'a>(
    fields: &Fields<'a>,
    number: u32,
    depth: u32,
    irregular: &mut bool,
    keys: &mut Keys<'a>,
    scratch: &mut Vec<u8>,
    mut each: impl FnMut(&str, u32, Value<'a>, Option<&str>),
) -> Result<LeftOver, Invalid> {
    let mut left_over = LeftOver::default();
    keys.clear();
    fields.each_message(number, |sent| {
        let pair = Pair::read(sent, depth + 1, irregular)?;
        left_over.has_typed |= !pair.is_plain;
        let hash = hash(&pair.key);
        let text = pair.value.text(depth + 2, irregular, scratch)?;
        if keys.is_new(pair.key.clone(), hash) {
            each(&pair.key, hash, pair.value, text.as_deref());
        } else {
            left_over.repeats = true;
        }
        Ok(())
    })?;
    Ok(left_over)
}

/// Writes to an object what a list of attributes left over: the attributes that are no plain texts, or the whole list if
/// a key is repeated. Nothing if the map holds it all.
pub(super) fn write_left_over(
    fields: &Fields<'_>,
    number: u32,
    depth: u32,
    left_over: LeftOver,
    out: &mut Vec<u8>,
) -> Result<(), Invalid> {
    if !left_over.repeats && !left_over.has_typed {
        return Ok(());
    }
    if let Some(field) = fields.message.field(number) {
        name(field, out);
    }
    out.push(b'[');
    // Of a request that has to be merged this is written in vain, so that nobody is told here.
    let mut irregular = false;
    fields.each(number, |field, found| {
        let (Found::One(sent) | Found::Packed(sent)) = found;
        if left_over.repeats || !Pair::read(sent, depth + 1, &mut irregular)?.is_plain {
            comma(out);
            found.write(field, depth + 1, out)?;
        }
        Ok(())
    })?;
    out.push(b']');
    Ok(())
}
