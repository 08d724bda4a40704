//! Where content repeats what came before it.
//!
//! ```text
//!   | 64 KiB that were written | 192 KiB that come next |   positions modulo 64 KiB stay what they are
//! ```
//!
//! At a byte where the search stands, three places are asked in turn: where the same 20 bytes stood last (their first 8 are
//! compared), as far back as the copy before reached, for a record is like the one before it, and where the same 6 bytes stood
//! last. What is not found there is a literal. Fewer bytes than that are no gain: to say where they were takes as many bits.
//!
//! The tables hold positions modulo 64 KiB and hashes of them are not compared, so what they say is a guess that the content
//! has to confirm.

/// Literals, and a copy behind them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// How many bytes stand as they are.
    pub(super) literals: u32,
    /// How many bytes are copied: 3 to 258, or 0 in the last step of a block.
    pub(super) length: u16,
    /// How far back they are: 1 to 32,768.
    pub(super) distance: u16,
}

/// The content of a block, and what came before it.
pub(super) struct Matches {
    buffer: Box<Buffer>,
    /// Where in the buffer the block begins and ends.
    start: usize,
    end: usize,
    /// Where bytes stood last, by the hash of many and of few.
    by_many: Box<Table>,
    by_few: Box<Table>,
    /// How far back the last copy reached.
    distance: usize,
}

/// What a search through a block works with.
struct Search<'a> {
    buffer: &'a Buffer,
    end: usize,
    by_many: &'a mut Table,
    by_few: &'a mut Table,
    distance: usize,
}

type Buffer = [u8; BUFFER + WORD];

/// Positions modulo 64 KiB.
type Table = [u16; 1 << TABLE_BITS];

const TABLE_BITS: u32 = 14;

/// Positions keep what they are modulo this when the buffer moves on.
const KEPT: usize = 1 << 16;

/// What a copy may be away, and how long it may be, by RFC 1951.
const DISTANCE_MAX: usize = 1 << 15;
const LENGTH_MAX: usize = 258;

/// A power of two, so that a position is brought within it by a mask instead of a check.
const BUFFER: usize = 4 * KEPT;

/// Bytes that are read at once.
const WORD: usize = 8;

/// Bytes that one table and the other is asked by.
const MANY: usize = 20;
const FEW: usize = 6;

/// A copy shorter than this is held against one that begins a byte later.
const SHORT: usize = 32;

/// Within a copy, so many bytes lie between two positions that are kept in the tables. What begins between them is found a few
/// bytes later, and then followed back.
const STRIDE: usize = 8;

/// After so many literals in a row every other byte is passed over, after twice as many two of three: ids repeat nothing.
const PATIENCE: usize = 32;

/// A copy that was found.
#[derive(Clone, Copy)]
struct Copied {
    start: usize,
    length: usize,
    distance: usize,
}

impl Matches {
    #[expect(clippy::large_stack_arrays, reason = "what is all zeros is made where it will lie")]
    pub(super) fn new() -> Self {
        let table = || Box::new([0; 1 << TABLE_BITS]);
        Self {
            buffer: Box::new([0; BUFFER + WORD]),
            start: 0,
            end: 0,
            by_many: table(),
            by_few: table(),
            distance: 1,
        }
    }

    /// Takes in what there is room for. Returns the rest.
    pub(super) fn take<'a>(&mut self, content: &'a [u8]) -> &'a [u8] {
        let (taken, rest) = content.split_at(content.len().min(BUFFER - self.end));
        self.buffer[self.end..self.end + taken.len()].copy_from_slice(taken);
        self.end += taken.len();
        rest
    }

    /// Whether there is no room for more.
    pub(super) const fn is_full(&self) -> bool {
        self.end == BUFFER
    }

    /// The content of the block.
    pub(super) fn content(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Ends the block and begins one behind it.
    pub(super) fn go_on(&mut self) {
        if self.is_full() {
            self.buffer.copy_within(BUFFER - KEPT..BUFFER, 0);
            self.end = KEPT;
        }
        self.start = self.end;
    }

    /// Finds all steps of the block. There is at most one for every four bytes.
    pub(super) fn find(&mut self, steps: &mut Vec<Step>) {
        let Self { buffer, start, end, by_many, by_few, distance } = self;
        let mut search = Search { buffer, end: *end, by_many, by_few, distance: *distance };
        search.find(*start, steps);
        *distance = search.distance;
    }
}

