//! Hashes of secrets with a key that only this process has.
//!
//! Secrets are looked up and compared by these hashes and never byte by byte: how long that takes says nothing about how
//! much of a guess is right, nor how long the secret is, for who guesses cannot know its hash. Neither can who reads the
//! process's memory from outside later.

use rustls::crypto::ring;

/// Makes hashes.
#[derive(Clone)]
pub(super) struct Keyed([u8; 32]);

impl Keyed {
    /// With a key from the system's source of randomness.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub(super) fn new() -> Result<Self, String> {
        let mut key = [0; 32];
        ring::default_provider()
            .secure_random
            .fill(&mut key)
            .map_err(|_| "the system has no random numbers to give".to_owned())?;
        Ok(Self(key))
    }

    /// The hash of several secrets, each by itself.
    pub(super) fn hash(&self, secrets: &[&[u8]]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for secret in secrets {
            hasher.update(&secret.len().to_le_bytes()).update(secret);
        }
        hasher.finalize()
    }
}
