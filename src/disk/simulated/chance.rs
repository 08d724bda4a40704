//! What a power loss leaves, one decision after the other.

use super::AfterPowerLoss;

/// Decides about one thing after the other.
#[derive(Clone, Debug)]
pub(super) enum Chance {
    Always(bool),
    /// As the generator `SplitMix64` says, which has this state; so many of 16 things are kept.
    Random {
        state: u64,
        kept_of_16: u64,
    },
}

impl Chance {
    pub(super) fn of(outcome: AfterPowerLoss) -> Self {
        match outcome {
            AfterPowerLoss::Lost => Self::Always(false),
            AfterPowerLoss::Kept => Self::Always(true),
            // Where most is kept, or hardly anything, one thing alone makes the difference.
            AfterPowerLoss::Torn(seed) => {
                Self::Random { state: seed, kept_of_16: [8, 15, 1][to_index(seed % 3)] }
            }
        }
    }

    /// Whether something that may be lost or kept is kept.
    pub(super) fn keeps(&mut self) -> bool {
        match self {
            Self::Always(kept) => *kept,
            Self::Random { kept_of_16, .. } => {
                let kept_of_16 = *kept_of_16;
                self.below(16) < kept_of_16
            }
        }
    }

    /// Which of `count` states is there, of which 0 is the oldest.
    pub(super) fn state_of(&mut self, count: usize) -> usize {
        if self.keeps() { count - 1 } else { to_index(self.below(count as u64 - 1)) }
    }

    /// A length, of which only these bounds are known.
    pub(super) fn length(&mut self, least: usize, most: usize) -> usize {
        match self {
            Self::Always(kept) => {
                if *kept {
                    most
                } else {
                    least
                }
            }
            Self::Random { .. } => match self.below(3) {
                0 => least,
                1 => most,
                _ => least + to_index(self.below((most - least) as u64 + 1)),
            },
        }
    }

    /// A number below `limit`, which is not 0; 0 where nothing is left to chance.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        let Self::Random { state, .. } = self else { return 0 };
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

fn to_index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