impl Search<'_> {
    /// Finds all steps from `start` to the end.
    fn find(&mut self, start: usize, steps: &mut Vec<Step>) {
        // What a position needs behind it to be asked for.
        let last = self.end.saturating_sub(MANY + WORD);
        let mut literals = start;
        let mut at = start;
        while at < last {
            let Some(found) = self.copy_at(at) else {
                at += 1 + (at - literals) / PATIENCE;
                continue;
            };
            let copied = self.with_what_is_before(found, literals);
            steps.push(Step {
                literals: narrow32(copied.start - literals),
                length: narrow16(copied.length),
                distance: narrow16(copied.distance),
            });
            self.distance = copied.distance;
            let end = copied.start + copied.length;
            for within in (at + 1..end.min(last)).step_by(STRIDE) {
                self.keep(within);
            }
            (at, literals) = (end, end);
        }
        steps.push(Step { literals: narrow32(self.end - literals), length: 0, distance: 0 });
    }

    /// The copy that begins at a position, or a byte behind it.
    #[inline]
    fn copy_at(&mut self, at: usize) -> Option<Copied> {
        let word = self.word(at);
        let (many, few) = self.keep(at);
        if self.word(at.wrapping_sub(many)) == word && is_in_reach(many, at) {
            return Some(self.or_one_later(self.copied(at, many)));
        }
        // Of the copy before, four bytes are enough: that it is the same distance makes it shorter to say.
        let difference = self.word(at.wrapping_sub(self.distance)) ^ word;
        if difference << 32 == 0 && is_in_reach(self.distance, at) {
            return Some(self.or_one_later(self.copied(at, self.distance)));
        }
        let difference = self.word(at.wrapping_sub(few)) ^ word;
        if difference << (8 * (WORD - FEW)) == 0 && is_in_reach(few, at) {
            return Some(self.or_one_later(self.copied(at, few)));
        }
        None
    }

    /// The copy, or the one that begins a byte later if that is longer.
    #[inline]
    fn or_one_later(&mut self, copied: Copied) -> Copied {
        let at = copied.start + 1;
        if copied.length >= SHORT {
            return copied;
        }
        let place = self.hash_of_many(at);
        let distance = usize::from(modulo(at).wrapping_sub(self.by_many[place]));
        self.by_many[place] = modulo(at);
        if self.word(at.wrapping_sub(distance)) == self.word(at) && is_in_reach(distance, at) {
            let later = self.copied(at, distance);
            if later.length > copied.length {
                return later;
            }
        }
        copied
    }

    /// The copy with all that is the same before it, but not before `first`.
    #[inline]
    fn with_what_is_before(&self, mut copied: Copied, first: usize) -> Copied {
        let same =
            |at: usize| self.buffer[at % BUFFER] == self.buffer[at.wrapping_sub(copied.distance) % BUFFER];
        let mut start = copied.start;
        let least = first.max(copied.distance).max((copied.start + copied.length).saturating_sub(LENGTH_MAX));
        while start > least && same(start - 1) {
            start -= 1;
        }
        copied.length += copied.start - start;
        copied.start = start;
        copied
    }

    /// The copy at this distance, as long as it goes.
    #[inline]
    fn copied(&self, start: usize, distance: usize) -> Copied {
        let length_max = LENGTH_MAX.min(self.end - start);
        let mut length = 0;
        while length < length_max {
            let difference = self.word(start + length) ^ self.word(start + length - distance);
            if difference != 0 {
                length += difference.trailing_zeros() as usize / 8;
                break;
            }
            length += WORD;
        }
        Copied { start, length: length.min(length_max), distance }
    }

    /// Keeps a position in both tables. Returns how far back those are that were there, modulo 64 KiB.
    #[inline]
    fn keep(&mut self, at: usize) -> (usize, usize) {
        let (by_many, by_few) = (self.hash_of_many(at), self.hash_of_few(at));
        let many = modulo(at).wrapping_sub(self.by_many[by_many]);
        let few = modulo(at).wrapping_sub(self.by_few[by_few]);
        self.by_many[by_many] = modulo(at);
        self.by_few[by_few] = modulo(at);
        (many.into(), few.into())
    }

    /// A hash of 16 of the 20 bytes at a position.
    #[inline]
    fn hash_of_many(&self, at: usize) -> usize {
        place(self.word(at).wrapping_mul(ODD) ^ self.word(at + MANY - WORD))
    }

    /// A hash of the six bytes at a position.
    #[inline]
    fn hash_of_few(&self, at: usize) -> usize {
        place(self.word(at) << (8 * (WORD - FEW)))
    }

    /// The bytes at a position; what lies at another one if there is no such position.
    #[inline]
    fn word(&self, at: usize) -> u64 {
        let bytes = self.buffer[at % BUFFER..].first_chunk();
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}

/// An odd number whose bits look random (the golden ratio).
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The place of a number in a table.
#[inline]
fn place(number: u64) -> usize {
    usize::try_from(number.wrapping_mul(ODD) >> (64 - TABLE_BITS)).unwrap_or(0)
}

/// Whether a copy may reach back so far from a position.
#[inline]
fn is_in_reach(distance: usize, at: usize) -> bool {
    distance.wrapping_sub(1) < DISTANCE_MAX.min(at)
}

#[expect(clippy::cast_possible_truncation, reason = "to cut is what is asked for")]
const fn modulo(position: usize) -> u16 {
    position as u16
}

#[expect(clippy::cast_possible_truncation, reason = "neither a length nor a distance is larger")]
const fn narrow16(number: usize) -> u16 {
    number as u16
}

#[expect(clippy::cast_possible_truncation, reason = "the buffer is not larger")]
const fn narrow32(number: usize) -> u32 {
    number as u32
}
