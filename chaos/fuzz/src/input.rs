//! An input as a source of choices: whatever its bytes, it says something, and when it ends it says zeros.

/// What is left of an input.
#[derive(Debug)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// Whether nothing is left.
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// The next bytes, fewer where it ends.
    pub fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }

    /// The next bytes as they lie in a number, with zeros where it ends.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.take(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    /// A small number.
    pub fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    /// A number below `bound`, which is small.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(u16::from_le_bytes(self.array())) % bound.max(1)
    }

    /// A number of those at which programs go wrong, or any, or `usual`.
    pub fn number(&mut self, usual: u64) -> u64 {
        match self.byte() {
            0..=127 => usual,
            kind @ 128..=159 => usual.wrapping_add(u64::from(kind)).wrapping_sub(144),
            160..=175 => u64::from(self.byte()),
            176..=191 => u64::MAX - u64::from(self.byte()),
            192..=207 => (1 << (self.byte() & 63)) - u64::from(self.byte() & 1),
            _ => u64::from_le_bytes(self.array()),
        }
    }
}
