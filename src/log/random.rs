//! Numbers that nobody can foresee.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A number from the system's source of randomness, through the keyed hash that std seeds from it.
pub fn random_u64() -> u64 {
    RandomState::new().build_hasher().finish()
}
