//! The text of a document, token by token, for [`super::straight`]. What is not as RFC 8259 has it, is no token.

use crate::otlp::schema::Message;

/// A document, and how far it is read.
pub(super) struct Text<'a> {
    json: &'a [u8],
    at: usize,
}

/// A string.
#[derive(Clone, Copy)]
pub(super) struct JsonString<'a> {
    /// What stands between the quotation marks: UTF-8.
    pub(super) raw: &'a [u8],
    /// Whether that has escapes.
    pub(super) is_escaped: bool,
}

/// A number.
#[derive(Clone, Copy)]
pub(super) struct Number<'a> {
    /// As it stands there.
    pub(super) digits: &'a [u8],
    /// What it is, if it is an integer of at most 19 digits.
    pub(super) integer: Option<i128>,
}

/// Each byte of a word set to the same.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

impl<'a> Text<'a> {
    pub(super) const fn new(json: &'a [u8]) -> Self {
        Self { json, at: 0 }
    }

    /// Whether all is read.
    pub(super) const fn is_at_end(&self) -> bool {
        self.at == self.json.len()
    }

    fn rest(&self) -> &'a [u8] {
        self.json.get(self.at..).unwrap_or_default()
    }

    fn next(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    /// Passes over space.
    #[inline]
    pub(super) fn pass_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.next() {
            self.at += 1;
        }
    }

    /// Passes over a byte if it comes next.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.next() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Passes over a word if it comes next.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let is_next = self.rest().starts_with(word.as_bytes());
        self.at += if is_next { word.len() } else { 0 };
        is_next
    }

    /// Behind a value: passes over the comma, or over what closes the array or object. Returns whether it was the comma; none
    /// if it was neither.
    #[inline]
    pub(super) fn goes_on(&mut self, closing: u8) -> Option<bool> {
        self.pass_space();
        if self.take(b',') {
            self.pass_space();
            return Some(true);
        }
        self.take(closing).then_some(false)
    }

    /// Reads a key of an object and the colon. Returns the place of its field; `expected` is where it is looked for first.
    #[inline]
    pub(super) fn key(&mut self, message: &Message, expected: usize) -> Option<usize> {
        let rest = self.rest();
        if let Some(field) = message.fields.get(expected)
            && let Some(behind) = rest.strip_prefix(&field.json_key.as_bytes()[1..])
        {
            self.at = self.json.len() - behind.len();
            self.pass_space();
            return Some(expected);
        }
        let name = rest.strip_prefix(b"\"")?;
        let name = &name[..name.iter().position(|byte| *byte == b'"')?];
        let place = message.fields.iter().position(|field| field.json_name.as_bytes() == name)?;
        self.at += name.len() + 2;
        self.pass_space();
        if !self.take(b':') {
            return None;
        }
        self.pass_space();
        Some(place)
    }

    /// Reads a string.
    #[inline]
    pub(super) fn string(&mut self) -> Option<JsonString<'a>> {
        if !self.take(b'"') {
            return None;
        }
        let start = self.at;
        let mut is_escaped = false;
        let mut seen = 0;
        loop {
            match self.rest().first_chunk() {
                Some(bytes) => {
                    let word = u64::from_le_bytes(*bytes);
                    seen |= word;
                    let special = special(word);
                    self.at += special.trailing_zeros() as usize / 8;
                    if special == 0 {
                        continue;
                    }
                }
                None => seen |= all(0x80),
            }
            match self.next()? {
                b'"' => break,
                b'\\' => {
                    is_escaped = true;
                    self.at += 2;
                }
                0x00..0x20 => return None,
                _ => self.at += 1,
            }
        }
        let raw = self.json.get(start..self.at)?;
        self.at += 1;
        let is_text = seen & all(0x80) == 0 || std::str::from_utf8(raw).is_ok();
        is_text.then_some(JsonString { raw, is_escaped })
    }

    /// Reads a number.
    pub(super) fn number(&mut self) -> Option<Number<'a>> {
        let start = self.at;
        let is_negative = self.take(b'-');
        let (digits, magnitude) = self.digits();
        let has_leading_zero = digits > 1 && self.json[self.at - digits] == b'0';
        if digits == 0 || has_leading_zero {
            return None;
        }
        let mut is_integer = digits <= DIGITS_MAX;
        if self.take(b'.') {
            is_integer = false;
            if self.digits().0 == 0 {
                return None;
            }
        }
        if self.take(b'e') || self.take(b'E') {
            is_integer = false;
            let _ = self.take(b'-') || self.take(b'+');
            if self.digits().0 == 0 {
                return None;
            }
        }
        let magnitude = i128::from(magnitude);
        let integer = is_integer.then_some(if is_negative { -magnitude } else { magnitude });
        Some(Number { digits: &self.json[start..self.at], integer })
    }

    /// Passes over digits. Returns how many they are, and the number that they are if it fits.
    fn digits(&mut self) -> (usize, u64) {
        let start = self.at;
        let mut number = 0_u64;
        while let Some(digit @ b'0'..=b'9') = self.next() {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        (self.at - start, number)
    }
}

