//! Passwords and their verification.
//!
//! bcrypt is slow on purpose, so that stolen hashes are of little use. Here that would let a few wrong passwords keep
//! everybody waiting: hashes are computed off the event loop, on half of the cores, and a password that was right is
//! remembered for a while, by a keyed hash of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::Denied;
use super::keyed::Keyed;

/// How long a password that was right is taken without asking bcrypt again.
const REMEMBERED: Duration = Duration::from_mins(10);

/// How many of them are remembered.
const REMEMBERED_MOST: usize = 4096;

/// The greatest cost: with each one more, a verification takes twice as long, and at this one about a second.
const COST_MOST: u32 = 14;

/// What a password is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Password {
    /// Its keyed hash.
    Plain(blake3::Hash),
    /// A hash of bcrypt.
    Bcrypt(Arc<str>),
}

impl Password {
    /// Reads what stands behind a name: bcrypt's hash or, if it is none, the password itself.
    ///
    /// # Errors
    /// If it is a hash that is broken, or too slow. The hash is not shown.
    pub(super) fn parse(text: &str, keyed: &Keyed) -> Result<Self, String> {
        if !text.starts_with('$') {
            return Ok(Self::Plain(keyed.hash(&[text.as_bytes()])));
        }
        let hash: bcrypt::HashParts = text.parse().map_err(|_| "its hash is not bcrypt's".to_owned())?;
        match hash.get_cost() {
            cost if cost > COST_MOST => {
                Err(format!("its hash has the cost {cost}; {COST_MOST} is the most that can be waited for"))
            }
            _ => Ok(Self::Bcrypt(text.into())),
        }
    }
}

/// Verifies passwords.
pub(super) struct Verifier {
    keyed: Keyed,
    cores: Arc<Semaphore>,
    right: Mutex<HashMap<blake3::Hash, Instant>>,
}

impl Verifier {
    pub(super) fn new(keyed: Keyed) -> Self {
        let cores = available_parallelism().map_or(1, usize::from) / 2;
        Self { keyed, cores: Arc::new(Semaphore::new(cores.max(1))), right: Mutex::default() }
    }

    /// Whether `given` is the password of `name`. Waits for others until `patience_ends`.
    pub(super) async fn verify(
        &self,
        name: &str,
        password: &Password,
        given: &[u8],
        patience_ends: Instant,
    ) -> Result<(), Denied> {
        let hash = match password {
            // Hashes of blake3 are compared in constant time.
            Password::Plain(hash) if *hash == self.keyed.hash(&[given]) => return Ok(()),
            Password::Plain(_) => return Err(Denied::WrongPassword),
            Password::Bcrypt(hash) => Arc::clone(hash),
        };
        // Bound to the hash, so that it is forgotten with it.
        let remembered = self.keyed.hash(&[name.as_bytes(), hash.as_bytes(), given]);
        if self.is_right(&remembered) {
            return Ok(());
        }
        let waiting = timeout_at(patience_ends, self.cores.clone().acquire_owned());
        let core = waiting.await.ok().and_then(Result::ok).ok_or(Denied::Busy)?;
        // A client that sends much at once asks for the same many times.
        if self.is_right(&remembered) {
            return Ok(());
        }
        let given = given.to_vec();
        let verifying = spawn_blocking(move || {
            let _core = core;
            bcrypt::verify(given, &hash).unwrap_or(false)
        });
        // It fails only when the process ends.
        if !verifying.await.map_err(|_| Denied::Busy)? {
            return Err(Denied::WrongPassword);
        }
        self.remember(remembered);
        Ok(())
    }

    fn is_right(&self, password: &blake3::Hash) -> bool {
        let right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        right.get(password).is_some_and(|until| *until > Instant::now())
    }

    fn remember(&self, password: blake3::Hash) {
        let now = Instant::now();
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        if right.len() >= REMEMBERED_MOST {
            right.retain(|_, until| *until > now);
        }
        if right.len() >= REMEMBERED_MOST
            && let Some(oldest) = right.iter().min_by_key(|(_, until)| **until).map(|(password, _)| *password)
        {
            right.remove(&oldest);
        }
        right.insert(password, now + REMEMBERED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `hunter2`, as `htpasswd -nbBC 5` has it.
    const HUNTER2: &str = "$2y$05$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe";

    fn verifier() -> Verifier {
        Verifier::new(Keyed::new().unwrap())
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    #[tokio::test]
    async fn a_password_is_right_or_wrong_plain_and_hashed() {
        let verifier = verifier();
        let hashed = bcrypt::hash("hunter2", 4).unwrap();
        for written in
            ["hunter2", &hashed, &hashed.replacen("$2b$", "$2y$", 1), &hashed.replacen("$2b$", "$2a$", 1)]
        {
            let password = Password::parse(written, &verifier.keyed).unwrap();
            for (given, outcome) in [
                ("hunter2", Ok(())),
                ("hunter3", Err(Denied::WrongPassword)),
                ("", Err(Denied::WrongPassword)),
            ] {
                for _ in 0..2 {
                    assert_eq!(
                        verifier.verify("a", &password, given.as_bytes(), soon()).await,
                        outcome,
                        "{given}"
                    );
                }
            }
        }
    }

    #[tokio::test]
    async fn a_right_password_is_remembered_for_its_name_and_hash_and_for_a_while_only() {
        let verifier = verifier();
        let password = Password::parse(&bcrypt::hash("hunter2", 4).unwrap(), &verifier.keyed).unwrap();
        verifier.verify("a", &password, b"hunter2", soon()).await.unwrap();
        // With no core to compute on, only what is remembered is right.
        verifier.cores.close();
        let again = verifier.verify("a", &password, b"hunter2", soon());
        assert_eq!(again.await, Ok(()));
        assert_eq!(verifier.verify("b", &password, b"hunter2", soon()).await, Err(Denied::Busy));
        assert_eq!(verifier.verify("a", &password, b"hunter3", soon()).await, Err(Denied::Busy));
        let other = Password::parse(&bcrypt::hash("hunter2", 4).unwrap(), &verifier.keyed).unwrap();
        assert_eq!(verifier.verify("a", &other, b"hunter2", soon()).await, Err(Denied::Busy));
        tokio::time::pause();
        tokio::time::advance(REMEMBERED).await;
        assert_eq!(verifier.verify("a", &password, b"hunter2", soon()).await, Err(Denied::Busy));
    }

    #[test]
    fn no_more_passwords_are_remembered_than_there_may_be() {
        let verifier = verifier();
        for number in 0..=REMEMBERED_MOST {
            verifier.remember(verifier.keyed.hash(&[&number.to_le_bytes()]));
        }
        assert_eq!(verifier.right.lock().unwrap().len(), REMEMBERED_MOST);
        assert!(
            verifier.is_right(&verifier.keyed.hash(&[&REMEMBERED_MOST.to_le_bytes()])),
            "the last one is"
        );
    }

    #[test]
    fn a_hash_that_is_broken_or_too_slow_is_refused_without_being_shown() {
        let keyed = Keyed::new().unwrap();
        assert!(Password::parse(HUNTER2, &keyed).is_ok());
        for (hash, said) in [
            ("$2y$05$short", "its hash is not bcrypt's"),
            ("$apr1$x$y", "its hash is not bcrypt's"),
            (&HUNTER2.replacen("$05$", "$20$", 1), "its hash has the cost 20; 14 is the most"),
        ] {
            let error = Password::parse(hash, &keyed).unwrap_err();
            assert!(error.starts_with(said) && !error.contains("Nmid91"), "{error}");
        }
    }
}