/// As many digits fit in 64 bits, whichever they are.
const DIGITS_MAX: usize = 19;

/// A bit in each byte that a string cannot have as it is: quotation marks, backslashes, and control characters. The lowest is
/// right; those above it may be too many.
const fn special(word: u64) -> u64 {
    below(word ^ all(b'"'), 1) | below(word ^ all(b'\\'), 1) | below(word, 0x20)
}

/// A bit in each byte that is less than `least`, and perhaps in some above the lowest of them.
const fn below(word: u64, least: u8) -> u64 {
    word.wrapping_sub(all(least)) & !word & all(0x80)
}

impl JsonString<'_> {
    /// The integer that its digits are, of which it has nothing else.
    pub(super) fn integer(&self) -> Option<i128> {
        let mut text = Text::new(self.raw);
        let is_negative = text.take(b'-');
        let (digits, magnitude) = text.digits();
        let is_integer = (1..=DIGITS_MAX).contains(&digits) && text.is_at_end();
        let magnitude = i128::from(magnitude);
        is_integer.then_some(if is_negative { -magnitude } else { magnitude })
    }

    /// Appends what it means. Returns none if an escape is not one, or is half of a surrogate pair.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Option<()> {
        if !self.is_escaped {
            out.extend_from_slice(self.raw);
            return Some(());
        }
        let mut rest = self.raw;
        while let Some(place) = rest.iter().position(|byte| *byte == b'\\') {
            out.extend_from_slice(&rest[..place]);
            let (escape, behind) = rest[place + 1..].split_first()?;
            rest = behind;
            out.push(match escape {
                b'"' | b'\\' | b'/' => *escape,
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'b' => 0x08,
                b'f' => 0x0c,
                b'u' => {
                    let character = escaped_character(&mut rest)?;
                    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    continue;
                }
                _ => return None,
            });
        }
        out.extend_from_slice(rest);
        Some(())
    }
}

/// Reads the character behind `\u`, of which the other half may follow as one more escape.
fn escaped_character(rest: &mut &[u8]) -> Option<char> {
    let high = four_digits(rest)?;
    if !(0xd800..0xdc00).contains(&high) {
        return char::from_u32(high);
    }
    *rest = rest.strip_prefix(b"\\u")?;
    let low = four_digits(rest)?;
    (0xdc00..0xe000)
        .contains(&low)
        .then(|| char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)))?
}

fn four_digits(rest: &mut &[u8]) -> Option<u32> {
    let (digits, behind) = rest.split_first_chunk::<4>()?;
    *rest = behind;
    let digit = |number: u32, digit: &u8| Some(number << 4 | char::from(*digit).to_digit(16)?);
    digits.iter().try_fold(0, digit)
}
